"""Gemmini machines on which small layers have full tiles, ragged ones and shared ones."""

from __future__ import annotations

from functools import cache

import acadl
from acadl.model import Architecture, MemoryInterface
from acadl.operations import AddressRange
from mappings.library._memory import Array
from tests.mappings.cases import LIBRARY

# The tiny one has the smallest memories that are allowed.
MACHINES: dict[str, dict[str, int]] = {
    "16x16": {},
    "8x8": {"dim": 8, "bus_bytes": 4, "scratchpad_bytes": 16 << 10, "accumulator_bytes": 4 << 10},
    "4x4": {"dim": 4, "bus_bytes": 8, "scratchpad_bytes": 1024, "accumulator_bytes": 256, "mem_latency": 40},
}


# Machines whose commands are taken apart into rows.
MACHINES_BY_ROWS = {
    "16x16 by rows": {"by_rows": True},
    "8x8 by rows": {**MACHINES["8x8"], "by_rows": True},
}


@cache
def gemmini(name: str = "16x16") -> Architecture:
    """One of ``MACHINES``."""
    return acadl.load(str(LIBRARY / "gemmini.acadl"), **(MACHINES | MACHINES_BY_ROWS)[name])


def with_parameters(**parameters: int) -> Architecture:
    """Gemmini with other parameters."""
    return acadl.load(str(LIBRARY / "gemmini.acadl"), **parameters)


def owner(arch: Architecture, arrays: dict[str, Array], piece: AddressRange) -> str:
    """The array or local memory that holds the whole range; empty where none does."""
    for name, array in arrays.items():
        if array.address <= piece.start and piece.end <= array.end:
            return name
    for memory in arch.of_type(MemoryInterface):
        local = memory.name.partition("[")[0]
        if local in ("scratchpad", "accumulator", "scale_unit") and memory.holds(piece.start, piece.end):
            return local
    return ""
