"""Generated systems of 2 to 8 cores: they end, or say who waits for whom; nothing is lost; bounds hold."""

from __future__ import annotations

import random
import re
from dataclasses import asdict

import pytest

from acadl.errors import SimulationError
from platforms.caches.level import LevelParameters
from platforms.soc.chips import Chip, CorePlace
from platforms.soc.machine import Machine, alone_cycles, machine
from platforms.soc.phases import Phase
from platforms.soc.simulation import core_uses

MEMORIES = ("DDR4_2400", "LPDDR4_3200", "HBM2_2000", "DDR3_1600H")


def a_cache(chance: random.Random) -> LevelParameters:
    return LevelParameters(
        sets=chance.choice([1, 16, 64]),
        ways=chance.choice([1, 2, 4]),
        line_bytes=chance.choice([64, 128]),
        policy=chance.choice(["lru", "fifo", "plru_tree", "random"]),
        write_back=chance.random() < 0.7,
        write_allocate=chance.random() < 0.7,
        hit_latency=chance.randint(1, 20),
        ports=chance.randint(1, 2),
        port_bytes=chance.choice([0, 16]),
        miss_registers=chance.randint(0, 8),
        write_buffer=chance.randint(0, 4),
        arbitration=chance.choice(["priority", "round_robin"]),
    )


def a_program(chance: random.Random, number: int, count: int, tiles: int, room: int) -> list[Phase]:
    """A stage of a pipeline: each tile waits for that of the stage before, and for room in its buffer.

    With room 0 a stage waits for the one behind it to have used a tile that is not there yet: a deadlock.
    """
    found = []
    work, size = chance.randint(0, 400), chance.choice([0, 64, 200, 700])
    for tile in range(tiles):
        after = [(number - 1, tile)] if number else []
        if number + 1 < count and tile >= room:
            after.append((number + 1, tile - room))
        found.append(
            Phase(
                work, size, chance.choice([0, size]), chance.randrange(1 << 20), chance.randrange(1 << 20),
                tuple(after), f"stage {number}", weight_bytes=chance.choice([0, 128]), weight_address=1 << 21,
            )
        )  # fmt: skip
    return found


def a_platform(seed: int) -> tuple[Chip, list[list[Phase]], int]:
    chance = random.Random(seed)
    count = chance.randint(2, 8)
    room = chance.choice([0, 1, 1, 2, 3])
    places = tuple(CorePlace(f"core{n}", "gemmini") for n in range(count))
    cache = a_cache(chance) if chance.random() < 0.75 else None
    chip = Chip(f"chip{seed}", places, cache, chance.choice(MEMORIES), chance.choice([32, 64, 256]))
    tiles = chance.randint(1, 6)
    programs = [a_program(chance, number, count, tiles, room) for number in range(count)]
    return chip, programs, room


def outcome(chip: Chip, programs: list[list[Phase]]) -> tuple[Machine, int | str]:
    system = machine(chip, programs, None)
    try:
        return system, system.run()
    except SimulationError as error:
        return system, str(error)


def check(seed: int) -> None:
    chip, programs, room = a_platform(seed)
    system, end = outcome(chip, programs)
    if room == 0:
        assert isinstance(end, str)
        assert re.match(
            r"deadlock at cycle \d+: core 0: phase 0 \('stage 0'\) waits for phase 0 of core 1", end
        )
        assert "they wait in a circle: core 0 -> core 1 -> core 0" in end
        return
    assert isinstance(end, int), end
    again, end_again = outcome(chip, programs)
    names = [core.name for core in chip.cores]
    assert end == end_again
    assert [core.times for core in system.cores] == [core.times for core in again.cores]
    over = system.recording.found(names)
    assert asdict(over) == asdict(again.recording.found(names))
    totals = system.memory.memory.totals  # requests in = answers out, in memory and caches
    assert totals.reads + totals.writes == system.memory.accesses()
    moved = sum(sum(row) for rows in over.bytes_moved.values() for row in rows.values())
    assert moved == system.memory.accesses() * system.memory.burst_bytes
    device = totals.device
    peak = device.peak_bytes_per_second * device.tick_seconds * system.memory.memory.channels
    assert moved <= peak * (totals.last_data or end)
    if system.caches:
        counts = system.caches["shared_cache"].counts
        assert (sum(over.hits["shared_cache"]), sum(over.misses["shared_cache"])) == (
            counts.hits,
            counts.misses,
        )
    for use, program in zip(core_uses(chip, system.cores, end, [None] * len(names)), programs, strict=True):
        assert use.busy_cycles == sum(phase.cycles for phase in program)
        assert sum(stall.cycles for stall in use.stalls) == use.stalled_cycles
        assert use.busy_cycles + use.stalled_cycles + use.idle_cycles == end
    for number, program in enumerate(programs):
        for phase, times in zip(program, system.cores[number].times, strict=True):
            assert all(system.cores[core].times[place].end <= times.begin for core, place in phase.after)


@pytest.mark.parametrize("seed", range(12))
def test_a_platform_ends_or_says_who_waits(seed: int) -> None:
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12, 212))
def test_two_hundred_platforms_end_or_say_who_waits(seed: int) -> None:
    check(seed)


def test_two_arrays_on_one_channel_have_half_its_bandwidth_each() -> None:
    """Sequential streams in banks of their own: all of the channel's bursts, but for its refreshes."""
    chip = Chip("two", tuple(CorePlace(name, "gemmini") for name in "ab"), None, request_bytes=256)
    size = 1 << 19
    system = machine(chip, [[Phase(1, size)], [Phase(1, size, read_address=1 << 13)]], None)
    end = system.run()
    device = system.memory.memory.device
    bursts = 2 * size / system.memory.burst_bytes
    cycles = bursts * (device.read_data[1] - device.read_data[0])
    floor = cycles / (1 - device.timing["tRFC"] / device.timing["tREFI"])
    assert floor <= 1.001 * end
    assert end == pytest.approx(floor, rel=0.02)
    ends = [core.times[0].end for core in system.cores]
    assert max(ends) - min(ends) < 0.02 * end


def test_a_pipeline_on_a_chip_goes_at_the_pace_of_its_slowest_stage() -> None:
    chip = Chip("three", tuple(CorePlace(name, "gemmini") for name in "abc"), None)
    works, tiles, room = (300, 900, 500), 120, 2
    programs = []
    for stage, cycles in enumerate(works):
        phases = []
        for tile in range(tiles):
            after = [(stage - 1, tile)] if stage else []
            if stage + 1 < len(works) and tile >= room:
                after.append((stage + 1, tile - room))
            phases.append(Phase(cycles, 1024, 512, 4096 * tile, (1 << 24) + 4096 * tile, tuple(after)))
        programs.append(phases)
    end = machine(chip, programs, None).run()
    slowest = max(alone_cycles(chip, programs, stage, None) for stage in range(3))
    assert tiles * max(works) <= slowest <= 1.05 * tiles * max(works)
    floor = slowest + works[0] + works[2]
    assert end == pytest.approx(floor, rel=0.02)
