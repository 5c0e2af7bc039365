"""Mapping search with exact cycles: the optimum of tiny layers, no layer worse, files that estimates read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import aidg
import mappings
import platforms
from acadl.errors import AcadlError
from acadl.model import Architecture
from aidg.work import count_work
from mappings.choices import map_choice, search_space
from mappings.layers import Layer
from mappings.network import Network
from mappings.registry import MappingError
from platforms.choices_file import load_choices
from platforms.command_group import cli
from platforms.network_search import _Runner

TINY: dict[str, tuple[Architecture, Layer]] = {
    "gemmini": (
        platforms.load("gemmini", dim=4, scratchpad_bytes="2 KiB", accumulator_bytes="1 KiB"),
        Layer(name="tiny", op="conv", C=5, H=3, W=5, K=6, R=2, S=1, bias=True),
    ),
    "systolic_array": (
        platforms.load("systolic_array", rows=4, cols=4, stream=8, sections=2),
        Layer(name="tiny", op="gemm", gemm_M=9, gemm_N=6, gemm_K=7, bias=True),
    ),
}


def acadl(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize("name", sorted(TINY))
def test_the_optimum_is_that_of_enumeration(name: str) -> None:
    """Every choice mapped and evaluated, one after the other."""
    arch, layer = TINY[name]
    costs = []
    for choice in search_space(layer, arch).points():
        try:
            program = map_choice(layer, arch, choice)
        except MappingError:
            continue
        costs.append((aidg.estimate(arch, program).cycles, count_work(arch, program).bytes_at("memory")))
    (entry,) = platforms.search(arch, Network("n", (layer,)), seconds=None, tries=10_000).layers
    assert entry.found.exhaustive
    assert entry.found.best.cost == min(costs)
    front = {c for c in costs if not any(o != c and o[0] <= c[0] and o[1] <= c[1] for o in costs)}
    assert {point.cost for point in entry.found.front} == front


def test_no_layer_of_resnet18_gets_worse() -> None:
    """Three tries for each shape, none skipped; the long test takes a minute."""
    result = platforms.search("gemmini", "resnet18", tries=3, seconds=None)
    assert not result.unmapped
    assert sum(len(entry.names) for entry in result.layers) == 48
    assert all(entry.found.best.cost <= entry.found.default.cost for entry in result.layers)
    assert result.default_cycles == platforms.estimate("gemmini", "resnet18").total_cycles


@pytest.mark.slow
def test_a_minute_makes_resnet18_faster() -> None:
    """Within 60 s: no layer is slower, the network is a tenth faster."""
    result = platforms.search("gemmini", "resnet18", seconds=60)
    assert result.wall_s < 75
    assert all(entry.found.best.cost <= entry.found.default.cost for entry in result.layers)
    assert result.total_cycles < 0.9 * result.default_cycles


def test_estimates_map_layers_as_found(tmp_path: Path) -> None:
    """Through a file and in Python: the cycles that the search has promised."""
    file = tmp_path / "found.json"
    result = platforms.search("systolic_array", "tcresnet8", tries=40, seconds=None)
    result.save(file)
    assert result.total_cycles < result.default_cycles
    assert platforms.estimate("systolic_array", "tcresnet8", choices=file).total_cycles == result.total_cycles
    again = platforms.estimate("systolic_array", "tcresnet8", choices=result.choices)
    assert again.total_cycles == result.total_cycles
    assert platforms.search("systolic_array", "tcresnet8", tries=40, seconds=None) == result


def test_the_command_writes_what_estimate_reads(tmp_path: Path) -> None:
    """Table, JSON, file."""
    file = str(tmp_path / "found.json")
    given = ("systolic_array", "--layer", "op=gemm,gemm_M=20,gemm_N=24,gemm_K=20", "--budget", "30")
    done = acadl("search", *given, "-o", file)
    assert done.exit_code == 0, done.output
    assert "none is better than these in both cycles and bytes" in done.stdout
    data = json.loads(acadl("search", *given, "--json").stdout)
    assert data["total_cycles"] <= data["default_cycles"]
    table = tmp_path / "net.csv"
    table.write_text("layer,op,gemm_M,gemm_N,gemm_K\nany,gemm,20,24,20\n")
    used = acadl("estimate", "systolic_array", "--network", str(table), "--choices", file, "--json")
    report = json.loads(used.stdout)
    assert report["total_cycles"] == data["total_cycles"]
    assert report["provenance"]["choices"] == file and len(report["provenance"]["choices_sha256"]) == 64


@pytest.fixture
def interrupt_behind(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many more choices get a cost until Ctrl-C is pressed, once for each behind them."""
    left, cost = 0, _Runner._cost

    def counted(runner: _Runner, *given: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return cost(runner, *given)

    def behind(choices: int) -> None:
        nonlocal left
        left = choices
        monkeypatch.setattr(_Runner, "_cost", counted)

    return behind


def test_an_interrupt_writes_the_best_so_far(tmp_path: Path, interrupt_behind: Callable[[int], None]) -> None:
    """Exit status 130, and a file of what is known by then."""
    interrupt_behind(4)
    file = tmp_path / "found.json"
    layer = "op=gemm,gemm_M=64,gemm_N=64,gemm_K=64"
    done = acadl("search", "systolic_array", "--layer", layer, "--budget", "99", "-o", str(file))
    assert done.exit_code == 130
    assert "interrupted: the best found so far is kept in" in done.stderr
    assert len(load_choices(file).by_shape) == 1


def test_a_second_interrupt_keeps_the_layers_that_are_done(
    tmp_path: Path, interrupt_behind: Callable[[int], None]
) -> None:
    """Layers behind are named, and are in no total."""
    interrupt_behind(1)
    table, file = tmp_path / "net.csv", tmp_path / "found.json"
    table.write_text("layer,op,gemm_M,gemm_N,gemm_K\na,gemm,20,24,20\nb,gemm,40,24,20\nc,gemm,60,24,20\n")
    given = ("search", "systolic_array", "--network", str(table), "--budget", "1", "-o", str(file))
    done = acadl(*given)
    assert done.exit_code == 130
    assert "kept in" in done.stderr and "not evaluated: 'b', 'c'" in done.stderr
    (shape,) = load_choices(file).by_shape
    assert shape.gemm_M == 20
    interrupt_behind(1)
    done = acadl(*given, "--json")
    assert json.loads(done.stdout)["unreached"] == ["b", "c"]


def test_choices_of_a_transposition_are_read_again(tmp_path: Path) -> None:
    """A layer's axes are a list in JSON, a tuple in Python."""
    data = {
        "format": "acadl choices 1",
        "architecture": "oma",
        "choices": [
            {"shape": {"op": "transpose", "C": 3, "H": 4, "W": 5, "perm": [0, 2, 3, 1]}, "choice": {"a": 1}}
        ],
    }
    file = tmp_path / "found.json"
    file.write_text(json.dumps(data))
    (shape,) = load_choices(file).by_shape
    assert shape.perm == (0, 2, 3, 1)
    data["choices"][0]["shape"]["perm"] = [0, "x"]  # type: ignore[index]
    file.write_text(json.dumps(data))
    with pytest.raises(AcadlError, match="perm of 'shape' is not what a layer has"):
        load_choices(file)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("oma",), 2, "give either --network or --layer"),
        (("oma", "-n", "alexnet", "--layer", "op=fc,C=1,K=1"), 2, "give either --network or --layer"),
        (("oma", "--layer", "gemm"), 2, "write COLUMN=VALUE"),
        (("oma", "--layer", "op=gmm,C=1"), 1, "did you mean 'gemm'?"),
        (("oma", "-n", "alexnet", "--budget", "0"), 2, "0 is not in the range"),
        (("ultratrail", "--layer", "op=conv,C=1,H=9,W=9,K=1,R=3,S=3"), 1, "cannot run it"),
    ],
)
def test_wrong_use_is_explained(arguments: tuple[str, ...], status: int, message: str) -> None:
    """Without a traceback."""
    done = acadl("search", *arguments)
    assert done.exit_code == status
    assert message in done.stderr


HEAD = '{"format": "acadl choices 1", "choices": '


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is not JSON"),
        ("[]", "is no file of choices"),
        (HEAD + "3}", "'choices' is a list of entries"),
        (HEAD + "[{}]}", "entry 0 of 'choices' has no 'shape' and 'choice'"),
        (HEAD + '[{"shape": {}, "choice": {}}]}', "'shape' has no 'op'"),
        (HEAD + '[{"shape": {"op": "fc", "x": 1}, "choice": {}}]}', "x of 'shape'"),
        (HEAD + '[{"shape": {"op": "fc", "C": true}, "choice": {}}]}', "C of 'shape'"),
        (HEAD + '[{"shape": {"op": "fc"}, "choice": {"a": []}}]}', "an integer or a text"),
    ],
)
def test_files_that_are_no_choices_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """Each with what was expected."""
    file = tmp_path / "found.json"
    file.write_text(text)
    with pytest.raises(AcadlError, match=message):
        load_choices(file)
    with pytest.raises(AcadlError, match="cannot be read"):
        load_choices(tmp_path / "nowhere.json")


def test_choices_are_for_one_architecture(tmp_path: Path) -> None:
    """Another one is an error, other parameters a note; a choice that no longer exists is named."""
    file = tmp_path / "found.json"
    layer = Layer(name="l", op="gemm", gemm_M=16, gemm_N=40, gemm_K=16)
    network = Network("n", (layer,))
    platforms.search("systolic_array", network, tries=1, seconds=None).save(file)
    with pytest.raises(AcadlError, match="has choices for 'systolic_array', not for 'oma'"):
        platforms.estimate("oma", network, choices=file)
    other = platforms.load("systolic_array", memory_latency=9)
    report = platforms.estimate(other, network, choices=file)
    assert any("found with other parameters (memory_latency=32, now 9)" in note for note in report.notes)
    larger = Network("n", (Layer(name="l", op="gemm", gemm_M=17, gemm_N=40, gemm_K=16),))
    report = platforms.estimate("systolic_array", larger, choices=file)
    assert report.notes == ("the choices are for other layers: none of these has one",)
    smaller = platforms.estimate(platforms.load("systolic_array", cols=5), network, choices=file)
    assert "'columns' is" in smaller.unmapped[0].reason


def test_a_user_mapping_is_searched_by_the_same_protocol(tmp_path: Path) -> None:
    """A module with ``choices`` and a mapper that takes one."""
    (tmp_path / "toy.acadl").write_text(
        "architecture toy {\n    clock 1 MHz\n    operations { work(n: int) }\n"
        "    sram imem { data_width: 32 bits, addresses: 0 ..< 0x100 }\n    fetch ifs { from: imem }\n"
        "    execute ex { unit worker { operations: work, latency: n } }\n    ifs -> ex\n}\n"
    )
    (tmp_path / "toy.py").write_text(
        "from mappings import LoopProgram, loop, mapper, step\n"
        "from mappings.choices import Space\n\n\n"
        "def choices(layer, arch):\n"
        "    return Space({'tile': (1, 2, 4, 8)}, {'tile': 1})\n\n\n"
        "@mapper('toy')\n"
        "def map_layer(layer, arch, choice=None):\n"
        "    tile = (choice or {'tile': 1})['tile']\n"
        "    body = loop('i', layer.gemm_N // tile, step('work', n=3 + tile))\n"
        "    return LoopProgram(body, arch.operations)\n"
    )
    layer = "op=fc,C=8,K=64"
    arch, module = str(tmp_path / "toy.acadl"), str(tmp_path / "toy.py")
    done = acadl("search", arch, "--mapping", module, "--layer", layer, "--json")
    assert done.exit_code == 0, done.output
    (entry,) = json.loads(done.stdout)["layers"]
    assert entry["best"]["choice"] == {"tile": 8} and entry["exhaustive"]


def test_a_budget_is_needed() -> None:
    """A search without an end is refused."""
    with pytest.raises(AcadlError, match="needs an end"):
        platforms.search("oma", "alexnet", seconds=None)
    with pytest.raises(AcadlError, match="0 tries are too few"):
        platforms.search("oma", "alexnet", tries=0)


def test_a_network_without_choices_keeps_its_mapping() -> None:
    """The one-MAC machine has nothing to choose."""
    result = platforms.search("oma", "tcresnet8", tries=9, seconds=None)
    assert result.total_cycles == result.default_cycles
    assert result.choices and all(choice == {} for choice in result.choices.values())
    assert "tcresnet8" not in result._repr_html_() and "as found" in result._repr_html_()
    assert mappings.load_network("tcresnet8").layers
