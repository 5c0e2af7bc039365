"""GPTQ: what rounding that makes up for its errors must do."""

from __future__ import annotations

import numpy as np
import pytest

from acadl.errors import AcadlError
from mappings.compression.gptq import gptq
from mappings.compression.quantizer import Scheme, levels, quantize


def correlated(random: np.random.Generator, tokens: int, width: int) -> np.ndarray:
    found: np.ndarray = random.normal(size=(tokens, width)) @ random.normal(size=(width, width))
    return found


def error(quantized: np.ndarray, weights: np.ndarray, x: np.ndarray) -> float:
    return float(np.mean((x @ (quantized - weights).T) ** 2))


@pytest.mark.parametrize("scheme", [Scheme(3, 16), Scheme(4, 0), Scheme(3, 32, symmetric=True)])
def test_products_with_correlated_inputs_change_less(scheme: Scheme) -> None:
    random = np.random.default_rng(0)
    weights, x = random.normal(size=(12, 50)), correlated(random, 500, 50)
    found = gptq(weights, x, scheme)
    low, high = levels(scheme)
    assert found.values.min() >= low and found.values.max() <= high
    assert found.scales.shape == (12, scheme.groups(50))
    assert error(found.weights, weights, x) < 0.6 * error(quantize(weights, scheme).weights, weights, x)


def test_inputs_that_know_nothing_of_each_other_leave_rounding_to_nearest() -> None:
    random = np.random.default_rng(1)
    weights = random.normal(size=(6, 24))
    found, nearest = gptq(weights, np.eye(24), Scheme(3, 8)), quantize(weights, Scheme(3, 8))
    assert np.array_equal(found.values, nearest.values)
    assert np.allclose(found.scales, nearest.scales) and np.array_equal(found.zeros, nearest.zeros)


def test_what_a_column_loses_goes_to_its_twin() -> None:
    """Two inputs that are always alike: only the sum of their weights counts."""
    x = np.random.default_rng(2).normal(size=(100, 1)) @ np.ones((1, 2))
    weights = np.array([[0.4, 0.4], [0.0, 15.0]])  # the second row's steps are 1
    found = gptq(weights[:1], x, Scheme(2, 0)).weights
    assert abs(found.sum() - 0.8) <= abs(quantize(weights[:1], Scheme(2, 0)).weights.sum() - 0.8) + 1e-9
    both = np.array([[7.4, 7.4, 15.0]])
    third = np.concatenate([x, np.random.default_rng(3).normal(size=(100, 1))], axis=1)
    assert gptq(both, third, Scheme(4, 0), damping=1e-6).weights.tolist() == [[7.0, 8.0, 15.0]]


def test_inputs_that_are_always_zero_do_no_harm() -> None:
    random = np.random.default_rng(4)
    weights, x = random.normal(size=(5, 20)), correlated(random, 100, 20)
    x[:, [0, 7]] = 0
    found = gptq(weights, x, Scheme(4, 8))
    assert np.all(np.isfinite(found.weights))
    assert np.all(np.isfinite(gptq(weights, np.zeros((10, 20)), Scheme(4, 8)).weights))


def test_inputs_have_to_fit() -> None:
    with pytest.raises(AcadlError, match=r"shape \(3, 4\) do not fit weights of 5 inputs"):
        gptq(np.zeros((2, 5)), np.zeros((3, 4)), Scheme())
