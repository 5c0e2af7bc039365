"""Events of a run, measured or predicted: what happened where, in which cycle; lists of them as CSV."""

from __future__ import annotations

import csv
import io
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

from acadl.errors import AcadlError

# Columns of a list of events, with the names that are understood.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "cycle": ("cycle",),
    "event": ("event",),
    "unit": ("unit",),
    "id": ("id", "instruction_id", "instr_id"),
    "address": ("address", "addr"),
    "detail": ("detail", "data"),
}
NO_ID = -1
LARGEST_NUMBER = 18  # digits


class Rows(Protocol):
    """What ``csv.reader`` gives."""

    @property
    def line_num(self) -> int:
        """Number of the last line of the current row."""

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


class TraceError(AcadlError):
    """A trace that cannot be read; the message has the line or the time."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        cycle: When, counted as its source does.
        unit: Where.
        event: What kind.
        id: Of the instruction; :data:`NO_ID` where there is none.
        address: In memory, as text; empty without one.
        detail: Anything else.
        line: Of its list, 0 where it comes from elsewhere.
        instruction: Of a predicted run: its position in the program; -1 elsewhere.
        place: Of a predicted run: which time at which object of the description, ``memory start``.
    """

    cycle: int
    unit: str
    event: str
    id: int = NO_ID
    address: str = ""
    detail: str = ""
    line: int = 0
    instruction: int = -1
    place: str = ""

    @property
    def name(self) -> str:
        """``unit/event id`` for messages."""
        return f"{self.unit}/{self.event}" + (f" {self.id}" if self.id != NO_ID else "")


def names_of(events: Iterable[Event]) -> list[tuple[str, str]]:
    """Units and kinds, in order of first appearance."""
    return list(dict.fromkeys((event.unit, event.event) for event in events))


def read_events(path: str | os.PathLike[str]) -> Iterator[Event]:
    """The events of a CSV file, one by one.

    Raises:
        TraceError: The file cannot be read, lacks a column, or has a line that is no event, or a cycle before
            that of the line above.
    """
    file = os.fspath(path)
    try:
        with _opened(file) as stream:
            yield from _events(file, csv.reader(stream))
    except (OSError, EOFError, zlib.error) as error:
        raise TraceError(f"cannot read '{file}': {getattr(error, 'strerror', None) or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"{file} is no CSV text: {error}") from None


def _opened(file: str) -> TextIO:
    if file.endswith(".gz"):
        import gzip

        return io.TextIOWrapper(gzip.open(file), encoding="utf-8-sig", newline="")
    return Path(file).open(newline="", encoding="utf-8-sig")


def _events(file: str, rows: Rows) -> Iterator[Event]:
    header = [name.strip() for name in next(rows, [])]
    at = _positions(file, header)
    last = None
    for row in rows:
        line = rows.line_num
        if not row:
            continue
        if len(row) != len(header):
            raise TraceError(f"{file}, line {line}: {len(row)} cells, but the header has {len(header)}")
        cells = {name: row[number].strip() for name, number in at.items()}
        event = Event(
            _integer(file, line, "cycle", cells["cycle"]),
            cells["unit"],
            cells["event"],
            _integer(file, line, "id", cells["id"]) if cells.get("id") else NO_ID,
            cells.get("address", ""),
            cells.get("detail", ""),
            line,
        )
        if not event.event or not event.unit:
            raise TraceError(f"{file}, line {line}: an event has a unit and a kind")
        if not (event.event + event.unit).isprintable():
            raise TraceError(f"{file}, line {line}: {event.name!r} is no name; the file is damaged")
        if last is not None and event.cycle < last:
            raise TraceError(f"{file}, line {line}: cycle {event.cycle} comes after cycle {last}")
        last = event.cycle
        yield event


def _positions(file: str, header: list[str]) -> dict[str, int]:
    for number, name in enumerate(header):
        if name and name in header[:number]:
            raise TraceError(f"{file}, line 1: there are two columns '{name}'")
    at = {
        column: header.index(name)
        for column, names in COLUMNS.items()
        for name in names[::-1]
        if name in header
    }
    missing = [column for column in ("cycle", "event", "unit") if column not in at]
    if missing:
        raise TraceError(
            f"{file}, line 1: there is no column {', '.join(map(repr, missing))}; a list of events has the "
            "columns cycle, event, unit and, where known, id, address, detail"
        )
    return at


def _integer(file: str, line: int, column: str, text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= LARGEST_NUMBER):
        raise TraceError(f"{file}, line {line}: {column} is '{text}'; expected a whole number")
    return int(text)


def write_events(events: Iterable[Event], path: str | os.PathLike[str]) -> None:
    """Write a list of events that :func:`read_events` reads. Raises :class:`AcadlError`."""
    from acadl.files import write_text

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for event in events:
        number = "" if event.id == NO_ID else event.id
        writer.writerow([event.cycle, event.event, event.unit, number, event.address, event.detail])
    write_text(Path(path), text.getvalue())
