"""Objects of the event-driven simulation: places, service order, and the signal that something has changed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import simpy

from acadl.simulate_plan import Plan

Steps: TypeAlias = "Generator[simpy.Event, Any, None]"


class Signal:
    """Wakes everybody who waits; conditions that are waited for are monotone, so a wake-up too many is harmless."""

    def __init__(self, env: simpy.Environment) -> None:
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

    def __init__(self, env: simpy.Environment, capacity: int) -> None:
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


@dataclass(eq=False)
class Turn:
    """One instruction's service at one object; the next user waits for it (rule 3).

    Attributes:
        interval: Cycles from its start to the next user's; ``None``: the next user waits for ``done``.
        previous: The turn before.
    """

    env: simpy.Environment
    interval: int | None
    previous: Turn | None
    started: simpy.Event = field(init=False)
    done: simpy.Event = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.env.event()
        self.done = self.env.event()

    def wait(self) -> Steps:
        """Wait for the previous user as far as needed."""
        previous, self.previous = self.previous, None  # forget it, else the chain is kept alive
        if previous is None:
            return
        if previous.interval is None:
            yield previous.done
            return
        yield previous.started
        yield from until(self.env, previous.started.value + previous.interval)

    def start(self) -> None:
        """The service starts now."""
        self.started.succeed(self.env.now)

    def finish(self) -> None:
        """The service is done now."""
        self.done.succeed(self.env.now)


def until(env: simpy.Environment, time: int) -> Steps:
    """Wait until ``time``; not at all if it is over."""
    if time > env.now:
        yield env.timeout(time - int(env.now))


@dataclass(eq=False)
class Flight:
    """An instruction on its way.

    Attributes:
        plan: Route and costs.
        turns: Its service turns, by object.
        conflicts: ``done`` events of the earlier instructions that its unit waits for (rule 4).
        issued: Has left the fetch stage (value: when).
        done: Its unit is done (value: when).
        rivals: Flights that it may not overtake when it leaves the fetch stage, with the distance in cycles.
        position: What it is doing, for messages.
        times: Object to [enter, start, done, leave].
    """

    plan: Plan
    turns: dict[str, Turn]
    conflicts: list[simpy.Event]
    issued: simpy.Event
    done: simpy.Event
    rivals: list[tuple[simpy.Event, int]]
    position: str = "is being fetched"
    times: dict[str, list[int]] = field(default_factory=dict)
    transactions: list[tuple[str, int, int, int, int]] = field(default_factory=list)
