"""From documents to lines: groups stay on one line where they fit, else they break.

A document is what Wadler's "A prettier printer" (2003) calls one: texts, places where a line may end, and
groups whose places break all together or not at all. Comments at the ends of lines stand below each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 120  # columns
INDENT = 4
COMMENT_GAP = 2  # blanks in front of a comment at the end of a line
COMMENT_DISTANCE = 3  # lines without a comment between two comments that still stand below each other
WIDEST_GAP = 16  # blanks that put something into a column


@dataclass(frozen=True, slots=True)
class Line:
    """A place where a line may end; ``flat`` is there where it does not."""

    flat: str


@dataclass(frozen=True, slots=True)
class Soft:
    """A blank, or a line end where what follows, up to the next one, does not fit."""


@dataclass(frozen=True, slots=True)
class Hard:
    """A line ends; with ``blank``, an empty line follows."""

    blank: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment at the end of a line; a line end follows it in the document."""

    text: str


@dataclass(frozen=True, slots=True)
class Nest:
    """Lines that begin inside are indented more."""

    parts: tuple[Doc, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """On one line if it fits; ``broken`` if it must not be."""

    parts: tuple[Doc, ...]
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Fill:
    """Items with commas, as many to a line as fit.

    Attributes:
        comma: What stands behind an item where a line ends.
        end: What stands behind the last one.
    """

    items: tuple[Doc, ...]
    comma: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A blank; where it stands in several lines in turn, what follows begins in one column."""


Doc: TypeAlias = str | Line | Soft | Hard | Remark | Nest | Group | Fill | Column
_Entry: TypeAlias = tuple[int, bool, Doc]  # indentation, flat, document


def is_flat(doc: Doc) -> bool:
    """Whether nothing in the document needs a line end."""
    match doc:
        case Hard() | Remark():
            return False
        case Nest():
            return all(map(is_flat, doc.parts))
        case Group():
            return not doc.broken and all(map(is_flat, doc.parts))
        case Fill():
            return all(map(is_flat, doc.items))
    return True


def text_of(docs: Sequence[Doc]) -> str:
    """The text of documents, which follow one another; it ends with a line end unless it is empty."""
    printer = _Printer()
    printer.run(docs)
    return printer.text()


@dataclass(slots=True)
class _Row:
    """A line of text; ``column``: where its :class:`Column` stands."""

    code: str = ""
    remark: str = ""
    column: int = 0

    @property
    def indent(self) -> int:
        return len(self.code) - len(self.code.lstrip(" "))


class _Printer:
    def __init__(self) -> None:
        self._rows: list[_Row] = [_Row()]
        self._indent = 0  # of the current line, written with its first text

    def run(self, docs: Sequence[Doc]) -> None:
        pending: list[_Entry] = [(0, False, doc) for doc in reversed(docs)]
        while pending:
            indent, flat, doc = pending.pop()
            match doc:
                case str():
                    self._write(doc)
                case Column():
                    self._rows[-1].column = self._rows[-1].column or len(self._rows[-1].code)
                    self._write(" ")
                case Line():
                    if flat:
                        self._write(doc.flat)
                    else:
                        self._end_line(indent, False)
                case Soft():
                    if self._fits(" ", pending):
                        self._write(" ")
                    else:
                        self._end_line(indent, False)
                case Hard():
                    self._end_line(indent, doc.blank)
                case Remark():
                    self._rows[-1].remark = doc.text
                case Nest():
                    pending.extend((indent + INDENT, flat, part) for part in reversed(doc.parts))
                case Group():
                    whole = is_flat(doc) and (flat or self._fits(doc, pending))
                    pending.extend((indent, whole, part) for part in reversed(doc.parts))
                case Fill():
                    self._fill(doc, indent, flat, pending)

    def _fill(self, doc: Fill, indent: int, flat: bool, pending: list[_Entry]) -> None:
        """The first item, and the rest for later: on this line, if its first one fits, too."""
        first, *rest = doc.items
        if not rest:
            pending += [(indent, flat, doc.end), (indent, flat, first)]
            return
        following: list[Doc] = [", ", Fill(tuple(rest), doc.comma, doc.end)]
        if not flat:
            both = Group((first, ", ", rest[0], doc.comma if len(rest) > 1 else doc.end))
            fits = is_flat(both) and self._fits(both, pending if len(rest) == 1 else ())
            following[:1] = [", "] if fits else [doc.comma, Hard()]
        pending.extend((indent, flat, part) for part in reversed(following))
        pending.append((indent, flat, first))

    def _write(self, text: str) -> None:
        row = self._rows[-1]
        if not row.code and text:
            row.code = " " * self._indent
        row.code += text

    def _end_line(self, indent: int, blank: bool) -> None:
        self._rows[-1].code = self._rows[-1].code.rstrip(" ")
        if blank:
            self._rows.append(_Row())
        self._rows.append(_Row())
        self._indent = indent

    def _fits(self, doc: Doc, pending: Sequence[_Entry]) -> bool:
        """Whether the document fits on this line, with what follows up to the next place to break at."""
        room = WIDTH - max(len(self._rows[-1].code), self._indent)
        for length in _lengths(doc, pending):
            room -= length
            if room < 0:
                return False
        return True

    # --- comments at the ends of lines -------------------------------------------------------------------

    def text(self) -> str:
        rows = self._rows
        for run in _runs(rows, lambda row: row.column > 0 and not row.code.endswith("{"), 0):
            _align_columns(run)
        for run in _runs(rows, lambda row: bool(row.remark), COMMENT_DISTANCE):
            _align_remarks([row for row in run if row.remark])
        lines = [row.code.rstrip(" ") for row in rows]
        return "\n".join(lines).strip("\n") + "\n" if any(lines) else ""


def _runs(rows: Sequence[_Row], is_meant: Callable[[_Row], bool], distance: int) -> Iterator[list[_Row]]:
    """Rows of one indentation in turn, with at most ``distance`` between two that are meant."""
    run: list[_Row] = []
    missed = 0
    for row in rows:
        meant = is_meant(row)
        missed = 0 if meant else missed + 1
        if run and (not row.code or row.indent != run[0].indent or missed > distance):
            yield run
            run = []
        if meant or run:
            run.append(row)
    if run:
        yield run


def _align_columns(run: Sequence[_Row]) -> None:
    """Put what follows the columns below each other, unless that makes a line too long or a gap too wide."""
    column = max(row.column for row in run)
    gap = column - min(row.column for row in run)
    longest = max(
        len(row.code) - row.column + len(row.remark) + COMMENT_GAP * bool(row.remark) for row in run
    )
    if gap > WIDEST_GAP or column + longest > WIDTH:
        return
    for row in run:
        row.code = row.code[: row.column] + " " * (column - row.column) + row.code[row.column :]


def _align_remarks(run: Sequence[_Row]) -> None:
    """Put comments below each other, unless that makes a line too long."""
    column = max(len(row.code) for row in run)
    fits = column + COMMENT_GAP + max(len(row.remark) for row in run) <= WIDTH
    for row in run:
        row.code = f"{row.code:{column if fits else 0}}{' ' * COMMENT_GAP}{row.remark}"


def _lengths(doc: Doc, pending: Sequence[_Entry]) -> Iterator[int]:
    """Lengths of the texts of ``doc`` on one line, then of what follows up to where the line can end."""
    todo: list[tuple[bool, Doc]] = [(True, doc)]
    behind = len(pending)
    while True:
        if not todo:
            if not behind:
                return
            behind -= 1
            _, flat, following = pending[behind]
            todo.append((flat, following))
        flat, part = todo.pop()
        match part:
            case str():
                yield len(part)
            case Line():
                if not flat:
                    return
                yield len(part.flat)
            case Soft():
                if not flat:
                    return
                yield 1
            case Hard() | Remark():
                return
            case Nest():
                todo.extend((flat, inner) for inner in reversed(part.parts))
            case Group():
                todo.extend((flat and not part.broken, inner) for inner in reversed(part.parts))
            case Column():
                yield 1
            case Fill():
                if not flat:
                    is_last = len(part.items) == 1
                    todo += [(False, part.end)] if is_last else [(False, Hard()), (False, part.comma)]
                    todo.append((False, part.items[0]))
                    continue
                todo.append((True, part.end))
                for item in reversed(part.items[1:]):
                    todo += [(True, item), (True, ", ")]
                todo.append((True, part.items[0]))
