"""Tables of estimates: numbers that people read, and what is left out where there is no room."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acadl.area import Area
from aidg.energy import Energy, EnergyShare
from platforms.report import (
    COLUMNS,
    area_line,
    baselines_line,
    deviation,
    duration,
    energy_line,
    joules,
    obtained,
    parameters_line,
    rows,
    short,
    table,
    to_html,
    total_line,
)
from platforms.result import LayerEstimate, NetworkEstimate, UnmappedLayer

FIRST = LayerEstimate(
    "first", "conv", 3_000, 1_000, "exact", 12_345, 99, "mesh (90 %)", 1, {"mesh": 0.9}, 0.9,
    roofline_cycles=750, refined_roofline_cycles=900,
)  # fmt: skip
TWICE = LayerEstimate("twice", "relu", 0, 3_000, "exact", 4_000_000_000, 0, "bus [x] (50 %)", 2, {"bus": 0.5})
REPORT = NetworkEstimate("machine", "net", 2_000_000, (FIRST, TWICE), (UnmappedLayer("odd", "lrn", "why"),))


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0 k"), (9_949, "9.9 k"), (10_000, "10 k"), (4_204_000_000, "4.2 G")],
)
def test_short_numbers(number: int, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.5, "2.500 s"), (0.0125, "12.500 ms"), (1e-3, "1.000 ms"), (4e-6, "4.000 µs"), (5e-9, "5.000 ns")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_cells_of_a_row() -> None:
    assert rows(REPORT) == [
        ("first", "conv", "3,000", "1,000", "25.0 %", "3.0", "90 %", "mesh (90 %)",
         obtained(FIRST), "75 %", "90 %", "–", "–"),
        ("twice × 2", "relu", "0", "3,000", "75.0 %", "–", "–", "bus [x] (50 %)",
         obtained(TWICE), "–", "–", "–", "–"),
    ]  # fmt: skip
    assert obtained(FIRST) == "exact, 99 of 12 k instr."
    assert obtained(TWICE) == "exact, same shape as above"


def test_only_layers_without_macs_have_dashes_and_only_for_nothing() -> None:
    pool = replace(TWICE, compute_utilization=0.5)
    idle = replace(FIRST, compute_utilization=0.001, cycles=1_000_000)
    cells = rows(NetworkEstimate("machine", "net", 1, (pool, idle)))
    assert [row[5:7] for row in cells] == [("–", "50 %"), ("0.0", "0 %")]


@pytest.mark.parametrize(
    ("found", "text"), [(1_000, "exact"), (1_001, "+0.1 %"), (776, "-22.4 %"), (None, "–")]
)
def test_how_far_off_the_published_extrapolation_is(found: int | None, text: str) -> None:
    assert deviation(found, 1_000) == text


def test_simpler_models_are_told_in_one_line() -> None:
    report = replace(REPORT, peak_macs_per_cycle=4.0, memory_bytes_per_cycle=16.0)
    lines = "simpler models: roofline 750 cycles (19 %), refined roofline 900 cycles (22 %)"
    limits = "; at most 4 MACs per cycle, 16 bytes of main memory per cycle"
    assert baselines_line(report) == lines + limits
    assert baselines_line(NetworkEstimate("machine", "net", 1, ())) == ""


def test_the_published_extrapolation_has_a_column_where_it_was_asked_for() -> None:
    first, twice = replace(FIRST, fixed_point_cycles=1_010), replace(TWICE, fixed_point_cycles=3_000)
    report = replace(REPORT, layers=(first, twice))
    assert "published extrapolation 4,010 cycles (+0.25 %)" in baselines_line(report)
    assert "+1 %</td>" in to_html(report) and "Published" in to_html(report)
    assert "Published" not in to_html(REPORT)


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        (None, "parameters: rows=8, cols=16, depth=4"),
        ((), "parameters: all 3 at their defaults"),
        (("cols",), "parameters: cols=16, 2 others at their defaults"),
        (("depth", "rows"), "parameters: rows=8, depth=4, 1 other at its default"),
        (("depth", "rows", "cols"), "parameters: rows=8, cols=16, depth=4"),
    ],
)
def test_parameters_that_were_not_given_are_counted(chosen: tuple[str, ...] | None, text: str) -> None:
    report = replace(REPORT, provenance={"parameters": {"rows": 8, "cols": 16, "depth": 4}})
    assert parameters_line(report, chosen) == text
    assert parameters_line(REPORT, chosen) == ""


def test_total_says_what_is_missing() -> None:
    assert total_line(REPORT) == "total: 4,000 cycles = 2.000 ms, 3,000 MACs, without 1 unmapped layers"


def test_reason_names_a_layer_that_nothing_keeps_busy() -> None:
    assert REPORT.reason == (
        "slowest layer: twice (relu), 75 % of the cycles, bound by bus [x] (50 %); "
        "no single unit is the limit: dependencies and latencies decide"
    )
    busy = NetworkEstimate("machine", "net", 1, (FIRST,))
    assert busy.reason == "slowest layer: first (conv), 100 % of the cycles, bound by mesh (90 %)"


@pytest.mark.parametrize(
    ("width", "missing"),
    [
        (135, {"Published"}),
        (134, {"Published", "Roofline"}),
        (124, {"Published", "Roofline"}),
        (123, {"Published", "Roofline", "Refined"}),
        (114, {"Published", "Roofline", "Refined"}),
        (113, {"Published", "Roofline", "Refined", "MAC/cycle"}),
        (102, {"Published", "Roofline", "Refined", "MAC/cycle"}),
        (101, {"Published", "Roofline", "Refined", "MAC/cycle", "Share"}),
        (80, {"Published", "Roofline", "Refined", "MAC/cycle", "Share", "Obtained"}),
    ],
)
def test_narrow_terminals_lose_columns_not_digits(width: int, missing: set[str]) -> None:
    shown = {str(column.header) for column in table(REPORT, width).columns}
    assert shown == {title for title, _ in COLUMNS} - {"Energy"} - missing


@pytest.mark.parametrize(
    ("picojoules", "text"),
    [
        (0.0, "0 pJ"),
        (12.5, "12.5 pJ"),
        (2_345.6, "2.346 nJ"),
        (1e6, "1 µJ"),
        (7.77e9, "7.77 mJ"),
        (3e12, "3 J"),
    ],
)
def test_energies(picojoules: float, text: str) -> None:
    assert joules(picojoules) == text


def test_energy_and_area_have_lines_and_a_column() -> None:
    shares = (EnergyShare("mem", "read", 3, 6_000_000), EnergyShare("mac", "mul", 1, 2_000_000))
    energy = Energy(shares, ("rf",), ("something",))
    first, twice = replace(FIRST, energy_pj=8.0), replace(TWICE, energy_pj=0.0)
    area = Area({"mac": 2 * 10**12}, ("mem", "rf"))
    report = replace(REPORT, layers=(first, twice), energy=energy, area=area)
    line = (
        "energy: 8 pJ = 0.004 µW on average: mem 75 %, mac 25 %; not said by the description: rf; something"
    )
    assert energy_line(report).replace("4 nW", "0.004 µW") == line
    assert area_line(report) == "area: 2 mm² of 1 objects; 2 do not say theirs"
    assert "8 pJ" in to_html(report) and "2 mm²" in to_html(report)
    assert energy_line(REPORT) == area_line(REPORT) == ""
    assert "Energy" in {str(column.header) for column in table(report, 150).columns}
