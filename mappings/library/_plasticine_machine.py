"""What the mapping for ``plasticine`` needs to know of the grid, its on-chip addresses, and who works where.

The compute unit in row r and column c of the grid has number ``r · cols + c``, and so has the memory unit
beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from acadl.model import Architecture
from mappings.library._block_plan import Ways
from mappings.library._block_team import SHARED, Share, Team, Worker
from mappings.library._blocks import Block, Problem, Splits
from mappings.library._memory import parameter
from mappings.program import Affine

PMUS = 0x1000_0000
APART = 1 << 20
BUFFERS = 4  # a memory unit is two buffers for inputs and two for weights

# Dimensions that do not change the weights.
_INPUTS = ("rows", "pixels", "images")


@dataclass(frozen=True, slots=True)
class Plasticine:
    """Sizes; names are the description's parameters."""

    rows: int
    cols: int
    lanes: int
    stages: int
    sums: int
    pmu_size: int
    dram_channels: int
    bus_bytes: int

    @property
    def units(self) -> int:
        """Compute units, and memory units."""
        return self.rows * self.cols

    @property
    def input_bytes(self) -> int:
        """Room for the input of a block."""
        return self.pmu_size // BUFFERS

    @property
    def weight_bytes(self) -> int:
        """Room for the weights of a block."""
        return self.pmu_size // BUFFERS

    @property
    def bus_ports(self) -> int:
        """Transactions with main memory that start in a cycle."""
        return self.dram_channels

    @property
    def grain(self) -> int:
        """Columns that are stored side by side."""
        return self.lanes

    @property
    def keeps_sums(self) -> bool:
        """Blocks are worked on tile by tile."""
        return False

    def packing_grain(self, whole: Problem, block: Block) -> int:
        """Columns of weights that lie side by side: one, or all channels of a block."""
        return whole.columns.count if whole.channelwise else 1

    def input_address(self, unit: int, slot: Affine) -> Affine:
        """Where a memory unit's buffer for inputs begins."""
        return slot * self.input_bytes + (PMUS + unit * APART)

    def weight_address(self, unit: int, slot: Affine) -> Affine:
        """Where a memory unit's buffer for weights begins."""
        return self.input_address(unit, slot) + 2 * self.input_bytes

    def hops(self, worker: Worker) -> int:
        """Switches between a compute unit and the farther one of its memory units."""
        return 1 + max(
            self._distance(worker.number, worker.inputs), self._distance(worker.number, worker.weights)
        )

    def _distance(self, one: int, other: int) -> int:
        rows, columns = zip(divmod(one, self.cols), divmod(other, self.cols), strict=True)
        return abs(rows[0] - rows[1]) + abs(columns[0] - columns[1])

    def ways(self, whole: Problem) -> Iterable[Ways]:
        """Columns down the grid and something else across it, or one dimension over all units."""
        shared = [name for name in SHARED if getattr(whole, name).count > 1] or ["pixels"]
        for name in shared:
            yield ((name, self.units),)
            if name != "columns" and whole.columns.count > 1:
                yield (("columns", self.rows), (name, self.cols))

    def team(self, share: Share) -> Team:
        """Units that see the same inputs or weights read them from one memory unit, where they can."""
        return Team(tuple(
            Worker(unit, *self._stores(unit, share), offset)
            for unit, offset in ((self._unit(at), offset) for at, offset in share.members)
        ))  # fmt: skip

    def _unit(self, at: tuple[int, ...]) -> int:
        return at[0] if len(at) == 1 else at[0] * self.cols + at[1]

    def _stores(self, unit: int, share: Share) -> tuple[int, int]:
        """Where a unit's inputs and weights are: its own memory, the first of its column, of its row."""
        row, column = divmod(unit, self.cols)
        same_inputs, same_weights = column, row * self.cols
        if share.problem.channelwise or "groups" in share.shared:
            if share.shared[0] == "columns" and not share.problem.channelwise:
                return same_inputs, unit
            return unit, unit
        if share.shared == ("columns",):
            return same_inputs, unit
        if len(share.shared) == 1:
            return unit, same_weights
        return same_inputs, same_weights

    def sum_shapes(self, whole: Problem) -> Iterator[tuple[int, int, int]]:
        """Rows, pixels and columns of one tile of outputs."""
        for columns in dict.fromkeys((self.lanes, 2 * self.lanes, max(1, self.lanes // 4))):
            columns = min(columns, whole.columns.count, self.sums)
            yield 1, min(whole.pixels.count, max(1, self.sums // columns)), columns
        yield 1, 1, 1

    def accepts(self, whole: Problem, block: Block) -> bool:
        """All that fits."""
        return True

    def tile(self, pixels: int, columns: int) -> tuple[int, int]:
        """Pixels of a row and columns of one tile of outputs: whole transactions wide, and long."""
        columns = min(columns, 2 * self.lanes, self.sums)
        return min(pixels, self.sums // columns), columns

    def cycles(self, whole: Problem, parts: Splits, block: Block) -> int:
        """Of a compute unit."""
        outputs = whole.groups.count * whole.images.count * whole.rows.count * whole.pixels.count
        if whole.channelwise:
            return outputs * whole.depth * -(-whole.columns.count // self.lanes)
        run, taps = parts.channels.tile, whole.kernel_h * whole.kernel_w
        if block.taps_w > 1 and whole.dilation_w == 1:
            run, taps = run * block.taps_w, taps // block.taps_w
        steps = taps * parts.channels.tiles * -(-run // self.lanes)
        pixels, columns = self.tile(parts.pixels.tile, parts.columns.tile)
        runs = outputs * whole.columns.count // (pixels * columns) * taps * parts.channels.tiles
        return outputs * whole.columns.count * steps + runs * (self.stages + self.cols)


def plasticine(arch: Architecture) -> Plasticine:
    """Sizes of a description. Raises :class:`MappingError` where one is missing."""
    return Plasticine(*(parameter(arch, field.name) for field in fields(Plasticine)))
