"""Every event of a stretch of a program, however far into it: skipped to exactly, then watched.

Iterations before the window are skipped as in :mod:`aidg.recurrence`. From some way before the window on, so
that whatever is still under way when it begins has been seen coming, instructions are propagated one by one
with a copy of :mod:`aidg.propagation` in which a few functions note what they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any, NamedTuple

from acadl.model import Architecture
from acadl.routing import instruction_memory
from aidg.arrays import UNLIMITED, flatten
from aidg.kernel import Kernel
from aidg.machine import constant
from aidg.prepare import prepare
from aidg.prepared import Block, Prepared, PreparedLoop, PreparedProgram, Row, instructions
from aidg.propagation import (
    BUFFER,
    GROUP_READY,
    NEXT_READ,
    QUEUED,
    SAME,
    ProgramArrays,
    State,
)
from aidg.recurrence import ExactRunner
from mappings.program import LoopProgram

# Instructions that are watched before and after the window, at most.
FURTHEST = 50_000
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


@dataclass(frozen=True)
class Window:
    """A stretch of a program, watched.

    Attributes:
        program: What was run.
        passages: In program order: instructions that are under way when the window begins or were shortly
            before, those of the window, and those that follow before it ends.
        first, stop: Numbers of the window's first instruction and of the one after its last.
        begin, end: Cycle at which its first instruction is about to be read or enters the issue buffer, and
            cycle at which its last one is done.
        is_exact: Whether the state at its start is exact.
        notes: What the reader must know.
    """

    program: PreparedProgram
    passages: tuple[Passage, ...]
    first: int
    stop: int
    begin: int
    end: int
    is_exact: bool
    notes: tuple[str, ...]


def watch(arch: Architecture, program: LoopProgram, first: int, count: int, budget: int) -> Window:
    """The events of ``count`` instructions from number ``first`` on, all of which the program has.

    Args:
        budget: Instructions to propagate before a loop ahead of the window is extrapolated.

    Raises:
        AcadlError: As for :func:`aidg.estimate`.
    """
    reach = 0
    while True:
        prepared = prepare(arch, program)
        reach = reach or 2 * _places(prepared) + 2 * prepared.machine.fetch_width
        start = max(0, first - reach)
        watcher = _Watcher(Watched(prepared), budget, start, first, first + count)
        watcher.run()
        begin = watcher.begin
        if start == 0 or watcher.settled <= begin or reach >= FURTHEST:
            break
        reach = min(8 * reach, FURTHEST)
    notes = [
        f"loop '{loop}' before the window did not settle within the budget of {budget} instructions: the "
        "state at the window's start is extrapolated"
        for loop in watcher.unsettled
    ]
    if start and watcher.settled > begin:
        notes.append(
            f"more than {FURTHEST} instructions before the window something starts that is still under way "
            "at its start: it is not shown"
        )
    if not watcher.is_complete:
        notes.append(f"instructions from number {watcher.number} on start before its end; they are not shown")
    return Window(
        program=prepared,
        passages=tuple(watcher.passages),
        first=first,
        stop=first + count,
        begin=begin,
        end=watcher.end,
        is_exact=not watcher.unsettled,
        notes=tuple(notes),
    )


def _places(program: PreparedProgram) -> int:
    """Instructions that the machine holds at once, at most."""
    machine = program.machine
    return machine.arch.fetch_stage.issue_buffer_size + sum(p.capacity for p in machine.places.values())


class _Watcher(ExactRunner):
    """Skips to instruction ``start``, then watches until everything up to ``stop`` is over.

    Attributes:
        number: Number of the next instruction.
        settled: Cycle by which everything before ``start`` has left the machine.
        begin, end: See :class:`Window`.
        is_complete: Whether everything that starts before ``end`` has been seen.
    """

    def __init__(self, kernel: Watched, budget: int, start: int, first: int, stop: int) -> None:
        super().__init__(kernel, budget)
        self.watched = kernel
        self.number = 0
        self.settled = self.begin = self.end = 0
        self.is_complete = True
        self.passages: list[Passage] = []
        self._start, self._first, self._stop = start, first, stop
        self._parts: list[PreparedLoop] = []  # kept, since plans are found by identity
        self._is_over = False

    def run(self) -> int:
        """Latest ``done`` of the window."""
        self.kernel.forget_recent()
        if self._start == 0:
            self._begin()
        self._walk(self.kernel.program.body)
        return self.end

    def _walk(self, node: Prepared) -> None:
        """Run a node: skipped as far as it lies before the start, watched from there on."""
        ahead = max(0, self._start - self.number)
        if ahead and instructions(node) <= ahead:
            self.run_node(node)
            self._advance_to(self.number + instructions(node))
        elif isinstance(node, Block):
            self._watch_rows(node, ahead)
        elif isinstance(node, tuple):
            for child in node:
                if not self._is_over:
                    self._walk(child)
        else:
            self._walk_loop(node, ahead // node.instructions)

    def _walk_loop(self, node: PreparedLoop, skipped: int) -> None:
        if skipped:
            part = replace(node, count=skipped)
            self._parts.append(part)
            self.plans[id(part)] = self.plans[id(node)]
            self.run_loop(part)
            self._advance_to(self.number + skipped * node.instructions)
        for iteration in range(skipped, node.count):
            if self._is_over:
                return
            self.kernel.state.indices[node.level] = iteration
            self._walk(node.body)
        self.kernel.state.indices[node.level] = 0

    def _advance_to(self, number: int) -> None:
        self.number = number
        if number == self._start:
            self._begin()

    def _begin(self) -> None:
        self.settled = self.watched.last_leave()
        self.watched.watch()

    def _watch_rows(self, block: Block, ahead: int) -> None:
        """The first ``ahead`` rows of a block unseen, then the others one by one."""
        if ahead:
            before = block.rows[:ahead]
            has_queue = any(row.has_queue for row in before)
            self.kernel.run_block(Block(before, block.first, block.first + ahead, has_queue))
            self._advance_to(self.number + ahead)
        for offset in range(ahead, len(block.rows)):
            if self._is_over:
                return
            self._watch_row(block.rows[offset], block.first + offset)

    def _watch_row(self, row: Row, pc: int) -> None:
        passage = self.watched.run_row(row, pc, self.number)
        if self.number == self._first:
            self.begin = passage.visits[0].enter
        if self.number < self._stop:
            self.end = max(self.end, passage.visits[-1].done) if self.number >= self._first else 0
        elif passage.has_read and passage.visits[0].enter >= self.end:
            self._is_over = True  # whatever follows is read later
            return
        elif self.number >= self._stop + FURTHEST:
            self.is_complete = False
            self._is_over = True
            return
        self.number += 1
        self.passages.append(passage)


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
        copy: Any = _second_copy("aidg.propagation")
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


def _second_copy(name: str) -> ModuleType:
    spec: Any = find_spec(name)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
