"""What a cache holds: lines by set and way, and which of them are dirty. No times."""

from __future__ import annotations

from typing import NamedTuple

from acadl.errors import AcadlError
from platforms.caches.replacement import replacement

EMPTY = -1


class Evicted(NamedTuple):
    """The line that made room: its number (:data:`EMPTY` for none), and whether it has to be written back."""

    line: int
    dirty: bool


class Tags:
    """Tags of a set-associative cache. A line is named by its number, address // line size.

    ``empty_first``: an allocation takes an empty way, the lowest one, before the policy is asked. Without it
    the policy alone decides, as in hardware that does not look at the valid bits.
    """

    __slots__ = ("_dirty", "_empty_first", "_lines", "_policy", "_sets", "_where")

    def __init__(
        self, sets: int, ways: int, policy: str = "lru", *, seed: int = 0, empty_first: bool = True
    ) -> None:
        if sets < 1 or ways < 1:
            raise AcadlError(f"a cache of {sets} sets and {ways} ways holds nothing")
        self._sets = sets
        self._policy = replacement(policy, sets, ways, seed)
        self._lines = [[EMPTY] * ways for _ in range(sets)]
        self._where: dict[int, int] = {}
        self._dirty: set[int] = set()
        self._empty_first = empty_first

    def hit(self, line: int, write: bool = False) -> bool:
        """Whether the line is there; if so it is used, and dirty where ``write`` says so."""
        way = self._where.get(line)
        if way is None:
            return False
        self._policy.use(line % self._sets, way)
        if write:
            self._dirty.add(line)
        return True

    def holds(self, line: int) -> bool:
        """Whether the line is there; changes nothing."""
        return line in self._where

    def allocate(self, line: int, write: bool = False) -> Evicted:
        """Take in a line that is not there; what made room for it."""
        index = line % self._sets
        lines = self._lines[index]
        room = self._empty_first and EMPTY in lines
        way = lines.index(EMPTY) if room else self._policy.victim(index)
        old = lines[way]
        dirty = False
        if old != EMPTY:
            del self._where[old]
            dirty = old in self._dirty
            self._dirty.discard(old)
        lines[way] = line
        self._where[line] = way
        self._policy.fill(index, way)
        self._policy.use(index, way)
        if write:
            self._dirty.add(line)
        return Evicted(old, dirty)

    def dirty_lines(self) -> list[int]:
        """The lines that differ from the memory, in ascending order."""
        return sorted(self._dirty)
