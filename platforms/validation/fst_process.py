"""Reads an FST file with the package pywellen, in a process of its own: damaged files may end or hang it.

It is told the file as argument and the numbers of the watched signals as one line of JSON, and answers in
lines of JSON: ``{"signals": [[name, bits], …]}`` (bits of real numbers and texts are null), then lists of
``[time, [[number, value], …]]`` by time, then ``{"end": true}``; or ``{"error": "…"}``.
"""

from __future__ import annotations

import heapq
import json
import os
import sys
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

# Changes in a line.
BATCH = 4096
# Memory that may be used, beside so many times the size of the file: a damaged one may ask for anything.
MEMORY_BYTES = 8 << 30
MEMORY_FACTOR = 100


def main() -> None:
    """Answer on standard output."""
    file = sys.argv[1]
    try:
        _limit_memory(os.path.getsize(file))
        _answer(file)
    except KeyboardInterrupt:
        sys.exit(1)
    except BaseException as error:  # the package panics with a class of its own
        lines = str(error).splitlines() or [type(error).__name__]
        hint = "" if isinstance(error, Exception) else "; the file is probably damaged"
        _send({"error": lines[0][:200] + hint})


def _answer(file: str) -> None:
    from pywellen import Waveform

    waveform = Waveform(file)
    variables = list(waveform.all_vars())
    _send({"signals": [[variable.full_name, variable.bitwidth] for variable in variables]})
    watched = json.loads(sys.stdin.readline() or "[]")
    streams = [_stream(variables[at].signal, number) for number, at in enumerate(watched)]
    merged = heapq.merge(*streams, key=lambda change: change[0])
    changes = (
        [time, [[number, value] for _, number, value in group]]
        for time, group in groupby(merged, key=lambda change: change[0])
    )
    while batch := list(islice(changes, BATCH)):
        _send(batch)
    _send({"end": True})


def _stream(signal: Any, number: int) -> Iterator[tuple[int, int, int | None]]:
    for position in range(len(signal)):
        time, value = signal[position]
        yield time, number, _number(value)


def _number(value: int | str) -> int | None:
    """The package gives defined values as integers, others as text."""
    if isinstance(value, int):
        return value
    return int(value, 2) if value and not value.strip("01") else None


def _limit_memory(size: int) -> None:
    try:
        import resource
    except ImportError:  # not on this system
        return
    wanted = MEMORY_BYTES + MEMORY_FACTOR * size
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or wanted < most:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, most))


def _send(data: object) -> None:
    sys.stdout.write(json.dumps(data, separators=(",", ":")) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
