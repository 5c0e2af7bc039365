"""Rules 7 to 9 by hand: transactions, ports, places, oldest first, caches and open rows."""

from __future__ import annotations

import pytest

from acadl.model import DRAM, SRAM, DataStorage, EdgeKind, SetAssociativeCache
from acadl.operations import AddressRange, Instruction
from tests.reference.machine_builder import IMEM, Machine, Result, evaluators, op

LOAD = op("load", ("d", "reg", "out"), ("a", "address", "in"))
LOAD2 = op("load2", ("d", "reg", "out"), ("a", "address", "in"))
LOAD_AFTER = op("load_after", ("d", "reg", "out"), ("a", "address", "in"), ("s", "reg", "in"))
MOVE = op("move", ("d", "reg", "out"), ("s", "reg", "in"))
COPY = op("copy", ("d", "address", "out"), ("s", "address", "in"))
MERGE = op("merge", ("d", "address", "out"), ("s", "address", "in"), ("t", "address", "in"))


def piece(start: int, size: int, rows: int = 1, pitch: int = 0) -> AddressRange:
    return AddressRange(start, size, rows, pitch)


def memory(
    latency: int, interval: int | None = None, ports: int = 1, places: int | None = None, name: str = "mem"
) -> SRAM:
    """Four bytes a transaction, addresses 0 to 4095 (``mem``) or 4096 to 8191."""
    start = 0 if name == "mem" else 4096
    return SRAM(
        name=name,
        read_latency=latency,
        write_latency=latency + 1,
        initiation_interval=interval,
        read_write_ports=ports,
        max_concurrent_requests=places,
        address_ranges=((start, start + 4096),),
    )


def one_unit(storage: DataStorage, latency: int = 1, **options: int) -> Machine:
    machine = Machine()
    machine.add(storage)
    machine.unit("u", LOAD, COPY, MERGE, latency=latency, storages=[storage.name], **options)  # type: ignore[arg-type]
    return machine


def load(start: int, size: int = 4, register: str = "r0", rows: int = 1, pitch: int = 0) -> Instruction:
    return LOAD.instruction(d=register, a=piece(start, size, rows, pitch))


def starts(result: Result, number: int, count: int, storage: str = "mem") -> list[int]:
    return [result.start(number, f"{storage}#{k}") for k in range(count)]


# -- transactions (rule 7) ---


@pytest.mark.parametrize(("duration", "done"), [(0, 6), (6, 6), (9, 9)])
def test_a_unit_is_done_no_earlier_than_its_duration(duration: int, done: int) -> None:
    result = evaluators(one_unit(memory(5), duration=duration).build(), [load(0), load(64)])
    assert result.start(0, "mem#0") - result.start(0, "u") == 1  # accesses do not wait for it
    assert result.done(0, "u") - result.start(0, "u") == done
    assert result.start(1, "u") == result.done(0, "u")


@pytest.mark.parametrize(
    ("access", "count"),
    [
        (piece(0, 1), 1),
        (piece(0, 4), 1),
        (piece(0, 5), 2),
        (piece(0, 8), 2),
        (piece(2, 4), 1),  # by size, not by alignment
        (piece(0, 4, 3, 8), 3),
        (piece(0, 5, 3, 8), 6),  # every row for itself
    ],
)
@pytest.mark.parametrize(("interval", "hold"), [(None, 3), (1, 1), (5, 5), (0, 0)])
def test_transactions_of_an_access(access: AddressRange, count: int, interval: int | None, hold: int) -> None:
    result = evaluators(one_unit(memory(3, interval)), [LOAD.instruction(d="r0", a=access)])
    assert starts(result, 0, count) == [1 + k * hold for k in range(count)]
    assert result.done(0, "u") == 1 + (count - 1) * hold + 3


def test_writes_start_when_all_reads_are_answered() -> None:
    machine = Machine()
    machine.add(memory(4))
    machine.add(memory(6, name="far"))
    machine.unit("u", MERGE, latency=1, storages=["mem", "far"])
    program = [MERGE.instruction(d=piece(64, 4), s=piece(0, 8), t=piece(4096, 4))]
    result = evaluators(machine, program)
    assert starts(result, 0, 2) == [1, 5]
    assert result.start(0, "far#2") == 1  # together with the first read, at a storage of its own
    assert result.start(0, "mem#3") == 9
    assert result.cycles == 9 + 5


@pytest.mark.parametrize(("interval", "second", "write"), [(None, 4, 8), (1, 1, 5)])
def test_reads_of_one_storage_follow_each_other(interval: int | None, second: int, write: int) -> None:
    program = [MERGE.instruction(d=piece(64, 4), s=piece(0, 4), t=piece(32, 4))]
    result = evaluators(one_unit(memory(4, interval), latency=0), program)
    assert starts(result, 0, 3) == [0, second, write]
    assert result.cycles == write + 5


def test_memory_without_latency() -> None:
    result = evaluators(one_unit(memory(0), latency=0), [load(0, 64), load(64, 64)])
    assert result.cycles == 1  # the second is issued a cycle later


def test_loads_of_a_pipelined_unit_share_the_port_oldest_first() -> None:
    machine = one_unit(memory(2), latency=0, interval=1, capacity=4, holder_capacity=4)
    result = evaluators(machine, [load(0, 12), load(64, 12, "r1")])
    assert starts(result, 0, 3) == [0, 2, 4]
    assert starts(result, 1, 3) == [6, 8, 10]


@pytest.mark.parametrize(
    ("places", "expected"),
    [(1, [0, 4, 8, 12]), (2, [0, 1, 4, 5]), (3, [0, 1, 2, 4]), (4, [0, 1, 2, 3]), (None, [0, 1, 2, 3])],
)
def test_places_limit_what_is_in_flight(places: int | None, expected: list[int]) -> None:
    result = evaluators(one_unit(memory(4, 1, places=places), latency=0), [load(0, 16)])
    assert starts(result, 0, 4) == expected


# -- oldest first (rule 8) ---


def contending(storage: SRAM, delay: int, size: int = 8) -> Result:
    """Instruction 1 loads from cycle ``delay`` on, the younger instruction 2 from cycle 0 on."""
    machine = Machine()
    machine.add(storage)
    machine.unit("c", MOVE, latency=delay)
    machine.unit("u", LOAD_AFTER, latency=0, storages=["mem"])
    machine.unit("v", LOAD2, latency=0, storages=["mem"])
    return evaluators(
        machine,
        [
            MOVE.instruction(d="r1", s="r0"),
            LOAD_AFTER.instruction(d="r2", a=piece(0, 4), s="r1"),
            LOAD2.instruction(d="r3", a=piece(64, size)),
        ],
    )


@pytest.mark.parametrize(
    ("delay", "younger"),
    [
        (0, [3, 6]),
        (1, [4, 7]),
        (2, [5, 8]),  # the gap of two cycles is too short
        (3, [0, 6]),  # it fits exactly before
        (4, [0, 7]),
        (5, [0, 8]),
        (6, [0, 3]),  # both fit
    ],
)
def test_older_transaction_goes_first_and_younger_ones_fill_the_gaps(delay: int, younger: list[int]) -> None:
    result = contending(memory(3), delay)
    assert result.start(1, "mem#0") == delay  # nobody waits for somebody younger
    assert starts(result, 2, 2) == younger


def test_a_second_port_serves_both() -> None:
    result = contending(memory(3, ports=2), 2)
    assert (result.start(1, "mem#0"), starts(result, 2, 2)) == (2, [0, 3])


@pytest.mark.parametrize(("delay", "second"), [(1, 4), (3, 4), (4, 1), (5, 1)])
def test_places_are_given_up_to_older_ones(delay: int, second: int) -> None:
    # one cycle on the port, four in flight, two at a time: up to cycle 3 the older one and the younger one's
    # first leave no place for its second, which has been in flight since cycle 1
    result = contending(memory(4, 1, places=2), delay)
    assert result.start(1, "mem#0") == delay
    assert starts(result, 2, 2) == [0, second]


def test_fetch_waits_for_older_accesses_of_its_memory() -> None:
    unified = SRAM(name="imem", port_width=1, read_latency=2, address_ranges=((IMEM, IMEM + 4096),))
    machine = Machine(width=1, imem=unified)
    machine.unit("u", LOAD, latency=0, storages=["imem"])
    machine.unit("c", MOVE, latency=1)
    program = [load(IMEM + 64, 8), MOVE.instruction(d="r1", s="r2"), MOVE.instruction(d="r3", s="r4")]
    result = evaluators(machine, program)
    assert result.at(0, "imau") == (0, 0, 2, 2)
    assert starts(result, 0, 2, "imem") == [2, 4]
    assert result.start(1, "imem#fetch") == 6  # it arrived at cycle 2
    assert result.start(2, "imem#fetch") == 8


# -- caches and open rows (rule 9) ---


def test_open_rows() -> None:
    dram = DRAM(name="mem", read_latency=2, row_bytes=64, t_RCD=5, t_RP=3, address_ranges=((0, 4096),))
    result = evaluators(one_unit(dram, latency=0), [load(0), load(4), load(64), load(0)])
    # closed bank, hit, conflict, conflict
    assert [result.done(i, "u") for i in range(4)] == [7, 9, 19, 29]


def test_rows_open_in_program_order_whatever_the_order_in_time() -> None:
    dram = DRAM(name="mem", read_latency=2, row_bytes=64, t_RCD=5, t_RP=3, address_ranges=((0, 4096),))
    result = contending(dram, 20, 4)  # type: ignore[arg-type]  # has what it takes
    assert result.at(1, "mem#0") == (20, 20, 27, 27)  # closed bank
    assert result.at(2, "mem#0") == (0, 0, 10, 10)  # conflict with the row that the older one will open


def test_cache_in_front_of_a_memory() -> None:
    machine = Machine()
    machine.add(memory(10))
    machine.add(SetAssociativeCache(name="cache", hit_latency=1, miss_latency=4, cache_line_size=16))
    machine.connect("mem", "cache", EdgeKind.READ_DATA)
    machine.connect("cache", "mem", EdgeKind.WRITE_DATA)
    machine.unit("u", LOAD, latency=0, storages=["cache"])
    result = evaluators(machine, [load(0), load(4), load(16), load(0)])
    assert [result.done(i, "u") for i in range(4)] == [15, 16, 31, 46]
    assert result.start(1, "cache#0") == 15
