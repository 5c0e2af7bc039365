"""Text to syntax tree, with recovery: several mistakes of one file are reported together.

The grammar is ``grammar.lark``, :mod:`acadl.parser_tables` has its tables. The loop that feeds tokens is in
:mod:`acadl.parser_run`, because three things are decided token by token: which line ends count, whether a
keyword is a name where the grammar has no room for it, and how to go on after a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from acadl import syntax
from acadl.diagnostics import Collector
from acadl.errors import Diagnostic, Span
from acadl.parser_builder import Leaf
from acadl.parser_damage import Damage
from acadl.parser_run import Run
from acadl.parser_tables import END, Automaton, tables

MAX_CHARACTERS = 2_000_000
MAX_TOKENS = 200_000
MAX_DEPTH = 100

Start = Literal["file", "expression"]
_DOC = re.compile(r"\s*///[ ]?(.*?)\s*")


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file's statements.

    Attributes:
        items: Without those that have syntax errors.
        damage: What is missing because of syntax errors.
        is_whole: Whether there are none.
        size: Number of words and signs.
    """

    file: str
    text: str
    items: tuple[syntax.Item, ...]
    damage: Damage = field(default_factory=Damage)
    is_whole: bool = True
    size: int = 0


def parse(text: str, file: str, collector: Collector, most: int = MAX_TOKENS) -> ParsedFile:
    """Parse a whole file of at most ``most`` words and signs; mistakes go to ``collector``."""
    before = collector.error_count
    result, damage, size = _run(text, file, "file", collector, most)
    return ParsedFile(file, text, result or (), damage, collector.error_count == before, size)


def parse_expression(text: str, file: str, collector: Collector) -> syntax.Expression | None:
    """Parse one expression, such as a parameter value given on the command line; ``None`` after a mistake."""
    before = collector.error_count
    result: syntax.Expression | None = _run(text, file, "expression", collector)[0]
    return result if collector.error_count == before else None


def leaves_of(text: str, file: str, collector: Collector, most: int = MAX_TOKENS) -> list[Leaf] | None:
    """The words of a text, line ends included; ``None`` if there are too many, which is reported."""
    if "\r" in text and "\n" not in text:
        collector.add(_old_line_ends(text, file))
        return None
    leaves = list(islice(_leaves(text, file), most + 1)) if len(text) <= MAX_CHARACTERS else []
    if 0 < len(leaves) <= most:
        return leaves
    collector.add(too_long(file))
    return None


def too_long(file: str) -> Diagnostic:
    """What is said about a text that nobody reads to its end."""
    message = f"the text is longer than {MAX_CHARACTERS} characters or {MAX_TOKENS} words and signs"
    hint = "describe repeated parts by templates, arrays and `for`"
    return Diagnostic("E0801", message, Span(file, 1, 1, 1, 1), hint)


def _old_line_ends(text: str, file: str) -> Diagnostic:
    """What is said about a text in which a single line comment would hide all the rest."""
    column = text.index("\r") + 1
    message = "the lines of this text end with a carriage return (U+000D) alone"
    hint = "save it with line ends \\n or \\r\\n"
    return Diagnostic("E0102", message, Span(file, 1, column, 1, column + 1), hint)


def _run(
    text: str, file: str, start: Start, collector: Collector, most: int = MAX_TOKENS
) -> tuple[Any, Damage, int]:
    """What the start rule gives, ``None`` where that is of no use; what was left out; the number of words."""
    leaves = leaves_of(text, file, collector, most)
    if leaves is None:
        return None, Damage(), most
    run = Run(leaves, Automaton(start), collector)
    result = run.run()
    if (place := run.too_deep or too_deep(result or ())) is not None:
        hint = "split it with `const` or a template"
        collector.add(Diagnostic("E0802", f"nested more than {MAX_DEPTH} levels deep", place, hint))
        return None, Damage(), len(leaves)
    return result, run.damage(), len(leaves)


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
    line, line_start = 1, 0
    for kind, word, position in tables().lex(text):
        column = position - line_start + 1
        if kind == "NEWLINE":
            if last_kind != kind:
                place = Span(file, line, column, line, column + 1)
                yield Leaf(kind, word, place, _doc(docs, line, last_line))
                last_line, last_kind = line, kind
            line, line_start = line + 1, position + len(word)
            continue
        place = Span(file, line, column, line, column + len(word))
        yield Leaf(kind, word, place, _doc(docs, line, last_line))
        last_line, last_kind = line, kind
    lines = text.split("\n")
    column = len(lines[-1]) + 1
    yield Leaf(END, "", Span(file, len(lines), column, len(lines), column + 1))


def _doc(docs: Mapping[int, str], line: int, last_line: int) -> str:
    """The documentation of a line, for its first word."""
    return docs.get(line, "") if line != last_line else ""


def too_deep(items: Any) -> Span | None:
    """Where the tree is deeper than everything after the parser can follow."""
    level = syntax.nodes_of((items,))
    for _ in range(MAX_DEPTH):
        level = [inner for node in level for inner in syntax.nodes_of(node.values())]
    return next((node.span for node in level if syntax.nodes_of(node.values())), None)
