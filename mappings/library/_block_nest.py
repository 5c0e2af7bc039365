"""The loop nest of a problem in blocks: what is loaded when, and how the next loads overlap the present work.

From outside: groups, then images, rows and pixels around columns or the other way round, then the parts of
the reduction. Each load stands at the innermost loop that changes it. On the two innermost loops that run
more than once, the loads of the next block stand before the work on this one, and go to the other one of
two buffers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from mappings.library._axes import START, Offset
from mappings.library._block_team import Team, Worker
from mappings.library._blocks import Block, Problem, Region, Splits, region, splits
from mappings.library._memory import Array
from mappings.library._split import Split, Tile, repeat, rotating
from mappings.program import Affine, Memory, Node, Step, as_affine, index, loop, memory, sequence

SLOTS = 2  # buffers for the input of a block, for its weights, for the bias of its columns
OVERLAPPED = 2  # loops that load ahead
INDICES = {
    "groups": "g", "images": "n", "rows": "y", "pixels": "x", "columns": "j",
    "taps_h": "r", "taps_w": "s", "channels": "c",
}  # fmt: skip
REDUCTION = ("taps_h", "taps_w", "channels")


@dataclass(frozen=True, slots=True)
class Place:
    """One block inside its loops.

    Attributes:
        region: Its input on the chip.
        rows, pixels, columns: Outputs.
        taps_h, taps_w, channels: Of the part of the reduction.
        input_slot, weight_slot, bias_slot: Buffers.
        number: Blocks of outputs before this one.
        output: Address of its first output without a worker's offset.
    """

    region: Region
    rows: int
    pixels: int
    columns: int
    taps_h: int
    taps_w: int
    channels: int
    input_slot: Affine
    weight_slot: Affine
    bias_slot: Affine
    number: Affine
    output: Affine

    def outputs(self, worker: Worker) -> Affine:
        """Address of a worker's first output."""
        return self.output + worker.offset.c


class Kernel(Protocol):
    """What a machine does with a block; every method makes the steps of all workers."""

    def load_input(self, store: int, slot: Affine, source: Memory, offset: Affine) -> Step:
        """One piece of a region into memory ``store``, ``offset`` bytes behind the slot's beginning."""

    def load_weights(self, store: int, slot: Affine, source: Memory) -> Step:
        """The weights of a block into memory ``store``."""

    def load_bias(self, worker: Worker, slot: Affine, source: Memory) -> Step:
        """The bias of a block's columns."""

    def complete(self, place: Place) -> Node:
        """All outputs of a block whose reduction is on the chip as a whole."""

    def reduce(self, place: Place) -> Node:
        """A part of the reduction of all outputs of a block, added to their sums."""

    def finish(self, place: Place) -> Node:
        """Stores the sums of all outputs of a block."""


@dataclass(frozen=True)
class BlockNest:
    """A problem, how it is cut, who works on it, and where its arrays lie.

    Attributes:
        origin: Where the problem begins in the arrays.
    """

    whole: Problem
    block: Block
    team: Team
    kernel: Kernel
    at: Mapping[str, Array]
    origin: Offset = START

    def lower(self) -> Node:
        """The loops and everything inside them."""
        return self._emit(0, {}, None)

    @cached_property
    def parts(self) -> Splits:
        """Dimensions in blocks."""
        return splits(self.whole, self.block)

    @cached_property
    def _order(self) -> tuple[str, ...]:
        inner = ("images", "rows", "pixels")
        middle = ("columns", *inner) if self._weights_first else (*inner, "columns")
        return ("groups", *middle, *REDUCTION)

    @property
    def _weights_first(self) -> bool:
        return self.block.weights_first or self.whole.channelwise

    def _split(self, name: str) -> Split:
        if name in ("groups", "images"):
            return Split(1, getattr(self.whole, name).count, 0)
        found: Split = getattr(self.parts, name)
        return found

    @cached_property
    def _first_overlapped(self) -> int:
        """The loop from which on loads run ahead."""
        level, loops = len(self._order), 0
        while level and loops + (self._split(self._order[level - 1]).tiles > 1) <= OVERLAPPED:
            level -= 1
            loops += self._split(self._order[level]).tiles > 1
        return level

    # -- loops ----------------------------------------------------------------------------------------------

    def _emit(self, level: int, at: dict[str, Tile], following: Node | None) -> Node:
        """Everything from loop ``level`` inwards; ``following`` loads what comes after it."""
        if level == len(self._order):
            place = self._place(at)
            work = self.kernel.reduce(place) if self.parts.is_cut else self.kernel.complete(place)
            return work if following is None else sequence(following, work)
        name = self._order[level]
        ahead = level >= self._first_overlapped
        nodes = [self._enter(level, at, self._first(name))] if level == self._first_overlapped else []
        nodes += self._ahead(level, at, following) if ahead else self._in_turn(level, at)
        if name == REDUCTION[0] and self.parts.is_cut:
            nodes.append(self.kernel.finish(self._place(self._at_first(at))))
        return sequence(*nodes)

    def _ahead(self, level: int, at: dict[str, Tile], following: Node | None) -> Iterable[Node]:
        """A loop in which the next tile is loaded before the work on this one."""
        name = self._order[level]
        parts, rest = self._split(name), self._rest(name)
        if parts.count > 1:
            counter = index(INDICES[name])
            tile, after = self._full(name, counter), self._full(name, counter + 1)
            load = self._enter(level, at, after)
            yield loop(counter, parts.count - 1, self._emit(level + 1, {**at, name: tile}, load))
        last = self._full(name, as_affine(parts.count - 1))
        load_rest = self._enter(level, at, rest) if rest else following
        yield self._emit(level + 1, {**at, name: last}, load_rest)
        if rest:
            yield self._emit(level + 1, {**at, name: rest}, following)

    def _in_turn(self, level: int, at: dict[str, Tile]) -> Iterable[Node]:
        """A loop in which each tile is loaded and worked on in turn."""
        name = self._order[level]
        parts, rest = self._split(name), self._rest(name)

        def one(tile: Tile) -> Node:
            here = {**at, name: tile}
            return sequence(self._loads(level, here), self._emit(level + 1, here, None))

        yield repeat(INDICES[name], parts.count, lambda counter: one(self._full(name, counter)))
        if rest:
            yield one(rest)

    def _full(self, name: str, number: Affine) -> Tile:
        tile = self._split(name).tile
        return Tile(number, number * tile, tile)

    def _rest(self, name: str) -> Tile | None:
        parts = self._split(name)
        if not parts.rest:
            return None
        return Tile(as_affine(parts.count), as_affine(parts.count * parts.tile), parts.rest)

    def _first(self, name: str) -> Tile:
        return self._full(name, as_affine(0))

    def _at_first(self, at: dict[str, Tile]) -> dict[str, Tile]:
        return {name: at.get(name) or self._first(name) for name in self._order}

    # -- loads ----------------------------------------------------------------------------------------------

    def _enter(self, level: int, at: dict[str, Tile], tile: Tile) -> Node:
        """Loads before the first block of a tile of loop ``level``."""
        here = {**at, self._order[level]: tile}
        nodes = [self._loads(level, here)]
        for inner in range(level + 1, len(self._order)):
            here[self._order[inner]] = self._first(self._order[inner])
            nodes.append(self._loads(inner, here))
        return sequence(*nodes)

    def _loads(self, level: int, at: dict[str, Tile]) -> Node:
        """What changes with loop ``level`` and no loop inside."""
        name = self._order[level]
        nodes: list[Node] = []
        if name == "columns" and "bias" in self.at:
            nodes += self._load_bias(at)
        if name == ("channels" if self.parts.is_cut else "columns") and "weights" in self.at:
            nodes += self._load_weights(at)
        if name == ("channels" if self.parts.is_cut else "pixels"):
            nodes.append(self._load_input(at))
        return sequence(*nodes)

    def _load_bias(self, at: dict[str, Tile]) -> Iterable[Node]:
        slot = rotating(self._number("columns", at), SLOTS)
        start = self.at["bias"].address + self._moved("bias", at) + self.origin.bias
        for worker in self.team.workers:
            source = memory(start + worker.offset.bias, 4 * at["columns"].size)
            yield self.kernel.load_bias(worker, slot, source)

    def _load_weights(self, at: dict[str, Tile]) -> Iterable[Node]:
        level = "channels" if self.parts.is_cut else "columns"
        slot = rotating(self._number(level, at), SLOTS)
        columns = at["columns"].size
        r, s, c = (at.get(name) or self._first(name) for name in REDUCTION)
        within = (
            r.offset * (self.whole.kernel_w * self.whole.channels)
            + s.offset * (r.size * self.whole.channels)
            + c.offset * (r.size * s.size)
        ) * columns
        start = self.at["weights"].address + self._moved("b", at) + self.origin.b + within
        for store, offset in self.team.weights.items():
            source = memory(start + offset, r.size * s.size * c.size * columns)
            yield self.kernel.load_weights(store, slot, source)

    def _load_input(self, at: dict[str, Tile]) -> Node:
        at = self._at_first(at)
        seen = self._region(at)
        slot = rotating(self._number("channels" if self.parts.is_cut else "pixels", at), SLOTS)
        start = self.at["input"].address + self._moved("a", at) + self.origin.a
        start = (
            start
            + at["taps_h"].offset * (self.whole.dilation_h * self.whole.row_pitch)
            + at["taps_w"].offset * (self.whole.dilation_w * self.whole.pixel_pitch)
            + at["channels"].offset
        )

        def piece(number: Affine) -> Node:
            return sequence(*(
                self.kernel.load_input(
                    store, slot, seen.piece(start + offset + number * seen.row_pitch), number * seen.row_bytes
                )
                for store, offset in self.team.inputs.items()
            ))  # fmt: skip

        return repeat("l", seen.pieces, piece)

    # -- places ---------------------------------------------------------------------------------------------

    def _place(self, at: dict[str, Tile]) -> Place:
        is_cut = self.parts.is_cut
        return Place(
            region=self._region(at),
            rows=at["rows"].size,
            pixels=at["pixels"].size,
            columns=at["columns"].size,
            taps_h=at["taps_h"].size,
            taps_w=at["taps_w"].size,
            channels=at["channels"].size,
            input_slot=rotating(self._number("channels" if is_cut else "pixels", at), SLOTS),
            weight_slot=rotating(self._number("channels" if is_cut else "columns", at), SLOTS),
            bias_slot=rotating(self._number("columns", at), SLOTS),
            number=self._number(self._order[-len(REDUCTION) - 1], at),
            output=self.at["output"].address + self._moved("c", at) + self.origin.c,
        )

    def _region(self, at: dict[str, Tile]) -> Region:
        channels = at["columns"].size if self.whole.channelwise else at["channels"].size
        return region(self.whole, self.block, at["rows"].size, at["pixels"].size, channels)

    def _moved(self, operand: str, at: dict[str, Tile]) -> Affine:
        """How far the tiles of the outer loops are from the beginning of an operand, in bytes."""
        found = as_affine(0)
        for name in ("groups", "images", "rows", "pixels", "columns"):
            if name in at:
                found = found + at[name].offset * getattr(getattr(self.whole, name), operand)
        return found

    def _number(self, name: str, at: dict[str, Tile]) -> Affine:
        """How many tiles of loop ``name`` came before."""
        number = as_affine(0)
        for outer in self._order[: self._order.index(name) + 1]:
            number = number * self._split(outer).tiles + at[outer].number
        return number
