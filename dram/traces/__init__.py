"""Traces of requests: our table, DRAMSys STL, Ramulator, DRAMsim3; plain or gzip.

Files are read in blocks, so memory does not grow with their length. Every error names the line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain

from dram.errors import TraceError, did_you_mean, shown
from dram.requests import Requests
from dram.traces.lines import BLOCK_BYTES, Block, read_blocks
from dram.traces.memory import UNKNOWN, Memory, checked_address, checked_arrival
from dram.traces.requests_csv import is_header, read_table
from dram.traces.text_formats import PARSERS, Access, Parser, recognized

FORMATS = ("csv", *PARSERS)


def read_requests(
    path: str | os.PathLike[str], format: str | None = None, memory: Memory = UNKNOWN
) -> Requests:
    """All requests of a trace. Arguments and errors as :func:`read_batches`."""
    return Requests.joined(list(read_batches(path, format, memory)))


def read_batches(
    path: str | os.PathLike[str],
    format: str | None = None,
    memory: Memory = UNKNOWN,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Requests]:
    """The requests of a trace, as many at a time as stand in ``block_bytes`` of the file.

    Args:
        path: File of one of :data:`FORMATS`.
        format: Which one; ``None``: what the first line looks like.
        memory: What the addresses are checked against.
        block_bytes: Size of the blocks in which the file is read.

    Raises:
        TraceError: Unreadable, of no known format, empty, or a line is wrong: unknown operation, address
            beyond the memory, arrival before the previous one, number too large, missing values.
    """
    file = os.fspath(path)
    if format is not None and format not in FORMATS:
        raise TraceError(
            f"unknown format '{format}'{did_you_mean(format, FORMATS)}", hint=f"one of {', '.join(FORMATS)}"
        )
    if file.lower().removesuffix(".gz").endswith(".rstl"):
        raise TraceError(
            "times of relative STL traces count from the end of the previous transaction", file=file,
            hint="convert it to absolute times (.stl)",
        )  # fmt: skip
    blocks = read_blocks(path, block_bytes)
    if format is None:
        format, blocks = _found_format(blocks, file)
    count = 0
    batches = (
        read_table(blocks, file, memory) if format == "csv" else _read_text(blocks, format, file, memory)
    )
    for batch in batches:
        count += len(batch)
        yield batch
    if not count:
        raise TraceError("the trace has no requests", file=file)


def _found_format(blocks: Iterator[Block], file: str) -> tuple[str, Iterator[Block]]:
    """What the first line that counts looks like, and all blocks."""
    seen: list[Block] = []
    for block in blocks:
        seen.append(block)
        for number, line in enumerate(block.lines, block.first):
            if line.strip() and not line.lstrip().startswith("#"):
                return _format_of(line, file, number), chain(seen, blocks)
    raise TraceError("the trace has no requests", file=file)


def _format_of(line: str, file: str, number: int) -> str:
    format = "csv" if is_header(line) else recognized(line)
    if format is None:
        raise TraceError(
            f"the line {shown(line)} is of no known format", file=file, line=number,
            hint="the table begins with 'id,arrival,op,addr,src'; others have lines such as"
            " '31: read 0x400140', 'LD 0x1f00' or '0x1f00 READ 12'",
        )  # fmt: skip
    return format


def _read_text(blocks: Iterator[Block], format: str, file: str, memory: Memory) -> Iterator[Requests]:
    """Requests of each block of one of the formats with one access a line."""
    parse: Parser = PARSERS[format]
    count, before = 0, 0
    for block in blocks:
        arrival: list[int] = []
        writes: list[bool] = []
        address: list[int] = []
        for number, line in enumerate(block.lines, block.first):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            access = parse(line, memory, file, number)
            before = checked_arrival(access.arrival, before, file, number)
            for burst in _bursts(access, memory, file, number):
                arrival.append(access.arrival)
                writes.append(access.writes)
                address.append(burst)
        if arrival:
            yield Requests.of(arrival, writes, address, range(count, count + len(arrival)))
            count += len(arrival)


def _bursts(access: Access, memory: Memory, file: str, number: int) -> range:
    """Addresses of the bursts that an access needs."""
    checked_address(access.address, memory, file, number)
    if not access.length_bytes:
        return range(access.address, access.address + 1)
    burst = memory.burst_bytes
    if burst is None:
        raise TraceError(
            "a transaction with a length is no number of bursts without a memory", file=file, line=number,
            hint="name a device",
        )  # fmt: skip
    last = checked_address(access.address + access.length_bytes - 1, memory, file, number)
    bursts = range(access.address // burst * burst, last + 1, burst)
    if len(bursts) > LONGEST_TRANSACTION:
        raise TraceError(
            f"a transaction of {access.length_bytes} bytes is too long", file=file, line=number,
            hint=f"at most {LONGEST_TRANSACTION} bursts",
        )  # fmt: skip
    return bursts


LONGEST_TRANSACTION = 1 << 16  # bursts
