"""How the lines run: orthogonal paths on the grid that go around boxes and keep apart from each other."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise

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
MOST_STEPS = 300_000  # that are looked at for one drawing
_CLOSED = 1 << 40
SIDE = {True: (0, 60, 200, 60), False: (0, 15, 0, 15)}  # leaving by right, bottom, left, top; by forward


@dataclass
class _Grid:
    """Obstacles and what is already drawn.

    Nodes are numbered row by row, ``width + 1`` to a row. The axis of a step is 0 along a row, 1 across.

    Attributes:
        entry: Cost of a step to a node by the axis of the step, ``_CLOSED`` where there is none.
        room: Node to the number of the set of containers that it lies in.
        rooms: These sets.
        used: Nets that pass a node by axis; a bend counts as both.
        nets: All nets drawn so far.
        budget: Steps that may still be looked at.
        blocked: Nodes inside leaf boxes and headings, where no line may begin either.
    """

    width: int
    height: int
    entry: tuple[list[int], list[int]] = field(init=False)
    room: list[int] = field(init=False)
    rooms: list[tuple[str, ...]] = field(default_factory=lambda: [()])
    used: tuple[dict[int, set[str]], dict[int, set[str]]] = field(default_factory=lambda: ({}, {}))
    nets: set[str] = field(default_factory=set)
    budget: int = MOST_STEPS
    blocked: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        closed = [_CLOSED] * (self.width + 1)
        inner = [[_CLOSED, *[STEP] * (self.width - 1), _CLOSED] for _ in range(self.height - 1)]
        # ports of boxes at the border may lie on it or behind it
        rows = [closed, *inner, closed, *[closed] * (STUB + 1)]
        self.entry = (list(chain.from_iterable(rows)), list(chain.from_iterable(rows)))
        self.room = [0] * len(self.entry[0])

    def number(self, node: Point) -> int:
        """The number of a node."""
        return node[1] * (self.width + 1) + node[0]

    def node(self, number: int) -> Point:
        """The node of a number."""
        return number % (self.width + 1), number // (self.width + 1)

    def is_blocked(self, node: Point) -> bool:
        """Whether no line passes the node; arrowheads do not count."""
        return self.number(node) in self.blocked

    def close(self, nodes: Iterable[int]) -> None:
        """Let nothing pass the nodes from now on."""
        for number in nodes:
            self.entry[0][number] = self.entry[1][number] = _CLOSED

    def foreign(self, at_home: frozenset[str]) -> list[int]:
        """What a step costs beside its own cost, for each set of containers."""
        return [FOREIGN * sum(room not in at_home for room in rooms) for rooms in self.rooms]


def route(root: Box, lines: list[Line], rects: dict[str, Rect]) -> dict[Line, list[Point]]:
    """Path of every line as corner points in pixels, from the source's border to the target's.

    Lines that would take too long to lead around everything go the plain way: aside, along, aside.
    """
    grid = _prepare(root, rects)
    owners = _containers(root)
    paths: dict[Line, list[Point]] = {}
    for line in sorted(lines, key=lambda line: (not line.forward, _distance(rects, line))):
        at_home = owners[line.source] | owners[line.target]
        nodes = _search(grid, line, rects[line.source], rects[line.target], at_home)
        if nodes:
            _occupy(grid, line.net, nodes)
        else:
            nodes = _plain(rects[line.source], rects[line.target], len(paths))
        paths[line] = [(x * GRID, y * GRID) for x, y in _corners(nodes)]
    return paths


def _containers(root: Box) -> dict[str, frozenset[str]]:
    """Key of each box to the keys of the boxes that contain it, and its own."""
    owners = {root.key: frozenset((root.key,))}
    for box in root.walk():
        owners |= {child.key: owners[box.key] | {child.key} for child in box.children}
    return owners


def _prepare(root: Box, rects: dict[str, Rect]) -> _Grid:
    outline = rects[root.key]
    grid = _Grid(outline.width // GRID, outline.height // GRID)
    inside: dict[int, tuple[str, ...]] = {}  # node to its containers
    for box in root.walk():
        if box is root:
            continue
        low_x, low_y, high_x, high_y = _bounds(rects[box.key])
        if not box.children:
            grid.blocked |= _nodes(grid, low_x, low_y, high_x, high_y)
            continue
        for number in _nodes(grid, low_x, low_y, high_x, high_y):
            inside[number] = (*inside.get(number, ()), box.key)
        reach = low_x + max(heading_width(box), *(8 * len(text) for text in (*box.lines, ""))) // GRID + 1
        deep = low_y + (HEADING + 15 * len(box.lines)) // GRID
        grid.blocked |= _nodes(grid, low_x, low_y, min(reach, high_x) - 1, deep - 1)
        stack = 1 if box.copies else 0  # the instances behind stick out at the top and right
        for y in {low_y, low_y - stack, high_y}:
            _add(grid.entry[0], _nodes(grid, low_x, y, high_x, y))
        for x in {low_x, high_x, high_x + stack}:
            _add(grid.entry[1], _nodes(grid, x, low_y, x, high_y))
    sets: dict[tuple[str, ...], int] = {(): 0}
    for number, rooms in inside.items():
        grid.room[number] = sets.setdefault(rooms, len(sets))
    grid.rooms = list(sets)
    grid.close(grid.blocked)
    return grid


def _nodes(grid: _Grid, low_x: int, low_y: int, high_x: int, high_y: int) -> set[int]:
    """Numbers of the nodes of a rectangle, its borders included."""
    row = grid.width + 1
    return {y * row + x for y in range(low_y, high_y + 1) for x in range(low_x, high_x + 1)}


def _add(costs: list[int], nodes: Iterable[int]) -> None:
    """Make nodes dearer that lie on a border; borders that lie on each other count once."""
    for number in nodes:
        if costs[number] == STEP:
            costs[number] += BORDER


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
        if not grid.is_blocked(node) and not grid.is_blocked(_behind(node, side)):
            wish = SIDE[line.forward][(side + 2) % 4 if entering else side]
            yield node, side, wish + 2 * off + _port_cost(grid, line.net, node, side)


def _search(grid: _Grid, line: Line, source: Rect, target: Rect, at_home: frozenset[str]) -> list[Point]:
    """Cheapest path of nodes, border nodes of both boxes included (A* over node and direction).

    Empty where there is none, or where looking for it takes more steps than are left.
    """
    net, row = line.net, grid.width + 1
    moves = (1, row, -1, -row)
    goals = {
        4 * grid.number(node) + (side + 2) % 4: cost  # entering by the left side means moving right
        for node, side, cost in _ports(grid, line, target, entering=True)
    }
    guess = _estimator(grid, _bounds(target), SHARED_STEP if net in grid.nets else STEP)
    foreign, room = grid.foreign(at_home), grid.room
    heap: list[tuple[int, int, int, int]] = []
    cost: dict[int, int] = {}
    came: dict[int, int] = {}
    for node, side, start in _ports(grid, line, source, entering=False):
        state = 4 * grid.number(node) + side
        cost[state] = start
        came[state] = -1
        heap.append((start + guess(state >> 2), len(came), start, state))
    heapq.heapify(heap)
    best, last = 1 << 60, -1
    while heap and heap[0][0] < best:
        _, _, spent, state = heapq.heappop(heap)
        if spent > cost[state]:
            continue
        grid.budget -= 1
        if grid.budget < 0:
            return []
        if state in goals and spent + goals[state] < best:
            best, last = spent + goals[state], state
        number, heading = state >> 2, state & 3
        for following in (heading, (heading + 1) & 3, (heading + 3) & 3):
            there = number + moves[following]
            axis = following & 1
            extra = grid.entry[axis][there]
            if extra >= _CLOSED:
                continue
            along, across = grid.used[axis], grid.used[1 - axis]
            nets = along.get(there)
            if nets is not None:
                if net in nets and net in along.get(number, ()):
                    extra += SHARED_STEP - STEP
                if len(nets) > (net in nets):
                    extra += OVERLAP
            nets = across.get(there)
            if nets is not None and len(nets) > (net in nets):
                extra += CROSSING
            if heading != following:
                nets = along.get(number)
                extra += BEND + (OVERLAP if nets is not None and len(nets) > (net in nets) else 0)
            total = spent + extra + foreign[room[there]]
            reached = 4 * there + following
            if total < cost.get(reached, 1 << 60):
                cost[reached] = total
                came[reached] = state
                heapq.heappush(heap, (total + guess(there), len(came), total, reached))
    return [] if last < 0 else _trace(grid, came, last)


def _behind(node: Point, side: int) -> Point:
    """The node between a port and its box."""
    return node[0] - MOVES[side][0], node[1] - MOVES[side][1]


def _port_cost(grid: _Grid, net: str, node: Point, side: int) -> int:
    """Leaving or entering where another net already does is an overlap."""
    between = grid.number(_behind(node, side))
    taken = grid.used[side % 2].get(between, set()) - {net}
    crossed = grid.used[1 - side % 2].get(between, set()) - {net}
    return (OVERLAP if taken else 0) + (CROSSING if crossed else 0)


def _estimator(grid: _Grid, box: tuple[int, int, int, int], step: int) -> Callable[[int], int]:
    """Lower bound of the cost to reach ``box`` with steps of at least ``step``."""
    low_x, low_y, high_x, high_y = box[0] - STUB, box[1] - STUB, box[2] + STUB, box[3] + STUB
    row = grid.width + 1
    across = [max(low_x - x if x < box[0] else x - high_x if x > box[2] else 0, 0) for x in range(row)]
    along = [
        max(low_y - y if y < box[1] else y - high_y if y > box[3] else 0, 0) for y in range(grid.height + 1)
    ]

    def estimate(number: int) -> int:
        dx, dy = across[number % row], along[number // row]
        return step * (dx + dy) + (BEND if dx and dy else 0)

    return estimate


def _trace(grid: _Grid, came: dict[int, int], last: int) -> list[Point]:
    """Nodes from border to border."""
    (x, y), heading = grid.node(last >> 2), last & 3
    nodes = [(x + d * MOVES[heading][0], y + d * MOVES[heading][1]) for d in range(STUB, 0, -1)]
    state = first = last
    while state >= 0:
        nodes.append(grid.node(state >> 2))
        first, state = state, came[state]
    (x, y), heading = grid.node(first >> 2), first & 3
    nodes += [(x - d * MOVES[heading][0], y - d * MOVES[heading][1]) for d in range(1, STUB + 1)]
    return nodes[::-1]


def _plain(source: Rect, target: Rect, number: int) -> list[Point]:
    """From the side of a box to the facing side of the other one, without regard to anything else."""
    a, b = _bounds(source), _bounds(target)
    start, end = (a[1] + a[3]) // 2, (b[1] + b[3]) // 2
    left, right = (a[2], b[0]) if a[2] <= b[0] else (a[0], b[2])
    middle = (left + right) // 2 + number % 5 - 2  # lines beside each other
    return [(left, start), (middle, start), (middle, end), (right, end)]


def _occupy(grid: _Grid, net: str, nodes: list[Point]) -> None:
    """Note which nodes the net passes and in which direction."""
    grid.nets.add(net)
    grid.close(map(grid.number, (nodes[1], nodes[-2])))  # under arrowheads nothing may branch off
    for here, there in pairwise(nodes):
        axis = 0 if here[1] == there[1] else 1
        for node in (here, there):
            grid.used[axis].setdefault(grid.number(node), set()).add(net)


def _corners(nodes: list[Point]) -> list[Point]:
    """First, last and every node where the direction changes."""
    kept = [nodes[0]]
    for before, node, after in zip(nodes, nodes[1:], nodes[2:], strict=False):
        if (node[0] - before[0], node[1] - before[1]) != (after[0] - node[0], after[1] - node[1]):
            kept.append(node)
    return [*kept, nodes[-1]]
