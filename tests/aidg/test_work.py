"""Counts of a program, against the dynamic instructions themselves."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

import acadl
import aidg
import platforms
from acadl.model import Architecture
from acadl.routing import route
from aidg.work import count_work
from mappings.layers import Layer
from mappings.program import LoopProgram, Replay, index, loop, memory, sequence, step
from mappings.registry import MappingError, map_layer
from tests.mappings.cases import layers, machine

MACHINES = {
    "oma": machine("oma"),
    "array_4x3": machine("array_4x3"),
    "gemmini": platforms.load("gemmini", dim=4, scratchpad_bytes="4 KiB", accumulator_bytes="2 KiB"),
}

UNIT = acadl.loads(
    """
    architecture counted {
        clock 1 MHz
        operations { work(n: int), move(dst: out reg, src: in address) }
        sram imem { data_width: 32 bits, addresses: 0 ..< 0x100 }
        sram first { data_width: 8 bits, port_width: 4, addresses: 0x1000 ..< 0x1100 }
        sram second { data_width: 8 bits, port_width: 8, addresses: 0x1100 ..< 0x1200 }
        registers rf { data_width: 32 bits, names: r[0 ..< 4] }
        fetch ifs { from: imem }
        execute ex {
            unit worker { operations: work, latency: 2 * n, initiation_interval: n }
            memory_unit mover { operations: move, latency: 1 }
        }
        ifs -> ex
        { first, second } => ex.mover => rf
    }
    """
)


def dynamic(arch: Architecture, program: LoopProgram) -> tuple[Counter, Counter, Counter]:
    """Instructions by unit and operation, bytes by storage and direction, busy cycles by unit, one by one."""
    operations, moved, busy = Counter(), Counter(), Counter()
    for instruction in program:
        unit = route(arch, instruction).unit
        operations[unit.name, instruction.operation] += 1
        names = arch.operations[instruction.operation].latency_names(instruction)
        interval = unit.latency if unit.initiation_interval is None else unit.initiation_interval
        busy[unit.name] += interval.evaluate(names)
        for direction, pieces in (
            ("read", instruction.read_addresses),
            ("write", instruction.write_addresses),
        ):
            for piece in pieces:
                owner = next(
                    m for m in arch.of_type(acadl.model.MemoryInterface) if m.holds(piece.start, piece.end)
                )
                moved[owner.name, direction] += piece.total_bytes
    return operations, moved, busy


@pytest.mark.parametrize("name", sorted(MACHINES))
@settings(max_examples=20)
@given(layer=layers())
def test_counts_are_those_of_the_dynamic_instructions(name: str, layer: Layer) -> None:
    """Layers of every kind on three machines."""
    arch = MACHINES[name]
    try:
        program = map_layer(layer, arch)
    except MappingError:
        return
    work = count_work(arch, program)
    operations, moved, busy = dynamic(arch, program)
    assert work.operations == operations
    assert {key: transfers.bytes for key, transfers in work.storages.items()} == moved
    for unit, cycles in busy.items():  # stages on the way may take longer
        assert work.occupied_cycles[unit] >= cycles
    assert max(work.least_cycles.values()) <= aidg.estimate(arch, program).cycles


def test_immediates_that_depend_on_loops_are_summed() -> None:
    """1 + 2 + … + 10, five times; the last one's interval is behind the end by nothing: it takes 2 n."""
    i, j = index("i"), index("j")
    program = LoopProgram(loop(j, 5, loop(i, 10, step("work", n=1 + i))), UNIT.operations)
    work = count_work(UNIT, program)
    assert work.operations == {("ex.worker", "work"): 50}
    assert work.occupied_cycles == work.least_cycles == {"ex.worker": 275}


def test_memory_units_are_occupied_for_their_duration() -> None:
    """Where they are not pipelined: at least so long from start to start."""
    text = """
    architecture computes {
        clock 1 MHz
        operations { dot(acc: inout reg, a: in address, n: int) }
        sram imem { data_width: 32 bits, addresses: 0 ..< 0x100 }
        sram data { data_width: 8 bits, port_width: 64, addresses: 0x1000 ..< 0x1100 }
        registers rf { data_width: 32 bits, names: acc }
        fetch ifs { from: imem }
        execute ex { memory_unit dots { operations: dot, latency: 2, duration: n + 4 } }
        ifs -> ex
        data => ex.dots <=> rf
    }
    """
    arch = acadl.loads(text)
    program = LoopProgram(loop("i", 7, step("dot", acc="acc", a=memory(0x1000, 64), n=10)), arch.operations)
    assert count_work(arch, program).least_cycles == {"ex.dots": 7 * 14}
    assert aidg.estimate(arch, program).cycles >= 7 * 14


def test_transactions_follow_the_width_of_the_memory() -> None:
    """Nine bytes: three transactions of four bytes, two of eight; rows are transactions of their own."""
    i = index("i")
    body = sequence(
        loop(i, 6, step("move", dst="r0", src=memory(0x1000 + 9 * i, 9))),
        step("move", dst="r1", src=memory(0x1100, 9)),
        step("move", dst="r1", src=memory(0x1100, 3, 4, 16)),
    )
    work = count_work(UNIT, LoopProgram(body, UNIT.operations))
    first, second = work.storages["first", "read"], work.storages["second", "read"]
    assert (first.operands, first.transactions, first.bytes) == (6, 18, 54)
    assert (second.operands, second.transactions, second.bytes) == (2, 6, 21)
    assert work.registers == {("rf", "write"): 8}


def test_recorded_runs_count_each_piece_as_often_as_it_ran() -> None:
    """And loops without iterations do not count at all."""
    pieces = ((step("work", n=3),), (step("work", n=5), step("work", n=1)))
    work = count_work(UNIT, LoopProgram(Replay(pieces, (0, 1, 1, 0, 1)), UNIT.operations))
    assert work.operations == {("ex.worker", "work"): 8}
    assert work.occupied_cycles["ex.worker"] == 2 * 3 + 3 * 6
    nothing = count_work(UNIT, LoopProgram(loop("i", 0, step("work", n=3)), UNIT.operations))
    assert nothing.operations == {} and nothing.notes == ()


def test_what_moves_between_memories_has_a_note() -> None:
    """It cannot be evaluated either."""
    body = loop("i", 32, step("move", dst="r0", src=memory(0x1000 + 16 * index("i"), 16)))
    work = count_work(UNIT, LoopProgram(body, UNIT.operations))
    assert work.notes == ("accesses of 'ex.mover' that move from one memory to the next are not counted",)
