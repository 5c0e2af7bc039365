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

from mappings.library._gemmini_macro_tile import MacroTile, Unroller
from mappings.library._gemmini_stretches import Stretch, stretches
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
    rows = stretches("tm", product.m, dim, m_blocks)
    cols = stretches("tn", product.n, dim, n_blocks)
    depths = stretches("tk", product.k, dim, k_blocks, ends_differ=True)
    tiles_n, tiles_k = (sum(run.count for run in runs) for runs in (cols, depths))

    def tile(m: Stretch, n: Stretch, k: Stretch) -> MacroTile:
        stores = m.number * tiles_n + n.number
        return MacroTile(unroller, m, n, k, stores * tiles_k + k.number, stores)

    shapes = [tile(m.end, n.end, depths[-1].end) for m in rows for n in cols]
    if any(map(overflows, shapes)):
        rows = stretches("tm", product.m, dim, m_blocks, starts_differ=True)
        cols = stretches("tn", product.n, dim, n_blocks, starts_differ=True)

    first = (rows[0].start, cols[0].start, depths[0].start)
    last = (rows[-1].end, cols[-1].end, depths[-1].end)
    nodes = tile(*first).start()
    for m in rows:
        in_m: list[Node] = []
        for n in cols:
            in_n: list[Node] = []
            for k in depths:
                after = _neighbour((m.following, n.following, k.following), (m.at, n.at, k.at), first)
                before = _neighbour((m.preceding, n.preceding, k.preceding), (m.at, n.at, k.at), last)
                order = TileOrder(
                    tile(m.at, n.at, k.at),
                    tile(*before) if before else None,
                    tile(*after) if after else None,
                )
                in_n.append(k.over(order.node()))
            in_m.append(n.over(*in_n))
        nodes.append(m.over(*in_m))
    return Sequence(tuple(nodes))


def _neighbour(
    beside: tuple[Stretch | None, ...], at: tuple[Stretch, ...], outermost: tuple[Stretch, ...]
) -> tuple[Stretch, Stretch, Stretch] | None:
    """The macro tile before or after ``at``: one step in the innermost dimension that has one.

    Args:
        beside: The stretches before or after those of ``at``, by dimension.
        outermost: Where the dimensions inside of that one begin again.
    """
    for dimension in (2, 1, 0):
        stretch = beside[dimension]
        if stretch:
            m, n, k = (*at[:dimension], stretch, *outermost[dimension + 1 :])
            return m, n, k
    return None
