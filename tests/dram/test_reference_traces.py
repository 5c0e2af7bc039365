"""The checker on recorded command traces of other simulators: nothing but their known mistakes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from dram.catalog import device
from dram.checker import check
from dram.command_arrays import Commands
from dram.device import Device
from dram.traces.commands_csv import read_commands

DATA = Path(__file__).parents[1] / "data" / "dram" / "results"

# The parameters that the runs had, where they differ from the shipped bins.
DEVICES = {
    "ddr3_1600_1r": ("DDR3_1600K", 1, {"tREFI": 6240}),
    "ddr4_2400_1r": ("DDR4_2400R", 1, {"tREFI": 9360, "tRFC": 421}),
    "ddr4_2400_2r": ("DDR4_2400R", 2, {"tREFI": 9360, "tRFC": 421}),
    "ddr4_3200_bgi": ("DDR4_3200AA", 1, {"tREFI": 12480, "tRFC": 560}),
    "ddr5_4800_1r": ("DDR5_4800BN", 1, {"tCCD_L_WR": 48, "tRTP": 18, "tWR": 72, "tWTR_L": 24, "tFAW": 48}),
    "hbm2_2000_pc": ("HBM2_2000", 1, {"tFAW": 16, "tRTP": 5, "tRFCpb": 96}),
    "hbm3_6400_ch": ("HBM3_6400", 2, {}),
    "lpddr4_3200_1r": ("LPDDR4_3200", 1, {}),
    "lpddr5_6400_1r": ("LPDDR5_6400", 1, {"tREFI": 3125}),
}  # fmt: skip

# DRAMsim3 has another model of LPDDR4, with commands of one clock and without tDQSCK; nothing to compare.
OTHER_MODELS = {("dramsim3", "lpddr4_3200_1r")}

# Violations that the traces have, by rule: mistakes of the simulators.
TURNAROUND = "Ramulator keeps RD -> WR of another rank only tBL + tRTRS apart: the data overlap"
GAP = "no time for the change of rank between the data of two writes"
PREA = "DRAMSys' DDR3 lets a precharge of all banks follow a write without its recovery"
ACT = "DRAMSys' DDR4 has tRCD where tRC belongs, between activations of a bank"
REF = "DRAMsim3 does not keep tRC before a refresh after an auto-precharge"
PRECHARGE_ALL = "Ramulator's LPDDR5 has tRPpb where tRPab belongs, before a refresh of all banks"
EXIT = "the exits from power-down are not recorded"
ONE_CLOCK = "DRAMsim3's activations take one clock, those of HBM2 two"
KNOWN: dict[str, tuple[dict[str, int], str]] = {
    "ramulator2/ddr4_2400_2r/two_core": (
        {"read_to_write_other_rank": 21, "data_bus": 21, "write_to_write_other_rank": 169}, TURNAROUND,
    ),
    "dramsim3/ddr4_2400_2r/micro": ({"write_to_write_other_rank": 1}, GAP),
    "dramsys/ddr3_1600_1r/refresh_cross": ({"tWR_precharge_all": 1, "tWR_refresh": 1}, PREA),
    "dramsys__fifo_ddr3/ddr3_1600_1r/refresh_cross": ({"tWR_precharge_all": 1, "tWR_refresh": 1}, PREA),
    "dramsys__closed/ddr4_2400_1r/micro": ({"tRC": 1}, ACT),
    "dramsys__closed/ddr4_2400_1r/refresh_cross": ({"tRC": 29}, ACT),
    "dramsys__closedadaptive/ddr4_2400_1r/micro": ({"tRC": 1}, ACT),
    "dramsys__closedadaptive/ddr4_2400_1r/refresh_cross": ({"tRC": 11}, ACT),
    "dramsys__openadaptive/ddr4_2400_1r/refresh_cross": ({"tRC": 6}, ACT),
    "dramsim3__closepage/ddr4_2400_1r/refresh_cross": ({"tRC_refresh": 4}, REF),
    "ramulator2/lpddr5_6400_1r/ccd": ({"tRPab_refresh": 2}, PRECHARGE_ALL),
    "ramulator2/lpddr5_6400_1r/micro": ({"tRPab_refresh": 6}, PRECHARGE_ALL),
    "ramulator2/lpddr5_6400_1r/refresh_cross": ({"tRPab_refresh": 19}, PRECHARGE_ALL),
    "dramsys__powerdown/ddr4_2400_1r/micro": ({"asleep": 61}, EXIT),
    "dramsim3/hbm2_2000_pc/ccd": ({"tRCDRD": 4, "tRCDWR": 2}, ONE_CLOCK),
    "dramsim3/hbm2_2000_pc/micro": ({"tRCDRD": 36, "tRCDWR": 9, "command_bus": 1}, ONE_CLOCK),
    "dramsim3/hbm2_2000_pc/refresh_cross": (
        {"tRCDRD": 63, "tRAS": 8, "tRCDWR": 7, "tRC_refresh": 1, "command_bus": 1}, ONE_CLOCK,
    ),
    "dramsim3/hbm2_2000_pc/wr_rd_turn": ({"tRCDRD": 2}, ONE_CLOCK),
}  # fmt: skip


def recorded() -> list[str]:
    """``SIMULATOR/CONFIG/PATTERN`` of every command trace."""
    files = [*DATA.glob("*/commands/*/*.csv.gz"), *DATA.glob("variants/*/commands/*/*.csv.gz")]
    found = [(file.parts[-4], file.parts[-2], file.name.removesuffix("_dev.csv.gz")) for file in files]
    return ["/".join(name) for name in sorted(found) if name[:2] not in OTHER_MODELS]


def commands_of(name: str) -> Commands:
    simulator, config, pattern = name.split("/")
    folder = DATA / ("variants" if "__" in simulator else "") / simulator / "commands" / config
    return read_commands(folder / f"{pattern}_dev.csv.gz")


def device_of(name: str, **timing: int) -> Device:
    bin_name, ranks, times = DEVICES[name.split("/")[1]]
    return device(bin_name, ranks=ranks, timing={**times, **timing})


@pytest.mark.parametrize("name", recorded())
def test_recorded_traces_have_only_their_known_mistakes(name: str) -> None:
    report = check(commands_of(name), device_of(name), refresh="norefresh" not in name)
    assert dict(report.counts) == KNOWN.get(name, ({}, ""))[0], [str(v) for v in report.violations[:5]]


def test_the_known_mistakes_are_where_they_are_known() -> None:
    assert set(KNOWN) <= set(recorded())
    report = check(commands_of("dramsys/ddr3_1600_1r/refresh_cross"), device_of("dramsys/ddr3_1600_1r"))
    assert str(report.violations[0]) == (
        "tWR_precharge_all: PREA at 74880 (rank 0 group 0 bank 0) "
        "after WR at 74859 (rank 0 group 0 bank 0): 21 < 24"
    )
    report = check(commands_of("dramsys__closed/ddr4_2400_1r/micro"), device_of("dramsys/ddr4_2400_1r"))
    assert str(report.violations[0]) == (
        "tRC: ACT at 9829 (rank 0 group 1 bank 0) after ACT at 9781 (rank 0 group 1 bank 0): 48 < 55"
    )


def test_dramsys_lpddr4_waits_too_long_for_a_precharge() -> None:
    """Legal, but later than tRTP allows: it takes tRRD where the time from read to precharge belongs."""
    commands = commands_of("dramsys/lpddr4_3200_1r/micro")
    last: dict[int, int] = {}
    shortest = 10**9
    for index in range(len(commands)):
        bank, cycle = int(commands.bank[index]), int(commands.cycle[index])
        if commands.name(index) == "RD":
            last[bank] = cycle
        elif commands.name(index) == "PRE" and bank in last:
            shortest = min(shortest, cycle - last.pop(bank))
    row = next(row for row in device_of("x/lpddr4_3200_1r").constraints if ("RD", "PRE") in row.distances)
    assert row.between("RD", "PRE") == 14 <= 18 <= shortest


# Parameters that these traces are at the edge of: one cycle more of any is seen.
TIGHT = {
    "ddr4_2400_1r": (
        "CL", "tRCD", "tRP", "tRAS", "tRTP", "tWR", "tRRD_S", "tRRD_L", "tFAW", "tCCD_L", "tWTR_L", "tRFC",
        "tBL", "tWPRE",
    ),
    "ddr3_1600_1r": ("CL", "tRCD", "tRP", "tRAS", "tRTP", "tWR", "tRRD", "tFAW", "tWTR", "tRFC", "tBL"),
    "hbm2_2000_pc": (
        "tRCDRD", "tRCDWR", "tRP", "tRAS", "tRTP", "tWR", "tRRD_S", "tFAW", "tCCD_L", "tWTR_L", "tRFC", "tBL",
    ),
}  # fmt: skip


@pytest.mark.parametrize("config", TIGHT)
def test_each_changed_parameter_is_seen(config: str) -> None:
    """Recorded traces, checked with one time a cycle longer than the runs had."""
    names = [name for name in recorded() if name.split("/")[1] == config and name not in KNOWN]
    names = [name for name in names if name.startswith(("ramulator2/", "dramsys/"))]
    traces = {name: commands_of(name) for name in names}
    plain = device_of(f"x/{config}")
    for parameter in TIGHT[config]:
        changed = device_of(f"x/{config}", **{parameter: plain.timing[parameter] + 1})
        found: Counter[str] = Counter()
        for commands in traces.values():
            found.update(check(commands, changed).counts)
        assert found, parameter


def test_a_clean_trace_is_clean_whatever_else_is_known() -> None:
    """The rows of one name can be taken away: nothing else changes."""
    of = device_of("x/ddr4_2400_1r")
    fewer = replace(of, constraints=tuple(row for row in of.constraints if row.name != "tRC"))
    name = "dramsys__closed/ddr4_2400_1r/refresh_cross"
    assert check(commands_of(name), fewer).counts == {}
