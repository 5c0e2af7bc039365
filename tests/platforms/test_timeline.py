"""``acadl timeline``: files, JSON, exit statuses."""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import mappings
import platforms
from aidg import timeline
from platforms.command_group import cli


def acadl(*args: str) -> Result:
    return CliRunner().invoke(cli, ["timeline", *args])


def trace_of(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return data


@pytest.mark.parametrize("platform", ["gemmini", "systolic_array", "oma"])
def test_a_trace_of_a_shipped_platform(platform: str, tmp_path: Path) -> None:
    target = tmp_path / "line.json.gz"
    where = ("--first", "100", "--instructions", "20")
    result = acadl(platform, "-n", "alexnet", "--layers", "conv3", "-o", str(target), *where)
    assert result.exit_code == 0, result.stderr
    first, second = result.stdout.splitlines()
    assert first.startswith(f"conv3 (conv) on {platform}: instructions 100 to 119, cycles ")
    assert first.endswith("(exact)")
    assert second.startswith(f"wrote {target}; open it in https://ui.perfetto.dev")
    assert result.stderr == ""
    (layer,) = (layer for layer in mappings.load_network("alexnet").layers if layer.name == "conv3")
    arch = platforms.load(platform)
    expected = timeline(arch, mappings.map_layer(layer, arch), first=100, instructions=20)
    assert trace_of(target) == json.loads(expected.to_json())


def test_json_on_standard_output(tmp_path: Path) -> None:
    target = tmp_path / "line.svg"
    where = ("--from-iteration", "j=1,k=2", "--iterations", "1", "--set", "mem_latency=40")
    result = acadl("gemmini", "-n", "alexnet", "--layers", "conv3", "-o", str(target), *where, "--json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert data["file"] == str(target)
    assert (data["architecture"], data["network"], data["layer"]) == ("gemmini", "alexnet", "conv3")
    assert data["method"] == "exact" and data["notes"] == []
    assert 0 < data["first_cycle"] < data["last_cycle"]
    assert data["lanes"] > 10 and data["slices"] > data["instructions"] > 0 and data["arrows"] > 0
    assert target.read_text().startswith("<svg ")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("oma", "--layers", "conv1", "-o", "a.json"), "Missing option '--network'"),
        (("oma", "-n", "alexnet", "-o", "a.json"), "Missing option '--layers'"),
        (("oma", "-n", "alexnet", "--layers", "conv1"), "Missing option '--output'"),
        (("oma", "-n", "alexnet", "--layers", "conv1,fc6", "-o", "a.json"), "name one layer"),
        (("oma", "-n", "alexnet", "--layers", "", "-o", "a.json"), "name one layer"),
        (
            ("oma", "-n", "alexnet", "--layers", "conv1", "-o", "a.json", "--first", "-1"),
            "-1 is not in the range",
        ),
        (
            ("oma", "-n", "alexnet", "--layers", "conv1", "-o", "a.json", "--from-iteration", "m"),
            "'m' is neither a number nor of the form NAME=VALUE",
        ),
        (
            (
                "oma",
                "-n",
                "alexnet",
                "--layers",
                "conv1",
                "-o",
                "a.json",
                "--first",
                "1",
                "--from-iteration",
                "1",
            ),
            "both say where to start",
        ),
        (
            (
                "oma",
                "-n",
                "alexnet",
                "--layers",
                "conv1",
                "-o",
                "a.json",
                "--instructions",
                "1",
                "--iterations",
                "1",
            ),
            "both say how much to show",
        ),
    ],
)
def test_wrong_usage(args: tuple[str, ...], message: str) -> None:
    result = acadl(*args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "a.png"), "'a.png' ends in none of .json, .json.gz, .svg"),
        (("-o", "no/such/folder/a.json"), "cannot write 'no/such/folder/a.json'"),
        (("-o", "a.json", "--first", "999999999999"), "the program has no instruction 999,999,999,999"),
        (("-o", "a.json", "--from-iteration", "zz=1"), "the program has no loop 'zz'"),
        (("-o", "a.json", "--instructions", "1000000"), "too long to look at"),
    ],
)
def test_what_cannot_be_shown(
    options: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = acadl("oma", "-n", "alexnet", "--layers", "conv1", *options, "--json")
    assert result.exit_code == 1
    assert message in json.loads(result.stdout)["error"]
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_the_reader_must_know_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as that the start of the window is extrapolated."""
    module = sys.modules[timeline.__module__]
    watch = module.watch  # type: ignore[attr-defined]  # imported there
    noted = {"is_exact": False, "notes": ("loop 'i' did not settle",)}
    monkeypatch.setattr(module, "watch", lambda *arguments: replace(watch(*arguments), **noted))
    result = acadl("oma", "-n", "alexnet", "--layers", "conv1", "-o", str(tmp_path / "a.json"))
    assert result.exit_code == 0
    assert "(fixed_point)" in result.stdout
    assert result.stderr == "warning: loop 'i' did not settle\n"
