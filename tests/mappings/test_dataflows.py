"""Dataflows of the systolic array: right numbers, and the cycles of the closed form."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import acadl
import aidg
import platforms
from benchmarks.dataflows import COMMAND, DATAFLOWS, PAGE, SHAPES, array, closed_form, estimated, folds, text
from mappings.layers import Layer
from mappings.registry import library_module, map_layer
from tests.mappings.cases import SMALL, computed, equal, layers
from tests.mappings.oracle import random_operands, reference

SIZES = st.integers(1, 24) | st.integers(1, 300)


def test_the_page_is_up_to_date_and_every_row_agrees() -> None:
    page = PAGE.read_text(encoding="utf-8")
    found = page.split(f"<!-- begin: {COMMAND} -->")[1].split("<!-- end:")[0].strip()
    assert found == text()
    assert found.startswith("150 of 150 estimates")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(DATAFLOWS), st.tuples(SIZES, SIZES, SIZES), st.integers(1, 32), st.integers(1, 32))
def test_any_product_takes_the_cycles_of_the_closed_form(
    dataflow: str, shape: tuple[int, int, int], rows: int, cols: int
) -> None:
    arch, machine = array(dataflow, rows, cols)
    assert estimated(shape, arch) == closed_form(dataflow, shape, machine)


@pytest.mark.parametrize("shape", SHAPES[:6])
def test_one_fold_is_the_published_expression(shape: tuple[int, int, int]) -> None:
    """SCALE-Sim (ISPASS 2020): 2R + C + T − 2 for each of ⌈S_R/R⌉ · ⌈S_C/C⌉ folds."""
    m, n, k = shape
    _, machine = array("weight_stationary", 16, 16)
    mapped = {
        "output_stationary": (m, n, k),
        "weight_stationary": (k, n, m),
        "input_stationary": (k, m, n),
    }
    for dataflow, (high, wide, long) in mapped.items():
        if long <= machine.stream or dataflow == "output_stationary":
            published = (2 * 16 + 16 + long - 2) * -(-high // 16) * -(-wide // 16)
            assert folds(dataflow, shape, machine) == published


@settings(max_examples=60, deadline=None)
@given(layers(), st.sampled_from(DATAFLOWS), st.booleans())
def test_every_dataflow_computes_what_numpy_computes(layer: Layer, dataflow: str, overlap: bool) -> None:
    """On a small array, whose tiles are ragged; and no tile is larger than its place."""
    sizes = {"rows": 4, "cols": 3, "stream": 9, "sections": 3, "a_tiles": 3, "b_tiles": 2}
    arch = platforms.load("systolic_array", dataflow=dataflow, overlap=overlap, **sizes)
    found, expected = computed(library_module("systolic_array"), layer, arch, seed=7)
    assert equal(found, expected)
    most = {
        "weight_stationary": (9, 3, 4),
        "output_stationary": (4, 3, 9),
        "input_stationary": (3, 9, 4),
    }[dataflow]
    for instruction in map_layer(layer, arch):
        if instruction.operation == "gemm":
            tile = [instruction.immediates[name] for name in "mnk"]
            assert all(size <= limit for size, limit in zip(tile, most, strict=True))
            left, right = (piece for piece in instruction.read_registers[1:])
            assert tile[0] * tile[2] <= arch.register_file_of[left].lanes
            assert tile[1] * tile[2] <= arch.register_file_of[right].lanes


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_simulation_and_estimate_agree(dataflow: str, overlap: bool) -> None:
    """Out of order, data are right and cycles are those of the estimate, by both methods."""
    arch = platforms.load("systolic_array", dataflow=dataflow, overlap=overlap, rows=4, cols=3, stream=9)
    module = library_module("systolic_array")
    for case in ("conv_3x3", "conv_groups", "gemm_bias", "convtranspose"):
        layer = SMALL[case]
        inputs, weights, bias = random_operands(layer)
        program = map_layer(layer, arch)
        run = acadl.simulate(arch, program, data=module.prepare(layer, arch, inputs, weights, bias))
        assert equal(module.read_output(layer, arch, run.state), reference(layer, inputs, weights, bias))
        assert run.cycles == aidg.estimate(arch, program).cycles
        assert run.cycles == aidg.estimate(arch, program, method="full").cycles


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_overlap_is_never_slower_where_the_memory_keeps_up(dataflow: str) -> None:
    fast = {"memory_ports": 4, "bus_bytes": 4096, "memory_latency": 1, "dataflow": dataflow}
    both = [platforms.load("systolic_array", overlap=overlap, **fast) for overlap in (True, False)]
    for shape in SHAPES:
        if shape[2] >= 16:
            quick, slow = (estimated(shape, arch) for arch in both)
            assert quick <= slow, shape


def test_an_unknown_dataflow_is_refused() -> None:
    with pytest.raises(acadl.AcadlError, match="weight_stationary, output_stationary or input_stationary"):
        platforms.load("systolic_array", dataflow="row_stationary")
