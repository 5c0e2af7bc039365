"""A traced network as an ONNX model, and as layers to be estimated.

The operators are few, so that they are written here; the package ``onnx`` checks the result.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from acadl.files import replacing
from mappings.compression.errors import CompressionError
from mappings.compression.pruning.trace import Operator, Traced
from mappings.network import Network

OPSET = 18
_POINTWISE = {
    "relu": "Relu", "leaky_relu": "LeakyRelu", "sigmoid": "Sigmoid", "tanh": "Tanh",
    "hardswish": "HardSwish", "hardsigmoid": "HardSigmoid",
}  # fmt: skip


def to_onnx(traced: Traced) -> Any:
    """The network as ``onnx.ModelProto``; batch norms stay operators of their own.

    Raises:
        CompressionError: ``onnx`` is not installed, or an activation is not among its operators.
    """
    try:
        import onnx
    except ImportError:
        raise CompressionError("writing ONNX needs the package onnx: pip install 'acadl[onnx]'") from None
    writer = _Writer(traced)
    for op in traced.operators:
        writer.write(op)
    source, result = traced.operators[0], traced.operators[-1]
    graph = onnx.helper.make_graph(
        writer.nodes,
        "pruned",
        [onnx.helper.make_tensor_value_info(source.name, onnx.TensorProto.FLOAT, list(traced.shape))],
        [onnx.helper.make_tensor_value_info(result.inputs[0], onnx.TensorProto.FLOAT, None)],
        writer.weights,
    )
    opset = [onnx.helper.make_opsetid("", OPSET)]
    model = onnx.helper.make_model(graph, opset_imports=opset, producer_name="acadl", ir_version=8)
    model = onnx.shape_inference.infer_shapes(model)
    onnx.checker.check_model(model)
    return model


def write_onnx(traced: Traced, path: Path) -> None:
    """Write the network; the file is there whole or not at all."""
    content = to_onnx(traced).SerializeToString(deterministic=True)
    with replacing(path) as file:
        file.write(content)


def network_of(traced: Traced, name: str = "pruned") -> Network:
    """The network's layers as they are mapped onto platforms: norms are folded, as in any ONNX model."""
    from mappings.onnx_import.infer import infer
    from mappings.onnx_import.lower import lower

    layers, notes = lower(infer(to_onnx(traced), batch=None, dims={}))
    return Network(name, layers, notes, source="torch")


class _Writer:
    def __init__(self, traced: Traced) -> None:
        import onnx

        self.onnx, self.traced = onnx, traced
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def write(self, op: Operator) -> None:
        """Append an operator's node and weights."""
        if op.kind in ("input", "output"):
            return
        kind, more, attributes = self._node(op)
        node = self.onnx.helper.make_node(kind, [*op.inputs, *more], [op.name], name=op.name, **attributes)
        self.nodes.append(node)

    def _node(self, op: Operator) -> tuple[str, list[str], dict[str, Any]]:
        match op.kind:
            case "conv" | "dwconv":
                return "Conv", self._stored(op, "weight", "bias"), self._window_of_conv(op)
            case "linear":
                return "Gemm", self._stored(op, "weight", "bias"), {"transB": 1}
            case "batchnorm":
                names = self._stored(op, "weight", "bias", "running_mean", "running_var")
                return "BatchNormalization", names, {"epsilon": self.traced.weights(op).eps}
            case "pointwise":
                return self._pointwise(op)
            case "maxpool" | "avgpool":
                return self._pool(op)
            case "globalavgpool":
                return self._global(op)
            case "flatten":
                return "Flatten", [], {"axis": 1}
            case "concat":
                return "Concat", [], {"axis": 1}
            case "add" | "mul":
                return op.kind.capitalize(), [], {}
        return "Identity", [], {}

    def _stored(self, op: Operator, *names: str) -> list[str]:
        module = self.traced.weights(op)
        held = [(name, getattr(module, name)) for name in names if getattr(module, name) is not None]
        return [self._constant(f"{op.name}.{name}", x.detach().float().numpy()) for name, x in held]

    def _constant(self, name: str, values: Any) -> str:
        self.weights.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _window_of_conv(self, op: Operator) -> dict[str, Any]:
        module = self.traced.weights(op)
        return {
            "kernel_shape": list(module.kernel_size),
            "strides": list(module.stride),
            "pads": [*module.padding] * 2,
            "dilations": list(module.dilation),
            "group": module.groups,
        }

    def _pool(self, op: Operator) -> tuple[str, list[str], dict[str, Any]]:
        a = op.attributes
        window = {
            "kernel_shape": list(a["kernel_size"]),
            "strides": list(a["stride"]),
            "pads": [*a["padding"]] * 2,
            "ceil_mode": int(a["ceil_mode"]),
        }
        if op.kind == "maxpool":
            return "MaxPool", [], {**window, "dilations": list(a["dilation"])}
        return "AveragePool", [], {**window, "count_include_pad": int(a["count_include_pad"])}

    def _global(self, op: Operator) -> tuple[str, list[str], dict[str, Any]]:
        if op.attributes["keep"]:
            return "GlobalAveragePool", [], {}
        axes = self._constant(f"{op.name}.axes", np.array([2, 3], np.int64))
        return "ReduceMean", [axes], {"keepdims": 0}

    def _pointwise(self, op: Operator) -> tuple[str, list[str], dict[str, Any]]:
        name = op.attributes["function"]
        if name == "relu6":
            limits = [self._constant(f"{op.name}.{k}", np.float32(v)) for k, v in (("low", 0), ("high", 6))]
            return "Clip", limits, {}
        if name not in _POINTWISE:
            raise CompressionError(f"'{op.name}': {name} is not written as ONNX; use hardswish or relu")
        slopes = {"leaky_relu": op.attributes.get("slope", 0.01), "hardsigmoid": 1 / 6}
        return _POINTWISE[name], [], {"alpha": slopes[name]} if name in slopes else {}
