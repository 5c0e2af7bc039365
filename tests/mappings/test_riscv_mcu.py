"""The scalar core: NumPy's numbers, the code that a compiler lays out, cycles that are counted by hand."""

from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import acadl
import aidg
import platforms
from mappings.layers import Layer
from mappings.library import riscv_mcu
from mappings.network import load_network
from mappings.registry import map_layer
from tests.mappings.cases import SMALL, computed, equal, layers, with_names
from tests.mappings.oracle import random_operands, reference

# One of each kind; others take too long for a simulation of every event.
FEW = (
    "conv_1x1_stride_2", "conv_one_channel", "dwconv_multiplier", "convtranspose_cut", "gemm_bias",
    "maxpool_ceil", "avgpool", "globalavgpool", "relu", "add_three",
)  # fmt: skip


@pytest.mark.parametrize("layer", with_names({name: SMALL[name] for name in FEW}))
def test_simulation_computes_what_numpy_computes(layer: Layer) -> None:
    """The simulation's data are exact, and its cycles are the kernel's."""
    arch = platforms.load("riscv_mcu")
    program = map_layer(layer, arch)
    inputs, weights, bias = random_operands(layer)
    run = acadl.simulate(arch, program, data=riscv_mcu.prepare(layer, arch, inputs, weights, bias))
    assert equal(riscv_mcu.read_output(layer, arch, run.state), reference(layer, inputs, weights, bias))
    exact = aidg.estimate(arch, program)
    assert (run.cycles, exact.method) == (exact.cycles, "exact")


@settings(max_examples=20, deadline=None)
@given(layers(), st.integers(1, 6))
def test_any_layer_with_any_unrolling(layer: Layer, unroll: int) -> None:
    """Data are right, whatever is left over behind an unrolled loop."""
    found, expected = computed(riscv_mcu, layer, platforms.load("riscv_mcu", unroll=unroll), seed=6)
    assert equal(found, expected)


@settings(max_examples=30, deadline=None)
@given(layers(), st.integers(1, 6))
def test_branches_are_those_of_loops(layer: Layer, unroll: int) -> None:
    """Every loop is entered by a jump, and its branch falls through once for each entry."""
    program = list(map_layer(layer, platforms.load("riscv_mcu", unroll=unroll)))
    entries = sum(i.operation == "j" for i in program)
    assert sum(i.operation == "bne" and not i.immediates["taken"] for i in program) == entries
    for before, after in pairwise(program):
        if before.operation == "j":
            assert (after.operation, after.immediates["taken"]) == ("bne", 1)


def instruction_cycles(arch: acadl.Architecture, layer: Layer) -> int:
    """Cycles by hand: one instruction after the other, each with its time."""
    p = arch.parameters
    times = {"mul": p["mul_cycles"], "divu": p["div_cycles"]}
    times |= dict.fromkeys(("lb", "lw", "sb"), 1 + int(p["dmem_latency"]))
    total = 0
    for i in map_layer(layer, arch):
        penalty = int(p["branch_penalty"]) * i.immediates.get("taken", 0)
        total += int(times.get(i.operation, 1)) + penalty
    return total


@pytest.mark.parametrize(
    "parameters", [{}, {"mul_cycles": 1, "dmem_latency": 3, "branch_penalty": 0}, {"unroll": 1}], ids=str
)
def test_cycles_are_those_of_the_instructions(parameters: dict[str, int]) -> None:
    """The core executes without a gap, once the first instruction has been fetched and decoded."""
    arch = platforms.load("riscv_mcu", **parameters)
    for name in ("conv_1x1", "fc", "maxpool_ceil", "avgpool", "add_three"):
        cycles = aidg.estimate(arch, map_layer(SMALL[name], arch)).cycles
        assert cycles == instruction_cycles(arch, SMALL[name]) + 2


def test_a_dot_product_of_four_terms() -> None:
    """An innermost loop: four times load, load, multiply, add, then two pointers and the branch."""
    layer = Layer(name="l", op="fc", gemm_M=1, gemm_N=1, gemm_K=9)
    operations = [i.operation for i in map_layer(layer, platforms.load("riscv_mcu"))]
    term = ["lb", "lb", "mul", "add"]
    body = ["bne", *term * 4, "addi", "addi"]
    start, end = ["li", "addi", "j"], ["bne", *term, "addi", "addi", "min", "max", "sb"]
    assert operations[operations.index("addi") - 1 :] == [*start, *body * 2, *end]


def test_unrolling_saves_increments_and_branches() -> None:
    layer = Layer(name="l", op="fc", gemm_M=1, gemm_N=8, gemm_K=64)
    cycles = [
        aidg.estimate(arch, map_layer(layer, arch)).cycles
        for arch in (platforms.load("riscv_mcu", unroll=unroll) for unroll in (1, 2, 4, 8))
    ]
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[0] - cycles[1] == 8 * 32 * (2 + 3)


def test_a_loop_of_one_iteration_is_no_loop() -> None:
    layer = Layer(name="l", op="relu", C=1)
    counts = Counter(i.operation for i in map_layer(layer, platforms.load("riscv_mcu")))
    assert not counts["j"] and not counts["bne"] and counts["lb"] == counts["sb"] == 1


@pytest.mark.parametrize("network", ["tcresnet8", "ds_cnn", "mobilenetv1"])
def test_networks_are_exact_and_beat_no_roof(network: str) -> None:
    arch = platforms.load("riscv_mcu")
    found = platforms.estimate(arch, network)
    assert not found.unmapped
    for layer, estimate in zip(load_network(network).layers, found.layers, strict=True):
        assert estimate.method == "exact"
        assert estimate.cycles >= 8 * layer.macs  # two loads, a product, a sum


def test_pointers_of_many_operands_are_registers_that_exist() -> None:
    layer = Layer(name="l", op="add", C=3, operands=9)
    found, expected = computed(riscv_mcu, layer, platforms.load("riscv_mcu"))
    assert equal(found, expected)
    bases = [
        i.read_registers[0] for i in map_layer(layer, platforms.load("riscv_mcu")) if i.operation == "lb"
    ]
    assert [name for name, _ in groupby(bases[:9])] == ["a0", "a4", "a5", "a6", "a7"]
