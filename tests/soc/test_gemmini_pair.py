"""Two Gemmini cores on one memory against their RTL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from aidg.compiled import is_available
from platforms import validate
from platforms.command_group import cli

CASES = Path(__file__).parents[1] / "data" / "rtl" / "gemmini_pair" / "cycles_dev.csv"
SMALL = "pair == 'tiny' or pair == 'random361' or pair == 'prodcons_wreuse' and mem_latency == 10"


def test_small_pairs_are_near() -> None:
    report = validate("gemmini_pair", CASES, where=SMALL)
    assert not report.failed
    assert len(report.cases) >= 8
    assert report.mape <= 3
    assert report.max_error_percent <= 12
    assert report.unused == ()


@pytest.mark.slow
@pytest.mark.skipif(not is_available(), reason="needs compiled code")
def test_all_pairs_are_near() -> None:
    report = validate("gemmini_pair", CASES)
    assert len(report.cases) == 376
    assert report.mape <= 0.8
    assert report.max_error_percent <= 10


def test_a_row_is_a_case_for_each_core(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli, ["validate", "gemmini_pair", "--cases", str(CASES), "--where", SMALL.split(" or ")[0], "--json"]
    )
    found = json.loads(done.stdout)
    assert {case["case"] for case in found["cases"]} == {"tiny:0", "tiny:1"}
    assert found["cases"][0]["measured"] > 0


@pytest.mark.parametrize(
    ("setting", "message"),
    [("arbitraton=rr", "did you mean 'arbitration'"), ("mem_latency=fast", "mem_latency")],
)
def test_wrong_settings_are_named(tmp_path: Path, setting: str, message: str) -> None:
    rows = "pair,variant0,M0,N0,K0,variant1,M1,N1,K1,together0,together1\n"
    rows += "p,tile,16,16,16,tile,16,16,16,200,200\n"
    cases = tmp_path / "cases.csv"
    cases.write_text(rows)
    done = CliRunner().invoke(cli, ["validate", "gemmini_pair", "--cases", str(cases), "--set", setting])
    assert done.exit_code == 1
    assert message in done.stderr


def test_a_changed_copy_is_validated_by_its_path(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "platforms" / "systems" / "gemmini_pair.acadl"
    own = tmp_path / "own.acadl"
    where = "pair == 'tiny'"
    own.write_text(shipped.read_text().replace("platform gemmini_pair", "platform own"))
    same, usual = (validate(source, CASES, where=where) for source in (str(own), "gemmini_pair"))
    assert same.architecture == "own" and usual.architecture == "gemmini_pair"
    assert [case.predicted for case in same.cases] == [case.predicted for case in usual.cases]
    own.write_text(
        own.read_text().replace("mem_latency: mem_latency, cycles", "mem_latency: 9 * mem_latency, cycles")
    )
    slower = validate(str(own), CASES, where=where)
    assert all(a.predicted > b.predicted for a, b in zip(slower.cases, usual.cases, strict=True))


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("mem_latency: int = 10", "mem_latency: int = 0", "the least value is 1"),
        ('"percore"', '"somehow"', "expected percore or fifo"),
        (
            "second: gemmini(",
            "third: gemmini(dim: 8), third.memory <=> memory\n    second: gemmini(",
            "needs two cores",
        ),
        ("second: gemmini(", "second: gemini(", "there is no architecture 'gemini'"),
    ],
)
def test_what_is_no_pair_is_refused(right: str, wrong: str, message: str, tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "platforms" / "systems" / "gemmini_pair.acadl"
    text = shipped.read_text()
    assert right in text
    (tmp_path / "own.acadl").write_text(text.replace(right, wrong, 1))
    done = CliRunner().invoke(cli, ["check", str(tmp_path / "own.acadl")])
    assert done.exit_code == 1 and message in done.stderr


def test_networks_do_not_run_on_a_pair() -> None:
    done = CliRunner().invoke(cli, ["simulate", "gemmini_pair", "--network", "alexnet"])
    assert done.exit_code == 1 and "no system 'gemmini_pair' ships" not in done.stderr
    assert "networks run on a `dram`" in done.stderr
