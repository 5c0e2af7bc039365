"""Charts as data: what is drawn, apart from how (:mod:`.chart_svg`, :mod:`.chart_png`)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, groupby
from typing import TypeAlias

from acadl.errors import AcadlError
from acadl.files import replacing

XY: TypeAlias = tuple[float, float]

PALETTE = ("#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#76b7b2", "#9c755f", "#d4a72c", "#e377a2")
FORMATS = (".svg", ".png")
# Stretches of the horizontal axis of which only the extremes are drawn where there are many points.
COLUMNS = 400
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Series:
    """Dots that belong together; ``name`` is empty where there is only one series."""

    name: str
    points: tuple[XY, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes.

    Attributes:
        series: Dots; a colour each.
        bars: From, to (of the horizontal axis), and height.
        diagonal: Whether the line of equal values is drawn.
        logarithmic: Whether both axes are; all values are positive then.
        logarithmic_x: Whether the horizontal axis is.
        whole: Whether values are whole numbers: no marks in between.
        joined: Whether the dots of a series are joined by lines, and not drawn themselves.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...] = ()
    bars: tuple[tuple[float, float, float], ...] = ()
    diagonal: bool = False
    logarithmic: bool = False
    logarithmic_x: bool = False
    whole: bool = False
    joined: bool = False

    def is_logarithmic(self, axis: int) -> bool:
        """Whether an axis is, 0 or 1."""
        return self.logarithmic or (axis == 0 and self.logarithmic_x)

    def span(self, axis: int) -> tuple[float, float]:
        """Least and largest value on an axis, 0 or 1, with room at the ends.

        Bars stand on 0; dots show how far they are from 0.
        """
        values = [point[axis] for series in self.series for point in series.points]
        if self.diagonal:
            values += [point[1 - axis] for series in self.series for point in series.points]
        values += [edge for bar in self.bars for edge in ((bar[0], bar[1]) if axis == 0 else (0.0, bar[2]))]
        if axis == 1 and not self.diagonal:
            values.append(0.0)
        low, high = min(values, default=0.0), max(values, default=1.0)
        if self.is_logarithmic(axis):
            return low / 1.3, high * 1.3
        room = max(0.04 * (high - low) or 1.0, 1e-6 * abs(low), 1e-6 * abs(high))
        if self.bars and axis == 0:
            room += self.bars[0][1] - self.bars[0][0]  # a single bar does not fill the picture
        return 0.0 if self.bars and axis == 1 else low - room, high + room

    def ticks(self, axis: int, most: int) -> list[float]:
        """Where an axis has marks."""
        low, high = self.span(axis)
        if self.is_logarithmic(axis):
            return decades(low, high)
        return ticks(low, high, most, 1.0 if self.whole else 0.0)


def ticks(low: float, high: float, most: int, least: float = 0.0) -> list[float]:
    """Round numbers from ``low`` to ``high``, at most so many, 1, 2 or 5 times a power of ten apart.

    Args:
        least: Smallest distance.
    """
    steps = (m * 10.0**e for e in count(-9) for m in (1, 2, 5))
    step = next(step for step in steps if step >= least and (high - low) / step <= most)
    return [number * step for number in range(-int(-low // step), int(high // step) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Powers of ten from ``low`` to ``high``, with 2 and 5 times of them where there are few."""
    exponents = range(-3, 60)
    found = [10.0**e for e in exponents if low <= 10.0**e <= high]
    if len(found) > 2:
        return found
    return [m * 10.0**e for e in exponents for m in (1, 2, 5) if low <= m * 10.0**e <= high]


def tick_text(value: float) -> str:
    """Short: whole numbers with separators, large ones in millions."""
    if abs(value) >= 10_000_000:
        return f"{value / 1e6:,g} M"
    return f"{value:,.0f}" if value == round(value) else f"{value:.6g}"


def series_of(points: Iterable[tuple[str, float, float]]) -> tuple[Series, ...]:
    """Points by the name in front; where there are more names than colours, some share the last one."""
    by_name: dict[str, list[XY]] = {}
    for name, x, y in points:
        by_name.setdefault(name, []).append((x, y))
    if len(by_name) > len(PALETTE):
        rest = [point for name in list(by_name)[len(PALETTE) - 1 :] for point in by_name.pop(name)]
        by_name[OTHERS] = by_name.get(OTHERS, []) + rest
    return tuple(Series(name, tuple(_thinned(found))) for name, found in by_name.items())


def _thinned(points: list[XY]) -> Iterator[XY]:
    """The points; of very many, the lowest and highest of each of many stretches."""
    if len(points) <= 4 * COLUMNS:
        yield from points
        return
    ordered = sorted(points)
    first, last = ordered[0][0], ordered[-1][0]
    width = (last - first) / COLUMNS or 1.0
    for _, group in groupby(ordered, key=lambda point: int((point[0] - first) / width)):
        found = list(group)
        yield from {found[0], min(found, key=lambda p: p[1]), max(found, key=lambda p: p[1])}


def check_format(path: str | os.PathLike[str]) -> None:
    """Raise :class:`AcadlError` unless :func:`write_chart` can write such a file."""
    file = os.fspath(path)
    if not file.endswith(FORMATS):
        raise AcadlError(f"'{file}' ends in neither {' nor '.join(FORMATS)}")
    if file.endswith(".png"):
        from platforms.validation.chart_png import require

        require(file)


def write_chart(title: str, panels: tuple[Panel, ...], path: str | os.PathLike[str]) -> None:
    """Write panels below one another as a picture, ``.svg`` or (extra ``plot``) ``.png``, in one step.

    Raises:
        AcadlError: The name has another ending, the extra is not installed, or the file cannot be written.
    """
    check_format(path)
    with replacing(path) as file:
        if os.fspath(path).endswith(".svg"):
            from platforms.validation.chart_svg import to_svg

            file.write(to_svg(title, panels).encode("utf-8"))
        else:
            from platforms.validation.chart_png import to_png

            file.write(to_png(title, panels))
