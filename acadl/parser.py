"""Text to syntax tree, with recovery: several mistakes of one file are reported together.

The grammar (``grammar.lark``) is packaged data. Lark supplies the lexer and the LALR tables; the loop that feeds
tokens is here, because three things are decided token by token: which line ends count, whether a keyword is a name
where the grammar has no room for the keyword, and how to go on after a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from acadl import syntax
from acadl.diagnostics import Collector
from acadl.errors import Diagnostic, Span
from acadl.parser_builder import Builder, Leaf
from acadl.parser_messages import Context, explain

if TYPE_CHECKING:
    from lark import Lark
    from lark.parsers.lalr_interactive_parser import InteractiveParser

MAX_SYNTAX_ERRORS = 20
MAX_CHARACTERS = 200_000
MAX_DEPTH = 60

Start = Literal["file", "expression"]
_OPENING = {"LPAR": "RPAR", "LSQB": "RSQB"}
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
    if len(text) > MAX_CHARACTERS:
        message = f"the text has {len(text)} characters; at most {MAX_CHARACTERS} are read"
        hint = "generate repeated parts with templates, arrays and `for`"
        collector.add(Diagnostic("E0801", message, Span(file, 1, 1, 1, 1), hint))
        return None
    result = _Parse(text, file, start, collector).run()
    if result is not None and (place := _too_deep(result)) is not None:
        hint = "split it with `const` or a template"
        collector.add(Diagnostic("E0802", f"nested more than {MAX_DEPTH} levels deep", place, hint))
        return None
    return result


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
        transformer=Builder(),  # type: ignore[arg-type]  # any object with the rules' names will do
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
    """Tokens with their places; line ends inside ( ) and [ ], after "{" and after a comma are left out."""
    docs = _documentation(text)
    depth = 0
    last_type, last_line = "NEWLINE", 0
    for token in _lark().lex(text):
        kind = token.type
        if kind == "NEWLINE" and (depth or last_type in ("LBRACE", "COMMA", "NEWLINE")):
            continue
        if kind in _OPENING:
            depth += 1
        elif kind in ("RPAR", "RSQB") and depth:
            depth -= 1
        line, column = token.line or 1, token.column or 1
        length = 1 if kind == "NEWLINE" else len(token)
        doc = docs.get(line, "") if line != last_line else ""
        yield Leaf(kind, str(token), Span(file, line, column, line, column + length), doc)
        last_type, last_line = kind, line


class _Parse:
    """One run over one text.

    States: reading (``_feed`` accepts tokens), and, after a mistake, recovering (``_recover`` unwinds the parser to
    the enclosing block and skips to the end of the statement).
    """

    def __init__(self, text: str, file: str, start: Start, collector: Collector) -> None:
        self._leaves = list(_leaves(text, file))
        lines = text.split("\n")
        end = Span(file, len(lines), len(lines[-1]) + 1, len(lines), len(lines[-1]) + 2)
        self._leaves.append(Leaf("$END", "", end))
        self._position = 0
        self._statement = 0  # position of the first token of the current statement
        self._open: list[Leaf] = []  # brackets that are open at the current position
        self._collector = collector
        self._errors = 0
        self._parser: InteractiveParser = _lark().parse_interactive("", start=start)

    def run(self) -> Any:
        from lark.exceptions import UnexpectedToken

        while True:
            leaf = self._leaves[self._position]
            try:
                result = self._feed(leaf)
            except UnexpectedToken:
                if not self._mistake(leaf):
                    return None
                continue
            if leaf.type == "$END":
                return result
            self._position += 1

    def _feed(self, leaf: Leaf) -> Any:
        leaf = self._fitting(leaf)
        result = self._parser.feed_token(leaf)  # type: ignore[arg-type]  # leaves stand in for tokens
        if leaf.type in ("LBRACE", "LPAR", "LSQB"):
            self._open.append(leaf)
        elif leaf.type in ("RBRACE", "RPAR", "RSQB"):
            self._open.pop()
        if leaf.type in ("LBRACE", "NEWLINE", "COMMA") and "CONST" in self._parser.choices():
            self._statement = self._position + 1
        return result

    def _fitting(self, leaf: Leaf) -> Leaf:
        """The leaf as a name, where it is a keyword and only a name fits."""
        if leaf.type == "NAME" or not (leaf.text[:1].isalpha() and leaf.type.isupper()):
            return leaf
        choices = self._parser.choices()
        if leaf.type not in choices and "NAME" in choices:
            return Leaf("NAME", leaf.text, leaf.span, leaf.doc)
        return leaf

    # --- after a mistake ----------------------------------------------------------------------------------

    def _mistake(self, leaf: Leaf) -> bool:
        """Report the mistake at ``leaf`` and get ready to go on; False when there is no use in going on."""
        self._errors += 1
        accepts = frozenset(self._parser.accepts())
        context = Context(
            leaf=leaf,
            previous=self._leaves[self._position - 1] if self._position else None,
            following=self._leaves[min(self._position + 1, len(self._leaves) - 1)],
            first=self._leaves[min(self._statement, self._position)],
            opened=tuple(self._open),
            accepts=accepts,
        )
        self._collector.add(explain(context))
        if leaf.type == "$END" or self._errors >= MAX_SYNTAX_ERRORS:
            return False
        if leaf.text == ";":
            self._position += 1
            return True
        if "LBRACE" in accepts and "COMMA" not in accepts and leaf.type in ("NAME", "NEWLINE", "RBRACE"):
            self._feed(Leaf("LBRACE", "{", leaf.span))
            if leaf.type == "NEWLINE":
                self._position += 1
            return True
        return self._recover()

    def _recover(self) -> bool:
        """Unwind the parser to the enclosing block; go on with the next statement."""
        unclosed = next((leaf for leaf in self._open if leaf.type in _OPENING), None)
        if unclosed is not None:
            while self._open and self._open[-1].type in _OPENING:
                self._open.pop()
        self._unwind()
        self._skip()
        return True

    def _unwind(self) -> None:
        """Drop what the parser has of the broken statement."""
        state = self._parser.parser_state
        while len(state.state_stack) > 1 and not self._between_statements():
            state.state_stack.pop()
            state.value_stack.pop()

    def _between_statements(self) -> bool:
        action = self._parser.choices().get("NEWLINE")
        return action is not None and action[0].name == "Shift"

    def _skip(self) -> None:
        """Move on to where a statement ends: a line end or a closing brace outside the skipped braces."""
        depth = 0
        while (kind := self._leaves[self._position].type) != "$END":
            if kind == "LBRACE":
                depth += 1
            elif kind == "RBRACE":
                if not depth:
                    return
                depth -= 1
            elif kind == "NEWLINE" and not depth:
                return
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
