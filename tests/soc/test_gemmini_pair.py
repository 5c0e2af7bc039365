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
