"""The kernel of the evaluation in order of time does what the simulation does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings

from acadl.errors import ProgramError
from acadl.model import Architecture, Controller, Edge, EdgeKind
from acadl.operations import AddressRange, Instruction, Operand, Operation
from acadl.simulation import simulate
from aidg.compiled import is_available
from aidg.flow import tables
from mappings.program import LoopProgram, step
from mappings.program import memory as memory_range
from tests.flow_kernel import Events, check, evaluated, in_order_of_time, program_of
from tests.reference.rows_machine import A, B, copy, engine, instruction, machine, memory, rows
from tests.strategies import Case, cases
from tests.strategies_rows import row_cases

NO_CHECKS = list(HealthCheck)


# -- random machines ---


@settings(max_examples=100, suppress_health_check=NO_CHECKS)
@given(row_cases())
def test_as_simulated(case: Case) -> None:
    check(case)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=2000, suppress_health_check=NO_CHECKS)
@given(row_cases(60))
def test_as_simulated_often(case: Case) -> None:
    check(case)


@settings(max_examples=30, suppress_health_check=NO_CHECKS)
@given(cases(60, index_latencies=True))
def test_ordinary_machines(case: Case) -> None:
    """Fetch, stages and units, without controllers; ports by priority."""
    arch = in_order_of_time(case.arch)
    assume(arch is not None)
    assert arch is not None
    check(Case(arch, case.program))


@pytest.mark.slow
@pytest.mark.skipif(not is_available(), reason="needs numba")
@settings(max_examples=30, suppress_health_check=NO_CHECKS)
@given(row_cases(100))
def test_compiled(case: Case) -> None:
    assert evaluated(case, "compiled") == evaluated(case)


# -- machines by hand ---


def checked(arch: Architecture, program: list[Instruction]) -> Events:
    events = check(Case(arch, program_of(arch, program)))
    assert events is not None
    return events


def one_engine(
    controller: str = "", mover: str = "", a: str = "", edges: str = "a => m1 => b"
) -> Architecture:
    operations = "copy read write nothing preload join"
    return machine(memory("a", a) + memory("b") + engine(1, controller, mover, operations=operations) + edges)


def chain(second: str, third: str = "", first: str = "", edges: str = "a => m2 => b") -> Architecture:
    """Movers `m1`, `m2`, `m3`; `m2` moves."""
    movers = f"mover m2 {{ {second} }}\n mover m3 {{ {third} }}\n"
    body = engine(1, mover=first, operations="copy read write nothing join") + movers
    return machine(memory("a") + memory("b") + body + "m1 -> m2 -> m3\n" + edges)


def test_what_needs_no_time() -> None:
    """All latencies and intervals are 0: parts pass three movers in the cycle that they enter in."""
    none = "capacity: 4, latency: 0, initiation_interval: 0"
    arch = chain(none, none, none, "a => m3 => b")
    program = [instruction(arch, "nothing"), copy(arch, 3), instruction(arch, "nothing"), copy(arch, 1)]
    assert checked(arch, program).cycles == 19


@pytest.mark.parametrize("width", [1, 2, 3, 8])
@pytest.mark.parametrize(
    "stage", ["", "order: fifo", "order: fifo, release_latency: 3", "release_latency: 2"]
)
@pytest.mark.parametrize("execute", ["", "issue_latency: 4", "release_latency: 3, issue_latency: 1"])
def test_front_ends(width: int, stage: str, execute: str) -> None:
    """Behind a stage for all, two engines and a memory access unit that stay in one another's way."""
    attributes = ", ".join(filter(None, ("capacity: 3, latency: 1", stage)))
    others = ", ".join(filter(None, ("capacity: 2", execute)))
    first = engine(1, stage=others).replace("ifs -> x1", "ifs -> s -> x1")
    second = engine(2, stage=others, operations="touch read").replace("ifs -> x2", "s -> x2")
    unit = f"execute x3 {{ {others}\n memory_unit u {{ operations: write use, duration: 6 }} }}\n s -> x3\n"
    arch = machine(
        memory("a") + memory("b") + f"stage s {{ {attributes} }}\n" + first + second + unit
        + "a => m1 => b\n m2 => a\n b => m2\n a => x3.u => b",
        f"port_width: {width}",
    )  # fmt: skip
    program = [
        copy(arch, 2),
        instruction(arch, "touch", dst=rows(A + 0x1000, 3)),
        instruction(arch, "write", dst=rows(B + 0x1000, 2)),
        instruction(arch, "use", src=rows(A + 0x1000)),
        instruction(arch, "read", src=rows(B, 2)),
    ] * 4
    checked(arch, program)


def test_duration() -> None:
    unit = "execute x3 { memory_unit u { operations: use, duration: 33 } }\n ifs -> x3\n a => x3.u\n"
    arch = machine(memory("a") + memory("b") + engine(1) + "a => m1 => b\n" + unit)
    times = checked(arch, [instruction(arch, "use", src=rows(A)), copy(arch, 1)]).times
    assert times[0] == {"start": 1, "done": 34}


def test_a_unit_with_several_transactions() -> None:
    unit = "execute x3 { memory_unit u { operations: use } }\n ifs -> x3\n a => x3.u\n"
    arch = machine(memory("a", "initiation_interval: 3") + memory("b") + engine(1) + "a => m1 => b\n" + unit)
    events = checked(arch, [instruction(arch, "use", src=rows(A, 4))])
    assert [cycle for name, cycle in events.grants if name == "a"] == [2, 5, 8, 11]


# -- pairs ---


def test_parts_of_pairs() -> None:
    """What the first one writes counts for the second one, not for itself."""
    arch = one_engine("prepares: preload")
    preload = instruction(arch, "preload", dst=rows(B, 5, pitch=32), src=rows(A, 2, pitch=32))
    events = checked(arch, [preload, instruction(arch, "read", src=rows(A, 3, pitch=32))])
    assert (events.times[0]["sent"], events.times[1]["sent"]) == (3, 8)


@pytest.mark.parametrize("completion", ["sent", "moved"])
def test_done_when_the_other_is_moved(completion: str) -> None:
    arch = one_engine(f"prepares: preload, completion: {completion}, completion_latency: 5")
    preload = instruction(arch, "preload", dst=rows(B), src=rows(A))
    events = checked(arch, [preload, instruction(arch, "read", src=rows(A))])
    assert events.times[0]["done"] == 16  # read in 3, written in 13, answered in 16


def test_moved_when_its_own_parts_have_ended() -> None:
    """The reads of what prepares go on in `m2` when the other one is through with `m1`."""
    body = engine(1, "prepares: preload", operations="preload nothing")
    arch = machine(memory("a") + memory("b") + body + "mover m2 { }\n m1 -> m2\n a => m2\n m1 => b")
    pair = [
        instruction(arch, "preload", dst=rows(B), src=rows(A, 3, pitch=32)),
        instruction(arch, "nothing"),
    ]
    checked(arch, pair * 6)
    times = checked(arch, pair).times
    assert times[0]["done"] > times[1]["done"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["read", "preload"], "the program ends with it"),
        (["preload", "preload", "read"], "but 'preload"),
        (["preload", "touch", "read"], "but 'touch"),
    ],
)
def test_what_prepares_nothing_is_refused(names: list[str], message: str) -> None:
    first = engine(1, "prepares: preload", operations="preload read")
    body = first + engine(2, operations="touch") + "a => m1\n {m1, m2} => b"
    arch = machine(memory("a") + memory("b") + body)
    operands: dict[str, dict[str, AddressRange]] = {
        "preload": {"dst": rows(B), "src": rows(A)},
        "read": {"src": rows(A)},
        "touch": {"dst": rows(B)},
    }
    program = [instruction(arch, name, **operands[name]) for name in names]
    with pytest.raises(ProgramError, match=message):
        tables.build(arch, program_of(arch, program))
    with pytest.raises(ProgramError, match=message):
        simulate(arch, program)


# -- pieces, places, requests ---


def test_pieces_of_pieces() -> None:
    """`m2` reads windows of 64 bytes, `m3` writes windows of 16: each piece becomes four."""
    wide = "capacity: 4, max_request_bytes: {} bytes"
    arch = chain(wide.format(64), wide.format(16), edges="a => m2\n m3 => b")
    events = checked(arch, [copy(arch, 1, size=160), copy(arch, 1, size=64)])
    assert sum(count for (name, _), count in events.grants.items() if name == "b") == 14


def test_a_part_passes_a_mover_that_takes_others_apart() -> None:
    """`m1` would take it apart, but has nothing to do for it; `m2` does."""
    wide = "capacity: 4, max_request_bytes: 16 bytes"
    arch = chain(wide, "", wide)
    checked(arch, [copy(arch, 1, size=96), copy(arch, 2, size=48)])


def test_a_place_is_promised_to_one_part() -> None:
    """Two parts read in two memories; `m2` has a single place."""
    arch = chain("", first="capacity: 2", edges="{a, b} => m1\n m2 => b")
    join = instruction(
        arch, "join", dst=rows(B + 0x800, 3, pitch=32), src=rows(A, 3, pitch=32), also=rows(B, 1)
    )
    checked(arch, [join, instruction(arch, "read", src=rows(A)), join])


def test_who_was_refused_comes_first() -> None:
    """A younger part was refused before the older one asks again."""
    first = engine(1, mover="latency: 4")
    second = engine(2, mover="capacity: 4", operations="join read")
    edges = "a => m1 => b\n {a, b} => m2 => b"
    arch = machine(memory("a", "initiation_interval: 4") + memory("b") + first + second + edges)
    join = instruction(arch, "join", dst=rows(B + 0x800), src=rows(B, size=32), also=rows(A, size=32))
    checked(arch, [join, instruction(arch, "read", src=rows(A, 3, pitch=32)), copy(arch, 2), join])


def test_instructions_that_are_done_while_their_parts_move() -> None:
    """More of them than there are places in all stages."""
    arch = machine(
        memory("a") + memory("b")
        + engine(1, "completion: sent, capacity: 1", "latency: 200, capacity: 100", "capacity: 1")
        + "a => m1 => b"
    )  # fmt: skip
    events = checked(arch, [copy(arch, 1, at=64 * k) for k in range(150)])
    assert len(events.times) == 150


def test_too_many_operands_for_a_part() -> None:
    """The record of a part holds eight; it is not cut short."""
    names = [f"x{k}" for k in range(6)]
    gather = Operation("gather", tuple(Operand(name, "address", "inout") for name in names))
    arch = one_engine()
    controller = next(arch.of_type(Controller))
    objects = {**arch.objects, controller.name: replace(controller, to_process=frozenset({"gather"}))}
    arch = replace(arch, objects=objects, operations={"gather": gather})
    arch = replace(arch, edges=(*arch.edges, Edge("b", "m1", EdgeKind.READ_DATA)))
    program = LoopProgram(step("gather", **{name: memory_range(B, 16) for name in names}), arch.operations)
    with pytest.raises(ProgramError, match="12 operands; at most 8"):
        tables.build(arch, program)


def test_latencies_of_storages_are_at_least_one() -> None:
    arch = one_engine()
    objects = {**arch.objects, "a": replace(arch.objects["a"], read_latency=0)}  # type: ignore[call-arg]
    arch = replace(arch, objects=objects)
    with pytest.raises(ProgramError, match="'a' answers after 0 cycles"):
        tables.build(arch, program_of(arch, [copy(arch, 1)]))
