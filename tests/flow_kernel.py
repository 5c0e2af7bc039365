"""Runs the kernel of the evaluation in order of time, and compares it with the simulation, event by event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from acadl.errors import ProgramError, SimulationError
from acadl.model import DRAM, SRAM, Architecture, Controller, DataStorage, FunctionalUnit
from acadl.operations import AddressRange, Instruction
from acadl.simulation import InstructionRecord, simulate
from aidg.flow import tables
from aidg.flow.kernel import names as n
from aidg.flow.run import Run
from mappings.program import LoopProgram, Memory, as_affine, sequence, step
from tests.strategies import Case

NAMES = {n.LOG_START: "start", n.LOG_SENT: "sent", n.LOG_DONE: "done"}


@dataclass
class Events:
    """What happened.

    Attributes:
        cycles: Of the program.
        times: Of an instruction: when its unit started it, its last part was sent, it was done.
        grants: How many requests a storage granted in a cycle.
    """

    cycles: int
    times: dict[int, dict[str, int]] = field(default_factory=dict)
    grants: Counter[tuple[str, int]] = field(default_factory=Counter)


def simulated(case: Case) -> Events | None:
    """By the reference; ``None``: nothing can move any more."""
    try:
        run = simulate(case.arch, case.program, trace=True, max_cycles=1_000_000)
    except SimulationError as error:
        if "can move" in str(error):
            return None
        raise
    events = Events(run.cycles)
    for record in run.trace:
        events.times[record.id] = _times(case.arch, record)
        events.grants.update((item.name, item.start) for item in record.transactions)
    return events


def _times(arch: Architecture, record: InstructionRecord) -> dict[str, int]:
    unit = [item for item in record.objects if isinstance(arch.objects[item.name], FunctionalUnit)][-1]
    times = {"start": unit.start, "done": unit.done}
    return times | {"sent": unit.leave} if isinstance(arch.objects[unit.name], Controller) else times


def evaluated(case: Case, kernel: str = "interpreted") -> Events | None:
    """By the kernel; ``None``: nothing can move any more."""
    built = tables.build(case.arch, case.program, logged=True)
    run = Run(built, kernel)
    try:
        events = Events(run.run())
    except ProgramError as error:
        if "can move" in str(error):
            return None
        raise
    for kind, number, more, cycle in run.log:
        if kind in NAMES:
            events.times.setdefault(number, {})[NAMES[kind]] = cycle
        elif kind == n.LOG_GRANT:
            events.grants[built.storages[more // 2], cycle] += 1
    return events


def check(case: Case) -> Events | None:
    """See to it that both find the same."""
    expected, found = simulated(case), evaluated(case)
    if expected is None or found is None:
        assert expected is found
        return None
    assert found.times == expected.times
    assert found.grants == expected.grants
    assert found.cycles == expected.cycles
    return found


def program_of(arch: Architecture, instructions: Iterable[Instruction]) -> LoopProgram:
    """A program without loops."""
    steps = []
    for instruction in instructions:
        values = arch.operations[instruction.operation].bind(instruction)
        operands = {
            name: Memory(as_affine(value.start), value.bytes, value.rows, value.pitch)
            if isinstance(value, AddressRange)
            else value
            for name, value in values.items()
        }
        steps.append(step(instruction.operation, **operands))
    return LoopProgram(sequence(*steps), arch.operations)


def in_order_of_time(arch: Architecture) -> Architecture | None:
    """The machine, with storages that decide in order of time; ``None`` where one has a state of its own."""
    objects = dict(arch.objects)
    for storage in arch.of_type(DataStorage):
        if not isinstance(storage, SRAM | DRAM):
            return None
        changes: dict[str, object] = {
            "read_latency": max(storage.read_latency, 1),
            "write_latency": max(storage.write_latency, 1),
            "arbitration": "priority",
        }
        if isinstance(storage, DRAM):
            changes |= {"t_RCD": 0, "t_RP": 0, "t_RAS": 0}
        objects[storage.name] = replace(storage, **changes)  # type: ignore[arg-type]
    return replace(arch, objects=objects)
