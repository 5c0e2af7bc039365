"""A case given on the command line is what a row of a table is."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import platforms
from platforms.command_group import cli

SIZES = {"M": 16, "N": 16, "K": 32}
TRACE = Path(__file__).parents[1] / "data" / "rtl" / "axis_sa" / "trace_8x8_16x16x32_in2_out1.csv"


def run(command: str, *args: object, **case: object) -> Result:
    cells = [part for name, value in {**SIZES, **case}.items() for part in ("--case", f"{name}={value}")]
    return CliRunner().invoke(cli, [command, "axis_sa", *map(str, args), *cells])


@pytest.mark.parametrize("settings", [("--set", "rows=8"), ("--set", "rows=4"), ()])
def test_a_column_with_the_name_of_a_parameter_sets_it(settings: tuple[str, ...], tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("rows,cols,in_period,M,N,K,cycles\n8,8,2,16,16,32,1\n")
    (row,) = platforms.validate("axis_sa", table).cases
    result = run("run", *settings, rows=8, cols=8, in_period=2)
    assert result.exit_code == 0 and not result.stderr
    assert f": {row.predicted:,} cycles" in result.stdout
    compared = run("compare", TRACE, *settings, rows=8, cols=8, in_period=2)
    assert compared.exit_code == 0 and "every event agrees to the cycle" in compared.stdout


def test_a_column_that_nobody_reads_is_named() -> None:
    result = run("run", in_perod=2)
    assert result.exit_code == 0
    assert "does not depend on in_perod" in result.stderr and "did you mean 'in_period'?" in result.stderr
    compared = run("compare", TRACE, "--until", 10, rows=8, cols=8, in_period=2, other=1)
    assert compared.exit_code == 0 and "does not depend on other" in compared.stderr


def test_a_value_that_no_parameter_has_is_an_error() -> None:
    result = run("run", rows="many")
    assert result.exit_code == 1 and "parameter 'rows' cannot be 'many'" in result.stderr
