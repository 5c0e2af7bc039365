"""Gemmini's unroller cycle by cycle: what leaves it, given when what left it before is complete.

Written from the published sources (LoopMatmul), independently of the mapping. Four parts make commands; an
arbiter lets one go each cycle, into a queue of two in front of the reservation station. Two loops are in
flight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product as combinations
from typing import NamedTuple

QUEUE = {"A": "load", "B": "load", "E": "execute", "S": "store"}


class Command(NamedTuple):
    """``part`` A, B, E (preload and compute) or S; which hardware loop, and which block of it."""

    part: str
    loop: int
    at: tuple[int, ...]


@dataclass
class Part:
    """One of the parts: the loop that it is at (``None``: idle), and that it was at last."""

    steps: Callable[[tuple[int, int, int]], list[tuple[int, ...]]]
    loop: int | None = None
    last: int = -1
    next: int = 0
    orders: dict[int, list[tuple[int, ...]]] = field(default_factory=dict)

    def start(self, loop: int, blocks: tuple[int, int, int]) -> None:
        self.loop, self.last, self.next = loop, loop, 0
        self.orders[loop] = self.steps(blocks)

    @property
    def at(self) -> tuple[int, ...]:
        """Iterators of the next command; those of an idle part have returned to 0."""
        return (0, 0, 0) if self.loop is None else self.orders[self.loop][self.next]

    def go(self) -> None:
        assert self.loop is not None
        self.next += 1
        if self.next == len(self.orders[self.loop]):
            self.loop = None


@dataclass
class Unroller:
    """``loops``: blocks of M, N, K, and whether C is stored; ``limits``: commands on their way, by queue."""

    loops: list[tuple[tuple[int, int, int], bool]]
    limits: dict[str, int]
    wide: int

    def __post_init__(self) -> None:
        wide = self.wide
        self.parts = {
            "A": Part(lambda b: [(k, i) for k in range(0, b[2], wide) for i in range(b[0])]),
            "B": Part(lambda b: [(k, j) for k in range(b[2]) for j in range(0, b[1], wide)]),
            "E": Part(lambda b: list(combinations(range(b[2]), range(b[1]), range(b[0]), (0, 1)))),
            "S": Part(lambda b: [(j, i) for j in range(0, b[1], wide) for i in range(b[0])]),
        }
        self.underway = dict.fromkeys(self.limits, 0)
        self.configured: list[int] = []
        self.started: dict[str, set[int]] = {name: set() for name in ("A", "B", "E", "S")}
        self.finished: dict[str, set[int]] = {name: set() for name in ("A", "B", "E", "S")}
        self.retired = 0
        self.queue: deque[Command] = deque()

    def cycle(
        self, configure: bool, complete: dict[str, int], place: bool = True
    ) -> tuple[Command | None, bool]:
        """One cycle: what enters the reservation station, and whether the next loop was taken.

        Args:
            configure: The host offers the last command of the next loop.
            complete: Commands that are complete, by queue.
            place: The reservation station takes a command.
        """
        entered = self.queue.popleft() if place and self.queue else None
        chosen = self._chosen() if len(self.queue) + bool(entered) < 2 else None
        starts = [name for name in self.parts if self._next_loop(name) is not None]
        fresh = {name: self._next_loop(name) for name in starts}
        ended = [
            (name, part.last) for name, part in self.parts.items() if part.loop is None and part.last >= 0
        ]
        retires = all(self.retired in done for done in self.finished.values())
        taken = configure and len(self.configured) - self.retired < 2
        for queue, number in complete.items():
            self.underway[queue] -= number
        if chosen:
            part = self.parts[chosen]
            assert part.loop is not None
            self.queue.append(Command(chosen, part.loop, part.at))
            self.underway[QUEUE[chosen]] += 1
            part.go()
        store = self.parts["S"]
        if store.loop is not None and not self.loops[store.loop][1]:
            store.loop = None
        for name, loop in ended:
            self.finished[name].add(loop)
        for name, number in fresh.items():
            assert number is not None
            self.started[name].add(number)
            self.parts[name].start(number, self.loops[number][0])
        if taken:
            self.configured.append(len(self.configured))
        self.retired += retires
        return entered, taken

    def _next_loop(self, name: str) -> int | None:
        """The loop that an idle part turns to."""
        if self.parts[name].loop is not None:
            return None
        for loop in self.configured[self.retired : self.retired + 2]:
            if loop not in self.started[name]:
                needs = {"E": ("A", "B"), "S": ("E",)}.get(name, ())
                return loop if all(loop in self.started[other] for other in needs) else None
        return None

    def _chosen(self) -> str | None:
        """Store before execute before loads."""
        ready = {name: part.loop is not None and self._free(name) for name, part in self.parts.items()}
        if ready["S"] and self._store_may_go():
            return "S"
        if ready["E"] and self._execute_may_go():
            return "E"
        load = self._load()
        return load if ready[load] else None

    def _free(self, name: str) -> bool:
        return self.underway[QUEUE[name]] < self.limits[QUEUE[name]]

    def _load(self) -> str:
        """Which of the loads is next: of the older loop, else the first of B, else the smaller k, A first."""
        a, b = self.parts["A"], self.parts["B"]
        if a.last != b.last and self.retired in (a.last, b.last):
            return "A" if a.last == self.retired else "B"
        if a.loop is None or b.loop is None:
            return "B" if a.loop is None else "A"
        return "B" if a.at[0] > b.at[0] or b.at == (0, 0) else "A"

    def _execute_may_go(self) -> bool:
        """Its loads have left."""
        a, b, execute = self.parts["A"], self.parts["B"], self.parts["E"]
        k, j, i, _ = execute.at
        a_gone = a.last != execute.loop or a.loop is None or a.at[0] > k or (a.at[0] == k and a.at[1] > i)
        b_gone = b.last != execute.loop or b.loop is None or b.at[0] > k or (a.at[0] == k and b.at[1] > j)
        return a_gone and b_gone

    def _store_may_go(self) -> bool:
        """Its last computes have left."""
        execute, store = self.parts["E"], self.parts["S"]
        assert store.loop is not None
        (_, cols, depth), stores = self.loops[store.loop]
        if not stores:
            return False
        if execute.last != store.loop or execute.loop is None:
            return True
        (j, i), (at_k, at_j, at_i, _) = store.at, execute.at
        end = min(j + self.wide, cols)
        return at_k == depth - 1 and (at_j >= end or (at_j == end - 1 and at_i > i))
