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
    """``count`` stretches that are alike, and so are those before and after them.

    Attributes:
        index: Of the loop over them; 0 is the first of them.
        at: Each of them, in terms of the index.
        start, end: The first and the last of them.
        preceding, following: What comes before and after each of them; ``None`` where the dimension begins or
            ends.
    """

    index: str
    count: int
    at: Stretch
    start: Stretch
    end: Stretch
    preceding: Stretch | None
    following: Stretch | None

    def over(self, *body: Node) -> Node:
        """``body`` for each of them."""
        return loop(self.index, self.count, *body) if self.count > 1 else Sequence(body)


def stretches(
    name: str, size: int, dim: int, blocks: int, starts_differ: bool = False, ends_differ: bool = False
) -> list[Run]:
    """A dimension of ``size`` elements in stretches of ``blocks`` blocks of ``dim``; the last may be shorter.

    Args:
        name: Of the index.
        starts_differ: Whether what comes before a stretch matters.
        ends_differ: Whether the first and the last stretch are not like others of the same size.
    """
    tile = blocks * dim
    count = -(-size // tile)

    def stretch(number: Affine | int, position: int) -> Stretch:
        elements = min(tile, size - position * tile)
        at = as_affine(number)
        return Stretch(at, at * blocks, elements, position == count - 1)

    def kind(position: int) -> tuple[int, bool, bool] | None:
        if not 0 <= position < count:
            return None
        ends = (position == 0, position == count - 1) if ends_differ else (False, False)
        return (min(tile, size - position * tile), *ends)

    def kinds(position: int) -> tuple[object, ...]:
        before = kind(position - 1) if starts_differ else None
        return before, kind(position), kind(position + 1)

    found = []
    for _, alike in groupby(range(count), kinds):
        positions = list(alike)
        start, end = positions[0], positions[-1]
        number = index(name) + start if end > start else as_affine(start)
        preceding = stretch(number - 1, start - 1) if start > 0 and (starts_differ or ends_differ) else None
        following = stretch(number + 1, start + 1) if start + 1 < count else None
        found.append(
            Run(
                name,
                len(positions),
                stretch(number, start),
                stretch(start, start),
                stretch(end, end),
                preceding,
                following,
            )
        )
    return found
