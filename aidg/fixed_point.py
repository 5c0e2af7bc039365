"""The published extrapolation, for comparison.

Lübeck et al., "Automatic Generation of Fast and Accurate Performance Models for Deep Neural Network
Accelerators": iterations are evaluated until the iteration latency and the overlap of consecutive iterations
change only a little; then ``Δt = Δt_prolog + (n − n_prolog) · (Δt_iteration − Δt_overlap)``. Applied here per
loop level, the state being carried across levels. The result is an estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import lcm

from aidg.kernel import Busy, Kernel
from aidg.prepared import PreparedLoop
from aidg.runner import Runner

# Consecutive blocks that must agree before the loop counts as converged.
AGREEING = 2
# Share of a loop's iterations that the prolog may take, and blocks that it may always take.
PROLOG_SHARE = 0.01
SHORTEST_PROLOG = 64


@dataclass(frozen=True, slots=True)
class _Block:
    """A block of iterations: the smallest number that fills whole fetch groups."""

    enter: int  # first enter
    done: int  # latest done
    busy: Busy


class FixedPointRunner(Runner):
    """Extrapolates each loop from its prolog.

    Attributes:
        tolerance: Relative change of ``Δt_iteration`` and ``Δt_overlap`` that counts as none.
        converged: Whether all loops met it within the prolog.
    """

    def __init__(self, kernel: Kernel, tolerance: float) -> None:
        super().__init__(kernel)
        self.tolerance = tolerance
        self.converged = True

    def run_loop(self, node: PreparedLoop) -> None:
        kernel = self.kernel
        size = lcm(node.instructions, kernel.machine.fetch_width) // node.instructions
        before, entered = kernel.recent, kernel.first_enter
        latest = 0
        blocks: list[_Block] = []
        limit = max(SHORTEST_PROLOG, int(PROLOG_SHARE * node.count) // size)
        iteration = 0
        while iteration < node.count:
            remaining = node.count - iteration
            if self._is_settled(blocks) or (len(blocks) >= limit and remaining > size):
                latest = max(latest, self._extrapolate(node, iteration, size, blocks))
                break
            busy = kernel.busy()
            kernel.forget_recent()
            for _ in range(min(size, remaining)):
                kernel.state.indices[node.level] = iteration
                self.run_node(node.body)
                iteration += 1
            enter = kernel.first_enter
            assert enter is not None  # every iteration has instructions
            blocks.append(_Block(enter, kernel.recent, busy))
            latest = max(latest, kernel.recent)
        kernel.state.indices[node.level] = 0
        kernel.set_recent(max(before, latest))
        kernel.set_first_enter(blocks[0].enter if entered is None else entered)

    def _is_settled(self, blocks: list[_Block]) -> bool:
        """Whether Δt_iteration and Δt_overlap have stopped changing."""
        if len(blocks) < AGREEING + 2:
            return False
        recent = blocks[-(AGREEING + 2) :]
        pairs = list(pairwise(recent))
        latencies = [block.done - block.enter for block, _ in pairs]
        overlaps = [block.done - following.enter for block, following in pairs]
        return all(
            abs(later - earlier) <= self.tolerance * max(latencies)
            for values in (latencies, overlaps)
            for earlier, later in pairwise(values)
        )

    def _extrapolate(self, node: PreparedLoop, iteration: int, size: int, blocks: list[_Block]) -> int:
        """Latest done after the remaining iterations."""
        kernel = self.kernel
        if self._is_settled(blocks):
            used = blocks[-2:]
        else:
            self.converged = False
            used = blocks[-(len(blocks) // 2 + 1) :]
        interval = used[-1].enter - used[0].enter
        iterations_used = size * (len(used) - 1)
        remaining = node.count - iteration
        cycles = remaining * interval // iterations_used
        base = kernel.base()
        self.jump(node, base, remaining, cycles, 0, blocks[-1].busy)
        block = kernel.busy() - blocks[-1].busy  # nothing was busy during the jump itself
        kernel.skipped_busy = [
            a + b * remaining // size for a, b in zip(kernel.skipped_busy, block.units, strict=True)
        ]
        kernel.skipped_port_busy = [
            a + b * remaining // size for a, b in zip(kernel.skipped_port_busy, block.storages, strict=True)
        ]
        return blocks[-1].done + cycles
