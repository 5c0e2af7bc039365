"""Latency as a sum of costs: the scale of the mixed model.

    t = t0 + a operations + b inputs + c outputs + d weights          per operator, all factors >= 0

Unlike the roofline's maximum it has no corner, so what trees have to learn on top of it is smooth; like the
roofline it grows with the layer, so that layers far larger than the measured ones keep their scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from platforms.estimators.analytic import nonnegative
from platforms.estimators.layer_table import LayerTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

TERMS = ("overhead", "operation", "input", "output", "weight")
FEWEST_ROWS = 6  # of an operator, to have factors of its own


@dataclass(frozen=True)
class Additive:
    """Factors of :data:`TERMS`, for each operator; ``""`` for operators that were not measured."""

    factors: Mapping[str, tuple[float, ...]]

    def latency(self, layers: LayerTable) -> NDArray[np.float64]:
        """Of each layer; positive."""
        terms = _terms(layers)
        known = {op: self.factors.get(op, self.factors[""]) for op in set(layers.ops)}
        factors = np.array([known[op] for op in layers.ops]).reshape(len(layers), len(TERMS))
        latency: NDArray[np.float64] = np.einsum("ij,ji->i", factors, terms)
        return latency


def fit_additive(layers: LayerTable, latency: NDArray[np.float64]) -> Additive:
    """Factors of each operator; those with few measurements share the factors of all."""
    factors = {"": factors_of(layers, latency)}
    for op in sorted(set(layers.ops)):
        mine = layers.is_op([op])
        if np.count_nonzero(mine) >= FEWEST_ROWS:
            factors[op] = factors_of(layers.rows(mine), latency[mine])
    return Additive(factors)


def factors_of(layers: LayerTable, latency: NDArray[np.float64]) -> tuple[float, ...]:
    """Factors by least relative squares, the same for all these layers."""
    factors = nonnegative(_terms(layers) / latency, np.ones(len(layers)))
    least = 1e-3 * float(np.min(latency))  # every estimate stays above zero
    return (max(float(factors[0]), least), *(float(f) for f in factors[1:]))


def _terms(layers: LayerTable) -> NDArray[np.float64]:
    ones = np.ones(len(layers))
    return np.stack([ones, layers.operations, layers.inputs, layers.outputs, layers.weights])
