"""``axis_sa`` against its RTL: every row and every tile event, to the cycle."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import acadl
import aidg
import mappings
import platforms
from acadl.model import Architecture
from acadl.simulation import SimulationRun
from mappings.cases import Case, map_case
from mappings.program import LoopProgram

DATA = Path(__file__).parents[1] / "data" / "rtl" / "axis_sa"
PARAMETERS = ("rows", "cols", "in_period", "out_period", "tile_gap")


def rows() -> list[dict[str, int]]:
    with (DATA / "cycles_dev.csv").open() as file:
        return [{name: int(cell) for name, cell in row.items()} for row in csv.DictReader(file)]


def machine(row: dict[str, int]) -> Architecture:
    return platforms.load("axis_sa", **{name: row[name] for name in PARAMETERS})


def product(row: dict[str, int], arch: Architecture) -> LoopProgram:
    return map_case(Case({name: str(value) for name, value in row.items()}), arch)


def events(run: SimulationRun) -> list[tuple[int, str, int]]:
    """Cycle, event and tile of the first and last beats."""
    found = []
    for record in run.trace:
        at = {times.name: times for times in record.objects}
        found.append((at["input"].start, "first_in", record.id))
        found.append((at["input"].done - 1, "last_in", record.id))
        found.append((at["output.drain"].start, "first_out", record.id))
        found.append((at["output.drain"].done - 1, "last_out", record.id))
    return sorted(found)


def test_every_row_is_exact() -> None:
    table = rows()
    assert len(table) == 118
    for row in table:
        arch = machine(row)
        program = product(row, arch)
        assert program.instruction_count == row["tiles"]
        assert aidg.estimate(arch, program).cycles == row["total_cycles"], row
        if row["tiles"] <= 20:
            found = events(acadl.simulate(arch, program, trace=True))
            first_out = next(cycle for cycle, event, _ in found if event == "first_out")
            last_in = max(cycle for cycle, event, _ in found if event == "last_in")
            assert (first_out, last_in) == (row["first_output_cycle"], row["last_input_cycle"])


@pytest.mark.parametrize(
    ("trace", "settings", "shape"),
    [
        ("trace_4x4_16x16x16.csv", {"rows": 4, "cols": 4}, (16, 16, 16)),
        ("trace_8x8_16x16x32_in2_out1.csv", {"rows": 8, "cols": 8, "in_period": 2}, (16, 16, 32)),
    ],
)
def test_every_event_of_the_traces_is_exact(
    trace: str, settings: dict[str, int], shape: tuple[int, int, int]
) -> None:
    arch = platforms.load("axis_sa", **settings)
    m, n, k = shape
    layer = mappings.Layer(name="g", op="gemm", gemm_M=m, gemm_N=n, gemm_K=k)
    run = acadl.simulate(arch, mappings.map_layer(layer, arch), trace=True)
    with (DATA / trace).open() as file:
        measured = sorted(
            (int(row["cycle"]), row["event"], int(row["instruction_id"])) for row in csv.DictReader(file)
        )
    assert events(run) == measured


SIZES = st.integers(1, 5)


@given(SIZES, SIZES, SIZES, SIZES, SIZES, st.integers(0, 5), st.integers(1, 6))
def test_tiles_come_out_in_order_and_never_share_a_register(
    rows: int, cols: int, k: int, in_period: int, out_period: int, gap: int, tiles: int
) -> None:
    """What the design says about tiles that are shorter than their drain, also where no data are."""
    settings = {"rows": rows, "cols": cols, "in_period": in_period, "out_period": out_period, "tile_gap": gap}
    arch = platforms.load("axis_sa", **settings)
    program = mappings.map_layer(
        mappings.Layer(name="g", op="gemm", gemm_M=tiles * rows, gemm_N=cols, gemm_K=k), arch
    )
    run = acadl.simulate(arch, program, trace=True)
    first = [cycle for cycle, event, _ in events(run) if event == "first_out"]
    starts = [cycle for cycle, event, _ in events(run) if event == "first_in"]
    last = [cycle for cycle, event, _ in events(run) if event == "last_in"]
    assert len(first) == tiles
    for number in range(1, tiles):
        # the next wave of copies follows the shifts of the last tile; see the description
        after_last_shift = first[number - 1] + (cols - 1) * out_period + 1 + rows
        assert first[number] >= max(after_last_shift, first[number - 1] + cols * out_period)
        assert starts[number] >= last[number - 1] + in_period + gap
    fast_enough = k * in_period + gap >= max(cols * out_period, (cols - 1) * out_period + rows + 1)
    if fast_enough:  # nobody waits
        assert first == [number * (k * in_period + gap) + first[0] for number in range(tiles)]
    assert run.cycles == aidg.estimate(arch, program).cycles


def test_convolutions_are_products_of_windows() -> None:
    arch = platforms.load("axis_sa", rows=4, cols=4)
    layer = mappings.Layer(name="c", op="conv", C=6, H=5, W=5, K=10, R=3, S=3, pad_h=1, pad_w=1, groups=2)
    program = mappings.map_layer(layer, arch)
    assert program.instruction_count == 2 * 7 * 2  # groups, ⌈25 / 4⌉, ⌈5 / 4⌉
    assert {instruction.immediates["k"] for instruction in program} == {27}


def test_other_operators_are_refused() -> None:
    arch = platforms.load("axis_sa")
    with pytest.raises(mappings.MappingError, match=r"cannot run operator 'softmax'"):
        mappings.map_layer(mappings.Layer(name="s", op="softmax", C=10), arch)


@pytest.mark.parametrize("wrong", [{"in_period": 0}, {"tile_gap": -1}, {"rows": 0}])
def test_impossible_parameters_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(acadl.AcadlError):
        platforms.load("axis_sa", **wrong)
