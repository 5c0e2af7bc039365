"""Rule 14 by hand: who is granted, for how long, and when the answer is there."""

from __future__ import annotations

import pytest

from acadl.model import Architecture
from acadl.operations import AddressRange
from tests.reference.rows_machine import A, Run, engine, instruction, machine, memory, rows


def two_engines(a: str = "", first: str = "", second: str = "", more: str = "") -> Architecture:
    """Both work on `a`: the first one takes `read`, `write` and `copy`, the second one `use` and `touch`."""
    body = memory("a", a) + memory("b") + engine(1, "", first, operations="read write copy")
    body += engine(2, "", second, operations="use touch")
    return machine(body + f"{{m1, m2}} <=> a\n m1 <=> b\n {more}")


def reads(arch: Architecture, first: int, second: int) -> Run:
    """So many rows each; both engines have their first one in cycle 1."""
    program = [
        instruction(arch, "read", src=rows(A, first)),
        instruction(arch, "use", src=rows(A, second)),
    ]
    return Run(arch, program)


# -- who ---


def test_oldest_first() -> None:
    run = reads(two_engines(), 4, 2)
    assert (run.grants(0, "a"), run.grants(1, "a")) == ([1, 2, 3, 4], [5, 6])


@pytest.mark.parametrize(
    ("first", "second", "swapped"), [(0, 0, False), (1, 0, False), (0, 1, True), (4, 7, True)]
)
def test_priority(first: int, second: int, swapped: bool) -> None:
    arch = two_engines("arbitration: priority", f"priority: {first}", f"priority: {second}")
    run = reads(arch, 2, 2)
    expected = ([3, 4], [1, 2]) if swapped else ([1, 2], [3, 4])
    assert (run.grants(0, "a"), run.grants(1, "a")) == expected


def test_round_robin() -> None:
    run = reads(two_engines("arbitration: round_robin"), 4, 4)
    assert (run.grants(0, "a"), run.grants(1, "a")) == ([1, 3, 5, 7], [2, 4, 6, 8])


def test_round_robin_goes_on_behind_the_last_one() -> None:
    """The first engine is alone in cycles 1 and 2; then it is the second one's turn."""
    arch = two_engines("arbitration: round_robin", second="latency: 2")
    run = reads(arch, 4, 3)
    assert (run.grants(0, "a"), run.grants(1, "a")) == ([1, 2, 4, 6], [3, 5, 7])


def test_round_robin_has_a_turn_for_each_direction_with_ports_of_its_own() -> None:
    """The first engine writes a row a cycle; that plays no part in whose turn it is to read."""
    arch = two_engines("arbitration: round_robin, read_ports: 1, write_ports: 1")
    program = [
        instruction(arch, "copy", dst=rows(A + 0x1000, 30), src=rows(A, 30)),
        instruction(arch, "use", src=rows(A, 30)),
    ]
    run = Run(arch, program)
    second = [item.start for item in run.run.trace[1].transactions if item.name == "a"]
    assert second == list(range(2, 62, 2))


def test_ports_for_each_direction() -> None:
    """Reads and writes do not meet: each has a row per cycle."""
    arch = two_engines("read_ports: 1, write_ports: 1")
    program = [
        instruction(arch, "read", src=rows(A, 3)),
        instruction(arch, "touch", dst=rows(A + 0x1000, 3)),
    ]
    run = Run(arch, program)
    assert run.grants(0, "a") == run.grants(1, "a") == [1, 2, 3]
    run = Run(two_engines(), program)
    assert (run.grants(0, "a"), run.grants(1, "a")) == ([1, 2, 3], [4, 5, 6])


def test_a_direction_without_ports_of_its_own_has_the_common_ones() -> None:
    arch = two_engines("write_ports: 1, read_write_ports: 2")
    run = reads(arch, 2, 2)
    assert run.grants(0, "a") == run.grants(1, "a") == [1, 2]
    program = [
        instruction(arch, "write", dst=rows(A, 2)),
        instruction(arch, "touch", dst=rows(A + 0x1000, 2)),
    ]
    run = Run(arch, program)
    assert (run.grants(0, "a"), run.grants(1, "a")) == ([1, 2], [3, 4])


# -- how long ---


@pytest.mark.parametrize(("interval", "hold"), [("initiation_interval: 1", 1), ("initiation_interval: 4", 4)])
def test_a_port_is_held_for_the_interval(interval: str, hold: int) -> None:
    assert reads(two_engines(interval), 2, 1).grants(1, "a") == [1 + 2 * hold]


def test_without_an_interval_a_port_is_held_for_the_latency() -> None:
    body = (
        "sram a { data_width: 128 bits, read_latency: 6, write_latency: 4, addresses: 0x1_0000 ..< 0x2_0000 }"
    )
    arch = machine(f"{body} {engine(1, operations='read write')} m1 <=> a")
    assert Run(arch, [instruction(arch, "read", src=rows(A, 3))]).grants(0, "a") == [1, 7, 13]
    assert Run(arch, [instruction(arch, "write", dst=rows(A, 3))]).grants(0, "a") == [1, 5, 9]


def test_places() -> None:
    """Two in flight: a place is free in the cycle of the answer."""
    run = reads(two_engines("max_concurrent_requests: 2"), 3, 2)
    assert (run.grants(0, "a"), run.grants(1, "a")) == ([1, 2, 11], [12, 21])


def test_ports_and_places() -> None:
    arch = two_engines("read_write_ports: 2, max_concurrent_requests: 3")
    run = reads(arch, 2, 2)
    assert (run.grants(0, "a"), run.grants(1, "a")) == ([1, 2], [1, 11])


# -- the answer ---


WIDE = "max_request_bytes: 64 bytes"


@pytest.mark.parametrize(("size", "widths"), [(16, 1), (32, 2), (64, 4)])
def test_a_wide_read(size: int, widths: int) -> None:
    """One more cycle for each further width; the port is free after one interval."""
    arch = two_engines("initiation_interval: 2", WIDE)
    program = [
        instruction(arch, "read", src=rows(A, size=size)),
        instruction(arch, "use", src=rows(A)),
    ]
    run = Run(arch, program)
    assert run.answers(0, "a") == [1 + 10 + widths - 1]
    assert run.grants(1, "a") == [3]


@pytest.mark.parametrize(("size", "widths"), [(16, 1), (32, 2), (64, 4)])
@pytest.mark.parametrize("interval", [1, 2])
def test_a_wide_write(size: int, widths: int, interval: int) -> None:
    """A width per interval is handed over; it is answered the latency after the last one."""
    arch = two_engines(f"initiation_interval: {interval}", WIDE)
    program = [
        instruction(arch, "write", dst=rows(A, size=size)),
        instruction(arch, "use", src=rows(A + 0x1000)),
    ]
    run = Run(arch, program)
    assert run.answers(0, "a") == [1 + (widths - 1) * interval + 3]
    assert run.grants(1, "a") == [1 + widths * interval]


def test_a_write_counts_by_its_window() -> None:
    """48 bytes from 16 on lie in one window of four widths."""
    arch = two_engines("", WIDE)
    run = Run(arch, [instruction(arch, "write", dst=AddressRange(A + 16, 48))])
    assert run.answers(0, "a") == [1 + 3 + 3]


@pytest.mark.parametrize(("answers", "second"), [("any", [12, 13]), ("in_order", [15, 16])])
def test_answers_in_order(answers: str, second: list[int]) -> None:
    """The first read takes the channel in cycles 11 to 14, the next ones one cycle each."""
    arch = two_engines(f"answers: {answers}", WIDE)
    program = [
        instruction(arch, "read", src=rows(A, size=64)),
        instruction(arch, "use", src=rows(A, 2)),
    ]
    run = Run(arch, program)
    assert run.answers(0, "a") == [14]
    assert run.answers(1, "a") == second


@pytest.mark.parametrize(("answers", "answer"), [("any", 5), ("in_order", 12)])
def test_a_write_waits_for_the_read_in_front(answers: str, answer: int) -> None:
    arch = two_engines(f"answers: {answers}")
    program = [instruction(arch, "read", src=rows(A)), instruction(arch, "touch", dst=rows(A + 64))]
    run = Run(arch, program)
    assert (run.answers(0, "a"), run.answers(1, "a")) == ([11], [answer])


def test_a_wide_write_takes_the_channel_for_one_cycle() -> None:
    """Write: granted in 1, answered in 1 + 3 + 3. Read: granted in 5, its answer is there in 7, too."""
    arch = two_engines("answers: in_order, read_latency: 2", WIDE)
    program = [
        instruction(arch, "write", dst=rows(A, size=64)),
        instruction(arch, "use", src=rows(A + 0x1000)),
    ]
    run = Run(arch, program)
    assert run.answers(0, "a") == [7]
    assert run.answers(1, "a") == [8]


def test_a_late_answer_counts_as_in_flight() -> None:
    """The second read is answered in 15 for the sake of order; until then both places are taken."""
    arch = two_engines("answers: in_order, max_concurrent_requests: 2", WIDE)
    program = [
        instruction(arch, "read", src=rows(A, size=64)),
        instruction(arch, "use", src=rows(A, 4)),
    ]
    run = Run(arch, program)
    assert run.grants(1, "a") == [2, 14, 15, 24]


# -- memory access units and the fetch stage ---


def with_unit(a: str = "", unit: str = "") -> Architecture:
    more = f"""
    execute y {{ capacity: 4, memory_unit u {{ operations: use touch, capacity: 4, latency: 0 {unit} }} }}
    ifs -> y
    {{a, b}} => y.u => {{a, b}}
    """
    body = memory("a", a) + memory("b") + engine(1, operations="read write copy")
    return machine(body + "m1 <=> {a, b}\n" + more)


def test_transactions_of_a_memory_unit_take_part() -> None:
    """The unit is older and has a transaction per cycle: the engine waits."""
    arch = with_unit()
    program = [instruction(arch, "use", src=rows(A, 3)), instruction(arch, "read", src=rows(A, 2))]
    run = Run(arch, program)
    assert (run.grants(0, "a"), run.grants(1, "a")) == ([1, 2, 3], [4, 5])
    assert run.at(0, "u").done == 13


@pytest.mark.parametrize(
    ("arbitration", "unit", "grants"),
    [
        ("oldest_first", "", [4, 5]),
        ("round_robin", "", [2, 4]),
        ("priority", ", priority: 1", [1, 2]),
    ],
)
def test_a_younger_memory_unit(arbitration: str, unit: str, grants: list[int]) -> None:
    """Against three rows of an engine."""
    arch = with_unit(f"arbitration: {arbitration}", unit)
    program = [instruction(arch, "read", src=rows(A, 3)), instruction(arch, "use", src=rows(A, 2))]
    assert Run(arch, program).grants(1, "a") == grants


def test_nothing_is_reserved_ahead() -> None:
    """The younger instruction takes the port in cycle 2 for six cycles, though an older one comes in 3."""
    arch = machine(
        memory("a", "initiation_interval: 6, arbitration: priority")
        + """
    execute y { capacity: 4, memory_unit u { operations: use, capacity: 4, latency: 2 } }
    execute z { capacity: 4, memory_unit v { operations: read, capacity: 4, latency: 1 } }
    ifs -> {y, z}
    a => {y.u, z.v}
    """
    )
    run = Run(arch, [instruction(arch, "use", src=rows(A)), instruction(arch, "read", src=rows(A))])
    assert (run.grants(0, "a"), run.grants(1, "a")) == ([8], [2])


def test_a_memory_unit_holds_its_port_and_asks_again() -> None:
    arch = with_unit("initiation_interval: 3, arbitration: round_robin")
    program = [instruction(arch, "use", src=rows(A, 3)), instruction(arch, "read", src=rows(A, 2))]
    run = Run(arch, program)
    assert (run.grants(0, "a"), run.grants(1, "a")) == ([4, 10, 13], [1, 7])


def test_answers_in_order_for_memory_units() -> None:
    arch = with_unit("answers: in_order")
    program = [instruction(arch, "read", src=rows(A)), instruction(arch, "touch", dst=rows(A + 64))]
    run = Run(arch, program)
    assert run.at(1, "u").done == 12


@pytest.mark.parametrize(("arbitration", "enter"), [("oldest_first", 6), ("round_robin", 3)])
def test_the_fetch_stage_takes_part(arbitration: str, enter: int) -> None:
    """The first instruction reads 16 bytes of the instruction memory, four at once, from cycle 1 on.

    The second one is to be fetched from there from cycle 1 on.
    """
    arch = machine(
        engine(1, operations="read") + "imem => m1",
        imem=f"initiation_interval: 1, arbitration: {arbitration}",
    )
    run = Run(arch, [instruction(arch, "read", src=AddressRange(0, 16)) for _ in range(2)])
    assert run.at(0, "c1").enter == 1
    assert run.at(1, "c1").enter == enter
