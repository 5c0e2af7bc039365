"""Text to the words and comments that the formatter lays out, in nested brackets and statements.

The parser decides what a word is (a keyword or a name) and which line ends count; the formatter asks it
rather than deciding anew. Comments stay where they are: between statements, between the elements of a
bracket, behind one of these, or within.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from acadl import syntax
from acadl.diagnostics import Collector, DescriptionError
from acadl.errors import Diagnostic, Span
from acadl.parser import ParsedFile, is_documentation, leaves_of, parse, too_deep
from acadl.parser_builder import Leaf
from acadl.parser_run import Run
from acadl.parser_tables import END, Automaton, tables
from acadl.parser_words import ARROWS, CLOSING, OPENING
from acadl.reading import with_line_feeds

MAX_BRACKETS = 100  # nested ones


@dataclass(frozen=True, slots=True)
class Word:
    """A word or sign.

    Attributes:
        kind: Its terminal, as the parser has read it.
        line: The line it stands on, from 1.
        ends: Whether a line end that counts stands in front of it.
    """

    kind: str
    text: str
    line: int
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """``// …`` to the end of a line.

    Attributes:
        own_line: Whether no word stands in front of it.
        documents: Whether it is documentation of what stands below it.
    """

    text: str
    line: int
    own_line: bool
    documents: bool = False


@dataclass(slots=True)
class Element:
    """What stands between commas in a bracket.

    Attributes:
        above: Comments on lines of their own before it.
        behind: The comment at the end of its last line.
        line, end_line: Its first and its last line.
    """

    parts: list[Part] = field(default_factory=list)
    above: list[Comment] = field(default_factory=list)
    behind: Comment | None = None
    line: int = 0
    end_line: int = 0


@dataclass(slots=True)
class Bracket:
    """A bracket with its elements; ``broken`` where a line ends behind the opening one.

    Attributes:
        below: Comments on lines of their own in front of the closing bracket.
        first: The comment right behind the opening bracket.
    """

    opening: str
    elements: list[Element]
    broken: bool
    below: list[Comment]
    first: Comment | None
    line: int
    end_line: int


@dataclass(slots=True)
class Statement:
    """A statement, or comments before the end of a block (``parts`` is empty then).

    Attributes:
        blank: Whether an empty line stands in front of it and of the comments above.
        blanks: Whether one stands before each of the comments above, and before the statement itself.
        joined: Whether it begins on the line on which the statement before it ends.
    """

    parts: list[Part] = field(default_factory=list)
    above: list[Comment] = field(default_factory=list)
    blanks: list[bool] = field(default_factory=list)
    behind: Comment | None = None
    joined: bool = False


@dataclass(slots=True)
class Block:
    """Statements in braces, or a whole file; ``broken`` where a line ends behind the opening brace."""

    statements: list[Statement]
    broken: bool
    first: Comment | None
    line: int
    end_line: int


Part: TypeAlias = Word | Comment | Bracket | Block
_Item: TypeAlias = Word | Comment
_NO_END: Final = Word(END, "", 0)


class _Recording(Run):
    """A run that remembers what was read, and as what."""

    def __init__(self, leaves: list[Leaf], parser: Automaton, collector: Collector) -> None:
        super().__init__(leaves, parser, collector)
        self.read: list[Leaf] = []

    def _feed(self, leaf: Leaf) -> Any:
        self.read.append(self._fitting(leaf))
        return super()._feed(leaf)


def read(text: str, file: str) -> tuple[ParsedFile, Block]:
    """The tree of a text, and what its layout is made of.

    Raises:
        DescriptionError: The text has syntax errors.
    """
    tree, leaves = _parsed(text, file)
    return tree, _Reader(_merged(leaves, text)).file()


def parsed(text: str, file: str) -> ParsedFile:
    """The tree of a text. Raises :class:`DescriptionError`."""
    return _parsed(text, file)[0]


def _parsed(text: str, file: str) -> tuple[ParsedFile, Sequence[Leaf]]:
    """The tree of a text, and its words as the parser has read them."""
    collector = Collector()
    leaves = leaves_of(text, file, collector)
    run = _Recording(leaves or [], Automaton("file"), collector)
    items: tuple[syntax.Item, ...] = (run.run() or ()) if leaves else ()
    if run.wrong_brace is not None or collector.error_count:
        collector = Collector()
        parse(text, file, collector)  # which goes on behind a mistake
        raise DescriptionError(collector.sorted(), {file: text})
    place = run.too_deep or too_deep(items) or _too_many_brackets(run.read)
    if place:
        hint = "split it with `const` or a template"
        finding = Diagnostic("E0802", f"nested more than {MAX_BRACKETS} levels deep", place, hint)
        raise DescriptionError((finding,), {file: text})
    return ParsedFile(file, text, items), run.read


def _too_many_brackets(leaves: Sequence[Leaf]) -> Span | None:
    depth = 0
    for leaf in leaves:
        depth += (leaf.type in OPENING) - (leaf.type in CLOSING)
        if depth > MAX_BRACKETS:
            return leaf.span
    return None


def _merged(leaves: Sequence[Leaf], text: str) -> list[_Item]:
    """Words and comments in order, without the line ends."""
    items: list[_Item] = []
    comments = _comments(text)
    ends = False
    for leaf in leaves:
        if leaf.type == "NEWLINE":
            ends = True
            continue
        place = (leaf.span.line, leaf.span.column)
        while comments and (comments[-1][0] < place or leaf.type == END):
            items.append(comments.pop()[1])
        items.append(Word(leaf.type, leaf.text, leaf.span.line, ends))
        ends = False
    return items


def _comments(text: str) -> list[tuple[tuple[int, int], Comment]]:
    """Comments with line and column, the last one first."""
    found: list[tuple[tuple[int, int], Comment]] = []
    line, start, is_first = 1, 0, True
    above: list[int] = []  # documentation that ends on the line above
    for match in tables().words.finditer(with_line_feeds(text)):
        kind = match.lastgroup
        if kind == "NEWLINE":
            above = above if above and found[above[-1]][1].line == line else []
            line, start, is_first = line + 1, match.end(), True
        elif kind == "COMMENT":
            comment = Comment(match[0].rstrip(), line, is_first)
            above += [len(found)] if is_first and is_documentation(comment.text) else []
            found.append(((line, match.start() - start + 1), comment))
        elif kind != "SPACE":
            for number in above if is_first and kind != "COMMA" else ():
                place, comment = found[number]
                found[number] = place, replace(comment, documents=True)
            above, is_first = [], False
    return found[::-1]


class _Reader:
    """Words and comments to nested statements."""

    def __init__(self, items: list[_Item]) -> None:
        self._items = items
        self._position = 0

    def file(self) -> Block:
        return self._block(None)

    # --- the next item -----------------------------------------------------------------------------------

    def _next(self) -> _Item:
        return self._items[self._position]

    def _word(self) -> Word:
        """The next word, behind comments."""
        position = self._position
        while isinstance(item := self._items[position], Comment):
            position += 1
        return item

    def _comment_behind(self, line: int) -> Comment | None:
        """The comment at the end of a line, if it comes next."""
        item = self._next()
        if isinstance(item, Comment) and not item.own_line and item.line == line:
            self._position += 1
            return item
        return None

    def _comments(self) -> list[Comment]:
        found: list[Comment] = []
        while isinstance(item := self._next(), Comment):
            found.append(item)
            self._position += 1
        return found

    # --- blocks ------------------------------------------------------------------------------------------

    def _block(self, brace: Word | None) -> Block:
        """Statements up to the closing brace, which is read, or to the end of the file."""
        line = brace.line if brace is not None else 0
        first = self._comment_behind(line) if brace is not None else None
        broken = brace is None or self._next_line() > line
        statements: list[Statement] = []
        last_line = line if brace is not None else 1
        while True:
            statement = Statement()
            self._above(statement, last_line, is_first=not statements)
            word = self._next()
            assert isinstance(word, Word)
            if word.kind in ("RBRACE", END):
                if statement.above:
                    statements.append(statement)
                self._position += word.kind != END
                return Block(statements, broken, first, line, word.line)
            statement.joined = bool(statements) and word.line == last_line
            last_line = self._statement(statement)
            statements.append(statement)

    def _next_line(self) -> int:
        return self._next().line

    def _above(self, statement: Statement, last_line: int, is_first: bool) -> None:
        """Comments in front of a statement, and where empty lines stand."""
        while True:
            item = self._next()
            if isinstance(item, Word) and item.kind == "COMMA":
                last_line = max(last_line, item.line)
                self._position += 1
                continue
            statement.blanks.append(item.line > last_line + 1 and not (is_first and not statement.above))
            if isinstance(item, Word):
                return
            statement.above.append(item)
            last_line = item.line
            self._position += 1

    def _statement(self, statement: Statement) -> int:
        """Read up to the comma or line end behind the statement; returns the last line."""
        first = self._next()
        assert isinstance(first, Word)
        header = first.kind in ("FOR", "IMPORT")  # commas separate no statements up to the block or `from`
        line = first.line
        while True:
            word = self._word()
            is_over = word.kind in ("RBRACE", END) or (word.ends and bool(statement.parts))
            if is_over or (word.kind == "COMMA" and not header):
                break
            inner = self._comments()
            statement.parts += inner
            if word.kind == "LBRACE" or word.kind == "FROM":
                header = False
            part = self._part(statement.parts)
            statement.parts.append(part)
            line = part.end_line if isinstance(part, Bracket | Block) else part.line
        separator = self._next()
        if isinstance(separator, Word) and separator.kind == "COMMA" and separator.line == line:
            self._position += 1
        statement.behind = self._comment_behind(line)
        return line

    def _part(self, before: Sequence[Part]) -> Word | Bracket | Block:
        word = self._next()
        assert isinstance(word, Word)
        self._position += 1
        if word.kind in ("LPAR", "LSQB") or (word.kind == "LBRACE" and _is_endpoint(before)):
            return self._bracket(word)
        if word.kind == "LBRACE":
            return self._block(word)
        return word

    # --- brackets ----------------------------------------------------------------------------------------

    def _bracket(self, opening: Word) -> Bracket:
        first = self._comment_behind(opening.line)
        broken = self._next_line() > opening.line
        elements: list[Element] = []
        above: list[Comment] = []
        while True:
            above += self._comments()
            word = self._next()
            assert isinstance(word, Word)
            if word.kind in CLOSING:
                self._position += 1
                found = Bracket(opening.text, elements, broken, above, first, opening.line, word.line)
                return found
            element, above = self._element(above)
            elements.append(element)

    def _element(self, above: list[Comment]) -> tuple[Element, list[Comment]]:
        """Read an element and the comma behind it; also returns comments on lines of their own in between."""
        element = Element(above=above, line=self._next().line)
        element.end_line = element.line
        while True:
            word = self._word()
            if word.kind == "COMMA" or word.kind in CLOSING:
                break
            element.parts += self._comments()
            part = self._part(element.parts)
            element.parts.append(part)
            element.end_line = part.end_line if isinstance(part, Bracket | Block) else part.line
        element.behind = self._comment_behind(element.end_line)
        comma = self._word()
        if comma.kind != "COMMA":
            return element, []
        between = self._comments()
        self._position += 1
        if element.behind is None and not between:
            element.behind = self._comment_behind(comma.line)
        return element, between


def _is_endpoint(before: Sequence[Part]) -> bool:
    """Whether a brace begins a set of endpoints, given what stands before it in its statement."""
    last = next((part for part in reversed(before) if not isinstance(part, Comment)), None)
    return last is None or (isinstance(last, Word) and (last.kind in ARROWS or last.kind == "COLON"))
