"""Operators on rows of channels for ``oma``: softmax, normalisations, in passes over each row.

Numbers between the passes are integers of 32 bits: powers of e have 16 fractional bits, a deviation (the root
of the mean of squares) comes with the factor 256 · n for rows of n elements. Instructions whose functions the
description cannot say (powers, roots) have them here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp, floor, isqrt, log
from typing import Any, Final

from acadl.operations import Instruction
from mappings.layers import Layer
from mappings.library._memory import Array
from mappings.library._split import repeat
from mappings.program import Affine, DataFunction, Node, Step, as_affine, memory, sequence, step

POWER_ONE: Final = 1 << 16
DEVIATION_ONE: Final = 256

# r0 is what is stored, r1 an element, r3 and r4 what is known of a row.
Body = Callable[[Affine], Node]


def lower_rows(layer: Layer, at: Mapping[str, Array]) -> Node:
    """Row after row; a row is the channels of a pixel."""
    rows = layer.output_elements // layer.C
    make = _ROWS[layer.op]
    return repeat("row", rows, lambda row: make(
        layer, row * layer.C + at["input"].address, row * layer.C + at["output"].address
    ))  # fmt: skip


def _load(register: str, address: Affine) -> Step:
    return step("load", dst=register, src=memory(address, 1))


def _each(name: str, layer: Layer, body: Body) -> Node:
    """A pass over the elements of a row."""
    return repeat(name, layer.C, body)


def _store(address: Affine) -> Step:
    return step("store", dst=memory(address, 1), src="r0")


def _softmax(layer: Layer, source: Affine, target: Affine) -> Node:
    """The maximum, the sum of the powers, and each power's share of it, or the logarithm of that."""

    def power(c: Affine) -> Node:
        relative = step("sub", acc="r0", a="r3")
        return sequence(_load("r0", source + c), relative, step("exp", acc="r0"))

    def share(c: Affine) -> Node:
        return sequence(power(c), step("share", acc="r0", a="r4"), _store(target + c))

    def distance(c: Affine) -> Node:
        return sequence(_load("r0", source + c), step("sub", acc="r0", a="r3"), _store(target + c))

    logarithm = [step("log", acc="r4"), step("add", acc="r3", a="r4")]
    return sequence(
        step("set", dst="r3", value=-128),
        _each("m", layer, lambda c: sequence(_load("r1", source + c), step("max", acc="r3", a="r1"))),
        step("set", dst="r4", value=0),
        _each("e", layer, lambda c: sequence(power(c), step("add", acc="r4", a="r0"))),
        *(logarithm if layer.op == "logsoftmax" else []),
        _each("s", layer, distance if layer.op == "logsoftmax" else share),
    )


def _normalisation(layer: Layer, source: Affine, target: Affine) -> Node:
    """Sum and sum of squares, the deviation, and each element's distance from the mean in it."""
    centred = layer.op == "layernorm"

    def gather(c: Affine) -> Node:
        sums = [step("add", acc="r3", a="r1")] if centred else []
        return sequence(_load("r1", source + c), *sums, step("mac", acc="r4", a="r1", b="r1"))

    def scale(c: Affine) -> Node:
        normalise = step("normalise", acc="r0", a="r3", b="r4", n=layer.C)
        return sequence(_load("r0", source + c), normalise, _store(target + c))

    return sequence(
        step("set", dst="r3", value=0),
        step("set", dst="r4", value=0),
        _each("g", layer, gather),
        step("deviation", acc="r4", a="r3", n=layer.C),
        _each("s", layer, scale),
    )


def _local_response(layer: Layer, source: Affine, target: Affine) -> Node:
    """Each element by the sum of squares of its neighbours; there are fewer of them at both ends."""
    before, after = (layer.window - 1) // 2, layer.window // 2

    def element(c: Affine, first: Affine, count: int) -> Node:
        def square(w: Affine) -> Node:
            return sequence(_load("r1", source + first + w), step("mac", acc="r4", a="r1", b="r1"))

        return sequence(
            step("set", dst="r4", value=0),
            repeat("w", count, square),
            _load("r0", source + c),
            step("respond", acc="r0", a="r4", n=layer.window),
            _store(target + c),
        )

    inner = max(0, layer.C - before - after)
    edges = [c for c in range(layer.C) if not before <= c < before + inner]

    def at_edge(c: int) -> Node:
        first = max(0, c - before)
        return element(as_affine(c), as_affine(first), min(layer.C, c + after + 1) - first)

    return sequence(
        *(at_edge(c) for c in edges if c < before),
        repeat("c", inner, lambda c: element(c + before, c, layer.window)),
        *(at_edge(c) for c in edges if c >= before),
    )


_ROWS: Mapping[str, Callable[[Layer, Affine, Affine], Node]] = {
    "softmax": _softmax,
    "logsoftmax": _softmax,
    "layernorm": _normalisation,
    "rmsnorm": _normalisation,
    "lrn": _local_response,
}


# -- functions on data -------------------------------------------------------------------------------------


def _exp(state: Any, instruction: Instruction) -> None:
    """e to the power acc / 16, for acc up to 0."""
    (register,) = instruction.write_registers
    value = exp(state.read_register(register) / 16)
    state.write_register(register, floor(value * POWER_ONE + 0.5))


def _log(state: Any, instruction: Instruction) -> None:
    """16 · ln(acc / 2¹⁶)."""
    (register,) = instruction.write_registers
    state.write_register(register, floor(16 * log(state.read_register(register) / POWER_ONE) + 0.5))


def _deviation(state: Any, instruction: Instruction) -> None:
    """256 · √(n · acc − a²), for a sum of squares and a sum of n elements."""
    squares, total = (state.read_register(name) for name in instruction.read_registers)
    count = instruction.immediates["n"]
    state.write_register(
        instruction.write_registers[0], isqrt(DEVIATION_ONE**2 * (count * squares - total**2))
    )


def _respond(state: Any, instruction: Instruction) -> None:
    """acc / (1 + 10⁻⁴ / n · a)^0.75."""
    value, squares = (state.read_register(name) for name in instruction.read_registers)
    scale = (1 + 1e-4 / instruction.immediates["n"] * squares) ** 0.75
    state.write_register(instruction.write_registers[0], floor(value / scale + 0.5))


ROW_FUNCTIONS: Mapping[str, DataFunction] = {
    "exp": _exp,
    "log": _log,
    "deviation": _deviation,
    "respond": _respond,
}


def element_function(operator: str) -> DataFunction:
    """What ``scalar`` does for an operator on single elements."""

    def call(state: Any, instruction: Instruction) -> None:
        from mappings.library._general_data import table

        (register,) = instruction.write_registers
        state.write_register(register, table(operator)[state.read_register(register) + 128])

    return call
