"""Tiles of a convolution or matrix product that fit half of each buffer of VTA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mappings.library._split import Split, split
from mappings.library._vta_machine import Machine
from mappings.library._windows import Windows

# Cycles of the ALU for a tensor of sums: reset, bias, two limits.
FINISHING = 5
# Start and drain of an instruction, roughly.
OVERHEAD = 12


@dataclass(frozen=True, slots=True)
class Tiling:
    """How the dimensions are split: blocks of output and input channels, output rows and columns, taps.

    ``whole_rows``: tiles take whole rows of the input, which follow one another in memory.
    """

    outputs: Split
    inputs: Split
    rows: Split
    columns: Split
    tap_rows: Split
    tap_columns: Split
    whole_rows: bool

    @property
    def steps(self) -> int:
        """Pieces of the reduction of one tile."""
        return self.inputs.tiles * self.tap_rows.tiles * self.tap_columns.tiles

    @property
    def spots(self) -> int:
        """Tiles of pixels."""
        return self.rows.tiles * self.columns.tiles


def reach(positions: int, stride: int, taps: int, dilation: int) -> int:
    """Positions of the input that so many windows see."""
    return (positions - 1) * stride + (taps - 1) * dilation + 1


def window(view: Windows, tiles: Tiling, pixels: tuple[int, int], taps: tuple[int, int]) -> tuple[int, int]:
    """Input rows and columns that a tile of output rows × columns sees at some tap rows × columns."""
    rows = reach(pixels[0], view.stride_h, taps[0], view.dilation_h)
    if tiles.whole_rows:
        return rows, view.width
    return rows, reach(pixels[1], view.stride_w, taps[1], view.dilation_w)


def tiling(view: Windows, outputs: int, inputs: int, sizes: Machine) -> Tiling:
    """The cheapest of the tilings that fit, by a simple estimate of memory port and matrix core."""
    for taps in tap_splits(view, min(sizes.wgt.half, sizes.uop.half)):
        found = [
            (cost(view, candidate, sizes), number, candidate)
            for number, candidate in enumerate(_candidates(view, outputs, inputs, taps, sizes))
        ]
        if found:
            return min(found)[2]
    raise AssertionError("a single tap of a single pixel fits into any buffer")


def tap_splits(view: Windows, limit: int) -> Iterator[tuple[Split, Split]]:
    """Tap rows and columns of one piece: the whole kernel, or as much of it as buffers hold; then less."""
    rows, columns = view.kernel_h, view.kernel_w
    if columns <= limit:
        yield split(rows, limit // columns), split(columns, columns)
        yield split(rows, 1), split(columns, columns)
    yield split(rows, 1), split(columns, 1)


def _candidates(
    view: Windows, outputs: int, inputs: int, taps: tuple[Split, Split], sizes: Machine
) -> Iterator[Tiling]:
    kernel = taps[0].tile * taps[1].tile
    limit = min(sizes.wgt.half, sizes.uop.half) // kernel
    whole = taps[0].tiles == taps[1].tiles == 1
    for out_tile in _tile_sizes(outputs, min(limit, sizes.acc.half // 2)):
        for in_tile in _tile_sizes(inputs, limit // out_tile.tile if whole else 1):
            positions = sizes.acc.half // out_tile.tile - 1  # and the bias
            found = _pixels(view, positions, sizes.inp.half // in_tile.tile, taps)
            if found:
                yield Tiling(out_tile, in_tile, *found[:2], *taps, found[2])


def _tile_sizes(size: int, limit: int) -> Iterator[Split]:
    """Splits into 1, 2, 3 … tiles, each tile size once."""
    last = 0
    tiles = -(-size // limit)
    while tiles <= size:
        found = split(size, -(-size // tiles))
        if found.tile != last:
            yield found
        last = found.tile
        # the next number of tiles with a smaller tile
        tiles = max(tiles + 1, -(-size // max(1, found.tile - 1)) if found.tile > 1 else size + 1)


def _pixels(
    view: Windows, positions: int, inputs: int, taps: tuple[Split, Split]
) -> tuple[Split, Split, bool] | None:
    """As many rows of the output as fit, or a part of one row; nothing if not even a pixel fits."""
    tap_rows, tap_columns = taps
    high = reach(1, 1, tap_rows.tile, view.dilation_h)
    if positions >= view.out_w and tap_columns.tiles == 1 and inputs >= high * view.width:
        rows = min(positions // view.out_w, (inputs // view.width - high) // view.stride_h + 1)
        return split(view.out_h, rows), split(view.out_w, view.out_w), True
    room = inputs // high - reach(1, 1, tap_columns.tile, view.dilation_w)
    if room < 0 or positions < 1:
        return None
    columns = min(positions, room // view.stride_w + 1)
    return split(view.out_h, 1), split(view.out_w, columns), False


def cost(view: Windows, tiles: Tiling, sizes: Machine) -> tuple[int, int]:
    """Cycles, roughly: the larger one of what the memory port and the modules need; then bytes."""
    pixels = view.out_h * view.out_w
    rows, columns = window(
        view, tiles, (tiles.rows.tile, tiles.columns.tile), (tiles.tap_rows.tile, tiles.tap_columns.tile)
    )
    visits = tiles.outputs.tiles * tiles.spots
    inputs = visits * tiles.tap_rows.tiles * tiles.tap_columns.tiles * tiles.inputs.size * rows * columns
    kernel = view.kernel_h * view.kernel_w * tiles.inputs.size * tiles.outputs.size
    weights = kernel * (tiles.spots if tiles.steps > 1 else 1)
    moved = inputs * sizes.inp.tensor + weights * sizes.wgt.tensor
    outputs = pixels * tiles.outputs.size
    pieces = visits * tiles.steps
    moving = (moved + outputs * sizes.block) // sizes.bus_bytes + 2 * pieces * sizes.memory_latency
    working = pixels * (kernel + FINISHING * tiles.outputs.size) + OVERHEAD * (pieces + 5 * visits)
    return max(moving, working, 3 * outputs), moved
