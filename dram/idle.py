"""Long pauses of a trace: refreshes that repeat themselves are counted, not run one by one.

While nothing waits, the state of a controller repeats itself, shifted in time, with every round of refreshes.
Where two rounds have changed it alike, all further ones up to the next request are added at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dram.kernel import layout as at
from dram.requests import Int64

LONG = 1 << 22  # cycles; shorter pauses are run through
CHANGING = ("regs", "ready", "rings", "banks", "ranks", "due", "left", "slots", "keys")

Run = Callable[[at.Kernel], int]


def run_over_pauses(kernel: at.Kernel, run: Run, limit: int, long: int = LONG) -> int:
    """Run the kernel up to ``limit``, or to another reason to stop, which is returned.

    The result is that of ``run`` alone; pauses of more than ``long`` cycles take no longer than a part of
    them. Recorded commands are never left out.
    """
    settings, regs = kernel.settings, kernel.regs
    if not settings[at.RECORD] and settings[at.REFRESH] != at.NO_REFRESH and regs[at.INPUT] < regs[at.INPUTS]:
        for start, end in _pauses(kernel, limit, long):
            reason = _shorten(kernel, run, start, end, long)
            if reason != at.PAUSED:
                return reason
    settings[at.LIMIT] = limit
    return run(kernel)


def _pauses(kernel: at.Kernel, limit: int, long: int) -> list[tuple[int, int]]:
    """Start and end of the times up to ``limit`` in which for long no request arrives."""
    now = int(kernel.regs[at.NOW])
    first, count = int(kernel.regs[at.INPUT]), int(kernel.regs[at.INPUTS])
    if min(int(kernel.arrival[count - 1]), limit) - now <= long:
        return []
    arrivals = np.asarray(kernel.arrival[first:count], np.int64)
    ends = np.minimum(arrivals, limit)
    starts = np.maximum(np.concatenate([[now], ends[:-1]]), now)
    found = np.flatnonzero(ends - starts > long)
    return [(int(starts[place]), int(ends[place])) for place in found]


def _shorten(kernel: at.Kernel, run: Run, start: int, end: int, long: int) -> int:
    """Leave rounds of refreshes out between two cycles, once all requests so far have been served."""
    period = _period(kernel)
    later = long // 8
    while start + later + 4 * period < end:
        states = []
        for rounds in range(3):
            kernel.settings[at.LIMIT] = start + later + rounds * period
            reason = run(kernel)
            if reason != at.PAUSED:
                return reason
            states.append(_state(kernel))
        if _repeat(states, period):
            _add_rounds(kernel, states, max(0, (end - int(kernel.regs[at.NOW])) // period - 1))
            break
        later *= 2
    return at.PAUSED


def _period(kernel: at.Kernel) -> int:
    """Cycles after which every bank has been refreshed, and a clock has the same edge."""
    settings = kernel.settings
    turns = {at.PER_BANK: settings[at.BANKS_PER_RANK], at.SAME_BANK: settings[at.BANKS]}
    edges = 2 if settings[at.EDGES] else 1
    return int(settings[at.REFRESH_INTERVAL] * turns.get(settings[at.REFRESH], 1) * edges)


def _state(kernel: at.Kernel) -> dict[str, Int64]:
    return {name: np.array(getattr(kernel, name), np.int64) for name in (*CHANGING, "counts")}


def _repeat(states: list[dict[str, Int64]], period: int) -> bool:
    """Whether each round has left everything as it was, or put it off by a period; counters aside."""
    first, second, third = states
    for name in first:
        change = second[name] - first[name]
        if (third[name] - second[name] != change).any():
            return False
        if name != "counts" and ((change != 0) & (change != period)).any():
            return False
    return True


def _add_rounds(kernel: at.Kernel, states: list[dict[str, Int64]], count: int) -> None:
    """What so many further rounds would change."""
    for name in states[0]:
        getattr(kernel, name)[:] = (states[2][name] + count * (states[2][name] - states[1][name])).tolist()
