"""Functions of one size that rise in steps, and the search for the width of the steps.

    f(x) = base + floor((x - 1) / width) height,   x = 1, 2, …          width 1: a straight line

Blackthorn (Lechner et al., CoDIT 2021) measures few points and keeps those widths whose function through
them errs little. Here the widths are weighed by their likelihood, given how noisy measurements are: without
noise a width is out at the first point that it misses, with noise the sum of the evidence counts, and where
it does not decide, that is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT = 1e-6  # relative noise that is taken for rounding
TOO_FAR = 3.0  # errors of a fit, in units of the noise, from which no width fits
OUTLIER = 100.0  # squared error over noise beyond which a point tells no more
OUTLIER_FREEDOM = 4.0  # of student's distribution: heavier tails than a normal one's
SURE = 0.95  # probability from which a width counts as found


@dataclass(frozen=True)
class StepFunction:
    """A step function of one size; ``width`` 1 is a line, ``height`` 0 a constant."""

    width: int
    base: float
    height: float

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """At sizes from 1 on."""
        return self.base + np.floor((x - 1) / self.width) * self.height


@dataclass(frozen=True)
class Points:
    """Measured points of a function.

    Attributes:
        x: Sizes.
        y: Measurements, positive.
        noise: Their relative standard deviation; below :data:`EXACT` they are taken for exact.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    noise: float


@dataclass(frozen=True)
class Widths:
    """What points say about the width.

    Attributes:
        widths: Hypotheses, ascending.
        probability: Of each; sums to 1.
        base, height: Of the function of each width that fits best.
        misfit: Its root mean square error over the noise, its largest error where there is none.
    """

    widths: NDArray[np.int64]
    probability: NDArray[np.float64]
    base: NDArray[np.float64]
    height: NDArray[np.float64]
    misfit: NDArray[np.float64]

    @cached_property
    def best(self) -> int:
        """Index of the likeliest; among equally likely ones the widest, which promises least."""
        return len(self.widths) - 1 - int(np.argmax(self.probability[::-1]))

    @property
    def function(self) -> StepFunction:
        """With the likeliest width."""
        i = self.best
        return StepFunction(int(self.widths[i]), float(self.base[i]), float(self.height[i]))

    @property
    def sure(self) -> bool:
        """Whether one width is nearly certain."""
        return float(self.probability[self.best]) >= SURE and float(self.misfit[self.best]) < TOO_FAR

    def chosen(self, which: NDArray[np.int64]) -> Widths:
        """Some of the hypotheses."""
        return Widths(
            self.widths[which],
            self.probability[which],
            self.base[which],
            self.height[which],
            self.misfit[which],
        )

    def predictions(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each hypothesis (rows) at sizes (columns)."""
        steps = np.floor((x[None, :] - 1) / self.widths[:, None])
        return self.base[:, None] + steps * self.height[:, None]


def weigh(points: Points, widths: NDArray[np.int64]) -> Widths:
    """How likely each width is, by the function of that width which fits the points best.

    The fit is by least relative squares with a height that is not negative. Errors are independent, with
    the standard deviation ``noise`` relative to the measurement and the tails of student's distribution, so
    that a single outlier does not decide; all widths are equally likely beforehand.
    """
    noise = max(points.noise, EXACT)
    steps = np.floor((points.x[None, :] - 1) / widths[:, None])
    weight = 1 / points.y**2
    base, height = _fitted(steps, points.y, weight)
    if points.noise > EXACT:  # once more without the influence of outliers
        residual = (base[:, None] + steps * height[:, None]) / points.y - 1
        calm = 1 / (1 + (residual / noise) ** 2 / OUTLIER_FREEDOM)
        base, height = _fitted(steps, points.y, weight * calm)
    residual = ((base[:, None] + steps * height[:, None]) / points.y - 1) / noise
    logarithm = -0.5 * (OUTLIER_FREEDOM + 1) * np.log1p(residual**2 / OUTLIER_FREEDOM).sum(axis=1)
    probability = np.exp(logarithm - logarithm.max())
    squared = residual**2
    misfit = np.sqrt(
        squared.max(axis=1) if points.noise <= EXACT else np.minimum(squared, OUTLIER).mean(axis=1)
    )
    return Widths(widths, probability / probability.sum(), base, height, misfit)


def _fitted(
    steps: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Base and height for each row of steps, by weighted least squares."""
    weight = np.broadcast_to(weight, steps.shape)
    total = weight.sum(axis=1)
    mean_s = (weight * steps).sum(axis=1) / total
    mean_y = (weight * y).sum(axis=1) / total
    spread = (weight * (steps - mean_s[:, None]) ** 2).sum(axis=1)
    product = (weight * (steps - mean_s[:, None]) * (y[None, :] - mean_y[:, None])).sum(axis=1)
    height = np.where(spread > 0, np.maximum(product, 0) / np.where(spread > 0, spread, 1), 0.0)
    base = mean_y - height * mean_s
    remaining = y[None, :] - base[:, None] - steps * height[:, None]  # of a difference of large numbers
    return base + (weight * remaining).sum(axis=1) / total, height
