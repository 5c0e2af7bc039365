"""The drawing as SVG text."""

from __future__ import annotations

from html import escape
from itertools import pairwise

from acadl.draw.boxes import Box, Line
from acadl.draw.drawable import Drawable, drawn
from acadl.draw.layout import HEADING, LINE_HEIGHT, Rect, place
from acadl.draw.route import route
from acadl.draw.text import at_length, brief
from acadl.draw.themes import Theme, style

LEGEND_HEIGHT = 36
CORNER = 5  # radius where a line turns
ARROW = 8


def to_svg(arch: Drawable, *, theme: Theme = "auto", unfold: bool = False) -> str:
    """Block diagram as one SVG element; width and height are in pixels.

    Args:
        arch: What is drawn.
        theme: Colours for ``light`` or ``dark`` pages; ``auto``: as the reader's system is set.
        unfold: Draw every instance of an array.

    Raises:
        AcadlError: Unfolded it has too many boxes.
    """
    root, lines = drawn(arch, unfold=unfold)
    rects = place(root, lines)
    paths = route(root, lines, rects)
    outline = rects[root.key]
    legend, legend_width = _legend(outline.height, lines)
    width, height = max(outline.width, legend_width), outline.height + LEGEND_HEIGHT
    label = _quoted(f"Block diagram of {brief(arch.name)}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="acadl" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{label}">',
        f"<style>{style(theme)}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        *_box(root, rects, outermost=True),
        *(part for line, path in paths.items() for part in _line(line, path)),
        *_junctions(paths),
        *legend,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _quoted(text: str) -> str:
    return escape(text, quote=True)


def _box(box: Box, rects: dict[str, Rect], outermost: bool = False) -> list[str]:
    """The box, its writing and everything inside."""
    rect = rects[box.key]
    parts = ["<g>"]
    if box.title or outermost:
        parts.append(f"<title>{_quoted(box.title or box.label)}</title>")
    if not outermost:
        for offset in (8, 4) if box.copies else ():
            parts.append(_rect(rect, f"{box.kind} copy", offset))
        parts.append(_rect(rect, box.kind, 0))
    parts += _writing(box, rect)
    for child in box.children:
        parts += _box(child, rects)
    return [*parts, "</g>"]


def _rect(rect: Rect, style: str, offset: int) -> str:
    return (
        f'<rect class="{style}" x="{rect.x + offset}" y="{rect.y - offset}" '
        f'width="{rect.width}" height="{rect.height}" rx="5"/>'
    )


def _writing(box: Box, rect: Rect) -> list[str]:
    """Heading and attribute lines: centred in a plain box, top left in a container."""
    inner = bool(box.children)
    x = rect.x + 10 if inner else rect.x + rect.width // 2
    block = 16 + LINE_HEIGHT * len(box.lines)
    y = rect.y + (HEADING - 10 if inner else (rect.height - block) // 2 + 13)
    anchor = "" if inner else ' text-anchor="middle"'
    parts = [f'<text class="name" x="{x}" y="{y}"{anchor}>{_quoted(box.heading)}</text>']
    for number, line in enumerate(box.lines, start=1):
        at = y + number * LINE_HEIGHT
        parts.append(f'<text class="note" x="{x}" y="{at}"{anchor}>{_quoted(line)}</text>')
    return parts


def _kind(line: Line) -> str:
    """The style of a line."""
    if line.forward:
        return "parts" if line.parts else "forward"
    return "both" if line.both else _flow(line.reads)


def _flow(reads: bool) -> str:
    return "read" if reads else "write"


def _line(line: Line, path: list[tuple[int, int]]) -> list[str]:
    """The path with rounded corners and its arrowheads."""
    kind = _kind(line)
    dashes = " neighbour" if line.neighbour else ""
    shortened = list(path)
    shortened[-1] = _towards(path[-1], path[-2], ARROW - 2)
    if line.both:
        shortened[0] = _towards(path[0], path[1], ARROW - 2)
    title = f"{at_length(line.source)} {'<->' if line.both else '->'} {at_length(line.target)}"
    parts = [
        f'<path class="line {kind}{dashes}" d="{_rounded(shortened)}"><title>{_quoted(title)}</title></path>',
        _head(path[-1], path[-2], _flow(line.reads) if line.both else kind),
    ]
    if line.both:
        parts.append(_head(path[0], path[1], _flow(not line.reads)))
    return parts


def _towards(point: tuple[int, int], other: tuple[int, int], length: int) -> tuple[int, int]:
    """``length`` pixels from ``point`` in the direction of ``other``."""
    dx, dy = other[0] - point[0], other[1] - point[1]
    if abs(dx) >= abs(dy):
        return point[0] + (length if dx > 0 else -length if dx < 0 else 0), point[1]
    return point[0], point[1] + (length if dy > 0 else -length)


def _rounded(path: list[tuple[int, int]]) -> str:
    parts = [f"M{path[0][0]} {path[0][1]}"]
    for before, corner, after in zip(path, path[1:], path[2:], strict=False):
        start, end = _towards(corner, before, CORNER), _towards(corner, after, CORNER)
        parts.append(f"L{start[0]} {start[1]}Q{corner[0]} {corner[1]} {end[0]} {end[1]}")
    parts.append(f"L{path[-1][0]} {path[-1][1]}")
    return "".join(parts)


def _head(tip: tuple[int, int], origin: tuple[int, int], kind: str) -> str:
    """A filled triangle at ``tip`` that points away from ``origin``."""
    base = _towards(tip, origin, ARROW)
    half = ARROW // 2
    if base[1] == tip[1]:
        corners = ((base[0], base[1] - half), (base[0], base[1] + half))
    else:
        corners = ((base[0] - half, base[1]), (base[0] + half, base[1]))
    points = " ".join(f"{x},{y}" for x, y in (tip, *corners))
    return f'<polygon class="head {kind}" points="{points}"/>'


def _junctions(paths: dict[Line, list[tuple[int, int]]]) -> list[str]:
    """Dots where a line leaves the trunk of its net."""
    arms: dict[tuple[str, int, int], set[tuple[int, int]]] = {}
    kinds: dict[str, str] = {}
    for line, path in paths.items():
        kinds[line.net] = _kind(line)
        for here, there in pairwise(path):
            dx, dy = _sign(there[0] - here[0]), _sign(there[1] - here[1])
            steps = max(abs(there[0] - here[0]), abs(there[1] - here[1])) // 10
            for step in range(steps + 1):
                node = (line.net, here[0] + 10 * dx * step, here[1] + 10 * dy * step)
                if step < steps:
                    arms.setdefault(node, set()).add((dx, dy))
                if step:
                    arms.setdefault(node, set()).add((-dx, -dy))
    return [
        f'<circle class="head {kinds[net]}" cx="{x}" cy="{y}" r="3"/>'
        for (net, x, y), directions in arms.items()
        if len(directions) > 2
    ]


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def _legend(top: int, lines: list[Line]) -> tuple[list[str], int]:
    """What the lines mean, for the kinds that occur, and the width that this takes."""
    has_instructions = not lines or any(line.forward for line in lines)  # platforms have none
    entries = [("forward", "", "instructions (FORWARD)")] if has_instructions else []
    if any(line.parts for line in lines):
        entries.append(("parts", "", "parts of instructions (FORWARD)"))
    entries += [("read", "", "read (READ_DATA)"), ("write", "", "write (WRITE_DATA)")]
    if any(line.neighbour for line in lines):
        entries.append(("both", " neighbour", "to a neighbouring instance"))
    parts = []
    x, y = 20, top + 8
    for kind, dashes, text in entries:
        parts.append(f'<path class="line {kind}{dashes}" d="M{x} {y}L{x + 24} {y}"/>')
        parts.append(_head((x + 32, y), (x, y), kind))
        parts.append(f'<text class="note" x="{x + 40}" y="{y + 4}">{_quoted(text)}</text>')
        x += 70 + 7 * len(text)
    return parts, x
