"""Reservation tables against a cycle-by-cycle count."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aidg.kernel import StorageState
from aidg.reservation import Reservations

Request = tuple[int, int]  # arrival, hold


def naive(capacity: int, requests: list[Request]) -> list[int]:
    """Start of each request: the first moment from its arrival on with a free place in every cycle."""
    taken: dict[int, int] = {}
    starts = []
    for arrival, hold in requests:
        start = arrival
        while any(taken.get(cycle, 0) >= capacity for cycle in range(start, start + hold)):
            start += 1
        for cycle in range(start, start + hold):
            taken[cycle] = taken.get(cycle, 0) + 1
        starts.append(start)
    return starts


def reserved(capacity: int, requests: list[Request]) -> list[int]:
    table = Reservations(capacity)
    starts = []
    for arrival, hold in requests:
        start = table.earliest(arrival, hold)
        table.hold(start, hold)
        starts.append(start)
    return starts


@given(st.integers(1, 3), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6)), max_size=25))
def test_requests_take_the_first_gap(capacity: int, requests: list[Request]) -> None:
    assert reserved(capacity, requests) == naive(capacity, requests)


@given(
    st.integers(1, 2),
    st.integers(1, 3),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), max_size=12),
)
def test_many_transactions_equal_one_after_the_other(
    capacity: int, hold: int, requests: list[Request]
) -> None:
    together = StorageState(capacity, hold, 0)
    single = StorageState(capacity, hold, 0)
    for arrival, count in requests:
        expected = release = arrival
        for _ in range(count):
            expected, release = single.serve(release, 5)
        assert together.serve_many(arrival, 5, count) == (expected, release)
    assert together.busy == single.busy


def test_a_gap_fits_exactly() -> None:
    table = Reservations(1)
    table.hold(0, 2)
    table.hold(5, 2)
    assert table.earliest(0, 3) == 2
    assert table.earliest(0, 4) == 7
    assert table.earliest(1, 0) == 1


def test_the_past_is_forgotten() -> None:
    table = Reservations(1)
    table.hold(0, 4)
    table.hold(10, 4)
    assert table.state(3) == (0, 1, 7, 11, 1, 0, 1, 0)
    assert table.state(4) == (0, 6, 10, 0, 1, 0)
    assert table.state(14) == ()


def test_places_limit_what_is_in_flight() -> None:
    storage = StorageState(ports=1, hold=1, places=2)
    answers = [storage.serve(0, 10)[0] for _ in range(3)]
    assert answers == [10, 11, 20]
