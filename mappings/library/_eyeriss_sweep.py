"""Operators without windows on ``eyeriss``: ReLU, sums of tensors, copies.

The array takes in each operand as a pooling with windows of one element does, into the same sums.
"""

from __future__ import annotations

from collections.abc import Mapping

from mappings.layers import Layer
from mappings.library._eyeriss_machine import Eyeriss
from mappings.library._eyeriss_passes import BANKS
from mappings.library._memory import Array
from mappings.library._operands import input_name
from mappings.library._split import Tile, over, rotating, split
from mappings.program import Node, Register, Step, as_affine, memory, sequence, step


def lower_sweep(layer: Layer, at: Mapping[str, Array], machine: Eyeriss) -> Node:
    """All elements, as many at a time as a buffer for inputs and one for sums hold."""
    operands = layer.operands if layer.op == "add" else 1
    size = at["output"].bytes

    def one(part: Tile) -> Node:
        sums = Register("ps", rotating(as_affine(part.number), BANKS) * machine.psum_sections)
        nodes: list[Step] = []
        for operand in range(operands):
            slot = rotating(part.number * operands + operand, 2)
            place = memory(machine.input_address(slot), part.size)
            source = memory(part.offset + at[input_name(operand)].address, part.size)
            nodes.append(step("fetch", dst=place, src=source))
            nodes.append(step(
                "pool_sum", psum=sums, ifmap=place, rows=1, pixels=part.size, columns=1, channels=1,
                taps_h=1, taps_w=1, row_step=1, pixel_step=1, tap_row_step=1, tap_step=1, pitch=part.size,
                width=-(-part.size // (machine.rows * machine.cols)), filters=1, planes=1, sums=part.size,
            ))  # fmt: skip
        target = memory(part.offset + at["output"].address, part.size)
        nodes.append(step(
            "store", dst=target, psum=sums, bias="no_bias", column=0, first=0, last=1, divide=1,
            relu=int(layer.op == "relu"),
        ))  # fmt: skip
        return sequence(*nodes)

    return over("e", split(size, min(machine.input_bytes, machine.sums)), one)
