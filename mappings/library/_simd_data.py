"""What the vector unit's instructions do with data: vectors of int8, sums as int64, or one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from acadl.operations import Instruction

if TYPE_CHECKING:
    from acadl.state import ArchitecturalState


def vload(state: ArchitecturalState, instruction: Instruction) -> None:
    """Int8 elements."""
    data = state.read_memory(instruction.read_addresses[0]).reshape(-1)
    state.write_register(instruction.write_registers[0], data.view(np.int8).astype(np.int64))


def vload_sums(state: ArchitecturalState, instruction: Instruction) -> None:
    """Int32 elements."""
    data = state.read_memory(instruction.read_addresses[0]).reshape(-1)
    state.write_register(instruction.write_registers[0], data.view("<i4").astype(np.int64))


def vset(state: ArchitecturalState, instruction: Instruction) -> None:
    """All elements to a number."""
    state.write_register(instruction.write_registers[0], np.int64(instruction.immediates["value"]))


def vmac_lane(state: ArchitecturalState, instruction: Instruction) -> None:
    """One element of x times all of w."""
    acc, x, w = instruction.read_registers
    factor = state.read_register(x)[instruction.immediates["lane"]]
    state.write_register(acc, state.read_register(acc) + factor * state.read_register(w))


def vmac(state: ArchitecturalState, instruction: Instruction) -> None:
    """Element by element."""
    acc, x, w = (state.read_register(name) for name in instruction.read_registers)
    state.write_register(instruction.write_registers[0], acc + x * w)


def vadd(state: ArchitecturalState, instruction: Instruction) -> None:
    """Element by element."""
    acc, x = (state.read_register(name) for name in instruction.read_registers)
    state.write_register(instruction.write_registers[0], acc + x)


def vmax(state: ArchitecturalState, instruction: Instruction) -> None:
    """Element by element."""
    acc, x = (state.read_register(name) for name in instruction.read_registers)
    state.write_register(instruction.write_registers[0], np.maximum(acc, x))


def vdivide(state: ArchitecturalState, instruction: Instruction) -> None:
    """Quotients rounded to the nearest, ties up."""
    (acc,), n = instruction.read_registers, instruction.immediates["n"]
    state.write_register(acc, (2 * state.read_register(acc) + n) // (2 * n))


def vunpack(state: ArchitecturalState, instruction: Instruction) -> None:
    """A field of each byte, with its sign."""
    bits, part = instruction.immediates["bits"], instruction.immediates["part"]
    field = (state.read_register(instruction.read_registers[0]) >> (part * bits)) & ((1 << bits) - 1)
    signed = field - ((field >> (bits - 1)) << bits)
    state.write_register(instruction.write_registers[0], signed)


def vstore(state: ArchitecturalState, instruction: Instruction) -> None:
    """Cut to int8."""
    target = instruction.write_addresses[0]
    values = np.zeros(target.bytes, np.int64) + state.read_register(instruction.read_registers[0])
    state.write_memory(target, np.clip(values, -128, 127).astype(np.int8))


FUNCTIONS: Mapping[str, Callable[[Any, Instruction], None]] = {
    "vload": vload,
    "vload_sums": vload_sums,
    "vset": vset,
    "vmac_lane": vmac_lane,
    "vmac": vmac,
    "vadd": vadd,
    "vmax": vmax,
    "vdivide": vdivide,
    "vunpack": vunpack,
    "vstore": vstore,
}
