"""Exact runs in order of time: no piece of the program is evaluated twice from the same state.

The state at the moment at which the front end comes to an iteration's first instruction, everything in flight
included, and the instructions up to the next such moment decide what happens until then
(:mod:`aidg.flow.kernel.memory`). Beyond that, a long loop whose state recurs is periodic, as long as its
operands stay in their memories and those that move differently keep apart. Then whole periods are skipped by
adding their time, and moving what is in flight to where it would be.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from aidg.flow.kernel import names as n
from aidg.flow.kernel.memory import LOOK, go, move_operands, write_look
from aidg.flow.kernel.pieces import ring_of
from aidg.flow.plans import Looks, LoopPlan, Moves, Zone, moves_of, plan_loops, zones
from aidg.flow.run import Run
from aidg.flow.tables import Tables

# Pieces of a run of a loop from which on looking at its state is worth it.
WORTHWHILE = 512
# Looks at one run of a loop after which it is looked at half as often.
REMEMBERED = 64
# Entries of what is remembered of a run, at first and at most; then it is forgotten.
ROOM, MOST_ROOM = 1 << 18, 1 << 23
# Looks after which a loop is extrapolated once the budget is spent, and how many of the latest it goes by.
LAST_RESORT = 32
LATEST = 16


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A loop that was extrapolated: cycles per iteration, and how far they spread."""

    loop: str
    evaluated: int
    interval_cycles: float
    spread_cycles: float


class ExactRun(Run):
    """Recalls what is known, and skips whole periods of loops.

    Attributes:
        w: What is remembered; like ``m`` a view of an array once compiled code has taken over.
        unsettled: Loops that were extrapolated because their state did not recur within the budget.
    """

    def __init__(
        self, tables: Tables, kernel: str = "auto", budget: int = 1_000_000, worthwhile: int = WORTHWHILE
    ) -> None:
        """``worthwhile``: pieces of a run of a loop from which on its state is looked at."""
        size, values = _first_memory(tables)
        self.w: Any = None
        super().__init__(tables, kernel)
        if self.w is None:
            self.w = [0] * size
        for position, value in values.items():
            self.w[position] = value
        self.unsettled: list[Unsettled] = []
        self._budget = budget
        self._worthwhile = worthwhile
        self._plans = _plans_of(tables)
        self._looks: dict[int, Looks] = {}
        watch = self.k[n.M_WATCH]
        for plan in self._plans.values():
            if self._is_long(plan):
                self.m[watch + plan.level] = LOOK
            elif plan.pieces and self.m[watch + plan.level] == 0:
                self.m[watch + plan.level] = 1

    def cycles(self) -> int:
        return int(self.w[n.W_CYCLES])

    @property
    def evaluated(self) -> int:
        return int(self.w[n.W_EVALUATED])

    def busy(self) -> list[int]:
        first = self.w[n.W_BUSY]
        return [int(taken) for taken in self.w[first : first + len(self._busy)]]

    def boundary(self) -> None:
        m = self.m
        plan = self._plans[int(m[n.PC])]
        iteration = int(m[self.k[n.M_INDEX] + plan.level])
        if not self._is_long(plan):
            return
        if iteration == 1:
            self._looks[plan.after] = Looks()
        looks, moves = self._looks.setdefault(plan.after, Looks()), self._moves(plan)
        if iteration % looks.gap or not moves.is_steady:
            return
        now = int(self.w[n.W_TIME])
        looks.latest.append((iteration, now))
        if self.evaluated > self._budget and len(looks.latest) > LAST_RESORT:
            self._extrapolate(plan, looks, iteration, now)
            return
        key = iteration % moves.period, int(self.w[n.W_STATE]), self._look()
        past = looks.seen.get(key)
        if past is not None and self._skip(plan, past, iteration, now):
            looks.forget()
            return
        if len(looks.seen) >= REMEMBERED:
            looks.seen.clear()
            looks.gap *= 2
        looks.seen[key] = iteration, now, self.busy()

    def _moves(self, plan: LoopPlan) -> Moves:
        known = self.tables.known
        if plan.after not in known:
            known[plan.after] = moves_of(self.tables, plan)
        moves: Moves = known[plan.after]
        return moves

    def _is_long(self, plan: LoopPlan) -> bool:
        """Whether looking at the state of a loop is worth it."""
        return plan.count > 2 and (
            plan.count * plan.pieces >= self._worthwhile or plan.count * plan.instructions > self._budget
        )

    # -- the kernel -----------------------------------------------------------------------------------------

    def _go(self) -> int:
        if self.is_compiled:
            return self._compiled.go_at(*self._addresses, self._memory_at)
        return go(self.k, self.m, self.w)

    def _compile(self) -> None:
        super()._compile()
        self._use_array(np_array(self.w or (), _first_memory(self.tables)[0]))

    def _use_array(self, memory: Any) -> None:
        self._memory_at: int = memory.ctypes.data
        self._memory = memory  # kept alive
        self.w = memory.data

    def _look(self) -> Any:
        """Rows and places of what is in flight, as something that can be looked up."""
        base = self.k[n.M_KEY]
        if self.is_compiled:
            length = self._compiled.look_at(*self._addresses, self._memory_at)
            return self.m[base : base + length].tobytes()
        return tuple(self.m[base : base + write_look(self.k, self.m, self.w)])

    def make_room(self) -> None:
        """Room for more states; where there are too many, all are forgotten."""
        room = int(self.w[n.W_ROOM])
        if room < MOST_ROOM and self.w[n.W_ENTRIES] <= n.SLOTS // 2:
            if self.is_compiled:
                self._use_array(np_array(self.w, 4 * room))
            else:
                self.w += [0] * (3 * room)
            self.w[n.W_ROOM] = 4 * room
            return
        first = self.w[n.W_STATES]
        for position in range(first, first + 3 * n.SLOTS):
            self.w[position] = 0
        self.w[n.W_TOP], self.w[n.W_ENTRIES] = first + 3 * n.SLOTS, 0
        self.w[n.W_STATE] = self.w[n.W_PENDING] = -1
        for looks in self._looks.values():
            looks.forget()

    # -- skipping -------------------------------------------------------------------------------------------

    def _skip(self, plan: LoopPlan, past: tuple[int, int, list[int]], iteration: int, now: int) -> bool:
        first, then, busy = past
        period = iteration - first
        most = (plan.count - iteration) // period
        if not self._alike(plan, first, iteration + most * period):
            low, high = 0, most  # alike up to `low` periods, not up to `high`
            while high - low > 1:
                middle = (low + high) // 2
                if self._alike(plan, first, iteration + middle * period):
                    low = middle
                else:
                    high = middle
            most = low
        if most == 0:
            return False
        base = self.w[n.W_BUSY]
        for number, (taken, before) in enumerate(zip(self.busy(), busy, strict=True)):
            self.w[base + number] = taken + most * (taken - before)
        self._jump(plan, iteration, most * period, most * (now - then))
        return True

    def _jump(self, plan: LoopPlan, iteration: int, iterations: int, cycles: int) -> None:
        k, m = self.k, self.m
        if self.is_compiled:
            self._compiled.move_at(*self._addresses, self._memory_at, plan.level, iterations)
        else:
            move_operands(k, m, self.w, plan.level, iterations)
        index = k[n.M_INDEX] + plan.level
        m[index] = iteration + iterations
        if m[index] == plan.count:
            m[index] = 0
            m[n.PC] = plan.after
        self.w[n.W_TIME] += cycles
        self.w[n.W_CYCLES] += cycles

    def _alike(self, plan: LoopPlan, first: int, stop: int) -> bool:
        """Whether all iterations of ``[first, stop)`` do the same, up to a shift of the operands."""
        if stop <= first:
            return True
        base = self.k[n.M_INDEX]
        indices = [int(self.m[base + level]) for level in range(len(self.tables.levels))]
        moving = zones(self.tables, plan, self._moves(plan), indices, first, stop)
        if moving is None:
            return False
        groups = _joined(moving)
        flying = self._flying(plan, indices[plan.level] - first)
        pairs = [(a, b) for i, a in enumerate(groups) for b in (*groups[i:], *flying)]
        if not any(a.meets(b) for a, b in pairs):
            return True
        return not any(a.meets(b) for i, a in enumerate(moving) for b in (*moving[i:], *flying))

    def _flying(self, plan: LoopPlan, period: int) -> list[Zone]:
        """Operands of what is in flight, and of its like that was when the period began."""
        k, m, w = self.k, self.m, self.w
        state = w[n.W_STATE]
        found = []
        for index in range(w[state + n.Z_ALIVE]):
            entry = ring_of(k, int(w[n.W_NUMBER] - w[state + n.STATE + index]))
            row = m[entry]
            step = k[n.K_STEP] + row * n.STEP
            inside = plan.first <= row < plan.stop
            for number in range(k[step + n.T_OPERANDS]):
                operand = k[n.K_OPERAND] + (k[step + n.T_OPERAND] + number) * n.OPERAND
                low = int(m[entry + 1 + number])
                high = low + int(
                    (k[operand + n.A_ROWS] - 1) * k[operand + n.A_PITCH] + k[operand + n.A_BYTES]
                )
                stride = self._moves(plan).strides[operand] if inside else 0
                line, write = int(k[step + n.T_LINE]), bool(k[operand + n.A_WRITE])
                moved = stride * period
                low, high = min(low, low - moved), max(high, high - moved)
                found.append(Zone(int(k[operand + n.A_SPACE]), low, high, stride, line, write))
        return found

    # -- extrapolation --------------------------------------------------------------------------------------

    def _extrapolate(self, plan: LoopPlan, looks: Looks, iteration: int, now: int) -> None:
        latest = looks.latest[-LATEST - 1 :]
        rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(latest)]
        mean = (latest[-1][1] - latest[0][1]) / (latest[-1][0] - latest[0][0])
        left = plan.count - iteration
        self.unsettled.append(Unsettled(plan.name, iteration, mean, max(rates) - min(rates)))
        self._jump(plan, iteration, left, round(mean * left))
        looks.forget()


def _plans_of(tables: Tables) -> dict[int, LoopPlan]:
    """The loops of a program, found once."""
    if "plans" not in tables.known:
        tables.known["plans"] = plan_loops(tables)
    plans: dict[int, LoopPlan] = tables.known["plans"]
    return plans


def _first_memory(tables: Tables) -> tuple[int, dict[int, int]]:
    """Entries of what is remembered, and those that are not 0 before the machine begins."""
    busies = tables.fixed[n.K_BUSIES]
    states = n.W_HEAD + 2 * busies
    top = states + 3 * n.SLOTS
    values = {
        n.W_TOP: top, n.W_ROOM: top + ROOM, n.W_LOOKED: 1, n.W_STATE: -1, n.W_PENDING: -1, n.W_LIVE: 1,
        n.W_LEVELS: len(tables.levels), n.W_STATES: states, n.W_PIECES: states + n.SLOTS,
        n.W_STEPS: states + 2 * n.SLOTS, n.W_BUSY: n.W_HEAD, n.W_BEFORE: n.W_HEAD + busies,
    }  # fmt: skip
    return top + ROOM, values


def np_array(numbers: Any, room: int = 0) -> Any:
    """The numbers in an array of 64-bit integers, which has ``room`` entries at least."""
    import numpy as np

    made = np.zeros(max(len(numbers), room), dtype=np.int64)
    made[: len(numbers)] = numbers
    return made


def _joined(moving: list[Zone]) -> list[Zone]:
    """Zones that move alike, joined; fewer to compare, at the price of gaps."""
    joined: dict[tuple[int, int, int, bool, int], Zone] = {}
    for zone in moving:
        key = zone.space, zone.step, zone.line, zone.write, zone.low >> 28
        other = joined.get(key)
        if other is not None:
            zone = zone._replace(low=min(zone.low, other.low), high=max(zone.high, other.high))
        joined[key] = zone
    return list(joined.values())
