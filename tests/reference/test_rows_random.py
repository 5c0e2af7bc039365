"""Random machines with controllers and movers: what holds of every run, whatever the times are."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import HealthCheck, given, settings

from acadl.model import DataStorage, Mover
from acadl.simulation import SimulationRun, simulate
from tests.strategies import Case
from tests.strategies_rows import row_cases


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(row_cases())
def test_every_run(case: Case) -> None:
    run = simulate(case.arch, case.program, trace=True, max_cycles=1_000_000)
    check_storages(case, run)
    check_movers(case, run)
    last_part = max((times.leave for record in run.trace for times in record.parts), default=0)
    last_done = max(record.objects[-1].done for record in run.trace)
    assert run.cycles == max(last_part, last_done)


def check_storages(case: Case, run: SimulationRun) -> None:
    """Never more requests on ports, or in flight, than there are ports and places."""
    for storage in case.arch.of_type(DataStorage):
        if storage.name == "imem" and not case.arch.objects["imem"].read_latency:  # type: ignore[attr-defined]
            continue  # nothing is decided there
        ports = storage.read_write_ports + (storage.read_ports or 0) + (storage.write_ports or 0)
        times = [item for record in run.trace for item in record.transactions if item.name == storage.name]
        assert all(item.enter <= item.start < item.done for item in times)
        assert at_once([(item.start, item.leave) for item in times]) <= ports
        if storage.max_concurrent_requests is not None:
            assert at_once([(item.start, item.done) for item in times]) <= storage.max_concurrent_requests
        if storage.answers == "in_order":
            answers = Counter(item.done for item in times)
            assert not answers or max(answers.values()) == 1


def check_movers(case: Case, run: SimulationRun) -> None:
    """Never more parts than places; parts enter at intervals, and one mover right after the other."""
    for mover in case.arch.of_type(Mover):
        parts = [item for record in run.trace for item in record.parts if item.name == mover.name]
        assert at_once([(item.enter, item.leave + mover.release_latency) for item in parts]) <= mover.capacity
        entries = sorted(item.enter for item in parts)
        gaps = (second - first for first, second in pairwise(entries))
        assert all(gap >= mover.initiation_interval for gap in gaps)
        for item in parts:
            assert item.start == item.enter + mover.latency
            assert item.done >= item.start + mover.transfer_latency + mover.tail_latency
            assert item.leave >= item.done
    for record in run.trace:
        for item, following in pairwise(record.parts):
            if item.part == following.part:
                assert following.enter == item.leave


def at_once(stretches: list[tuple[int, int]]) -> int:
    """The most stretches, from the first cycle to one before the last, that share a cycle."""
    changes = sorted((cycle, step) for start, end in stretches for cycle, step in ((start, 1), (end, -1)))
    most = now = 0
    for _, step in changes:
        now += step
        most = max(most, now)
    return most


def test_at_once() -> None:
    assert at_once([(1, 4), (4, 5), (2, 3)]) == 2
