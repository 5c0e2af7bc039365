"""A fitted model: estimates latencies of layers and networks, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from platforms.estimators.cross_validation import Errors, Estimator
from platforms.estimators.intervals import Intervals
from platforms.estimators.layer_table import LayerTable, from_layers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mappings.layers import Layer
    from mappings.network import Network

CONFIDENCE = 0.9
KINDS = ("roofline", "refined_roofline", "statistical", "mixed", "stepwise", "pr")


@dataclass(frozen=True)
class Prediction:
    """Estimates of layers, in the unit of the measurements.

    Attributes:
        latency: Of each layer.
        lower, upper: Bounds that hold with ``confidence`` for layers like the measured ones.
        confidence: Of the bounds.
    """

    latency: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    confidence: float


@dataclass(frozen=True)
class NetworkPrediction:
    """Estimate of a network, the sum of its layers times the device's factor."""

    latency: float
    lower: float
    upper: float
    confidence: float


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from.

    Attributes:
        version: Of acadl.
        source: Name of the table of measurements.
        sha256: Of the table.
        where: Condition on its rows, empty for all.
        group: Column whose values were kept together.
        rows: Measurements.
        seed: Of everything random.
    """

    version: str
    source: str
    sha256: str
    where: str
    group: str
    rows: int
    seed: int


@dataclass(frozen=True)
class Model:
    """What ``fit`` returns and a model file holds.

    Attributes:
        kind: One of :data:`KINDS`.
        target: Name of the measured column.
        estimator: The fitted formula or trees.
        intervals: Widths of the bounds.
        errors: On rows that were left out, group by group.
        provenance: What it was fitted to.
        network_factor: End-to-end latency of networks over the sum of their layers.
    """

    kind: str
    target: str
    estimator: Estimator
    intervals: Intervals
    errors: Errors
    provenance: Provenance
    network_factor: float = 1.0

    def predict(
        self, layers: LayerTable | Sequence[Layer] | Network, confidence: float = CONFIDENCE
    ) -> Prediction:
        """Latency of each layer with bounds; ``confidence`` from 0 to 0.95."""
        table = as_table(layers)
        latency, spread = self._estimates(table)
        lower, upper = self.intervals.around(latency, spread, confidence)
        return Prediction(latency, lower, upper, confidence)

    def predict_network(
        self, layers: LayerTable | Sequence[Layer] | Network, confidence: float = CONFIDENCE
    ) -> NetworkPrediction:
        """Latency of a whole network, layers one after the other; ``count`` of a layer repeats it."""
        latency, spread = self._estimates(as_table(layers))
        counts = _counts(layers)
        if counts is not None:
            latency, spread = np.repeat(latency, counts), np.repeat(spread, counts)
        low, high = self.intervals.of_sum(latency, spread, confidence)
        factor = self.network_factor
        return NetworkPrediction(float(latency.sum()) * factor, low * factor, high * factor, confidence)

    def _estimates(self, table: LayerTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.estimator.predict(table)


def as_table(layers: LayerTable | Sequence[Layer] | Network) -> LayerTable:
    """Layers as columns, whatever they are given as."""
    return layers if isinstance(layers, LayerTable) else from_layers(_sequence(layers))


def _counts(layers: LayerTable | Sequence[Layer] | Network) -> list[int] | None:
    return None if isinstance(layers, LayerTable) else [layer.count for layer in _sequence(layers)]


def _sequence(layers: Sequence[Layer] | Network) -> Sequence[Layer]:
    from mappings.network import Network

    return layers.layers if isinstance(layers, Network) else layers
