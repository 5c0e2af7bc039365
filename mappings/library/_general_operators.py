"""Operators of general-purpose units that have a function on data, and the sweep over their operands.

Every operator here works on one element at a time (of one or two tensors of one shape), or on the channels
of a pixel, which lie next to each other in memory. ``docs/operators.md`` says what the numbers mean; the
functions themselves are in ``_general_data``, which needs NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acadl.operations import Instruction
from mappings.layers import Layer
from mappings.library._general import lower_pieces, piece_bytes
from mappings.library._memory import Array
from mappings.library._split import Tile, over, repeat, split
from mappings.program import Affine, DataFunction, Memory, Node, as_affine, memory, step

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
    if layer.op == "transpose":
        return layer.operands == 1 and bool(layer.perm)
    return layer.operands == 1 and (layer.op in UNARY or layer.op in ROWWISE)


def grain(layer: Layer) -> int:
    """Elements that belong together."""
    return layer.C if layer.op in ROWWISE else 1


def sweep(
    layer: Layer, at: Mapping[str, Array], most_bytes: int, work: Callable[[Memory, Memory, int], Node]
) -> Node:
    """``work(target, source, elements)`` for stretches of the output of up to ``most_bytes``, or one row.

    The operands lie one behind the other in ``input``; a source has a row for each of them. A transposition
    gathers the channels of one pixel of the output at a time.
    """
    if layer.op == "transpose":
        return _transpose(layer, at, work)
    total, size = layer.output_elements, grain(layer)

    def stretch(tile: Tile) -> Node:
        first, count = tile.offset * size, tile.size * size
        source = memory(first + at["input"].address, count, layer.operands, total)
        return work(memory(first + at["output"].address, count), source, count * layer.operands)

    return over("e", split(total // size, max(1, most_bytes // size)), stretch)


@dataclass(frozen=True, slots=True)
class Walk:
    """A loop over the output of a transposition, and how far each step moves in both arrays, in bytes."""

    count: int
    source: int
    target: int


def transposition(layer: Layer) -> tuple[Walk, Walk, Walk, Walk]:
    """Loops over the output in the order in which it lies in memory: N, H, W, C, the last one innermost."""
    sizes = (layer.N, layer.C, layer.H, layer.W)
    strides = (layer.H * layer.W * layer.C, 1, layer.W * layer.C, layer.C)
    walks: list[Walk] = []
    step_bytes = 1
    for axis in (1, 3, 2, 0):
        origin = layer.perm[axis]
        walks.append(Walk(sizes[origin], strides[origin], step_bytes))
        step_bytes *= sizes[origin]
    c, w, h, n = walks
    return n, h, w, c


def _transpose(layer: Layer, at: Mapping[str, Array], work: Callable[[Memory, Memory, int], Node]) -> Node:
    *outer, channels = transposition(layer)
    count, apart = channels.count, channels.source

    def nest(walks: list[Walk], source: Affine, target: Affine) -> Node:
        if walks:
            walk, *inner = walks
            return repeat(f"t{len(walks)}", walk.count, lambda i: nest(
                inner, source + i * walk.source, target + i * walk.target
            ))  # fmt: skip
        gathered = memory(source, count) if apart == 1 else memory(source, 1, count, apart)
        return work(memory(target, count), gathered, count)

    return nest(outer, as_affine(at["input"].address), as_affine(at["output"].address))


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
    if layer.op == "transpose":
        state.write_memory(target, state.read_memory(source))
        return
    values = state.read_memory(source).view(np.int8).reshape(layer.operands, -1, grain(layer))
    state.write_memory(target, computed(layer, values))
