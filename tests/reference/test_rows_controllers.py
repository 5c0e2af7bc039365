"""Rule 10 by hand: controllers, their frames and parts."""

from __future__ import annotations

from dataclasses import replace

import pytest

import acadl
from acadl.model import Architecture
from acadl.operations import AddressRange, Instruction
from tests.reference.rows_machine import A, B, Run, copy, engine, instruction, machine, memory, rows

EDGES = "a => m1 => b"


def one_engine(
    controller: str = "", mover: str = "", stage: str = "", operations: str = "copy read write nothing"
) -> Architecture:
    """By default a part of a copy needs 13 cycles: 10 to read and 3 to write."""
    return machine(memory("a") + memory("b") + engine(1, controller, mover, stage, operations) + EDGES)


def with_units(controller: str = "") -> Architecture:
    """Besides the engine, a memory unit that reads and writes both memories (`use`, `touch`)."""
    body = memory("a") + memory("b") + engine(1, controller) + EDGES
    return machine(
        body
        + """
    execute y { capacity: 4, memory_unit u { operations: use touch, capacity: 4, latency: 1 } }
    ifs -> y
    {a, b} => y.u => {a, b}
    """
    )


# -- start and ready ---


@pytest.mark.parametrize("latency", [0, 3])
def test_ready_after_its_latency(latency: int) -> None:
    arch = one_engine(f"latency: {latency}")
    run = Run(arch, [copy(arch, 2)])
    assert run.at(0, "c1").start == 1
    assert run.enter(0, "m1") == [1 + latency, 2 + latency]


def test_latency_of_the_instruction() -> None:
    arch = one_engine("latency: 2 * n")
    assert Run(arch, [copy(arch, 1, n=4)]).enter(0, "m1") == [9]


@pytest.mark.parametrize(("given", "starts"), [("", [1, 2, 3]), ("initiation_interval: 5", [1, 6, 11])])
def test_starts_one_instruction_per_cycle_unless_told_otherwise(given: str, starts: list[int]) -> None:
    arch = one_engine(given)
    run = Run(arch, [copy(arch, 1), copy(arch, 1), copy(arch, 1)])
    assert [run.at(number, "c1").start for number in range(3)] == starts


def test_issue_latency_counts_from_the_stage() -> None:
    arch = one_engine(stage="issue_latency: 4")
    run = Run(arch, [copy(arch, 1), copy(arch, 1)])
    assert [run.at(number, "c1").start for number in (0, 1)] == [1 + 4, 2 + 4]


def test_no_wait_for_data_of_the_same_controller() -> None:
    arch = one_engine()
    run = Run(arch, [copy(arch, 1), copy(arch, 1)])  # writes the same bytes
    assert run.at(1, "c1").start == 2 < run.at(0, "c1").done


def test_others_wait_until_it_is_done() -> None:
    arch = with_units("completion_latency: 2")
    run = Run(arch, [copy(arch, 2), instruction(arch, "use", src=rows(B + 16))])
    assert run.at(0, "c1").done == 1 + 1 + 13 + 2
    assert run.at(1, "u").start == 17


def test_it_waits_for_others() -> None:
    arch = with_units()
    run = Run(arch, [instruction(arch, "touch", dst=rows(A)), copy(arch, 1)])
    assert run.at(0, "u").done == 1 + 1 + 3
    assert run.at(1, "c1").start == 5


def test_it_does_not_wait_for_what_it_does_not_touch() -> None:
    arch = with_units()
    run = Run(arch, [instruction(arch, "touch", dst=rows(A + 16)), copy(arch, 1)])
    assert run.at(1, "c1").start == 1


# -- frames ---


@pytest.mark.parametrize("turnaround", [0, 3])
def test_the_next_frame_follows_the_last_part(turnaround: int) -> None:
    arch = one_engine(f"turnaround: {turnaround}")
    run = Run(arch, [copy(arch, 3), copy(arch, 2)])
    assert run.enter(0, "m1") == [1, 2, 3]
    assert run.enter(1, "m1") == [4 + turnaround, 5 + turnaround]


@pytest.mark.parametrize(("latency", "begin"), [(5, 7), (6, 8)])
def test_a_frame_waits_until_it_is_ready(latency: int, begin: int) -> None:
    """The turnaround is over in cycle 1 + 1 + 5 = 7; the second instruction starts in cycle 2."""
    arch = one_engine("turnaround: 5, latency: n")
    run = Run(arch, [copy(arch, 1, n=0), copy(arch, 1, n=latency)])
    assert run.enter(1, "m1") == [begin]


def test_a_ready_one_waits_for_the_one_before() -> None:
    arch = one_engine("latency: n")
    run = Run(arch, [copy(arch, 1, n=20), copy(arch, 1, n=0)])
    assert (run.enter(0, "m1"), run.enter(1, "m1")) == ([21], [22])


@pytest.mark.parametrize(("limit", "begins"), [(1, [1, 14, 27, 40]), (2, [1, 2, 14, 15]), (3, [1, 2, 3, 14])])
def test_in_progress(limit: int, begins: list[int]) -> None:
    """An instruction is on its way for 13 cycles; another begins in the cycle in which it is moved."""
    arch = one_engine(f"in_progress: {limit}")
    run = Run(arch, [copy(arch, 1, at=16 * k) for k in range(4)])
    assert [run.enter(number, "m1")[0] for number in range(4)] == begins


def test_in_progress_counts_what_is_done_and_not_moved() -> None:
    arch = one_engine("in_progress: 1, completion: sent")
    run = Run(arch, [copy(arch, 1), copy(arch, 1)])
    assert run.at(0, "c1").done == 1
    assert run.enter(1, "m1") == [14]


# -- parts ---


def test_part_interval() -> None:
    arch = one_engine("part_interval: 3")
    assert Run(arch, [copy(arch, 3)]).enter(0, "m1") == [1, 4, 7]


def test_part_interval_counts_from_the_part_before() -> None:
    """Part 1 is late: part 0 gives up the only place in cycle 14. Part 2 waits for its place, not longer."""
    arch = one_engine("part_interval: 8", "capacity: 1")
    assert Run(arch, [copy(arch, 3)]).enter(0, "m1") == [1, 14, 27]
    arch = one_engine("part_interval: 15", "capacity: 1")
    assert Run(arch, [copy(arch, 3)]).enter(0, "m1") == [1, 16, 31]


@pytest.mark.parametrize(("n", "count"), [(5, 5), (1, 1), (0, 1), (-3, 1)])
def test_parts_attribute(n: int, count: int) -> None:
    arch = one_engine("parts: n")
    assert len(Run(arch, [copy(arch, 2, n=n)]).enter(0, "m1")) == count


def test_parts_are_the_rows_of_the_largest_operand() -> None:
    arch = one_engine()
    program = [
        arch.operations["copy"].instruction(dst=rows(B, 2, 32), src=rows(A, 4), n=0),
        arch.operations["copy"].instruction(dst=rows(B, 5), src=rows(A, 1, 80), n=0),
        instruction(arch, "nothing"),
    ]
    run = Run(arch, program)
    assert [len(run.enter(number, "m1")) for number in range(3)] == [4, 5, 1]


def test_an_instruction_without_operands_has_one_empty_part() -> None:
    arch = one_engine()
    run = Run(arch, [instruction(arch, "nothing")])
    assert (run.enter(0, "m1"), run.at(0, "c1").done, run.cycles) == ([1], 1, 1)


# -- leaving and done ---


def test_places_of_the_controller_are_left_when_the_last_part_is_sent() -> None:
    arch = one_engine("capacity: 1")
    run = Run(arch, [copy(arch, 3), copy(arch, 1)])
    assert run.at(0, "c1").leave == 3
    assert run.at(1, "c1").enter == 3
    assert run.at(1, "x1").enter == 2


def test_release_latency_of_the_controller() -> None:
    arch = one_engine("capacity: 1, release_latency: 4")
    run = Run(arch, [copy(arch, 3), copy(arch, 1)])
    assert (run.at(0, "c1").leave, run.at(1, "c1").enter) == (3, 7)


@pytest.mark.parametrize(
    ("attributes", "done"),
    [
        ("", 3 + 13),
        ("completion_latency: 5", 3 + 13 + 5),
        ("completion: sent", 3),
        ("completion: sent, completion_latency: 5", 3 + 5),
        ("completion: sent, completion_latency: 20", 3 + 20),
    ],
)
def test_done_and_place_in_the_stage(attributes: str, done: int) -> None:
    arch = one_engine(attributes, stage="capacity: 1")
    run = Run(arch, [copy(arch, 3), copy(arch, 1)])
    assert run.at(0, "c1").done == done
    assert run.at(0, "x1").leave == done
    assert run.at(1, "x1").enter == done


def test_release_latency_of_the_stage() -> None:
    arch = one_engine("completion: sent", stage="capacity: 1, release_latency: 2")
    run = Run(arch, [copy(arch, 3), copy(arch, 1)])
    assert (run.at(0, "x1").leave, run.at(1, "x1").enter) == (3, 5)


@pytest.mark.parametrize(
    ("attributes", "cycles"), [("completion_latency: 5", 19), ("completion: sent", 14), ("", 14)]
)
def test_cycles_are_those_of_the_last_part_or_instruction(attributes: str, cycles: int) -> None:
    arch = one_engine(attributes)
    assert Run(arch, [copy(arch, 1)]).cycles == cycles


# -- other attributes that need order of time ---


def test_release_latency_of_a_plain_stage() -> None:
    arch = machine(
        """
    stage s { latency: 1, release_latency: 2 }
    execute x { capacity: 9, unit u { operations: nothing, latency: 1, initiation_interval: 1, capacity: 9 } }
    ifs -> s -> x
    """
    )
    run = Run(arch, [instruction(arch, "nothing") for _ in range(3)])
    assert [run.at(number, "s").enter for number in range(3)] == [1, 4, 7]
    assert [run.at(number, "s").leave for number in range(3)] == [2, 5, 8]


def test_fifo_stages_wait_for_leaving_not_for_release() -> None:
    arch = machine(
        """
    stage s { latency: n, initiation_interval: 0, capacity: 4, order: fifo, release_latency: 50 }
    execute x { capacity: 9, unit u { operations: nothing, latency: 1, initiation_interval: 1, capacity: 9 } }
    ifs -> s -> x
    """
    )
    run = Run(arch, [instruction(arch, "nothing", n=9), instruction(arch, "nothing", n=1)])
    assert [run.at(number, "s").leave for number in range(2)] == [10, 10]


def test_issue_latency_of_plain_units() -> None:
    arch = machine(
        """
    execute x { capacity: 2, issue_latency: 3, unit u { operations: nothing, latency: 5, capacity: 2 } }
    ifs -> x
    """
    )
    run = Run(arch, [instruction(arch, "nothing") for _ in range(3)])
    assert [run.at(number, "u").start for number in range(3)] == [4, 9, 14]
    assert run.at(2, "x").enter == 9  # starts three cycles later at the earliest: 12


def test_storages_answer_after_a_cycle_at_least() -> None:
    arch = one_engine()
    objects = {**arch.objects, "a": replace(arch.objects["a"], read_latency=0)}  # type: ignore[call-arg]
    with pytest.raises(acadl.SimulationError, match="storage 'a' answers after 0 cycles"):
        acadl.simulate(replace(arch, objects=objects), [copy(arch, 1)])


# -- data ---


def test_instructions_of_a_controller_act_on_data_in_program_order() -> None:
    arch = one_engine("in_progress: 1")

    def move(state: acadl.ArchitecturalState, item: Instruction) -> None:
        state.write_memory(item.write_addresses[0], state.read_memory(item.read_addresses[0]) + 1)

    chain = [
        arch.operations["copy"].instruction(dst=AddressRange(B, 4), src=AddressRange(A, 4), n=0),
        arch.operations["copy"].instruction(dst=AddressRange(B, 4), src=AddressRange(A, 4), n=0),
    ]
    run = acadl.simulate(arch, chain, data={A: [7]}, functions={"copy": move})
    assert run.state is not None
    assert run.state.read_memory(AddressRange(B, 1)).tolist() == [[8]]
