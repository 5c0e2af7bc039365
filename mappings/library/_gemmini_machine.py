"""What the Gemmini mapping needs to know of a description, and the operands that its commands have."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from acadl.model import Architecture, MemoryInterface
from mappings.library._memory import parameter
from mappings.program import Affine, Memory, Node, as_affine, step
from mappings.registry import MappingError

REQUEST_BYTES = 64  # widest row of a mvin
ACCUMULATOR_ELEMENT = 4  # bytes
# Addresses of the scale unit for each byte of memory.
SCALE_UNIT_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Machine:
    """Sizes and addresses; a block is ``dim × dim`` elements.

    What one command reads or writes must lie in one bank.

    Attributes:
        bus_bytes: Bytes per cycle between DMA and memory.
        widest: Blocks side by side in the widest command.
        wide: Blocks side by side in the commands of layers; the banks are multiples of it.
        scratchpad, accumulator, scale_unit: First addresses.
        scratchpad_blocks, accumulator_blocks: Sizes.
        accumulator_bank: Blocks of one bank.
        execute_entries: Places of the execute queue.
        by_rows: Whether the description takes commands apart into rows.
    """

    dim: int
    bus_bytes: int
    widest: int
    wide: int
    scratchpad: int
    scratchpad_blocks: int
    accumulator: int
    accumulator_blocks: int
    accumulator_bank: int
    scale_unit: int
    execute_entries: int
    by_rows: bool

    @property
    def block(self) -> int:
        """Bytes of a block of int8."""
        return self.dim * self.dim

    @property
    def sum_block(self) -> int:
        """Bytes of a block of int32."""
        return ACCUMULATOR_ELEMENT * self.block

    @property
    def half_scratchpad(self) -> int:
        """Blocks of half of the scratchpad, in whole groups of ``wide``."""
        return self.scratchpad_blocks // 2 // self.wide * self.wide

    @property
    def half_accumulator(self) -> int:
        """Blocks of half of the accumulator, in whole groups of ``wide``."""
        return max(1, self.accumulator_blocks // 2 // self.wide * self.wide)

    def beats(self, rows: int, row_bytes: int) -> int:
        """Cycles of the bus for rows of that many bytes."""
        return rows * -(-row_bytes // self.bus_bytes)


def machine(arch: Architecture) -> Machine:
    """Sizes of the described machine. Raises :class:`MappingError` if it is not a Gemmini."""
    dim = parameter(arch, "dim")
    block, widest = dim * dim, max(1, REQUEST_BYTES // dim)
    scratchpad, accumulator = _banks(arch, "scratchpad"), _banks(arch, "accumulator")
    scratchpad_bank = (scratchpad[0][1] - scratchpad[0][0]) // block
    accumulator_bank = (accumulator[0][1] - accumulator[0][0]) // (ACCUMULATOR_ELEMENT * block)
    return Machine(
        dim=dim,
        bus_bytes=parameter(arch, "bus_bytes"),
        widest=widest,
        wide=largest_power(gcd(largest_power(widest), scratchpad_bank, accumulator_bank)),
        scratchpad=scratchpad[0][0],
        scratchpad_blocks=scratchpad_bank * len(scratchpad),
        accumulator=accumulator[0][0],
        accumulator_blocks=accumulator_bank * len(accumulator),
        accumulator_bank=accumulator_bank,
        scale_unit=memory_named(arch, "scale_unit").address_ranges[0][0],
        execute_entries=parameter(arch, "execute_entries"),
        by_rows=bool(arch.parameters.get("by_rows", False)),
    )


def largest_power(size: int) -> int:
    """The largest power of two up to ``size``."""
    return 1 << (size.bit_length() - 1)


def room_for(blocks: int, wide: int) -> int:
    """Places that ``blocks`` side by side take, so that groups of ``wide`` behind them do not break."""
    if blocks >= wide:
        return -(-blocks // wide) * wide
    return 1 << (blocks - 1).bit_length()


def _banks(arch: Architecture, name: str) -> list[tuple[int, int]]:
    """Addresses of the banks ``name[0]``, ``name[1]``, …"""
    found = [memory_named(arch, f"{name}[0]").address_ranges[0]]
    while f"{name}[{len(found)}]" in arch.objects:
        found.append(memory_named(arch, f"{name}[{len(found)}]").address_ranges[0])
    return found


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


def preload(
    machine: Machine, b: Memory | None, c: Memory, *, accumulate: bool, unrolled: bool = False
) -> Node:
    """Weights from ``b``, or those that are in the array, for a product whose sums go to ``c``.

    The weights shift in while ``dim`` rows of the product before stream; without new ones nothing does.

    Args:
        accumulate: Whether the sums are added to those in ``c``.
        unrolled: Whether the unroller makes the command.
    """
    if not machine.by_rows:
        if b is None:
            return step("keep_weights", rows=0)
        return step("load_weights", weights="weights", b=b, rows=machine.dim)
    name = ("preload" if b is not None else "preload_reuse") + ("_add" if accumulate else "")
    if b is None:
        return step(name, c=c, rows=0, unrolled=int(unrolled))
    return step(name, c=c, b=b, rows=machine.dim, unrolled=int(unrolled))


def compute(
    machine: Machine,
    a: Memory,
    c: Memory,
    rows: int,
    *,
    accumulate: bool,
    unrolled: bool = False,
    reused: bool = False,
) -> Node:
    """The product of ``rows`` rows of ``a`` with the weights; ``c`` and ``accumulate`` as in its preload.

    Args:
        unrolled: Whether the unroller makes the command.
        reused: The weights are those of the product before.
    """  # fmt: skip
    if not machine.by_rows:
        return step("multiply", c=c, a=a, weights="weights", rows=rows, accumulate=int(accumulate))
    name = "compute_accumulated" if reused else "compute_preloaded"
    return step(name, a=a, rows=rows, unrolled=int(unrolled))


def pair(
    machine: Machine, b: Memory | None, a: Memory, c: Memory, rows: int, *, accumulate: bool
) -> list[Node]:
    """:func:`preload` and :func:`compute`."""
    return [
        preload(machine, b, c, accumulate=accumulate),
        compute(machine, a, c, rows, accumulate=accumulate),
    ]


def scaled(machine: Machine, target: Affine | int, rows: int, taken: int = 1) -> Memory:
    """All rows of sums of a ``mvout`` on their way through the scale unit; no two share a place there.

    Args:
        target: Where the first one goes to in memory.
        rows: That go to memory.
        taken: Rows of sums for each of them.
    """
    place = as_affine(target) * SCALE_UNIT_BYTES + machine.scale_unit
    return Memory(place, rows * taken * machine.dim * ACCUMULATOR_ELEMENT, 1, 0)


def configure() -> list[Node]:
    """The commands that set strides and modes; once per layer."""
    return [step("config_ex"), step("config_st"), step("config_ld"), step("config_ld"), step("config_ld")]


def finish() -> list[Node]:
    """Wait for the last write."""
    return [step("fence", pending="pending")]
