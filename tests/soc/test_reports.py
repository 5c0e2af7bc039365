"""Pictures and reports of runs: what they show, that they need nothing else, that nothing is half-written."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from platforms.command_group import cli
from platforms.soc.charts import panels
from platforms.soc.over_time import OverTime

TABLE = "layer,op,C,H,W,K,R,S\nc1,conv,16,14,14,32,3,3\nr1,relu,32,12,12,,,\nc2,conv,32,12,12,32,3,3\n"


def acadl(*args: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, args)))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "net.csv"
    path.write_text(TABLE)
    return path


class _Tags(HTMLParser):
    """Tags that are open, and what is loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "rect", "line", "circle", "path", "polyline"):
            self.open.append(tag)
        self.loaded += [str(value) for key, value in attrs if key in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()


def test_a_report_has_everything_in_one_file(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    done = acadl("simulate", "soc", "--network", table, "--alone", "--html", out, "--json")
    assert done.exit_code == 0, done.stderr
    found, text = json.loads(done.stdout), out.read_text()
    tags = _Tags()
    tags.feed(text)
    assert tags.open == tags.loaded == []
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    for part in found["layers"]:
        assert f">{part['begin']:,}</td><td>{part['end']:,}</td>" in text
    for core in found["cores"]:
        for stall in core["stalls"]:
            assert f">{stall['cycles']:,}</td>" in text
    for name in ("Bandwidth of channel0", "Hits of shared_cache", "array0", "Slowdown"):
        assert name in text


def test_a_load_has_a_report(table: Path, tmp_path: Path) -> None:
    stream = {"network": str(table), "inputs": 4, "period_ms": 0.02, "deadline_ms": 0.001}
    load = tmp_path / "load.json"
    load.write_text(json.dumps({"format": "acadl load 1", "streams": [stream]}))
    out = tmp_path / "out.html"
    assert acadl("simulate", "soc", "--load", load, "--html", out).exit_code == 0
    assert "Deadlines missed" in out.read_text()
    assert "<td>4</td></tr>" in out.read_text()  # all were


def test_a_picture_has_a_line_for_each_core(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.svg"
    assert acadl("simulate", "two_arrays", "--network", table, "--plot", out).exit_code == 0
    tree = ElementTree.parse(out)
    lines = [element.get("points", "") for element in tree.iter() if element.tag.endswith("polyline")]
    assert len(lines) >= 6  # two cores, their sum, the peak; channel and cache; hits
    for line in lines:
        assert re.fullmatch(r"([-\d.e]+,[-\d.e]+ ?)+", line)
    assert "would replace" in acadl("simulate", "soc", "-n", table, "--plot", out, "--html", out).stderr
    assert "ends in neither" in acadl("simulate", "soc", "-n", table, "--plot", "out.gif").stderr


def test_panels_show_bytes_as_bandwidth() -> None:
    over = OverTime(1000, {"channel0": {"a": (8000, 4000), "b": (0, 0)}}, {"channel0": (500, 0)})
    bandwidth, waiting = panels(over, 1_000_000, 16e6)
    assert [series.name for series in bandwidth.series] == ["a", "peak"]
    assert bandwidth.series[0].points == ((0.5, 0.008), (1.5, 0.004))
    assert {y for _, y in bandwidth.series[1].points} == {0.016}
    assert waiting.series[0].points[0] == (0.5, 0.5)


def command(table: Path, folder: Path) -> list[str]:
    names = ("--html", "out.html", "--plot", "out.svg", "--timeline", "out.json", "--save-schedule", "s.json")
    outputs = [str(folder / name) if "." in name else name for name in names]
    return [sys.executable, "-m", "platforms.cli", "simulate", "soc", "-n", str(table), *outputs]


def test_a_killed_run_leaves_nothing_half_written(table: Path, tmp_path: Path) -> None:
    """Killed at the moment in which the report would take its place, after all has been written beside it."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "out.html").write_text("before")
    script = (
        "import os, signal, sys\n"
        "move = os.replace\n"
        "def replace(source, target):\n"
        "    if str(target).endswith('out.html'):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    move(source, target)\n"
        "os.replace = replace\n"
        "from platforms.cli import main\n"
        "main()\n"
    )
    arguments = command(table, out)[3:]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (out / "out.html").read_text() == "before"
    json.loads((out / "out.json").read_text())  # those before it are whole
    ElementTree.parse(out / "out.svg")


def test_an_interrupt_ends_a_run_with_a_message_and_no_files(tmp_path: Path) -> None:
    rows = "".join(f"c{n},conv,64,56,56,64,3,3\n" for n in range(40))
    table = tmp_path / "long.csv"
    table.write_text("layer,op,C,H,W,K,R,S\n" + rows)
    out = tmp_path / "out"
    out.mkdir()
    process = subprocess.Popen(
        [*command(table, out), "--full"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    time.sleep(5)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert "Traceback" not in stderr
    assert "interrupted" in stderr.lower() or "aborted" in stderr.lower()
    assert (stdout, list(out.iterdir())) == ("", [])
