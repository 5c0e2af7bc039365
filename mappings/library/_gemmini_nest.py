"""The loop nest of a matrix product on Gemmini.

From outside: packs of groups, images, tiles of columns (j), tiles of output rows (y) and pixels (x). A tile
starts with its bias moved into the accumulator, goes through the reduction (taps, then pieces of the run of
up to 64 bytes) and ends with its ``mvout``s. For every piece: the blocks of B it needs once, and for each
block of pixels its piece of A, moved in just before the first pair that reads it; the reservation station
lets these run ahead of the array.

In the scratchpad A has the lower half and B the upper one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mappings.library._gemmini_machine import (
    ACCUMULATOR_ELEMENT,
    Machine,
    blocks_of,
    compute,
    preload,
    room_for,
    rows_of,
    scaled,
)
from mappings.library._gemmini_product import Axis, Product
from mappings.library._gemmini_tiling import Block, Plan, blocks, buffers
from mappings.library._memory import Array
from mappings.library._split import Split, Tile, over, repeat, rotating
from mappings.program import Affine, Memory, Node, as_affine, memory, sequence, step

# Reductions of at most this many steps have the first and the last one on their own.
SHORT = 4
# How many pairs loads are issued before the first pair that needs them.
PREFETCH_PAIRS = 16


@dataclass(frozen=True, slots=True)
class Finish:
    """What sums start from and what becomes of them: a bias or zero; a division, a ReLU."""

    bias: bool = False
    divide: int = 1
    relu: int = 0


def lower_product(
    product: Product, plan: Plan, at: Mapping[str, Array], machine: Machine, finish: Finish
) -> Node:
    """Loop nest over arrays ``input, weights, bias, output``."""
    return _Nest(product, plan, machine, at, finish).lower()


@dataclass(frozen=True, slots=True)
class _Step:
    """What a step of the reduction does beside its products: start the sums, store them."""

    first: bool = False
    bias: bool = False
    stores: Finish | None = None


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
    plan: Plan
    machine: Machine
    at: Mapping[str, Array]
    finish: Finish

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
            lambda n: self._tiles(start.moved(product.packs, g).moved(product.images, n), g, n),
        ))  # fmt: skip

    def _tiles(self, point: _Point, pack: Affine, image: Affine) -> Node:
        """All macro tiles of an image, columns outside or pixels outside."""
        tiles = self.plan.tiling

        def pixels(body: Callable[[Tile, Tile], Node]) -> Node:
            return over("y", tiles.rows, lambda rows: over("x", tiles.pixels, lambda x: body(rows, x)))

        if self.plan.pixels_outside:
            return pixels(lambda rows, x: over("j", tiles.columns, lambda columns: self._tile(
                point, (columns, rows, x), self._number(columns.number, x.number, rows.number, image, pack)
            )))  # fmt: skip
        return over("j", tiles.columns, lambda columns: pixels(lambda rows, x: self._tile(
            point, (columns, rows, x), self._number(x.number, rows.number, columns.number, image, pack)
        )))  # fmt: skip

    def _number(self, *numbers: Affine) -> Affine:
        """Number of a tile in the innermost of its loops; the first one given is the innermost."""
        moving = (number for number in numbers if number.terms)
        return next(moving, as_affine(0))

    def _tile(self, point: _Point, parts: tuple[Tile, Tile, Tile], number: Affine) -> Node:
        """The macro tile of some columns, rows and pixels."""
        product, (columns, rows, pixels) = self.product, parts
        weights = _blocks(columns.offset, product.dim) * (product.depth_blocks * self.machine.block)
        here = _Point(
            point.a, point.b + weights, point.c + columns.offset,
            point.bias + columns.offset * ACCUMULATOR_ELEMENT,
        )  # fmt: skip
        tile = _Tile(
            product, self.plan, self.machine,
            here.moved(product.rows, rows.offset).moved(product.pixels, pixels.offset), columns.size,
            blocks(rows.size, pixels.size, product.dim), self._sums(number),
        )  # fmt: skip
        return tile.lower(self.finish)

    def _sums(self, number: Affine) -> Affine:
        """Where a tile's sums are; small tiles take turns, large ones are moved out in time."""
        machine, tiles = self.machine, self.plan.tiling
        size = tiles.blocks(self.product.dim, machine.wide)
        pairs = size * self.plan.depth
        whole = size * self.product.depth_blocks
        count = buffers(pairs, whole, machine.accumulator_blocks // size)
        return rotating(number, count) * (size * machine.sum_block) + machine.accumulator


@dataclass(frozen=True)
class _Tile:
    """One macro tile: ``blocks`` of pixels × ``columns`` columns, its sums from ``sums`` on."""

    product: Product
    plan: Plan
    machine: Machine
    point: _Point
    columns: int
    blocks: tuple[Block, ...]
    sums: Affine

    @property
    def column_blocks(self) -> int:
        return -(-self.columns // self.product.dim)

    def lower(self, finish: Finish) -> Node:
        """Sums at their start values, the reduction, and the results to memory.

        A short reduction has its first and last step on their own, with the bias and the results between the
        pairs, where the array does not wait for them.
        """
        total = self.product.tap_count * self.pieces.tiles
        short = total <= SHORT
        alone = short or not finish.bias  # the first step
        nodes: list[Node] = []
        if alone:
            start = _Step(first=True, bias=finish.bias, stores=finish if total == 1 else None)
            nodes.append(self._piece(self.point.a, as_affine(0), as_affine(0), self.pieces.tile, start))
        else:
            nodes += [self._bias(i, j) for i in range(len(self.blocks)) for j in range(self.column_blocks)]
        last = short and total > 1
        nodes += self._span(self.product.taps, self.point.a, as_affine(0), (alone, last))
        if last:
            nodes.append(self._last(finish))
        elif not short:
            nodes += [node for i in range(len(self.blocks)) for node in self._stores(i, finish)]
        return sequence(*nodes)

    @property
    def pieces(self) -> Split:
        """Pieces of the run, in bytes."""
        size = self.plan.depth * self.product.dim
        if self.product.run < size:
            return Split(self.product.run, 1, 0)
        return Split(size, self.product.run // size, self.product.run % size)

    def _last(self, finish: Finish) -> Node:
        """The last step of the reduction, on its own."""
        product, pieces = self.product, self.pieces
        a = self.point.a + sum((tap.count - 1) * tap.a for tap in product.taps)
        tap, piece = product.tap_count - 1, pieces.tiles - 1
        size = pieces.rest or pieces.tile
        return self._piece(
            a + piece * pieces.tile, as_affine(tap), as_affine(piece), size, _Step(stores=finish)
        )

    def _span(self, taps: tuple[Axis, ...], a: Affine, tap: Affine, without: tuple[bool, bool]) -> list[Node]:
        """All steps of the reduction over ``taps``, ``without`` the first one, the last one."""
        if not taps:
            return self._run(a, tap, without)
        axis, inner = taps[0], taps[1:]
        first, last = int(without[0]), axis.count - int(without[1])
        nodes: list[Node] = []
        if without[0]:
            nodes += self._span(inner, a, tap * axis.count, (True, False))
        if last > first:
            nodes.append(repeat(f"i{len(inner)}", last - first, lambda i: sequence(*self._span(
                inner, a + (i + first) * axis.a, tap * axis.count + i + first, (False, False)
            ))))  # fmt: skip
        if without[1]:
            at_end = a + (axis.count - 1) * axis.a
            nodes += self._span(inner, at_end, tap * axis.count + axis.count - 1, (False, True))
        return nodes

    def _run(self, a: Affine, tap: Affine, without: tuple[bool, bool]) -> list[Node]:
        """The pieces of one tap, ``without`` the first one, the last one."""
        pieces = self.pieces
        first, last = int(without[0]), pieces.tiles - int(without[1])
        nodes: list[Node] = []
        full = min(pieces.count, last)
        if full > first:
            nodes.append(repeat("k", full - first, lambda k: self._piece(
                a + (k + first) * pieces.tile, tap, k + first, pieces.tile
            )))  # fmt: skip
        if pieces.rest and last > pieces.count:
            piece = as_affine(pieces.count)
            nodes.append(self._piece(a + pieces.count * pieces.tile, tap, piece, pieces.rest))
        return nodes

    def _weights(self, tap: Affine, piece: Affine) -> Affine:
        """Offset of a piece of the weights; they lie in the order in which they are used."""
        position = tap * self.product.run_blocks + piece * self.plan.depth
        return position * (self.column_blocks * self.machine.block)

    def _piece(self, a: Affine, tap: Affine, piece: Affine, size: int, kind: _Step | None = None) -> Node:
        """One step of the reduction: ``size`` bytes of the run for all pixels and columns of the tile."""
        kind = kind or _Step()
        depth = -(-size // self.product.dim)
        number, weights = tap * self.pieces.tiles + piece, self._weights(tap, piece)
        if self.plan.weights_stay:
            return sequence(*self._weights_first(a, weights, size, number, kind))
        nodes: list[Node] = []
        for i in range(len(self.blocks)):
            nodes += self._move_a(i, a, size, number)
            for j in range(self.column_blocks):
                if i == 0:
                    nodes.append(self._move_b(j, weights, size, number))
                if kind.bias:
                    nodes.append(self._bias(i, j))
                for k in range(depth):
                    fresh = kind.first and not kind.bias and k == 0
                    nodes += self._pair(i, j, k, number, accumulate=not fresh)
            if kind.stores:
                nodes += self._stores(i, kind.stores)
        return sequence(*nodes)

    def _weights_first(
        self, a: Affine, weights: Affine, size: int, number: Affine, kind: _Step
    ) -> Iterator[Node]:
        """The same, each block of weights for all pixels before the next one goes into the array."""
        for j in range(self.column_blocks):
            yield self._move_b(j, weights, size, number)
            for k in range(-(-size // self.product.dim)):
                for i in range(len(self.blocks)):
                    if j == k == 0:
                        yield from self._move_a(i, a, size, number)
                    if kind.bias and k == 0:
                        yield self._bias(i, j)
                    fresh = kind.first and not kind.bias and k == 0
                    yield from self._pair(i, j, k, number, accumulate=not fresh, reused=i > 0)
        for i in range(len(self.blocks)) if kind.stores else ():
            assert kind.stores is not None
            yield from self._stores(i, kind.stores)

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
                unrolled=0,
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
            unrolled=0,
        )

    def _bias(self, i: int, j: int) -> Node:
        dim, rows = self.product.dim, self.blocks[i].pixels
        return step(
            "mvin3",
            dst=memory(self._sum(i, j), rows * dim * ACCUMULATOR_ELEMENT),
            src=memory(self.point.bias + j * dim * ACCUMULATOR_ELEMENT, dim * ACCUMULATOR_ELEMENT),
            rows=rows, cols=dim, element_bytes=ACCUMULATOR_ELEMENT, accumulate=0,
        )  # fmt: skip

    def _pair(
        self, i: int, j: int, k: int, number: Affine, *, accumulate: bool, reused: bool = False
    ) -> list[Node]:
        machine, dim, rows = self.machine, self.product.dim, self.blocks[i].pixels
        b = self._b_slot(j, number) + k * machine.block
        a = self._a_slot(i, number) + k * machine.block
        sums = memory(self._sum(i, j), rows * dim * ACCUMULATOR_ELEMENT)
        loaded = None if reused else memory(b, machine.block)
        return [
            preload(machine, loaded, sums, accumulate=accumulate),
            compute(machine, memory(a, rows * dim), sums, rows, accumulate=accumulate, reused=reused),
        ]

    def _stores(self, i: int, finish: Finish) -> list[Node]:
        """A block of pixels to memory, as many blocks of columns side by side as one command takes."""
        dim, wide, block = self.product.dim, self.machine.wide, self.blocks[i]
        nodes: list[Node] = []
        for j in range(0, self.column_blocks, wide):
            columns = min(wide * dim, self.columns - j * dim)
            address = self.point.c + block.first * self.product.pixels.c + j * dim
            nodes.append(step(
                "mvout", pending="pending",
                dst=rows_of(address, columns, block.pixels, self.product.pixels.c),
                scaled=scaled(self.machine, address, block.pixels, -(-columns // dim)),
                src=self._sums(i, j, -(-columns // dim)),
                rows=block.pixels, cols=columns, divide=finish.divide, relu=finish.relu, unrolled=0,
            ))  # fmt: skip
        return nodes

    # -- places ------------------------------------------------------------------------------------------

    def _a_slot(self, i: int, number: Affine) -> Affine:
        return self._slot(len(self.blocks), self.column_blocks, i, number) + self.machine.scratchpad

    def _b_slot(self, j: int, number: Affine) -> Affine:
        half = self.machine.half_scratchpad * self.machine.block
        between_columns = self._slot(self.column_blocks, 1, j, number)
        return between_columns + (self.machine.scratchpad + half)

    def _slot(self, places: int, pairs: int, place: int, number: Affine) -> Affine:
        """Offset of a place; a body fills ``places`` of them, ``pairs`` times the depth in pairs apart.

        Neighbours lie in different quarters of the scratchpad, so in different banks: one is moved in while
        the array reads the other.
        """
        depth = self.plan.depth
        body = len(self.blocks) * self.column_blocks * depth
        size = room_for(depth, self.machine.wide)
        quarter = self.machine.half_scratchpad // 2 // self.machine.wide * self.machine.wide
        apart = quarter if places * size <= quarter else 0
        room = (apart or self.machine.half_scratchpad) // (places * size)
        count = buffers((places - 1) * pairs * depth, body, room)
        slot = (rotating(number, count) * places + place) * size + rotating(number + place, 2) * apart
        return slot * self.machine.block

    def _sum(self, i: int, j: int) -> Affine:
        """Groups of ``wide`` columns one after the other, each block of pixels by block of pixels."""
        wide, blocks = self.machine.wide, len(self.blocks)
        first = j // wide * wide
        size = min(wide, room_for(self.column_blocks - first, wide))
        return self.sums + (first * blocks + i * size + j - first) * self.machine.sum_block

    def _sums(self, i: int, j: int, count: int) -> Memory:
        row_bytes = self.product.dim * ACCUMULATOR_ELEMENT
        return blocks_of(self._sum(i, j), row_bytes, self.blocks[i].pixels, count, self.machine.sum_block)


def _blocks(columns: Affine, dim: int) -> Affine:
    """Blocks in a number of columns that is a multiple of ``dim`` at every iteration."""
    return Affine(columns.const // dim, tuple((name, c // dim) for name, c in columns.terms))
