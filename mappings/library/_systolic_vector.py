"""What runs beside the systolic array.

Depthwise convolutions, poolings, sums, ReLU and concatenations (as copies) run on the vector unit, everything
else on the general-purpose unit.

A depthwise convolution has one input channel per output channel: on the array it would use one column of one
row. The vector unit works on all channels of a pixel side by side, ``lanes`` multiply-accumulates per cycle,
and reads an input row once per kernel row instead of once per tap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mappings.layers import KERNELS, Layer
from mappings.library import _general_operators
from mappings.library._general import piece_bytes
from mappings.library._memory import Array
from mappings.library._operands import input_name
from mappings.library._split import Tile, over, repeat, rotating, split
from mappings.library._stretches import Stretches, positions_seen, stretches
from mappings.library._windows import Region, Windows, mean_regions, windows
from mappings.program import Affine, Node, Register, Step, memory, sequence, step

ACCUMULATORS = 2
BIAS_SLOTS = 2


@dataclass(frozen=True, slots=True)
class VectorShape:
    """What the mapping needs to know of the vector unit; names are the description's parameters."""

    lanes: int
    vector_bytes: int
    vector_tiles: int


def is_depthwise(layer: Layer) -> bool:
    """Whether every output channel sees exactly its own input channel, and there is more than one."""
    return layer.op in KERNELS and layer.groups == layer.C == layer.K and layer.C > 1


def window_tiling(view: Windows, unit: VectorShape) -> Stretches:
    """Tiles whose input rows fit a vector buffer; kernel rows are cut only where one does not fit alone."""
    return stretches(
        view.channels, view.out_w, view.kernel_w, step=view.stride_w, tap_step=view.dilation_w,
        lanes=unit.lanes, vector_bytes=unit.vector_bytes,
    )  # fmt: skip


def lower_windows(layer: Layer, at: Mapping[str, Array], unit: VectorShape) -> Node:
    """Depthwise convolution or pooling: per stretch of pixels, a pass per kernel row, then a store."""
    view = windows(layer)
    nest = _WindowNest(layer, view, window_tiling(view, unit), unit, at)
    return repeat(
        "n", view.batch, lambda n: over("c", nest.tiling.channels, lambda tile: nest.channels(n, tile))
    )


@dataclass(frozen=True)
class _WindowNest:
    layer: Layer
    view: Windows
    tiling: Stretches
    unit: VectorShape
    at: Mapping[str, Array]

    def channels(self, n: Affine, channels: Tile) -> Node:
        """All output rows of some channels of an image; their bias first."""
        number = n * self.tiling.channels.tiles + channels.number
        bias = Register("no_bias")
        nodes: list[Node] = []
        if "bias" in self.at:
            bias = Register("bias", rotating(number, BIAS_SLOTS))
            source = memory(self.at["bias"].address + 4 * channels.offset, 4 * channels.size)
            nodes.append(step("load_bias", dst=bias, src=source))

        def rows(region: Region) -> Node:
            pixels = split(region.columns, self.tiling.pixels.tile)

            def row(y: Affine) -> Node:
                count = number * region.rows + y
                return over("x", pixels, lambda x: self._pixels(
                    n, channels, (region, y, x), count * pixels.tiles + x.number, bias
                ))  # fmt: skip

            return repeat("y", region.rows, row)

        return sequence(*nodes, *map(rows, self._regions()))

    def _regions(self) -> tuple[Region, ...]:
        """The output in parts with one divisor each."""
        if self.layer.op in ("avgpool", "globalavgpool"):
            return mean_regions(self.layer)
        return (Region(0, self.view.out_h, 0, self.view.out_w, 1),)

    def _pixels(
        self, n: Affine, channels: Tile, place: tuple[Region, Affine, Tile], number: Affine, bias: Register
    ) -> Node:
        view, (region, y, pixels) = self.view, place
        oh, ow = y + region.row, pixels.offset + region.column
        acc = Register("vacc", rotating(number, ACCUMULATORS))
        corner = (
            n * view.image_bytes
            + oh * (view.stride_h * view.row_bytes)
            + ow * (view.stride_w * view.channels)
            + channels.offset
            + self.at["input"].address
        )

        def tap_row(r: Affine) -> Node:
            begin = corner + r * (view.dilation_h * view.row_bytes)
            return over("s", self.tiling.taps, lambda taps: self._pass(
                begin + taps.offset * (view.dilation_w * view.channels),
                (channels, pixels, taps),
                r,
                (number * view.kernel_h + r) * self.tiling.taps.tiles + taps.number,
                acc,
            ))  # fmt: skip

        position = ((n * view.out_h + oh) * view.out_w + ow) * view.channels + channels.offset
        store = step(
            "store_v",
            dst=memory(position + self.at["output"].address, channels.size, pixels.size, view.channels),
            acc=acc,
            bias=bias,
            divide=region.taps,
            relu=0,
        )
        return sequence(repeat("r", view.kernel_h, tap_row), store)

    def _pass(
        self, address: Affine, tiles: tuple[Tile, Tile, Tile], r: Affine, number: Affine, acc: Register
    ) -> Node:
        """Load a stretch of an input row (and weights) and take in the taps that lie in it."""
        view, (channels, pixels, taps) = self.view, tiles
        slot = rotating(number, self.unit.vector_tiles)
        rows = positions_seen(pixels.size, taps.size, view.stride_w, view.dilation_w)
        values = Register("v", slot)
        nodes: list[Step] = [
            step("load_v", dst=values, src=memory(address, channels.size, rows, view.channels))
        ]
        sizes = {
            "outputs": pixels.size,
            "taps": taps.size,
            "channels": channels.size,
            "stride": view.stride_w,
            "dilation": view.dilation_w,
        }
        if self.layer.op in KERNELS:
            weights = Register("w", slot)
            place = channels.offset * (view.kernel_h * view.kernel_w) + r * (view.kernel_w * channels.size)
            place = place + taps.offset * channels.size + self.at["weights"].address
            nodes.append(step("load_v", dst=weights, src=memory(place, taps.size * channels.size)))
            nodes.append(step("vmac", acc=acc, v=values, w=weights, **sizes))
        else:
            nodes.append(step("vmax" if self.layer.op == "maxpool" else "vadd", acc=acc, v=values, **sizes))
        return sequence(*nodes)


def lower_elementwise(layer: Layer, at: Mapping[str, Array], unit: VectorShape) -> Node:
    """ReLU, a copy, or a sum of tensors: sweep over all elements, one vector buffer at a time."""
    operands = layer.operands if layer.op == "add" else 1

    def sweep(part: Tile) -> Node:
        acc = Register("vacc", rotating(part.number, ACCUMULATORS))
        nodes: list[Node] = []
        for operand in range(operands):
            values = Register("v", rotating(part.number * operands + operand, unit.vector_tiles))
            source = memory(part.offset + at[input_name(operand)].address, part.size)
            nodes.append(step("load_v", dst=values, src=source))
            nodes.append(step(
                "vadd", acc=acc, v=values, outputs=1, taps=1, channels=part.size, stride=1, dilation=1
            ))  # fmt: skip
        target = memory(part.offset + at["output"].address, part.size)
        relu = int(layer.op == "relu")
        nodes.append(step("store_v", dst=target, acc=acc, bias="no_bias", divide=1, relu=relu))
        return sequence(*nodes)

    return over("e", split(at["output"].bytes, unit.vector_bytes, unit.lanes), sweep)


def general_bytes(sizes: Mapping[str, int], unit: VectorShape) -> dict[str, int]:
    """Sizes of ``input`` and ``output`` for pieces of a vector buffer."""
    return piece_bytes(sizes, unit.vector_bytes)


def lower_general(layer: Layer, at: Mapping[str, Array], unit: VectorShape) -> Node:
    """Any other operator: piece by piece through the general-purpose unit, whose time is per element."""
    return _general_operators.lower_general(layer, "scalar", at, unit.vector_bytes)
