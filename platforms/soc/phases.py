"""A core as a sequence of phases: so many cycles of work, and what is moved meanwhile.

This is how estimators take part that know only how long something takes: a fitted model, a table of
measurements, an estimate of a whole layer. A phase asks for its data evenly over its cycles; it ends when
they are over and all answers are there. So a memory without contention costs nothing but the latency of the
last request, and one that cannot keep up sets the pace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from acadl.errors import AcadlError
from platforms.caches.journey import PORT, Cause, Journey
from platforms.soc.core import Request, Stop
from platforms.soc.shared_memory import NEVER
from platforms.soc.stalls import divided

Finished = tuple[int, int]
"""Number of a core, and of one of its phases."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A piece of work.

    Attributes:
        cycles: That it takes where the memory is never waited for.
        read_bytes, write_bytes: What it moves; from and to consecutive addresses, which begin anew after
            ``read_span`` and ``write_span`` bytes (0: never).
        weight_bytes, weight_address: What it reads besides, evenly mixed with the rest.
        after: Phases of other cores that have to be over before it begins.
        label: For messages and time lines.
    """

    cycles: int
    read_bytes: int = 0
    write_bytes: int = 0
    read_address: int = 0
    write_address: int = 0
    after: tuple[Finished, ...] = ()
    label: str = ""
    read_span: int = 0
    write_span: int = 0
    weight_bytes: int = 0
    weight_address: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be. Raises :class:`AcadlError`."""
        moved = (self.read_bytes, self.write_bytes, self.weight_bytes, self.read_span, self.write_span)
        if min(self.cycles, self.read_address, self.write_address, self.weight_address, *moved) < 0:
            raise AcadlError(f"phase '{self.label}': cycles, bytes and addresses are not negative")


@dataclass(frozen=True, slots=True)
class PhaseTimes:
    """When a phase began and ended; it was ``stalled`` for the cycles that it took more than alone."""

    begin: int
    end: int
    stalled: int
    causes: tuple[tuple[Cause, int], ...] = ()
    """What it was stalled by, and for how many cycles; empty where nobody says what requests wait for."""


class Board:
    """Which phases are over, and when; shared by the cores of a system."""

    def __init__(self) -> None:
        self.ends: dict[Finished, int] = {}
        self.skipped = 0
        """Cycles that were not evaluated so far; times of phases count them, ``ends`` does not."""
        self.changed: Callable[[], None] = lambda: None
        """Called when another phase is over."""
        self.wake: Callable[[], None] = lambda: None
        """Called when cores have to look at what they do next: time has been skipped."""
        self.on_mark: Callable[[], None] = lambda: None
        self.on_skip: Callable[[int], None] = lambda cycles: None

    def finish(self, which: Finished, cycle: int) -> None:
        """A phase is over."""
        self.ends[which] = cycle
        self.changed()

    def skip(self, cycles: int) -> None:
        """So many cycles pass now without being evaluated."""
        self.skipped += cycles
        self.on_skip(cycles)

    def mark(self) -> None:
        """From here on, time is evaluated that may stand for time that is skipped."""
        self.on_mark()


@dataclass(slots=True)
class PhaseCore:
    """A :class:`Core` that works through phases.

    Attributes:
        number: Which core of the system it is, for :attr:`Phase.after` of others.
        request_bytes: Size of its requests.
        most_outstanding: Requests that can be under way.
        times: Of the phases that are over.
    """

    number: int
    phases: Sequence[Phase]
    board: Board
    request_bytes: int = 64
    most_outstanding: int = 16
    bus_bytes: int = 16
    most_writes: int = 1 << 30
    times: list[PhaseTimes] = field(default_factory=list)
    _free: int = 0  # end of the phase before
    _is_busy: bool = False  # a phase has begun
    _begin: int = 0  # of the present phase; moves back by cycles that are skipped
    _asked: int = 0  # requests of the present phase so far
    _outstanding: int = 0
    _earliest: int = 0  # of the next request
    _last: int = 0  # answer of the present phase
    _journey: Journey | None = None  # of that answer
    _held: dict[Cause, float] = field(default_factory=dict)  # cycles of the present phase
    on_held: Callable[[int, int, int], None] | None = None
    """Called with the core's number and each stretch of time in which it was held up."""

    def start(self, cycle: int) -> None:
        """See :class:`Core`."""
        self._free = cycle

    def go(self, limit: int, read_room: int, write_room: int) -> Stop:
        """See :class:`Core`."""
        while len(self.times) < len(self.phases):
            phase = self.phases[len(self.times)]
            if not self._is_busy:
                begin = self._may_begin(phase)
                if begin > limit:
                    return Stop(limit, (), begin, False)
                self._begin = self._earliest = self._last = begin
                self._is_busy, self._asked = True, 0
            if self._asked < self._requests(phase):
                return self._ask(phase, limit, read_room, write_room)
            end = NEVER if self._outstanding else max(self._begin + phase.cycles, self._last)
            if end > limit:
                return Stop(limit, (), end, False)
            self._finish(phase, end)
        return Stop(self._free, (), NEVER, True)

    def explain(self, tag: int, cycle: int, journey: Journey) -> None:
        """Hear what a request waited for, before its :meth:`answer`."""
        phase = self.phases[len(self.times)]
        count = self._requests(phase)
        if self._outstanding == self.most_outstanding and self._asked < count:
            due = max(self._begin + self._asked * phase.cycles // count, self._earliest)
            self._hold(due, cycle, journey)
        if cycle >= self._last:
            self._journey = journey

    def _hold(self, since: int, until: int, journey: Journey) -> None:
        """It could not go on until a request was answered: its waits count, in proportion."""
        total = sum(journey.waits.values())
        if until <= since or not total:
            return
        for cause, cycles in journey.waits.items():
            self._held[cause] = self._held.get(cause, 0) + (until - since) * cycles / total
        if self.on_held is not None:
            self.on_held(self.number, since, until)

    def answer(self, tag: int, cycle: int) -> int:
        """See :class:`Core`."""
        if self._outstanding == self.most_outstanding:
            self._earliest = max(self._earliest, cycle)
        self._outstanding -= 1
        self._last = max(self._last, cycle)
        return cycle

    @property
    def waits_for(self) -> str:
        """What the core is waiting for, for messages."""
        if len(self.times) == len(self.phases):
            return "nothing"
        number = len(self.times)
        phase = self.phases[number]
        name = f"phase {number}" + (f" ('{phase.label}')" if phase.label else "")
        missing = [which for which in phase.after if which not in self.board.ends]
        if not self._is_busy and missing:
            return f"{name} waits for phase {missing[0][1]} of core {missing[0][0]}"
        return f"{name} waits for {self._outstanding} answers"

    @property
    def waits_for_core(self) -> int:
        """The core whose phase it waits for; -1: none."""
        if self.is_done or self._is_busy:
            return -1
        missing = [which for which in self.phases[len(self.times)].after if which not in self.board.ends]
        return missing[0][0] if missing else -1

    # -- extrapolation --------------------------------------------------------------------------------------

    @property
    def is_done(self) -> bool:
        """Whether all phases are over."""
        return len(self.times) == len(self.phases)

    @property
    def phase_number(self) -> int:
        """The phase that it is in; -1: it waits, or is done."""
        return len(self.times) if self._is_busy else -1

    @property
    def asked(self) -> int:
        """Requests of the present phase so far."""
        return self._asked

    @property
    def requests_left(self) -> int:
        """Requests of the present phase that are still to come."""
        return self._requests(self.phases[len(self.times)]) - self._asked if self._is_busy else 0

    def due(self, cycle: int) -> int:
        """Requests that its phase alone makes before a cycle."""
        if not self._is_busy:
            return 0
        phase = self.phases[len(self.times)]
        count = self._requests(phase)
        return min(count, -(-(cycle - self._begin) * count // max(1, phase.cycles)))

    def cycles_left(self, now: int) -> int:
        """Cycles until its phase is over, at the phase's own pace."""
        return self._begin + self.phases[len(self.times)].cycles - now if self._is_busy else NEVER

    def pass_over(self) -> Request:
        """The next request, which is not made: it counts as answered."""
        phase = self.phases[len(self.times)]
        self._asked += 1
        return self._request(phase, self._asked - 1, self._requests(phase))

    def skip(self, cycles: int) -> None:
        """So many cycles of the present phase, if there is one, are over without being evaluated."""
        self._begin -= cycles

    # -- requests -------------------------------------------------------------------------------------------

    def _may_begin(self, phase: Phase) -> int:
        ends = self.board.ends
        if any(which not in ends for which in phase.after):
            return NEVER
        return max([self._free, *(ends[which] for which in phase.after)])

    def _requests(self, phase: Phase) -> int:
        streams = (phase.read_bytes, phase.weight_bytes, phase.write_bytes)
        return sum(-(-size // self.request_bytes) for size in streams)

    def _ask(self, phase: Phase, limit: int, read_room: int, write_room: int) -> Stop:
        if self._outstanding >= self.most_outstanding:
            return Stop(limit, (), NEVER, False)
        count, number = self._requests(phase), self._asked
        due = max(self._begin + number * phase.cycles // count, self._earliest)
        if due > limit:
            return Stop(limit, (), due, False)
        request = self._request(phase, number, count)
        self._earliest = due + 1
        if not (write_room if request.write else read_room):
            return Stop(due, (), due + 1, False)
        self._asked += 1
        self._outstanding += 1
        return Stop(due, (request,), due + 1, False)

    def _request(self, phase: Phase, number: int, count: int) -> Request:
        """One of the requests: writes are spread evenly between reads, and weights between other reads."""
        size = self.request_bytes
        writes = -(-phase.write_bytes // size)
        written = number * writes // count
        if (number + 1) * writes // count > written:
            return _piece(
                number, True, phase.write_address, written * size, phase.write_bytes, phase.write_span, size
            )
        read, weights = number - written, -(-phase.weight_bytes // size)
        loaded = read * weights // (count - writes)
        if (read + 1) * weights // (count - writes) > loaded:
            return _piece(number, False, phase.weight_address, loaded * size, phase.weight_bytes, 0, size)
        place = (read - loaded) * size
        return _piece(number, False, phase.read_address, place, phase.read_bytes, phase.read_span, size)

    def _finish(self, phase: Phase, end: int) -> None:
        taken, now = end - self._begin, end + self.board.skipped
        stalled = taken - phase.cycles
        if self._journey is not None and stalled:
            self._hold(max(self._begin + phase.cycles, self._earliest), end, self._journey)
        causes = divided(stalled, self._held or {(PORT, self.number): 1.0})
        self.times.append(PhaseTimes(now - taken, now, stalled, causes))
        self._journey, self._held = None, {}
        self._free, self._is_busy = end, False
        self.board.finish(self._which(), end)

    def _which(self) -> Finished:
        """What others call the phase that is over."""
        return self.number, len(self.times) - 1


def _piece(tag: int, write: bool, address: int, place: int, total: int, span: int, size: int) -> Request:
    """The bytes of a stream from ``place`` on."""
    size = min(size, total - place)
    if span:
        place %= span
        size = min(size, span - place)
    return Request(tag, write, address + place, size)
