"""Finding a step function by measuring few, well-chosen sizes.

The next size is the one that is likeliest to tell two of the widths that are still possible apart, given the
noise: it lies at an edge that some of them predict and others do not. A size may be measured again, where
averaging over the noise tells more than a new size would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from platforms.estimators.steps import EXACT, Points, StepFunction, Widths, weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 1024  # size
WIDEST = 512  # step
POSSIBLE = 1e-6  # probability of a width that is worth a measurement
BUDGET = 48  # measurements
FEWEST = 6  # measurements before a width counts as found
ALIVE = 48  # widths that the choice of the next size looks at


@dataclass(frozen=True)
class Search:
    """What was found.

    Attributes:
        function: The likeliest one.
        width: Its width, or ``None`` where the measurements do not decide between widths.
        probability: Of that width.
        points: What was measured.
    """

    function: StepFunction
    width: int | None
    probability: float
    points: Points


def search(
    measure: Callable[[int], float],
    *,
    noise: float = 0.0,
    largest: int = LARGEST,
    widest: int = WIDEST,
    budget: int = BUDGET,
) -> Search:
    """The step function behind ``measure``.

    Args:
        measure: Gives the time at a size from 1 to ``largest``; positive.
        noise: Relative standard deviation of a measurement, from repeats; 0: measurements are exact.
        largest: Largest size that can be measured.
        widest: Widest step that is looked for.
        budget: Measurements at most, 4 at least.

    Raises:
        ValueError: A measurement is not positive.
    """
    widths = np.arange(1, min(widest, max(largest - 1, 1)) + 1)
    sizes = np.arange(1, largest + 1, dtype=np.float64)
    measured: list[tuple[int, float]] = []
    found: Widths | None = None
    for number in range(max(budget, 4)):
        size = (1, largest)[number] if found is None or number < 2 else _next(found, measured, sizes, noise)
        if size is None:
            break
        time = float(measure(size))
        if not time > 0 or not np.isfinite(time):
            raise ValueError(f"the measurement at size {size} is {time}, not a positive number")
        measured.append((size, time))
        found = weigh(_points(measured, noise), widths)
        if number + 1 >= FEWEST and _decided(found, measured, sizes, noise):
            break
    assert found is not None  # something was measured
    certain = found.sure and not _indistinct(found)
    return Search(
        found.function,
        found.function.width if certain else None,
        float(found.probability[found.best]),
        _points(measured, noise),
    )


def _points(measured: list[tuple[int, float]], noise: float) -> Points:
    x, y = zip(*measured, strict=True)
    return Points(np.array(x, np.float64), np.array(y), noise)


def _next(
    found: Widths, measured: list[tuple[int, float]], sizes: NDArray[np.float64], noise: float
) -> int | None:
    """The size that is likeliest to tell two widths apart; ``None`` where nothing is left to be learnt.

    Two widths drawn by their probability are told apart by a measurement that differs by more than the noise;
    where a size was measured n times, one more tells the less.
    """
    likely = _representatives(found.probability)
    predicted = np.log(np.maximum(found.chosen(likely).predictions(sizes), 1e-300))
    times = np.bincount([size - 1 for size, _ in measured], minlength=len(sizes))
    blur = np.maximum(noise, 2 * EXACT) * np.sqrt(1 + times)
    apart = np.zeros(len(sizes))
    for one in range(len(likely) - 1):
        distance = (predicted[one + 1 :] - predicted[one]) / blur
        apart += (1 - np.exp(-0.25 * distance**2)).sum(axis=0)
    if noise <= EXACT:
        apart[times > 0] = 0  # an exact measurement need not be repeated
        return int(np.argmax(apart)) + 1 if apart.max() > 1e-3 else _check(found, measured, sizes)
    return int(np.argmax(apart)) + 1


def _representatives(probability: NDArray[np.float64]) -> NDArray[np.int64]:
    """At most :data:`ALIVE` hypotheses, as often as their probability says, and the likeliest two."""
    at = (np.arange(ALIVE) + 0.5) / ALIVE
    drawn = np.searchsorted(np.cumsum(probability), at * probability.sum())
    likeliest = np.argsort(-probability, kind="stable")[:2]
    possible = likeliest[probability[likeliest] > POSSIBLE]
    return np.concatenate([np.minimum(drawn, len(probability) - 1), possible])


def _check(found: Widths, measured: list[tuple[int, float]], sizes: NDArray[np.float64]) -> int | None:
    """A size to check the only width left by: its first edge, else the middle of the largest gap."""
    for edge in _edges(found):
        if edge <= len(sizes) and edge not in {size for size, _ in measured}:
            return edge
    taken = sorted({size for size, _ in measured})
    gaps = [(after - before, before) for before, after in pairwise(taken)]
    width, start = max(gaps, default=(0, 0))
    return start + width // 2 if width > 1 else None


def _decided(
    found: Widths, measured: list[tuple[int, float]], sizes: NDArray[np.float64], noise: float
) -> bool:
    """Whether more measurements would tell nothing new."""
    if not found.sure:
        return False
    return noise > EXACT or {edge for edge in _edges(found) if edge <= len(sizes)} <= {
        size for size, _ in measured
    }


def _edges(found: Widths) -> tuple[int, int]:
    """Last size of the first step and first size of the second."""
    width = found.function.width
    return width, width + 1


def _indistinct(found: Widths) -> bool:
    """Whether the function is flat, so that every width fits."""
    return float(found.height[found.best]) <= EXACT * abs(float(found.base[found.best]))
