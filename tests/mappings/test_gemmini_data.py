"""Gemmini's programs executed on data give what NumPy gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings

import acadl
import aidg
from mappings.layers import Layer
from mappings.library import gemmini as mapping
from mappings.registry import MappingError, map_layer
from tests.mappings.cases import COPIES, GENERAL, SMALL, TIMED_ONLY, computed, equal, layers, with_names
from tests.mappings.gemmini_cases import MACHINES, MACHINES_BY_ROWS, gemmini
from tests.mappings.oracle import random_operands, reference

# The smallest machine's accumulator holds no pooling window: the host pools there, in time only.
ON_ARRAY = [
    pytest.param(machine, layer, id=f"{machine}-{name}")
    for machine in MACHINES | MACHINES_BY_ROWS
    for name, layer in SMALL.items()
    if machine != "4x4" or layer.op != "maxpool"
]

LARGER = {
    "tiles_in_every_dimension": Layer(
        name="l", op="conv", C=70, H=7, W=11, K=70, R=3, S=3, pad_h=1, pad_w=1, bias=True
    ),
    "deep_without_bias": Layer(name="l", op="gemm", gemm_M=33, gemm_N=70, gemm_K=700),
    "deep_with_bias": Layer(name="l", op="gemm", gemm_M=33, gemm_N=70, gemm_K=700, bias=True),
    "packs_and_a_rest": Layer(
        name="l", op="dwconv", C=37, H=6, W=7, K=37, R=3, S=3, groups=37, stride_h=2, pad_h=1, bias=True
    ),
    "grouped": Layer(name="l", op="conv", C=40, H=5, W=5, K=60, R=3, S=3, groups=5, pad_w=1, bias=True),
    "kernel_rows": Layer(
        name="l", op="conv", C=3, H=24, W=23, K=20, R=7, S=7, stride_h=2, stride_w=2, pad_h=3, pad_w=3,
        bias=True,
    ),
    "long_rows": Layer(name="l", op="conv", C=5, H=3, W=300, K=17, R=3, S=3, pad_h=1, pad_w=1),
    "channels_of_a_pool": Layer(
        name="l", op="maxpool", C=70, H=13, W=41, K=70, R=3, S=3, stride_h=2, stride_w=2, pad_h=1, pad_w=1
    ),
    "average_of_many": Layer(name="l", op="globalavgpool", N=2, C=150, H=7, W=7),
    "sum_of_many": Layer(name="l", op="add", N=1, C=65, H=7, W=9, operands=2),
}  # fmt: skip


@pytest.mark.parametrize(("name", "layer"), ON_ARRAY)
def test_small_layers(name: str, layer: Layer) -> None:
    """Odd sizes, strides, paddings, groups, dilations, batches, in program order."""
    found, expected = computed(mapping, layer, gemmini(name))
    assert equal(found, expected)


@pytest.mark.parametrize("layer", with_names(LARGER))
@pytest.mark.parametrize("name", ["16x16", "8x8"])
def test_layers_of_several_tiles(name: str, layer: Layer) -> None:
    """Full and ragged tiles of pixels, columns and the reduction."""
    found, expected = computed(mapping, layer, gemmini(name), seed=3)
    assert equal(found, expected)


@pytest.mark.parametrize("pixels", [15, 16, 17, 18, 31, 32, 33])
def test_global_average_around_full_blocks(pixels: int) -> None:
    """Both sides of one and two blocks of pixels; the second image lies right behind the first."""
    layer = Layer(name="l", op="globalavgpool", N=2, C=3, H=1, W=pixels)
    found, expected = computed(mapping, layer, gemmini("16x16"), seed=5)
    assert equal(found, expected)


@pytest.mark.parametrize("name", ["8x8", "8x8 by rows"])
@pytest.mark.parametrize("case", ["conv_3x3", "conv_groups", "dwconv", "gemm_bias", "maxpool", "add_three"])
def test_out_of_order_execution_keeps_the_order_of_data(case: str, name: str) -> None:
    """In the simulation functions run when units start: a missing dependency would show in the result."""
    layer, arch = SMALL[case], gemmini(name)
    inputs, weights, bias = random_operands(layer)
    program = map_layer(layer, arch)
    run = acadl.simulate(arch, program, data=mapping.prepare(layer, arch, inputs, weights, bias))
    assert equal(mapping.read_output(layer, arch, run.state), reference(layer, inputs, weights, bias))
    assert run.cycles == aidg.estimate(arch, program).cycles
    assert run.cycles == aidg.estimate(arch, program, method="full").cycles


@pytest.mark.parametrize("name", ["8x8", "8x8 by rows"])
@pytest.mark.parametrize("case", ["packs_and_a_rest", "average_of_many", "sum_of_many"])
def test_buffers_in_turn_keep_the_order_of_data(case: str, name: str) -> None:
    """The same for programs that fill every buffer several times."""
    layer, arch = LARGER[case], gemmini(name)
    inputs, weights, bias = random_operands(layer)
    program = map_layer(layer, arch)
    run = acadl.simulate(arch, program, data=mapping.prepare(layer, arch, inputs, weights, bias))
    assert equal(mapping.read_output(layer, arch, run.state), reference(layer, inputs, weights, bias))
    assert run.cycles == aidg.estimate(arch, program).cycles


@settings(max_examples=60, deadline=None)
@given(layers())
def test_any_layer(layer: Layer) -> None:
    """Random shapes on a machine that most of them fill."""
    found, expected = computed(mapping, layer, gemmini("8x8"), seed=4)
    assert equal(found, expected)


@settings(max_examples=60, deadline=None)
@given(layers())
def test_any_layer_on_the_smallest_machine(layer: Layer) -> None:
    """Random shapes where one block of A and one of B are all that fits."""
    assume(layer.op != "maxpool")  # runs on the host
    found, expected = computed(mapping, layer, gemmini("4x4"), seed=5)
    assert equal(found, expected)


def test_results_are_cut_to_a_byte() -> None:
    """Sums beyond the range of int8 end at its limits."""
    layer = Layer(name="l", op="gemm", gemm_M=1, gemm_N=3, gemm_K=2)
    a, b = np.array([[100, 100]], np.int8), np.array([[1, -1, 0], [1, -1, 0]], np.int8)
    arch = gemmini()
    run = acadl.simulate(arch, map_layer(layer, arch), data=mapping.prepare(layer, arch, [a], b))
    assert mapping.read_output(layer, arch, run.state).tolist() == [[127, -128, 0]]


def test_means_round_to_the_nearest_ties_up() -> None:
    """Means of 0.5, -0.5, 1.5 and -1.25 become 1, 0, 2 and -1."""
    layer = Layer(name="l", op="avgpool", C=4, K=4, H=2, W=2, R=2, S=2)
    x = np.zeros((1, 4, 2, 2), np.int8)
    x[0, :, 0, 1] = [2, -2, 6, -5]
    arch = gemmini()
    run = acadl.simulate(arch, map_layer(layer, arch), data=mapping.prepare(layer, arch, [x]))
    assert mapping.read_output(layer, arch, run.state).reshape(-1).tolist() == [1, 0, 2, -1]


@pytest.mark.parametrize("layer", with_names(TIMED_ONLY | COPIES))
def test_operators_without_data_say_so(layer: Layer) -> None:
    """What the host does has no function on data."""
    with pytest.raises(MappingError, match=f"operator '{layer.op}' has no function on data"):
        mapping.prepare(layer, gemmini(), [np.zeros((1, 3, 4, 4), np.int8)])


def test_the_host_has_no_function_on_data() -> None:
    """A program for the host cannot be executed on data, and says why."""
    arch = gemmini()
    program = map_layer(TIMED_ONLY["slice"], arch)
    with pytest.raises(acadl.SimulationError, match="modelled in time only"):
        acadl.simulate(arch, program, data={})


@pytest.mark.parametrize("layer", with_names(GENERAL))
def test_the_host_computes_what_numpy_computes(layer: Layer) -> None:
    """Operators of the host that have a function on data."""
    found, expected = computed(mapping, layer, gemmini(), seed=6)
    assert equal(found, expected)
