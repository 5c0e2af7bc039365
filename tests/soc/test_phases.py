"""Cores of phases, on caches and memories: closed forms, bounds, deadlocks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acadl.errors import AcadlError, SimulationError
from acadl.simulate_objects import Clock
from platforms.caches.below import DelayedMemory, DramMemory
from platforms.caches.hierarchy import Placed, build_hierarchy
from platforms.caches.level import LevelParameters
from platforms.soc.manager import Manager
from platforms.soc.on_hierarchy import HierarchyManager
from platforms.soc.phases import Board, Phase, PhaseCore
from platforms.soc.shared_memory import SharedMemoryParameters


def run(programs: list[list[Phase]], latency: int = 10, width: int = 64) -> list[PhaseCore]:
    """Cores with these phases on one memory."""
    env, board = Clock(), Board()
    memory = DelayedMemory(env, latency, width)
    cores = [PhaseCore(number, phases, board) for number, phases in enumerate(programs)]
    manager = HierarchyManager(env, cores, [memory] * len(cores), board=board)
    for number in range(len(cores)):
        manager.start(number)
    manager.run()
    assert memory.reads + memory.writes == sum(
        -(-size // 64)
        for phases in programs
        for phase in phases
        for size in (phase.read_bytes, phase.write_bytes)
    )
    return cores


def test_without_data_phases_take_their_cycles() -> None:
    (core,) = run([[Phase(10), Phase(0), Phase(25)]])
    assert [(each.begin, each.end, each.stalled) for each in core.times] == [
        (0, 10, 0),
        (10, 10, 0),
        (10, 35, 0),
    ]


def test_a_memory_that_keeps_up_costs_only_its_latency() -> None:
    (core,) = run([[Phase(1000, 6400, 3200)]])
    assert 1000 <= core.times[0].end <= 1015


@pytest.mark.parametrize("count", [1, 2, 4])
def test_streams_share_the_bandwidth(count: int) -> None:
    cores = run([[Phase(100, 64_000, read_address=number << 24)] for number in range(count)], width=16)
    floor = count * 64_000 // 16
    end = max(core.times[0].end for core in cores)
    assert floor <= end <= 1.02 * floor
    assert all(core.times[0].stalled > 0 for core in cores)


@pytest.mark.parametrize("works", [(50, 80, 30), (200, 10, 10), (10, 10, 90)])
def test_a_pipeline_goes_at_the_pace_of_its_slowest_stage(works: tuple[int, ...]) -> None:
    tiles, room = 100, 2
    programs = []
    for stage, cycles in enumerate(works):
        phases = []
        for tile in range(tiles):
            after = [(stage - 1, tile)] if stage else []
            if stage + 1 < len(works) and tile >= room:  # places between the stages
                after.append((stage + 1, tile - room))
            phases.append(Phase(cycles, 128, 128, after=tuple(after)))
        programs.append(phases)
    cores = run(programs)
    end = cores[-1].times[-1].end
    floor = tiles * max(works)
    assert floor <= end <= 1.02 * (floor + sum(works)) + 15 * len(works)
    for stage, core in enumerate(cores[:-1]):
        for tile in range(tiles):
            assert cores[stage + 1].times[tile].begin >= core.times[tile].end
            if tile >= room:
                assert core.times[tile].begin >= cores[stage + 1].times[tile - room].end


def test_a_deadlock_is_reported_with_who_waits_for_whom() -> None:
    first = [Phase(5, after=((1, 0),), label="load")]
    with pytest.raises(SimulationError) as caught:
        run([first, [Phase(5, after=((0, 0),))], [Phase(7)]])
    assert "deadlock at cycle 7" in str(caught.value)
    assert "core 0: phase 0 ('load') waits for phase 0 of core 1" in str(caught.value)
    assert "core 2" not in str(caught.value)


LEVELS = st.builds(
    LevelParameters,
    sets=st.sampled_from([1, 4, 16]), ways=st.sampled_from([1, 2, 4]), line_bytes=st.sampled_from([32, 64]),
    policy=st.sampled_from(["lru", "fifo", "plru_tree", "random"]), write_back=st.booleans(),
    write_allocate=st.booleans(), hit_latency=st.integers(1, 6), ports=st.integers(1, 2),
    miss_registers=st.integers(0, 6), write_buffer=st.integers(0, 3),
    arbitration=st.sampled_from(["priority", "round_robin"]),
)  # fmt: skip


@st.composite
def systems(draw):
    """Phases of 2 to 8 cores whose waiting may go in circles, their caches, and a memory."""
    count = draw(st.integers(2, 8))
    sizes = [draw(st.integers(1, 4)) for _ in range(count)]
    wishes = st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, 3)), max_size=1)
    programs = [
        [
            Phase(
                draw(st.integers(0, 120)), draw(st.integers(0, 700)), draw(st.integers(0, 400)),
                draw(st.integers(0, 4000)), draw(st.integers(0, 4000)),
                tuple(draw(wishes)) if draw(st.integers(0, 4)) == 0 else (),
            )
            for _ in range(size)
        ]
        for size in sizes
    ]  # fmt: skip
    private = [draw(st.one_of(st.none(), LEVELS)) for _ in range(count)]
    return programs, private, draw(LEVELS), draw(st.booleans())


def simulate(system) -> tuple[object, ...]:
    programs, private, shared, has_dram = system
    env, board = Clock(), Board()
    memory = DramMemory(env, "DDR4_2400") if has_dram else DelayedMemory(env, 30, 8)
    places = {f"l1_{n}": Placed(each, "l2") for n, each in enumerate(private) if each is not None}
    levels = build_hierarchy(env, {**places, "l2": Placed(shared, "memory")}, {"memory": memory})
    cores = [PhaseCore(number, phases, board, 32, 4) for number, phases in enumerate(programs)]
    belows = [levels.get(f"l1_{number}", levels["l2"]) for number in range(len(cores))]
    manager = HierarchyManager(env, cores, belows, board=board)
    for number in range(len(cores)):
        manager.start(number)
    try:
        outcome: object = manager.run()
    except SimulationError as error:
        outcome = str(error)
    return outcome, [core.times for core in cores], [level.counts for level in levels.values()]


@settings(max_examples=25, deadline=None)
@given(systems())
def test_generated_systems_end_or_say_who_waits(system) -> None:
    outcome, times, counts = simulate(system)
    assert simulate(system) == (outcome, times, counts)
    programs = system[0]
    for number, phases in enumerate(programs):
        for phase, each in zip(phases, times[number], strict=False):
            assert each.stalled >= 0
            assert each.end - each.begin == phase.cycles + each.stalled
            assert all(times[core][index].end <= each.begin for core, index in phase.after)
    if isinstance(outcome, str):
        assert re.match(
            r"deadlock at cycle \d+: core \d+: phase \d+ waits for phase \d+ of core \d+", outcome
        )
        assert any(phase.after for phases in programs for phase in phases)
    else:
        assert [len(each) for each in times] == [len(phases) for phases in programs]


def test_phases_on_the_arbiter_of_a_pair() -> None:
    board = Board()
    cores = [PhaseCore(n, [Phase(100, 32_000, read_address=n << 20)], board) for n in range(2)]
    manager = Manager(SharedMemoryParameters(mem_latency=20), cores)
    for number in range(2):
        manager.start(number, 0)
    ends = [each.end for each in manager.run()]
    assert 4000 <= max(ends) <= 4080  # 64,000 bytes, 16 a cycle


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(AcadlError, match="not negative"):
        Phase(-1)
