"""Patterns for a block in the memory units of ``plasticine``: products, and windows channel by channel.

A tile of outputs, some pixels of a row × some columns, stays in a compute unit while its reduction streams
through: one run of a pattern for each kernel row (for each tap, with dilation). Its sums leave by an
address generator while the next tile is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from mappings.library._block_nest import Place
from mappings.library._block_team import Team, Worker
from mappings.library._blocks import Problem
from mappings.library._memory import stretch
from mappings.library._plasticine_machine import Plasticine
from mappings.library._split import Tile, over, repeat, rotating, split
from mappings.library._stretches import positions_seen
from mappings.program import Affine, Memory, Node, Register, Step, memory, sequence, step

BANKS = 2


@dataclass(frozen=True, slots=True)
class Outputs:
    """One tile of outputs inside its block; ``number`` tiles came before."""

    row: Affine
    pixels: Tile
    columns: Tile
    number: Affine


@dataclass(frozen=True)
class PatternKernel:
    """Steps of all units for one block.

    Attributes:
        operation: For channelwise problems ``vmac``, ``vadd`` or ``vmax``.
        divide: What sums are divided by.
    """

    machine: Plasticine
    team: Team
    whole: Problem
    has_bias: bool
    operation: str
    divide: int

    def load_input(self, store: int, slot: Affine, source: Memory, offset: Affine) -> Step:
        """A piece of a region from DRAM into a memory unit."""
        target = self.machine.input_address(store, slot) + offset
        return step("load", dst=memory(target, source.bytes * source.rows), src=source)

    def load_weights(self, store: int, slot: Affine, source: Memory) -> Step:
        """Weights from DRAM into a memory unit."""
        target = self.machine.weight_address(store, slot)
        return step("load", dst=memory(target, source.bytes * source.rows), src=source)

    def load_bias(self, worker: Worker, slot: Affine, source: Memory) -> Step:
        """The bias of a block from DRAM to the way out of a compute unit."""
        return step("load_bias", dst=Register("bias", slot + 2 * worker.number), src=source)

    def complete(self, place: Place) -> Node:
        """All outputs of a block, tile by tile."""
        return self._each(place, lambda tile: sequence(self._run(place, tile), self._store(place, tile)))

    def reduce(self, place: Place) -> Node:
        """A part of the reduction of a block that is one tile."""
        return self._each(place, lambda tile: self._run(place, tile))

    def finish(self, place: Place) -> Node:
        """Stores the outputs of a block."""
        return self._each(place, lambda tile: self._store(place, tile))

    def _each(self, place: Place, body: Callable[[Outputs], Node]) -> Node:
        pixels_most, columns_most = self.machine.tile(place.pixels, place.columns)
        grain = min(self.machine.lanes, columns_most)
        columns, pixels = split(place.columns, columns_most, grain), split(place.pixels, pixels_most)

        def one(j: Tile, y: Affine, x: Tile) -> Node:
            number = (place.number * columns.tiles + j.number) * place.rows + y
            return body(Outputs(y, x, j, number * pixels.tiles + x.number))

        return over("jj", columns, lambda j: repeat("yy", place.rows, lambda y: over(
            "xx", pixels, lambda x: one(j, y, x)
        )))  # fmt: skip

    def _run(self, place: Place, tile: Outputs) -> Node:
        if self.whole.channelwise:
            return repeat("rr", place.taps_h, lambda r: sequence(*(
                self._window(place, tile, r, worker) for worker in self.team.workers
            )))  # fmt: skip
        runs = 1 if place.region.tap_step == 1 else place.taps_w
        return repeat("rr", place.taps_h, lambda r: repeat("ss", runs, lambda s: sequence(*(
            self._dot(place, tile, r, s, worker) for worker in self.team.workers
        ))))  # fmt: skip

    def _dot(self, place: Place, tile: Outputs, r: Affine, s: Affine, worker: Worker) -> Step:
        """Columns of weights lie one after the other, each for the whole part of the reduction."""
        seen, machine = place.region, self.machine
        run = place.channels * (place.taps_w if seen.tap_step == 1 else 1)
        depth = place.taps_h * place.taps_w * place.channels
        weights = machine.weight_address(worker.weights, place.weight_slot) + tile.columns.offset * depth
        weights = weights + (r * place.taps_w + s) * place.channels
        return step(
            "dot", acc=self._sums(tile, worker), m=tile.pixels.size, n=tile.columns.size, k=run,
            a=stretch(
                self._input(place, tile, r, worker) + s * (seen.tap_step * seen.channels),
                run, tile.pixels.size, seen.pixel_step * seen.channels,
            ),
            b=stretch(weights, run, tile.columns.size, depth), hops=self._hops,
        )  # fmt: skip

    def _window(self, place: Place, tile: Outputs, r: Affine, worker: Worker) -> Step:
        """All taps of a kernel row."""
        seen, machine, channels = place.region, self.machine, tile.columns
        count = positions_seen(tile.pixels.size, place.taps_w, seen.pixel_step, seen.tap_step)
        begin = self._input(place, tile, r, worker) + channels.offset
        operands: dict[str, Register | Memory | int] = {
            "acc": self._sums(tile, worker), "v": stretch(begin, channels.size, count, seen.channels),
            "outputs": tile.pixels.size, "taps": place.taps_w, "channels": channels.size,
            "stride": seen.pixel_step, "dilation": seen.tap_step, "hops": self._hops,
        }  # fmt: skip
        if self.operation == "vmac":
            weights = machine.weight_address(worker.weights, place.weight_slot)
            weights = weights + r * (place.taps_w * place.columns) + channels.offset
            operands["w"] = stretch(weights, channels.size, place.taps_w, place.columns)
        return step(self.operation, **operands)

    def _input(self, place: Place, tile: Outputs, r: Affine, worker: Worker) -> Affine:
        """Address of what the first pixel of a tile sees in a kernel row."""
        seen = place.region
        row = (tile.row * seen.row_step + r * seen.tap_row_step) * seen.row_bytes
        pixel = tile.pixels.offset * (seen.pixel_step * seen.channels)
        return self.machine.input_address(worker.inputs, place.input_slot) + row + pixel

    def _store(self, place: Place, tile: Outputs) -> Node:
        nodes: list[Step] = []
        for worker in self.team.workers:
            begin = place.outputs(worker) + tile.row * self.whole.rows.c + tile.columns.offset
            begin = begin + tile.pixels.offset * self.whole.pixels.c
            bias = Register("bias", place.bias_slot + 2 * worker.number) if self.has_bias else "no_bias"
            nodes.append(step(
                "store", dst=memory(begin, tile.columns.size, tile.pixels.size, self.whole.pixels.c),
                acc=self._sums(tile, worker), bias=bias, column=tile.columns.offset, divide=self.divide,
                relu=0,
            ))  # fmt: skip
        return sequence(*nodes)

    @cached_property
    def _hops(self) -> int:
        """Switches to the farthest operand of any unit; nearer ones are delayed alike."""
        return max(map(self.machine.hops, self.team.workers))

    def _sums(self, tile: Outputs, worker: Worker) -> Register:
        return Register("acc", rotating(tile.number, BANKS) + BANKS * worker.number)
