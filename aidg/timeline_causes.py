"""What each instruction of a watched window waited for, wherever it did wait.

The times are known, so a constraint of ``docs/semantics.md`` binds exactly where it explains the time.
Instructions are looked at in program order. Whoever has left before the watched stretch is unknown and
explains nothing. Where several constraints are equally late, the instruction's own way comes first, then
structural hazards, then data, as in :func:`aidg.critical_path`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from acadl.model import PipelineStage
from acadl.operations import AddressRange, Instruction
from aidg.timeline_kernel import Passage, Visit, services_of
from aidg.timeline_window import Window


class Event(NamedTuple):
    """``enter``, ``start``, ``done`` or ``leave`` of an instruction at an object.

    The ``k``-th transaction of an instruction is at ``storage#k``, that of its fetch group at
    ``storage#fetch``; its times are arrival, start, answer, port given up.
    """

    number: int
    name: str
    what: str


class Cause(NamedTuple):
    """Which event was waited for, and why: ``forward, structural, raw, war, waw, buffer`` or ``storage``."""

    kind: str
    event: Event


# Where several operands are waited for equally long, the first of these explains most.
_CONFLICTS = ("raw", "waw", "war")


class Causes:
    """Why events happened when they did.

    Attributes:
        times: Cycle of every event of the window's passages.
    """

    def __init__(self, window: Window, instructions: Sequence[Instruction]) -> None:
        """Look for the causes of all events.

        Args:
            instructions: Of the window's passages.
        """
        self.times = dict(_events(window))
        self._found = _Search(window)
        for passage, instruction in zip(window.passages, instructions, strict=True):
            self._found.add(passage, instruction)

    def waited_for(self, event: Event) -> Cause | None:
        """What the event waited for beyond the one before it at the same object; ``None``: nothing known."""
        return self._found.causes.get(event)

    def path(self, event: Event) -> Iterator[tuple[Event, Cause]]:
        """The chain of causes that leads to ``event``, backwards, as far as it is known."""
        while True:
            cause = self.waited_for(event)
            if cause is None:
                before = _before(event)
                if before is None:
                    return
                cause = Cause("forward", event._replace(what=before))
            yield event, cause
            event = cause.event


def _before(event: Event) -> str | None:
    """What an event follows that did not wait."""
    if event.what == "leave" and "#" in event.name:  # a port is given up after an interval of its own
        return "start"
    return {"start": "enter", "done": "start", "leave": "done"}.get(event.what)


def _events(window: Window) -> Iterator[tuple[Event, int]]:
    for passage in window.passages:
        places = [(visit.name, visit) for visit in passage.visits]
        for name, visit in (*places, *transactions(passage)):
            for what, cycle in zip(("enter", "start", "done", "leave"), visit[1:], strict=True):
                yield Event(passage.number, name, what), cycle


def transactions(passage: Passage) -> Iterator[tuple[str, Visit]]:
    """The transactions of a passage by their names, in order; that of the fetch group first."""
    number = 0
    for position, access in enumerate(passage.accesses):
        for visit in access.transactions:
            if position == 0 and passage.has_read:
                yield f"{visit.name}#fetch", visit
                continue
            yield f"{visit.name}#{number}", visit
            number += 1


class _Search:
    """Looks for causes in program order.

    Attributes:
        causes: What has been found.
    """

    def __init__(self, window: Window) -> None:
        self.causes: dict[Event, Cause] = {}
        machine = window.program.machine
        self._arch = machine.arch
        self._rows = window.program.rows
        self._width = machine.fetch_width
        self._in_order = machine.in_order_issue
        self._capacities = {name: place.capacity for name, place in machine.places.items()}
        self._left: dict[str, list[tuple[int, int]]] = {}  # object -> (leave, number), sorted
        self._turns: dict[str, tuple[int, Event]] = {}  # object -> when the next one may start, due to what
        self._ended: dict[tuple[str, int], Event] = {}  # storage and cycle -> what ended there then
        self._done: dict[int, list[tuple[Event, Instruction]]] = {}  # cycle -> who was done in a unit
        self._bound: dict[str, tuple[int, int]] = {}  # successor of the fetch stage -> (leave, number)
        self._issued: tuple[int, int] | None = None
        self._last_read: tuple[int, int] | None = None  # (start, number)

    def add(self, passage: Passage, instruction: Instruction) -> None:
        """Find the causes of one instruction's events."""
        visits = list(passage.visits)
        number = passage.number
        if passage.has_read:
            self._read(number, visits.pop(0), passage)
        self._buffered(number, visits[0], visits[1].name)
        services = services_of(self._rows[passage.row], list(passage.indices))
        for position, (_, interval) in enumerate(services[:-1], 1):
            self._passed(number, visits[position], visits[position + 1].name, interval)
        for before, visit in pairwise(visits[:-1]):
            self._note(number, visit.name, "enter", "forward", Event(number, before.name, "leave"))
        self._processed(passage, visits[-2], visits[-1], services[-1][1], instruction)
        for visit in visits:
            insort(self._left.setdefault(visit.name, []), (visit.leave, number))

    def _note(self, number: int, name: str, what: str, kind: str, event: Event | None) -> bool:
        if event is not None:
            self.causes[Event(number, name, what)] = Cause(kind, event)
        return event is not None

    # -- fetch (rule 6) ------------------------------------------------------------------------------------

    def _read(self, number: int, visit: Visit, passage: Passage) -> None:
        fetch = self._arch.fetch_stage
        places = fetch.issue_buffer_size - self._width + 1
        before = self._last_read
        if before is not None and before[0] == visit.enter:
            self._note(number, visit.name, "enter", "structural", Event(before[1], visit.name, "start"))
        else:
            self._admitted(number, visit.name, "enter", visit.enter, fetch.name, places, "buffer")
        self._last_read = (visit.start, number)
        reader = self._arch.objects[visit.name]
        interval = getattr(reader, "initiation_interval", None)
        self._turn(number, visit, None if interval is None else interval.evaluate({}))
        self._serve(number, passage, [0], Event(number, visit.name, "start"))
        name, _ = next(transactions(passage))
        self._note(number, visit.name, "done", "forward", Event(number, name, "done"))

    def _buffered(self, number: int, visit: Visit, target: str) -> None:
        leader = number - number % self._width
        if self._last_read is not None and self._last_read[1] == leader:
            self._note(number, visit.name, "enter", "forward", Event(leader, self._reader, "done"))
        if visit.leave > visit.done and not self._admitted(
            number, visit.name, "leave", visit.leave, target, self._capacities[target]
        ):
            bound, issued = self._bound.get(target), self._issued
            if bound is not None and bound[0] + 1 == visit.leave:
                self._note(number, visit.name, "leave", "structural", Event(bound[1], visit.name, "leave"))
            elif self._in_order and issued is not None and issued[0] == visit.leave:
                self._note(number, visit.name, "leave", "structural", Event(issued[1], visit.name, "leave"))
        self._bound[target] = self._issued = (visit.leave, number)

    @property
    def _reader(self) -> str:
        from acadl.routing import instruction_memory

        return instruction_memory(self._arch)[0].name

    # -- the way to the unit (rules 2 to 5) ----------------------------------------------------------------

    def _passed(self, number: int, visit: Visit, target: str, interval: int | None) -> None:
        self._turn(number, visit, interval)
        if visit.leave > visit.done and not self._admitted(
            number, visit.name, "leave", visit.leave, target, self._capacities[target]
        ):
            stage = self._arch.objects[visit.name]
            if isinstance(stage, PipelineStage) and stage.order == "fifo":
                self._admitted(number, visit.name, "leave", visit.leave, visit.name, 1)

    def _admitted(
        self,
        number: int,
        name: str,
        what: str,
        cycle: int,
        target: str,
        places: int,
        kind: str = "structural",
    ) -> bool:
        """Whether the event waited for the user of ``target`` whose leaving made room (rule 2)."""
        left = self._left.get(target, [])
        if len(left) < places or left[-places][0] != cycle:
            return False
        return self._note(number, name, what, kind, Event(left[-places][1], target, "leave"))

    def _turn(self, number: int, visit: Visit, interval: int | None) -> bool:
        """Whether the instruction waited for its turn (rule 3)."""
        cycle, event = self._turns.get(visit.name, (-1, None))
        waited = visit.start > visit.enter and cycle == visit.start
        if waited:
            self._note(number, visit.name, "start", "structural", event)
        if interval is None:
            self._turns[visit.name] = visit.done, Event(number, visit.name, "done")
        else:
            self._turns[visit.name] = visit.start + interval, Event(number, visit.name, "start")
        return waited

    def _processed(
        self, passage: Passage, stage: Visit, unit: Visit, interval: int | None, instruction: Instruction
    ) -> None:
        number = passage.number
        self._note(number, unit.name, "enter", "forward", Event(number, stage.name, "enter"))
        if unit.enter > stage.enter:
            places = self._capacities[unit.name]
            self._admitted(number, unit.name, "enter", unit.enter, unit.name, places)
        if not self._turn(number, unit, interval) and unit.start > unit.enter:
            self._note(number, unit.name, "start", *self._conflict(instruction, unit.start))
        first = int(passage.has_read)
        accesses = range(first, len(passage.accesses))
        reads = [a for a in accesses if not passage.accesses[a].write]
        writes = [a for a in accesses if passage.accesses[a].write]
        start = Event(number, unit.name, "start")
        answered = self._serve(number, passage, reads, start) or start
        answered = self._serve(number, passage, writes, answered) or answered
        if accesses:
            self._note(number, unit.name, "done", "forward", answered)
        self._note(number, stage.name, "done", "forward", Event(number, unit.name, "done"))
        self._done.setdefault(unit.done, []).append((Event(number, unit.name, "done"), instruction))

    def _conflict(self, instruction: Instruction, start: int) -> tuple[str, Event | None]:
        """Rule 4: who had to be done first."""
        found: dict[str, Event] = {}
        for event, other in self._done.get(start, ()):
            kind = conflict(other, instruction)
            if kind is not None:
                found[kind] = event
        return next(((kind, found[kind]) for kind in _CONFLICTS if kind in found), ("", None))

    # -- storages (rules 7 and 8) --------------------------------------------------------------------------

    def _serve(self, number: int, passage: Passage, accesses: Sequence[int], ready: Event) -> Event | None:
        """Causes of the transactions of one direction; the event of the last answer."""
        names = [name for name, _ in transactions(passage)]
        before = [len(a.transactions) for a in passage.accesses]
        previous: dict[str, Event] = {}  # storage -> its last port given up
        last: tuple[int, Event] | None = None
        for access in accesses:
            first = sum(before[:access])
            for offset, visit in enumerate(passage.accesses[access].transactions):
                name = names[first + offset]
                came = previous.get(visit.name)
                self._note(number, name, "enter", "storage" if came else "forward", came or ready)
                if visit.start > visit.enter:
                    self._note(number, name, "start", "storage", self._ended.get((visit.name, visit.start)))
                previous[visit.name] = Event(number, name, "leave")
                for cycle, what in ((visit.done, "done"), (visit.leave, "leave")):
                    self._ended[visit.name, cycle] = Event(number, name, what)
                if last is None or visit.done >= last[0]:
                    last = visit.done, Event(number, name, "done")
        return last[1] if last else None


def conflict(earlier: Instruction, later: Instruction) -> str | None:
    """How the later instruction has to wait for the earlier one: ``raw``, ``waw``, ``war`` or not at all."""
    reads = earlier.read_registers, earlier.read_addresses
    writes = earlier.write_registers, earlier.write_addresses
    later_reads = later.read_registers, later.read_addresses
    later_writes = later.write_registers, later.write_addresses
    if _meet(writes, later_reads):
        return "raw"
    if _meet(writes, later_writes):
        return "waw"
    return "war" if _meet(reads, later_writes) else None


Operands: TypeAlias = tuple[tuple[str, ...], tuple[AddressRange, ...]]


def _meet(operands: Operands, others: Operands) -> bool:
    """Whether registers or addresses are the same."""
    if not set(operands[0]).isdisjoint(others[0]):
        return True
    return any(a.overlaps(b) for a in operands[1] for b in others[1])
