"""Operators that a general-purpose unit runs: piece by piece, modelled in time only."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.library._memory import Array
from mappings.library._split import repeat
from mappings.program import Affine, Node, memory, step


def piece_bytes(sizes: Mapping[str, int], piece: int) -> dict[str, int]:
    """Sizes of both arrays rounded up so that they divide into the same number of pieces."""
    pieces = -(-max(sizes.values()) // piece)
    return {name: -(-size // pieces) * pieces for name, size in sizes.items()}


def lower_pieces(operation: str, at: Mapping[str, Array], piece: int) -> Node:
    """``operation(dst, src, n)`` for every piece of arrays as :func:`piece_bytes` makes them."""
    inputs, outputs = at["input"], at["output"]
    pieces = -(-max(inputs.bytes, outputs.bytes) // piece)
    read, written = inputs.bytes // pieces, outputs.bytes // pieces

    def work(number: Affine) -> Node:
        return step(
            operation,
            dst=memory(number * written + outputs.address, written),
            src=memory(number * read + inputs.address, read),
            n=max(read, written),
        )

    return repeat("e", pieces, work)
