"""Gains of single changes for a network: sums over layers, and the command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import aidg
import mappings
import platforms
from platforms.command_group import cli

# e1 and e2 have the same shape; e3 has another one with as many elements
TABLE = """layer,op,count,C,H,W,K,R,S,gemm_M,gemm_N,gemm_K
c1,conv,2,3,6,6,4,3,3,,,
e1,relu,1,4,4,4,4,,,,,
e2,relu,1,4,4,4,4,,,,,
e3,relu,1,16,4,1,16,,,,,
f1,fc,1,,,,,,,1,10,40
"""


def acadl(*args: str) -> Result:
    return CliRunner().invoke(cli, args)


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "net.csv"
    path.write_text(TABLE)
    return str(path)


@pytest.mark.parametrize("platform", ["oma", "systolic_array", "gemmini"])
def test_figures_are_sums_over_the_layers(platform: str, table: str) -> None:
    arch = platforms.load(platform)
    network = mappings.load_network(table)
    result = platforms.what_if(arch, network)
    single = [aidg.what_if(arch, mappings.map_layer(layer, arch)) for layer in network.layers]
    counts = [layer.count for layer in network.layers]
    assert result.layers == ("c1", "e1", "e2", "e3", "f1")
    assert result.total_cycles == platforms.estimate(arch, network).total_cycles
    gains: dict[tuple[str, str], int] = {}
    together = [{row.object for row in layer.rows if row.type == "several"} for layer in single]
    for layer, count in zip(single, counts, strict=True):
        for row in layer.rows:
            if row.type == "several" and row.object not in set.intersection(*together):
                continue  # not evaluated in all layers
            key = (row.object, row.change)
            gains[key] = gains.get(key, 0) + count * row.gain_cycles
    assert {(row.object, row.change): row.gain_cycles for row in result.rows} == gains
    assert all(row.cycles == result.total_cycles - row.gain_cycles for row in result.rows)
    assert [row.gain_cycles for row in result.rows] == sorted(gains.values(), reverse=True)


def test_objects_that_are_busy_together_are_summed_only_where_all_layers_have_them() -> None:
    def together(*layers: str) -> set[str]:
        rows = platforms.what_if("systolic_array", "alexnet", layers=layers).rows
        return {row.object for row in rows if row.type == "several"}

    assert together("conv2") == together("conv2", "conv3") == {"memory + a_stage.a_load + array_stage.array"}
    assert together("fc6") and together("fc6") != together("conv2")
    assert together("conv2", "fc6") == set()


def test_equal_programs_are_evaluated_once(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated: list[str] = []
    plain = aidg.what_if

    def counted(arch: object, program: mappings.LoopProgram, **options: int) -> aidg.WhatIf:
        evaluated.append(program.name)
        return plain(arch, program, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(aidg, "what_if", counted)
    progress: list[str] = []
    platforms.what_if("oma", table, progress=lambda number, total, name: progress.append(name))
    assert progress == ["c1", "e1", "e2", "e3", "f1"]
    assert [name.split()[0] for name in evaluated] == ["c1", "e1", "f1"]


def test_the_command_prints_what_makes_a_difference(table: str) -> None:
    result = acadl("what-if", "oma", "--network", table, "--layers", "c1,f1")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    first, *rest = result.stdout.splitlines()
    assert first.startswith("net (c1, f1) on oma: ")
    rows = [line.split() for line in rest]
    assert any(row[:3] == ["imem", "infinitely", "fast"] for row in rows)
    assert rest[-1].endswith("changes gain nothing")


def test_its_json_is_the_result(table: str) -> None:
    data = json.loads(acadl("what-if", "oma", "-n", table, "--json", "--set", "dmem_latency=9").stdout)
    expected = platforms.what_if(platforms.load("oma", dmem_latency=9), table).to_dict()
    assert set(data) == set(expected)
    assert {**data, "wall_s": 0} == json.loads(json.dumps({**expected, "wall_s": 0}))
    best = data["rows"][0]
    assert (best["object"], best["change"], best["method"]) == ("dmem", "infinitely fast", "exact")
    assert best["gain_cycles"] == data["total_cycles"] - best["cycles"] > 0


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        (("what-if", "oma"), 2, "Missing option '--network'"),
        (("what-if", "omma", "-n", "alexnet"), 1, "did you mean 'oma'?"),
        (("what-if", "oma", "-n", "alexnet", "--layers", "konv"), 1, "no layer 'konv'"),
        (("what-if", "oma", "-n", "alexnet", "--layers", ""), 1, "no layer was chosen"),
    ],
)
def test_wrong_use(args: tuple[str, ...], status: int, message: str) -> None:
    result = acadl(*args)
    assert result.exit_code == status
    assert message in result.stderr
    assert result.stdout == ""


def test_layers_that_cannot_run_are_named(tmp_path: Path) -> None:
    mapping, path = tmp_path / "mine.py", tmp_path / "net.csv"
    mapping.write_text(
        "from mappings import MappingError, mapper\n\n"
        '@mapper("oma")\ndef map_layer(layer, arch):\n    raise MappingError(f"cannot run {layer.name}")\n'
    )
    path.write_text("layer,op,gemm_M,gemm_N,gemm_K\na,fc,1,2,3\n")
    args = ["what-if", "oma", "-n", str(path), "--mapping", str(mapping), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "platforms.cli", *args], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    data = json.loads(done.stdout)
    assert data["unmapped"] == [{"name": "a", "op": "fc", "reason": "cannot run a"}]
    assert (data["layers"], data["rows"], data["total_cycles"]) == ([], [], 0)
    assert done.stderr == "warning: layer 'a' is not part of the figures: cannot run a\n"
    for command in ("what-if", "why"):
        plain = acadl(command, *args[1:-1])
        assert (plain.exit_code, plain.stdout) == (1, "net on oma: no layer was evaluated\n")
