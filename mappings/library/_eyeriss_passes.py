"""Passes of a block in the global buffer of ``eyeriss``.

For each part of the reduction and each group of filters, the filters are delivered once; then the array
passes over all output rows of the block, whose sums it takes from the global buffer and puts back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mappings.library._block_nest import Place
from mappings.library._block_team import Team, Worker
from mappings.library._blocks import Problem
from mappings.library._eyeriss_machine import Arrangement, Eyeriss
from mappings.library._memory import stretch
from mappings.library._split import Split, Tile, over, rotating
from mappings.program import Affine, Memory, Node, Register, Step, memory, sequence, step

BANKS = 2


@dataclass(frozen=True)
class PassKernel:
    """Steps for one block.

    Attributes:
        way: What a pass takes in.
        operation: ``convolve``, ``depthwise``, ``pool_max`` or ``pool_sum``.
        divide: What sums are divided by.
    """

    machine: Eyeriss
    team: Team
    whole: Problem
    has_bias: bool
    way: Arrangement
    operation: str
    divide: int

    def load_input(self, store: int, slot: Affine, source: Memory, offset: Affine) -> Step:
        """A piece of a region from DRAM into the global buffer."""
        target = self.machine.input_address(slot) + offset
        return step("fetch", dst=memory(target, source.bytes * source.rows), src=source)

    def load_weights(self, store: int, slot: Affine, source: Memory) -> Step:
        """Filters from DRAM into the global buffer."""
        target = self.machine.weight_address(slot)
        return step("fetch", dst=memory(target, source.bytes * source.rows), src=source)

    def load_bias(self, worker: Worker, slot: Affine, source: Memory) -> Step:
        """The bias of a block from DRAM into a register."""
        return step("load_bias", dst=Register("bias", slot), src=source)

    def complete(self, place: Place) -> Node:
        """All passes, then all stores."""
        return sequence(self.reduce(place), self.finish(place))

    def reduce(self, place: Place) -> Node:
        """Passes over all outputs for the part of the reduction that is on the chip."""
        way = self.way
        channels = _chunks(1 if self.whole.channelwise else place.channels, way.channels)

        def group(r: Tile, s: Tile, c: Tile, j: Tile) -> Node:
            passes = over("yy", _chunks(place.rows, way.rows), lambda y: self._pass(place, (r, s, c, j), y))
            if self.operation.startswith("pool"):
                return passes
            return sequence(self._deliver(place, r, s, c, j), passes)

        return over("rr", _chunks(place.taps_h, way.taps_h), lambda r: over(
            "ss", _chunks(place.taps_w, way.taps_w), lambda s: over(
                "cc", channels, lambda c: over(
                    "jj", _chunks(place.columns, way.columns), lambda j: group(r, s, c, j)
                )
            )
        ))  # fmt: skip

    def finish(self, place: Place) -> Node:
        """Stores of all sums."""
        return self._runs(place, lambda j, y: self._store(place, j, y))

    def _runs(self, place: Place, body: Callable[[Tile, Tile], Node]) -> Node:
        columns, rows = _chunks(place.columns, self.way.columns), _chunks(place.rows, self.way.rows)
        return over("jj", columns, lambda j: over("yy", rows, lambda y: body(j, y)))

    def _deliver(self, place: Place, r: Tile, s: Tile, c: Tile, j: Tile) -> Step:
        """Filters of a pass: for each tap channels × columns, or just columns."""
        tap = r.offset * place.taps_w + s.offset
        base = self.machine.weight_address(place.weight_slot)
        if self.whole.channelwise:
            source = stretch(base + tap * place.columns + j.offset, j.size, r.size * s.size, place.columns)
        else:
            begin = base + j.offset * (place.taps_h * place.taps_w * place.channels)
            begin = begin + (tap * place.channels + c.offset) * j.size
            source = stretch(begin, c.size * j.size, r.size * s.size, place.channels * j.size)
        return step("load_filters", dst="spad", src=source)

    def _pass(self, place: Place, parts: tuple[Tile, Tile, Tile, Tile], y: Tile) -> Step:
        r, s, c, j = parts
        seen, way = place.region, self.way
        planes, channel = (j.size, j.offset) if self.whole.channelwise else (c.size, c.offset)
        rows_seen = (y.size - 1) * seen.row_step + seen.tap_row_step * (r.size - 1) + 1
        positions = (place.pixels - 1) * seen.pixel_step + seen.tap_step * (s.size - 1) + 1
        begin = (y.offset * seen.row_step + r.offset * seen.tap_row_step) * seen.row_bytes
        begin = begin + s.offset * (seen.tap_step * seen.channels) + channel
        source = stretch(
            self.machine.input_address(place.input_slot) + begin,
            planes,
            (rows_seen - 1) * seen.pixels + positions,
            seen.channels,
        )
        operands: dict[str, Register | Memory | int] = {"psum": self._sums(place, j, y), "ifmap": source}
        if not self.operation.startswith("pool"):
            operands["filter"] = Register("spad")
        return step(
            self.operation, **operands, rows=y.size, pixels=place.pixels, columns=j.size, channels=planes,
            taps_h=r.size, taps_w=s.size, row_step=seen.row_step, pixel_step=seen.pixel_step,
            tap_row_step=seen.tap_row_step, tap_step=seen.tap_step, pitch=seen.pixels,
            width=self._width(place), filters=_share(way.filters, j.size, way.columns),
            planes=_share(way.planes, c.size, way.channels), sums=y.size * place.pixels * j.size,
        )  # fmt: skip

    def _width(self, place: Place) -> int:
        """Pixels of a segment; blocks at the edge may be narrower."""
        if place.rows > 1 or self.way.rows > 1:
            return place.pixels
        return min(place.pixels, self.way.width)

    def _store(self, place: Place, j: Tile, y: Tile) -> Node:
        """All rows of a run at once where they follow one another in memory."""
        pitch, rows = self.whole.pixels.c, self.whole.rows.c
        worker = self.team.workers[0]
        begin = place.outputs(worker) + y.offset * rows + j.offset
        together = y.size == 1 or rows == place.pixels * pitch
        count = 1 if together else y.size
        pixels = place.pixels * y.size if together else place.pixels
        bias = Register("bias", place.bias_slot) if self.has_bias else "no_bias"
        return sequence(*(
            step(
                "store", dst=memory(begin + number * rows, j.size, pixels, pitch),
                psum=self._sums(place, j, y), bias=bias, column=j.offset, first=number * place.pixels,
                last=int(number == count - 1), divide=self.divide, relu=0,
            )
            for number in range(count)
        ))  # fmt: skip

    def _sums(self, place: Place, j: Tile, y: Tile) -> Register:
        bank = rotating(place.number, BANKS) * self.machine.psum_sections
        return Register("ps", bank + j.number * _chunks(place.rows, self.way.rows).tiles + y.number)


def _chunks(size: int, tile: int) -> Split:
    """As many full tiles as there are, then the rest."""
    tile = min(size, tile)
    return Split(tile, size // tile, size % tile)


def _share(each: int, size: int, full: int) -> int:
    """What an element has of ``size`` where it has ``each`` of ``full``."""
    sets = -(-full // each)
    return min(each, -(-size // sets))
