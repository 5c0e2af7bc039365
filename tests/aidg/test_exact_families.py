"""Loops made to be hard to skip: what is skipped is exact, and what settles is skipped."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aidg.estimation import DEFAULT_BUDGET
from tests.exactness import check_exact, check_skips
from tests.strategies_families import FAMILIES, Family

NO_CHECKS = list(HealthCheck)
BUDGETS = st.sampled_from([DEFAULT_BUDGET, DEFAULT_BUDGET, 300])


@pytest.mark.parametrize("family", FAMILIES)
def test_exact_equals_full(family: str) -> None:
    @settings(max_examples=25, suppress_health_check=NO_CHECKS)
    @given(FAMILIES[family](False), st.integers(1, 300), BUDGETS)
    def equal(drawn: Family, count: int, budget: int) -> None:
        check_exact(drawn.case(count), budget)

    equal()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_trillion_iterations_are_no_more_work(family: str) -> None:
    @settings(max_examples=10, suppress_health_check=NO_CHECKS)
    @given(FAMILIES[family](True))
    def skips(drawn: Family) -> None:
        check_skips(drawn)

    skips()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("family", FAMILIES)
def test_exact_equals_full_often(family: str) -> None:
    @settings(max_examples=300, suppress_health_check=NO_CHECKS)
    @given(FAMILIES[family](False), st.integers(1, 4000), BUDGETS)
    def equal(drawn: Family, count: int, budget: int) -> None:
        check_exact(drawn.case(count), budget)

    equal()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_trillion_iterations_are_no_more_work_often(family: str) -> None:
    @settings(max_examples=200, suppress_health_check=NO_CHECKS)
    @given(FAMILIES[family](True))
    def skips(drawn: Family) -> None:
        check_skips(drawn)

    skips()
