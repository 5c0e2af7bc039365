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
loads are held up by their queue all the time: load n + ``ahead`` comes just after the first pair that needs
load n, with ``ahead`` the entries of the load queue. It could not enter that queue before load n has left
it, and the pairs behind it need load n, too: they are not kept waiting by it. Loads run on into the next
macro tile, no further. A store stands after its last compute, or later: where the store queue has a place
(``_gemmini_store_plan``), at most at the end of the next macro tile.
"""

from __future__ import annotations

from collections.abc import Callable

from mappings.library._gemmini_macro_tile import MacroTile, Unroller
from mappings.library._gemmini_stretches import Dimension, Places, Run, beside
from mappings.library._gemmini_tile_order import TileOrder, overflows
from mappings.program import Node, Sequence, sequence


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
    m, n, k = dimensions = (
        Dimension(product.m, dim, m_blocks),
        Dimension(product.n, dim, n_blocks),
        Dimension(product.k, dim, k_blocks),
    )

    def tile(places: Places | None) -> MacroTile | None:
        if places is None:
            return None
        rows, cols, depth = (part.stretch(at) for part, at in zip(dimensions, places, strict=True))
        stores = rows.number * n.count + cols.number
        return MacroTile(unroller, rows, cols, depth, stores * k.count + depth.number, stores)

    # Stores that come later than their tile are those of the tile before, held up by the tile before that.
    last = [
        (m.place(i), n.place(j), k.place(k.count - 1)) for i in {0, m.count - 1} for j in {0, n.count - 1}
    ]
    before = 2 if any(overflows(shape) for shape in map(tile, last) if shape) else 0

    def order(places: Places) -> Node:
        this = tile(places)
        assert this is not None
        previous = beside(dimensions, places, -1) if before else None
        earlier = beside(dimensions, previous, -1) if previous else None
        return TileOrder(this, tile(earlier), tile(previous), tile(beside(dimensions, places, 1))).node()

    runs = m.runs("tm", before=before), n.runs("tn", before=before), k.runs("tk", ends_differ=True)
    first = tile((m.place(0), n.place(0), k.place(0)))
    assert first is not None
    return Sequence((*first.start(), _nest(runs, order)))


def _nest(runs: tuple[list[Run], list[Run], list[Run]], order: Callable[[Places], Node]) -> Node:
    """Loops over the runs of M, of N in them, and of K in those."""
    return Sequence(
        tuple(
            m.over(*(n.over(*(k.over(order((m.at, n.at, k.at))) for k in runs[2])) for n in runs[1]))
            for m in runs[0]
        )
    )
