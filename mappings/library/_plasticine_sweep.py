"""Operators without windows on ``plasticine``: ReLU, sums of tensors, copies."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.layers import Layer
from mappings.library._memory import Array
from mappings.library._operands import input_name
from mappings.library._plasticine_machine import Plasticine
from mappings.library._plasticine_patterns import BANKS
from mappings.library._split import Tile, over, rotating, shares_of, split
from mappings.program import Node, Register, Step, as_affine, memory, sequence, step


def lower_sweep(layer: Layer, at: Mapping[str, Array], machine: Plasticine) -> Node:
    """All elements, a tile of outputs after another, each unit taking its turn."""
    operands = layer.operands if layer.op == "add" else 1
    vector = min(machine.sums, machine.input_bytes)

    def one(part: Tile) -> Node:
        shares = shares_of(part.size, machine.units)
        sums = [
            Register("acc", rotating(as_affine(part.number), BANKS) + BANKS * unit)
            for unit in range(len(shares))
        ]
        nodes: list[Step] = []
        for operand in range(operands):
            slot = rotating(part.number * operands + operand, 2)
            for unit, (first, count) in enumerate(shares):
                place = memory(machine.input_address(unit, slot), count)
                source = memory(part.offset + (at[input_name(operand)].address + first), count)
                nodes.append(step("load", dst=place, src=source))
                nodes.append(step(
                    "vadd", acc=sums[unit], v=place, outputs=1, taps=1, channels=count, stride=1, dilation=1,
                    hops=1,
                ))  # fmt: skip
        for unit, (first, count) in enumerate(shares):
            target = memory(part.offset + (at["output"].address + first), count)
            nodes.append(step(
                "store", dst=target, acc=sums[unit], bias="no_bias", column=0, divide=1,
                relu=int(layer.op == "relu"),
            ))  # fmt: skip
        return sequence(*nodes)

    rounds = split(at["output"].bytes, vector * machine.units, machine.units)
    return over("e", rounds, one)
