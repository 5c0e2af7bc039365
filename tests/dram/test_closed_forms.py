"""Latency, bandwidth and refreshes of every device against what its times say, without competition."""

from __future__ import annotations

import numpy as np
import pytest

import dram
from dram.catalog import device_names
from dram.configurations import Configuration, configuration
from dram.device import Device
from dram.requests import Requests
from dram.result import Run
from dram.shares import refresh_share

ORDER = ["bg", "co", "ba", "ra", "ro"]


def memory(
    name: str, order: list[str] | None = None, refresh: str = "none", **device: object
) -> Configuration:
    return configuration(
        {
            "device": {"name": name, **device},
            "mapping": {"order": order or ORDER},
            "controller": {"refresh": refresh},
        }
    )


def serve(of: Configuration, arrival: list[int], bursts: list[int], write: bool = False) -> Run:
    """Requests for bursts by their numbers in the order of addresses."""
    size = of.make_device().organisation.burst_bytes
    requests = Requests.of(arrival, [write] * len(arrival), [size * burst for burst in bursts])
    return dram.simulate(requests, of, record=True, fast=False)


def time(of: Device, *names: str) -> int:
    """Ticks of the first of these times that the device has."""
    return of.ticks(next(name for name in names if name in of.timing))


def length(of: Device, name: str) -> int:
    """Ticks of a command beyond the first."""
    return of.commands[name].ticks - 1


def row_to_data(of: Device, write: bool = False) -> int:
    """Ticks from an activation to the end of its data: tRCD, read or write latency, burst."""
    access = "WR" if write else "RD"
    opening = time(of, "tRCD", "tRCDWR" if write else "tRCDRD") + length(of, of.activate) - length(of, access)
    opening += opening % of.ticks_per_clock  # accesses start on rising edges only
    return opening + synchronise(of) + data(of, write)


def synchronise(of: Device) -> int:
    """Ticks of the command before an access that starts the data clock."""
    return of.commands["CAS_RD"].ticks if "CAS_RD" in of.commands else 0


def data(of: Device, write: bool = False) -> int:
    """Ticks from the start of a read or write to the end of its data."""
    latency = time(of, "WL") if write else time(of, "RL")
    if of.standard == "LPDDR4":  # from the last tick of the command
        strobe = 1 + time(of, "tDQS2DQ") if write else time(of, "tDQSCK")
        latency += length(of, "WR") + strobe
    return latency + time(of, "tBL")


def step(of: Device, same_group: bool) -> int:
    """Ticks between reads that follow each other."""
    name = ("tCCD_L", "tCCD") if same_group else ("tCCD_S", "tCCD")
    return max(time(of, "tBL"), time(of, *name))


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
@pytest.mark.parametrize("name", device_names())
def test_latency_of_a_closed_bank(name: str, write: bool) -> None:
    """One cycle in the queue, tRCD, latency, burst."""
    run = serve(memory(name), [100], [5], write)
    assert run.accept.tolist() == [100]
    assert run.done.tolist() == [100 + 1 + row_to_data(run.device, write)]


@pytest.mark.parametrize("name", device_names())
def test_latency_of_an_open_and_of_another_row(name: str) -> None:
    of = memory(name)
    shape = of.make_device().organisation
    row = shape.bank_groups * shape.bursts * shape.banks * shape.ranks
    run = serve(of, [0, 5000, 10000], [0, shape.bank_groups, row])
    latency = (run.done - run.accept).tolist()
    assert latency[1] == 1 + synchronise(run.device) + data(run.device)
    closing = (
        time(run.device, "tRP", "tRPpb") + length(run.device, "PRE") - length(run.device, run.device.activate)
    )
    assert latency[2] == 1 + closing + row_to_data(run.device)


@pytest.mark.parametrize("name", device_names())
def test_bandwidth_of_reads_that_change_the_group(name: str) -> None:
    """Without bank groups, or from group to group, the data bus never rests: peak bandwidth."""
    of = memory(name)
    shape = of.make_device().organisation
    count = min(shape.bank_groups * shape.bursts, 256)
    run = serve(of, [0] * count, list(range(count)))
    gaps = np.diff(np.sort(run.done))
    assert set(gaps[-count // 2 :].tolist()) == {step(run.device, same_group=shape.bank_groups == 1)}
    if step(run.device, shape.bank_groups == 1) == time(run.device, "tBL"):
        bytes_per_tick = shape.burst_bytes / time(run.device, "tBL")
        peak = run.device.peak_bytes_per_second
        assert peak == pytest.approx(bytes_per_tick / run.device.tick_seconds)
        assert peak == pytest.approx(shape.channel_width / 8 * run.device.timing["rate"] * 1e6, rel=0.01)


@pytest.mark.parametrize("name", device_names())
def test_bandwidth_of_reads_in_one_row(name: str) -> None:
    of = memory(name, ["co", "bg", "ba", "ra", "ro"])
    count = of.make_device().organisation.bursts
    run = serve(of, [0] * count, list(range(count)))
    assert set(np.diff(run.done).tolist()) == {step(run.device, same_group=True)}


@pytest.mark.parametrize("name", device_names())
def test_refreshes_of_an_idle_memory(name: str) -> None:
    """One each tREFI and rank; they take tRFC / tREFI of the time."""
    of = memory(name, refresh="all_bank")
    device = of.make_device()
    interval = device.ticks("tREFI")
    end = 40 * interval + interval // 2
    run = serve(of, [0, end], [0, 0])
    assert run.counts["REF"] == 40 * device.organisation.ranks
    share = time(device, "tRFC", "tRFCab") / interval
    assert refresh_share(run.totals) == pytest.approx(share, rel=0.02)


@pytest.mark.parametrize("name", device_names())
def test_what_a_refresh_costs_a_stream(name: str) -> None:
    """Between the reads around it: the row is closed, tRFC, the row is opened again."""
    columns = 1 << 16
    order = ["co", "bg", "ba", "ra", "ro"]
    of = memory(name, order, "all_bank", sizes={"columns": columns}, timing={"tREFI": 2500})
    device = of.make_device()
    pace = step(device, same_group=True)
    count = 4 * device.ticks("tREFI") // pace
    run = serve(of, [0] * count, list(range(count)))
    gaps = np.diff(run.done)
    lost = gaps[gaps > 4 * pace]
    assert len(lost) == run.counts["REF"] // device.organisation.ranks >= 3
    closing = min(between(device, "RD", "PREA", "PRE"), 10**9)
    refresh = between(device, "PREA", "REF") + between(device, "REF", device.activate)
    expected = closing + refresh + between(device, device.activate, "RD")
    # the refresh is due anywhere between two reads, and commands wait for the bus
    assert ((lost >= expected) & (lost <= expected + 2 * pace + 4)).all(), (lost, expected)


def between(device: Device, before: str, *after: str) -> int:
    """Ticks from one command to the first of some others of the same bank."""
    return max(
        ticks
        for row in device.constraints
        for (first, second), ticks in row.distances.items()
        if first == before and second == after[0] and row.window == 1 and row.scope != "other_rank"
    )
