"""Estimates of programs that are evaluated in order of time."""

from __future__ import annotations

from acadl.model import Architecture
from acadl.routing import instruction_memory
from aidg.estimation import Estimate
from aidg.flow.exact import ExactRun, Unsettled
from aidg.flow.refusal import refuse_order_of_time
from aidg.flow.run import Run
from aidg.flow.tables import Tables, build
from mappings.program import LoopProgram


class RowEstimator:
    """A program bound to an architecture that is evaluated in order of time."""

    def __init__(self, arch: Architecture, program: LoopProgram) -> None:
        """Raises :class:`RoutingError`, :class:`ProgramError` as :func:`aidg.prepare`."""
        self._arch = arch
        self._program = program
        self._tables = build(arch, program)

    def estimate(self, method: str, budget: int, kernel: str, tolerance: float) -> Estimate:
        """Cycles of the program; arguments and errors as for :func:`aidg.estimate`."""
        if method == "fixed_point":
            refuse_order_of_time(self._arch, "published extrapolation")
        unsettled: list[Unsettled] = []
        run: Run
        if method == "full":
            run = Run(self._tables, kernel)
            cycles = run.run()
        else:
            run = exact = ExactRun(self._tables, kernel, budget)
            cycles = run.run()
            unsettled = exact.unsettled
        return Estimate(
            cycles=cycles,
            method="full" if method == "full" else "fixed_point" if unsettled else "exact",
            instructions=self._program.instruction_count,
            evaluated_instructions=run.evaluated,
            utilization=_utilization(self._arch, self._tables, run, cycles),
            notes=tuple(_describe(loop, budget, tolerance) for loop in unsettled),
            kernel="compiled" if run.is_compiled else "interpreted",
        )


def _describe(loop: Unsettled, budget: int, tolerance: float) -> str:
    """Why a loop was extrapolated, and how far that can be trusted."""
    spread = loop.spread_cycles / loop.interval_cycles if loop.interval_cycles else 0.0
    within = "within" if spread <= tolerance else "beyond"
    return (
        f"loop '{loop.loop}' did not settle within the budget of {budget} instructions (the state of the "
        f"machine did not recur): extrapolated after {loop.evaluated} iterations at {loop.interval_cycles:g} "
        f"cycles each, spread by {loop.spread_cycles:g} cycles ({within} the tolerance of {tolerance:g})"
    )


def _utilization(arch: Architecture, tables: Tables, run: Run, cycles: int) -> dict[str, float]:
    """Busy shares of units, controllers and storages that did anything."""
    busy = run.busy()
    objects, lines = len(tables.objects), len(tables.lines)
    total = max(cycles, 1)
    shares = {name: taken / total for name, taken in zip(tables.objects, busy[:objects], strict=True)}
    shares |= {name: t / total for name, t in zip(tables.lines, busy[objects : objects + lines], strict=True)}
    _, commands = instruction_memory(arch)
    for name, ports, taken in zip(tables.storages, tables.ports, busy[objects + lines :], strict=True):
        if name != commands.name:
            shares[name] = taken / (total * ports)
    return {name: min(1.0, share) for name, share in shares.items() if share}
