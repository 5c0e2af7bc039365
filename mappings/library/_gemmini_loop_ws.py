"""What Gemmini's unroller (``LOOP_WS``) makes of a product: commands in macro tiles, loads running ahead.

The host starts one hardware loop for each macro tile (order: tiles of M, of N, of K); the last one of K
stores C. The unroller has four parts that work at the same time, each in an order of its own:

- A: for each group of ``wide`` blocks of k: for each i: one ``mvin`` of the group side by side
- B: for each k: for each group of ``wide`` blocks of j: one ``mvin2``, always of ``dim`` rows, also where K
  ends
- execute: for each k, j, i: preload (weights only for i = 0, then they stay) and compute
- store: for each group of ``wide`` blocks of j: for each i: one ``mvout``

The loads share one way out: the first of B, then, group of k after group of k, those of A before those of
B. A command goes as soon as fewer commands of its kind than its queue has entries are on their way, from
the unroller to completion. In addition a pair of preload and compute waits until the loads that it needs
have gone; a store, until the last computes of its blocks have. If several could go in a cycle, store comes
before execute, and execute before loads. Each part turns to the next loop once it is through with one; the
loop after the next is taken up when all parts are.

So how the parts mix depends on time, but a program has one order. Here it is that of an unroller whose
loads are held up by their queue all the time: load n + ``ahead`` comes just after the first pair that
needs load n, with ``ahead`` the entries of the load queue. It could not enter that queue before load n has
left it, and the pairs behind it need load n, too: they are not kept waiting by it. Loads run on into the next
macro tile, no further. A store follows its last compute.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mappings.library._gemmini_macro_tile import MacroTile, Unroller
from mappings.library._gemmini_schedules import Part, over
from mappings.library._gemmini_stretches import Stretch, stretches
from mappings.library._split import repeat
from mappings.program import Affine, Node, Sequence, as_affine, index, loop, sequence


def configure(unroller: Unroller) -> Node:
    """The commands that set modes and strides."""
    product, commands = unroller.product, unroller.commands
    return sequence(
        commands.config_ex(),
        commands.config_st(product.c.stride),
        commands.config_ld(0, product.a.stride),
        commands.config_ld(1, product.b.stride),
        commands.config_ld(2, 0),
    )


def hardware_loops(unroller: Unroller, m_blocks: int, n_blocks: int, k_blocks: int) -> Node:
    """Hardware loops for the whole product, in macro tiles of at most so many blocks."""
    product, dim = unroller.product, unroller.dim
    rows = stretches("tm", product.m, dim, m_blocks)
    cols = stretches("tn", product.n, dim, n_blocks)
    depths = stretches("tk", product.k, dim, k_blocks, ends_differ=True)
    tiles_n, tiles_k = (sum(run.count for run in runs) for runs in (cols, depths))
    first_n, first_k = cols[0].start, depths[0].start

    def tile(m: Stretch, n: Stretch, k: Stretch) -> MacroTile:
        stores = m.number * tiles_n + n.number
        return MacroTile(unroller, m, n, k, stores * tiles_k + k.number, stores)

    nodes = tile(rows[0].start, first_n, first_k).start()
    for m in rows:
        in_m: list[Node] = []
        for n in cols:
            in_n: list[Node] = []
            for k in depths:
                after = None
                if k.following:
                    after = tile(m.at, n.at, k.following)
                elif n.following:
                    after = tile(m.at, n.following, first_k)
                elif m.following:
                    after = tile(m.following, first_n, first_k)
                in_n.append(k.over(_Order(tile(m.at, n.at, k.at), after).node()))
            in_m.append(n.over(*in_n))
        nodes.append(m.over(*in_m))
    return Sequence(tuple(nodes))


@dataclass(frozen=True, slots=True)
class _Order:
    """The commands of one macro tile in order, the first ``ahead`` loads of the one ``after`` it among them.

    Its own first loads have gone before.
    """

    tile: MacroTile
    after: MacroTile | None

    def node(self) -> Node:
        """All commands."""
        tile, wide = self.tile, self.tile.unroller.wide
        _, _, depth = tile.blocks
        groups, alike = -(-depth // wide), self._alike()
        nodes = [self.after.loop_ws()] if self.after else []
        nodes += self._group(as_affine(0), 0)
        if alike > 1:
            nodes.append(loop("g", alike, *self._group(index("g") + 1, None)))
        for group in range(1 + alike if alike > 1 else 1, groups):
            nodes += self._group(as_affine(group), group)
        return Sequence(tuple(nodes))

    def _alike(self) -> int:
        """Groups of k from the second on that are whole, and so are all whose loads go with them."""
        tile = self.tile
        wide, depth = tile.unroller.wide, tile.blocks[2]
        reach = (tile.group_loads - 1 + tile.unroller.ahead) // tile.group_loads
        return max(0, min(depth // wide - 1 - reach, -(-depth // wide) - 2))

    def _group(self, group: Affine, number: int | None) -> list[Node]:
        """The commands of one group of k; its ``number`` where it is not one of a loop."""
        tile, wide = self.tile, self.tile.unroller.wide
        rows, _, depth = tile.blocks
        nodes: list[Node] = []
        base = 0 if number is None else number * tile.group_loads
        for k in range(wide if number is None else min(wide, depth - number * wide)):
            for group_of_j in range(tile.groups_of_j):
                if number == k == group_of_j == 0:
                    nodes += self._first_rows()
                    nodes += self._columns(as_affine(0), 0, 0, first=1)
                    continue
                need = base + rows + k * tile.groups_of_j + group_of_j
                # The first pair of a group needs all that is loaded of A, and the first of B.
                gone = need - 1 if k or group_of_j else base - 1
                needed, early = self._loads(gone, need, None if number is not None else group)
                nodes += needed
                nodes += self._columns(group * wide + k, number, group_of_j, early=early)
        return nodes

    def _first_rows(self) -> list[Node]:
        """The pairs of the first column and depth: each needs another load of A."""
        tile = self.tile
        depth, cols = (min(tile.unroller.dim, part.size) for part in (tile.k, tile.n))
        nodes: list[Node] = []
        for i in range(tile.blocks[0]):
            needed, early = self._loads(i if i else -1, i + 1, None)
            at = as_affine(i)
            nodes += needed
            nodes.append(tile.pair(as_affine(0), as_affine(0), at, tile.rows(i), cols, depth))
            if self._stores(0, 0):
                nodes.append(tile.store(0, at, tile.rows(i)))
            nodes += early
        return nodes

    def _loads(self, before: int, need: int, group: Affine | None) -> tuple[list[Node], list[Node]]:
        """The loads that go before and after the first pair that needs load ``need``.

        Args:
            before: What pairs have needed so far; -1: nothing of this tile, or of this ``group``.
            group: The loads are counted from it on.
        """
        tile, ahead = self.tile, self.tile.unroller.ahead
        if group is not None:
            gone, end = before + 1 + ahead, need + 1 + ahead
            nodes = [tile.load(number, group) for number in range(gone, end)]
            return nodes[: max(0, need + 1 - gone)], nodes[max(0, need + 1 - gone) :]
        own = tile.load_count
        every = own + (self.after.load_count if self.after else 0)
        gone = min(before + 1 + ahead, every if before >= 0 else own)
        nodes = []
        for number in range(gone, min(need + 1 + ahead, every)):
            if number < own:
                nodes.append(tile.load(number))
            elif self.after:
                nodes.append(self.after.load(number - own))
        return nodes[: max(0, need + 1 - gone)], nodes[max(0, need + 1 - gone) :]

    def _columns(
        self, k: Affine, group: int | None, group_of_j: int, first: int = 0, early: Iterable[Node] = ()
    ) -> list[Node]:
        """The pairs of one k and up to ``wide`` columns but the ``first``; ``early`` after one pair."""
        tile, dim, wide = self.tile, self.tile.unroller.dim, self.tile.unroller.wide
        depth = dim if group is None else min(dim, tile.k.size - k.const * dim)
        start, end = group_of_j * wide + first, min(tile.blocks[1], group_of_j * wide + wide)
        stores = group is not None and self._stores(k.const, end - 1)
        ragged = end * dim > tile.n.size

        def column(j: Affine, cols: int, store: bool, then: Iterable[Node] = ()) -> Node:
            def pair(i: Part) -> Node:
                nodes = [tile.pair(k, j, i.number, i.size, cols, depth)]
                if store:
                    nodes.append(tile.store(group_of_j, i.number, i.size))
                return sequence(*nodes, *(then if i.first else ()))

            return over("i", tile.m.size, dim, pair, peel=True)

        nodes = []
        last = end - int(stores or ragged)  # columns before it are alike
        if early and start < last:
            nodes.append(column(as_affine(start), dim, False, early))
            early, start = (), start + 1
        nodes.append(repeat("j", max(0, last - start), lambda j: column(j + start, dim, False)))
        if max(last, start) < end:
            nodes.append(column(as_affine(end - 1), min(dim, tile.n.size - (end - 1) * dim), stores, early))
        return nodes

    def _stores(self, k: int, j: int) -> bool:
        """Whether stores follow the computes of a block of B."""
        _, cols, depth = self.tile.blocks
        at_end = j == cols - 1 or (j + 1) % self.tile.unroller.wide == 0
        return self.tile.k.ends and k == depth - 1 and at_end
