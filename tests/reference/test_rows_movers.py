"""Rules 11 and 13 by hand: movers, their places, and the requests that they make."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

import acadl
from acadl.model import SRAM, Architecture, Mover
from acadl.operations import AddressRange
from acadl.simulate_parts import MovedOperand, Part, PartPlanner, Rows
from tests.reference.rows_machine import A, B, Run, copy, engine, instruction, machine, memory, rows

ALL = "copy read write nothing join both"


def one_mover(
    mover: str = "", a: str = "", b: str = "", controller: str = "", edges: str = ""
) -> Architecture:
    body = memory("a", a) + memory("b", b) + engine(1, controller, mover, operations=ALL)
    return machine(body + (edges or "a => m1 => b"))


def two_movers(
    first: str = "", second: str = "", edges: str = "a => m1\n m2 => b", a: str = ""
) -> Architecture:
    """The parts go on to `m2`, which has one place unless told otherwise."""
    body = memory("a", a) + memory("b") + engine(1, "", first, operations=ALL)
    return machine(f"{body} mover m2 {{ {second} }}\n m1 -> m2\n {edges}")


# -- entering ---


def test_dma_engine() -> None:
    """Sixteen rows of sixteen bytes through a memory that answers after ten cycles: one row per cycle."""
    arch = one_mover("capacity: 16")
    run = Run(arch, [copy(arch, 16)])
    assert run.enter(0, "m1") == list(range(1, 17))
    assert run.grants(0, "a") == list(range(1, 17))
    assert run.answers(0, "a") == list(range(11, 27))
    assert run.grants(0, "b") == list(range(11, 27))
    assert run.leave(0, "m1") == list(range(14, 30))
    assert run.cycles == run.at(0, "c1").done == 29


def test_places() -> None:
    """A part has its place for 13 cycles, and the next one takes it in the cycle in which it becomes free."""
    arch = one_mover("capacity: 4")
    run = Run(arch, [copy(arch, 16)])
    assert run.enter(0, "m1") == [first + k for first in (1, 14, 27, 40) for k in range(4)]
    assert run.cycles == 43 + 13


def test_release_latency() -> None:
    arch = one_mover("capacity: 1, release_latency: 2")
    run = Run(arch, [copy(arch, 3)])
    assert run.enter(0, "m1") == [1, 16, 31]
    assert run.leave(0, "m1") == [14, 29, 44]
    assert run.cycles == 44


@pytest.mark.parametrize("interval", [1, 3])
def test_initiation_interval(interval: int) -> None:
    arch = one_mover(f"initiation_interval: {interval}")
    assert Run(arch, [copy(arch, 3)]).enter(0, "m1") == [1, 1 + interval, 1 + 2 * interval]


@pytest.mark.parametrize(
    ("operation", "reads", "writes", "done"),
    [
        ("copy", [3], [13 + 5], 18 + 3 + 4),
        ("read", [3], [], 13 + 5 + 4),
        ("write", [], [3 + 5], 8 + 3 + 4),
        ("nothing", [], [], 3 + 5 + 4),
    ],
)
def test_latencies(operation: str, reads: list[int], writes: list[int], done: int) -> None:
    arch = one_mover("latency: 2, transfer_latency: 5, tail_latency: 4")
    operands = {"copy": ("dst", "src"), "read": ("src",), "write": ("dst",), "nothing": ()}[operation]
    ranges = {"src": rows(A), "dst": rows(B)}
    run = Run(arch, [instruction(arch, operation, **{name: ranges[name] for name in operands})])
    assert (run.grants(0, "a"), run.grants(0, "b"), run.at(0, "c1").done) == (reads, writes, done)


# -- from mover to mover ---


def test_a_read_takes_a_place_in_the_next_mover() -> None:
    """Part 0 leaves `m2` in cycle 1 + 10 + 3; only then part 1 may read."""
    arch = two_movers()
    run = Run(arch, [copy(arch, 3)])
    assert run.enter(0, "m1") == [1, 2, 3]
    assert run.grants(0, "a") == [1, 14, 27]
    assert run.enter(0, "m2") == run.grants(0, "b") == [11, 24, 37]


def test_more_places_in_the_next_mover() -> None:
    arch = two_movers(second="capacity: 2")
    assert Run(arch, [copy(arch, 4)]).grants(0, "a") == [1, 2, 14, 15]


def test_release_latency_of_the_next_mover() -> None:
    arch = two_movers(second="release_latency: 3")
    assert Run(arch, [copy(arch, 2)]).grants(0, "a") == [1, 17]


def test_a_part_reads_on_once_it_has_its_place() -> None:
    arch = two_movers()
    run = Run(arch, [copy(arch, 2, size=48)])
    assert run.grants(0, "a") == [1, 2, 3, 18, 19, 20]
    assert run.grants(0, "b") == [13, 14, 15, 30, 31, 32]  # the last one of part 0 is answered in 15 + 3


def test_a_part_that_ends_here_needs_no_place_there() -> None:
    """Nor is it held up by one that does."""
    arch = two_movers()
    run = Run(arch, [copy(arch, 2), instruction(arch, "read", src=rows(A))])
    assert run.grants(0, "a") == [1, 14]
    assert run.grants(1, "a") == [3]
    assert run.enter(1, "m2") == []


def test_a_part_that_reads_nothing_waits_for_its_place_at_the_end() -> None:
    arch = two_movers("latency: 2")
    run = Run(arch, [instruction(arch, "write", dst=rows(B, 2))])
    assert run.enter(0, "m1") == [1, 2]
    assert run.enter(0, "m2") == [3, 6]
    assert run.leave(0, "m1") == [3, 6]


def test_one_with_a_place_enters_a_full_mover() -> None:
    """The older part writes to `a` for 30 cycles, and finds the place in `m2` taken by the younger one."""
    arch = two_movers(a="read_latency: 50, write_latency: 30", edges="a <=> m1\n m2 => b")
    run = Run(arch, [instruction(arch, "both", dst=rows(A), also=rows(B)), copy(arch, 1, at=16)])
    assert run.grants(1, "a") == [2]
    assert run.enter(1, "m2") == [52]
    assert run.enter(0, "m2") == [55]


def test_an_earlier_mover_has_made_it() -> None:
    arch = two_movers(edges="a => {m1, m2}\n {m1, m2} => b")
    run = Run(arch, [copy(arch, 1)])
    assert (run.grants(0, "a"), run.grants(0, "b"), run.enter(0, "m2")) == ([1], [11], [])


def test_a_part_ends_where_it_has_nothing_more_to_do() -> None:
    """Rows of the destination end before those of the source."""
    arch = two_movers(second="capacity: 9")
    program = [arch.operations["copy"].instruction(dst=rows(B, 2), src=rows(A, 4), n=0)]
    run = Run(arch, program)
    assert len(run.enter(0, "m1")) == 4
    assert len(run.enter(0, "m2")) == 2
    assert Run(arch, [instruction(arch, "nothing")]).enter(0, "m2") == []


def test_what_parts_wait_for_is_said() -> None:
    arch = two_movers("capacity: 2")
    message = (
        r"#0 'copy .*' is in 'x1.c1' and sends part 2; "
        r"part 1 of #0 is in 'm1' and waits for a place in 'm2'; part 2 of #0 waits for a place in 'm1'"
    )
    with pytest.raises(acadl.SimulationError, match=message):
        acadl.simulate(arch, [copy(arch, 3)], max_cycles=5)


# -- shares ---


def shares(piece: AddressRange, parts: int) -> list[tuple[int, int] | None]:
    operand = MovedOperand(0, "a", False, piece)
    found = [operand.share(part, parts) for part in range(parts)]
    return [None if share is None else (share.start, share.bytes) for share in found]


def test_rows_are_shares() -> None:
    assert shares(rows(100, 3, 16, 64), 4) == [(100, 16), (164, 16), (228, 16), None]
    assert shares(rows(100, 3, 16, 64), 2) == [(100, 16), (164, 16)]


def test_a_single_row_is_cut_evenly() -> None:
    assert shares(rows(100), 3) == [(100, 5), (105, 5), (110, 6)]
    assert shares(AddressRange(100, 2), 4) == [None, (100, 1), None, (101, 1)]
    assert shares(rows(100), 1) == [(100, 16)]


def test_parts_without_a_share_make_no_requests() -> None:
    arch = one_mover(controller="parts: n")
    run = Run(arch, [copy(arch, 2, n=3), copy(arch, 1, size=64, n=4)])
    assert run.grants(0, "a") == [1, 2]
    assert run.leave(0, "m1") == [14, 15, 3]
    assert run.grants(1, "a") == [4, 5, 6, 7]


# -- requests ---


@pytest.mark.parametrize(
    ("offset", "size", "count"), [(0, 1, 1), (0, 16, 1), (0, 17, 2), (8, 40, 3), (8, 16, 1)]
)
def test_one_request_for_every_port_width(offset: int, size: int, count: int) -> None:
    arch = one_mover()
    run = Run(arch, [instruction(arch, "read", src=AddressRange(A + offset, size))])
    assert run.grants(0, "a") == [1 + k for k in range(count)]
    assert run.cycles == count + 10


def test_writes_follow_the_last_answer() -> None:
    arch = one_mover()
    run = Run(arch, [copy(arch, 1, size=40)])
    assert run.grants(0, "b") == [13, 14, 15]


def test_one_request_per_cycle_however_many_ports() -> None:
    arch = one_mover(a="read_write_ports: 4")
    assert Run(arch, [copy(arch, 2, size=32)]).grants(0, "a") == [1, 2, 3, 4]


def test_requests_to_different_storages_at_once() -> None:
    arch = one_mover(a="read_latency: 10", edges="{a, b} => m1 => b")
    program = [instruction(arch, "join", dst=rows(B), src=rows(A), also=rows(B + 64, size=32))]
    run = Run(arch, program)
    assert run.grants(0, "a") == [1]
    assert run.grants(0, "b") == [1, 2, 12]  # two reads; the write after the last answer


def test_requests_to_one_storage_one_after_the_other() -> None:
    arch = one_mover()
    program = [instruction(arch, "join", dst=rows(B), src=rows(A), also=rows(A + 64, size=32))]
    assert Run(arch, program).grants(0, "a") == [1, 2, 3]


@pytest.mark.parametrize(("ports", "reads"), [(2, range(12, 32)), (1, (*range(12, 21), *range(22, 33)))])
def test_a_read_and_a_write_in_one_cycle(ports: int, reads: Iterable[int]) -> None:
    """The write of the second instruction comes in cycle 21, while the third one reads."""
    arch = one_mover(a=f"read_write_ports: {ports}", edges="a <=> m1")
    copies = arch.operations["copy"]
    program = [
        instruction(arch, "read", src=rows(A, 10, 16)),
        copies.instruction(dst=rows(A + 0x800), src=rows(A + 0x400), n=0),
        instruction(arch, "read", src=rows(A, 20, 16)),
    ]
    run = Run(arch, program)
    assert run.grants(0, "a") == list(range(1, 11))
    assert run.grants(1, "a") == [11, 21]
    assert run.grants(2, "a") == list(reads)


def test_oldest_part_first() -> None:
    """The first part has three requests, the second one waits for them."""
    arch = one_mover()
    program = [instruction(arch, "read", src=rows(A, size=48)), instruction(arch, "read", src=rows(A))]
    run = Run(arch, program)
    assert (run.grants(0, "a"), run.grants(1, "a")) == ([1, 2, 3], [4])


def two_engines(first: str = "", second: str = "", a: str = "", b: str = "") -> Architecture:
    body = memory("a", a) + memory("b", b) + engine(1, "", first, operations="copy write read")
    body += engine(2, "", second, operations="touch use")
    return machine(body + "{m1, m2} => b\n a => {m1, m2}")


def test_what_was_refused_goes_before_older_ones() -> None:
    """`b` is busy from cycle 1 to 21. Instruction 1 offers its write from 2 on, 0 has one from 11 on."""
    arch = two_engines(b="initiation_interval: 20, arbitration: priority", second="priority: 1")
    run = Run(
        arch,
        [
            copy(arch, 1),
            instruction(arch, "write", dst=rows(B + 64)),
            instruction(arch, "touch", dst=rows(B + 128)),
        ],
    )
    assert run.grants(2, "b") == [1]
    assert run.grants(1, "b") == [21]
    assert run.grants(0, "b") == [41]


@pytest.mark.parametrize(("retry", "grant"), [("", 7), ("retry_interval: 1", 7), ("retry_interval: 4", 9)])
def test_retry_interval(retry: str, grant: int) -> None:
    """`a` is busy from 1 to 7. The other engine is refused in 1, 2, …, with an interval of 4 in 1 and 5."""
    arch = two_engines(a="initiation_interval: 6", second=retry)
    run = Run(arch, [instruction(arch, "read", src=rows(A)), instruction(arch, "use", src=rows(A))])
    assert run.grants(0, "a") == [1]
    assert run.grants(1, "a") == [grant]


def test_others_are_offered_until_the_retry() -> None:
    """Rows 0 to 3 are there from cycle 1, 2, 3, 4 on; `a` is busy in every other cycle.

    Refused are row 0 in 1, row 1 in 2, row 3 in 4, row 1 again in 6; in 7 there is none to offer.
    """
    arch = two_engines(a="initiation_interval: 2", second="retry_interval: 4")
    run = Run(arch, [instruction(arch, "read", src=rows(A)), instruction(arch, "use", src=rows(A, 4))])
    assert run.grants(0, "a") == [1]
    entries = {times.start: times.enter for times in run.run.trace[1].transactions}
    assert entries == {3: 3, 5: 1, 8: 4, 10: 2}


def test_a_retry_that_always_meets_the_other_engine() -> None:
    """The engines alternate. Row 0 of the second one comes back in odd cycles, the turns of the first one."""
    arch = two_engines(a="arbitration: round_robin", second="retry_interval: 2")
    run = Run(arch, [instruction(arch, "read", src=rows(A, 4)), instruction(arch, "use", src=rows(A, 4))])
    assert run.grants(0, "a") == [1, 3, 5, 7]
    entries = {times.start: times.enter for times in run.run.trace[1].transactions}
    assert entries == {2: 2, 4: 3, 6: 4, 9: 1}


# -- windows and pieces ---


def planner(*largest: int | None, port: int = 16) -> PartPlanner:
    movers = [Mover(name=f"m{number}", max_request_bytes=size) for number, size in enumerate(largest)]
    sram = SRAM(name="a", data_width=8 * port, read_latency=10, write_latency=3, initiation_interval=1)
    return PartPlanner(movers, {"a": sram})


def operand(start: int, size: int, mover: int = 0, write: bool = False) -> MovedOperand:
    return MovedOperand(mover, "a", write, AddressRange(start, size))


def part(of: PartPlanner, *operands: MovedOperand) -> Part:
    return of.part(0, 0, [Rows(1, operands)])


@pytest.mark.parametrize(
    ("start", "size", "largest", "widths"),
    [
        (16, 64, 64, [4, 1]),
        (0, 64, 64, [4]),
        (0, 64, 16, [1, 1, 1, 1]),
        (0, 64, 32, [2, 2]),
        (0, 48, 64, [4]),  # the smallest that covers it
        (0, 32, 64, [2]),
        (0, 16, 64, [1]),
        (0, 5, 64, [1]),
        (48, 32, 64, [1, 1]),  # none larger covers more of the first 16 bytes
        (8, 16, 64, [2]),
        (24, 16, 64, [4]),  # 16 to 32 covers 8 bytes, 0 to 64 all
        (16, 200, 128, [8, 8]),
        (112, 40, 128, [1, 2]),
    ],
)
def test_windows(start: int, size: int, largest: int, widths: list[int]) -> None:
    found = part(planner(largest), operand(start, size)).pieces
    assert [demand.widths for piece in found for demand in piece.work[0].reads] == widths


def requests(piece: Part) -> list[tuple[list[int], list[int]]]:
    """Port widths of the reads and writes in each mover."""
    return [([d.widths for d in work.reads], [d.widths for d in work.writes]) for work in piece.work]


def test_pieces_have_their_share_of_the_writes() -> None:
    """64 bytes from 16 on: 48 and 16 bytes; the writes are windows too."""
    found = part(planner(64), operand(16, 64), operand(0, 64, write=True))
    assert [requests(piece) for piece in found.pieces] == [[([4], [4])], [([1], [1])]]
    assert [piece.age for piece in found.pieces] == [(0, 0, 0), (0, 0, 1)]


def test_pieces_write_in_the_next_mover() -> None:
    found = part(planner(64, None), operand(16, 64), operand(0, 64, 1, write=True))
    assert [requests(piece) for piece in found.pieces] == [
        [([4], []), ([], [1, 1, 1])],
        [([1], []), ([], [1])],
    ]


def test_a_part_becomes_pieces_where_it_has_something_to_do() -> None:
    found = part(planner(None, 64), operand(0, 32), operand(0, 128, 1, write=True))
    assert requests(found) == [([1, 1], [])]
    assert [requests(piece) for piece in found.pieces] == [[([], [4])], [([], [4])]]
    assert (found.pieces[0].first, found.ends) == (1, 2)


def test_pieces_are_counted_through_all_reads() -> None:
    """96 bytes are read, 64 and 32; of 48 written ones the first piece has 32."""
    found = part(planner(64), operand(0, 64), operand(128, 32), operand(0, 48, write=True))
    assert [requests(piece) for piece in found.pieces] == [[([4], [2])], [([2], [1])]]


def test_pieces_are_cut_again() -> None:
    found = part(planner(64, 16), operand(0, 64), operand(0, 64, 1, write=True))
    (piece,) = found.pieces
    assert [smaller.age for smaller in piece.pieces] == [(0, 0, 0, number) for number in range(4)]
    assert found.ends == 4


def test_nothing_is_taken_apart_where_nothing_is_to_do() -> None:
    found = part(planner(64))
    assert (found.pieces, requests(found), found.ends) == ((), [([], [])], 1)


def test_pieces_enter_one_by_one() -> None:
    """The first piece reads four widths: 10 + 3 cycles; the second one a single one. So they write."""
    arch = one_mover("max_request_bytes: 64 bytes")
    program = [instruction(arch, "copy", dst=rows(B, size=64), src=rows(A + 16, size=64)), copy(arch, 1)]
    run = Run(arch, program)
    assert run.enter(0, "m1") == [1, 2]
    assert run.at(0, "c1").leave == 2
    assert run.enter(1, "m1") == [3]
    assert run.grants(0, "a") == [1, 2]
    assert run.answers(0, "a") == [1 + 13, 2 + 10]
    assert run.grants(0, "b") == [12, 14]
    assert run.answers(0, "b") == [12 + 3, 14 + 3 + 3]  # handed over in 14 to 17, then 3 more


def test_pieces_need_places_of_their_own() -> None:
    arch = one_mover("max_request_bytes: 16 bytes, capacity: 1")
    run = Run(arch, [copy(arch, 1, size=48)])
    assert run.enter(0, "m1") == [1, 14, 27]
    assert run.at(0, "c1").leave == 27


def test_a_part_leaves_with_its_last_piece() -> None:
    """`m2` has one place, each piece takes it for three cycles. Part 1 reads when it is free again."""
    arch = two_movers(first="capacity: 1", second="max_request_bytes: 16 bytes")
    run = Run(arch, [copy(arch, 2, size=32)])
    assert run.grants(0, "a") == [1, 2, 18, 19]
    assert [times.enter for times in run.run.trace[0].parts if times.part == (0, 0)] == [12]
    assert [times.enter for times in run.run.trace[0].parts if times.part == (0, 1)] == [15]
    assert run.enter(0, "m1") == [1, 15]


def test_a_trace_has_the_parts() -> None:
    arch = one_mover("max_request_bytes: 16 bytes, latency: 1")
    found = Run(arch, [copy(arch, 1, size=32)]).run.trace[0].to_dict()["parts"]
    assert found == [
        {"name": "m1", "part": [0, 0], "enter": 1, "start": 2, "done": 15, "leave": 15},
        {"name": "m1", "part": [0, 1], "enter": 2, "start": 3, "done": 16, "leave": 16},
    ]
