"""A bus or a crossbar in a SimPy simulation: requests go down, data come up, each side has its lanes.

Requests and answers are apart (split transactions): who waits for data holds nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import simpy

from acadl.errors import AcadlError
from acadl.simulate_objects import Clock, Decision
from platforms.caches.below import Below, Transfer
from platforms.caches.journey import BUS, NOBODY, Journey

GRANT_RANK = 400_000  # behind the cores' requests of a cycle, in front of lookups in caches


@dataclass(frozen=True, slots=True)
class BusParameters:
    """A bus.

    Attributes:
        width_bytes: That a lane moves in a cycle. A read takes one cycle down, a write what its data take.
        latency: Cycles from one side to the other, each way.
        lanes: Transfers at a time, each way. One is a bus, one for each client a crossbar.
        arbitration: Who goes first of several clients: ``priority``, the lowest; ``round_robin``.
    """

    width_bytes: int
    latency: int = 0
    lanes: int = 1
    arbitration: Literal["priority", "round_robin"] = "round_robin"

    def __post_init__(self) -> None:
        """Refuse what cannot be. Raises :class:`AcadlError`."""
        if self.width_bytes < 1 or self.lanes < 1 or self.latency < 0:
            raise AcadlError("a bus has lanes of 1 byte or more and a latency of 0 or more")
        if self.arbitration not in ("priority", "round_robin"):
            raise AcadlError(f"arbitration is '{self.arbitration}'; expected priority or round_robin")


@dataclass(eq=False, slots=True)
class _Request:
    client: int
    address: int
    size: int
    write: bool
    wanted: int | None
    first: simpy.Event
    last: simpy.Event
    journey: Journey | None

    @property
    def core(self) -> int:
        """Whose it is."""
        return self.client if self.journey is None else self.journey.core


class Bus:
    """A bus; a :class:`Below` for what lies on it."""

    def __init__(self, env: Clock, parameters: BusParameters, below: Below) -> None:
        self.parameters = parameters
        self._env, self._below = env, below
        self._queues: dict[int, deque[_Request]] = {}
        self._last_client = -1
        self._down = [0] * parameters.lanes  # first cycle in which each lane is free
        self._up = [0] * parameters.lanes
        self._users = [NOBODY, NOBODY]  # who was last on the way down, up
        self._grants = Decision(env, GRANT_RANK, self._grant)

    def access(
        self,
        client: int,
        address: int,
        size: int,
        write: bool,
        wanted: int | None = None,
        journey: Journey | None = None,
    ) -> Transfer:
        """See :class:`Below`."""
        env = self._env
        request = _Request(client, address, size, write, wanted, env.event(), env.event(), journey)
        self._queues.setdefault(client, deque()).append(request)
        if journey is not None:
            journey.wait(env.cycle, BUS, self._users[0])
        self._grants.due(max(env.cycle, min(self._down)))
        return Transfer(request.last if write else request.first, request.last)

    def warm(self, address: int, size: int, write: bool) -> None:
        """See :class:`Below`."""
        self._below.warm(address, size, write)

    def _grant(self) -> None:
        """Let requests go down as long as lanes are free."""
        now = self._env.cycle
        while min(self._down) <= now:
            client = self._next_client()
            if client is None:
                return
            self._last_client = client
            request = self._queues[client].popleft()
            cycles = self._cycles(request.size) if request.write else 1
            self._down[self._down.index(min(self._down))] = now + cycles
            self._users[0] = request.core
            if request.journey is not None:
                request.journey.wait(now, BUS, NOBODY)
            self._env.after(cycles - 1 + self.parameters.latency, self._going_down(request))
        if any(self._queues.values()):
            self._grants.due(min(self._down))

    def _next_client(self) -> int | None:
        waiting = sorted(client for client, queue in self._queues.items() if queue)
        if not waiting:
            return None
        if self.parameters.arbitration == "round_robin":
            return next((client for client in waiting if client > self._last_client), waiting[0])
        return waiting[0]

    def _cycles(self, size: int) -> int:
        return -(-size // self.parameters.width_bytes)

    def _going_down(self, request: _Request) -> Callable[[], None]:
        def arrive() -> None:
            if request.journey is not None:
                request.journey.end(self._env.cycle)
            transfer = self._below.access(
                request.client,
                request.address,
                request.size,
                request.write,
                request.wanted,
                journey=request.journey,
            )
            assert transfer.last.callbacks is not None
            transfer.last.callbacks.append(lambda _: self._come_up(request))

        return arrive

    def _come_up(self, request: _Request) -> None:
        """Data, or the word that a write is done, which takes no lane."""
        now, latency = self._env.cycle, self.parameters.latency
        if request.write:
            self._env.after(latency, lambda: _succeed(request.last))
            if request.journey is not None:
                request.journey.add(BUS, NOBODY, latency)
            return
        lane = self._up.index(min(self._up))
        begin, cycles = max(now, self._up[lane]), self._cycles(request.size)
        self._up[lane] = begin + cycles
        if request.journey is not None:
            request.journey.add(BUS, self._users[1], begin - now)
            request.journey.add(BUS, NOBODY, latency + cycles)
        self._users[1] = request.core
        self._env.after(begin - now + latency + 1, lambda: _succeed(request.first))
        self._env.after(begin - now + latency + cycles, lambda: _succeed(request.last))


def _succeed(event: simpy.Event) -> None:
    event.succeed()
