"""Layers to be measured: drawn at random, or their representatives.

Sizes are drawn evenly on a logarithmic scale, so that small layers, of which networks have many, are not left
out. The representatives of the drawn layers are what a benchmark of performance representatives measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mappings.layers import Layer

KERNELS = (1, 3, 5)
STRIDES = (1, 2)
TRIALS = 20  # draws for each layer that is wanted, before the space counts as exhausted


@dataclass(frozen=True)
class Space:
    """Ranges that sizes are drawn from, both ends included.

    Attributes:
        op: ``conv``, ``dwconv``, ``conv1d`` or ``gemm``.
        channels: Of inputs and outputs; all three sizes of ``gemm``.
        image: Height and width, which are equal (``conv1d``: the length).
        kernels: Sizes of the kernel, equally likely.
        strides: Equally likely.
        widths: Step widths of c_in, kernel_row, c_out, h_out, w_out and m: only representatives are drawn.
    """

    op: str = "conv"
    channels: tuple[int, int] = (1, 512)
    image: tuple[int, int] = (7, 112)
    kernels: tuple[int, ...] = KERNELS
    strides: tuple[int, ...] = STRIDES
    widths: Mapping[str, int] = field(default_factory=dict)


def draw(space: Space, count: int, seed: int) -> list[Layer]:
    """Different layers; fewer than ``count`` where the space has no more."""
    random = np.random.default_rng(seed)
    found: dict[Layer, None] = {}
    for _ in range(TRIALS * count):
        if len(found) == count:
            break
        found.setdefault(representative(_one(space, random), space.widths))
    return [replace(layer, name=f"layer{i}") for i, layer in enumerate(found)]


def _one(space: Space, random: np.random.Generator) -> Layer:
    def size(ends: tuple[int, int]) -> int:
        low, high = np.log(ends[0]), np.log(ends[1] + 1)
        return min(int(np.exp(random.uniform(low, high))), ends[1])

    if space.op == "gemm":
        m, n, k = (size(space.channels) for _ in range(3))
        return Layer(name="layer", op="gemm", gemm_M=m, gemm_N=n, gemm_K=k)
    kernel, stride = int(random.choice(space.kernels)), int(random.choice(space.strides))
    channels, image = size(space.channels), max(size(space.image), kernel)
    flat = space.op == "conv1d"
    depthwise = space.op == "dwconv"
    return Layer(
        name="layer",
        op=space.op,
        C=channels,
        K=channels if depthwise else size(space.channels),
        groups=channels if depthwise else 1,
        H=1 if flat else image,
        W=image,
        R=1 if flat else kernel,
        S=kernel,
        stride_h=1 if flat else stride,
        stride_w=stride,
        pad_h=0 if flat else kernel // 2,
        pad_w=kernel // 2,
    )


def representative(layer: Layer, widths: Mapping[str, int]) -> Layer:
    """The layer with its stepping sizes raised to the ends of their steps."""
    if layer.op == "gemm":
        names = {"m": "gemm_M", "c_out": "gemm_N", "c_in": "gemm_K"}
        raised = {names[n]: _raise(getattr(layer, names[n]), w) for n, w in widths.items() if n in names}
        return replace(layer, **raised)  # type: ignore[arg-type]
    if layer.op == "dwconv":
        channels = _raise(layer.C, widths.get("c_out", 1))
        layer = replace(layer, C=channels, K=channels, groups=channels)
    else:
        channels = _raise(layer.C, widths.get("c_in", 1))
        row = _raise(layer.S * channels, widths.get("kernel_row", 1)) // layer.S
        layer = replace(layer, C=max(channels, row), K=_raise(layer.K, widths.get("c_out", 1)))
    if layer.op == "conv1d":
        widths = {**widths, "h_out": 1}  # there is no height
    more_h = (_raise(layer.OH, widths.get("h_out", 1)) - layer.OH) * layer.stride_h
    more_w = (_raise(layer.OW, widths.get("w_out", 1)) - layer.OW) * layer.stride_w
    return replace(layer, H=layer.H + more_h, W=layer.W + more_w)


def _raise(size: int, width: int) -> int:
    return -(-size // width) * width
