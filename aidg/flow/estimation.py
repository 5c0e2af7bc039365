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


def estimate_in_order_of_time(
    arch: Architecture, program: LoopProgram, method: str, budget: int, kernel: str, tolerance: float
) -> Estimate:
    """Cycles of ``program``; arguments as for :func:`aidg.estimate`.

    Raises:
        RoutingError, ProgramError: As for :func:`aidg.estimate`.
    """
    if method == "fixed_point":
        refuse_order_of_time(arch, "published extrapolation")
    tables = build(arch, program)
    unsettled: list[Unsettled] = []
    run: Run
    if method == "full":
        run = Run(tables, kernel)
        cycles = run.run()
    else:
        run = exact = ExactRun(tables, kernel, budget)
        cycles = run.run()
        unsettled = exact.unsettled
    return Estimate(
        cycles=cycles,
        method="full" if method == "full" else "fixed_point" if unsettled else "exact",
        instructions=program.instruction_count,
        evaluated_instructions=run.evaluated,
        utilization=_utilization(arch, tables, run, cycles),
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
