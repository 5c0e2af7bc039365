"""Text to syntax tree, with recovery: several mistakes of one file are reported together.

The grammar is ``grammar.lark``, :mod:`acadl.parser_tables` has its tables. The loop that feeds tokens is in
:mod:`acadl.parser_run`, because three things are decided token by token: which line ends count, whether a
keyword is a name where the grammar has no room for it, and how to go on after a mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal

from acadl import syntax
from acadl.diagnostics import Collector
from acadl.errors import Diagnostic, Label, Span
from acadl.parser_braces import WrongBrace
from acadl.parser_builder import Leaf
from acadl.parser_damage import Damage
from acadl.parser_run import Run
from acadl.parser_tables import END, Automaton, tables
from acadl.reading import LONE_RETURN, with_line_feeds

MAX_CHARACTERS = 2_000_000
MAX_TOKENS = 200_000
MAX_DEPTH = 100
MAX_WRONG_BRACES = 5

Start = Literal["file", "expression"]


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
    if (finding := _lone_return(text, file)) is not None:
        collector.add(finding)
    lines = with_line_feeds(text)
    leaves = list(islice(_leaves(lines, file), most + 1)) if len(text) <= MAX_CHARACTERS else []
    if 0 < len(leaves) <= most:
        return leaves
    collector.add(too_long(file))
    return None


def too_long(file: str) -> Diagnostic:
    """What is said about a text that nobody reads to its end."""
    message = f"the text is longer than {MAX_CHARACTERS} characters or {MAX_TOKENS} words and signs"
    message += ", or all files together than twice as many characters"
    hint = "describe repeated parts by templates, arrays and `for`"
    return Diagnostic("E0801", message, Span(file, 1, 1, 1, 1), hint)


def _lone_return(text: str, file: str) -> Diagnostic | None:
    """What is said about line ends that some programs do not see: a comment would hide the next line."""
    places = [match.start() for match in LONE_RETURN.finditer(text)]
    if not places:
        return None
    column = places[0] - text.rfind("\n", 0, places[0])
    line = text.count("\n", 0, places[0]) + 1
    message = "this line ends with a carriage return (U+000D) alone"
    if len(places) > 1:
        message += f", as do {len(places) - 1} more" if len(places) > 2 else ", as does another one"
    hint = "save the text with line ends \\n or \\r\\n"
    return Diagnostic("E0102", message, Span(file, line, column, line, column + 1), hint)


def _run(
    text: str, file: str, start: Start, collector: Collector, most: int = MAX_TOKENS
) -> tuple[Any, Damage, int]:
    """What the start rule gives, ``None`` where that is of no use; what was left out; the number of words."""
    leaves = leaves_of(text, file, collector, most)
    if leaves is None:
        return None, Damage(), most
    run, result = _with_braces(leaves, start, collector)
    if (place := run.too_deep or too_deep(result or ())) is not None:
        hint = "split it with `const` or a template"
        collector.add(Diagnostic("E0802", f"nested more than {MAX_DEPTH} levels deep", place, hint))
        return None, Damage(), len(leaves)
    return result, run.damage(), len(leaves)


def _with_braces(leaves: list[Leaf], start: Start, collector: Collector) -> tuple[Run, Any]:
    """A run over the whole text, its closing braces where its indentation has them.

    What is read behind a missing brace, or one too many, is read as part of the wrong block. So the text is
    read again with it, or without it.
    """
    for _ in range(MAX_WRONG_BRACES):
        findings = Collector()
        run = Run(leaves.copy(), Automaton(start), findings)
        result = run.run()
        wrong = run.wrong_brace
        if wrong is None:
            break
        collector.add(_mended(leaves, wrong))
    for finding in findings.sorted():
        collector.add(finding)
    return run, result


def _mended(leaves: list[Leaf], wrong: WrongBrace) -> Diagnostic:
    """Put a brace into its place, or take it away; returns what is said about it."""
    position = next(number for number, leaf in enumerate(leaves) if leaf.span == wrong.place)
    if not wrong.is_missing:
        del leaves[position]
        return wrong.finding
    leaves[position:position] = [Leaf("RBRACE", "}", wrong.place), Leaf("NEWLINE", "", wrong.place)]
    label = Label(wrong.place, "by its indentation, the block ends before this")
    return replace(wrong.finding, labels=(label,))


def is_documentation(comment: str) -> bool:
    """Whether a comment documents what stands below it; four slashes and more draw a line."""
    return comment.startswith("///") and not comment.startswith("////")


def _documentation(text: str) -> dict[int, str]:
    """Line number to the documentation comment that ends on the line above it."""
    found: dict[int, str] = {}
    block: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        comment = line.strip()
        if is_documentation(comment):
            block.append(comment[3:].removeprefix(" "))
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
    last_line = text.count("\n") + 1
    column = len(text) - text.rfind("\n")
    yield Leaf(END, "", Span(file, last_line, column, last_line, column + 1))


def _doc(docs: Mapping[int, str], line: int, last_line: int) -> str:
    """The documentation of a line, for its first word."""
    return docs.get(line, "") if line != last_line else ""


def too_deep(items: Any) -> Span | None:
    """Where the tree is deeper than everything after the parser can follow."""
    level = syntax.nodes_of((items,))
    for _ in range(MAX_DEPTH):
        level = [inner for node in level for inner in syntax.nodes_of(node.values())]
    return next((node.span for node in level if syntax.nodes_of(node.values())), None)
