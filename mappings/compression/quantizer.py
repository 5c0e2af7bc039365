"""Group quantization of weights to few bits (Lin et al., AWQ, MLSys 2024, section 2; round to nearest).

Weights are [out, in]. Every row is split along its inputs into groups of G weights; each group has a scale
and a zero point of its own. With n bits and Q = 2^n - 1, asymmetric:

    scale = max(max(w) - min(w), floor) / Q       zero = clamp(-round(min(w) / scale), 0, Q)
    q = clamp(round(w / scale) + zero, 0, Q)      w' = (q - zero) scale

so that zero itself is a multiple of the scale and is met exactly. A group that lies on one side of zero is
widened to reach zero: otherwise the clamped zero point would let its far end saturate. Symmetric, with
Q = 2^(n-1) - 1: scale = max|w| / Q, zero = 0, q from -Q - 1 to Q. Rounding is half to even.

The last group of a row may be shorter (ragged); it is quantized as it is, no padding takes part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mappings.compression.errors import CompressionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.floating]
    Limits: TypeAlias = tuple[Array, Array]

BITS = range(2, 9)
FLOOR = 1e-5  # least range of a group
SCALE_BITS = 16  # of a stored scale


@dataclass(frozen=True)
class Scheme:
    """How weights are quantized.

    Attributes:
        bits: 2 to 8.
        group: Weights that share a scale, along the inputs; 0: a whole row.
        symmetric: Without a zero point.
    """

    bits: int = 4
    group: int = 128
    symmetric: bool = False

    def __post_init__(self) -> None:
        if self.bits not in BITS:
            raise CompressionError(f"{self.bits} bits: weights are quantized to 2 to 8 bits")
        if self.group < 0:
            raise CompressionError(f"groups of {self.group}: the size is positive, or 0 for whole rows")

    @property
    def bits_per_weight(self) -> float:
        """Stored bits of a weight: its own, and its part of scale and zero point; whole groups.

        Raises:
            CompressionError: Groups are whole rows, of which the scheme does not know the length.
        """
        if self.group == 0:
            raise CompressionError(
                "a group is a whole row, and rows differ in length: ask row_bits_per_weight(inputs)"
            )
        return self.row_bits_per_weight(self.group)

    def row_bits_per_weight(self, inputs: int) -> float:
        """Stored bits of a weight in rows of ``inputs`` weights; a ragged group has a scale, too."""
        zero = 0 if self.symmetric else self.bits
        return self.bits + self.groups(inputs) * (SCALE_BITS + zero) / inputs

    def groups(self, inputs: int) -> int:
        """Groups of a row, the ragged one included."""
        return -(-inputs // (self.group or inputs))

    def stored_bytes(self, outputs: int, inputs: int) -> int:
        """Bytes of a weight matrix: packed weights, scales, zero points, each array in whole bytes."""
        zero = 0 if self.symmetric else self.bits
        groups = outputs * self.groups(inputs)
        return -(-outputs * inputs * self.bits // 8) + groups * SCALE_BITS // 8 + -(-groups * zero // 8)


@dataclass(frozen=True)
class Quantized:
    """Quantized weights.

    Attributes:
        values: [out, in], integers from 0 to 2^n - 1, or with signs where the scheme is symmetric.
        scales: [out, groups].
        zeros: [out, groups], integers.
        scheme: How they were made.
    """

    values: NDArray[np.int16]
    scales: Array
    zeros: NDArray[np.int16]
    scheme: Scheme

    @property
    def weights(self) -> Array:
        """[out, in], as the hardware computes with them."""
        inputs = self.values.shape[1]
        size = self.scheme.group or inputs
        scale = np.repeat(self.scales, size, axis=1)[:, :inputs]
        zero = np.repeat(self.zeros, size, axis=1)[:, :inputs]
        weights: Array = (self.values - zero).astype(self.scales.dtype) * scale
        return weights


def quantize(weights: Array, scheme: Scheme, limits: Limits | None = None) -> Quantized:
    """Round to the nearest of the values that a group can hold.

    Args:
        weights: [out, in], finite.
        scheme: Bits, group size, symmetry.
        limits: Low and high, each [out, groups]; weights beyond their group's limits are clipped first.

    Raises:
        CompressionError: The weights are no matrix, are empty, or are not finite.
    """
    matrix = np.asarray(weights)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise CompressionError(f"weights of shape {matrix.shape}: a matrix [out, in] is quantized")
    if not np.all(np.isfinite(matrix)):
        raise CompressionError("the weights hold values that are not finite")
    matrix = matrix.astype(np.float64 if matrix.dtype == np.float64 else np.float32)
    grouped = groups_of(matrix, scheme)
    low, high = ends(grouped) if limits is None else within(ends(grouped), limits)
    scale, zero = grid(low, high, scheme)
    values = rounded(np.clip(grouped, low[:, :, None], high[:, :, None]), scale, zero, scheme)
    flat = values.reshape(len(matrix), -1)[:, : matrix.shape[1]]
    return Quantized(flat.astype(np.int16), scale, zero.astype(np.int16), scheme)


def levels(scheme: Scheme) -> tuple[int, int]:
    """Least and largest stored value."""
    if scheme.symmetric:
        return -(1 << (scheme.bits - 1)), (1 << (scheme.bits - 1)) - 1
    return 0, (1 << scheme.bits) - 1


def groups_of(matrix: Array, scheme: Scheme) -> Array:
    """[out, groups, G], with zeros behind a ragged group: every range reaches zero anyway."""
    outputs, inputs = matrix.shape
    size = scheme.group or inputs
    count = scheme.groups(inputs)
    padded = np.zeros((outputs, count * size), matrix.dtype)
    padded[:, :inputs] = matrix
    return padded.reshape(outputs, count, size)


def ends(grouped: Array) -> Limits:
    """Least and largest weight of each group; the range between them reaches zero."""
    return np.minimum(grouped.min(axis=2), 0), np.maximum(grouped.max(axis=2), 0)


def within(outer: Limits, inner: Limits) -> Limits:
    """What two ranges have in common."""
    return np.maximum(outer[0], inner[0]), np.minimum(outer[1], inner[1])


def grid(low: Array, high: Array, scheme: Scheme) -> tuple[Array, Array]:
    """Scale and zero point of groups whose range is this."""
    _, top = levels(scheme)
    if scheme.symmetric:
        largest = np.maximum(-low, high)
        return np.maximum(largest, FLOOR) / top, np.zeros_like(largest)
    scale = np.maximum(high - low, FLOOR) / top
    return scale, np.clip(-np.rint(low / scale), 0, top)


def rounded(grouped: Array, scale: Array, zero: Array, scheme: Scheme) -> Array:
    """Stored values of weights [out, groups, G]."""
    bottom, top = levels(scheme)
    values: Array = np.clip(np.rint(grouped / scale[:, :, None]) + zero[:, :, None], bottom, top)
    return values


def error_bound(quantized: Quantized) -> Array:
    """[out, groups]: no unclipped weight is farther from its quantized value than this.

    Half a step from rounding the weight, and where the range was shifted to put zero on a step, half a step
    at its far end more; symmetric quantization has no shift.
    """
    return quantized.scales * (0.5 if quantized.scheme.symmetric else 1.0)
