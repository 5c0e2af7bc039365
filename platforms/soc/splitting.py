"""Layers cut into smaller ones: by output channels, by inputs of the batch, by rows of the output."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from mappings.layers import CONVOLUTIONS, MATRIX_PRODUCTS, Layer

WINDOWS = frozenset({"conv", "dwconv", "maxpool", "avgpool"})
# operators that compute each element from the elements at its place
# fmt: off
POINTWISE = frozenset((
    "add", "batchnorm", "clip", "div", "elu", "erf", "exp", "gelu", "hardsigmoid", "hardswish", "leakyrelu",
    "log", "max", "min", "mish", "mul", "neg", "pow", "prelu", "reciprocal", "relu", "selu", "sigmoid",
    "silu", "softplus", "sqrt", "sub", "tanh",
))
# fmt: on


def split(layer: Layer, parts: int, how: str = "channel") -> tuple[Layer, ...] | None:
    """So many parts of a layer, as equal as can be; ``None`` if it has no such parts.

    Args:
        how: ``channel``: output channels, or columns of a product; ``batch``: inputs of the batch, or
            products; ``tile``: rows of the output.
    """
    if parts == 1:
        return (layer,)
    if how == "tile":
        count = rows(layer)
        return tuple(tile(layer, *each) for each in shares(count, parts)) if count >= parts else None
    field = _field(layer, how)
    size = getattr(layer, field) if field else 0
    if size < parts:
        return None
    sizes: list[dict[str, Any]] = [{field: last - first} for first, last in shares(size, parts)]
    return tuple(replace(layer, **each) for each in sizes)


def shares(count: int, parts: int) -> list[tuple[int, int]]:
    """First and behind the last of each of so many parts; sizes differ by at most one."""
    edges = [number * count // parts for number in range(parts + 1)]
    return list(pairwise(edges))


def rows(layer: Layer) -> int:
    """Rows of the output by which a layer can be cut into tiles; 1 if it cannot."""
    if layer.in_elements is not None or layer.out_elements is not None:
        return 1
    if layer.op in WINDOWS:
        return layer.OH
    if layer.op in MATRIX_PRODUCTS:
        return layer.gemm_M if layer.gemm_batch == 1 else 1
    return layer.H if layer.op in POINTWISE else 1


def tile(layer: Layer, first: int, last: int) -> Layer:
    """Rows ``first`` to ``last`` − 1 of a layer's output, as a layer."""
    if layer.op in MATRIX_PRODUCTS:
        return replace(layer, gemm_M=last - first)
    low, high = needed_rows(layer, first, last)
    if layer.op not in WINDOWS:
        return replace(layer, H=high - low)
    top = first * layer.stride_h - layer.pad_h
    bottom = (last - 1) * layer.stride_h - layer.pad_h + layer.dilation_h * (layer.R - 1) + 1
    return replace(layer, H=high - low, pad_h=low - top, pad_h_end=bottom - high)


def needed_rows(layer: Layer, first: int, last: int) -> tuple[int, int]:
    """Rows of the input that rows ``first`` to ``last`` − 1 of the output need: from, and up to."""
    if layer.op not in WINDOWS:
        return first, last
    low = first * layer.stride_h - layer.pad_h
    high = (last - 1) * layer.stride_h - layer.pad_h + layer.dilation_h * (layer.R - 1) + 1
    low = min(max(0, low), layer.H - 1)
    return low, max(low + 1, min(layer.H, high))


def input_rows(layer: Layer) -> int:
    """Rows of the input that :func:`needed_rows` speaks of."""
    return layer.H if layer.op in WINDOWS else rows(layer)


def _field(layer: Layer, how: str) -> str:
    """The size that is divided; empty: there is none."""
    if layer.in_elements is not None or layer.out_elements is not None:
        return ""
    if layer.op in MATRIX_PRODUCTS:
        if how == "batch":
            return "gemm_batch"
        return "gemm_N" if layer.gemm_batch == 1 else ""
    if how == "batch":
        return "N"
    if layer.op in CONVOLUTIONS:
        return "K" if layer.groups == 1 else ""
    return "C" if layer.op in POINTWISE or layer.op in WINDOWS else ""
