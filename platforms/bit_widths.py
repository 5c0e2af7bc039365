"""Bits for each layer: the least loss that a cost allows, exactly.

Costs (cycles, bytes) and losses of layers add up. Layers are joined one by one; of the assignments so far
only those are kept that no other one beats in both, so that the last ones are the whole front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acadl.errors import AcadlError


@dataclass(frozen=True)
class Option:
    """A width that a layer can have: what it costs, and what it loses."""

    bits: int
    cost: int
    loss: float


@dataclass(frozen=True)
class Assignment:
    """A width for each layer, in their order, with the sums."""

    bits: tuple[int, ...]
    cost: int
    loss: float


def front(options: Sequence[Sequence[Option]]) -> tuple[Assignment, ...]:
    """All assignments that none beats, from the cheapest on.

    >>> a, b = [Option(4, 1, 0.5), Option(8, 2, 0.0)], [Option(4, 3, 0.1), Option(8, 5, 0.0)]
    >>> [(each.bits, each.cost) for each in front([a, b])]
    [((4, 4), 4), ((8, 4), 5), ((8, 8), 7)]
    """
    kept = [Assignment((), 0, 0.0)]
    for layer in options:
        joined = [
            Assignment((*one.bits, option.bits), one.cost + option.cost, one.loss + option.loss)
            for one in kept
            for option in layer
        ]
        kept = _unbeaten(joined)
    return tuple(kept)


def best_within(assignments: Sequence[Assignment], limit: int) -> Assignment:
    """The least loss of a front at a cost of at most ``limit``.

    Raises:
        AcadlError: Even the cheapest assignment costs more.
    """
    within = [each for each in assignments if each.cost <= limit]
    if not within:
        raise AcadlError(f"a cost of {limit:,} cannot be met: the least is {assignments[0].cost:,}")
    return within[-1]


def _unbeaten(assignments: Sequence[Assignment]) -> list[Assignment]:
    kept: list[Assignment] = []
    for each in sorted(assignments, key=lambda one: (one.cost, one.loss)):
        if not kept or each.loss < kept[-1].loss:
            kept.append(each)
    return kept
