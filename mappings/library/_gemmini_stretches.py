"""A product in macro tiles: its dimensions in stretches, and the loops over those that are alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

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


class Place(NamedTuple):
    """Where a stretch is: its number, in loops, and one of the numbers that this stands for."""

    number: Affine
    position: int


@dataclass(frozen=True, slots=True)
class Run:
    """``count`` stretches in a loop with the index ``name``; ``at`` has the position of the first."""

    name: str
    count: int
    at: Place

    def over(self, *body: Node) -> Node:
        """``body`` for each of them."""
        return loop(self.name, self.count, *body) if self.count > 1 else Sequence(body)


@dataclass(frozen=True, slots=True)
class Dimension:
    """``size`` elements in stretches of ``blocks`` blocks of ``dim`` elements; the last may be shorter."""

    size: int
    dim: int
    blocks: int

    @property
    def count(self) -> int:
        """Stretches."""
        return -(-self.size // (self.blocks * self.dim))

    def stretch(self, at: Place) -> Stretch:
        """The stretch at a place."""
        tile = self.blocks * self.dim
        size = min(tile, self.size - at.position * tile)
        return Stretch(at.number, at.number * self.blocks, size, at.position == self.count - 1)

    def place(self, position: int) -> Place:
        """The place of one stretch."""
        return Place(as_affine(position), position)

    def runs(self, name: str, ends_differ: bool = False, before: int = 0) -> list[Run]:
        """Loops over stretches that are alike, and so are those behind them.

        Args:
            name: Of the index.
            ends_differ: Whether the first and the last stretch are not like others of the same size.
            before: How many stretches before one must be alike, too.
        """

        def kind(position: int) -> tuple[int, bool, bool] | None:
            if not 0 <= position < self.count:
                return None
            ends = (position == 0, position == self.count - 1) if ends_differ else (False, False)
            return (self.stretch(self.place(position)).size, *ends)

        def kinds(position: int) -> list[object]:
            return [kind(position + offset) for offset in range(-before, 2)]

        found = []
        for _, alike in groupby(range(self.count), kinds):
            positions = list(alike)
            start, count = positions[0], len(positions)
            number = index(name) + start if count > 1 else as_affine(start)
            found.append(Run(name, count, Place(number, start)))
        return found


Places = tuple[Place, Place, Place]


def beside(dimensions: tuple[Dimension, Dimension, Dimension], places: Places, step: int) -> Places | None:
    """The macro tile after one (``step`` 1) or before it (-1); the last dimension goes on first."""
    moved = list(places)
    for number in (2, 1, 0):
        place, dimension = places[number], dimensions[number]
        if 0 <= place.position + step < dimension.count:
            moved[number] = Place(place.number + step, place.position + step)
            return moved[0], moved[1], moved[2]
        moved[number] = dimension.place(0 if step > 0 else dimension.count - 1)
    return None
