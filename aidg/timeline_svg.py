"""A time line as a picture: lanes from top to bottom, time from left to right.

Colours stand for operations. While an instruction waits to be served its slice is light; while it cannot go
on it is hatched. What belongs to neighbours of the window is faint. The red line is the critical path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import count, groupby

from aidg.timeline_drawing import Drawing, Fill, Lane, Slice

WIDTH = 1200  # of the whole picture, in pixels
LABELS = 190  # of the column of names
LANE = 15  # height of a lane
FILL = 28  # height of a fill level
GAP = 5  # between objects
HEAD = 62  # above the lanes
MARGIN = 14
TICKS = 10  # marks on the axis, at most
LETTER = 6.2  # width of a letter

PALETTE = ("#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#76b7b2", "#9c755f", "#d4a72c", "#e377a2")

_STYLE = """
.timeline text { font-family: Helvetica, Arial, "DejaVu Sans", sans-serif; font-size: 11px; fill: #1b1f24 }
.timeline .title { font-size: 14px; font-weight: 600 }
.timeline .tick { fill: #57606a }
.timeline .operation { fill: #ffffff; font-size: 10px; paint-order: stroke; stroke-width: 3px }
.timeline .paper { fill: #ffffff; stroke: #d0d7de }
.timeline .lane { fill: #f3f5f7 }
.timeline .grid { stroke: #d8dee4 }
.timeline .waiting { fill: #ffffff; opacity: 0.6 }
.timeline .blocked { fill: url(#timeline-blocked) }
.timeline .neighbour { opacity: 0.35 }
.timeline .level { fill: #9db7d5 }
.timeline .path { fill: none; stroke: #cf222e; stroke-width: 1.4 }
"""
_HATCHING = (
    '<defs><pattern id="timeline-blocked" width="5" height="5" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><path d="M1 0v5" stroke="#ffffff" stroke-width="2.5"/></pattern></defs>'
)


@dataclass(frozen=True, slots=True)
class _Axis:
    """Cycles to pixels."""

    first: int
    last: int

    def x(self, cycle: int) -> float:
        """Position of a cycle; at the edge where it is outside."""
        inside = min(max(cycle, self.first), self.last)
        width = WIDTH - LABELS - MARGIN
        return round(LABELS + width * (inside - self.first) / max(1, self.last - self.first), 1)

    def ticks(self) -> range:
        """Round numbers."""
        length = self.last - self.first
        step = next(s for s in (m * 10**e for e in count() for m in (1, 2, 5)) if length <= TICKS * s)
        return range(-(-self.first // step) * step, self.last + 1, step)


def to_svg(drawing: Drawing, title: str, first: int, last: int) -> str:
    """The picture, from cycle ``first`` to ``last``."""
    axis = _Axis(first, last)
    tops, bottom = _tops(drawing.lanes)
    fills = [fill for fill in drawing.fills if any(level for _, level in fill.levels)]
    height = bottom + len(fills) * (FILL + GAP) + MARGIN
    colours = _colours(drawing.lanes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="timeline" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        _HATCHING,
        f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        f'<text class="title" x="{MARGIN}" y="22">{escape(title)}</text>',
        *_legend(colours),
        *(_rect("lane", LABELS, top, WIDTH - LABELS - MARGIN, LANE - 1) for top in tops),
        *_grid(axis, height),
    ]
    for lane, top in zip(drawing.lanes, tops, strict=True):
        parts += _lane(lane, top, axis, colours)
    parts += _path(drawing, tops, axis)
    for number, fill in enumerate(fills):
        parts += _fill(fill, bottom + number * (FILL + GAP), axis)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _rect(style: str, x: float, y: float, width: float, height: float, more: str = "") -> str:
    return f'<rect class="{style}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"{more}/>'


def _tops(lanes: tuple[Lane, ...]) -> tuple[list[int], int]:
    """Upper edge of every lane, and what is below all of them."""
    tops: list[int] = []
    y = HEAD
    for _, group in groupby(lanes, key=lambda lane: lane.object):
        for _ in group:
            tops.append(y)
            y += LANE
        y += GAP
    return tops, y + GAP


def _colours(lanes: tuple[Lane, ...]) -> dict[str, str]:
    """A colour for each operation, by name, so that it does not depend on the window's place."""
    operations = sorted({item.operation for lane in lanes for item in lane.slices})
    return {name: PALETTE[number % len(PALETTE)] for number, name in enumerate(operations)}


def _legend(colours: dict[str, str]) -> Iterator[str]:
    x = float(LABELS)
    for name, colour in colours.items():
        yield _rect("", x, 31, 11, 11, f' fill="{colour}"')
        yield f'<text x="{x + 15:g}" y="41">{escape(name)}</text>'
        x += 30 + LETTER * len(name)
    for name in ("waiting", "blocked"):
        yield _rect("", x, 31, 11, 11, f' fill="{PALETTE[0]}"') + _rect(name, x, 31, 11, 11)
        yield f'<text x="{x + 15:g}" y="41">{name}</text>'
        x += 30 + LETTER * len(name)
    yield f'<path class="path" d="M{x:g} 37h14"/><text x="{x + 18:g}" y="41">critical path</text>'


def _grid(axis: _Axis, height: int) -> Iterator[str]:
    for cycle in axis.ticks():
        x = axis.x(cycle)
        yield f'<path class="grid" d="M{x:g} {HEAD - 4}V{height - MARGIN}"/>'
        yield f'<text class="tick" x="{x:g}" y="{HEAD - 7}" text-anchor="middle">{cycle:,}</text>'


def _lane(lane: Lane, top: int, axis: _Axis, colours: dict[str, str]) -> Iterator[str]:
    if lane.place == 1:
        yield f'<text x="{LABELS - 8}" y="{top + 11}" text-anchor="end">{escape(lane.object)}</text>'
    for item in lane.slices:
        left, right = axis.x(item.enter), axis.x(item.leave)
        neighbour = "" if item.part == "window" else ' class="neighbour"'
        yield f"<g{neighbour}><title>{escape(_tip(item))}</title>"
        width = max(right - left - 0.6, 0.4)
        yield _rect("", left, top, width, LANE - 1, f' fill="{colours[item.operation]}"')
        for style, first, last in (("waiting", item.enter, item.start), ("blocked", item.done, item.leave)):
            if last > first:
                begin = axis.x(first)
                yield _rect(style, begin, top, max(axis.x(last) - begin - 0.6, 0), LANE - 1)
        text = f"{item.operation} {item.number}"
        if not neighbour and LETTER * len(text) + 6 < width:
            yield (
                f'<text class="operation" x="{left + 3:g}" y="{top + 11}" '
                f'stroke="{colours[item.operation]}">{escape(text)}</text>'
            )
        yield "</g>"


def _tip(item: Slice) -> str:
    """What a browser shows under the pointer."""
    lines = [f"#{item.number} {item.text}", ", ".join(f"{name} = {value}" for name, value in item.indices)]
    lines.append(f"enters at {item.enter:,}, starts at {item.start:,}")
    lines.append(f"done at {item.done:,}, leaves at {item.leave:,}")
    lines += [f"waits: {item.waited_for}"] if item.waited_for else []
    lines += [f"blocked: {item.blocked_by}"] if item.blocked_by else []
    return "\n".join(filter(None, lines))


def _path(drawing: Drawing, tops: list[int], axis: _Axis) -> Iterator[str]:
    """The critical path: along its slices, and from one to the next."""
    middle = {
        id(item): top + LANE / 2
        for lane, top in zip(drawing.lanes, tops, strict=True)
        for item in lane.slices
    }
    points: list[tuple[float, float]] = []
    for arrow in reversed(drawing.arrows):
        points.append((axis.x(arrow.left), middle[id(arrow.source)]))
        points.append((axis.x(arrow.reached), middle[id(arrow.target)]))
    if drawing.arrows:
        last = drawing.arrows[0].target
        points.append((axis.x(last.done), middle[id(last)]))
        yield f'<path class="path" d="M{" L".join(f"{x:g} {y:g}" for x, y in points)}"/>'


def _fill(fill: Fill, top: int, axis: _Axis) -> Iterator[str]:
    """The level over time, as high as it gets."""
    most = max(level for _, level in fill.levels)
    yield f'<text x="{LABELS - 8}" y="{top + 11}" text-anchor="end">{escape(fill.object)}</text>'
    counted = f"{fill.counted}, up to {most}"
    yield f'<text class="tick" x="{LABELS - 8}" y="{top + 23}" text-anchor="end">{counted}</text>'
    yield _rect("lane", LABELS, top, WIDTH - LABELS - MARGIN, FILL)
    path = [f"M{LABELS} {top + FILL}"]
    for cycle, level in fill.levels:
        y = top + FILL - (FILL - 2) * level / max(1, most)
        path.append(f"H{axis.x(cycle):g}V{y:g}")
    path.append(f"H{axis.x(axis.last):g}V{top + FILL}Z")
    yield f'<path class="level" d="{"".join(path)}"><title>{escape(fill.object)}: {counted}</title></path>'
