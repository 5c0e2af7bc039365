"""Command traces ``cycle,cmd,rank,bankgroup,bank,row,column`` as CSV: reading in blocks, writing in one step.

Places that a command does not have are written as -1; empty cells are read as -1.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from dram.command_arrays import EVERY, Commands
from dram.commands import COMMAND_NAMES, COMMAND_NUMBERS
from dram.errors import TraceError, did_you_mean, shown
from dram.requests import Int64
from dram.traces.lines import BLOCK_BYTES, read_blocks
from dram.traces.memory import LARGEST, whole_number
from dram.traces.writing import write_lines

COLUMNS = ("cycle", "cmd", "rank", "bankgroup", "bank", "row", "column")
HEADER = ",".join(COLUMNS) + "\n"
# Other names of the same commands.
OTHER_NAMES = {
    "PREPB": "PRE", "PREAB": "PREA", "REFAB": "REF", "REFA": "REF", "REFB": "REFPB",
    "ACTIVATE": "ACT", "PRECHARGE": "PRE", "READ": "RD", "WRITE": "WR", "READ_P": "RDA", "WRITE_P": "WRA",
    "SREFEN": "SREF", "SREFEX": "SREFX", "PDEA": "PDNA", "PDEP": "PDNP",
}  # fmt: skip
_NUMBERS = {**COMMAND_NUMBERS, **{other: COMMAND_NUMBERS[name] for other, name in OTHER_NAMES.items()}}
ROWS_AT_ONCE = 1 << 16


def read_commands(path: str | os.PathLike[str]) -> Commands:
    """All commands of a trace. Raises as :func:`read_command_batches`."""
    return Commands.joined(list(read_command_batches(path)))


def read_command_batches(path: str | os.PathLike[str], block_bytes: int = BLOCK_BYTES) -> Iterator[Commands]:
    """The commands of a trace, as many at a time as stand in ``block_bytes`` of the file.

    Raises:
        TraceError: Unreadable, empty, another header, or a line is wrong: unknown command, cycle before the
            previous one, missing values.
    """
    file = os.fspath(path)
    header = False
    before = count = 0
    for block in read_blocks(path, block_bytes):
        lines, first = block.lines, block.first
        while not header and lines:
            line, lines, first = lines[0], lines[1:], first + 1
            if line.strip() and not line.lstrip().startswith("#"):
                _check_header(line, file, first - 1)
                header = True
        table = _fast(lines, before)
        if table is None:
            table = _slow(lines, first, before, file)
        if len(table):
            before = int(table[-1, 0])
            count += len(table)
            yield Commands.from_table(table)
    if not count:
        raise TraceError("the trace has no commands", file=file)


def _check_header(line: str, file: str, number: int) -> None:
    if tuple(cell.strip().lower() for cell in line.split(",")) != COLUMNS:
        raise TraceError(
            f"{shown(line)} is not the header of a command trace", file=file, line=number,
            hint=f"it is {','.join(COLUMNS)}",
        )  # fmt: skip


def _fast(lines: list[str], before: int) -> Int64 | None:
    """The lines column by column; ``None`` if anything about them needs a closer look."""
    if lines and not lines[-1]:
        lines = lines[:-1]
    text = ",".join(lines)
    if not lines or not text.isascii() or "_" in text or any(line.count(",") != 6 for line in lines):
        return None
    cells = text.split(",")
    try:
        cells[1::7] = [str(_NUMBERS[name]) for name in cells[1::7]]
        table = np.array(list(map(int, cells)), np.int64).reshape(-1, 7)
    except (ValueError, KeyError, OverflowError):
        return None
    cycle = table[:, 0]
    ordered = cycle[0] >= before and not (cycle[1:] < cycle[:-1]).any() and cycle[-1] <= LARGEST
    return table if ordered and table.min() >= EVERY else None


def _slow(lines: list[str], first: int, before: int, file: str) -> Int64:
    """The lines one by one: finds the one that is wrong, skips blank lines and comments."""
    rows = []
    for number, line in enumerate(lines, first):
        if line.strip() and not line.lstrip().startswith("#"):
            rows.append(_row(line, number, before, file))
            before = rows[-1][0]
    return np.array(rows, np.int64).reshape(-1, 7)


def _row(line: str, number: int, before: int, file: str) -> list[int]:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(COLUMNS):
        few = len(cells) < len(COLUMNS)
        raise TraceError(
            f"the line {shown(line)} has {len(cells)} values instead of {len(COLUMNS)}",
            file=file, line=number, hint="is the file cut off?" if few else None,
        )  # fmt: skip
    cycle = whole_number(cells[0], "cycle", file, number)
    if cycle < before:
        raise TraceError(
            f"cycle {cycle} is before that of the previous command, {before}", file=file, line=number,
            hint="commands are listed in the order of time",
        )  # fmt: skip
    command = _NUMBERS.get(cells[1].upper())
    if command is None:
        raise TraceError(
            f"unknown command {shown(cells[1])}{did_you_mean(cells[1].upper(), _NUMBERS)}",
            file=file, line=number, hint=f"one of {', '.join(COMMAND_NAMES)}",
        )  # fmt: skip
    place = [
        EVERY if cell in ("", "-1") else whole_number(cell, name, file, number)
        for name, cell in zip(COLUMNS[2:], cells[2:], strict=True)
    ]
    return [cycle, command, *place]


def write_commands(path: str | os.PathLike[str], commands: Commands | Iterable[Commands]) -> None:
    """Write a command trace in one step; gzip if the name ends with ``.gz``.

    Raises:
        TraceError: The file cannot be written.
    """
    parts = (commands,) if isinstance(commands, Commands) else commands
    write_lines(path, chain((HEADER,), chain.from_iterable(map(command_lines, parts))))


def command_lines(part: Commands) -> Iterator[str]:
    """The lines of some commands, many at a time."""
    places = (part.rank, part.bankgroup, part.bank, part.row, part.column)
    for start in range(0, len(part), ROWS_AT_ONCE):
        piece = slice(start, start + ROWS_AT_ONCE)
        names = [COMMAND_NAMES[number] for number in part.command[piece].tolist()]
        columns = [column[piece].tolist() for column in places]
        rows = zip(part.cycle[piece].tolist(), names, *columns, strict=True)
        yield "".join([f"{t},{name},{a},{g},{b},{r},{c}\n" for t, name, a, g, b, r, c in rows])
