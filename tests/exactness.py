"""What exact extrapolation has to fulfil, as checks that all its tests share."""

from __future__ import annotations

import pytest

import aidg.propagation
from acadl.simulation import simulate
from aidg.estimation import DEFAULT_BUDGET, Estimate, estimate
from aidg.graph import build
from tests.strategies import Case
from tests.strategies_families import Family

# Iterations after which a loop that is drawn to settle has settled, and about 10^12, which leave the same
# rest of a period.
SETTLED = 4000
MORE = SETTLED + 2**14 * 3**2 * 5 * 7 * 11 * 13 * 1355
# Instructions that may be propagated meanwhile.
PATIENCE = 20_000
# Instructions by which two runs may differ beside: one may have begun to look at the loop less often.
REST = 600


def check_exact(case: Case, budget: int = DEFAULT_BUDGET) -> Estimate:
    """``exact`` equals ``full``, or calls itself ``fixed_point`` and says why."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aidg.propagation, "PRUNE_AT", 1)  # small programs fill no table
        full = estimate(case.arch, case.program, method="full")
        exact = estimate(case.arch, case.program, budget=budget)
    assert full.evaluated_instructions == full.instructions == case.program.instruction_count
    assert exact.evaluated_instructions <= full.evaluated_instructions
    if exact.method == "exact":
        assert exact.cycles == full.cycles
        assert exact.utilization == full.utilization
        assert exact.notes == ()
    else:
        assert exact.method == "fixed_point" and exact.evaluated_instructions > budget
        assert f"did not settle within the budget of {budget} instructions" in exact.notes[0]
    return exact


def check_skips(family: Family) -> None:
    """A loop that settles is skipped, and as exact after a trillion iterations, for about the same work."""
    few, many = family.case(SETTLED), family.case(MORE)
    short = estimate(few.arch, few.program, budget=PATIENCE)
    long = estimate(many.arch, many.program, budget=PATIENCE)
    assert (short.method, long.method) == ("exact", "exact"), short.notes + long.notes
    assert short.evaluated_instructions < short.instructions
    assert long.evaluated_instructions <= 1.2 * short.evaluated_instructions + REST


def check_evaluators(case: Case) -> None:
    """Four evaluators, one answer."""
    reference = simulate(case.arch, case.program).cycles
    assert build(case.arch, case.program).graph["cycles"] == reference
    assert estimate(case.arch, case.program, method="full").cycles == reference
    exact = estimate(case.arch, case.program)
    assert (exact.cycles, exact.method) == (reference, "exact")
