"""Cores on caches and memories of any kind: the same cores as on a :class:`Manager`, another memory.

Each core has something that it accesses: its own first level, a shared one, or a memory
(:mod:`platforms.caches`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import simpy

from acadl.errors import SimulationError
from acadl.simulate_objects import Clock, Decision
from platforms.caches.below import Below
from platforms.caches.journey import Journey
from platforms.soc.core import Core, Request
from platforms.soc.manager import CORES_RANK, CoreTimes
from platforms.soc.phases import Board
from platforms.soc.shared_memory import NEVER

Explain = Callable[[int, int, Journey], None]
"""A core that wants to know what its requests waited for has this method, ``explain``: tag, cycle, waits."""


@dataclass(eq=False, slots=True)
class _Seat:
    """A core at work. ``evaluated``: the last cycle that it has evaluated."""

    core: Core
    below: Below
    start: int = -1
    end: int = -1
    evaluated: int = -1
    waiting: int = 0
    explain: Explain | None = None


class HierarchyManager:
    """Cores, each on a level or memory; a core asks for at most one read and one write a cycle.

    A core that has ``most_outstanding`` requests under way waits with the next one.
    """

    def __init__(
        self,
        env: Clock,
        cores: Sequence[Core],
        belows: Sequence[Below],
        *,
        board: Board | None = None,
        most_outstanding: int = 64,
        early: int = 0,
    ) -> None:
        """``board``: of cores that work through phases; ``early``: how many of the last ones go first."""
        self._env = env
        self._most = most_outstanding
        self._seats = [
            _Seat(core, below, explain=getattr(core, "explain", None))
            for core, below in zip(cores, belows, strict=True)
        ]
        self._turns = [
            Decision(env, CORES_RANK + (number + early) % len(cores), self._turn_of(number))
            for number in range(len(cores))
        ]
        if board is not None:
            board.changed = board.wake = self._wake_all

    def start(self, number: int, cycle: int = 0) -> None:
        """Let a core begin in a cycle, the present one or a later one."""
        seat = self._seats[number]
        seat.start = cycle
        seat.core.start(cycle)
        self._turns[number].due(cycle)

    def run(self) -> list[CoreTimes]:
        """Run until all cores that begin are done.

        Raises:
            SimulationError: Cores wait for each other; the message says what each waits for.
        """
        self._env.run()
        stuck = [number for number, seat in enumerate(self._seats) if seat.start >= 0 and seat.end < 0]
        if stuck:
            reasons = [
                f"core {number}: {getattr(self._seats[number].core, 'waits_for', 'waits')}"
                for number in stuck
            ]
            circle = self._circle(stuck)
            if circle:
                reasons.append(f"they wait in a circle: {' -> '.join(f'core {each}' for each in circle)}")
            raise SimulationError(f"deadlock at cycle {self._env.cycle}: {'; '.join(reasons)}")
        return [CoreTimes(seat.start, seat.end) for seat in self._seats]

    def _circle(self, stuck: Sequence[int]) -> list[int]:
        """Cores that wait for each other, the first one again at the end; none where there is no circle."""
        following = {number: getattr(self._seats[number].core, "waits_for_core", -1) for number in stuck}
        for first in stuck:
            way = [first]
            while following.get(way[-1], -1) >= 0 and following[way[-1]] not in way:
                way.append(following[way[-1]])
            if following.get(way[-1], -1) in way:
                circle = way[way.index(following[way[-1]]) :]
                return [*circle, circle[0]]
        return []

    def _wake_all(self) -> None:
        for seat, turn in zip(self._seats, self._turns, strict=True):
            if seat.start >= 0 and seat.end < 0:
                turn.due(max(seat.start, self._env.cycle))

    def _turn_of(self, number: int) -> Callable[[], None]:
        return lambda: self._turn(number)

    def _turn(self, number: int) -> None:
        now, seat = self._env.cycle, self._seats[number]
        while seat.end < 0:
            room = int(seat.waiting < self._most)
            stop = seat.core.go(now, room, room)
            seat.evaluated = now
            if stop.ended:
                seat.end = stop.cycle
            elif stop.requests:
                for request in stop.requests:
                    self._ask(number, request)
            else:
                if stop.following < NEVER:
                    self._turns[number].due(max(now + 1, stop.following))
                return

    def _ask(self, number: int, request: Request) -> None:
        seat = self._seats[number]
        seat.waiting += 1
        journey = Journey(number)
        transfer = seat.below.access(number, request.address, request.size, request.write, journey=journey)

        def answered(_: simpy.Event) -> None:
            seat.waiting -= 1
            cycle = max(self._env.cycle, seat.evaluated + 1)
            journey.end(self._env.cycle)
            if seat.explain is not None:
                seat.explain(request.tag, cycle, journey)
            following = seat.core.answer(request.tag, cycle)
            self._turns[number].due(max(cycle, following) if following < NEVER else cycle)

        assert transfer.last.callbacks is not None
        transfer.last.callbacks.append(answered)
