"""What the operators of ``_general`` do to int8 numbers.

Real numbers in between, rounded to the nearest (ties up) and cut to int8 at the end. An int8 x stands for
x / 16, a result for a number between -1 and 1 for y / 128, any other for y / 16.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from math import erf, exp, expm1, floor, log, log1p, sqrt, tanh
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mappings.layers import Layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

ONE: Final = 16
"""The number 1 as it is read, and as it is written where results can be larger."""
UNIT: Final = 128
"""The number 1 as it is written where results are at most 1; it is cut to 127."""
LRN_ALPHA: Final = 1e-4
LRN_BETA: Final = 0.75
_SELU = 1.0507009873554805, 1.6732632423543772


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def _softplus(x: float) -> float:
    return log1p(exp(x))


# A function of a real number, and what 1 is in its result.
UNARY: Mapping[str, tuple[Callable[[float], float], int]] = {
    "elu": (lambda x: x if x > 0 else expm1(x), ONE),
    "erf": (erf, UNIT),
    "exp": (exp, ONE),
    "gelu": (lambda x: x * (1 + erf(x / sqrt(2))) / 2, ONE),
    "hardsigmoid": (lambda x: min(1, max(0, 0.2 * x + 0.5)), UNIT),
    "hardswish": (lambda x: x * min(1, max(0, x / 6 + 0.5)), ONE),
    "leakyrelu": (lambda x: x if x > 0 else 0.01 * x, ONE),
    "log": (lambda x: log(x) if x > 0 else -8, ONE),
    "mish": (lambda x: x * tanh(_softplus(x)), ONE),
    "neg": (lambda x: -x, ONE),
    "reciprocal": (lambda x: 1 / x if x else 8, ONE),
    "selu": (lambda x: _SELU[0] * (x if x > 0 else _SELU[1] * expm1(x)), ONE),
    "sigmoid": (_sigmoid, UNIT),
    "silu": (lambda x: x * _sigmoid(x), ONE),
    "softplus": (_softplus, ONE),
    "sqrt": (lambda x: sqrt(max(0, x)), ONE),
    "tanh": (tanh, UNIT),
}


def rounded(values: Any) -> NDArray[np.int8]:
    """To the nearest, ties up, cut to int8."""
    return np.clip(np.floor(np.asarray(values) + 0.5), -128, 127).astype(np.int8)


@cache
def table(operator: str) -> tuple[int, ...]:
    """The result for each int8, from -128 to 127."""
    function, one = UNARY[operator]
    return tuple(max(-128, min(127, floor(one * function(x / ONE) + 0.5))) for x in range(-128, 128))


def computed(layer: Layer, values: NDArray[np.int8]) -> NDArray[np.int8]:
    """The result of int8 of shape ``(operands, rows, elements)``, without the first dimension."""
    if layer.op in UNARY:
        found: NDArray[np.int8] = np.array(table(layer.op), np.int8)[values[0].astype(int) + 128]
        return found
    real = values.astype(np.float64)
    if layer.op in _BINARY:
        return rounded(_BINARY[layer.op](real[0], real[1]))
    return rounded(_ROWWISE[layer.op](real[0], layer))


def _quotient(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """A division by zero has the largest number of the dividend's sign."""
    return np.where(b == 0, np.sign(a) * 128, ONE * a / np.where(b == 0, 1, b))


_BINARY: Mapping[str, Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]] = {
    "div": _quotient,
    "max": np.maximum,
    "min": np.minimum,
    "mul": lambda a, b: a * b / ONE,
    "sub": np.subtract,
}


def _powers(x: NDArray[Any]) -> NDArray[Any]:
    """Of e, relative to the largest of a row."""
    return np.asarray(np.exp((x - x.max(axis=1, keepdims=True)) / ONE))


def _softmax(x: NDArray[Any], layer: Layer) -> NDArray[Any]:
    powers = _powers(x)
    return np.asarray(UNIT * powers / powers.sum(axis=1, keepdims=True))


def _log_softmax(x: NDArray[Any], layer: Layer) -> NDArray[Any]:
    sums = np.log(_powers(x).sum(axis=1, keepdims=True))
    return np.asarray(x - x.max(axis=1, keepdims=True) - ONE * sums)


def _layer_normalisation(x: NDArray[Any], layer: Layer) -> NDArray[Any]:
    """Rows of equal numbers become zeros."""
    return _scaled(x - x.mean(axis=1, keepdims=True))


def _root_mean_square(x: NDArray[Any], layer: Layer) -> NDArray[Any]:
    return _scaled(x)


def _scaled(x: NDArray[Any]) -> NDArray[Any]:
    """Divided by the root of the mean of the squares."""
    spread = np.sqrt((x**2).mean(axis=1, keepdims=True))
    return np.asarray(ONE * x / np.where(spread == 0, 1, spread))


def _local_response(x: NDArray[Any], layer: Layer) -> NDArray[Any]:
    """Here an int8 stands for itself, so that the sum of squares matters."""
    before = (layer.window - 1) // 2
    padded = np.pad(x**2, ((0, 0), (before, layer.window - 1 - before)))
    sums = np.lib.stride_tricks.sliding_window_view(padded, layer.window, axis=1).sum(axis=2)
    return np.asarray(x / (1 + LRN_ALPHA / layer.window * sums) ** LRN_BETA)


_ROWWISE: Mapping[str, Callable[[NDArray[Any], Layer], NDArray[Any]]] = {
    "layernorm": _layer_normalisation,
    "logsoftmax": _log_softmax,
    "lrn": _local_response,
    "rmsnorm": _root_mean_square,
    "softmax": _softmax,
}
