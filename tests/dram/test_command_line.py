"""`acadl dram` and `acadl dram-check`: what they print and write, and how mistakes are reported."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

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
