"""Gemmini's commands as steps: the one place that knows which operands the description's operations have.

Places in the scratchpad and the accumulator are row numbers, as in the commands of the hardware; a row is
``dim`` elements, and the blocks of one command lie ``dim`` rows apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acadl.operations import Operation
from mappings.library._gemmini_machine import (
    ACCUMULATOR_ELEMENT,
    Machine,
    blocks_of,
    compute,
    preload,
    rows_of,
    scaled,
)
from mappings.program import Affine, Memory, Node, Sequence, as_affine, memory, step


@dataclass(frozen=True, slots=True)
class LoopBounds:
    """What the five ``loop_ws_config`` commands and ``loop_ws`` say: one macro tile of a product.

    Attributes:
        blocks: Blocks of M, N and K.
        padding: Rows or columns by which the last block of M, N and K is short.
        first: Number of the first block of M, N and K in the whole product.
        accumulate: Whether the sums are added to what the tile before it left in the accumulator.
        store: Whether the sums are moved out.
    """

    blocks: tuple[int, int, int]
    padding: tuple[int, int, int]
    first: tuple[Affine, Affine, Affine]
    accumulate: bool
    store: bool


@dataclass(frozen=True)
class Commands:
    """Makes the steps.

    Attributes:
        machine: Sizes and addresses.
        operations: What the description declares.
        unrolled: Whether the unroller makes them, not the host.
    """

    machine: Machine
    operations: Mapping[str, Operation]
    unrolled: bool = False

    def config_ex(self) -> Node:
        """Set the data flow."""
        return step("config_ex")

    def config_ld(self, state: int, stride: int) -> Node:
        """Set the stride, in bytes, of ``mvin`` (state 0), ``mvin2`` (1) or ``mvin3`` (2)."""
        return step("config_ld")

    def config_st(self, stride: int) -> Node:
        """Set the stride of ``mvout``, in bytes."""
        return step("config_st")

    def mvin(self, row: Affine, address: Affine, rows: int, cols: int, pitch: int) -> Node:
        """``rows`` × ``cols`` elements of A from memory to the scratchpad."""
        return self._move_in("mvin", row, address, rows, cols, pitch)

    def mvin2(self, row: Affine, address: Affine, rows: int, cols: int, pitch: int) -> Node:
        """The same for B."""
        return self._move_in("mvin2", row, address, rows, cols, pitch)

    def preload(self, b: Affine | None, c: Affine, rows: int, cols: int, accumulate: bool) -> Node:
        """Weights from row ``b`` of the scratchpad, or those that are there already, for sums in row ``c``.

        Args:
            rows, cols: Of the sums.
            accumulate: Whether the sums are added to those that are there.
        """
        place = self._place(c, rows)
        block = None if b is None else memory(self._scratchpad(b), self.machine.block)
        return preload(self.machine, block, place, accumulate=accumulate, unrolled=self.unrolled)

    def compute(self, a: Affine, c: Affine, rows: int, cols: int, accumulate: bool, preloaded: bool) -> Node:
        """Product of ``rows`` × ``cols`` elements in row ``a`` with the weights, for sums in row ``c``."""
        block = memory(self._scratchpad(a), rows * self.machine.dim)
        return compute(
            self.machine, block, self._place(c, rows), rows,
            accumulate=accumulate, unrolled=self.unrolled, reused=not preloaded,
        )  # fmt: skip

    def mvout(self, row: Affine, address: Affine, rows: int, cols: int, pitch: int) -> Node:
        """``rows`` × ``cols`` sums from the accumulator to memory, cut to int8."""
        machine = self.machine
        row_bytes = machine.dim * ACCUMULATOR_ELEMENT
        source = blocks_of(
            self._accumulator(row), row_bytes, rows, -(-cols // machine.dim), machine.sum_block
        )
        return step(
            "mvout",
            dst=rows_of(address, cols, rows, pitch),
            scaled=scaled(machine, address, rows, -(-cols // machine.dim)),
            src=source,
            rows=rows,
            cols=cols,
            divide=1,
            relu=0,
            pending="pending",
            unrolled=int(self.unrolled),
        )

    def loop_ws(self, bounds: LoopBounds) -> Node:
        """The six commands that start the unroller; none where the description has no such operations."""
        if "loop_ws" not in self.operations:
            return Sequence(())
        return Sequence((*(step("loop_ws_config") for _ in range(5)), step("loop_ws")))

    def _move_in(
        self, operation: str, row: Affine, address: Affine, rows: int, cols: int, pitch: int
    ) -> Node:
        machine = self.machine
        place = blocks_of(self._scratchpad(row), machine.dim, rows, -(-cols // machine.dim), machine.block)
        source = _source(address, rows, cols, pitch)
        return step(operation, dst=place, src=source, rows=rows, cols=cols, unrolled=int(self.unrolled))

    def _place(self, row: Affine, rows: int) -> Memory:
        """``rows`` rows of a block of sums."""
        return memory(self._accumulator(row), rows * self.machine.dim * ACCUMULATOR_ELEMENT)

    def _scratchpad(self, row: Affine) -> Affine:
        return as_affine(self.machine.scratchpad) + row * self.machine.dim

    def _accumulator(self, row: Affine) -> Affine:
        return as_affine(self.machine.accumulator) + row * (self.machine.dim * ACCUMULATOR_ELEMENT)


def _source(address: Affine, rows: int, cols: int, pitch: int) -> Memory:
    return rows_of(address, cols, rows, pitch)
