"""Operators of general-purpose units that have a function on data, and the sweep over their operands.

Every operator here works on one element at a time (of one or two tensors of one shape), or on the channels
of a pixel, which lie next to each other in memory. ``docs/operators.md`` says what the numbers mean; the
functions themselves are in ``_general_data``, which needs NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from acadl.operations import Instruction
from mappings.layers import Layer
from mappings.library._general import lower_pieces, piece_bytes
from mappings.library._memory import Array
from mappings.library._split import Tile, over, split
from mappings.program import DataFunction, Memory, Node, memory, step

if TYPE_CHECKING:
    from acadl.state import ArchitecturalState

UNARY = frozenset({
    "elu", "erf", "exp", "gelu", "hardsigmoid", "hardswish", "leakyrelu", "log", "mish", "neg", "reciprocal",
    "selu", "sigmoid", "silu", "softplus", "sqrt", "tanh",
})  # fmt: skip
BINARY = frozenset({"div", "max", "min", "mul", "sub"})
ROWWISE = frozenset({"layernorm", "logsoftmax", "lrn", "rmsnorm", "softmax"})


def has_function(layer: Layer) -> bool:
    """Whether the layer is one of these operators, in a form that its shape says completely."""
    if layer.in_elements is not None or layer.out_elements is not None or layer.param_elements:
        return False
    if layer.op in BINARY:
        return layer.operands == 2
    return layer.operands == 1 and (layer.op in UNARY or layer.op in ROWWISE)


def grain(layer: Layer) -> int:
    """Elements that belong together."""
    return layer.C if layer.op in ROWWISE else 1


def sweep(
    layer: Layer, at: Mapping[str, Array], most_bytes: int, work: Callable[[Memory, Memory, int], Node]
) -> Node:
    """``work(target, source, elements)`` for stretches of the output of up to ``most_bytes``, or one row.

    The operands lie one behind the other in ``input``; a source has a row for each of them.
    """
    total, size = layer.output_elements, grain(layer)

    def stretch(tile: Tile) -> Node:
        first, count = tile.offset * size, tile.size * size
        source = memory(first + at["input"].address, count, layer.operands, total)
        return work(memory(first + at["output"].address, count), source, count * layer.operands)

    return over("e", split(total // size, max(1, most_bytes // size)), stretch)


def lower_general(layer: Layer, operation: str, at: Mapping[str, Array], piece: int) -> Node:
    """``operation(dst, src, n)`` for all of the layer, up to ``piece`` bytes at a time.

    Operators without a function on data have arrays as :func:`piece_bytes` makes them.
    """
    if has_function(layer):
        return sweep(layer, at, piece, lambda dst, src, n: step(operation, dst=dst, src=src, n=n))
    return lower_pieces(operation, at, piece)


def general_bytes(layer: Layer, sizes: Mapping[str, int], piece: int) -> dict[str, int]:
    """Bytes of both arrays of a layer on a general-purpose unit."""
    return dict(sizes) if has_function(layer) else piece_bytes(sizes, piece)


def general_function(layer: Layer) -> DataFunction:
    """What an instruction does that reads a stretch of the operands and writes one of the output."""

    def call(state: Any, instruction: Instruction) -> None:
        _compute(layer, state, instruction)

    return call


def general_functions(
    layer: Layer, functions: Mapping[str, DataFunction], mnemonic: str
) -> Mapping[str, DataFunction]:
    """``functions`` where ``mnemonic`` computes the layer, if it is one of these operators."""
    return {**functions, mnemonic: general_function(layer)} if has_function(layer) else functions


def _compute(layer: Layer, state: ArchitecturalState, instruction: Instruction) -> None:
    import numpy as np

    from mappings.library._general_data import computed

    source, target = instruction.read_addresses[0], instruction.write_addresses[0]
    values = state.read_memory(source).view(np.int8).reshape(layer.operands, -1, grain(layer))
    state.write_memory(target, computed(layer, values))
