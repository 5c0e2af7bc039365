"""Sums, ReLU and copies through Gemmini's accumulator, and what only the host can do.

A sum is moved in once per operand, the second and further ones adding; ``mvout`` cuts to int8. Operators that
the array lacks run on the host, piece by piece, with their memory traffic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mappings.layers import Layer
from mappings.library._gemmini_machine import ACCUMULATOR_ELEMENT, Machine, blocks_of, rows_of, scaled
from mappings.library._general import piece_bytes
from mappings.library._general_operators import has_function, sweep
from mappings.library._memory import Array
from mappings.library._operands import input_name
from mappings.library._split import repeat, rotating
from mappings.program import Affine, Node, as_affine, memory, sequence, step

# Places in the accumulator that take turns.
SLOTS = 4
# Bytes that the host works on at a time.
HOST_PIECE = 4096

# Cycles per element on a scalar in-order core with a floating-point unit: assumptions, not measurements.
# Moving data takes a load and a store; a transcendental function about a call of the mathematics library.
MOVING, ARITHMETIC, TRANSCENDENTAL = 2, 6, 40
HOST_CYCLES: Mapping[str, int] = {
    **dict.fromkeys(("concat", "gather", "pad", "slice", "split", "transpose", "resize", "upsample"), MOVING),
    **dict.fromkeys(
        ("softmax", "logsoftmax", "layernorm", "rmsnorm", "sigmoid", "tanh", "exp", "log", "erf", "pow",
         "sqrt", "gelu", "elu", "selu", "mish", "silu", "softplus"),
        TRANSCENDENTAL,
    ),
}  # fmt: skip


def lower_elementwise(at: Mapping[str, Array], machine: Machine, operands: int, relu: int) -> Node:
    """The sum of one or more equally shaped tensors, with or without ReLU."""
    wide = machine.wide
    slots = min(SLOTS, machine.accumulator_blocks // wide)
    nodes: list[Node] = []
    for name, offset, count, rows, cols in _sweeps(at["output"].bytes, machine.dim, wide * machine.dim):

        def work(number: Affine, offset: int = offset, rows: int = rows, cols: int = cols) -> Node:
            slot = rotating(number, slots) * (wide * machine.sum_block) + machine.accumulator
            places = [at[input_name(operand)].address for operand in range(operands)]
            sources = [number * (rows * cols) + offset + place for place in places]
            target = number * (rows * cols) + offset + at["output"].address
            return _move_through(machine, sources, target, slot, (rows, cols), relu)

        nodes.append(repeat(name, count, work))
    return sequence(*nodes)


def _sweeps(size: int, dim: int, width: int) -> Iterator[tuple[str, int, int, int, int]]:
    """Parts of ``size`` bytes as (name, offset, count, rows, columns): full pieces, full rows, the rest."""
    pieces, left = divmod(size, dim * width)
    rows, tail = divmod(left, width)
    if pieces:
        yield "e", 0, pieces, dim, width
    if rows:
        yield "rows", size - left, 1, rows, width
    if tail:
        yield "tail", size - tail, 1, 1, tail


def _move_through(
    machine: Machine, sources: list[Affine], target: Affine, slot: Affine, shape: tuple[int, int], relu: int
) -> Node:
    """A piece of every operand into the accumulator, and out again."""
    (rows, cols), dim = shape, machine.dim
    place = blocks_of(slot, dim * ACCUMULATOR_ELEMENT, rows, -(-cols // dim), machine.sum_block)
    nodes: list[Node] = [
        step(
            "mvin3", dst=place, src=rows_of(source, cols, rows, cols),
            rows=rows, cols=cols, element_bytes=1, accumulate=int(number > 0),
        )
        for number, source in enumerate(sources)
    ]  # fmt: skip
    nodes.append(step(
        "mvout", pending="pending", dst=rows_of(target, cols, rows, cols), src=place,
        scaled=scaled(machine, target, rows, -(-cols // dim)),
        rows=rows, cols=cols, divide=1, relu=relu, unrolled=0,
    ))  # fmt: skip
    return sequence(*nodes)


def host_cycles(layer: Layer) -> int:
    """Computing time of the host for one element, without memory accesses."""
    if layer.op == "lrn":
        return TRANSCENDENTAL + 2 * max(1, layer.window)
    if layer.op == "maxpool":
        return MOVING * layer.R * layer.S
    return HOST_CYCLES.get(layer.op, ARITHMETIC)


def host_bytes(sizes: Mapping[str, int]) -> dict[str, int]:
    """Sizes of ``input`` and ``output`` for pieces that the host works on."""
    return piece_bytes(sizes, HOST_PIECE)


def lower_host(layer: Layer, at: Mapping[str, Array]) -> Node:
    """Any operator: piece by piece on the host."""
    if has_function(layer):
        return sweep(layer, at, HOST_PIECE, lambda dst, src, elements: step(
            "host", dst=dst, src=src, cycles=elements * host_cycles(layer)
        ))  # fmt: skip
    inputs, outputs = at["input"], at["output"]
    pieces = -(-max(inputs.bytes, outputs.bytes) // HOST_PIECE)
    read, written = inputs.bytes // pieces, outputs.bytes // pieces
    elements = written if layer.op == "maxpool" else max(read, written)

    def work(piece: Affine) -> Node:
        return step(
            "host",
            dst=memory(piece * written + outputs.address, written),
            src=memory(piece * read + inputs.address, read),
            cycles=elements * host_cycles(layer),
        )

    return repeat("e", pieces, work) if pieces > 1 else work(as_affine(0))
