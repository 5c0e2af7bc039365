"""Step functions of two sizes, each found along one line.

    f(x, y) = a + b i + c j + d i j,      i = floor((x - 1) / width_x),  j = floor((y - 1) / width_y)

The lines lie at the largest value of the other size, where steps are highest: they give the widths, and
with one more measurement at the smallest sizes, the four coefficients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from platforms.estimators.sampling.step_search import BUDGET, LARGEST, Search, search


@dataclass(frozen=True)
class NestedFunction:
    """A step function of two sizes; see the module."""

    widths: tuple[int, int]
    coefficients: tuple[float, float, float, float]

    def __call__(self, x: float, y: float) -> float:
        """At sizes from 1 on."""
        i, j = np.floor((x - 1) / self.widths[0]), np.floor((y - 1) / self.widths[1])
        a, b, c, d = self.coefficients
        return float(a + b * i + c * j + d * i * j)


@dataclass(frozen=True)
class NestedSearch:
    """What was found.

    Attributes:
        function: Of both sizes.
        x, y: The searches along either size; a ``width`` of ``None`` there is not certain here.
    """

    function: NestedFunction
    x: Search
    y: Search


def search_nested(
    measure: Callable[[int, int], float],
    *,
    noise: float = 0.0,
    largest: tuple[int, int] = (LARGEST, LARGEST),
    budget: int = BUDGET,
) -> NestedSearch:
    """The step function behind ``measure``; ``noise`` and ``budget`` (along a line) as in :func:`search`.

    Raises:
        ValueError: A measurement is not positive.
    """
    far_x, far_y = largest
    x = search(lambda size: measure(size, far_y), noise=noise, largest=far_x, budget=budget)
    y = search(lambda size: measure(far_x, size), noise=noise, largest=far_y, budget=budget)
    corner = float(measure(1, 1))
    if not corner > 0:
        raise ValueError(f"the measurement at sizes 1, 1 is {corner}, not a positive number")
    widths = (x.function.width, y.function.width)
    at_x = np.concatenate([x.points.x, np.full(len(y.points.x), far_x), [1]])
    at_y = np.concatenate([np.full(len(x.points.x), far_y), y.points.x, [1]])
    time = np.concatenate([x.points.y, y.points.y, [corner]])
    i, j = np.floor((at_x - 1) / widths[0]), np.floor((at_y - 1) / widths[1])
    terms = np.stack([np.ones(len(time)), i, j, i * j], axis=1)
    size = np.maximum(np.abs(terms).max(axis=0), 1)
    found = np.linalg.lstsq(terms / size / time[:, None], np.ones(len(time)), rcond=None)[0] / size
    a, b, c, d = map(float, found)
    return NestedSearch(NestedFunction(widths, (a, b, c, d)), x, y)
