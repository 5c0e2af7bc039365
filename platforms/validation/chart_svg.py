"""Charts as SVG: no package, no external resource; light or dark as the reader's system is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from math import log10

from platforms.validation.chart import PALETTE, Panel, Series, tick_text

WIDTH = 860  # of the picture, in pixels
LEGEND = 150  # of the column of names
LEFT, RIGHT = 84, 18  # of the axes
TOP, PLOT, BOTTOM = 34, 220, 48  # above, of, and below the axes
HEAD = 34  # the title
X_TICKS, Y_TICKS = 8, 6

_STYLE = """
.chart text { font-family: Helvetica, Arial, "DejaVu Sans", sans-serif; font-size: 11px; fill: #1b1f24 }
.chart .title { font-size: 14px; font-weight: 600 }
.chart .name { font-size: 12px; font-weight: 600 }
.chart .tick { fill: #57606a }
.chart .paper { fill: #ffffff; stroke: #d0d7de }
.chart .frame { fill: none; stroke: #afb8c1 }
.chart .grid { stroke: #e4e8ec }
.chart .line { stroke: #8c959f; stroke-width: 1.2 }
.chart .bar { fill: #4e79a7 }
@media (prefers-color-scheme: dark) {
.chart text { fill: #e6edf3 }
.chart .tick { fill: #9da7b1 }
.chart .paper { fill: #161b22; stroke: #30363d }
.chart .frame { stroke: #57606a }
.chart .grid { stroke: #2a3038 }
.chart .bar { fill: #6f9bd1 }
}
"""


def to_svg(title: str, panels: tuple[Panel, ...]) -> str:
    """The panels below one another."""
    height = HEAD + len(panels) * (TOP + PLOT + BOTTOM) + 6
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        f'<text class="title" x="16" y="23">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, HEAD + number * (TOP + PLOT + BOTTOM) + TOP)
    return "\n".join([*parts, "</svg>"]) + "\n"


@dataclass(frozen=True, slots=True)
class _Axis:
    """Values to pixels."""

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool

    def at(self, value: float) -> float:
        if self.logarithmic:
            share = log10(value / self.low) / log10(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.stop - self.start), 1)


def _panel(panel: Panel, top: int) -> Iterator[str]:
    right = WIDTH - RIGHT - (LEGEND if len(panel.series) > 1 else 0)
    x = _Axis(*panel.span(0), LEFT, right, panel.is_logarithmic(0))
    y = _Axis(*panel.span(1), top + PLOT, top, panel.is_logarithmic(1))
    yield f'<text class="name" x="{LEFT}" y="{top - 10}">{escape(panel.title)}</text>'
    yield from _grid(panel, x, y, top, right)
    for left, stop, height in panel.bars:
        begin, end, peak = x.at(left), x.at(stop), y.at(height)
        tip = f"{tick_text(left)} … {tick_text(stop)}: {height:,g}"
        yield (
            f'<rect class="bar" x="{begin:g}" y="{peak:g}" width="{max(end - begin - 1, 0.5):g}" '
            f'height="{y.at(0) - peak:.1f}"><title>{tip}</title></rect>'
        )
    if panel.diagonal:
        low, high = max(x.low, y.low), min(x.high, y.high)
        ends = f'x1="{x.at(low):g}" y1="{y.at(low):g}" x2="{x.at(high):g}" y2="{y.at(high):g}"'
        yield f'<line class="line" {ends}/>'
    elif panel.series:
        yield f'<line class="line" x1="{LEFT}" y1="{y.at(0):g}" x2="{right}" y2="{y.at(0):g}"/>'
    for number, series in enumerate(panel.series):
        draw = _lines if panel.joined else _dots
        yield from draw(series, PALETTE[number % len(PALETTE)], x.at, y.at)
    if len(panel.series) > 1:
        yield from _legend(panel.series, right + 16, top)


def _grid(panel: Panel, x: _Axis, y: _Axis, top: int, right: int) -> Iterator[str]:
    bottom = top + PLOT
    for value in panel.ticks(0, X_TICKS):
        at = x.at(value)
        yield f'<line class="grid" x1="{at:g}" y1="{top}" x2="{at:g}" y2="{bottom}"/>'
        below = f'x="{at:g}" y="{bottom + 15}" text-anchor="middle"'
        yield f'<text class="tick" {below}>{tick_text(value)}</text>'
    for value in panel.ticks(1, Y_TICKS):
        at = y.at(value)
        yield f'<line class="grid" x1="{LEFT}" y1="{at:g}" x2="{right}" y2="{at:g}"/>'
        yield f'<text class="tick" x="{LEFT - 6}" y="{at + 4:g}" text-anchor="end">{tick_text(value)}</text>'
    yield f'<rect class="frame" x="{LEFT}" y="{top}" width="{right - LEFT}" height="{PLOT}"/>'
    middle = (LEFT + right) / 2
    yield f'<text x="{middle:g}" y="{bottom + 33}" text-anchor="middle">{escape(panel.x_label)}</text>'
    place = f'transform="translate(16 {top + PLOT / 2:g}) rotate(-90)"'
    yield f'<text {place} text-anchor="middle">{escape(panel.y_label)}</text>'


def _dots(
    series: Series, colour: str, x: Callable[[float], float], y: Callable[[float], float]
) -> Iterator[str]:
    """All dots of a series in one path: circles as lines of no length with round ends."""
    places = dict.fromkeys((x(a), y(b)) for a, b in series.points)
    path = "".join(f"M{a:g} {b:g}h0" for a, b in places)
    yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="4.5" stroke-linecap="round"/>'


def _lines(
    series: Series, colour: str, x: Callable[[float], float], y: Callable[[float], float]
) -> Iterator[str]:
    """A line through the dots of a series."""
    path = " ".join(f"{x(a):g},{y(b):g}" for a, b in series.points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _legend(series: tuple[Series, ...], left: float, top: int) -> Iterator[str]:
    for number, item in enumerate(series):
        y = top + 8 + 17 * number
        yield f'<circle cx="{left:g}" cy="{y}" r="4" fill="{PALETTE[number % len(PALETTE)]}"/>'
        name = item.name if len(item.name) <= 22 else f"{item.name[:21]}…"
        yield f'<text x="{left + 10:g}" y="{y + 4}">{escape(name)}<title>{escape(item.name)}</title></text>'
