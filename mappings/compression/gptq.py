"""GPTQ: rounding that makes up for its own errors (Frantar et al., ICLR 2023), a baseline for AWQ.

The columns of a weight matrix are rounded one after the other; what a column loses is spread over the columns
that follow, so that the products with the calibration inputs X change least. With H = mean of x^T x + damping
and U the upper Cholesky factor of its inverse,

    e = (w_j - Q(w_j)) / U_jj        w_k <- w_k - e U_jk  for k > j

A group's range is taken when its first column is reached, from weights that already make up for others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mappings.compression.errors import CompressionError
from mappings.compression.quantizer import Quantized, Scheme, ends, grid, rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.floating]

DAMPING = 0.01  # of the mean of H's diagonal


def gptq(weights: Array, inputs: Array, scheme: Scheme, damping: float = DAMPING) -> Quantized:
    """Quantize a matrix so that its products with the inputs change least.

    Args:
        weights: [out, in].
        inputs: [tokens, in], what the layer reads on calibration text.
        scheme: Bits, group size, symmetry.
        damping: Added to the diagonal of H, as a part of its mean.

    Raises:
        CompressionError: The inputs do not fit the weights.
    """
    if inputs.ndim != 2 or inputs.shape[1] != weights.shape[1]:
        raise CompressionError(
            f"inputs of shape {inputs.shape} do not fit weights of {weights.shape[1]} inputs"
        )
    rest = np.array(weights, np.float64)
    factor = _factor(np.asarray(inputs, np.float64), damping)
    outputs, width = rest.shape
    size = scheme.group or width
    values = np.empty(rest.shape, np.int16)
    scales, zeros = (np.empty((outputs, scheme.groups(width))) for _ in range(2))
    for column in range(width):
        group = column // size
        if column % size == 0:
            low, high = ends(rest[:, None, column : column + size])
            scale, zero = grid(low, high, scheme)
            scales[:, group], zeros[:, group] = scale[:, 0], zero[:, 0]
        stored = rounded(rest[:, column, None, None], scale, zero, scheme)[:, 0, 0]
        values[:, column] = stored
        lost = (rest[:, column] - (stored - zero[:, 0]) * scale[:, 0]) / factor[column, column]
        rest[:, column + 1 :] -= np.outer(lost, factor[column, column + 1 :])
    return Quantized(values, scales, zeros.astype(np.int16), scheme)


def _factor(inputs: Array, damping: float) -> Array:
    """Upper Cholesky factor of the inverse of H; inputs that are always zero count as alone."""
    products = inputs.T @ inputs / len(inputs)
    diagonal = np.diagonal(products).copy()
    mean = float(diagonal.mean()) or 1.0
    products[np.diag_indices_from(products)] += damping * mean + np.where(diagonal == 0, mean, 0)
    factor: Array = np.linalg.cholesky(np.linalg.inv(products)).T
    return factor
