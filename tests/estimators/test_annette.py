"""The refined roofline with ANNETTE's shipped parameters gives ANNETTE's estimates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.layers import Layer
from platforms.estimators.analytic import Roofline, Step
from platforms.estimators.layer_table import from_layers
from platforms.estimators.measurements import read_measurements

DATA = Path(__file__).parents[1] / "data" / "estimators" / "annette_conv.csv"

# Shipped parameters: operations and bytes per second, unrolled widths and their alpha. Milliseconds here; the
# DPU computes with one byte an element, the NCS2 with two.
MODELS = {
    "dnndk-ref_roofline": Roofline(
        1.17349e9,
        1.5110e7,
        0.0,
        {"c": Step(16, 1.0, True), "f": Step(16, 0.8813, True), "h": Step(8, 0.4859, True)},
    ),
    "ncs2-ref_roofline": Roofline(
        3.1954e8,
        5.6794e6 / 2,
        0.0,
        {"c": Step(32, 0.1458, True), "f": Step(32, 0.7047, True)},
    ),
}


@pytest.mark.parametrize("model", MODELS)
def test_convolutions_take_what_annette_says(model: str) -> None:
    measured = read_measurements(DATA, "time_ms", where=f"model={model}")
    found = MODELS[model].latency(measured.layers)
    assert len(measured) > 100
    # the parameters are printed with five digits, the times in whole nanoseconds
    assert np.all(np.abs(found - measured.latency) <= 5.1e-7 + 1e-4 * measured.latency)


@given(
    st.tuples(*[st.integers(1, 300)] * 3, st.sampled_from([1, 3, 5])),
    st.tuples(*[st.integers(1, 64)] * 3),
    st.tuples(*[st.floats(0, 1)] * 3),
    st.booleans(),
)
def test_the_formula_in_plain_arithmetic(
    sizes: tuple[int, int, int, int],
    widths: tuple[int, int, int],
    alphas: tuple[float, float, float],
    replicates: bool,
) -> None:
    c, f, h, k = sizes
    layer = Layer(name="c", op="conv", C=c, K=f, H=h, W=h, R=k, S=k, pad_h=k // 2, pad_w=k // 2)
    steps = {
        letter: Step(width, alpha, replicates)
        for letter, width, alpha in zip("cfh", widths, alphas, strict=True)
    }
    found = Roofline(1000.0, 40.0, 2.0, steps).latency(from_layers([layer]))[0]
    operations = 2 * c * f * k * k * h * h
    moved = c * h * h + f * h * h + c * f * k * k
    expected = max(operations / 1000, moved / 40)
    if operations / 1000 > moved / 40:
        for size, width, alpha in zip((c, f, h), widths, alphas, strict=True):
            used = size / (-(-size // width) * width)
            if not (replicates and size < width):
                expected /= 1 / ((1 - alpha) + alpha / used)
    assert found == pytest.approx(2 + expected, rel=1e-9)
