"""What the patterns of ``plasticine`` do with data; sums are as in ``_systolic_data``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from acadl.operations import Instruction
from mappings.library._systolic_data import accumulate, fetch, load_bias, store, windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState


def dot(state: ArchitecturalState, instruction: Instruction) -> None:
    """``acc[m, n] += Σk a[m, k] · b[n, k]``."""
    a, b = _operands(state, instruction)
    accumulate(state, instruction.write_registers[0], a.astype(np.int64) @ b.astype(np.int64).T)


def vmac(state: ArchitecturalState, instruction: Instruction) -> None:
    """``acc += Σ taps v[output · stride + tap · dilation] * w[tap]``, channel by channel."""
    v, w = _operands(state, instruction)
    values = windows(v, instruction.immediates)
    weights = w.reshape(len(values), 1, -1).astype(np.int64)
    accumulate(state, instruction.write_registers[0], (values * weights).sum(axis=0))


def vadd(state: ArchitecturalState, instruction: Instruction) -> None:
    """``acc +=`` the sum of each window."""
    (v,) = _operands(state, instruction)
    accumulate(state, instruction.write_registers[0], windows(v, instruction.immediates).sum(axis=0))


def vmax(state: ArchitecturalState, instruction: Instruction) -> None:
    """``acc = max(acc, the maximum of each window)``."""
    (v,) = _operands(state, instruction)
    found, name = windows(v, instruction.immediates).max(axis=0), instruction.write_registers[0]
    before = state.read_register(name)
    state.write_register(name, np.maximum(before, found) if np.ndim(before) else found)


def _operands(state: ArchitecturalState, instruction: Instruction) -> list[NDArray[Any]]:
    """Those in memory units, shape ``(rows, bytes)``."""
    return [
        state.read_memory(piece).view(np.int8).reshape(-1, _width(instruction, piece.bytes))
        for piece in instruction.read_addresses
    ]


def _width(instruction: Instruction, bytes: int) -> int:
    """Of a row; rows without a gap between them come as one."""
    i = instruction.immediates
    return i.get("k", i.get("channels", bytes))


FUNCTIONS: Mapping[str, Callable[[Any, Instruction], None]] = {
    "load": fetch,
    "load_bias": load_bias,
    "dot": dot,
    "vmac": vmac,
    "vadd": vadd,
    "vmax": vmax,
    "store": store,
}
