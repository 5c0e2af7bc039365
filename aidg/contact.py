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
    """First iteration in ``[first, stop)`` in which two streams touch, or have passed each other.

    ``stop`` if there is none. Up to then, which of them lies before the other does not change.
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


def last_visit(stream: Stream, zone: Zone, before: int) -> int:
    """Last iteration from 0 on, before ``before``, in which a stream touches a byte of ``zone``; -1: none."""
    (low, high), step = stream.zone, stream.step
    if step == 0:
        return before - 1 if low < zone[1] and zone[0] < high else -1
    if step < 0:  # the same, seen in a mirror
        (low, high), step, zone = (-high, -low), -step, (-zone[1], -zone[0])
    last = min((zone[1] - 1 - low) // step, before - 1)  # starts before the zone ends
    earliest = max((zone[0] - high) // step + 1, 0)  # ends after the zone starts
    return last if last >= earliest else -1
