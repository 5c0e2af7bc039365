"""A cache in a SimPy simulation: several misses under way, ports, write buffer, prefetching.

The rules are those of docs/cache.md, "Caches in a system".
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

import simpy

from acadl.errors import AcadlError
from acadl.simulate_objects import Clock, Decision, Steps
from platforms.caches.below import Below, Transfer
from platforms.caches.journey import CACHE, LINE, LOOKUP, NOBODY, REGISTERS, WRITES, Cause, Journey
from platforms.caches.tags import Tags

LOOKUP_RANK = 500_000  # when all requests of a cycle are there

Prefetcher = Callable[[int, bool], Iterable[int]]
"""Called with the number of each line that is asked for, and whether it hit; the lines to fetch ahead."""


Watcher = Callable[[int, bool], None]
"""Called when an access has its data: the cycle in which it came, and whether its line was there."""


@dataclass(frozen=True, slots=True)
class LevelParameters:
    """A level of a hierarchy.

    Attributes:
        hit_latency: Cycles from the lookup to the data.
        miss_latency: Cycles from the lookup to the request below; by default the hit latency.
        ports: Lookups that begin in a cycle.
        port_bytes: Bytes that a port moves in a cycle; a larger access holds it longer. 0: any number.
        miss_registers: Lines that may be under way; 0: one, and nothing is looked up meanwhile.
        write_buffer: Lines or words that wait to be written below; 0: who writes waits.
        critical_word_first: A miss is answered with the first data, not when its line is complete.
        arbitration: Who is looked up first of several clients: ``priority``, the lowest; ``round_robin``.
    """

    sets: int
    ways: int
    line_bytes: int = 64
    policy: str = "lru"
    seed: int = 0
    write_back: bool = True
    write_allocate: bool = True
    hit_latency: int = 1
    miss_latency: int | None = None
    ports: int = 1
    port_bytes: int = 0
    miss_registers: int = 4
    write_buffer: int = 4
    critical_word_first: bool = True
    arbitration: Literal["priority", "round_robin"] = "round_robin"

    def __post_init__(self) -> None:
        """Refuse what cannot be. Raises :class:`AcadlError`."""
        if self.line_bytes < 1 or self.ports < 1:
            raise AcadlError("line_bytes and ports are 1 or more")
        numbers = (
            self.hit_latency,
            self.miss_latency or 0,
            self.port_bytes,
            self.miss_registers,
            self.write_buffer,
        )
        if min(numbers) < 0:
            raise AcadlError("latencies, port_bytes, miss_registers and write_buffer are not negative")
        if self.arbitration not in ("priority", "round_robin"):
            raise AcadlError(f"arbitration is '{self.arbitration}'; expected priority or round_robin")


@dataclass(slots=True)
class LevelCounts:
    """What has happened in a level; ``merged`` hits wait for a line that is under way."""

    hits: int = 0
    misses: int = 0
    merged: int = 0
    writebacks: int = 0
    writes_below: int = 0
    prefetches: int = 0


@dataclass(eq=False, slots=True)
class _Request:
    client: int
    address: int
    size: int
    write: bool
    wanted: int
    first: simpy.Event
    last: simpy.Event
    arrival: int
    journey: Journey | None = None

    @property
    def core(self) -> int:
        """Whose request it is."""
        return self.client if self.journey is None else self.journey.core


@dataclass(eq=False, slots=True)
class _Register:
    """A line on its way; ``present`` happens when it is complete.

    ``owner``: who has the first data; ``core``: for whom it is fetched.
    """

    line: int
    present: simpy.Event
    core: int
    owner: _Request | None = None
    waiting: list[_Request] = field(default_factory=list)


class CacheLevel:
    """A cache and its state; a :class:`Below` for the levels above."""

    def __init__(
        self,
        env: Clock,
        parameters: LevelParameters,
        below: Below,
        *,
        number: int = 0,
        prefetcher: Prefetcher | None = None,
    ) -> None:
        """An empty cache. ``number``: what it is called where it asks below."""
        self.parameters = parameters
        self.counts = LevelCounts()
        self._env, self._below, self._number, self._prefetcher = env, below, number, prefetcher
        self._tags = Tags(parameters.sets, parameters.ways, parameters.policy, seed=parameters.seed)
        self._queues: dict[int, deque[_Request]] = {}
        self._last_client = -1
        self._ports = [0] * parameters.ports  # first cycle in which each is free
        self._blocked: dict[int, Cause] = {}  # by client: what its queue waits for
        self._port_core = NOBODY  # who was looked up last
        self._stalling = NOBODY  # whose write holds the level
        self._registers: dict[int, _Register] = {}
        # by number: address, size, whose
        self._buffer: OrderedDict[int, tuple[int, int, int]] = OrderedDict()
        self._buffered = 0
        self._draining = False
        self._drained = env.event()
        self._stalled = 0  # writes that hold the level until they are done below
        self.watcher: Watcher | None = None
        self.warmed = [0, 0]  # hits and misses that took no time
        self._lookups = Decision(env, LOOKUP_RANK, self._look_up)

    # -- requests -------------------------------------------------------------------------------------------

    def access(
        self,
        client: int,
        address: int,
        size: int,
        write: bool,
        wanted: int | None = None,
        journey: Journey | None = None,
    ) -> Transfer:
        """See :class:`Below`; an access over several lines is one for each of them."""
        line_bytes, end = self.parameters.line_bytes, address + size
        wanted = address if wanted is None or not address <= wanted < end else wanted
        if size < 1 or address < 0:
            raise AcadlError(f"an access of {size} bytes at {address} makes no sense")
        lines = range(address // line_bytes, (end - 1) // line_bytes + 1)
        turn = wanted // line_bytes - lines[0]
        pieces = []
        for line in (*lines[turn:], *lines[:turn]):
            low, high = max(address, line * line_bytes), min(end, (line + 1) * line_bytes)
            first = wanted if low <= wanted < high else low
            pieces.append(self._enqueue(client, low, high - low, write, first, journey))
        if len(pieces) == 1:
            return pieces[0]
        last = self._env.all_of([piece.last for piece in pieces])
        return Transfer(last if write else pieces[0].first, last)

    def warm(self, address: int, size: int, write: bool) -> None:
        """See :class:`Below`; nothing is fetched ahead."""
        line_bytes, end = self.parameters.line_bytes, address + size
        for line in range(address // line_bytes, (end - 1) // line_bytes + 1):
            low, high = max(address, line * line_bytes), min(end, (line + 1) * line_bytes)
            self._warm_line(line, low, high - low, write)

    def _warm_line(self, line: int, address: int, size: int, write: bool) -> None:
        parameters, counts, line_bytes = self.parameters, self.counts, self.parameters.line_bytes
        hit = self._tags.hit(line, write and parameters.write_back)
        counts.hits += hit
        counts.misses += not hit
        self.warmed[0] += hit
        self.warmed[1] += not hit
        if not hit and (parameters.write_allocate or not write):
            evicted = self._tags.allocate(line, write and parameters.write_back)
            if evicted.dirty:
                counts.writebacks += 1
                self._below.warm(evicted.line * line_bytes, line_bytes, True)
            self._below.warm(line * line_bytes, line_bytes, False)
        if write and (not parameters.write_back or not (hit or parameters.write_allocate)):
            counts.writes_below += 1
            self._below.warm(address, size, True)

    def try_hit(self, client: int, cycle: int, address: int, size: int, write: bool) -> int | None:
        """The cycle in which an access in ``cycle`` has its data, if it hits and nobody else is there.

        For a level with one client, which may be ahead of the simulation's time: costs no event. ``None``: it
        takes :meth:`access`, and nothing has been changed.
        """
        parameters, line = self.parameters, address // self.parameters.line_bytes
        if self._prefetcher or self._stalled or (address + size - 1) // parameters.line_bytes != line:
            return None
        if (
            any(self._queues.values())
            or len(self._queues) > 1
            or (self._queues and client not in self._queues)
        ):
            return None
        if line in self._registers or not self._tags.holds(line) or (write and not parameters.write_back):
            return None
        if self._registers and not parameters.miss_registers:
            return None
        start = max(cycle, min(self._ports))
        self._take_port(start, size)
        self._tags.hit(line, write)
        self.counts.hits += 1
        return start + parameters.hit_latency

    def _enqueue(
        self, client: int, address: int, size: int, write: bool, wanted: int, journey: Journey | None
    ) -> Transfer:
        env = self._env
        request = _Request(client, address, size, write, wanted, env.event(), env.event(), env.cycle, journey)
        queue = self._queues.setdefault(client, deque())
        if journey is not None:  # what keeps the first one of a queue is noted when it is looked at
            first = LOOKUP, journey.core if queue else self._port_core
            journey.wait(self._env.cycle, *self._blocked.get(client, first))
        queue.append(request)
        self._wake()
        return Transfer(request.first, request.last)

    # -- lookups --------------------------------------------------------------------------------------------

    def _look_up(self) -> None:
        """Look up as many requests as ports are free, and can go on."""
        now = self._env.cycle
        while min(self._ports) <= now:
            client = self._next_client()
            if client is None:
                return
            self._last_client = client
            request = self._queues[client].popleft()
            self._take_port(now, request.size)
            self._port_core = request.core
            if self._blocked.pop(client, None) is not None:
                for each in self._queues[client]:
                    if each.journey is not None:
                        each.journey.wait(now, LOOKUP, request.core)
            if request.journey is not None:
                request.journey.wait(now, CACHE, NOBODY)
            self._serve(request)
        if any(self._queues.values()):
            self._lookups.due(min(self._ports))

    def _next_client(self) -> int | None:
        waiting = sorted(client for client, queue in self._queues.items() if queue and self._can_go(queue[0]))
        if not waiting:
            return None
        if self.parameters.arbitration == "round_robin":
            return next((client for client in waiting if client > self._last_client), waiting[0])
        return waiting[0]

    def _can_go(self, request: _Request) -> bool:
        """Whether what the request needs is free; otherwise it waits at its port, as those behind it do."""
        obstacle = self._obstacle(request)
        if obstacle is None:
            return True
        client, now = request.client, self._env.cycle
        if self._blocked.get(client) != obstacle:
            self._blocked[client] = obstacle
            for each in self._queues[client]:  # those behind it wait for the same
                if each.journey is not None:
                    each.journey.wait(now, *obstacle)
        return False

    def _obstacle(self, request: _Request) -> tuple[str, int] | None:
        """What a request waits for, and whose that is; ``None``: nothing."""
        parameters, line = self.parameters, request.address // self.parameters.line_bytes
        if self._stalled:
            return WRITES, self._stalling
        if self._registers and not parameters.miss_registers:
            return REGISTERS, self._oldest_register().core
        is_full = bool(parameters.write_buffer) and len(self._buffer) >= parameters.write_buffer
        if is_full and request.write and not parameters.write_back:
            return WRITES, self._oldest_write()
        here = self._tags.holds(line)
        if line in self._registers and not here:
            return LINE, self._registers[line].core  # it is on its way, and goes again when it is there
        if here or (request.write and not parameters.write_allocate):
            return None
        if len(self._registers) >= max(1, parameters.miss_registers):
            return REGISTERS, self._oldest_register().core
        if is_full and parameters.write_back:
            return WRITES, self._oldest_write()  # what makes room may have to be written
        return None

    def _oldest_register(self) -> _Register:
        return next(iter(self._registers.values()))

    def _oldest_write(self) -> int:
        """Whose is the line that has waited longest to be written."""
        return next(iter(self._buffer.values()))[2]

    def _take_port(self, cycle: int, size: int) -> None:
        width = self.parameters.port_bytes
        port = min(range(len(self._ports)), key=self._ports.__getitem__)
        self._ports[port] = cycle + (-(-size // width) if width else 1)

    def _serve(self, request: _Request) -> None:
        parameters, line = self.parameters, request.address // self.parameters.line_bytes
        hit = self._tags.hit(line, request.write and parameters.write_back)
        self.counts.hits += hit
        self.counts.misses += not hit
        if self.watcher is not None:
            self._watch(request, hit)
        register = self._registers.get(line)
        if request.write and (not parameters.write_back or not (hit or parameters.write_allocate)):
            if not hit and parameters.write_allocate:
                self._miss(line, request.wanted, False, request.core)
            self._pass_on(request)
        elif register is not None:
            self.counts.merged += 1
            if request.journey is not None:
                request.journey.wait(self._env.cycle, LINE, register.core)
            register.waiting.append(request)
        elif hit:
            self._env.after(parameters.hit_latency, lambda: _answer(request))
        else:
            self._miss(line, request.wanted, request.write, request.core, request)
        for ahead in self._prefetcher(line, hit) if self._prefetcher else ():
            self._fetch_ahead(ahead, request.core)

    def _watch(self, request: _Request, hit: bool) -> None:
        """Tell the watcher when the request has its data."""
        watcher = self.watcher
        assert watcher is not None and request.last.callbacks is not None
        request.last.callbacks.append(lambda _: watcher(request.arrival, hit))

    # -- misses ---------------------------------------------------------------------------------------------

    def _miss(self, line: int, wanted: int, write: bool, core: int, owner: _Request | None = None) -> None:
        evicted = self._tags.allocate(line, write and self.parameters.write_back)
        coming = self._registers.get(evicted.line)  # the line that has to go may be on its way here
        register = _Register(line, self._env.event(), core, owner, [] if owner is None else [owner])
        self._registers[line] = register
        victim = evicted.line if evicted.dirty else None
        self._env.process(self._fill(register, wanted, victim, coming))

    def _fill(self, register: _Register, wanted: int, victim: int | None, coming: _Register | None) -> Steps:
        parameters, env, line = self.parameters, self._env, register.line
        size = parameters.line_bytes
        journey = None if register.owner is None else register.owner.journey
        if victim is not None:
            if journey is not None:
                journey.wait(env.cycle, WRITES, register.core)
            if coming is not None:
                yield coming.present
            yield from self._write_back(victim, register.core)
            if journey is not None:
                journey.wait(env.cycle, CACHE, NOBODY)
        latency = parameters.hit_latency if parameters.miss_latency is None else parameters.miss_latency
        if latency:
            yield env.timeout(latency)
        while any(address // size == line for address, _, _ in self._buffer.values()):
            if journey is not None:
                journey.wait(env.cycle, WRITES, self._oldest_write())
            yield self._drained  # it has to arrive below first
        below = Journey(register.core) if journey is None else journey
        transfer = self._below.access(self._number, line * size, size, False, wanted, below)
        if parameters.critical_word_first and register.owner is not None and not register.owner.write:
            yield transfer.first
            register.owner.first.succeed()
        yield transfer.last
        del self._registers[line]
        register.present.succeed()
        for request in register.waiting:
            _answer(request)
        self._wake()

    def _write_back(self, line: int, core: int) -> Steps:
        """Write a dirty line below; over when it is in the write buffer, or written."""
        size = self.parameters.line_bytes
        self.counts.writebacks += 1
        if self.parameters.write_buffer:
            self._put_into_buffer(line * size, size, core)
        else:
            yield self._below.access(self._number, line * size, size, True, None, Journey(core)).last

    def _wake(self) -> None:
        """Something has become free: perhaps a request can go on."""
        self._lookups.due(max(self._env.cycle, min(self._ports)))

    def _fetch_ahead(self, line: int, core: int) -> None:
        """Fetch a line that nobody has asked for, if that takes nothing from those who ask."""
        parameters = self.parameters
        if line < 0 or self._tags.holds(line) or len(self._registers) + 1 >= parameters.miss_registers:
            return
        if parameters.write_buffer and len(self._buffer) + 1 >= parameters.write_buffer:
            return
        self.counts.prefetches += 1
        self._miss(line, line * parameters.line_bytes, False, core)

    # -- writes to the level below --------------------------------------------------------------------------

    def _pass_on(self, request: _Request) -> None:
        self.counts.writes_below += 1
        if self.parameters.write_buffer:
            self._put_into_buffer(request.address, request.size, request.core)
            self._env.after(self.parameters.hit_latency, lambda: _answer(request))
        else:
            self._stalled += 1
            self._stalling = request.core
            self._env.process(self._write_through(request))

    def _write_through(self, request: _Request) -> Steps:
        journey = request.journey or Journey(request.core)
        yield self._below.access(self._number, request.address, request.size, True, None, journey).last
        self._stalled -= 1
        _answer(request)
        self._wake()

    def _put_into_buffer(self, address: int, size: int, core: int) -> None:
        self._buffer[self._buffered] = address, size, core
        self._buffered += 1
        if not self._draining:
            self._draining = True
            self._env.process(self._drain())

    def _drain(self) -> Steps:
        while self._buffer:
            number, (address, size, core) = next(iter(self._buffer.items()))
            yield self._below.access(self._number, address, size, True, None, Journey(core)).last
            del self._buffer[number]
            self._drained.succeed()
            self._drained = self._env.event()
            self._wake()
        self._draining = False


def _answer(request: _Request) -> None:
    if not request.first.triggered:
        request.first.succeed()
    request.last.succeed()
