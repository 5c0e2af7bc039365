"""Group quantization: what every weight keeps, and the corners of groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from acadl.errors import AcadlError
from mappings.compression.quantizer import Scheme, error_bound, levels, quantize

SCHEMES = st.builds(
    Scheme, bits=st.integers(2, 8), group=st.sampled_from([0, 1, 4, 7, 128]), symmetric=st.booleans()
)
WEIGHTS = st.tuples(st.integers(1, 5), st.integers(1, 40)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(-1000, 1000))
)


@given(WEIGHTS, SCHEMES)
def test_no_weight_is_farther_off_than_the_bound(weights: np.ndarray, scheme: Scheme) -> None:
    found = quantize(weights, scheme)
    low, high = levels(scheme)
    assert found.values.min() >= low and found.values.max() <= high
    assert found.scales.shape == (len(weights), scheme.groups(weights.shape[1]))
    bound = np.repeat(error_bound(found), scheme.group or weights.shape[1], axis=1)[:, : weights.shape[1]]
    assert np.all(np.abs(found.weights - weights) <= bound * (1 + 1e-9) + 1e-12)


@given(WEIGHTS, SCHEMES)
def test_zero_stays_zero(weights: np.ndarray, scheme: Scheme) -> None:
    weights[:, 0] = 0
    assert np.all(quantize(weights, scheme).weights[:, 0] == 0)


@given(WEIGHTS, SCHEMES)
def test_quantized_weights_are_quantized_to_themselves(weights: np.ndarray, scheme: Scheme) -> None:
    once = quantize(weights, scheme).weights
    found = quantize(once, scheme)
    step = np.repeat(found.scales, scheme.group or weights.shape[1], axis=1)[:, : weights.shape[1]]
    # ends of the range are met exactly, so that a second time changes nothing but by rounding
    assert np.all(np.abs(found.weights - once) <= 0.5 * step + 1e-12)


def test_a_group_on_one_side_of_zero_does_not_saturate() -> None:
    weights = np.linspace(5, 6, 8)[None, :]
    for sign in (1, -1):
        found = quantize(sign * weights, Scheme(4, 8)).weights
        assert np.max(np.abs(found - sign * weights)) <= 6 / 15 / 2 + 1e-12


@pytest.mark.parametrize("value", [0.0, 1e-9, 3.0, -3.0])
@pytest.mark.parametrize("symmetric", [False, True])
def test_constant_groups(value: float, symmetric: bool) -> None:
    found = quantize(np.full((2, 8), value), Scheme(4, 4, symmetric)).weights
    assert np.allclose(found, value, atol=1e-5)


def test_an_outlier_costs_its_own_group_only() -> None:
    weights = np.tile(np.linspace(-1, 1, 8), (1, 2))
    weights[0, 3] = 1000
    found = quantize(weights, Scheme(4, 8))
    assert found.scales[0, 0] > 60 and found.scales[0, 1] < 0.2
    assert np.max(np.abs(found.weights[0, 8:] - weights[0, 8:])) <= found.scales[0, 1]


def test_a_ragged_group_is_quantized_like_a_short_one() -> None:
    weights = np.random.default_rng(0).normal(size=(3, 21))
    whole = quantize(weights, Scheme(3, 8))
    assert whole.scales.shape == (3, 3)
    short = quantize(weights[:, 16:], Scheme(3, 0))
    assert np.array_equal(whole.weights[:, 16:], short.weights)


def test_rounding_is_half_to_even() -> None:
    # a range from 0 to 15: the scale is 1
    found = quantize(np.array([[0.0, 15, 0.5, 1.5, 2.5, 3.5]]), Scheme(4, 0))
    assert found.values[0].tolist() == [0, 15, 0, 2, 2, 4]


def test_limits_clip_first() -> None:
    weights = np.array([[-4.0, 4, 1, 2]])
    found = quantize(weights, Scheme(8, 4), limits=(np.array([[-2.0]]), np.array([[2.0]])))
    assert np.allclose(found.weights, [[-2, 2, 1, 2]], atol=4 / 255)


def test_stored_bits() -> None:
    assert Scheme(3, 128).bits_per_weight == pytest.approx(3.1484375)
    assert Scheme(4, 128).bits_per_weight == pytest.approx(4.15625)
    assert Scheme(4, 128).stored_bytes(4096, 4096) == 4096 * 4096 // 2 + 4096 * 32 * 2 + 4096 * 32 // 2
    assert Scheme(4, 0).row_bits_per_weight(100) == pytest.approx(4.2)
    assert Scheme(4, 128).row_bits_per_weight(4544) == pytest.approx(4 + 36 * 20 / 4544)
    with pytest.raises(AcadlError, match="row_bits_per_weight"):
        _ = Scheme(4, 0).bits_per_weight
    assert Scheme(4, 128).groups(4544) == 36  # Falcon's rows end in half a group


@pytest.mark.parametrize(
    ("weights", "scheme", "message"),
    [
        (np.zeros(4), {}, "a matrix"),
        (np.zeros((0, 4)), {}, "a matrix"),
        (np.array([[np.nan]]), {}, "not finite"),
        (np.zeros((1, 4)), {"bits": 9}, "2 to 8 bits"),
        (np.zeros((1, 4)), {"group": -1}, "positive"),
    ],
)
def test_what_cannot_be_quantized(weights: np.ndarray, scheme: dict[str, int], message: str) -> None:
    with pytest.raises(AcadlError, match=message):
        quantize(weights, Scheme(**scheme))
