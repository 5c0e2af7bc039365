"""The reference: an event-driven simulation of the timing semantics (``docs/semantics.md``) with SimPy.

>>> import acadl
>>> run = acadl.simulate(arch, program)                                   # doctest: +SKIP
>>> run.cycles                                                            # doctest: +SKIP
4711
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acadl.errors import SimulationError, nearest
from acadl.model import Architecture
from acadl.operations import Instruction
from acadl.simulate_machine import Machine
from acadl.simulate_objects import Flight
from acadl.simulate_storage import Foresight

if TYPE_CHECKING:
    from acadl.state import ArchitecturalState


@dataclass(frozen=True, slots=True)
class ObjectTimes:
    """When an instruction entered an object, was started there, was done, and left. In cycles."""

    name: str
    enter: int
    start: int
    done: int
    leave: int


@dataclass(frozen=True, slots=True)
class PartTimes:
    """When a part of an instruction entered a mover, made its reads, was finished, and left. In cycles.

    Attributes:
        part: Number of the part; behind it, where a mover takes parts apart, that of the piece.
    """

    name: str
    part: tuple[int, ...]
    enter: int
    start: int
    done: int
    leave: int


@dataclass(frozen=True, slots=True)
class InstructionRecord:
    """One instruction's way through the machine.

    Attributes:
        id: Position in program order.
        text: The instruction as text.
        objects: Times at every object of the route, in order; the first instruction of a fetch group has the
            group's read at the instruction memory access unit in front. A controller is left when the last
            part is sent, mostly before the instruction is done.
        transactions: At storages: arrival (``enter``), start, answer (``done``), port given up (``leave``).
        parts: Its parts at the movers. Those of a joint frame are in the record of its first instruction.
    """

    id: int
    text: str
    objects: tuple[ObjectTimes, ...]
    transactions: tuple[ObjectTimes, ...]
    parts: tuple[PartTimes, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Keys ``id, text, objects, transactions``; the lists hold ``name, enter, start, done, leave``.

        An instruction with parts has the key ``parts`` too; each has its numbers in ``part`` besides.
        """
        parts = [{**_times_dict(times), "part": list(times.part)} for times in self.parts]
        return {
            "id": self.id,
            "text": self.text,
            "objects": [_times_dict(times) for times in self.objects],
            "transactions": [_times_dict(times) for times in self.transactions],
            **({"parts": parts} if parts else {}),
        }


@dataclass(frozen=True)
class SimulationRun:
    """What a simulation found.

    Attributes:
        cycles: When the last instruction was done.
        instructions: Instructions run.
        trace: One record for each instruction in program order, where a trace was asked for.
        state: Registers and memories at the end, where data were given.
    """

    cycles: int
    instructions: int
    trace: tuple[InstructionRecord, ...] = ()
    state: ArchitecturalState | None = None

    def to_dict(self) -> dict[str, Any]:
        """Keys ``cycles, instructions, trace``."""
        return {
            "cycles": self.cycles,
            "instructions": self.instructions,
            "trace": [record.to_dict() for record in self.trace],
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as one JSON object."""
        return json.dumps(self.to_dict())

    def _repr_html_(self) -> str:
        return f"<b>{self.cycles:,}</b> cycles, {self.instructions:,} instructions"


def simulate(
    arch: Architecture,
    program: Iterable[Instruction],
    *,
    data: ArchitecturalState | Mapping[int, Any] | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    trace: bool = False,
    max_cycles: int | None = None,
) -> SimulationRun:
    """Run ``program`` on ``arch``, event by event.

    Args:
        arch: The architecture.
        program: Instructions in program order; read as they are fetched. Their position is their ``id``.
        data: Registers and memories to start from, or arrays by address. Where given, the instructions'
            functions are executed; the argument itself stays as it is, the result is ``run.state``.
        functions: Functions on data by mnemonic, ``function(state, instruction)``; they come before those of
            the program and of the description.
        trace: Record the times of every instruction at every object.
        max_cycles: Give up when the program takes longer.

    Raises:
        SimulationError: A function is missing, ``max_cycles`` is exceeded, or nothing can move.
        RoutingError: An instruction fits no unit, or several.
    """
    source = _Replay(program)
    initial = None if data is None else _initial_state(arch, data)
    _check_names(arch, functions or {})
    known = {**getattr(program, "functions", {}), **(functions or {})}
    foresight = Foresight()
    while True:
        foresight.first_mistake = None
        state = None if initial is None else initial.copy()
        records: list[InstructionRecord] = []
        record = (lambda flight: records.append(_record(flight))) if trace else None  # noqa: B023  # used within
        machine = Machine(arch, source, foresight, _executor(arch, state, known), record)
        _run(machine, foresight, max_cycles)
        if foresight.first_mistake is None:
            records.sort(key=lambda item: item.id)
            return SimulationRun(machine.cycles, machine.finished, tuple(records), state)


def _run(machine: Machine, foresight: Foresight, max_cycles: int | None) -> None:
    """Step until all instructions are done, or so far after a mistake that the rest is not worth it."""
    env = machine.env
    while machine.running:
        now = env.peek()
        if now == float("inf"):
            raise SimulationError(f"nothing can move any more at cycle {env.now}: {machine.stuck()}")
        if foresight.first_mistake is not None and now > 2 * foresight.first_mistake + 1000:
            return
        if max_cycles is not None and now > max_cycles and foresight.first_mistake is None:
            raise SimulationError(
                f"the program is not done after {max_cycles} cycles ({machine.finished} instructions are): "
                f"{machine.stuck()}"
            )
        env.step()
        if machine.failure is not None:
            raise machine.failure


class _Replay:
    """An iterable that can be read again from the start, also where the program is a one-way iterator."""

    def __init__(self, program: Iterable[Instruction]) -> None:
        self._program = program
        self._one_way = iter(program) is program
        self._read: list[Instruction] = []

    def __iter__(self) -> Iterator[Instruction]:
        if not self._one_way:
            yield from self._program
            return
        yield from self._read
        for instruction in self._program:
            self._read.append(instruction)
            yield instruction


def _initial_state(arch: Architecture, data: ArchitecturalState | Mapping[int, Any]) -> ArchitecturalState:
    from acadl.state import ArchitecturalState

    if isinstance(data, ArchitecturalState):
        return data
    state = ArchitecturalState(arch)
    for address, array in data.items():
        state.write_array(address, array)
    return state


def _check_names(arch: Architecture, functions: Mapping[str, Callable[..., Any]]) -> None:
    for name in functions:
        if name not in arch.operations:
            raise SimulationError(
                f"functions: '{arch.name}' has no operation '{name}'{nearest(name, arch.operations)}"
            )


def _executor(
    arch: Architecture, state: ArchitecturalState | None, functions: Mapping[str, Callable[..., Any]]
) -> Callable[[Instruction], Callable[[], None]] | None:
    if state is None:
        return None
    from acadl.simulate_functions import executor

    return executor(arch, state, functions)


def _record(flight: Flight) -> InstructionRecord:
    return InstructionRecord(
        flight.plan.number,
        str(flight.plan.instruction),
        tuple(ObjectTimes(name, *times) for name, times in flight.times.items()),
        tuple(ObjectTimes(*entry) for entry in flight.transactions),
        tuple(
            PartTimes(visit.mover, visit.part, visit.enter, visit.start, visit.done, visit.leave)
            for visit in sorted(flight.parts, key=lambda visit: (visit.part, visit.enter))
        ),
    )


def _times_dict(times: ObjectTimes | PartTimes) -> dict[str, Any]:
    return {
        "name": times.name,
        "enter": times.enter,
        "start": times.start,
        "done": times.done,
        "leave": times.leave,
    }
