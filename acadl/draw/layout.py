"""Where the boxes stand: columns along the instruction path, storages beside their users.

All coordinates are multiples of ``GRID`` pixels, so that lines can run on the grid between the boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from acadl.draw.boxes import Box, Line

GRID = 10
TITLE_WIDTH = 8.4  # pixels per character of a heading
TEXT_WIDTH = 7.0  # pixels per character of an attribute line
HEADING = 30  # height of a container's heading
LINE_HEIGHT = 15
ROW_GAP = 40
MARGIN = 30  # inside a container: room for a line with its bend
SWEEPS = 8


@dataclass(frozen=True)
class Rect:
    """Position and size in pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height


@dataclass
class _Item:
    """A child that is being placed: size, column, vertical position relative to the container."""

    box: Box
    width: int
    height: int
    column: int = 0
    y: int = 0


@dataclass(frozen=True)
class _Pull:
    """A line as one end sees it: leaves ``own`` below its top, ends ``offset`` below the other's top."""

    own: float
    other: _Item
    offset: float


def place(root: Box, lines: list[Line]) -> dict[str, Rect]:
    """Rectangle of every box by key; the root's begins at the origin."""
    inside: dict[str, dict[str, tuple[int, int]]] = {}
    sizes: dict[str, tuple[int, int]] = {}
    owners = _owners(root)
    _measure(root, lines, owners, inside, sizes)
    rects: dict[str, Rect] = {}
    _settle(root, 0, 0, inside, sizes, rects)
    return rects


def heading_width(box: Box) -> int:
    """Pixels that the heading takes."""
    return _snap(len(box.heading) * TITLE_WIDTH + 10)


def _owners(root: Box) -> dict[str, tuple[str, ...]]:
    """Key to the keys of its containers and itself, outermost first."""
    owners: dict[str, tuple[str, ...]] = {}

    def visit(box: Box, path: tuple[str, ...]) -> None:
        owners[box.key] = (*path, box.key)
        for child in box.children:
            visit(child, owners[box.key])

    visit(root, ())
    return owners


def _snap(length: float, step: int = GRID) -> int:
    """Rounded up to the grid."""
    return int(-(-length // step) * step)


def _measure(
    box: Box,
    lines: list[Line],
    owners: dict[str, tuple[str, ...]],
    inside: dict[str, dict[str, tuple[int, int]]],
    sizes: dict[str, tuple[int, int]],
) -> None:
    """Fill in the size of ``box`` and the positions of its children, innermost first."""
    text_width = max((len(line) * TEXT_WIDTH for line in box.lines), default=0)
    wide = max(heading_width(box), text_width)
    if not box.children:
        ends = sum(box.key in (line.source, line.target) for line in lines)
        height = max(HEADING + LINE_HEIGHT * len(box.lines) + 6, 10 * ends + 20, 40)
        sizes[box.key] = (max(80, _snap(wide + 20, 20)), _snap(height, 20))
        return
    for child in box.children:
        _measure(child, lines, owners, inside, sizes)
    items = {child.key: _Item(child, *sizes[child.key]) for child in box.children}
    joins = _joins(box, lines, owners)
    _columns(box, items, joins)
    top = HEADING + LINE_HEIGHT * len(box.lines)
    pulls = _pulls(box, items, lines, owners, inside, sizes)
    width, height, positions = _arrange(items, joins, pulls, _snap(top + 10))
    inside[box.key] = positions
    sizes[box.key] = (max(_snap(wide + 20, 20), width), height)


def _joins(box: Box, lines: list[Line], owners: dict[str, tuple[str, ...]]) -> list[tuple[str, str, bool]]:
    """Lines lifted to the children of ``box``: (source, target, forward)."""
    depth = len(owners[box.key])
    joins: dict[tuple[str, str, bool], None] = {}
    for line in lines:
        source, target = owners[line.source], owners[line.target]
        if source[:depth] == target[:depth] == owners[box.key] and len(source) > depth < len(target):
            ends = (source[depth], target[depth])
            if ends[0] != ends[1]:
                joins[*ends, line.forward] = None
    return list(joins)


def _pulls(
    box: Box,
    items: dict[str, _Item],
    lines: list[Line],
    owners: dict[str, tuple[str, ...]],
    inside: dict[str, dict[str, tuple[int, int]]],
    sizes: dict[str, tuple[int, int]],
) -> dict[str, list[_Pull]]:
    """For each child of ``box`` the lines to its siblings, with the heights at which they end."""
    depth = len(owners[box.key])
    pulls: dict[str, list[_Pull]] = {key: [] for key in items}

    def drop(path: tuple[str, ...]) -> float:
        """From the child's top to the middle of the box at the end of ``path``."""
        steps = sum(inside[outer][inner][1] for outer, inner in pairwise(path[depth:]))
        return steps + sizes[path[-1]][1] / 2

    for line in lines:
        source, target = owners[line.source], owners[line.target]
        if len(source) > depth < len(target) and source[depth] in items and target[depth] in items:
            a, b = source[depth], target[depth]
            if a != b:
                pulls[a].append(_Pull(drop(source), items[b], drop(target)))
                pulls[b].append(_Pull(drop(target), items[a], drop(source)))
    return pulls


def _columns(box: Box, items: dict[str, _Item], joins: list[tuple[str, str, bool]]) -> None:
    """Stages by their longest forward path; storages one column beyond their users."""
    if not joins:
        rows = 5 if len(items) > 6 else 6
        for number, item in enumerate(items.values()):
            item.column = number // rows
        return
    level = _forward_levels(items, joins)
    first = {key for key, column in level.items() if column == 0}
    while len(level) < len(items):
        beside = _beside(items, joins, level)
        if not beside:
            level |= {key: 0 for key in items if key not in level}
            break
        for key, users in beside.items():
            only_fetch = users <= first and len(level) > len(first)
            level[key] = -1 if only_fetch else max(level[user] for user in users) + 1
    lowest = min(level.values())
    for key, item in items.items():
        item.column = level[key] - lowest


def _forward_levels(items: dict[str, _Item], joins: list[tuple[str, str, bool]]) -> dict[str, int]:
    """Longest path from a source along the instruction path, then along data; edges back are left out."""
    forward = [(a, b) for a, b, is_forward in joins if is_forward]
    level = {key: 0 for key in items if any(key in pair for pair in forward)}
    if not level:
        stages = [k for k, i in items.items() if i.box.kind in ("fetch", "stage", "execute", "group")]
        level = dict.fromkeys(stages or list(items)[:1], 0)
    level |= dict.fromkeys(_between(items, joins), 0)
    order: dict[str, set[str]] = {key: set() for key in level}
    data = [(a, b) for a, b, is_forward in joins if not is_forward and a in level and b in level]
    for source, target in (*forward, *data):
        if source not in _reachable(target, order):
            order[source].add(target)
    pending = list(level)
    while pending:
        source = pending.pop(0)
        for target in order[source]:
            if level[target] <= level[source]:
                level[target] = level[source] + 1
                pending.append(target)
    return level


def _between(items: dict[str, _Item], joins: list[tuple[str, str, bool]]) -> list[str]:
    """Register files and on-chip memories that one box fills and another one reads: between the two."""
    one_way = [(a, b) for a, b, is_forward in joins if not is_forward and (b, a, False) not in joins]
    filled, read = {b for _, b in one_way}, {a for a, _ in one_way}
    return [k for k, item in items.items() if item.box.kind in ("registers", "sram") and k in filled & read]


def _reachable(start: str, order: dict[str, set[str]]) -> set[str]:
    """``start`` and everything after it."""
    seen = {start}
    pending = [start]
    while pending:
        new = order[pending.pop()] - seen
        seen |= new
        pending += sorted(new)
    return seen


def _beside(
    items: dict[str, _Item], joins: list[tuple[str, str, bool]], level: dict[str, int]
) -> dict[str, set[str]]:
    """Boxes without a column that touch one with a column, and which."""
    found: dict[str, set[str]] = {}
    for source, target, _ in joins:
        for key, other in ((source, target), (target, source)):
            if key not in level and other in level:
                found.setdefault(key, set()).add(other)
    return {key: found[key] for key in items if key in found}


def _arrange(
    items: dict[str, _Item],
    joins: list[tuple[str, str, bool]],
    pulls: dict[str, list[_Pull]],
    top: int,
) -> tuple[int, int, dict[str, tuple[int, int]]]:
    """Size of the container and positions of the children."""
    columns: dict[int, list[_Item]] = {}
    for item in items.values():
        columns.setdefault(item.column, []).append(item)
    for members in columns.values():
        _stack(members, 0)
    order = sorted(columns)
    for sweep in range(SWEEPS):
        for column in order if sweep % 2 == 0 else reversed(order):
            _pull(columns[column], pulls)
    shift = top - min(item.y for item in items.values())
    positions: dict[str, tuple[int, int]] = {}
    x = MARGIN
    for column in order:
        width = max(item.width for item in columns[column])
        for item in columns[column]:
            positions[item.box.key] = (x + (width - item.width) // 2 // GRID * GRID, item.y + shift)
        crossing = sum(_crosses(items, join, column) for join in joins)
        x += width + min(_snap(40 + 6 * crossing), 100)
        if column == order[-1]:
            x = max(px + items[key].width for key, (px, _) in positions.items()) + MARGIN
    bottom = max(item.y + shift + item.height for item in items.values())
    return x, _snap(bottom + MARGIN - 10, 20), positions


def _crosses(items: dict[str, _Item], join: tuple[str, str, bool], column: int) -> bool:
    """Whether a join has to pass the gap after ``column``."""
    ends = sorted((items[join[0]].column, items[join[1]].column))
    return ends[0] <= column < ends[1]


def _stack(members: list[_Item], start: int) -> None:
    y = start
    for item in members:
        item.y = y
        y += item.height + ROW_GAP


def _pull(members: list[_Item], pulls: dict[str, list[_Pull]]) -> None:
    """Move each box of a column so that its lines are as level as can be, without overlap."""
    wish = {}
    for item in members:
        tops = [
            pull.other.y + pull.offset - pull.own
            for pull in pulls[item.box.key]
            if pull.other.column != item.column
        ]
        wish[item.box.key] = sum(tops) / len(tops) if tops else float(item.y)
    # stable: boxes with the same wish keep their order
    members.sort(key=lambda item: wish[item.box.key] + item.height / 2)
    y = -(10**9)
    for item in members:
        item.y = max(y, _snap(wish[item.box.key]))
        y = item.y + item.height + ROW_GAP
    # what was pushed down drags the column: centre the block on its wishes again
    drift = sum(item.y - wish[item.box.key] for item in members) / len(members)
    for item in members:
        item.y -= int(drift // GRID * GRID)


def _settle(
    box: Box,
    x: int,
    y: int,
    inside: dict[str, dict[str, tuple[int, int]]],
    sizes: dict[str, tuple[int, int]],
    rects: dict[str, Rect],
) -> None:
    """Turn relative positions into absolute ones."""
    rects[box.key] = Rect(x, y, *sizes[box.key])
    for child in box.children:
        dx, dy = inside[box.key][child.key]
        _settle(child, x + dx, y + dy, inside, sizes, rects)
