"""Text to syntax tree, with recovery: several mistakes of one file are reported together.

The grammar (``grammar.lark``) is packaged data. Lark supplies the lexer and the LALR tables; the loop that
feeds tokens is in :mod:`acadl.parser_run`, because three things are decided token by token: which line ends
count, whether a keyword is a name where the grammar has no room for it, and how to go on after a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from acadl import syntax
from acadl.diagnostics import Collector
from acadl.errors import Diagnostic, Span
from acadl.parser_builder import Builder, Leaf
from acadl.parser_run import Run

if TYPE_CHECKING:
    from lark import Lark

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
    result = Run(leaves, _lark().parse_interactive("", start=start), collector).run()
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
