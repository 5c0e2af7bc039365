"""Replacement policies: which way of a set makes room.

One object holds the state of all sets of a cache. A way is *used* by every hit and every allocation; it is
*filled* by allocations only. All start as the hardware does after reset, way 0 first in line.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Protocol

from acadl.errors import AcadlError, nearest


class Replacement(Protocol):
    """The policy of one cache."""

    def victim(self, index: int) -> int:
        """The way of set ``index`` that makes room; changes nothing but a random sequence."""
        ...

    def use(self, index: int, way: int) -> None:
        """A hit in that way, or its allocation."""
        ...

    def fill(self, index: int, way: int) -> None:
        """The allocation of that way; :meth:`use` comes with it."""
        ...


class Lru:
    """Least recently used: the ways of a set in the order of their last use."""

    def __init__(self, sets: int, ways: int, seed: int) -> None:
        self._order = [list(range(ways)) for _ in range(sets)]

    def victim(self, index: int) -> int:
        return self._order[index][0]

    def use(self, index: int, way: int) -> None:
        order = self._order[index]
        if order[-1] != way:
            order.remove(way)
            order.append(way)

    def fill(self, index: int, way: int) -> None:
        pass


class Fifo:
    """First in, first out: a counter per set that only allocations move."""

    def __init__(self, sets: int, ways: int, seed: int) -> None:
        self._ways = ways
        self._next = [0] * sets

    def victim(self, index: int) -> int:
        return self._next[index]

    def use(self, index: int, way: int) -> None:
        pass

    def fill(self, index: int, way: int) -> None:
        if way == self._next[index]:  # a way that was still empty may be filled out of turn
            self._next[index] = (way + 1) % self._ways


class TreePlru:
    """Tree of bits, root first: a bit says which half makes room (0: the lower ways); a use turns it away."""

    def __init__(self, sets: int, ways: int, seed: int) -> None:
        if ways & (ways - 1):
            raise AcadlError(f"tree-PLRU needs a power of two as the number of ways, not {ways}")
        self._ways = ways
        self._bits = [[0] * ways for _ in range(sets)]  # node n has the children 2n and 2n + 1; node 0 unused

    def victim(self, index: int) -> int:
        bits, node = self._bits[index], 1
        while node < self._ways:
            node = 2 * node + bits[node]
        return node - self._ways

    def use(self, index: int, way: int) -> None:
        bits, node = self._bits[index], way + self._ways
        while node > 1:
            bits[node >> 1] = 1 - (node & 1)
            node >>= 1

    def fill(self, index: int, way: int) -> None:
        pass


class MruPlru:
    """A bit per way, set by a use; the use that would set the last one clears the others."""

    def __init__(self, sets: int, ways: int, seed: int) -> None:
        self._all = (1 << ways) - 1
        self._used = [0] * sets

    def victim(self, index: int) -> int:
        free = ~self._used[index] & self._all
        return (free & -free).bit_length() - 1 if free else 0  # a single way is always used

    def use(self, index: int, way: int) -> None:
        used = self._used[index] | 1 << way
        self._used[index] = 1 << way if used == self._all else used

    def fill(self, index: int, way: int) -> None:
        pass


class RandomWay:
    """Any way, equally likely, from a seeded generator: the same seed gives the same run."""

    def __init__(self, sets: int, ways: int, seed: int) -> None:
        self._ways = ways
        self._draw = Random(seed).random  # its sequence is the same in every Python version

    def victim(self, index: int) -> int:
        return int(self._draw() * self._ways)

    def use(self, index: int, way: int) -> None:
        pass

    def fill(self, index: int, way: int) -> None:
        pass


POLICIES: dict[str, Callable[[int, int, int], Replacement]] = {
    "lru": Lru,
    "fifo": Fifo,
    "plru_tree": TreePlru,
    "plru_mru": MruPlru,
    "random": RandomWay,
}
"""By name: a policy for a number of sets, of ways, and a seed."""


def replacement(policy: str, sets: int, ways: int, seed: int = 0) -> Replacement:
    """The policy of that name in its first state.

    Raises:
        AcadlError: There is no such policy, or it cannot have so many ways.
    """
    if policy not in POLICIES:
        known = ", ".join(POLICIES)
        raise AcadlError(f"unknown replacement policy '{policy}'{nearest(policy, POLICIES)} (known: {known})")
    return POLICIES[policy](sets, ways, seed)
