"""Estimates: reach, errors, and what happens when a loop does not settle."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acadl.errors import AcadlError, ProgramError, RoutingError
from acadl.expressions import Const, Name
from acadl.model import (
    DRAM,
    SRAM,
    Architecture,
    Edge,
    EdgeKind,
    ExecuteStage,
    InstructionFetchStage,
    InstructionMemoryAccessUnit,
    MemoryAccessUnit,
    PipelineStage,
    RegisterFile,
)
from acadl.operations import Operand, Operation
from acadl.simulation import simulate
from aidg.estimation import estimate
from mappings.program import LoopProgram, Node, Register, index, loop, memory, step

TILE = 256
DRAM_START = 1 << 40
OPERATIONS = {
    "load": Operation("load", (Operand("d", "address", "out"), Operand("s", "address"))),
    "gemm": Operation(
        "gemm", (Operand("c", "address", "inout"), Operand("a", "address"), Operand("b", "address"))
    ),
    "store": Operation("store", (Operand("d", "address", "out"), Operand("s", "address"))),
    "count": Operation("count", (Operand("r", "reg", "inout"), Operand("n", "int"))),
}


def machine(**dram: int) -> Architecture:
    """Load, gemm and store units behind queues, a DRAM and a scratchpad."""
    objects = [
        SRAM(name="imem", address_ranges=((1 << 62, (1 << 62) + 64),)),
        InstructionMemoryAccessUnit(name="imau"),
        InstructionFetchStage(name="fetch", issue_buffer_size=4),
        DRAM(
            name="dram",
            data_width=128,
            read_latency=20,
            write_latency=20,
            initiation_interval=1,
            address_ranges=((DRAM_START, 1 << 50),),
            **dram,
        ),
        SRAM(
            name="spad",
            data_width=128,
            initiation_interval=1,
            read_write_ports=4,
            address_ranges=((0, 1 << 20),),
        ),
        RegisterFile(name="rf", registers=dict.fromkeys(("r0", "r1", "s"), 0)),
    ]
    edges = [Edge("fetch", "imau", EdgeKind.CONTAINS), Edge("imem", "imau", EdgeKind.READ_DATA)]
    for name, latency in (("load", Const(1)), ("gemm", Const(16)), ("store", Const(1)), ("count", Name("n"))):
        objects += [
            PipelineStage(name=f"q_{name}", capacity=4),
            ExecuteStage(name=f"ex_{name}"),
            MemoryAccessUnit(name=name, to_process=frozenset((name,)), latency=latency),
        ]
        edges += [
            Edge("fetch", f"q_{name}", EdgeKind.FORWARD),
            Edge(f"q_{name}", f"ex_{name}", EdgeKind.FORWARD),
            Edge(f"ex_{name}", name, EdgeKind.CONTAINS),
        ]
        for storage in ("dram", "spad", "rf"):
            edges += [Edge(storage, name, EdgeKind.READ_DATA), Edge(name, storage, EdgeKind.WRITE_DATA)]
    return Architecture(
        name="tiles", objects={o.name: o for o in objects}, edges=tuple(edges), operations=OPERATIONS
    )


def gemm(m: int, n: int, k: int) -> LoopProgram:
    """``C[m, n] += A[m, k] · B[k, n]`` in tiles, with rotating buffers."""
    i, j, l = index("i"), index("j"), index("l")  # noqa: E741  # the field's names
    a = DRAM_START
    b = a + TILE * m * k
    c = b + TILE * n * k
    slot = (i * (n * k) + j * k + l) % 4
    accumulator = memory(8192 + 1024 * ((i * n + j) % 2), 1024)
    left, right = memory(TILE * slot, TILE), memory(2048 + TILE * slot, TILE)
    nest = loop(
        i,
        m,
        loop(
            j,
            n,
            loop(
                l,
                k,
                step("load", d=left, s=memory(a + (i * k + l) * TILE, TILE)),
                step("load", d=right, s=memory(b + (j * k + l) * TILE, TILE)),
                step("gemm", c=accumulator, a=left, b=right),
            ),
            step("store", d=memory(c + (i * n + j) * TILE, TILE), s=accumulator),
        ),
    )
    return LoopProgram(nest, OPERATIONS)


def counting(count: int, cycles: int) -> Node:
    return loop("i", count, step("count", r="r0", n=cycles))


def test_billions_of_instructions_from_hundreds() -> None:
    result = estimate(machine(), gemm(1000, 1000, 1401))
    assert result.method == "exact"
    assert result.instructions == 1000 * 1000 * (3 * 1401 + 1)
    assert result.evaluated_instructions < 2000


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (7, 5, 9), (12, 11, 10)])
def test_gemm_equals_full_propagation(shape: tuple[int, int, int]) -> None:
    program = gemm(*shape)
    assert estimate(machine(), program).cycles == estimate(machine(), program, method="full").cycles


def test_a_dependent_chain_takes_the_sum_of_its_latencies() -> None:
    program = LoopProgram(counting(10**12, 7), OPERATIONS)
    result = estimate(machine(), program)
    # one read of the instruction memory, the buffer, the queue; then seven cycles each
    assert result.cycles == 1 + 1 + 1 + 7 * 10**12
    assert result.utilization["count"] == pytest.approx(1)
    assert result.evaluated_instructions < 100


def test_an_empty_program_takes_no_time() -> None:
    result = estimate(machine(), LoopProgram(counting(0, 7), OPERATIONS))
    assert (result.cycles, result.instructions, result.bound_by) == (0, 0, "nothing (no instructions)")


def test_a_loop_that_does_not_settle_says_so() -> None:
    rows = machine(banks=3, row_bytes=1 << 16, t_RCD=5, t_RP=3)  # the state of open rows moves with the loop
    i = index("i")
    body = step("load", d=memory(0, TILE), s=memory(DRAM_START + i * TILE, TILE))
    program = LoopProgram(loop(i, 5000, body), OPERATIONS)
    result = estimate(rows, program, budget=300)
    assert result.method == "fixed_point"
    assert "loop 'i' did not settle within the budget of 300" in result.notes[0]
    assert result.evaluated_instructions < 500
    full = estimate(rows, program, method="full")
    assert result.cycles == pytest.approx(full.cycles, rel=0.01)
    assert estimate(rows, program).cycles == full.cycles


def test_the_published_method_is_close_and_not_called_exact() -> None:
    program = gemm(40, 40, 40)
    exact = estimate(machine(), program)
    published = estimate(machine(), program, method="fixed_point")
    assert published.method == "fixed_point"
    assert published.cycles == pytest.approx(exact.cycles, rel=0.05)


def test_fixed_point_is_right_where_every_iteration_is_alike() -> None:
    program = LoopProgram(counting(10_000, 7), OPERATIONS)
    published = estimate(machine(), program, method="fixed_point")
    assert published.cycles == estimate(machine(), program).cycles
    assert published.evaluated_instructions < 100


def test_unknown_method() -> None:
    with pytest.raises(AcadlError, match="unknown method 'quick'; choose exact, full or fixed_point"):
        estimate(machine(), gemm(1, 1, 1), method="quick")  # type: ignore[arg-type]


def test_addresses_outside_every_memory() -> None:
    i = index("i")
    body = step("load", d=memory(i * 1024, TILE), s=memory(DRAM_START, TILE))
    assert estimate(machine(), LoopProgram(loop(i, 1024, body), OPERATIONS)).instructions == 1024
    with pytest.raises(ProgramError, match=r"'load' reaches addresses 0x0 to 0x100100 over its loops"):
        estimate(machine(), LoopProgram(loop(i, 1025, body), OPERATIONS))


def test_registers_that_do_not_exist() -> None:
    def program(modulus: int) -> LoopProgram:
        register = Register("r", index("i") % modulus)
        return LoopProgram(loop("i", 5, step("count", r=register, n=1)), OPERATIONS)

    assert estimate(machine(), program(2)).instructions == 5
    with pytest.raises(ProgramError, match="'count' uses register 'r2', which does not exist"):
        estimate(machine(), program(3))


def test_negative_latency() -> None:
    with pytest.raises(ProgramError, match="latency of 'count' is -1; it cannot be negative"):
        estimate(machine(), LoopProgram(counting(1, -1), OPERATIONS))


def test_no_unit_for_an_operation() -> None:
    arch = machine()
    idle = replace(arch.objects["count"], to_process=frozenset())  # type: ignore[call-arg]
    arch = replace(arch, objects={**arch.objects, "count": idle})
    with pytest.raises(RoutingError, match="no unit lists this operation"):
        estimate(arch, LoopProgram(counting(1, 1), OPERATIONS))


def test_a_unit_in_the_fetch_stage() -> None:
    arch = machine()
    moved = [
        Edge("fetch", e.target, e.kind) if e == Edge("ex_count", "count", EdgeKind.CONTAINS) else e
        for e in arch.edges
    ]
    with pytest.raises(RoutingError, match="contained in the fetch stage 'fetch', which issues but does not"):
        estimate(replace(arch, edges=tuple(moved)), LoopProgram(counting(1, 1), OPERATIONS))


def test_fifo_issue_means_in_order_issue() -> None:
    body = [
        step("count", r="r0", n=9),
        step("count", r="r0", n=9),
        step("load", d=memory(0, 64), s=memory(DRAM_START, 64)),
    ]
    program = LoopProgram(loop("i", 20, *body), OPERATIONS)

    def cycles(**attributes: object) -> int:
        arch = machine()
        fetch = replace(arch.fetch_stage, issue_buffer_size=8, **attributes)
        return estimate(replace(arch, objects={**arch.objects, "fetch": fetch}), program).cycles

    assert cycles(order="fifo") == cycles(in_order_issue=True)


def test_names_of_the_package_are_functions() -> None:
    import aidg

    assert aidg.estimate is estimate
    assert callable(aidg.critical_path)


def test_capacities_that_cannot_be_kept() -> None:
    def program_on(capacity: int) -> int:
        arch = machine()
        queue = replace(arch.objects["q_count"], capacity=capacity)  # type: ignore[call-arg]
        arch = replace(arch, objects={**arch.objects, "q_count": queue})
        return estimate(arch, LoopProgram(counting(3, 1), OPERATIONS)).instructions

    assert program_on(1 << 16) == 3
    with pytest.raises(ProgramError, match="capacity of 'q_count' is 65,537; at most 65,536"):
        program_on((1 << 16) + 1)


def test_nests_that_are_too_deep() -> None:
    def nest(depth: int) -> Node:
        body: Node = step("count", r="r0", n=1)
        for level in range(depth):
            body = loop(f"i{level}", 1, body)
        return body

    assert estimate(machine(), LoopProgram(nest(100), OPERATIONS)).instructions == 1
    with pytest.raises(ProgramError, match="nested more than 100 deep"):
        LoopProgram(nest(101), OPERATIONS)


def test_reservations_of_the_running_instruction_are_kept() -> None:
    # the next read of the instruction memory lies beyond the instruction's own transactions
    arch = machine()
    imau = replace(arch.objects["imau"], initiation_interval=Const(100))  # type: ignore[call-arg]
    dram = replace(arch.objects["dram"], initiation_interval=10, read_latency=1)  # type: ignore[call-arg]
    arch = replace(arch, objects={**arch.objects, "imau": imau, "dram": dram})
    i = index("i")
    copy = step("store", d=memory(DRAM_START + (1 << 20) + 64 * i, 64), s=memory(DRAM_START + 64 * i, 64))
    for count in range(10, 40):  # the table of the last instruction is pruned for one of them
        program = LoopProgram(loop(i, count, copy), OPERATIONS)
        assert estimate(arch, program, method="full").cycles == simulate(arch, program).cycles


@pytest.mark.parametrize("offset", [0, 128])  # in the row that is fetched from, and in another one
def test_open_rows_of_the_instruction_memory(offset: int) -> None:
    # what the load leaves open decides how long the next fetch takes, and the load's row moves with the loop
    arch = machine()
    rows = DRAM(
        name="imem",
        address_ranges=((1 << 62, (1 << 62) + 4096),),
        row_bytes=64,
        t_RCD=5,
        t_RP=7,
    )
    edges = (*arch.edges, Edge("imem", "load", EdgeKind.READ_DATA))
    arch = replace(arch, objects={**arch.objects, "imem": rows}, edges=edges)
    i, j = index("i"), index("j")
    body = [
        loop(j, 5, step("count", r="r0", n=1)),
        step("load", d=memory(0, 4), s=memory((1 << 62) + offset + 4 * i, 4)),
    ]
    program = LoopProgram(loop(i, 10, *body), OPERATIONS)
    exact = estimate(arch, program)
    assert (exact.cycles, exact.method) == (simulate(arch, program).cycles, "exact")


def test_an_issue_buffer_smaller_than_a_read() -> None:
    arch = machine()
    wide = replace(arch.objects["imem"], port_width=5)  # type: ignore[call-arg]
    arch = replace(arch, objects={**arch.objects, "imem": wide})
    with pytest.raises(ProgramError, match="holds 4 instructions, fewer than one read of 'imem'"):
        estimate(arch, LoopProgram(counting(1, 1), OPERATIONS))


def test_operands_that_move_differently_and_meet_are_not_skipped() -> None:
    # the write catches up with the range that is read again and again: conflicts start late
    i = index("i")
    body = [
        step("load", d=memory(i * 64, 64), s=memory(DRAM_START, 64)),
        step("gemm", c=memory(1 << 19, 64), a=memory(64 * 900, 128), b=memory(1 << 18, 64)),
    ]
    program = LoopProgram(loop(i, 1000, *body), OPERATIONS)
    exact, full = (estimate(machine(), program, method=m) for m in ("exact", "full"))
    assert (exact.cycles, exact.method) == (full.cycles, "exact")


def test_result_as_json() -> None:
    result = estimate(machine(), gemm(2, 2, 2))
    assert result.to_dict()["cycles"] == result.cycles
    assert '"method": "exact"' in result.to_json()
