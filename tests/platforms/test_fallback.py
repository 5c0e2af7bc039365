"""Layers that a description cannot map, estimated by a fitted model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import platforms
from acadl.errors import AcadlError
from mappings.layers import Layer
from mappings.network import Network
from platforms.command_group import cli
from platforms.estimators import Measurements, fit, write_model
from platforms.estimators.layer_table import from_layers
from platforms.estimators.model import Model
from platforms.estimators.sampling.random_layers import Space, draw
from platforms.fallback import cycles_per_unit

SOFTMAX = Layer(name="s", op="softmax", N=4, C=100, count=3)
NETWORK = Network(
    "mixed",
    (Layer(name="a", op="gemm", gemm_M=8, gemm_N=8, gemm_K=8), SOFTMAX),
    source="test",
)


def model(target: str) -> Model:
    """Of a device that takes 100 and one more for each element."""
    table = from_layers([*draw(Space(), 40, 1), SOFTMAX])
    latency = 100 + table.elements
    return fit("roofline", Measurements(table, latency, np.arange(len(table)), target))


def test_an_unmapped_layer_is_filled_in_where_it_stands() -> None:
    alone = platforms.estimate("axis_sa", NETWORK)
    assert [layer.name for layer in alone.unmapped] == ["s"]
    fitted = model("latency_us")
    filled = platforms.estimate("axis_sa", NETWORK, fallback=fitted)
    assert not filled.unmapped and [layer.name for layer in filled.layers] == ["a", "s"]
    expected = float(fitted.predict([SOFTMAX]).latency[0]) * 1e-6 * filled.clock_hz
    assert filled.layers[1].cycles == 3 * round(expected)
    assert filled.total_cycles == alone.total_cycles + filled.layers[1].cycles
    assert filled.layers[1].method == "estimator" and "confidence" in filled.layers[1].notes[0]
    assert filled.provenance["fallback_kind"] == "roofline"


def test_operators_without_measurements_are_guesses() -> None:
    table = from_layers(draw(Space(), 40, 1))
    fitted = fit("roofline", Measurements(table, 100 + table.elements, np.arange(40), "latency_us"))
    assert fitted.unmeasured([SOFTMAX]) == ("softmax",) and not fitted.unmeasured(draw(Space(), 2, 5))
    filled = platforms.estimate("axis_sa", NETWORK, fallback=fitted)
    assert any("fitted without layers of kind 'softmax'" in note for note in filled.notes)
    known = platforms.estimate("axis_sa", NETWORK, fallback=model("latency_us"))
    assert not any("fitted without" in note for note in known.notes)


def test_units_are_read_from_the_column() -> None:
    assert cycles_per_unit("total_cycles", 10**9) == 1
    assert cycles_per_unit("latency_ms", 10**9) == pytest.approx(10**6)
    with pytest.raises(AcadlError, match=r"'speed' says no unit: expected .* _us"):
        cycles_per_unit("speed", 10**9)


def test_the_command(tmp_path: Path) -> None:
    write_model(model("latency_cycles"), tmp_path / "m.json")
    table = tmp_path / "net.csv"
    table.write_text("layer,op,N,C,H,W,gemm_M,gemm_N,gemm_K\na,gemm,,,,,8,8,8\ns,softmax,4,100,,,,,\n")
    options = ["estimate", "axis_sa", "--network", str(table), "--json", "--fallback"]
    done = CliRunner().invoke(cli, [*options, str(tmp_path / "m.json")])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [layer["method"] for layer in found["layers"]] == ["exact", "estimator"]
    assert found["unmapped"] == []
    refused = CliRunner().invoke(cli, [*options, str(table)])
    assert refused.exit_code != 0 and "no JSON" in refused.output
