"""Packings: bit by bit back, in the published orders; products with packed weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acadl.errors import AcadlError
from mappings.compression import packing
from mappings.compression.quantizer import Scheme, quantize
from mappings.compression.w4a16 import gemm, gemv, linear, pack

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 150))


def numbers(shape: tuple[int, int], bits: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << bits, shape)


@given(SHAPES, st.sampled_from([1, 2, 3, 4, 8]), st.sampled_from([8, 64, 128, 256, 512]), st.integers(0, 9))
def test_simd_packing_comes_back(shape: tuple[int, int], bits: int, register: int, seed: int) -> None:
    weights = numbers(shape, bits, seed)
    packed = packing.pack_simd(weights, bits, register)
    assert np.array_equal(packing.unpack_simd(packed, shape[1], bits, register), weights)


@given(SHAPES, st.integers(0, 9))
def test_gpu_and_checkpoint_packings_come_back(shape: tuple[int, int], seed: int) -> None:
    weights = numbers(shape, 4, seed)
    outputs, inputs = shape
    assert np.array_equal(packing.unpack_gpu(packing.pack_gpu(weights), inputs), weights)
    gemm_words = packing.pack_awq_gemm(weights)
    assert gemm_words.shape == (inputs, -(-outputs // 8))
    assert np.array_equal(packing.unpack_awq_gemm(gemm_words, outputs), weights)
    words = packing.pack_awq_interleaved(weights)
    assert words.shape == (-(-outputs // 4), -(-inputs // 64) * 64)
    assert np.array_equal(packing.unpack_awq_interleaved(words, outputs, inputs), weights)


def test_the_order_of_128_bits() -> None:
    weights = np.arange(32)[None, :] % 16
    packed = packing.pack_simd(weights)
    assert packed.tolist() == [[(j % 16) | (j % 16) << 4 for j in range(16)]]
    distinct = np.zeros((1, 32), int)
    distinct[0, 5], distinct[0, 21] = 7, 9
    assert packing.pack_simd(distinct)[0, 5] == 7 | 9 << 4


def test_three_vector_operations_unpack_32_weights() -> None:
    """Carried out with the operations of a vector unit, whose shifts cross the bytes of a 16-bit lane."""
    weights = numbers((1, 32), 4)
    register = packing.pack_simd(weights)[0]
    mask = np.full(16, 0x0F, np.uint8)
    low = register & mask  # first operation
    shifted = (register.view(np.uint16) >> 4).view(np.uint8)  # second
    high = shifted & mask  # third
    assert np.array_equal(np.concatenate([low, high]), weights[0])
    assert packing.simd_unpack_operations(4) == 3


def test_the_order_of_gpus() -> None:
    word = int(packing.pack_gpu(np.arange(8)[None, :])[0, 0])
    assert [(word >> 4 * i) & 15 for i in range(8)] == [0, 2, 4, 6, 1, 3, 5, 7]
    assert packing.gpu_pairs(word) == ((0, 1), (2, 3), (4, 5), (6, 7))


def test_the_interleaved_order() -> None:
    """Row 0 holds the number of an input's block of eight, its place there modulo 16: the published order."""
    order = [0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27]
    for low in (True, False):
        row = np.arange(64) % 16 if low else np.arange(64) // 16
        words = packing.pack_awq_interleaved(np.stack([row, *[np.zeros(64, int)] * 3]))
        nibbles = [(int(word) >> 4 * i) & 15 for word in words.view(np.uint16)[0, :4] for i in range(4)]
        assert nibbles == [o % 16 if low else o // 16 for o in order]
    rows = np.repeat(np.arange(4)[:, None], 64, axis=1)
    words = packing.pack_awq_interleaved(rows).view(np.uint16)[0]
    assert [int(words[16 * r]) for r in range(4)] == [0x0000, 0x1111, 0x2222, 0x3333]


@given(
    st.integers(1, 20),
    st.integers(1, 100),
    st.integers(1, 12),
    st.sampled_from([2, 3, 4, 8]),
    st.sampled_from([0, 16, 32]),
)
def test_packed_products_are_those_of_the_dequantized_weights(
    outputs: int, inputs: int, tokens: int, bits: int, group: int
) -> None:
    random = np.random.default_rng(outputs * inputs)
    x = random.normal(size=(tokens, inputs)).astype(np.float32)
    weights = pack(quantize(random.normal(size=(outputs, inputs)), Scheme(bits, group)))
    expected = x.astype(np.float64) @ weights.weights.astype(np.float64).T
    for product in (gemv, gemm, linear):
        assert np.allclose(product(x, weights), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: packing.pack_simd(np.array([[16]])), "do not fit into 4 bits"),
        (lambda: packing.pack_simd(np.array([[-1]])), "do not fit"),
        (lambda: packing.pack_simd(np.array([[1.5]])), "whole numbers"),
        (lambda: packing.pack_simd(np.array([[1]]), 5), "divide a byte"),
        (lambda: packing.pack_simd(np.array([[1]]), 4, 96), "power of two"),
        (lambda: pack(quantize(np.ones((1, 4)), Scheme(4, 4, symmetric=True))), "signs"),
        (
            lambda: linear(np.ones((1, 3)), pack(quantize(np.ones((1, 4)), Scheme(4, 4)))),
            "do not fit weights",
        ),
    ],
)
def test_what_cannot_be_packed(call: object, message: str) -> None:
    with pytest.raises(AcadlError, match=message):
        call()  # type: ignore[operator]
