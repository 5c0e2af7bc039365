"""What moves in a loop, and how far that is like the iterations before (for skipping, in order of time)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import gcd, lcm
from typing import Any, NamedTuple

from aidg.flow.kernel import names as n
from aidg.flow.kernel.operands import best_window, covered
from aidg.flow.tables import Tables

# Instructions of an iteration, or of a run of a loop, from which on it is a piece of its own.
PIECE, PIECES = 1, 64
# Rotations with a longer period are taken for straight until they wrap.
SHORT_PERIOD = 16


class Zone(NamedTuple):
    """Bytes ``[low, high)`` that an operand touches, and what it is."""

    space: int
    low: int
    high: int
    step: int  # bytes per iteration
    line: int
    write: bool

    def meets(self, other: Zone) -> bool:
        """Whether the two may conflict in a way that changes from iteration to iteration."""
        if self.step == other.step or self.space != other.space or not (self.write or other.write):
            return False
        if self.line >= 0 and self.line == other.line:
            return False
        return self.low < other.high and other.low < self.high


@dataclass(frozen=True, slots=True)
class Moves:
    """What moves in a loop.

    Attributes:
        period: What equal states are a multiple of apart.
        is_steady: Whether no cost depends on the index.
        strides: Bytes that an operand moves per iteration, by its position in the fixed list.
    """

    period: int
    is_steady: bool
    strides: dict[int, int]


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """One loop of the program.

    Attributes:
        level: Number of its index; ``name`` for messages.
        first, stop: Static steps inside.
        instructions: Per iteration.
        after: Entry of the tape behind the loop.
        inner: Level to count of the loops inside.
        pieces: That an iteration consists of, each up to a boundary of a loop; 0: it is part of one.
    """

    level: int
    name: str
    count: int
    first: int
    stop: int
    instructions: int
    after: int
    inner: dict[int, int]
    pieces: int


@dataclass(slots=True)
class Looks:
    """What has been seen of the present run of a loop.

    Attributes:
        seen: State to iteration, cycle and busy counters.
        gap: Iterations between two looks.
        latest: Cycles at the latest looks.
    """

    seen: dict[Any, tuple[int, int, list[int]]] = field(default_factory=dict)
    gap: int = 1
    latest: list[tuple[int, int]] = field(default_factory=list)

    def forget(self) -> None:
        """A new run of the loop begins, or what was seen is of no use."""
        self.seen.clear()
        self.latest.clear()


def plan_loops(tables: Tables) -> dict[int, LoopPlan]:
    """Loops by the entry of the tape at which their body begins."""
    k = tables.fixed
    tape = k[n.K_TAPE]
    open_loops: list[tuple[int, int, int, dict[int, int]]] = []
    plans: dict[int, LoopPlan] = {}
    counts, pieces = [0], [0]
    row = entry = 0
    while True:
        kind, level, count, _ = k[tape + 4 * entry : tape + 4 * entry + 4]
        if kind == n.STOP:
            return plans
        if kind == n.ROW:
            row = level + 1
            counts[-1] += 1
        elif kind == n.BEGIN:
            open_loops.append((entry, row, level, {}))
            counts.append(0)
            pieces.append(0)
        else:
            begin, first, _, inner = open_loops.pop()
            body = counts.pop()
            counts[-1] += count * body
            own = max(pieces.pop(), int(body >= PIECE or count * body >= PIECES))
            pieces[-1] += count * own
            for *_, others in open_loops:
                others[level] = max(count, others.get(level, 0))
            name = tables.levels[level]
            plans[begin + 1] = LoopPlan(level, name, count, first, row, body, entry + 1, inner, own)
        entry += 1


def _operands(k: list[int], plan: LoopPlan) -> list[tuple[int, int]]:
    """Positions of the steps and operands inside a loop."""
    found = []
    for number in range(plan.first, plan.stop):
        step = k[n.K_STEP] + number * n.STEP
        for index in range(k[step + n.T_OPERANDS]):
            found.append((step, k[n.K_OPERAND] + (k[step + n.T_OPERAND] + index) * n.OPERAND))
    return found


def moves_of(tables: Tables, plan: LoopPlan) -> Moves:
    """What moves in a loop, and when that is alike again."""
    k = tables.fixed
    period, strides = 1, {}
    known: dict[tuple[int, ...], int] = {}
    windows = _windows(k)
    window = windows[1]
    for step, operand in _operands(k, plan):
        stride = strides[operand] = stride_of(k, plan, operand)
        for _, modulus, _, terms in rotations_of(k, operand):
            turn = sum(coefficient for level, coefficient in terms if level == plan.level)
            length = modulus // gcd(turn, modulus)
            if length <= SHORT_PERIOD:
                period = lcm(period, length)
        if window and stride % window and k[step + n.T_LINE] >= 0 and k[operand + n.A_RANGES] >= 0:
            period = lcm(period, _cutting_period(k, operand, stride % window, windows, known))
    costs = [cost for number in range(plan.first, plan.stop) for cost in tables.costs.get(number, ())]
    is_steady = not any(
        plan.name in value.index_names()
        for cost in costs
        if not isinstance(cost, int)
        for value in cost.varying.values()
    )
    return Moves(period, is_steady, strides)


def _windows(k: list[int]) -> tuple[int, int]:
    """The smallest and the largest window that a mover cuts by; 0, 0: none does."""
    found: list[int] = []
    for queue in range(k[n.K_QUEUES]):
        record = k[n.K_QUEUE] + queue * n.QUEUE
        largest = k[k[n.K_MOVER] + k[record + n.Q_MOVER] * n.MOVER + n.V_LARGEST]
        port = k[k[n.K_STORAGE] + k[record + n.Q_STORAGE] * n.STORAGE + n.S_BYTES]
        if largest:
            found += (port, max(port, largest))
    return min(found, default=0), max(found, default=0)


def _cutting_period(
    k: list[int], operand: int, stride: int, windows: tuple[int, int], known: dict[tuple[int, ...], int]
) -> int:
    """Iterations after which rows are cut by aligned windows alike again; remembered in ``known``.

    Where that is before they are as far from the largest windows again, no row reaches from one window of the
    distance that they have moved into the next; then no share of a row does, whatever parts it is cut into.
    """
    window = windows[1]
    grain = gcd(window, *(coefficient for _, coefficient in terms_of(k, operand)))
    grain = gcd(grain, *(scale for scale, *_ in rotations_of(k, operand)))
    cycle = window // gcd(stride, window)
    first = k[operand + n.A_CONST] % grain
    key = k[operand + n.A_ROWS], k[operand + n.A_BYTES], k[operand + n.A_PITCH], stride, first, grain
    if key in known:
        return known[key]
    longest = 1
    for base in range(first, window, grain):
        cuts = [_cuts(k, operand, base + turn * stride, *windows) for turn in range(cycle)]
        found = next(p for p in range(1, cycle + 1) if cycle % p == 0 and cuts == cuts[p:] + cuts[:p])
        longest = lcm(longest, found)
    known[key] = longest
    return longest


def _cuts(k: list[int], operand: int, start: int, smallest: int, largest: int) -> tuple[tuple[int, int], ...]:
    """Bytes and size of the first window of each row of an operand; the others follow from it."""
    pitch, size = k[operand + n.A_PITCH], k[operand + n.A_BYTES]
    found = []
    for row in range(min(k[operand + n.A_ROWS], largest // gcd(pitch, largest))):
        first = start + row * pitch
        best = best_window(first, size, smallest, largest)
        found.append((covered(first, size, best), best))
    return tuple(found)


def terms_of(k: list[int], operand: int) -> list[tuple[int, int]]:
    """Loop level and coefficient of the terms of an address."""
    base = k[n.K_TERM] + k[operand + n.A_TERM]
    return [(k[base + 2 * i], k[base + 2 * i + 1]) for i in range(k[operand + n.A_TERMS])]


def rotations_of(k: list[int], operand: int) -> list[tuple[int, int, int, list[tuple[int, int]]]]:
    """Scale, modulus, constant and terms of the rotations of an address."""
    base = k[n.K_TERM] + k[operand + n.A_TERM] + 2 * k[operand + n.A_TERMS]
    found = []
    for _ in range(k[operand + n.A_ROTATIONS]):
        scale, modulus, const, count = k[base : base + 4]
        terms = [(k[base + 4 + 2 * i], k[base + 5 + 2 * i]) for i in range(count)]
        found.append((scale, modulus, const, terms))
        base += 4 + 2 * count
    return found


def stride_of(k: list[int], plan: LoopPlan, operand: int) -> int:
    """Bytes that an operand moves per iteration; what turns within a short period stays where it is."""
    stride = sum(coefficient for level, coefficient in terms_of(k, operand) if level == plan.level)
    for scale, modulus, _, terms in rotations_of(k, operand):
        turn = sum(coefficient for level, coefficient in terms if level == plan.level)
        if turn and modulus // gcd(turn, modulus) > SHORT_PERIOD:
            stride += scale * turn
    return stride


def zones(
    tables: Tables, plan: LoopPlan, moves: Moves, indices: list[int], first: int, stop: int
) -> list[Zone] | None:
    """What the operands inside a loop touch in iterations ``[first, stop)``.

    ``None`` where one of them leaves its memory's range or wraps around: later iterations need not be like
    earlier ones.
    """
    k = tables.fixed
    found = []
    for step, operand in _operands(k, plan):
        zone = _zone(k, plan, moves.strides[operand], step, operand, indices, first, stop)
        if zone is None:
            return None
        found.append(zone)
    return found


def _zone(
    k: list[int],
    plan: LoopPlan,
    stride: int,
    step: int,
    operand: int,
    indices: list[int],
    first: int,
    stop: int,
) -> Zone | None:
    low = high = k[operand + n.A_CONST]
    spans = {level: (0, count - 1) for level, count in plan.inner.items()} | {plan.level: (first, stop - 1)}
    for level, coefficient in terms_of(k, operand):
        low, high = _widen(low, high, coefficient, spans.get(level, (indices[level], indices[level])))
    for scale, modulus, const, terms in rotations_of(k, operand):
        inner_low = inner_high = const
        turn = 0
        for level, coefficient in terms:
            span = spans.get(level, (indices[level], indices[level]))
            inner_low, inner_high = _widen(inner_low, inner_high, coefficient, span)
            turn += coefficient if level == plan.level else 0
        is_short = turn == 0 or modulus // gcd(turn, modulus) <= SHORT_PERIOD
        if inner_low // modulus == inner_high // modulus:
            low, high = _widen(low, high, scale, (inner_low % modulus, inner_high % modulus))
        elif is_short:
            low, high = _widen(low, high, scale, (0, modulus - 1))
        else:
            return None
    high += (k[operand + n.A_ROWS] - 1) * k[operand + n.A_PITCH] + k[operand + n.A_BYTES]
    if stride and k[operand + n.A_RANGES] >= 0 and not _in_one_range(k, operand, low, high):
        return None
    return Zone(k[operand + n.A_SPACE], low, high, stride, k[step + n.T_LINE], k[operand + n.A_WRITE] == 1)


def _widen(low: int, high: int, coefficient: int, span: tuple[int, int]) -> tuple[int, int]:
    reach = coefficient * span[0], coefficient * span[1]
    return low + min(reach), high + max(reach)


def _in_one_range(k: list[int], operand: int, low: int, high: int) -> bool:
    index = k[operand + n.A_RANGES]
    while True:
        base = k[n.K_RANGE] + 3 * index
        if k[base] <= low < k[base + 1]:
            return high <= k[base + 1]
        index += 1
