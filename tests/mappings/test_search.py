"""The search finds what enumeration finds, keeps its budget and what it has found so far."""

from __future__ import annotations

from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.choices import Choice, Space
from mappings.search import Found, Without, search

SPACE = Space({"a": tuple(range(6)), "b": ("x", "y", "z", "w"), "c": (1, 2)}, {"a": 3, "b": "y", "c": 1})


@st.composite
def tables(draw: st.DrawFn) -> dict[tuple[object, ...], tuple[int, int] | None]:
    """A cost for each choice; some cannot be mapped, the default can."""
    cost = st.tuples(st.integers(1, 9), st.integers(1, 9))
    table = {tuple(point.values()): draw(st.none() | cost) for point in SPACE.points()}
    return table | {tuple(SPACE.default.values()): draw(cost)}


def run(table: dict[tuple[object, ...], tuple[int, int] | None], **options: object) -> Found:
    def evaluate(choice: Choice, is_dominated: object) -> tuple[int, int] | Without:
        cost = table[tuple(choice.values())]
        if cost is None:
            return Without.INFEASIBLE
        return Without.DOMINATED if is_dominated((cost[0] - 1, cost[1])) else cost  # type: ignore[operator]

    return search(SPACE, evaluate, **options)  # type: ignore[arg-type]


@settings(max_examples=50)
@given(table=tables(), seed=st.integers(0, 99))
def test_a_small_space_is_searched_completely(table: dict, seed: int) -> None:
    """Best and front are those of enumeration, although some choices are never evaluated."""
    found = run(table, seed=seed)
    costs = [cost for cost in table.values() if cost is not None]
    assert found.exhaustive and found.tried == found.size == 48
    assert found.best.cost == min(costs)
    front = {
        cost
        for cost in costs
        if not any(other != cost and other[0] <= cost[0] and other[1] <= cost[1] for other in costs)
    }
    assert {point.cost for point in found.front} == front
    assert [point.cost for point in found.front] == sorted(point.cost for point in found.front)
    assert found.infeasible == sum(cost is None for cost in table.values())
    assert found.default.cost == table[tuple(SPACE.default.values())]


@settings(max_examples=40)
@given(table=tables(), tries=st.integers(1, 48), seed=st.integers(0, 9))
def test_a_budget_is_kept_and_repeats(table: dict, tries: int, seed: int) -> None:
    """Never worse than the default, and the same again with the same seed."""
    found = run(table, tries=tries, seed=seed)
    assert found.tried <= tries
    assert found.best.cost <= found.default.cost
    assert found == run(table, tries=tries, seed=seed)


def test_the_default_is_evaluated_whatever_the_time() -> None:
    """And nothing else."""
    found = run({tuple(point.values()): (5, 5) for point in SPACE.points()}, deadline=monotonic())
    assert (found.tried, found.best.choice) == (1, dict(SPACE.default))


def test_a_valley_is_descended() -> None:
    """In a large space, the bottom is found by going down, in few tries."""
    wide = Space({"a": tuple(range(1000)), "b": tuple(range(1000))}, {"a": 500, "b": 500})

    def evaluate(choice: Choice, is_dominated: object) -> tuple[int, ...]:
        return (abs(int(choice["a"]) - 480) + abs(int(choice["b"]) - 530),)

    found = search(wide, evaluate, tries=400)
    assert found.best.cost == (0,) and not found.exhaustive


def test_an_interrupt_keeps_the_best_so_far() -> None:
    """In the middle of the 10th try; before the first one there is nothing to keep."""
    calls = 0

    def evaluate(choice: Choice, is_dominated: object) -> tuple[int, ...]:
        nonlocal calls
        calls += 1
        if calls == 10:
            raise KeyboardInterrupt
        return (100 - calls,)

    found = search(SPACE, evaluate)
    assert found.interrupted and found.tried == 9 and found.best.cost == (91,)

    def never(choice: Choice, is_dominated: object) -> tuple[int, ...]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(SPACE, never)


def test_progress_is_told_after_each_try() -> None:
    """With the best cost so far."""
    seen: list[tuple[int, tuple[int, ...]]] = []
    space = Space({"a": (3, 2, 1)}, {"a": 3})
    search(space, lambda choice, _: (int(choice["a"]),), progress=lambda *told: seen.append(told))
    assert [number for number, _ in seen] == [1, 2, 3]
    assert seen[-1][1] == (1,)


def test_a_default_without_a_cost_is_an_error() -> None:
    """There would be nothing to compare with."""
    with pytest.raises(ValueError, match="own choice cannot be evaluated"):
        search(SPACE, lambda choice, _: Without.INFEASIBLE)
