"""Where two lists of events part: planted errors are found, and what is around them is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.validation.comparison import Comparison, compare
from platforms.validation.error_statistics import cycle_errors, histogram, time_windows
from platforms.validation.events import NO_ID, Event, TraceError

UNITS = (("u", "a"), ("u", "b"), ("v", "a"))


@st.composite
def traces(draw: st.DrawFn, numbered: bool = True) -> list[Event]:
    """At least two events of each kind, in ascending cycles, all cycles different."""
    kinds = draw(st.permutations(UNITS * 2)) + draw(st.lists(st.sampled_from(UNITS), max_size=20))
    cycle, events = 0, []
    counts = dict.fromkeys(UNITS, 0)
    for kind in kinds:
        cycle += draw(st.integers(1, 9))
        number = counts[kind] if numbered else NO_ID
        events.append(Event(cycle, *kind, number, format(0x100 + 8 * counts[kind], "x")))
        counts[kind] += 1
    return events


def ordered(events: Sequence[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.cycle)


def wrong(found: Comparison) -> list[tuple[Event | None, Event | None]]:
    return [(pair.measured, pair.predicted) for pair in found.pairs if not pair.agrees]


@given(traces(), st.data())
def test_a_planted_error_is_the_only_one_and_the_first(run: list[Event], data: st.DataObject) -> None:
    assert compare(run, run).is_exact
    at = data.draw(st.integers(0, len(run) - 1))
    victim = run[at]
    kind = [e for e in run if (e.unit, e.event) == (victim.unit, victim.event) and e is not victim]
    what = data.draw(st.sampled_from(["shift", "drop", "swap", "insert", "repeat", "address"]))
    if what == "shift":
        moved = replace(victim, cycle=victim.cycle + data.draw(st.integers(-50, 50).filter(bool)))
        found = compare(run, ordered([*run[:at], moved, *run[at + 1 :]]))
        assert wrong(found) == [(moved, victim)]
        assert found.first_divergence is not None
        assert found.first_divergence.moment == min(moved.cycle, victim.cycle)
    elif what == "drop":
        assert wrong(compare(run, [*run[:at], *run[at + 1 :]])) == [(None, victim)]
    elif what == "swap":
        other = data.draw(st.sampled_from(kind))
        here, there = replace(victim, cycle=other.cycle), replace(other, cycle=victim.cycle)
        swapped = [here if e is victim else there if e is other else e for e in run]
        found = compare(run, ordered(swapped))
        assert sorted(wrong(found), key=str) == sorted([(here, victim), (there, other)], key=str)
        assert found.first_divergence is not None
        assert found.first_divergence.moment == min(victim.cycle, other.cycle)
    elif what == "insert":
        new = replace(victim, id=10_000, cycle=victim.cycle)
        assert wrong(compare(run, [*run[: at + 1], new, *run[at + 1 :]])) == [(new, None)]
    elif what == "repeat":  # another event's number once more: neither a fallback nor a match in silence
        other = data.draw(st.sampled_from(kind))
        twice = replace(victim, id=other.id)
        found = compare(run, [*run[:at], twice, *run[at + 1 :]])
        assert {e for pair in wrong(found) for e in pair if e} >= {victim, twice}
    else:
        lost = replace(victim, address="fff")
        assert wrong(compare(run, [*run[:at], lost, *run[at + 1 :]])) == [(lost, victim)]


@given(traces(numbered=False), st.data())
def test_without_numbers_the_first_error_is_where_it_was_planted(
    run: list[Event], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(run) - 1))
    victim = run[at]
    kind = [e for e in run if (e.unit, e.event) == (victim.unit, victim.event)]
    what = data.draw(st.sampled_from(["drop", "swap", "insert"]))
    if what == "drop":
        found = compare(run, [*run[:at], *run[at + 1 :]])
        assert found.first_divergence is not None and found.first_divergence.predicted == victim
        assert sum(kind.extra for kind in found.kinds) == 1
    elif what == "insert":
        new = replace(victim, address="fff")
        found = compare(run, [*run[:at], new, *run[at:]])
        assert found.first_divergence is not None and found.first_divergence.measured == new
        assert sum(kind.missing for kind in found.kinds) == 1
    else:  # cycles stay: only the addresses tell
        other = data.draw(st.sampled_from([e for e in kind if e is not victim]))
        address = {victim: other.address, other: victim.address}
        found = compare(run, [replace(e, address=address.get(e, e.address)) for e in run])
        assert found.first_divergence is not None
        assert found.first_divergence.predicted == min(victim, other, key=lambda e: e.cycle)
        assert sum(kind.elsewhere for kind in found.kinds) == 2
        assert "is predicted there for address" in found.divergence_line


def test_what_is_around_the_divergence_is_told() -> None:
    run = [
        Event(1, "bus", "get", 0),
        Event(4, "bus", "get", 1),
        Event(5, "core", "go", 2),
        Event(9, "bus", "get", 2),
        Event(12, "core", "go", 3),
    ]
    trace = [*run[:3], Event(12, "core", "go", 3), Event(15, "bus", "get", 2)]
    found = compare(run, trace)
    divergence = found.divergence
    assert divergence is not None and divergence.pair.measured == trace[4]
    assert [pair.cycle for pair in divergence.same_unit] == [4, 1]
    assert [pair.cycle for pair in divergence.same_instruction] == [5]
    assert [pair.measured for pair in divergence.between] == [trace[3]]
    assert list(divergence.lines()) == [
        "in the trace before it, at bus:",
        "  bus/get 1: measured 4, predicted 4",
        "  bus/get 0: measured 1, predicted 1",
        "in the trace before it, of instruction 2:",
        "  core/go 2: measured 5, predicted 5",
        "between the two:",
        "  core/go 3: measured 12, predicted 12",
    ]
    assert found.divergence_line == (
        "first divergence: bus/get 2, measured in cycle 15, is predicted for cycle 9, 6 too early"
    )
    told = found.to_dict()["first_divergence"]
    assert isinstance(told, dict)
    assert {"measured", "predicted", "error", "text", "waits", "same_unit", "between"} <= told.keys()


@given(traces(), st.integers(-100, 100), st.integers(0, 50))
def test_from_an_origin_neither_cycles_nor_numbers_need_be_the_same(
    run: list[Event], cycles: int, numbers: int
) -> None:
    kind = (run[0].unit, run[0].event)
    other = [replace(e, cycle=e.cycle + cycles, id=e.id + numbers) for e in run]
    found = compare(run, other, origin=kind)
    assert found.is_exact and found.pairs[0].cycle == 0
    with pytest.raises(TraceError, match="the run has no event w/x to count from"):
        compare(run, other, origin=("w", "x"))


def test_numbers_that_have_nothing_in_common_are_explained() -> None:
    run = [Event(n, "u", "a", n) for n in range(3)]
    found = compare(run, [replace(event, id=event.id + 400) for event in run])
    assert (found.matched, found.events) == (0, 3)
    assert any("the trace begins with 400, the run with 0); --origin" in note for note in found.notes)


@given(traces(), st.data())
def test_a_cut_trace_is_named_and_compared_up_to_its_end(run: list[Event], data: st.DataObject) -> None:
    length = data.draw(st.integers(1, len(run) - 1))
    kinds = {(e.unit, e.event) for e in run[:length]}
    rest = [e for e in run[length:] if (e.unit, e.event) in kinds]
    found = compare(run, run[:length])
    last = run[length - 1].cycle
    assert sum(kind.extra for kind in found.kinds) == len(rest)
    assert any(f"--until {last} compares" in note for note in found.notes) == bool(rest)
    assert compare(run, run[:length], until=last).is_exact


@given(traces(numbered=False), st.data())
def test_a_trace_that_begins_later_is_compared_from_there(run: list[Event], data: st.DataObject) -> None:
    first = data.draw(st.integers(1, len(run) - 1))
    kinds = {(e.unit, e.event) for e in run[first:]}
    is_whole = all((e.unit, e.event) not in kinds for e in run[:first])
    assert compare(run, run[first:]).is_exact == is_whole
    assert compare(run, run[first:], start=run[first].cycle).is_exact


def test_nothing_to_compare_is_no_match() -> None:
    run = [Event(5, "u", "a", 0), Event(9, "u", "a", 1)]
    for window in ({"until": 4}, {"start": 10}, {"start": 9, "until": 5}):
        with pytest.raises(TraceError, match=r"no event up to cycle|no kind of event in common"):
            compare(run, run, **window)  # type: ignore[arg-type]


POINTS = st.lists(st.tuples(st.integers(-50, 5000), st.integers(-300, 300)), min_size=1, max_size=60)


@given(POINTS)
def test_every_error_is_in_one_bin_and_one_window(points: list[tuple[int, int]]) -> None:
    errors = [error for _, error in points]
    bins = histogram(errors)
    assert len(bins) <= 15
    for item in bins:
        assert item.count == sum(item.low <= error <= item.high for error in errors)
    assert sum(item.count for item in bins) == len(errors)
    assert len({item.high - item.low for item in bins}) == 1
    assert all(a.high + 1 == b.low for a, b in pairwise(bins))
    assert all(item.low >= 0 or item.high < 0 for item in bins)
    windows = time_windows(points)
    assert len(windows) <= 12 and sum(window.events for window in windows) == len(points)
    for window in windows:
        inside = [error for cycle, error in points if window.first <= cycle <= window.last]
        assert len(inside) == window.events
        assert window.mean == pytest.approx(sum(inside) / len(inside))
        assert window.max_abs == max(map(abs, inside))


@given(POINTS)
def test_figures_are_those_of_numpy(points: list[tuple[int, int]]) -> None:
    import numpy as np

    cycles, errors = (np.array(values, float) for values in zip(*points, strict=True))
    found = cycle_errors(points)
    assert found.median == np.median(errors)
    assert found.mean == pytest.approx(errors.mean())
    assert found.p50_abs == np.percentile(abs(errors), 50, method="inverted_cdf")
    assert found.p95_abs == np.percentile(abs(errors), 95, method="inverted_cdf")
    if len(set(cycles)) > 1:
        assert found.drift / 1000 == pytest.approx(np.polyfit(cycles, errors, 1)[0], abs=1e-6)
