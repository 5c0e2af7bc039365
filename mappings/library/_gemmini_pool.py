"""Poolings on Gemmini.

Maximum: the lines that a stretch of output pixels needs are moved into the accumulator, and ``mvout_pool``
takes the maxima on the way out. Global average: a row of ones times the image, on the array. (Averages over
windows are depthwise convolutions with weights of one, see ``_gemmini_product``.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mappings.layers import Layer
from mappings.library._gemmini_machine import (
    ACCUMULATOR_ELEMENT,
    Machine,
    blocks_of,
    pair,
    rows_of,
    scaled,
)
from mappings.library._memory import Array
from mappings.library._split import Split, Tile, over, repeat, rotating, split
from mappings.library._windows import Windows, windows
from mappings.program import Affine, Memory, Node, as_affine, memory, sequence, step

# Output pixels at a time for which fewer channels are taken, if they would not fit otherwise.
ENOUGH_PIXELS = 8
BUFFERS = 4


@dataclass(frozen=True, slots=True)
class PoolTiling:
    """Tiles of channels, and of the output pixels of a row."""

    channels: Split
    pixels: Split


def pool_tiling(view: Windows, machine: Machine) -> PoolTiling | None:
    """The widest tiles whose input lines fit a bank or half of the accumulator; ``None``: no window fits."""
    reach = view.dilation_w * (view.kernel_w - 1) + 1
    half = _region(machine) * machine.dim
    for wide in range(min(machine.wide, -(-view.channels // machine.dim)), 0, -1):
        width = half // (wide * view.kernel_h)
        pixels = min(view.out_w, (width - reach) // view.stride_w + 1)
        if pixels >= min(view.out_w, ENOUGH_PIXELS) or (wide == 1 and pixels > 0):
            limit = wide * machine.dim
            return PoolTiling(split(view.channels, limit, machine.dim), split(view.out_w, pixels))
    return None


def _region(machine: Machine) -> int:
    """Blocks of one of the two places of lines."""
    return min(machine.accumulator_blocks // 2, machine.accumulator_bank)


def lower_max_pool(layer: Layer, at: Mapping[str, Array], machine: Machine, tiles: PoolTiling) -> Node:
    """Maxima over windows, a stretch of an output row and some channels at a time."""
    nest = _MaxPool(windows(layer), machine, at, tiles)
    return repeat("n", layer.N, lambda n: over("c", tiles.channels, lambda c: nest.rows(n, c)))


@dataclass(frozen=True)
class _MaxPool:
    view: Windows
    machine: Machine
    at: Mapping[str, Array]
    tiles: PoolTiling

    def rows(self, n: Affine, channels: Tile) -> Node:
        def row(y: Affine) -> Node:
            return over("x", self.tiles.pixels, lambda x: self._stretch(n, channels, y, x))

        return repeat("y", self.view.out_h, row)

    def _stretch(self, n: Affine, channels: Tile, y: Affine, pixels: Tile) -> Node:
        """The lines under a stretch of output pixels into the accumulator, their maxima out."""
        view, machine = self.view, self.machine
        width = (pixels.size - 1) * view.stride_w + view.dilation_w * (view.kernel_w - 1) + 1
        number = pixels.number if self.tiles.pixels.tiles > 1 else y
        place = rotating(number, 2) * (_region(machine) * machine.sum_block) + machine.accumulator
        source = (
            n * view.image_bytes
            + y * (view.stride_h * view.row_bytes)
            + pixels.offset * (view.stride_w * view.channels)
            + channels.offset
            + self.at["input"].address
        )
        nodes: list[Node] = []
        for line in range(view.kernel_h):
            address = source + line * view.dilation_h * view.row_bytes
            nodes += self._line(address, place, line, width, channels.size)
        window = view.kernel_h * view.kernel_w
        position = ((n * view.out_h + y) * view.out_w + pixels.offset) * view.channels + channels.offset
        position += self.at["output"].address
        nodes.append(step(
            "mvout_pool", pending="pending",
            dst=rows_of(position, channels.size, pixels.size, view.channels),
            scaled=scaled(machine, position, pixels.size, window * -(-channels.size // machine.dim)),
            src=self._lines(place, 0, view.kernel_h * width, width, channels.size),
            rows=pixels.size, cols=channels.size, width=width, window_h=view.kernel_h, window_w=view.kernel_w,
            stride=view.stride_w, dilation=view.dilation_w,
        ))  # fmt: skip
        return sequence(*nodes)

    def _line(self, address: Affine, place: Affine, line: int, width: int, cols: int) -> list[Node]:
        """A line of the image, ``dim`` pixels at a time."""
        dim, pitch = self.machine.dim, self.view.channels
        nodes: list[Node] = []
        for first in range(0, width, dim):
            rows = min(dim, width - first)
            nodes.append(step(
                "mvin3",
                dst=self._lines(place, line * width + first, rows, width, cols),
                src=rows_of(address + first * pitch, cols, rows, pitch),
                rows=rows, cols=cols, element_bytes=1, accumulate=0,
            ))  # fmt: skip
        return nodes

    def _lines(self, place: Affine, first: int, rows: int, width: int, cols: int) -> Memory:
        """Rows of the accumulator; blocks of channels lie as far apart as all lines together are long."""
        row_bytes = self.machine.dim * ACCUMULATOR_ELEMENT
        apart = self.view.kernel_h * width * row_bytes
        return blocks_of(place + first * row_bytes, row_bytes, rows, -(-cols // self.machine.dim), apart)


def lower_global_average(layer: Layer, at: Mapping[str, Array], machine: Machine) -> Node:
    """Sums over all pixels as products with a row of ones, divided on the way out."""
    return _GlobalAverage(layer, at, machine).lower()


def ones_bytes(machine: Machine) -> int:
    """Bytes of the constant rows that a global average needs: all ones, and ones for the last pixels only."""
    return 2 * machine.dim


@dataclass(frozen=True)
class _GlobalAverage:
    layer: Layer
    at: Mapping[str, Array]
    machine: Machine

    def lower(self) -> Node:
        machine, layer = self.machine, self.layer
        constants: list[Node] = [
            step(
                "mvin",
                dst=memory(machine.scratchpad + row * machine.dim, machine.dim),
                src=rows_of(self.at["weights"].address + row * machine.dim, machine.dim, 1, 0),
                rows=1, cols=machine.dim, unrolled=0,
            )
            for row in range(2)
        ]  # fmt: skip
        wide = min(machine.wide, machine.half_accumulator)
        channels = split(layer.C, wide * machine.dim, machine.dim)
        images = repeat("n", layer.N, lambda n: over("c", channels, lambda c: self._channels(n, c)))
        return sequence(*constants, images)

    def _channels(self, n: Affine, channels: Tile) -> Node:
        machine, layer = self.machine, self.layer
        pixels, dim = layer.H * layer.W, machine.dim
        count, rest = divmod(pixels, dim)
        half = machine.half_accumulator * machine.sum_block
        sums = rotating(channels.number, 2) * half + machine.accumulator
        source = n * (pixels * layer.C) + channels.offset + self.at["input"].address
        cols = channels.size
        nodes: list[Node] = []
        if count:
            nodes.append(self._pixels(source, sums, dim, cols, as_affine(0), accumulate=False))
            nodes.append(repeat("p", count - 1, lambda p: self._pixels(
                source + (p + 1) * (dim * layer.C), sums, dim, cols, p + 1, accumulate=True
            )))  # fmt: skip
        if rest:
            nodes.append(self._pixels(
                source + count * dim * layer.C, sums, rest, cols, as_affine(count), accumulate=count > 0
            ))  # fmt: skip
        place = n * layer.C + channels.offset + self.at["output"].address
        nodes.append(step(
            "mvout", pending="pending", dst=rows_of(place, cols, 1, 0),
            scaled=scaled(machine, place, 1, -(-cols // dim)),
            src=blocks_of(sums, dim * ACCUMULATOR_ELEMENT, 1, -(-cols // dim), machine.sum_block),
            rows=1, cols=cols, divide=pixels, relu=0, unrolled=0,
        ))  # fmt: skip
        return sequence(*nodes)

    def _pixels(
        self, source: Affine, sums: Affine, rows: int, cols: int, number: Affine, *, accumulate: bool
    ) -> Node:
        """Up to ``dim`` pixels as weights, and the row of ones times each of their blocks."""
        machine, dim = self.machine, self.machine.dim
        blocks = -(-cols // dim)
        size = machine.wide * machine.block
        room = max(1, min(BUFFERS, machine.scratchpad_blocks // machine.wide - 1))
        slot = rotating(number, room) * size + (machine.scratchpad + size)
        ones = machine.scratchpad + (0 if rows == dim else dim)
        nodes: list[Node] = [step(
            "mvin2",
            dst=blocks_of(slot, dim, rows, blocks, machine.block),
            src=rows_of(source, cols, rows, self.layer.C),
            rows=rows, cols=cols, unrolled=0,
        )]  # fmt: skip
        for b in range(blocks):
            block = memory(slot + b * machine.block, machine.block)
            place = memory(sums + b * machine.sum_block, dim * ACCUMULATOR_ELEMENT)
            nodes += pair(machine, block, memory(ones, dim), place, 1, accumulate=accumulate)
        return sequence(*nodes)
