"""Cores: what the manager of a shared memory needs to know of them, and two kinds.

A core does its own work at its own pace and stops where it asks something of the shared memory. Times are
cycles of the memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from acadl.model import Architecture
from aidg.flow.coupled import NEVER, coupled_run
from mappings.program import LoopProgram


class Request(NamedTuple):
    """What a core asks of the memory.

    Attributes:
        tag: What the core wants to hear with the answer.
        write: Whether it writes.
        address: Its first byte.
        size: Bytes.
    """

    tag: int
    write: bool
    address: int
    size: int


class Stop(NamedTuple):
    """How far a core has come.

    Attributes:
        cycle: The cycle in which it asks ``requests``, or is done.
        requests: What it asks.
        following: The next cycle in which it does something; :data:`NEVER`: not without an answer.
        ended: It is done.
    """

    cycle: int
    requests: tuple[Request, ...]
    following: int
    ended: bool


class Core(Protocol):
    """A core beside others.

    Attributes:
        bus_bytes: Width of its port.
        most_writes: Writes that it can have under way.
    """

    bus_bytes: int
    most_writes: int

    def start(self, cycle: int) -> None:
        """Its first cycle."""
        ...

    def go(self, limit: int, read_room: int, write_room: int) -> Stop:
        """Go on until something is asked, or until ``limit`` has been evaluated.

        ``read_room`` and ``write_room``: how many reads and writes its port takes in a cycle.
        """
        ...

    def answer(self, tag: int, cycle: int) -> int:
        """A request is answered in ``cycle``, which lies ahead; when the core does something next."""
        ...


class DataFlowCore:
    """A core whose program is evaluated in order of time; one of its storages is the shared memory."""

    def __init__(
        self,
        arch: Architecture,
        program: LoopProgram,
        storage: str | None,
        bus_bytes: int,
        most_writes: int,
        kernel: str = "auto",
    ) -> None:
        """``storage``: the shared one; ``None``: all are private.

        Raises as :func:`aidg.flow.coupled.coupled_run`.
        """
        self.bus_bytes, self.most_writes = bus_bytes, most_writes
        self._run = coupled_run(arch, program, storage, kernel)
        self._begin = 0

    def start(self, cycle: int) -> None:
        """See :class:`Core`."""
        self._begin = cycle

    def go(self, limit: int, read_room: int, write_room: int) -> Stop:
        """See :class:`Core`."""
        begin = self._begin
        own = limit if limit >= NEVER else limit - begin
        stop = self._run.go(own, read_room, write_room)
        requests = tuple(Request(*asked) for asked in stop.asked)
        following = stop.following if stop.following >= NEVER else stop.following + begin
        return Stop(stop.cycle + begin, requests, following, stop.ended)

    def answer(self, tag: int, cycle: int) -> int:
        """See :class:`Core`."""
        return self._run.answer(tag, cycle - self._begin) + self._begin


@dataclass(slots=True)
class RecordedRequest:
    """A request of a trace, ``cycle`` after the core's start."""

    cycle: int
    write: bool
    address: int
    size: int


@dataclass(slots=True)
class TraceCore:
    """A measured trace: requests in their order, each not before its recorded cycle.

    At most ``most_outstanding`` requests are under way at a time; further ones wait for answers. The core is
    done ``tail_cycles`` after its last answer.
    """

    requests: Sequence[RecordedRequest]
    bus_bytes: int
    most_outstanding: int = 1 << 30
    tail_cycles: int = 0
    most_writes: int = 1 << 30
    _begin: int = 0
    _next: int = 0
    _outstanding: int = 0
    _earliest: int = 0  # of the next request: after the one before, and after the answer that it waits for
    _last: int = 0

    def start(self, cycle: int) -> None:
        """See :class:`Core`."""
        self._begin = self._earliest = self._last = cycle

    def go(self, limit: int, read_room: int, write_room: int) -> Stop:
        """See :class:`Core`."""
        if self._next == len(self.requests) and not self._outstanding:
            return Stop(self._last + self.tail_cycles, (), NEVER, True)
        due = self._due()
        if due > limit:
            return Stop(limit, (), due, False)
        request = self.requests[self._next]
        self._earliest = due + 1
        if not (write_room if request.write else read_room):
            return Stop(due, (), due + 1, False)
        self._outstanding += 1
        self._next += 1
        asked = Request(self._next - 1, request.write, request.address, request.size)
        return Stop(due, (asked,), self._due(), False)

    def answer(self, tag: int, cycle: int) -> int:
        """See :class:`Core`."""
        if self._outstanding == self.most_outstanding:
            self._earliest = max(self._earliest, cycle)
        self._last = max(self._last, cycle)
        self._outstanding -= 1
        return max(cycle, self._due()) if self._next < len(self.requests) else cycle

    def _due(self) -> int:
        """When the next request is made, as far as is known."""
        if self._next == len(self.requests) or self._outstanding >= self.most_outstanding:
            return NEVER
        return max(self._earliest, self._begin + self.requests[self._next].cycle)
