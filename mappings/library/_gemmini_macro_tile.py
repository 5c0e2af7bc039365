"""One hardware loop of Gemmini's unroller: its commands, each made on request.

Two loops are in flight. They use one half of the scratchpad each, A from the bottom and B up to the top; the
halves of the accumulator take turns whenever C has been stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from mappings.library._gemmini_commands import Commands, LoopBounds
from mappings.library._gemmini_schedules import Product
from mappings.library._gemmini_stretches import Stretch
from mappings.library._split import rotating
from mappings.program import Affine, Node, as_affine, sequence


@dataclass(frozen=True, slots=True)
class Unroller:
    """Makes the hardware loops of a product.

    Attributes:
        wide: Blocks side by side in one command.
        scratchpad_rows, accumulator_rows: All of them; a loop uses half.
        ahead: Loads that run ahead of the pairs that need them: entries of the load queue.
        pairs_ahead: Pairs of preload and compute in the execute queue.
        store_entries: Entries of the store queue.
    """

    product: Product
    commands: Commands
    dim: int
    wide: int
    scratchpad_rows: int
    accumulator_rows: int
    ahead: int
    pairs_ahead: int
    store_entries: int


@dataclass(frozen=True)
class MacroTile:
    """What one hardware loop does; blocks are counted inside it.

    Attributes:
        loops, stores: Hardware loops, and macro tiles of C that were stored, before it.
    """

    unroller: Unroller
    m: Stretch
    n: Stretch
    k: Stretch
    loops: Affine
    stores: Affine

    @cached_property
    def blocks(self) -> tuple[int, int, int]:
        """Blocks of M, N and K."""
        dim = self.unroller.dim
        return -(-self.m.size // dim), -(-self.n.size // dim), -(-self.k.size // dim)

    @property
    def pairs(self) -> int:
        """Pairs of preload and compute."""
        rows, cols, depth = self.blocks
        return rows * cols * depth

    def loop_ws(self) -> Node:
        """The commands of the host that start it."""
        dim = self.unroller.dim
        bounds = LoopBounds(
            blocks=self.blocks,
            padding=(-self.m.size % dim, -self.n.size % dim, -self.k.size % dim),
            first=(self.m.first, self.n.first, self.k.first),
            accumulate=self.k.number != Affine(),
            store=self.k.ends,
        )
        return self.unroller.commands.loop_ws(bounds)

    def start(self) -> list[Node]:
        """The commands that start it, and the loads that no pair comes before."""
        return [self.loop_ws(), *map(self.load, range(min(self.unroller.ahead, self.load_count)))]

    @cached_property
    def groups_of_j(self) -> int:
        """Commands for a row of blocks of B, or of C."""
        return -(-self.blocks[1] // self.unroller.wide)

    @cached_property
    def group_loads(self) -> int:
        """Loads of a group of ``wide`` blocks of k."""
        return self.blocks[0] + self.unroller.wide * self.groups_of_j

    @cached_property
    def load_count(self) -> int:
        """All loads."""
        rows, _, depth = self.blocks
        return rows * -(-depth // self.unroller.wide) + depth * self.groups_of_j

    def load(self, number: int, group: Affine | None = None) -> Node:
        """A load by its place in the order, or in that of the loads from ``group`` (not the first) on.

        All groups that ``number`` passes must be whole.
        """
        base, number = divmod(number, self.group_loads)
        rows = self.blocks[0]
        if group is None and base == 0 and number <= rows:
            number = rows if number == 0 else number - 1  # the first of B goes before all of A
        depth = (as_affine(base) if group is None else group + base) * self.unroller.wide
        if number < rows:
            return self._load_a(number, depth, depth.const if not depth.terms else 0)
        k, group_of_j = divmod(number - rows, self.groups_of_j)
        return self._load_b(depth + k, group_of_j)

    def _load_a(self, i: int, k: Affine, from_k: int) -> Node:
        """``wide`` blocks of A from ``k`` on, or those that are left."""
        unroller = self.unroller
        a, dim = unroller.product.a, unroller.dim
        row = rotating(self.loops, 2) * (unroller.scratchpad_rows // 2) + (k + i * self.blocks[2]) * dim
        address = a.block(self.m.first + i, self.k.first + k, dim)
        cols = min(unroller.wide * dim, self.k.size - from_k * dim)
        return unroller.commands.mvin(row, address, self.rows(i), cols, a.stride)

    def _load_b(self, k: Affine, group_of_j: int) -> Node:
        unroller = self.unroller
        b, dim, j = unroller.product.b, unroller.dim, group_of_j * unroller.wide
        address = b.block(self.k.first + k, self.n.first + j, dim)
        return unroller.commands.mvin2(self.b_row(k, as_affine(j)), address, dim, self._cols(j), b.stride)

    def pair(self, k: Affine, j: Affine, i: Affine, rows: int, cols: int, depth: int) -> Node:
        """Preload and compute of ``rows`` × ``depth`` by ``depth`` × ``cols`` elements."""
        unroller = self.unroller
        a = rotating(self.loops, 2) * (unroller.scratchpad_rows // 2)
        a += (i * self.blocks[2] + k) * unroller.dim
        accumulate = self.k.number != Affine() or k != Affine()
        fresh = i == Affine()
        b = self.b_row(k, j) if fresh else None
        return sequence(
            unroller.commands.preload(b, self._c_row(i, j), rows, cols, accumulate),
            unroller.commands.compute(a, self._c_row(i, j), rows, depth, accumulate, preloaded=fresh),
        )

    def store(self, group_of_j: int, i: int) -> Node:
        """``wide`` blocks of C side by side, or those that are left."""
        unroller = self.unroller
        c, j = unroller.product.c, group_of_j * unroller.wide
        address = c.block(self.m.first + i, self.n.first + j, unroller.dim)
        return unroller.commands.mvout(
            self._c_row(as_affine(i), as_affine(j)), address, self.rows(i), self._cols(j), c.stride
        )

    def rows(self, i: int) -> int:
        """Rows of a block of M."""
        return min(self.unroller.dim, self.m.size - i * self.unroller.dim)

    def _cols(self, j: int) -> int:
        return min(self.unroller.wide * self.unroller.dim, self.n.size - j * self.unroller.dim)

    def b_row(self, k: Affine, j: Affine) -> Affine:
        """Row of a block of B in the scratchpad: the last one ends where the loop's half does."""
        half, dim = self.unroller.scratchpad_rows // 2, self.unroller.dim
        _, cols, depth = self.blocks
        return rotating(self.loops, 2) * half + (half - cols * depth * dim) + (k * cols + j) * dim

    def _c_row(self, i: Affine, j: Affine) -> Affine:
        unroller = self.unroller
        half = rotating(self.stores, 2) * (unroller.accumulator_rows // 2)
        return half + (i * self.blocks[1] + j) * unroller.dim
