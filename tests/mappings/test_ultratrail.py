"""UltraTrail: NumPy's numbers, the published limits, and cycles that follow from the array alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import acadl
import aidg
import mappings
import platforms
from acadl.model import Architecture
from mappings.layers import Layer, layer_problems
from mappings.library import ultratrail
from mappings.registry import MappingError, map_layer
from tests.mappings.cases import computed, equal, with_names
from tests.mappings.oracle import random_operands, reference

IDEAL = {"memory_latency": 0, "array_latency": 0, "output_latency": 0}

SMALL = {
    "kernel_3": Layer(name="l", op="conv1d", C=5, W=13, K=6, S=3, pad_w=1, bias=True),
    "stride": Layer(name="l", op="conv1d", C=9, W=17, K=10, S=5, stride_w=3, pad_w=2),
    "ends": Layer(name="l", op="conv1d", C=17, W=7, K=3, S=4, pad_w=1, pad_w_end=3, bias=True),
    "no_padding": Layer(name="l", op="conv1d", C=3, W=16, K=8, S=16),
    "padding_only": Layer(
        name="l", op="conv1d", C=2, W=3, K=2, S=2, stride_w=2, pad_w=5, pad_w_end=4, bias=True
    ),
    "batch": Layer(name="l", op="conv1d", N=3, C=8, W=5, K=9, S=2, bias=True),
    "height_one": Layer(name="l", op="conv", C=4, H=1, W=9, K=4, R=1, S=3),
    "fc": Layer(name="l", op="fc", gemm_M=1, gemm_N=12, gemm_K=48, bias=True),
    "gemm": Layer(name="l", op="gemm", gemm_M=11, gemm_N=10, gemm_K=13),
    "relu": Layer(name="l", op="relu", C=9, W=5),
    "add": Layer(name="l", op="add", N=2, C=5, W=7, operands=2),
    "avgpool": Layer(name="l", op="avgpool", C=5, W=11, K=5, S=3, stride_w=2, pad_w=1),
    "globalavgpool": Layer(name="l", op="globalavgpool", N=2, C=11, W=50),
}


def simulated(layer: Layer, arch: Architecture) -> tuple[Any, Any]:
    """The run, and whether its output is NumPy's."""
    inputs, weights, bias = random_operands(layer)
    data = ultratrail.prepare(layer, arch, inputs, weights, bias)
    run = acadl.simulate(arch, map_layer(layer, arch), data=data)
    return run, equal(ultratrail.read_output(layer, arch, run.state), reference(layer, inputs, weights, bias))


@pytest.mark.parametrize("parameters", [{}, {"skip_padding": True, "fused": False}, {"array": 3}], ids=str)
@pytest.mark.parametrize("layer", with_names(SMALL))
def test_simulation_computes_what_numpy_computes(layer: Layer, parameters: dict[str, Any]) -> None:
    """Data and cycles, padding skipped or not, with full and with ragged blocks."""
    arch = platforms.load("ultratrail", **parameters)
    run, right = simulated(layer, arch)
    assert right
    exact = aidg.estimate(arch, map_layer(layer, arch))
    assert (run.cycles, exact.method) == (exact.cycles, "exact")


@st.composite
def convolutions(draw: st.DrawFn) -> Layer:
    """Layers within the limits of a small array."""
    most = {"C": 7, "W": 12, "K": 7, "S": 5, "N": 2}
    size = {name: draw(st.integers(1, limit)) for name, limit in most.items()}
    pads = {name: draw(st.integers(0, 4)) for name in ("pad_w", "pad_w_end")}
    layer = Layer(
        name="l", op="conv1d", stride_w=draw(st.integers(1, 4)), bias=draw(st.booleans()), **size, **pads
    )
    return layer if not layer_problems(layer) else Layer(name="l", op="conv1d", C=size["C"], W=5, K=size["K"])


@settings(max_examples=60, deadline=None)
@given(convolutions(), st.booleans())
def test_any_convolution(layer: Layer, skip: bool) -> None:
    """NumPy's numbers; and without latencies a cycle for each tap of each position and pair of blocks."""
    arch = platforms.load("ultratrail", array=2, skip_padding=skip, **IDEAL)
    found, expected = computed(ultratrail, layer, arch)
    assert equal(found, expected)
    program = map_layer(layer, arch)
    blocks = layer.N * -(-layer.C // 2) * -(-layer.K // 2)
    columns = [[x * layer.stride_w + t - layer.pad_w for t in range(layer.S)] for x in range(layer.OW)]
    inside = sum(0 <= column < layer.W for taps in columns for column in taps)
    multiplied = [one for one in program if one.operation == "mac"]
    assert sum(one.immediates["taps"] for one in multiplied) == blocks * inside
    busy = blocks * (inside if skip else layer.OW * layer.S)
    cycles = aidg.estimate(arch, program).cycles
    # a position on padding only takes no time of the array, but the counters step over it
    steps_over = blocks * layer.OW if busy < blocks * layer.OW * layer.S else 0
    assert busy <= cycles <= busy + steps_over


def test_tcresnet8_takes_what_the_array_takes() -> None:
    """24,429 cycles with padded taps, 22,733 without them: ⌈C/8⌉ · ⌈K/8⌉ · taps of each layer."""
    network = mappings.load_network("tcresnet8")
    for skip, total in ((False, 24_429), (True, 22_733)):
        arch = platforms.load("ultratrail", skip_padding=skip, **IDEAL)
        found = platforms.estimate(arch, network)
        assert (found.total_cycles, found.unmapped) == (total, ())
        for layer, estimate in zip(network.layers, found.layers, strict=True):
            c, k, positions, taps = layer.C, layer.K, layer.OW, layer.S
            if layer.op == "fc":
                c, k, positions, taps = layer.gemm_K, layer.gemm_N, 1, 1
            padded = 0 if layer.op in ("conv1d", "fc") else positions * taps
            if skip and layer.op == "conv1d":
                starts = [x * layer.stride_w - layer.pad_w for x in range(positions)]
                columns = (start + tap for start in starts for tap in range(taps))
                padded = sum(not 0 <= column < layer.W for column in columns)
            assert estimate.cycles == -(-c // 8) * -(-k // 8) * (positions * taps - padded), layer.name


def test_latencies_are_paid_once_for_a_layer() -> None:
    """The way through array, output unit and memories; per block of channels where rows are short."""
    machines = (platforms.load("ultratrail", **settings) for settings in (IDEAL, {}))
    ideal, real = (platforms.estimate(machine, "tcresnet8") for machine in machines)
    more = [a.cycles - b.cycles for a, b in zip(real.layers, ideal.layers, strict=True) if b.cycles]
    assert set(more[:-1]) == {4}
    setup = platforms.estimate(platforms.load("ultratrail", setup=100), "tcresnet8").total_cycles
    assert setup == real.total_cycles + 100 * len(more)


def test_passes_of_their_own_take_a_cycle_for_each_row() -> None:
    apart = platforms.load("ultratrail", fused=False, **IDEAL)
    layer = Layer(name="l", op="relu", C=17, W=10)
    assert aidg.estimate(apart, map_layer(layer, apart)).cycles == 3 * 10


REFUSED = {
    "two_dimensional": (Layer(name="l", op="conv", C=3, H=5, W=5, R=3, S=3), "one-dimensional networks only"),
    "depthwise": (Layer(name="l", op="dwconv", C=3, W=5, K=3, S=3, groups=3), "cannot run operator 'dwconv'"),
    "groups": (Layer(name="l", op="conv1d", C=4, W=5, K=4, S=3, groups=2), "no groups; groups is 2"),
    "dilation": (Layer(name="l", op="conv1d", C=4, W=9, K=4, S=3, dilation_w=2), "dilation_w is 2"),
    "maxpool": (Layer(name="l", op="maxpool", C=3, W=6, S=2), "cannot run operator 'maxpool'"),
    "three": (Layer(name="l", op="add", C=3, W=6, operands=3), "has two operands; operands is 3"),
    "constant": (Layer(name="l", op="add", C=3, W=6, operands=2, param_elements=3), "constant operands"),
}  # fmt: skip


@pytest.mark.parametrize(("layer", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_what_it_cannot_run_is_said(layer: Layer, text: str) -> None:
    with pytest.raises(MappingError, match=text):
        map_layer(layer, platforms.load("ultratrail"))


@pytest.mark.parametrize(
    ("name", "most"), [("S", 16), ("stride_w", 8), ("W", 128), ("C", 128), ("K", 128)], ids=lambda x: str(x)
)
def test_the_limits_of_a_layer_are_held(name: str, most: int) -> None:
    """Both sides of every limit: taps, stride, length, blocks of channels."""
    arch = platforms.load("ultratrail")
    shape = {"C": 8, "W": 100, "K": 8, "S": 2, "stride_w": 1}
    map_layer(Layer(name="l", op="conv1d", **{**shape, name: most}), arch)
    with pytest.raises(MappingError, match=f", more than {16 if name in 'CK' else most} "):
        map_layer(Layer(name="l", op="conv1d", **{**shape, name: most + 1}), arch)


def test_the_largest_layer_fits_into_the_memories() -> None:
    arch = platforms.load("ultratrail")
    layer = Layer(name="l", op="conv1d", C=128, W=128, K=128, S=15, pad_w=7, bias=True)
    assert aidg.estimate(arch, map_layer(layer, arch)).cycles >= layer.macs // 64
