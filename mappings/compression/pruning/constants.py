"""Channels that are the same number everywhere, whatever the input; read off the weights."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mappings.compression.pruning.trace import Operator, Traced

Values = NDArray[np.float64]
"""One number for each channel: its value, or NaN where it is not constant."""


def constants(traced: Traced) -> dict[str, Values]:
    """What each channel of each result is, by operator; NaN where it depends on the input or the position.

    A padded convolution meets zeros beside its input's border, so that a constant other than zero does not
    give a constant.
    """
    found: dict[str, Values] = {}
    for op in traced.operators:
        read = [found[name] for name in op.inputs]
        found[op.name] = _values(traced, op, read)
    return found


def padded(traced: Traced, op: Operator) -> bool:
    """Whether a reader sees zeros beside the border of its input."""
    return op.kind in ("conv", "dwconv") and any(traced.weights(op).padding)


def _values(traced: Traced, op: Operator, read: list[Values]) -> Values:
    match op.kind:
        case "input":
            return np.full(op.channels, np.nan)
        case "conv" | "linear":
            return _products(traced, op, read[0])
        case "dwconv":
            weights = _array(traced.weights(op).weight).sum((1, 2, 3))
            bias = _bias(traced.weights(op), op.channels)
            silent = ~_array(traced.weights(op).weight).any((1, 2, 3)) | (read[0] == 0)
            usable = np.full_like(read[0], np.nan) if padded(traced, op) else read[0]
            return np.where(silent, bias, usable * weights + bias)
        case "batchnorm":
            norm = traced.weights(op)
            scale = _array(norm.weight) / np.sqrt(_array(norm.running_var) + norm.eps)
            shifted = (read[0] - _array(norm.running_mean)) * scale
            result: Values = np.where(scale == 0, 0.0, shifted) + _array(norm.bias)
            return result
        case "pointwise":
            return pointwise(op, read[0])
        case "avgpool" if any(op.attributes["padding"]) and op.attributes["count_include_pad"]:
            return np.where(read[0] == 0, 0.0, np.nan)
        case "flatten":
            return np.repeat(read[0], prod(traced[op.inputs[0]].shape[2:]))
        case "add":
            repeated: Values = np.sum(read, axis=0)
            return repeated
        case "mul":
            silent = np.any([values == 0 for values in read], axis=0)
            product: Values = np.where(silent, 0.0, np.prod(read, axis=0))
            return product
        case "concat":
            return np.concatenate(read)
    return np.asarray(read[0])


def _products(traced: Traced, op: Operator, read: Values) -> Values:
    module = traced.weights(op)
    weights = _array(module.weight)
    reads = weights.reshape(*weights.shape[:2], -1).any(2)
    sums = weights.reshape(*weights.shape[:2], -1).sum(2)
    usable = np.where(read == 0, 0.0, np.nan) if padded(traced, op) else read
    unknown = (reads & np.isnan(usable)).any(1)
    total = sums @ np.nan_to_num(usable) + _bias(module, op.channels)
    return np.where(unknown, np.nan, total)


def pointwise(op: Operator, values: Values) -> Values:
    """A pointwise operator's function of numbers."""
    import torch

    name, x = op.attributes["function"], torch.from_numpy(values)
    if name == "leaky_relu":
        result = torch.nn.functional.leaky_relu(x, op.attributes["slope"])
    else:
        result = getattr(torch.nn.functional, name)(x)
    return np.where(np.isnan(values), np.nan, result.numpy())


def _array(tensor: Any) -> Values:
    array: Values = tensor.detach().double().numpy()
    return array


def _bias(module: object, channels: int) -> Values:
    bias = getattr(module, "bias", None)
    return np.zeros(channels) if bias is None else _array(bias)
