"""Products of a block in a unit's scratchpad, tile by tile, on ``gamma``.

The sums of some tiles of pixels × tiles of columns fill a bank of accumulators. For them the whole
reduction runs through, tap by tap and `tile` bytes after another: a tile of A for each tile of pixels and
one of B for each tile of columns are loaded, and every one is multiplied with every other. Meanwhile the
sums of the ones before are stored from the other bank.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mappings.library._block_nest import Place
from mappings.library._block_team import Team, Worker
from mappings.library._blocks import Problem
from mappings.library._gamma_machine import Gamma
from mappings.library._memory import stretch
from mappings.library._split import Tile, even_pieces, over, pieces, repeat, rotating, split
from mappings.program import Affine, Memory, Node, Register, Step, memory, sequence, step

BANKS = 2


@dataclass(frozen=True, slots=True)
class Tiles:
    """Sums that fill one bank, inside their block.

    Attributes:
        pixels: Row, first pixel and number of pixels of each tile.
        columns: First column and number of columns of each.
        number: Banks filled before.
    """

    pixels: tuple[tuple[Affine, Affine, int], ...]
    columns: tuple[tuple[Affine, int], ...]
    number: Affine


@dataclass(frozen=True)
class GammaTransfers:
    """Loads of blocks, the same for products and windows."""

    machine: Gamma
    team: Team
    whole: Problem
    has_bias: bool

    def load_input(self, store: int, slot: Affine, source: Memory, offset: Affine) -> Step:
        """A piece of a region from DRAM into a scratchpad."""
        target = self.machine.input_address(store, slot) + offset
        return step("fetch", dst=memory(target, source.bytes * source.rows), src=source)

    def load_weights(self, store: int, slot: Affine, source: Memory) -> Step:
        """Weights from DRAM into a scratchpad."""
        target = self.machine.weight_address(store, slot)
        return step("fetch", dst=memory(target, source.bytes * source.rows), src=source)

    def load_bias(self, worker: Worker, slot: Affine, source: Memory) -> Step:
        """The bias of a block from DRAM into a register."""
        return step("load_bias", dst=Register("bias", slot + 2 * worker.number), src=source)

    def bias(self, place: Place, worker: Worker) -> Register:
        """The register that holds a block's bias."""
        if not self.has_bias:
            return Register("no_bias")
        return Register("bias", place.bias_slot + 2 * worker.number)


@dataclass(frozen=True)
class ProductKernel(GammaTransfers):
    """Steps of all units for one block."""

    def complete(self, place: Place) -> Node:
        """All sums of a block, each bank stored when its reduction is done."""
        return self._each(
            place, lambda tiles: sequence(self._multiply(place, tiles), self._store(place, tiles))
        )

    def reduce(self, place: Place) -> Node:
        """A part of the reduction of a block whose sums fit one bank."""
        return self._each(place, lambda tiles: self._multiply(place, tiles))

    def finish(self, place: Place) -> Node:
        """Stores the sums of a block."""
        return self._each(place, lambda tiles: self._store(place, tiles))

    def _each(self, place: Place, body: Callable[[Tiles], Node]) -> Node:
        """Loops over all sums of a block, one bank after another."""
        tile = self.machine.tile
        tiles, column_tiles = self.machine.grouping(place.rows, place.pixels, place.columns)
        bank_rows, bank_pixels = self.machine.bank(place.rows, place.pixels, tiles)
        columns = split(place.columns, column_tiles * tile, min(tile, place.columns))
        rows, pixels = split(place.rows, bank_rows), split(place.pixels, bank_pixels)

        def bank(j: Tile, y: Tile, x: Tile) -> Node:
            number = place.number * columns.tiles + j.number
            number = (number * rows.tiles + y.number) * pixels.tiles + x.number
            return body(Tiles(
                tuple(
                    (y.offset + row, x.offset + first, size)
                    for row in range(y.size)
                    for first, size in even_pieces(x.size, tile)
                ),
                tuple((j.offset + first, size) for first, size in pieces(j.size, tile)),
                number,
            ))  # fmt: skip

        return over("jj", columns, lambda j: over("yy", rows, lambda y: over(
            "xx", pixels, lambda x: bank(j, y, x)
        )))  # fmt: skip

    def _multiply(self, place: Place, tiles: Tiles) -> Node:
        """The reduction of one bank of sums, as far as its operands are on the chip."""
        seen = place.region
        run, taps_w = place.channels, place.taps_w
        if seen.tap_step == 1:  # a kernel row is one run of bytes
            run, taps_w = run * taps_w, 1
        parts = split(run, self.machine.tile)

        def piece(r: Affine, s: Affine, k: Tile) -> Node:
            number = ((tiles.number * place.taps_h + r) * taps_w + s) * parts.tiles + k.number
            tap = r * (seen.tap_row_step * seen.row_bytes) + s * (seen.tap_step * seen.channels) + k.offset
            depth = r * (place.taps_w * place.channels) + s * place.channels + k.offset
            return self._step(place, tiles, tap, depth, k.size, number)

        return repeat("rr", place.taps_h, lambda r: repeat("ss", taps_w, lambda s: over(
            "kk", parts, lambda k: piece(r, s, k)
        )))  # fmt: skip

    def _step(self, place: Place, tiles: Tiles, tap: Affine, depth: Affine, k: int, number: Affine) -> Node:
        """Loads of tiles of A and B of depth ``k``, and all their products."""
        nodes: list[Step] = []
        for q, (column, n) in enumerate(tiles.columns):
            for worker in self.team.workers:
                turn = number * len(tiles.columns) + q
                nodes.append(self._load_b(place, worker, column, depth, (k, n), turn))
        for p, pixel in enumerate(tiles.pixels):
            for worker in self.team.workers:
                nodes.append(self._load_a(place, worker, pixel, tap, k, number * len(tiles.pixels) + p))
            for q, (_, n) in enumerate(tiles.columns):
                for worker in self.team.workers:
                    nodes.append(step(
                        "gemm", acc=self._sum(worker, tiles, p, q), m=pixel[2], n=n, k=k,
                        a=self._a(worker, number * len(tiles.pixels) + p),
                        b=self._b(worker, number * len(tiles.columns) + q),
                    ))  # fmt: skip
        return sequence(*nodes)

    def _load_a(
        self,
        place: Place,
        worker: Worker,
        pixel: tuple[Affine, Affine, int],
        tap: Affine,
        k: int,
        number: Affine,
    ) -> Step:
        seen, (row, first, m) = place.region, pixel
        begin = row * (seen.row_step * seen.row_bytes) + first * (seen.pixel_step * seen.channels) + tap
        source = self.machine.input_address(worker.inputs, place.input_slot) + begin
        operand = stretch(source, k, m, seen.pixel_step * seen.channels)
        return step("load_a", dst=self._a(worker, number), src=operand)

    def _load_b(
        self,
        place: Place,
        worker: Worker,
        column: Affine,
        depth: Affine,
        size: tuple[int, int],
        number: Affine,
    ) -> Step:
        """Tiles of columns lie one after the other, each as a matrix by rows."""
        k, n = size
        begin = column * (place.taps_h * place.taps_w * place.channels) + depth * n
        source = self.machine.weight_address(worker.weights, place.weight_slot) + begin
        return step("load_b", dst=self._b(worker, number), src=memory(source, k * n))

    def _store(self, place: Place, tiles: Tiles) -> Node:
        nodes: list[Step] = []
        for p, (row, first, m) in enumerate(tiles.pixels):
            for q, (column, n) in enumerate(tiles.columns):
                for worker in self.team.workers:
                    begin = place.outputs(worker) + row * self.whole.rows.c + column
                    begin = begin + first * self.whole.pixels.c
                    nodes.append(step(
                        "store", dst=memory(begin, n, m, self.whole.pixels.c), relu=0,
                        acc=self._sum(worker, tiles, p, q), bias=self.bias(place, worker), column=column,
                    ))  # fmt: skip
        return sequence(*nodes)

    def _a(self, worker: Worker, number: Affine) -> Register:
        return Register("a", rotating(number, self.machine.a_tiles) + worker.number * self.machine.a_tiles)

    def _b(self, worker: Worker, number: Affine) -> Register:
        return Register("b", rotating(number, self.machine.b_tiles) + worker.number * self.machine.b_tiles)

    def _sum(self, worker: Worker, tiles: Tiles, p: int, q: int) -> Register:
        bank = rotating(tiles.number, BANKS) * self.machine.sums
        first = worker.number * BANKS * self.machine.sums
        return Register("acc", bank + (first + p * len(tiles.columns) + q))
