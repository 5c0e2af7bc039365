"""Diagnostics: collecting, rendering for terminals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from acadl.errors import AcadlError, Diagnostic, Label, Span, shortened
from acadl.reading import with_line_feeds

MAX_DIAGNOSTICS = 100
MAX_REPETITIONS = 300
LONGEST_LINE = 200  # characters of a line that are shown
LONGEST_TEXT = 600  # characters of a message, a hint or a label


# Stable identifiers; the documentation explains each.
CODES: Mapping[str, str] = {
    "E0101": "a word or sign that does not fit",
    "E0102": "a character without meaning",
    "E0103": "a text without end",
    "E0104": "a bracket that is never closed",
    "E0105": "a bracket that closes nothing",
    "E0106": "a block without its opening brace",
    "E0107": "a word of the language used as a name",
    "E0201": "an unknown name",
    "E0202": "an unknown operation, type or kind of operand",
    "E0203": "something declared or given twice",
    "E0204": "a name that means a value and an operand",
    "E0205": "an instruction attribute that not every instruction has",
    "E0206": "an index outside of an array",
    "E0301": "a value of the wrong kind",
    "E0302": "a value that is not possible",
    "E0303": "wrong arguments or members",
    "E0304": "an unknown unit",
    "E0305": "a requirement that does not hold",
    "E0401": "a statement in the wrong place",
    "E0402": "an unknown attribute",
    "E0403": "something that is missing",
    "E0501": "the end of an edge is no object",
    "E0502": "an open edge joined the wrong way",
    "E0503": "an edge between objects that it cannot join",
    "E0504": "an edge given twice",
    "E0505": "an open edge that is not joined",
    "E0506": "an open edge joined twice",
    "E0601": "no architecture, or more than one",
    "E0602": "no fetch stage, or more than one",
    "E0603": "no instruction memory, or more than one",
    "E0604": "an issue buffer smaller than one read",
    "E0605": "a unit that no instruction reaches",
    "E0606": "instructions that run in a circle",
    "E0607": "addresses that belong to two memories",
    "E0608": "more than one path to a unit",
    "E0609": "a cache without a memory behind it",
    "E0610": "caches behind each other",
    "E0611": "a controller without a mover",
    "E0612": "more than one way for parts",
    "E0613": "parts that run in a circle",
    "E0614": "a storage latency of 0 where order of time counts",
    "E0615": "a mover that reaches open rows",
    "E0616": "requests that do not fit the port of a memory",
    "E0617": "no room for an instruction and what prepares it",
    "E0701": "a file that cannot be read",
    "E0702": "an import from outside of the folder",
    "E0703": "files that import each other, or too many",
    "E0801": "a text that is too long",
    "E0802": "expressions or blocks nested too deeply",
    "E0803": "a machine that is too large",
    "W0901": "an operation that no unit processes",
    "W0902": "a parameter or template that is never used",
    "W0903": "a stage or mover without purpose",
    "W0904": "a part that is joined to nothing",
    "W0905": "a pipelined unit that never overlaps",
    "W0906": "an operation whose operands no unit reaches",
    "N1001": "a queue that can never fill",
    "N1002": "more findings than are listed",
}


class TooManyDiagnosticsError(Exception):
    """There are so many mistakes that looking for more is of no use."""


class Collector:
    """Gathers diagnostics; the same finding at the same place (a loop, a template) is kept once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Span | None, str], Diagnostic] = {}
        self._errors = 0
        self._others = 0
        self._repeated = 0
        self._is_cut = False

    def add(self, diagnostic: Diagnostic, distinct: bool = False) -> None:
        """Keep ``diagnostic``; a ``distinct`` one also beside another one of its code at its place.

        Warnings beyond a limit are left out, for an error may come behind them. Raises
        :class:`TooManyDiagnosticsError` beyond a limit of errors.
        """
        key = (diagnostic.code, diagnostic.span, diagnostic.message if distinct else "")
        if not diagnostic.is_error:
            self._add_warning(key, diagnostic)
            return
        if key in self._found:
            self._repeated += 1
        else:
            self._found[key] = _bounded(diagnostic)
            self._errors += 1
        if self._errors >= MAX_DIAGNOSTICS or self._repeated >= MAX_REPETITIONS:
            raise TooManyDiagnosticsError

    def _add_warning(self, key: tuple[str, Span | None, str], diagnostic: Diagnostic) -> None:
        if key in self._found:
            return
        if self._others < MAX_DIAGNOSTICS:
            self._found[key] = _bounded(diagnostic)
            self._others += 1
        else:
            self.note_rest()

    @property
    def error_count(self) -> int:
        """Errors so far, warnings not counted."""
        return self._errors

    def note_rest(self) -> None:
        """Say that there may be more findings than these."""
        self._is_cut = True

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All diagnostics by file and place; those without a place last."""

        def place(diagnostic: Diagnostic) -> tuple[bool, str, int, int, str]:
            span = diagnostic.span or Span("", 0, 0, 0, 0)
            return (diagnostic.span is None, span.file, span.line, span.column, diagnostic.code)

        message = f"there may be more findings than the {len(self._found)} that are listed"
        rest = Diagnostic("N1002", message, hint="mend these and check again")
        return (*sorted(self._found.values(), key=place), *((rest,) if self._is_cut else ()))


def _bounded(diagnostic: Diagnostic) -> Diagnostic:
    """With texts that people can read, however long the names in them are."""
    return replace(
        diagnostic,
        message=shortened(diagnostic.message, LONGEST_TEXT),
        hint=shortened(diagnostic.hint, LONGEST_TEXT) if diagnostic.hint else diagnostic.hint,
        labels=tuple(replace(label, text=shortened(label.text, LONGEST_TEXT)) for label in diagnostic.labels),
    )


class DescriptionError(AcadlError):
    """A description has errors. ``diagnostics`` lists them, ``sources`` holds the texts they point into."""

    def __init__(self, diagnostics: Sequence[Diagnostic], sources: Mapping[str, str]) -> None:
        super().__init__(render(diagnostics, sources), diagnostics)
        self.sources = dict(sources)


# --- rendering ------------------------------------------------------------------------------------------

_COLOURS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "note": "\x1b[1;36m",
    "frame": "\x1b[34m",
    "bold": "\x1b[1m",
}
_PLAIN = "\x1b[0m"


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str], *, color: bool = False) -> str:
    """Text for a terminal: each finding with the line it is about and a caret below it."""
    lines = SourceLines(sources)
    return "\n\n".join(_render_one(diagnostic, lines, color) for diagnostic in diagnostics)


class SourceLines:
    """The lines of source texts; each text is split once."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._lines: dict[str, list[str]] = {}

    def line(self, file: str, number: int) -> str | None:
        """A line by its number from 1, without its end; ``None`` where there is none."""
        if file not in self._lines:
            self._lines[file] = with_line_feeds(self._sources.get(file, "")).split("\n")
        lines = self._lines[file]
        return lines[number - 1].rstrip("\r") if 1 <= number <= len(lines) else None


def _render_one(diagnostic: Diagnostic, sources: SourceLines, color: bool) -> str:
    def paint(text: str, style: str) -> str:
        return f"{_COLOURS[style]}{text}{_PLAIN}" if color else text

    severity = diagnostic.severity
    message = printable(diagnostic.message)
    lines = [f"{paint(f'{severity}[{diagnostic.code}]', severity)}: {paint(message, 'bold')}"]
    places = [Label(diagnostic.span, "")] if diagnostic.span else []
    for number, label in enumerate([*places, *diagnostic.labels]):
        lines.extend(_excerpt(label, sources, "^" if number == 0 else "-", paint(" |", "frame")))
    if diagnostic.hint:
        lines.append(f"  = {printable(diagnostic.hint)}")
    return "\n".join(lines)


def printable(text: str) -> str:
    """Tabs as spaces, and no control characters, which could steer the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "    " if c == "\t" else "\ufffd" for c in text)


def printable_lines(text: str) -> str:
    """Like :func:`printable`, of a text that may have several lines."""
    return "\n".join(map(printable, text.split("\n")))


def window(line: str, start: int, end: int) -> tuple[str, int, int]:
    """The part of a long line around ``start``, and where the place from ``start`` to ``end`` is in it."""
    if len(line) <= LONGEST_LINE:
        return line, start, end
    first = min(max(0, start - LONGEST_LINE // 3), max(0, len(line) - LONGEST_LINE))
    last = first + LONGEST_LINE
    before, behind = "…" if first else "", "…" if last < len(line) else ""
    moved = len(before) - first
    return before + line[first:last] + behind, start + moved, min(end, last) + moved


def _excerpt(label: Label, sources: SourceLines, mark: str, bar: str) -> list[str]:
    span = label.span
    head = f"  --> {printable(span.file)}:{span.line}:{span.column}"
    line = sources.line(span.file, span.line)
    if line is None:
        return [f"{head}: {printable(label.text)}" if label.text else head]
    end = span.end_column if span.end_line == span.line else len(line) + 1
    line, start, end = window(line, span.column - 1, end - 1)
    shown = printable(line)
    indent = len(printable(line[:start]))
    width = max(1, len(printable(line[start:end])))
    margin = " " * max(3, len(str(span.line)))
    note = f" {printable(label.text)}" if label.text else ""
    return [
        head,
        f"{span.line:>{len(margin)}}{bar} {shown}",
        f"{margin}{bar} {' ' * indent}{mark * width}{note}",
    ]
