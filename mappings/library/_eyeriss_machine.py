"""What the mapping for ``eyeriss`` needs to know of the array, and how a block is arranged on it.

A *set* of processing elements is ``taps_h`` rows × ``segments`` columns: each row of it holds a filter row,
each column makes a segment of the output (an output row, or a part of the only one there is). The array has
room for several sets. They work on other channels (one above the other, whose sums are added), other
filters, or other segments of the same pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cache

from acadl.model import Architecture
from mappings.library._block_plan import Ways
from mappings.library._block_team import Share, Team, Worker
from mappings.library._blocks import Block, Problem, Splits, region, splits
from mappings.library._memory import parameter
from mappings.program import Affine

IFMAPS = 0x1000_0000
FILTERS = 0x2000_0000
SUM_BYTES = 4


@dataclass(frozen=True, slots=True)
class Work:
    """The outputs of a block and the part of their reduction that is on the chip; ``tap_step`` in pixels."""

    rows: int
    pixels: int
    columns: int
    taps_h: int
    taps_w: int
    channels: int
    tap_step: int
    channelwise: bool

    @property
    def segments(self) -> int:
        """What the array's columns can work on side by side."""
        return self.rows if self.rows > 1 else self.pixels


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What one pass takes in, at most.

    Attributes:
        rows: Of the output; all pixels of each.
        columns, channels, taps_h, taps_w: Of its filters.
        width: Pixels of a segment.
        filters, planes: Filters and channels of one element.
    """

    rows: int
    columns: int
    channels: int
    taps_h: int
    taps_w: int
    width: int
    filters: int
    planes: int


@dataclass(frozen=True, slots=True)
class Eyeriss:
    """Sizes; names are the description's parameters."""

    rows: int
    cols: int
    ifmap_words: int
    filter_words: int
    psum_words: int
    ifmap_buffer: int
    filter_buffer: int
    psum_buffer: int
    psum_sections: int
    ifmap_rate: int
    psum_rate: int
    pass_latency: int
    glb_bytes: int
    bus_bytes: int

    @property
    def input_bytes(self) -> int:
        """Room for the input of a block."""
        return self.ifmap_buffer // 2

    @property
    def weight_bytes(self) -> int:
        """Room for the weights of a block."""
        return self.filter_buffer // 2

    @property
    def sums(self) -> int:
        """Room for the sums of a block."""
        return self.psum_buffer // 2 // SUM_BYTES

    @property
    def bus_ports(self) -> int:
        """One transaction with main memory starts in a cycle."""
        return 1

    @property
    def grain(self) -> int:
        """Columns that are stored together."""
        return self.psum_words

    @property
    def keeps_sums(self) -> bool:
        """Sums stay in the global buffer until all channels of a block have been added."""
        return True

    def packing_grain(self, whole: Problem, block: Block) -> int:
        """Columns of weights that lie side by side: those of a pass, or all channels of a block."""
        return whole.columns.count if whole.channelwise else self.arrangement(whole, block).columns

    def input_address(self, slot: Affine) -> Affine:
        """Where a buffer for inputs begins."""
        return slot * self.input_bytes + IFMAPS

    def weight_address(self, slot: Affine) -> Affine:
        """Where a buffer for filters begins."""
        return slot * self.weight_bytes + FILTERS

    def team(self, share: Share) -> Team:
        """The array is one worker."""
        return Team(tuple(Worker(0, 0, 0, offset) for _, offset in share.members))

    def ways(self, whole: Problem) -> Iterable[Ways]:
        """Nothing to share out."""
        return ((),)

    def sum_shapes(self, whole: Problem) -> Iterator[tuple[int, int, int]]:
        """Rows, pixels and columns of blocks whose sums fit, by columns of a pass and rows of sets."""
        for columns in dict.fromkeys(self._column_sizes(whole)):
            room = self.sums // columns
            pixels = min(whole.pixels.count, room)
            if pixels < 1:
                continue
            rows = min(whole.rows.count, room // pixels)
            for fewer in dict.fromkeys((rows, -(-rows // 2), min(rows, self.cols))):
                yield fewer, pixels, columns
            for part in (pixels // 2, pixels // 4):
                if rows == 1 and part:
                    yield 1, part, columns
        yield 1, 1, 1

    def _column_sizes(self, whole: Problem) -> Iterator[int]:
        most = whole.columns.count
        while most > self.psum_words:
            yield most
            most = -(-most // 2)
        yield most
        yield -(-most // 2)

    def accepts(self, whole: Problem, block: Block) -> bool:
        """Whether there are names for all runs of its sums."""
        way = self.arrangement(whole, block)
        return self._sections(self._work(whole, block), way) <= self.psum_sections

    def cycles(self, whole: Problem, parts: Splits, block: Block) -> int:
        """Of all passes and the deliveries of their filters."""
        blocks = whole.groups.count * whole.images.count * parts.rows.tiles * parts.pixels.tiles
        blocks *= parts.columns.tiles * parts.taps_h.tiles * parts.taps_w.tiles * parts.channels.tiles
        return blocks * self._cycles(self._work(whole, block), self.arrangement(whole, block))

    def arrangement(self, whole: Problem, block: Block) -> Arrangement:
        """How the passes of a problem's blocks are arranged."""
        return _arrange(self, self._work(whole, block))

    def _work(self, whole: Problem, block: Block) -> Work:
        """A block of full size."""
        parts = splits(whole, block)
        seen = region(whole, block, parts.rows.tile, parts.pixels.tile, 1)
        return Work(
            parts.rows.tile, parts.pixels.tile, parts.columns.tile, parts.taps_h.tile, parts.taps_w.tile,
            parts.channels.tile, seen.tap_step, whole.channelwise,
        )  # fmt: skip

    def arrangements(self, work: Work) -> Iterator[Arrangement]:
        """Ways to use the array's room for sets."""
        reach = work.tap_step * (work.taps_w - 1) + 1
        taps_w = work.taps_w if reach <= self.ifmap_words else 1
        taps_w = min(taps_w, self.filter_words)
        taps_h = min(work.taps_h, self.rows) if taps_w == work.taps_w else 1
        segments = min(self.cols, work.segments)
        stacked = self.rows // taps_h
        sets = stacked * (self.cols // segments)
        positions = work.tap_step * (taps_w - 1) + 1
        planes_most = max(1, min(self.ifmap_words // positions, self.filter_words // taps_w))
        for deep in range(1, (1 if work.channelwise else stacked) + 1):
            for across in range(1, sets // deep + 1):
                yield self._arrangement(work, taps_h, taps_w, segments, planes_most, (deep, across, sets))

    def _arrangement(
        self, work: Work, taps_h: int, taps_w: int, segments: int, most: int, sets: tuple[int, int, int]
    ) -> Arrangement:
        """``deep`` sets for other channels, ``across`` sets for other filters, the others for more rows."""
        deep, across, all_sets = sets
        more_rows = all_sets // (deep * across) if work.rows > 1 else 1
        if work.channelwise:
            filters = max(1, min(most, self.psum_words, -(-work.columns // across)))
            planes = channels = 1
        else:
            planes = min(most, -(-work.channels // deep))
            room = min(self.psum_words, self.filter_words // (planes * taps_w))
            filters = max(1, min(room, -(-work.columns // across)))
            channels = min(work.channels, planes * deep)
        rows = min(work.rows, segments * more_rows) if work.rows > 1 else 1
        width = work.pixels if work.rows > 1 else -(-work.pixels // segments)
        columns = min(work.columns, filters * across)
        return Arrangement(rows, columns, channels, taps_h, taps_w, width, filters, planes)

    def _cycles(self, work: Work, way: Arrangement) -> int:
        """Of a block."""
        columns = -(-work.columns // way.columns)
        depth = (
            -(-work.channels // way.channels) * -(-work.taps_h // way.taps_h) * -(-work.taps_w // way.taps_w)
        )
        passes = columns * depth * -(-work.rows // way.rows)
        channels = way.columns if work.channelwise else way.channels
        seen = (way.rows + way.taps_h - 1) * (work.pixels + way.taps_w - 1) * channels
        sums = way.rows * work.pixels * way.columns
        busy = max(
            way.width * way.taps_w * way.filters * way.planes,
            -(-seen // self.ifmap_rate),
            -(-2 * sums // self.psum_rate),
        )
        weights = way.taps_h * way.taps_w * way.channels * way.columns
        return passes * (busy + self.pass_latency) + columns * depth * -(-weights // self.glb_bytes)

    def _sections(self, work: Work, way: Arrangement) -> int:
        """Runs of sums of a block."""
        return -(-work.columns // way.columns) * -(-work.rows // way.rows)


@cache
def _arrange(machine: Eyeriss, work: Work) -> Arrangement:
    """The arrangement with the fewest cycles whose runs of sums have names."""

    def cost(way: Arrangement) -> tuple[bool, int]:
        return machine._sections(work, way) > machine.psum_sections, machine._cycles(work, way)

    return min(machine.arrangements(work), key=cost)


def eyeriss(arch: Architecture) -> Eyeriss:
    """Sizes of a description. Raises :class:`MappingError` where one is missing."""
    return Eyeriss(*(parameter(arch, field.name) for field in fields(Eyeriss)))
