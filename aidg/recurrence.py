"""Exact extrapolation: skip a loop's iterations once its normalised state has been seen before.

At every iteration boundary of every loop the state relative to the next possible start decides the whole
future up to a shift in time and address (``docs/extrapolation.md`` has the argument). If it was seen ``p``
iterations ago, the loop is periodic from there on, and whole periods are skipped by a shift. Where a loop
does not settle within the budget, it is extrapolated as in :mod:`aidg.fixed_point`, and the result says so.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import pairwise

from aidg.kernel import Kernel
from aidg.loops import LoopPlan, sweep
from aidg.memory import RunMemory
from aidg.prepare import PreparedLoop
from aidg.runner import Busy, Runner

# States remembered per loop before starting afresh; bounds the memory of a loop that does not settle.
REMEMBERED = 2048
# Iterations that a loop runs at least once the budget is spent, before it is extrapolated.
LAST_RESORT = 8
# Instructions of a loop from which on a look at the state costs less than propagating them.
WORTHWHILE = 4


@dataclass(frozen=True, slots=True)
class _Seen:
    """A remembered iteration boundary."""

    iteration: int
    base: int
    busy: Busy


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A loop that was extrapolated because its state did not recur within the budget.

    Attributes:
        loop: Name of its index.
        evaluated: Iterations evaluated.
        spread_cycles: Largest minus smallest interval of the iterations that the extrapolation used.
    """

    loop: str
    evaluated: int
    spread_cycles: int


class _Boundaries:
    """Iteration boundaries of one run of a loop since its states were last forgotten."""

    def __init__(self) -> None:
        self.latest: list[int] = []  # latest `done` of each iteration
        self.bases: list[int] = []
        self.seen: dict[Hashable, _Seen] = {}

    def forget(self) -> None:
        self.latest.clear()
        self.bases.clear()
        self.seen.clear()


class ExactRunner(Runner):
    """Skips whole periods of loops whose normalised state has recurred.

    Attributes:
        budget: Instructions to propagate before unsettled loops are extrapolated.
        unsettled: Loops that were.
    """

    def __init__(self, kernel: Kernel, budget: int) -> None:
        super().__init__(kernel)
        self.budget = budget
        self.unsettled: dict[str, Unsettled] = {}
        self.memories: dict[int, RunMemory] = {}

    def run_loop(self, node: PreparedLoop) -> None:
        if node.count * node.instructions < WORTHWHILE:
            super().run_loop(node)
            return
        kernel, frame = self.kernel, self.plans[id(node)].frame
        before = kernel.recent
        if frame is None:
            latest = self._iterate(node)
        else:
            memory = self.memories.setdefault(id(node), RunMemory(kernel, frame))
            entry = memory.enter()
            known = memory.recall(entry)
            if known is None:
                latest = self._iterate(node)
                if not self.unsettled:
                    memory.remember(entry, latest)
            else:
                latest = known
        kernel.recent = max(before, latest)

    def _iterate(self, node: PreparedLoop) -> int:
        """Run a loop, skipping what is known: the latest ``done``."""
        kernel = self.kernel
        hulls = self._hulls(self.plans[id(node)])
        boundaries = _Boundaries()
        result = iteration = 0
        while iteration < node.count:
            kernel.indices[node.level] = iteration
            advanced, latest = self._advance(node, iteration, boundaries, hulls)
            if not advanced:
                kernel.recent = 0
                self.run_node(node.body)
                latest, advanced = kernel.recent, 1
                boundaries.latest.append(latest)
            result = max(result, latest)
            iteration += advanced
        kernel.indices[node.level] = 0
        return result

    def _advance(
        self,
        node: PreparedLoop,
        iteration: int,
        boundaries: _Boundaries,
        hulls: dict[int, tuple[int, int]] | None,
    ) -> tuple[int, int]:
        """Skip iterations if possible: how many, and the latest ``done`` among them."""
        base = self.kernel.base()
        boundaries.bases.append(base)
        if self.kernel.evaluated > self.budget and len(boundaries.latest) >= LAST_RESORT:
            return self._extrapolate(node, iteration, base, boundaries)
        if hulls is None:
            return 0, 0
        key = self._key(self.plans[id(node)], iteration, base, hulls)
        if key is None:
            return 0, 0
        past = boundaries.seen.get(key)
        if past is None:
            if len(boundaries.seen) >= REMEMBERED:
                boundaries.seen.clear()
            boundaries.seen[key] = _Seen(iteration, base, self.busy())
            return 0, 0
        period = iteration - past.iteration
        periods = (node.count - iteration) // period
        if not periods:
            boundaries.forget()
            return 0, 0
        cycles = periods * (base - past.base)
        latest = max(boundaries.latest[-period:]) + cycles
        self.jump(node, base, periods * period, cycles, periods, past.busy)
        boundaries.forget()
        return periods * period, latest

    def _extrapolate(
        self, node: PreparedLoop, iteration: int, base: int, boundaries: _Boundaries
    ) -> tuple[int, int]:
        """Assume that the remaining iterations take as long as the last evaluated ones on average."""
        bases = boundaries.bases[-(len(boundaries.bases) // 2 + 1) :]
        intervals = [later - earlier for earlier, later in pairwise(bases)]
        remaining = node.count - iteration
        cycles = remaining * sum(intervals) // len(intervals)
        latest = boundaries.latest[-1] + cycles
        self.jump(node, base, remaining, cycles, 0, self.busy())
        spread = max(intervals) - min(intervals)
        worst = self.unsettled.get(node.name)
        if worst is None or spread >= worst.spread_cycles:
            self.unsettled[node.name] = Unsettled(node.name, iteration, spread)
        boundaries.forget()
        return remaining, latest

    def _hulls(self, plan: LoopPlan) -> dict[int, tuple[int, int]] | None:
        """Ranges swept in this run of the loop by operands of groups that do not move together.

        ``None`` where recurrence would not imply periodicity: such operands can meet, or a storage's state
        would have to move.
        """
        if plan.has_moving_state:
            return None
        kernel, program = self.kernel, self.kernel.program
        hulls: dict[int, tuple[int, int]] = {}
        for group, move in zip(program.groups, plan.moves, strict=True):
            if move is not None:
                continue
            members = [m for m in group.members if m in plan.coefficients]
            hulls |= {m: sweep(program, plan, m, kernel.indices) for m in members}
            for position, a in enumerate(members):
                for b in members[position + 1 :]:
                    writes = program.accesses[a].write or program.accesses[b].write
                    overlap = hulls[a][0] < hulls[b][1] and hulls[b][0] < hulls[a][1]
                    if writes and overlap and plan.coefficients[a] != plan.coefficients[b]:
                        return None
        return hulls

    def _key(
        self, plan: LoopPlan, iteration: int, base: int, hulls: dict[int, tuple[int, int]]
    ) -> Hashable | None:
        """Normalised state at the start of an iteration; ``None`` where it cannot recur."""
        kernel = self.kernel
        kernel.prune(base)
        operands: list[Hashable] = []
        for number, move in enumerate(plan.moves):
            if kernel.cells[number]:
                operands.append((number, kernel.live_cells(number, (move or 0) * iteration, base)))
            elif kernel.ranges[number]:
                key = self._range_key(plan, number, iteration, base, hulls)
                if key is None:
                    return None
                operands.append((number, key))
        residues = tuple(coefficient * iteration % modulus for coefficient, modulus in plan.residues)
        return residues, kernel.normalised(base), tuple(operands)

    def _range_key(
        self, plan: LoopPlan, number: int, iteration: int, base: int, hulls: dict[int, tuple[int, int]]
    ) -> Hashable | None:
        move = plan.moves[number]
        relative = []
        for piece, done, write, access in self.kernel.ranges[number]:
            step = move
            if step is None:
                low, high = hulls.get(access, (0, 0))
                if piece.start < low or piece.end > high:
                    return None  # left behind by earlier code; it does not move with this loop
                step = plan.coefficients[access]
            start = piece.start - step * iteration
            relative.append((start, piece.bytes, piece.rows, piece.pitch, done - base, write, step))
        return tuple(sorted(relative))
