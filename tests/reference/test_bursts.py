"""Bursts of a DMA: aligned powers of two that cover what was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acadl.bursts import Burst, burst_words, bursts
from acadl.errors import AcadlError


@pytest.mark.parametrize(
    ("address", "size", "expected"),
    [
        (0, 64, [(0, 64)]),
        (0, 1, [(0, 16)]),
        (0, 33, [(0, 64)]),  # half a window too much is better than two requests
        (0x30, 33, [(0x30, 16), (0x40, 32)]),
        (0x10, 33, [(0, 64)]),
        (0x90, 64, [(0x80, 64), (0xC0, 16)]),
        (0x50, 48, [(0x40, 64)]),
        (0x3F, 2, [(0x30, 16), (0x40, 16)]),
        (0, 0, []),
    ],
)
def test_rows_of_a_16_byte_bus(address: int, size: int, expected: list[tuple[int, int]]) -> None:
    found = list(bursts(address, size, 16, 64))
    assert [(burst.address, burst.bytes) for burst in found] == expected
    assert burst_words(address, size, 16, 64) == sum(size // 16 for _, size in expected)


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int, int, int]:
    word = 1 << draw(st.integers(0, 6))
    return draw(st.integers(0, 300)), draw(st.integers(1, 300)), word, word << draw(st.integers(0, 4))


def best(address: int, end: int, word: int, largest: int) -> Burst:
    """The window by definition: of all that hold the byte, the one that covers most, then the smallest."""
    windows = []
    for exponent in range(11):
        size = 1 << exponent
        if word <= size <= largest:
            start = address // size * size
            windows.append(Burst(start, size, len(range(address, min(start + size, end)))))
    return max(windows, key=lambda burst: (burst.used, -burst.bytes))


@given(sizes())
def test_every_byte_once_in_the_best_window(numbers: tuple[int, int, int, int]) -> None:
    address, size, word, largest = numbers
    at = address
    for burst in bursts(*numbers):
        assert burst == best(at, address + size, word, largest)
        assert burst.address % burst.bytes == 0
        at += burst.used
    assert at == address + size


@pytest.mark.parametrize(("word", "largest"), [(0, 64), (12, 64), (16, 48), (16, 8)])
def test_impossible_sizes_are_named(word: int, largest: int) -> None:
    with pytest.raises(AcadlError, match=r"power of two|less than"):
        list(bursts(0, 1, word, largest))
