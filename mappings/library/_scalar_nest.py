"""Loop nests of a scalar machine: one output after the other, one operand after the other.

What a nest computes and where its operands lie is said here; which instructions do it, those for loops and
addresses included, by the machine's :class:`Code`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol

from mappings.layers import KERNELS, MATRIX_PRODUCTS, POOLINGS, Layer
from mappings.library._general_operators import has_function, transposition
from mappings.library._memory import Array
from mappings.library._operands import INT8_MIN, input_name, is_copy, is_elementwise, output_shape
from mappings.library._windows import Region, Windows, mean_regions, windows
from mappings.program import Affine, Node, as_affine, sequence


@dataclass(frozen=True, slots=True)
class Level:
    """A loop: its name and trips, and the arrays whose pointers its iterations advance.

    ``innermost``: its body is straight code, which may stand several times in one iteration.
    """

    name: str
    count: int
    pointers: tuple[str, ...]
    innermost: bool = False


class Code(Protocol):
    """Instructions of a scalar machine with an accumulator. Operands are an array and an address in it."""

    def loop(self, level: Level, body: Callable[[Affine], Node]) -> Node:
        """``body`` for every index."""

    def load(self, array: str, address: Affine) -> Node:
        """The accumulator becomes an int8."""

    def start(self, value: int) -> Node:
        """The accumulator becomes a number."""

    def start_from_bias(self, address: Affine) -> Node:
        """The accumulator becomes an int32."""

    def multiply(self, a: Affine, b: Affine) -> Node:
        """Add the product of an input and a weight."""

    def combine(self, operation: str, array: str, address: Affine) -> Node:
        """Add an int8 (``add``), or take the maximum with it (``max``)."""

    def relu(self) -> Node:
        """The maximum with zero."""

    def prepare_mean(self, taps: int) -> Node:
        """Whatever divisions by the same number need once."""

    def mean(self, taps: int) -> Node:
        """Divide, rounding to the nearest, ties up."""

    def store(self, address: Affine, in_range: bool) -> Node:
        """Write an int8, cut unless it is known to be in range."""


def has_nest(layer: Layer) -> bool:
    """Whether the layer is one of products, windows, sums, a ReLU, a copy or a transposition."""
    if layer.op in KERNELS | MATRIX_PRODUCTS | POOLINGS or is_elementwise(layer) or is_copy(layer):
        return True
    return layer.op == "transpose" and has_function(layer)


def lower(layer: Layer, at: Mapping[str, Array], code: Code) -> Node:
    """The nest of a layer that :func:`has_nest`."""
    if layer.op in KERNELS:
        return _convolution(layer, at, code)
    if layer.op in MATRIX_PRODUCTS:
        return _product(layer, at, code)
    if layer.op in POOLINGS:
        return _pooling(layer, at, code)
    return (_transposition if layer.op == "transpose" else _elementwise)(layer, at, code)


def _nest(levels: Sequence[Level], code: Code, body: Callable[..., Node]) -> Node:
    """Loops around ``body(index, …)``, the first one outermost."""
    if not levels:
        return body()
    return code.loop(levels[0], lambda value: _nest(levels[1:], code, lambda *inner: body(value, *inner)))


def _start(at: Mapping[str, Array], code: Code, channel: Affine) -> Node:
    """The accumulator at the bias of an output channel, or at zero."""
    if "bias" in at:
        return code.start_from_bias(channel * 4 + at["bias"].address)
    return code.start(0)


def _channel_pointers(at: Mapping[str, Array]) -> tuple[str, ...]:
    return ("input", "output", "bias") if "bias" in at else ("input", "output")


def _corner(view: Windows, n: Affine, oh: Affine, ow: Affine) -> Affine:
    """Offset of the first byte of a window."""
    return n * view.image_bytes + oh * (view.stride_h * view.row_bytes) + ow * (view.stride_w * view.channels)


def _convolution(layer: Layer, at: Mapping[str, Array], code: Code) -> Node:
    """Every output: bias, then taps and channels of its group. Weights lie as (K, R, S, C/groups)."""
    view, outputs, inputs = windows(layer), layer.K // layer.groups, layer.C // layer.groups
    taps = layer.R * layer.S * inputs

    def output(n: Affine, oh: Affine, ow: Affine, g: Affine, k: Affine) -> Node:
        channel = g * outputs + k
        corner = _corner(view, n, oh, ow) + g * inputs + at["input"].address

        def tap(r: Affine, s: Affine, c: Affine) -> Node:
            in_image = r * (view.dilation_h * view.row_bytes) + s * (view.dilation_w * layer.C) + c
            in_kernel = channel * taps + (r * layer.S + s) * inputs + c
            return code.multiply(corner + in_image, in_kernel + at["weights"].address)

        position = ((n * view.out_h + oh) * view.out_w + ow) * layer.K + channel
        return sequence(
            _start(at, code, channel),
            _nest(_reduction(layer, view), code, tap),
            code.store(position + at["output"].address, in_range=False),
        )

    across = ("input", "weights")
    outer = [
        Level("n", layer.N, across), Level("oh", view.out_h, across), Level("ow", view.out_w, across),
        Level("g", layer.groups, ("input",)), Level("k", outputs, _channel_pointers(at)),
    ]  # fmt: skip
    return _nest(outer, code, output)


def _reduction(layer: Layer, view: Windows) -> list[Level]:
    """Loops over taps and channels; weights follow one another: one loop moves their pointer."""
    sizes = [("r", layer.R), ("s", layer.S), ("c", layer.C // layer.groups)]
    last = max((number for number, (_, count) in enumerate(sizes) if count > 1), default=2)
    return [
        Level(name, count, ("input", "weights") if number == last else ("input",), number == last)
        for number, (name, count) in enumerate(sizes)
    ]


def _product(layer: Layer, at: Mapping[str, Array], code: Code) -> Node:
    """Every element of C: bias, then its row of A times its column of B, which lies as a row."""
    rows, columns, depth = layer.gemm_M, layer.gemm_N, layer.gemm_K

    def element(b: Affine, i: Affine, j: Affine) -> Node:
        row = (b * rows + i) * depth + at["input"].address
        column = (b * columns + j) * depth + at["weights"].address
        inner = Level("k", depth, ("input", "weights"), innermost=True)
        return sequence(
            _start(at, code, j),
            code.loop(inner, lambda k: code.multiply(row + k, column + k)),
            code.store((b * rows + i) * columns + j + at["output"].address, in_range=False),
        )

    outer = [
        Level("b", layer.gemm_batch, ("input", "weights")), Level("i", rows, ("input", "weights")),
        Level("j", columns, _channel_pointers(at)),
    ]  # fmt: skip
    return _nest(outer, code, element)


def _pooling(layer: Layer, at: Mapping[str, Array], code: Code) -> Node:
    """Every output: the maximum or mean of its window, region by region of one divisor."""
    view = windows(layer)
    if layer.op == "maxpool":
        return _pool(layer, at, code, Region(0, view.out_h, 0, view.out_w, 0))
    return sequence(*(_pool(layer, at, code, region) for region in mean_regions(layer)))


def _pool(layer: Layer, at: Mapping[str, Array], code: Code, region: Region) -> Node:
    """Outputs of a region; ``taps`` is 0 for maxima."""
    view, maximum = windows(layer), region.taps == 0

    def output(n: Affine, y: Affine, x: Affine, c: Affine) -> Node:
        oh, ow = y + region.row, x + region.column
        corner = _corner(view, n, oh, ow) + c + at["input"].address

        def tap(r: Affine, s: Affine) -> Node:
            inside = r * (view.dilation_h * view.row_bytes) + s * (view.dilation_w * layer.C)
            return code.combine("max" if maximum else "add", "input", corner + inside)

        position = ((n * view.out_h + oh) * view.out_w + ow) * layer.C + c
        wide = view.kernel_w > 1
        window = [
            Level("r", view.kernel_h, ("input",), not wide),
            Level("s", view.kernel_w, ("input",), wide),
        ]
        return sequence(
            code.start(INT8_MIN if maximum else 0),
            _nest(window, code, tap),
            *([] if maximum else [code.mean(region.taps)]),
            code.store(position + at["output"].address, in_range=True),
        )  # fmt: skip

    outer = [
        Level("n", layer.N, ("input", "output")), Level("oh", region.rows, ("input", "output")),
        Level("ow", region.columns, ("input",)), Level("c", layer.C, ("input", "output")),
    ]  # fmt: skip
    pixels = _nest(outer, code, output)
    return pixels if maximum else sequence(code.prepare_mean(region.taps), pixels)


def _elementwise(layer: Layer, at: Mapping[str, Array], code: Code) -> Node:
    """ReLU, a copy, or the sum of two or more tensors."""
    operands = layer.operands if layer.op == "add" else 1
    size = at["output"].bytes if is_copy(layer) else prod(output_shape(layer))
    names = [input_name(number) for number in range(operands)]

    def element(e: Affine) -> Node:
        more = [code.combine("add", name, e + at[name].address) for name in names[1:]]
        relu = [code.relu()] if layer.op == "relu" else []
        store = code.store(e + at["output"].address, in_range=operands == 1)
        return sequence(code.load("input", e + at["input"].address), *more, *relu, store)

    return code.loop(Level("e", size, (*names, "output"), innermost=True), element)


def _transposition(layer: Layer, at: Mapping[str, Array], code: Code) -> Node:
    """Every element to its place, in the order of the output."""
    walks = transposition(layer)

    def element(*indices: Affine) -> Node:
        source = target = as_affine(0)
        for i, walk in zip(indices, walks, strict=True):
            source, target = source + i * walk.source, target + i * walk.target
        load = code.load("input", source + at["input"].address)
        return sequence(load, code.store(target + at["output"].address, in_range=True))

    counts = [walk.count for walk in walks]
    last = max((number for number, count in enumerate(counts) if count > 1), default=3)
    levels = [
        Level(name, count, ("input", "output") if number == last else ("input",), number == last)
        for number, (name, count) in enumerate(zip("nhwc", counts, strict=True))
    ]
    return _nest(levels, code, element)
