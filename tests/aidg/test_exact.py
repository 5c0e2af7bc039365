"""The skipping evaluation equals full propagation, cycle for cycle."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

import aidg.kernel
from aidg.estimation import estimate
from tests.strategies import Case, cases


def check(case: Case) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aidg.kernel, "PRUNE_AT", 1)  # small programs fill no table
        compare(case)


def compare(case: Case) -> None:
    full = estimate(case.arch, case.program, method="full")
    exact = estimate(case.arch, case.program, method="exact")
    assert (exact.cycles, exact.method) == (full.cycles, "exact")
    assert exact.utilization == full.utilization
    assert full.evaluated_instructions == full.instructions == case.program.instruction_count
    assert exact.evaluated_instructions <= full.evaluated_instructions


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_exact_equals_full(case: Case) -> None:
    check(case)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(4000))
def test_exact_equals_full_often(case: Case) -> None:
    check(case)
