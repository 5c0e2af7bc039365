"""One memory for several ports: an arbiter for messages, a response channel, perhaps a cache between.

The rules are those of docs/soc.md. Nothing here knows of cores or of SimPy: :meth:`SharedMemory.request`
decides on the request channel in a cycle, :meth:`SharedMemory.respond` on the response channel. Both are
called for cycles in ascending order, the responses of a cycle first, and need no call in cycles in which
nothing can happen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from acadl.errors import AcadlError
from platforms.caches.tags import Tags

NEVER = 1 << 60
LINE_BYTES = 64
CacheAnswer = Literal["", "hit", "hit_pending", "miss", "miss_wb"]


@dataclass(frozen=True, slots=True)
class SharedMemoryParameters:
    """Arbiter, memory and cache.

    Attributes:
        mem_latency: From the cycle in which a message is complete to its first data, or acknowledgement.
        cycles_per_beat: That a beat of data holds its channel; with a cache, of the memory behind it instead.
        arbitration: ``rr``: who did not win last; ``prio``: the lowest port.
        response_order: ``percore``: each port's answers in its own order; ``fifo``: all in one.
        queue_depth: Messages that may be under way at a time, of all ports together; 0: any number.
        cache_bytes: 0: no cache.
    """

    mem_latency: int = 10
    cycles_per_beat: int = 1
    arbitration: Literal["rr", "prio"] = "rr"
    response_order: Literal["percore", "fifo"] = "percore"
    queue_depth: int = 0
    cache_bytes: int = 0
    cache_ways: int = 1
    cache_hit_latency: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be. Raises :class:`AcadlError`."""
        if self.mem_latency < 1 or self.cycles_per_beat < 1:
            raise AcadlError("mem_latency and cycles_per_beat are 1 or more")
        if self.queue_depth < 0 or self.cache_bytes < 0 or self.cache_hit_latency < 0:
            raise AcadlError("queue_depth, cache_bytes and cache_hit_latency are not negative")
        if self.arbitration not in ("rr", "prio"):
            raise AcadlError(f"arbitration is '{self.arbitration}'; expected rr or prio")
        if self.response_order not in ("percore", "fifo"):
            raise AcadlError(f"response_order is '{self.response_order}'; expected percore or fifo")
        if self.cache_bytes and (self.cache_ways < 1 or self.cache_bytes % (LINE_BYTES * self.cache_ways)):
            raise AcadlError(
                f"a cache of {self.cache_bytes} bytes has no whole number of sets of {self.cache_ways} lines "
                f"of {LINE_BYTES} bytes"
            )
        if self.cache_bytes and self.cache_hit_latency < 1:
            raise AcadlError("cache_hit_latency is 1 or more")


@dataclass(eq=False, slots=True)
class Message:
    """A read or a write on its way.

    Attributes:
        port: Who sends it.
        beats: Of its data: of the request for a write, of the response for a read.
        number: Order of acceptance over all ports, from 0; -1 before.
        accepted: Cycle in which each beat of the request was taken; a read's request is one beat.
        first, last: Cycles of the first and last beat of the response; -1 before.
        cache: What the cache said.
    """

    port: int
    write: bool
    address: int
    size: int
    beats: int
    number: int = -1
    accepted: list[int] = field(default_factory=list)
    ready: int = -1
    first: int = -1
    last: int = -1
    cache: CacheAnswer = ""

    @property
    def request_beats(self) -> int:
        """Beats on the request channel."""
        return self.beats if self.write else 1


@dataclass(slots=True)
class Counts:
    """What has been counted, the cache's per port."""

    request_busy: int = 0
    response_busy: int = 0
    hits: list[int] = field(default_factory=list)
    hits_pending: list[int] = field(default_factory=list)
    misses: list[int] = field(default_factory=list)
    writebacks: int = 0
    memory_port_busy: int = 0


class SharedCache:
    """A write-back cache with allocation and LRU, any number of misses under way, one port to the memory."""

    def __init__(self, parameters: SharedMemoryParameters, counts: Counts) -> None:
        ways = parameters.cache_ways
        self._tags = Tags(parameters.cache_bytes // LINE_BYTES // ways, ways, "lru")
        self._fill: dict[int, int] = {}  # by line: when it is there
        self._port_free = 0
        self._hit_latency = parameters.cache_hit_latency
        self._latency = parameters.mem_latency
        self._line_cycles = LINE_BYTES // 16 * parameters.cycles_per_beat
        self._counts = counts

    def access(self, cycle: int, message: Message) -> int:
        """Look a message up that is complete in ``cycle``; when it can be answered."""
        line, counts = message.address // LINE_BYTES, self._counts
        ready = cycle + self._hit_latency
        if self._tags.hit(line, message.write):
            filled = self._fill[line]
            message.cache = "hit_pending" if filled > ready else "hit"
            counts.hits[message.port] += 1
            counts.hits_pending[message.port] += filled > ready
            return max(ready, filled)
        evicted = self._tags.allocate(line, message.write)
        self._fill.pop(evicted.line, None)
        counts.misses[message.port] += 1
        begin = max(ready, self._port_free)
        message.cache = "miss_wb" if evicted.dirty else "miss"
        if evicted.dirty:
            counts.writebacks += 1
            begin += self._line_cycles
            counts.memory_port_busy += self._line_cycles
        self._port_free = begin + self._line_cycles
        counts.memory_port_busy += self._line_cycles
        self._fill[line] = self._port_free + self._latency
        return self._fill[line]


class SharedMemory:
    """Request channel, memory or cache, response channel."""

    def __init__(self, parameters: SharedMemoryParameters, ports: int) -> None:
        self.counts = Counts(hits=[0] * ports, hits_pending=[0] * ports, misses=[0] * ports)
        self._parameters = parameters
        self._cache = SharedCache(parameters, self.counts) if parameters.cache_bytes else None
        self._beat = 1 if self._cache else parameters.cycles_per_beat
        self._queues: list[deque[Message]] = [deque() for _ in range(ports)]
        self._number = 0
        self._request_free = self._response_free = 0
        self._burst = -1
        self._last_request = self._last_response = ports - 1  # the first port wins first
        self._under_way = 0
        self._ends: deque[int] = deque()  # last cycles of responses that still count against the depth

    def request(self, cycle: int, offers: Sequence[Message | None]) -> Message | None:
        """Take a beat, if one is taken in this cycle.

        Args:
            offers: Per port: the message whose next beat it offers.

        Returns:
            The message, with this cycle at the end of its ``accepted``.
        """
        if cycle < self._request_free:
            return None
        if self._burst >= 0:
            message = offers[self._burst]
            return self._take(cycle, message) if message is not None else None
        while self._ends and self._ends[0] < cycle:
            self._ends.popleft()
            self._under_way -= 1
        depth = self._parameters.queue_depth
        if depth and self._under_way >= depth:
            return None
        winner = self._winner(
            [port for port, message in enumerate(offers) if message is not None], self._last_request
        )
        if winner < 0:
            return None
        self._last_request = winner
        message = offers[winner]
        assert message is not None
        message.number = self._number
        self._number += 1
        self._under_way += 1
        return self._take(cycle, message)

    def _winner(self, candidates: list[int], last: int) -> int:
        """Who goes first of those; -1: nobody is there."""
        if not candidates:
            return -1
        if self._parameters.arbitration == "prio":
            return candidates[0]
        return next((port for port in candidates if port > last), candidates[0])

    def _take(self, cycle: int, message: Message) -> Message:
        message.accepted.append(cycle)
        busy = self._beat if message.write else 1
        self._request_free = cycle + busy
        self.counts.request_busy += busy
        if len(message.accepted) < message.request_beats:
            self._burst = message.port
            return message
        self._burst = -1
        latency = self._parameters.mem_latency
        message.ready = self._cache.access(cycle, message) if self._cache else cycle + latency
        self._queues[message.port].append(message)
        return message

    def respond(self, cycle: int) -> Message | None:
        """Begin a response, if one begins in this cycle; its ``first`` and ``last`` are set."""
        if cycle < self._response_free:
            return None
        candidates = [port for port, queue in enumerate(self._queues) if queue and queue[0].ready <= cycle]
        if candidates and self._parameters.response_order == "fifo":
            oldest = min((queue[0] for queue in self._queues if queue), key=lambda message: message.number)
            candidates = [port for port in candidates if port == oldest.port]
        winner = self._winner(candidates, self._last_response)
        if winner < 0:
            return None
        self._last_response = winner
        message = self._queues[winner].popleft()
        beats, busy = (1, 1) if message.write else (message.beats, self._beat)
        message.first = cycle
        message.last = cycle + (beats - 1) * busy
        self._response_free = message.last + busy
        self.counts.response_busy += beats * busy
        self._ends.append(message.last)
        return message

    def next_request(self, cycle: int) -> int:
        """First cycle from ``cycle`` on in which an offer can be taken, as far as is known now.

        Where the depth is reached it may be a cycle too early, never too late.
        """
        depth = self._parameters.queue_depth
        if self._burst < 0 and depth and self._under_way - sum(end < cycle for end in self._ends) >= depth:
            return max(self._request_free, self._ends[0] + 1) if self._ends else NEVER
        return max(cycle, self._request_free)

    def next_response(self, cycle: int) -> int:
        """First cycle from ``cycle`` on in which a response can begin; :data:`NEVER` if none is under way."""
        ready = min((queue[0].ready for queue in self._queues if queue), default=NEVER)
        return max(cycle, self._response_free, ready) if ready < NEVER else NEVER

    def earliest_answer(self, port: int, cycle: int, latency: int) -> int:
        """A lower bound of the next answer's first cycle to a port that waits for one, from ``cycle`` on.

        ``latency``: the least cycles from a complete message to its answer.
        """
        queue = self._queues[port]
        ready = queue[0].ready if queue else cycle - 1 + latency
        return max(cycle, self._response_free, ready)
