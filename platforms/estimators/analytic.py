"""Roofline and refined roofline: latency from operations, elements and the array's unrolled dimensions.

ANNETTE (Wess et al., IEEE Access 2021), with the harmonic softening in fitting and in estimating alike, and
with an overhead per operator that its public code fits but drops:

    t = t0 + max(ops / (P e), elements / B)      refined, where the layer is bound by operations
    t = t0 + max(ops / P, elements / B)          else
    e = e_h e_w e_c e_f,  e_x = 1 / (1 - a + a u_x),  u_x = ceil(x / s) s / x

with P the peak of operations per unit of time, B elements per unit of time, s the unrolled width of a
dimension (h, w: output height and width; c: input channels of a group; f: output channels of a group) and a
how much of the step is seen, from 0 to 1. Where an array replicates, x < s costs nothing (e_x = 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from platforms.estimators.layer_table import LayerTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIMENSIONS = ("h", "w", "c", "f")
WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64)  # unrolled widths that are tried
SOFTENING = (0.25, 0.5, 0.75, 1.0)
FITTED_ROWS = 400  # of an operator, for the search of widths; evenly spread over those there are
BALANCES = 12  # ratios of peak to bandwidth that are tried
ROUNDS = 3  # of assigning layers to their bound
EXPLAINED = 0.01  # part of the remaining error that another step has to explain to be taken


@dataclass(frozen=True, slots=True)
class Step:
    """How a dimension is unrolled: in steps of ``width``, seen with ``alpha`` (0: not at all, 1: fully)."""

    width: int
    alpha: float
    replicates: bool = False


@dataclass(frozen=True)
class Roofline:
    """The roofline of one operator.

    Attributes:
        peak: Operations per unit of time; infinite where operations cost nothing.
        bandwidth: Elements per unit of time; infinite where elements cost nothing.
        overhead: Time per layer.
        steps: Unrolled dimensions, by their letter.
    """

    peak: float
    bandwidth: float
    overhead: float = 0.0
    steps: Mapping[str, Step] = field(default_factory=dict)

    def latency(self, layers: LayerTable) -> NDArray[np.float64]:
        """Of each layer, in the unit of time of the peaks."""
        by_operations = layers.operations / self.peak
        by_elements = layers.elements / self.bandwidth
        refined = by_operations / efficiency(layers, self.steps)
        bound = np.where(by_operations > by_elements, refined, by_elements)
        return self.overhead + bound


def efficiency(layers: LayerTable, steps: Mapping[str, Step]) -> NDArray[np.float64]:
    """Part of the array that works, from 0 to 1: the product over the unrolled dimensions."""
    result = np.ones(len(layers))
    for letter, step in steps.items():
        size = dimension(layers, letter)
        excess = np.ceil(size / step.width) * step.width / size
        e = 1 / (1 - step.alpha + step.alpha * excess)
        result *= np.where(size < step.width, 1.0, e) if step.replicates else e
    return result


def dimension(layers: LayerTable, letter: str) -> NDArray[np.float64]:
    """Sizes along an unrolled dimension."""
    if letter in "hw":
        return layers[f"{letter}_out"]
    return np.maximum(layers["c_in" if letter == "c" else "c_out"] / layers["groups"], 1.0)


def fit_roofline(layers: LayerTable, latency: NDArray[np.float64], *, refined: bool) -> Roofline:
    """The roofline of layers of one operator.

    Args:
        layers: Of one operator.
        latency: Positive, one per layer.
        refined: Search unrolled dimensions and an overhead as well; the plain roofline takes the best
            operations and elements per time that were seen, as ANNETTE does.
    """
    if not refined:
        peak = float(np.max(layers.operations / latency))
        bandwidth = float(np.max(layers.elements / latency))
        return Roofline(peak or np.inf, bandwidth or np.inf)
    some = np.linspace(0, len(latency) - 1, min(len(latency), FITTED_ROWS)).astype(int)
    fewer, times = layers.rows(some), latency[some]
    best = _fit_bounds(fewer, times, {})
    steps: dict[str, Step] = {}
    for _ in DIMENSIONS:  # the step that explains most, until none does
        found = _next_step(fewer, times, steps, best)
        if found is None:
            break
        letter, step, best = found
        steps[letter] = step
    return _fit_bounds(layers, latency, steps)


def relative_error(roofline: Roofline, layers: LayerTable, latency: NDArray[np.float64]) -> float:
    """Mean absolute error relative to the latency."""
    return float(np.mean(np.abs(roofline.latency(layers) / latency - 1)))


def _next_step(
    layers: LayerTable, latency: NDArray[np.float64], steps: Mapping[str, Step], so_far: Roofline
) -> tuple[str, Step, Roofline] | None:
    """One more unrolled dimension, or ``None`` where none makes the error clearly smaller."""
    before = relative_error(so_far, layers, latency)
    least = before - EXPLAINED
    found = None
    for letter in DIMENSIONS:
        if letter in steps or len(np.unique(dimension(layers, letter))) < 3:
            continue
        for width in WIDTHS[1:]:
            for alpha in SOFTENING:
                step = Step(width, alpha)
                trial = replace(so_far, steps={**steps, letter: step})
                if relative_error(trial, layers, latency) > 2 * before:
                    continue  # far off even before its bounds are fitted
                fitted = _fit_bounds(layers, latency, trial.steps, near=so_far)
                error = relative_error(fitted, layers, latency)
                if error < least:
                    least, found = error, (letter, step, fitted)
    return found


def _fit_bounds(
    layers: LayerTable, latency: NDArray[np.float64], steps: Mapping[str, Step], near: Roofline | None = None
) -> Roofline:
    """Peak, bandwidth and overhead by least relative squares.

    Which layers are bound by operations depends on peak over bandwidth alone, so that ratio is tried from one
    end of the layers' own ratios to the other; with ``near``, only about the ratio of that roofline.
    """
    operations, elements = layers.operations, layers.elements
    refined = operations / efficiency(layers, steps)
    intensity = operations / elements
    if near is None:
        ratios = np.quantile(intensity, np.linspace(0, 1, BALANCES)) * (1 - 1e-9)
    else:
        ratios = np.array([near.peak / near.bandwidth])
    best, least = None, np.inf
    for start in np.unique(ratios):
        ratio = float(start)
        for _ in range(ROUNDS):
            compute = intensity > ratio
            columns = np.stack([refined * compute, elements * ~compute, np.ones(len(latency))])
            factors = nonnegative(columns / latency, np.ones(len(latency)))
            trial = _roofline(factors, float(start), steps)
            error = relative_error(trial, layers, latency)
            if error < least:
                best, least = trial, error
            if trial.peak / trial.bandwidth == ratio or not np.isfinite(trial.peak / trial.bandwidth):
                break
            ratio = trial.peak / trial.bandwidth
    assert best is not None  # some start was tried
    return best


def _roofline(factors: NDArray[np.float64], ratio: float, steps: Mapping[str, Step]) -> Roofline:
    """Of fitted times per operation, per element and per layer; a missing bound lies where ``ratio`` says."""
    per_operation, per_element, overhead = map(float, factors)
    if per_operation > 0 and per_element > 0:
        return Roofline(1 / per_operation, 1 / per_element, overhead, steps)
    if per_operation > 0:
        return Roofline(
            1 / per_operation, 1 / per_operation / ratio if ratio > 0 else np.inf, overhead, steps
        )
    if per_element > 0:
        return Roofline(ratio / per_element if ratio > 0 else np.inf, 1 / per_element, overhead, steps)
    return Roofline(np.inf, np.inf, overhead, steps)


def nonnegative(rows: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factors x >= 0 of few ``rows`` with the least squares of ``x @ rows - wanted``, over all subsets."""
    count = len(rows)
    gram, right = rows @ rows.T, rows @ wanted
    best, least = np.zeros(count), 0.0
    for size in range(1, count + 1):
        for chosen in combinations(range(count), size):
            at = list(chosen)
            part = gram[np.ix_(at, at)]
            scale = np.sqrt(np.diag(part))
            if np.any(scale == 0):
                continue
            solution = (
                np.linalg.lstsq(part / np.outer(scale, scale), right[at] / scale, rcond=None)[0] / scale
            )
            gain = float(solution @ part @ solution - 2 * solution @ right[at])
            if np.all(solution >= 0) and gain < least - 1e-12:
                least, best = gain, np.zeros(count)
                best[at] = solution
    return best
