"""The one style: what stands on a line, where lines may end, where blanks are.

Blocks and brackets stay on one line where the author has written them so and they fit; architectures,
templates and what holds a comment never do. Attributes and edges that share a line go on doing so. Everything
else follows from the words alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from acadl.formatting.printing import Column, Doc, Fill, Group, Hard, Line, Nest, Remark, Soft, is_flat
from acadl.formatting.reading import Block, Bracket, Comment, Element, Part, Statement, Word
from acadl.parser import is_documentation
from acadl.parser_words import ARROWS, COMPONENTS, HEADERS

_OPERANDS = frozenset({"NAME", "NUMBER", "STRING", "TRUE", "FALSE"})  # after these, a minus subtracts
_ALONE = HEADERS | {"CLOCK", "CONST", "IMPORT", "OPEN", "REQUIRE"}  # statements with a line of their own
_CLOSING = {"(": ")", "[": "]", "{": "}"}

Rewrite = Callable[[Comment], str]


def layout(file: Block, comment: Rewrite) -> list[Doc]:
    """Documents for a whole file; ``comment`` gives the text of a comment."""
    return _Layout(comment).file(file)


def plain_comment(comment: Comment) -> str:
    """A comment with a blank behind its slashes."""
    slashes = len(comment.text) - len(comment.text.lstrip("/"))
    text = comment.text[slashes:]
    return comment.text[:slashes] + (" " if slashes <= 3 and text[:1].isalnum() else "") + text


def demoted_comment(comment: Comment) -> str:
    """Like :func:`plain_comment`, but no documentation: what documents nothing must not begin to."""
    if is_documentation(comment.text) and not comment.documents:
        return plain_comment(Comment(comment.text[1:], comment.line, comment.own_line))
    return plain_comment(comment)


class _Layout:
    def __init__(self, comment: Rewrite) -> None:
        self._comment = comment
        self._made: dict[int, Doc] = {}  # of statements

    # --- statements --------------------------------------------------------------------------------------

    def file(self, file: Block) -> list[Doc]:
        return self._statements(file, spread=False)

    def _statements(self, block: Block, spread: bool) -> list[Doc]:
        """One statement below the other; ``spread`` where they have shared one line that is too long now."""
        made: list[Doc] = []
        for first, *others in self._lines(block, spread):
            self._below(first, made)
            if others:
                made[-1] = Fill(tuple(self._doc(statement) for statement in (first, *others)))
            made += self._remark((others or [first])[-1].behind)
        return made

    def _lines(self, block: Block, spread: bool) -> list[list[Statement]]:
        """Statements that share a line."""
        lines: list[list[Statement]] = []
        for statement in block.statements:
            if lines and not spread and self._share(lines[-1][-1], statement):
                lines[-1].append(statement)
            else:
                lines.append([statement])
        return lines

    def _share(self, previous: Statement, statement: Statement) -> bool:
        """Whether two statements on one line stay there: attributes and edges without a block."""
        if not statement.joined or statement.above or previous.behind is not None:
            return False
        return all(is_flat(self._doc(item)) and _is_short(item) for item in (previous, statement))

    def _below(self, statement: Statement, made: list[Doc]) -> None:
        """Add a statement and the comments above it, each on a line of its own."""
        texts: list[Doc] = [self._comment(comment) for comment in statement.above]
        if statement.parts:
            texts.append(self._doc(statement))
        for text, blank in zip(texts, statement.blanks, strict=False):
            made += [Hard(blank)] if made else []
            made.append(text)

    def _remark(self, comment: Comment | None) -> list[Doc]:
        return [] if comment is None else [Remark(self._comment(comment))]

    def _doc(self, statement: Statement) -> Doc:
        known = self._made.get(id(statement))
        if known is None:
            known = self._made[id(statement)] = self._statement(statement.parts)
        return known

    def _statement(self, parts: Sequence[Part]) -> Doc:
        """The parts with blanks between; some signs may begin a line."""
        keyword = parts[0].kind if isinstance(parts[0], Word) else ""
        broken = any(self._is_broken(part, keyword) for part in parts if isinstance(part, Block))
        made: list[Doc] = []
        for number, part in enumerate(parts):
            previous = parts[number - 1] if number else None
            if isinstance(part, Comment):
                made += self._within(part, previous)
            elif isinstance(previous, Comment):
                made += [Nest((piece,)) for piece in self._part(part, broken)]
            elif number and _begins_line(part, keyword):
                made += [Nest((Soft(),)), *self._part(part, broken)]
            else:
                is_column = isinstance(part, Block) and keyword == "KIND"
                blank = bool(number) and _has_blank(parts, number)
                made += [Column()] if is_column else [" "] if blank else []
                made += self._part(part, broken)
        return Group(tuple(made), broken)

    def _within(self, comment: Comment, previous: Part | None) -> list[Doc]:
        """A comment in the middle of a statement; a line begins behind it."""
        if comment.own_line:
            start: list[Doc] = [] if isinstance(previous, Comment) else [Nest((Hard(),))]
            return [*start, self._comment(comment), Nest((Hard(),))]
        return [Remark(self._comment(comment)), Nest((Hard(),))]

    # --- blocks ------------------------------------------------------------------------------------------

    def _is_broken(self, block: Block, keyword: str) -> bool:
        """Whether the block cannot stand on one line, however short it is."""
        if not block.statements and block.first is None:
            return False
        if block.broken or block.first is not None or keyword in COMPONENTS:
            return True
        return any(s.above or s.behind or not is_flat(self._doc(s)) for s in block.statements)

    def _block(self, block: Block, broken: bool) -> list[Doc]:
        if not block.statements and block.first is None:
            return ["{ }"]
        if not broken:
            inner = [part for s in block.statements for part in (Line(", "), self._doc(s))]
            return ["{", Nest((Line(" "), *inner[1:])), Line(" "), "}"]
        statements = self._statements(block, spread=not block.broken)
        start: list[Doc] = [Hard()] if statements else []
        return ["{", *self._remark(block.first), Nest((*start, *statements)), Hard(), "}"]

    # --- parts of statements -----------------------------------------------------------------------------

    def _part(self, part: Part, broken: bool) -> list[Doc]:
        match part:
            case Word():
                return [part.text]
            case Bracket():
                return [self._bracket(part)]
            case Block():
                return self._block(part, broken)
        raise AssertionError("comments are laid out elsewhere")

    def _bracket(self, bracket: Bracket) -> Doc:
        opening, closing = bracket.opening, _CLOSING[bracket.opening]
        if not (bracket.elements or bracket.below or bracket.first):
            return opening + closing
        rows = self._rows(bracket)
        remarks = bracket.first is not None or any(remark is not None for _, remark in rows)
        flat = not remarks and not bracket.below and not any(element.above for element in bracket.elements)
        inner: list[Doc] = self._remark(bracket.first)
        for number, (doc, remark) in enumerate(rows):
            inner.append(Line(" " if number else "") if flat else Hard())
            inner += [doc, *self._remark(remark)]
        end: Doc = Line("") if flat else Hard()
        broken = not flat or (bracket.broken and opening != "[")
        return Group((opening, Nest(tuple(inner)), end, closing), broken)

    def _rows(self, bracket: Bracket) -> list[tuple[Doc, Comment | None]]:
        """Elements that share a line, with the comment behind; comments above them."""
        rows: list[tuple[Doc, Comment | None]] = []
        lines = list(_element_lines(bracket))
        for number, elements in enumerate(lines):
            rows += [(self._comment(comment), None) for comment in elements[0].above]
            items = tuple(self._statement(element.parts) for element in elements)
            comma = "," if number + 1 < len(lines) else ""
            rows.append((Fill(items, ",", comma), elements[-1].behind))
        return rows + [(self._comment(comment), None) for comment in bracket.below]


def _element_lines(bracket: Bracket) -> list[list[Element]]:
    """Elements that share a line, as far as their commas and comments go."""
    lines: list[list[Element]] = []
    for element in bracket.elements:
        last = lines[-1][-1] if lines else None
        shares = last is not None and last.behind is None and not element.above
        if shares and last is not None and (not bracket.broken or last.end_line == element.line):
            lines[-1].append(element)
        else:
            lines.append([element])
    return lines


def _begins_line(part: Part, keyword: str) -> bool:
    """Whether a line may end in front of a sign: arrows, and ``else`` where it belongs to an expression."""
    if not isinstance(part, Word) or keyword in ("OPEN", "IF"):
        return False
    return part.kind in ARROWS or part.kind == "ELSE"


def _is_short(statement: Statement) -> bool:
    """Whether a statement may share a line: not where it is a declaration or has a block."""
    parts = statement.parts
    first, second = parts[0], parts[1] if len(parts) > 1 else None
    if any(isinstance(part, Block) for part in parts):
        return False
    is_key = isinstance(second, Word) and second.kind == "COLON"  # `operations: add`
    return not isinstance(first, Word) or first.kind not in _ALONE or is_key


def _has_blank(parts: Sequence[Part], number: int) -> bool:
    """Whether a blank stands in front of a part, given what stands before it."""
    part, previous = parts[number], parts[number - 1]
    if isinstance(part, Word) and part.kind in ("COMMA", "COLON", "DOT"):
        return False
    if isinstance(previous, Word):
        if previous.kind == "DOT":
            return False
        if previous.kind == "MINUS":
            return number > 1 and _ends_operand(parts[number - 2])
    if isinstance(part, Bracket) and part.opening != "{":
        return not _is_called(previous)
    return True


def _is_called(part: Part) -> bool:
    """Whether a bracket behind this part belongs to it."""
    is_name = isinstance(part, Word) and part.kind == "NAME"
    return is_name or (isinstance(part, Bracket) and part.opening != "{")


def _ends_operand(part: Part) -> bool:
    return _is_called(part) or (isinstance(part, Word) and part.kind in _OPERANDS)
