"""The order of the commands of one hardware loop, and of what its neighbours do at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from mappings.library._gemmini_macro_tile import MacroTile
from mappings.library._gemmini_schedules import Part, over
from mappings.library._gemmini_store_plan import Store, store_plan
from mappings.library._split import repeat
from mappings.program import Affine, Node, Sequence, as_affine, index, loop


@dataclass(frozen=True)
class TileOrder:
    """The commands of a macro tile, last stores of the one ``before`` and first loads of the one ``after``.

    Its own first loads have gone before, its own last stores come later.

    Attributes:
        earlier: The tile before ``before``; only its shape matters.
    """

    tile: MacroTile
    earlier: MacroTile | None
    before: MacroTile | None
    after: MacroTile | None

    def node(self) -> Node:
        """All commands."""
        groups, alike = -(-self.tile.blocks[2] // self.tile.unroller.wide), self._alike
        nodes = [self.after.loop_ws()] if self.after else []
        for group in range(alike.start):
            nodes += self._group(as_affine(group), group)
        if alike:
            nodes.append(loop("g", len(alike), *self._group(index("g") + alike.start, None)))
        for group in range(alike.stop, groups):
            nodes += self._group(as_affine(group), group)
        return Sequence(tuple(nodes))

    @cached_property
    def _alike(self) -> range:
        """Groups of k that can be one loop.

        They are whole, so are those whose loads go with them, and there are no stores between their pairs.
        """
        tile, wide = self.tile, self.tile.unroller.wide
        rows, cols, depth = tile.blocks
        old = max((position for position in self._stores if position < rows * cols * (depth - 1)), default=-1)
        start = max(1, -(-(old + 1) // (wide * rows * cols)))
        reach = (tile.group_loads - 1 + tile.unroller.ahead) // tile.group_loads
        stop = min(depth // wide - reach, -(-depth // wide) - 1)
        return range(start, stop) if stop > start + 1 else range(start, start)

    def _group(self, group: Affine, number: int | None) -> list[Node]:
        """The commands of one group of k; its ``number`` where it is not one of a loop."""
        tile, wide = self.tile, self.tile.unroller.wide
        rows, _, depth = tile.blocks
        nodes: list[Node] = []
        base = 0 if number is None else number * tile.group_loads
        for k in range(wide if number is None else min(wide, depth - number * wide)):
            for group_of_j in range(tile.groups_of_j):
                if number == k == group_of_j == 0:
                    nodes += self._first_column()
                    nodes += self._columns(as_affine(0), 0, 1, ())
                    continue
                need = base + rows + k * tile.groups_of_j + group_of_j
                # The first pair of a group needs all that is loaded of A, and the first of B.
                gone = need - 1 if k or group_of_j else base - 1
                needed, early = self._loads(gone, need, None if number is not None else group)
                nodes += needed
                nodes += self._columns(group * wide + k, group_of_j, 0, tuple(early))
        return nodes

    def _first_column(self) -> list[Node]:
        """The pairs of the first column and depth: each needs another load of A."""
        nodes: list[Node] = []
        for i in range(self.tile.blocks[0]):
            needed, early = self._loads(i if i else -1, i + 1, None)
            nodes += needed
            nodes.append(self._pair(as_affine(0), as_affine(0), Part(as_affine(i), self.tile.rows(i))))
            nodes += self._stores.get(i, ())
            nodes += early
        return nodes

    def _loads(self, before: int, need: int, group: Affine | None) -> tuple[list[Node], list[Node]]:
        """The loads that go before and after the first pair that needs load ``need``.

        Args:
            before: What pairs have needed so far; -1: nothing of this tile, or of this ``group``.
            group: The loads are counted from it on.
        """
        tile, ahead = self.tile, self.tile.unroller.ahead
        gone, end = before + 1 + ahead, need + 1 + ahead
        if group is not None:
            nodes = [tile.load(number, group) for number in range(gone, end)]
            return nodes[: max(0, need + 1 - gone)], nodes[max(0, need + 1 - gone) :]
        own = tile.load_count
        every = own + (self.after.load_count if self.after else 0)
        gone = min(gone, every if before >= 0 else own)
        nodes = []
        for number in range(gone, min(end, every)):
            if number < own:
                nodes.append(tile.load(number))
            elif self.after:
                nodes.append(self.after.load(number - own))
        return nodes[: max(0, need + 1 - gone)], nodes[max(0, need + 1 - gone) :]

    def _columns(self, k: Affine, group_of_j: int, first: int, early: tuple[Node, ...]) -> Iterator[Node]:
        """The pairs of one k and up to ``wide`` columns but the ``first``; loads ``early`` after one pair."""
        tile, wide = self.tile, self.tile.unroller.wide
        at, end = group_of_j * wide + first, min(tile.blocks[1], (group_of_j + 1) * wide)
        while at < end:
            between = self._between(k, at, early)
            if between or at == end - 1:
                yield self._column(k, as_affine(at), between)
                early, at = (), at + 1
                continue
            # Columns with nothing between their pairs are alike; the last one may be narrower.
            alike = 1
            while at + alike < end - 1 and not self._between(k, at + alike, ()):
                alike += 1
            yield repeat("j", alike, lambda j, start=at: self._column(k, j + start, {}))  # type: ignore[misc]
            at += alike

    def _between(self, k: Affine, j: int, early: tuple[Node, ...]) -> dict[int, tuple[Node, ...]]:
        """What goes after pairs of a column, by i."""
        rows, cols, _ = self.tile.blocks
        found = {0: early} if early else {}
        if not k.terms:
            start = (k.const * cols + j) * rows
            for i in range(rows):
                if start + i in self._stores:
                    found[i] = (*self._stores[start + i], *found.get(i, ()))
        return found

    def _column(self, k: Affine, j: Affine, between: Mapping[int, tuple[Node, ...]]) -> Node:
        """The pairs of one k and column."""
        tile = self.tile
        if any(i > 0 for i in between):
            parts = [Part(as_affine(i), tile.rows(i)) for i in range(tile.blocks[0])]
            return Sequence(
                tuple(
                    node
                    for i, part in enumerate(parts)
                    for node in (self._pair(k, j, part), *between.get(i, ()))
                )
            )

        def pair(i: Part) -> Node:
            made = self._pair(k, j, i)
            return Sequence((made, *between[0])) if i.first and between else made

        return over("i", tile.m.size, tile.unroller.dim, pair, peel=True)

    def _pair(self, k: Affine, j: Affine, i: Part) -> Node:
        """Preload and compute; columns and depths that depend on an index are whole."""
        tile, dim = self.tile, self.tile.unroller.dim
        cols = dim if j.terms else min(dim, tile.n.size - j.const * dim)
        depth = dim if k.terms else min(dim, tile.k.size - k.const * dim)
        return tile.pair(k, j, i.number, i.size, cols, depth)

    @cached_property
    def _stores(self) -> dict[int, list[Node]]:
        """Stores by the pair that they follow, pairs numbered from 0 on."""
        found: dict[int, list[Node]] = {}
        at, last = 0, self.tile.pairs - 1
        if self.before:
            for store in planned(self.before, self.earlier):
                if store.position >= self.before.pairs:
                    at = min(last, store.position - self.before.pairs)
                    found.setdefault(at, []).append(self.before.store(store.group_of_j, store.i))
        for store in planned(self.tile, self.before):
            if store.position > last and self.after:
                break
            at = max(at, min(last, store.position))
            found.setdefault(at, []).append(self.tile.store(store.group_of_j, store.i))
        return found


def overflows(tile: MacroTile) -> bool:
    """Whether some of its stores come between the pairs of the next tile."""
    return any(store.position >= tile.pairs for store in planned(tile, None))


def planned(tile: MacroTile, before: MacroTile | None) -> tuple[Store, ...]:
    """The stores of a tile, as far as they are held up by its own and those of the tile ``before``."""
    if not tile.k.ends:
        return ()
    unroller = tile.unroller
    earlier = [store.end - before.pairs for store in planned(before, None)] if before else []
    return store_plan(tile.blocks, unroller.wide, unroller.store_entries, unroller.pairs_ahead, earlier)
