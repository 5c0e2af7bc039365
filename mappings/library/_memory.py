"""Where a layer's arrays lie in the machine's main memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acadl.model import Architecture, EdgeKind, InstructionMemoryAccessUnit, MemoryInterface
from mappings.layers import Layer
from mappings.program import Affine, Memory, memory
from mappings.registry import MappingError

ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Array:
    """``bytes`` bytes from ``address`` on; arrays of a layer never share a byte."""

    name: str
    address: int
    bytes: int

    @property
    def end(self) -> int:
        """One past the last byte."""
        return self.address + self.bytes


def place(layer: Layer, storage: MemoryInterface, sizes: Mapping[str, int]) -> dict[str, Array]:
    """Arrays of the given sizes in bytes one after the other, each at a multiple of 64, by name.

    Raises:
        MappingError: The memory's largest address range does not hold them all.
    """
    low, high = max(storage.address_ranges, key=lambda ends: ends[1] - ends[0], default=(0, 0))
    placed: dict[str, Array] = {}
    address = low
    for name, size in sizes.items():
        address = -(-address // ALIGNMENT) * ALIGNMENT
        placed[name] = Array(name, address, size)
        address += size
    if address > high:
        parts = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        raise MappingError(
            f"layer '{layer.name}' ({layer.op}) needs {address - low:,} bytes of memory ({parts}), but "
            f"'{storage.name}' holds {high - low:,}; describe a larger '{storage.name}' or split the layer"
        )
    return placed


def stretch(address: Affine, bytes: int, rows: int, pitch: int) -> Memory:
    """An operand that is only read: like :func:`mappings.program.memory`, but rows may overlap.

    Neighbouring windows of a convolution overlap; each of their bytes is loaded as often as it is used.
    """
    if rows > 1 and pitch < bytes:
        return Memory(address, bytes, rows, pitch)
    return memory(address, bytes, rows, pitch)


def main_memory(arch: Architecture) -> MemoryInterface:
    """The largest memory that is no instruction memory, unless there is no other.

    Raises:
        MappingError: The architecture has no memory.
    """
    memories = list(arch.of_type(MemoryInterface))
    if not memories:
        raise MappingError(f"architecture '{arch.name}' has no memory for a layer's operands")
    fetched = {
        name
        for unit in arch.of_type(InstructionMemoryAccessUnit)
        for name in arch.predecessors(unit.name, EdgeKind.READ_DATA)
    }
    return max([m for m in memories if m.name not in fetched] or memories, key=_largest_range)


def _largest_range(storage: MemoryInterface) -> int:
    return max((high - low for low, high in storage.address_ranges), default=0)


def parameter(arch: Architecture, name: str) -> int:
    """Parameter of the architecture that its mapping reads.

    Raises:
        MappingError: It is missing or not at least 1.
    """
    value = arch.parameters.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise MappingError(
            f"the mapping for '{arch.name}' reads its parameter '{name}', a positive integer; "
            f"it is {value!r}. Parameters: {', '.join(arch.parameters) or 'none'}"
        )
    return value
