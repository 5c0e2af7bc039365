"""The described machine: times of single commands and of streams of them, and what each parameter does."""

from __future__ import annotations

import pytest

import acadl
import aidg
from acadl.model import Architecture
from mappings.layers import Layer
from mappings.library import gemmini as mapping
from mappings.library._gemmini_machine import machine
from mappings.program import LoopProgram, Memory, Node, as_affine, index, loop, memory, sequence, step
from mappings.registry import MappingError, map_layer
from tests.mappings.gemmini_cases import gemmini, with_parameters

MEMORY = 0x8000_0000


def times(arch: Architecture, *nodes: Node) -> list[tuple[str, int, int]]:
    """Operation, start and end of every command."""
    program = LoopProgram(sequence(*nodes), arch.operations)
    run = acadl.simulate(arch, program, trace=True)
    return [
        (instruction.operation, record.objects[-1].start, record.objects[-1].done)
        for instruction, record in zip(program, run.trace, strict=True)
    ]


def mvin(arch: Architecture, slot: int, rows: int = 16, cols: int = 16) -> Node:
    """Rows to block ``slot`` of the scratchpad."""
    sizes = machine(arch)
    blocks = -(-cols // sizes.dim)
    return step(
        "mvin",
        dst=memory(sizes.scratchpad + slot * sizes.block, blocks * sizes.block),
        src=Memory(as_affine(MEMORY + 4096 * slot), cols, rows, 256),
        rows=rows,
        cols=cols,
    )


def pair(arch: Architecture, a: int, b: int, c: int) -> list[Node]:
    """Preload of block ``b`` and compute of block ``a`` to block ``c`` of the accumulator."""
    sizes = machine(arch)
    return [
        step("preload", weights="weights", b=memory(sizes.scratchpad + b * sizes.block, sizes.block)),
        step(
            "compute_preloaded",
            c=memory(sizes.accumulator + c * sizes.sum_block, sizes.sum_block),
            a=memory(sizes.scratchpad + a * sizes.block, sizes.block),
            weights="weights",
            rows=sizes.dim,
            accumulate=1,
        ),
    ]


def mvout(arch: Architecture, c: int) -> Node:
    """Block ``c`` of the accumulator to memory."""
    sizes = machine(arch)
    return step(
        "mvout",
        pending="pending",
        dst=Memory(as_affine(MEMORY + (1 << 20) + 4096 * c), 16, 16, 64),
        src=memory(sizes.accumulator + c * sizes.sum_block, sizes.sum_block),
        rows=16, cols=16, divide=1, relu=0,
    )  # fmt: skip


def test_a_block_moves_in_at_one_row_per_cycle() -> None:
    """7 cycles to the first request, 16 rows, 17 cycles from a request to its data in the scratchpad."""
    arch = gemmini()
    ((_, start, done),) = times(arch, mvin(arch, 0))
    assert done - start == 7 + 15 + 17


def test_two_commands_are_tracked_at_once() -> None:
    """The third one starts when the first one is done; data keep coming at the limit of 16 in flight."""
    arch = gemmini()
    moved = times(arch, *(mvin(arch, slot) for slot in range(4)))
    starts, ends = [start for _, start, _ in moved], [done for *_, done in moved]
    assert starts[1] == starts[0] + 17  # 16 requests of 17 cycles each, 16 at once
    assert starts[2] == ends[0]
    assert starts[3] == ends[1]


def test_a_wide_row_is_one_request() -> None:
    """Four blocks side by side take four beats per row and no longer."""
    arch = gemmini()
    moved = times(arch, mvin(arch, 0, cols=64), mvin(arch, 4, cols=64))
    assert moved[1][1] - moved[0][1] == 64


def test_a_stream_of_pairs_takes_dim_cycles_each() -> None:
    """The steady state of the array: a block every 16 cycles, to one block of sums or to many."""
    for dim in (8, 16):
        arch = with_parameters(dim=dim)
        for blocks in (1, 4):
            k = index("k")
            place = memory((k % blocks) * machine(arch).sum_block + machine(arch).accumulator, 64)
            body = [*pair(arch, 0, 1, 0)]
            compute = step("compute_preloaded", **{**dict(body[1].operands), "c": place})  # type: ignore[union-attr]
            short, long = (
                aidg.estimate(arch, LoopProgram(loop("k", n, body[0], compute), arch.operations)).cycles
                for n in (100, 1100)
            )
            assert long - short == 1000 * dim


def test_a_lone_block_takes_four_times_dim_and_the_pipeline() -> None:
    """From the start of the compute to the first row written, and no longer where nobody waits."""
    arch = gemmini()
    found = times(arch, mvin(arch, 1), mvin(arch, 0), *pair(arch, 0, 1, 0), mvout(arch, 0))
    by_name = {name: (start, done) for name, start, done in found}
    compute, store = by_name["compute_preloaded"], by_name["mvout"]
    assert store[0] == compute[1]  # the sums leave the array in order: only who reads them waits
    first_row_out = store[1] - 24  # 16 rows go out in 24 cycles
    array, way_to_memory = first_row_out - compute[0] - 18, 18
    assert array == 4 * 16 + 8  # weights, rows, the way through rows and columns
    assert way_to_memory + array + 24 == store[1] - compute[0]


def test_loads_wait_for_the_last_reader_of_their_place() -> None:
    """A block of the scratchpad is overwritten when the compute that reads it is through."""
    arch = gemmini()
    found = times(arch, mvin(arch, 1), mvin(arch, 0), *pair(arch, 0, 1, 0), mvin(arch, 0), mvin(arch, 2))
    compute, again, other = found[3], found[4], found[5]
    assert again[1] >= compute[2]
    assert other[1] >= again[1]  # in order within the queue


def test_a_fence_waits_for_every_write() -> None:
    """It ends when memory has acknowledged the last row."""
    arch = gemmini()
    found = times(arch, mvout(arch, 0), mvout(arch, 1), step("fence", pending="pending"))
    assert found[2][1] == max(found[0][2], found[1][2])
    assert found[2][2] - found[2][1] == 10 + 2


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
    few, many = (with_parameters(store_entries=entries) for entries in (1, 2))
    one_by_one, overlapping = (
        times(arch, mvout(arch, 0), mvout(arch, 1), mvin(arch, 0)) for arch in (few, many)
    )
    assert one_by_one[1][1] == one_by_one[0][2]
    assert overlapping[1][1] == overlapping[0][1] + 16 + 9  # 16 rows, 5 in 8 cycles
    assert one_by_one[2][1] > overlapping[2][1] + 50


def test_small_memories_need_smaller_tiles() -> None:
    """A small accumulator or scratchpad costs cycles: every block is moved in more often."""
    assert cycles(accumulator_bytes=4 << 10) > 1.2 * cycles()
    assert cycles(scratchpad_bytes=4 << 10) > 1.2 * cycles()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dim": 2}, "at least 4 rows and columns"),
        ({"scratchpad_bytes": 4095}, "scratchpad is too small"),
        ({"accumulator_bytes": 4095}, "accumulator must hold at least 4 blocks"),
    ],
)
def test_impossible_machines_are_refused(parameters: dict[str, int], message: str) -> None:
    """The description says what is wrong; one more byte is enough."""
    with pytest.raises(acadl.AcadlError) as caught:
        with_parameters(**parameters)
    texts = [diagnostic.message for diagnostic in getattr(caught.value, "diagnostics", ())]
    assert any(message in text for text in [*texts, str(caught.value)])
    name, value = next(iter(parameters.items()))
    with_parameters(**{name: value + (2 if name == "dim" else 1)})


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
    with pytest.raises(MappingError, match="needs a memory named 'scratchpad'"):
        mapping.map_layer(LAYER, other)
