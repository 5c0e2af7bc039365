"""Depthwise convolutions, poolings and element-wise operators on the vector unit.

Channels of a pixel are vectors. A block of neighbouring output pixels stays in the accumulators while the
taps of the window go by, so that weights are loaded once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mappings.layers import KERNELS, Layer
from mappings.library._memory import Array
from mappings.library._operands import INT8_MIN, input_name
from mappings.library._simd_product import BLOCKS, SUM_BYTES, VectorUnit
from mappings.library._split import Tile, over, repeat, rotating, split
from mappings.library._windows import Region, Windows, mean_regions, windows
from mappings.program import Affine, Node, Register, memory, sequence, step


def lower_windows(layer: Layer, at: Mapping[str, Array], unit: VectorUnit) -> Node:
    """Depthwise convolution or pooling: vector of channels by vector, region by region."""
    view = windows(layer)
    nest = _Windows(layer, view, unit, at)
    whole = (Region(0, view.out_h, 0, view.out_w, 1),)
    regions = mean_regions(layer) if layer.op in ("avgpool", "globalavgpool") else whole
    channels = split(view.channels, unit.lanes)
    return repeat("n", view.batch, lambda n: over(
        "c", channels, lambda c: sequence(*(nest.region(n, c, region) for region in regions))
    ))  # fmt: skip


@dataclass(frozen=True)
class _Windows:
    layer: Layer
    view: Windows
    unit: VectorUnit
    at: Mapping[str, Array]

    def region(self, n: Affine, c: Tile, region: Region) -> Node:
        """Output pixels of one divisor, in blocks along their rows."""
        pixels = split(region.columns, self.unit.accumulators)

        def row(y: Affine) -> Node:
            return over("x", pixels, lambda x: self._block(
                n, c, (y + region.row, x.offset + region.column, x.size),
                (n * region.rows + y) * pixels.tiles + x.number, region.taps,
            ))  # fmt: skip

        return repeat("y", region.rows, row)

    def _block(
        self, n: Affine, c: Tile, place: tuple[Affine, Affine, int], number: Affine, divisor: int
    ) -> Node:
        view, (oh, ow, pixels) = self.view, place
        first = rotating(number, BLOCKS) * self.unit.accumulators
        sums = [Register("acc", first + p) for p in range(pixels)]
        corner = n * view.image_bytes + oh * (view.stride_h * view.row_bytes)
        corner = corner + ow * (view.stride_w * view.channels) + c.offset + self.at["input"].address

        def taps(r: Affine, s: Affine) -> Node:
            inside = r * (view.dilation_h * view.row_bytes) + s * (view.dilation_w * view.channels)
            tap = r * view.kernel_w + s
            return self._tap(corner + inside, c, tap, number * (view.kernel_h * view.kernel_w) + tap, sums)

        position = ((n * view.out_h + oh) * view.out_w + ow) * view.channels + c.offset
        target = position + self.at["output"].address
        divide = [step("vdivide", acc=acc, n=divisor) for acc in sums] if divisor > 1 else []
        return sequence(
            *(self._begin(acc, c) for acc in sums),
            repeat("r", view.kernel_h, lambda r: repeat("s", view.kernel_w, lambda s: taps(r, s))),
            *divide,
            *(
                step("vstore", dst=memory(target + p * view.channels, c.size), acc=acc)
                for p, acc in enumerate(sums)
            ),
        )

    def _begin(self, acc: Register, c: Tile) -> Node:
        if "bias" in self.at:
            source = c.offset * SUM_BYTES + self.at["bias"].address
            return step("vload_sums", acc=acc, src=memory(source, SUM_BYTES * c.size))
        return step("vset", acc=acc, value=INT8_MIN if self.layer.op == "maxpool" else 0)

    def _tap(self, address: Affine, c: Tile, tap: Affine, number: Affine, sums: list[Register]) -> Node:
        """One tap of all pixels of the block."""
        view, nodes = self.view, []
        weighted = self.layer.op in KERNELS
        weights = Register("w", rotating(number, self.unit.weight_registers))
        if weighted:
            source = c.offset * (view.kernel_h * view.kernel_w) + tap * c.size + self.at["weights"].address
            nodes.append(step("vload", dst=weights, src=memory(source, c.size)))
        first = rotating(number, BLOCKS) * self.unit.accumulators
        step_a = view.stride_w * view.channels
        for p, acc in enumerate(sums):
            values = Register("x", first + p)
            nodes.append(step("vload", dst=values, src=memory(address + p * step_a, c.size)))
            if weighted:
                nodes.append(step("vmac", acc=acc, x=values, w=weights))
            else:
                nodes.append(step("vmax" if self.layer.op == "maxpool" else "vadd", acc=acc, x=values))
        return sequence(*nodes)


def lower_elementwise(layer: Layer, at: Mapping[str, Array], unit: VectorUnit) -> Node:
    """ReLU, a copy, or a sum of tensors: a sweep over all elements, a vector at a time."""
    operands = layer.operands if layer.op == "add" else 1
    registers = BLOCKS * unit.accumulators

    def sweep(part: Tile) -> Node:
        acc = Register("acc", rotating(part.number, registers))
        nodes: list[Node] = [step("vset", acc=acc, value=0)]
        for operand in range(operands):
            values = Register("x", rotating(part.number * operands + operand, registers))
            source = memory(part.offset + at[input_name(operand)].address, part.size)
            nodes.append(step("vload", dst=values, src=source))
            nodes.append(step("vmax" if layer.op == "relu" else "vadd", acc=acc, x=values))
        nodes.append(step("vstore", dst=memory(part.offset + at["output"].address, part.size), acc=acc))
        return sequence(*nodes)

    return over("e", split(at["output"].bytes, unit.lanes, unit.lanes), sweep)
