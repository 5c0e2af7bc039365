"""What a layer cannot do without: bytes that have to move, multiply-accumulates that have to be done.

Both are lower bounds for every mapping: pixels that no window touches need not be read, and products with
padding need not be computed. One element of an activation or weight is one byte, of a bias four, as
everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from mappings.layers import (
    KERNELS,
    MATRIX_PRODUCTS,
    POOLINGS,
    TRANSPOSED_CONVOLUTIONS,
    WINDOWED,
    Layer,
)

BIAS_BYTES = 4

# Operators that may leave out a part of their input, which the shape does not tell.
_PARTIAL = frozenset({"slice", "split", "resize", "gather"})


@dataclass(frozen=True, slots=True)
class Span:
    """One direction of a window operator.

    Attributes:
        products: Pairs of an output and a tap that lie in the input, not in its padding.
        positions: Different positions of the input among them.
        taps: Different taps among them.
    """

    products: int
    positions: int
    taps: int


def span(
    size: int, kernel: int, outputs: int, stride: int, dilation: int, pad: int, transposed: bool = False
) -> Span:
    """How a window of ``kernel`` taps meets ``size`` positions of the input.

    Args:
        outputs: Positions of the output.
        transposed: The window moves over the output, by ``stride`` for every position of the input.
    """
    products = 0
    positions: set[int] = set()
    taps: set[int] = set()
    steps, limit = (size, outputs) if transposed else (outputs, size)
    for step in range(steps):
        for tap in range(kernel):
            place = step * stride + tap * dilation - pad
            if 0 <= place < limit:
                products += 1
                positions.add(step if transposed else place)
                taps.add(tap)
    return Span(products, len(positions), len(taps))


def spans(layer: Layer) -> tuple[Span, Span]:
    """Both directions, height and width, of an operator with a window."""
    transposed = layer.op in TRANSPOSED_CONVOLUTIONS
    if layer.op == "globalavgpool":
        return span(layer.H, layer.H, 1, 1, 1, 0), span(layer.W, layer.W, 1, 1, 1, 0)
    return (
        span(layer.H, layer.R, layer.OH, layer.stride_h, layer.dilation_h, layer.pad_h, transposed),
        span(layer.W, layer.S, layer.OW, layer.stride_w, layer.dilation_w, layer.pad_w, transposed),
    )


def compulsory_macs(layer: Layer) -> int:
    """Multiply-accumulates of one occurrence, without those with padding; 0 for other operators."""
    if layer.op not in KERNELS:
        return layer.macs
    high, wide = spans(layer)
    channels = layer.K * (layer.C // layer.groups)
    return layer.N * channels * high.products * wide.products


def compulsory_bytes(layer: Layer) -> tuple[int, int]:
    """Bytes that one occurrence has to read, and to write: every element that is needed once."""
    written = layer.output_elements
    if layer.op in MATRIX_PRODUCTS:
        bias = BIAS_BYTES * layer.gemm_N if layer.bias else 0
        return layer.input_elements + layer.weight_elements + bias, written
    if layer.op in WINDOWED:
        high, wide = spans(layer)
        read = layer.N * layer.C * high.positions * wide.positions
        if layer.op not in POOLINGS:
            read += layer.K * (layer.C // layer.groups) * high.taps * wide.taps
            read += BIAS_BYTES * layer.K if layer.bias else 0
        return read, written
    if layer.op in _PARTIAL:
        return min(layer.input_elements, written), written
    return layer.input_elements + layer.weight_elements, written
