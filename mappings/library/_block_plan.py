"""Choosing blocks: candidates that fit the on-chip memory, an estimate of what each costs, the cheapest.

The estimate is that of two resources that work side by side: the bus to main memory, which carries every
input, weight and output as often as the nest loads it, and the workers, whose cycles the machine knows.
Only what order candidates come in depends on it; cycles of the chosen one are evaluated, not estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from mappings.layers import Layer
from mappings.library._block_team import Share, Team, shares
from mappings.library._blocks import Block, Problem, Splits, packed, region, splits
from mappings.registry import MappingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of candidates that take equally long the one with fewer loads: the idler resource counts, too, by this part.
IDLE = 8
# What starting a block costs beside its work.
BLOCK_CYCLES = 2

Ways = Sequence[tuple[str, int]]


class Machine(Protocol):
    """What the choice needs to know of a machine.

    Attributes:
        input_bytes, weight_bytes: Room for the input and the weights of one block.
        bus_bytes: Of a transaction with main memory.
        bus_ports: Transactions that start in a cycle.
        grain: Output columns that are computed side by side.
        keeps_sums: Whether the sums of all outputs of a block are kept until its reduction is complete, so
            that no block is larger than ``sum_shapes``.
    """

    @property
    def input_bytes(self) -> int: ...
    @property
    def weight_bytes(self) -> int: ...
    @property
    def bus_bytes(self) -> int: ...
    @property
    def bus_ports(self) -> int: ...
    @property
    def grain(self) -> int: ...
    @property
    def keeps_sums(self) -> bool: ...

    def ways(self, whole: Problem) -> Iterable[Ways]:
        """How the problem can be shared out among the workers."""

    def team(self, share: Share) -> Team:
        """Who works on a share, and from which memories."""

    def sum_shapes(self, whole: Problem) -> Iterable[tuple[int, int, int]]:
        """Rows, pixels and columns of the largest blocks whose sums fit where sums are kept."""

    def accepts(self, whole: Problem, block: Block) -> bool:
        """Whether it can work on blocks of that size, beside what fits where."""

    def cycles(self, whole: Problem, parts: Splits, block: Block) -> int:
        """Of a worker for the whole problem."""


@dataclass(frozen=True)
class Plan:
    """How a problem is shared out, and the block of each share."""

    ways: tuple[tuple[str, int], ...]
    work: tuple[tuple[Share, Block], ...]


def plan(layer: Layer, whole: Problem, machine: Machine, has_weights: bool = True) -> Plan:
    """The cheapest candidate.

    Raises:
        MappingError: Not even one window of one channel fits.
    """
    best: tuple[int, Plan] | None = None
    for ways in machine.ways(whole):
        cost, work, blocks = 0, [], dict[int, Block]()
        for share in shares(whole, ways):
            columns = share.problem.columns.count
            # weights are packed for one block: shares of the same columns have the same
            block = blocks.get(columns) or _cheapest(share, machine, has_weights)
            if block is None:
                break
            blocks[columns] = block
            work.append((share, block))
            cost += _cost(share, block, machine, has_weights)
        else:
            if best is None or cost < best[0]:
                best = cost, Plan(tuple(ways), tuple(work))
    if best is None:
        raise MappingError(
            f"layer '{layer.name}' ({layer.op}): not one of its windows fits the on-chip memory for inputs "
            f"({machine.input_bytes:,} bytes) and weights ({machine.weight_bytes:,} bytes)"
        )
    return best[1]


def packed_weights(
    chosen: Plan, matrices: NDArray[Any], grain_of: Callable[[Problem, Block], int]
) -> NDArray[Any]:
    """The weights as the nests of a plan load them, from matrices of shape ``(groups, depth, columns)``."""
    import numpy as np

    flat = np.empty(matrices.size, matrices.dtype)
    depth, columns = matrices.shape[1:]
    for share, block in chosen.work:
        grain = grain_of(share.problem, block)
        for _, offset in share.members:
            for number in range(share.problem.groups.count):
                begin = offset.b + number * share.problem.groups.b
                group, column = divmod(begin // depth, columns)
                part = matrices[group][:, column : column + share.problem.columns.count]
                flat[begin : begin + part.size] = packed(part, share.problem, block, grain)
    return flat


def _cheapest(share: Share, machine: Machine, has_weights: bool) -> Block | None:
    found = (
        block
        for block in _candidates(share.problem, machine, has_weights)
        if machine.accepts(share.problem, block)
    )
    return min(found, key=lambda block: _cost(share, block, machine, has_weights), default=None)


def _cost(share: Share, block: Block, machine: Machine, has_weights: bool) -> int:
    """Cycles, roughly: the busier one of bus and worker, after the first loads."""
    whole, parts = share.problem, splits(share.problem, block)
    pixels = whole.groups.count * whole.images.count * parts.rows.tiles * parts.pixels.tiles
    columns = parts.columns.tiles
    cuts = parts.taps_h.tiles * parts.taps_w.tiles * parts.channels.tiles
    weights_first = block.weights_first or whole.channelwise
    input_loads = pixels * (columns * cuts if parts.is_cut else columns if weights_first else 1)
    weight_loads = columns * cuts * (pixels if parts.is_cut or not weights_first else whole.groups.count)
    channels = parts.columns.tile if whole.channelwise else parts.channels.tile
    seen = region(whole, block, parts.rows.tile, parts.pixels.tile, channels)
    weights = parts.taps_h.tile * parts.taps_w.tile * parts.channels.tile * parts.columns.tile
    team = machine.team(share)
    one_input = seen.transactions(machine.bus_bytes) * len(team.inputs)
    one_weight = -(-weights // machine.bus_bytes) * len(team.weights) if has_weights else 0
    outputs = whole.groups.count * whole.images.count * whole.rows.count * whole.pixels.count
    stores = outputs * -(-whole.columns.count // machine.grain) * len(share.members)
    bus = (input_loads * one_input + weight_loads * one_weight + stores) // machine.bus_ports
    work = machine.cycles(whole, parts, block)
    started = BLOCK_CYCLES * pixels * columns * cuts + one_input + one_weight
    return max(bus, work) + min(bus, work) // IDLE + started


def _candidates(whole: Problem, machine: Machine, has_weights: bool) -> Iterator[Block]:
    """Blocks that fit, largest rows, pixels and channels for each choice of columns and taps."""
    weight_bytes = machine.weight_bytes if has_weights else 1 << 62
    for columns in () if machine.keeps_sums else _column_sizes(whole, machine, weight_bytes):
        shell = Block(1, 1, columns, whole.kernel_h, whole.kernel_w, whole.channels, False)
        for block in _largest(whole, shell, machine.input_bytes):
            yield block
            if not whole.channelwise:
                yield replace(block, weights_first=True)
    kernels = dict.fromkeys([(whole.kernel_h, whole.kernel_w), (1, whole.kernel_w), (1, 1)])
    for taps_h, taps_w in kernels:
        for rows, pixels, columns in machine.sum_shapes(whole):
            block = Block(rows, pixels, columns, taps_h, taps_w, 1, False)
            one = region(whole, block, rows, pixels, columns if whole.channelwise else 1)
            if one.bytes > machine.input_bytes or taps_h * taps_w * columns > weight_bytes:
                continue
            if whole.channelwise:
                yield block
                continue
            room = min(machine.input_bytes // one.bytes, weight_bytes // (taps_h * taps_w * columns))
            most = min(whole.channels, room)
            for channels in dict.fromkeys((most, -(-most // 2), -(-most // 4), -(-most // 8))):
                yield replace(block, channels=channels)
            if (taps_h, taps_w, most) == (whole.kernel_h, whole.kernel_w, whole.channels):
                yield replace(block, channels=most, weights_first=True)


def _column_sizes(whole: Problem, machine: Machine, weight_bytes: int) -> Iterable[int]:
    """Columns of blocks that hold the whole reduction: all, or as many as fit, and smaller ones."""
    most = min(whole.columns.count, weight_bytes // whole.depth)
    sizes = []
    while most:
        sizes.append(most)
        if most <= machine.grain:
            break
        most = max(machine.grain, most // 2 // machine.grain * machine.grain)
    return [
        size - size % machine.grain if machine.grain < size < whole.columns.count else size for size in sizes
    ]


def _largest(whole: Problem, shell: Block, input_bytes: int) -> Iterator[Block]:
    """The block with as many pixels, then rows as fit, and some with fewer rows."""
    channels = shell.columns if whole.channelwise else shell.channels
    room = input_bytes // (region(whole, shell, 1, 1, channels).rows * channels)
    pixels = _windows(room, shell.taps_w, whole.stride_w, whole.dilation_w)
    if pixels < 1:
        return
    if pixels < whole.pixels.count:
        yield replace(shell, pixels=pixels)
        return
    pixels = whole.pixels.count
    room = input_bytes // (region(whole, shell, 1, pixels, channels).pixels * channels)
    rows = min(whole.rows.count, _windows(room, shell.taps_h, whole.stride_h, whole.dilation_h))
    for fewer in dict.fromkeys((rows, -(-rows // 2), -(-rows // 4))):
        yield replace(shell, pixels=pixels, rows=fewer)
    if rows == 1:
        yield replace(shell, pixels=-(-pixels // 2))
        yield replace(shell, pixels=-(-pixels // 4))


def _windows(positions: int, taps: int, stride: int, dilation: int) -> int:
    """Windows in so many rows or pixels of a region."""
    if taps == 1:  # the region holds nothing else
        return positions
    return (positions - dilation * (taps - 1) - 1) // stride + 1
