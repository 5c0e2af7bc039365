"""Errors of many events in figures: distribution, histogram, and how they change over time.

An error is predicted minus measured, in cycles: positive where the prediction is late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

Point: TypeAlias = tuple[int, int]
"""Cycle of an event, and its error."""

MOST_BINS = 15
WINDOWS = 12


@dataclass(frozen=True, slots=True)
class CycleErrors:
    """Errors of several events, in cycles; positive where predictions are late.

    Attributes:
        exact: Events without an error.
        mean, median: With signs.
        mean_abs, p50_abs, p95_abs, max_abs: Of the absolute errors.
        drift: Growth of the error over the measured time (least squares), in cycles per 1000 cycles.
    """

    exact: int = 0
    mean: float = 0.0
    median: float = 0.0
    mean_abs: float = 0.0
    p50_abs: int = 0
    p95_abs: int = 0
    max_abs: int = 0
    drift: float = 0.0


@dataclass(frozen=True, slots=True)
class Bin:
    """``count`` events have an error from ``low`` to ``high``, both included."""

    low: int
    high: int
    count: int


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Events of a stretch of time, from cycle ``first`` to ``last``, both included."""

    first: int
    last: int
    events: int
    mean: float
    max_abs: int


def cycle_errors(points: Sequence[Point]) -> CycleErrors:
    """Sums over events; zeros without any."""
    if not points:
        return CycleErrors()
    errors = sorted(error for _, error in points)
    sizes = sorted(map(abs, errors))
    count = len(errors)
    return CycleErrors(
        exact=errors.count(0),
        mean=sum(errors) / count,
        median=(errors[(count - 1) // 2] + errors[count // 2]) / 2,
        mean_abs=sum(sizes) / count,
        p50_abs=sizes[(count - 1) // 2],
        p95_abs=sizes[-(-95 * count // 100) - 1],
        max_abs=sizes[-1],
        drift=_slope(points),
    )


def histogram(errors: Sequence[int]) -> tuple[Bin, ...]:
    """At most 15 bins of equal whole width, one of which begins or ends at 0 where errors have both signs."""
    if not errors:
        return ()
    low, high = min(errors), max(errors)
    width = max(1, -(-(high - low + 1) // (MOST_BINS - 1)))
    start = low // width * width  # a multiple of the width, so that 0 begins a bin
    counts = [0] * ((high - start) // width + 1)
    for error in errors:
        counts[(error - start) // width] += 1
    return tuple(
        Bin(start + number * width, start + (number + 1) * width - 1, count)
        for number, count in enumerate(counts)
    )


def time_windows(points: Sequence[Point]) -> tuple[TimeWindow, ...]:
    """The errors in at most 12 stretches of equal length; those without events are left out."""
    if not points:
        return ()
    ordered = sorted(points)
    first, last = ordered[0][0], ordered[-1][0]
    length = max(1, -(-(last - first + 1) // WINDOWS))
    found = []
    for number, group in groupby(ordered, key=lambda point: (point[0] - first) // length):
        errors = [error for _, error in group]
        begin = first + number * length
        mean = sum(errors) / len(errors)
        end = min(begin + length - 1, last)
        found.append(TimeWindow(begin, end, len(errors), mean, max(map(abs, errors))))
    return tuple(found)


def _slope(points: Sequence[Point]) -> float:
    """Least squares, per 1000 cycles; 0 where all events are in one cycle."""
    count = len(points)
    middle, mean = sum(time for time, _ in points) / count, sum(error for _, error in points) / count
    spread = sum((time - middle) ** 2 for time, _ in points)
    return 1000 * sum((time - middle) * (error - mean) for time, error in points) / spread if spread else 0.0
