"""Products with weights of few bits, on machines whose mapping can unpack them.

A mapping module that can says so beside its mapper:

    PACKED_BITS = (2, 4)                          # widths that it unpacks; 8 bits need no unpacking
    def map_packed(layer, arch, bits)             # a matrix product whose weights have so many
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

from acadl.model import Architecture
from mappings.layers import Layer
from mappings.program import LoopProgram
from mappings.registry import MappingError, check_layer, find_mapper

WHOLE = 8  # bits of an unpacked weight


def packed_bits(arch: Architecture) -> tuple[int, ...]:
    """Widths of weights that there are on ``arch``, 8 included, from the narrowest on.

    Raises:
        MappingError: There is no mapping, or it unpacks nothing.
    """
    module = _module(arch)
    found = getattr(module, "PACKED_BITS", ())
    if not found or not hasattr(module, "map_packed"):
        raise MappingError(
            f"the mapping of '{arch.name}' knows weights of {WHOLE} bits only; one that unpacks others "
            f"has PACKED_BITS and map_packed, as that of 'simd' has"
        )
    return tuple(sorted({*found, WHOLE}))


def map_bits(layer: Layer, arch: Architecture, bits: int) -> LoopProgram:
    """A layer whose weights have so many bits.

    Raises:
        MappingError: There is no mapping, or it cannot run the layer so.
    """
    mapper = find_mapper(arch.name)
    check_layer(layer)
    if bits == WHOLE:
        return mapper(layer, arch)
    known = packed_bits(arch)
    if bits not in known:
        raise MappingError(f"'{arch.name}' has weights of {', '.join(map(str, known))} bits; got {bits}")
    packed: Callable[[Layer, Architecture, int], LoopProgram] = _module(arch).map_packed
    return packed(layer, arch, bits)


def _module(arch: Architecture) -> ModuleType:
    mapper = find_mapper(arch.name)
    return sys.modules[mapper.__module__]
