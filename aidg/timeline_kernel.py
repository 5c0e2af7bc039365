"""A kernel that notes every event of the instructions that it propagates.

It runs a copy of :mod:`aidg.propagation` in which a few functions also write down what they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from acadl.routing import instruction_memory
from aidg.arrays import UNLIMITED, flatten
from aidg.copies import second_copy
from aidg.kernel import Kernel
from aidg.machine import constant
from aidg.prepared import Block, PreparedProgram, Row
from aidg.propagation import (
    BUFFER,
    GROUP_READY,
    NEXT_READ,
    QUEUED,
    SAME,
    ProgramArrays,
    State,
)

# Entries by which tables are made longer: transactions are entered one by one here.
SLACK = 64


class Visit(NamedTuple):
    """When an instruction entered an object, was started there, was done, and left. In cycles.

    For a transaction at a storage: arrival, start, answer, port given up.
    """

    name: str
    enter: int
    start: int
    done: int
    leave: int


class Access(NamedTuple):
    """The transactions of one operand at one storage, in the order they are served."""

    storage: str
    write: bool
    transactions: tuple[Visit, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """One instruction's way through the machine.

    Attributes:
        number: Position in program order.
        row: Number of the static instruction.
        indices: Loop indices, by level.
        visits: In order of the route; the first instruction of a fetch group has the group's read in front.
        accesses: At storages; that of the group's read in front.
        has_read: Whether it is the first one of a fetch group.
    """

    number: int
    row: int
    indices: tuple[int, ...]
    visits: tuple[Visit, ...]
    accesses: tuple[Access, ...]
    has_read: bool


class Watched(Kernel):
    """A kernel that, from :meth:`watch` on, notes what happens to each instruction."""

    def __init__(self, program: PreparedProgram) -> None:
        super().__init__(program, "auto")
        reader, memory = instruction_memory(program.machine.arch)
        self._reader, self._memory = reader.name, memory
        self._reader_latency = constant(reader.latency, f"latency of '{reader.name}'")
        self._last_read = 0  # start of the previous read of instructions
        self._read: Visit | None = None  # the read of the current instruction's group, if it is the first
        self._read_access: Access | None = None
        self._admitted = 0  # when the current instruction entered its unit
        self._served: list[Visit] = []  # its transactions

    def last_leave(self) -> int:
        """Cycle by which everything so far has left every object and storage."""
        machine, state = self.machine, self.state
        times = [int(state.times[GROUP_READY])]
        for place in (machine.buffer, *machine.places.values()):
            times += (int(t) for t in state.times[place.position : place.position + place.capacity])
        for table, stretches in enumerate(state.stretches):
            times += (int(t) for t in stretches[: state.used[table]])
        return max(times) + self.offset

    def watch(self) -> None:
        """Go on interpreted, with functions that take notes."""
        self._use_lists()
        self.is_compiled = False
        self._compile_after = UNLIMITED
        self.arrays = flatten(self.program)
        for table in (*self.state.stretches, *self.state.levels):
            table += [0] * SLACK
        copy: Any = second_copy("aidg.propagation")
        copy._read_group = self._reading(copy._read_group)
        copy._process = self._processing(copy._process)
        copy._serve = serve = self._serving(copy._serve)

        def serve_many(
            p: ProgramArrays, s: State, storage: int, arrival: int, latency: int, count: int
        ) -> int:
            """Equal transactions, one by one."""
            answer = s.released[storage] = arrival
            for _ in range(count):
                answer = serve(p, s, storage, s.released[storage], latency)
            return answer

        copy._serve_many = serve_many
        self._run = copy.run

    def _reading(self, read_group: Any) -> Any:
        def noted(p: ProgramArrays, s: State) -> None:
            room, start = s.times[BUFFER], max(s.times[BUFFER], s.times[NEXT_READ])
            read_group(p, s)
            ready = s.times[GROUP_READY]
            self._read = Visit(self._reader, max(room, self._last_read), start, ready, ready)
            self._last_read = start
            served = self._served or [self._unserved_read(start, ready)]
            self._read_access = Access(self._memory.name, False, tuple(served))
            self._served = []

        return noted

    def _unserved_read(self, start: int, ready: int) -> Visit:
        """The transaction of a read whose latency is part of the access unit's: a port is always free."""
        arrival, hold = start + self._reader_latency, self._memory.initiation_interval
        return Visit(self._memory.name, arrival, arrival, ready, ready if hold is None else arrival + hold)

    def _processing(self, process: Any) -> Any:
        places = [row.own.position for row in self.program.rows]

        def noted(p: ProgramArrays, s: State, row: int, moment: int) -> int:
            self._admitted = max(moment, s.times[places[row]])
            done: int = process(p, s, row, moment)
            return done

        return noted

    def _serving(self, serve: Any) -> Any:
        names = [spec.name for spec in self.machine.storages]

        def noted(p: ProgramArrays, s: State, storage: int, arrival: int, latency: int) -> int:
            answer: int = serve(p, s, storage, arrival, latency)
            visit = Visit(names[storage], arrival, answer - latency, answer, s.released[storage])
            self._served.append(visit)
            return answer

        return noted

    def run_row(self, row: Row, pc: int, number: int) -> Passage:
        """Propagate one instance of a static instruction, which is entry ``pc`` of the tape."""
        self._read = self._read_access = None
        self._served = []
        self.run_block(Block((row,), pc, pc + 1, row.has_queue))
        visits = [*([self._read] if self._read else []), *self._on_its_way(row)]
        accesses = [self._read_access] if self._read_access else []
        served = iter(self._served)
        for access in row.accesses:
            transactions = tuple(next(served) for _ in range(access.transactions))
            name = self.machine.storages[access.storage].name
            accesses.append(Access(name, access.write, transactions))
        return Passage(
            number,
            row.number,
            tuple(self.state.indices),
            tuple(self._at_cycles(visit) for visit in visits),
            tuple(a._replace(transactions=tuple(map(self._at_cycles, a.transactions))) for a in accesses),
            self._read is not None,
        )

    def _on_its_way(self, row: Row) -> Iterator[Visit]:
        """The visits from the issue buffer on, by the events that propagation leaves behind."""
        events = self.state.events
        entered, moment = events[0], events[1]
        yield Visit(
            self.machine.arch.fetch_stage.name,
            entered,
            entered,
            entered + self.machine.fetch_latency,
            moment,
        )
        services = services_of(row, self.state.indices)
        for number, (hop, (latency, _)) in enumerate(zip(row.hops, services, strict=False)):
            start, left = events[2 + 2 * number], events[3 + 2 * number]
            yield Visit(hop.stage, moment, start, start + latency, left)
            moment = left
        start, done = events[2 + 2 * len(row.hops)], events[3 + 2 * len(row.hops)]
        yield Visit(row.objects[-2], moment, moment, done, done)
        yield Visit(row.objects[-1], self._admitted, start, done, done)

    def _at_cycles(self, visit: Visit) -> Visit:
        if not self.offset:  # nothing has been skipped
            return visit
        name, *times = visit
        return Visit(name, *(time + self.offset for time in times))


def services_of(row: Row, indices: list[int]) -> list[tuple[int, int | None]]:
    """Latency and interval of each stage on the way and of the unit.

    The interval is ``None`` where the next user waits until this one is done. A unit's latency is that
    without its accesses.
    """
    varying = iter(row.queued)  # those that differ between instances, in this order
    made: list[tuple[int, int | None]] = []
    steps = [(hop.latency, hop.interval) for hop in row.hops]
    for number, (latency, stated) in enumerate([*steps, (row.latency, row.interval)]):
        if latency == QUEUED:
            latency = next(varying).at(indices)
        interval: int | None = stated
        if interval == QUEUED:
            interval = next(varying).at(indices)
        elif interval == SAME:
            interval = latency if number < len(row.hops) else None
        made.append((latency, interval))
    return made
