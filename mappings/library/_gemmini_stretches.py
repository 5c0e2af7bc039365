"""A dimension in stretches of some blocks, and the loops over those that are alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from mappings.program import Affine, Node, Sequence, as_affine, index, loop


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a dimension.

    Attributes:
        number: Among the stretches of the dimension.
        first: First block, counted in the whole dimension.
        size: Elements.
        ends: Whether the dimension ends with it.
    """

    number: Affine
    first: Affine
    size: int
    ends: bool


@dataclass(frozen=True, slots=True)
class Run:
    """``count`` stretches that are alike, and are followed by stretches that are alike.

    Attributes:
        index: Of the loop over them; 0 is the first of them.
        at: Each of them, in terms of the index.
        start: The first of them.
        following: What follows each of them, in terms of the index; ``None`` where the dimension ends.
    """

    index: str
    count: int
    at: Stretch
    start: Stretch
    following: Stretch | None

    def over(self, *body: Node) -> Node:
        """``body`` for each of them."""
        return loop(self.index, self.count, *body) if self.count > 1 else Sequence(body)


def stretches(name: str, size: int, dim: int, blocks: int, ends_differ: bool = False) -> list[Run]:
    """A dimension of ``size`` elements in stretches of ``blocks`` blocks of ``dim``; the last may be shorter.

    Args:
        name: Of the index.
        ends_differ: Whether the first and the last stretch are not like others of the same size.
    """
    tile = blocks * dim
    count = -(-size // tile)

    def stretch(number: Affine | int, position: int) -> Stretch:
        elements = min(tile, size - position * tile)
        at = as_affine(number)
        return Stretch(at, at * blocks, elements, position == count - 1)

    def kind(position: int) -> tuple[int, bool, bool]:
        ends = (position == 0, position == count - 1) if ends_differ else (False, False)
        return (min(tile, size - position * tile), *ends)

    def kinds(position: int) -> tuple[object, object]:
        return kind(position), kind(position + 1) if position + 1 < count else None

    found = []
    for _, alike in groupby(range(count), kinds):
        positions = list(alike)
        start, runs = positions[0], len(positions)
        number = index(name) + start if runs > 1 else as_affine(start)
        following = stretch(number + 1, start + 1) if start + 1 < count else None
        found.append(Run(name, runs, stretch(number, start), stretch(start, start), following))
    return found
