"""From documents to lines: groups stay on one line where they fit, else they break.

A document is what Wadler's "A prettier printer" (2003) calls one: texts, places where a line may end, and
groups whose places break all together or not at all. Comments at the ends of lines stand below each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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


class Nest:
    """Lines that begin inside are indented more. ``width``: see :func:`width_of`."""

    __slots__ = ("parts", "width")

    def __init__(self, parts: Iterable[Doc]) -> None:
        self.parts = tuple(parts)
        self.width = _sum(map(width_of, self.parts))


class Group:
    """On one line if it fits; ``broken`` if it must not be."""

    __slots__ = ("broken", "parts", "width")

    def __init__(self, parts: Iterable[Doc], broken: bool = False) -> None:
        self.parts = tuple(parts)
        self.broken = broken
        self.width = None if broken else _sum(map(width_of, self.parts))


class Fill:
    """Items with commas, as many to a line as fit.

    Attributes:
        comma: What stands behind an item where a line ends.
        end: What stands behind the last one.
    """

    __slots__ = ("comma", "end", "items", "width")

    def __init__(self, items: Iterable[Doc], comma: str = "", end: str = "") -> None:
        self.items = tuple(items)
        self.comma = comma
        self.end = end
        commas = 2 * (len(self.items) - 1)
        self.width = _sum((*map(width_of, self.items), commas, len(end)))


@dataclass(frozen=True, slots=True)
class Column:
    """A blank; where it stands in several lines in turn, what follows begins in one column."""


@dataclass(frozen=True, slots=True)
class _Rest:
    """The items of a fill from ``start`` on."""

    fill: Fill
    start: int


Doc: TypeAlias = str | Line | Soft | Hard | Remark | Nest | Group | Fill | Column | _Rest
_Entry: TypeAlias = tuple[int, bool, Doc]  # indentation, flat, document


def width_of(doc: Doc) -> int | None:
    """Columns that a document takes on one line; ``None`` if something in it needs a line end."""
    match doc:
        case str():
            return len(doc)
        case Nest() | Group() | Fill():
            return doc.width
        case Line():
            return len(doc.flat)
        case Soft() | Column():
            return 1
    return None


def is_flat(doc: Doc) -> bool:
    """Whether nothing in the document needs a line end."""
    return width_of(doc) is not None


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
        self._pieces: list[str] = []  # of the current line
        self._length = 0

    def run(self, docs: Sequence[Doc]) -> None:
        pending: list[_Entry] = [(0, False, doc) for doc in reversed(docs)]
        while pending:
            indent, flat, doc = pending.pop()
            match doc:
                case str():
                    self._write(doc)
                case Column():
                    self._rows[-1].column = self._rows[-1].column or self._length
                    self._write(" ")
                case Line():
                    if flat:
                        self._write(doc.flat)
                    else:
                        self._end_line(indent, False)
                case Soft():
                    if self._fits(1, pending):
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
                    width = width_of(doc)
                    whole = width is not None and (flat or self._fits(width, pending))
                    pending.extend((indent, whole, part) for part in reversed(doc.parts))
                case Fill():
                    self._fill(doc, 0, indent, flat, pending)
                case _Rest():
                    self._fill(doc.fill, doc.start, indent, flat, pending)

    def _fill(self, doc: Fill, start: int, indent: int, flat: bool, pending: list[_Entry]) -> None:
        """The item at ``start``, and the rest for later: on this line, if its first one fits, too."""
        first = doc.items[start]
        if flat or start + 1 == len(doc.items):
            others = (part for item in reversed(doc.items[start + 1 :]) for part in (item, ", "))
            pending.extend((indent, flat, part) for part in (doc.end, *others, first))
            return
        is_end = start + 2 == len(doc.items)
        both = (first, ", ", doc.items[start + 1], doc.end if is_end else doc.comma)
        width = _sum(map(width_of, both))
        fits = width is not None and self._fits(width, pending if is_end else ())
        following: list[Doc] = [*([", "] if fits else [doc.comma, Hard()]), _Rest(doc, start + 1)]
        pending.extend((indent, flat, part) for part in reversed(following))
        pending.append((indent, flat, first))

    def _write(self, text: str) -> None:
        if not self._pieces and text:
            self._pieces.append(" " * self._indent)
            self._length = self._indent
        self._pieces.append(text)
        self._length += len(text)

    def _end_line(self, indent: int, blank: bool) -> None:
        self._finish_line()
        if blank:
            self._rows.append(_Row())
        self._rows.append(_Row())
        self._indent = indent

    def _finish_line(self) -> None:
        self._rows[-1].code = "".join(self._pieces).rstrip(" ")
        self._pieces.clear()
        self._length = 0

    def _fits(self, width: int, pending: Sequence[_Entry]) -> bool:
        """Whether so much fits on this line, with what follows up to the next place to break at."""
        room = WIDTH - max(self._length, self._indent) - width
        behind = self._widths_behind(pending) if room >= 0 else iter(())
        while room >= 0 and (length := next(behind, None)) is not None:
            room -= length
        return room >= 0

    def _widths_behind(self, pending: Sequence[_Entry]) -> Iterator[int]:
        """Widths of what follows, up to where the line can end."""
        stack: list[tuple[bool, Iterator[Doc]]] = []
        behind = len(pending)
        while True:
            if not stack:
                if not behind:
                    return
                behind -= 1
                stack.append((pending[behind][1], iter((pending[behind][2],))))
            flat, docs = stack[-1]
            doc = next(docs, None)
            if doc is None:
                stack.pop()
                continue
            width = width_of(doc) if flat or isinstance(doc, str | Column) else None
            if width is not None:
                yield width
                continue
            match doc:
                case Nest():
                    stack.append((flat, iter(doc.parts)))
                case Group():
                    stack.append((flat and not doc.broken, iter(doc.parts)))
                case Fill():
                    stack.append((False, _up_to_comma(doc, 0)))
                case _Rest():
                    stack.append((False, _up_to_comma(doc.fill, doc.start)))
                case _:
                    return

    # --- comments at the ends of lines -------------------------------------------------------------------

    def text(self) -> str:
        self._finish_line()
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


def _sum(widths: Iterable[int | None]) -> int | None:
    total = 0
    for width in widths:
        if width is None:
            return None
        total += width
    return total


def _up_to_comma(fill: Fill, start: int) -> Iterator[Doc]:
    """What must stand on this line of the rest of a fill: its first item, and what is behind that."""
    yield fill.items[start]
    if start + 1 == len(fill.items):
        yield fill.end
    else:
        yield fill.comma
        yield Hard()
