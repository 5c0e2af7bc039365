"""Caches in a SimPy simulation: hits as in the textbook, times by closed forms, nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acadl.errors import AcadlError
from acadl.simulate_objects import Clock
from platforms.caches.below import DelayedMemory, DramMemory
from platforms.caches.hierarchy import Placed, build_hierarchy
from platforms.caches.level import CacheLevel, LevelParameters
from platforms.caches.replacement import POLICIES
from tests.caches.textbook import Textbook

PARAMETERS = st.builds(
    LevelParameters,
    sets=st.sampled_from([1, 2, 4]),
    ways=st.sampled_from([1, 2, 4]),
    line_bytes=st.sampled_from([16, 32]),
    policy=st.sampled_from(sorted(POLICIES)),
    seed=st.integers(0, 3),
    write_back=st.booleans(),
    write_allocate=st.booleans(),
    hit_latency=st.integers(0, 3),
    miss_latency=st.one_of(st.none(), st.integers(0, 3)),
    ports=st.integers(1, 2),
    port_bytes=st.sampled_from([0, 4, 8]),
    miss_registers=st.integers(0, 3),
    write_buffer=st.integers(0, 2),
    critical_word_first=st.booleans(),
    arbitration=st.sampled_from(["priority", "round_robin"]),
)
ACCESSES = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 8), st.booleans()), max_size=60)


def one_by_one(level: CacheLevel, env: Clock, accesses, local: bool = False) -> list[int]:
    """Each access when the one before is through; the cycles in which they are."""
    done = []

    def client():
        now = 0
        for address, size, write in accesses:
            hit = level.try_hit(0, now, address, size, write) if local else None
            if hit is None:
                yield from env.until(now)
                yield level.access(0, address, size, write).last
                now = env.cycle
            else:
                now = hit
            done.append(now)

    env.process(client())
    env.run()
    return done


@settings(max_examples=150, deadline=None)
@given(PARAMETERS, ACCESSES)
def test_hits_are_the_textbooks(parameters: LevelParameters, accesses) -> None:
    env = Clock()
    level = CacheLevel(env, parameters, DelayedMemory(env, 7))
    assert len(one_by_one(level, env, accesses)) == len(accesses)
    textbook = Textbook(parameters.sets, parameters.ways, parameters.policy, parameters.seed, True)
    hits = lookups = 0
    for address, size, write in accesses:
        for line in range(
            address // parameters.line_bytes, (address + size - 1) // parameters.line_bytes + 1
        ):
            lookups += 1
            if write and not parameters.write_allocate and not textbook.holds(line):
                continue
            hits += textbook.access(line)[0]
    assert (level.counts.hits, level.counts.misses) == (hits, lookups - hits)


@settings(max_examples=150, deadline=None)
@given(PARAMETERS, ACCESSES)
def test_hits_without_events_take_the_same_cycles(parameters: LevelParameters, accesses) -> None:
    runs = []
    for local in (False, True):
        env = Clock()
        level = CacheLevel(env, parameters, DelayedMemory(env, 7))
        runs.append((one_by_one(level, env, accesses, local), level.counts))
    assert runs[0] == runs[1]


def test_a_hit_costs_no_event() -> None:
    env = Clock()
    level = CacheLevel(env, LevelParameters(4, 2, hit_latency=2), DelayedMemory(env, 20))
    env.run(level.access(0, 0, 4, False).last)
    env.run()
    now = env.cycle
    assert [level.try_hit(0, now + 3 * number, 4 * number, 4, False) for number in range(8)] == [
        now + 3 * number + 2 for number in range(8)
    ]
    assert not env._queue
    assert level.try_hit(0, now, 4096, 4, False) is None


@settings(max_examples=80, deadline=None)
@given(
    first=PARAMETERS, second=PARAMETERS, shared=PARAMETERS,
    accesses=st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 9), st.integers(0, 600), st.integers(1, 24), st.booleans()
        ),
        max_size=80,
    ),
)  # fmt: skip
def test_every_access_of_shared_levels_is_answered(first, second, shared, accesses) -> None:
    outcomes = []
    for _ in range(2):
        env = Clock()
        memory = DelayedMemory(env, 11)
        places = {"a": Placed(first, "s"), "b": Placed(second, "s"), "s": Placed(shared, "memory")}
        levels = build_hierarchy(env, places, {"memory": memory})
        times = []

        def client(number, rows, levels=levels, env=env, times=times):
            for gap, address, size, write in rows:
                yield env.timeout(gap)
                transfer = levels["abs"[number]].access(0 if number < 2 else 9, address, size, write)
                begun = env.cycle
                transfer.last.callbacks.append(lambda _, b=begun, n=number: times.append((n, b, env.cycle)))

        for number in range(3):
            env.process(client(number, [row[1:] for row in accesses if row[0] == number]))
        env.run()
        assert len(times) == len(accesses)
        outcomes.append((times, memory.reads, memory.writes, [each.counts for each in levels.values()]))
    assert outcomes[0] == outcomes[1]
    for level in levels.values():
        assert not level._registers and not level._buffer and not any(level._queues.values())


def spread(count: int, registers: int, latency: int) -> int:
    """Cycles of so many misses to different lines, all asked for at once."""
    env = Clock()
    parameters = LevelParameters(64, 1, 16, hit_latency=1, miss_registers=registers, write_buffer=0)
    level = CacheLevel(env, parameters, DelayedMemory(env, latency, 16))
    for number in range(count):
        level.access(0, 16 * number, 4, False)
    env.run()
    return env.cycle


def test_misses_overlap_as_far_as_there_are_registers() -> None:
    each = 1 + 20 + 1  # lookup, latency, transfer
    assert spread(1, 4, 20) == each
    assert spread(40, 1, 20) == 40 * each
    assert spread(40, 0, 20) == 40 * each
    assert spread(40, 2, 20) == pytest.approx(20 * each, abs=2)
    assert spread(40, 40, 20) == each + 39  # one lookup a cycle


def test_the_critical_word_comes_first() -> None:
    for first in (True, False):
        env = Clock()
        level = CacheLevel(
            env, LevelParameters(4, 1, 64, critical_word_first=first), DelayedMemory(env, 10, 8)
        )
        transfer = level.access(0, 40, 4, False)
        env.run(transfer.first)
        assert env.cycle == (12 if first else 19)
        env.run(transfer.last)
        assert env.cycle == 19


def test_a_second_miss_to_a_line_waits_for_the_first() -> None:
    env = Clock()
    memory = DelayedMemory(env, 10, 8)
    level = CacheLevel(env, LevelParameters(4, 1, 64), memory)
    level.access(0, 0, 4, False)
    env.run(level.access(0, 8, 4, False).last)
    assert (env.cycle, memory.reads, level.counts.merged) == (19, 1, 1)


@pytest.mark.parametrize(("arbitration", "first"), [("priority", [0] * 10), ("round_robin", [0, 1] * 5)])
def test_who_goes_first(arbitration: str, first: list[int]) -> None:
    env = Clock()
    level = CacheLevel(env, LevelParameters(1, 1, arbitration=arbitration), DelayedMemory(env, 5))
    env.run(level.access(1, 0, 4, False).last)
    done: list[int] = []
    for client in (1, 0):
        for _ in range(10):
            level.access(client, 0, 4, False).last.callbacks.append(lambda _, c=client: done.append(c))
    env.run()
    assert done[:10] == first
    assert sorted(done) == [0] * 10 + [1] * 10


def test_a_prefetcher_fetches_ahead() -> None:
    def stream(ahead: bool) -> tuple[int, int]:
        env = Clock()
        prefetcher = (lambda line, hit: (line + 1, line + 2)) if ahead else None
        level = CacheLevel(
            env,
            LevelParameters(16, 2, 16, miss_registers=4),
            DelayedMemory(env, 20, 16),
            prefetcher=prefetcher,
        )
        one_by_one(level, env, [(4 * number, 4, False) for number in range(64)])
        return env.cycle, level.counts.prefetches

    (slow, none), (fast, some) = stream(False), stream(True)
    assert none == 0 < some
    assert fast < 0.6 * slow


def test_a_dram_lies_below() -> None:
    env = Clock()
    memory = DramMemory(env, "DDR4_2400")
    level = CacheLevel(env, LevelParameters(4, 1, 64, hit_latency=1), memory)
    env.run(level.access(0, 128, 4, False).last)
    assert env.cycle == 1 + 37  # a first read: 1 to take it in, tRCD 16, CL 16, burst 4


def test_lines_larger_than_bursts_come_with_the_wanted_one_first() -> None:
    env = Clock()
    level = CacheLevel(env, LevelParameters(4, 1, 256), DramMemory(env, "DDR4_2400"))
    transfer = level.access(0, 130, 4, False)
    env.run(transfer.first)
    assert env.cycle == 38
    env.run(transfer.last)
    assert env.cycle > 38


def test_what_cannot_be_is_said() -> None:
    env, good = Clock(), LevelParameters(1, 1)
    memory = DelayedMemory(env, 1)
    for levels, message in (
        ({"a": Placed(good, "l2")}, "'a' lies on 'l2', which is not there"),
        ({"a": Placed(good, "b"), "b": Placed(good, "a")}, "circle: a -> b -> a"),
        ({"memory": Placed(good, "memory")}, "names a level and a memory"),
    ):
        with pytest.raises(AcadlError, match=message):
            build_hierarchy(env, levels, {"memory": memory})
    with pytest.raises(AcadlError, match="expected priority or round_robin"):
        LevelParameters(1, 1, arbitration="fair")  # type: ignore[arg-type]
    with pytest.raises(AcadlError, match="not negative"):
        LevelParameters(1, 1, hit_latency=-1)
    with pytest.raises(AcadlError, match="makes no sense"):
        CacheLevel(env, good, memory).access(0, 0, 0, False)
    with pytest.raises(AcadlError, match="1 byte a cycle"):
        DelayedMemory(env, 1, 0)
