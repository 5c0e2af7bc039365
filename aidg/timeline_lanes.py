"""Arranges what has been watched: slices in lanes, fill levels, arrows along the critical path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import heappop, heappush

from acadl.model import (
    ACADLObject,
    DataStorage,
    FunctionalUnit,
    InstructionFetchStage,
    InstructionMemoryAccessUnit,
    PipelineStage,
)
from acadl.operations import Instruction
from aidg.timeline_causes import Causes, Event, transactions
from aidg.timeline_drawing import Arrow, Drawing, Fill, Lane, Part, Slice
from aidg.timeline_kernel import Passage, Visit
from aidg.timeline_window import Window
from mappings.program import Loop, LoopProgram, Node, Replay, Step, concrete
from mappings.program import Sequence as Nodes


def draw(window: Window, program: LoopProgram) -> Drawing:
    """Arrange what has been watched.

    The arrows show the chain of constraints that led to the end of the last of the window's instructions, as
    far as it lies in the window.
    """
    instructions = list(described(window, program))
    causes = Causes(window, [instruction for instruction, _ in instructions])
    shown = _Shown(window, causes)
    for passage, (instruction, indices) in zip(window.passages, instructions, strict=True):
        shown.add(passage, instruction, indices)
    return Drawing(
        lanes=tuple(_lanes(window, shown.slices)),
        fills=tuple(_fills(window)),
        arrows=tuple(_arrows(window, causes, shown.slice_of)),
    )


Indices = tuple[tuple[str, int], ...]


def described(window: Window, program: LoopProgram) -> Iterator[tuple[Instruction, Indices]]:
    """Each passage's instruction, and the indices of the loops around it."""
    rows = list(static_steps(program.body, ()))
    levels = {name: level for level, name in enumerate(window.program.level_names)}
    for passage in window.passages:
        step, names = rows[passage.row]
        indices = {name: passage.indices[levels[name]] for name in names}
        operation = program.operations[step.operation]
        yield concrete(step, operation, indices, passage.number), tuple(indices.items())


def static_steps(node: Node, scope: tuple[str, ...]) -> Iterator[tuple[Step, tuple[str, ...]]]:
    """Static instructions that run at all, as the prepared program's rows, and the loops around them."""
    match node:
        case Step():
            yield node, scope
        case Nodes(nodes):
            for child in nodes:
                yield from static_steps(child, scope)
        case Loop(name, count, body):
            if count:
                yield from static_steps(body, (*scope, name))
        case Replay(pieces=pieces):
            for piece in pieces:
                for step in piece:
                    yield step, scope


# -- slices --------------------------------------------------------------------------------------------------


class _Shown:
    """Makes the slices: what takes time and overlaps the window.

    Attributes:
        slices: All of them.
        slice_of: By instruction and object or transaction.
    """

    def __init__(self, window: Window, causes: Causes) -> None:
        self.slices: list[Slice] = []
        self.slice_of: dict[tuple[int, str], Slice] = {}
        self._window = window
        self._causes = causes

    def add(self, passage: Passage, instruction: Instruction, indices: Indices) -> None:
        """Slices of one instruction."""
        for visit in passage.visits:
            self._add(passage.number, instruction, indices, visit, (visit.name,))
        names = [name for name, _ in transactions(passage)]
        for access in passage.accesses:
            served, names = names[: len(access.transactions)], names[len(access.transactions) :]
            visits = access.transactions
            answered = max(visit.done for visit in visits)
            whole = Visit(access.storage, visits[0].enter, visits[0].start, answered, answered)
            self._add(passage.number, instruction, indices, whole, tuple(served), len(served))

    def _add(
        self,
        number: int,
        instruction: Instruction,
        indices: Indices,
        visit: Visit,
        names: tuple[str, ...],
        transactions: int = 0,
    ) -> None:
        window = self._window
        if visit.leave <= max(window.begin, visit.enter) or visit.enter >= window.end:
            return
        part: Part = "window" if number >= window.first else "before"
        made = Slice(
            number=number,
            operation=instruction.operation,
            text=str(instruction),
            indices=indices,
            object=visit.name,
            enter=visit.enter,
            start=visit.start,
            done=visit.done,
            leave=visit.leave,
            part=part if number < window.stop else "after",
            waited_for=self._reason(Event(number, names[0], "start")) if visit.start > visit.enter else "",
            blocked_by=self._reason(Event(number, names[0], "leave")) if visit.leave > visit.done else "",
            transactions=transactions,
        )
        self.slices.append(made)
        self.slice_of.update(((number, name), made) for name in names)

    def _reason(self, event: Event) -> str:
        cause = self._causes.waited_for(event)
        if cause is None:
            return ""
        return f"{cause.kind}: #{cause.event.number} at {cause.event.name.split('#')[0]}"


# -- lanes and levels ----------------------------------------------------------------------------------------


def _lanes(window: Window, slices: Iterable[Slice]) -> Iterator[Lane]:
    """Lanes in order of the objects' declaration, storages last; slices in the first lane that is free."""
    by_object: dict[str, list[Slice]] = {}
    for item in slices:
        by_object.setdefault(item.object, []).append(item)
    for name in sorted(by_object, key=_order(window)):
        lanes = _packed(by_object[name])
        for place, lane in enumerate(lanes, 1):
            yield Lane(name, place, len(lanes), _is_storage(window, name), tuple(lane))


def _packed(slices: Iterable[Slice]) -> list[list[Slice]]:
    """Slices in the first lane that is free."""
    lanes: list[list[Slice]] = []
    free: list[int] = []  # numbers of lanes, the first one on top
    busy: list[tuple[int, int]] = []  # until when, number of the lane
    for item in sorted(slices, key=lambda item: (item.enter, item.number)):
        while busy and busy[0][0] <= item.enter:
            heappush(free, heappop(busy)[1])
        if not free:
            heappush(free, len(lanes))
            lanes.append([])
        number = heappop(free)
        lanes[number].append(item)
        heappush(busy, (item.leave, number))
    return lanes


def _is_storage(window: Window, name: str) -> bool:
    return isinstance(window.program.machine.arch.objects[name], DataStorage)


def _order(window: Window) -> Callable[[str], tuple[bool, int]]:
    """Storages come last."""
    declared = {name: number for number, name in enumerate(window.program.machine.arch.objects)}
    return lambda name: (_is_storage(window, name), declared[name])


def _fills(window: Window) -> Iterator[Fill]:
    """Levels of the issue buffer, of what holds several instructions, and of storages."""
    stays: dict[str, list[tuple[int, int]]] = {}
    for passage in window.passages:
        for visit in passage.visits:
            stays.setdefault(visit.name, []).append((visit.enter, visit.leave))
        for access in passage.accesses:
            served = ((visit.start, visit.done) for visit in access.transactions)
            stays.setdefault(access.storage, []).extend(served)
    objects = window.program.machine.arch.objects
    for name in sorted(stays, key=_order(window)):
        item = objects[name]
        if isinstance(item, DataStorage):
            yield Fill(name, "requests in flight", _levels(stays[name], window))
        elif isinstance(item, InstructionFetchStage) or _capacity(item) > 1:
            yield Fill(name, "instructions", _levels(stays[name], window))


def _capacity(item: ACADLObject) -> int:
    if isinstance(item, InstructionMemoryAccessUnit):
        return 1  # its capacity plays no part
    return item.capacity if isinstance(item, (PipelineStage, FunctionalUnit)) else 1


def _levels(stays: Iterable[tuple[int, int]], window: Window) -> tuple[tuple[int, int], ...]:
    """The level at the window's start, and every change up to its end."""
    changes: Counter[int] = Counter()
    for enter, leave in stays:
        changes[enter] += 1
        changes[leave] -= 1
    level = sum(change for cycle, change in changes.items() if cycle <= window.begin)
    levels = [(window.begin, level)]
    for cycle in sorted(cycle for cycle in changes if window.begin < cycle < window.end):
        if changes[cycle]:
            level += changes[cycle]
            levels.append((cycle, level))
    return tuple(levels)


# -- the critical path ---------------------------------------------------------------------------------------


def _arrows(window: Window, causes: Causes, slice_of: Mapping[tuple[int, str], Slice]) -> Iterator[Arrow]:
    """From slice to slice, latest first; what takes no time has no slice and is passed over."""
    inside = [passage for passage in window.passages if window.first <= passage.number < window.stop]
    if not inside:
        return
    last = max(inside, key=lambda passage: passage.visits[-1].done)
    end = Event(last.number, last.visits[-1].name, "done")
    target, reached, kind = slice_of.get((end.number, end.name)), causes.times[end], "forward"
    for _, cause in causes.path(end):
        event = cause.event
        if causes.times[event] < window.begin:
            return
        if cause.kind != "forward":
            kind = cause.kind
        source = slice_of.get((event.number, event.name))
        if source is None:
            continue
        if target is not None and source is not target:
            yield Arrow(kind, source, target, causes.times[event], reached)
            kind = "forward"
        target, reached = source, causes.times[event]
