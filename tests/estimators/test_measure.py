"""Targets, tables of measurements that go on, layers drawn at random."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import aidg
import mappings
import platforms
from acadl.errors import AcadlError
from mappings.layers import Layer, layer_problems
from platforms.estimators.layer_table import from_layers
from platforms.estimators.measurements import read_measurements
from platforms.estimators.record import record
from platforms.estimators.representatives import Representatives
from platforms.estimators.sampling.random_layers import Space, draw
from platforms.estimators.targets import CallableTarget, PlatformTarget, RecordedTarget, Timing, timing_of
from tests.platforms.test_cli import acadl

LAYERS = draw(Space(channels=(1, 40), image=(3, 12)), 6, seed=3)


class Counting:
    """A target that counts its measurements and stops after some."""

    unit = "cycles"

    def __init__(self, stop_after: int | None = None) -> None:
        self.measured: list[str] = []
        self.stop_after = stop_after

    def measure(self, layer: Layer) -> Timing:
        if self.stop_after is not None and len(self.measured) == self.stop_after:
            raise KeyboardInterrupt
        self.measured.append(layer.name)
        return Timing(float(layer.macs) if layer.C > 1 else float("nan"))


def test_an_interrupted_table_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with pytest.raises(KeyboardInterrupt):
        record(Counting(stop_after=2), LAYERS, path)
    with path.open("a", encoding="utf-8") as file:
        file.write("layer9,conv,1,2")  # a line that was cut off
    rest = Counting()
    assert record(rest, LAYERS, path)[0] == len(LAYERS) - 2
    assert rest.measured == [layer.name for layer in LAYERS[2:]]
    assert record(Counting(stop_after=0), LAYERS, path) == (0, 0)
    once = tmp_path / "once.csv"
    record(Counting(), LAYERS, once)
    assert path.read_text() == once.read_text()
    assert len(read_measurements(once, "latency_cycles")) == len([la for la in LAYERS if la.C > 1])


def test_another_table_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(AcadlError, match="no table of measurements of this target"):
        record(Counting(), LAYERS, path)
    assert path.read_text() == "a,b\n1,2\n"


def test_a_platform_is_measured_in_its_cycles(tmp_path: Path) -> None:
    arch = platforms.load("systolic_array")
    for layer in LAYERS[:3]:
        exact = aidg.estimate(arch, mappings.map_layer(layer, arch)).cycles
        assert PlatformTarget(arch).measure(layer) == Timing(exact)
    path = tmp_path / "data.csv"
    record(PlatformTarget(arch), LAYERS[:3], path)
    recorded = RecordedTarget(read_measurements(path, "latency_cycles"), "cycles")
    assert recorded.measure(LAYERS[1]).latency == PlatformTarget(arch).measure(LAYERS[1]).latency
    assert np.isnan(recorded.measure(LAYERS[5]).latency)


def test_live_targets_take_the_median_after_warming_up() -> None:
    ticks = iter(np.cumsum([0, 9, 0, 1, 0, 1, 0, 5, 0, 1]).astype(float))
    calls: list[str] = []
    target = CallableTarget(
        lambda layer: lambda: calls.append(layer.name), repeats=5, warm_up=2, clock=lambda: next(ticks)
    )
    timing = target.measure(LAYERS[0])
    assert timing.latency == 1 and timing.repeats == 5 and len(calls) == 7
    assert np.isnan(CallableTarget(lambda layer: None).measure(LAYERS[0]).latency)


def test_noise_is_that_of_a_normal_distribution() -> None:
    times = 100 * (1 + 0.02 * np.random.default_rng(0).standard_normal(4000))
    assert timing_of(times).noise == pytest.approx(0.02, rel=0.1)


@given(st.sampled_from(["conv", "dwconv", "conv1d", "gemm"]), st.integers(1, 20), st.integers(0, 9))
def test_drawn_layers_make_sense(op: str, width: int, seed: int) -> None:
    widths = {"c_in": width, "c_out": width, "h_out": 2, "m": 3}
    layers = draw(Space(op, (1, 64), (1, 20), widths=widths), 8, seed)
    assert layers == draw(Space(op, (1, 64), (1, 20), widths=widths), 8, seed)
    assert not [problem for layer in layers for problem in layer_problems(layer)]
    table = from_layers(layers)
    stepping = {"c_in": width, "c_out": width, "m": 3} if op == "gemm" else {**widths, "m": 1}
    if op == "conv1d":
        stepping["h_out"] = 1
    raised = Representatives({op: stepping}).of(table)
    for name in ("m", "c_in", "c_out", "groups", "h_out", "w_out"):
        assert np.array_equal(raised[name], table[name])


def test_the_command_measures_fits_and_predicts(tmp_path: Path) -> None:
    data, model = tmp_path / "data.csv", tmp_path / "model.json"
    run = acadl(
        "measure",
        "systolic_array",
        "--sample",
        "40",
        "--channels",
        "64",
        "--image",
        "20",
        "-o",
        str(data),
        "--json",
    )
    assert run.exit_code == 0, run.stderr
    assert json.loads(run.stdout)["measured"] == 40
    target = ("--target", "latency_cycles")
    assert acadl("fit", "stepwise", str(data), *target, "-o", str(model)).exit_code == 0
    predicted = json.loads(acadl("predict", str(model), str(data), *target, "--json").stdout)
    assert len(predicted["rows"]) == 40 and predicted["mape"] < 60
    plain = json.loads(acadl("predict", str(model), str(data), "--json").stdout)
    assert [r["predicted"] for r in plain["rows"]] == [r["predicted"] for r in predicted["rows"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("measure", "systolic_array", "-o", "x.csv"), "either --network NET or --sample N"),
        (("measure", "torchx", "--sample", "2", "-o", "x.csv"), "torchx"),
        (("measure", "oma", "--sample", "2", "--representative", "k=3", "-o", "x.csv"), "such as c_out=16"),
        (("fit", "mixt", "README.md", "-t", "x", "-o", "m.json"), "README.md"),
        (("predict", "README.md", "README.md"), "no JSON"),
    ],
)
def test_wrong_use_is_explained(arguments: tuple[str, ...], message: str) -> None:
    run = acadl(*arguments)
    assert run.exit_code != 0 and message in run.stderr and "Traceback" not in run.stderr
