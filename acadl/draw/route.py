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
SHARED_STEP = 7  # along the trunk of the same net
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
        rooms: Node to the keys of the containers that it lies in.
        used: Nets that pass a node horizontally, vertically; a bend counts as both.
        nets: All nets drawn so far.
        stubs: Nodes under arrowheads, where nothing may branch off.
    """

    width: int
    height: int
    blocked: set[Point] = field(default_factory=set)
    borders: tuple[set[Point], set[Point]] = field(default_factory=lambda: (set(), set()))
    rooms: dict[Point, tuple[str, ...]] = field(default_factory=dict)
    used: tuple[dict[Point, set[str]], dict[Point, set[str]]] = field(default_factory=lambda: ({}, {}))
    nets: set[str] = field(default_factory=set)
    stubs: set[Point] = field(default_factory=set)


def route(root: Box, lines: list[Line], rects: dict[str, Rect]) -> dict[Line, list[Point]]:
    """Path of every line as corner points in pixels, from the source's border to the target's."""
    grid = _prepare(root, rects)
    owners = {box.key: _containers(root, box.key) for box in root.walk()}
    paths: dict[Line, list[Point]] = {}
    for line in sorted(lines, key=lambda line: (not line.forward, _distance(rects, line))):
        at_home = owners[line.source] | owners[line.target]
        nodes = _search(grid, line, rects[line.source], rects[line.target], at_home)
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
        for node in ((x, y) for x in range(low_x, high_x + 1) for y in range(low_y, high_y + 1)):
            grid.rooms[node] = (*grid.rooms.get(node, ()), box.key)
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


def _ports(grid: _Grid, line: Line, rect: Rect, entering: bool) -> Iterator[tuple[Point, int, int]]:
    """Free nodes ``STUB`` steps outside the border, the side they lie at, and what the port costs."""
    low_x, low_y, high_x, high_y = _bounds(rect)
    middle_x, middle_y = (low_x + high_x) // 2, (low_y + high_y) // 2
    places = [((high_x + STUB, y), RIGHT, abs(y - middle_y)) for y in range(low_y + 1, high_y)]
    places += [((low_x - STUB, y), LEFT, abs(y - middle_y)) for y in range(low_y + 1, high_y)]
    places += [((x, high_y + STUB), DOWN, abs(x - middle_x)) for x in range(low_x + 1, high_x)]
    places += [((x, low_y - STUB), UP, abs(x - middle_x)) for x in range(low_x + 1, high_x)]
    for node, side, off in places:
        if node not in grid.blocked and _behind(node, side) not in grid.blocked:
            wish = SIDE[line.forward][(side + 2) % 4 if entering else side]
            yield node, side, wish + 2 * off + _port_cost(grid, line.net, node, side)


def _search(grid: _Grid, line: Line, source: Rect, target: Rect, at_home: frozenset[str]) -> list[Point]:
    """Cheapest path of nodes, border nodes of both boxes included (A* over node and direction)."""
    goals = {
        (node, (side + 2) % 4): cost  # entering by the left side means moving right
        for node, side, cost in _ports(grid, line, target, entering=True)
    }
    box = _bounds(target)
    floor = SHARED_STEP if line.net in grid.nets else STEP
    heap: list[tuple[int, int, int, Point, int]] = []
    cost: dict[tuple[Point, int], int] = {}
    came: dict[tuple[Point, int], tuple[Point, int] | None] = {}
    for node, side, start in _ports(grid, line, source, entering=False):
        cost[node, side] = start
        came[node, side] = None
        heapq.heappush(heap, (start + _estimate(node, box, floor), len(came), start, node, side))
    best, last = 1 << 60, None
    while heap and heap[0][0] < best:
        _, _, spent, node, heading = heapq.heappop(heap)
        state = (node, heading)
        if spent > cost[state]:
            continue
        if state in goals and spent + goals[state] < best:
            best, last = spent + goals[state], state
        for there, following, extra in _steps(grid, line.net, node, heading, at_home):
            total = spent + extra
            if total < cost.get((there, following), 1 << 60):
                cost[there, following] = total
                came[there, following] = state
                guess = total + _estimate(there, box, floor)
                heapq.heappush(heap, (guess, len(came), total, there, following))
    return _straight(source, target) if last is None else _trace(came, last)


def _behind(node: Point, side: int) -> Point:
    """The node between a port and its box."""
    return node[0] - MOVES[side][0], node[1] - MOVES[side][1]


def _port_cost(grid: _Grid, net: str, node: Point, side: int) -> int:
    """Leaving or entering where another net already does is an overlap."""
    between = _behind(node, side)
    taken = grid.used[side % 2].get(between, set()) - {net}
    crossed = grid.used[1 - side % 2].get(between, set()) - {net}
    return (OVERLAP if taken else 0) + (CROSSING if crossed else 0)


def _steps(
    grid: _Grid, net: str, node: Point, heading: int, at_home: frozenset[str]
) -> Iterator[tuple[Point, int, int]]:
    """Neighbour, direction and cost of every step from ``node``: straight on, or to a side."""
    x, y = node
    for following in (heading, (heading + 1) % 4, (heading + 3) % 4):
        dx, dy = MOVES[following]
        there = (x + dx, y + dy)
        if there in grid.blocked or there in grid.stubs:
            continue
        if not (0 < there[0] < grid.width and 0 < there[1] < grid.height):
            continue
        along, across = grid.used[following % 2], grid.used[1 - following % 2]
        total = STEP
        nets = along.get(there)
        if nets is not None:
            if net in nets and net in along.get(node, ()):
                total = SHARED_STEP
            if len(nets) > (net in nets):
                total += OVERLAP
        nets = across.get(there)
        if nets is not None and len(nets) > (net in nets):
            total += CROSSING
        if heading != following:
            nets = along.get(node)
            total += BEND + (OVERLAP if nets is not None and len(nets) > (net in nets) else 0)
        if there in grid.borders[following % 2]:
            total += BORDER
        for room in grid.rooms.get(there, ()):
            if room not in at_home:
                total += FOREIGN
        yield there, following, total


def _estimate(node: Point, box: tuple[int, int, int, int], step: int) -> int:
    """Lower bound of the cost to reach ``box`` with steps of at least ``step``."""
    x, y = node
    low_x, low_y, high_x, high_y = box
    dx = low_x - STUB - x if x < low_x else x - high_x - STUB if x > high_x else 0
    dy = low_y - STUB - y if y < low_y else y - high_y - STUB if y > high_y else 0
    total = step * (max(dx, 0) + max(dy, 0))
    return total + BEND if dx > 0 and dy > 0 else total


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
