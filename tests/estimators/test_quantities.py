"""Operations and elements of layers, against NumPy convolutions that count what they multiply."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.layers import Layer
from platforms.estimators.layer_table import from_layers


def counted_macs(layer: Layer) -> int:
    """Multiplications of a convolution, by walking over every output and tap."""
    outputs = layer.N * layer.K * layer.OH * layer.OW
    per_output = sum(
        1 for _ in range(layer.C // layer.groups) for _ in range(layer.R) for _ in range(layer.S)
    )
    return outputs * per_output


@st.composite
def convolutions(draw: st.DrawFn) -> Layer:
    groups = draw(st.integers(1, 3))
    r, s = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    dilation = draw(st.integers(1, 2))
    return Layer(
        name="c",
        op=draw(st.sampled_from(["conv", "conv1d", "dwconv"])),
        N=draw(st.integers(1, 2)),
        C=groups * draw(st.integers(1, 4)),
        K=groups * draw(st.integers(1, 4)),
        H=dilation * r + draw(st.integers(0, 5)),
        W=dilation * s + draw(st.integers(0, 5)),
        R=r,
        S=s,
        stride_h=draw(st.integers(1, 2)),
        dilation_h=dilation,
        dilation_w=dilation,
        pad_h=draw(st.integers(0, 1)),
        groups=groups,
    )


@given(convolutions())
def test_convolutions_count_what_they_multiply(layer: Layer) -> None:
    table = from_layers([layer])
    assert table.macs[0] == counted_macs(layer) == layer.macs
    assert table.operations[0] == 2 * layer.macs
    assert table.inputs[0] == layer.input_elements
    assert table.outputs[0] == layer.output_elements
    assert table.weights[0] == layer.weight_elements


@pytest.mark.parametrize(
    "layer",
    [
        Layer(name="t", op="convtranspose", C=6, K=4, H=5, W=7, R=3, S=2, stride_h=2, groups=2),
        Layer(name="g", op="gemm", gemm_M=5, gemm_N=7, gemm_K=3),
        Layer(name="f", op="fc", gemm_M=1, gemm_N=10, gemm_K=33),
        Layer(name="p", op="maxpool", C=3, H=9, W=8, R=3, S=2, stride_h=2),
        Layer(name="m", op="globalavgpool", C=3, H=9, W=8),
        Layer(name="a", op="add", C=3, H=9, W=8, operands=2),
        Layer(name="r", op="relu", C=3, H=9, W=8),
    ],
    ids=lambda layer: layer.op,
)
def test_other_operators_agree_with_the_layer(layer: Layer) -> None:
    table = from_layers([layer])
    assert table.macs[0] == layer.macs
    assert table.inputs[0] == layer.input_elements
    assert table.outputs[0] == layer.output_elements
    assert table.weights[0] == layer.weight_elements


def test_pooling_reads_every_tap() -> None:
    pool = Layer(name="p", op="avgpool", C=3, H=8, W=8, R=2, S=4, stride_h=2, stride_w=4)
    whole = Layer(name="g", op="globalavgpool", C=3, H=8, W=8)
    assert np.array_equal(from_layers([pool, whole]).operations, [3 * 4 * 2 * 8, 3 * 64])
