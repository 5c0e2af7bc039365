"""Windows sliding over a padded image: the common geometry of convolutions and poolings.

Activations lie in memory as NHWC, one byte per element. A layer that pads gets an input array in which the
halo is materialised, so that every window is a set of rows with affine addresses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mappings.layers import TRANSPOSED_CONVOLUTIONS, Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Sizes in elements (= bytes).

    Attributes:
        batch, channels: Of the input.
        height, width: Of the padded input.
        top, left: Where the input's first row and column lie; negative: so many are cut off.
        spacing_h, spacing_w: Distance of the input's rows and columns; more than 1 in transposed
            convolutions, which are convolutions over an input with zeros between its elements.
        out_h, out_w: Windows.
        kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w: Of a window.
    """

    batch: int
    channels: int
    height: int
    width: int
    top: int
    left: int
    spacing_h: int
    spacing_w: int
    out_h: int
    out_w: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int

    @property
    def row_bytes(self) -> int:
        """Distance of two rows of the padded input."""
        return self.width * self.channels

    @property
    def image_bytes(self) -> int:
        """Distance of two padded images of the batch."""
        return self.height * self.row_bytes

    @property
    def bytes(self) -> int:
        """Bytes of the padded input."""
        return self.batch * self.image_bytes


def windows(layer: Layer) -> Windows:
    """Geometry of a convolution, transposed convolution or pooling."""
    spacing = (1, 1)
    if layer.op == "globalavgpool":
        layer = replace(
            layer, R=layer.H, S=layer.W, stride_h=1, stride_w=1, dilation_h=1, dilation_w=1,
            pad_h=0, pad_w=0, pad_h_end=None, pad_w_end=None, ceil_mode=False,
        )  # fmt: skip
    if layer.op in TRANSPOSED_CONVOLUTIONS:
        spacing = (layer.stride_h, layer.stride_w)
        layer = _as_convolution(layer)
    reach_h = (layer.OH - 1) * layer.stride_h + layer.dilation_h * (layer.R - 1) + 1
    reach_w = (layer.OW - 1) * layer.stride_w + layer.dilation_w * (layer.S - 1) + 1
    return Windows(
        batch=layer.N, channels=layer.C,
        height=max(reach_h, layer.pad_h + layer.H), width=max(reach_w, layer.pad_w + layer.W),
        top=layer.pad_h, left=layer.pad_w, spacing_h=spacing[0], spacing_w=spacing[1],
        out_h=layer.OH, out_w=layer.OW, kernel_h=layer.R, kernel_w=layer.S,
        stride_h=layer.stride_h, stride_w=layer.stride_w,
        dilation_h=layer.dilation_h, dilation_w=layer.dilation_w,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of output pixels whose means are over ``taps`` taps each.

    Attributes:
        row, column: The first one.
        rows, columns: How many.
    """

    row: int
    rows: int
    column: int
    columns: int
    taps: int


def mean_regions(layer: Layer) -> tuple[Region, ...]:
    """The output of an average pooling by the number of taps that count; one region where all do.

    Taps beyond the padding, which windows of ``ceil_mode`` reach, never count, those in it only where the
    layer says so. A mean over no tap is 0.
    """
    view = windows(layer)
    if layer.op == "globalavgpool":
        return (Region(0, view.out_h, 0, view.out_w, view.kernel_h * view.kernel_w),)
    end_h = layer.pad_h if layer.pad_h_end is None else layer.pad_h_end
    end_w = layer.pad_w if layer.pad_w_end is None else layer.pad_w_end
    if layer.count_include_pad:
        high, wide = range(layer.pad_h + layer.H + end_h), range(layer.pad_w + layer.W + end_w)
    else:
        high, wide = (
            range(layer.pad_h, layer.pad_h + layer.H),
            range(layer.pad_w, layer.pad_w + layer.W),
        )
    rows = _counted(view.out_h, layer.stride_h, layer.dilation_h, layer.R, high)
    columns = _counted(view.out_w, layer.stride_w, layer.dilation_w, layer.S, wide)
    return tuple(
        Region(row, height, column, width, max(1, a * b))
        for row, height, a in _runs(rows)
        for column, width, b in _runs(columns)
    )


def _counted(outputs: int, stride: int, dilation: int, taps: int, inside: range) -> list[int]:
    """Taps of each window in one dimension that a mean is over."""
    return [
        sum(output * stride + tap * dilation in inside for tap in range(taps)) for output in range(outputs)
    ]


def _runs(values: list[int]) -> list[tuple[int, int, int]]:
    """Equal neighbours as (first, count, value)."""
    runs: list[tuple[int, int, int]] = []
    for position, value in enumerate(values):
        if runs and runs[-1][2] == value:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1, value)
        else:
            runs.append((position, 1, value))
    return runs


def _as_convolution(layer: Layer) -> Layer:
    """The convolution of stride 1 over the spread-out input that a transposed convolution is.

    Its kernel is the transposed one's turned by 180 degrees. Paddings can be negative: then rows are cut off.
    """
    out_h, out_w = layer.OH, layer.OW
    height, width = layer.stride_h * (layer.H - 1) + 1, layer.stride_w * (layer.W - 1) + 1
    top = layer.dilation_h * (layer.R - 1) - layer.pad_h
    left = layer.dilation_w * (layer.S - 1) - layer.pad_w
    return replace(
        layer, op="conv", H=height, W=width, stride_h=1, stride_w=1, pad_h=top, pad_w=left,
        pad_h_end=out_h - 1 + layer.dilation_h * (layer.R - 1) + 1 - height - top,
        pad_w_end=out_w - 1 + layer.dilation_w * (layer.S - 1) + 1 - width - left,
        output_pad_h=0, output_pad_w=0,
    )  # fmt: skip
