"""Layers without a window or a matrix: operators that are known by the shapes they read and write alone."""

from __future__ import annotations

from math import prod
from typing import TypeAlias

from mappings.onnx_import.graph import Node, Tensor

Fields: TypeAlias = dict[str, str | int | bool | tuple[int, ...] | None]
"""Fields of a :class:`mappings.layers.Layer`, except its name, inputs and ``onnx_op``."""

_NAMES = {"Sum": "add", "BatchNormalization": "batchnorm", "LayerNormalization": "layernorm"}
_WITH_PARAMETERS = frozenset({"PRelu", "InstanceNormalization", "GroupNormalization", "RMSNormalization"})


def nchw(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Four dimensions with the same product: leading ones as N and C, the last as W, the others in H."""
    if len(shape) < 3:
        n, c = (1, 1, *shape)[-2:]
        return n, c, 1, 1
    return shape[0], shape[1], prod(shape[2:-1]), shape[-1]


def layer_op(node: Node) -> str:
    """Name of an operator: the ONNX name in lower case, after the domain if that is not ONNX's own."""
    if node.domain:
        return f"{node.domain}.{node.op}".lower()
    return _NAMES.get(node.op, node.op.lower())


def generic(node: Node, op: str | None = None) -> Fields:
    """Any operator, by the elements that it reads and writes."""
    inputs = node.activations
    shapes = [node.shape_of(x) for x in inputs]
    out = sum(prod(node.shape_of(x)) for x in node.outputs if x is not None)
    n, c, h, w = nchw(shapes[0] if shapes else node.shape_of(node.output))
    read = sum(prod(shape) for shape in shapes)
    operands = max(1, len(inputs))
    size = n * c * h * w
    params = [x for x in node.inputs if x is not None and x.constant] if node.op in _WITH_PARAMETERS else []
    return {
        "op": op or layer_op(node), "N": n, "C": c, "H": h, "W": w, "operands": operands,
        "in_elements": None if read == size * operands else read,
        "out_elements": None if out == size else out,
        "param_elements": sum(x.elements for x in params),
    }  # fmt: skip


def elementwise(node: Node) -> Fields:
    """Operators that combine tensors element by element, smaller ones repeated.

    A constant as large as the result counts as an operand, a smaller one as parameters; one number is part of
    the instruction.
    """
    n, c, h, w = nchw(node.shape_of(node.output))
    size = n * c * h * w
    constants = [x for x in node.inputs if x is not None and x.constant]
    read = [*node.activations, *(x for x in constants if x.elements == size)]
    elements = sum(prod(node.shape_of(x)) for x in read)
    operands = max(1, len(read))
    return {
        "op": layer_op(node), "N": n, "C": c, "H": h, "W": w, "operands": operands,
        "in_elements": None if elements == size * operands else elements,
        "param_elements": sum(x.elements for x in constants if 1 < x.elements < size),
    }  # fmt: skip


def concatenation(node: Node) -> Fields:
    """Concat; a constant part is read like the others."""
    inputs = [x for x in node.inputs if x is not None]
    shapes = [node.shape_of(x) for x in inputs]
    n, c, h, w = nchw(shapes[0])
    total = sum(prod(shape) for shape in shapes)
    even = total == n * c * h * w * len(inputs)
    return {
        "op": "concat", "N": n, "C": c, "H": h, "W": w, "operands": len(inputs),
        "in_elements": None if even else total, "out_elements": None if even else total,
    }  # fmt: skip


def gather(node: Node) -> Fields:
    """Gather: reads what it writes, from a table that may be much larger."""
    n, c, h, w = nchw(node.shape_of(node.output))
    return {"op": "gather", "N": n, "C": c, "H": h, "W": w}


def softmax(node: Node) -> Fields:
    """Softmax and its kin: N rows of C elements; before operator set 13 a row is all from ``axis`` on."""
    _, shape = node.needed(0)
    axis = _axis(node, shape, 1 if node.opset < 13 else -1)
    length = prod(shape[axis:]) if node.opset < 13 else shape[axis]
    return {"op": layer_op(node), "N": prod(shape) // max(1, length), "C": length}


def layer_normalization(node: Node) -> Fields:
    """LayerNormalization: N rows of C elements, with a scale and a shift per element of a row."""
    _, shape = node.needed(0)
    axis = _axis(node, shape, -1)
    params = [x for x in node.inputs[1:] if x is not None]
    return {
        "op": "layernorm", "N": prod(shape[:axis]), "C": prod(shape[axis:]),
        "param_elements": sum(x.elements for x in params),
    }  # fmt: skip


def local_response(node: Node) -> Fields:
    """LRN: normalised over ``size`` neighbouring channels."""
    _, shape = node.needed(0)
    n, c, h, w = nchw(shape)
    return {"op": "lrn", "N": n, "C": c, "H": h, "W": w, "window": max(0, node.integer("size", 0))}


def clip(node: Node) -> Fields:
    """Clip: a ReLU (with or without upper limit) where the lower limit is zero."""
    low = node.number("min", float("-inf"))
    given = node.input(1)
    if given is not None and given.value is not None and given.value.size == 1:
        low = float(given.value.reshape(-1)[0])
    return elementwise(node) | ({"op": "relu"} if low == 0 else {})


def batch_normalization(node: Node) -> Fields:
    """BatchNormalization that no convolution takes in: a scale and a shift per channel."""
    _, shape = node.needed(0)
    n, c, h, w = nchw(shape)
    return {"op": "batchnorm", "N": n, "C": c, "H": h, "W": w, "param_elements": 2 * c}


def _axis(node: Node, shape: tuple[int, ...], default: int) -> int:
    axis = node.integer("axis", default)
    if not -len(shape) <= axis < max(1, len(shape)):
        raise node.error(f"axis {axis} is outside the shape {list(shape)}")
    return axis % max(1, len(shape))


def transpose(node: Node) -> Fields:
    """Transpose; the order of the axes where there are at most four."""
    fields = generic(node)
    _, shape = node.needed(0)
    order = node.integers("perm", tuple(range(len(shape)))[::-1])
    places = {2: (0, 1), 3: (0, 1, 3), 4: (0, 1, 2, 3)}.get(len(shape))
    if places is not None:
        perm = list(range(4))
        for place, axis in zip(places, order, strict=True):
            perm[place] = places[axis]
        fields["perm"] = tuple(perm)
    return fields


def moves_nothing(node: Node, x: Tensor) -> bool:
    """Whether a Transpose only moves dimensions of size one, so that the data stays as it lies."""
    shape = node.shape_of(x)
    order = node.integers("perm", tuple(range(len(shape)))[::-1])
    if sorted(order) != list(range(len(shape))):
        raise node.error(f"perm {list(order)} is not a permutation of the {len(shape)} dimensions")
    kept = [axis for axis in order if shape[axis] != 1]
    return kept == sorted(kept)
