"""Matrix products: Gemm, MatMul and their quantised forms."""

from __future__ import annotations

from math import prod

from mappings.onnx_import.graph import Node, Tensor
from mappings.onnx_import.shapes import Fields

_SECOND = {"QLinearMatMul": 3}
"""Position of the second matrix where it is not 1."""


def gemm(node: Node) -> Fields:
    """Gemm: ``fc`` with constant weights, ``gemm`` between two activations."""
    a, (rows, inner) = _matrix(node, 0)
    b, (b_inner, columns) = _matrix(node, 1)
    if node.integer("transA", 0):
        rows, inner = inner, rows
    if node.integer("transB", 0):
        b_inner, columns = columns, b_inner
    if inner != b_inner:
        raise node.error(f"the inner dimensions {inner} and {b_inner} differ")
    bias = node.input(2) is not None and node.number("beta", 1.0) != 0
    if a.constant and not b.constant:
        rows, columns = columns, rows  # computed as its transpose, so that the constant is the weight
    op = "fc" if a.constant or b.constant else "gemm"
    fields: Fields = {"gemm_M": rows, "gemm_N": columns, "gemm_K": inner, "bias": bias}
    return fields | {"op": op, "N": rows if op == "fc" else 1}


def matmul(node: Node) -> Fields:
    """MatMul, QLinearMatMul, MatMulInteger.

    Leading dimensions that only the first matrix has become rows; those that both have repeat the product.
    """
    a, a_shape = node.needed(0)
    b, b_shape = node.needed(_SECOND.get(node.op, 1))
    if not a_shape or not b_shape:
        raise node.error("a matrix product of a single number")
    a_shape = (1, *a_shape) if len(a_shape) == 1 else a_shape
    b_shape = (*b_shape, 1) if len(b_shape) == 1 else b_shape
    (*a_batch, rows, inner), (*b_batch, b_inner, columns) = a_shape, b_shape
    if inner != b_inner:
        raise node.error(f"the inner dimensions {inner} and {b_inner} differ")
    repeats = prod(node.shape_of(node.output)) // max(1, rows * columns)
    if prod(b_batch) == 1:
        rows, repeats = rows * repeats, 1
    elif prod(a_batch) == 1 and a.constant:
        columns, repeats = columns * repeats, 1
    if a.constant and not b.constant:
        rows, columns = columns, rows  # computed as its transpose, so that the constant is the weight
    return {"op": "gemm", "gemm_M": rows, "gemm_N": columns, "gemm_K": inner, "count": repeats}


def _matrix(node: Node, position: int) -> tuple[Tensor, tuple[int, int]]:
    tensor, shape = node.needed(position)
    if len(shape) != 2:
        raise node.error(f"input {position} has the shape {list(shape)}; a matrix has two dimensions")
    return tensor, (shape[0], shape[1])
