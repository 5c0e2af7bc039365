"""Step-wise linear latency (Blackthorn; Lechner et al., CoDIT 2021), nested over the sizes of a layer.

    t = t0 + a operations + b inputs + c outputs + d weights,        per operator, all factors >= 0

computed from the layer's representative, whose sizes are raised to the ends of their steps. The product of
two raised sizes is what Blackthorn calls nested: the height of the steps over one size is a step function
of the other. The widths are searched one size after the other, as long as one of them explains the
measurements clearly better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from platforms.estimators.additive import FEWEST_ROWS, Additive, factors_of, fit_additive
from platforms.estimators.layer_table import LayerTable
from platforms.estimators.measurements import Measurements
from platforms.estimators.representatives import DIMENSIONS, Representatives

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTHS = (*range(2, 33), 40, 48, 56, 64, 80, 96, 128, 160, 192, 256)
SEARCHED_ROWS = 300  # of an operator, for the search of widths; evenly spread over those there are
EXPLAINED = 0.97  # error with another step over error without, for the step to be taken
FEWEST_SIZES = 4  # different sizes, for steps to be looked for


@dataclass(frozen=True)
class StepwiseModel:
    """Costs of the representatives of layers.

    Attributes:
        representatives: Step widths.
        costs: Of a representative.
    """

    representatives: Representatives
    costs: Additive

    def predict(self, layers: LayerTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latency of each layer; all are equally unsure."""
        return self.costs.latency(self.representatives.of(layers)), np.zeros(len(layers))


def fit_stepwise(measured: Measurements) -> StepwiseModel:
    """Widths and costs that explain the measurements best."""
    representatives = fit_representatives(measured.layers, measured.latency)
    return StepwiseModel(representatives, fit_additive(representatives.of(measured.layers), measured.latency))


def fit_representatives(layers: LayerTable, latency: NDArray[np.float64]) -> Representatives:
    """Step widths of each operator that was measured often enough."""
    widths = {}
    for op in sorted(set(layers.ops)):
        mine = np.flatnonzero(layers.is_op([op]))
        if len(mine) >= 2 * FEWEST_ROWS:
            some = mine[np.linspace(0, len(mine) - 1, min(len(mine), SEARCHED_ROWS)).astype(int)]
            found = _widths(layers.rows(some), latency[some])
            if found:
                widths[op] = found
    return Representatives(widths)


def _widths(layers: LayerTable, latency: NDArray[np.float64]) -> dict[str, int]:
    """Widths of one operator's sizes: the one that explains most first."""
    found: dict[str, int] = {}
    least = _error(layers, latency, found)
    stored = [name for name in DIMENSIONS if name in layers.columns]
    candidates = [name for name in stored if len(np.unique(layers[name])) >= FEWEST_SIZES]
    while candidates:
        trials = [
            (_error(layers, latency, {**found, name: width}), name, width)
            for name in candidates
            for width in WIDTHS
        ]
        error, name, width = min(trials)
        if not error < EXPLAINED * least:
            break
        least, found[name] = error, width
        candidates.remove(name)
    return found


def _error(layers: LayerTable, latency: NDArray[np.float64], widths: Mapping[str, int]) -> float:
    """Mean relative error of the costs fitted with these widths, all rows of one operator."""
    stepped = Representatives({"": widths}).of(layers)
    factors = factors_of(stepped, latency)
    predicted = Additive({"": factors}).latency(stepped)
    return float(np.mean(np.abs(predicted / latency - 1)))
