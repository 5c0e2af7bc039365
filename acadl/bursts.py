"""How a DMA cuts consecutive bytes into bursts: aligned powers of two.

A burst is a window of 2^n bytes, at least a bus word and at most ``largest``, at a multiple of its size. At
each step the DMA takes the window around the next byte that covers most of the remaining ones, of equally
good ones the smallest. The whole window crosses the bus, also the part of it that nobody asked for.

    >>> [(burst.address, burst.bytes) for burst in bursts(0x90, 64, word=16, largest=64)]
    [(128, 64), (192, 16)]
    >>> burst_words(0x90, 64, word=16, largest=64)
    5
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from acadl.errors import AcadlError


class Burst(NamedTuple):
    """One request: ``bytes`` bytes from ``address`` on, of which ``used`` were asked for."""

    address: int
    bytes: int
    used: int


def bursts(address: int, size: int, word: int, largest: int) -> Iterator[Burst]:
    """The bursts for ``size`` bytes from ``address`` on, in order of address.

    Args:
        word: Bytes of a bus word, a power of two.
        largest: Bytes of the largest burst, a power of two, at least ``word``.

    Raises:
        AcadlError: A size is no power of two, or ``largest`` is less than ``word``.
    """
    for name, value in (("a bus word", word), ("the largest burst", largest)):
        if value < 1 or value & (value - 1):
            raise AcadlError(f"{name} of {value} bytes is no power of two")
    if largest < word:
        raise AcadlError(f"the largest burst of {largest} bytes is less than a bus word of {word} bytes")
    end = address + size
    while address < end:
        burst = _next(address, end, word, largest)
        yield burst
        address += burst.used


def burst_words(address: int, size: int, word: int, largest: int) -> int:
    """Bus words of all bursts together: cycles of the bus at a word per cycle."""
    return sum(burst.bytes // word for burst in bursts(address, size, word, largest))


def _next(address: int, end: int, word: int, largest: int) -> Burst:
    best = Burst(0, 0, 0)
    size = word
    while size <= largest:
        start = address - address % size
        used = min(end, start + size) - address
        if used > best.used:
            best = Burst(start, size, used)
        size *= 2
    return best
