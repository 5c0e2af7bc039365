"""The design of ``docs/own_rtl.md``: what the page shows is what ships and what the RTL does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from platforms.validation.event_map import read_event_map
from platforms.validation.wave_events import wave_events
from tests.docs.test_docs import ROOT, blocks_of

FOLDER = ROOT / "examples" / "rtl"
SIMULATORS = ("iverilog", "verilator")


def record(into: Path, *options: str, path: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "record.py"), "--into", str(into), *options]
    return subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["dot_engine.toml", "dot_engine.py"])
def test_the_page_shows_the_files_that_ship(name: str) -> None:
    page = (ROOT / "docs" / "own_rtl.md").read_text(encoding="utf-8")
    (shown,) = (block["text"] for block in blocks_of(page) if block["title"] == name)
    assert shown == (FOLDER / name).read_text(encoding="utf-8")


def test_the_page_shows_the_first_cases() -> None:
    lines = (FOLDER / "cases.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    assert "".join(lines[:4]) in (ROOT / "docs" / "own_rtl.md").read_text(encoding="utf-8")


def test_without_a_simulator_nothing_is_written(tmp_path: Path) -> None:
    done = record(tmp_path, path=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "neither iverilog nor verilator is installed\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(1500)  # ten machines are compiled
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_simulator_gives_what_ships(simulator: str, tmp_path: Path) -> None:
    if shutil.which(simulator) is None:
        pytest.skip(f"{simulator} is not installed")
    done = record(tmp_path, "--simulator", simulator, path=os.environ["PATH"])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cases.csv").read_text() == (FOLDER / "cases.csv").read_text()
    mapping = read_event_map(FOLDER / "dot_engine.toml")
    again, shipped = (list(wave_events(folder / "dot_engine.vcd", mapping)) for folder in (tmp_path, FOLDER))
    assert len(shipped) == 46
    assert again == shipped
