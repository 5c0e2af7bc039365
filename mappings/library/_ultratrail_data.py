"""What UltraTrail's instructions do with data: int8 rows of ``array`` channels, sums as int64.

A row of sums is the scalar 0 where it is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from acadl.operations import Instruction
from mappings.library._ultratrail_shape import Windows1D

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState


def _array(state: ArchitecturalState) -> int:
    return int(state.architecture.parameters["array"])


def nothing(state: ArchitecturalState, instruction: Instruction) -> None:
    """An instruction that moves no data."""


def mac(state: ArchitecturalState, instruction: Instruction) -> None:
    """``acc[k] += Σ taps, channels w[tap, c, k] · x[tap, c]``."""
    array, (acc, _) = _array(state), instruction.read_registers
    weights, features = (state.read_memory(piece).view(np.int8) for piece in instruction.read_addresses)
    x = features.reshape(-1).astype(np.int64)
    w = weights.reshape(len(x), array).astype(np.int64)
    state.write_register(acc, state.read_register(acc) + x @ w)


def out(state: ArchitecturalState, instruction: Instruction) -> None:
    """Sums, plus bias where there is one, cut to int8; the row of sums is emptied."""
    (acc,) = instruction.read_registers
    sums = np.zeros(_array(state), np.int64) + state.read_register(acc)
    for piece in instruction.read_addresses:
        sums = sums + state.read_memory(piece).reshape(-1).view("<i4")
    state.write_memory(instruction.write_addresses[0], _cut(sums))
    state.write_register(acc, 0)


def _cut(values: NDArray[Any]) -> NDArray[Any]:
    cut: NDArray[Any] = np.clip(values, -128, 127).astype(np.int8)
    return cut


def _rows(state: ArchitecturalState, address: int, rows: int) -> NDArray[Any]:
    return state.read_array(address, (rows, _array(state)), "int8").astype(np.int64)


def relu(state: ArchitecturalState, instruction: Instruction) -> None:
    """Maximum with zero."""
    i = instruction.immediates
    state.write_array(i["dst"], _cut(np.maximum(_rows(state, i["src"], i["rows"]), 0)))


def add(state: ArchitecturalState, instruction: Instruction) -> None:
    """Sum of two tensors."""
    i = instruction.immediates
    both = _rows(state, i["a"], i["rows"]) + _rows(state, i["b"], i["rows"])
    state.write_array(i["dst"], _cut(both))


def mean(state: ArchitecturalState, instruction: Instruction) -> None:
    """Means over windows, halo included, rounded to the nearest with ties up."""
    i = instruction.immediates
    values = _rows(state, i["src"], i["blocks"] * i["length"]).reshape(i["blocks"], i["length"], -1)
    windows = Windows1D(1, 1, 1, i["length"], i["positions"], i["taps"], i["stride"], i["before"])
    sums = np.zeros((i["blocks"], i["positions"], values.shape[2]), np.int64)
    for x in range(i["positions"]):
        inside, first = windows.inside(x), x * i["stride"] - i["before"]
        sums[:, x] = values[:, first + inside.start : first + inside.stop].sum(axis=1)
    state.write_array(i["dst"], _cut((2 * sums + i["taps"]) // (2 * i["taps"])))


FUNCTIONS: Mapping[str, Callable[[Any, Instruction], None]] = {
    "configure": nothing,
    "zeros": nothing,
    "mac": mac,
    "out": out,
    "out_biased": out,
    "relu": relu,
    "add": add,
    "mean": mean,
}
