"""The rows of our devices against those that Ramulator 2.1 has for the same parameters, pair by pair."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dram.catalog import device
from dram.commands import COMMAND_NUMBERS, WHOLE_RANK
from dram.device import Device

DATA = json.loads((Path(__file__).parents[1] / "data" / "dram" / "ramulator_rows.json").read_text())
BINS = {
    "DDR3": "DDR3_1600", "DDR4": "DDR4_2400", "DDR5": "DDR5_4800", "LPDDR5": "LPDDR5_6400",
    "HBM2": "HBM2_2000", "HBM3": "HBM3_6400",
}  # fmt: skip
COMMANDS = {"PREpb": "PRE", "PREab": "PREA", "REFab": "REF", "REFpb": "REFPB"}
PARAMETERS = {
    "nCL": "CL", "nCWL": "CWL", "nCS": "tRTRS", "nCCDS": "tCCD_S", "nCCDL": "tCCD_L", "nCCDS_WR": "tCCD_S_WR",
    "nCCDL_WR": "tCCD_L_WR", "nWTRS": "tWTR_S", "nWTRL": "tWTR_L", "nRRDS": "tRRD_S", "nRRDL": "tRRD_L",
    "nRTPL": "tRTP", "nBL_min": "tBL", "nBL_max": "tBL_max", "nBL": "tBL",
}  # fmt: skip
SAME_BANK, SAME_GROUP, SAME_RANK, OTHER_RANK = "same bank", "same group", "same rank", "other rank"
RELATIONS = (SAME_BANK, SAME_GROUP, SAME_RANK, OTHER_RANK)
Pairs = dict[tuple[str, str, str], int]

# Where Ramulator's rows are wrong or something else; all other pairs agree.
REASONS = {
    ("DDR3", "RD", "WR", OTHER_RANK): "data of two ranks overlap",
    ("DDR4", "RD", "WR", OTHER_RANK): "data of two ranks overlap",
    ("DDR5", "RD", "WR", OTHER_RANK): "data of two ranks overlap",
    ("LPDDR5", "RD", "WR", OTHER_RANK): "data of two ranks overlap",
    ("LPDDR5", "WR", "RD", OTHER_RANK): "read and write latency are swapped in the formula",
    ("DDR3", "WR", "WR", OTHER_RANK): "no time between the data of two ranks",
    ("DDR4", "WR", "WR", OTHER_RANK): "no time between the data of two ranks",
    ("DDR5", "WR", "WR", OTHER_RANK): "no time between the data of two ranks",
    ("LPDDR5", "WR", "WR", OTHER_RANK): "no time between the data of two ranks",
    ("LPDDR5", "PREA", "REF", SAME_RANK): "tRPpb instead of tRPab",
    ("HBM3", "REFPB", "REFPB", SAME_BANK): "tRREFD instead of tRFCpb in the same bank",
    ("HBM3", "ACT", "REFPB", SAME_GROUP): "tRRD_S instead of tRRD_L",
}


def device_like(standard: str) -> Device:
    """Ours with Ramulator's parameters."""
    plain = device(BINS[standard], ranks=2)
    timing = {}
    for name, value in DATA[standard]["parameters"].items():
        mine = PARAMETERS.get(name, name.replace("n", "t", 1))
        choices = [mine, f"{mine}ab", f"{mine}pb"] if name in ("nRFC", "nRP") else [mine]
        found = next((choice for choice in choices if choice in plain.timing), None)
        if found and name not in ("rate", "tCK_ps"):
            timing[found] = value
    return device(BINS[standard], ranks=2, timing=timing)


def relations(row: list[Any]) -> tuple[str, ...]:
    """Where a row of Ramulator applies."""
    level = row[0]
    if level.endswith("sibling"):
        return (OTHER_RANK,)
    widest = {"Bank": 1, "BankGroup": 2, "Rank": 3, "PseudoChannel": 3, "Channel": 4}[level]
    return RELATIONS[:widest]


def theirs(standard: str, window: int) -> Pairs:
    pairs: Pairs = {}
    for row in DATA[standard]["rows"]:
        for before in row[1].split():
            for after in row[2].split():
                for relation in relations(row) if row[4] == window else ():
                    key = COMMANDS.get(before, before), COMMANDS.get(after, after), relation
                    pairs[key] = max(pairs.get(key, 0), row[3])
    return pairs


def ours(of: Device, window: int) -> Pairs:
    pairs: Pairs = {}
    widest = {"bank": 1, "same_bank": 1, "bank_group": 2, "rank": 3, "channel": 4}
    for row in of.constraints:
        for (before, after), ticks in row.distances.items():
            wide = {COMMAND_NUMBERS[before], COMMAND_NUMBERS[after]} & WHOLE_RANK
            if row.scope == "other_rank":
                where: tuple[str, ...] = (OTHER_RANK,)
            else:
                where = RELATIONS[: max(widest[row.scope], 3 if wide else 0)]
            for relation in where if row.window == window else ():
                key = before, after, relation
                pairs[key] = max(pairs.get(key, 0), ticks)
    if window == 1:  # a command waits for the bus, whatever the rank
        for before, first in of.commands.items():
            for after, second in of.commands.items():
                for relation in RELATIONS if first.bus == second.bus else ():
                    key = before, after, relation
                    pairs[key] = max(pairs.get(key, 0), first.ticks)
    return pairs


@pytest.mark.parametrize("standard", BINS)
def test_distances(standard: str) -> None:
    of = device_like(standard)
    mine, seen = ours(of, 1), set()
    for (before, after, relation), required in theirs(standard, 1).items():
        if not required or before not in of.commands or after not in of.commands:
            continue
        on_bus = of.commands[before].ticks
        if required == on_bus <= mine.get((before, after, relation), 0):
            continue  # theirs is about the command bus, ours may be about more
        # commands of the whole rank have no bank to be near
        wide = {COMMAND_NUMBERS[before], COMMAND_NUMBERS[after]} & WHOLE_RANK
        if wide and relation in (SAME_BANK, SAME_GROUP):
            continue
        plain = before.removesuffix("A") if before in ("RDA", "WRA") else before
        follower = after.removesuffix("A") if after in ("RDA", "WRA") else after
        reason = (standard, plain, follower, relation)
        if mine.get((before, after, relation), 0) != required:
            assert reason in REASONS, (before, after, relation, mine.get((before, after, relation)), required)
            seen.add(reason)
    assert seen == {reason for reason in REASONS if reason[0] == standard}


@pytest.mark.parametrize("standard", BINS)
def test_activation_windows(standard: str) -> None:
    of = device_like(standard)
    activations = {key: value for key, value in theirs(standard, 4).items() if key[2] == SAME_RANK}
    mine = ours(of, 4)
    assert activations and {key: mine[key] for key in activations} == activations


@pytest.mark.parametrize("standard", BINS)
def test_read_latency(standard: str) -> None:
    of, parameters = device_like(standard), DATA[standard]["parameters"]
    burst = parameters.get("nBL", parameters.get("nBL_min"))
    clocks = parameters["nCL"] + burst
    assert of.read_data[1] == clocks * of.ticks_per_clock
