"""The loop nest of a matrix product on Gemmini.

From outside: packs of groups, images, tiles of columns (j), tiles of output rows (y) and pixels (x). A tile
starts with its bias (zeros where there is none) moved into the accumulator, goes through the reduction (taps,
then pieces of the run of up to 64 bytes) and ends with its ``mvout``s. For every piece: the blocks of B it needs
once, and for each block of pixels its piece of A, moved in just before the first pair that reads it; the
reservation station lets these run ahead of the array.

In the scratchpad A has the lower half and B the upper one; in the accumulator tiles alternate between two halves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mappings.library._gemmini_machine import ACCUMULATOR_ELEMENT, Machine, blocks_of, rows_of
from mappings.library._gemmini_product import Axis, Product
from mappings.library._gemmini_tiling import Block, Tiling, blocks, buffers, piece_blocks, tiling
from mappings.library._memory import Array
from mappings.library._split import Split, Tile, over, repeat, rotating
from mappings.program import Affine, Memory, Node, as_affine, memory, sequence, step

# Reductions of at most this many pieces have their first one on its own, with the bias between its pairs.
SHORT = 8


def lower_product(
    product: Product, at: Mapping[str, Array], machine: Machine, *, divide: int = 1, relu: int = 0
) -> Node:
    """Loop nest over arrays ``input, weights, bias, output``; sums are divided by ``divide``."""
    return _Nest(product, tiling(product, machine), machine, at, divide, relu).lower()


@dataclass(frozen=True, slots=True)
class _Point:
    """Addresses in the four arrays at some place of the nest."""

    a: Affine
    b: Affine
    c: Affine
    bias: Affine

    def moved(self, axis: Axis, steps: Affine) -> _Point:
        return _Point(
            self.a + steps * axis.a, self.b + steps * axis.b, self.c + steps * axis.c,
            self.bias + steps * axis.bias,
        )  # fmt: skip


@dataclass(frozen=True)
class _Nest:
    product: Product
    tiling: Tiling
    machine: Machine
    at: Mapping[str, Array]
    divide: int
    relu: int

    def lower(self) -> Node:
        product, at = self.product, self.at
        start = _Point(
            as_affine(at["input"].address + product.a),
            as_affine(at["weights"].address + product.b),
            as_affine(at["output"].address + product.c),
            as_affine(at["bias"].address + product.bias),
        )
        return repeat("g", product.packs.count, lambda g: repeat(
            "n", product.images.count,
            lambda n: self._columns(start.moved(product.packs, g).moved(product.images, n)),
        ))  # fmt: skip

    def _columns(self, point: _Point) -> Node:
        product = self.product

        def column_tile(columns: Tile) -> Node:
            weights = _blocks(columns.offset, product.dim) * (product.depth_blocks * self.machine.block)
            here = _Point(
                point.a, point.b + weights, point.c + columns.offset,
                point.bias + columns.offset * ACCUMULATOR_ELEMENT,
            )  # fmt: skip

            def row_tile(rows: Tile) -> Node:
                moved = here.moved(product.rows, rows.offset)
                return over("x", self.tiling.pixels, lambda x: self._tile(
                    moved.moved(product.pixels, x.offset), columns, (rows.size, x.size),
                    self._number(columns, rows, x),
                ))  # fmt: skip

            return over("y", self.tiling.rows, row_tile)

        return over("j", self.tiling.columns, column_tile)

    def _number(self, columns: Tile, rows: Tile, pixels: Tile) -> Affine:
        """Number of a tile inside the innermost loop that has several; alternates between halves."""
        if self.tiling.pixels.tiles > 1:
            return pixels.number
        return rows.number if self.tiling.rows.tiles > 1 else columns.number

    def _tile(self, point: _Point, columns: Tile, shape: tuple[int, int], number: Affine) -> Node:
        tile = _Tile(
            self.product, self.machine, point, columns.size,
            blocks(*shape, self.product.dim), self._half(number),
        )  # fmt: skip
        return tile.lower(self.divide, self.relu)

    def _half(self, number: Affine) -> Affine:
        """Address of the half of the accumulator that a tile uses."""
        machine = self.machine
        half = machine.accumulator_blocks // 2 * machine.sum_block
        return rotating(number, 2) * half + machine.accumulator


@dataclass(frozen=True)
class _Tile:
    """One macro tile: ``blocks`` of pixels × ``columns`` columns, its sums from ``sums`` on."""

    product: Product
    machine: Machine
    point: _Point
    columns: int
    blocks: tuple[Block, ...]
    sums: Affine

    @property
    def column_blocks(self) -> int:
        return -(-self.columns // self.product.dim)

    def lower(self, divide: int, relu: int) -> Node:
        product, pieces = self.product, self._pieces()
        total = product.tap_count * pieces.tiles
        if total <= SHORT:
            reduction = self._short(pieces)
        else:
            reduction = sequence(
                *(self._bias(i, j) for i in range(len(self.blocks)) for j in range(self.column_blocks)),
                self._taps(lambda a, tap: self._run(a, tap, pieces, 0)),
            )
        return sequence(reduction, *self._stores(divide, relu))

    def _pieces(self) -> Split:
        """Pieces of the run, in bytes."""
        size = self.machine.wide * self.product.dim
        if self.product.run < size:
            return Split(self.product.run, 1, 0)
        return Split(size, self.product.run // size, self.product.run % size)

    def _short(self, pieces: Split) -> Node:
        """The first piece with the bias in between, then the others."""
        taps = self.product.taps
        nodes: list[Node] = [
            self._piece(self.point.a, as_affine(0), pieces.tile, as_affine(0), with_bias=True)
        ]
        nodes.append(self._run(self.point.a, as_affine(0), pieces, 1))
        for depth in reversed(range(len(taps))):  # the other steps of each loop, the innermost first
            inner = taps[depth + 1 :]
            scale = 1
            for tap in inner:
                scale *= tap.count

            def others(
                i: Affine, tap: Axis = taps[depth], inner: tuple[Axis, ...] = inner, scale: int = scale
            ) -> Node:
                a, number = self.point.a + (i + 1) * tap.a, (i + 1) * scale
                return _over_taps(inner, a, number, lambda a, number: self._run(a, number, pieces, 0))

            nodes.append(repeat(f"t{depth}", taps[depth].count - 1, others))
        return sequence(*nodes)

    def _taps(self, body: Callable[[Affine, Affine], Node]) -> Node:
        return _over_taps(self.product.taps, self.point.a, as_affine(0), body)

    def _run(self, a: Affine, tap: Affine, pieces: Split, first: int) -> Node:
        """The pieces of one tap from number ``first`` on."""
        number = tap * pieces.tiles
        nodes = []
        if pieces.count > first:
            nodes.append(repeat("k", pieces.count - first, lambda k: self._piece(
                a + (k + first) * pieces.tile, self._weights(tap, k + first), pieces.tile, number + k + first,
            )))  # fmt: skip
        if pieces.rest:
            offset = pieces.count * pieces.tile
            nodes.append(self._piece(
                a + offset, self._weights(tap, as_affine(pieces.count)), pieces.rest, number + pieces.count
            ))  # fmt: skip
        return sequence(*nodes)

    def _weights(self, tap: Affine, piece: Affine) -> Affine:
        """Offset of a piece of the weights; they lie in the order in which they are used."""
        piece_size = piece_blocks(self.product, self.machine)
        position = tap * self.product.run_blocks + piece * piece_size
        return position * (self.column_blocks * self.machine.block)

    def _piece(
        self, a: Affine, weights: Affine, size: int, number: Affine, *, with_bias: bool = False
    ) -> Node:
        """One step of the reduction: ``size`` bytes of the run for all pixels and columns of the tile."""
        depth = -(-size // self.product.dim)
        nodes: list[Node] = []
        for i in range(len(self.blocks)):
            nodes += self._move_a(i, a, size, number)
            for j in range(self.column_blocks):
                if i == 0:
                    nodes.append(self._move_b(j, weights, size, number))
                if with_bias:
                    nodes.append(self._bias(i, j))
                for k in range(depth):
                    nodes += self._pair(i, j, k, number)
        return sequence(*nodes)

    def _move_a(self, i: int, a: Affine, size: int, number: Affine) -> list[Node]:
        """A piece of a block of pixels, one command for each row of the output that it touches."""
        product, machine, dim = self.product, self.machine, self.product.dim
        slot = self._a_slot(i, number)
        return [
            step(
                "mvin",
                dst=blocks_of(slot + part.at * dim, dim, part.pixels, -(-size // dim), machine.block),
                src=rows_of(
                    a + part.row * product.rows.a + part.pixel * product.pixels.a,
                    size, part.pixels, product.pixels.a,
                ),
                rows=part.pixels,
                cols=size,
            )
            for part in self.blocks[i].segments
        ]  # fmt: skip

    def _move_b(self, j: int, weights: Affine, size: int, number: Affine) -> Node:
        """The weights of a block of columns, the blocks of the reduction side by side."""
        machine, dim = self.machine, self.product.dim
        depth = -(-size // dim)
        rows = min(size, dim)
        return step(
            "mvin2",
            dst=blocks_of(self._b_slot(j, number), dim, rows, depth, machine.block),
            src=rows_of(self.point.b + weights + j * depth * machine.block, depth * dim, rows, depth * dim),
            rows=rows,
            cols=depth * dim,
        )

    def _bias(self, i: int, j: int) -> Node:
        dim, rows = self.product.dim, self.blocks[i].pixels
        return step(
            "mvin3",
            dst=memory(self._sum(i, j), rows * dim * ACCUMULATOR_ELEMENT),
            src=memory(self.point.bias + j * dim * ACCUMULATOR_ELEMENT, dim * ACCUMULATOR_ELEMENT),
            rows=rows, cols=dim, element_bytes=ACCUMULATOR_ELEMENT, accumulate=0,
        )  # fmt: skip

    def _pair(self, i: int, j: int, k: int, number: Affine) -> list[Node]:
        machine, dim, rows = self.machine, self.product.dim, self.blocks[i].pixels
        b = self._b_slot(j, number) + k * machine.block
        a = self._a_slot(i, number) + k * machine.block
        return [
            step("preload", weights="weights", b=memory(b, machine.block)),
            step(
                "compute_preloaded",
                c=memory(self._sum(i, j), rows * dim * ACCUMULATOR_ELEMENT),
                a=memory(a, rows * dim), weights="weights", rows=rows, accumulate=1,
            ),
        ]  # fmt: skip

    def _stores(self, divide: int, relu: int) -> list[Node]:
        """Blocks of sums to memory, as many side by side as one command takes."""
        dim, wide = self.product.dim, self.machine.wide
        nodes: list[Node] = []
        for i, block in enumerate(self.blocks):
            for j in range(0, self.column_blocks, wide):
                columns = min(wide * dim, self.columns - j * dim)
                address = self.point.c + block.first * self.product.pixels.c + j * dim
                nodes.append(step(
                    "mvout", pending="pending",
                    dst=rows_of(address, columns, block.pixels, self.product.pixels.c),
                    src=self._sums(i, j, -(-columns // dim)),
                    rows=block.pixels, cols=columns, divide=divide, relu=relu,
                ))  # fmt: skip
        return nodes

    # -- places ------------------------------------------------------------------------------------------

    def _a_slot(self, i: int, number: Affine) -> Affine:
        return self._slot(len(self.blocks), self.column_blocks, i, number) + self.machine.scratchpad

    def _b_slot(self, j: int, number: Affine) -> Affine:
        half = self.machine.scratchpad_blocks // 2 * self.machine.block
        between_columns = self._slot(self.column_blocks, 1, j, number)
        return between_columns + (self.machine.scratchpad + half)

    def _slot(self, places: int, pairs: int, place: int, number: Affine) -> Affine:
        """Offset of a place; a body fills ``places`` of them, ``pairs`` times the depth in pairs apart."""
        depth = piece_blocks(self.product, self.machine)
        body = len(self.blocks) * self.column_blocks * depth
        room = self.machine.scratchpad_blocks // 2 // (places * depth)
        count = buffers((places - 1) * pairs * depth, body, room)
        return (rotating(number, count) * places + place) * (depth * self.machine.block)

    def _sum(self, i: int, j: int) -> Affine:
        return self.sums + (i * self.column_blocks + j) * self.machine.sum_block

    def _sums(self, i: int, j: int, count: int) -> Memory:
        row_bytes = self.product.dim * ACCUMULATOR_ELEMENT
        return blocks_of(self._sum(i, j), row_bytes, self.blocks[i].pixels, count, self.machine.sum_block)


def _blocks(columns: Affine, dim: int) -> Affine:
    """Blocks in a number of columns that is a multiple of ``dim`` at every iteration."""
    return Affine(columns.const // dim, tuple((name, c // dim) for name, c in columns.terms))


def _over_taps(
    taps: tuple[Axis, ...], a: Affine, number: Affine, body: Callable[[Affine, Affine], Node], depth: int = 0
) -> Node:
    """Loops over taps around ``body(address, number of the tap)``."""
    if not taps:
        return body(a, number)
    tap, inner = taps[0], taps[1:]
    return repeat(
        f"i{len(inner)}",
        tap.count,
        lambda i: _over_taps(inner, a + i * tap.a, number * tap.count + i, body),
    )
