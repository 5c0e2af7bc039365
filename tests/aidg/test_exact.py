"""The skipping evaluation equals full propagation, cycle for cycle."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.exactness import check_exact
from tests.strategies import Case, cases

FEW = settings(max_examples=100, suppress_health_check=list(HealthCheck))


@FEW
@given(cases())
def test_exact_equals_full(case: Case) -> None:
    assert check_exact(case).method == "exact"


@FEW
@given(cases(index_latencies=True))
def test_exact_equals_full_where_latencies_depend_on_indices(case: Case) -> None:
    assert check_exact(case).method == "exact"


@FEW
@given(cases(500, index_latencies=True), st.integers(1, 200))
def test_what_is_called_exact_is_exact_when_the_budget_is_small(case: Case, budget: int) -> None:
    check_exact(case, budget)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("index_latencies", [False, True])
@pytest.mark.parametrize(("instructions", "examples"), [(400, 3000), (4000, 800), (20_000, 120)])
def test_exact_equals_full_often(instructions: int, examples: int, index_latencies: bool) -> None:
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(cases(instructions, index_latencies=index_latencies), st.sampled_from([10**6, 10**6, 1000]))
    def often(case: Case, budget: int) -> None:
        check_exact(case, budget)

    often()
