"""The evaluators agree on what the shipped mappings make, not only on generated programs."""

from __future__ import annotations

import pytest

import mappings
import platforms
from acadl.simulation import simulate
from aidg.estimation import estimate
from aidg.graph import build
from mappings.layers import Layer
from tests.shipped import ACCELERATORS, NARROW, mapped

# the explicit graph keeps full histories: quadratic in the instructions
GRAPH_LIMIT = 1000
SMALL = [
    Layer(name="conv", op="conv", C=3, H=5, W=6, K=4, R=3, S=3, pad_h=1, pad_w=1, bias=True),
    Layer(name="strided", op="conv", C=4, H=7, W=9, K=4, R=3, S=2, stride_h=2, stride_w=2, groups=2),
    Layer(name="dwconv", op="dwconv", C=4, H=6, W=6, K=4, R=3, S=3, pad_h=1, pad_w=1, groups=4),
    Layer(name="conv1d", op="conv1d", C=9, W=11, K=10, S=5, stride_w=2, pad_w=2, bias=True),
    Layer(name="fc", op="fc", gemm_M=3, gemm_N=17, gemm_K=18, bias=True),
    Layer(name="maxpool", op="maxpool", C=3, H=6, W=6, K=3, R=2, S=2, stride_h=2, stride_w=2),
    Layer(name="relu", op="relu", C=3, H=5, W=5, K=3),
    Layer(name="add", op="add", C=3, H=5, W=5, K=3, operands=2),
    Layer(name="softmax", op="softmax", C=10, K=10),
]
LARGE = [
    Layer(name="gemm", op="gemm", gemm_M=200, gemm_N=150, gemm_K=170),
    Layer(name="conv", op="conv", C=40, H=20, W=20, K=48, R=3, S=3, pad_h=1, pad_w=1),
    Layer(name="first", op="conv", C=3, H=40, W=40, K=20, R=5, S=5, stride_h=2, stride_w=2, pad_h=2, pad_w=2),
    Layer(name="maxpool", op="maxpool", C=32, H=20, W=20, K=32, R=3, S=3, stride_h=2, stride_w=2),
]


@pytest.mark.parametrize("layer", SMALL, ids=lambda layer: layer.name)
@pytest.mark.parametrize("platform", ACCELERATORS)
def test_reference_equals_every_evaluator(platform: str, layer: Layer) -> None:
    arch = platforms.load(platform)
    program = mapped(layer, arch)
    if program is None:
        pytest.skip(f"runs {NARROW[platform]} only")
    full = estimate(arch, program, method="full")
    assert simulate(arch, program).cycles == full.cycles
    if program.instruction_count <= GRAPH_LIMIT:
        assert build(arch, program).graph["cycles"] == full.cycles
    exact = estimate(arch, program)
    assert (exact.cycles, exact.method) == (full.cycles, "exact")


@pytest.mark.parametrize("layer", LARGE, ids=lambda layer: layer.name)
@pytest.mark.parametrize("platform", ["systolic_array", "gemmini"])
def test_exact_equals_full_on_larger_layers(platform: str, layer: Layer) -> None:
    arch = platforms.load(platform)
    program = mappings.map_layer(layer, arch)
    full = estimate(arch, program, method="full")
    exact = estimate(arch, program)
    assert (exact.cycles, exact.method) == (full.cycles, "exact")
    assert exact.utilization == pytest.approx(full.utilization)
