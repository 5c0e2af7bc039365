"""How the lines run: orthogonal paths on the grid that go around boxes and keep apart from each other."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from acadl.draw.boxes import Box, Line
from acadl.draw.layout import GRID, HEADING, Rect, heading_width

Point = tuple[int, int]  # in grid steps
RIGHT, DOWN, LEFT, UP = range(4)
MOVES = ((1, 0), (0, 1), (-1, 0), (0, -1))

STUB = 2  # steps from the border to the first bend
STEP = 10
SHARED_STEP = 4  # along the trunk of the same net
BEND = 45
CROSSING = 60
OVERLAP = 600  # on top of another net: only where there is no other way
FOREIGN = 25  # per step inside a container that the line has no business in
BORDER = 150  # along a container's border
SIDE = {True: (0, 60, 200, 60), False: (0, 15, 0, 15)}  # leaving by right, bottom, left, top; by forward


@dataclass
class _Grid:
    """Obstacles and what is already drawn.

    Attributes:
        blocked: Nodes inside leaf boxes and headings.
        borders: Nodes on the border of a container, by the axis along which the border runs.
        rooms: Containers as (key, low x, low y, high x, high y).
        used: Nets that pass a node horizontally, vertically; a bend counts as both.
        nets: All nets drawn so far.
        stubs: Nodes under arrowheads, where nothing may branch off.
    """

    width: int
    height: int
    blocked: set[Point] = field(default_factory=set)
    borders: tuple[set[Point], set[Point]] = field(default_factory=lambda: (set(), set()))
    rooms: list[tuple[str, int, int, int, int]] = field(default_factory=list)
    used: tuple[dict[Point, set[str]], dict[Point, set[str]]] = field(default_factory=lambda: ({}, {}))
    nets: set[str] = field(default_factory=set)
    stubs: set[Point] = field(default_factory=set)


def route(root: Box, lines: list[Line], rects: dict[str, Rect]) -> dict[Line, list[Point]]:
    """Path of every line as corner points in pixels, from the source's border to the target's."""
    grid = _prepare(root, rects)
    owners = {box.key: _containers(root, box.key) for box in root.walk()}
    paths: dict[Line, list[Point]] = {}
    for line in sorted(lines, key=lambda line: (not line.forward, _distance(rects, line))):
        foreign = [room for room in grid.rooms if room[0] not in owners[line.source] | owners[line.target]]
        nodes = _search(grid, line, rects[line.source], rects[line.target], foreign)
        _occupy(grid, line.net, nodes)
        paths[line] = [(x * GRID, y * GRID) for x, y in _corners(nodes)]
    return paths


def _containers(root: Box, key: str) -> frozenset[str]:
    """Keys of the boxes that contain ``key``, and itself."""
    return frozenset(box.key for box in root.walk() if any(inner.key == key for inner in box.walk()))


def _prepare(root: Box, rects: dict[str, Rect]) -> _Grid:
    outline = rects[root.key]
    grid = _Grid(outline.width // GRID, outline.height // GRID)
    for box in root.walk():
        if box is root:
            continue
        low_x, low_y, high_x, high_y = _bounds(rects[box.key])
        if not box.children:
            grid.blocked |= {(x, y) for x in range(low_x, high_x + 1) for y in range(low_y, high_y + 1)}
            continue
        grid.rooms.append((box.key, low_x, low_y, high_x, high_y))
        reach = low_x + max(heading_width(box), *(8 * len(text) for text in (*box.lines, ""))) // GRID + 1
        deep = low_y + (HEADING + 15 * len(box.lines)) // GRID
        grid.blocked |= {(x, y) for x in range(low_x, min(reach, high_x)) for y in range(low_y, deep)}
        stack = 1 if box.copies else 0  # the instances behind stick out at the top and right
        tops, sides = {low_y, low_y - stack, high_y}, {low_x, high_x, high_x + stack}
        grid.borders[0].update((x, y) for x in range(low_x, high_x + 1) for y in tops)
        grid.borders[1].update((x, y) for y in range(low_y, high_y + 1) for x in sides)
    return grid


def _bounds(rect: Rect) -> tuple[int, int, int, int]:
    return rect.x // GRID, rect.y // GRID, rect.right // GRID, rect.bottom // GRID


def _distance(rects: dict[str, Rect], line: Line) -> int:
    a, b = rects[line.source], rects[line.target]
    return abs(2 * a.x + a.width - 2 * b.x - b.width) + abs(2 * a.y + a.height - 2 * b.y - b.height)


def _ports(rect: Rect) -> Iterator[tuple[Point, int, int]]:
    """Nodes two steps outside the border with their side and the distance from the side's middle."""
    low_x, low_y, high_x, high_y = _bounds(rect)
    middle_x, middle_y = (low_x + high_x) // 2, (low_y + high_y) // 2
    for y in range(low_y + 1, high_y):
        yield (high_x + STUB, y), RIGHT, abs(y - middle_y)
        yield (low_x - STUB, y), LEFT, abs(y - middle_y)
    for x in range(low_x + 1, high_x):
        yield (x, high_y + STUB), DOWN, abs(x - middle_x)
        yield (x, low_y - STUB), UP, abs(x - middle_x)


def _search(
    grid: _Grid, line: Line, source: Rect, target: Rect, foreign: list[tuple[str, int, int, int, int]]
) -> list[Point]:
    """Cheapest path of nodes, border nodes of both boxes included (A* over node and direction)."""
    goals: dict[tuple[Point, int], int] = {}
    for node, side, off in _ports(target):
        if _behind(node, side) in grid.blocked:
            continue
        facing = (side + 2) % 4  # entering by the left side means moving right
        goals[node, facing] = SIDE[line.forward][facing] + 2 * off + _port_cost(grid, line, node, side)
    box = _bounds(target)
    floor = SHARED_STEP if line.net in grid.nets else STEP
    counter = 0
    heap: list[tuple[int, int, int, Point, int]] = []
    cost: dict[tuple[Point, int], int] = {}
    came: dict[tuple[Point, int], tuple[Point, int] | None] = {}
    for node, side, off in _ports(source):
        if node in grid.blocked or _behind(node, side) in grid.blocked:
            continue
        start = SIDE[line.forward][side] + 2 * off + _port_cost(grid, line, node, side)
        cost[node, side] = start
        came[node, side] = None
        counter += 1
        heapq.heappush(heap, (start + _estimate(node, box, floor), counter, start, node, side))
    best: tuple[int, tuple[Point, int]] | None = None
    while heap:
        guess, _, spent, node, heading = heapq.heappop(heap)
        if best is not None and guess >= best[0]:
            break
        state = (node, heading)
        if spent > cost[state]:
            continue
        if state in goals and (best is None or spent + goals[state] < best[0]):
            best = (spent + goals[state], state)
        for turn in (0, 1, 3):
            following = (heading + turn) % 4
            there = (node[0] + MOVES[following][0], node[1] + MOVES[following][1])
            extra = _step_cost(grid, line.net, node, there, heading, following, foreign)
            if extra is None:
                continue
            if spent + extra < cost.get((there, following), 1 << 60):
                cost[there, following] = spent + extra
                came[there, following] = state
                counter += 1
                total = spent + extra
                heapq.heappush(heap, (total + _estimate(there, box, floor), counter, total, there, following))
    if best is None:
        return _straight(source, target)
    return _trace(came, best[1])


def _behind(node: Point, side: int) -> Point:
    """The node between a port and its box."""
    return node[0] - MOVES[side][0], node[1] - MOVES[side][1]


def _port_cost(grid: _Grid, line: Line, node: Point, side: int) -> int:
    """Leaving or entering where another net already does is an overlap."""
    crossed = grid.used[1 - side % 2].get(_behind(node, side), set()) - {line.net}
    taken = grid.used[side % 2].get(_behind(node, side), set()) - {line.net}
    return (OVERLAP if taken else 0) + (CROSSING if crossed else 0)


def _step_cost(
    grid: _Grid,
    net: str,
    here: Point,
    there: Point,
    heading: int,
    following: int,
    foreign: list[tuple[str, int, int, int, int]],
) -> int | None:
    """Cost of one step; ``None`` where a box is in the way."""
    if there in grid.blocked or there in grid.stubs:
        return None
    if not (0 < there[0] < grid.width and 0 < there[1] < grid.height):
        return None
    axis = following % 2
    mine = net in grid.used[axis].get(here, ()) and net in grid.used[axis].get(there, ())
    total = SHARED_STEP if mine else STEP
    if heading != following:
        total += BEND
        if grid.used[axis].get(here, set()) - {net}:
            total += OVERLAP
    if grid.used[axis].get(there, set()) - {net}:
        total += OVERLAP
    if grid.used[1 - axis].get(there, set()) - {net}:
        total += CROSSING
    if there in grid.borders[axis]:
        total += BORDER
    for _, low_x, low_y, high_x, high_y in foreign:
        if low_x <= there[0] <= high_x and low_y <= there[1] <= high_y:
            total += FOREIGN
    return total


def _estimate(node: Point, box: tuple[int, int, int, int], step: int) -> int:
    """Lower bound of the cost to reach ``box`` with steps of at least ``step``."""
    low_x, low_y, high_x, high_y = box
    dx = max(low_x - STUB - node[0], 0, node[0] - high_x - STUB)
    dy = max(low_y - STUB - node[1], 0, node[1] - high_y - STUB)
    return step * (dx + dy)


def _trace(came: dict[tuple[Point, int], tuple[Point, int] | None], last: tuple[Point, int]) -> list[Point]:
    """Nodes from border to border."""
    (x, y), heading = last
    nodes = [(x + d * MOVES[heading][0], y + d * MOVES[heading][1]) for d in range(STUB, 0, -1)]
    state: tuple[Point, int] | None = last
    first = last
    while state is not None:
        nodes.append(state[0])
        first = state
        state = came[state]
    (x, y), heading = first
    nodes += [(x - d * MOVES[heading][0], y - d * MOVES[heading][1]) for d in range(1, STUB + 1)]
    return nodes[::-1]


def _straight(source: Rect, target: Rect) -> list[Point]:
    """Between the nearest corners, for boxes that are walled in."""
    a, b = _bounds(source), _bounds(target)
    return [(a[2], (a[1] + a[3]) // 2), (b[0], (b[1] + b[3]) // 2)]


def _occupy(grid: _Grid, net: str, nodes: list[Point]) -> None:
    """Note which nodes the net passes and in which direction."""
    grid.nets.add(net)
    grid.stubs |= {nodes[1], nodes[-2]}
    for here, there in pairwise(nodes):
        axis = 0 if here[1] == there[1] else 1
        for node in (here, there):
            grid.used[axis].setdefault(node, set()).add(net)


def _corners(nodes: list[Point]) -> list[Point]:
    """First, last and every node where the direction changes."""
    kept = [nodes[0]]
    for before, node, after in zip(nodes, nodes[1:], nodes[2:], strict=False):
        if (node[0] - before[0], node[1] - before[1]) != (after[0] - node[0], after[1] - node[1]):
            kept.append(node)
    return [*kept, nodes[-1]]
