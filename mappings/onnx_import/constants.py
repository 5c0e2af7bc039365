"""Values of small constants: the arithmetic on shapes that exporters write around Reshape and Resize."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from onnx import helper, numpy_helper

from mappings.onnx_import.graph import Node

Array: TypeAlias = np.ndarray[Any, Any]
Evaluator: TypeAlias = Callable[..., Array]

ERRORS = (ValueError, IndexError, TypeError, KeyError, OverflowError, ZeroDivisionError, MemoryError)
"""What NumPy raises for operands that do not fit; such a model is not valid."""


def evaluate(node: Node, values: list[Array | None]) -> list[Array] | None:
    """The outputs of a node from the values of its inputs; nothing if the operator is not an evaluated one.

    Args:
        node: Its inputs are small constants, so that its outputs are small too.
        values: One for each input, ``None`` for inputs that are left out.

    Raises:
        AcadlError: The operands do not fit.
    """
    if node.op not in _EVALUATORS or node.domain:
        return None
    try:
        with np.errstate(all="ignore"):
            result = _EVALUATORS[node.op](node, *values)
    except ERRORS as error:
        raise node.error(f"its constant operands do not fit: {error}") from None
    return list(result) if isinstance(result, list) else [np.asarray(result)]


def _shape(node: Node, _: Array | None) -> Array:
    shape = node.needed(0)[1]
    start, end = node.integer("start", 0), node.integer("end", len(shape))
    return np.array(shape[start:end], dtype=np.int64)


def _constant(node: Node) -> Array:
    names = {"value_int": "i", "value_float": "f", "value_ints": "ints", "value_floats": "floats"}
    for name, field in names.items():
        if name in node.attributes:
            dtype = np.float32 if "float" in name else np.int64
            return np.array(getattr(node.attributes[name], field), dtype=dtype)
    return numpy_helper.to_array(node.attributes["value"].t)


def _constant_of_shape(node: Node, shape: Array) -> Array:
    fill = (
        numpy_helper.to_array(node.attributes["value"].t)
        if "value" in node.attributes
        else np.zeros(1, np.float32)
    )
    return np.full(tuple(shape), fill.reshape(-1)[0])


def _cast(node: Node, x: Array) -> Array:
    dtype: np.dtype[Any] = helper.tensor_dtype_to_np_dtype(node.integer("to", 0))
    return x.astype(dtype)


def _axes(node: Node, given: Array | None, default: tuple[int, ...]) -> tuple[int, ...]:
    """Axes from the input of newer operator sets or the attribute of older ones."""
    if given is not None:
        return tuple(int(x) for x in given.reshape(-1))
    found = node.attributes.get("axes")
    return default if found is None else tuple(int(x) for x in found.ints)


def _unsqueeze(node: Node, x: Array, axes: Array | None = None) -> Array:
    return np.expand_dims(x, _axes(node, axes, ()))


def _squeeze(node: Node, x: Array, axes: Array | None = None) -> Array:
    ones = tuple(axis for axis, size in enumerate(x.shape) if size == 1)
    return np.squeeze(x, _axes(node, axes, ones))


def _slice(node: Node, x: Array, *given: Array | None) -> Array:
    if given:
        starts, ends, axes, steps = (*given, None, None)[:4]
    else:
        starts, ends = (np.array(node.attributes[name].ints) for name in ("starts", "ends"))
        axes = np.array(node.attributes["axes"].ints) if "axes" in node.attributes else None
        steps = None
    if starts is None or ends is None:
        raise ValueError("starts or ends are missing")
    over = range(len(starts)) if axes is None else axes
    by = np.ones(len(starts), np.int64) if steps is None else steps
    cut = [slice(None)] * x.ndim
    for axis, start, end, step in zip(over, starts, ends, by, strict=True):
        # an end at or before -size - 1 means "down to the first element", which Python writes as None
        stop = None if step < 0 and end < -x.shape[axis] else int(end)
        cut[int(axis)] = slice(int(start), stop, int(step))
    return x[tuple(cut)]


def _split(node: Node, x: Array, sizes: Array | None = None) -> list[Array]:
    axis, parts = node.integer("axis", 0), len(node.outputs)
    if sizes is None and "split" in node.attributes:
        sizes = np.array(node.attributes["split"].ints)
    if sizes is None:
        return list(np.array_split(x, parts, axis))
    return list(np.split(x, np.cumsum(sizes)[:-1], axis))


def _reshape(node: Node, x: Array, shape: Array) -> Array:
    keep_zero = node.integer("allowzero", 0) == 1
    target = [x.shape[i] if s == 0 and not keep_zero else int(s) for i, s in enumerate(shape)]
    return x.reshape(target)


def _transpose(node: Node, x: Array) -> Array:
    return np.transpose(x, node.integers("perm", tuple(range(x.ndim))[::-1]))


def _div(_: Node, a: Array, b: Array) -> Array:
    if np.issubdtype(np.result_type(a, b), np.integer):
        return np.asarray(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)))  # rounds towards zero
    return np.asarray(a / b)


def _mod(node: Node, a: Array, b: Array) -> Array:
    return np.fmod(a, b) if node.integer("fmod", 0) else np.mod(a, b)


def _reduce(function: Callable[..., Array]) -> Evaluator:
    def run(node: Node, x: Array, axes: Array | None = None) -> Array:
        over = _axes(node, axes, tuple(range(x.ndim)))
        return np.asarray(function(x, axis=over, keepdims=node.integer("keepdims", 1) == 1))

    return run


def _plain(function: Callable[..., Array]) -> Evaluator:
    """An evaluator from a NumPy function of the inputs alone."""

    def run(_: Node, *values: Array) -> Array:
        return function(*values)

    return run


_EVALUATORS: dict[str, Callable[..., Any]] = {
    "Abs": _plain(np.abs),
    "Add": _plain(np.add),
    "And": _plain(np.logical_and),
    "Cast": _cast,
    "Ceil": _plain(np.ceil),
    "Concat": lambda node, *parts: np.concatenate(parts, axis=node.integer("axis", 0)),
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Div": _div,
    "Equal": _plain(np.equal),
    "Expand": _plain(lambda x, shape: x * np.ones(tuple(shape), x.dtype)),
    "Floor": _plain(np.floor),
    "Gather": lambda node, x, at: np.take(x, at, axis=node.integer("axis", 0)),
    "Greater": _plain(np.greater),
    "Identity": _plain(lambda x: x),
    "Less": _plain(np.less),
    "Max": _plain(lambda *values: np.maximum.reduce(np.broadcast_arrays(*values))),
    "Min": _plain(lambda *values: np.minimum.reduce(np.broadcast_arrays(*values))),
    "Mod": _mod,
    "Mul": _plain(np.multiply),
    "Neg": _plain(np.negative),
    "NonZero": _plain(lambda x: np.array(np.nonzero(x), dtype=np.int64)),
    "Not": _plain(np.logical_not),
    "Or": _plain(np.logical_or),
    "Pow": _plain(np.power),
    "Range": _plain(np.arange),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": lambda node, _: np.array(node.needed(0)[0].elements, dtype=np.int64),
    "Slice": _slice,
    "Split": _split,
    "Sqrt": _plain(np.sqrt),
    "Squeeze": _squeeze,
    "Sub": _plain(np.subtract),
    "Tile": _plain(lambda x, times: np.tile(x, tuple(times))),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _plain(np.where),
}
