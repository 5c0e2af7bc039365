"""What the systolic array's instructions do with data.

A register of a tile buffer holds what was loaded, an array of int8 (int32 for a bias). A register of an
accumulator holds sums as int64, shape ``(outputs, columns)``, or the scalar 0 where it is empty: a store
hands it back empty, and the first instruction that finds it empty overwrites it instead of adding to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from acadl.operations import Instruction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState


def load(state: ArchitecturalState, instruction: Instruction) -> None:
    """A range of memory as int8, shape ``(rows, bytes)``."""
    data = state.read_memory(instruction.read_addresses[0])
    state.write_register(instruction.write_registers[0], data.view(np.int8))


def fetch(state: ArchitecturalState, instruction: Instruction) -> None:
    """A range of memory to another one."""
    state.write_memory(instruction.write_addresses[0], state.read_memory(instruction.read_addresses[0]))


def load_bias(state: ArchitecturalState, instruction: Instruction) -> None:
    """Int32 values, one per column."""
    data = state.read_memory(instruction.read_addresses[0])
    state.write_register(instruction.write_registers[0], data.reshape(-1).view("<i4"))


def gemm(state: ArchitecturalState, instruction: Instruction) -> None:
    """``acc += a · b`` with ``a`` of ``m × k`` and ``b`` of ``k × n`` elements."""
    acc, a, b = instruction.read_registers
    m, n, k = (instruction.immediates[name] for name in ("m", "n", "k"))
    left = state.read_register(a).reshape(m, k).astype(np.int64)
    right = state.read_register(b).reshape(k, n).astype(np.int64)
    accumulate(state, acc, left @ right)


def vmac(state: ArchitecturalState, instruction: Instruction) -> None:
    """``acc += Σ taps v[output · stride + tap · dilation] * w[tap]``, channel by channel."""
    acc, v, w = instruction.read_registers
    values = windows(state.read_register(v), instruction.immediates)
    weights = state.read_register(w).reshape(len(values), 1, -1).astype(np.int64)
    accumulate(state, acc, (values * weights).sum(axis=0))


def vadd(state: ArchitecturalState, instruction: Instruction) -> None:
    """``acc +=`` the sum of each window."""
    acc, v = instruction.read_registers
    accumulate(state, acc, windows(state.read_register(v), instruction.immediates).sum(axis=0))


def vmax(state: ArchitecturalState, instruction: Instruction) -> None:
    """``acc = max(acc, the maximum of each window)``."""
    acc, v = instruction.read_registers
    found = windows(state.read_register(v), instruction.immediates).max(axis=0)
    before = state.read_register(acc)
    state.write_register(acc, np.maximum(before, found) if np.ndim(before) else found)


def store(state: ArchitecturalState, instruction: Instruction) -> None:
    """Sums plus bias, divided with ties rounded up, cut to int8; the accumulator is emptied.

    The bias begins at ``column``, where the instruction has one.
    """
    acc, bias = instruction.read_registers
    sums: NDArray[Any] = np.asarray(state.read_register(acc))
    added = np.asarray(state.read_register(bias), np.int64)
    if added.ndim and "column" in instruction.immediates:
        first = instruction.immediates["column"]
        added = added[first : first + sums.shape[-1]]
    sums = sums + added
    divisor = instruction.immediates.get("divide", 1)
    if divisor > 1:
        sums = (2 * sums + divisor) // (2 * divisor)
    low = 0 if instruction.immediates["relu"] else -128
    state.write_memory(instruction.write_addresses[0], np.clip(sums, low, 127).astype(np.int8))
    state.write_register(acc, 0)


def accumulate(state: ArchitecturalState, acc: str, values: NDArray[Any]) -> None:
    """``acc += values``."""
    state.write_register(acc, state.read_register(acc) + values)


def windows(loaded: NDArray[Any], sizes: Mapping[str, int]) -> NDArray[Any]:
    """The values that each tap meets, shape ``(taps, outputs, channels)``."""
    values = loaded.reshape(-1, sizes["channels"]).astype(np.int64)
    reach = (sizes["outputs"] - 1) * sizes["stride"] + 1
    begins = range(0, sizes["taps"] * sizes["dilation"], sizes["dilation"])
    return np.stack([values[begin : begin + reach : sizes["stride"]] for begin in begins])


def collect(state: ArchitecturalState, instruction: Instruction) -> None:
    """Sums move from the cells to the accumulator; they have the same name in both places."""


FUNCTIONS: Mapping[str, Callable[[Any, Instruction], None]] = {
    "fetch": fetch,
    "load_a": load,
    "load_b": load,
    "load_v": load,
    "load_bias": load_bias,
    "gemm": gemm,
    "collect": collect,
    "vmac": vmac,
    "vadd": vadd,
    "vmax": vmax,
    "store": store,
    "store_v": store,
}
