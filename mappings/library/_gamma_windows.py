"""Depthwise convolutions and poolings of a block in a unit's scratchpad, on ``gamma``.

A stretch of output pixels takes, for each kernel row, a stretch of the input row into a vector register,
and the taps of that row from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

from mappings.library._block_nest import Place
from mappings.library._block_team import Worker
from mappings.library._gamma_product import BANKS, GammaTransfers
from mappings.library._memory import stretch
from mappings.library._split import Tile, over, repeat, rotating
from mappings.library._stretches import Stretches, positions_seen, stretches
from mappings.program import Affine, Node, Register, Step, memory, sequence, step


@dataclass(frozen=True, slots=True)
class Stretch:
    """Outputs whose sums are one vector, inside their block."""

    row: Affine
    pixels: Tile
    channels: Tile
    number: Affine


@dataclass(frozen=True)
class WindowKernel(GammaTransfers):
    """Steps of all units for one block.

    Attributes:
        operation: ``vmac``, ``vadd`` or ``vmax``.
        divide: What sums are divided by.
    """

    operation: str
    divide: int = 1

    def complete(self, place: Place) -> Node:
        """All outputs of a block, stretch by stretch."""
        return self._each(place, lambda part: sequence(self._passes(place, part), self._store(place, part)))

    def reduce(self, place: Place) -> Node:
        """Some taps of a block that is one stretch."""
        return self._each(place, lambda part: self._passes(place, part))

    def finish(self, place: Place) -> Node:
        """Stores the outputs of a block."""
        return self._each(place, lambda part: self._store(place, part))

    def _stretches(self, place: Place) -> Stretches:
        return stretches(
            place.columns, place.pixels, place.taps_w, step=place.region.pixel_step,
            tap_step=place.region.tap_step, lanes=min(self.machine.lanes, place.columns),
            vector_bytes=self.machine.vector_bytes,
        )  # fmt: skip

    def _each(self, place: Place, body: Callable[[Stretch], Node]) -> Node:
        parts = self._stretches(place)

        def one(c: Tile, y: Affine, x: Tile) -> Node:
            number = (place.number * parts.channels.tiles + c.number) * place.rows + y
            return body(Stretch(y, x, c, number * parts.pixels.tiles + x.number))

        return over("cc", parts.channels, lambda c: repeat("yy", place.rows, lambda y: over(
            "xx", parts.pixels, lambda x: one(c, y, x)
        )))  # fmt: skip

    def _passes(self, place: Place, part: Stretch) -> Node:
        taps = self._stretches(place).taps

        def one(r: Affine, s: Tile) -> Node:
            number = (part.number * place.taps_h + r) * taps.tiles + s.number
            passes = (self._pass(place, part, r, s, number, worker) for worker in self.team.workers)
            return sequence(*chain.from_iterable(passes))

        return repeat("rr", place.taps_h, lambda r: over("ss", taps, lambda s: one(r, s)))

    def _pass(
        self, place: Place, part: Stretch, r: Affine, s: Tile, number: Affine, worker: Worker
    ) -> list[Step]:
        """A stretch of an input row (and weights), and the taps that lie in it."""
        seen, machine = place.region, self.machine
        slot = rotating(number, machine.vector_tiles) + worker.number * machine.vector_tiles
        row = part.row * seen.row_step + r * seen.tap_row_step
        pixel = part.pixels.offset * seen.pixel_step + s.offset * seen.tap_step
        begin = machine.input_address(worker.inputs, place.input_slot) + row * seen.row_bytes
        begin = begin + pixel * seen.channels + part.channels.offset
        count = positions_seen(part.pixels.size, s.size, seen.pixel_step, seen.tap_step)
        values = Register("v", slot)
        nodes = [step("load_v", dst=values, src=stretch(begin, part.channels.size, count, seen.channels))]
        operands: dict[str, Register | int] = {
            "acc": self._sum(part, worker), "v": values, "outputs": part.pixels.size, "taps": s.size,
            "channels": part.channels.size, "stride": seen.pixel_step, "dilation": seen.tap_step,
        }  # fmt: skip
        if self.operation == "vmac":
            operands["w"] = Register("w", slot)
            weights = machine.weight_address(worker.weights, place.weight_slot)
            weights = weights + (r * place.taps_w + s.offset) * place.columns + part.channels.offset
            source = stretch(weights, part.channels.size, s.size, place.columns)
            nodes.append(step("load_v", dst=operands["w"], src=source))
        return [*nodes, step(self.operation, **operands)]

    def _store(self, place: Place, part: Stretch) -> Node:
        nodes: list[Step] = []
        for worker in self.team.workers:
            begin = place.outputs(worker) + part.row * self.whole.rows.c + part.channels.offset
            begin = begin + part.pixels.offset * self.whole.pixels.c
            target = memory(begin, part.channels.size, part.pixels.size, self.whole.pixels.c)
            nodes.append(step(
                "store_v", dst=target, acc=self._sum(part, worker), bias=self.bias(place, worker),
                column=part.channels.offset, divide=self.divide, relu=0,
            ))  # fmt: skip
        return sequence(*nodes)

    def _sum(self, part: Stretch, worker: Worker) -> Register:
        return Register("vacc", rotating(part.number, BANKS) + BANKS * worker.number)
