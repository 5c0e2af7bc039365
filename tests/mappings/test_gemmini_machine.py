"""The described machine: times of single commands and of streams of them, and what each parameter does."""

from __future__ import annotations

import pytest

import acadl
import aidg
from acadl.model import Architecture
from mappings.layers import Layer
from mappings.library import gemmini as mapping
from mappings.library._gemmini_machine import machine, preload, scaled
from mappings.program import LoopProgram, Memory, Node, as_affine, index, loop, memory, sequence, step
from mappings.registry import MappingError, map_layer
from tests.mappings.gemmini_cases import with_parameters

MEMORY = 0x8000_0000


def by_rows(**parameters: int) -> Architecture:
    """Gemmini whose commands are taken apart into rows."""
    return with_parameters(by_rows=True, **parameters)


def times(arch: Architecture, *nodes: Node) -> list[tuple[str, int, int]]:
    """Operation, start and end of every command."""
    program = LoopProgram(sequence(*nodes), arch.operations)
    run = acadl.simulate(arch, program, trace=True)
    return [
        (instruction.operation, record.objects[-1].start, record.objects[-1].done)
        for instruction, record in zip(program, run.trace, strict=True)
    ]


def mvin(arch: Architecture, slot: int, rows: int = 16, cols: int = 16, address: int = MEMORY) -> Node:
    """Rows to block ``slot`` of the scratchpad."""
    sizes = machine(arch)
    blocks = -(-cols // sizes.dim)
    return step(
        "mvin",
        dst=memory(sizes.scratchpad + slot * sizes.block, blocks * sizes.block),
        src=Memory(as_affine(address + 4096 * slot), cols, rows, 256),
        rows=rows,
        cols=cols,
        unrolled=0,
    )


def pair(arch: Architecture, a: int, b: int | None, c: int, *, add: bool = False) -> list[Node]:
    """Preload of block ``b``, and compute of block ``a`` to block ``c`` of the accumulator."""
    sizes = machine(arch)
    weights = None if b is None else memory(sizes.scratchpad + b * sizes.block, sizes.block)
    place = memory(sizes.accumulator + c * sizes.sum_block, sizes.sum_block)
    block = memory(sizes.scratchpad + a * sizes.block, sizes.block)
    return [
        preload(sizes, weights, place, accumulate=add),
        step("compute_preloaded", a=block, rows=sizes.dim, unrolled=0),
    ]


def mvout(arch: Architecture, c: int, cols: int = 16) -> Node:
    """Block ``c`` of the accumulator, and those that follow it, to memory."""
    sizes = machine(arch)
    blocks, target = -(-cols // sizes.dim), MEMORY + (1 << 20) + 4096 * c
    return step(
        "mvout",
        pending="pending",
        dst=Memory(as_affine(target), cols, 16, 64),
        scaled=scaled(sizes, target, 16, blocks),
        src=memory(sizes.accumulator + c * sizes.sum_block, blocks * sizes.sum_block),
        rows=16, cols=cols, divide=1, relu=0, unrolled=0,
    )  # fmt: skip


def test_a_block_moves_in_at_one_row_per_cycle() -> None:
    """7 cycles to the first request, 16 rows, 10 cycles of memory, 6 to the scratchpad, 1 to tell."""
    arch = by_rows()
    ((_, start, done),) = times(arch, mvin(arch, 0))
    assert done - start == 7 + 15 + 10 + 6 + 1 + 1


def test_two_commands_are_tracked_at_once() -> None:
    """The third one sends its first row when the first one is moved."""
    arch = by_rows()
    moved = times(arch, *(mvin(arch, slot) for slot in range(4)))
    ends = [done for *_, done in moved]
    assert ends[2] - ends[0] == ends[3] - ends[1] == 7 + 15 + 10 + 6 + 1


def test_tracked_commands_depend_on_the_rows_in_flight() -> None:
    """One more than whole blocks fit into the requests in flight."""
    assert by_rows(max_in_flight_reads=48).objects["load_queue.load"].in_progress == 4  # type: ignore[attr-defined]
    assert by_rows(dim=8, max_in_flight_reads=4).objects["load_queue.load"].in_progress == 1  # type: ignore[attr-defined]


def test_a_wide_row_is_one_request() -> None:
    """Four blocks side by side take four beats per row and no longer."""
    arch = by_rows()
    moved = times(arch, *(mvin(arch, 4 * slot, cols=64) for slot in range(4)))
    assert moved[3][2] - moved[2][2] == 64


def test_a_row_across_a_boundary_takes_more_beats() -> None:
    """64 bytes from 16 on lie in a window of 64 and one of 16 bytes: five beats."""
    arch = by_rows()
    moved = times(arch, *(mvin(arch, 4 * slot, cols=64, address=MEMORY + 16) for slot in range(13)))
    assert (moved[12][2] - moved[2][2]) / 10 == pytest.approx(80, abs=1)


def test_a_stream_of_pairs_takes_dim_cycles_each() -> None:
    """The steady state of the array: a block every dim cycles, weights and rows from different banks."""
    for dim in (8, 16):
        arch = by_rows(dim=dim)
        other = machine(arch).scratchpad_blocks - 1
        for blocks in (1, 4):
            k = index("k")
            place = memory((k % blocks) * machine(arch).sum_block + machine(arch).accumulator, 64)
            first, compute = pair(arch, 0, other, 0)
            first = step("preload", **{**dict(first.operands), "c": place})  # type: ignore[union-attr]
            short, long = (
                aidg.estimate(arch, LoopProgram(loop("k", n, first, compute), arch.operations)).cycles
                for n in (100, 1100)
            )
            assert long - short == 1000 * dim


def test_weights_and_rows_in_one_bank_take_turns() -> None:
    """Twice as long; not so where weights stay."""
    arch = by_rows()
    both, once = (
        aidg.estimate(arch, LoopProgram(loop("k", 1000, *pair(arch, 0, b, 0)), arch.operations)).cycles
        for b in (1, None)
    )
    assert both == pytest.approx(2 * 16 * 1000, rel=0.05)
    assert once == pytest.approx(16 * 1000, rel=0.05)


def test_a_lone_block_takes_its_weights_its_rows_and_the_way_through() -> None:
    """From the start of the compute until its last row of sums is written."""
    for dim in (8, 16):
        arch = by_rows(dim=dim, bus_bytes=dim)
        other = machine(arch).scratchpad_blocks - 1
        found = times(arch, *pair(arch, 0, other, 0))
        (_, _, written), (_, start, sent) = found
        assert sent - start == dim + dim + 3  # weights, rows, and 3 cycles to tell
        assert written - sent == 2 * dim + 6 - 1


def test_results_wait_for_the_sums() -> None:
    """A mvout starts in the cycle in which the preload that named its place is done."""
    arch = by_rows()
    found = times(arch, *pair(arch, 0, 999, 0), mvout(arch, 0))
    assert found[2][1] == found[0][2]


def test_five_rows_are_scaled_in_eight_cycles() -> None:
    """However many blocks side by side a row in memory has."""
    arch = by_rows()
    for cols in (16, 32, 64):
        few, many = (
            aidg.estimate(arch, LoopProgram(loop("n", n, mvout(arch, 0, cols)), arch.operations)).cycles
            for n in (10, 20)
        )
        assert (many - few) / 10 == pytest.approx(cols * 8 / 5, abs=1)


def test_loads_wait_for_the_last_reader_of_their_place() -> None:
    """A block of the scratchpad is overwritten when the compute that reads it is through."""
    arch = by_rows()
    found = times(arch, mvin(arch, 1), mvin(arch, 0), *pair(arch, 0, 1, 0), mvin(arch, 0), mvin(arch, 2))
    compute, again, other = found[3], found[4], found[5]
    assert again[1] >= compute[2]
    assert other[1] >= again[1]  # in order within the queue


def test_a_fence_waits_for_every_write() -> None:
    """It is over after memory has acknowledged the last row."""
    arch = by_rows()
    program = LoopProgram(
        sequence(mvout(arch, 0), mvout(arch, 1), step("fence", pending="pending")), arch.operations
    )
    run = acadl.simulate(arch, program, trace=True)
    accesses = [times for record in run.trace for times in record.transactions if times.name == "memory"]
    written = max(times.done for times in accesses)
    assert run.trace[2].objects[-1].done >= written


LAYER = Layer(name="l", op="conv", C=64, H=14, W=14, K=64, R=3, S=3, pad_h=1, pad_w=1, bias=True)


def cycles(**parameters: int) -> int:
    """Cycles of ``LAYER`` on a machine with other parameters."""
    arch = with_parameters(**parameters)
    return aidg.estimate(arch, map_layer(LAYER, arch)).cycles


@pytest.mark.parametrize(
    ("name", "worse", "better"),
    [
        ("dim", 8, 16),
        ("bus_bytes", 4, 16),
        ("max_in_flight_reads", 1, 16),
        ("load_entries", 1, 8),
        ("execute_entries", 2, 16),
        ("mem_latency", 200, 10),
        ("cmd_gap", 20, 0),
    ],
)
def test_parameters_change_the_cycles(name: str, worse: int, better: int) -> None:
    """Each of them matters on its own."""
    assert cycles(**{name: worse}) > 1.1 * cycles(**{name: better})


def test_store_entries_let_results_wait() -> None:
    """With one place, the second result waits outside of the queue and blocks the commands behind it."""
    few, many = (by_rows(store_entries=entries) for entries in (1, 2))
    one_by_one, overlapping = (
        times(arch, mvout(arch, 0), mvout(arch, 1), mvin(arch, 0)) for arch in (few, many)
    )
    assert one_by_one[1][1] > one_by_one[0][2]
    assert overlapping[1][1] < overlapping[0][2]
    assert one_by_one[2][1] > overlapping[2][1] + 10


def test_small_memories_need_smaller_tiles() -> None:
    """A small accumulator or scratchpad costs cycles: every block is moved in more often."""
    assert cycles(accumulator_bytes=4 << 10) > 1.2 * cycles()
    assert cycles(scratchpad_bytes=4 << 10) > 1.2 * cycles()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dim": 2}, "at least 4 rows and columns"),
        ({"scratchpad_bytes": 2048}, "scratchpad is too small"),
        ({"accumulator_bytes": 2048}, "accumulator must hold at least 4 blocks"),
        ({"scratchpad_banks": 3}, "banks of the scratchpad must hold whole blocks"),
        ({"accumulator_banks": 3}, "banks of the accumulator must hold whole blocks"),
    ],
)
def test_impossible_machines_are_refused(parameters: dict[str, int], message: str) -> None:
    """The description says what is wrong."""
    with pytest.raises(acadl.AcadlError) as caught:
        with_parameters(**parameters)
    texts = [diagnostic.message for diagnostic in getattr(caught.value, "diagnostics", ())]
    assert any(message in text for text in [*texts, str(caught.value)])


def test_another_description_of_that_name_is_refused() -> None:
    """The mapping says what it misses."""
    other = acadl.loads("""
        architecture gemmini(dim: int = 16, bus_bytes: int = 16, execute_entries: int = 16) {
            clock 1 GHz
            operations { nop() }
            sram imem { data_width: 32 bits, addresses: 0x0 ..< 0x100 }
            fetch f { from: imem }
            execute e { unit u { operations: nop } }
            f -> e
        }
    """)
    with pytest.raises(MappingError, match=r"needs a memory named 'scratchpad\[0\]'"):
        mapping.map_layer(LAYER, other)
