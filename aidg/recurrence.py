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
from math import isqrt

from acadl.errors import AcadlError
from aidg.contact import Zone, hull
from aidg.holding import Held, held_by
from aidg.horizon import Look, find_horizon
from aidg.kernel import Busy, Kernel, relative_cells
from aidg.loops import Frame, LoopPlan, LoopPlans
from aidg.memory import RunMemory
from aidg.prepared import Block, Prepared, PreparedLoop, PreparedReplay, instructions
from aidg.replay import replay
from aidg.runner import Runner

# States remembered per loop, and entries of all of them; then they are forgotten, and the loop is looked at
# half as often.
REMEMBERED = 2048
ENTRIES_REMEMBERED = 1 << 21
# Looks that a loop gets at least once the budget is spent, before it is extrapolated.
LAST_RESORT = 8
# Instructions of a loop from which on a look at the state costs less than propagating them, in compiled code,
# and those that it propagates at least between two looks.
WORTHWHILE = 4
COMPILED_WORTHWHILE = 8192
COMPILED_GAP = 1024
# Entries of the state, or held lines, that are looked at in the time of propagating one instruction.
ENTRIES_PER_INSTRUCTION = 256
LINES_PER_INSTRUCTION = 8
# Loops of at most this period (see `LoopPlan.period`) are looked at in every iteration, so that nothing is
# propagated after they have settled.
SHORT_PERIOD = 16
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
class Boundaries:
    """Iteration boundaries of one run of a loop since its states were last forgotten.

    Attributes:
        unit: What the gap is a multiple of.
        gap: Iterations between two looks.
        looks: All of them; ``latest`` has the latest ``done`` between each and the next.
        seen: State to position in ``looks``, and what was busy until then.
        reason: Why the loop cannot be skipped for now.
    """

    unit: int
    gap: int
    looks: list[Look] = field(default_factory=list)
    latest: list[int] = field(default_factory=list)
    seen: dict[Hashable, tuple[int, Busy]] = field(default_factory=dict)
    reason: str = "the state of the machine did not recur"

    def widen(self, iterations: int) -> None:
        """Let at least so many iterations lie between two looks."""
        self.gap = max(self.gap, -(-iterations // self.unit) * self.unit)

    def remember(self, key: Hashable, busy: Busy) -> None:
        """Note the state at the latest look."""
        self.seen[key] = len(self.looks) - 1, busy

    def start_anew(self, key: Hashable, busy: Busy) -> None:
        """Forget all looks but the latest."""
        latest = self.looks[-1]
        self.forget()
        self.looks.append(latest)
        self.remember(key, busy)

    def forget(self) -> None:
        """Forget all looks."""
        self.looks.clear()
        self.latest.clear()
        self.seen.clear()


class ExactRunner(Runner):
    """Skips whole periods of loops whose normalised state has recurred.

    Attributes:
        budget: Instructions to propagate before unsettled loops are extrapolated.
        unsettled: Loops that were.
        memories: What runs of inner loops did, by the identity of the loop's node.
        units: What iterations between two looks are a multiple of, likewise.
    """

    def __init__(self, kernel: Kernel, budget: int, plans: LoopPlans | None = None) -> None:
        super().__init__(kernel, plans)
        if budget < 0:
            raise AcadlError(f"a budget of {budget} instructions cannot be; give 0 or more")
        self.budget = budget
        # compiled from the beginning: what is evaluated must not depend on whether numba is there
        self._is_fast = kernel.is_compiled
        self.unsettled: dict[str, Unsettled] = {}
        self.memories: dict[int, RunMemory] = {}
        self.units: dict[int, int] = {}

    def run_node(self, node: Prepared) -> None:
        if self._is_fast and isinstance(node, tuple) and not self.kernel.has_queue:
            on_tape = [child for child in node if isinstance(child, Block | PreparedLoop)]
            if node and len(on_tape) == len(node) and instructions(node) < COMPILED_WORTHWHILE:
                self.kernel.run_stretch(on_tape[0], on_tape[-1])
                return
        super().run_node(node)

    def run_loop(self, node: PreparedLoop) -> None:
        kernel = self.kernel
        if node.count * node.instructions < self._worthwhile:
            self._iterations(node, 0, node.count)
            kernel.state.indices[node.level] = 0
            return
        before, frame = kernel.recent, self.plans[id(node)].frame
        if frame is None:
            latest = self._iterate(node)
        else:
            if id(node) not in self.memories:
                self.memories[id(node)] = self._memory(frame)
            memory = self.memories[id(node)]
            entry = memory.enter()
            known = memory.recall(entry)
            if known is None:
                latest = self._iterate(node)
                if not self.unsettled:
                    memory.remember(entry, latest)
            else:
                latest = known
        kernel.set_recent(max(before, latest))

    def run_replay(self, node: PreparedReplay) -> None:
        """Each block once for each state in which it starts."""
        replay(self.kernel, node)

    @property
    def _worthwhile(self) -> int:
        """Instructions of a loop from which on its state is looked at."""
        return COMPILED_WORTHWHILE if self._is_fast else WORTHWHILE

    def _memory(self, frame: Frame) -> RunMemory:
        """What remembers the runs of a loop."""
        return RunMemory(self.kernel, frame)

    def _iterations(self, node: PreparedLoop, first: int, count: int) -> None:
        kernel = self.kernel
        is_short = self._is_fast and count * node.instructions < COMPILED_WORTHWHILE
        if (is_short or isinstance(node.body, Block)) and not kernel.has_queue:
            kernel.run_iterations(node, first, count)
            return
        for iteration in range(first, first + count):
            kernel.state.indices[node.level] = iteration
            self.run_node(node.body)

    def _iterate(self, node: PreparedLoop) -> int:
        """Run a loop, skipping what is known: the latest ``done``."""
        kernel = self.kernel
        boundaries = self._first_boundaries(node)
        if node.count < 2 * boundaries.gap:  # there is nothing to skip behind a second look
            kernel.forget_recent()
            self._iterations(node, 0, node.count)
            kernel.state.indices[node.level] = 0
            return kernel.recent
        impatient = kernel.evaluated + PATIENCE
        result = iteration = 0
        while iteration < node.count:
            if kernel.evaluated > impatient:
                boundaries.widen(INSTRUCTIONS_PER_LATE_LOOK // node.instructions)
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

    def _first_boundaries(self, node: PreparedLoop) -> Boundaries:
        """No looks yet, and how many iterations are to lie between two of them."""
        plan = self.plans[id(node)]
        if id(node) not in self.units:
            self.units[id(node)] = self._unit(node, plan)
        unit = self.units[id(node)]
        boundaries = Boundaries(unit, unit)
        if plan.period * node.instructions > self.budget:
            boundaries.reason = (
                f"rotations, fetch groups and lines repeat only every {plan.period} iterations"
            )
        boundaries.widen(self.kernel.machine.size // ENTRIES_PER_INSTRUCTION // node.instructions)
        if self._is_fast:
            boundaries.widen(COMPILED_GAP // node.instructions)
        return boundaries

    def _unit(self, node: PreparedLoop, plan: LoopPlan) -> int:
        """What iterations between two looks are to be a multiple of.

        Equal states are a multiple of the loop's period apart, so one look per period finds them. A few of
        those are not to take more than the budget.
        """
        if plan.period <= SHORT_PERIOD and not plan.components:
            return 1
        return _largest_divisor(plan.period, self.budget // (LAST_RESORT * node.instructions))

    def _advance(self, node: PreparedLoop, iteration: int, boundaries: Boundaries) -> tuple[int, int]:
        """Skip iterations if possible: how many, and the latest ``done`` among them."""
        kernel, plan = self.kernel, self.plans[id(node)]
        base = kernel.base()
        held = tuple(held_by(kernel, node, plan, component, iteration) for component in plan.components)
        boundaries.looks.append(Look(iteration, base + kernel.offset, held, self._alive(plan, base)))
        if kernel.evaluated > self.budget and len(boundaries.latest) >= LAST_RESORT:
            return self._extrapolate(node, iteration, base, boundaries)
        key = self._key(plan, iteration, base, held)
        past = boundaries.seen.get(key)
        if past is not None:
            skipped = self._skip(node, base, boundaries, past)
            if not skipped[0]:
                boundaries.start_anew(key, kernel.busy())
            return skipped
        lines = sum(len(one.lines) for one in held)
        if len(boundaries.seen) >= min(REMEMBERED, ENTRIES_REMEMBERED // (lines + kernel.machine.size)):
            boundaries.start_anew(key, kernel.busy())
            boundaries.gap *= 2
        else:
            boundaries.remember(key, kernel.busy())
        boundaries.widen(lines // LINES_PER_INSTRUCTION // node.instructions)
        return 0, 0

    def _skip(
        self, node: PreparedLoop, base: int, boundaries: Boundaries, past: tuple[int, Busy]
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
            return 0, 0
        cycles = periods * (now.base - looks[0].base)
        latest = max(boundaries.latest[then:]) + cycles
        for component, held in zip(self.plans[id(node)].components, now.held, strict=True):
            self._move_lines(component.models, held, periods * period)
        self.jump(node, base, periods * period, cycles, periods, busy)
        boundaries.forget()
        return periods * period, latest

    def _move_lines(self, models: tuple[str, ...], held: Held, iterations: int) -> None:
        for storage, name in enumerate(models):
            steps = held.steps(storage)
            self.kernel.machine.models[name].rename(
                lambda address, steps=steps: address + steps[address] * iterations  # type: ignore[misc]
            )

    def _extrapolate(
        self, node: PreparedLoop, iteration: int, base: int, boundaries: Boundaries
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


def _largest_divisor(number: int, most: int) -> int:
    """The largest divisor of ``number`` that is at most ``most``, or 1."""
    if number <= most:
        return number
    small = [d for d in range(1, min(isqrt(number), most) + 1) if number % d == 0]
    return max([1, *small, *(number // d for d in small if number // d <= most)])
