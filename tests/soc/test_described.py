"""Systems in files: the same as systems made in Python; caches of their own; what cannot be looked up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from acadl.errors import AcadlError
from mappings.layers import Layer
from mappings.network import Network
from platforms.command_group import cli
from platforms.soc.chips import CachePlace, Chip, CorePlace, chip_names, find_chip
from platforms.soc.simulation import simulate
from tests.soc.shipped import L2

NETWORK = Network("n", (Layer(name="c", op="conv", C=8, H=10, W=10, K=64, R=3, S=3),))
STREAMS = Network("s", (Layer(name="r", op="conv", C=64, H=14, W=14, K=128, R=1, S=1),))
TEXT = """platform own(dim: int = 8) {{
    a: gemmini(dim: dim{arguments})
    b: gemmini(dim: dim)
    {caches}
    dram m {{ config: "DDR4_2400" }}
    {edges}
}}
"""
CACHE = (
    "{{ sets: 512, ways: 8, cache_line_size: 256 bytes, replacement_policy: plru_tree, hit_latency: 24, {} }}"
)
SHARED = f"cache c {CACHE.format('miss_registers: 16, write_buffer: 16, ports: 2')}"


def described(folder: Path, caches: str, edges: str, arguments: str = "") -> Chip:
    file = folder / "own.acadl"
    file.write_text(TEXT.format(caches=caches, edges=edges, arguments=arguments))
    return find_chip(str(file))


def cycles(chip: Chip) -> tuple[int, list[tuple[int, int]]]:
    run = simulate(chip, NETWORK)
    return run.total_cycles, [(part.begin, part.end) for part in run.layers]


def test_a_described_system_is_the_one_made_in_python(tmp_path: Path) -> None:
    place = CorePlace("a", "gemmini", {"dim": 8})
    made = Chip("own", (place, replace(place, name="b")), L2)
    found = described(tmp_path, SHARED, "{a.memory, b.memory} <=> c <=> m")
    assert found.levels[0].parameters == L2
    assert cycles(found) == cycles(made)
    bare = described(tmp_path, "", "{a.memory, b.memory} <=> m")
    assert bare.levels == () and cycles(bare) == cycles(Chip("own", made.cores, None))


def test_caches_of_their_own_lie_on_what_is_said(tmp_path: Path) -> None:
    own = "cache p { sets: 16, ways: 2, hit_latency: 3 }, cache q { sets: 16, ways: 2, hit_latency: 3 }"
    found = described(
        tmp_path, f"{own}\n    {SHARED}", "a.memory <=> p <=> c <=> m\n    b.memory <=> q <=> c"
    )
    assert [(level.name, level.below) for level in found.levels] == [("c", ""), ("p", "c"), ("q", "c")]
    run = simulate(found, NETWORK)
    counts = {name: value for name, value in run.memory.items() if isinstance(value, dict)}
    assert set(counts) == {"c", "p", "q"}
    moved = [counts[name]["hits"] + counts[name]["misses"] for name in "pq"]
    assert all(moved) and counts["c"]["hits"] + counts["c"]["misses"] > 0
    asked = sum(counts[name]["misses"] + counts[name]["writebacks"] for name in "pq")
    assert counts["c"]["hits"] + counts["c"]["misses"] == asked


def test_a_core_may_lie_on_the_memory_beside_a_cache(tmp_path: Path) -> None:
    found = described(tmp_path, SHARED, "a.memory <=> c <=> m\n    b.memory <=> m")
    assert [found.below(core) for core in found.cores] == ["c", ""]
    run = simulate(found, NETWORK)
    assert run.memory["c"]["misses"] > 0


def test_a_slower_clock_takes_longer(tmp_path: Path) -> None:
    edges = "{a.memory, b.memory} <=> m"
    usual = described(tmp_path, "", edges)
    slow = described(tmp_path, "", edges, ", clock: 50 MHz")
    assert slow.cores[0].clock_hz == 50_000_000 and usual.cores[0].clock_hz is None
    usual, slow = (replace(chip, cores=chip.cores[:1]) for chip in (usual, slow))
    times = [
        max(p.end - p.begin for p in simulate(c, NETWORK).layers if p.core == "a") for c in (usual, slow)
    ]
    assert 5 < times[1] / times[0] <= 10.5  # ten times as long, where nothing else is waited for


def test_latencies_of_caches_count_the_platform_s_clock(tmp_path: Path) -> None:
    file = tmp_path / "own.acadl"
    text = TEXT.format(caches=SHARED, edges="{a.memory, b.memory} <=> c <=> m", arguments="")
    for clock, hit in (("600 MHz", 48), ("1200 MHz", 24), ("2400 MHz", 12), ("1 GHz", 29)):
        file.write_text(text.replace("    a:", f"    clock {clock}\n    a:"))
        assert find_chip(str(file)).levels[0].parameters.hit_latency == hit


def test_all_that_ship_are_found() -> None:
    for name in chip_names():
        chip = find_chip(name)
        assert chip.name == name and [level.name for level in chip.levels] == ["shared_cache"]
    assert len(find_chip("two_arrays", {"cores": 5}).cores) == 5


@pytest.mark.parametrize(
    ("right", "wrong", "code", "message"),
    [
        ("b: gemmini(dim: dim)", "b: gemini", "E0201", "there is no architecture 'gemini'"),
        ("b: gemmini(dim: dim)", "b: gemmini(dimm: dim)", "E0201", "'gemmini' has no parameter 'dimm'"),
        ("b: gemmini(dim: dim)", "b: gemmini(dim: 0)", "E0302", "the description of 'gemmini' has an error"),
        ("b: gemmini(dim: dim)", 'b: gemmini(operators: "konv")', "E0201", "unknown operator 'konv'"),
        ("DDR4_2400", "DDR9_2400", "E0302", "DDR9"),
        ("config", "request_size: 3 bytes, config", "E0302", "power of two"),
    ],
)
def test_what_cannot_be_looked_up_has_its_place(
    right: str, wrong: str, code: str, message: str, tmp_path: Path
) -> None:
    text = TEXT.format(caches="", edges="{a.memory, b.memory} <=> m", arguments="")
    assert right in text
    (tmp_path / "own.acadl").write_text(text.replace(right, wrong))
    with pytest.raises(AcadlError) as caught:
        find_chip(str(tmp_path / "own.acadl"))
    (finding,) = caught.value.diagnostics
    assert finding.code == code and message in finding.message and finding.span is not None
    result = CliRunner().invoke(cli, ["check", str(tmp_path / "own.acadl")])
    assert result.exit_code == 1 and message in result.stderr and "Traceback" not in result.stderr


def test_the_commands_take_files_and_parameters(tmp_path: Path) -> None:
    (tmp_path / "net.csv").write_text("layer,op,C,H,W,K,R,S\nc,conv,8,10,10,8,3,3\n")
    described(tmp_path, SHARED, "{a.memory, b.memory} <=> c <=> m")
    own, network = str(tmp_path / "own.acadl"), str(tmp_path / "net.csv")
    checked = CliRunner().invoke(cli, ["check", own])
    assert checked.exit_code == 0 and "own, a platform of 2 cores, 1 cache: no errors" in checked.stdout
    runs = [
        CliRunner().invoke(cli, ["simulate", own, "--network", network, *more])
        for more in ((), ("--set", "dim=16"), ("--set", "dimm=16"))
    ]
    assert [run.exit_code for run in runs] == [0, 0, 1]
    assert runs[0].stdout != runs[1].stdout and "has no parameter 'dimm'" in runs[2].stderr
    over = CliRunner().invoke(cli, ["simulate", own, "--network", network, "--html", own])
    assert over.exit_code == 1 and "would replace" in over.stderr


def test_places_of_caches_are_those_of_the_class() -> None:
    chip = Chip(
        "x", (CorePlace("a", "gemmini"),), None, caches=(CachePlace("q", L2), CachePlace("p", L2, "q"))
    )
    assert chip.below(chip.cores[0]) == "q"
    assert chip.below(replace(chip.cores[0], below="")) == ""


def test_cores_may_lie_on_a_bus(tmp_path: Path) -> None:
    edges = "{a.memory, b.memory} <=> noc <=> m"
    plain = described(tmp_path, "", "{a.memory, b.memory} <=> m")
    wide, narrow, crossbar = (
        described(tmp_path, f"bus noc {{ {attributes} }}", edges)
        for attributes in ("width: 256 bytes", "width: 1 bytes", "width: 1 bytes, lanes: 2")
    )
    times = [simulate(chip, STREAMS).total_cycles for chip in (plain, wide, crossbar, narrow)]
    assert times[0] <= times[1] < times[2] < times[3]
    moved = simulate(narrow, STREAMS).memory["bytes"]
    assert times[3] >= moved / 2  # one byte a cycle down, and one up
    causes = {stall.where for core in simulate(narrow, STREAMS).cores for stall in core.stalls}
    assert "bus" in causes


def test_a_bus_is_no_part_of_an_architecture(tmp_path: Path) -> None:
    (tmp_path / "a.acadl").write_text("architecture a { clock 1 GHz, bus b { width: 8 bytes } }\n")
    result = CliRunner().invoke(cli, ["check", str(tmp_path / "a.acadl")])
    assert "a bus belongs into a platform" in result.stderr


def test_channels_add_up(tmp_path: Path) -> None:
    found = {}
    for channels in (1, 2, 4):
        described(tmp_path, "", "{a.memory, b.memory} <=> m")
        file = tmp_path / "own.acadl"
        file.write_text(file.read_text().replace('"DDR4_2400"', f'"DDR4_2400", channels: {channels}'))
        chip = find_chip(str(file))
        run = found[channels] = simulate(chip, STREAMS)
        assert run.memory["bandwidth_bytes_per_s"] <= run.memory["peak_bytes_per_s"]
        assert len(run.over_time.bytes_moved) == channels
    assert found[1].total_cycles >= found[2].total_cycles >= found[4].total_cycles
    assert found[4].memory["peak_bytes_per_s"] == 4 * found[1].memory["peak_bytes_per_s"]
    assert found[4].memory["bytes"] == found[1].memory["bytes"]
