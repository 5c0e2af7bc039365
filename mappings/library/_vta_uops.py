"""Kernels of micro-operations: which tensors an instruction names inside its two loops.

A micro-operation is a triple of indices into accumulator, input (or source) and weights, relative to where
the instruction's operands begin. Equal kernels are stored once. If all kernels of a layer fit into the
buffer, they are loaded at its start; otherwise each one before the instruction that needs it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from mappings.library._vta_machine import UOP_BITS, Machine
from mappings.program import Memory, Step, memory, step

if TYPE_CHECKING:
    from numpy.typing import NDArray

Uop: TypeAlias = tuple[int, int, int]
SINGLE: tuple[Uop, ...] = ((0, 0, 0),)


@dataclass
class Kernels:
    """The kernels of a layer, collected while it is mapped."""

    machine: Machine
    resident: bool = True
    _begins: dict[tuple[Uop, ...], int] = field(default_factory=dict)
    count: int = 0

    def place(self, uops: Iterable[Uop]) -> tuple[Memory, int]:
        """Where a kernel lies in the buffer, and its first number among all micro-operations of the layer."""
        kernel = tuple(uops)
        if kernel not in self._begins:
            self._begins[kernel] = self.count
            self.count += len(kernel)
        begin = self._begins[kernel]
        size = self.machine.uop.tensor
        offset = begin if self.resident else 0
        return memory(self.machine.uop.address + offset * size, len(kernel) * size), begin

    @property
    def fits(self) -> bool:
        """Whether all kernels fit into the buffer at once."""
        return self.count <= self.machine.uop.depth

    def use(self, uops: Iterable[Uop], address: int) -> tuple[list[Step], Memory]:
        """What has to be loaded before an instruction can use a kernel, and where it is then."""
        place, begin = self.place(uops)
        if self.resident:
            return [], place
        source = memory(address + begin * self.machine.uop.tensor, place.bytes)
        return [step("load_uop", dst=place, src=source)], place

    def load_all(self, address: int) -> list[Step]:
        """Load all kernels, where they stay."""
        if not self.resident or not self.count:
            return []
        size = self.count * self.machine.uop.tensor
        return [step("load_uop", dst=memory(self.machine.uop.address, size), src=memory(address, size))]

    def packed(self) -> NDArray[Any]:
        """All micro-operations as they lie in memory, 32 bits each."""
        import numpy as np

        words = [pack(uop) for kernel in self._begins for uop in kernel]
        return np.array(words, "<u4")


def pack(uop: Uop) -> int:
    """Indices as fields of 32 bits, the accumulator's in the lowest ones."""
    word, low = 0, 0
    for index, bits in zip(uop, UOP_BITS.values(), strict=True):
        word |= index << low
        low += bits
    return word
