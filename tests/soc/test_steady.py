"""Extrapolation of steady stretches of time, against runs in which everything is evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acadl.errors import AcadlError
from acadl.simulate_objects import Clock
from platforms.caches.below import Below, DelayedMemory, DramMemory
from platforms.caches.level import CacheLevel, LevelParameters
from platforms.soc.on_hierarchy import HierarchyManager
from platforms.soc.phases import Board, Phase, PhaseCore
from platforms.soc.simulation import SystemRun, simulate
from platforms.soc.steady import Extrapolated, SteadyState

WINDOW = 4_000
CACHE = LevelParameters(sets=64, ways=4, hit_latency=4, miss_registers=16, write_buffer=8, ports=2)


class System:
    """Cores of phases on one memory, perhaps behind a cache; evaluated as a whole or not."""

    def __init__(self, programs: list[list[Phase]], *, width: int = 64, cached: bool = False) -> None:
        self.env, self.board = Clock(), Board()
        self.memory = DelayedMemory(self.env, 20, width)
        self.cache = CacheLevel(self.env, CACHE, self.memory) if cached else None
        self.below: Below = self.cache or self.memory
        self.peak = width * WINDOW // 64
        self.cores = [PhaseCore(number, phases, self.board) for number, phases in enumerate(programs)]

    def run(self, tolerance: float | None) -> Extrapolated:
        belows = [self.below] * len(self.cores)
        steady = None
        if tolerance is not None:
            steady = SteadyState(
                self.env, self.cores, belows, self.board, lambda: self.memory.reads + self.memory.writes,
                window=WINDOW, peak=self.peak, alignment=1, tolerance=tolerance,
            )  # fmt: skip
        manager = HierarchyManager(self.env, self.cores, belows, board=self.board)
        for number in range(len(self.cores)):
            manager.start(number)
        manager.run()
        return steady.found if steady is not None else Extrapolated()

    def times(self) -> list[list[tuple[int, int, int]]]:
        return [[(each.begin, each.end, each.stalled) for each in core.times] for core in self.cores]


def both(programs: list[list[Phase]], *, width: int = 64, cached: bool = False) -> tuple[System, System]:
    """The same system evaluated whole, and with extrapolation."""
    whole = System(programs, width=width, cached=cached)
    whole.run(None)
    skipping = System(programs, width=width, cached=cached)
    skipping.found = skipping.run(0.01)  # type: ignore[attr-defined]
    return whole, skipping


def test_cores_that_keep_their_pace_end_in_the_same_cycle() -> None:
    programs = [[Phase(1_000_000, 640_000, 64_000)], [Phase(700_000, 320_000, read_address=1 << 30)]]
    whole, skipping = both(programs)
    assert skipping.times() == whole.times()
    assert skipping.env.cycle < 0.2 * whole.env.cycle  # most of it was not evaluated
    assert (skipping.memory.reads, skipping.memory.writes) == (whole.memory.reads, whole.memory.writes)


def test_a_memory_that_sets_the_pace_is_extrapolated_within_the_stated_error() -> None:
    programs = [[Phase(1000, 6_400_000, read_address=number << 30)] for number in range(3)]
    whole, skipping = both(programs, width=16)
    floor = 3 * 6_400_000 // 16
    for system in (whole, skipping):
        assert floor <= max(core.times[0].end for core in system.cores) <= 1.005 * floor
    assert skipping.memory.reads == whole.memory.reads
    assert skipping.env.cycle < 0.6 * whole.env.cycle


def test_caches_hold_what_they_would_hold() -> None:
    """The first pass over a stream misses, and the further ones hit: they fit."""
    programs = [[Phase(600_000, 64 * 8_000, read_span=64 * 200), Phase(50_000, 64 * 200)]]
    whole, skipping = both(programs, cached=True)
    assert skipping.times() == whole.times()
    assert whole.cache is not None and skipping.cache is not None
    assert (skipping.cache.counts.hits, skipping.cache.counts.misses) == (8_000, 200)
    assert (whole.cache.counts.hits, whole.cache.counts.misses) == (8_000, 200)


def test_write_backs_are_counted_in_skipped_time() -> None:
    programs = [[Phase(600_000, write_bytes=64 * 9_000)]]
    whole, skipping = both(programs, cached=True)
    assert whole.cache is not None and skipping.cache is not None
    assert whole.cache.counts.writebacks == skipping.cache.counts.writebacks > 8_000
    assert (skipping.memory.reads, skipping.memory.writes) == (whole.memory.reads, whole.memory.writes)


def test_who_waits_for_others_begins_when_they_end() -> None:
    programs = [
        [Phase(400_000, 64 * 6_000)],
        [Phase(300_000, 64 * 5_000, read_address=1 << 30, after=((0, 0),)), Phase(10)],
        [Phase(10, after=((1, 1),))],
    ]
    whole, skipping = both(programs)
    assert skipping.times() == whole.times()
    assert skipping.times()[1][0][0] == skipping.times()[0][0][1]


def test_short_phases_are_evaluated_whole() -> None:
    programs = [[Phase(3 * WINDOW, 64 * 300) for _ in range(5)]]
    whole, skipping = both(programs)
    assert skipping.times() == whole.times() and skipping.env.cycle == whole.env.cycle


phases = st.builds(
    Phase,
    cycles=st.integers(0, 200_000),
    read_bytes=st.integers(0, 400_000),
    write_bytes=st.integers(0, 200_000),
    weight_bytes=st.integers(0, 100_000),
    read_span=st.sampled_from([0, 64 * 100, 64 * 3_000]),
    weight_address=st.just(1 << 40),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(phases, min_size=1, max_size=3), min_size=1, max_size=3), st.sampled_from([8, 64]))
def test_generated_systems_agree(programs: list[list[Phase]], width: int) -> None:
    whole, skipping = both(programs, width=width)
    assert (skipping.memory.reads, skipping.memory.writes) == (whole.memory.reads, whole.memory.writes)
    ends = [max(core.times[-1].end for core in system.cores) for system in (whole, skipping)]
    assert ends[1] == pytest.approx(ends[0], rel=0.02, abs=100)
    for core in skipping.cores:
        assert all(a.end <= b.begin for a, b in zip(core.times, core.times[1:], strict=False))
        assert all(each.stalled >= 0 for each in core.times)


def simulated(table: Path, tolerance: float | None) -> SystemRun:
    return simulate("two_arrays", str(table), tolerance=tolerance)


def test_networks_say_what_was_extrapolated(tmp_path: Path) -> None:
    table = tmp_path / "net.csv"
    table.write_text("layer,op,C,H,W,K,R,S\nc1,conv,64,30,30,64,3,3\n")
    run, whole = simulated(table, 0.01), simulated(table, None)
    assert run.extrapolated.cycles > 0.3 * run.total_cycles and not whole.extrapolated.cycles
    assert abs(run.total_cycles - whole.total_cycles) <= run.extrapolated.error_cycles + 50
    assert [run.memory[name] for name in ("reads", "writes")] == [
        whole.memory[name] for name in ("reads", "writes")
    ]
    assert run.to_dict()["extrapolated"]["cycles"] == run.extrapolated.cycles


@pytest.mark.slow
def test_products_that_the_memory_holds_up(tmp_path: Path) -> None:
    table = tmp_path / "net.csv"
    table.write_text("layer,op,C,H,W,K,R,S\nfc,fc,4096,1,1,4096,1,1\n")
    run, whole = simulated(table, 0.01), simulated(table, None)
    assert run.total_cycles == pytest.approx(whole.total_cycles, rel=0.03)
    assert abs(run.total_cycles - whole.total_cycles) <= max(run.extrapolated.error_cycles, 500)


@pytest.mark.parametrize("tolerance", [-0.1, 1.0, float("nan")])
def test_tolerances_that_make_no_sense(tolerance: float) -> None:
    with pytest.raises(AcadlError, match="the tolerance is"):
        simulate("two_arrays", "alexnet", tolerance=tolerance)


def test_a_dram_counts_what_it_is_not_asked() -> None:
    memory = DramMemory(Clock(), "DDR4_2400")
    memory.warm(60, 10, False)  # over the border of two bursts
    memory.warm(128, 64, True)
    assert (memory.warmed, memory.accesses()) == ([2, 1], 3)
    assert memory.rows_bytes == 8192 * 16
