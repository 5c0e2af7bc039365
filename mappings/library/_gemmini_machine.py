"""What the Gemmini mapping needs to know of a description, and the operands that its commands have."""

from __future__ import annotations

from dataclasses import dataclass

from acadl.model import Architecture, MemoryInterface
from mappings.library._memory import parameter
from mappings.program import Affine, Memory, Node, as_affine, step
from mappings.registry import MappingError

REQUEST_BYTES = 64  # widest row of a mvin
ACCUMULATOR_ELEMENT = 4  # bytes


@dataclass(frozen=True, slots=True)
class Machine:
    """Sizes and addresses; a block is ``dim × dim`` elements.

    Attributes:
        bus_bytes: Bytes per cycle between DMA and memory.
        wide: Blocks that one command moves side by side.
        scratchpad, accumulator: First addresses.
        scratchpad_blocks, accumulator_blocks: Sizes.
        execute_entries: Places of the execute queue.
    """

    dim: int
    bus_bytes: int
    wide: int
    scratchpad: int
    scratchpad_blocks: int
    accumulator: int
    accumulator_blocks: int
    execute_entries: int

    @property
    def block(self) -> int:
        """Bytes of a block of int8."""
        return self.dim * self.dim

    @property
    def sum_block(self) -> int:
        """Bytes of a block of int32."""
        return ACCUMULATOR_ELEMENT * self.block

    def beats(self, rows: int, row_bytes: int) -> int:
        """Cycles of the bus for rows of that many bytes."""
        return rows * -(-row_bytes // self.bus_bytes)


def machine(arch: Architecture) -> Machine:
    """Sizes of the described machine. Raises :class:`MappingError` if it is not a Gemmini."""
    dim = parameter(arch, "dim")
    scratchpad, accumulator = (
        memory_named(arch, name).address_ranges[0] for name in ("scratchpad", "accumulator")
    )
    return Machine(
        dim=dim,
        bus_bytes=parameter(arch, "bus_bytes"),
        wide=max(1, REQUEST_BYTES // dim),
        scratchpad=scratchpad[0],
        scratchpad_blocks=(scratchpad[1] - scratchpad[0]) // (dim * dim),
        accumulator=accumulator[0],
        accumulator_blocks=(accumulator[1] - accumulator[0]) // (ACCUMULATOR_ELEMENT * dim * dim),
        execute_entries=parameter(arch, "execute_entries"),
    )


def memory_named(arch: Architecture, name: str) -> MemoryInterface:
    """A memory by its name. Raises :class:`MappingError` if there is none."""
    memory = arch.objects.get(name)
    if not isinstance(memory, MemoryInterface) or not memory.address_ranges:
        raise MappingError(f"the mapping for '{arch.name}' needs a memory named '{name}' with addresses")
    return memory


def rows_of(address: Affine | int, size: int, rows: int, pitch: int) -> Memory:
    """Rows of a matrix in memory, kept as rows even where they follow one another without a gap.

    The DMA requests row by row, and rows of an im2col tile may overlap.
    """
    return Memory(as_affine(address), size, rows, pitch if rows > 1 else 0)


def blocks_of(address: Affine | int, row_bytes: int, rows: int, blocks: int, block_bytes: int) -> Memory:
    """``rows`` rows of each of several blocks side by side."""
    size = rows * row_bytes
    if blocks == 1 or size == block_bytes:
        return Memory(as_affine(address), size * blocks)
    return Memory(as_affine(address), size, blocks, block_bytes)


def configure() -> list[Node]:
    """The commands that set strides and modes; once per layer."""
    return [step("config_ex"), step("config_st"), step("config_ld"), step("config_ld"), step("config_ld")]


def finish() -> list[Node]:
    """Wait for the last write."""
    return [step("fence", pending="pending")]
