"""One line of a trace of another simulator: its time if it has one, operation, address, length.

============  ===================================================  =====================================
format        lines                                                time
============  ===================================================  =====================================
``stl``       ``31: read 0x400140``, ``81: (128) read 0x400180``   cycle of the memory clock
``ramulator`` ``LD 0x1f00``, ``R 0,0,2,1,44,3``, ``0x1f00 R``      none: all arrive at cycle 0
``dramsim3``  ``0x1f00 READ 12``                                   cycle of the memory clock
============  ===================================================  =====================================

Words in STL and DRAMsim3 lines are separated by blanks or tabulators; lines that begin with ``#`` and blank
lines count for nothing. Data behind an STL write are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from dram.errors import TraceError, shown
from dram.traces.memory import Memory, is_write, whole_number


@dataclass(frozen=True, slots=True)
class Access:
    """One line. ``length_bytes`` 0 means one burst; ``arrival`` 0 also means that the format has no time."""

    arrival: int
    writes: bool
    address: int
    length_bytes: int = 0


Parser = Callable[[str, Memory, str, int], Access]

# DRAMsim3 takes the names of its predecessor's traces, too
DRAMSIM_WRITES = {"WRITE", "write", "P_MEM_WR", "BOFF"}
DRAMSIM_READS = {"READ", "read", "P_MEM_RD", "P_FETCH", "IFETCH"}

_STL = re.compile(r"\s*(\w+)\s*:\s*(?:\(\s*(\w+)\s*\)\s*)?(\S+)\s+(\S+)(?:\s+(\S+))?\s*")


def parse_stl(line: str, memory: Memory, file: str, number: int) -> Access:
    """``CYCLE: [(LENGTH)] read|write 0xADDRESS [0xDATA]``."""
    found = _STL.fullmatch(line)
    if not found:
        raise _malformed(line, "31: read 0x400140", file, number)
    cycle, length, operation, address, _ = found.groups()
    length_bytes = 0
    if length is not None:
        length_bytes = whole_number(length, "length", file, number)
        if not length_bytes:
            raise TraceError("a transaction has no bytes", file=file, line=number)
    return Access(
        whole_number(cycle, "cycle", file, number),
        is_write(operation, file, number),
        whole_number(address, "address", file, number, 16),
        length_bytes,
    )


def parse_ramulator(line: str, memory: Memory, file: str, number: int) -> Access:
    """``LD|ST ADDRESS``, ``R|W VECTOR`` or ``ADDRESS R|W``; addresses with ``0x`` are hexadecimal."""
    words = line.split()
    if len(words) != 2:
        raise _malformed(line, "LD 0x1f00", file, number)
    if words[0][:1].isdigit():
        words.reverse()
    writes = is_write(words[0], file, number)
    if "," in words[1]:
        return Access(0, writes, _encoded(words[1], memory, file, number))
    base = 16 if words[1][:2].lower() == "0x" else 10
    return Access(0, writes, whole_number(words[1], "address", file, number, base))


def _encoded(text: str, memory: Memory, file: str, number: int) -> int:
    """The byte address of an address vector such as ``0,0,2,1,44,3``."""
    if memory.encode is None:
        raise TraceError(
            "an address vector is no byte address without a memory",
            file=file,
            line=number,
            hint="name a device",
        )
    entries = [whole_number(entry, "entry", file, number) for entry in text.split(",")]
    try:
        return memory.encode(entries)
    except ValueError as error:
        raise TraceError(f"address vector {shown(text)}: {error}", file=file, line=number) from error


def parse_dramsim3(line: str, memory: Memory, file: str, number: int) -> Access:
    """``0xADDRESS READ|WRITE CYCLE``."""
    words = line.split()
    if len(words) != 3:
        raise _malformed(line, "0x1f00 READ 12", file, number)
    address, operation, cycle = words
    known = operation in DRAMSIM_READS or operation in DRAMSIM_WRITES
    return Access(
        whole_number(cycle, "cycle", file, number),
        operation in DRAMSIM_WRITES if known else is_write(operation, file, number),
        whole_number(address, "address", file, number, 16),
    )


def _malformed(line: str, example: str, file: str, number: int) -> TraceError:
    return TraceError(
        f"the line {shown(line)} is not of the format", file=file, line=number, hint=f"an example: {example}"
    )


PARSERS: dict[str, Parser] = {
    "stl": parse_stl,
    "ramulator": parse_ramulator,
    "dramsim3": parse_dramsim3,
}
SIGNS = {
    "stl": re.compile(r"\s*\d+\s*:"),
    "ramulator": re.compile(r"\s*(LD|ST|R|W)\s+\S+\s*|\s*\w+\s+[RW]\s*"),
    "dramsim3": re.compile(r"\s*(0[xX])?[0-9a-fA-F]+\s+\S+\s+\d+\s*"),
}


def recognized(line: str) -> str | None:
    """The format that a line looks like; ``None`` if like none."""
    if SIGNS["stl"].match(line):
        return "stl"
    return next((name for name in ("ramulator", "dramsim3") if SIGNS[name].fullmatch(line)), None)
