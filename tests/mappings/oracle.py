"""What layers compute, in NumPy, written from the operators' definitions and nothing else.

What an int8 means as a real number, where that matters, is said in ``docs/operators.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mappings.layers import Layer

Array = NDArray[Any]


def reference(layer: Layer, inputs: Sequence[Array], weights: Array | None, bias: Array | None) -> Array:
    """The int8 output; sums are exact, biases int32, results cut to int8."""
    x = inputs[0].astype(np.int64)
    match layer.op:
        case "conv" | "dwconv" | "conv1d":
            assert weights is not None
            sums = _convolve(layer, x, weights.astype(np.int64), bias)
        case "convtranspose":
            assert weights is not None
            sums = _scatter(layer, x, weights.astype(np.int64), bias)
        case "gemm" | "fc":
            assert weights is not None
            sums = x @ weights.astype(np.int64) + (0 if bias is None else bias.astype(np.int64))
        case "maxpool":
            sums = np.stack(list(_taps(layer, x, -128))).max(axis=0)
        case "avgpool":
            total = np.stack(list(_taps(layer, x, 0))).sum(axis=0)
            sums = np.floor(total / _counted(layer) + 0.5).astype(np.int64)
        case "globalavgpool":
            total = x.sum(axis=(2, 3), keepdims=True)
            sums = np.floor(total / (layer.H * layer.W) + 0.5).astype(np.int64)
        case "batchnorm":
            assert weights is not None
            assert bias is not None
            sums = x * weights.reshape(1, -1, 1, 1) + bias.reshape(1, -1, 1, 1)
        case "relu":
            sums = np.maximum(x, 0)
        case "add":
            sums = np.sum([array.astype(np.int64) for array in inputs], axis=0)
        case "transpose":
            sums = x.transpose(layer.perm)
        case "concat":
            sums = np.concatenate(inputs, axis=1)
        case "sub" | "mul" | "div" | "min" | "max":
            sums = _pair(layer.op, x, inputs[1].astype(np.int64))
        case "softmax" | "logsoftmax":
            powers = np.exp(x / 16 - (x / 16).max(axis=1, keepdims=True))
            shares = powers / powers.sum(axis=1, keepdims=True)
            sums = _nearest(128 * shares if layer.op == "softmax" else 16 * np.log(shares))
        case "layernorm" | "rmsnorm":
            mean = x.mean(axis=1, keepdims=True) if layer.op == "layernorm" else 0
            spread = np.sqrt(((x - mean) ** 2).mean(axis=1, keepdims=True))
            sums = _nearest(16 * (x - mean) / np.where(spread, spread, 1))
        case "lrn":
            sums = _nearest(x / (1 + 1e-4 / layer.window * _neighbours(layer, x)) ** 0.75)
        case name if name in ACTIVATIONS:
            sums = _nearest(ACTIVATIONS[name](x / 16))
        case _:
            raise ValueError(layer.op)
    return np.clip(sums, -128, 127).astype(np.int8)


def _nearest(values: Array) -> Array:
    """Ties up."""
    return np.floor(values + 0.5)


def _pair(op: str, a: Array, b: Array) -> Array:
    match op:
        case "sub":
            return a - b
        case "mul":
            return _nearest(a * b / 16)
        case "div":
            return np.where(b == 0, 128 * np.sign(a), _nearest(16 * a / np.where(b == 0, 1, b)))
        case "min":
            return np.minimum(a, b)
    return np.maximum(a, b)


def _erf(x: Array) -> Array:
    return np.vectorize(erf)(x)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _where(condition: Array, x: Array, then: Any, otherwise: Any) -> Array:
    with np.errstate(all="ignore"):
        return np.where(condition, then(x) if callable(then) else then, otherwise(x))


# What comes out of a real number, times 16, or times 128 where it is at most 1.
ACTIVATIONS: dict[str, Any] = {
    "elu": lambda x: 16 * np.where(x > 0, x, np.exp(x) - 1),
    "erf": lambda x: 128 * _erf(x),
    "exp": lambda x: 16 * np.exp(x),
    "gelu": lambda x: 16 * x * 0.5 * (1 + _erf(x / np.sqrt(2))),
    "hardsigmoid": lambda x: 128 * np.clip(0.2 * x + 0.5, 0, 1),
    "hardswish": lambda x: 16 * x * np.clip(x / 6 + 0.5, 0, 1),
    "leakyrelu": lambda x: 16 * np.where(x > 0, x, 0.01 * x),
    "log": lambda x: 16 * _where(x <= 0, x, -8, np.log),
    "mish": lambda x: 16 * x * np.tanh(np.log(1 + np.exp(x))),
    "neg": lambda x: -16 * x,
    "reciprocal": lambda x: 16 * _where(x == 0, x, 8, lambda v: 1 / v),
    "selu": lambda x: 16 * 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
    "sigmoid": lambda x: 128 * _sigmoid(x),
    "silu": lambda x: 16 * x * _sigmoid(x),
    "softplus": lambda x: 16 * np.log(1 + np.exp(x)),
    "sqrt": lambda x: 16 * _where(x < 0, x, 0, np.sqrt),
    "tanh": lambda x: 128 * np.tanh(x),
}


def _counted(layer: Layer) -> Array:
    """Taps of each window that a mean is over, shape (OH, OW): what lies beyond the padding never counts."""

    def taps(
        size: int, before: int, end: int | None, kernel: tuple[int, int, int], outputs: int
    ) -> list[int]:
        stride, dilation, reach = kernel
        low, high = 0, before + size + (before if end is None else end)
        if not layer.count_include_pad:
            low, high = before, before + size
        places = [range(o * stride, o * stride + dilation * reach, dilation) for o in range(outputs)]
        return [sum(low <= place < high for place in row) for row in places]

    h = (layer.stride_h, layer.dilation_h, layer.R)
    w = (layer.stride_w, layer.dilation_w, layer.S)
    rows = taps(layer.H, layer.pad_h, layer.pad_h_end, h, layer.OH)
    columns = taps(layer.W, layer.pad_w, layer.pad_w_end, w, layer.OW)
    return np.maximum(np.outer(rows, columns), 1)


def _neighbours(layer: Layer, x: Array) -> Array:
    """Sums of squares over a window of channels, cut off at the first and the last one."""
    before, after = (layer.window - 1) // 2, layer.window // 2
    squares = [
        (x[:, max(0, c - before) : c + after + 1] ** 2).sum(axis=1, keepdims=True) for c in range(layer.C)
    ]
    return np.concatenate(squares, axis=1)


def _taps(layer: Layer, x: Array, fill: int) -> Any:
    """For every tap the values that all windows see there, shape (N, C, OH, OW)."""
    rows, columns = layer.OH, layer.OW
    height = max(layer.H + layer.pad_h, (rows - 1) * layer.stride_h + layer.dilation_h * (layer.R - 1) + 1)
    width = max(layer.W + layer.pad_w, (columns - 1) * layer.stride_w + layer.dilation_w * (layer.S - 1) + 1)
    image = np.full((layer.N, layer.C, height, width), fill, np.int64)
    image[:, :, layer.pad_h : layer.pad_h + layer.H, layer.pad_w : layer.pad_w + layer.W] = x
    for r in range(layer.R):
        for s in range(layer.S):
            i = [r * layer.dilation_h + oh * layer.stride_h for oh in range(rows)]
            j = [s * layer.dilation_w + ow * layer.stride_w for ow in range(columns)]
            yield image[:, :, i][:, :, :, j]


def _convolve(layer: Layer, x: Array, weights: Array, bias: Array | None) -> Array:
    inputs, outputs = layer.C // layer.groups, layer.K // layer.groups
    sums = np.zeros((layer.N, layer.K, layer.OH, layer.OW), np.int64)
    for tap, seen in enumerate(_taps(layer, x, 0)):
        r, s = divmod(tap, layer.S)
        for k in range(layer.K):
            first = k // outputs * inputs
            for c in range(inputs):
                sums[:, k] += weights[k, c, r, s] * seen[:, first + c]
    return sums if bias is None else sums + bias.reshape(1, -1, 1, 1)


def _scatter(layer: Layer, x: Array, weights: Array, bias: Array | None) -> Array:
    inputs, outputs = layer.C // layer.groups, layer.K // layer.groups
    sums = np.zeros((layer.N, layer.K, layer.OH, layer.OW), np.int64)
    for n, c, h, w in np.ndindex(x.shape):
        for k, r, s in np.ndindex(outputs, layer.R, layer.S):
            oh = h * layer.stride_h + r * layer.dilation_h - layer.pad_h
            ow = w * layer.stride_w + s * layer.dilation_w - layer.pad_w
            if 0 <= oh < layer.OH and 0 <= ow < layer.OW:
                sums[n, c // inputs * outputs + k, oh, ow] += weights[c, k, r, s] * x[n, c, h, w]
    return sums if bias is None else sums + bias.reshape(1, -1, 1, 1)


def random_operands(layer: Layer, seed: int = 0) -> tuple[list[Array], Array | None, Array | None]:
    """Inputs, weights and bias whose results mostly fit an int8 and sometimes do not."""
    rng = np.random.default_rng(seed)

    def values(shape: tuple[int, ...], reach: int) -> Array:
        return rng.integers(-reach, reach + 1, shape).astype(np.int8)

    if layer.op in ("gemm", "fc"):
        batch = () if layer.gemm_batch == 1 else (layer.gemm_batch,)
        inputs = [values((*batch, layer.gemm_M, layer.gemm_K), 12)]
        weights = values((*batch, layer.gemm_K, layer.gemm_N), 4)
        channels = layer.gemm_N
    else:
        count = layer.operands
        reach = 12 if layer.op in ("conv", "dwconv", "conv1d", "convtranspose") else 100
        inputs = [values((layer.N, layer.C, layer.H, layer.W), reach) for _ in range(count)]
        shape = (layer.K, layer.C // layer.groups, layer.R, layer.S)
        if layer.op == "batchnorm":
            reach, shape = 12, (layer.C, 1, 1, 1)
        if layer.op == "convtranspose":
            shape = (layer.C, layer.K // layer.groups, layer.R, layer.S)
        weights = values(shape, 4) if reach == 12 else None
        channels = layer.C if layer.op == "batchnorm" else layer.K
    bias = rng.integers(-90, 91, channels).astype(np.int32) if layer.bias or layer.op == "batchnorm" else None
    return inputs, weights, bias
