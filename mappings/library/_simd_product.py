"""Matrix products and convolutions on the vector unit.

A vector of sums is one output pixel × ``lanes`` output channels. A block of such vectors, P pixels × Q
vectors of channels, stays in the accumulators while the reduction runs: for each piece of up to ``lanes``
consecutive bytes of the input, P vectors of inputs are loaded, and for each of their lanes Q vectors of
weights, which meet all P of them. So a load of weights serves P instructions, a load of inputs up to
``lanes`` · Q.

Weights of fewer than 8 bits are packed along the reduction: byte j of a vector holds output channel j of
8 / bits consecutive lanes, from the low bits up. One load serves them all; each is unpacked into a register
of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from mappings.layers import Layer
from mappings.library._implicit_product import Place, Product, over_taps, product
from mappings.library._memory import Array
from mappings.library._split import Split, Tile, over, repeat, rotating, split
from mappings.program import Affine, Node, Register, as_affine, memory, sequence, step

BLOCKS = 2  # of accumulators: one is stored while the other one is filled
SUM_BYTES = 4


@dataclass(frozen=True, slots=True)
class VectorUnit:
    """What the mapping needs to know of the machine; names are the description's parameters."""

    lanes: int
    accumulators: int
    weight_registers: int


def packed_rows(depth: int, bits: int) -> int:
    """Rows of bytes that ``depth`` weights of an output channel take."""
    return -(-depth * bits // 8)


def whole_fields(size: int, fields: int) -> Split:
    """``size`` weights, ``fields`` in each byte but the last."""
    return Split(fields, size // fields, size % fields) if size >= fields else Split(size, 1, 0)


def lower_packed(layer: Layer, at: Mapping[str, Array], unit: VectorUnit, bits: int) -> Node:
    """A matrix product whose weights are packed, over the same arrays."""
    return _Nest(product(layer), unit, at, bits).lower()


def lower_product(layer: Layer, at: Mapping[str, Array], unit: VectorUnit) -> Node:
    """The layer's loop nest over arrays ``input, weights, output`` and, where there is one, ``bias``."""
    return _Nest(product(layer), unit, at).lower()


@dataclass(frozen=True)
class _Nest:
    problem: Product
    unit: VectorUnit
    at: Mapping[str, Array]
    bits: int = 8  # of a weight

    @property
    def fields(self) -> int:
        """Weights in a byte."""
        return 8 // self.bits

    def lower(self) -> Node:
        bias = self.at["bias"].address if "bias" in self.at else 0
        begin = (self.at["input"].address, self.at["weights"].address, self.at["output"].address, bias)
        a, b, c, first = map(as_affine, begin)
        return self._outer(0, Place(a, b, c, first, as_affine(0)))

    @property
    def vectors(self) -> Split:
        """Vectors of output channels; the rest is a narrower one."""
        return split(self.problem.columns, self.unit.lanes)

    def _outer(self, depth: int, place: Place) -> Node:
        if depth == len(self.problem.outer):
            return self._columns(place)
        axis = self.problem.outer[depth]
        return repeat(f"n{depth}", axis.count, lambda i: self._outer(depth + 1, place.along(axis, i)))

    def _columns(self, place: Place) -> Node:
        """Full vectors in blocks, then the narrow one."""
        vectors = self.vectors
        pixels = split(self.problem.pixels.count, self.unit.accumulators)
        blocks = split(vectors.count, max(1, self.unit.accumulators // pixels.tile))
        whole = over(
            "j", blocks, lambda j: self._rows(self._at(place, j.offset, j.number), j.size, vectors.tile)
        )
        if not vectors.rest:
            return whole
        last = self._at(place, as_affine(vectors.count), as_affine(0))
        return sequence(whole, self._rows(last, 1, vectors.rest))

    def _at(self, place: Place, vector: Affine, number: Affine) -> Place:
        width = self.vectors.tile
        return Place(
            place.a,
            place.b + vector * (width * packed_rows(self.problem.depth, self.bits)),
            place.c + vector * width,
            place.bias + vector * (SUM_BYTES * width),
            place.number * self.vectors.tiles + number,
        )

    def _rows(self, place: Place, vectors: int, width: int) -> Node:
        rows, pixels = self.problem.rows, split(self.problem.pixels.count, self.unit.accumulators)

        def row(y: Affine) -> Node:
            line = place.along(rows, y)
            return over(
                "x", pixels, lambda x: self._block(self._pixel(line, x, pixels), x.size, vectors, width)
            )

        return repeat("y", rows.count, row)

    def _pixel(self, line: Place, x: Tile, pixels: Split) -> Place:
        axis = self.problem.pixels
        number = line.number * pixels.tiles + x.number
        return Place(line.a + x.offset * axis.a, line.b, line.c + x.offset * axis.c, line.bias, number)

    def _block(self, place: Place, pixels: int, vectors: int, width: int) -> Node:
        """A block of sums: begun with the bias or zero, reduced, stored."""
        first = rotating(place.number, BLOCKS) * self.unit.accumulators
        grid = [(p, q) for q in range(vectors) for p in range(pixels)]
        sums = {(p, q): Register("acc", first + (q * pixels + p)) for p, q in grid}
        begin = [
            self._begin(sums[p, q], place.bias + q * (SUM_BYTES * self.vectors.tile), width) for p, q in grid
        ]
        step_c = self.problem.pixels.c
        stores = [
            step("vstore", dst=memory(place.c + (p * step_c + q * self.vectors.tile), width), acc=sums[p, q])
            for p, q in grid
        ]
        run = self._run

        def reduce(a: Affine, tap: Affine) -> Node:
            return over("k", run, lambda k: self._piece(
                a + k.offset, place.b + self._weights(tap, k) * width,
                (place.number * prod(t.count for t in self.problem.taps) + tap) * run.tiles + k.number,
                (pixels, vectors, width, k.size), sums,
            ))  # fmt: skip

        return sequence(*begin, over_taps(self.problem, place.a, reduce), *stores)

    def _weights(self, tap: Affine, k: Tile) -> Affine:
        """Rows of weights before a piece; packed ones have no taps."""
        if self.bits == 8:
            return tap * self.problem.run + k.offset
        return k.number * (self._run.tile // self.fields)

    @property
    def _run(self) -> Split:
        """Pieces of the reduction; all but the last have whole bytes of packed weights."""
        return split(self.problem.run, self.unit.lanes, self.fields)

    def _begin(self, acc: Register, bias: Affine, width: int) -> Node:
        if "bias" in self.at:
            return step("vload_sums", acc=acc, src=memory(bias, SUM_BYTES * width))
        return step("vset", acc=acc, value=0)

    def _piece(
        self,
        a: Affine,
        b: Affine,
        number: Affine,
        sizes: tuple[int, int, int, int],
        sums: Mapping[tuple[int, int], Register],
    ) -> Node:
        """A piece of the reduction: inputs of all pixels, then lane by lane the weights."""
        pixels, vectors, width, size = sizes
        first = rotating(number, BLOCKS) * self.unit.accumulators
        inputs = [Register("x", first + p) for p in range(pixels)]
        loads = [
            step("vload", dst=inputs[p], src=memory(a + p * self.problem.pixels.a, size))
            for p in range(pixels)
        ]
        if self.bits < 8:
            return sequence(*loads, self._packed(b, number, sizes, sums, inputs))
        lanes = self._run.tile

        def lane(number_of_lane: Affine) -> Node:
            nodes: list[Node] = []
            for q in range(vectors):
                use = (number * lanes + number_of_lane) * vectors + q
                weights = Register("w", rotating(use, self.unit.weight_registers))
                source = b + number_of_lane * width + q * (self.vectors.tile * self.problem.depth)
                nodes.append(step("vload", dst=weights, src=memory(source, width)))
                nodes += [
                    step("vmac_lane", acc=sums[p, q], x=inputs[p], w=weights, lane=number_of_lane)
                    for p in range(pixels)
                ]
            return sequence(*nodes)

        return sequence(*loads, repeat("l", size, lane))

    def _packed(
        self,
        b: Affine,
        number: Affine,
        sizes: tuple[int, int, int, int],
        sums: Mapping[tuple[int, int], Register],
        inputs: Sequence[Register],
    ) -> Node:
        """The lanes of a piece, as many at a time as a byte holds weights."""
        pixels, vectors, width, size = sizes
        bytes_of = whole_fields(size, self.fields)
        groups, half = whole_fields(self._run.tile, self.fields).tiles, self.unit.weight_registers // 2

        def some(k: Tile, members: range) -> list[Node]:
            """Vectors of output channels in turns, so that no sum waits for its last product."""
            use = {q: (number * groups + k.number) * vectors + q for q in members}
            packed = {q: Register("w", rotating(use[q], half)) for q in members}
            place = b + k.number * width
            pitch = self.vectors.tile * packed_rows(self.problem.depth, self.bits)
            nodes: list[Node] = [
                step("vload", dst=packed[q], src=memory(place + q * pitch, width)) for q in members
            ]
            for part in range(k.size):
                for q in members:
                    weights = Register("w", rotating(use[q] + part * vectors, half) + half)
                    nodes.append(step("vunpack", dst=weights, src=packed[q], part=part, bits=self.bits))
                    nodes += [
                        step("vmac_lane", acc=sums[p, q], x=inputs[p], w=weights, lane=k.offset + part)
                        for p in range(pixels)
                    ]
            return nodes

        def group(k: Tile) -> Node:
            turn = max(1, half // 2)  # the other half is loaded meanwhile
            chunks = [range(q, min(q + turn, vectors)) for q in range(0, vectors, turn)]
            return sequence(*(node for members in chunks for node in some(k, members)))

        return over("l", bytes_of, group)
