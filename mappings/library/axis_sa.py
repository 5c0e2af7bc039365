"""Mapping for ``axis_sa``: matrix products as a stream of tiles.

A product of M × K by K × N is ⌈M / rows⌉ × ⌈N / cols⌉ tiles, row of tiles after row of tiles; each is one
instruction that streams K beats in. Tiles at the edges are filled up with zeros, so they take as long as the
others and one loop over all tiles says it all.

A convolution is the product of its windows (one row each, K = channels of a group · kernel size) with its
weights, group after group. Whoever feeds the input port lines the windows up; the array does not see the
difference.

Cases for ``acadl validate`` have the columns M, N and K.
"""

from __future__ import annotations

from typing import NamedTuple

from acadl.model import Architecture
from mappings.layers import CONVOLUTIONS, MATRIX_PRODUCTS, Layer
from mappings.library._split import repeat
from mappings.program import LoopProgram, step
from mappings.registry import mapper, unsupported


class Product(NamedTuple):
    """``groups`` products of M × K by K × N, one after the other."""

    m: int
    n: int
    k: int
    groups: int = 1


@mapper("axis_sa")
def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """``layer`` as a stream of tiles.

    Raises:
        MappingError: It is neither a matrix product nor a convolution: the array has no other instructions.
    """
    product = as_product(layer)
    rows, cols = int(arch.parameters["rows"]), int(arch.parameters["cols"])
    tiles = product.groups * -(-product.m // rows) * -(-product.n // cols)
    body = repeat("tile", tiles, lambda _: step("tile", sums="sums", k=product.k))
    return LoopProgram(body, arch.operations, f"{layer.name} ({layer.op})")


def as_product(layer: Layer) -> Product:
    """The matrix products that a layer is.

    Raises:
        MappingError: It is none.
    """
    if layer.op in MATRIX_PRODUCTS:
        return Product(layer.gemm_M, layer.gemm_N, layer.gemm_K, layer.gemm_batch)
    if layer.op not in CONVOLUTIONS:
        raise unsupported(layer, "axis_sa", MATRIX_PRODUCTS | CONVOLUTIONS)
    outputs, taps = layer.N * layer.OH * layer.OW, layer.C // layer.groups * layer.R * layer.S
    return Product(outputs, layer.K // layer.groups, taps, layer.groups)
