"""The oracle of the operators against ONNX Runtime, where that is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.operator_cases import ACTIVATIONS, CASES
from mappings.layers import KERNELS, Layer
from tests.mappings.oracle import Array, random_operands, reference

NAMES = {
    "avgpool": "AveragePool", "conv": "Conv", "conv1d": "Conv", "convtranspose": "ConvTranspose",
    "dwconv": "Conv", "hardsigmoid": "HardSigmoid", "hardswish": "HardSwish", "leakyrelu": "LeakyRelu",
    "logsoftmax": "LogSoftmax", "maxpool": "MaxPool",
}  # fmt: skip
AT_MOST_ONE = ("erf", "hardsigmoid", "sigmoid", "softmax", "tanh")
# ONNX has no logarithms and roots of negative numbers; SiLU is two operators there.
COMPARED = [
    pytest.param(layer, id=f"{row}-{number}-{layer.op}")
    for row, layers in CASES.items()
    for number, layer in enumerate(layers)
    if layer.op in KERNELS | {"maxpool", "avgpool", "softmax", "logsoftmax"}
    or (layer.op in ACTIVATIONS and layer.op not in ("log", "silu", "sqrt"))
]


def run(operator: str, inputs: dict[str, Array], attributes: dict[str, Any]) -> Array:
    """The operator's result in single precision."""
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node(operator, list(inputs), ["y"], **attributes)
    given = [helper.make_tensor_value_info(name, kind, array.shape) for name, array in inputs.items()]
    graph = helper.make_graph([node], "g", given, [helper.make_tensor_value_info("y", kind, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=9)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {name: array.astype(np.float32) for name, array in inputs.items()})
    return np.asarray(found)


def attributes(layer: Layer) -> dict[str, Any]:
    """As ONNX has them."""
    if layer.op in ("softmax", "logsoftmax"):
        return {"axis": 1}
    if layer.op in ACTIVATIONS:
        return {}
    end_h = layer.pad_h if layer.pad_h_end is None else layer.pad_h_end
    end_w = layer.pad_w if layer.pad_w_end is None else layer.pad_w_end
    found: dict[str, Any] = {
        "strides": [layer.stride_h, layer.stride_w],
        "dilations": [layer.dilation_h, layer.dilation_w],
        "pads": [layer.pad_h, layer.pad_w, end_h, end_w],
    }
    if layer.op in KERNELS:
        found["group"] = layer.groups
    else:
        found |= {"kernel_shape": [layer.R, layer.S], "ceil_mode": int(layer.ceil_mode)}
    if layer.op == "avgpool":
        found["count_include_pad"] = int(layer.count_include_pad)
    if layer.op == "convtranspose":
        found["output_padding"] = [layer.output_pad_h, layer.output_pad_w]
    return found


@pytest.mark.parametrize("layer", COMPARED)
def test_the_definitions_are_those_of_onnx(layer: Layer) -> None:
    inputs, weights, bias = random_operands(layer, seed=4)
    real = layer.op in ACTIVATIONS or layer.op in ("softmax", "logsoftmax")
    given = {"x": inputs[0] / 16 if real else inputs[0], "w": weights, "b": bias}
    found = run(
        NAMES.get(layer.op, layer.op.capitalize()),
        {name: array for name, array in given.items() if array is not None},
        attributes(layer),
    )
    if real:
        found = found * (128 if layer.op in AT_MOST_ONE else 16)
    assert np.array_equal(np.clip(np.floor(found + 0.5), -128, 127), reference(layer, inputs, weights, bias))
