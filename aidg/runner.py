"""Runs a prepared program on the kernel, and the one way in which iterations are ever skipped."""

from __future__ import annotations

from dataclasses import dataclass

from acadl.operations import AddressRange
from aidg.kernel import Kernel
from aidg.loops import LoopPlan, plan_loops
from aidg.machine import GROUP_READY
from aidg.prepare import Prepared, PreparedLoop, Row


@dataclass(frozen=True, slots=True)
class Busy:
    """Busy cycles of units and storage ports so far."""

    units: tuple[int, ...]
    storages: tuple[int, ...]


class Runner:
    """Propagates every instruction; subclasses skip iterations with :meth:`jump`.

    Attributes:
        plans: What moves in each loop, by the identity of its node.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.plans = plan_loops(kernel.program)

    def run(self) -> int:
        """Cycles of the whole program."""
        self.kernel.recent = 0
        self.run_node(self.kernel.program.body)
        return self.kernel.recent

    def run_node(self, node: Prepared) -> None:
        """Run a node of the tree from the current state."""
        if isinstance(node, Row):
            self.kernel.propagate(node)
        elif isinstance(node, tuple):
            for child in node:
                self.run_node(child)
        else:
            self.run_loop(node)

    def run_loop(self, node: PreparedLoop) -> None:
        """Every iteration, one after the other."""
        indices, level, body = self.kernel.indices, node.level, node.body
        for iteration in range(node.count):
            indices[level] = iteration
            self.run_node(body)
        indices[level] = 0

    def busy(self) -> Busy:
        """Busy cycles so far."""
        kernel = self.kernel
        return Busy(tuple(kernel.busy), tuple(storage.busy for storage in kernel.storages))

    def jump(
        self, node: PreparedLoop, base: int, iterations: int, cycles: int, periods: int, since: Busy
    ) -> None:
        """Move the state over ``iterations`` iterations and ``cycles`` cycles.

        What was busy since ``since`` is counted ``periods`` times more.
        """
        kernel, plan = self.kernel, self.plans[id(node)]
        kernel.shift(cycles, base)
        for number, move in enumerate(plan.moves):
            if kernel.cells[number]:
                distance = (move or 0) * iterations // kernel.program.groups[number].cell
                kernel.cells[number] = {
                    cell + distance: (written + cycles, read + cycles)
                    for cell, (written, read) in kernel.cells[number].items()
                }
            kernel.ranges[number] = [
                (_moved(piece, _step(plan, move, access) * iterations), done + cycles, write, access)
                for piece, done, write, access in kernel.ranges[number]
            ]
        position = (kernel.position + iterations * node.instructions) % kernel.machine.fetch_width
        if position != kernel.position:  # only where iterations are extrapolated, not known to be periodic
            kernel.position = position
            kernel.times[GROUP_READY] = base + cycles
        for unit, before in enumerate(since.units):
            kernel.busy[unit] += periods * (kernel.busy[unit] - before)
        for storage, before in zip(kernel.storages, since.storages, strict=True):
            storage.busy += periods * (storage.busy - before)


def _step(plan: LoopPlan, move: int | None, access: int) -> int:
    return plan.coefficients.get(access, 0) if move is None else move


def _moved(piece: AddressRange, distance: int) -> AddressRange:
    return AddressRange(piece.start + distance, piece.bytes, piece.rows, piece.pitch)
