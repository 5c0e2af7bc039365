"""Macro tiles of Gemmini's matrix products: what is computed at once in the accumulator.

A macro tile is a number of blocks of output pixels × a number of blocks of output columns. Its sums stay in
the accumulator for the whole reduction. Every block of A serves all columns of the tile, every block of B all
its pixels: tiles are chosen so that the array seldom waits for the bus and few rows are wasted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mappings.library._gemmini_machine import Machine, room_for
from mappings.library._gemmini_product import Product
from mappings.library._split import Split, split

# Commands in one loop body, roughly; bounds the size of programs.
MOST_COMMANDS = 192
# Pairs between the last read of a buffer and the command that fills it again, so that this one need not wait.
AHEAD = 16
MOST_BUFFERS = 8
# Cycles in which a tile's beginning and end are not hidden; only for choosing between tilings.
TILE_OVERHEAD = 40
# Cycles of the load unit for a bias block, and of the store unit per row of a block.
BIAS_CYCLES = 14
STORE_CYCLES_PER_ROW = 1.5


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive pixels of one row of the output inside a block, from row ``at`` of the block on."""

    row: int
    pixel: int
    pixels: int
    at: int


@dataclass(frozen=True, slots=True)
class Block:
    """Up to ``dim`` pixels that follow each other in the output, from pixel ``first`` of the tile on."""

    first: int
    pixels: int
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a product is split; blocks of columns are the multiples that ``columns`` is split into."""

    rows: Split
    pixels: Split
    columns: Split

    def blocks(self, dim: int, wide: int) -> int:
        """Blocks of sums of the largest tile, and those between them and the next tile's.

        Groups of ``wide`` columns begin where banks do not break them.
        """
        full, rest = divmod(_count(self.columns.tile, dim), wide)
        columns = full * wide + (room_for(rest, wide) if rest else 0)
        return room_for(_count(self.rows.tile * self.pixels.tile, dim) * columns, wide)


def piece_blocks(product: Product, machine: Machine) -> int:
    """Blocks of the reduction that one command loads."""
    return min(machine.wide, product.run_blocks)


def blocks(rows: int, pixels: int, dim: int) -> tuple[Block, ...]:
    """The blocks of a tile: its pixels one after the other, cut after every ``dim``."""
    made = []
    for first in range(0, rows * pixels, dim):
        end = min(first + dim, rows * pixels)
        segments = []
        position = first
        while position < end:
            row, pixel = divmod(position, pixels)
            count = min(pixels - pixel, end - position)
            segments.append(Segment(row, pixel, count, position - first))
            position += count
        made.append(Block(first, end - first, tuple(segments)))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a product is mapped.

    Attributes:
        tiling: Its macro tiles.
        depth: Blocks of the reduction that one command loads.
        pixels_outside: Whether all tiles of columns follow one another for each tile of pixels, not the other
            way round.
        weights_stay: Whether a block of weights stays in the array for all pixels of the tile, not the pixels
            for all columns.
    """

    tiling: Tiling
    depth: int
    pixels_outside: bool = False
    weights_stay: bool = False


def plan(product: Product, machine: Machine) -> Plan:
    """The tiling that takes the fewest cycles by a simple estimate."""
    found = min(_candidates(product, machine), key=lambda candidate: _cost(candidate, product, machine))
    return Plan(found, piece_blocks(product, machine))


def _candidates(product: Product, machine: Machine) -> Iterator[Tiling]:
    dim, depth = product.dim, piece_blocks(product, machine)
    half = machine.half_scratchpad // room_for(depth, machine.wide)
    commands = 2 * depth + 4  # of a block: pairs, and up to one each for its operands, bias and result
    most = max(1, min(MOST_COMMANDS // commands, machine.accumulator_blocks, half))
    columns = {
        split(product.columns, limit * dim, dim) for limit in range(1, min(product.column_blocks, most) + 1)
    }
    for part in sorted(columns, key=lambda item: item.tile):
        room = max(1, most // _count(part.tile, dim))
        for rows, pixels in _pixel_tiles(product, room):
            found = Tiling(rows, pixels, part)
            if found.blocks(dim, machine.wide) <= machine.accumulator_blocks:
                yield found


def _pixel_tiles(product: Product, room: int) -> Iterator[tuple[Split, Split]]:
    """Tiles of at most ``room`` blocks: parts of a row, or whole rows."""
    rows, pixels, dim = product.rows.count, product.pixels.count, product.dim
    seen = set()
    for limit in range(1, room + 1):
        part = split(pixels, limit * dim, dim)
        if part.tiles > 1 and part not in seen:
            seen.add(part)
            yield Split(1, rows, 0), part
    whole = Split(pixels, 1, 0)
    for tile in range(1, rows + 1):
        if _count(tile * pixels, dim) > room:
            break
        yield Split(tile, rows // tile, rows % tile), whole
    if not seen and _count(pixels, dim) > room:
        yield Split(1, rows, 0), split(pixels, room * dim, dim)


def _cost(candidate: Tiling, product: Product, machine: Machine) -> float:
    """Cycles of one pack and image, roughly, and a little for every shape of tile."""
    dim = product.dim
    pixel_blocks = _weighted(candidate.rows, candidate.pixels, dim)
    pixel_tiles = candidate.rows.tiles * candidate.pixels.tiles
    compute = pixel_blocks * product.column_blocks * product.depth_blocks * dim
    run = machine.beats(1, product.run)
    load = product.rows.count * product.pixels.count * product.tap_count * run * candidate.columns.tiles
    load += pixel_tiles * machine.beats(dim, dim) * product.column_blocks * product.depth_blocks
    load += BIAS_CYCLES * pixel_blocks * product.column_blocks
    store = STORE_CYCLES_PER_ROW * product.rows.count * product.pixels.count * product.column_blocks
    shapes = (1 + bool(candidate.columns.rest)) * (
        1 + bool(candidate.rows.rest) + bool(candidate.pixels.rest)
    )
    waits = TILE_OVERHEAD * pixel_tiles * candidate.columns.tiles
    return (max(compute, 1.1 * load, store) + waits) * (1 + 0.01 * shapes)


def _weighted(rows: Split, pixels: Split, dim: int) -> int:
    """Blocks of pixels of the whole image."""
    total = 0
    for row_tile, row_count in ((rows.tile, rows.count), (rows.rest, 1)):
        for pixel_tile, pixel_count in ((pixels.tile, pixels.count), (pixels.rest, 1)):
            total += row_count * pixel_count * _count(row_tile * pixel_tile, dim)
    return total


def buffers(between: int, body: int, room: int) -> int:
    """How many buffers take turns so that ``between`` pairs after the last use of one grow to ``AHEAD``.

    ``body`` pairs lie between two uses of the same place; ``room`` buffers fit.
    """
    return max(1, min(MOST_BUFFERS, room, 1 + _count(max(0, AHEAD - between), body)))


def _count(size: int, part: int) -> int:
    return -(-size // part)
