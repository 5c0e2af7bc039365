"""Fitting, predicting, intervals and files of estimators."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acadl.errors import AcadlError
from mappings import load_network
from platforms.estimators import fit, load_model, read_measurements, write_model
from platforms.estimators.analytic import Roofline, Step, efficiency, fit_roofline, nonnegative
from platforms.estimators.cross_validation import best_factor, errors, folds
from platforms.estimators.layer_table import LayerTable, from_layers
from platforms.estimators.measurements import Measurements, layers_of, read_table
from platforms.estimators.model import KINDS
from platforms.estimators.rooflines import Rooflines
from platforms.estimators.sampling.random_layers import Space, draw

HEADING = "op,c_in,c_out,h_in,w_in,k_h,k_w,stride,groups,latency_us,network"


def table_of(rows: list[str], folder: Path, heading: str = HEADING) -> Path:
    path = folder / "measured.csv"
    path.write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8")
    return path


def device(layers: LayerTable) -> np.ndarray:
    """A device: rooflines with steps of 16 output channels, and an overhead."""
    return Roofline(4000.0, 300.0, 5.0, {"f": Step(16, 1.0)}).latency(layers)


@pytest.fixture
def measured(tmp_path: Path) -> Measurements:
    rng = np.random.default_rng(3)
    rows = []
    for i in range(240):
        c, k, h = rng.integers(8, 200), rng.integers(8, 200), rng.integers(7, 60)
        kernel = rng.choice([1, 3, 5])
        rows.append(f"conv,{c},{k},{h},{h},{kernel},{kernel},1,1,1,net{i % 12}")
    found = read_measurements(table_of(rows, tmp_path), "latency_us")
    return Measurements(found.layers, device(found.layers), found.groups, "latency_us", found.source)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_survives_its_file(kind: str, measured: Measurements, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    model = fit(kind, measured)
    write_model(model, tmp_path / "model.json")
    again = load_model(tmp_path / "model.json")
    for before, after in zip(
        (model.predict(measured.layers).latency, model.predict(measured.layers).lower),
        (again.predict(measured.layers).latency, again.predict(measured.layers).lower),
        strict=True,
    ):
        assert np.array_equal(before, after)
    assert again.kind == kind and again.provenance == model.provenance and again.errors == model.errors
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_the_refined_roofline_finds_the_device(measured: Measurements) -> None:
    found = fit_roofline(measured.layers, measured.latency, refined=True)
    assert np.max(np.abs(found.latency(measured.layers) / measured.latency - 1)) < 1e-6
    assert found.steps["f"] == Step(16, 1.0)
    assert found.peak == pytest.approx(4000) and found.overhead == pytest.approx(5)


def test_auto_takes_what_errs_least(measured: Measurements) -> None:
    pytest.importorskip("sklearn")
    model = fit("auto", measured)
    assert model.kind in ("refined_roofline", "stepwise")  # the device is one, and nearly the other
    assert model.errors.median < 1e-9 and model.errors.mape < 1  # few layers are bound by elements


def test_intervals_cover_what_they_promise(measured: Measurements) -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(11)
    noisy = Measurements(
        measured.layers,
        measured.latency * np.exp(rng.normal(0, 0.1, len(measured))),
        np.arange(len(measured)),
        "latency_us",
    )
    part = np.arange(len(noisy)) % 2 == 0
    covered = []
    for chosen in (part, ~part):
        prediction = fit("mixed", noisy.rows(chosen)).predict(noisy.layers.rows(~chosen))
        truth = noisy.latency[~chosen]
        covered.append((truth >= prediction.lower) & (truth <= prediction.upper))
    assert 0.82 < float(np.concatenate(covered).mean()) < 0.97


def test_a_network_is_the_sum_of_its_layers(measured: Measurements) -> None:
    model = fit("refined_roofline", measured)
    network = load_network("resnet18")
    whole, each = model.predict_network(network), model.predict(network)
    counts = [layer.count for layer in network.layers]
    assert whole.latency == pytest.approx(float(np.dot(each.latency, counts)))
    assert whole.lower <= whole.latency <= whole.upper


@pytest.mark.parametrize(("together", "alone"), [(0.0, 0.2), (0.1, 0.1), (0.15, 0.05)])
def test_bounds_of_networks_know_that_errors_go_together(together: float, alone: float) -> None:
    """Networks are off as a whole, their layers besides; what of each is found in the measurements."""
    inside = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(60), 12)
        table = from_layers(draw(Space(channels=(8, 256), image=(7, 56)), len(groups), seed))
        off = rng.normal(0, together, 60)[groups] + rng.normal(0, alone, len(groups))
        latency = (1000 + table.operations / 64 + table.elements / 8) * np.exp(off)
        known = groups < 40
        measured = Measurements(table.rows(known), latency[known], groups[known], "latency_us")
        model = fit("refined_roofline", measured)
        for network in range(40, 60):
            mine = groups == network
            whole = model.predict_network(table.rows(mine))
            inside.append(whole.lower <= latency[mine].sum() <= whole.upper)
    assert 0.83 <= np.mean(inside) <= 0.99


@given(st.lists(st.floats(0.2, 5), min_size=1, max_size=30), st.floats(0.3, 3))
def test_no_other_factor_has_a_smaller_mean_error(ratios: list[float], other: float) -> None:
    predicted, truth = np.array(ratios), np.ones(len(ratios))
    best = best_factor(predicted, truth)
    assert errors(best * predicted, truth).mape <= errors(other * predicted, truth).mape + 1e-9


@given(st.integers(1, 40), st.integers(2, 6), st.integers(0, 5))
def test_folds_keep_groups_together(names: int, count: int, seed: int) -> None:
    groups = np.random.default_rng(seed).integers(0, names, 200)
    fold = folds(groups, count, seed)
    for name in np.unique(groups):
        assert len(np.unique(fold[groups == name])) == 1
    assert len(np.unique(fold)) == min(count, len(np.unique(groups)))


def test_least_squares_agree_with_an_exhaustive_grid() -> None:
    rng = np.random.default_rng(0)
    rows, wanted = rng.random((3, 20)), rng.random(20)
    found = nonnegative(rows, wanted)
    assert np.all(found >= 0)
    error = np.sum((found @ rows - wanted) ** 2)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1.5, 16)] * 3), -1).reshape(-1, 3)
    assert error <= np.min(np.sum((grid @ rows - wanted) ** 2, axis=1)) + 1e-12


def test_efficiency_on_both_sides_of_a_step(tmp_path: Path) -> None:
    rows = [f"conv,8,{k},8,8,1,1,1,1,1,n" for k in (15, 16, 17, 32)]
    layers = layers_of(read_table(table_of(rows, tmp_path)))
    full = efficiency(layers, {"f": Step(16, 1.0)})
    assert full == pytest.approx([15 / 16, 1, 17 / 32, 1])
    half = efficiency(layers, {"f": Step(16, 0.5)})
    assert half[2] == pytest.approx(1 / (0.5 + 0.5 * 32 / 17))
    assert efficiency(layers, {"f": Step(16, 1.0, replicates=True)})[0] == 1


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("conv,8,x,8,8,1,1,1,1,1,n", "line 2: 'c_out' is no number: 'x'"),
        ("conv,8,-4,8,8,1,1,1,1,1,n", "line 2: 'c_out' is negative"),
        ("conv,8,inf,8,8,1,1,1,1,1,n", "line 2: 'c_out' is inf, not a finite number"),
        ("conv,8,4", "line 2: 3 cells, the heading has 11"),
        ("conv,8,4,8,8,1,1,1,1,0,n", "no row with a positive 'latency_us'"),
    ],
)
def test_bad_rows_are_named(row: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(AcadlError, match="measured") as caught:
        read_measurements(table_of([row], tmp_path), "latency_us")
    assert expected in str(caught.value)


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    path = table_of(["conv,8,4,8,8,1,1,1,1,1,n"], tmp_path)
    with pytest.raises(AcadlError, match="did you mean 'latency_us'"):
        read_measurements(path, "latency_ms")
    with pytest.raises(AcadlError, match="no column 'networks' to choose rows by"):
        read_measurements(path, "latency_us", where="networks=n")
    with pytest.raises(AcadlError, match="no row for which network=other"):
        read_measurements(path, "latency_us", where="network=other")
    with pytest.raises(AcadlError, match="no column says what the rows are"):
        read_measurements(table_of(["1,2"], tmp_path, "speed,latency_us"), "latency_us")


def test_damaged_model_files_are_refused(measured: Measurements, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    path = tmp_path / "model.json"
    write_model(fit("mixed", measured), path)
    sound = json.loads(path.read_text())

    def refused(change: dict[str, object], match: str) -> None:
        path.write_text(json.dumps({**sound, **change}))
        with pytest.raises(AcadlError, match=match):
            load_model(path)

    refused({"schema": "acadl-estimator/9"}, "no model file of acadl")
    refused({"network_factor": -1}, "network_factor")
    estimator = sound["estimator"]
    refused({"estimator": {**estimator, "forest": {**estimator["forest"], "left": "AAAA"}}}, "'left'")
    refused(
        {"estimator": {**estimator, "forest": {**estimator["forest"], "features": 3}}},
        "do not hold together|features",
    )
    path.write_text("{")
    with pytest.raises(AcadlError, match="line 1, column 2"):
        load_model(path)


def test_other_operators_get_the_common_roofline(measured: Measurements) -> None:
    estimator = fit("roofline", measured).estimator
    assert isinstance(estimator, Rooflines)
    network = load_network("alexnet")
    assert np.all(fit("roofline", measured).predict(network).latency > 0)
