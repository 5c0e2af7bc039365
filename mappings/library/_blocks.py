"""Layers as blocks that fit an on-chip memory: geometry, what is loaded for a block, how weights are packed.

Everything that multiplies or pools is one shape of problem, :class:`Problem`: windows over an NHWC image. A
:class:`Block` is a part of it whose input (the region under its windows) and weights are on the chip
together: some output rows × pixels × columns, reduced over all taps and channels, or over a part of them.
There, the region lies dense, row by row, without what no window of the block sees.

A *channelwise* problem (depthwise convolution, pooling) has one input channel per output column: its blocks
are cut in channels, and no channels are reduced.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mappings.layers import KERNELS, MATRIX_PRODUCTS, POOLINGS, Layer
from mappings.library._axes import START, Axis, Offset, along
from mappings.library._memory import stretch
from mappings.library._split import Split, even_split, split
from mappings.library._windows import Windows, mean_regions, windows
from mappings.program import Affine, Memory

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Windows over images, with the steps of each dimension through input (a), weights (b), output (c), bias.

    Attributes:
        groups, images: Loops around everything.
        rows, pixels: Of the output.
        columns: Output channels of one group.
        channels: Reduced at each tap; 1 where the problem is channelwise.
        kernel_h, kernel_w, dilation_h, dilation_w: Taps.
        stride_h, stride_w: Of the windows, in rows and pixels of the input.
        row_pitch, pixel_pitch: Distance of the input's rows and pixels in memory.
        channelwise: Output column k sees input channel k only.
    """

    groups: Axis
    images: Axis
    rows: Axis
    pixels: Axis
    columns: Axis
    channels: int
    kernel_h: int = 1
    kernel_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    stride_h: int = 1
    stride_w: int = 1
    row_pitch: int
    pixel_pitch: int
    channelwise: bool = False

    @property
    def depth(self) -> int:
        """Products that one output is the sum of."""
        return self.kernel_h * self.kernel_w * self.channels


@dataclass(frozen=True, slots=True)
class Block:
    """Largest sizes of a block: outputs, and the part of the reduction that is on the chip at once.

    Attributes:
        rows, pixels, columns: Of the output.
        taps_h: All kernel rows or one of them.
        taps_w: All taps of a kernel row or one.
        channels: Of each tap.
        weights_first: Blocks of columns are around those of pixels, so that weights are loaded once for all
            pixels; otherwise the other way round.
    """

    rows: int
    pixels: int
    columns: int
    taps_h: int
    taps_w: int
    channels: int
    weights_first: bool


@dataclass(frozen=True, slots=True)
class Region:
    """The input of a block as it lies on the chip, dense: rows × pixels × channels.

    Attributes:
        rows, pixels, channels: Its size.
        row_pitch, pixel_pitch: Distance of its rows and pixels in main memory.
        row_step, pixel_step: From one window to the next, in rows and pixels of the region.
        tap_row_step, tap_step: From one tap to the next.
    """

    rows: int
    pixels: int
    channels: int
    row_pitch: int
    pixel_pitch: int
    row_step: int
    pixel_step: int
    tap_row_step: int
    tap_step: int

    @property
    def bytes(self) -> int:
        """On the chip."""
        return self.rows * self.pixels * self.channels

    @property
    def row_bytes(self) -> int:
        """On the chip."""
        return self.pixels * self.channels

    @property
    def pieces(self) -> int:
        """Operands that cover it in main memory: each is rows at one pitch."""
        return 1 if self._is_flat else self.rows

    @property
    def _is_flat(self) -> bool:
        whole_rows = self.pixel_pitch == self.channels or self.pixels == 1
        return whole_rows or self.rows == 1 or self.row_pitch == self.pixels * self.pixel_pitch

    def piece(self, address: Affine) -> Memory:
        """One of the ``pieces``, the first one at ``address``, the others ``row_pitch`` further."""
        if self.pixels == 1 or self.pixel_pitch == self.channels:
            return stretch(address, self.row_bytes, self.rows, self.row_pitch)
        count = self.pixels * (self.rows if self._is_flat else 1)
        return stretch(address, self.channels, count, self.pixel_pitch)

    def transactions(self, bus_bytes: int) -> int:
        """Bus transactions that load it."""
        if self.pixel_pitch == self.channels and self.row_pitch == self.row_bytes:
            return -(-self.bytes // bus_bytes)
        if self.pixels == 1 or self.pixel_pitch == self.channels:
            return self.rows * -(-self.row_bytes // bus_bytes)
        return self.rows * self.pixels * -(-self.channels // bus_bytes)


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a layer's outputs: the problem, where it begins, and what its sums are divided by."""

    problem: Problem
    origin: Offset = START
    divide: int = 1


def parts_of(layer: Layer) -> tuple[Part, ...]:
    """The layer as one problem; an average pooling as one for each number of taps that its means are over."""
    if layer.op not in ("avgpool", "globalavgpool"):
        return (Part(problem(layer)),)
    regions, view = mean_regions(layer), windows(layer)
    if len(regions) == 1:
        return (Part(problem(layer), divide=regions[0].taps),)
    whole = _channelwise(view)
    return tuple(
        Part(
            replace(
                whole,
                rows=replace(whole.rows, count=region.rows),
                pixels=replace(whole.pixels, count=region.columns),
            ),
            along(whole.rows, region.row) + along(whole.pixels, region.column),
            region.taps,
        )
        for region in regions
    )


def problem(layer: Layer) -> Problem:
    """A matrix product, convolution, transposed convolution or pooling as a :class:`Problem`."""
    if layer.op in MATRIX_PRODUCTS:
        m, n, k = layer.gemm_M, layer.gemm_N, layer.gemm_K
        return Problem(
            groups=Axis(layer.gemm_batch, m * k, m * n, k * n),
            images=Axis(1), rows=Axis(1), pixels=Axis(m, k, n), columns=Axis(n, 0, 1, k, 4),
            channels=k, row_pitch=m * k, pixel_pitch=k,
        )  # fmt: skip
    view = _upright(windows(layer))
    if is_channelwise(layer):
        return _joined(_channelwise(view), view)
    return _joined(_windowed(view, layer.groups, layer.C // layer.groups, layer.K), view)


def is_channelwise(layer: Layer) -> bool:
    """Whether every output channel sees exactly its own input channel."""
    depthwise = layer.op in KERNELS and layer.groups == layer.C == layer.K and layer.C > 1
    return layer.op in POOLINGS or depthwise


def _channelwise(view: Windows) -> Problem:
    """Every output channel from its own input channel."""
    whole = _windowed(view, 1, 1, view.channels)
    return replace(whole, columns=replace(whole.columns, a=1), channelwise=True)


def _windowed(view: Windows, groups: int, channels: int, outputs: int) -> Problem:
    depth = view.kernel_h * view.kernel_w * channels
    columns, out_row = outputs // groups, view.out_w * outputs
    return Problem(
        groups=Axis(groups, channels, columns, depth * columns, 4 * columns),
        images=Axis(view.batch, view.image_bytes, view.out_h * out_row),
        rows=Axis(view.out_h, view.stride_h * view.row_bytes, out_row),
        pixels=Axis(view.out_w, view.stride_w * view.channels, outputs),
        columns=Axis(columns, 0, 1, depth, 4),
        channels=channels,
        kernel_h=view.kernel_h, kernel_w=view.kernel_w,
        dilation_h=view.dilation_h, dilation_w=view.dilation_w,
        stride_h=view.stride_h, stride_w=view.stride_w,
        row_pitch=view.row_bytes, pixel_pitch=view.channels,
    )  # fmt: skip


def _upright(view: Windows) -> Windows:
    """An image of one column as one of one row: the same bytes, and pixels that follow one another."""
    if (view.width, view.out_w, view.kernel_w) != (1, 1, 1) or view.height == 1:
        return view
    return replace(
        view, height=1, width=view.height, out_h=1, out_w=view.out_h, kernel_h=1, kernel_w=view.kernel_h,
        stride_h=1, stride_w=view.stride_h, dilation_h=1, dilation_w=view.dilation_h,
    )  # fmt: skip


def _joined(whole: Problem, view: Windows) -> Problem:
    """Dimensions that continue each other as one: pixels of all rows, taps of a window over it all."""
    point = (view.kernel_h, view.kernel_w) == (1, 1)
    if point and (view.out_h, view.out_w) == (view.height, view.width):
        # strides are 1, or there is nowhere to go; but images follow one another without gaps
        pixels = replace(whole.pixels, count=view.batch * view.out_h * view.out_w, a=view.channels)
        return replace(whole, images=Axis(1), rows=Axis(1), pixels=pixels, stride_h=1, stride_w=1)
    one_output = (view.out_h, view.out_w) == (1, 1)
    dense = view.dilation_w == 1 or view.kernel_w == 1
    if view.kernel_h > 1:
        dense = dense and view.dilation_h == 1 and view.kernel_w == view.width
    if one_output and dense and not whole.channelwise and whole.groups.count == 1:
        return replace(
            whole, images=Axis(1), rows=Axis(1), pixels=whole.images,
            channels=whole.depth, kernel_h=1, kernel_w=1, stride_h=1, stride_w=1,
            dilation_h=1, dilation_w=1, row_pitch=view.batch * view.image_bytes,
            pixel_pitch=view.image_bytes,
        )  # fmt: skip
    return whole


def region(whole: Problem, block: Block, rows: int, pixels: int, channels: int) -> Region:
    """The input under ``rows`` × ``pixels`` windows, without what no tap of the block sees."""
    row_step, rows_seen, row_pitch = whole.stride_h, rows, whole.row_pitch
    if block.taps_h == 1:
        row_step, row_pitch = 1, whole.row_pitch * whole.stride_h
    else:
        rows_seen = (rows - 1) * whole.stride_h + whole.dilation_h * (block.taps_h - 1) + 1
    pixel_step, pixels_seen, pixel_pitch = whole.stride_w, pixels, whole.pixel_pitch
    if block.taps_w == 1:
        pixel_step, pixel_pitch = 1, whole.pixel_pitch * whole.stride_w
    else:
        pixels_seen = (pixels - 1) * whole.stride_w + whole.dilation_w * (block.taps_w - 1) + 1
    return Region(
        rows_seen, pixels_seen, channels, row_pitch, pixel_pitch,
        row_step, pixel_step, whole.dilation_h, whole.dilation_w,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Splits:
    """The dimensions of a problem in blocks; ``taps_h``, ``taps_w`` and ``channels`` are the reduction."""

    rows: Split
    pixels: Split
    columns: Split
    taps_h: Split
    taps_w: Split
    channels: Split

    @property
    def is_cut(self) -> bool:
        """Whether the reduction of an output takes several blocks."""
        return max(self.taps_h.tiles, self.taps_w.tiles, self.channels.tiles) > 1


def splits(whole: Problem, block: Block) -> Splits:
    """``whole`` in blocks of about equal size."""
    return Splits(
        even_split(whole.rows.count, block.rows),
        even_split(whole.pixels.count, block.pixels),
        even_split(whole.columns.count, block.columns),
        split(whole.kernel_h, block.taps_h),
        split(whole.kernel_w, block.taps_w),
        even_split(whole.channels, block.channels),
    )


def packing(whole: Problem, block: Block, grain: int) -> Iterator[tuple[slice, slice, slice, slice]]:
    """The weights of one group in the order of their use: ranges of kernel rows, taps, channels, columns.

    Block of columns by block of columns; in each, part of the reduction by part; in each, ``grain`` columns
    after another, as a matrix by rows.
    """
    parts = splits(whole, block)
    for begin, end in _ranges(parts.columns):
        for r in _ranges(parts.taps_h):
            for s in _ranges(parts.taps_w):
                for c in _ranges(parts.channels):
                    for first in range(begin, end, grain):
                        yield slice(*r), slice(*s), slice(*c), slice(first, min(first + grain, end))


def packed(matrix: NDArray[Any], whole: Problem, block: Block, grain: int) -> NDArray[Any]:
    """One group's weights, shape ``(depth, columns)``, as :func:`packing` says, flat."""
    import numpy as np

    cube = matrix.reshape(whole.kernel_h, whole.kernel_w, whole.channels, -1)
    return np.concatenate([cube[piece].reshape(-1) for piece in packing(whole, block, grain)])


def _ranges(parts: Split) -> Iterator[tuple[int, int]]:
    for number in range(parts.tiles):
        yield number * parts.tile, min((number + 1) * parts.tile, parts.size)
