"""What cores are stalled by: shares of whole cycles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from platforms.caches.journey import (
    BUS,
    CACHE,
    LINE,
    LOOKUP,
    MEMORY,
    PORT,
    QUEUE,
    REFRESH,
    REGISTERS,
    WRITES,
    Cause,
)

K = TypeVar("K")
TEXTS = {
    BUS: "bus",
    LOOKUP: "port of the cache",
    REGISTERS: "miss registers",
    LINE: "line under way",
    WRITES: "write buffer",
    CACHE: "latency of the cache",
    QUEUE: "queue of the memory",
    REFRESH: "refresh",
    MEMORY: "latency of the memory",
    PORT: "port of the core",
}


@dataclass(frozen=True, slots=True)
class Stall:
    """Cycles that a core was stalled for one reason.

    Attributes:
        where: What its requests waited in; see :mod:`platforms.caches.journey`.
        who: Name of the core that was in the way there: another one, or the core itself; empty: none was.
    """

    where: str
    who: str
    cycles: int


def divided(total: int, weights: Mapping[K, float]) -> tuple[tuple[K, int], ...]:
    """A number of cycles in proportion to weights: whole numbers, whose sum it is (largest remainders)."""
    whole = sum(weights.values())
    if total <= 0 or whole <= 0:
        return ()
    exact = [(key, total * weight / whole) for key, weight in weights.items()]
    floors = [int(share) for _, share in exact]
    order = sorted(range(len(exact)), key=lambda place: (floors[place] - exact[place][1], place))
    for place in order[: total - sum(floors)]:
        floors[place] += 1
    return tuple((key, cycles) for (key, _), cycles in zip(exact, floors, strict=True) if cycles)


def stalls(causes: Iterable[tuple[Cause, int]], names: Mapping[int, str]) -> tuple[Stall, ...]:
    """Sums by cause, the largest first."""
    sums: dict[Cause, int] = {}
    for cause, cycles in causes:
        sums[cause] = sums.get(cause, 0) + cycles
    found = [Stall(where, names.get(who, ""), cycles) for (where, who), cycles in sums.items()]
    return tuple(sorted(found, key=lambda each: (-each.cycles, each.where, each.who)))


def stall_text(stall: Stall, total: int) -> str:
    """For a table: what a core was stalled by, and its part of all stalled cycles."""
    who = f" ({stall.who})" if stall.who else ""
    return f"{TEXTS[stall.where]}{who} {100 * stall.cycles / max(1, total):.1f} %"
