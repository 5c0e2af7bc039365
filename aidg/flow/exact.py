"""Skipping in order of time: a loop whose state recurs is periodic from there on.

The state at the moment at which the front end comes to an iteration's first instruction, everything in flight
included, decides the whole future up to a shift in time and address, as long as the operands of the loop stay
in their memories and those that move differently keep apart. Then whole periods are skipped by adding their
time, and moving what is in flight to where it would be.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from aidg.flow.kernel import names as n
from aidg.flow.kernel.records import flight_of
from aidg.flow.plans import LoopPlan, Zone, plan_loops, zones
from aidg.flow.run import Run
from aidg.flow.tables import Tables

# Instructions of a run of a loop from which on looking at its state is worth it.
WORTHWHILE = 64
# Looks at one run of a loop after which it is looked at half as often.
REMEMBERED = 64
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
    """Skips whole periods of loops.

    Attributes:
        offset: Cycles skipped.
        unsettled: Loops that were extrapolated because their state did not recur within the budget.
    """

    def __init__(self, tables: Tables, kernel: str = "auto", budget: int = 1_000_000) -> None:
        super().__init__(tables, kernel)
        self.offset = 0
        self.unsettled: list[Unsettled] = []
        self._budget = budget
        self._plans = plan_loops(tables)
        for plan in self._plans.values():
            if plan.count * plan.instructions >= WORTHWHILE and plan.count > 2:
                self.m[self.k[n.M_WATCH] + plan.level] = 1

    def cycles(self) -> int:
        return super().cycles() + self.offset

    def boundary(self) -> None:
        k, m = self.k, self.m
        plan = self._plans[int(m[n.PC])]
        iteration = int(m[k[n.M_INDEX] + plan.level])
        if iteration == 1:
            plan.forget()
            plan.gap = 1
        if plan.count * plan.instructions < WORTHWHILE or iteration % plan.gap or not plan.is_steady:
            return
        now = int(m[n.NOW]) + self.offset  # as if nothing had been skipped
        plan.latest.append((iteration, now))
        if self.evaluated > self._budget and len(plan.latest) > LAST_RESORT:
            self._extrapolate(plan, iteration, now)
            return
        key = iteration % plan.period, self.write_key()
        past = plan.seen.get(key)
        if past is not None and self._skip(plan, past, iteration, now):
            plan.forget()
            return
        if len(plan.seen) >= REMEMBERED:
            plan.seen.clear()
            plan.gap *= 2
        plan.seen[key] = iteration, now, self.busy()

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
        self._jump(plan, iteration, most * period)
        self.offset += most * (now - then)
        self.add_busy(busy, most)
        return True

    def _jump(self, plan: LoopPlan, iteration: int, iterations: int) -> None:
        k, m = self.k, self.m
        self.write_key()  # ranks say which flights are in use
        self.move(plan.level, iterations)
        index = k[n.M_INDEX] + plan.level
        m[index] = iteration + iterations
        if m[index] == plan.count:
            m[index] = 0
            m[n.PC] = plan.after

    def _alike(self, plan: LoopPlan, first: int, stop: int) -> bool:
        """Whether all iterations of ``[first, stop)`` do the same, up to a shift of the operands."""
        if stop <= first:
            return True
        base = self.k[n.M_INDEX]
        indices = [int(self.m[base + level]) for level in range(len(self.tables.levels))]
        moving = zones(self.tables, plan, indices, first, stop)
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
        k, m = self.k, self.m
        alive = k[n.M_ALIVE]
        found = []
        for index in range(m[alive]):
            flight = flight_of(k, m[alive + 1 + index])
            row = m[flight + n.F_STEP]
            step = k[n.K_STEP] + row * n.STEP
            inside = plan.first <= row < plan.stop
            for number in range(k[step + n.T_OPERANDS]):
                operand = k[n.K_OPERAND] + (k[step + n.T_OPERAND] + number) * n.OPERAND
                low = int(m[flight + n.F_ADDRESS + number])
                high = low + int(
                    (k[operand + n.A_ROWS] - 1) * k[operand + n.A_PITCH] + k[operand + n.A_BYTES]
                )
                stride = plan.strides[operand] if inside else 0
                line, write = int(k[step + n.T_LINE]), bool(k[operand + n.A_WRITE])
                moved = stride * period
                low, high = min(low, low - moved), max(high, high - moved)
                found.append(Zone(int(k[operand + n.A_SPACE]), low, high, stride, line, write))
        return found

    # -- extrapolation --------------------------------------------------------------------------------------

    def _extrapolate(self, plan: LoopPlan, iteration: int, now: int) -> None:
        looks = plan.latest[-LATEST - 1 :]
        rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(looks)]
        mean = (looks[-1][1] - looks[0][1]) / (looks[-1][0] - looks[0][0])
        left = plan.count - iteration
        self.unsettled.append(Unsettled(plan.name, iteration, mean, max(rates) - min(rates)))
        self._jump(plan, iteration, left)
        self.offset += round(mean * left)
        plan.forget()


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
