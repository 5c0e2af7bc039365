"""Reservation tables against a cycle-by-cycle count."""

from __future__ import annotations

from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

from aidg import propagation
from aidg.propagation import CONTROLS, SAME, ProgramArrays, State

Request = tuple[int, int]  # arrival, hold
EMPTY_PROGRAM = ProgramArrays(*[[] for _ in fields(ProgramArrays)])
EMPTY_STATE = State(*[[] for _ in fields(State)])


def storage(ports: int, hold: int, places: int) -> tuple[ProgramArrays, State]:
    """One storage with its tables, the second one for places."""
    arrays = replace(EMPTY_PROGRAM, storages=[(hold, 0, 1 if places else -1)])
    state = replace(
        EMPTY_STATE,
        used=[0, 0],
        tables=[ports, 32, 1000, places, 32, 1000],
        stretches=[[0] * 1000, [0] * 1000],
        levels=[[0] * 1000, [0] * 1000],
        port_busy=[0],
        released=[0],
        control=[0] * CONTROLS,
    )
    return arrays, state


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
    _, state = storage(capacity, SAME, 0)
    starts = []
    for arrival, hold in requests:
        start = propagation._earliest(state, 0, arrival, hold)
        propagation._hold(state, 0, start, hold)
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
    arrays, together = storage(capacity, hold, 0)
    _, single = storage(capacity, hold, 0)
    for arrival, count in requests:
        expected = single.released[0] = arrival
        for _ in range(count):
            expected = propagation._serve(arrays, single, 0, single.released[0], 5)
        assert propagation._serve_many(arrays, together, 0, arrival, 5, count) == expected
        assert together.released == single.released
    assert together.port_busy == single.port_busy


def test_a_gap_fits_exactly() -> None:
    _, state = storage(1, SAME, 0)
    propagation._hold(state, 0, 0, 2)
    propagation._hold(state, 0, 5, 2)
    assert propagation._earliest(state, 0, 0, 3) == 2
    assert propagation._earliest(state, 0, 0, 4) == 7
    assert propagation._earliest(state, 0, 1, 0) == 1


def stretches(state: State) -> list[Request]:
    count = state.used[0]
    return list(zip(state.stretches[0][:count], state.levels[0][:count], strict=True))


def test_the_past_is_forgotten() -> None:
    _, state = storage(1, SAME, 0)
    propagation._hold(state, 0, 0, 4)
    propagation._hold(state, 0, 10, 4)
    propagation.prune_table(state, 0, 3)
    assert stretches(state) == [(0, 1), (4, 0), (10, 1), (14, 0)]
    propagation.prune_table(state, 0, 4)
    assert stretches(state) == [(4, 0), (10, 1), (14, 0)]
    propagation.prune_table(state, 0, 14)
    assert stretches(state) == []


def test_places_limit_what_is_in_flight() -> None:
    arrays, state = storage(1, 1, 2)
    answers = [propagation._serve(arrays, state, 0, 0, 10) for _ in range(3)]
    assert answers == [10, 11, 20]
