"""Networks on systems of several cores."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import aidg
import platforms
from acadl.errors import AcadlError
from mappings import Layer, load_network, map_layer
from mappings.network import Network
from platforms.command_group import cli
from platforms.soc.chips import Chip, CorePlace, chip_names, find_chip
from platforms.soc.simulation import simulate
from platforms.soc.splitting import split
from tests.soc.shipped import L2

TABLE = """layer,op,C,H,W,K,R,S,gemm_M,gemm_N,gemm_K
c1,conv,3,12,12,32,3,3,,,
r1,relu,32,10,10,,,,,,
f1,fc,,,,,,,1,16,3200
"""


def acadl(*args: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, args)))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "net.csv"
    path.write_text(TABLE)
    return path


def network(*layers: Layer) -> Network:
    return replace(load_network("alexnet"), name="small", layers=layers)


CONV = Layer(name="c", op="conv", C=16, H=14, W=14, K=32, R=3, S=3)


def test_one_core_takes_the_cycles_of_its_estimate_and_its_stalls() -> None:
    chip = Chip("one", (CorePlace("array", "gemmini"),), None)
    run = simulate(chip, network(CONV))
    arch = platforms.load("gemmini")
    alone = aidg.estimate(arch, map_layer(CONV, arch)).cycles
    (core,) = run.cores
    assert core.busy_cycles == run.alone_cycles == round(alone * run.clock_hz / arch.clock_hz)
    assert run.total_cycles == core.busy_cycles + core.stalled_cycles
    assert core.idle_cycles == 0


def test_two_arrays_share_a_layer_and_are_not_faster_than_halves() -> None:
    place = CorePlace("a", "gemmini")
    one = simulate(Chip("one", (place,), L2), network(CONV))
    two = simulate(Chip("two", (place, replace(place, name="b")), L2), network(CONV))
    assert [part.core for part in two.layers] == ["a", "b"]
    assert one.total_cycles / 2 <= two.total_cycles < one.total_cycles
    half = split(CONV, 2)
    assert half is not None and [part.K for part in half] == [16, 16]


def test_layers_that_need_each_other_follow_each_other_and_others_run_side_by_side() -> None:
    place = CorePlace("a", "gemmini")
    odd = replace(CONV, K=31)
    layers = (
        replace(odd, name="first"),
        replace(odd, name="left", inputs=("first",), C=31, H=12, W=12),
        replace(odd, name="right", inputs=("first",), C=31, H=12, W=12),
    )
    other = replace(place, name="b", operators=frozenset({"conv"}))  # not equal: no layer is shared
    run = simulate(Chip("two", (place, other), L2), network(*layers))
    first, left, right = run.layers
    assert first.end <= min(left.begin, right.begin)
    assert left.core != right.core
    assert abs(left.begin - right.begin) < 100


def test_a_memory_that_is_shared_is_waited_for() -> None:
    place = CorePlace("a", "simd")
    layer = Layer(name="r", op="relu", C=64, H=14, W=14)
    chip = Chip("one", (place,), None)
    many = Chip("many", tuple(replace(place, name=f"c{n}") for n in range(8)), None)
    alone = simulate(chip, network(layer))
    layers = tuple(replace(layer, name=f"r{n}", inputs=("missing",)) for n in range(8))
    together = simulate(many, network(*layers))
    assert together.total_cycles >= alone.total_cycles
    assert together.memory["bandwidth_bytes_per_s"] <= together.memory["peak_bytes_per_s"]
    assert sum(core.stalled_cycles for core in together.cores) > 0


def test_the_same_again_is_the_same() -> None:
    first, second = (simulate("two_arrays", network(CONV)).to_dict() for _ in range(2))
    del first["wall_s"], second["wall_s"]
    assert first == second


def test_what_no_core_can_run_is_said(table: Path) -> None:
    chip = Chip("one", (CorePlace("array", "gemmini", operators=frozenset({"conv"})),), L2)
    run = simulate(chip, str(table))
    assert [name for name, _ in run.unmapped] == ["r1", "f1"]
    assert "is not given relu" in run.unmapped[0][1]


def test_command(table: Path, tmp_path: Path) -> None:
    done = acadl("simulate", "soc", "--network", table, "--json", "--timeline", tmp_path / "out.json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["total_cycles"] > 0
    assert {core["name"] for core in found["cores"]} == {"mcu", "array0", "array1", "simd"}
    assert found["memory"]["shared_cache"]["misses"] > 0
    trace = json.loads((tmp_path / "out.json").read_text())
    events = trace["traceEvents"]
    assert sum(event["ph"] == "X" and event["pid"] == 0 for event in events) == len(found["layers"])
    names = {event["args"]["name"] for event in events if event["ph"] == "M"}
    assert {"mcu", "array0", "array1", "simd", "channel0", "shared_cache"} <= names
    moved = [event["args"] for event in events if event["ph"] == "X" and event["name"] == "channel0"]
    total = sum(value for args in moved for key, value in args.items() if key.endswith(" bytes"))
    assert total == found["memory"]["bytes"]
    assert any(event["ph"] == "C" and event["name"] == "channel0 GB/s" for event in events)
    assert "shared cache:" in acadl("simulate", "soc", "--network", table).stdout


def test_unknown_systems_are_named() -> None:
    done = acadl("simulate", "socc", "--network", "alexnet")
    assert done.exit_code == 1
    assert "did you mean 'soc'" in done.stderr
    assert {find_chip(name).name for name in chip_names()} == {"soc", "two_arrays", "four_cores"}
    with pytest.raises(AcadlError, match="has no cores"):
        simulate(Chip("none", (), None), network(CONV))
    with pytest.raises(AcadlError, match="two cores of one name"):
        simulate(Chip("two", (CorePlace("a", "simd"),) * 2, None), network(CONV))
