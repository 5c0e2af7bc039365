"""Constants of a layer as they lie in memory for Gemmini: weights in the order of their use, bias, ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mappings.choices import Choice
from mappings.layers import KERNELS, MATRIX_PRODUCTS, Layer
from mappings.library._gemmini_choices import chosen_plan
from mappings.library._gemmini_machine import Machine
from mappings.library._gemmini_product import Product, products
from mappings.library._gemmini_tiling import Plan
from mappings.library._operands import bias_array, weight_matrices

if TYPE_CHECKING:
    from numpy.typing import NDArray


def constants(
    layer: Layer, machine: Machine, weights: Any, bias: Any, choice: Choice | None = None
) -> dict[str, NDArray[Any]]:
    """Arrays ``weights`` and ``bias`` of the layer, those that it has."""
    if layer.op == "globalavgpool":
        rows = np.ones((2, machine.dim), np.int8)
        rows[1, layer.H * layer.W % machine.dim :] = 0
        return {"weights": rows}
    if layer.op not in KERNELS | MATRIX_PRODUCTS | {"avgpool"}:
        return {}
    parts = products(layer, machine.dim)
    matrices = _matrices(layer, weights)
    packed, sums, first = [], [], 0
    for part in parts:
        for pack in range(part.packs.count):
            groups = range(first, first + part.groups)
            matrix = _block_diagonal(matrices[groups.start : groups.stop], part)
            packed.append(_pack(matrix, part, chosen_plan(part, machine, choice)))
            if pack == 0 or part.packs.bias:  # a batch of products has one for all
                sums.append(_bias(layer, bias, groups, part))
            first += part.groups
    return {"weights": np.concatenate(packed), "bias": np.concatenate(sums)}


def _matrices(layer: Layer, weights: Any) -> NDArray[Any]:
    """Weights by group, shape ``(groups, R·S·C/groups, K/groups)``; ones for an average."""
    if layer.op == "avgpool":
        return np.ones((layer.C, layer.R * layer.S, 1), np.int8)
    return weight_matrices(layer, weights)


def _block_diagonal(matrices: NDArray[Any], part: Product) -> NDArray[Any]:
    """The weights of a pack of groups as one matrix, shape ``(taps · run, columns)``."""
    groups, depth, outputs = matrices.shape
    inputs = depth if groups == 1 else _inputs(matrices, part)
    taps = depth // inputs
    whole = np.zeros((taps, groups, inputs, groups, outputs), np.int8)
    for group in range(groups):
        whole[:, group, :, group] = matrices[group].reshape(taps, inputs, outputs)
    return whole.reshape(taps * groups * inputs, groups * outputs)


def _inputs(matrices: NDArray[Any], part: Product) -> int:
    """Input channels of one group."""
    return part.packs.a // part.groups if part.packs.a else matrices.shape[1]


def _pack(matrix: NDArray[Any], part: Product, plan: Plan) -> NDArray[Any]:
    """Whole blocks in the order in which the nest moves them in: tiles of columns, taps, pieces, columns."""
    dim, size = part.dim, plan.depth * part.dim
    taps = matrix.reshape(part.tap_count, part.run, part.columns)
    packed = []
    columns = plan.tiling.columns
    for first in range(0, part.columns, columns.tile):
        tile = taps[:, :, first : first + columns.tile]
        for tap in tile:
            for begin in range(0, part.run, size):
                packed += _piece(tap[begin : begin + size], dim)
    return np.concatenate(packed)


def _piece(piece: NDArray[Any], dim: int) -> list[NDArray[Any]]:
    """For each block of columns: rows of the blocks of the reduction side by side."""
    depth, columns = (-(-size // dim) for size in piece.shape)
    whole = np.zeros((depth * dim, columns * dim), np.int8)
    whole[: piece.shape[0], : piece.shape[1]] = piece
    blocks = whole.reshape(depth, dim, columns, dim).transpose(2, 1, 0, 3)  # column block, row, depth, column
    return [block.reshape(-1) for block in blocks]


def _bias(layer: Layer, bias: Any, groups: range, part: Product) -> NDArray[Any]:
    """The bias of a pack, filled up with zeros; zeros where the layer has none."""
    whole = np.zeros(part.column_blocks * part.dim, np.int32)
    if layer.bias:
        outputs = part.columns // part.groups
        values = bias_array(layer, bias)
        whole[: part.columns] = values[groups.start * outputs : groups.stop * outputs]
    return whole
