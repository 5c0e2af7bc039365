"""What VTA's instructions do with data.

Micro-operations are read from their buffer, 32 bits each, and name tensors relative to the operands of the
instruction: int8 inputs and weights (``block_out`` × ``block_in``), int32 accumulators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from acadl.operations import AddressRange, Instruction
from mappings.library._vta_machine import MAXIMUM, MINIMUM, SUM, UOP_BITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState


def _block(state: ArchitecturalState) -> int:
    return int(state.architecture.parameters["block_in"])


def _sums(state: ArchitecturalState, piece: AddressRange) -> NDArray[Any]:
    return state.read_memory(piece).reshape(-1).view("<i4").reshape(-1, _block(state)).astype(np.int64)


def _write_sums(state: ArchitecturalState, piece: AddressRange, values: NDArray[Any]) -> None:
    state.write_memory(piece, values.astype("<i4"))


def _uops(state: ArchitecturalState, piece: AddressRange) -> Iterator[tuple[int, ...]]:
    words = state.read_memory(piece).reshape(-1).view("<u4")
    for word in words.tolist():
        fields = []
        for bits in UOP_BITS.values():
            fields.append(word & ((1 << bits) - 1))
            word >>= bits
        yield tuple(fields)


def _indices(i: Mapping[str, int], kind: str) -> NDArray[Any]:
    """Tensors that the two loops name, without a micro-operation's share."""
    outer = np.arange(i["lp0"])[:, None] * i[f"{kind}_f0"]
    return (outer + np.arange(i["lp1"]) * i[f"{kind}_f1"]).reshape(-1)


def load(state: ArchitecturalState, instruction: Instruction) -> None:
    """Bytes from memory to a buffer."""
    state.write_memory(instruction.write_addresses[0], state.read_memory(instruction.read_addresses[0]))


def load_acc8(state: ArchitecturalState, instruction: Instruction) -> None:
    """Int8 extended to int32."""
    values = state.read_memory(instruction.read_addresses[0]).view(np.int8)
    _write_sums(state, instruction.write_addresses[0], values)


def reset(state: ArchitecturalState, instruction: Instruction) -> None:
    """Sums to zero."""
    (uop,), target = instruction.read_addresses, instruction.write_addresses[0]
    sums, places = _sums(state, target), _indices(instruction.immediates, "acc")
    for acc, _, _ in _uops(state, uop):
        sums[places + acc] = 0
    _write_sums(state, target, sums)


def gemm(state: ArchitecturalState, instruction: Instruction) -> None:
    """Products of inputs and weights added to sums."""
    target, inp, wgt, uop = instruction.read_addresses
    block = _block(state)
    inputs = state.read_memory(inp).view(np.int8).reshape(-1, block).astype(np.int64)
    weights = state.read_memory(wgt).view(np.int8).reshape(-1, block, block).astype(np.int64)
    sums = _sums(state, target)
    places, sources = (_indices(instruction.immediates, kind) for kind in ("acc", "inp"))
    for acc, source, weight in _uops(state, uop):
        sums[places + acc] += inputs[sources + source] @ weights[weight].T
    _write_sums(state, target, sums)


def alu(state: ArchitecturalState, instruction: Instruction) -> None:
    """Element by element with a second tensor of the accumulator."""
    target, src, uop = instruction.read_addresses
    i, sums, others = instruction.immediates, _sums(state, target), _sums(state, src)
    places, sources = _indices(i, "acc"), _indices(i, "src")
    for acc, source, _ in _uops(state, uop):
        sums[places + acc] = _result(i["opcode"], sums[places + acc], others[sources + source])
    _write_sums(state, target, sums)


def alu_imm(state: ArchitecturalState, instruction: Instruction) -> None:
    """Element by element with a number."""
    target, uop = instruction.read_addresses
    i, sums = instruction.immediates, _sums(state, target)
    places = _indices(i, "acc")
    for acc, _, _ in _uops(state, uop):
        sums[places + acc] = _result(i["opcode"], sums[places + acc], i["imm"])
    _write_sums(state, target, sums)


def _result(opcode: int, a: NDArray[Any], b: NDArray[Any] | int) -> NDArray[Any]:
    if opcode == MINIMUM:
        found: NDArray[Any] = np.minimum(a, b)
    elif opcode == MAXIMUM:
        found = np.maximum(a, b)
    elif opcode == SUM:
        found = a + b
    else:
        found = a >> b
    return found


def store(state: ArchitecturalState, instruction: Instruction) -> None:
    """The low byte of every sum."""
    sums = _sums(state, instruction.read_addresses[0])
    state.write_memory(instruction.write_addresses[0], sums.astype(np.int8))


def host_mean(state: ArchitecturalState, instruction: Instruction) -> None:
    """Means over windows of lines, rounded to the nearest with ties up."""
    i, block = instruction.immediates, _block(state)
    lines = state.read_memory(instruction.read_addresses[0]).view(np.int8).astype(np.int64)
    column = lines.sum(axis=0).reshape(-1, block)
    reach = (i["outputs"] - 1) * i["stride"] + 1
    sums = sum(column[t * i["dilation"] :][: reach : i["stride"]] for t in range(i["taps"]))
    means = (2 * np.asarray(sums) + i["divide"]) // (2 * i["divide"])
    state.write_memory(instruction.write_addresses[0], np.clip(means, -128, 127).astype(np.int8))


def nothing(state: ArchitecturalState, instruction: Instruction) -> None:
    """An instruction that moves no data."""


FUNCTIONS: Mapping[str, Callable[[Any, Instruction], None]] = {
    "load_inp": load,
    "load_wgt": load,
    "load_uop": load,
    "load_acc": load,
    "load_acc8": load_acc8,
    "reset": reset,
    "gemm": gemm,
    "alu": alu,
    "alu_imm": alu_imm,
    "store": store,
    "host_mean": host_mean,
    "finish": nothing,
}
