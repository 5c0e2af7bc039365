"""What happened when: sums over windows of time, for bandwidth, queues, hits and cores that are held up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FIRST_CYCLES = 256
MOST = 256
Key = tuple[str, int | str, int]
"""What is counted, where, and for which core."""


@dataclass(frozen=True, slots=True)
class OverTime:
    """Sums over windows of equal length, the first from cycle 0 on.

    Attributes:
        window_cycles: Length of a window.
        bytes_moved: Per memory channel and core: bytes that the channel moved for the core.
        waiting: Per channel and cache: sums of cycles that requests were there, waiting or under way; divided
            by the length of the window, the mean number of requests there (Little's law).
        hits, misses: Per cache.
        held: Per core: cycles in which it could not go on until a request was answered.
    """

    window_cycles: int
    bytes_moved: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)
    waiting: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    hits: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    misses: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    held: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def windows(self) -> int:
        """How many there are."""
        rows = [*self.waiting.values(), *self.hits.values(), *self.held.values()]
        return max(map(len, rows), default=0)


class Windows:
    """Gathers sums; windows grow as time goes on, so that there are never more than :data:`MOST`.

    Attributes:
        length: Cycles of a window.
    """

    def __init__(self, length: int = FIRST_CYCLES) -> None:
        self.length = length
        self.last = 0  # cycle that was added to last
        self._sums: dict[Key, list[int]] = {}

    def add(self, key: Key, cycle: int, amount: int = 1) -> None:
        """In a cycle."""
        self._row(key, cycle)[cycle // self.length] += amount

    def spread(self, key: Key, begin: int, end: int, amount: int) -> None:
        """Evenly from ``begin`` to ``end``; the sum stays exact."""
        if end <= begin:
            self.add(key, begin, amount)
            return
        row, length = self._row(key, end), self.length
        first, last = begin // length, (end - 1) // length
        if first == last:
            row[first] += amount
            return
        given = 0
        for window in range(first, last + 1):
            upto = amount * (min(end, (window + 1) * length) - begin) // (end - begin)
            row[window] += upto - given
            given = upto

    def row(self, key: Key) -> tuple[int, ...]:
        """The sums of a key, up to the last window of all."""
        count = self.last // self.length + 1
        row = self._sums.get(key, [])
        return (*row[:count], *[0] * (count - len(row)))

    def totals(self) -> dict[Key, int]:
        """Of all windows, by key."""
        return {key: sum(row) for key, row in self._sums.items()}

    def _row(self, key: Key, cycle: int) -> list[int]:
        if cycle > self.last:
            self.last = cycle
            while cycle >= self.length * MOST:
                self._double()
        row = self._sums.get(key)
        if row is None:
            row = self._sums[key] = [0] * (MOST + 1)
        return row

    def _double(self) -> None:
        self.length *= 2
        for row in self._sums.values():
            row[:] = [row[2 * n] + row[2 * n + 1] for n in range(MOST // 2)] + [0] * (MOST // 2 + 1)
