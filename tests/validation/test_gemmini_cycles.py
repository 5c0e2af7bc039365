"""Gemmini row by row against its RTL: cycles of programs, and events of traces."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest

import platforms
from acadl.model import Architecture
from mappings.cases import Case, map_case
from platforms.catalog import load_for_cases
from platforms.validation.comparison import Comparison, compare
from platforms.validation.event_map import read_event_map
from platforms.validation.events import read_events
from platforms.validation.model_events import ModelRun
from platforms.validation.wave_events import wave_events

DATA = Path(__file__).parents[1] / "data" / "rtl" / "gemmini"
MAP = Path(platforms.__file__).parent / "validation" / "maps" / "gemmini.toml"
TILES = ("tile_m_blocks", "tile_n_blocks", "tile_k_blocks")
# Variant: mean and largest error in percent. The unroller decides by time, a program has one order.
BOUNDS = {"tile": (0.25, 1), "phased": (0.2, 1), "wreuse": (0.4, 2.5), "loop": (1.5, 8)}
SMALL_CYCLES = 500
# Trace, and the share of issues and completions that are further off than 4 cycles: those of stores. They
# have more rows on their way than the hardware where a row in memory has several blocks.
TRACES = (
    ("tile_16x16x16_lat10", 0),
    ("phased_32x32x32_lat10", 0),
    ("tile_32x32x32_lat10", 0),
    ("wreuse_48x48x48_lat50", 0.04),
    ("loop_32x32x32_lat10", 0.06),
)


@cache
def machine(mem_latency: int, cmd_gap: int) -> Architecture:
    return load_for_cases("gemmini", mem_latency=mem_latency, cmd_gap=cmd_gap)


def errors(variant: str, most: int | None = None) -> list[float]:
    """Errors of all measured cases of up to ``most`` cycles, in percent."""
    import aidg

    found = []
    with (DATA / "cycles_dev.csv").open() as file:
        for row in csv.DictReader(file):
            measured = int(row["total_cycles"])
            if row["variant"] == variant and (most is None or measured <= most):
                arch = machine(int(row["mem_latency"]), int(row["cmd_gap"]))
                cycles = aidg.estimate(arch, map_case(Case(row), arch)).cycles
                found.append(100 * (cycles - measured) / measured)
    return found


@pytest.mark.parametrize(
    ("variant", "most", "cases"),
    [
        *((variant, SMALL_CYCLES, 19) for variant in BOUNDS),
        *(
            pytest.param(variant, None, 41, marks=pytest.mark.slow, id=f"{variant}-all")
            for variant in BOUNDS
        ),
    ],
)
def test_cycles_of_programs(variant: str, most: int | None, cases: int) -> None:
    found = errors(variant, most)
    mean, largest = BOUNDS[variant]
    assert len(found) >= cases
    assert max(map(abs, found)) <= largest
    if most is None:
        assert sum(map(abs, found)) / len(found) <= mean


def case(name: str) -> Case:
    """The case that a trace's name stands for."""
    variant, sizes, _ = name.split("_")
    numbers = dict(zip("MNK", sizes.split("x"), strict=True))
    return Case({"variant": variant, **numbers, **dict.fromkeys(TILES, "0")})


def compared(name: str) -> Comparison:
    arch = machine(int(name.rpartition("lat")[2]), 0)
    run = ModelRun(arch, map_case(case(name), arch), read_event_map(MAP))
    return compare(run.events(), list(read_events(DATA / f"trace_{name}.csv")))


@pytest.mark.parametrize(("name", "beyond"), TRACES)
def test_events_of_traces(name: str, beyond: float) -> None:
    """Every event has its partner, and few of what the station issues and completes are far off."""
    found = compared(name)
    assert found.matched == found.events
    assert not found.only_measured
    assert not found.only_predicted
    found_errors = late(found, ("issue", "complete"))
    assert len(found_errors) > 10
    assert sum(error > 4 for error in found_errors) <= beyond * len(found_errors)


def late(found: Comparison, events: tuple[str, ...]) -> list[int]:
    """By how many cycles events of some kinds are too early or too late."""
    pairs = [pair for pair in found.pairs if pair.measured and pair.measured.event in events]
    return [abs(pair.error) for pair in pairs if pair.error is not None]


def test_events_of_the_waveform() -> None:
    """The first 260 cycles of a tile; every event in them."""
    arch = machine(10, 0)
    sizes = {"variant": "tile", "M": "16", "N": "16", "K": "32", **dict.fromkeys(TILES, "0")}
    mapping = read_event_map(MAP)
    run = ModelRun(arch, map_case(Case(sizes), arch), mapping)
    found = compare(run.events(), list(wave_events(DATA / "tile_16x16x32_lat10.vcd.gz", mapping)), until=240)
    assert found.matched == found.events
    assert max(late(found, ("cmd", "alloc", "issue", "complete", "get", "put"))) <= 4


@pytest.mark.parametrize("variant", BOUNDS)
@pytest.mark.parametrize(
    "parameters",
    [
        {"dim": 8, "bus_bytes": 8, "max_in_flight_reads": 8},
        {"dim": 32, "bus_bytes": 32, "max_in_flight_reads": 3},
    ],
)
def test_other_sizes(variant: str, parameters: dict[str, int]) -> None:
    """No size beats its array or its bus, and a slower memory never helps a short program."""
    import aidg

    sizes = {"M": "33", "N": "17", "K": "50", **dict.fromkeys(TILES, "2")}
    found = []
    for latency in (2, 200):
        arch = load_for_cases("gemmini", mem_latency=latency, **parameters)
        found.append(aidg.estimate(arch, map_case(Case({"variant": variant, **sizes}), arch)).cycles)
    dim, bus = int(arch.parameters["dim"]), int(arch.parameters["bus_bytes"])
    assert found[0] >= 33 * -(-17 // dim) * -(-50 // dim)
    assert found[0] >= (33 * 50 + 50 * 17) // bus
    assert found[1] > found[0] + 198
