"""Judging a way of fitting by rows it has not seen, groups kept together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from platforms.estimators.layer_table import LayerTable
from platforms.estimators.measurements import Measurements

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 5
P90_COUNTS = 0.25  # of the 90th percentile in the score by which ways of fitting are compared


class Estimator(Protocol):
    """What was fitted: latencies of layers, and how unsure each one is on a logarithmic scale."""

    def predict(self, layers: LayerTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...


Fit: TypeAlias = Callable[[Measurements], Estimator]


@dataclass(frozen=True)
class Errors:
    """Relative errors, in percent.

    Attributes:
        mape: Mean of their absolute values.
        median, p90: Quantiles of their absolute values.
        bias: Mean, negative where estimates are too short.
        rows: How many.
    """

    mape: float
    median: float
    p90: float
    bias: float
    rows: int

    @property
    def score(self) -> float:
        """What is to be small."""
        return self.mape + P90_COUNTS * self.p90


@dataclass(frozen=True)
class OutOfFold:
    """Predictions for every row by a model that has not seen the row's group."""

    predicted: NDArray[np.float64]
    spread: NDArray[np.float64]


def folds(groups: NDArray[np.int64], count: int = FOLDS, seed: int = 0) -> NDArray[np.int64]:
    """Number of the fold of each row: groups drawn in random order, each to the fold with the fewest rows."""
    names, sizes = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    filled = np.zeros(min(count, len(names)), np.int64)
    fold_of = np.empty(len(names), np.int64)
    for i in order:
        fold_of[i] = np.argmin(filled)
        filled[fold_of[i]] += sizes[i]
    return fold_of[np.searchsorted(names, groups)]


def out_of_fold(
    measured: Measurements, fit: Fit, *, seed: int = 0, done: Callable[[], None] | None = None
) -> OutOfFold:
    """Predictions of each row by the model fitted to the other folds; ``done`` is called after each."""
    fold = folds(measured.groups, seed=seed)
    predicted, spread = np.empty(len(measured)), np.empty(len(measured))
    for number in range(int(fold.max()) + 1):
        apart = fold == number
        # of a single group nothing would be left to fit to
        model = fit(measured) if np.all(apart) else fit(measured.rows(~apart))
        predicted[apart], spread[apart] = model.predict(measured.layers.rows(apart))
        if done is not None:
            done()
    return OutOfFold(predicted, spread)


def errors(predicted: NDArray[np.float64], measured: NDArray[np.float64]) -> Errors:
    """Of predictions against measurements."""
    relative = 100 * (predicted / measured - 1)
    absolute = np.abs(relative)
    return Errors(
        float(absolute.mean()),
        float(np.median(absolute)),
        float(np.quantile(absolute, 0.9)),
        float(relative.mean()),
        len(measured),
    )


def best_factor(predicted: NDArray[np.float64], measured: NDArray[np.float64]) -> float:
    """The factor on all predictions that makes their mean absolute relative error smallest.

    The sum of ``a_i |f - 1 / a_i|`` with ``a = predicted / measured`` is least at the median of ``1 / a``,
    weighted with ``a``: below 1 where errors scatter widely, since too long counts more than too short.
    """
    a = predicted / measured
    order = np.argsort(1 / a)
    weight = np.cumsum(a[order])
    return float((1 / a)[order][np.searchsorted(weight, weight[-1] / 2)])
