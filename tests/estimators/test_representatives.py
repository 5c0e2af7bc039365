"""Representatives, the search for their widths, and step-wise terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np
import pytest

import platforms
from mappings.layers import Layer
from platforms.estimators import EstimatorError, Measurements, fit, load_model, write_model
from platforms.estimators.layer_table import from_layers
from platforms.estimators.model_file import model_from_dict, model_to_dict
from platforms.estimators.representatives import Representatives
from platforms.estimators.sampling.flat_steps import find_widths
from platforms.estimators.sampling.random_layers import Space, draw, representative
from platforms.estimators.targets import PlatformTarget, Timing


@dataclass
class Stepped:
    """A machine that works on ``row`` elements of a kernel row and ``columns`` output channels at a time."""

    row: int
    columns: int
    noise: float = 0.0
    unit: str = "cycles"

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(0)

    def measure(self, layer: Layer) -> Timing:
        work = layer.R * ceil(layer.S * layer.C / self.row) * ceil(layer.K / self.columns)
        latency = 40 + 3.0 * work * layer.OH * layer.OW + 7 * layer.OH
        return Timing(latency * float(np.exp(self.random.normal(0, self.noise))), self.noise)


@pytest.mark.parametrize(("row", "columns"), [(16, 16), (8, 12), (1, 30), (20, 1)])
def test_widths_are_found_of_a_machine_that_steps_in_kernel_rows(row: int, columns: int) -> None:
    found = find_widths(Stepped(row, columns), draw(Space(image=(7, 30)), 80, 1))
    assert found.widths.get("kernel_row", 1) == row
    assert found.widths.get("c_out", 1) == columns
    assert "h_out" not in found.widths and "w_out" not in found.widths
    assert found.measured < 600


def test_noise_that_hides_the_steps_is_reported() -> None:
    found = find_widths(Stepped(16, 16, noise=0.3), draw(Space(image=(7, 30)), 40, 1))
    assert "c_out" in found.unsure


@pytest.mark.parametrize("name", ["vta", "ultratrail"])
def test_representatives_of_described_platforms_take_as_long(name: str) -> None:
    space = Space(channels=(1, 40), image=(7, 12), kernels=(1, 3))
    if name == "ultratrail":
        space = Space("conv1d", channels=(1, 40), image=(9, 24))
    target, layers = PlatformTarget(platforms.load(name)), draw(space, 30, 2)
    found = find_widths(target, layers)
    width = 16 if name == "vta" else 8
    assert found.widths["c_in"] == found.widths["c_out"] == width
    for layer in draw(space, 6, 9):  # others than those that the widths were found with
        raised = representative(layer, found.widths)
        table = Representatives({"": found.widths}).of(from_layers([layer]))
        assert (table["c_in"][0], table["c_out"][0]) == (raised.C, raised.K)
        assert target.measure(raised).latency == pytest.approx(target.measure(layer).latency, rel=0.01)


def test_a_kernel_row_is_raised_as_far_as_it_stays_in_its_step() -> None:
    layers = [replace(layer, groups=1) for layer in draw(Space(), 200, 4)]
    raised = Representatives({"": {"kernel_row": 16}}).of(from_layers(layers))
    for layer, c_in in zip(layers, raised["c_in"], strict=True):
        steps = ceil(layer.S * layer.C / 16)
        assert c_in >= layer.C
        if c_in > layer.C:
            assert ceil(layer.S * c_in / 16) == steps
        assert ceil(layer.S * (c_in + 1) / 16) > steps
        assert c_in == representative(layer, {"kernel_row": 16}).C


def _measured(count: int, seed: int) -> Measurements:
    layers, target = draw(Space(image=(7, 40)), count, seed), Stepped(16, 8)
    table = from_layers(layers)
    latency = np.array([target.measure(layer).latency for layer in layers])
    return Measurements(table, latency, np.arange(count), "cycles")


def test_terms_find_the_formula_of_a_machine() -> None:
    pytest.importorskip("scipy")
    from platforms.estimators.terms import fit_terms

    measured, others = _measured(400, 1), _measured(200, 2)
    terms = fit_terms(measured.layers, measured.latency)
    assert terms.latency(others.layers) == pytest.approx(others.latency, rel=0.02)


def test_known_widths_and_a_model_file(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    known = Representatives({"": {"kernel_row": 16, "c_out": 8}})
    measured, others = _measured(100, 1), _measured(60, 2)
    model = fit("pr", measured, known=known)
    assert model.errors.mape < 2
    write_model(model, tmp_path / "model.json")
    again = load_model(tmp_path / "model.json")
    assert np.array_equal(model.predict(others.layers).latency, again.predict(others.layers).latency)


def test_terms_in_a_file_are_checked() -> None:
    pytest.importorskip("sklearn")
    model = fit("pr", _measured(100, 1), known=Representatives({"": {"c_out": 8}}))
    data = model_to_dict(model)
    assert data["estimator"]["terms"] is not None
    data["estimator"]["terms"][""][0]["sizes"] = {"nonsense": 4}
    with pytest.raises(EstimatorError, match="no sizes of terms: nonsense"):
        model_from_dict(data)
    data["estimator"]["terms"] = {"": []}
    with pytest.raises(EstimatorError, match="a factor above 0"):
        model_from_dict(data)
