"""What VTA's ALU runs, and what the host does in its place.

Poolings, ReLU, sums and copies load int8 into the accumulator as int32, work on it there, and store. Means
over a number of taps that is no power of two, and every other operator, run on the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mappings.layers import Layer
from mappings.library._channel_blocks import block_count
from mappings.library._memory import Array
from mappings.library._operands import input_name
from mappings.library._split import Split, Tile, over, repeat, split
from mappings.library._vta_machine import (
    MAXIMUM,
    MINIMUM,
    NOBODY,
    SHIFT,
    SUM,
    Machine,
    token,
)
from mappings.library._vta_product import INT8_MAX, INT8_MIN
from mappings.library._vta_tiling import reach, tap_splits
from mappings.library._vta_uops import SINGLE, Kernels
from mappings.library._windows import Region, Windows, mean_regions, windows
from mappings.program import Affine, Memory, Node, memory, sequence, step


@dataclass(frozen=True, slots=True)
class PoolTiling:
    """Tiles of output rows and columns, and pieces of the window."""

    rows: Split
    columns: Split
    tap_rows: Split
    tap_columns: Split
    whole_rows: bool


def divisor_shift(layer: Layer) -> int | None:
    """The shift that divides by the taps of every window; ``None`` where one is no power of two."""
    taps = {region.taps for region in mean_regions(layer)}
    if len(taps) != 1:
        return None
    (count,) = taps
    return count.bit_length() - 1 if count & (count - 1) == 0 else None


def pool_tiling(view: Windows, sizes: Machine) -> PoolTiling:
    """As many output rows as fit half of the accumulator beside their input, or less."""
    half = sizes.acc.half
    for taps in tap_splits(view, sizes.uop.half):
        if taps[0].tiles == taps[1].tiles == 1:
            for rows in range(view.out_h, 0, -1):
                seen = reach(rows, view.stride_h, view.kernel_h, view.dilation_h) * view.width
                if rows * view.out_w + seen <= half:
                    return PoolTiling(split(view.out_h, rows), split(view.out_w, view.out_w), *taps, True)
        high = reach(1, 1, taps[0].tile, view.dilation_h)
        wide = reach(1, 1, taps[1].tile, view.dilation_w)
        # columns + high · ((columns - 1) · stride + wide) ≤ half
        columns = (half - high * (wide - view.stride_w)) // (1 + high * view.stride_w)
        if columns >= 1:
            return PoolTiling(split(view.out_h, 1), split(view.out_w, columns), *taps, False)
    raise AssertionError("a pixel and its result fit into any buffer")


def lower_pool(layer: Layer, at: Mapping[str, Array], sizes: Machine, kernels: Kernels) -> Node:
    """A pooling, block of channels by block of channels."""
    view = windows(layer)
    nest = _Pool(layer, view, pool_tiling(view, sizes), sizes, kernels, at)
    blocks = view.batch * block_count(view.channels, sizes.block)
    return repeat("c", blocks, lambda c: over("y", nest.tiles.rows, lambda y: over(
        "x", nest.tiles.columns, lambda x: nest.tile(c, y, x)
    )))  # fmt: skip


@dataclass(frozen=True)
class _Pool:
    layer: Layer
    view: Windows
    tiles: PoolTiling
    sizes: Machine
    kernels: Kernels
    at: Mapping[str, Array]

    def tile(self, c: Affine, y: Tile, x: Tile) -> Node:
        """A tile of results: the neutral value, all taps, the division, the store."""
        number = (c * self.tiles.rows.tiles + y.number) * self.tiles.columns.tiles + x.number
        pixels = y.size * x.size
        results = self.sizes.acc.place(number, pixels)
        load, uop = self.kernels.use(SINGLE, self.at["uops"].address)
        flat = {"lp0": 1, "lp1": pixels, "acc_f0": 0, "acc_f1": 1}
        nodes: list[Node] = [
            *load,
            step("reset", acc=results, uop=uop, pop_next=token("st2cmp", number), **flat),
        ]

        def immediate(opcode: int, imm: int, last: bool = False) -> Node:
            pushed = token("cmp2st", number) if last else NOBODY
            return step("alu_imm", acc=results, uop=uop, push_next=pushed, opcode=opcode, imm=imm, **flat)

        maximum = self.layer.op == "maxpool"
        if maximum:
            nodes.append(immediate(MINIMUM, INT8_MIN))
        nodes.append(over("r", self.tiles.tap_rows, lambda r: over(
            "s", self.tiles.tap_columns, lambda s: self._taps(c, (y, x), (r, s), number, results)
        )))  # fmt: skip
        nodes += load
        if maximum:
            nodes.append(immediate(MINIMUM, INT8_MAX, last=True))
        else:
            shift = divisor_shift(self.layer)
            assert shift is not None  # otherwise the host runs the layer
            nodes += [immediate(SUM, 1 << (shift - 1))] if shift else []
            nodes.append(immediate(SHIFT, shift, last=True))
        return sequence(*nodes, self._store(c, y, x, number, results))

    def _taps(
        self, c: Affine, pixels: tuple[Tile, Tile], taps: tuple[Tile, Tile], number: Affine, results: Memory
    ) -> Node:
        """Load what a piece of the windows sees behind the results, and take it in."""
        view, block, (y, x), (r, s) = self.view, self.sizes.block, pixels, taps
        rows = reach(y.size, view.stride_h, r.size, view.dilation_h)
        columns = (
            view.width if self.tiles.whole_rows else reach(x.size, view.stride_w, s.size, view.dilation_w)
        )
        line = view.width * block
        top = y.offset * view.stride_h + r.offset * view.dilation_h
        left = x.offset * view.stride_w + s.offset * view.dilation_w
        corner = c * (view.height * line) + top * line + left * block + self.at["input"].address
        source = self.sizes.acc.place(number, rows * columns, y.size * x.size)
        uops = [
            (0, p * view.dilation_h * columns + q * view.dilation_w, 0)
            for p in range(r.size)
            for q in range(s.size)
        ]
        load, uop = self.kernels.use(uops, self.at["uops"].address)
        return sequence(
            step(
                "load_acc8", dst=source, src=memory(corner, columns * block, rows, line),
                pop_next=token("st2cmp", number),
            ),
            *load,
            step(
                "alu", acc=results, src=source, uop=uop, push_next=NOBODY,
                opcode=MAXIMUM if self.layer.op == "maxpool" else SUM,
                lp0=y.size, lp1=x.size, acc_f0=x.size, acc_f1=1,
                src_f0=view.stride_h * columns, src_f1=view.stride_w,
            ),
        )  # fmt: skip

    def _store(self, c: Affine, y: Tile, x: Tile, number: Affine, results: Memory) -> Node:
        view, block = self.view, self.sizes.block
        corner = ((c * view.out_h + y.offset) * view.out_w + x.offset) * block + self.at["output"].address
        return step(
            "store", dst=memory(corner, x.size * block, y.size, view.out_w * block), src=results,
            pop_prev=token("cmp2st", number), push_prev=token("st2cmp", number),
        )  # fmt: skip


def lower_elementwise(layer: Layer, at: Mapping[str, Array], sizes: Machine, kernels: Kernels) -> Node:
    """ReLU, a copy, or a sum of tensors: a sweep over all tensors."""
    operands = layer.operands if layer.op == "add" else 1
    tensors = at["output"].bytes // sizes.block
    area = sizes.acc.half // (2 if operands > 1 else 1)

    def sweep(part: Tile) -> Node:
        sums, other = (sizes.acc.place(part.number, part.size, offset) for offset in (0, area))
        flat = {"lp0": 1, "lp1": part.size, "acc_f0": 0, "acc_f1": 1}
        popped, pushed = token("st2cmp", part.number), token("cmp2st", part.number)

        def load(operand: int, place: Memory) -> Node:
            source = part.offset * sizes.block + at[input_name(operand)].address
            return step("load_acc8", dst=place, src=memory(source, part.size * sizes.block), pop_next=popped)

        uops, uop = kernels.use(SINGLE, at["uops"].address)
        nodes: list[Node] = [*uops, load(0, sums)]
        for operand in range(1, operands):
            nodes.append(load(operand, other))
            nodes.append(step(
                "alu", acc=sums, src=other, uop=uop, push_next=NOBODY, opcode=SUM, src_f0=0, src_f1=1, **flat
            ))  # fmt: skip
        low = 0 if layer.op == "relu" else INT8_MIN
        if operands > 1:
            nodes.append(step(
                "alu_imm", acc=sums, uop=uop, push_next=NOBODY, opcode=MINIMUM, imm=INT8_MAX, **flat
            ))  # fmt: skip
        nodes.append(step("alu_imm", acc=sums, uop=uop, push_next=pushed, opcode=MAXIMUM, imm=low, **flat))
        target = memory(part.offset * sizes.block + at["output"].address, part.size * sizes.block)
        store = step("store", dst=target, src=sums, pop_prev=pushed, push_prev=popped)
        return sequence(*nodes, store)

    return over("e", split(tensors, area), sweep)


def lower_host_mean(layer: Layer, at: Mapping[str, Array], sizes: Machine) -> Node:
    """Means on the host, output row by output row, in parts that have one divisor."""
    view, block = windows(layer), sizes.block
    blocks = view.batch * block_count(view.channels, block)
    line = view.width * block

    def row(region: Region, c: Affine, y: Affine) -> Node:
        oh = y + region.row
        corner = c * (view.height * line) + oh * (view.stride_h * line)
        corner = corner + region.column * view.stride_w * block + at["input"].address
        columns = reach(region.columns, view.stride_w, view.kernel_w, view.dilation_w)
        target = ((c * view.out_h + oh) * view.out_w + region.column) * block + at["output"].address
        return step(
            "host_mean", dst=memory(target, region.columns * block),
            src=memory(corner, columns * block, view.kernel_h, view.dilation_h * line, keep_rows=True),
            n=region.columns * block * view.kernel_h * view.kernel_w, outputs=region.columns,
            taps=view.kernel_w, stride=view.stride_w, dilation=view.dilation_w, divide=region.taps,
        )  # fmt: skip

    def rows(regions: tuple[Region, ...], c: Affine) -> Iterator[Node]:
        for number, region in enumerate(regions):
            yield repeat(f"y{number}", region.rows, lambda y, part=region: row(part, c, y))  # type: ignore[misc]

    return repeat("c", blocks, lambda c: sequence(*rows(mean_regions(layer), c)))
