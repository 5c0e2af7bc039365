"""A kernel whose times know what they waited for: the functions of :mod:`aidg.propagation` on moments.

The module is loaded a second time, and a few of its functions are wrapped in that copy: they say where time
passes, and what kind of constraint it was that a moment was taken from.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

from aidg.copies import second_copy
from aidg.kernel import Kernel
from aidg.machine import Machine
from aidg.moments import FORWARD, INNER, Entry, Moment, Place, after
from aidg.prepared import PreparedProgram
from aidg.propagation import (
    BUFFER,
    CELLS,
    EMPTY,
    FINISHED,
    GROUP_READY,
    NEXT_READ,
    RANGES,
    READ_INTERVAL,
    SAME,
    ProgramArrays,
    State,
    overlaps,
)


class Frame(NamedTuple):
    """Where the operands have moved at a boundary.

    Attributes:
        cells: Per group: by how many cells.
        bytes: Per live range of a group, and the number of its access: by how many bytes.
    """

    cells: Callable[[int], int]
    bytes: Callable[[int, int], int]


class _Times(list[Any]):
    """The list of times; what is read from it binds by the kind of its position."""

    def __init__(self, values: list[Any], machine: Machine, place: Place) -> None:
        super().__init__(values)
        self.quiet = False  # times are only moved
        self._place = place
        self._service_of = {position: name for name, position in machine.services.items()}
        self._buffer = machine.buffer.position

    def __getitem__(self, position: Any) -> Any:
        value = super().__getitem__(position)
        if self.quiet:
            return value
        if position in self._service_of:  # an instruction has come to this object
            self._place.where = self._service_of[position]
        if not isinstance(value, Moment):  # long ago
            return value
        kind = "buffer" if position == self._buffer else FORWARD if position == GROUP_READY else "structural"
        return after(kind, value, self._place)


class TracedKernel(Kernel):
    """An interpreted kernel on moments.

    Attributes:
        place: Where it is.
        latest: The latest ``done`` since the last :meth:`cut`.
    """

    def __init__(self, program: PreparedProgram) -> None:
        super().__init__(program)
        self.place = Place()
        self.latest: Moment | None = None
        self._origin = Moment(0, None, None, self.place)
        times = _Times([self._origin] * self.machine.size, self.machine, self.place)
        self.state.times = times
        self._copy: Any = second_copy("aidg.propagation")
        self._ring_at = {position: ring for ring in self._rings for position in range(ring[0], ring[1])}
        self._wrap()
        self._run = self._copy.run

    # -- wrapped functions ---------------------------------------------------------------------------------

    def _wrap(self) -> None:
        copy, machine = self._copy, self.machine
        copy.propagate = self._propagating(copy.propagate)
        copy._read_group = self._reading(copy._read_group)
        copy._issue = self._spending(copy._issue, lambda _: machine.arch.fetch_stage.name)
        for name in ("_serve", "_serve_many", "_serve_queued"):
            serve = self._spending(getattr(copy, name), lambda a: machine.storages[a[2]].name)
            setattr(copy, name, self._answering(serve))
        copy._earliest = self._finding(copy._earliest)
        copy._ready = self._labelling(copy._ready)
        for name in ("_push", "_note", "_locate"):
            setattr(copy, name, self._quietly(getattr(copy, name)))

    def _propagating(self, propagate: Any) -> Any:
        def wrapped(p: ProgramArrays, s: State, row: int) -> int:
            self.place.row = row
            status: int = propagate(p, s, row)
            if status == FINISHED:
                self.place.number += 1
                done = s.events[p.units[row][-1] + 1]
                if self.latest is None or done >= self.latest:
                    self.latest = done
            return status

        return wrapped

    def _reading(self, read_group: Any) -> Any:
        """A read of instructions: its time is the access unit's, then the memory's."""
        reader, memory = _front_names(self.machine)

        def wrapped(p: ProgramArrays, s: State) -> None:
            before, self.place.where = self.place.where, reader
            read_group(p, s)
            ready = list.__getitem__(s.times, GROUP_READY)
            if memory.is_folded and ready.cause is not None:
                asked = ready.cause + memory.reader_cycles
                self.place.where = memory.name
                answered = Moment(ready.cycles, asked, None, self.place)
                s.times[GROUP_READY] = answered
                if p.front[READ_INTERVAL] == SAME:
                    s.times[NEXT_READ] = answered
            self.place.where = before

        return wrapped

    def _spending(self, function: Any, where: Callable[[tuple[Any, ...]], str]) -> Any:
        """Time passes in an object while the function runs."""

        def wrapped(*arguments: Any) -> Any:
            before, self.place.where = self.place.where, where(arguments)
            result = function(*arguments)
            self.place.where = before
            return result

        return wrapped

    def _answering(self, serve: Any) -> Any:
        """The answer of a storage goes back to the unit; it is not what the next transaction waits for."""

        def wrapped(*arguments: Any) -> Any:
            answer = serve(*arguments)
            return after(INNER, answer, self.place) if isinstance(answer, Moment) else answer

        return wrapped

    def _finding(self, earliest: Any) -> Any:
        """What is not served on arrival waits for the transactions before."""

        def wrapped(s: State, table: int, arrival: Any, hold: int) -> Any:
            found = earliest(s, table, arrival, hold)
            return found if found is arrival else after("storage", found, self.place)

        return wrapped

    def _labelling(self, ready: Any) -> Any:
        """What waits for operands: for which, and why."""

        def wrapped(p: ProgramArrays, s: State, first: int, stop: int, moment: Any) -> Any:
            s.times.quiet = True
            found = ready(p, s, first, stop, moment)
            s.times.quiet = False
            return found if found is moment else after(*_conflict(p, s, first, stop, found), self.place)

        return wrapped

    def _quietly(self, function: Any) -> Any:
        """Times are moved and compared, but nobody waits."""

        def wrapped(*arguments: Any) -> Any:
            times = self.state.times
            before, times.quiet = times.quiet, True
            result = function(*arguments)
            times.quiet = before
            return result

        return wrapped

    # -- the state as a whole ------------------------------------------------------------------------------

    def fetch_order(self) -> bool:
        """Which of two constraints that may be equally late holds up the next read of instructions."""
        times = self.state.times
        return bool(list.__getitem__(times, NEXT_READ) >= list.__getitem__(times, BUFFER))

    def cut(self, frame: Frame) -> dict[Hashable, Any]:
        """Start a new segment: what the state's times were, by name; they are entries from now on."""
        self._forget_past()
        ends: dict[Hashable, Any] = {}
        for name, row, position in list(self.slots(frame)):
            value = list.__getitem__(row, position)
            ends[name] = value
            list.__setitem__(row, position, Entry(int(value), name, self.place))
        self.latest = None
        return ends

    def rename_ready(self) -> None:
        """After a jump that changes the position in the fetch group: the group is ready at ``base``."""
        times, base = self.state.times, self.base()
        if isinstance(list.__getitem__(times, GROUP_READY), int):
            known = (NEXT_READ, BUFFER)
            position = next(n for n in known if list.__getitem__(times, n) >= base)
            times[GROUP_READY] = Entry(base, ("time", position), self.place)

    def slots(self, frame: Frame) -> Iterator[tuple[tuple[Any, ...], list[Any], int]]:
        """Every time of the state that somebody can wait for: name, and where it is."""
        state, base = self.state, self.base()
        for position, value in enumerate(list(state.times)):
            if value >= base:
                yield ("time", self._rotated(position)), state.times, position
        for table, stretches in enumerate(state.stretches):
            count = state.used[table]
            yield from ((("stretch", table, count - i), stretches, i) for i in range(count))
        for group, keys in enumerate(state.keys):
            moved = frame.cells(group) if keys else 0
            for slot, cell in enumerate(keys):
                if cell != EMPTY:
                    yield ("written", group, cell - moved), state.written[group], slot
                    yield ("read", group, cell - moved), state.read[group], slot
        for group, ended in enumerate(state.ended):
            for i in range(state.alive[group]):
                *shape, access = self.arrays.shapes[state.users[group][i]]
                start = state.starts[group][i] - frame.bytes(group, access)
                yield ("range", group, start, *shape, ended[i] - base), ended, i

    def _rotated(self, position: int) -> int:
        """The position, in a ring of leave times counted from the oldest one on."""
        ring = self._ring_at.get(position)
        if ring is None:
            return position
        first, stop, number = ring
        head: int = self.state.heads[number]
        return first + (position - first - head) % (stop - first)

    def _forget_past(self) -> None:
        """Nobody can wait for what was before base: it is no longer traced."""
        times, base = self.state.times, self.base()
        for position, value in enumerate(list(times)):
            if value and value < base:
                list.__setitem__(times, position, 0)


class _InstructionMemory(NamedTuple):
    """How the time of a read divides where the memory's latency is part of the access unit's."""

    name: str
    reader_cycles: int
    is_folded: bool


def _front_names(machine: Machine) -> tuple[str, _InstructionMemory]:
    from acadl.routing import instruction_memory
    from aidg.machine import constant

    reader, memory = instruction_memory(machine.arch)
    cycles = constant(reader.latency, f"latency of '{reader.name}'")
    is_folded = machine.instruction_storage < 0 and machine.read_latency > cycles
    return reader.name, _InstructionMemory(memory.name, cycles, is_folded)


def _conflict(p: ProgramArrays, s: State, first: int, stop: int, found: Moment) -> tuple[str, Moment]:
    """How an instruction waits for operands until ``found``, and for which moment."""
    binding: dict[str, Moment] = {}
    for operand in range(first, stop):
        for kind, time in _times_of(p, s, operand):
            if time == found:
                binding.setdefault(kind, time)
    kind = next(kind for kind in ("raw", "waw", "war") if kind in binding)
    return kind, binding[kind]


def _times_of(p: ProgramArrays, s: State, operand: int) -> Iterator[tuple[str, Any]]:
    """What an operand waits for: how, and until when."""
    kind, is_written, _, group, *_ = p.operands[operand]
    spot = s.spots[operand]
    if kind == RANGES:
        yield from _ranges_of(p, s, operand, group)
        return
    if kind == CELLS:
        written, read = s.written[group][spot], s.read[group][spot]
    else:
        written, read = list.__getitem__(s.times, spot), list.__getitem__(s.times, spot + 1)
    yield ("waw" if is_written else "raw"), written
    if is_written:
        yield "war", read


def _ranges_of(p: ProgramArrays, s: State, operand: int, group: int) -> Iterator[tuple[str, Any]]:
    *shape, is_written, _ = p.shapes[operand]
    for i in range(s.alive[group]):
        *other, was_written, _ = p.shapes[s.users[group][i]]
        both = (s.spots[operand], *shape, s.starts[group][i], *other)
        if (is_written or was_written) and overlaps(*both):
            yield ("waw" if is_written else "raw") if was_written else "war", s.ended[group][i]
