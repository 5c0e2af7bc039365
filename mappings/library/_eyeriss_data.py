"""What the instructions of ``eyeriss`` do with data.

A run of sums holds int64, shape ``(pixels, columns)``, or the scalar 0 where it is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from acadl.operations import Instruction
from mappings.library._systolic_data import fetch, load, load_bias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState


def convolve(state: ArchitecturalState, instruction: Instruction) -> None:
    """``sums += Σ taps, channels  windows · filters``."""
    seen, i = _windows(state, instruction), instruction.immediates
    filters = _filters(state, instruction).reshape(*seen.shape[1:], i["columns"])
    _add(state, instruction, np.tensordot(seen, filters, axes=2))


def depthwise(state: ArchitecturalState, instruction: Instruction) -> None:
    """``sums += Σ taps  windows · filters``, channel by channel."""
    seen = _windows(state, instruction)
    filters = _filters(state, instruction).reshape(seen.shape[1:])
    _add(state, instruction, (seen * filters).sum(axis=1))


def pool_sum(state: ArchitecturalState, instruction: Instruction) -> None:
    """``sums += Σ taps  windows``."""
    _add(state, instruction, _windows(state, instruction).sum(axis=1))


def pool_max(state: ArchitecturalState, instruction: Instruction) -> None:
    """``sums = max(sums, maximum of the windows)``."""
    found = _windows(state, instruction).max(axis=1)
    name = instruction.write_registers[0]
    before = state.read_register(name)
    state.write_register(name, np.maximum(before, found) if np.ndim(before) else found)


def store(state: ArchitecturalState, instruction: Instruction) -> None:
    """Some pixels: sums plus bias, divided with ties rounded up, cut to int8."""
    psum, bias = instruction.read_registers
    i, whole = instruction.immediates, state.read_register(psum)
    count = instruction.write_addresses[0].total_bytes // whole.shape[1]
    sums: NDArray[Any] = whole[i["first"] : i["first"] + count]
    added = np.asarray(state.read_register(bias), np.int64)
    sums = sums + (added[i["column"] : i["column"] + sums.shape[1]] if added.ndim else added)
    if i["divide"] > 1:
        sums = (2 * sums + i["divide"]) // (2 * i["divide"])
    low = 0 if i["relu"] else -128
    state.write_memory(instruction.write_addresses[0], np.clip(sums, low, 127).astype(np.int8))
    if i["last"]:
        state.write_register(psum, 0)


def _windows(state: ArchitecturalState, instruction: Instruction) -> NDArray[Any]:
    """What each output sees, shape ``(pixels, taps, channels)``."""
    i = instruction.immediates
    values = state.read_memory(instruction.read_addresses[0]).view(np.int8).reshape(-1, i["channels"])
    rows, pixels, taps_h, taps_w = np.ogrid[: i["rows"], : i["pixels"], : i["taps_h"], : i["taps_w"]]
    row = rows * i["row_step"] + taps_h * i["tap_row_step"]
    places = row * i["pitch"] + pixels * i["pixel_step"] + taps_w * i["tap_step"]
    seen: NDArray[Any] = values[places.reshape(i["rows"] * i["pixels"], -1)]
    return seen.astype(np.int64)


def _filters(state: ArchitecturalState, instruction: Instruction) -> NDArray[Any]:
    filters: NDArray[Any] = state.read_register(instruction.read_registers[1])
    return filters.reshape(-1).astype(np.int64)


def _add(state: ArchitecturalState, instruction: Instruction, values: NDArray[Any]) -> None:
    name = instruction.write_registers[0]
    state.write_register(name, state.read_register(name) + values)


FUNCTIONS: Mapping[str, Callable[[Any, Instruction], None]] = {
    "fetch": fetch,
    "load_bias": load_bias,
    "load_filters": load,
    "convolve": convolve,
    "depthwise": depthwise,
    "pool_max": pool_max,
    "pool_sum": pool_sum,
    "store": store,
}
