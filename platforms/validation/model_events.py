"""Events that the model predicts, from the kernel, for runs of any length; and what they waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from acadl.errors import AcadlError
from acadl.operations import AddressRange
from platforms.validation.alignment import Kind
from platforms.validation.conditions import Condition, ConditionError, Value
from platforms.validation.event_map import EventMap, RunEvent
from platforms.validation.events import NO_ID, Event, TraceError
from platforms.validation.run_events import check_objects, check_runs, is_of

if TYPE_CHECKING:
    from acadl.model import Architecture
    from acadl.operations import Instruction
    from aidg.timeline_kernel import Passage, Visit
    from aidg.waiting import Wait
    from mappings.program import LoopProgram, Step

Operands: TypeAlias = Callable[[tuple[int, ...]], Mapping[str, Value]]
"""Values of a static instruction's operands at given loop indices."""

# Instructions that enter the machine so long after the end of what is compared are not looked at.
SLACK_CYCLES = 10_000


class Predicted(NamedTuple):
    """Events by cycle, and whether these are all of the run."""

    events: list[Event]
    is_whole: bool


@dataclass(frozen=True)
class ModelRun:
    """A program on a machine, whose events a mapping file names.

    Attributes:
        notes: What the reader must know about them.
    """

    arch: Architecture
    program: LoopProgram
    mapping: EventMap
    notes: tuple[str, ...] = ()

    def events(self) -> list[Event]:
        """All events of the run; see :meth:`predict`."""
        return self.predict().events

    def predict(self, until: int | None = None, origin: Kind | None = None) -> Predicted:
        """What the mapping file sees, by cycle.

        Args:
            until: Only so far is it compared: the run ends where instructions enter the machine much later.
            origin: Unit and kind of the event from which ``until`` is counted; by default from cycle 0.

        Raises:
            TraceError: The file says nothing about runs, names an object that no instruction passes or an
                operand that the instructions do not have.
            AcadlError: As for :func:`aidg.estimate`.
        """
        check_runs(self.mapping)
        if self.arch.in_order_of_time:
            return self._predict_in_order_of_time()
        from aidg.passages import passages
        from aidg.preparation import prepare

        prepared = prepare(self.arch, self.program)
        fetch = self.arch.fetch_stage.name
        seers = self._seers(prepared.level_names)
        length = None if until is None else 2 * max(until, 0) + SLACK_CYCLES
        start = 0 if origin is None else None
        found: list[Event] = []
        passed: set[str] = set()
        for passage in passages(prepared):
            if length is not None and start is not None and _enters(passage, fetch) > start + length:
                return Predicted(_by_cycle(found), False)
            passed.update(visit.name for visit in passage.visits)
            passed.update(access.storage for access in passage.accesses)
            seen = [event for see in seers[passage.row] for event in see(passage)]
            if start is None:
                start = min((e.cycle for e in seen if (e.unit, e.event) == origin), default=None)
            found += seen
        check_objects(self.mapping, passed)
        return Predicted(_by_cycle(found), True)

    def _predict_in_order_of_time(self) -> Predicted:
        """All events of a machine that is evaluated in order of time."""
        from aidg.flow.passages import flow_passages

        forms = self.arch.operations.values()
        self._check_names({operand.name for form in forms for operand in form.operands})
        found: list[Event] = []
        passed: set[str] = set()
        for instruction, passage in flow_passages(self.arch, self.program):
            passed.update(visit.name for visit in passage.visits)
            passed.update(access.storage for access in passage.accesses)
            values = _bound(self.arch, instruction)
            for run in self.mapping.runs:
                if is_of(run, instruction.operation):
                    found += _Seer(run, self.mapping.file, values.of)(passage)
        check_objects(self.mapping, passed)
        return Predicted(_by_cycle(found), True)

    def waits(self, event: Event) -> tuple[Wait, ...]:
        """The chain of constraints that binds one of the events, latest first; none if it is of no run."""
        from aidg.flow.waiting import waited_for_in_time
        from aidg.waiting import waited_for

        place, _, what = event.place.rpartition(" ")
        if event.instruction < 0 or not place:
            return ()
        told = waited_for_in_time if self.arch.in_order_of_time else waited_for
        try:
            return told(self.arch, self.program, event.instruction, place, what)
        except AcadlError:
            return ()

    def _seers(self, levels: tuple[str, ...]) -> list[list[_Seer]]:
        """What is looked for in each static instruction."""
        from aidg.timeline_lanes import static_steps

        steps = list(static_steps(self.program.body, ()))
        self._check_names({name for step, _ in steps for name in step.operands})
        return [
            [
                _Seer(run, self.mapping.file, _operands(step, names, levels))
                for run in self.mapping.runs
                if is_of(run, step.operation)
            ]
            for step, names in steps
        ]

    def _check_names(self, known: set[str]) -> None:
        for number, run in enumerate(self.mapping.runs, 1):
            for condition in run.conditions():
                try:
                    condition.check_names(frozenset(known), "operand")
                except ConditionError as error:
                    raise TraceError(f"{self.mapping.file}: run {number}: {error}") from None


@dataclass(frozen=True, slots=True)
class _Bound:
    """Values of an instruction's operands; of address operands the first address."""

    values: Mapping[str, Value]

    def of(self, indices: tuple[int, ...]) -> Mapping[str, Value]:
        return self.values


def _bound(arch: Architecture, instruction: Instruction) -> _Bound:
    bound = arch.operations[instruction.operation].bind(instruction)
    return _Bound(
        {name: value.start if isinstance(value, AddressRange) else value for name, value in bound.items()}
    )


def _by_cycle(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.cycle)


def _enters(passage: Passage, fetch: str) -> int:
    """When the instruction enters the issue buffer, which happens in program order."""
    return next(visit.enter for visit in passage.visits if visit.name == fetch)


def _operands(step: Step, names: tuple[str, ...], levels: tuple[str, ...]) -> Operands:
    from mappings.program import Affine, Memory

    at = [(name, levels.index(name)) for name in names]
    fixed: dict[str, Value] = {}
    varying: dict[str, Affine] = {}
    for name, operand in step.operands.items():
        value = operand.address if isinstance(operand, Memory) else operand
        if isinstance(value, Affine):
            varying[name] = value
        elif isinstance(value, int):
            fixed[name] = value

    def values(indices: tuple[int, ...]) -> Mapping[str, Value]:
        by_name = {name: indices[level] for name, level in at}
        return {**fixed, **{name: value.at(by_name) for name, value in varying.items()}}

    return values


@dataclass(frozen=True)
class _Seer:
    """One kind of event, in the instances of one static instruction."""

    run: RunEvent
    file: str
    operands: Operands

    def __call__(self, passage: Passage) -> Iterator[Event]:
        run = self.run
        times = list(self._times(passage))
        if not times:
            return
        number, address = passage.number if run.numbered else NO_ID, ""
        if run.when or run.id or run.address:
            values = self.operands(passage.indices)
            if run.when and not self._value(run.when, values):
                return
            number = self._number(values) if run.id else number
            address = self._address(values)
        for place, cycle in times:
            yield Event(
                cycle + run.offset,
                run.unit,
                run.event,
                number,
                address,
                instruction=passage.number,
                place=f"{place} {run.time}",
            )

    def _times(self, passage: Passage) -> Iterator[tuple[str, int]]:
        """Where and when: at the object, or at each transaction of the storage."""
        run = self.run
        for visit in passage.visits:
            if visit.name == run.object:
                yield run.object, getattr(visit, run.time)
        served = list(self._served(passage))
        if run.first and served:
            served = [min(served, key=lambda named: named[1].start)]
        if run.last and served:
            served = [max(served, key=lambda named: named[1].done)]
        for name, visit in served:
            yield name, getattr(visit, run.time)

    def _served(self, passage: Passage) -> Iterator[tuple[str, Visit]]:
        if all(access.storage != self.run.object for access in passage.accesses):
            return
        from aidg.timeline_causes import transactions

        writes = [access.write for access in passage.accesses for _ in access.transactions]
        for (name, visit), write in zip(transactions(passage), writes, strict=True):
            if visit.name == self.run.object and self.run.access in ("", "write" if write else "read"):
                yield name, visit

    def _number(self, values: Mapping[str, Value]) -> int:
        value = self._value(self.run.id, values)
        if value is None:
            return NO_ID
        if not isinstance(value, int):
            raise TraceError(f"{self.file}: id of {self.run.event} is {value!r}, no whole number")
        return value

    def _address(self, values: Mapping[str, Value]) -> str:
        value = self._value(self.run.address, values) if self.run.address else None
        return "" if value is None else format(value, "x") if isinstance(value, int) else str(value)

    def _value(self, condition: Condition | None, values: Mapping[str, Value]) -> Value:
        assert condition is not None
        known = {name: values.get(name) for name in condition.names}  # other instructions have other operands
        try:
            return condition.value(known)
        except ConditionError as error:
            raise TraceError(f"{self.file}: {condition.text}: {error}") from None
