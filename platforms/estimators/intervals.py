"""Conformal intervals around estimates (Wess et al., IEEE Access 2024), normalised by difficulty.

A model's errors on rows that it has not seen say how wide an interval has to be for a share c of the rows to
lie inside. Hard rows get wider ones: the error of each row is divided by its difficulty, here how much the
trees disagree about it. On the logarithmic scale, since errors are relative:

    z_i = |log(measured_i / predicted_i)| / (spread_i + floor),     q_c = c-quantile of z
    interval = predicted exp(± q_c (spread + floor))

The sum over a network: the logarithms' errors of its layers are neither independent nor all the same; how far
from it is measured on groups of rows that were left out together (``correlation``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from platforms.estimators.cross_validation import OutOfFold
from platforms.estimators.measurements import Measurements

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = tuple(round(0.05 * i, 2) for i in range(1, 20))  # confidence, from 5 % to 95 %
EVEN = 1e-3  # spread that no row is below


@dataclass(frozen=True)
class Intervals:
    """Widths of intervals.

    Attributes:
        quantiles: q at each of :data:`LEVELS`.
        floor: Added to the spread.
        correlation: Of the errors of two layers of a network, from 0 to 1.
    """

    quantiles: tuple[float, ...]
    floor: float
    correlation: float = 0.0

    def around(
        self, predicted: NDArray[np.float64], spread: NDArray[np.float64], confidence: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper bounds; beyond the largest level the widest one is taken."""
        wide = np.exp(self._quantile(confidence) * (spread + self.floor))
        return predicted / wide, predicted * wide

    def of_sum(
        self, predicted: NDArray[np.float64], spread: NDArray[np.float64], confidence: float
    ) -> tuple[float, float]:
        """Bounds of the sum of the predictions."""
        total = float(predicted.sum())
        deviation = predicted * (spread + self.floor)
        alone, together = float((deviation**2).sum()), float(deviation.sum()) ** 2
        relative = np.sqrt((1 - self.correlation) * alone + self.correlation * together) / total
        wide = float(np.exp(self._quantile(confidence) * relative))
        return total / wide, total * wide

    def _quantile(self, confidence: float) -> float:
        return float(np.interp(confidence, LEVELS, self.quantiles))


def calibrate(measured: Measurements, apart: OutOfFold) -> Intervals:
    """Widths from rows that the models predicting them have not seen."""
    residual = np.log(measured.latency / apart.predicted)
    floor = max(float(np.median(apart.spread)), EVEN)
    z = np.abs(residual) / (apart.spread + floor)
    # the quantile that covers a new row as well: one rank further than of the rows themselves
    levels = np.minimum(np.array(LEVELS) * (1 + 1 / len(z)), 1.0)
    quantiles = tuple(float(q) for q in np.quantile(z, levels, method="higher"))
    return Intervals(quantiles, floor, _correlation(measured.groups, residual / (apart.spread + floor)))


def _correlation(groups: NDArray[np.int64], z: NDArray[np.float64]) -> float:
    """Mean product of two normalised errors of one group over that of an error with itself; 0 to 1."""
    names, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.bincount(index, z, len(names))
    squares = np.bincount(index, z * z, len(names))
    pairs = float((sizes * (sizes - 1)).sum())
    if not pairs or not squares.sum():
        return 0.0
    return float(np.clip((sums**2 - squares).sum() / pairs / (squares.sum() / len(z)), 0.0, 1.0))
