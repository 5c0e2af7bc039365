"""Runs a prepared program on the kernel, and the one way in which iterations are ever skipped."""

from __future__ import annotations

from aidg.kernel import Busy, Kernel
from aidg.loops import LoopPlan, LoopPlans
from aidg.prepared import Block, Prepared, PreparedLoop, PreparedReplay
from aidg.propagation import GROUP_READY, POSITION


class Runner:
    """Propagates every instruction; subclasses skip iterations with :meth:`jump`.

    Attributes:
        plans: What moves in each loop, by the identity of its node.
    """

    def __init__(self, kernel: Kernel, plans: LoopPlans | None = None) -> None:
        """``plans``: those of the kernel's program, where they are known from an earlier run."""
        self.kernel = kernel
        self.plans = plans or LoopPlans(kernel.program)

    def run(self) -> int:
        """Cycles of the whole program."""
        self.kernel.forget_recent()
        self.run_node(self.kernel.program.body)
        return self.kernel.recent

    def run_node(self, node: Prepared) -> None:
        """Run a node of the tree from the current state."""
        if isinstance(node, Block):
            self.kernel.run_block(node)
        elif isinstance(node, tuple):
            for child in node:
                self.run_node(child)
        elif isinstance(node, PreparedReplay):
            self.run_replay(node)
        else:
            self.run_loop(node)

    def run_replay(self, node: PreparedReplay) -> None:
        """Every block, one after the other."""
        for block in node.run():
            self.kernel.run_block(block)

    def run_loop(self, node: PreparedLoop) -> None:
        """Every iteration, one after the other."""
        kernel = self.kernel
        if not kernel.has_queue:
            kernel.run_whole(node)
            return
        for iteration in range(node.count):
            kernel.state.indices[node.level] = iteration
            self.run_node(node.body)
        kernel.state.indices[node.level] = 0

    def jump(
        self, node: PreparedLoop, base: int, iterations: int, cycles: int, periods: int, since: Busy
    ) -> None:
        """Move the state over ``iterations`` iterations and ``cycles`` cycles.

        What was busy since ``since`` is counted ``periods`` times more.
        """
        kernel, plan = self.kernel, self.plans[id(node)]
        kernel.offset += cycles
        for number in range(len(plan.moves)):
            self._move_operands(plan, number, base, iterations)
        state = kernel.state
        position = (kernel.position + iterations * node.instructions) % kernel.machine.fetch_width
        if position != kernel.position:  # only where iterations are extrapolated, not known to be periodic
            state.control[POSITION] = position
            state.times[GROUP_READY] = base
        kernel.add_busy(kernel.busy() - since, periods)

    def _move_operands(self, plan: LoopPlan, number: int, base: int, iterations: int) -> None:
        kernel, move = self.kernel, plan.moves[number]
        if move == 0:
            return
        group = kernel.program.groups[number]
        if group.cell:
            if kernel.program.group_positions[number] < 0:
                distance = (move or 0) * iterations // group.cell
                cells = kernel.live_cells(number, base)
                kernel.put_cells(number, [(cell + distance, written, read) for cell, written, read in cells])
            return
        ranges = kernel.live_ranges(number, base)
        steps = [plan.coefficients.get(record[5], 0) if move is None else move for record in ranges]
        kernel.put_ranges(
            number,
            [
                (record[0] + step * iterations, *record[1:])
                for record, step in zip(ranges, steps, strict=True)
            ],
        )
