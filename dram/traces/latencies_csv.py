"""Results per request ``id,accept,done`` as CSV, written in one step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain

from dram.requests import Int64
from dram.traces.writing import write_lines

ROWS_AT_ONCE = 1 << 16
HEADER = "id,accept,done\n"


def write_latencies(path: str | os.PathLike[str], ids: Int64, accept: Int64, done: Int64) -> None:
    """Write the cycles in which requests were accepted and done; gzip if the name ends with ``.gz``.

    Raises:
        TraceError: The file cannot be written.
    """
    write_lines(path, chain((HEADER,), latency_lines(ids, accept, done)))


def latency_lines(ids: Int64, accept: Int64, done: Int64) -> Iterator[str]:
    """The lines of some requests, many at a time."""
    for start in range(0, len(ids), ROWS_AT_ONCE):
        piece = slice(start, start + ROWS_AT_ONCE)
        rows = zip(ids[piece].tolist(), accept[piece].tolist(), done[piece].tolist(), strict=True)
        yield "".join([f"{number},{first},{last}\n" for number, first, last in rows])
