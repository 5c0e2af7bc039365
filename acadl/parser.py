"""Text to syntax tree, with recovery: several mistakes of one file are reported together.

The grammar (``grammar.lark``) is packaged data. Lark supplies the lexer and the LALR tables; the loop that
feeds tokens is here, because three things are decided token by token: which line ends count, whether a
keyword is a name where the grammar has no room for the keyword, and how to go on after a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from acadl import syntax
from acadl.diagnostics import Collector
from acadl.errors import Diagnostic, Span
from acadl.parser_builder import Builder, Leaf
from acadl.parser_messages import ARROWS, CLOSING, HEADERS, OPENING, Context, explain

if TYPE_CHECKING:
    from lark import Lark
    from lark.parsers.lalr_interactive_parser import InteractiveParser

MAX_SYNTAX_ERRORS = 20
MAX_CHARACTERS = 200_000
MAX_TOKENS = 40_000
MAX_DEPTH = 100

Start = Literal["file", "expression"]
_DOC = re.compile(r"\s*///[ ]?(.*?)\s*")


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file's statements; empty where it has syntax errors."""

    file: str
    text: str
    items: tuple[syntax.Item, ...]


def parse(text: str, file: str, collector: Collector) -> ParsedFile:
    """Parse a whole file; mistakes go to ``collector``."""
    before = collector.error_count
    result = _run(text, file, "file", collector)
    sound = result is not None and collector.error_count == before
    return ParsedFile(file, text, result if sound else ())


def parse_expression(text: str, file: str, collector: Collector) -> syntax.Expression | None:
    """Parse one expression, such as a parameter value given on the command line; ``None`` after a mistake."""
    before = collector.error_count
    result: syntax.Expression | None = _run(text, file, "expression", collector)
    return result if collector.error_count == before else None


def _run(text: str, file: str, start: Start, collector: Collector) -> Any:
    leaves = list(islice(_leaves(text, file), MAX_TOKENS + 1)) if len(text) <= MAX_CHARACTERS else []
    if not 0 < len(leaves) <= MAX_TOKENS:
        message = f"the text is longer than {MAX_CHARACTERS} characters or {MAX_TOKENS} words and signs"
        hint = "describe repeated parts by templates, arrays and `for`"
        collector.add(Diagnostic("E0801", message, Span(file, 1, 1, 1, 1), hint))
        return None
    result = _Parse(leaves, start, collector).run()
    if result is not None and (place := _too_deep(result)) is not None:
        hint = "split it with `const` or a template"
        collector.add(Diagnostic("E0802", f"nested more than {MAX_DEPTH} levels deep", place, hint))
        return None
    return result


class _WithMistakes:
    """Keeps the terminals for what has no meaning, though no rule uses them."""

    always_accept = ("UNCLOSED", "UNKNOWN")

    def process(self, stream: Iterator[Any]) -> Iterator[Any]:
        return stream


@cache
def _lark() -> Lark:
    """The parser tables, built on first use."""
    from lark import Lark

    return Lark(
        Path(__file__).with_name("grammar.lark").read_text("utf-8"),
        parser="lalr",
        lexer="basic",  # keywords become names by need in `_Parse._fitting`
        start=["file", "expression"],
        maybe_placeholders=True,
        postlex=_WithMistakes(),
        transformer=Builder(),
    )


def _documentation(text: str) -> dict[int, str]:
    """Line number to the documentation comment that ends on the line above it."""
    found: dict[int, str] = {}
    block: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        match = _DOC.fullmatch(line)
        if match:
            block.append(match[1])
            continue
        if block:
            found[number] = "\n".join(block)
            block = []
    return found


def _leaves(text: str, file: str) -> Iterator[Leaf]:
    """Tokens with their places, line ends included, and ``$END`` behind them."""
    docs = _documentation(text)
    last_line, last_kind = 0, ""
    for token in _lark().lex(text):
        kind, line, column = token.type, token.line or 1, token.column or 1
        if kind == last_kind == "NEWLINE":
            continue
        length = 1 if kind == "NEWLINE" else len(token)
        doc = docs.get(line, "") if line != last_line else ""
        yield Leaf(kind, str(token), Span(file, line, column, line, column + length), doc)
        last_line, last_kind = line, kind
    lines = text.split("\n")
    column = len(lines[-1]) + 1
    yield Leaf("$END", "", Span(file, len(lines), column, len(lines), column + 1))


@dataclass(frozen=True, slots=True)
class _Bracket:
    """An open bracket: its position, and, for a brace, the first token of its header."""

    leaf: Leaf
    position: int
    header: Leaf


class _Parse:
    """One run over one text.

    States: reading (``_feed`` hands tokens to the tables), and, after a mistake, recovering (``_recover``
    unwinds the parser to the enclosing block and skips to the end of the statement).
    """

    def __init__(self, leaves: list[Leaf], start: Start, collector: Collector) -> None:
        self._leaves = leaves
        self._position = 0
        self._statement = 0  # position of the first token of the current statement
        self._last = "NEWLINE"  # type of the last token that was fed
        self._open: list[_Bracket] = []
        self._collector = collector
        self._errors = 0
        self._parser: InteractiveParser = _lark().parse_interactive("", start=start)

    def run(self) -> Any:
        """The result of the start rule; of no use after mistakes, which are reported."""
        from lark.exceptions import UnexpectedToken

        while True:
            leaf = self._leaves[self._position]
            if leaf.type == "NEWLINE" and self._is_continued():
                self._statement += self._statement == self._position
                self._position += 1
                continue
            try:
                result = self._feed(leaf)
            except UnexpectedToken:
                if not self._mistake(leaf):
                    return None
                continue
            if leaf.type == "$END":
                return result
            self._position += 1

    def _is_continued(self) -> bool:
        """Whether a line end here ends nothing."""
        if self._last in ("LBRACE", "COMMA", "NEWLINE"):
            return True
        in_parentheses = bool(self._open) and self._open[-1].leaf.type != "LBRACE"
        return in_parentheses or self._leaves[self._position + 1].type in ARROWS | {"ELSE"}

    def _feed(self, leaf: Leaf) -> Any:
        leaf = self._fitting(leaf)
        result = self._parser.feed_token(leaf)  # type: ignore[arg-type]  # leaves stand in for tokens
        if leaf.type in OPENING:
            header = self._leaves[min(self._statement, self._position)]
            self._open.append(_Bracket(leaf, self._position, header))
        elif leaf.type in CLOSING:
            self._open.pop()
        self._last = leaf.type
        if leaf.type in ("LBRACE", "NEWLINE", "COMMA") and self._is_statement_next():
            self._statement = self._position + 1
        return result

    def _choices(self) -> Mapping[str, Any]:
        """Token types with the parser's action; some of them do not fit after all (see ``accepts``)."""
        choices: Mapping[str, Any] = self._parser.choices()  # type: ignore[no-untyped-call]
        return choices

    def _is_statement_next(self) -> bool:
        choices = self._choices()
        return "CONST" in choices or ("NAME" in choices and "RBRACE" in choices)

    def _fitting(self, leaf: Leaf) -> Leaf:
        """The leaf as a name, where it is a keyword and only a name fits."""
        if leaf.type == "NAME" or not leaf.text[:1].isalpha() or self._last == "NUMBER":
            return leaf  # behind a number stands a unit, and no keyword is one
        choices = self._choices()
        if leaf.type not in choices and "NAME" in choices:
            return Leaf("NAME", leaf.text, leaf.span, leaf.doc)
        return leaf

    # --- after a mistake ---------------------------------------------------------------------------------

    def _mistake(self, leaf: Leaf) -> bool:
        """Report the mistake at ``leaf`` and get ready to go on; False when there is no use in going on."""
        self._errors += 1
        accepts: frozenset[str] = frozenset(self._parser.accepts())  # type: ignore[no-untyped-call]
        unclosed = self._unclosed(leaf, accepts)
        context = Context(
            leaf=leaf,
            previous=self._previous(),
            following=self._leaves[min(self._position + 1, len(self._leaves) - 1)],
            first=self._leaves[min(self._statement, self._position)],
            in_operations=any(bracket.header.type == "OPERATIONS" for bracket in self._open),
            unclosed=unclosed.leaf if unclosed is not None else None,
            in_block=any(bracket.leaf.type == "LBRACE" for bracket in self._open),
            accepts=accepts,
        )
        diagnostic = explain(context)
        self._collector.add(diagnostic)
        if leaf.type == "$END" or self._errors >= MAX_SYNTAX_ERRORS:
            return False
        if leaf.text == ";" or diagnostic.code == "E0105":
            self._position += 1
        elif diagnostic.code == "E0106":
            self._insert_brace(leaf, context)
        else:
            self._recover(unclosed)
        return True

    def _previous(self) -> Leaf:
        position = max(self._position - 1, 0)
        while position and self._leaves[position].type == "NEWLINE":
            position -= 1
        return self._leaves[position]

    def _unclosed(self, leaf: Leaf, accepts: frozenset[str]) -> _Bracket | None:
        """The open bracket that lacks its counterpart, if that is why ``leaf`` does not fit."""
        if leaf.type == "NEWLINE" and "RBRACE" in accepts and "NEWLINE" not in accepts:
            return self._open[-1]  # a set of endpoints
        for bracket in self._open:
            if bracket.leaf.type != "LBRACE" and not self._is_closed(bracket):
                return bracket
        if leaf.type == "$END" and self._open:
            return self._misindented() or self._open[-1]
        return None

    def _is_closed(self, bracket: _Bracket) -> bool:
        """Whether a parenthesis is balanced before braces show that it was meant to be."""
        depth = 0
        for leaf in self._leaves[bracket.position :]:
            if leaf.type in ("LPAR", "LSQB"):
                depth += 1
            elif leaf.type in ("RPAR", "RSQB"):
                depth -= 1
                if not depth:
                    return True
            elif leaf.type in ("LBRACE", "RBRACE"):
                return False
        return False

    def _misindented(self) -> _Bracket | None:
        """The first brace whose counterpart is indented less: the likely one that is not closed."""
        starts: dict[int, Leaf] = {}
        opened: list[_Bracket] = []
        for position, leaf in enumerate(self._leaves):
            first = starts.setdefault(leaf.span.line, leaf)
            if leaf.type == "LBRACE":
                opened.append(_Bracket(leaf, position, first))
            elif leaf.type == "RBRACE" and opened:
                bracket = opened.pop()
                if first is leaf and first.span.column < bracket.header.span.column:
                    return bracket
        return None

    def _insert_brace(self, leaf: Leaf, context: Context) -> None:
        """Go on as if the missing brace were there; an empty block where the next line is no attribute."""
        if leaf.type == "NEWLINE" and context.following.type == "LBRACE":
            self._position += 1
            return
        brace = Leaf("LBRACE", "{", leaf.span)
        self._feed(brace)
        if leaf.type != "NEWLINE":
            return
        rest = [
            item.type for item in self._leaves[self._position : self._position + 8] if item.type != "NEWLINE"
        ]
        if context.first.type == "KIND" and rest[1:2] != ["COLON"]:
            self._feed(Leaf("RBRACE", "}", leaf.span))

    def _recover(self, unclosed: _Bracket | None) -> None:
        """Unwind the parser to the enclosing block and skip the statement; its own block is still read."""
        if unclosed is not None:
            self._position = unclosed.position + 1  # what follows was read as being inside
        header = self._leaves[min(self._statement, self._position)]
        state = self._parser.parser_state
        still_open = {id(bracket.leaf) for bracket in self._open}
        while len(state.state_stack) > 1 and not (
            self._between_statements() and self._closed_blocks(still_open) == 0
        ):
            state.state_stack.pop()
            state.value_stack.pop()
        kept = {id(value) for value in state.value_stack}
        self._open = [bracket for bracket in self._open if id(bracket.leaf) in kept]
        self._last = ""
        self._skip(Leaf("", "", header.span) if header.type == "OPERATIONS" else header)

    def _closed_blocks(self, still_open: set[int]) -> int:
        """Blocks on the parser's stack whose closing brace was read but not yet reduced."""
        leaves = [value for value in self._parser.parser_state.value_stack if isinstance(value, Leaf)]
        return sum(leaf.type == "LBRACE" and id(leaf) not in still_open for leaf in leaves)

    def _between_statements(self) -> bool:
        action = self._choices().get("NEWLINE")
        return action is not None and action[0].name == "Shift"

    def _skip(self, header: Leaf) -> None:
        """Move on to the end of the statement (line end, closing brace) or into the block it opens."""
        depth = 0
        while (kind := self._leaves[self._position].type) != "$END":
            if kind == "LBRACE":
                if not depth and header.type in HEADERS and self._is_block_readable():
                    self._enter_block(self._leaves[self._position])
                    return
                depth += 1
            elif kind == "RBRACE":
                if not depth:
                    return
                depth -= 1
            elif kind == "NEWLINE" and not depth:
                return
            self._position += 1

    def _is_block_readable(self) -> bool:
        """Whether a brace here opens a block of statements behind a broken header."""
        ends_line = self._leaves[self._position + 1].type == "NEWLINE"
        operations = self._open[-1].header.type == "OPERATIONS" if self._open else False
        return ends_line and self._between_statements() and not operations

    def _enter_block(self, brace: Leaf) -> None:
        """Read the block of a broken header as that of `if true`, for the mistakes in it."""
        if "IF" not in self._choices():
            self._feed(Leaf("NEWLINE", "", brace.span))
        self._feed(Leaf("IF", "if", brace.span))
        self._feed(Leaf("TRUE", "true", brace.span))
        self._feed(brace)
        self._position += 1


def _too_deep(items: Any) -> Span | None:
    """Where the tree is deeper than everything after the parser can follow."""
    pending: list[tuple[Any, int, Span | None]] = [(items, 0, None)]
    while pending:
        node, depth, place = pending.pop()
        if isinstance(node, tuple):
            pending.extend((child, depth, place) for child in node)
            continue
        if not hasattr(node, "__dataclass_fields__") or isinstance(node, Span | syntax.Word):
            continue
        if depth > MAX_DEPTH:
            return place
        children: Iterable[Any] = (getattr(node, field.name) for field in fields(node))
        pending.extend((child, depth + 1, node.span) for child in children)
    return None
