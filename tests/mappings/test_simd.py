"""The vector unit: NumPy's numbers, registers that are there, cycles that follow from lanes and memory."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import acadl
import aidg
import platforms
from mappings.layers import KERNELS, Layer
from mappings.library import simd
from mappings.network import load_network
from mappings.registry import MappingError, map_layer
from tests.mappings.cases import SMALL, computed, equal, layers, with_names
from tests.mappings.oracle import random_operands, reference


@pytest.mark.parametrize("layer", with_names(SMALL))
def test_simulation_computes_what_numpy_computes(layer: Layer) -> None:
    """The simulation's data are exact, and its cycles are the kernel's."""
    arch = platforms.load("simd")
    program = map_layer(layer, arch)
    inputs, weights, bias = random_operands(layer)
    run = acadl.simulate(arch, program, data=simd.prepare(layer, arch, inputs, weights, bias))
    assert equal(simd.read_output(layer, arch, run.state), reference(layer, inputs, weights, bias))
    exact = aidg.estimate(arch, program)
    assert (run.cycles, exact.method) == (exact.cycles, "exact")


@st.composite
def machines(draw: st.DrawFn) -> dict[str, int]:
    """Sizes of small machines, down to one of everything."""
    most = {
        "lanes": 5, "accumulators": 4, "weight_registers": 3, "mac_stages": 4, "queue_depth": 3,
        "outstanding": 3, "bus_bytes": 4, "memory_latency": 6,
    }  # fmt: skip
    return {name: draw(st.integers(1, limit)) for name, limit in most.items()}


@settings(max_examples=50, deadline=None)
@given(layers(), machines())
def test_any_layer_on_any_machine(layer: Layer, sizes: dict[str, int]) -> None:
    """Data are right, and no vector is longer than a register."""
    arch = platforms.load("simd", **sizes)
    found, expected = computed(simd, layer, arch, seed=5)
    assert equal(found, expected)
    for instruction in map_layer(layer, arch):
        element = 4 if instruction.operation == "vload_sums" else 1
        for piece in (*instruction.read_addresses, *instruction.write_addresses):
            assert piece.total_bytes <= element * sizes["lanes"]


@pytest.mark.parametrize("network", ["alexnet", "mobilenetv1", "resnet18", "tcresnet8"])
def test_networks_are_exact_and_beat_no_roof(network: str) -> None:
    arch = platforms.load("simd")
    found = platforms.estimate(arch, network)
    assert not found.unmapped
    for layer, estimate in zip(load_network(network).layers, found.layers, strict=True):
        assert estimate.method == "exact"
        assert estimate.cycles * 16 >= layer.macs
        weights = layer.weight_elements if layer.op in KERNELS or layer.op == "fc" else 0
        assert estimate.cycles * 16 >= weights + layer.output_elements


def test_a_load_of_weights_serves_a_block_of_pixels() -> None:
    """8 pixels × 16 channels: for 16 lanes of inputs 8 loads of inputs, 16 of weights, 128 products."""
    arch = platforms.load("simd")
    layer = Layer(name="l", op="conv", C=16, H=1, W=8, K=16)
    counts = Counter(i.operation for i in map_layer(layer, arch))
    assert counts == {"vset": 8, "vload": 8 + 16, "vmac_lane": 128, "vstore": 8}


def test_narrow_outputs_take_several_vectors_of_channels() -> None:
    """A fully connected layer has one pixel: 8 vectors of outputs share each load of inputs."""
    arch = platforms.load("simd")
    layer = Layer(name="l", op="fc", gemm_M=1, gemm_N=128, gemm_K=16)
    counts = Counter(i.operation for i in map_layer(layer, arch))
    assert counts == {"vset": 8, "vload": 1 + 128, "vmac_lane": 128, "vstore": 8}


def test_products_keep_the_multiplier_busy_and_vectors_the_memory() -> None:
    arch = platforms.load("simd")
    conv = Layer(name="l", op="conv", C=64, H=16, W=16, K=64, R=3, S=3, pad_h=1, pad_w=1)
    assert aidg.estimate(arch, map_layer(conv, arch)).cycles < 1.02 * conv.macs / 16
    fc = Layer(name="l", op="fc", gemm_M=1, gemm_N=512, gemm_K=512)
    assert aidg.estimate(arch, map_layer(fc, arch)).cycles < 1.05 * fc.macs / 16
    wide = platforms.load("simd", lanes=32, bus_bytes=32)
    ratio = (
        aidg.estimate(arch, map_layer(conv, arch)).cycles / aidg.estimate(wide, map_layer(conv, wide)).cycles
    )
    assert 1.9 < ratio < 2.1


def test_chains_on_one_accumulator_wait_for_its_sums() -> None:
    """One accumulator: a product every `mac_stages` cycles."""
    layer = Layer(name="l", op="fc", gemm_M=1, gemm_N=16, gemm_K=512)
    cycles = {}
    for stages in (3, 5):
        arch = platforms.load("simd", accumulators=1, mac_stages=stages)
        cycles[stages] = aidg.estimate(arch, map_layer(layer, arch)).cycles
    assert 2 * 512 <= cycles[5] - cycles[3] <= 2 * 512 + 10


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([2, 4]),
    st.integers(1, 7),
    st.integers(1, 20),
    st.integers(1, 40),
    st.booleans(),
    machines(),
)
def test_packed_weights_make_the_same_products(
    bits: int, rows: int, columns: int, depth: int, bias: bool, sizes: dict[str, int]
) -> None:
    """NumPy's numbers with weights of few bits, and the simulation's cycles by the kernel, too."""
    sizes = {**sizes, "lanes": sizes["lanes"] + 3, "weight_registers": sizes["weight_registers"] + 1}
    arch = platforms.load("simd", **sizes)
    layer = Layer(name="l", op="fc", gemm_M=rows, gemm_N=columns, gemm_K=depth, bias=bias)
    inputs, weights, added = random_operands(layer)
    weights = weights % (1 << bits) - (1 << (bits - 1))
    program = simd.map_packed(layer, arch, bits)
    data = simd.prepare_packed(layer, arch, bits, inputs, weights, added)
    run = acadl.simulate(arch, program, data=data)
    assert equal(simd.read_output(layer, arch, run.state), reference(layer, inputs, weights, added))
    assert run.cycles == aidg.estimate(arch, program).cycles


def test_packed_weights_take_a_part_of_the_loads() -> None:
    """One load for 8 / bits vectors of weights, each of which is unpacked."""
    arch = platforms.load("simd")
    layer = Layer(name="l", op="fc", gemm_M=1, gemm_N=128, gemm_K=16)
    for bits, loads in ((4, 64), (2, 32)):
        counts = Counter(i.operation for i in simd.map_packed(layer, arch, bits))
        assert counts == {"vset": 8, "vload": 1 + loads, "vunpack": 128, "vmac_lane": 128, "vstore": 8}


def test_a_narrow_memory_gains_from_packing_and_a_wide_one_loses() -> None:
    layer = Layer(name="l", op="fc", gemm_M=1, gemm_N=512, gemm_K=512)

    def cycles(bus_bytes: int) -> tuple[int, int]:
        arch = platforms.load("simd", bus_bytes=bus_bytes)
        whole = aidg.estimate(arch, map_layer(layer, arch)).cycles
        return whole, aidg.estimate(arch, simd.map_packed(layer, arch, 4)).cycles

    whole, packed = cycles(2)
    assert 0.5 < packed / whole < 0.52
    whole, packed = cycles(16)
    assert 1.9 < packed / whole < 2.1  # two cycles to unpack, beside products that take one


@pytest.mark.parametrize(
    ("layer", "bits", "message"),
    [
        (
            Layer(name="l", op="fc", gemm_M=1, gemm_N=4, gemm_K=4),
            3,
            r"weights of 3 bits; 'simd' unpacks \(2, 4\)",
        ),
        (Layer(name="l", op="conv", C=4, K=4), 4, "matrix products"),
    ],
)
def test_what_is_not_packed(layer: Layer, bits: int, message: str) -> None:
    with pytest.raises(MappingError, match=message):
        simd.map_packed(layer, platforms.load("simd"), bits)
