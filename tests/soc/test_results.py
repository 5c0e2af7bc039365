"""Results of systems: who was stalled by whom, what happened when, slowdown; conservation and bounds."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import Layer
from mappings.network import Network
from platforms.caches.journey import LINE, MEMORY, NOBODY, QUEUE, REFRESH, Journey
from platforms.soc.chips import Chip, CorePlace
from platforms.soc.machine import Machine, alone_cycles, machine
from platforms.soc.over_time import MOST, Windows
from platforms.soc.phases import Phase
from platforms.soc.simulation import core_uses, simulate
from platforms.soc.stalls import divided
from tests.soc.shipped import L2

PLACES = tuple(CorePlace(name, "gemmini") for name in ("a", "b", "c"))
BARE = Chip("bare", PLACES[:2], None)  # on the memory itself
CACHED = Chip("cached", PLACES[:2], L2)


def streams(size: int, *addresses: int, cycles: int = 100) -> list[list[Phase]]:
    return [[Phase(cycles, size, read_address=address)] for address in addresses]


def ran(chip: Chip, programs: list[list[Phase]], tolerance: float | None = None) -> tuple[Machine, int]:
    found = machine(chip, programs, tolerance)
    return found, found.run()


@given(
    st.integers(0, 10_000),
    st.dictionaries(st.integers(0, 9), st.floats(0.001, 1e6), min_size=1),
)
def test_shares_of_cycles_add_up_and_are_off_by_less_than_one(total: int, weights: dict[int, float]) -> None:
    found = dict(divided(total, weights))
    assert sum(found.values()) == total
    for key, weight in weights.items():
        assert abs(found.get(key, 0) - total * weight / sum(weights.values())) < 1.0001


@given(st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 5_000), st.integers(0, 999)), max_size=30))
def test_windows_keep_sums_however_long_it_goes_on(events: list[tuple[int, int, int]]) -> None:
    windows, key = Windows(4), ("x", 0, 0)
    for begin, length, amount in events:
        windows.spread(key, begin, begin + length, amount)
    row = windows.row(key)
    assert sum(row) == sum(amount for _, _, amount in events)
    assert len(row) <= MOST
    assert len(row) * windows.length > windows.last


def test_a_journey_is_in_one_place_at_a_time() -> None:
    journey = Journey(0)
    journey.wait(10, QUEUE, 1)
    journey.wait(25, MEMORY, NOBODY)
    journey.end(40)
    journey.wait(50, QUEUE, 1)
    journey.end(53)
    assert journey.waits == {(QUEUE, 1): 18, (MEMORY, NOBODY): 15}


def test_two_streams_on_one_channel_are_stalled_by_each_other_and_by_refreshes() -> None:
    found, total = ran(BARE, streams(1 << 18, 0, 1 << 13))
    for number, use in enumerate(core_uses(BARE, found.cores, total, [None, None])):
        assert sum(stall.cycles for stall in use.stalls) == use.stalled_cycles > 0
        by = {(stall.where, stall.who): stall.cycles for stall in use.stalls}
        other = "ba"[number]
        assert use.stalls[0].who == other  # more than by itself
        assert by[QUEUE, other] > 0.3 * use.stalled_cycles
        timing = found.memory.memory.device.timing
        part = by[REFRESH, ""] / use.stalled_cycles
        assert part == pytest.approx(timing["tRFC"] / timing["tREFI"], rel=0.25)


def test_a_core_without_others_is_stalled_by_none() -> None:
    found, total = ran(BARE, [*streams(1 << 18, 0), []])
    alone, idle = core_uses(BARE, found.cores, total, [None, None])
    assert {stall.who for stall in alone.stalls} <= {"", "a"}
    assert sum(stall.cycles for stall in alone.stalls) == alone.stalled_cycles > 0
    assert (idle.idle_cycles, idle.stalls) == (total, ())


def test_who_shares_lines_waits_for_lines() -> None:
    found, total = ran(CACHED, streams(1 << 17, 0, 0))
    _, second = core_uses(CACHED, found.cores, total, [None, None])
    assert any(stall.where == LINE and stall.who == "a" for stall in second.stalls)


@pytest.mark.parametrize("chip", [BARE, CACHED])
@pytest.mark.parametrize("tolerance", [None, 0.01])
def test_what_is_recorded_over_time_adds_up(chip: Chip, tolerance: float | None) -> None:
    programs = streams(1 << 20, 0, 1 << 28)
    found, total = ran(chip, programs, tolerance)
    assert bool(found.extrapolated.cycles) == (tolerance is not None)
    over = found.recording.found(["a", "b"])
    totals, warmed = found.memory.memory.totals, sum(found.memory.warmed)
    burst = found.memory.burst_bytes
    moved = over.bytes_moved["channel0"]
    assert sum(map(sum, moved.values())) == (totals.reads + totals.writes + warmed) * burst
    assert (
        totals.reads + totals.writes + warmed
        == found.memory.accesses()
        == sum(phase.read_bytes // burst for program in programs for phase in program)
    )
    device = found.memory.memory.device
    most = device.peak_bytes_per_second * device.tick_seconds * over.window_cycles
    for both in zip(*moved.values(), strict=True):
        assert sum(both) <= most + 64 * burst  # bursts that ended in the window began before
    assert over.windows * over.window_cycles >= total > (over.windows - 1) * over.window_cycles
    if found.caches:
        counts = found.caches["shared_cache"].counts
        assert sum(over.hits["shared_cache"]) == counts.hits
        assert sum(over.misses["shared_cache"]) == counts.misses
    held = [sum(row) for row in over.held.values()]
    assert all(0 < each <= 1.01 * total for each in held)
    busiest = max(over.waiting["channel0"]) / over.window_cycles
    assert 1 < busiest < 200


def test_slowdown_is_against_running_alone() -> None:
    programs = streams(1 << 17, 0, 1 << 13)
    found, _ = ran(BARE, programs)
    alone = [alone_cycles(BARE, programs, number, None) for number in range(2)]
    together = [sum(each.end - each.begin for each in core.times) for core in found.cores]
    device = found.memory.memory.device
    peak = device.peak_bytes_per_second * device.tick_seconds
    for mine, shared in zip(alone, together, strict=True):
        assert mine >= (1 << 17) / peak
        assert 1.5 < shared / mine < 2.5


def small() -> Network:
    layers = (
        Layer(name="c", op="conv", C=16, H=14, W=14, K=32, R=3, S=3),
        Layer(name="r", op="relu", C=32, H=12, W=12, inputs=("c",)),
    )
    return Network(name="small", layers=layers)


def test_runs_say_all_that_in_json() -> None:
    run = simulate("soc", small(), alone=True)
    found = json.loads(run.to_json())
    for core, use in zip(found["cores"], run.cores, strict=True):
        assert sum(stall["cycles"] for stall in core["stalls"]) == core["stalled_cycles"]
        assert core["slowdown"] == use.slowdown
        assert (use.slowdown is None) == (use.layers == 0)
        assert use.busy_cycles + use.stalled_cycles + use.idle_cycles == run.total_cycles
    over = found["over_time"]
    assert sum(map(sum, over["bytes_moved"]["channel0"].values())) == found["memory"]["bytes"]
    assert over["window_cycles"] >= 1


def test_the_same_again_has_the_same_bits() -> None:
    first, second = (simulate("two_arrays", small()) for _ in range(2))
    assert asdict(first.over_time) == asdict(second.over_time)
    assert first.cores == second.cores
