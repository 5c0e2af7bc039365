"""Which function turns which ONNX operator into a layer, and which operators only rename data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from mappings.onnx_import import matrices, shapes, windows
from mappings.onnx_import.graph import Node
from mappings.onnx_import.shapes import Fields

_TRANSLATED: dict[str, Callable[[Node], Fields]] = {
    "AveragePool": windows.pooling,
    "BatchNormalization": shapes.batch_normalization,
    "Clip": shapes.clip,
    "Concat": shapes.concatenation,
    "Conv": windows.convolution,
    "ConvInteger": windows.convolution,
    "ConvTranspose": windows.transposed_convolution,
    "Gather": shapes.gather,
    "Gemm": matrices.gemm,
    "GlobalAveragePool": windows.global_pooling,
    "GlobalMaxPool": windows.global_pooling,
    "LRN": shapes.local_response,
    "LayerNormalization": shapes.layer_normalization,
    "LogSoftmax": shapes.softmax,
    "MatMul": matrices.matmul,
    "MatMulInteger": matrices.matmul,
    "MaxPool": windows.pooling,
    "QLinearConv": windows.convolution,
    "QLinearMatMul": matrices.matmul,
    "ReduceMean": windows.mean,
    "Softmax": shapes.softmax,
    "Transpose": shapes.transpose,
}
_ELEMENTWISE = (
    "Add", "Div", "Equal", "Greater", "Less", "Max", "Mean", "Min", "Mod", "Mul", "Pow", "Sub", "Sum",
    "Where",
)  # fmt: skip

LAYERS: Mapping[str, Callable[[Node], Fields]] = dict.fromkeys(_ELEMENTWISE, shapes.elementwise) | _TRANSLATED
"""Operators of ONNX itself; every other one becomes a layer by the elements that it reads and writes."""

VIEWS = {
    "Cast": "number formats are not modelled",
    "CastLike": "number formats are not modelled",
    "DequantizeLinear": "an int8 machine computes on the quantised values",
    "Dropout": "no effect at inference",
    "Flatten": "the data stays as it lies",
    "Identity": "the data stays as it lies",
    "QuantizeLinear": "an int8 machine requantises as it writes results",
    "Reshape": "the data stays as it lies",
    "Squeeze": "the data stays as it lies",
    "Unsqueeze": "the data stays as it lies",
}
"""Operators that move no data, with the reason."""

MATRIX_WORK = frozenset(
    {"Attention", "Conv", "ConvInteger", "ConvTranspose", "Gemm", "MatMul", "MatMulInteger", "QLinearConv"}
)
"""Operators whose shapes must be known: a total without them would mislead."""

UNCOUNTED = frozenset({"DeformConv", "Einsum", "GRU", "If", "LSTM", "Loop", "RNN", "Scan"})
"""Operators with multiply-accumulates inside that a layer of their name does not show."""


def is_view(node: Node) -> str | None:
    """Why a node moves no data, or nothing if it does.

    Raises:
        AcadlError: It is a view by name, but its output has another number of elements than its input.
    """
    if node.domain:
        return None
    data = node.input(0)
    if node.op in VIEWS:
        before, after = data.shape if data else None, node.output.shape
        if before is not None and after is not None and prod(before) != prod(after):
            text = f"its input has the shape {list(before)}, its output {list(after)}"
            raise node.error(f"{text}; if the batch size was changed, the model fixes it here")
        return VIEWS[node.op]
    if node.op == "Transpose" and data is not None and data.shape and shapes.moves_nothing(node, data):
        return "it only moves dimensions of size one"
    if node.op in ("Concat", "Sum", "Max", "Min", "Mean") and len(node.inputs) == 1:
        return "it has one input"
    return None
