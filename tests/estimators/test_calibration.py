"""Free parameters that are fitted to measured cycles."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acadl.errors import AcadlError
from platforms.estimators.calibration import Free, calibrate
from tests.platforms.test_cli import acadl

TABLE = Path(__file__).parents[1] / "data" / "rtl" / "axis_sa" / "cycles_dev.csv"
SIZES = np.array([[3, 1], [5, 2], [40, 1], [7, 9], [100, 20]], float)


@settings(max_examples=40)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_a_linear_machine_is_found(latency: int, gap: int, start_latency: int, start_gap: int) -> None:
    def predict(values: Mapping[str, int]) -> np.ndarray:
        return 50 + SIZES @ np.array([values["latency"], values["gap"]])

    truth = {"latency": latency, "gap": gap}
    free = (Free("latency", 0, 60), Free("gap", 0, 60))
    found = calibrate(
        predict, predict(truth), free, {"latency": start_latency, "gap": start_gap}, budget=2000
    )
    assert found.mape <= found.start_mape and found.mape < 0.5
    assert found.complete
    for parameter in found.parameters:
        assert parameter.low <= parameter.value <= parameter.high


def test_what_cases_do_not_determine_is_said() -> None:
    def predict(values: Mapping[str, int]) -> np.ndarray:
        return 10 + SIZES[:, 0] * (values["a"] + values["b"]) + 0 * values["idle"]

    free = tuple(Free(name, 0, 30) for name in ("a", "b", "idle"))
    found = calibrate(predict, predict({"a": 8, "b": 4, "idle": 3}), free, {"a": 1, "b": 1, "idle": 2})
    a, b, idle = found.parameters
    assert a.value + b.value == 12 and found.mape == 0
    assert a.with_ == ("b",) and b.with_ == ("a",) and not a.identified and not b.identified
    assert not idle.identified and (idle.low, idle.high) == (0, 30) and not idle.with_


def test_a_budget_ends_the_search() -> None:
    found = calibrate(
        lambda values: np.array([1.0 + values["x"]]),
        np.array([500.0]),
        (Free("x", 0, 10**9),),
        {"x": 1},
        budget=3,
    )
    assert found.evaluations <= 4 and not found.complete and not found.parameters[0].identified


def test_nothing_to_fit_is_an_error() -> None:
    with pytest.raises(AcadlError, match="no parameter is free"):
        calibrate(lambda values: np.ones(1), np.ones(1), (), {})
    with pytest.raises(AcadlError, match="holds no value"):
        calibrate(lambda values: np.ones(1), np.ones(1), (Free("x", 3, 2),), {})


def test_the_command_finds_the_gap_of_the_hardware(tmp_path: Path) -> None:
    """Cases recorded with a gap of 3 between tiles, without the column that says so."""
    with TABLE.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if int(row["tile_gap"]) > 0]
    gap = rows[0]["tile_gap"]
    chosen = [row for row in rows if row["tile_gap"] == gap][:8]
    cases = tmp_path / "cases.csv"
    with cases.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(
            file, [name for name in chosen[0] if name != "tile_gap"], extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows(chosen)
    out = tmp_path / "found.json"
    run = acadl(
        "calibrate", "axis_sa", "--cases", str(cases), "--free", "tile_gap=0..30", "--json", "-o", str(out)
    )
    assert run.exit_code == 0, run.stderr
    found = json.loads(run.stdout)
    assert found == json.loads(out.read_text())
    (parameter,) = found["parameters"]
    assert parameter["value"] == int(gap) and found["mape"] == 0 and parameter["identified"]


@pytest.mark.parametrize(
    ("free", "message"),
    [
        ("tile_gap=x", "such as mem_latency=1..200"),
        ("tile_gat=0..3", "tile_gap"),
        ("tile_gap=4..3", "no value"),
    ],
)
def test_wrong_ranges_are_explained(free: str, message: str) -> None:
    run = acadl("calibrate", "axis_sa", "--cases", str(TABLE), "--where", "rows == 4", "--free", free)
    assert run.exit_code != 0 and message in run.stderr
