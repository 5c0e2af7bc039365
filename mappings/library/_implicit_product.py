"""Convolutions and matrix products as one shape of problem, without an explicit im2col matrix.

Everything that multiplies is output pixels × output columns, reduced over the taps of a kernel and, at each
tap, over a run of consecutive bytes. Neighbouring pixels are at a constant distance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from mappings.layers import MATRIX_PRODUCTS, Layer
from mappings.library._axes import Axis
from mappings.library._split import repeat
from mappings.library._windows import windows
from mappings.program import Affine, Node, as_affine


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product with affine operands.

    Attributes:
        outer: Loops around everything: groups, images.
        rows: Rows of the output that can share tiles of B.
        pixels: Consecutive pixels of one row.
        columns: Output columns of one group.
        taps: Loops of the reduction outside the run; only ``count`` and ``a`` matter.
        run: Consecutive bytes of A that are reduced at each tap.
    """

    outer: tuple[Axis, ...]
    rows: Axis
    pixels: Axis
    columns: int
    taps: tuple[Axis, ...]
    run: int

    @property
    def depth(self) -> int:
        """Length of the whole reduction."""
        return prod(tap.count for tap in self.taps) * self.run


@dataclass(frozen=True, slots=True)
class Place:
    """Offsets in A, B, C and the bias, and the number of ways here so far, at some place of a nest."""

    a: Affine
    b: Affine
    c: Affine
    bias: Affine
    number: Affine

    def along(self, axis: Axis, steps: Affine) -> Place:
        """So many steps along a dimension."""
        return Place(
            self.a + steps * axis.a,
            self.b + steps * axis.b,
            self.c + steps * axis.c,
            self.bias + steps * axis.bias,
            self.number * axis.count + steps,
        )


def product(layer: Layer) -> Product:
    """A matrix product, convolution or transposed convolution as a :class:`Product`."""
    if layer.op in MATRIX_PRODUCTS:
        pixels = Axis(layer.gemm_M, layer.gemm_K, layer.gemm_N)
        m, n, k = layer.gemm_M, layer.gemm_N, layer.gemm_K
        batch = (Axis(layer.gemm_batch, m * k, m * n, k * n),) if layer.gemm_batch > 1 else ()
        return Product(batch, Axis(1), pixels, n, (), k)
    view = windows(layer)
    inputs, outputs = layer.C // layer.groups, layer.K // layer.groups
    out_row = view.out_w * layer.K
    *outer, rows, pixels = _merged(
        Axis(view.batch, view.image_bytes, view.out_h * out_row),
        Axis(view.out_h, view.stride_h * view.row_bytes, out_row),
        Axis(view.out_w, view.stride_w * view.channels, layer.K),
    )
    taps = [
        Axis(view.kernel_h, view.dilation_h * view.row_bytes),
        Axis(view.kernel_w, view.dilation_w * view.channels),
    ]
    run = inputs
    while taps and (taps[-1].count == 1 or taps[-1].a == run):  # a kernel row can be one run of S · C bytes
        run *= taps.pop().count
    kept = tuple(tap for tap in taps if tap.count > 1)
    depth = view.kernel_h * view.kernel_w * inputs
    groups = Axis(layer.groups, inputs, outputs, depth * outputs, 4 * outputs)
    return Product((groups, *outer), rows, pixels, outputs, kept, run)


def _merged(*axes: Axis) -> list[Axis]:
    """Axes with those that continue each other joined; at least two, in front filled up with ones."""
    result: list[Axis] = []
    for axis in axes:
        if axis.count == 1:
            continue
        last = result[-1] if result else None
        if last and (last.a, last.c) == (axis.count * axis.a, axis.count * axis.c):
            result[-1] = Axis(last.count * axis.count, axis.a, axis.c)
        else:
            result.append(axis)
    return [Axis(1)] * (2 - len(result)) + result


def over_taps(problem: Product, a: Affine, body: Callable[[Affine, Affine], Node]) -> Node:
    """Loops over the taps around ``body(address, number of the tap)``, from address ``a`` on."""
    return _over(problem.taps, 0, a, as_affine(0), body)


def _over(
    taps: tuple[Axis, ...], depth: int, a: Affine, number: Affine, body: Callable[[Affine, Affine], Node]
) -> Node:
    """Loops over the taps around ``body(address, number of the tap)``."""
    if depth == len(taps):
        return body(a, number)
    tap = taps[depth]
    return repeat(
        f"t{depth}",
        tap.count,
        lambda i: _over(taps, depth + 1, a + i * tap.a, number * tap.count + i, body),
    )
