"""Products of activations with packed 4-bit weights, dequantized on the fly, as TinyChat's kernels compute.

Weights never exist dequantized as a whole: a block of rows is unpacked, scaled and used, then the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mappings.compression.errors import CompressionError
from mappings.compression.packing import pack_simd, unpack_simd
from mappings.compression.quantizer import Quantized, Scheme

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.floating]

BLOCK = 64  # output rows that are unpacked at a time
GEMV_TOKENS = 8  # fewer tokens than this go through a matrix-vector product


@dataclass(frozen=True)
class PackedWeights:
    """A weight matrix as it lies in memory.

    Attributes:
        packed: [out, bytes], by :func:`~mappings.compression.packing.pack_simd`.
        scales: [out, groups], 16-bit floating point.
        zeros: [out, groups], whole numbers.
        scheme: How it was quantized.
        inputs: Weights of a row.
        register_bits: For which the bytes are ordered.
    """

    packed: NDArray[np.uint8]
    scales: NDArray[np.float16]
    zeros: NDArray[np.int16]
    scheme: Scheme
    inputs: int
    register_bits: int

    @property
    def weights(self) -> NDArray[np.float32]:
        """[out, in], all dequantized: for comparison, not for computing."""
        return self.rows(0, len(self.packed))

    def rows(self, start: int, stop: int) -> NDArray[np.float32]:
        """Dequantized rows."""
        values = unpack_simd(
            self.packed[start:stop], self.inputs, self.scheme.bits, self.register_bits
        ).astype(np.float32)
        size = self.scheme.group or self.inputs
        scale, zero = (
            np.repeat(array[start:stop].astype(np.float32), size, axis=1)[:, : self.inputs]
            for array in (self.scales, self.zeros)
        )
        return (values - zero) * scale


def pack(quantized: Quantized, register_bits: int = 128) -> PackedWeights:
    """Quantized weights in the order for vector registers; scales are rounded to 16 bits.

    Raises:
        CompressionError: The weights have signs: they are stored without.
    """
    if quantized.scheme.symmetric:
        raise CompressionError("packed kernels take asymmetric weights; symmetric ones have signs")
    return PackedWeights(
        pack_simd(quantized.values, quantized.scheme.bits, register_bits),
        quantized.scales.astype(np.float16),
        quantized.zeros,
        quantized.scheme,
        quantized.values.shape[1],
        register_bits,
    )


def linear(activations: Array, weights: PackedWeights) -> NDArray[np.float32]:
    """activations [tokens, in] times the weights' transpose: [tokens, out]."""
    if activations.ndim != 2 or activations.shape[1] != weights.inputs:
        raise CompressionError(
            f"activations of shape {activations.shape} do not fit weights of {weights.inputs} inputs"
        )
    return gemv(activations, weights) if len(activations) < GEMV_TOKENS else gemm(activations, weights)


def gemv(activations: Array, weights: PackedWeights) -> NDArray[np.float32]:
    """Few tokens: every row of weights is dequantized once and used by each token."""
    x = activations.astype(np.float32)
    result = np.empty((len(x), len(weights.packed)), np.float32)
    for start in range(0, len(weights.packed), BLOCK):
        rows = weights.rows(start, start + BLOCK)
        for token in range(len(x)):
            result[token, start : start + BLOCK] = rows @ x[token]
    return result


def gemm(activations: Array, weights: PackedWeights) -> NDArray[np.float32]:
    """Many tokens: blocks of rows against all of them."""
    x = activations.astype(np.float32)
    blocks = range(0, len(weights.packed), BLOCK)
    return np.concatenate([x @ weights.rows(start, start + BLOCK).T for start in blocks], axis=1)
