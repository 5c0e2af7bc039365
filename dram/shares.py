"""Shares of the time of a run: data on the bus, refreshes."""

from __future__ import annotations

from dram.device import Device
from dram.result import Totals

# Which time of the device a refresh takes, by command; the first that the device has.
REFRESH_TIMES = {"REF": ("tRFC", "tRFCab"), "REFPB": ("tRFCpb",), "REFSB": ("tRFCsb",)}


def refresh_share(run: Totals) -> float:
    """Share of the time of all banks that refreshes take, from 0 to 1, up to the last completion.

    A refresh takes its tRFC in the banks that it concerns: all of a rank, one of each group, or one. In the
    long run this is tRFC / tREFI.
    """
    shape, timing = run.device.organisation, run.device.timing
    banks = shape.bank_groups * shape.banks
    concerned = {"REF": banks, "REFSB": shape.bank_groups, "REFPB": 1}
    taken = 0
    for command, names in REFRESH_TIMES.items():
        cycles = next((timing[name] for name in names if name in timing), 0)
        taken += run.counts.get(command, 0) * concerned[command] * cycles * run.device.ticks_per_clock
    total = run.cycles * banks * shape.ranks * run.channels
    return taken / total if total else 0.0


def data_share(run: Totals) -> float:
    """Share of the time with data on the bus, from 0 to 1, from the first arrival to the last burst."""
    columns = sum(run.counts.get(name, 0) for name in ("RD", "RDA", "WR", "WRA"))
    start, end = run.device.read_data
    total = (run.end - run.first_arrival) * run.channels * data_buses(run.device)
    return columns * (end - start) / total if total > 0 else 0.0


def data_buses(device: Device) -> int:
    """Data buses of a channel: one, or one per pseudo channel."""
    ranks_share = any(row.scope == "other_rank" for row in device.constraints)
    return 1 if ranks_share else device.organisation.ranks
