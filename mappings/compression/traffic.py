"""Bytes that a step of a language model moves: weights with their scales and zero points, cache, activations.

Every layer reads its weights once, whatever the number of tokens, and every product of two activations reads
keys or values from the cache. Activations count where they leave and enter a layer; fused kernels keep some
of them in registers, so that this is an upper limit. Embeddings are read row by row, and the output layer
stays at 16 bits, as in the published kernels.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, fields

from mappings.compression.errors import CompressionError
from mappings.compression.quantizer import SCALE_BITS, Scheme
from mappings.layers import MATRIX_PRODUCTS, Layer

HALF = 16  # bits of an unquantized number


@dataclass(frozen=True)
class Precision:
    """Widths of the numbers of a model.

    Attributes:
        name: W bits of weights, A bits of activations.
        weights: How the products' weights are quantized; ``None``: 16 bits.
        activation_bits, cache_bits: Of activations; of keys and values.
        kept: Layers whose weights stay at 16 bits.
    """

    name: str
    weights: Scheme | None = None
    activation_bits: int = HALF
    cache_bits: int = HALF
    kept: tuple[str, ...] = ("lm_head",)


PRECISIONS = {
    precision.name: precision
    for precision in (
        Precision("W16A16"),
        Precision("W8A8", Scheme(8, 0, symmetric=True), 8, 8),
        Precision("W4A16", Scheme(4, 128)),
        Precision("W3A16", Scheme(3, 128)),
    )
}


@dataclass(frozen=True)
class Traffic:
    """Bytes, of one layer with all its occurrences or of many."""

    weights: int = 0
    scales: int = 0
    zeros: int = 0
    other_parameters: int = 0
    cache: int = 0
    activations: int = 0

    @property
    def parameters(self) -> int:
        """All that is read whatever the input."""
        return self.weights + self.scales + self.zeros + self.other_parameters

    @property
    def total(self) -> int:
        """All bytes."""
        return self.parameters + self.cache + self.activations

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def precision(name: str) -> Precision:
    """A precision by name. Raises :class:`CompressionError` with the nearest one."""
    if name in PRECISIONS:
        return PRECISIONS[name]
    near = difflib.get_close_matches(name.upper(), PRECISIONS, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise CompressionError(f"there is no precision '{name}'{hint}; known: {', '.join(PRECISIONS)}")


def layer_traffic(layer: Layer, at: Precision) -> Traffic:
    """Bytes of all occurrences of a layer."""
    moved = (layer.input_elements + layer.output_elements) * layer.count * at.activation_bits // 8
    if layer.op == "gather":  # the rows that are read
        return Traffic(
            other_parameters=layer.output_elements * layer.count * HALF // 8, activations=moved // 2
        )
    if layer.op == "gemm":  # of two activations, one of which lies in the cache
        return Traffic(cache=layer.weight_elements * layer.count * at.cache_bits // 8, activations=moved)
    if layer.op not in MATRIX_PRODUCTS:
        constants = layer.param_elements * layer.count * HALF // 8
        return Traffic(other_parameters=constants, activations=moved)
    bias = layer.gemm_N * layer.count * HALF // 8 if layer.bias else 0
    return _weights(layer, at) + Traffic(other_parameters=bias, activations=moved)


def traffic(layers: Iterable[Layer], at: Precision) -> Traffic:
    """Bytes of a step: of the layers of a network."""
    return sum((layer_traffic(layer, at) for layer in layers), Traffic())


def _weights(layer: Layer, at: Precision) -> Traffic:
    """Weights of a product [gemm_N, gemm_K] in groups along gemm_K."""
    scheme = None if layer.name in at.kept else at.weights
    if scheme is None:
        return Traffic(weights=layer.weight_elements * layer.count * HALF // 8)
    groups = layer.gemm_N * scheme.groups(layer.gemm_K)
    zero_bits = 0 if scheme.symmetric else groups * scheme.bits
    return Traffic(
        weights=-(-layer.weight_elements * scheme.bits // 8) * layer.count,
        scales=groups * SCALE_BITS // 8 * layer.count,
        zeros=-(-zero_bits // 8) * layer.count,
    )
