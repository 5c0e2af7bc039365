"""The table of requests ``id, arrival, op, addr, src`` as CSV.

The first line names the columns, in any order; ``arrival``, ``op`` and ``addr`` are needed, more columns are
ignored. ``arrival`` counts cycles of the memory clock, ``op`` is ``R`` or ``W``, ``addr`` is a byte address
in hexadecimal, ``id`` defaults to the number of the request, ``src`` to 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dram.errors import TraceError, did_you_mean, shown
from dram.requests import Int64, Requests
from dram.traces.lines import Block
from dram.traces.memory import (
    LARGEST,
    OPERATIONS,
    Memory,
    checked_address,
    checked_arrival,
    is_write,
    whole_number,
)

COLUMNS = ("id", "arrival", "op", "addr", "src")
NEEDED = ("arrival", "op", "addr")


@dataclass(slots=True)
class _Table:
    """What is known from the header, and where the previous block ended."""

    file: str
    memory: Memory
    columns: int
    places: dict[str, int]
    count: int = 0
    arrival: int = 0


def is_header(line: str) -> bool:
    """Whether a line names the columns of such a table."""
    names = {cell.strip().lower() for cell in line.split(",")}
    return "," in line and len(names & set(COLUMNS)) >= 2


def read_table(blocks: Iterator[Block], file: str, memory: Memory) -> Iterator[Requests]:
    """Requests of each block.

    Raises:
        TraceError: The header or a line is wrong.
    """
    table: _Table | None = None
    for block in blocks:
        lines, number = block.lines, block.first
        if table is None:
            skip = next((i for i, line in enumerate(lines) if _counts(line)), len(lines))
            if skip == len(lines):
                continue
            table = _header(lines[skip], file, number + skip, memory)
            lines, number = lines[skip + 1 :], number + skip + 1
        requests = _fast(table, lines)
        if requests is None:
            requests = _slow(table, lines, number)
        if len(requests):
            table.count += len(requests)
            table.arrival = int(requests.arrival[-1])
            yield requests


def _counts(line: str) -> bool:
    """Whether a line is neither blank nor a comment."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _header(line: str, file: str, number: int, memory: Memory) -> _Table:
    names = [cell.strip().lower() for cell in line.split(",")]
    places = {name: names.index(name) for name in COLUMNS if name in names}
    for name in NEEDED:
        if name not in places:
            raise TraceError(
                f"the table has no column '{name}'{did_you_mean(name, names)}",
                file=file, line=number, hint=f"the first line names the columns: {','.join(COLUMNS)}",
            )  # fmt: skip
    for name in COLUMNS:
        if names.count(name) > 1:
            raise TraceError(f"the table has two columns '{name}'", file=file, line=number)
    return _Table(file, memory, len(names), places)


def _fast(table: _Table, lines: list[str]) -> Requests | None:
    """The lines column by column; ``None`` if anything about them needs a closer look."""
    if lines and not lines[-1]:
        lines = lines[:-1]
    commas = table.columns - 1
    text = ",".join(lines)
    if not lines or not text.isascii() or "_" in text or any(line.count(",") != commas for line in lines):
        return None
    cells, step, places = text.split(","), table.columns, table.places
    try:
        arrival = _column(cells[places["arrival"] :: step])
        address = _column(cells[places["addr"] :: step], 16)
        writes = np.array([OPERATIONS[cell] for cell in cells[places["op"] :: step]], np.bool_)
        ids = _column(cells[places["id"] :: step]) if "id" in places else None
        source = _column(cells[places["src"] :: step]) if "src" in places else None
    except (ValueError, KeyError, OverflowError):
        return None
    if _refused(arrival, table) or int(address.max()) >= (table.memory.capacity_bytes or LARGEST):
        return None
    if any(column is not None and int(column.min()) < 0 for column in (address, ids, source)):
        return None
    return _requests(table, ids, arrival, writes, address, source)


def _column(cells: list[str], base: int = 10) -> Int64:
    return np.array([int(cell, base) for cell in cells], np.int64)


def _refused(arrival: Int64, table: _Table) -> bool:
    return (
        int(arrival[0]) < table.arrival or bool((arrival[1:] < arrival[:-1]).any()) or arrival[-1] > LARGEST
    )


def _slow(table: _Table, lines: list[str], first: int) -> Requests:
    """The lines one by one: finds the one that is wrong, skips blank lines and comments."""
    rows: list[tuple[int, int, bool, int, int]] = []
    before = table.arrival
    for number, line in enumerate(lines, first):
        if _counts(line):
            rows.append(_row(table, line, number, before, len(rows)))
            before = rows[-1][1]
    ids, arrival, writes, address, source = zip(*rows, strict=True) if rows else ((),) * 5
    return Requests.of(arrival, writes, address, ids, source)


def _row(table: _Table, line: str, number: int, before: int, index: int) -> tuple[int, int, bool, int, int]:
    file, places = table.file, table.places
    cells = line.split(",")
    if len(cells) != table.columns:
        few = len(cells) < table.columns
        raise TraceError(
            f"the line {shown(line)} has {len(cells)} values, the header {table.columns}",
            file=file, line=number, hint="is the file cut off?" if few else None,
        )  # fmt: skip
    arrival = whole_number(cells[places["arrival"]], "arrival", file, number)
    checked_arrival(arrival, before, file, number)
    writes = is_write(cells[places["op"]], file, number)
    address = whole_number(cells[places["addr"]], "address", file, number, 16)
    checked_address(address, table.memory, file, number)
    id_ = table.count + index
    if "id" in places:
        id_ = whole_number(cells[places["id"]], "id", file, number)
    source = whole_number(cells[places["src"]], "source", file, number) if "src" in places else 0
    return id_, arrival, writes, address, source


def _requests(
    table: _Table, ids: Int64 | None, arrival: Int64, writes: object, address: Int64, source: Int64 | None
) -> Requests:
    count = len(arrival)
    return Requests(
        np.arange(table.count, table.count + count, dtype=np.int64) if ids is None else ids,
        arrival,
        np.asarray(writes, np.bool_),
        address,
        np.zeros(count, np.int64) if source is None else source,
    )
