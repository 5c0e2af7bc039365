"""``acadl validate`` and ``platforms.validate``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import acadl
import platforms
from platforms.command_group import cli
from platforms.validation.case_runs import Job, outcomes
from platforms.validation.case_table import read_cases

DATA = Path(__file__).parents[1] / "data" / "rtl" / "axis_sa" / "cycles_dev.csv"
HEADER = "rows,cols,M,N,K,cycles"


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, ["validate", *map(str, args)])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two exact cases, one that is 10 % too long and one that is 20 % too short."""
    path = tmp_path / "cases.csv"
    path.write_text(f"{HEADER}\n4,4,4,4,4,16\n8,8,8,8,8,32\n4,4,16,16,64,1151\n4,4,4,8,20,65\n")
    return path


def test_the_shipped_array_is_exact() -> None:
    result = run("axis_sa", "--cases", DATA, "--max-mape", 0, "--max-error", 0, "--json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert (data["mape"], data["max_error_percent"], data["exact"], len(data["cases"])) == (0, 0, 118, 118)
    assert data["cases"][0] == {
        "case": "rows=4 cols=4 M=4 N=4 K=4 in_period=1 out_period=1 tile_gap=0 tiles=1",
        "line": 2,
        "measured": 16,
        "predicted": 16,
        "method": "exact",
        "group": "",
        "error_percent": 0.0,
    }


def test_errors_are_counted(table: Path) -> None:
    report = platforms.validate("axis_sa", table, group="rows")
    assert [case.predicted for case in report.cases] == [16, 32, 1036, 52]
    errors = [0, 0, 100 * (1036 - 1151) / 1151, 100 * (52 - 65) / 65]
    assert [case.error_percent for case in report.cases] == pytest.approx(errors)
    assert report.mape == pytest.approx(sum(map(abs, errors)) / 4)
    assert report.max_error_percent == pytest.approx(20)
    assert report.summary.bias_percent == pytest.approx(sum(errors) / 4)
    assert report.exact == 2
    assert [case.line for case in report.worst(10)] == [5, 4]
    assert {name: (found.cases, found.exact) for name, found in report.groups.items()} == {
        "4": (3, 1),
        "8": (1, 1),
    }
    assert json.loads(report.to_json()) == report.to_dict()


def test_groups_of_numbers_ascend(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("rows,cols,M,N,K,note,cycles\n16,16,4,4,4,b,1\n4,4,4,4,4,a,16\n8,8,4,4,4,b,1\n")
    assert list(platforms.validate("axis_sa", path, group="rows").groups) == ["4", "8", "16"]
    assert list(platforms.validate("axis_sa", path, group="note").groups) == ["b", "a"]


def test_tolerances_decide_the_exit_status(table: Path) -> None:
    assert run("axis_sa", "--cases", table).exit_code == 0
    assert run("axis_sa", "--cases", table, "--max-mape", 8).exit_code == 0
    exceeded = run("axis_sa", "--cases", table, "--max-mape", 7)
    assert exceeded.exit_code == 1 and "the mean error is 7.498 %, more than 7 %" in exceeded.stderr
    assert run("axis_sa", "--cases", table, "--max-error", 20).exit_code == 0
    assert run("axis_sa", "--cases", table, "--max-error", 19.9).exit_code == 1


def test_where_chooses_rows(table: Path) -> None:
    report = platforms.validate("axis_sa", table, where="rows == 4 and M * N <= 32")
    assert [case.line for case in report.cases] == [2, 5]
    with pytest.raises(acadl.AcadlError, match="no case has rows == 5"):
        platforms.validate("axis_sa", table, where="rows == 5")
    wrong = run("axis_sa", "--cases", table, "--where", "row == 4")
    assert wrong.exit_code == 1 and "did you mean 'rows'?" in wrong.stderr


def test_settings_hold_where_no_column_says_otherwise(table: Path) -> None:
    slow = platforms.validate("axis_sa", table, settings={"in_period": 2, "rows": 16})
    assert [case.predicted for case in slow.cases] == [19, 39, 2059, 91]  # rows are those of the column
    assert run("axis_sa", "--cases", table, "--set", "in_period=2", "--json").exit_code == 0
    with pytest.raises(acadl.AcadlError, match="no parameter 'in_perod'; did you mean 'in_period'"):
        platforms.validate("axis_sa", table, settings={"in_perod": 2})


def test_processes_give_the_same_in_the_same_order() -> None:
    cases = read_cases(DATA).cases[:30]
    names = ("rows", "cols", "in_period", "out_period", "tile_gap")
    jobs = [Job("axis_sa", {name: int(case.cells[name]) for name in names}, case) for case in cases]
    assert list(outcomes(jobs, 2, (), alone_s=0)) == list(outcomes(jobs, 1, ()))


def test_an_architecture_is_taken_as_it_is(table: Path) -> None:
    report = platforms.validate(platforms.load("axis_sa", rows=4, cols=4), table)
    assert [case.line for case in report.cases] == [2, 4, 5]
    assert [(case.line, "the case has rows=8" in case.reason) for case in report.failed] == [(3, True)]
    with pytest.raises(acadl.AcadlError, match="settings need"):
        platforms.validate(platforms.load("axis_sa"), table, settings={"rows": 4})


def test_cases_without_a_prediction_are_findings(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(f"{HEADER}\n4,4,4,4,4,16\n0,4,4,4,4,16\n4,4,,4,4,16\n")
    result = run("axis_sa", "--cases", path)
    assert result.exit_code == 1
    assert "line 3:" in result.stderr and "at least one cell" in result.stderr
    assert "line 4: column 'M' is empty" in result.stderr
    assert "1 of 1 cases exact" in result.stdout and "2 without a prediction" in result.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (HEADER, "no case"),
        ("rows,M\n4,4\n", "no column with the measured cycles"),
        (f"{HEADER}\n4,4,4,4,4\n", "line 2: 5 cells, but the header has 6 columns"),
        (f"{HEADER}\n4,4,4,4,4,16\n\n4,4,4,4,4,x\n", "line 4: cycles is 'x'"),
        (f"{HEADER}\n4,4,4,4,4,0\n", "line 2: cycles is '0'"),
        (f"{HEADER}\n4,4,4,4,4,\n", "line 2: cycles is nothing"),
        ("a,a,cycles\n1,2,3\n", "two columns 'a'"),
        ("a,,cycles\n1,2,3\n", "column 2 has no name"),
        ('a,cycles\n"1,2\n', "header has 2 columns"),
    ],
)
def test_unusable_tables_are_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(text)
    result = run("axis_sa", "--cases", path, "--json")
    assert result.exit_code == 1
    assert message in json.loads(result.stdout)["error"]


def test_wrong_names_are_findings(table: Path) -> None:
    assert "did you mean 'axis_sa'" in run("axis_s", "--cases", table).stderr
    assert (
        "no column 'row' to group by; did you mean 'rows'?"
        in run("axis_sa", "--cases", table, "--group", "row").stderr
    )
    assert "did you mean 'cycles'?" in run("axis_sa", "--cases", table, "--measured", "cycle").stderr
    assert run("axis_sa", "--cases", "nowhere.csv").exit_code == 2


def test_absurd_sizes_are_predicted_or_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    sizes = ["1000000000,4", f"{10**21},4", "-4,4", "0,4", "NaN,4", "inf,4", "1e9,4", ",4", "4,-1", "0x10,4"]
    rows = "".join(f"4,4,{size},4,16\n" for size in sizes)
    path.write_text(f"{HEADER}\n{rows}")
    report = platforms.validate("axis_sa", path)
    assert [case.line for case in report.cases] == [2, 3, 11]
    assert report.cases[0].predicted == 2 * 10**9 + 8  # 250 million tiles, 8 cycles apart
    assert [(case.line, case.reason.rpartition("; ")[2]) for case in report.failed] == [
        (4, "gemm needs at least 1"),
        (5, "gemm needs at least 1"),
        (6, "expected a whole number"),
        (7, "expected a whole number"),
        (8, "expected a whole number"),
        (9, "column 'M' is empty"),
        (10, "gemm needs at least 1"),
    ]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_case_without_end_is_given_up(tmp_path: Path, jobs: int) -> None:
    mapping, cases = tmp_path / "own.py", tmp_path / "cases.csv"
    mapping.write_text(
        "from mappings import Layer, map_layer\nfrom mappings.cases import case_mapper, layer_of\n"
        "@case_mapper('axis_sa')\ndef map_case(case, arch):\n"
        "    while case.integer('M') > 100: pass\n    return map_layer(layer_of(case), arch)\n"
    )
    cases.write_text(f"{HEADER}\n4,4,4,4,4,16\n4,4,400,4,4,16\n4,4,4,4,4,16\n")
    result = run("axis_sa", "--cases", cases, "--mapping", mapping, "--limit", 0.3, "--jobs", jobs, "--json")
    data = json.loads(result.stdout)
    assert result.exit_code == 1 and [case["line"] for case in data["cases"]] == [2, 4]
    assert [(case["line"], case["reason"]) for case in data["failed"]] == [
        (3, "the prediction took longer than 0.3 s")
    ]


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
def test_an_interrupt_ends_every_process_without_a_traceback(tmp_path: Path) -> None:
    cases, mapping = tmp_path / "cases.csv", tmp_path / "own.py"
    cases.write_text(HEADER + "\n4,4,4,4,4,16" * 2000 + "\n")
    mapping.write_text(
        "import os, pathlib, time\nfrom mappings import Layer, map_layer\n"
        "from mappings.cases import case_mapper, layer_of\n"
        f"pathlib.Path({str(tmp_path)!r}, f'pid{{os.getpid()}}').touch()\n"
        "@case_mapper('axis_sa')\ndef map_case(case, arch):\n"
        "    time.sleep(0.05)\n    return map_layer(layer_of(case), arch)\n"
    )
    command = [sys.executable, "-m", "platforms.cli", "validate", "axis_sa", "--jobs", "2"]
    command += ["--cases", str(cases), "--mapping", str(mapping)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    pids: list[int] = []
    for _ in range(600):
        pids = [int(path.name[3:]) for path in tmp_path.glob("pid*")]
        if len(pids) == 3:
            break
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 130 and messages.strip() == "interrupted"
    assert len(pids) == 3
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_mapping_of_ones_own_reads_its_columns(tmp_path: Path) -> None:
    arch, mapping, cases = tmp_path / "own.acadl", tmp_path / "own.py", tmp_path / "cases.csv"
    arch.write_text(
        "architecture own(wait: cycles) {\n clock 1 GHz\n operations { work(n: int) }\n"
        " sram imem { data_width: 32 bits, read_latency: 0, addresses: 0 ..< 64 }\n"
        " fetch ifs { latency: 0, from: imem }\n"
        " execute ex { unit u { operations: work, latency: n + wait } }\n"
        " ifs -> ex\n}\n"
    )
    mapping.write_text(
        "from mappings import LoopProgram, step\nfrom mappings.cases import case_mapper\n"
        "@case_mapper('own')\ndef map_case(case, arch):\n"
        "    n = len(case.text('program')) // case.integer('size')\n"
        "    return LoopProgram(step('work', n=n), arch.operations)\n"
    )
    cases.write_text("program,size,wait,kernel_cycles\nabcdef,2,1 cycles,4\nabc,0,0,3\n")
    result = run(arch, "--cases", cases, "--mapping", mapping, "--json")
    data = json.loads(result.stdout)
    assert [case["predicted"] for case in data["cases"]] == [4]
    assert [case["line"] for case in data["failed"]] == [3]
    assert "ZeroDivisionError" in data["failed"][0]["reason"] and "line 5" in data["failed"][0]["reason"]


def test_columns_that_nobody_reads_are_named(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("rows,cols,M,N,K,voltage,same,cycles,energy\n4,4,4,4,4,1,7,16,3\n8,8,8,8,8,2,7,32,4\n")
    result = run("axis_sa", "--cases", path, "--json")
    assert json.loads(result.stdout)["unused_columns"] == ["voltage"]
    assert "does not depend on voltage:" in result.stderr


def test_no_output_replaces_the_table(table: Path) -> None:
    content = table.read_text()
    result = run("axis_sa", "--cases", table, "--html", table.parent / "." / table.name)
    assert result.exit_code == 1
    assert "the report would replace the table of cases" in result.stderr
    assert table.read_text() == content
