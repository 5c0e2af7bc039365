"""Four evaluators, one answer: event-driven simulation, explicit graph, full propagation, exact skipping."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from acadl.simulation import simulate
from aidg.estimation import estimate
from aidg.graph import build
from tests.strategies import Case, cases


def check(case: Case) -> None:
    reference = simulate(case.arch, case.program).cycles
    assert build(case.arch, case.program).graph["cycles"] == reference
    assert estimate(case.arch, case.program, method="full").cycles == reference
    exact = estimate(case.arch, case.program)
    assert (exact.cycles, exact.method) == (reference, "exact")


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(80))
def test_evaluators_agree(case: Case) -> None:
    check(case)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(160))
def test_evaluators_agree_often(case: Case) -> None:
    check(case)
