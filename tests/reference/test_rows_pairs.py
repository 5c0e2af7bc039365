"""Rule 12 by hand: instructions that prepare the next one, alone and in joint frames."""

from __future__ import annotations

from dataclasses import replace

import pytest

import acadl
from acadl.model import Architecture
from acadl.operations import AddressRange, Instruction
from acadl.simulate_plan import Planner
from tests.reference.rows_machine import A, B, Run, engine, instruction, machine, memory, rows


def product(controller: str = "", a: str = "", mover: str = "") -> Architecture:
    """`preload` and `update` prepare `read`, `copy` or `nothing`; `touch` goes to another engine."""
    attributes = ", ".join(filter(None, ("prepares: preload update", controller)))
    first = engine(1, attributes, mover, operations="preload update read copy nothing")
    return machine(
        memory("a", a) + memory("b") + first + engine(2, operations="touch") + "a => m1\n {m1, m2} <=> b"
    )


def preload(arch: Architecture, read: int, written: int = 0, n: int = 0) -> Instruction:
    """Reads rows of `a`, and writes rows of `b`."""
    dst = rows(B, written) if written else AddressRange(B, 0)
    return instruction(arch, "preload", n, dst=dst, src=rows(A, read))


def read(arch: Architecture, count: int, n: int = 0) -> Instruction:
    return instruction(arch, "read", n, src=rows(A, count))


# -- a frame of P alone ---


def test_alone() -> None:
    """P is sent from cycle 2 on, in which C is ready; its results are written by the parts of C."""
    arch = product()
    run = Run(arch, [preload(arch, 4, 2), read(arch, 3)])
    assert run.enter(0, "m1") == [2, 3, 4, 5]
    assert run.grants(0, "a") == [2, 3, 4, 5]
    assert run.grants(0, "b") == []
    assert run.enter(1, "m1") == [6, 7, 8]
    assert run.grants(1, "b") == [16, 17]
    assert run.leave(1, "m1") == [19, 20, 18]
    assert run.at(0, "c1").leave == 5
    assert run.at(0, "c1").done == run.at(1, "c1").done == run.at(0, "x1").leave == 20


@pytest.mark.parametrize(("of_p", "of_c", "begin"), [(0, 10, 12), (11, 10, 12), (12, 10, 13)])
def test_alone_it_waits_until_the_other_is_ready(of_p: int, of_c: int, begin: int) -> None:
    arch = product("latency: n")
    run = Run(arch, [preload(arch, 1, n=of_p), read(arch, 1, n=of_c)])
    assert run.enter(0, "m1") == [begin]


def test_turnaround_between_the_two() -> None:
    arch = product("turnaround: 4")
    run = Run(arch, [preload(arch, 2), read(arch, 1)])
    assert (run.enter(0, "m1"), run.enter(1, "m1")) == ([2, 3], [8])


@pytest.mark.parametrize(("completion", "done"), [("sent", 8), ("moved", 18)])
def test_done_when_the_other_is_moved(completion: str, done: int) -> None:
    """What it writes is there then, whenever the other one counts as done."""
    arch = product(f"completion: {completion}, completion_latency: 2")
    run = Run(arch, [preload(arch, 2), read(arch, 3)])
    assert run.at(1, "c1").leave == 6
    assert (run.at(0, "c1").done, run.at(1, "c1").done) == (16, done)


def test_moved_when_its_own_parts_have_ended() -> None:
    """Its reads take longer than everything that the other one does."""
    arch = product()
    run = Run(arch, [preload(arch, 1), instruction(arch, "nothing")])
    assert max(run.answers(0, "a")) > run.at(1, "c1").done
    assert run.at(0, "c1").done == max(run.answers(0, "a"))


def test_parts_count_the_operands_that_they_move() -> None:
    """What P writes counts for C."""
    arch = product()
    run = Run(arch, [preload(arch, 2, 5), read(arch, 3)])
    assert (len(run.enter(0, "m1")), len(run.enter(1, "m1"))) == (2, 5)
    assert len(run.grants(1, "b")) == 5


def test_inout_operands_belong_to_the_other() -> None:
    arch = product()
    program = [instruction(arch, "update", dst=rows(B, 2), src=rows(A, 3)), read(arch, 2)]
    run = Run(arch, program)
    assert (run.grants(0, "a"), run.grants(0, "b")) == ([2, 3, 4], [])
    assert run.grants(1, "a") == [5, 6]
    assert run.grants(1, "b") == [5, 6, 15, 16]  # read, and written when both reads are answered


def test_operands_of_p_come_first() -> None:
    arch = product()
    planner = Planner(arch)
    planner.plan(0, instruction(arch, "update", dst=rows(B, 2), src=rows(A)))
    rows_of_c = planner.plan(1, instruction(arch, "copy", dst=rows(B + 64), src=rows(A + 64))).rows
    assert rows_of_c is not None
    assert [(operand.write, operand.range.start) for operand in rows_of_c.operands] == [
        (False, B),
        (True, B),
        (True, B + 64),
        (False, A + 64),
    ]


def test_others_wait_for_what_p_writes_until_it_is_done() -> None:
    arch = product()
    run = Run(arch, [preload(arch, 4, 1), read(arch, 1), instruction(arch, "touch", dst=rows(B))])
    assert run.at(0, "c1").done == 6 + 10 + 3
    assert run.at(2, "c2").start == 19


# -- joint frames ---


def test_joint() -> None:
    """The second pair is ready when the first C begins in cycle 6. Its P has two more parts."""
    arch = product(a="read_write_ports: 2")
    run = Run(arch, [preload(arch, 4), read(arch, 4), preload(arch, 6), read(arch, 2)])
    assert run.enter(0, "m1") == [2, 3, 4, 5]
    assert run.enter(1, "m1") == [6, 7, 8, 9, 10, 11]
    assert run.enter(2, "m1") == []
    assert run.enter(3, "m1") == [12, 13]
    assert run.at(1, "c1").leave == run.at(2, "c1").leave == 11
    # parts 0 to 3 have two requests each, the last two one
    assert run.grants(1, "a") == list(range(6, 16))
    assert run.at(1, "c1").done == 15 + 10
    assert run.at(2, "c1").done == run.at(3, "c1").done == 17 + 10


def test_joint_with_fewer_parts_of_p() -> None:
    arch = product()
    run = Run(arch, [preload(arch, 1), read(arch, 3), preload(arch, 1), read(arch, 1)])
    assert run.enter(1, "m1") == [3, 4, 5]
    # sent with part 0: the pair is there from cycle 4 on, too late
    assert run.enter(2, "m1") == [6]


@pytest.mark.parametrize(
    ("of_p", "of_c", "joint"), [(3, 0, True), (4, 0, False), (0, 2, True), (0, 3, False)]
)
def test_joint_if_both_are_ready_when_the_frame_begins(of_p: int, of_c: int, joint: bool) -> None:
    """P and C of the second pair start in 3 and 4; the frame before begins in 6."""
    arch = product("latency: n")
    program = [preload(arch, 4), read(arch, 4), preload(arch, 4, n=of_p), read(arch, 4, n=of_c)]
    run = Run(arch, program)
    assert run.enter(1, "m1") == [6, 7, 8, 9]
    assert run.enter(2, "m1") == ([] if joint else [10, 11, 12, 13])
    assert run.enter(3, "m1")[0] == (10 if joint else 14)


def test_joint_with_a_plain_instruction() -> None:
    arch = product("latency: n")
    run = Run(arch, [read(arch, 2, n=9), preload(arch, 2), read(arch, 2)])
    assert run.enter(0, "m1") == [10, 11]
    assert run.enter(2, "m1") == [12, 13]


def test_the_first_one_is_moved_with_all_parts_of_the_frame() -> None:
    arch = product("latency: n")
    run = Run(arch, [read(arch, 1, n=9), preload(arch, 5), read(arch, 2)])
    assert run.enter(0, "m1") == [10, 11, 12, 13, 14]
    assert run.grants(0, "a") == [10, 11, 12, 13, 14, 15]
    assert run.at(0, "c1").leave == 14
    assert run.at(0, "c1").done == 25


def test_of_a_pair_only_c_is_in_progress() -> None:
    """One instruction at a time: C of the first pair, with P of the second one; then C of the second pair."""
    arch = product("in_progress: 1")
    run = Run(arch, [preload(arch, 4), read(arch, 4), preload(arch, 2), read(arch, 2)])
    assert run.enter(0, "m1") == [2, 3, 4, 5]
    assert run.enter(1, "m1") == [6, 7, 8, 9]
    assert run.grants(1, "a") == [6, 7, 8, 9, 10, 11]
    assert run.enter(3, "m1") == [21, 22]


# -- what is refused ---


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ((), "prepares the next instruction, but the program ends with it"),
        (("preload", "read"), "prepares the next instruction, but 'preload .* follows it"),
        (("touch", "read"), "prepares the next instruction, but 'touch .* follows it"),
    ],
)
def test_something_else_behind_p(others: tuple[str, ...], message: str) -> None:
    arch = product()
    known = {
        "preload": preload(arch, 1),
        "read": read(arch, 1),
        "touch": instruction(arch, "touch", dst=rows(B)),
    }
    with pytest.raises(acadl.ProgramError, match=message):
        acadl.simulate(arch, [preload(arch, 1), *(known[name] for name in others)])


def test_a_pair_without_room_says_what_it_waits_for() -> None:
    arch = product()
    objects = {**arch.objects, "x1.c1": replace(arch.objects["x1.c1"], capacity=1)}  # type: ignore[call-arg]
    arch = replace(arch, objects=objects)
    with pytest.raises(
        acadl.SimulationError, match=r"#0 'preload .*' is in 'x1.c1' and waits to begin; #1 'read"
    ):
        acadl.simulate(arch, [preload(arch, 1), read(arch, 1)])
