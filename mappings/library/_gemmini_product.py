"""Convolutions and matrix products as matrix products with affine operands, small groups side by side.

Output pixels × output columns, reduced over the taps of a kernel and, at each tap, over a *run* of
consecutive bytes of the input: a kernel row of S · C bytes where groups and dilation allow it, the channels
of one tap otherwise. Groups that are smaller than the array are packed: their channels lie side by side in
memory, and their weights form a block-diagonal matrix with zeros elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from mappings.layers import KERNELS, MATRIX_PRODUCTS, Layer
from mappings.library._gemmini_machine import ACCUMULATOR_ELEMENT
from mappings.library._windows import Region, mean_regions, windows


@dataclass(frozen=True, slots=True)
class Axis:
    """``count`` steps; how far each moves in the input (``a``), output (``c``), weights (``b``), bias."""

    count: int
    a: int = 0
    c: int = 0
    b: int = 0
    bias: int = 0


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product with affine operands; sizes in bytes where nothing else is said.

    Attributes:
        packs: Loop over packs of groups.
        images: Loop over images, one step where rows of all images follow each other.
        rows: Output rows; their pixels follow one another in the output without gaps.
        pixels: Consecutive output pixels of one row.
        taps: Loops of the reduction outside the run; only ``count`` and ``a`` matter.
        run: Consecutive bytes of the input that are reduced at each tap.
        columns: Output columns of one pack.
        groups: Groups in one pack.
        a, b, c, bias: Where the first pack begins in the four arrays.
        dim: Elements of a block's side.
    """

    packs: Axis
    images: Axis
    rows: Axis
    pixels: Axis
    taps: tuple[Axis, ...]
    run: int
    columns: int
    groups: int
    a: int
    b: int
    c: int
    bias: int
    dim: int

    @property
    def tap_count(self) -> int:
        """Taps outside the run."""
        return prod(tap.count for tap in self.taps)

    @property
    def run_blocks(self) -> int:
        """Blocks of a run."""
        return -(-self.run // self.dim)

    @property
    def depth_blocks(self) -> int:
        """Blocks of the whole reduction."""
        return self.tap_count * self.run_blocks

    @property
    def column_blocks(self) -> int:
        """Blocks side by side of the columns of a pack."""
        return -(-self.columns // self.dim)


def products(layer: Layer, dim: int) -> tuple[Product, ...]:
    """The layer as one product, or two where the last pack of groups is smaller than the others."""
    if layer.op in MATRIX_PRODUCTS:
        m, n, k = layer.gemm_M, layer.gemm_N, layer.gemm_K
        weights = -(-k // dim) * -(-n // dim) * dim * dim
        batch = Axis(layer.gemm_batch, m * k, m * n, weights) if layer.gemm_batch > 1 else Axis(1)
        return (Product(batch, Axis(1), Axis(1), Axis(m, k, n), (), k, n, 1, 0, 0, 0, 0, dim),)
    groups, outputs = (layer.groups, layer.K) if layer.op in KERNELS else (layer.C, layer.C)
    pack = _groups_in_pack(groups, layer.C // groups, outputs // groups, dim)
    full = _convolution(layer, 0, pack, groups // pack, (0, 0), dim)
    if groups % pack == 0:
        return (full,)
    done = (groups // pack * full.packs.b, groups // pack * full.packs.bias)
    return full, _convolution(layer, groups - groups % pack, groups % pack, 1, done, dim)


def _groups_in_pack(groups: int, inputs: int, outputs: int, dim: int) -> int:
    """Groups side by side such that the fewest blocks are multiplied; where equal, the most groups."""

    def blocks(pack: int) -> int:
        whole, rest = divmod(groups, pack)
        return whole * _blocks(pack, inputs, outputs, dim) + (rest and _blocks(rest, inputs, outputs, dim))

    most = max(1, dim // max(inputs, outputs))
    return min(range(1, min(groups, most) + 1), key=lambda pack: (blocks(pack), -pack))


def _blocks(groups: int, inputs: int, outputs: int, dim: int) -> int:
    return -(-groups * inputs // dim) * -(-groups * outputs // dim)


def _convolution(
    layer: Layer, first_group: int, pack: int, packs: int, done: tuple[int, int], dim: int
) -> Product:
    """``packs`` packs of ``pack`` groups from ``first_group`` on; ``done`` bytes of weights, bias before."""
    view = windows(layer)
    total, channels = (layer.groups, layer.K) if layer.op in KERNELS else (layer.C, layer.C)
    inputs, outputs = pack * layer.C // total, pack * channels // total
    out_row = view.out_w * channels
    images, rows, pixels = _joined(
        Axis(view.batch, view.image_bytes, view.out_h * out_row),
        Axis(view.out_h, view.stride_h * view.row_bytes, out_row),
        Axis(view.out_w, view.stride_w * view.channels, channels),
    )
    taps = [
        Axis(view.kernel_h, view.dilation_h * view.row_bytes),
        Axis(view.kernel_w, view.dilation_w * view.channels),
    ]
    run = inputs
    while taps and (taps[-1].count == 1 or taps[-1].a == run):
        run *= taps.pop().count
    kept = tuple(tap for tap in taps if tap.count > 1)
    column_blocks = -(-outputs // dim)
    weights = prod(tap.count for tap in kept) * -(-run // dim) * column_blocks * dim * dim
    return Product(
        packs=Axis(packs, inputs, outputs, weights, ACCUMULATOR_ELEMENT * column_blocks * dim),
        images=images, rows=rows, pixels=pixels, taps=kept, run=run, columns=outputs, groups=pack,
        a=first_group * (layer.C // total), b=done[0], c=first_group * (channels // total), bias=done[1],
        dim=dim,
    )  # fmt: skip


def _joined(*axes: Axis) -> tuple[Axis, Axis, Axis]:
    """Axes with those that continue each other joined, filled up in front with single steps."""
    joined: list[Axis] = []
    for axis in axes:
        last = joined[-1] if joined else None
        if last and last.count == 1:
            joined[-1] = axis
        elif last and (last.a, last.c) == (axis.count * axis.a, axis.count * axis.c):
            joined[-1] = Axis(last.count * axis.count, axis.a, axis.c)
        else:
            joined.append(axis)
    images, rows, pixels = [Axis(1)] * (3 - len(joined)) + joined
    return images, rows, pixels


def mean_products(layer: Layer, dim: int) -> tuple[tuple[Product, int], ...]:
    """An average pooling as products with ones, and what the sums of each are divided by."""
    regions, whole = mean_regions(layer), products(layer, dim)
    if len(regions) == 1:
        return tuple((part, regions[0].taps) for part in whole)
    return tuple(
        (piece, region.taps)
        for region in regions
        for part in whole
        for piece in _restricted(part, layer, region)
    )


def _restricted(part: Product, layer: Layer, region: Region) -> tuple[Product, ...]:
    """A pooling's product for some of its pixels; one for each image where rows are cut."""
    view = windows(layer)
    out_row = view.out_w * layer.C
    image = Axis(view.batch, view.image_bytes, view.out_h * out_row)
    rows = Axis(region.rows, view.stride_h * view.row_bytes, out_row)
    pixels = Axis(region.columns, view.stride_w * view.channels, layer.C)
    a = part.a + region.row * rows.a + region.column * pixels.a
    c = part.c + region.row * rows.c + region.column * pixels.c
    if region.columns == view.out_w:
        images = image if image.count > 1 else Axis(1)
        return (replace(part, images=images, rows=rows, pixels=pixels, a=a, c=c),)
    return tuple(
        replace(part, images=rows, rows=Axis(1), pixels=pixels, a=a + n * image.a, c=c + n * image.c)
        for n in range(view.batch)
    )


def weight_bytes(layer: Layer, dim: int) -> int:
    """Bytes of the weights as they lie in memory: whole blocks."""
    last = products(layer, dim)[-1]
    return last.b + last.packs.count * last.column_blocks * last.depth_blocks * dim * dim


def bias_bytes(layer: Layer, dim: int) -> int:
    """Bytes of the bias as it lies in memory: whole blocks of columns."""
    last = products(layer, dim)[-1]
    packs = last.packs.count if last.packs.bias else 1  # a batch of products has one for all
    return last.bias + packs * last.column_blocks * dim * ACCUMULATOR_ELEMENT
