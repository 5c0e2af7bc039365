"""The manager of a shared memory: cores meet here, in order of time, in one SimPy environment.

In every cycle the responses are decided on first, then the cores go on, then the requests are decided on.
A core is only woken when it does something that concerns others: it runs ahead of the others as far as no
answer can come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from acadl.errors import SimulationError
from acadl.simulate_objects import Clock, Decision
from platforms.soc.core import Core, Request
from platforms.soc.port import CorePort
from platforms.soc.shared_memory import NEVER, Message, SharedMemory, SharedMemoryParameters

RESPONSES_RANK, CORES_RANK, REQUESTS_RANK = 2, 3, 1_000_000


@dataclass(frozen=True, slots=True)
class CoreTimes:
    """When a core began and was done; both -1 if it never began."""

    start: int
    end: int

    @property
    def cycles(self) -> int:
        """From its start to its end."""
        return self.end - self.start


@dataclass(eq=False, slots=True)
class _Seat:
    """A core at work.

    Attributes:
        pending: Requests that it makes in a cycle that has not come yet.
        waiting: Requests that have not been answered.
    """

    core: Core
    port: CorePort
    start: int = -1
    end: int = -1
    pending: tuple[int, tuple[Request, ...]] | None = None
    waiting: int = 0
    tags: dict[int, int] = field(default_factory=dict)  # by identity of the message


class Manager:
    """Cores on one memory.

    Attributes:
        messages: All messages in the order in which they were accepted, if they are recorded.
    """

    def __init__(
        self, parameters: SharedMemoryParameters, cores: Sequence[Core], *, record: bool = False
    ) -> None:
        self.memory = SharedMemory(parameters, len(cores))
        self.messages: list[Message] = []
        self._record = record
        self._latency = parameters.cache_hit_latency if parameters.cache_bytes else parameters.mem_latency
        self._clock = Clock()
        self._seats = [_Seat(core, CorePort(core.most_writes)) for core in cores]
        self._responses = Decision(self._clock, RESPONSES_RANK, self._respond)
        self._requests = Decision(self._clock, REQUESTS_RANK, self._request)
        self._turns = [
            Decision(self._clock, CORES_RANK + number, self._turn_of(number)) for number in range(len(cores))
        ]
        self._listeners: list[Callable[[Message, int], None]] = []

    def listen(self, listener: Callable[[Message, int], None]) -> None:
        """Call ``listener`` with every message when its answer begins, and when that is through."""
        self._listeners.append(listener)

    def start(self, number: int, cycle: int) -> None:
        """Let a core begin in a cycle, the present one or a later one."""
        seat = self._seats[number]
        seat.start = cycle
        seat.core.start(cycle)
        self._turns[number].due(cycle)

    def run(self) -> list[CoreTimes]:
        """Run until all cores that begin are done.

        Raises:
            SimulationError: Cores wait for each other, or for nothing.
        """
        self._clock.run()
        stuck = [str(number) for number, seat in enumerate(self._seats) if seat.start >= 0 and seat.end < 0]
        if stuck:
            raise SimulationError(
                f"nothing can move any more at cycle {self._clock.cycle}: core {', '.join(stuck)} waits"
            )
        return [CoreTimes(seat.start, seat.end) for seat in self._seats]

    # -- a cycle --------------------------------------------------------------------------------------------

    def _respond(self) -> None:
        now = self._clock.cycle
        message = self.memory.respond(now)
        if message is not None:
            seat = self._seats[message.port]
            seat.waiting -= 1
            if message.write:
                resumes = seat.port.acknowledge(message.last)
                if not seat.port.is_empty:
                    self._requests.due(resumes)
            following = seat.core.answer(seat.tags.pop(id(message)), message.last)
            self._turns[message.port].due(max(now, following))
            for listener in self._listeners:
                listener(message, message.last)
            if any(not each.port.is_empty for each in self._seats):  # perhaps its place was waited for
                self._requests.due(message.last + 1)
        following = self.memory.next_response(now + 1)
        if following < NEVER:
            self._responses.due(following)

    def _turn_of(self, number: int) -> Callable[[], None]:
        def turn() -> None:
            self._turn(number)

        return turn

    def _turn(self, number: int) -> None:
        """Let a core go on: ahead of the present cycle only as far as nothing can happen to it."""
        now, seat = self._clock.cycle, self._seats[number]
        if seat.end >= 0:
            return
        if seat.pending is not None:
            cycle, requests = seat.pending
            if cycle > now:
                return
            seat.pending = None
            self._ask(number, requests)
        while True:
            port = seat.port
            stop = seat.core.go(self._limit(number), port.read_room, port.write_room)
            if stop.ended:
                seat.end = stop.cycle
                return
            if stop.requests:
                if stop.cycle > now:
                    seat.pending = stop.cycle, stop.requests
                    self._turns[number].due(stop.cycle)
                    return
                self._ask(number, stop.requests)
            elif stop.following < NEVER:
                self._turns[number].due(max(now + 1, stop.following))
                return
            else:
                return

    def _limit(self, number: int) -> int:
        """The last cycle that a core may evaluate now: no answer can come in it, nor can its port change."""
        now, seat = self._clock.cycle, self._seats[number]
        if not seat.waiting:
            return NEVER
        if not seat.port.read_room or not seat.port.write_room:
            return now
        return max(now, self.memory.earliest_answer(number, now + 1, self._latency) - 1)

    def _ask(self, number: int, requests: tuple[Request, ...]) -> None:
        seat = self._seats[number]
        for request in requests:
            beats = max(1, -(-request.size // seat.core.bus_bytes))
            message = Message(number, request.write, request.address, request.size, beats)
            seat.tags[id(message)] = request.tag
            seat.waiting += 1
            seat.port.put(message)
        self._requests.due()

    def _request(self) -> None:
        now = self._clock.cycle
        taken = self.memory.request(now, [seat.port.offered for seat in self._seats])
        if taken is not None and len(taken.accepted) == taken.request_beats:
            if self._record:
                self.messages.append(taken)
            self._responses.due(max(now + 1, self.memory.next_response(now + 1)))
        moved = False
        for number, seat in enumerate(self._seats):
            if seat.port.end_cycle(now, taken is not None and taken.port == number):
                moved = True
        if any(not seat.port.is_empty for seat in self._seats):
            following = now + 1 if moved else self.memory.next_request(now + 1)
            if following < NEVER:
                self._requests.due(following)
