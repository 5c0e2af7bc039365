"""Matrix products and convolutions on the systolic array.

Everything that multiplies is one shape of problem, :class:`Product`: output pixels × output columns, reduced
over the taps of a kernel and, at each tap, over a run of consecutive bytes. A tile of A is a stretch of
pixels × a part of the run, which is a range of rows at a constant pitch; nothing is ever copied into an
explicit im2col matrix.

The nest is, from outside: groups and images, columns (j), rows of the output (y), pixels (x), taps, parts of
the run (k). The innermost body is ``load_b, load_a, gemm``; after the reduction follows one ``store``. Where
output rows are shorter than half of what the array can stream, several rows share one tile of B: the body is
``load_b`` and, per row, ``load_a, gemm``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from mappings.library._implicit_product import Place, Product, over_taps
from mappings.library._memory import Array, stretch
from mappings.library._split import Split, Tile, over, repeat, rotating, split
from mappings.program import Affine, Node, Register, as_affine, memory, sequence, step

BANKS = 2  # accumulator banks: one is drained while the other is filled
BIAS_SLOTS = 2


@dataclass(frozen=True, slots=True)
class ArrayShape:
    """What the mapping needs to know of the array; names are the description's parameters."""

    rows: int
    cols: int
    stream: int
    sections: int
    a_tiles: int
    b_tiles: int
    dataflow: str = "weight_stationary"

    @property
    def limits(self) -> tuple[int, int, int]:
        """Output pixels, output columns and bytes of the reduction in one tile, at most.

        Two of the three lie in the array; the third one streams.
        """
        return {
            "weight_stationary": (self.stream, self.cols, self.rows),
            "output_stationary": (self.rows, self.cols, self.stream),
            "input_stationary": (self.cols, self.stream, self.rows),
        }[self.dataflow]


@dataclass(frozen=True, slots=True)
class Tiling:
    """How the dimensions are split; ``rows`` into blocks that share tiles of B.

    ``pixels_outside``: all tiles of columns follow one another for each tile of pixels, not the other way
    round.
    """

    columns: Split
    rows: Split
    pixels: Split
    run: Split
    pixels_outside: bool = False


def tiling(problem: Product, array: ArrayShape) -> Tiling:
    """Tiles of about equal size that fit the array, its stream length and its accumulators."""
    most_pixels, most_columns, most_run = array.limits
    pixels = split(problem.pixels.count, most_pixels)
    weights_stay = array.dataflow == "weight_stationary"
    sharing = min(array.sections, array.stream // pixels.tile) if weights_stay and pixels.tiles == 1 else 1
    return Tiling(
        columns=split(problem.columns, most_columns),
        rows=split(problem.rows.count, sharing),
        pixels=pixels,
        run=split(problem.run, most_run),
    )


def lower_product(problem: Product, tiling: Tiling, at: Mapping[str, Array], array: ArrayShape) -> Node:
    """The loop nest over arrays ``input, weights, output`` and, where there is one, ``bias``."""
    return _Nest(problem, tiling, array, at).lower()


@dataclass(frozen=True)
class _Nest:
    problem: Product
    tiling: Tiling
    array: ArrayShape
    at: Mapping[str, Array]

    def lower(self) -> Node:
        zero = as_affine(0)
        start = Place(
            as_affine(self.at["input"].address),
            as_affine(self.at["weights"].address),
            as_affine(self.at["output"].address),
            as_affine(self.at["bias"].address if "bias" in self.at else 0),
            zero,
        )
        return self._outer(0, start)

    def _outer(self, depth: int, point: Place) -> Node:
        if depth == len(self.problem.outer):
            if self.tiling.pixels_outside:
                return self._pixels(point)
            return over("j", self.tiling.columns, lambda tile: self._column(point, tile))
        axis = self.problem.outer[depth]
        return repeat(f"n{depth}", axis.count, lambda i: self._outer(depth + 1, point.along(axis, i)))

    def _pixels(self, point: Place) -> Node:
        """All tiles of pixels, and for each one all tiles of columns, with their bias."""
        parts = self.tiling

        def tile(rows: Tile, pixels: Tile, columns: Tile) -> Node:
            number = (point.number * parts.rows.tiles + rows.number) * parts.pixels.tiles + pixels.number
            number = number * parts.columns.tiles + columns.number
            here, bias, loads = self._start(point, columns, number)
            moved = here.along(self.problem.rows, rows.offset)
            return sequence(*loads, self._tile(moved, columns, rows, pixels, number, bias))

        return over("y", parts.rows, lambda rows: over("x", parts.pixels, lambda pixels: over(
            "j", parts.columns, lambda columns: tile(rows, pixels, columns)
        )))  # fmt: skip

    def _column(self, point: Place, columns: Tile) -> Node:
        """One tile of columns: its bias, once, and all its pixels."""
        number = point.number * self.tiling.columns.tiles + columns.number
        here, bias, loads = self._start(point, columns, number)

        def tile(rows: Tile, pixels: Tile) -> Node:
            moved = here.along(self.problem.rows, rows.offset)
            count = number * self.tiling.rows.tiles + rows.number
            count = count * self.tiling.pixels.tiles + pixels.number
            return self._tile(moved, columns, rows, pixels, count, bias)

        return sequence(*loads, over("y", self.tiling.rows, lambda rows: over(
            "x", self.tiling.pixels, lambda pixels: tile(rows, pixels)
        )))  # fmt: skip

    def _start(self, point: Place, columns: Tile, number: Affine) -> tuple[Place, Register, list[Node]]:
        """The place of a tile of columns, its bias, and what loads it. Tiles of B lie column by column."""
        here = Place(
            point.a,
            point.b + columns.offset * self.problem.depth,
            point.c + columns.offset,
            point.bias + 4 * columns.offset,
            number,
        )
        if "bias" not in self.at:
            return here, Register("no_bias"), []
        bias = Register("bias", rotating(number, BIAS_SLOTS))
        return here, bias, [step("load_bias", dst=bias, src=memory(here.bias, 4 * columns.size))]

    def _tile(
        self, point: Place, columns: Tile, rows: Tile, pixels: Tile, number: Affine, bias: Register
    ) -> Node:
        """One tile of C for each of the rows: the reduction, then the stores."""
        moved = point.along(self.problem.pixels, pixels.offset)
        bank = rotating(number, BANKS) * self.tiling.rows.tile
        sums = [Register("acc", bank + part) for part in range(rows.size)]
        axis = self.problem
        stores = [
            step(
                "store",
                dst=memory(moved.c + part * axis.rows.c, columns.size, pixels.size, axis.pixels.c),
                acc=sums[part],
                bias=bias,
                relu=0,
            )
            for part in range(rows.size)
        ]

        def reduce(address: Affine, tap: Affine) -> Node:
            return over("k", self.tiling.run, lambda run: self._multiply(
                address + run.offset,
                moved.b + (tap * axis.run + run.offset) * columns.size,
                (number * prod(t.count for t in axis.taps) + tap) * self.tiling.run.tiles + run.number,
                (pixels.size, columns.size, run.size),
                sums,
            ))  # fmt: skip

        leave: list[Node] = []
        if self.array.dataflow == "output_stationary":
            leave = [step("collect", acc=acc) for acc in sums]
        return sequence(over_taps(axis, moved.a, reduce), *leave, *stores)

    def _multiply(
        self, a: Affine, b: Affine, number: Affine, sizes: tuple[int, int, int], sums: list[Register]
    ) -> Node:
        """One tile of B, and for every row a tile of A to multiply with it."""
        m, n, k = sizes
        weights = Register("b", rotating(number, self.array.b_tiles))
        nodes: list[Node] = [step("load_b", dst=weights, src=memory(b, k * n))]
        for part, acc in enumerate(sums):
            pixels = Register("a", rotating(number * len(sums) + part, self.array.a_tiles))
            source = stretch(a + part * self.problem.rows.a, k, m, self.problem.pixels.a)
            nodes.append(step("load_a", dst=pixels, src=source))
            nodes.append(step("gemm", acc=acc, a=pixels, b=weights, m=m, n=n, k=k, fresh=int(part == 0)))
        return sequence(*nodes)
