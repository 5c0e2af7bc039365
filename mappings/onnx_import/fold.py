"""Folding of scales and shifts by constants (batch normalisation, Mul, Add) into the layer before them."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.layers import KERNELS, MATRIX_PRODUCTS
from mappings.onnx_import.graph import Node, Tensor


@dataclass(frozen=True, slots=True)
class Affine:
    """``y = scale · x + shift`` with constants.

    Attributes:
        data: The tensor ``x``.
        axis: Dimension of ``x`` along which the constants vary; ``None``: they are single numbers.
        shifts: Whether there is a shift, which becomes a bias.
    """

    data: Tensor
    axis: int | None
    shifts: bool


def channel_axis(op: str, rank: int) -> int | None:
    """The dimension along which an operator has a scale and a bias of its own; nothing if it has neither."""
    if op in MATRIX_PRODUCTS:
        return rank - 1
    if op in KERNELS or op == "batchnorm":
        return 1
    return None


def affine(node: Node) -> Affine | None:
    """A node as a scale and shift by constants; nothing if it is something else."""
    if node.domain:
        return None
    if node.op == "BatchNormalization":
        return _batch_normalization(node)
    if node.op in ("Add", "Div", "Mul", "Sub"):
        return _arithmetic(node)
    return None


def _batch_normalization(node: Node) -> Affine | None:
    data, *parameters = node.inputs
    outputs = [x for x in node.outputs if x is not None]
    if data is None or any(x is None or not x.constant for x in parameters) or len(outputs) > 1:
        return None  # normalises with statistics of the batch itself
    return Affine(data, 1, shifts=True)


def _arithmetic(node: Node) -> Affine | None:
    constants = [x for x in node.inputs if x is not None and x.constant]
    if len(node.activations) != 1 or len(constants) != 1:
        return None
    data, constant = node.activations[0], constants[0]
    if node.op == "Div" and node.inputs[0] is constant:
        return None
    if data.shape is None or constant.shape is None or data.shape != node.output.shape:
        return None
    shifts = node.op in ("Add", "Sub")
    varying = _varying(node, data.shape, constant.shape)
    if varying is None or len(varying) > 1:
        return None
    return Affine(data, varying[0] if varying else None, shifts)


def _varying(node: Node, data: tuple[int, ...], constant: tuple[int, ...]) -> list[int] | None:
    """Dimensions of the data along which a constant varies; nothing if it does not fit.

    Operator sets before 7 say with ``axis`` where the constant's first dimension belongs.
    """
    last = len(data) - len(constant)
    offset = node.integer("axis", last) % max(1, len(data)) if node.integer("broadcast", 0) else last
    if offset < 0 or offset + len(constant) > len(data):
        return None
    return [offset + axis for axis, size in enumerate(constant) if size != 1]
