"""Generated traffic through generated controllers: no rule is broken, and every request is served once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dram
from dram.catalog import device_names
from dram.channel import Channel
from dram.checker import check
from dram.commands import COMMAND_NAMES
from dram.compiled import is_available
from dram.configurations import Configuration, ControllerSettings, configuration
from dram.errors import DramError
from dram.kernel.layout import FORESIGHT
from dram.requests import Requests
from dram.result import Run

# One speed bin of each standard.
DEVICES = tuple({name.partition("_")[0]: name for name in reversed(device_names())}.values())
READS, WRITES = ("RD", "RDA"), ("WR", "WRA")


@st.composite
def controllers(draw: st.DrawFn, commands: frozenset[str]) -> dict[str, Any]:
    """Any settings that go together, for a device with these commands."""
    high = draw(st.integers(2, 12))
    schedulers = ["fifo", "fr_fcfs", "fr_fcfs_capped", "fr_fcfs_grouped", "first_ready"]
    reserve = draw(st.booleans())
    chosen = {
        "queues": draw(st.sampled_from(["split", "shared", "bankwise"])),
        "read_queue": draw(st.sampled_from([1, 2, 8, 32])),
        "write_queue": draw(st.sampled_from([1, 2, 8, 32])),
        "drain": draw(st.sampled_from([None, {"high": high, "low": draw(st.integers(1, high - 1))}])),
        "scheduler": draw(
            st.sampled_from(schedulers if reserve or "ACT1" in commands else [*schedulers, "strict_fifo"])
        ),
        "row_hit_cap": draw(st.integers(1, 5)),
        "arbiter": draw(st.sampled_from(["oldest", "round_robin"])),
        "reserve": reserve,
        "page": draw(st.sampled_from(["open", "closed", "open_adaptive", "closed_adaptive", "capped"])),
        "page_cap": draw(st.integers(1, 5)),
        "read_forwarding": draw(st.booleans()),
        "write_coalescing": draw(st.booleans()),
        "read_merging": draw(st.booleans()),
        "responses": draw(st.sampled_from(["as_ready", "in_order_of_issue"])),
        "write_done": draw(st.sampled_from(["command", "accept", "data"])),
        **draw(maintenance(commands)),
    }
    if draw(st.integers(0, 3)) == 0:
        chosen["stage"] = {"queues": draw(st.sampled_from(["bank", "rank"])), "size": draw(st.integers(1, 8))}
    return chosen


@st.composite
def maintenance(draw: st.DrawFn, commands: frozenset[str]) -> dict[str, Any]:
    """Refreshes and power-down."""
    refreshes = ["all_bank", "none"]
    refreshes += ["per_bank"] * ("REFPB" in commands) + ["same_bank"] * ("REFSB" in commands)
    refresh = draw(st.sampled_from(refreshes))
    chosen = {
        "refresh": refresh,
        "refresh_stagger": draw(st.sampled_from(["none", "forward", "backward"])),
    }
    if refresh in ("all_bank", "none") and draw(st.booleans()):
        chosen["refresh_blocks"] = draw(st.sampled_from(["channel", "rank"]))
        chosen["refresh_precharge"] = draw(st.sampled_from(["all", "single"]))
        return chosen
    most = 4 if "REFSB" in commands else 8  # DDR5, and all others
    chosen["refresh_postpone"] = draw(st.sampled_from([0, 0, 3, most]))
    chosen["refresh_pull_in"] = draw(st.sampled_from([0, 0, 2, most]))
    if refresh in ("all_bank", "none") and "PDNA" in commands:
        chosen["power_down"] = draw(st.sampled_from(["none", "staggered"]))
    return chosen


@st.composite
def traffic(draw: st.DrawFn, of: Configuration) -> Requests:
    """Bursts to few places, so that rows, banks, groups and ranks get in each other's way."""
    device = of.make_device()
    mapping = of.make_mapping(device)
    bits = mapping.address_bits - mapping.offset_bits
    seeds = [0, 1, 1 << (bits - 1), (1 << bits) - 1, *(1 << draw(st.integers(0, bits - 1)) for _ in range(3))]
    gap = st.sampled_from([0, 0, 0, 1, 2, 7, 40, 300, 2000])
    rows = draw(
        st.lists(
            st.tuples(gap, st.booleans(), st.sampled_from(seeds), st.integers(0, 7), st.integers(1, 4)),
            min_size=1,
            max_size=40,
        )
    )
    now, arrival, writes, address = 0, [], [], []
    for wait, write, base, first, count in rows:
        now += wait
        for offset in range(first, first + count):
            arrival.append(now)
            writes.append(write)
            address.append(((base ^ offset) % (1 << bits)) << mapping.offset_bits)
    return Requests.of(arrival, writes, address)


@st.composite
def cases(draw: st.DrawFn, name: str) -> tuple[Configuration, Requests]:
    commands = frozenset(configuration(name).make_device().commands)
    plain = configuration({"device": {"name": name}}).make_device()
    # refreshes that come often
    timing = {"tREFI": draw(st.sampled_from([plain.timing["tREFI"], 2500, 1500]))}
    of = configuration(
        {
            "device": {"name": name, "ranks": draw(st.sampled_from([1, 2])), "timing": timing},
            "mapping": {"order": draw(st.permutations(["co", "ra", "bg", "ba", "ro"]))},
            "controller": draw(controllers(commands)),
        }
    )
    return of, draw(traffic(of))


@pytest.mark.parametrize("name", DEVICES)
@settings(max_examples=25)
@given(data=st.data())
def test_generated_traffic_breaks_no_rule(name: str, data: st.DataObject) -> None:
    of, requests = data.draw(cases(name))
    serves(of, requests)


@pytest.mark.skipif(not is_available(), reason="numba is not installed (extra fast)")
@pytest.mark.parametrize("name", DEVICES)
@settings(max_examples=25)
@given(data=st.data())
def test_compiled_and_interpreted_do_the_same(name: str, data: st.DataObject) -> None:
    of, requests = data.draw(cases(name))
    slow, fast = (dram.simulate(requests, of, record=True, fast=fast) for fast in (False, True))
    for one, other in ((slow.accept, fast.accept), (slow.done, fast.done)):
        assert one.tolist() == other.tolist()
    for field in ("cycle", "command", "rank", "bankgroup", "bank", "row", "column"):
        assert getattr(slow.commands, field).tolist() == getattr(fast.commands, field).tolist()
    assert slow.to_dict() == fast.to_dict()


@pytest.mark.parametrize("name", DEVICES)
@settings(max_examples=15)
@given(data=st.data())
def test_a_request_that_comes_alone_is_served_like_all_others(name: str, data: st.DataObject) -> None:
    of, requests = data.draw(cases(name))
    at_once, one_by_one = (served(of, requests, foresight) for foresight in (True, False))
    assert at_once == one_by_one


def served(of: Configuration, requests: Requests, foresight: bool) -> list[list[int]]:
    """Times and commands, with or without the short way for requests that nothing else waits beside."""
    device = of.make_device()
    channel = Channel(device, of.controller, record=True, fast=False)
    if not foresight:
        channel._kernel.settings[FORESIGHT] = 0
    channel.give(requests.arrival, requests.is_write, of.make_mapping(device).decode(requests.address))
    rows = channel.go()
    commands = channel.commands()
    fields = ("cycle", "command", "rank", "bankgroup", "bank", "row", "column")
    return [*rows.tolist(), *(getattr(commands, field).tolist() for field in fields)]


@pytest.mark.slow
@pytest.mark.parametrize("name", device_names())
@settings(max_examples=1000)
@given(data=st.data())
def test_much_generated_traffic_breaks_no_rule(name: str, data: st.DataObject) -> None:
    of, requests = data.draw(cases(name))
    serves(of, requests)


def test_a_row_is_closed_before_its_rank_powers_down() -> None:
    controller = {"page": "capped", "page_cap": 1, "power_down": "staggered"}
    of = configuration({"device": {"name": "DDR4_2400R"}, "controller": controller})
    serves(of, Requests.of([0, 300], [False, False], [0, 0]))


def test_a_refresh_that_is_always_to_come_keeps_no_queue_from_turning() -> None:
    """Refreshes of DDR5 that follow each other without a pause: reads come through between them."""
    controller = {
        "queues": "shared",
        "refresh": "same_bank",
        "refresh_pull_in": 4,
        "refresh_stagger": "forward",
    }
    device = {"name": "DDR5_6400AN", "ranks": 2, "timing": {"tREFI": 1500}}
    order = ["bg", "co", "ro", "ba", "ra"]
    of = configuration({"device": device, "mapping": {"order": order}, "controller": controller})
    serves(of, Requests.of([300] * 4, [False] * 4, [64, 0, 192, 128]))


@pytest.mark.parametrize("field", ["refresh_postpone", "refresh_pull_in"])
@pytest.mark.parametrize(("name", "most"), [("DDR5_4800", 4), ("DDR4_2400", 8)])
def test_as_many_refreshes_are_put_off_as_the_standard_allows(field: str, name: str, most: int) -> None:
    def run(count: int) -> None:
        of = configuration({"device": {"name": name}, "controller": {"refresh": "all_bank", field: count}})
        serves(of, Requests.of([0, 300], [False, True], [0, 0]))

    run(most)
    with pytest.raises(DramError, match=f"at most {most}|less than or equal to {most}"):
        run(most + 1)


def test_a_refresh_of_one_bank_in_each_group_waits_for_activations_of_all_groups() -> None:
    of = configuration({"device": {"name": "DDR5_4800BN"}}).make_device()
    row = next(row for row in of.constraints if row.name == "tRRD_L_refresh")
    assert row.reach("ACT", "REFSB") == "rank"


def serves(of: Configuration, requests: Requests) -> None:
    """Run, and check what must hold for every controller."""
    run = dram.simulate(requests, of, record=True, fast=False)
    chosen = of.controller
    report = check(run.commands, run.device, refresh=chosen.refresh != "none")
    assert report.counts == {}, [str(violation) for violation in report.violations]
    check_times(run, chosen)
    check_service(run, of)


def check_times(run: Run, chosen: ControllerSettings) -> None:
    """Requests enter in order, one per cycle, and are done after that."""
    assert (run.accept >= run.requests.arrival).all()
    assert (np.diff(run.accept) >= 1).all()
    assert (run.done >= run.accept).all()
    fastest = run.device.read_data[1] + 1
    if not (chosen.read_forwarding or chosen.read_merging):
        reads = ~run.requests.is_write
        assert (run.done - run.accept >= fastest)[reads].all()


def check_service(run: Run, of: Configuration) -> None:
    """Accesses on the bus are the requests, without those that were answered otherwise."""
    places = of.make_mapping(run.device).decode(run.requests.address)
    asked = Counter(
        zip(run.requests.is_write.tolist(), *(field.tolist() for field in places[1:]), strict=True)
    )
    commands = run.commands
    columns = (commands.rank, commands.bankgroup, commands.bank, commands.row, commands.column)
    served: Counter[tuple[bool | int, ...]] = Counter()
    times: dict[bool, list[int]] = {False: [], True: []}
    for cycle, number, *place in zip(
        commands.cycle.tolist(),
        commands.command.tolist(),
        *(column.tolist() for column in columns),
        strict=True,
    ):
        name = COMMAND_NAMES[number]
        if name in READS + WRITES:
            served[name in WRITES, place[0], max(place[1], 0), *place[2:]] += 1
            times[name in WRITES].append(cycle)
    missing = asked - served
    assert not served - asked
    assert sum(missing.values()) == run.totals.forwarded + run.totals.merged
    if not missing:
        ends = sorted(time + run.device.read_data[1] for time in times[False])
        assert ends == sorted(run.done[~run.requests.is_write].tolist())
        if of.controller.write_done == "data":
            ends = sorted(time + run.device.write_data[1] for time in times[True])
            assert ends == sorted(run.done[run.requests.is_write].tolist())
