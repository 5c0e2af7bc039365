"""Rules 1 to 6 by hand: fetch, issue, places, service, data, blocking."""

from __future__ import annotations

import pytest

from acadl.expressions import Binary, Const, Name
from acadl.operations import AddressRange, Instruction, Operation
from tests.reference.machine_builder import Machine, evaluators, op

A = op("a")  # no operands: nothing but timing
B = op("b")
N = op("n", ("n", "int", "in"))  # takes n cycles where a latency says so
M = op("m", ("n", "int", "in"))
MOVE = op("move", ("d", "reg", "out"), ("s", "reg", "in"))
MOVE2 = op("move2", *((o.name, o.kind, o.direction) for o in MOVE.operands))

n = Name("n")


def n_of(*values: int, operation: Operation = N) -> list[Instruction]:
    return [operation.instruction(n=value) for value in values]


def move(d: str, s: str, operation: Operation = MOVE) -> Instruction:
    return operation.instruction(d=d, s=s)


# -- fetch (rule 6) ---


def fetching(**options: int | bool | None) -> Machine:
    machine = Machine(**options)  # type: ignore[arg-type]
    machine.unit("u", A, latency=0)
    return machine


@pytest.mark.parametrize(
    ("buffer", "reads", "total"),
    [
        (2, [0, 5, 10], 14),  # no room before both have left: at 4 and 5
        (3, [0, 4, 8], 12),  # one may be left
        (4, [0, 4, 8], 12),  # the access unit itself limits
    ],
)
def test_fetch_in_groups(buffer: int, reads: list[int], total: int) -> None:
    machine = fetching(width=2, buffer=buffer, access_latency=1, imem_latency=3)
    result = evaluators(machine, [A.instruction()] * 5)  # the last group is short
    assert [result.start(first, "imau") for first in (0, 2, 4)] == reads
    assert [result.done(first, "imau") for first in (0, 2, 4)] == [read + 4 for read in reads]
    assert result.cycles == total


def test_a_short_last_group_needs_room_for_a_whole_one() -> None:
    machine = Machine(width=4, buffer=5)
    machine.unit("u", A, latency=10)
    result = evaluators(machine, [A.instruction()] * 5)
    # at most one of the first four may be left: the third leaves when the second is done
    assert result.leave(2, "fetch") == 20
    assert result.start(4, "imau") == 20


def test_reads_overlap_with_an_interval_of_the_access_unit() -> None:
    program = [A.instruction()] * 6
    options = {"width": 2, "buffer": 16, "access_latency": 1, "imem_latency": 3}
    alone = evaluators(fetching(**options), program)
    assert [alone.done(i, "imau") for i in (0, 2, 4)] == [4, 8, 12]
    overlapped = evaluators(fetching(**options, access_interval=1), program)  # one port, held for 3
    assert [overlapped.start(i, "imau") for i in (0, 2, 4)] == [0, 1, 2]
    assert [overlapped.done(i, "imau") for i in (0, 2, 4)] == [4, 7, 10]
    pipelined = evaluators(fetching(**options, access_interval=1, imem_interval=1), program)
    assert [pipelined.done(i, "imau") for i in (0, 2, 4)] == [4, 5, 6]


def test_fetch_latency_is_paid_by_each_but_not_serialised() -> None:
    machine = Machine(fetch_latency=3)
    machine.unit("u", A, latency=0)
    machine.unit("v", B, latency=0)
    result = evaluators(machine, [A.instruction(), A.instruction(), B.instruction()])
    assert [result.at(i, "fetch") for i in range(3)] == [(0, 0, 3, 3), (0, 0, 3, 4), (0, 0, 3, 3)]


@pytest.mark.parametrize(("in_order", "leaves"), [(False, [0, 5, 0, 1]), (True, [0, 5, 5, 6])])
def test_issue_in_order_for_each_successor_or_for_all(in_order: bool, leaves: list[int]) -> None:
    machine = Machine(in_order=in_order)
    machine.unit("u", A, latency=5)
    machine.unit("v", B, latency=0)
    result = evaluators(machine, [A.instruction(), A.instruction(), B.instruction(), B.instruction()])
    assert [result.leave(i, "fetch") for i in range(4)] == leaves


def test_one_instruction_a_cycle_leaves_for_each_successor() -> None:
    machine = Machine()
    machine.stage("queue", capacity=4)
    machine.unit("u", A, after="queue", latency=0)
    result = evaluators(machine, [A.instruction()] * 4)
    assert [result.leave(i, "fetch") for i in range(4)] == [0, 1, 2, 3]


# -- places (rule 2) and blocking (rule 5) ---


@pytest.mark.parametrize(
    ("capacity", "leaves"),
    [(1, [0, 1, 10, 20]), (2, [0, 1, 2, 10]), (3, [0, 1, 2, 3])],
)
def test_queue_of_capacity(capacity: int, leaves: list[int]) -> None:
    machine = Machine()
    machine.stage("queue", capacity=capacity)
    machine.unit("u", A, after="queue", latency=10)
    result = evaluators(machine, [A.instruction()] * 4)
    assert [result.leave(i, "fetch") for i in range(4)] == leaves
    assert [result.leave(i, "queue") for i in range(4)] == [0, 10, 20, 30]
    assert result.cycles == 40


def test_a_stalled_instruction_keeps_its_place() -> None:
    machine = Machine()
    machine.stage("decode", latency=2)
    machine.unit("u", A, after="decode", latency=7)
    result = evaluators(machine, [A.instruction()] * 3)
    assert result.at(1, "decode") == (2, 2, 4, 9)
    assert result.at(2, "decode") == (9, 9, 11, 16)


def test_places_are_granted_in_program_order() -> None:
    def run(capacity: int) -> tuple[int, int]:
        machine = Machine()
        machine.stage("slow", latency=n, interval=1, capacity=2)
        machine.stage("goal", after="slow", capacity=capacity)
        machine.unit("u", N, after="goal", latency=0)
        result = evaluators(machine, n_of(10, 1))
        return result.leave(0, "slow"), result.leave(1, "slow")

    assert run(1) == (10, 10)  # ready at 2, but the only place is kept for the older instruction
    assert run(2) == (10, 2)


def test_execute_stage_is_held_until_its_unit_is_done() -> None:
    for capacity, second in ((1, 10), (2, 1)):
        machine = Machine()
        machine.stage("x", capacity=capacity, execute=True, latency=99, interval=50, order="fifo")
        machine.unit("u", A, holder="x", latency=10)
        machine.unit("v", B, holder="x", latency=2)
        result = evaluators(machine, [A.instruction(), B.instruction()])
        assert result.at(0, "x") == (0, 0, 10, 10)  # latency, interval and order of the stage play no part
        assert result.at(0, "u") == (0, 0, 10, 10)
        assert result.at(1, "v") == (second, second, second + 2, second + 2)


def test_waiting_in_the_execute_stage_for_a_place_in_the_unit() -> None:
    machine = Machine()
    machine.unit("u", A, latency=10, capacity=1, holder_capacity=2)
    result = evaluators(machine, [A.instruction()] * 3)
    assert result.at(1, "x_u") == (1, 1, 20, 20)
    assert result.at(1, "u") == (10, 10, 20, 20)
    assert result.at(2, "x_u") == (10, 10, 30, 30)


def test_execute_stage_passed_through_is_a_pipeline_stage() -> None:
    machine = Machine()
    machine.stage("x", latency=3, capacity=2, order="fifo", execute=True)
    machine.unit("u", A, holder="x", latency=8)
    machine.unit("v", B, after="x", latency=0)
    result = evaluators(machine, [A.instruction(), B.instruction(), B.instruction()])
    # fifo: the passing instruction waits for the one that is still in its unit
    assert result.at(1, "x") == (1, 1, 4, 8)
    assert result.at(2, "x") == (8, 8, 11, 11)


# -- service (rule 3) ---


@pytest.mark.parametrize(
    ("interval", "starts"),
    [(None, [0, 3, 6]), (0, [0, 1, 2]), (1, [0, 1, 2]), (2, [0, 2, 4]), (4, [0, 4, 8])],
)
def test_stage_starts_at_its_interval(interval: int | None, starts: list[int]) -> None:
    machine = Machine()
    machine.stage("pipe", latency=3, interval=interval, capacity=8)
    machine.unit("u", A, after="pipe", latency=0)
    result = evaluators(machine, [A.instruction()] * 3)
    assert [result.start(i, "pipe") for i in range(3)] == starts
    assert [result.leave(i, "pipe") for i in range(3)] == [start + 3 for start in starts]


def test_the_interval_is_that_of_the_instruction_before() -> None:
    machine = Machine()
    machine.stage("pipe", latency=1, interval=n, capacity=8)
    machine.unit("u", N, after="pipe", latency=0)
    result = evaluators(machine, n_of(7, 2, 5))
    assert [result.start(i, "pipe") for i in range(3)] == [0, 7, 9]


def test_stage_of_latency_zero_serves_several_in_a_cycle() -> None:
    machine = Machine(fetch_latency=0)
    machine.stage("hub", capacity=4)
    machine.unit("u", A, after="hub", latency=0)
    machine.unit("v", B, after="hub", latency=0)
    result = evaluators(machine, [A.instruction(), B.instruction()])
    assert [result.at(i, "hub") for i in range(2)] == [(0, 0, 0, 0), (1, 1, 1, 1)]
    assert result.cycles == 1


@pytest.mark.parametrize(("order", "leaves"), [("any", [5, 2]), ("fifo", [5, 5])])
def test_order_of_a_stage(order: str, leaves: list[int]) -> None:
    machine = Machine()
    machine.stage("station", latency=n, interval=0, capacity=2, order=order)
    machine.unit("u", N, after="station", latency=0)
    machine.unit("v", M, after="station", latency=0)
    result = evaluators(machine, [*n_of(5), *n_of(1, operation=M)])
    assert [result.leave(i, "station") for i in range(2)] == leaves


@pytest.mark.parametrize(
    ("interval", "capacity", "starts", "total"),
    [
        (None, 1, [0, 5, 10], 15),
        (None, 3, [0, 5, 10], 15),  # inside early, but served one after the other
        (1, 1, [0, 5, 10], 15),  # pipelined, but only one fits
        (1, 2, [0, 1, 5], 10),
        (1, 3, [0, 1, 2], 7),
        (2, 3, [0, 2, 4], 9),
        (6, 3, [0, 6, 12], 17),
    ],
)
def test_unit(interval: int | None, capacity: int, starts: list[int], total: int) -> None:
    machine = Machine()
    machine.unit("u", A, latency=5, interval=interval, capacity=capacity, holder_capacity=8)
    result = evaluators(machine, [A.instruction()] * 3)
    assert [result.start(i, "u") for i in range(3)] == starts
    assert result.cycles == total


def test_interval_of_a_unit_is_that_of_the_instruction_before() -> None:
    machine = Machine()
    interval = Binary("-", n, Const(1))
    machine.unit("u", N, latency=n, interval=interval, capacity=8, holder_capacity=8)
    result = evaluators(machine, n_of(6, 3, 1))
    assert [result.at(i, "u")[1:3] for i in range(3)] == [(0, 6), (5, 8), (7, 8)]


def test_latency_zero_everywhere() -> None:
    machine = Machine()
    machine.unit("u", A, latency=0)
    result = evaluators(machine, [A.instruction()])
    assert result.cycles == 0
    assert result.at(0, "u") == (0, 0, 0, 0)
    assert evaluators(machine, []).cycles == 0


def test_cycles_are_those_of_the_last_to_be_done_not_of_the_last_in_order() -> None:
    machine = Machine()
    machine.unit("u", A, latency=30)
    machine.unit("v", B, latency=2)
    assert evaluators(machine, [A.instruction(), B.instruction()]).cycles == 30


# -- data (rule 4) ---


def two_units(first: int = 5, second: int = 1) -> Machine:
    machine = Machine()
    machine.unit("u", MOVE, latency=first)
    machine.unit("v", MOVE2, latency=second)
    return machine


@pytest.mark.parametrize(
    ("younger", "start"),
    [
        (("r3", "r1"), 5),  # RAW
        (("r1", "r3"), 5),  # WAW
        (("r2", "r3"), 5),  # WAR: reads are over when the reader is done
        (("r3", "r2"), 0),  # both read
        (("r3", "r4"), 0),
    ],
)
def test_registers(younger: tuple[str, str], start: int) -> None:
    result = evaluators(two_units(), [move("r1", "r2"), move(*younger, operation=MOVE2)])
    assert result.at(1, "v") == (0, start, start + 1, start + 1)


def test_every_earlier_reader_must_be_done() -> None:
    machine = Machine()
    machine.unit("u", MOVE, latency=9, interval=1, capacity=4, holder_capacity=4)
    machine.unit("v", MOVE2, latency=1)
    program = [move("r1", "r0"), move("r2", "r0"), move("r0", "r3", MOVE2), move("r4", "r0", MOVE2)]
    result = evaluators(machine, program)
    assert [result.start(i, "u") for i in (0, 1)] == [0, 1]
    assert result.start(2, "v") == 10
    assert result.start(3, "v") == 11


def test_an_instruction_may_read_what_it_writes() -> None:
    result = evaluators(two_units(), [move("r1", "r1"), move("r1", "r1", MOVE2)])
    assert result.at(1, "v") == (0, 5, 6, 6)


@pytest.mark.parametrize(
    ("younger", "waits"),
    [
        (AddressRange(3, 1), False),
        (AddressRange(4, 1), True),
        (AddressRange(7, 1), True),
        (AddressRange(8, 1), False),
        (AddressRange(0, 64), True),
        (AddressRange(8, 4, rows=2, pitch=8), False),  # between the older one's rows
        (AddressRange(8, 5, rows=2, pitch=8), True),
        (AddressRange(20, 4, rows=3, pitch=16), True),  # its first row is the older one's last
        (AddressRange(24, 8, rows=9, pitch=16), False),
    ],
)
@pytest.mark.parametrize("writes", [(True, False), (False, True), (True, True), (False, False)])
def test_address_ranges(younger: AddressRange, waits: bool, writes: tuple[bool, bool]) -> None:
    from acadl.model import SRAM

    machine = Machine()
    machine.add(SRAM(name="mem", read_latency=0, write_latency=0, address_ranges=((0, 4096),)))
    load = op("load", ("a", "address", "in"))
    store = op("store", ("a", "address", "out"))
    load2 = op("load2", ("a", "address", "in"))
    store2 = op("store2", ("a", "address", "out"))
    machine.unit("u", load, store, latency=5, storages=["mem"])
    machine.unit("v", load2, store2, latency=1, storages=["mem"])
    older = AddressRange(4, 4, rows=3, pitch=8)  # bytes 4-7, 12-15, 20-23
    first, second = (store if writes[0] else load), (store2 if writes[1] else load2)
    result = evaluators(machine, [first.instruction(a=older), second.instruction(a=younger)])
    assert result.start(1, "v") == (5 if waits and any(writes) else 0)
