"""`acadl dram` and `acadl dram-check`: what they print and write, and how mistakes are reported."""

from __future__ import annotations

import gzip
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import dram
from dram.traces import read_requests
from dram.traces.commands_csv import read_commands
from platforms.command_group import cli

DATA = Path(__file__).parents[1] / "data" / "dram"
TRACE = str(DATA / "traces" / "ddr4_2400_1r" / "micro_dev.csv.gz")
CLOSED = DATA / "results" / "variants" / "dramsys__closed" / "commands" / "ddr4_2400_1r"


def acadl(*args: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def data_of(*args: str | Path, status: int = 0) -> dict[str, Any]:
    result = acadl(*args, "--json")
    assert result.exit_code == status, result.output
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def test_result_as_json() -> None:
    data = data_of("dram", TRACE, "--config", "ramulator2/ddr4_2400_1r")
    wanted = {"cycles", "requests", "read_latency", "bandwidth_bytes_per_s", "commands", "row_hits"}
    assert wanted | {"row_misses", "row_conflicts", "refresh_share", "data_share"} <= set(data)
    assert set(data["read_latency"]) == {"mean", "p50", "p90", "p99", "max"}
    assert {"ACT", "PRE", "RD", "WR", "REF"} <= set(data["commands"])
    assert data["requests"] == 60 and "energy" not in data
    assert data["refresh_share"] == pytest.approx(data["commands"]["REF"] * 421 / data["cycles"])


def test_files_that_are_written_fit_together(tmp_path: Path) -> None:
    latencies, commands, timeline = (tmp_path / name for name in ("l.csv", "c.csv", "t.json.gz"))
    result = acadl(
        "dram", TRACE, "--config", "dramsys/ddr4_2400_1r", "--latencies", latencies, "--commands", commands,
        "--timeline", timeline,
    )  # fmt: skip
    assert result.exit_code == 0 and "read latency" in result.stdout
    recorded = DATA / "results" / "dramsys" / "latency" / "ddr4_2400_1r" / "micro_dev.csv.gz"
    assert latencies.read_text() == gzip.decompress(recorded.read_bytes()).decode()
    found = read_commands(commands)
    events = json.loads(gzip.decompress(timeline.read_bytes()))["traceEvents"]
    assert sum(event["ph"] == "X" and event["tid"] == 0 for event in events) == len(found)
    checked = data_of("dram-check", commands, "--device", "dramsys/ddr4_2400_1r")
    assert checked["violations_total"] == 0 and checked["commands"] == len(found)


def test_energy_has_a_source() -> None:
    data = data_of("dram", TRACE, "--config", "DDR4_2400", "--energy")["energy"]
    assert data["currents"] == "DDR4-2400 8Gb x8" and data["total_pj"] > 0 and data["source"]
    assert "µJ" in acadl("dram", TRACE, "--config", "DDR4_2400", "--energy").stdout


def test_energy_with_own_currents(tmp_path: Path) -> None:
    rail = dict.fromkeys(("IDD0", "IDD2N", "IDD3N", "IDD4R", "IDD4W", "IDD5", "IDD2P", "IDD3P", "IDD6"), 10)
    currents = {
        "standard": "DDR4", "density": "8Gb", "width": 8, "rate": 2400, "source": "mine",
        "rails": [{"name": "VDD", "volts": 1.0, **rail}],
    }  # fmt: skip
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(currents))
    data = data_of("dram", TRACE, "--config", "DDR4_2400", "--energy", path)
    # with equal currents everywhere only standby needs power: 8 dies, 10 mA, 1 V
    assert data["energy"]["average_watts"] == pytest.approx(0.08) and data["energy"]["source"] == "mine"


def test_vectors_need_the_device(tmp_path: Path) -> None:
    path = tmp_path / "v.trace"
    path.write_text("R 0,0,2,1,44,3\nW 0,0,2,1,44,4\n")
    assert data_of("dram", path, "--config", "DDR4_2400")["commands"]["ACT"] == 1
    path.write_text("R 0,0,2,1,44,3\nW 0,0,2,9,44,3\n")
    result = acadl("dram", path, "--config", "DDR4_2400")
    assert result.exit_code == 1
    assert "address vector '0,0,2,9,44,3': bank 9 does not exist, there are 4" in result.stderr
    path.write_text("R 0,0,2,44,3\n")
    result = acadl("dram", path, "--config", "DDR4_2400")
    assert "it has 5 entries, the memory 6: channel, rank, bank group, bank, row, column" in result.stderr


def test_transactions_longer_than_a_burst(tmp_path: Path) -> None:
    path = tmp_path / "t.stl"
    path.write_text("10: (256) read 0x1000\n")
    assert data_of("dram", path, "--config", "DDR4_2400")["reads"] == 4


RUN = ("dram", TRACE, "--config")
CHECK = ("dram-check", CLOSED / "micro_dev.csv.gz", "--device")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((*RUN, "ramulator/ddr4_2400_1r"), "no configuration is called 'ramulator/ddr4_2400_1r'"),
        ((*RUN, "DDR4_2401"), "did you mean '2400'?"),
        (("dram", "none.csv", "--config", "DDR4_2400"), "none.csv: cannot be read: No such file"),
        ((*RUN, "DDR4_2400", "--plot", "x.gif"), "has no ending of a picture"),
        ((*RUN, "DDR4_2400", "--latencies", "/none/l.csv"), "cannot be written: No such file"),
        (("dram-check", TRACE, "--device", "DDR4_2400"), "is not the header of a command trace"),
        ((*CHECK, "DDR4_2400", "--ranks", "3"), "sizes are powers of two"),
        ((*CHECK, "DDR4_2400", "--timing", "tRFX=3"), "DDR4 has no time 'tRFX'; did you mean"),
    ],
)
def test_mistakes_have_a_message_and_no_traceback(args: tuple[str, ...], message: str) -> None:
    result = acadl(*args)
    assert result.exit_code == 1 and message in result.stderr and "Traceback" not in result.output
    assert result.stdout == ""
    assert message in json.loads(acadl(*args, "--json").stdout)["error"]


def test_a_wrong_line_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,arrival,op,addr,src\n0,5,R,0x40,0\n1,4,R,0x40,0\n")
    result = acadl("dram", path, "--config", "DDR4_2400", "--latencies", tmp_path / "l.csv")
    assert "t.csv:3:1" in result.stderr and "1,4,R,0x40,0" in result.stderr
    data = json.loads(acadl("dram", path, "--config", "DDR4_2400", "--json").stdout)
    assert data["diagnostics"][0]["line"] == 3
    assert not (tmp_path / "l.csv").exists()


def test_a_wrong_line_of_a_packed_file_is_named_without_its_bytes() -> None:
    result = acadl("dram", TRACE, "--config", "DDR3_1600")
    assert "micro_dev.csv.gz:" in result.stderr and "lies beyond the memory" in result.stderr
    assert result.stderr.isprintable() or all(char.isprintable() or char == "\n" for char in result.stderr)


HEADER = "id,arrival,op,addr,src\n"


def long_trace(path: Path, last: str = "") -> Path:
    """More than one block of the reader."""
    lines = [f"{i},{i * 3},{'RRW'[i % 3]},{i * 7919 % (1 << 20) * 64},0\n" for i in range(50_000)]
    path.write_text(HEADER + "".join(lines) + last)
    return path


def test_long_traces_are_written_while_they_are_served(tmp_path: Path) -> None:
    path, latencies, commands = long_trace(tmp_path / "t.csv"), tmp_path / "l.csv.gz", tmp_path / "c.csv"
    data = data_of(
        "dram", path, "--config", "dramsys/ddr4_2400_1r", "--latencies", latencies, "--commands", commands
    )
    run = dram.simulate(read_requests(path), "dramsys/ddr4_2400_1r", record=True)
    rows = np.loadtxt(latencies, np.int64, delimiter=",", skiprows=1)
    assert (rows == np.stack([run.requests.ids, run.accept, run.done], axis=1)).all()
    found = read_commands(commands)
    assert (found.cycle == run.commands.cycle).all() and (found.command == run.commands.command).all()
    assert {name: data[name] for name in run.to_dict()} == run.to_dict()


def test_a_wrong_line_far_down_leaves_no_file(tmp_path: Path) -> None:
    path = long_trace(tmp_path / "t.csv", last="50000,1,R,0x40,0\n")
    args = ("--latencies", tmp_path / "l.csv", "--commands", tmp_path / "c.csv.gz")
    result = acadl("dram", path, "--config", "DDR4_2400", *args)
    assert result.exit_code == 1 and f"{path}:50002:1" in result.stderr
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_file(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def interrupted(part: Any) -> Any:
        seen.extend(path.name for path in tmp_path.iterdir())
        signal.raise_signal(number)
        yield "never written"

    monkeypatch.setattr("platforms.commands._dram_run.command_lines", interrupted)
    (tmp_path / "c.csv").write_text("old")
    result = acadl(
        "dram",
        TRACE,
        "--config",
        "DDR4_2400",
        "--latencies",
        tmp_path / "l.csv",
        "--commands",
        tmp_path / "c.csv",
    )
    assert result.exit_code == 130 and len(seen) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["c.csv"] and (
        tmp_path / "c.csv"
    ).read_text() == "old"


def test_a_device_is_written_to_and_a_link_stays_one(tmp_path: Path) -> None:
    # replacing /dev/null or a pipe by a file would break them for everyone else
    pipe, link, target = tmp_path / "pipe", tmp_path / "link.csv", tmp_path / "l.csv"
    os.mkfifo(pipe)
    link.symlink_to(target)
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)) as reader:
        result = acadl("dram", TRACE, "--config", "DDR4_2400", "--latencies", link, "--commands", pipe)
        assert result.exit_code == 0, result.output
        assert reader.read().startswith("cycle,cmd,rank")
    assert pipe.is_fifo() and link.is_symlink()
    assert target.read_text().startswith("id,accept,done")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0,0,R,0x200000000,0\n", "address 0x200000000 lies beyond the memory"),
        ("0,0,R,-64,0\n", "t.csv:2:1"),
        ("0,5,R,0x40,0\n1,4,R,0x40,0\n", "arrival 4 is before that of the previous request, 5"),
        ("0,0,X,0x40,0\n", "unknown operation 'X'"),
        ("0,0,R,0x40\n", "t.csv:2:1"),
        ("0,0,R,0x4", "t.csv:2:1"),
        ("0,9223372036854775808,R,0x40,0\n", "is too large"),
        ("0,4611686018427387903,R,0x40,0\n", "cycles are counted to"),
        ("0,0,R,0x40,0\n\0\0\0\n", "t.csv:3:1"),
        ("", "the trace has no requests"),
    ],
)
def test_wrong_requests(tmp_path: Path, content: str, message: str) -> None:
    for name in ("t.csv", "t.csv.gz"):
        path = tmp_path / name
        data = (HEADER + content).encode()
        path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        result = acadl("dram", path, "--config", "DDR4_2400", "--latencies", tmp_path / "l.csv")
        assert result.exit_code == 1 and message.replace("t.csv", name) in result.stderr
        assert "Traceback" not in result.output and not (tmp_path / "l.csv").exists()


def test_files_without_content_or_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    whole = gzip.compress((HEADER + "0,0,R,0x40,0\n" * 9).encode())
    for data, message in (
        (b"", "the trace has no requests"),
        (whole[:-9], "the file is cut off"),
        (whole[:40] + b"\0" * 9 + whole[49:], "the data are damaged"),
        (b"\0" * 100, "is of no known format"),
        (b"\xff\xfe0\0", "is not UTF-8 text"),
    ):
        path.write_bytes(data)
        result = acadl("dram", path, "--config", "DDR4_2400")
        assert result.exit_code == 1 and message in result.stderr and "Traceback" not in result.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"device": {"name": "DDR4_2400", "timing": {"tRCD": -1}}}, "tRCD"),
        ({"device": {"name": "DDR4_2400", "timing": {"tRCD": 1 << 70}}}, "tRCD"),
        ({"device": {"name": "DDR4_2400", "timing": {"tRAS": "1e99s"}}}, "tRAS"),
        ({"device": {"name": "DDR4_2400", "timing": {"tREFI": 0}}}, "tREFI"),
        ({"device": {"name": "DDR4_2400", "timing": {"tREFI": 100}}}, "tREFI"),
        ({"device": {"name": "DDR4_2400", "rules": {"tRCD": "2**9999"}}}, "is no part of a formula"),
        ({"device": {"name": "DDR4_2400", "ticks": {"ACT": 1 << 40}}}, "ACT"),
        ({"device": {"name": "DDR4_2400"}, "mapping": {"hashed": {"ba": [[99], [1]]}}}, "address bit"),
        ({"device": {"name": "DDR4_2400", "ranks": 3}}, "power"),
        ({"device": {"name": "DDR4_2400", "ranks": 10**9}}, "ranks"),
        ({"device": {"name": "DDR4_2400"}, "controller": {"read_queue": 0}}, "read_queue"),
        ({"device": {"name": "DDR4_2400"}, "controller": {"read_queue": 10**12}}, "read_queue"),
        ({"device": {"name": "DDR4_2400"}, "controller": {"drain": {"high": 3, "low": 9}}}, "drain"),
        ({"device": {"name": "DDR4_2400"}, "controller": {"refresh": "per_bank"}}, "REFPB"),
        ({"device": {"name": "DDR4_2400"}, "controller": {"shedule": "fifo"}}, "did you mean"),
        ({"device": {"name": "DDR4_2400"}, "mapping": {"order": ["co", "co"]}}, "mapping"),
        ({"device": {"name": "DDR4_2400"}, "mapping": {"channels": 3}}, "channel"),
        (
            {"device": {"name": "DDR4_2400"}, "controller": {"stage": {}, "drain_at_end": False}},
            "never done",
        ),
        ({"device": {"name": "DDR4_2400"}, "controller": {"page_cap": 10**30}}, "page_cap"),
        ({"device": {"name": "DDR4_2400"}, "controller": {"row_hit_cap": 10**30}}, "row_hit_cap"),
        ({"device": {"name": "DDR4_2400"}, "controller": {"drain": {"high": 10**30, "low": 1}}}, "drain"),
        ({"device": {"name": "DDR4_2400"}, "controller": {"stage": {"drain_threshold": 10**30}}}, "stage"),
        ({"device": {"name": "DDR4_2400", "rules": {"tRCD": "999999999*999999999"}}}, "distance"),
        ({"device": {"name": "DDR4_2400", "sizes": {"rows": 1 << 60}}}, "at most 62"),
        ({"device": {"name": "DDR4_2400"}, "mapping": {"hashed": {"bg": [[20, 21, 20]]}}}, "twice"),
        ({"device": {"name": "DDR4_2400"}, "mapping": {"hashed": {"bg": [[13, 13]]}}}, "twice"),
        ([], "dictionary"),
    ],
)
def test_absurd_configurations(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(change))
    result = acadl("dram", TRACE, "--config", path, "--latencies", tmp_path / "l.csv")
    assert result.exit_code == 1 and message in result.stderr, result.output
    assert "Traceback" not in result.output and not (tmp_path / "l.csv").exists()


def test_violations_are_listed_and_counted() -> None:
    args = ("dram-check", CLOSED / "micro_dev.csv.gz", "--device", "DDR4_2400", "--timing", "tRFC=421")
    result = acadl(*args)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == (
        "tRC: ACT at 9829 (rank 0 group 1 bank 0) after ACT at 9781 (rank 0 group 1 bank 0): 48 < 55"
    )
    data = data_of(*args, status=1)
    assert data["counts"] == {"tRC": 1} and data["violations"][0]["later"]["cycle"] == 9829
    args = ("dram-check", CLOSED / "refresh_cross_dev.csv.gz", "--device", "DDR4_2400", "--limit", "2")
    lines = acadl(*args).stdout.splitlines()
    assert lines[2] == "… and 27 more" and "29 violations" in lines[-1]


@pytest.mark.parametrize("setting", ["tRFC", "=5", "tRFC="])
def test_settings_of_times(setting: str) -> None:
    result = acadl("dram-check", TRACE, "--device", "DDR4_2400", "--timing", setting)
    assert (
        result.exit_code == 2
        and "is not of the form NAME=VALUE, such as tRFC=350ns or CL=17" in result.stderr
    )


def test_configurations_and_devices_are_listed() -> None:
    names = data_of("list")["dram_configs"]
    assert {"ramulator2/ddr4_2400_1r", "dramsys__closed/ddr4_2400_1r", "DDR4_2400R"} <= set(names)
