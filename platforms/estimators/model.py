"""A fitted model: estimates latencies of layers and networks, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from platforms.estimators.cross_validation import Errors, Estimator
from platforms.estimators.intervals import Intervals
from platforms.estimators.kinds import KINDS
from platforms.estimators.layer_table import LayerTable, from_layers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mappings.layers import Layer
    from mappings.network import Network

__all__ = ["KINDS", "Model", "NetworkPrediction", "Prediction", "Provenance", "as_table"]

CONFIDENCE = 0.9


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
        operators: Of the measured layers, with blanks between; empty if that is not known.
    """

    version: str
    source: str
    sha256: str
    where: str
    group: str
    rows: int
    seed: int
    operators: str = ""


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

    def unmeasured(self, layers: LayerTable | Sequence[Layer] | Network) -> tuple[str, ...]:
        """Operators of layers of which no measurement tells: estimates of these are guesses."""
        known = self.provenance.operators.split()
        return tuple(sorted(set(as_table(layers).ops) - set(known))) if known else ()

    def predict_network(
        self, layers: LayerTable | Sequence[Layer] | Network, confidence: float = CONFIDENCE
    ) -> NetworkPrediction:
        """Latency of a whole network, layers one after the other; ``count`` of a layer repeats it."""
        if not isinstance(layers, LayerTable):
            return self.predict_networks([layers], confidence)[0]
        return self._whole(*self._estimates(layers), confidence)

    def predict_networks(
        self, networks: Sequence[Sequence[Layer] | Network], confidence: float = CONFIDENCE
    ) -> list[NetworkPrediction]:
        """Many networks in one go: what they have in common is estimated once."""
        rows = [_sequence(network) for network in networks]
        different: dict[tuple[object, ...], int] = {}
        first: list[Layer] = []
        places: list[list[int]] = []
        for layers in rows:
            place = []
            for layer in layers:
                number = different.setdefault(_shape(layer), len(first))
                if number == len(first):
                    first.append(layer)
                place.append(number)
            places.append(place)
        latency, spread = self._estimates(from_layers(first))
        found = []
        for layers, place in zip(rows, places, strict=True):
            counts = [layer.count for layer in layers]
            which = np.array(place) if max(counts, default=1) == 1 else np.repeat(place, counts)
            found.append(self._whole(latency[which], spread[which], confidence))
        return found

    def _whole(
        self, latency: NDArray[np.float64], spread: NDArray[np.float64], confidence: float
    ) -> NetworkPrediction:
        low, high = self.intervals.of_sum(latency, spread, confidence)
        factor = self.network_factor
        return NetworkPrediction(float(latency.sum()) * factor, low * factor, high * factor, confidence)

    def _estimates(self, table: LayerTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.estimator.predict(table)


def as_table(layers: LayerTable | Sequence[Layer] | Network) -> LayerTable:
    """Layers as columns, whatever they are given as."""
    return layers if isinstance(layers, LayerTable) else from_layers(_sequence(layers))


def _sequence(layers: Sequence[Layer] | Network) -> Sequence[Layer]:
    from mappings.network import Network

    return layers.layers if isinstance(layers, Network) else layers


# What the latency of a layer depends on.
_shape = attrgetter(
    *("op", "N", "C", "H", "W", "K", "R", "S", "stride_h", "stride_w", "dilation_h", "dilation_w"),
    *("pad_h", "pad_w", "pad_h_end", "pad_w_end", "output_pad_h", "output_pad_w", "ceil_mode", "groups"),
    *("operands", "gemm_M", "gemm_N", "gemm_K"),
)
