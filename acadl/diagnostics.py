"""Diagnostics: collecting, suggesting names, rendering for terminals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from acadl.errors import AcadlError, Diagnostic, Label, Span

MAX_DIAGNOSTICS = 100
MAX_REPETITIONS = 300
MAX_CANDIDATES = 300  # names that are compared with an unknown one
LONGEST_LINE = 200  # characters of a line that are shown
MAX_LENGTH = 60  # of an unknown name that is compared


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
        self._repeated = 0

    def add(self, diagnostic: Diagnostic, distinct: bool = False) -> None:
        """Keep ``diagnostic``; a ``distinct`` one also beside another one of its code at its place.

        Raises :class:`TooManyDiagnosticsError` beyond a limit.
        """
        key = (diagnostic.code, diagnostic.span, diagnostic.message if distinct else "")
        if key in self._found:
            self._repeated += 1
        else:
            self._found[key] = diagnostic
        if len(self._found) >= MAX_DIAGNOSTICS or self._repeated >= MAX_REPETITIONS:
            raise TooManyDiagnosticsError

    @property
    def error_count(self) -> int:
        """Errors so far, warnings not counted."""
        return sum(diagnostic.is_error for diagnostic in self._found.values())

    def note_rest(self) -> None:
        """Say that there may be more findings than these."""
        self._found.pop(("N1002", None, ""), None)
        message = f"there may be more findings than the {len(self._found)} that are listed"
        self._found["N1002", None, ""] = Diagnostic("N1002", message, hint="mend these and check again")

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All diagnostics by file and place; those without a place last."""

        def place(diagnostic: Diagnostic) -> tuple[bool, str, int, int, str]:
            span = diagnostic.span or Span("", 0, 0, 0, 0)
            return (diagnostic.span is None, span.file, span.line, span.column, diagnostic.code)

        return tuple(sorted(self._found.values(), key=place))


class DescriptionError(AcadlError):
    """A description has errors. ``diagnostics`` lists them, ``sources`` holds the texts they point into."""

    def __init__(self, diagnostics: Sequence[Diagnostic], sources: Mapping[str, str]) -> None:
        super().__init__(render(diagnostics, sources), diagnostics)
        self.sources = dict(sources)


# --- names ----------------------------------------------------------------------------------------------


def distance(first: str, second: str) -> int:
    """Edits (insert, delete, replace, swap neighbours) that turn one name into the other."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        above, row = row, [i]
        for j, b in enumerate(second, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == second[j - 2] and first[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = above
    return row[-1]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant.

    Another case, or at most a third of the letters wrong, or one name begins with the other, or ends with it
    as ``data_width`` with ``width``.
    """
    if len(name) > MAX_LENGTH:
        return None
    limit = max(1, len(name) // 3)
    candidates = list(dict.fromkeys(known))[:MAX_CANDIDATES]
    for candidate in candidates:
        if candidate.lower() == name.lower():
            return candidate
    near = [c for c in candidates if abs(len(c) - len(name)) <= limit]
    close = [(edits, c) for c in near if (edits := distance(name, c)) <= limit]
    if close:
        return min(close, key=lambda pair: pair[0])[1]
    longer = (c for c in candidates if min(len(c), len(name)) >= 3)
    return next((c for c in longer if c.startswith(name) or name.startswith(c) or _ends_with(c, name)), None)


def _ends_with(name: str, words: str) -> bool:
    """Whether the words at the end of a name are these: ``width`` in ``data_width``."""
    return name.endswith(f"_{words}")


def suggestion(name: str, known: Iterable[str], what: str) -> str:
    """A hint: the nearest name, else the accessible ones."""
    names = list(dict.fromkeys(known))
    close = nearest(name, names)
    if close is not None:
        return f"did you mean '{close}'?"
    if not names:
        return f"there are no {what} here"
    listed = ", ".join(sorted(names)[:12])
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"known {what}: {listed}{more}"


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
    return "\n\n".join(_render_one(diagnostic, sources, color) for diagnostic in diagnostics)


def _render_one(diagnostic: Diagnostic, sources: Mapping[str, str], color: bool) -> str:
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


def _excerpt(label: Label, sources: Mapping[str, str], mark: str, bar: str) -> list[str]:
    span = label.span
    head = f"  --> {printable(span.file)}:{span.line}:{span.column}"
    text = sources.get(span.file, "").split("\n")
    if not 1 <= span.line <= len(text):
        return [f"{head}: {label.text}" if label.text else head]
    line = text[span.line - 1].rstrip("\r")
    end = span.end_column if span.end_line == span.line else len(line) + 1
    line, start, end = window(line, span.column - 1, end - 1)
    shown = printable(line)
    indent = len(printable(line[:start]))
    width = max(1, len(printable(line[start:end])))
    margin = " " * max(3, len(str(span.line)))
    note = f" {label.text}" if label.text else ""
    return [
        head,
        f"{span.line:>{len(margin)}}{bar} {shown}",
        f"{margin}{bar} {' ' * indent}{mark * width}{note}",
    ]
