"""Four evaluators, one answer: event-driven simulation, explicit graph, full propagation, exact skipping."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.exactness import check_evaluators
from tests.strategies import Case, cases
from tests.strategies_families import FAMILIES, Family

NO_CHECKS = list(HealthCheck)


@settings(max_examples=70, suppress_health_check=NO_CHECKS)
@given(cases(80))
def test_evaluators_agree(case: Case) -> None:
    check_evaluators(case)


@settings(max_examples=40, suppress_health_check=NO_CHECKS)
@given(cases(60, index_latencies=True))
def test_evaluators_agree_where_latencies_depend_on_indices(case: Case) -> None:
    check_evaluators(case)


@pytest.mark.parametrize("family", FAMILIES)
def test_evaluators_agree_on_hard_loops(family: str) -> None:
    @settings(max_examples=6, suppress_health_check=NO_CHECKS)
    @given(FAMILIES[family](False), st.integers(1, 10))
    def agree(drawn: Family, count: int) -> None:
        check_evaluators(drawn.case(count))

    agree()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=2000, suppress_health_check=NO_CHECKS)
@given(cases(160, index_latencies=True))
def test_evaluators_agree_often(case: Case) -> None:
    check_evaluators(case)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("family", FAMILIES)
def test_evaluators_agree_on_hard_loops_often(family: str) -> None:
    @settings(max_examples=150, suppress_health_check=NO_CHECKS)
    @given(FAMILIES[family](False), st.integers(1, 80))
    def agree(drawn: Family, count: int) -> None:
        check_evaluators(drawn.case(count))

    agree()
