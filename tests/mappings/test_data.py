"""Mapped layers compute what NumPy computes, exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import acadl
import aidg
from acadl.simulate_functions import execute
from acadl.state import ArchitecturalState
from mappings.layers import Layer
from mappings.registry import MappingError, library_module, map_layer
from tests.mappings.cases import (
    COPIES,
    GENERAL,
    LIBRARY,
    SMALL,
    SMALL_MACHINES,
    TIMED_ONLY,
    computed,
    equal,
    layers,
    machine,
    with_names,
)
from tests.mappings.oracle import random_operands, reference

MACHINES = sorted(SMALL_MACHINES)
# One of each kind; on the one-MAC machine others take too long for a simulation of every event.
SIMULATED_ON_OMA = (
    "conv_1x1_stride_2", "conv_one_channel", "dwconv_multiplier", "convtranspose_cut", "gemm_bias",
    "gemm_tall", "fc_one", "maxpool_ceil", "avgpool", "globalavgpool", "relu", "add", "add_three",
)  # fmt: skip


SIMULATED = [
    pytest.param(name, layer, id=f"{name}-{case}")
    for name in MACHINES
    for case, layer in SMALL.items()
    if name != "oma" or case in SIMULATED_ON_OMA
]


@pytest.mark.parametrize(("name", "layer"), SIMULATED)
def test_simulation_computes_what_numpy_computes(name: str, layer: Layer) -> None:
    """The simulation's data are exact, and its cycles are the kernel's."""
    arch = machine(name)
    program = map_layer(layer, arch)
    module = library_module(arch.name)
    inputs, weights, bias = random_operands(layer)
    run = acadl.simulate(arch, program, data=module.prepare(layer, arch, inputs, weights, bias))
    assert equal(module.read_output(layer, arch, run.state), reference(layer, inputs, weights, bias))
    assert run.cycles == aidg.estimate(arch, program).cycles


@pytest.mark.parametrize("layer", with_names(SMALL))
def test_program_order_computes_what_numpy_computes(layer: Layer) -> None:
    """Every kind of layer on the one-MAC machine, instruction by instruction without times."""
    found, expected = computed(library_module("oma"), layer, machine("oma"))
    assert equal(found, expected)


@settings(max_examples=120, deadline=None)
@given(layers())
def test_any_layer_on_a_small_array(layer: Layer) -> None:
    """Random shapes: ragged in every dimension, rows shared by tiles of B, vector rows cut."""
    found, expected = computed(library_module("systolic_array"), layer, machine("array_4x3"), seed=1)
    assert equal(found, expected)


@settings(max_examples=40, deadline=None)
@given(layers())
def test_any_layer_on_the_default_array(layer: Layer) -> None:
    """The same at the default size, where most tiles are smaller than the array."""
    found, expected = computed(library_module("systolic_array"), layer, machine("array_16x16"), seed=2)
    assert equal(found, expected)


def test_results_are_cut_to_a_byte() -> None:
    """Sums beyond the range of int8 end at its limits on every machine."""
    layer = Layer(name="l", op="gemm", gemm_M=1, gemm_N=3, gemm_K=2)
    a = np.array([[100, 100]], np.int8)
    b = np.array([[1, -1, 0], [1, -1, 0]], np.int8)
    for name in MACHINES:
        arch = machine(name)
        module = library_module(arch.name)
        run = acadl.simulate(arch, map_layer(layer, arch), data=module.prepare(layer, arch, [a], b))
        assert module.read_output(layer, arch, run.state).tolist() == [[127, -128, 0]]


@pytest.mark.parametrize("name", MACHINES)
def test_mean_rounds_to_the_nearest_ties_up(name: str) -> None:
    """Means of 0.5, -0.5, 1.5 and -1.25 become 1, 0, 2 and -1."""
    layer = Layer(name="l", op="avgpool", C=4, K=4, H=2, W=2, R=2, S=2)
    sums = [2, -2, 6, -5]
    x = np.zeros((1, 4, 2, 2), np.int8)
    x[0, :, 0, 1] = sums
    arch = machine(name)
    module = library_module(arch.name)
    run = acadl.simulate(arch, map_layer(layer, arch), data=module.prepare(layer, arch, [x]))
    assert module.read_output(layer, arch, run.state).reshape(-1).tolist() == [1, 0, 2, -1]


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("layer", with_names(TIMED_ONLY | COPIES))
def test_operators_without_data_say_so(name: str, layer: Layer) -> None:
    """What runs on the general-purpose unit has no function on data."""
    arch = machine(name)
    with pytest.raises(MappingError, match=f"operator '{layer.op}' has no function on data"):
        library_module(arch.name).prepare(layer, arch, [np.zeros((1, 3, 4, 4), np.int8)])


@pytest.mark.parametrize("name", MACHINES)
def test_wrong_arrays_are_refused(name: str) -> None:
    """Shapes, numbers of inputs and values out of range are named."""
    arch, layer = machine(name), SMALL["gemm"]
    prepare = library_module(arch.name).prepare
    inputs, weights, _ = random_operands(layer)
    with pytest.raises(MappingError, match=r"input has shape \(10, 11\); expected \(11, 13\)"):
        prepare(layer, arch, [np.zeros((10, 11), np.int8)], weights)
    with pytest.raises(MappingError, match="takes 1 inputs, got 2"):
        prepare(layer, arch, inputs * 2, weights)
    with pytest.raises(MappingError, match="weights holds int64 values that are no int8"):
        prepare(layer, arch, inputs, np.full((13, 10), 128))


@st.composite
def array_parameters(draw: st.DrawFn) -> dict[str, int]:
    """Sizes of small arrays, down to one of everything."""
    sizes = {
        name: draw(st.integers(1, most))
        for name, most in {
            "rows": 5, "cols": 5, "stream": 9, "sections": 4, "a_tiles": 3, "b_tiles": 3, "lanes": 4,
            "vector_tiles": 3, "queue_depth": 3, "outstanding": 3, "bus_bytes": 8, "memory_latency": 9,
        }.items()
    }  # fmt: skip
    return {**sizes, "vector_bytes": draw(st.integers(sizes["lanes"], 30))}


@settings(max_examples=25, deadline=None)
@given(layers(), array_parameters())
def test_any_layer_on_any_array(layer: Layer, sizes: dict[str, int]) -> None:
    """Data are right and no instruction asks for more than a buffer holds."""
    arch = acadl.load(LIBRARY / "systolic_array.acadl", **sizes)
    found, expected = computed(library_module("systolic_array"), layer, arch, seed=3)
    assert equal(found, expected)
    for instruction in map_layer(layer, arch):
        i = instruction.immediates
        match instruction.operation:
            case "gemm":
                assert (i["m"] <= sizes["stream"], i["n"] <= sizes["cols"]) == (True, True)
                assert i["k"] <= sizes["rows"]
            case "load_v":
                assert instruction.read_addresses[0].total_bytes <= sizes["vector_bytes"]
            case "vmac" | "vadd" | "vmax":
                assert i["outputs"] * i["channels"] <= sizes["vector_bytes"]


def test_rows_that_share_weights_fit_one_accumulator_bank() -> None:
    """Sums between two loads of B, row by row, are at most `stream`, in at most `sections` parts."""
    arch = machine("array_4x3")
    layer = Layer(name="l", op="conv", C=4, H=8, W=4, K=3, R=2, S=2)
    rows: list[int] = []
    for instruction in map_layer(layer, arch):
        if instruction.operation == "gemm" and instruction.immediates["fresh"]:
            rows.append(0)
        if instruction.operation == "gemm":
            rows[-1] += instruction.immediates["m"]
    assert set(rows) == {9, 3}  # rows of 3 pixels: three at a time, and one left over


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("layer", with_names(GENERAL))
def test_general_operators_compute_what_numpy_computes(name: str, layer: Layer) -> None:
    """In the simulation, where functions run out of order; within one unit of the last place."""
    arch = machine(name)
    program, module = map_layer(layer, arch), library_module(arch.name)
    inputs, weights, bias = random_operands(layer)
    run = acadl.simulate(arch, program, data=module.prepare(layer, arch, inputs, weights, bias))
    found = module.read_output(layer, arch, run.state).astype(int)
    assert abs(found - reference(layer, inputs, weights, bias)).max() <= 1
    assert run.cycles == aidg.estimate(arch, program).cycles


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["softmax", "logsoftmax", "layernorm", "rmsnorm", "lrn"]),
    st.integers(1, 40),
    st.integers(1, 9),
    st.sampled_from([0, 1, 9, 127]),
    st.integers(0, 99),
)
def test_rows_of_any_kind_on_the_one_mac_machine(
    op: str, channels: int, window: int, reach: int, seed: int
) -> None:
    """Rows of one element, of equal ones, of the largest ones: 32 bits are enough, one unit is the error."""
    layer = Layer(name="l", op=op, N=2, C=channels, window=window)
    x = np.random.default_rng(seed).integers(-reach - (reach == 127), reach + 1, (2, channels, 1, 1))
    arch, oma = machine("oma"), library_module("oma")
    state = ArchitecturalState(arch)
    for address, array in oma.prepare(layer, arch, [x.astype(np.int8)]).items():
        state.write_array(address, array)
    program = map_layer(layer, arch)
    for instruction in program:
        execute(arch.operations[instruction.operation], instruction, state, program.functions)
    found = oma.read_output(layer, arch, state).astype(int)
    assert abs(found - reference(layer, [x.astype(np.int8)], None, None)).max() <= 1
