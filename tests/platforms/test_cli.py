"""The command line: exit statuses, JSON, messages, what goes to which stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mappings import network_names
from platforms import platform_names
from platforms.command_group import cli, command_names

ROOT = Path(__file__).parents[2]
TABLE = "layer,op,C,H,W,K,R,S,gemm_M,gemm_N,gemm_K\nc1,conv,3,12,12,8,3,3,,,\nf1,fc,,,,,,,1,10,40\n"


def acadl(*args: str) -> Result:
    return CliRunner().invoke(cli, args)


def process(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "platforms.cli", *args],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A layer table of two layers."""
    path = tmp_path / "net.csv"
    path.write_text(TABLE)
    return str(path)


def test_help_lists_every_command() -> None:
    result = acadl("--help")
    assert result.exit_code == 0
    for name in command_names():
        assert f"  {name} " in result.stdout


def test_every_file_of_the_folder_is_a_command() -> None:
    files = {path.stem.replace("_", "-") for path in (ROOT / "platforms" / "commands").glob("[a-z]*.py")}
    assert files == set(command_names())


@pytest.mark.parametrize("name", command_names())
def test_every_command_has_help(name: str) -> None:
    result = acadl(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: acadl {name}")


def test_unknown_command_is_wrong_usage_with_the_nearest_name() -> None:
    result = acadl("estimat")
    assert result.exit_code == 2
    assert "No such command 'estimat'. Did you mean 'estimate'?" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("estimate",), "Missing argument 'ARCH'"),
        (("estimate", "oma"), "Missing option '--network'"),
        (("estimate", "oma", "-n", "alexnet", "--method", "magic"), "'magic' is not one of 'exact'"),
        (("estimate", "oma", "-n", "alexnet", "--set", "rows"), "'rows' is not of the form NAME=VALUE"),
        (("estimate", "oma", "-n", "alexnet", "--set", "=3"), "'=3' is not of the form NAME=VALUE"),
        (("estimate", "oma", "-n", "alexnet", "--mapping", "none.py"), "File 'none.py' does not exist"),
        (("draw", "oma", "-o", "a.png"), "'a.png' ends in none of .svg, .dot, .html"),
        (("check",), "Missing argument 'FILE...'"),
    ],
)
def test_wrong_usage_is_status_2(args: tuple[str, ...], message: str) -> None:
    result = acadl(*args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("estimate", "gemini", "-n", "alexnet"), "no platform 'gemini' ships; did you mean 'gemmini'?"),
        (("estimate", "oma", "-n", "alexnett"), "there is no network 'alexnett'; did you mean 'alexnet'?"),
        (("estimate", "oma", "-n", "none.onnx"), "none.onnx"),
        (
            ("estimate", "oma", "-n", "alexnet", "--layers", "conf1"),
            "no layer 'conf1' (did you mean 'conv1'?)",
        ),
        (("estimate", "oma", "-n", "alexnet", "--set", "dmem_latncy=3"), "dmem_latency"),
        (("check", "missing.acadl"), "missing.acadl"),
        (("draw", "oma", "-o", "no/such/folder/a.svg"), "cannot write 'no/such/folder/a.svg'"),
    ],
)
def test_unusable_input_is_status_1_with_a_message(args: tuple[str, ...], message: str) -> None:
    result = acadl(*args)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_list_names_everything_that_ships() -> None:
    data = json.loads(acadl("list", "--json").stdout)
    assert data["platforms"] == list(platform_names())
    assert data["networks"] == list(network_names())
    assert {"gemmini", "oma", "systolic_array"} <= set(data["platforms"])
    assert set(data) == {"platforms", "systems", "networks", "dram_configs", "estimators"}
    text = acadl("list").stdout
    assert all(name in text for name in (*platform_names(), *network_names()))


def test_version() -> None:
    assert json.loads(acadl("version", "--json").stdout)["python"].startswith("3.")
    assert acadl("--version").stdout.startswith("acadl ")


def test_estimate_prints_a_table_with_totals_and_a_reason(table: str) -> None:
    result = acadl("estimate", "oma", "--network", table)
    assert result.exit_code == 0, result.stderr
    first, *_, total, reason = result.stdout.splitlines()
    assert first == "net on oma, 100 MHz"
    assert total.startswith("total: ")
    assert "6,880 MACs" not in total  # 10·10·8·27 + 400
    assert "22,000 MACs" in total
    assert reason.startswith("slowest layer: c1 (conv), ")
    rows = [line.split()[:3] for line in result.stdout.splitlines()]
    assert ["c1", "conv", "21,600"] in rows
    assert ["f1", "fc", "400"] in rows


def test_estimate_json_is_one_object_on_stdout(table: str) -> None:
    result = acadl("estimate", "oma", "--network", table, "--json")
    data = json.loads(result.stdout)
    assert data["architecture"] == "oma"
    assert data["network"] == "net"
    assert [layer["macs"] for layer in data["layers"]] == [21600, 400]
    assert data["total_cycles"] == sum(layer["cycles"] for layer in data["layers"]) >= 22000
    assert data["latency_s"] == pytest.approx(data["total_cycles"] / data["clock_hz"])


def test_parameters_reach_the_description(table: str) -> None:
    def cycles(*more: str) -> int:
        total: int = json.loads(acadl("estimate", "oma", "-n", table, "--json", *more).stdout)["total_cycles"]
        return total

    assert cycles("--set", "dmem_latency=7") > cycles()
    assert cycles("--set", "dmem_latency=1") == cycles()


def test_layers_are_chosen_by_name(table: str) -> None:
    data = json.loads(acadl("estimate", "oma", "-n", table, "--layers", "f1", "--json").stdout)
    assert [layer["name"] for layer in data["layers"]] == ["f1"]


@pytest.mark.parametrize("chosen", ["", ",", " , "])
def test_no_layer_is_no_choice(chosen: str, table: str) -> None:
    result = acadl("estimate", "oma", "-n", table, "--layers", chosen)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "error: no layer was chosen; name layers of network 'net'" in result.stderr


def test_nothing_that_can_be_estimated_is_status_1(tmp_path: Path) -> None:
    mapping, path = tmp_path / "mine.py", tmp_path / "net.csv"
    refusal = "from mappings import MappingError; raise MappingError(f'cannot run {layer.name}')"
    mapping.write_text(USER_MAPPING.replace("return", f"{refusal} #"))
    path.write_text("layer,op,gemm_M,gemm_N,gemm_K\na,fc,1,2,3\n")
    done = process("estimate", "oma", "-n", str(path), "--json", "--mapping", str(mapping))
    assert done.returncode == 1
    data = json.loads(done.stdout)
    assert data["unmapped"] == [{"name": "a", "op": "fc", "reason": "cannot run a"}]
    assert (data["layers"], data["total_cycles"]) == ([], 0)
    assert done.stderr == "warning: not part of the total: cannot run a\n"


def test_layers_that_share_a_reason_share_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "net.csv"
    rows = [f"p{n},maxpool,4,1,8,1,1,2" for n in range(8)] + ["d,conv,4,1,8,4,1,2"]
    path.write_text("layer,op,C,H,W,K,R,S\n" + "\n".join(rows) + "\n")
    done = process("estimate", "ultratrail", "-n", str(path), "--json")
    warnings = [line for line in done.stderr.splitlines() if "not part of the total" in line]
    assert len(warnings) == 1
    assert "layers 'p0', 'p1', 'p2', 'p3', 'p4', 'p5' and 2 more: 'ultratrail' cannot run" in warnings[0]
    assert "did you mean" not in warnings[0]  # another operator is no spelling of this one
    assert [layer["name"] for layer in json.loads(done.stdout)["unmapped"]] == [f"p{n}" for n in range(8)]


@pytest.mark.parametrize(
    ("arch", "network", "message"),
    [
        ("a" * 5000, "alexnet", "no platform 'aaa"),
        ("oma", "a" * 5000, "there is no network 'aaa"),
        ("oma", "a" * 5000 + ".csv", "cannot be read: File name too long"),
        ("oma", "a" * 5000 + ".onnx", "cannot be read: File name too long"),
        ("oma", "x/" + "a" * 5000, "neither an ONNX model (.onnx) nor a layer table (.csv)"),
        ("oma", "bert_base@513", "'bert_base' has 512 positions; tokens is 513"),
    ],
)
def test_names_that_nothing_can_have_are_refused_in_short(arch: str, network: str, message: str) -> None:
    done = acadl("estimate", arch, "-n", network)
    assert done.exit_code == 1
    assert message in done.stderr and "Errno" not in done.stderr and "a" * 200 not in done.stderr


def test_a_mapping_that_names_what_is_not_there_is_told_where(tmp_path: Path) -> None:
    mapping, path = tmp_path / "mine.py", tmp_path / "net.csv"
    step = 'step("macc", acc=Register("acc"), a=Register("a"), b=Register("b"))'
    wrong = USER_MAPPING.replace("import ", "import Register, step, ")
    wrong = wrong.replace("sequence()", f"sequence({step})").replace("{}", "arch.operations")
    mapping.write_text(wrong)
    path.write_text("layer,op,gemm_M,gemm_N,gemm_K\na,fc,1,2,3\n")
    done = acadl("estimate", "oma", "-n", str(path), "--mapping", str(mapping))
    assert done.exit_code == 1
    assert "'macc' is not declared; did you mean 'mac'?" in done.stderr
    assert "mine.py', line" in done.stderr


def test_an_error_in_json_mode_is_one_object_too(table: str) -> None:
    result = acadl("estimate", "oma", "-n", table, "--layers", "nope", "--json")
    assert result.exit_code == 1
    assert "no layer 'nope'" in json.loads(result.stdout)["error"]
    assert "no layer 'nope'" in result.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("estimate", "oma", "--json"), "Missing option '--network'"),
        (("estimate", "oma", "-n", "alexnet", "--json", "--method", "magic"), "'magic' is not one of"),
        (("estimate", "oma", "-n", "alexnet", "--set", "rows=", "--json"), "'rows=' is not of the form"),
        (("lst", "--json"), "No such command 'lst'"),
        (("draw", "oma", "-o", "a.svg", "--json"), "No such option"),
    ],
)
def test_wrong_usage_in_json_mode_is_one_object_too(args: tuple[str, ...], message: str) -> None:
    result = acadl(*args)
    assert result.exit_code == 2
    data = json.loads(result.stdout)
    assert message in data["error"]
    assert data == {"error": data["error"], "diagnostics": []}
    assert message in result.stderr


def test_bad_cells_of_a_layer_table_are_shown_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("layer,op,C,H,W,K,R,S\nc1,conv,x,12,12,8,3,3\n")
    result = acadl("estimate", "oma", "-n", str(path), "--json")
    assert result.exit_code == 1
    (finding,) = json.loads(result.stdout)["diagnostics"]
    assert (finding["file"], finding["line"]) == (str(path), 2)
    assert "c1,conv,x,12" in result.stderr


def test_check_reports_every_error_of_a_file(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.acadl", tmp_path / "bad.acadl"
    good.write_text((ROOT / "platforms" / "library" / "oma.acadl").read_text())
    bad.write_text(good.read_text().replace("->", "=>>", 1))
    result = acadl("check", str(good), str(bad), "--json")
    assert result.exit_code == 1
    findings = json.loads(result.stdout)["diagnostics"]
    assert {item["file"] for item in findings} == {str(bad)}
    assert set(findings[0]) >= {"code", "message", "file", "line", "column", "hint"}
    assert f"{bad}:" in result.stderr


def test_a_file_of_templates_is_sound_and_no_architecture(tmp_path: Path) -> None:
    file = tmp_path / "cells.acadl"
    file.write_text("template cell {\n    stage s { }\n}\n")
    result = acadl("check", str(file))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{file}: parts for other files, no architecture: no errors\n"
    assert acadl("draw", str(file), "-o", str(tmp_path / "x.svg")).exit_code == 1
    file.write_text("template cell {\n    stage s { latncy: 1 }\n}\n")
    assert "E0402" in acadl("check", str(file)).stderr


def test_check_of_shipped_platforms_finds_nothing() -> None:
    result = acadl("check", *platform_names(), "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {"diagnostics": []}


@pytest.mark.parametrize("suffix", [".svg", ".dot", ".html"])
def test_draw_writes_the_format_of_the_ending(suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"oma{suffix}"
    result = acadl("draw", "oma", "-o", str(target))
    assert (result.exit_code, result.stdout) == (0, "")
    starts = {".svg": "<svg ", ".dot": "digraph ", ".html": "<!DOCTYPE html>"}
    assert target.read_text().startswith(starts[suffix])
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("name", ["own.acadl", "link.svg", "hard.svg", "imported.svg"])
def test_nothing_is_written_over_a_description(name: str, tmp_path: Path) -> None:
    (tmp_path / "part.acadl").write_text("template t { }\n")
    (tmp_path / "own.acadl").write_text('import t from "part.acadl"\narchitecture a {\n}\n')
    (tmp_path / "link.svg").symlink_to("own.acadl")
    (tmp_path / "hard.svg").hardlink_to(tmp_path / "own.acadl")
    (tmp_path / "imported.svg").symlink_to("part.acadl")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    own, output = str(tmp_path / "own.acadl"), str(tmp_path / name)
    assert "would replace" in acadl("check", own, "--html", output).stderr
    if name != "own.acadl":
        assert "would replace" in acadl("draw", own, "-o", output).stderr
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_draw_to_standard_output_is_svg() -> None:
    assert acadl("draw", "oma", "-o", "-").stdout.startswith("<svg ")


def test_demo_estimates_alexnet_on_two_accelerators() -> None:
    result = acadl("demo", "--json")
    assert result.exit_code == 0, result.stderr
    estimates = json.loads(result.stdout)["estimates"]
    assert [(e["architecture"], e["network"]) for e in estimates] == [
        ("gemmini", "alexnet"),
        ("systolic_array", "alexnet"),
    ]
    for data in estimates:
        assert data["total_macs"] == 714188480
        assert data["total_cycles"] >= data["total_macs"] / 256
        assert data["unmapped"] == []


def test_demo_names_the_slowest_layer() -> None:
    text = acadl("demo").stdout
    assert text.count("slowest layer: ") == 2


USER_MAPPING = """
from mappings import LoopProgram, mapper, sequence

@mapper("oma")
def map_layer(layer, arch):
    return LoopProgram(sequence(), {}, layer.name)
"""


def test_a_user_s_own_mapping_is_used(tmp_path: Path, table: str) -> None:
    mapping = tmp_path / "mine.py"
    mapping.write_text(USER_MAPPING)
    done = process("estimate", "oma", "-n", table, "--mapping", str(mapping), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["total_cycles"] == 0


def test_a_broken_mapping_is_an_error_with_its_line(tmp_path: Path, table: str) -> None:
    mapping = tmp_path / "mine.py"
    mapping.write_text("import math\n\nmath.nothing()\n")
    result = acadl("estimate", "oma", "-n", table, "--mapping", str(mapping))
    assert result.exit_code == 1
    assert f"error: the mapping '{mapping}' (line 3) failed: AttributeError: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_syntax_error_in_a_mapping_has_its_line(tmp_path: Path, table: str) -> None:
    mapping = tmp_path / "mine.py"
    mapping.write_text("x = 1\ndef f(:\n")
    result = acadl("estimate", "oma", "-n", table, "--mapping", str(mapping))
    assert result.exit_code == 1
    assert f"error: the mapping '{mapping}' (line 2) failed: SyntaxError: " in result.stderr


def test_a_mapping_that_fails_while_it_maps_is_an_error_with_its_line(tmp_path: Path, table: str) -> None:
    mapping = tmp_path / "mine.py"
    mapping.write_text(USER_MAPPING.replace("return LoopProgram", "return {}[layer.name]  # "))
    done = process("estimate", "oma", "-n", table, "--mapping", str(mapping))
    assert done.returncode == 1
    assert done.stderr == (
        f"error: mapper 'map_layer' ('{mapping}', line 4) failed on layer 'c1' (conv): KeyError: 'c1' "
        f"(raised in '{mapping}', line 6)\n"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 1 / 0", "ZeroDivisionError: division by zero (raised in "),
        ("return None", "it returned NoneType, not a LoopProgram"),
        ("return [layer]", "it returned list, not a LoopProgram"),
        ("raise SystemExit(3)", "SystemExit: 3 (raised in "),
        ("import fractions; fractions.Fraction('x')", "ValueError: Invalid literal for Fraction: 'x'"),
    ],
)
def test_whatever_a_mapper_does_wrong_is_one_error(
    body: str, message: str, tmp_path: Path, table: str
) -> None:
    mapping = tmp_path / "mine.py"
    mapping.write_text(USER_MAPPING.replace("return LoopProgram(sequence(), {}, layer.name)", body))
    done = process("estimate", "oma", "-n", table, "--mapping", str(mapping), "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error.startswith(f"mapper 'map_layer' ('{mapping}', line 4) failed on layer 'c1' (conv): ")
    assert message in error
    assert "Traceback" not in done.stderr


def test_a_mapping_that_exits_on_import_is_an_error(tmp_path: Path, table: str) -> None:
    mapping = tmp_path / "mine.py"
    mapping.write_text("import sys\nsys.exit(3)\n")
    result = acadl("estimate", "oma", "-n", table, "--mapping", str(mapping))
    assert result.exit_code == 1
    assert result.stderr == f"error: the mapping '{mapping}' (line 2) failed: SystemExit: 3\n"


def test_what_a_mapping_prints_goes_to_standard_error(tmp_path: Path, table: str) -> None:
    mapping = tmp_path / "mine.py"
    text = USER_MAPPING.replace("    return", "    print('mapping', layer.name)\n    return")
    mapping.write_text(f"print('imported')\n{text}")
    done = process("estimate", "oma", "-n", table, "--mapping", str(mapping), "--json")
    assert done.returncode == 0
    assert [layer["name"] for layer in json.loads(done.stdout)["layers"]] == ["c1", "f1"]
    assert done.stderr == "imported\nmapping c1\nmapping f1\n"


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "platforms.cli", "list"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """The command line with the shell's redirections; ``acadl`` stands for the command."""
    return subprocess.run(
        ["sh", "-c", command.replace("acadl", f"'{sys.executable}' -m platforms.cli")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("args", ["list", "--help", "version --json", "draw oma -o -"])
def test_output_that_cannot_be_written_is_an_error(args: str) -> None:
    done = shell(f"acadl {args} > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "error: cannot write the output: No space left on device\n"


@pytest.mark.parametrize(("args", "status"), [("list", 0), ("--help", 0), ("list --josn", 2)])
def test_closed_output_is_no_error(args: str, status: int) -> None:
    done = shell(f"acadl {args} >&-")
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert (done.stderr == "") == (status == 0)


def test_closed_standard_error_keeps_the_status() -> None:
    assert (shell("acadl list 2>&-").returncode, shell("acadl estimate oma 2>&-").returncode) == (0, 2)
    assert shell("acadl estimate nothing -n alexnet 2>&-").returncode == 1


def test_an_interrupt_during_the_imports_is_status_130_without_traceback() -> None:
    code = """
import builtins, sys
plain = builtins.__import__
def interrupted(name, *rest, **more):
    if name == "click":
        raise KeyboardInterrupt
    return plain(name, *rest, **more)
builtins.__import__ = interrupted
from platforms.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_an_interrupt_is_status_130_without_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("platforms.catalog.platform_names", interrupted)
    result = acadl("list")
    assert result.exit_code == 130
    assert "Traceback" not in result.stderr


def test_no_colour_codes_in_pipes() -> None:
    assert "\x1b" not in process("estimate", "gemini", "-n", "alexnet").stderr
    assert "\x1b" not in process("list").stdout


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import acadl", {"numpy", "networkx", "simpy", "lark", "rich", "onnx"}),
        ("import platforms, mappings, aidg, dram", {"numpy", "networkx", "simpy", "lark", "rich", "onnx"}),
        (
            "from click.testing import CliRunner; from platforms.command_group import cli; "
            "CliRunner().invoke(cli)",
            {"numpy", "networkx", "simpy", "lark", "rich", "onnx", "pydantic"},
        ),
    ],
)
def test_start_up_loads_nothing_heavy(code: str, absent: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert absent & set(done.stdout.split()) == set()


def test_public_functions_are_not_hidden_by_modules_of_their_name() -> None:
    """Whoever imports a module first (``from aidg.estimation import …``) must still get the functions."""
    code = """
import importlib, pkgutil
import acadl, aidg, mappings, platforms
for package in (acadl, aidg, mappings, platforms):
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg and module.name in getattr(package, '__all__', ()):
            importlib.import_module(f'{package.__name__}.{module.name}')
            public = getattr(package, module.name)
            assert callable(public), f'{package.__name__}.{module.name} is {public}'
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
