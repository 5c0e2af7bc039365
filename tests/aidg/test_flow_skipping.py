"""Skipping in order of time: the same cycles as evaluating every instruction."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import aidg.flow.exact
import platforms
from acadl import loads, simulate
from acadl.errors import ProgramError
from aidg.compiled import is_available
from aidg.estimation import estimate
from aidg.flow.exact import ExactRun
from aidg.flow.plans import plan_loops
from aidg.flow.run import Run
from aidg.flow.tables import build
from mappings import Layer, map_layer
from mappings.cases import Case, map_case
from mappings.program import LoopProgram, Node, Step, index, loop, memory, sequence, step
from tests.strategies import Case as MachineAndProgram
from tests.strategies_rows import repeated_cases, row_cases


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(row_cases())
def test_skipping_changes_nothing(case: MachineAndProgram) -> None:
    full = Run(build(case.arch, case.program), "interpreted")
    exact = ExactRun(build(case.arch, case.program), "interpreted")
    assert exact.run() == full.run()
    assert exact.busy() == full.busy()
    assert not exact.unsettled


@pytest.mark.parametrize("worthwhile", [1, 512])
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=repeated_cases())
def test_programs_that_repeat_themselves(case: MachineAndProgram, worthwhile: int) -> None:
    """What is recalled, and where loops are skipped beside that, from one iteration on or from hundreds."""
    repeats_alike(case, worthwhile, "interpreted")


@pytest.mark.slow
@pytest.mark.parametrize("worthwhile", [1, 512])
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=st.one_of(row_cases(), repeated_cases(20)))
def test_skipping_changes_nothing_at_length(case: MachineAndProgram, worthwhile: int) -> None:
    repeats_alike(case, worthwhile, "compiled" if is_available() else "interpreted")


def repeats_alike(case: MachineAndProgram, worthwhile: int, kernel: str) -> None:
    """Both evaluations find the same, or that nothing can move any more."""
    tables = build(case.arch, case.program)
    full, exact = Run(tables, kernel), ExactRun(tables, kernel, worthwhile=worthwhile)
    try:
        expected = full.run()
    except ProgramError:
        with pytest.raises(ProgramError, match="can move"):
            exact.run()
        return
    assert exact.run() == expected
    assert exact.busy() == [int(taken) for taken in full.busy()]
    assert not exact.unsettled


def tiles(count: int, depth: int, ring: int, slip: int = 0) -> LoopProgram:
    """Products of ``count`` tiles of ``depth`` blocks each on Gemmini; blocks lie in a ring of places."""
    arch = platforms.load("gemmini", by_rows=True)
    i, k = index("i"), index("k")
    place = ((i * depth + k) % ring) * 256 + 0x1000_0000

    def blocks(add: str, first: int) -> tuple[Step, ...]:
        here = place if not first else ((i * depth + k + first) % ring) * 256 + 0x1000_0000
        other = here + 0x2_0000
        source = 0x8000_0040 + i * (256 * depth + slip) + (k + first) * 256
        sums = memory(0x2000_0000 + (i % 2) * 1024, 1024)
        size = {"rows": 16, "cols": 16, "unrolled": 0}
        return (
            step("mvin2", dst=memory(other, 256), src=memory(source, 16, 16, 32), **size),
            step("mvin", dst=memory(here, 256), src=memory(source, 16, 16, 48), **size),
            step(f"preload{add}", c=sums, b=memory(other, 256), rows=16, unrolled=0),
            step("compute_preloaded", a=memory(here, 256), rows=16, unrolled=0),
        )

    return LoopProgram(
        loop(i, count, loop("k", 1, *blocks("", 0)), loop(k, depth - 1, *blocks("_add", 1))), arch.operations
    )


@pytest.mark.parametrize(("count", "depth", "ring"), [(12, 2, 8), (6, 6, 64), (20, 3, 16), (9, 4, 7)])
def test_tiles_on_gemmini(count: int, depth: int, ring: int) -> None:
    arch = platforms.load("gemmini", by_rows=True)
    program = tiles(count, depth, ring)
    exact = estimate(arch, program)
    full = estimate(arch, program, method="full")
    assert exact.cycles == full.cycles
    assert exact.method == "exact"
    assert exact.evaluated_instructions <= full.evaluated_instructions == program.instruction_count


def test_a_long_loop_costs_what_a_short_one_does() -> None:
    arch = platforms.load("gemmini", by_rows=True)
    runs = [estimate(arch, tiles(count, 2, 4)) for count in (400, 4000)]
    assert runs[0].evaluated_instructions == runs[1].evaluated_instructions
    assert runs[1].cycles > 9 * runs[0].cycles


@pytest.mark.parametrize("variant", ["tile", "phased", "wreuse", "loop"])
@pytest.mark.parametrize("dim", [4, 8, 32])
def test_arrays_of_other_sizes(dim: int, variant: str) -> None:
    """Also where a row of sums is wider than the largest request of the DMA."""
    arch = platforms.load("gemmini", by_rows=True, dim=dim, max_in_flight_reads=2, bus_bytes=8)
    row = {"variant": variant, "M": f"{2 * dim}", "N": f"{dim + 1}", "K": f"{3 * dim}"}
    program = map_case(Case(row), arch)
    found = estimate(arch, program)
    assert found.method == "exact"
    assert found.cycles == estimate(arch, program, method="full").cycles == simulate(arch, program).cycles


@pytest.mark.parametrize(
    ("sizes", "row"),
    [
        ({"scratchpad_bytes": 1 << 14, "scratchpad_banks": 8}, {"M": "4", "N": "129", "K": "17"}),
        ({"accumulator_bytes": 1 << 14, "accumulator_banks": 4, "dim": 8}, {"M": "18", "N": "83", "K": "9"}),
    ],
)
def test_commands_that_go_on_in_the_next_bank(sizes: dict[str, int], row: dict[str, str]) -> None:
    arch = platforms.load("gemmini", by_rows=True, **sizes)
    program = map_case(Case({"variant": "loop", **row}), arch)
    expected = simulate(arch, program).cycles
    assert estimate(arch, program).cycles == estimate(arch, program, method="full").cycles == expected


def test_a_layer_by_rows() -> None:
    arch = platforms.load("gemmini", by_rows=True)
    program = map_layer(Layer(name="l", op="conv", C=16, H=6, W=6, K=32, R=3, S=3, pad_h=1, pad_w=1), arch)
    assert estimate(arch, program).cycles == estimate(arch, program, method="full").cycles


def test_a_loop_that_does_not_settle_is_extrapolated_and_says_so() -> None:
    arch = platforms.load("gemmini", by_rows=True)
    program = tiles(150, 2, 8, slip=1)  # rows are cut alike only every 64 tiles
    found = estimate(arch, program, budget=0)
    assert found.method == "fixed_point"
    assert "did not settle" in found.notes[0]
    full = estimate(arch, program, method="full")
    assert abs(found.cycles - full.cycles) < full.cycles / 8


def copier(*movers: str, operations: str = "copy(d: out address, s: in address)", prepares: str = "") -> str:
    """A description with one controller, its movers, and two memories of bytes."""
    names = " ".join(line.split("(")[0] for line in operations.splitlines())
    return f"""
architecture copier {{
    clock 1 GHz
    operations {{
        {operations}
    }}
    sram commands {{ data_width: 32 bits, addresses: 0x1_0000_0000 ..< 0x1_0000_1000, read_latency: 1 }}
    sram a {{ data_width: 8 bits, addresses: 0x1_0000 ..< 0x11_0000, read_latency: 1, write_latency: 1 }}
    sram b {{ data_width: 8 bits, addresses: 0x100_0000 ..< 0x110_0000, read_latency: 1, write_latency: 1 }}
    fetch front {{
        issue_buffer_size: 1
        instruction_memory_unit reader {{ latency: 0, initiation_interval: 90 }}
    }}
    execute queue {{
        capacity: 4
        controller dma {{ operations: {names}, capacity: 4, latency: 0, {prepares} }}
    }}
    {" ".join(f"mover m{number} {{ {mover} }}" for number, mover in enumerate(movers))}
    queue.dma -> {" -> ".join(f"m{number}" for number in range(len(movers)))}
    front -> queue
    commands => front.reader
    a => m0 => b
}}
"""


def skips_like_all(text: str, *nodes: Node) -> None:
    """Both evaluations find the same, and one of them has skipped."""
    arch = loads(text)
    program = LoopProgram(sequence(*nodes), arch.operations)
    full, exact = Run(build(arch, program), "interpreted"), ExactRun(build(arch, program), "interpreted")
    assert exact.run() == full.run()
    assert exact.busy() == full.busy()
    assert exact.evaluated < full.evaluated


def test_the_state_of_long_rows_has_room() -> None:
    """Of a row that waits to be cut into thousands of requests, little is written down."""
    text = copier("capacity: 2, max_request_bytes: 16 bytes")
    long = step("copy", d=memory(0x100_0000, 60_000), s=memory(0x1_0000, 60_000))
    short = step("copy", d=memory(0x100_0000, 4), s=memory(0x1_0000, 4))
    skips_like_all(text.replace("interval: 90", "interval: 1"), long, loop("i", 200, short))


def test_parts_of_a_pair_are_cut_alike() -> None:
    """What the first one writes is cut into the parts of the second one."""
    text = copier(
        "capacity: 8, max_request_bytes: 64 bytes",
        operations="prepare(d: out address, s: in address)\n        use(s: in address)",
        prepares="prepares: prepare",
    )
    i = index("i")
    prepare = step("prepare", d=memory(0x100_0000 + 8 * i, 40), s=memory(0x1_0000, 8, 5, 64))
    skips_like_all(text, loop(i, 90, prepare, step("use", s=memory(0x1_0000, 8))))


def test_inner_loops_that_share_an_index() -> None:
    """The longer one decides how far the operands of both reach."""
    text = copier("capacity: 2").replace("interval: 90", "interval: 1")
    i, k = index("i"), index("k")
    far = step("copy", d=memory(0x100_0000 + 4096 * k + 8 * i, 8), s=memory(0x1_0000, 8))
    near = step("copy", d=memory(0x108_0000 + 8 * k, 8), s=memory(0x1_0000, 8))
    arch = loads(text)
    program = LoopProgram(loop(i, 4, loop(k, 20, far), loop(k, 2, near)), arch.operations)
    outer = max(plan_loops(build(arch, program)).values(), key=lambda plan: plan.instructions)
    assert list(outer.inner.values()) == [20]


def test_what_is_still_to_read_another_memory_is_another_state() -> None:
    """Reads come to the second memory shortly before the end; the front end is two iterations ahead."""
    text = copier("capacity: 1").replace("initiation_interval: 90", "").replace("capacity: 4", "capacity: 2")
    text = text.replace("a => m0 => b", "a <=> m0\n    b => m0").replace(
        "read_latency: 1 }", "read_latency: 0 }"
    )
    text = text.replace("0x1_0000 ..< 0x11_0000", "0x1_0000 ..< 0x2_0000").replace("0x100_0000", "0x2_0000")
    i = index("i")
    copy = step("copy", d=memory(0x1_0000, 1), s=memory(0x1_0000 + 512 * i, 1))
    skips_like_all(text, loop(i, 131, copy))


def test_loops_of_memory_units_stay_in_one_memory() -> None:
    arch = loads(
        """
architecture plain {
    clock 1 GHz
    operations { copy(d: out address, s: in address) }
    sram commands { data_width: 32 bits, addresses: 0x1_0000_0000 ..< 0x1_0000_1000 }
    sram a { data_width: 8 bits, addresses: 0x1_0000 ..< 0x2_0000, arbitration: priority }
    sram b { data_width: 8 bits, addresses: 0x2_0000 ..< 0x3_0000 }
    fetch front { from: commands }
    execute queue { memory_unit mover { operations: copy, latency: 0 } }
    front -> queue
    { a, b } <=> queue.mover
}
"""
    )
    copy = step("copy", d=memory(0x1_FF00 + 12 * index("i"), 8), s=memory(0x1_0000, 8))
    with pytest.raises(ProgramError, match="0x1ff00 to 0x202bc in its loops; no memory holds them all"):
        build(arch, LoopProgram(loop("i", 80, copy), arch.operations))


def test_empty_programs() -> None:
    arch = platforms.load("gemmini", by_rows=True)
    found = estimate(arch, LoopProgram(sequence(), arch.operations))
    assert (found.cycles, found.instructions) == (0, 0)


def test_what_was_in_flight_when_a_period_began_has_met_others() -> None:
    """A write of one iteration, still to come, holds up a read of the next one; later ones pass it by."""
    text = copier(
        "capacity: 1", operations="copy(d: out address, s: in address)\n        look(s: in address)"
    )
    text = text.replace("interval: 90", "interval: 1").replace("operations: copy look", "operations: copy")
    unit = "execute other { memory_unit eye { operations: look, latency: 0 } }"
    unit += "\n    front -> other\n    b => other.eye"
    arch = loads(text.replace("front -> queue", f"front -> queue\n    {unit}"))
    for meeting in range(1, 12):
        i = index("i")
        look = step("look", s=memory(0x100_0000 + 8 * meeting, 8))
        copy = step("copy", d=memory(0x100_0000 + 8 * i, 8), s=memory(0x1_0000, 8))
        for body in ((look, copy), (look, copy, copy), (copy, look, copy)):
            program = LoopProgram(loop(i, 40, *body), arch.operations)
            full, exact = (
                Run(build(arch, program), "interpreted"),
                ExactRun(build(arch, program), "interpreted"),
            )
            assert exact.run() == full.run()


@pytest.mark.parametrize(("room", "most"), [(1 << 16, 1 << 16), (1 << 16, 1 << 20)])
def test_states_that_are_forgotten_for_want_of_room(
    room: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or for which more room is made on the way."""
    arch = platforms.load("gemmini", by_rows=True)
    program = tiles(8, 5, 16)
    expected, found = estimate(arch, program, method="full"), estimate(arch, program)
    monkeypatch.setattr(aidg.flow.exact, "ROOM", room)
    monkeypatch.setattr(aidg.flow.exact, "MOST_ROOM", most)
    again = estimate(arch, program)
    assert again.cycles == found.cycles == expected.cycles
    assert again.utilization == found.utilization == expected.utilization
    assert found.evaluated_instructions <= again.evaluated_instructions
    assert (again.evaluated_instructions > found.evaluated_instructions) == (room == most)
