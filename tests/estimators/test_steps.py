"""Step functions found by few measurements."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platforms.estimators.sampling.nested_search import search_nested
from platforms.estimators.sampling.step_search import search
from platforms.estimators.steps import StepFunction


@settings(max_examples=60)
@given(st.integers(8, 256), st.floats(0.5, 20), st.floats(0.5, 5))
def test_exact_steps_are_found_in_twenty_measurements(width: int, base: float, height: float) -> None:
    truth = StepFunction(width, base, height)
    found = search(lambda x: float(truth(np.array([float(x)]))[0]))
    assert found.width == width
    assert len(found.points.x) <= 20
    sizes = np.arange(1.0, 1025.0)
    assert np.allclose(found.function(sizes), truth(sizes), rtol=1e-6)


def test_noisy_steps_are_found_or_left_open() -> None:
    random = np.random.default_rng(7)
    right = wrong = 0
    for case in range(60):
        width, base = int(random.integers(8, 257)), float(random.uniform(1, 20))
        height, noise = float(random.uniform(0.5, 5)), np.random.default_rng(case)

        def measure(
            x: int,
            width: int = width,
            base: float = base,
            height: float = height,
            noise: np.random.Generator = noise,
        ) -> float:
            return (base + (x - 1) // width * height) * (1 + 0.02 * noise.normal())

        found = search(measure, noise=0.02)
        right += found.width == width
        wrong += found.width not in (width, None)
    assert wrong <= 3 and right >= 54


@settings(max_examples=150)
@given(
    st.integers(1, 700),
    st.floats(1e-3, 100),
    st.floats(0, 100),
    st.sampled_from([1, 2, 3, 17, 64, 1024]),
    st.sampled_from([0.0, 0.01, 0.1]),
    st.integers(0, 99),
)
def test_no_function_breaks_the_search(
    width: int, base: float, height: float, largest: int, noise: float, seed: int
) -> None:
    random = np.random.default_rng(seed)

    def measure(x: int) -> float:
        return (base + (x - 1) // width * height) * max(1 + noise * random.normal(), 0.1)

    found = search(measure, noise=noise, largest=largest)
    assert len(found.points.x) <= 48 and np.all((found.points.x >= 1) & (found.points.x <= largest))
    if noise == 0 and found.width is not None:
        sizes = np.arange(1.0, largest + 1)
        truth = base + np.floor((sizes - 1) / width) * height
        assert np.max(np.abs(found.function(sizes) / truth - 1)) < 1e-3


def test_a_flat_function_has_no_width() -> None:
    found = search(lambda x: 5.0)
    assert found.width is None and found.function.height == 0


def test_a_measurement_must_be_positive() -> None:
    with pytest.raises(ValueError, match="size 1 is 0"):
        search(lambda x: 0.0)


@settings(max_examples=40)
@given(
    st.integers(8, 256),
    st.integers(8, 256),
    st.floats(0, 9),
    st.floats(0.1, 3),
    st.floats(0.1, 3),
    st.floats(0.1, 3),
)
def test_nested_steps_are_found(
    rows: int, columns: int, base: float, by_row: float, by_column: float, by_both: float
) -> None:
    def measure(x: int, y: int) -> float:
        i, j = (x - 1) // rows, (y - 1) // columns
        return 1 + base + by_row * i + by_column * j + by_both * i * j

    found = search_nested(measure)
    assert (found.x.width, found.y.width) == (rows, columns)
    assert len(found.x.points.x) <= 20 and len(found.y.points.x) <= 20
    for x, y in ((1, 1), (rows, columns), (rows + 1, columns), (1024, 1024), (3 * rows, 2 * columns + 1)):
        assert found.function(x, y) == pytest.approx(measure(x, y), rel=1e-5)
