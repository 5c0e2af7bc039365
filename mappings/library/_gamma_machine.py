"""What the mapping for ``gamma`` needs to know of the machine, and its on-chip addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from acadl.model import Architecture
from mappings.library._block_plan import Ways
from mappings.library._block_team import SHARED, Share, Team, Worker
from mappings.library._blocks import Block, Problem, Splits
from mappings.library._memory import parameter
from mappings.program import Affine

SCRATCHPADS = 0x1000_0000
APART = 16 << 20
BUFFERS = 4  # a scratchpad is two buffers for inputs and two for weights


@dataclass(frozen=True, slots=True)
class Gamma:
    """Sizes; names are the description's parameters."""

    units: int
    tile: int
    a_tiles: int
    b_tiles: int
    sums: int
    lanes: int
    vector_bytes: int
    vector_tiles: int
    scratchpad_size: int
    scratchpad_bytes: int
    bus_bytes: int

    @property
    def buffer_bytes(self) -> int:
        """One of the four buffers of a scratchpad."""
        return self.scratchpad_size // BUFFERS

    @property
    def input_bytes(self) -> int:
        """Room for the input of a block."""
        return self.buffer_bytes

    @property
    def weight_bytes(self) -> int:
        """Room for the weights of a block."""
        return self.buffer_bytes

    @property
    def bus_ports(self) -> int:
        """One transaction with main memory starts in a cycle."""
        return 1

    @property
    def grain(self) -> int:
        """Columns of a tile of B."""
        return self.tile

    @property
    def keeps_sums(self) -> bool:
        """Blocks are worked on bank by bank."""
        return False

    def packing_grain(self, whole: Problem, block: Block) -> int:
        """Columns of weights that lie side by side: a tile, or all channels of a block."""
        return whole.columns.count if whole.channelwise else self.tile

    def input_address(self, unit: int, slot: Affine) -> Affine:
        """Where a unit's buffer for inputs begins."""
        return slot * self.buffer_bytes + (SCRATCHPADS + unit * APART)

    def weight_address(self, unit: int, slot: Affine) -> Affine:
        """Where a unit's buffer for weights begins."""
        return self.input_address(unit, slot) + 2 * self.buffer_bytes

    def team(self, share: Share) -> Team:
        """A unit for each member of the share, with a scratchpad of its own."""
        return Team(tuple(Worker(unit, unit, unit, offset) for (unit,), offset in share.members))

    def ways(self, whole: Problem) -> Iterable[Ways]:
        """One dimension is shared out."""
        for name in SHARED:
            if getattr(whole, name).count > 1:
                yield ((name, self.units),)
        yield (("pixels", self.units),)  # also where there is one output only

    def fillings(self) -> Iterator[tuple[int, int]]:
        """Tiles of pixels × tiles of columns whose sums fill one bank.

        There are at least as many registers again for the tiles of B and A of the next step.
        """
        for column_tiles in range(1, min(self.sums, max(1, self.b_tiles // 2)) + 1):
            yield max(1, min(self.sums // column_tiles, self.a_tiles // 2)), column_tiles

    def sum_shapes(self, whole: Problem) -> Iterator[tuple[int, int, int]]:
        """Rows, pixels and columns whose sums fit one bank, or one vector register."""
        if whole.channelwise:
            yield from self._vector_sums(whole)
            return
        for tiles, column_tiles in self.fillings():
            rows, pixels = self.bank(whole.rows.count, whole.pixels.count, tiles)
            yield rows, pixels, min(whole.columns.count, column_tiles * self.tile)

    def _vector_sums(self, whole: Problem) -> Iterator[tuple[int, int, int]]:
        columns = min(whole.columns.count, self.lanes)
        positions = self.vector_bytes // columns
        yield 1, min(whole.pixels.count, (positions - 1) // whole.stride_w + 1), columns
        yield 1, 1, columns

    def accepts(self, whole: Problem, block: Block) -> bool:
        """All that fits."""
        return True

    def cycles(self, whole: Problem, parts: Splits, block: Block) -> int:
        """Of the compute unit or of the loads from the scratchpad, whichever is busier."""
        blocks = whole.groups.count * whole.images.count
        if whole.channelwise:
            outputs = blocks * whole.rows.count * whole.pixels.count
            return outputs * whole.depth * -(-whole.columns.count // self.lanes)
        rows, pixels, columns = parts.rows.tile, parts.pixels.tile, parts.columns.tile
        tiles, column_tiles = self.grouping(rows, pixels, columns)
        run, taps = parts.channels.tile, whole.kernel_h * whole.kernel_w
        if block.taps_w > 1 and whole.dilation_w == 1:
            run, taps = run * block.taps_w, taps // block.taps_w
        reductions = taps * parts.channels.tiles * -(-run // self.tile)
        blocks *= parts.rows.tiles * parts.pixels.tiles * parts.columns.tiles
        return blocks * reductions * self._steps(rows, pixels, columns, tiles, column_tiles)[0]

    def bank(self, rows: int, pixels: int, tiles: int) -> tuple[int, int]:
        """Rows and pixels of outputs in ``tiles`` tiles: of one row if that is long, else of several."""
        across = -(-pixels // self.tile)
        return min(rows, max(1, tiles // across)), min(pixels, tiles * self.tile)

    def grouping(self, rows: int, pixels: int, columns: int) -> tuple[int, int]:
        """Tiles of pixels and of columns that are multiplied with each other, all loaded once.

        Of the ways to fill a bank of accumulators the one that takes the fewest cycles, then the fewest
        loads.
        """
        return min(self.fillings(), key=lambda shape: self._steps(rows, pixels, columns, *shape))

    def _steps(self, rows: int, pixels: int, columns: int, tiles: int, column_tiles: int) -> tuple[int, int]:
        """Cycles of all products of depth ``tile`` in a block, and cycles of their loads."""
        bank_rows, bank_pixels = self.bank(rows, pixels, tiles)
        banks = -(-rows // bank_rows) * -(-pixels // bank_pixels)
        cycles = loads = 0
        for count, width in (
            (columns // (column_tiles * self.tile), column_tiles),
            (1, self._rest(columns, column_tiles)),
        ):
            if not count * width:
                continue
            vectors = bank_rows * bank_pixels  # rows of A
            load = vectors + width * -(-self.tile * self.tile // self.scratchpad_bytes)
            cycles += count * banks * max(load, vectors * width)
            loads += count * banks * load
        return cycles, loads

    def _rest(self, columns: int, column_tiles: int) -> int:
        """Tiles of columns that are left over."""
        return -(-(columns % (column_tiles * self.tile)) // self.tile)


def gamma(arch: Architecture) -> Gamma:
    """Sizes of a description. Raises :class:`MappingError` where one is missing."""
    return Gamma(*(parameter(arch, field.name) for field in fields(Gamma)))
