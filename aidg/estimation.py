"""Loop program and architecture to cycles."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from html import escape
from typing import TYPE_CHECKING, Literal, get_args

from acadl.errors import AcadlError
from acadl.model import Architecture
from aidg.arrays import FlatProgram
from aidg.kernel import Kernel
from aidg.loops import LoopPlans
from aidg.machine import Machine
from aidg.preparation import prepare as bind
from aidg.prepared import PreparedProgram
from aidg.recurrence import ExactRunner, Unsettled
from aidg.runner import Runner
from mappings.program import LoopProgram

if TYPE_CHECKING:
    from aidg.flow.estimation import RowEstimator

Method = Literal["exact", "full", "fixed_point"]
KernelKind = Literal["interpreted", "compiled"]

# Instructions that `exact` propagates before it extrapolates loops that have not settled.
DEFAULT_BUDGET = 1_000_000
# Relative change that the published extrapolation takes for none.
DEFAULT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Estimate:
    """How long a program takes, and how that was found out.

    Attributes:
        cycles: From cycle 0 to the moment at which the last instruction is done.
        method: ``exact``: equals full propagation; ``full``: every instruction was propagated;
            ``fixed_point``: loops were extrapolated from a prolog.
        instructions: Dynamic instructions of the program.
        evaluated_instructions: Instructions that were propagated.
        utilization: Busy share (0 to 1) per functional unit (cycles in which it could not start another
            instruction), storage (cycles its ports are held) and of the fetch stage (the time that fetching
            would take if nothing downstream held it up), in order of first use.
        notes: What the reader must know: loops that did not settle, why, and with what spread.
        kernel: ``compiled`` where part of the work was long enough for compiled code (extra ``fast``). The
            result is the same.
    """

    cycles: int
    method: Method
    instructions: int
    evaluated_instructions: int
    utilization: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    kernel: KernelKind = "interpreted"

    @property
    def bound_by(self) -> str:
        """The busiest unit, storage or fetch stage and its busy share, such as ``mesh (93 %)``."""
        if not self.utilization:
            return "nothing (no instructions)"
        name = max(self.utilization, key=lambda key: self.utilization[key])
        return f"{name} ({100 * self.utilization[name]:.0f} %)"

    def to_dict(self) -> dict[str, object]:
        """All fields and ``bound_by``."""
        return {**asdict(self), "notes": list(self.notes), "bound_by": self.bound_by}

    def to_json(self) -> str:
        """:meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict())

    def _repr_html_(self) -> str:
        """What a notebook shows: cycles, method and the busy share of every unit and storage."""
        shares = "".join(
            f"<tr><td>{escape(name)}</td><td>{100 * share:.1f} %</td></tr>"
            for name, share in self.utilization.items()
        )
        evaluated = f"{self.evaluated_instructions:,} of {self.instructions:,} instructions evaluated"
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return (
            f"<p><b>{self.cycles:,} cycles</b> ({self.method}, {evaluated}), "
            f"bound by {escape(self.bound_by)}</p>{notes}<table>{shares}</table>"
        )


def prepare(arch: Architecture, program: LoopProgram) -> Estimator:
    """Bind ``program`` to ``arch``, once for as many estimates as are wanted.

    Raises:
        RoutingError: An instruction has no unit, or several.
        ProgramError: An address leaves its memory, a latency is negative.
    """
    return Estimator(arch, program)


class Estimator:
    """A program bound to an architecture: what :func:`prepare` returns.

    Every estimate starts from the beginning; nothing of an earlier one's result is kept.
    """

    def __init__(self, arch: Architecture, program: LoopProgram) -> None:
        self._arch = arch
        self._program = program
        self._rows: RowEstimator | None = None
        if arch.in_order_of_time:
            from aidg.flow.estimation import RowEstimator

            self._rows = RowEstimator(arch, program)
        else:
            self._bound: PreparedProgram | None = bind(arch, program)
            self._flat = FlatProgram(self._bound)
            self._plans = LoopPlans(self._bound)

    def estimate(
        self,
        *,
        method: Method = "exact",
        budget: int = DEFAULT_BUDGET,
        tolerance: float = DEFAULT_TOLERANCE,
        kernel: Literal["auto", "interpreted", "compiled"] = "auto",
    ) -> Estimate:
        """Cycles of the program; arguments and errors as for :func:`estimate`."""
        check_choice("method", method, get_args(Method))
        check_choice("kernel", kernel, ("auto", *get_args(KernelKind)))
        if self._rows is not None:
            return self._rows.estimate(method, budget, kernel, tolerance)
        state = self._kernel(kernel)
        if method == "exact":
            exact = ExactRunner(state, budget, self._plans)
            return exact_result(exact, exact.run(), tolerance)
        if method == "full":
            return _result(state, Runner(state, self._plans).run(), method)
        from aidg.fixed_point import FixedPointRunner

        published = FixedPointRunner(state, tolerance)
        cycles = published.run()
        missed = f"not all loops converged to within {tolerance:g} in the prolog"
        return _result(state, cycles, method, () if published.converged else (missed,))

    def _kernel(self, kernel: str) -> Kernel:
        """The machine before cycle 0."""
        if self._bound is None:
            self._bound = bind(self._arch, self._program)
            self._flat = FlatProgram(self._bound)
            self._plans = LoopPlans(self._bound)
        made = Kernel(self._bound, kernel, self._flat)
        if made.has_queue:  # the models of caches and open rows remember what they hold
            self._bound = None
        return made


def estimate(
    arch: Architecture,
    program: LoopProgram,
    *,
    method: Method = "exact",
    budget: int = DEFAULT_BUDGET,
    tolerance: float = DEFAULT_TOLERANCE,
    kernel: Literal["auto", "interpreted", "compiled"] = "auto",
) -> Estimate:
    """Cycles of ``program`` on ``arch``.

    Descriptions with controllers and movers are evaluated in order of time.

    Args:
        method: ``exact`` skips iterations whose outcome is known; ``full`` propagates every instruction;
            ``fixed_point`` is the published extrapolation.
        budget: Instructions that ``exact`` propagates before it extrapolates loops that have not settled; the
            result's method is then ``fixed_point`` and its notes say which loops.
        tolerance: For ``fixed_point``: relative change that counts as none.
        kernel: ``auto`` uses compiled code for long work where numba is installed (extra ``fast``).

    Raises:
        RoutingError: An instruction has no unit, or several.
        ProgramError: An address leaves its memory, a latency is negative.
        AcadlError: Unknown method or kernel; ``compiled`` without numba, or with latencies that compiled code
            cannot look up (storages with a state, latencies that depend on loop indices).
    """
    check_choice("method", method, get_args(Method))
    check_choice("kernel", kernel, ("auto", *get_args(KernelKind)))
    return prepare(arch, program).estimate(method=method, budget=budget, tolerance=tolerance, kernel=kernel)


def exact_result(runner: ExactRunner, cycles: int, tolerance: float = DEFAULT_TOLERANCE) -> Estimate:
    """The estimate of a run that has taken ``cycles``; it is exact unless loops did not settle."""
    unsettled = runner.unsettled.values()
    notes = tuple(_describe(loop, runner.budget, tolerance) for loop in unsettled)
    return _result(runner.kernel, cycles, "fixed_point" if notes else "exact", notes)


def _result(kernel: Kernel, cycles: int, method: Method, notes: tuple[str, ...] = ()) -> Estimate:
    return Estimate(
        cycles=cycles,
        method=method,
        instructions=kernel.program.instruction_count,
        evaluated_instructions=kernel.evaluated,
        utilization=_utilization(kernel.program, kernel, cycles),
        notes=notes,
        kernel="compiled" if kernel.is_compiled else "interpreted",
    )


def check_choice(what: str, found: str, choices: tuple[str, ...]) -> None:
    """Raise :class:`AcadlError` unless ``found`` is one of ``choices``."""
    if found not in choices:
        raise AcadlError(f"unknown {what} '{found}'; choose {', '.join(choices[:-1])} or {choices[-1]}")


def _describe(loop: Unsettled, budget: int, tolerance: float) -> str:
    """Why a loop was extrapolated, and how far that can be trusted."""
    spread = loop.spread_cycles / loop.interval_cycles if loop.interval_cycles else 0.0
    within = "within" if spread <= tolerance else "beyond"
    return (
        f"loop '{loop.loop}' did not settle within the budget of {budget} instructions ({loop.reason}): "
        f"extrapolated after {loop.evaluated} iterations at {loop.interval_cycles:g} cycles each, which "
        f"spread by {loop.spread_cycles:g} cycles ({within} the tolerance of {tolerance:g})"
    )


def _utilization(prepared: PreparedProgram, kernel: Kernel, cycles: int) -> dict[str, float]:
    machine = prepared.machine
    total, busy = max(cycles, 1), kernel.busy()
    shares = {name: busy.units[number] / total for name, number in machine.units.items()}
    for number, spec in enumerate(machine.storages):
        if number != machine.instruction_storage:
            shares[spec.name] = busy.storages[number] / (total * spec.ports)
    if shares:
        name = machine.arch.fetch_stage.name
        # nobody waits for what follows the last instruction
        shares[name] = min(1.0, prepared.instruction_count * _fetch_cycles(machine) / total)
    return shares


def _fetch_cycles(machine: Machine) -> float:
    """Cycles per instruction of a front end that nothing holds up.

    Bounded by how often a group can be read, and by how long its instructions hold their slots of the buffer.
    """
    read = machine.read_latency
    if machine.instruction_storage >= 0:
        read += machine.storages[machine.instruction_storage].model.latency(0, False)
    interval = read if machine.read_interval < 0 else machine.read_interval
    buffer_size = machine.buffer.capacity + machine.fetch_width - 1
    return max(interval / machine.fetch_width, (read + machine.fetch_latency) / buffer_size)
