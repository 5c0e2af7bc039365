"""Activations in blocks of channels: image by image, block by block, pixels of ``block`` channels each.

Machines whose memories deliver a few channels of a pixel at a time keep tensors in this layout (NCHWc),
the channels filled up to whole blocks with zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mappings.layers import MATRIX_PRODUCTS, Layer
from mappings.library._windows import Windows, windows

if TYPE_CHECKING:
    from numpy.typing import NDArray


def block_count(channels: int, block: int) -> int:
    """Blocks that hold so many channels."""
    return -(-channels // block)


def geometry(layer: Layer) -> Windows:
    """Windows of a convolution or pooling; of products, rows of A as pixels of one line each."""
    if layer.op not in MATRIX_PRODUCTS:
        return windows(layer)
    return Windows(
        batch=layer.gemm_batch, channels=layer.gemm_K, height=1, width=layer.gemm_M, top=0, left=0,
        spacing_h=1, spacing_w=1, out_h=1, out_w=layer.gemm_M, kernel_h=1, kernel_w=1,
        stride_h=1, stride_w=1, dilation_h=1, dilation_w=1,
    )  # fmt: skip


def to_blocks(layer: Layer, array: NDArray[Any], block: int) -> NDArray[Any]:
    """An array as ``_operands`` lays it out, NHWC or matrices, as ``(N, blocks, H, W, block)``."""
    if layer.op in MATRIX_PRODUCTS:
        array = array.reshape(-1, 1, *array.shape[-2:])
    filled = fill_up(array, 3, block)
    n, h, w, _ = filled.shape
    return filled.reshape(n, h, w, -1, block).transpose(0, 3, 1, 2, 4)


def from_blocks(blocks: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The array of that shape, NHWC or matrices, that lies in ``(N, blocks, H, W, block)``."""
    n, _, h, w, _ = blocks.shape
    return blocks.transpose(0, 2, 3, 1, 4).reshape(n, h, w, -1)[..., : shape[-1]].reshape(shape)


def fill_up(values: NDArray[Any], axis: int, multiple: int) -> NDArray[Any]:
    """``values`` with zeros behind them, until ``axis`` is a multiple of ``multiple``."""
    import numpy as np

    widths = [(0, 0)] * values.ndim
    widths[axis] = (0, -values.shape[axis] % multiple)
    return np.pad(values, widths)
