"""Pieces to build mappings from: tiles and loops over them, places in memory, padded images.

>>> split(100, 16)
Split(tile=15, count=6, rest=10)
"""

from __future__ import annotations

from mappings.library._memory import Array, main_memory, parameter, place, stretch
from mappings.library._nest import simplify
from mappings.library._operands import (
    bias_array,
    canonical,
    input_arrays,
    onnx_layout,
    operand_bytes,
    output_shape,
    weight_matrices,
)
from mappings.library._split import Split, Tile, over, repeat, rotating, split
from mappings.library._windows import Region, Windows, mean_regions, windows

__all__ = [
    "Array",
    "Region",
    "Split",
    "Tile",
    "Windows",
    "bias_array",
    "canonical",
    "input_arrays",
    "main_memory",
    "mean_regions",
    "onnx_layout",
    "operand_bytes",
    "output_shape",
    "over",
    "parameter",
    "place",
    "repeat",
    "rotating",
    "simplify",
    "split",
    "stretch",
    "weight_matrices",
    "windows",
]
