"""How slow the machine is that runs the tests: limits in seconds are for another one."""

from __future__ import annotations

from functools import cache
from time import process_time

ADDITIONS = 1_000_000
SECONDS = 0.08  # for these, on the machine that limits are for


@cache
def slowness() -> float:
    """Processor time of a piece of work over what it takes there; at least 1."""
    return max(1.0, min(_measured() for _ in range(3)) / SECONDS)


def _measured() -> float:
    start, total = process_time(), 0
    for number in range(ADDITIONS):
        total += number
    return process_time() - start
