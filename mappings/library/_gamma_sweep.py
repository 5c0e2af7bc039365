"""Operators without windows on ``gamma``: ReLU, sums of tensors, copies."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.layers import Layer
from mappings.library._gamma_machine import Gamma
from mappings.library._gamma_product import BANKS
from mappings.library._memory import Array
from mappings.library._operands import input_name
from mappings.library._split import Tile, over, rotating, shares_of, split
from mappings.program import Affine, Node, Register, Step, as_affine, memory, sequence, step


def lower_sweep(layer: Layer, at: Mapping[str, Array], machine: Gamma) -> Node:
    """All elements, one vector after another, each unit taking its turn."""
    operands = layer.operands if layer.op == "add" else 1
    size = at["output"].bytes
    vector = min(machine.vector_bytes, machine.buffer_bytes)
    rounds = split(size, vector * machine.units, machine.units)

    def one(part: Tile) -> Node:
        shares = shares_of(part.size, machine.units)
        nodes: list[Step] = []
        for operand in range(operands):
            number = part.number * operands + operand
            for unit, (first, count) in enumerate(shares):
                source = part.offset + (at[input_name(operand)].address + first)
                nodes += _take(machine, unit, number, source, count, part.number)
        for unit, (first, count) in enumerate(shares):
            target = memory(part.offset + (at["output"].address + first), count)
            nodes.append(step(
                "store_v", dst=target, acc=_sum(part.number, unit), bias="no_bias", column=0, divide=1,
                relu=int(layer.op == "relu"),
            ))  # fmt: skip
        return sequence(*nodes)

    return over("e", rounds, one)


def _take(
    machine: Gamma, unit: int, number: Affine, source: Affine, count: int, vector: Affine
) -> list[Step]:
    """Elements of one operand through scratchpad and register into a sum."""
    place = memory(machine.input_address(unit, rotating(number, 2)), count)
    values = Register("v", rotating(number, machine.vector_tiles) + unit * machine.vector_tiles)
    return [
        step("fetch", dst=place, src=memory(source, count)),
        step("load_v", dst=values, src=place),
        step(
            "vadd", acc=_sum(vector, unit), v=values,
            outputs=1, taps=1, channels=count, stride=1, dilation=1,
        ),
    ]  # fmt: skip


def _sum(vector: Affine, unit: int) -> Register:
    return Register("vacc", rotating(as_affine(vector), BANKS) + BANKS * unit)
