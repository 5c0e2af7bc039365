"""``acadl cache``: JSON, files, and what it says about input that cannot be used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from platforms.command_group import cli

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "cache"
HEADER = "trace,id,port,op,addr,strobe,think\n"
CONFIGURATION: dict[str, Any] = {
    "id": "small",
    "address_width": 8,
    "caches": [
        {
            "level": 1, "num_ways": 2, "num_sets": 2, "block_size": 2, "data_width": 32,
            "replacement_policy": "LRU", "write_policy": "WRITE_BACK",
        }
    ],
    "main_memory_data_width": 32,
    "delay": {"read_delay": 3, "write_delay": 5},
    "runs": [{"trace": "t0", "mode": "ready"}, {"trace": "t1", "mode": "post"}],
}  # fmt: skip


def cache(*args: object) -> Result:
    return CliRunner().invoke(cli, ["cache", *map(str, args)])


def write(
    folder: Path, rows: str, changes: dict[str, Any] | None = None, *, text: str = ""
) -> tuple[str, str]:
    trace, config = folder / "trace.csv", folder / "configs.json"
    trace.write_text(HEADER + rows)
    config.write_text(text or json.dumps([{**CONFIGURATION, **(changes or {})}], indent=1))
    return str(trace), f"{config}:small"


def test_json_has_the_runs(tmp_path: Path) -> None:
    trace, config = write(tmp_path, "t0,0,0,R,0,0,0\nt0,1,0,R,1,0,0\nt1,0,0,W,9,15,2\n")
    done = cache(trace, "--config", config, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    # a miss of two words: both take 3 + 1 cycles and one more on the way; then a hit
    assert found["configuration"] == "small"
    first, second = found["runs"]
    assert {key: first[key] for key in ("trace", "total_cycles", "hits", "misses", "writebacks")} == {
        "trace": "t0", "total_cycles": 11, "hits": 1, "misses": 1, "writebacks": 0,
    }  # fmt: skip
    assert (second["total_cycles"], second["accesses"]) == (9, 1)  # the word that is written is not fetched


def test_text_shows_every_level(tmp_path: Path) -> None:
    config = f"{DATA / 'configs.json'}:c58"
    done = cache(DATA / "traces" / "c58.csv.gz", "--config", config)
    assert done.exit_code == 0
    assert "write-backs L2" in done.stdout
    assert len(done.stdout.splitlines()) == 5


@pytest.mark.parametrize(
    ("rows", "message", "place"),
    [
        ("t0,0,0,X,0,0,0\n", "op is 'X'; expected R or W", "2:8"),
        ("t0,0,0,R,256,0,0\n", "addr is '256'; expected 0 to 255", "2:10"),
        ("t0,0,1,R,0,0,0\n", "port is '1'; expected 0 to 0", "2:6"),
        ("t0,0,0,R,0,0,0\nt0,1,0,W,0,16,0\n", "strobe is '16'; expected 0 to 15", "3:12"),
        ("t0,0,0,R,0,3,0\n", "a read has strobe 3; expected 0", "2:12"),
        ("t0,0,0,R,0,0,-1\n", "think is '-1'", "2:14"),
        ("t0,0,0,R,0,0\n", "the line has 6 cells, but the header has 7", "2:1"),
        ("t9,0,0,R,0,0,0\n", "has no run of trace 't9'", "2:1"),
    ],
)
def test_a_wrong_line_is_named_with_its_place(tmp_path: Path, rows: str, message: str, place: str) -> None:
    trace, config = write(tmp_path, rows)
    done = cache(trace, "--config", config, "--results", tmp_path / "out.csv")
    assert done.exit_code == 1
    assert message in done.stderr
    assert f"trace.csv:{place}" in done.stderr
    assert not (tmp_path / "out.csv").exists()


def test_all_wrong_lines_are_named_at_once(tmp_path: Path) -> None:
    trace, config = write(tmp_path, "t0,0,0,X,0,0,0\nt0,1,0,R,900,0,0\n")
    done = cache(trace, "--config", config, "--json")
    assert [item["line"] for item in json.loads(done.stdout)["diagnostics"]] == [2, 3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"caches": [{**CONFIGURATION["caches"][0], "num_ways": 0}]}, "caches.0.num_ways is 0"),
        ({"caches": [{**CONFIGURATION["caches"][0], "num_wayss": 2}]}, "did you mean 'num_ways'"),
        (
            {"caches": [{**CONFIGURATION["caches"][0], "num_sets": 3}]},
            "num_sets is 3; expected a power of two",
        ),
        ({"caches": [{**CONFIGURATION["caches"][0], "level": 2}]}, "list them from level 1 down"),
        ({"caches": []}, "caches is []"),
        ({"main_memory_data_width": 48}, "words of 32 bits lie on words of 48 bits of the main memory"),
        ({"main_memory_data_width": 16}, "words of 32 bits lie on words of 16 bits of the main memory"),
        ({"num_ports": 2}, "2 ports need an arbitration"),
        ({"runs": [{"trace": "t0", "mode": "later"}]}, 'runs.0.mode is "later"'),
        ({"delay": {"read_delay": 3}}, "'delay.write_delay' is missing"),
        ({"replacement": 3}, "unknown key 'replacement'"),
    ],
)
def test_a_wrong_configuration_is_named_with_its_line(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    trace, config = write(tmp_path, "t0,0,0,R,0,0,0\n", changes)
    done = cache(trace, "--config", config)
    assert done.exit_code == 1
    assert message in done.stderr
    assert "configs.json:" in done.stderr


def test_the_line_of_a_value_is_that_of_the_value(tmp_path: Path) -> None:
    wrong = {**CONFIGURATION, "delay": {"read_delay": 3, "write_delay": "5"}}
    other = {"id": "other", "note": 'a "quoted", [odd] {text}: 1'}
    text = json.dumps([other, wrong], indent=1)
    trace, config = write(tmp_path, "t0,0,0,R,0,0,0\n", text=text)
    done = cache(trace, "--config", config, "--json")
    (found,) = json.loads(done.stdout)["diagnostics"]
    assert text.splitlines()[found["line"] - 1].strip() == '"write_delay": "5"'
    assert found["column"] == text.splitlines()[found["line"] - 1].index('"5"') + 1


@pytest.mark.parametrize("text", ["", "[", "3", "null", "[3]", '{"id": "other"}', "[" * 100_000, '"small"'])
def test_what_is_no_configuration_is_said(tmp_path: Path, text: str) -> None:
    trace, config = write(tmp_path, "t0,0,0,R,0,0,0\n", text=text or " ")
    done = cache(trace, "--config", config)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_a_config_is_a_file_and_a_name(tmp_path: Path) -> None:
    trace, _ = write(tmp_path, "t0,0,0,R,0,0,0\n")
    assert "FILE.json:ID" in cache(trace, "--config", "configs.json").stderr
    assert "did you mean 'c58'" in cache(trace, "--config", f"{DATA / 'configs.json'}:c68").stderr


@pytest.mark.parametrize(
    "content", ["", "a,b\n", HEADER, HEADER.replace("think", "thinks"), HEADER * 1 + "\n\n"]
)
def test_what_is_no_trace_is_said(tmp_path: Path, content: str) -> None:
    trace, config = write(tmp_path, "")
    Path(trace).write_text(content)
    done = cache(trace, "--config", config)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")


def test_results_do_not_replace_what_is_read(tmp_path: Path) -> None:
    trace, config = write(tmp_path, "t0,0,0,R,0,0,0\n")
    assert "would replace the trace" in cache(trace, "--config", config, "--results", trace).stderr


def test_a_killed_run_leaves_nothing_half_written(tmp_path: Path) -> None:
    rows = "".join(f"t0,{number},0,R,{number * 7 % 256},0,0\n" for number in range(300_000))
    trace, config = write(tmp_path, rows)
    out = tmp_path / "out.csv"
    out.write_text("before")
    command = [
        sys.executable,
        "-m",
        "platforms.cli",
        "cache",
        trace,
        "--config",
        config,
        "--results",
        str(out),
    ]
    run = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) == 3 and time.monotonic() < deadline and run.poll() is None:
        time.sleep(0.005)  # until it has begun to write beside the file
    assert run.poll() is None
    run.send_signal(signal.SIGTERM)
    assert run.wait(60) == 130
    assert out.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["configs.json", "out.csv", "trace.csv"]
