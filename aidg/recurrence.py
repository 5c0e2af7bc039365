"""Exact extrapolation: skip a loop's iterations once its normalised state has been seen before.

At every iteration boundary of every loop the state relative to the next possible start decides the whole
future up to a shift in time and address (``docs/extrapolation.md`` has the proof). If it was seen ``p``
iterations ago, the loop is periodic from there on, and whole periods are skipped by a shift, up to the
iteration in which something new happens (:mod:`aidg.horizon`). Where a loop does not settle within the
budget, it is extrapolated as in :mod:`aidg.fixed_point`, and the result says so.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import pairwise

from aidg.contact import Zone, hull
from aidg.holding import Held, held_by
from aidg.horizon import Look, find_horizon
from aidg.kernel import Busy, Kernel, relative_cells
from aidg.loops import LoopPlan
from aidg.memory import RunMemory
from aidg.prepared import Block, PreparedLoop
from aidg.runner import Runner

# States remembered per loop; then they are forgotten, and the loop is looked at half as often.
REMEMBERED = 2048
# Looks that a loop gets at least once the budget is spent, before it is extrapolated.
LAST_RESORT = 8
# Instructions of a loop from which on a look at the state costs less than propagating them.
WORTHWHILE = 4
# Entries of the state that are looked at in the time of propagating one instruction.
ENTRIES_PER_INSTRUCTION = 256
# After so many instructions in one run, a loop is looked at only every so many: it has not settled for long.
PATIENCE = 100_000
INSTRUCTIONS_PER_LATE_LOOK = 4096


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A loop that was extrapolated because its state did not recur within the budget.

    Attributes:
        loop: Name of its index.
        evaluated: Iterations evaluated.
        interval_cycles: Mean interval of the iterations that the extrapolation used.
        spread_cycles: Largest minus smallest interval among them.
        reason: Why, as far as it is known.
    """

    loop: str
    evaluated: int
    interval_cycles: float
    spread_cycles: float
    reason: str


@dataclass(slots=True)
class _Boundaries:
    """Iteration boundaries of one run of a loop since its states were last forgotten.

    Attributes:
        gap: Iterations between two looks.
        looks: All of them; ``latest`` has the latest ``done`` between each and the next.
        seen: State to position in ``looks``, and what was busy until then.
        reason: Why the loop cannot be skipped for now.
    """

    gap: int
    looks: list[Look] = field(default_factory=list)
    latest: list[int] = field(default_factory=list)
    seen: dict[Hashable, tuple[int, Busy]] = field(default_factory=dict)
    reason: str = "the state of the machine did not recur"

    def forget(self) -> None:
        self.looks.clear()
        self.latest.clear()
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
        kernel = self.kernel
        if node.count * node.instructions < WORTHWHILE:
            self._iterations(node, 0, node.count)
            kernel.state.indices[node.level] = 0
            return
        before, frame = kernel.recent, self.plans[id(node)].frame
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
        kernel.set_recent(max(before, latest))

    def _iterations(self, node: PreparedLoop, first: int, count: int) -> None:
        kernel = self.kernel
        if isinstance(node.body, Block) and not kernel.has_queue:
            kernel.run_iterations(node, first, count)
            return
        for iteration in range(first, first + count):
            kernel.state.indices[node.level] = iteration
            self.run_node(node.body)

    def _iterate(self, node: PreparedLoop) -> int:
        """Run a loop, skipping what is known: the latest ``done``."""
        kernel = self.kernel
        boundaries = _Boundaries(self._first_gap(node))
        impatient = kernel.evaluated + PATIENCE
        result = iteration = 0
        while iteration < node.count:
            if kernel.evaluated > impatient:
                boundaries.gap = max(boundaries.gap, INSTRUCTIONS_PER_LATE_LOOK // node.instructions)
            kernel.state.indices[node.level] = iteration
            advanced, latest = self._advance(node, iteration, boundaries)
            if not advanced:
                advanced = min(boundaries.gap, node.count - iteration)
                kernel.forget_recent()
                self._iterations(node, iteration, advanced)
                latest = kernel.recent
                boundaries.latest.append(latest)
            result = max(result, latest)
            iteration += advanced
        kernel.state.indices[node.level] = 0
        return result

    def _first_gap(self, node: PreparedLoop) -> int:
        """Iterations between two looks at the state: a look is not to cost more than they do."""
        return max(1, self.kernel.machine.size // ENTRIES_PER_INSTRUCTION // node.instructions)

    def _advance(self, node: PreparedLoop, iteration: int, boundaries: _Boundaries) -> tuple[int, int]:
        """Skip iterations if possible: how many, and the latest ``done`` among them."""
        kernel, plan = self.kernel, self.plans[id(node)]
        base = kernel.base()
        held = self._held(node, plan, iteration)
        look = Look(iteration, base + kernel.offset, held or (), self._alive(plan, base))
        boundaries.looks.append(look)
        if kernel.evaluated > self.budget and len(boundaries.latest) >= LAST_RESORT:
            return self._extrapolate(node, iteration, base, boundaries)
        if held is None:
            boundaries.reason = "streams with different strides share lines of a storage"
            return 0, 0
        key = self._key(plan, iteration, base, held)
        past = boundaries.seen.get(key)
        position = len(boundaries.looks) - 1
        if past is None:
            if len(boundaries.seen) >= REMEMBERED:
                boundaries.forget()
                boundaries.gap *= 2
                return 0, 0
            boundaries.seen[key] = position, self.kernel.busy()
            return 0, 0
        return self._skip(node, base, boundaries, past)

    def _skip(
        self, node: PreparedLoop, base: int, boundaries: _Boundaries, past: tuple[int, Busy]
    ) -> tuple[int, int]:
        """Skip the periods that are certain, the state having been the same at an earlier look."""
        then, busy = past
        looks = boundaries.looks[then:]
        now = looks[-1]
        period = now.iteration - looks[0].iteration
        horizon = find_horizon(self.kernel, node, self.plans[id(node)], looks, boundaries.gap)
        periods = (horizon.iteration - now.iteration) // period
        if periods <= 0:
            boundaries.reason = horizon.reason or boundaries.reason
            boundaries.forget()
            return 0, 0
        cycles = periods * (now.base - looks[0].base)
        latest = max(boundaries.latest[then:]) + cycles
        for position, component in enumerate(self.plans[id(node)].components):
            self._move_lines(component.models, looks[-1].held[position], periods * period)
        self.jump(node, base, periods * period, cycles, periods, busy)
        boundaries.forget()
        return periods * period, latest

    def _move_lines(self, models: tuple[str, ...], held: Held, iterations: int) -> None:
        for name in models:
            steps = held.steps[name]
            self.kernel.machine.models[name].rename(
                lambda address, steps=steps: address + steps[address] * iterations  # type: ignore[misc]
            )

    def _extrapolate(
        self, node: PreparedLoop, iteration: int, base: int, boundaries: _Boundaries
    ) -> tuple[int, int]:
        """Assume that the remaining iterations take as long as the last evaluated ones on average."""
        looks = boundaries.looks[-(len(boundaries.looks) // 2 + 1) :]
        rates = [(b.base - a.base) / (b.iteration - a.iteration) for a, b in pairwise(looks)]
        remaining = node.count - iteration
        evaluated = looks[-1].iteration - looks[0].iteration
        cycles = remaining * (looks[-1].base - looks[0].base) // evaluated
        latest = boundaries.latest[-1] + cycles
        self.jump(node, base, remaining, cycles, 0, self.kernel.busy())
        spread = max(rates) - min(rates)
        worst = self.unsettled.get(node.name)
        if worst is None or spread >= worst.spread_cycles:
            self.unsettled[node.name] = Unsettled(
                node.name, iteration, sum(rates) / len(rates), spread, boundaries.reason
            )
        boundaries.forget()
        return remaining, latest

    # -- the state -----------------------------------------------------------------------------------------

    def _held(self, node: PreparedLoop, plan: LoopPlan, iteration: int) -> tuple[Held, ...] | None:
        found = []
        for component in plan.components:
            held = held_by(self.kernel, node, plan, component, iteration)
            if held is None:
                return None
            found.append(held)
        return tuple(found)

    def _alive(self, plan: LoopPlan, base: int) -> dict[int, Zone]:
        """Where operands of groups that do not move together are being accessed."""
        kernel = self.kernel
        alive: dict[int, Zone] = {}
        for number, move in enumerate(plan.moves):
            if move is not None or kernel.program.groups[number].cell:
                continue
            for start, size, rows, pitch, _, access, _ in kernel.live_ranges(number, base):
                zone = (start, start + (rows - 1) * pitch + size)
                alive[access] = hull([zone, alive.get(access, zone)]) or zone
        return alive

    def _key(self, plan: LoopPlan, iteration: int, base: int, held: tuple[Held, ...]) -> Hashable:
        """Normalised state at the start of an iteration."""
        kernel = self.kernel
        operands: list[Hashable] = []
        for number, move in enumerate(plan.moves):
            group = kernel.program.groups[number]
            if not group.cell:
                operands.append(self._range_key(plan, number, iteration, base))
            elif kernel.program.group_positions[number] < 0:
                distance = (move or 0) * iteration // group.cell
                cells = kernel.live_cells(number, base)
                operands.append(relative_cells(cells, distance, base))
        residues = tuple(coefficient * iteration % modulus for coefficient, modulus in plan.residues)
        return residues, kernel.normalised(base), tuple(operands), tuple(h.key for h in held)

    def _range_key(self, plan: LoopPlan, number: int, iteration: int, base: int) -> Hashable:
        move = plan.moves[number]
        relative = []
        for start, size, rows, pitch, write, access, done in self.kernel.live_ranges(number, base):
            step = plan.coefficients.get(access, 0) if move is None else move
            relative.append((start - step * iteration, size, rows, pitch, done - base, write, step))
        return tuple(sorted(relative))
