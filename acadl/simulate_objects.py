"""Objects of the event-driven simulation: clock, places, service order, instructions on their way."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import simpy

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


class Moment:
    """Something that happens once. ``cycle`` says when, once it has; ``event`` can be waited for."""

    def __init__(self, env: Clock) -> None:
        self._env = env
        self.event = env.event()
        self.cycle = -1

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
    """Rule 2: an object's ``capacity`` places, granted in program order to everybody whose route holds it."""

    def __init__(self, env: Clock, capacity: int) -> None:
        self.capacity = capacity
        self._users: list[int] = []  # numbers of the users that have not left, in program order
        self._signal = Signal(env)

    def expect(self, number: int) -> None:
        """Instruction ``number`` has the object on its route; called in program order."""
        self._users.append(number)

    def leave(self, number: int) -> None:
        """Instruction ``number`` has left."""
        del self._users[bisect_left(self._users, number)]
        self._signal.change()

    def ahead(self, number: int) -> int:
        """Earlier users that have not left."""
        return bisect_left(self._users, number)

    def until_ahead(self, number: int, most: int) -> Steps:
        """Wait until at most ``most`` earlier users have not left."""
        while self.ahead(number) > most:
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
