"""How long streams that move at different paces keep out of each other's way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Zone = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stream:
    """Something that touches ``[zone[0] + step · k, zone[1] + step · k)`` in iteration ``k``."""

    zone: Zone
    step: int


def hull(zones: Iterable[Zone]) -> Zone | None:
    """The smallest zone that holds all of them."""
    listed = list(zones)
    if not listed:
        return None
    return min(low for low, _ in listed), max(high for _, high in listed)


def first_contact(a: Stream, b: Stream, first: int, stop: int) -> int:
    """First iteration in ``[first, stop)`` in which two streams touch a common byte; ``stop``: none.

    In between, which of them lies before the other does not change.
    """
    if stop <= first:
        return stop
    if b.zone[0] + b.step * first >= a.zone[1] + a.step * first:  # b lies behind a
        return _meeting(b.zone[0] - a.zone[1], a.step - b.step, stop)
    if a.zone[0] + a.step * first >= b.zone[1] + b.step * first:
        return _meeting(a.zone[0] - b.zone[1], b.step - a.step, stop)
    return first


def _meeting(gap: int, closing: int, stop: int) -> int:
    """First iteration in which ``closing`` per iteration has used up ``gap`` and one byte more."""
    if closing <= 0:
        return stop
    return min(stop, gap // closing + 1)
