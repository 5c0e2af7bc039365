"""What Gemmini's commands do with data.

The scratchpad holds int8, the accumulator int32, in rows of ``dim`` elements; the blocks of one command lie a
whole block apart. Rows and columns of a block that a ``mvin`` does not reach are zero where it writes at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from acadl.operations import AddressRange, Instruction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState

DataFunction = Callable[["ArchitecturalState", Instruction], None]


def _dim(state: ArchitecturalState) -> int:
    return int(state.architecture.parameters["dim"])


def _as_blocks(values: NDArray[Any], dim: int) -> NDArray[Any]:
    """Rows of any width as blocks, shape ``(blocks, rows, dim)``, filled up with zeros."""
    rows, cols = values.shape
    count = -(-cols // dim)
    whole = np.zeros((rows, count * dim), values.dtype)
    whole[:, :cols] = values
    return whole.reshape(rows, count, dim).transpose(1, 0, 2)


def _sums(state: ArchitecturalState, piece: AddressRange, rows: int) -> NDArray[Any]:
    """Blocks of the accumulator side by side, shape ``(rows, blocks · dim)``."""
    dim = _dim(state)
    values = state.read_memory(piece).reshape(-1).view("<i4").reshape(-1, rows, dim)
    return values.transpose(1, 0, 2).reshape(rows, -1)


def mvin(state: ArchitecturalState, instruction: Instruction) -> None:
    """Rows of int8 to the scratchpad."""
    values = state.read_memory(instruction.read_addresses[0])
    state.write_memory(instruction.write_addresses[0], _as_blocks(values, _dim(state)))


def mvin3(state: ArchitecturalState, instruction: Instruction) -> None:
    """Rows of int8 or int32 to the accumulator."""
    immediates, dst = instruction.immediates, instruction.write_addresses[0]
    rows = immediates["rows"]
    kind = "i1" if immediates["element_bytes"] == 1 else "<i4"
    values = state.read_memory(instruction.read_addresses[0]).view(kind).astype(np.int32)
    values = np.broadcast_to(values, (rows, values.shape[1]))
    blocks = _as_blocks(values, _dim(state))
    if immediates["accumulate"]:
        blocks = blocks + state.read_memory(dst).reshape(-1).view("<i4").reshape(blocks.shape)
    state.write_memory(dst, np.ascontiguousarray(blocks, "<i4"))


def load_weights(state: ArchitecturalState, instruction: Instruction) -> None:
    """A block of int8 into the array."""
    dim = _dim(state)
    weights = state.read_memory(instruction.read_addresses[0]).view(np.int8).reshape(dim, dim)
    state.write_register("weights", weights)


def preload(state: ArchitecturalState, instruction: Instruction) -> None:
    """A block of int8 into the array, where there is one; and where the next sums go."""
    dim = _dim(state)
    if instruction.operation in ("preload", "preload_add"):
        weights = state.read_memory(instruction.read_addresses[-1]).view(np.int8).reshape(dim, dim)
        state.write_register("weights", weights)
    state.write_register("place", instruction.write_addresses[0].start)
    state.write_register("adds", int(instruction.operation.endswith("_add")))


def compute(state: ArchitecturalState, instruction: Instruction) -> None:
    """``c = a · weights`` or ``c += a · weights`` in wrapping int32; the preload before it says where."""
    dim, rows = _dim(state), instruction.immediates["rows"]
    a = state.read_memory(instruction.read_addresses[0]).view(np.int8).reshape(rows, dim)
    weights = np.asarray(state.read_register("weights"))
    sums = a.astype(np.int32) @ weights.astype(np.int32)
    if instruction.write_addresses:  # of commands as wholes
        dst, adds = instruction.write_addresses[0], instruction.immediates["accumulate"]
    else:
        dst = AddressRange(int(state.read_register("place")), rows * dim * 4)
        adds = state.read_register("adds")
    if adds:
        sums = sums + state.read_memory(dst).reshape(-1).view("<i4").reshape(rows, dim)
    state.write_memory(dst, sums.astype("<i4"))


def mvout(state: ArchitecturalState, instruction: Instruction) -> None:
    """Sums divided with rounding to the nearest (ties up), cut to int8."""
    immediates = instruction.immediates
    sums = _sums(state, instruction.read_addresses[0], immediates["rows"])[:, : immediates["cols"]]
    sums = _quotient(sums.astype(np.int64), immediates["divide"])
    low = 0 if immediates["relu"] else -128
    state.write_memory(instruction.write_addresses[0], np.clip(sums, low, 127).astype(np.int8))


def _quotient(values: NDArray[Any], divisor: int) -> NDArray[Any]:
    """``values / divisor`` rounded to the nearest integer, ties up."""
    return (2 * values + divisor) // (2 * divisor)


def mvout_pool(state: ArchitecturalState, instruction: Instruction) -> None:
    """Maxima over windows of the lines in the accumulator."""
    i, src = instruction.immediates, instruction.read_addresses[0]
    lines, width, count = i["window_h"], i["width"], i["rows"]
    values = _sums(state, src, lines * width)[:, : i["cols"]].reshape(lines, width, -1)
    reach = (count - 1) * i["stride"] + 1
    taps = [
        values[:, first : first + reach : i["stride"]]
        for first in range(0, i["window_w"] * i["dilation"], i["dilation"])
    ]
    found = np.max(np.stack(taps), axis=(0, 1))
    state.write_memory(instruction.write_addresses[0], np.clip(found, -128, 127).astype(np.int8))


def nothing(state: ArchitecturalState, instruction: Instruction) -> None:
    """A command that moves no data."""


FUNCTIONS: Mapping[str, DataFunction] = {
    "mvin": mvin,
    "mvin2": mvin,
    "mvin3": mvin3,
    "preload": preload,
    "preload_add": preload,
    "preload_reuse": preload,
    "preload_reuse_add": preload,
    "load_weights": load_weights,
    "compute_preloaded": compute,
    "compute_accumulated": compute,
    "mvout": mvout,
    "mvout_pool": mvout_pool,
    "multiply": compute,
    "keep_weights": nothing,
    "fence": nothing,
}
