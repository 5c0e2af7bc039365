"""Rooflines of several operators as one estimator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from platforms.estimators.analytic import Roofline, fit_roofline
from platforms.estimators.layer_table import LayerTable
from platforms.estimators.measurements import Measurements

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_ROWS = 4  # of an operator, to have a roofline of its own


@dataclass(frozen=True)
class Rooflines:
    """A roofline for each operator; ``""`` for operators that were not measured."""

    by_op: Mapping[str, Roofline]

    def predict(self, layers: LayerTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latency of each layer; all are equally unsure."""
        latency = np.empty(len(layers))
        for op in sorted(set(layers.ops)):
            mine = layers.is_op([op])
            roofline = self.by_op.get(op, self.by_op[""])
            latency[mine] = roofline.latency(layers.rows(mine))
        return latency, np.zeros(len(layers))


def fit_rooflines(measured: Measurements, *, refined: bool) -> Rooflines:
    """Rooflines, one for each operator that was measured often enough."""
    layers, latency = measured.layers, measured.latency
    by_op = {"": fit_roofline(layers, latency, refined=refined)}
    for op in sorted(set(layers.ops)):
        mine = layers.is_op([op])
        if np.count_nonzero(mine) >= FEWEST_ROWS and not np.all(mine):
            by_op[op] = fit_roofline(layers.rows(mine), latency[mine], refined=refined)
    return Rooflines(by_op)
