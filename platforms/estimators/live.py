"""Live targets: this machine's processor through ONNX Runtime or PyTorch, a CUDA device through PyTorch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from platforms.estimators.errors import EstimatorError
from platforms.estimators.targets import REPEATS, CallableTarget

if TYPE_CHECKING:
    from mappings.layers import Layer

LIVE = ("onnxruntime", "torch", "torch:cuda")


def live_target(name: str, repeats: int = REPEATS) -> CallableTarget:
    """A live target by its name, one of :data:`LIVE`; one thread, 32-bit numbers, latencies in microseconds.

    Raises:
        EstimatorError: No such target, or what it needs is not installed or not there.
    """
    if name == "onnxruntime":
        _need("onnxruntime", "onnx")
        return CallableTarget(_in_onnxruntime, repeats, clock=_microseconds, unit="us")
    if name in ("torch", "torch:cuda"):
        _need("torch")
        import torch

        device = "cuda" if name.endswith("cuda") else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise EstimatorError("torch:cuda: no CUDA device is there")
        torch.set_num_threads(1)
        return CallableTarget(lambda layer: _in_torch(layer, device), repeats, clock=_microseconds, unit="us")
    raise EstimatorError(f"there is no live target '{name}'; there are {', '.join(LIVE)}")


def _microseconds() -> float:
    return time.perf_counter() * 1e6


def _need(*packages: str) -> None:
    from importlib.util import find_spec

    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise EstimatorError(f"this target needs what is not installed: {', '.join(missing)}")


def _in_torch(layer: Layer, device: str) -> Callable[[], object] | None:
    """A call that runs the layer once and waits for its end; ``None`` for operators that are not known."""
    import torch

    operator = _torch_operator(layer)
    if operator is None:
        return None
    module, shapes = operator
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(shape, generator=generator).to(device) for shape in shapes]
    if isinstance(module, torch.nn.Module):
        module = module.to(device).eval()

    def run() -> None:
        with torch.inference_mode():
            module(*inputs)
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def _torch_operator(layer: Layer) -> tuple[Any, list[tuple[int, ...]]] | None:
    """The operator of a layer, and the shapes of its inputs."""
    import torch
    from torch import nn

    image = (layer.N, layer.C, layer.H, layer.W)
    stride, padding = (layer.stride_h, layer.stride_w), (layer.pad_h, layer.pad_w)
    dilation, kernel = (layer.dilation_h, layer.dilation_w), (layer.R, layer.S)
    if layer.op in ("conv", "dwconv", "conv1d"):
        made = nn.Conv2d(layer.C, layer.K, kernel, stride, padding, dilation, layer.groups, bias=layer.bias)
        return made, [image]
    if layer.op == "convtranspose":
        more = (layer.output_pad_h, layer.output_pad_w)
        return (
            nn.ConvTranspose2d(
                layer.C, layer.K, kernel, stride, padding, more, layer.groups, layer.bias, dilation
            ),
            [image],
        )
    if layer.op in ("gemm", "fc"):
        return nn.Linear(layer.gemm_K, layer.gemm_N, bias=layer.bias), [(layer.gemm_M, layer.gemm_K)]
    if layer.op == "maxpool":
        return nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=layer.ceil_mode), [image]
    if layer.op == "avgpool":
        return nn.AvgPool2d(kernel, stride, padding, ceil_mode=layer.ceil_mode), [image]
    if layer.op == "globalavgpool":
        return nn.AdaptiveAvgPool2d(1), [image]
    if layer.op in ("add", "mul"):
        return (torch.add if layer.op == "add" else torch.mul), [image, image]
    simple = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
    return (simple[layer.op], [image]) if layer.op in simple else None


def _in_onnxruntime(layer: Layer) -> Callable[[], object] | None:
    """A call of a session with a model of the one layer; ``None`` for operators that are not known."""
    import onnxruntime

    made = _onnx_model(layer)
    if made is None:
        return None
    model, shapes = made
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    random = np.random.default_rng(0)
    feed = {f"x{i}": random.standard_normal(shape).astype(np.float32) for i, shape in enumerate(shapes)}
    return lambda: session.run(None, feed)


def _onnx_model(layer: Layer) -> tuple[Any, list[tuple[int, ...]]] | None:
    """A model with one node, and the shapes of its inputs."""
    from onnx import TensorProto, helper, numpy_helper

    found = _onnx_node(layer)
    if found is None:
        return None
    operator, attributes, shapes, constants = found
    random = np.random.default_rng(1)
    stored = [
        numpy_helper.from_array(random.standard_normal(shape).astype(np.float32), f"w{i}")
        for i, shape in enumerate(constants)
    ]
    names = [f"x{i}" for i in range(len(shapes))]
    node = helper.make_node(operator, [*names, *(array.name for array in stored)], ["y"], **attributes)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(names, shapes, strict=True)
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "layer", inputs, [output], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), shapes


def _onnx_node(
    layer: Layer,
) -> tuple[str, dict[str, Any], list[tuple[int, ...]], list[tuple[int, ...]]] | None:
    """Operator, attributes, shapes of the inputs and of the constants."""
    image = (layer.N, layer.C, layer.H, layer.W)
    ends = (
        layer.pad_h if layer.pad_h_end is None else layer.pad_h_end,
        layer.pad_w if layer.pad_w_end is None else layer.pad_w_end,
    )
    window: dict[str, Any] = {
        "kernel_shape": [layer.R, layer.S],
        "strides": [layer.stride_h, layer.stride_w],
        "pads": [layer.pad_h, layer.pad_w, *ends],
    }
    spread = {"dilations": [layer.dilation_h, layer.dilation_w]}
    bias = [(layer.K,)] if layer.bias else []
    if layer.op in ("conv", "dwconv", "conv1d"):
        weights = (layer.K, layer.C // layer.groups, layer.R, layer.S)
        return "Conv", {**window, **spread, "group": layer.groups}, [image], [weights, *bias]
    if layer.op == "convtranspose":
        weights = (layer.C, layer.K // layer.groups, layer.R, layer.S)
        more = {"output_padding": [layer.output_pad_h, layer.output_pad_w], "group": layer.groups}
        return "ConvTranspose", {**window, **spread, **more}, [image], [weights, *bias]
    if layer.op in ("gemm", "fc"):
        return "MatMul", {}, [(layer.gemm_M, layer.gemm_K)], [(layer.gemm_K, layer.gemm_N)]
    if layer.op in ("maxpool", "avgpool"):
        window["ceil_mode"] = int(layer.ceil_mode)
        if layer.op == "maxpool":
            window |= spread
        return ("MaxPool" if layer.op == "maxpool" else "AveragePool"), window, [image], []
    simple = {"globalavgpool": "GlobalAveragePool", "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
    if layer.op in simple:
        return simple[layer.op], {}, [image], []
    if layer.op in ("add", "mul"):
        return layer.op.capitalize(), {}, [image, image], []
    return None
