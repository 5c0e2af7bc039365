"""What users give by hand: requests, names, overrides; what a memory in a simulation tells them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simpy
from click.testing import CliRunner, Result

import dram
from dram.catalog import device
from dram.configurations import configuration
from dram.errors import DramError
from dram.plots import series
from dram.requests import Requests
from dram.shares import data_buses
from platforms.command_group import cli


def acadl(*args: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0.5], [0], [0]), "arrival: 0.5 is no whole number"),
        (([0], [0], [float("nan")]), "address: nan is no whole number"),
        (([0], [0], ["0x40"]), "address: '0x40' is no whole number"),
        (([0], [0], [1 << 64]), "address: 18446744073709551616 is no whole number of 64 bits"),
        (
            ([0], [0], np.array([1 << 63], np.uint64)),
            "address: 9223372036854775808 is no whole number of 64 bits",
        ),
        (([0, 1], [False, "R"], [0, 0]), "is_write: 'False' is neither|is_write: 'R' is neither"),
        (([0], [2], [0]), "is_write: 2 is neither true nor false"),
        (([0, 1], [0], [0, 64]), "2 of ids, 2 of arrival, 1 of is_write, 2 of address"),
        (([[0, 1]], [0], [0]), "lists of single values"),
        (([0, [1]], [0, 0], [0, 0]), "lists of single values"),
    ],
)
def test_requests_that_are_none(columns: tuple[Any, Any, Any], message: str) -> None:
    with pytest.raises(DramError, match=message):
        Requests.of(*columns)


def test_requests_from_whatever_holds_numbers() -> None:
    found = Requests.of(np.arange(0, 30, 10.0), (one == 1 for one in range(3)), range(0, 192, 64))
    assert found.arrival.tolist() == [0, 10, 20] and found.arrival.dtype == np.int64
    assert found.is_write.tolist() == [False, True, False] and found.address.tolist() == [0, 64, 128]
    assert Requests.of([0, 0], [0, 1], [0, 0]).is_write.tolist() == [False, True]


def test_runs_are_shown_in_a_few_words() -> None:
    run = dram.simulate(Requests.of([0], [False], [0]), "DDR4_2400", record=True)
    assert "DDR4_2400R" in repr(run) and "cycles=37" in repr(run) and len(repr(run)) < 1000


def test_names_as_people_write_them() -> None:
    assert device("DDR4-2400") == device("ddr4_2400") == device("DDR4_2400R")
    with pytest.raises(DramError, match=r"'DDR3' names no device .*there are DDR3_800D.* DDR3_2133M\)"):
        device("DDR3")


@pytest.mark.parametrize(
    ("timing", "message"),
    [
        ({"rate": 3200}, r"'rate' is no time that can be replaced \(the clock is tCK_ps"),
        ({"banks": 8}, "'banks' is no time that can be replaced"),
        ({"tCCD": 4}, "no time 'tCCD'; did you mean tCCD_L or tCCD_S"),
        ({"tCK": 625}, "did you mean tCK_ps"),
        ({"tFOO": 4}, r"no time 'tFOO'.* \(there are AL, CL, CWL,"),
        ({"tRCD": "-5ns"}, "tRCD is -[56] cycles, but no time is negative"),
        ({"CL": "fast"}, "CL: no timing parameter is called 'fast'"),
    ],
)
def test_times_that_cannot_be_replaced(timing: dict[str, int | str], message: str) -> None:
    with pytest.raises(DramError, match=message):
        device("DDR4_2400", timing=timing)


def test_a_speed_bin_of_ones_own() -> None:
    times = {"tCK_ps": 555, "CL": 24, "CWL": 18, "tRCD": "13.32ns", "tRP": "13.32ns", "tRC": 82}
    memory = device("DDR4_3200", timing=times)
    assert memory.clock_ps == 555 and memory.timing["tRCD"] == 24
    assert memory.timing["tRFC"] == -(-350_000 // 555)  # times with a unit follow the clock
    assert memory.timing["rate"] == round(3200 * 625 / 555)
    run = dram.simulate(Requests.of([0], [False], [0]), {"device": {"name": "DDR4_3200", "timing": times}})
    assert run.done.tolist() == [1 + 24 + 24 + 4]


def test_refreshes_that_leave_no_time_for_requests() -> None:
    config = {"device": {"name": "DDR4_2400", "timing": {"tREFI": 430}}}
    with pytest.raises(DramError, match=r"none of them go \(refreshes take tRFC, 421 of every 430 cycles\)"):
        dram.simulate(Requests.of([5000], [False], [0]), config, fast=False)


def test_a_mapping_that_lacks_fields() -> None:
    config = {"device": "DDR4_2400", "mapping": {"order": ["ba", "ro"]}}
    with pytest.raises(DramError, match=r"lacks bank_group \('bg'\), column \('co'\)"):
        dram.simulate(Requests.of([0], [False], [0]), config)


def test_a_base_that_is_changed() -> None:
    base = configuration("ramulator2/ddr4_2400_2r")
    values = {
        "base": "ramulator2/ddr4_2400_2r",
        "controller": {"page": "closed"},
        "device": {"timing": {"CL": 18}},
    }
    found = configuration(values)
    assert found.controller == base.controller.model_copy(update={"page": "closed"})
    assert found.mapping == base.mapping and found.device.rules == base.device.rules
    assert found.make_device().timing["CL"] == 18 and found.device.ranks == base.device.ranks
    assert configuration({"base": "DDR4_2400"}) == configuration("DDR4_2400")
    assert configuration({"device": "DDR4_2400"}) == configuration("DDR4_2400")


@pytest.mark.parametrize("name", ["DDR4_2400", "HBM2_2000", "LPDDR5_6400"])
def test_no_window_of_a_plot_has_more_than_the_bus_carries(name: str) -> None:
    config = {"base": name, "mapping": {"order": ["ch", "co", "ra", "bg", "ba", "ro"], "channels": 2}}
    burst = device(name).organisation.burst_bytes
    requests = Requests.of([0] * 3000, [False] * 3000, range(0, 3000 * burst, burst))
    run = dram.simulate(requests, config, fast=False)
    found = series(run)
    peak = run.device.peak_bytes_per_second * 2 * data_buses(run.device)
    carried = found.read_bytes / (found.window_cycles * run.device.tick_seconds)
    assert carried.max() <= peak * (1 + 1e-9)
    assert carried.max() > run.device.peak_bytes_per_second  # two channels together


def test_sums_and_commands_of_a_memory_in_a_simulation() -> None:
    random = np.random.default_rng(5)
    arrival = np.cumsum(random.integers(0, 30, 150))
    requests = Requests.of(arrival, random.random(150) < 0.3, random.integers(0, 1 << 12, 150) * 64)
    run = dram.simulate(requests, "DDR4_2400", record=True, fast=False)
    env = simpy.Environment()
    memory = dram.OnlineMemory(env, "DDR4_2400", record=True)

    def host() -> Any:
        for at, write, address in zip(arrival, requests.is_write, requests.address, strict=True):
            yield env.timeout(int(at) - env.now)
            memory.request(address, bool(write))

    env.process(host())
    env.run(until=int(arrival[60]))
    some = memory.totals
    assert 0 < some.reads + some.writes < 150
    env.run()
    assert memory.totals.to_dict() == run.totals.to_dict() and memory.device == run.device
    (commands,) = memory.commands()
    assert commands.cycle.tolist() == run.commands.cycle.tolist()
    assert commands.command.tolist() == run.commands.command.tolist()
    assert len(memory.commands()[0]) == 0


def test_requests_at_times_or_addresses_that_are_no_whole_numbers() -> None:
    env = simpy.Environment(initial_time=10.5)
    memory = dram.OnlineMemory(env, "DDR4_2400")
    with pytest.raises(DramError, match=r"time 10\.5, which is no whole number .*time_per_cycle"):
        memory.request(0)
    env.run(until=11.0)
    with pytest.raises(DramError, match=r"address 64\.0 is no whole number"):
        memory.request(64.0)  # type: ignore[arg-type]
    event = memory.request(np.int64(64))  # type: ignore[arg-type]
    env.run()
    assert event.value == (11, 48)


def test_the_device_of_a_run_can_be_changed(tmp_path: Path) -> None:
    trace = tmp_path / "t.csv"
    trace.write_text("id,arrival,op,addr,src\n0,0,R,0x240000000,0\n")
    assert acadl("dram", trace, "--config", "DDR4_2400").exit_code == 1
    options = ("--ranks", "2", "--organisation", "16Gb_x8", "--timing", "CL=20", "--timing", "tRCD=20ns")
    data = json.loads(acadl("dram", trace, "--config", "ramulator2/ddr4_2400_1r", *options, "--json").stdout)
    assert data["cycles"] == 1 + 24 + 20 + 4
    bad = acadl("dram", trace, "--config", "DDR4_2400", "--timing", "tFAW")
    assert bad.exit_code == 2 and "not of the form NAME=VALUE" in bad.stderr


def test_no_file_replaces_another_one_of_a_run(tmp_path: Path) -> None:
    trace, config, out = tmp_path / "t.csv", tmp_path / "c.json", tmp_path / "out.csv"
    content = "id,arrival,op,addr,src\n0,0,R,0x40,0\n"
    trace.write_text(content)
    config.write_text('{"device": "DDR4_2400"}')
    (tmp_path / "link.csv").symlink_to(trace)
    for args, message in (
        (("--latencies", trace), "the latencies would replace the trace"),
        (("--commands", tmp_path / "link.csv"), "the commands would replace the trace"),
        (("--timeline", tmp_path / "." / "c.json"), "the time line would replace the configuration"),
        (("--latencies", out, "--commands", out), "the commands would replace the latencies"),
        (("--latencies", ""), "the file for the latencies has no name"),
    ):
        result = acadl("dram", trace, "--config", config, *args)
        assert result.exit_code == 1 and message in result.stderr, result.output
        assert trace.read_text() == content and not out.exists()
    shared = ("--latencies", "/dev/null", "--commands", "/dev/null")
    assert acadl("dram", trace, "--config", config, *shared).exit_code == 0
