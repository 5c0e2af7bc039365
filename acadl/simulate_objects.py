"""Objects of the event-driven simulation: clock, places, service order, instructions on their way."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import simpy
from simpy.events import EventPriority

from acadl.simulate_parts import Rows
from acadl.simulate_plan import Plan

Steps: TypeAlias = "Generator[simpy.Event, Any, None]"


class Clock(simpy.Environment):
    """The simulation's time, in cycles."""

    @property
    def cycle(self) -> int:
        """The present cycle."""
        return int(self.now)

    def until(self, cycle: int) -> Steps:
        """Wait until ``cycle``; not at all if it is over."""
        if cycle > self.cycle:
            yield self.timeout(cycle - self.cycle)

    def after(self, delay: int, action: Callable[[], None]) -> None:
        """Call ``action`` so many cycles from now."""
        self.timeout(delay).callbacks.append(lambda _: action())


class Decision:
    """Something that is decided in a cycle when everything else has happened that does not depend on it.

    Decisions of one cycle are made in the order of their ranks; what follows from one in the same cycle
    happens before the next one is made.
    """

    def __init__(self, env: Clock, rank: int, decide: Callable[[], None]) -> None:
        """``rank``: 2 or more; SimPy's own events have 0 and 1."""
        self._env = env
        self._rank = EventPriority(rank)
        self._decide = decide
        self._due: set[int] = set()

    def due(self, cycle: int | None = None) -> None:
        """Decide in ``cycle`` (``None``: the present one)."""
        now = self._env.cycle
        cycle = now if cycle is None else cycle
        if cycle in self._due:
            return
        self._due.add(cycle)
        event = simpy.Event(self._env)
        event._ok, event._value = True, None
        event.callbacks.append(lambda _: self._made(cycle))
        self._env.schedule(event, self._rank, cycle - now)

    def _made(self, cycle: int) -> None:
        self._due.discard(cycle)
        self._decide()


class Moment:
    """Something that happens once. ``cycle`` says when, once it has; ``event`` can be waited for."""

    def __init__(self, env: Clock) -> None:
        self._env = env
        self.event = env.event()
        self.cycle = -1

    @property
    def happened(self) -> bool:
        """Whether it has happened."""
        return self.cycle >= 0

    def happen(self) -> None:
        """It happens now."""
        self.cycle = self._env.cycle
        self.event.succeed()


class Signal:
    """Wakes everybody who waits.

    The conditions waited for stay true once they are, so that a wake-up too many does no harm.
    """

    def __init__(self, env: Clock) -> None:
        self._env = env
        self._event = env.event()

    def wait(self) -> simpy.Event:
        """The next change."""
        return self._event

    def change(self) -> None:
        """Wake the waiting."""
        event, self._event = self._event, self._env.event()
        event.succeed()


class Places:
    """Rule 2: an object's ``capacity`` places, granted in program order to everybody whose route holds it.

    A place is free ``release_latency`` cycles after its user has left.
    """

    def __init__(self, env: Clock, capacity: int, release_latency: int = 0) -> None:
        self.capacity = capacity
        self._env = env
        self._release_latency = release_latency
        self._users: list[int] = []  # numbers of the users that have not left, in program order
        self._leaving: list[int] = []  # numbers of those that have left and whose places are not free yet
        self._signal = Signal(env)

    def expect(self, number: int) -> None:
        """Instruction ``number`` has the object on its route; called in program order."""
        self._users.append(number)

    def leave(self, number: int) -> None:
        """Instruction ``number`` has left."""
        del self._users[bisect_left(self._users, number)]
        if self._release_latency:
            insort(self._leaving, number)
            self._env.after(self._release_latency, lambda: self._release(number))
        self._signal.change()

    def _release(self, number: int) -> None:
        del self._leaving[bisect_left(self._leaving, number)]
        self._signal.change()

    def ahead(self, number: int) -> int:
        """Places that earlier users have, or will have."""
        return bisect_left(self._users, number) + bisect_left(self._leaving, number)

    def until_ahead(self, number: int, most: int) -> Steps:
        """Wait until earlier users have at most ``most`` places."""
        while self.ahead(number) > most:
            yield self._signal.wait()

    def until_first(self, number: int) -> Steps:
        """Wait until all earlier users have left."""
        while bisect_left(self._users, number):
            yield self._signal.wait()

    def admission(self, number: int) -> Steps:
        """Wait for a place."""
        return self.until_ahead(number, self.capacity - 1)


class Turn:
    """One instruction's service at one object; the next user waits for it (rule 3).

    Attributes:
        started: The service has started.
        done: The service is done.
    """

    def __init__(self, env: Clock, interval: int | None, previous: Turn | None) -> None:
        """``interval``: cycles from its start to the next user's, ``None``: the next user waits for done."""
        self.started = Moment(env)
        self.done = Moment(env)
        self._env = env
        self._interval = interval
        self._previous = previous

    def wait(self) -> Steps:
        """Wait for the previous user as far as needed."""
        previous, self._previous = self._previous, None  # forget it, else all turns so far are kept alive
        if previous is None:
            return
        if previous._interval is None:
            yield previous.done.event
            return
        yield previous.started.event
        yield from self._env.until(previous.started.cycle + previous._interval)


@dataclass(eq=False)
class FlightRows:
    """An instruction in its controller.

    Attributes:
        plan: How it is cut.
        ready: It can begin.
        sent: Its last part has entered the first mover.
        ended: All its parts have come to an end.
        prepared: The instruction that it prepares, once its frame has begun.
        joined: The instruction whose frame it has joined.
        unended: Parts and pieces, of those planned so far, that have not come to an end.
    """

    plan: Rows
    ready: Moment
    sent: Moment
    ended: Moment
    prepared: Flight | None = None
    joined: FlightRows | None = None
    unended: int = 0

    def send_last(self) -> None:
        """The last part has been sent."""
        self.sent.happen()
        if not self.unended:
            self.ended.happen()

    def end_part(self) -> None:
        """A part, or a piece of one, has come to an end."""
        self.unended -= 1
        if not self.unended and self.sent.happened:
            self.ended.happen()


@dataclass(frozen=True, slots=True)
class PartVisit:
    """A part in a mover.

    Attributes:
        mover: Name of the mover.
        part: Number of the part, of the piece.
        enter: When it was admitted.
        start: When it made its reads.
        done: When it was finished.
        leave: When it left.
    """

    mover: str
    part: tuple[int, ...]
    enter: int
    start: int
    done: int
    leave: int


@dataclass(eq=False)
class Flight:
    """An instruction on its way.

    Attributes:
        plan: Route and costs.
        turns: Its service turns, by object.
        conflicts: The earlier instructions that its unit waits for are done (rule 4).
        issued: Has left the fetch stage.
        done: Its unit is done.
        rivals: Instructions before it leave the fetch stage; this one so many cycles later or more.
        position: What it is doing, for messages.
        times: Object to [enter, start, done, leave].
        transactions: Storage, arrival, start, answer, port given up.
        rows: Its state in a controller; ``None`` for other units.
        parts: Where its parts have been.
    """

    plan: Plan
    turns: dict[str, Turn]
    conflicts: list[Moment]
    issued: Moment
    done: Moment
    rivals: list[tuple[Moment, int]]
    position: str = "is being fetched"
    times: dict[str, list[int]] = field(default_factory=dict)
    transactions: list[tuple[str, int, int, int, int]] = field(default_factory=list)
    rows: FlightRows | None = None
    parts: list[PartVisit] = field(default_factory=list)
