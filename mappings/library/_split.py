"""Splitting a dimension into full tiles and a rest, and the loops over them.

>>> split(196, 128)
Split(tile=98, count=2, rest=0)
>>> split(100, 16)
Split(tile=15, count=6, rest=10)
>>> split(100, 16, multiple=4)
Split(tile=16, count=6, rest=4)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from mappings.program import Affine, Node, Sequence, as_affine, index, loop


@dataclass(frozen=True, slots=True)
class Split:
    """``count`` tiles of ``tile`` elements and, where ``rest`` is not 0, one more of ``rest`` elements."""

    tile: int
    count: int
    rest: int

    @property
    def tiles(self) -> int:
        """Tiles, the rest included."""
        return self.count + (self.rest > 0)

    @property
    def size(self) -> int:
        """Elements of the whole dimension."""
        return self.tile * self.count + self.rest


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile inside its loop.

    Attributes:
        number: Position among the tiles of its dimension.
        offset: First element.
        size: Elements; a plain number, since full tiles and the rest have bodies of their own.
    """

    number: Affine
    offset: Affine
    size: int


def split(size: int, limit: int, multiple: int = 1) -> Split:
    """``size`` in as few tiles of at most ``limit`` as possible, about equally large.

    Equal tiles need fewer ragged edges than tiles of ``limit`` (196 in tiles of at most 128: twice 98). Tiles
    other than the rest are multiples of ``multiple``, at most ``limit``, which must be no less.
    """
    tiles = -(-size // (limit - limit % multiple))
    tile = -(-size // (tiles * multiple)) * multiple
    tile = min(tile, size)
    return Split(tile, size // tile, size % tile)


def even_split(size: int, limit: int) -> Split:
    """As :func:`split`, but without a rest where that takes tiles of no less than two thirds of ``limit``.

    A rest has a loop body of its own.

    >>> even_split(56, 10)
    Split(tile=8, count=7, rest=0)
    """
    found = split(size, limit)
    for tile in range(found.tile, 2 * limit // 3, -1):
        if size % tile == 0:
            return Split(tile, size // tile, 0)
    return found


def even_pieces(size: int, limit: int) -> list[tuple[int, int]]:
    """Offsets and sizes of as few pieces of at most ``limit`` as possible, about equally large.

    >>> even_pieces(14, 8)
    [(0, 7), (7, 7)]
    """
    count = -(-size // limit)
    edges = [size * number // count for number in range(count + 1)]
    return [(begin, end - begin) for begin, end in pairwise(edges)]


def pieces(size: int, grain: int) -> list[tuple[int, int]]:
    """Offsets and sizes of pieces of ``grain`` and what is left over.

    >>> pieces(20, 8)
    [(0, 8), (8, 8), (16, 4)]
    """
    return [(begin, min(grain, size - begin)) for begin in range(0, size, grain)]


def shares_of(size: int, members: int) -> list[tuple[int, int]]:
    """First element and number of elements of each member that has any.

    >>> shares_of(7, 3)
    [(0, 3), (3, 3), (6, 1)]
    """
    return pieces(size, -(-size // members))


def over(name: str, parts: Split, body: Callable[[Tile], Node]) -> Node:
    """``body`` for every tile: a loop over the full ones (index ``name``), then the rest on its own."""
    counter = index(name) if parts.count > 1 else as_affine(0)
    full = body(Tile(counter, counter * parts.tile, parts.tile))
    nodes = [loop(name, parts.count, full) if parts.count > 1 else full]
    if parts.rest:
        nodes.append(body(Tile(as_affine(parts.count), as_affine(parts.count * parts.tile), parts.rest)))
    return nodes[0] if len(nodes) == 1 else Sequence(tuple(nodes))


def repeat(name: str, count: int, body: Callable[[Affine], Node]) -> Node:
    """``body`` for every value of an index from 0 to ``count - 1``; no loop where there is one value only.

    Raises:
        ValueError: ``count`` is negative.
    """
    if count < 0:
        raise ValueError(f"'{name}' is repeated {count} times")
    if count == 0:
        return Sequence(())
    return loop(name, count, body(index(name))) if count > 1 else body(as_affine(0))


def rotating(counter: Affine, slots: int) -> Affine:
    """Slot of the ``counter``-th use of ``slots`` rotating buffers, without indices that do not matter."""
    terms = tuple((name, c % slots) for name, c in counter.terms if c % slots)
    return Affine(counter.const % slots, terms) % slots
