"""Step widths of a device that nobody has described: pairs of a layer and its would-be representative.

A width is right for a size if raising the size to its next multiple costs nothing. If a width is, so are its
divisors; so widths grow by prime factors, from 1, as long as the larger layers are not slower. In contrast to
a sweep of one size, all other sizes differ from pair to pair, so that a step counts which holds everywhere.
Sizes are searched one after the other, each on layers whose other sizes are at the ends of the steps that
have been found: otherwise two sizes that rise together (c_in and kernel_row) can hide each other's cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mappings.layers import Layer
from platforms.estimators.sampling.random_layers import representative
from platforms.estimators.targets import Target

SIZES = ("c_in", "kernel_row", "c_out", "h_out", "w_out", "m")
FACTORS = (2, 3, 5)
WIDEST = 128
PAIRS = 20  # for each width
FEWEST_PAIRS = 4
TOLERANCE = 0.002  # of the mean latency: what still counts as free
MOST_DEAR = 0.1  # part of the pairs that may cost more than that, where there is no noise


@dataclass(frozen=True)
class FoundWidths:
    """Step widths.

    Attributes:
        widths: Of the sizes that step.
        unsure: Sizes about which noise, or too few pairs, leave doubt: larger widths than those may be right.
        measured: How many different layers were measured.
    """

    widths: Mapping[str, int]
    unsure: tuple[str, ...]
    measured: int


def find_widths(target: Target, layers: Sequence[Layer], *, tolerance: float = TOLERANCE) -> FoundWidths:
    """Widths of the steps of a target.

    Args:
        target: What is measured.
        layers: Of the kind that is asked about, drawn at random; the more, the more pairs there are.
        tolerance: Relative difference of the mean that counts as none.
    """
    pairs = _Pairs(target, layers, tolerance)
    widths: dict[str, int] = {}
    unsure = []
    for size in SIZES:
        pairs.widths = dict(widths)
        width, doubt = _grown(pairs, size)
        if width > 1:
            widths[size] = width
        if doubt:
            unsure.append(size)
    return FoundWidths(widths, tuple(unsure), len(pairs.known))


def _grown(pairs: _Pairs, size: str) -> tuple[int, bool]:
    """The largest width that costs nothing, and whether there is doubt about one.

    All products of free widths and prime factors are tried: of few pairs a width like 4 may seem free where
    30 is right, and has to be no dead end.
    """
    tried: dict[int, bool | None] = {1: True}
    for width in range(1, WIDEST + 1):
        if tried.get(width):
            for wider in (width * factor for factor in FACTORS):
                if wider <= WIDEST and wider not in tried:
                    tried[wider] = pairs.free(size, wider)
    return max(width for width, free in tried.items() if free), None in tried.values()


class _Pairs:
    """Layers, their would-be representatives, and what was measured of both.

    Attributes:
        widths: Steps that have been found; layers are at their ends.
    """

    def __init__(self, target: Target, layers: Sequence[Layer], tolerance: float) -> None:
        self._target, self._layers, self._tolerance = target, layers, tolerance
        self.known: dict[Layer, tuple[float, float]] = {}
        self.widths: Mapping[str, int] = {}

    def free(self, size: str, width: int) -> bool | None:
        """Whether raising the size costs nothing; ``None`` where that cannot be told."""
        costs, noises = [], []
        for drawn in self._layers:
            layer = representative(drawn, self.widths)
            raised = representative(layer, {size: width})
            if raised == layer:
                continue
            (before, noise), (after, other) = self._measure(layer), self._measure(raised)
            if np.isfinite(before) and np.isfinite(after):
                costs.append(np.log(after / before))
                noises.append(noise**2 + other**2)
            if len(costs) == PAIRS:
                break
        if len(costs) < FEWEST_PAIRS:
            return None if costs else False
        blur = float(np.sqrt(np.sum(noises))) / len(costs)
        if blur == 0:
            dear = float(np.mean(np.abs(costs) > self._tolerance))
            return float(np.mean(np.abs(costs))) <= self._tolerance and dear <= MOST_DEAR
        cost = float(np.mean(costs))
        return None if abs(cost - self._tolerance) < 2 * blur else cost <= self._tolerance

    def _measure(self, layer: Layer) -> tuple[float, float]:
        key = replace(layer, name="")
        if key not in self.known:
            timing = self._target.measure(layer)
            self.known[key] = timing.latency, timing.noise
        return self.known[key]
