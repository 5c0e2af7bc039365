"""Three ways in which a host can order Gemmini's commands for C (M × N) = A (M × K) · B (K × N).

Blocks are ``dim`` × ``dim``; those at the edges have the rows and columns that are left.

- ``tile``: for each block of C and each k: load both blocks, multiply; then move the block of C out.
- ``phased``: load everything, multiply everything, move everything out. Weights stay for all blocks of
  rows.
- ``wreuse``: column of C after column of C; every block of B is loaded just before its use, and serves all
  blocks of rows; A is loaded with the first column.

``_gemmini_loop_ws`` has the fourth, in which the hardware unrolls the loops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mappings.library._gemmini_commands import Commands
from mappings.library._split import repeat, rotating
from mappings.program import Affine, Node, Sequence, as_affine, sequence


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix of int8 in memory: first address, and bytes from one row to the next."""

    address: int
    stride: int

    def block(self, row: Affine, col: Affine, dim: int) -> Affine:
        """Address of a block, given by its numbers."""
        return as_affine(self.address) + row * (dim * self.stride) + col * dim


@dataclass(frozen=True, slots=True)
class Product:
    """A product, and where its matrices lie."""

    m: int
    n: int
    k: int
    a: Matrix
    b: Matrix
    c: Matrix


@dataclass(frozen=True, slots=True)
class Part:
    """A block inside its loop: its number in its dimension, and how many elements it has there."""

    number: Affine
    size: int

    @property
    def first(self) -> bool:
        """Whether it is block 0, and nothing else."""
        return self.number == Affine()


def over(name: str, size: int, dim: int, body: Callable[[Part], Node], peel: bool = False) -> Node:
    """``body`` for every block of a dimension: a loop over the whole ones, and the rest on its own.

    Args:
        peel: Give the first block a body of its own.
    """
    full, rest = divmod(size, dim)
    alone = int(peel and full > 0)
    nodes = [body(Part(as_affine(0), dim))] if alone else []
    if full > alone:
        nodes.append(repeat(name, full - alone, lambda number: body(Part(number + alone, dim))))
    if rest:
        nodes.append(body(Part(as_affine(full), rest)))
    return Sequence(tuple(nodes))


@dataclass(frozen=True)
class Schedule:
    """Orders the commands of one product.

    Attributes:
        scratchpad_rows, accumulator_rows: Rows that the commands may use.
    """

    product: Product
    commands: Commands
    dim: int
    scratchpad_rows: int
    accumulator_rows: int

    def configure(self) -> Node:
        """The commands that set modes and strides."""
        product, commands = self.product, self.commands
        return sequence(
            commands.config_ex(),
            commands.config_st(product.c.stride),
            commands.config_ld(0, product.a.stride),
            commands.config_ld(1, product.b.stride),
        )

    def tile(self) -> Node:
        """Block of C after block of C, all of them loading their operands anew."""
        product = self.product
        n_blocks, k_blocks = _count(product.n, self.dim), _count(product.k, self.dim)

        def block(i: Part, j: Part) -> Node:
            number = i.number * n_blocks + j.number
            c = rotating(number, self.accumulator_rows // self.dim) * self.dim

            def multiply(k: Part) -> Node:
                slots = self.scratchpad_rows // 2 // self.dim
                a = rotating(number * k_blocks + k.number, slots) * self.dim
                b = a + self.scratchpad_rows // 2
                return sequence(self.load_b(k, j, b), self.load_a(i, k, a), self.pair(i, j, k, a, c, b))

            return sequence(self._over_k(multiply, peel=True), self.store(i, j, c))

        return self._over_m(lambda i: self._over_n(lambda j: block(i, j)))

    def phased(self) -> Node:
        """Everything in, everything multiplied, everything out."""

        def multiply(j: Part, k: Part, i: Part) -> Node:
            b = self.b_row(k, j) if i.first else None
            return self.pair(i, j, k, self.a_row(i, k), self.c_row(i, j), b)

        def column(j: Part) -> Node:
            return self._over_k(lambda k: self._over_m(lambda i: multiply(j, k, i), peel=True), peel=True)

        return sequence(
            self._over_k(lambda k: self._over_n(lambda j: self.load_b(k, j, self.b_row(k, j)))),
            self._over_m(lambda i: self._over_k(lambda k: self.load_a(i, k, self.a_row(i, k)))),
            self._over_n(column),
            self._over_m(lambda i: self._over_n(lambda j: self.store(i, j, self.c_row(i, j)))),
        )

    def wreuse(self) -> Node:
        """Column of C after column of C; a block of B is loaded once, and used for all rows."""

        def multiply(j: Part, k: Part, i: Part) -> Node:
            a = self.a_row(i, k)
            loads = [self.load_a(i, k, a)] if j.first else []
            b = self.b_row(k, j) if i.first else None
            return sequence(*loads, self.pair(i, j, k, a, self.c_row(i, j), b))

        def column(j: Part) -> Node:
            products = self._over_k(
                lambda k: sequence(
                    self.load_b(k, j, self.b_row(k, j)),
                    self._over_m(lambda i: multiply(j, k, i), peel=True),
                ),
                peel=True,
            )
            return sequence(products, self._over_m(lambda i: self.store(i, j, self.c_row(i, j))))

        return self._over_n(column, peel=True)

    def a_row(self, i: Part, k: Part) -> Affine:
        """Row of a block of A where the whole of it is in the scratchpad, from the bottom on."""
        return (i.number * _count(self.product.k, self.dim) + k.number) * self.dim

    def b_row(self, k: Part, j: Part) -> Affine:
        """Row of a block of B where the whole of it is in the scratchpad, up to the top."""
        n_blocks, k_blocks = _count(self.product.n, self.dim), _count(self.product.k, self.dim)
        return (k.number * n_blocks + j.number) * self.dim + (
            self.scratchpad_rows - n_blocks * k_blocks * self.dim
        )

    def c_row(self, i: Part, j: Part) -> Affine:
        """Row of a block of sums where all of them are in the accumulator."""
        return (i.number * _count(self.product.n, self.dim) + j.number) * self.dim

    def load_a(self, i: Part, k: Part, row: Affine) -> Node:
        """Move a block of A in."""
        a = self.product.a
        address = a.block(i.number, k.number, self.dim)
        return self.commands.mvin(row, address, i.size, k.size, a.stride)

    def load_b(self, k: Part, j: Part, row: Affine) -> Node:
        """Move a block of B in."""
        b = self.product.b
        address = b.block(k.number, j.number, self.dim)
        return self.commands.mvin2(row, address, k.size, j.size, b.stride)

    def pair(self, i: Part, j: Part, k: Part, a: Affine, c: Affine, b: Affine | None) -> Node:
        """Preload and compute; without ``b`` the weights stay. Only the first k overwrites the sums."""
        accumulate = not k.first
        return sequence(
            self.commands.preload(b, c, i.size, j.size, accumulate),
            self.commands.compute(a, c, i.size, k.size, accumulate, preloaded=b is not None),
        )

    def store(self, i: Part, j: Part, row: Affine) -> Node:
        """Move a block of C out."""
        c = self.product.c
        address = c.block(i.number, j.number, self.dim)
        return self.commands.mvout(row, address, i.size, j.size, c.stride)

    def _over_m(self, body: Callable[[Part], Node], peel: bool = False) -> Node:
        return over("i", self.product.m, self.dim, body, peel)

    def _over_n(self, body: Callable[[Part], Node], peel: bool = False) -> Node:
        return over("j", self.product.n, self.dim, body, peel)

    def _over_k(self, body: Callable[[Part], Node], peel: bool = False) -> Node:
        return over("k", self.product.k, self.dim, body, peel)


def _count(size: int, part: int) -> int:
    return -(-size // part)
