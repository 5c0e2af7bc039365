"""What lies below a cache in a SimPy simulation: a memory of fixed delay, or a DRAM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import simpy

from acadl.errors import AcadlError
from acadl.simulate_objects import Clock
from platforms.caches.journey import MEMORY, NOBODY, QUEUE, REFRESH, Journey

if TYPE_CHECKING:
    from dram.configurations import Configuration

Watcher = Callable[[int, int, int, int], None]
"""Called when a burst is done: channel, whose it was, cycle of its arrival, bytes."""


class Transfer(NamedTuple):
    """An access on its way: the first data are there (the word that was asked for), all of them are.

    Of a write both happen when it is done.
    """

    first: simpy.Event
    last: simpy.Event


class Below(Protocol):
    """Something that can be accessed."""

    def access(
        self,
        client: int,
        address: int,
        size: int,
        write: bool,
        wanted: int | None = None,
        journey: Journey | None = None,
    ) -> Transfer:
        """Access ``size`` bytes from now on.

        Args:
            client: Who asks; the smaller, the earlier it is served where priorities count.
            wanted: The byte that is needed first; by default that at ``address``.
            journey: Of the core's request; what it waits for is noted there.
        """
        ...

    def warm(self, address: int, size: int, write: bool) -> None:
        """Change and count what an access would, in no time and without its delays."""
        ...


class DelayedMemory:
    """A memory that answers after a delay and hands over so many bytes a cycle.

    Accesses overlap in their delay; the channel for data is what they share, in the order of their arrival.
    """

    def __init__(
        self, env: Clock, latency: int, bytes_per_cycle: int = 8, write_latency: int | None = None
    ) -> None:
        """Raises :class:`AcadlError` where latencies are negative or nothing is moved."""
        if latency < 0 or bytes_per_cycle < 1 or (write_latency or 0) < 0:
            raise AcadlError("a memory has latencies of 0 or more and moves 1 byte a cycle or more")
        self.reads = self.writes = 0
        self._env = env
        self._latencies = latency, latency if write_latency is None else write_latency
        self._width = bytes_per_cycle
        self._free = 0  # first cycle in which the channel is free
        self._user = NOBODY  # who had the channel last

    def access(
        self,
        client: int,
        address: int,
        size: int,
        write: bool,
        wanted: int | None = None,
        journey: Journey | None = None,
    ) -> Transfer:
        """See :class:`Below`. The first data come a cycle after the latency, where nobody is in the way."""
        now = self._env.cycle
        begin = max(now + self._latencies[write], self._free)
        if journey is not None:
            journey.end(now)
            journey.add(QUEUE, self._user, begin - now - self._latencies[write])
            journey.add(MEMORY, NOBODY, self._latencies[write] + -(-size // self._width))
        self._user = client if journey is None else journey.core
        self._free = begin + -(-size // self._width)
        self.writes += write
        self.reads += not write
        last = self._env.timeout(self._free - now)
        return Transfer(last if write else self._env.timeout(begin + 1 - now), last)

    def warm(self, address: int, size: int, write: bool) -> None:
        """See :class:`Below`."""
        self.writes += write
        self.reads += not write


class DramMemory:
    """A :class:`dram.OnlineMemory`: an access becomes requests for bursts, that of the wanted byte first."""

    def __init__(
        self,
        env: Clock,
        config: str | Configuration | Mapping[str, Any] = "DDR4_2400",
        *,
        time_per_cycle: int = 1,
        fast: bool | None = False,
    ) -> None:
        """``time_per_cycle``: cycles of the caches in one of the memory; ``fast``: compiled.

        Raises:
            DramError: The configuration is wrong.
        """
        from dram import OnlineMemory

        self.memory = OnlineMemory(env, config, time_per_cycle=time_per_cycle, fast=fast)
        self._env = env
        self.burst_bytes = self.memory.device.organisation.burst_bytes
        start, end = self.memory.device.read_data
        self._burst_cycles, self._latency = (end - start) * time_per_cycle, end * time_per_cycle
        self._scale = time_per_cycle
        self._asked = 0
        self._served: list[dict[int, int]] = [{} for _ in range(self.memory.channels)]  # bursts by core
        self.watcher: Watcher | None = None
        self.warmed = [0, 0]  # bursts that were only counted: reads, writes

    def access(
        self,
        client: int,
        address: int,
        size: int,
        write: bool,
        wanted: int | None = None,
        journey: Journey | None = None,
    ) -> Transfer:
        """See :class:`Below`. A write is done when the memory says so, which may be when it is taken in."""
        numbers = range(address // self.burst_bytes, -(-(address + size) // self.burst_bytes))
        turn = 0 if wanted is None else max(0, wanted // self.burst_bytes - numbers[0])
        bursts = [*numbers[turn:], *numbers[:turn]]
        self._asked += len(bursts)
        events = [self.memory.request(number * self.burst_bytes, write) for number in bursts]
        last = events[0] if len(events) == 1 else self._env.all_of(events)
        if journey is not None:
            self._note(journey, bursts, events, last)
        return Transfer(last if write else events[0], last)

    def _note(
        self, journey: Journey, bursts: list[int], events: list[simpy.Event], last: simpy.Event
    ) -> None:
        """Note whose the bursts are, and what the journey waits for."""
        start, core = self._env.cycle, journey.core
        channels = [self.memory.channel_of(number * self.burst_bytes) for number in bursts]
        served = self._served[channels[0]]
        before = dict(served)

        def done(channel: int) -> Callable[[simpy.Event], None]:
            counts = self._served[channel]

            def count(_: simpy.Event) -> None:
                counts[core] = counts.get(core, 0) + 1
                if self.watcher is not None:
                    self.watcher(channel, core, start, self.burst_bytes)

            return count

        def ended(_: simpy.Event) -> None:
            meanwhile = {who: count - before.get(who, 0) for who, count in served.items()}
            meanwhile[core] = meanwhile.get(core, 0) - channels.count(channels[0])
            self._explain(journey, bursts, start, meanwhile)

        for channel, event in zip(channels, events, strict=True):
            assert event.callbacks is not None
            event.callbacks.append(done(channel))
        journey.end(start)
        assert last.callbacks is not None
        last.callbacks.append(ended)

    def _explain(self, journey: Journey, bursts: list[int], start: int, meanwhile: dict[int, int]) -> None:
        """Divide the time of an access: refresh, bursts that were served meanwhile, the memory itself."""
        now = self._env.cycle
        own = self._latency + (len(bursts) - 1) * self._burst_cycles
        left = max(0, now - start - own)
        begin, end = self.memory.last_refresh(bursts[0] * self.burst_bytes)
        refreshed = min(left, max(0, min(now, end * self._scale) - max(start, begin * self._scale)))
        journey.add(REFRESH, NOBODY, refreshed)
        left -= refreshed
        others = sum(meanwhile.values())
        queued = min(left, others * self._burst_cycles)
        for who, count in meanwhile.items():
            journey.add(QUEUE, who, queued * count // others if others else 0)
        journey.add(MEMORY, NOBODY, now - start - refreshed - queued)

    def warm(self, address: int, size: int, write: bool) -> None:
        """See :class:`Below`: counted in ``warmed``."""
        self.warmed[write] += -(-(address + size) // self.burst_bytes) - address // self.burst_bytes

    def accesses(self) -> int:
        """Bursts that have come to the memory, those that were only counted included."""
        return self._asked + sum(self.warmed)

    @property
    def rows_bytes(self) -> int:
        """Bytes of one row in each bank: so far apart, streams are in the same bank."""
        organisation = self.memory.device.organisation
        return organisation.capacity_bytes // organisation.rows
