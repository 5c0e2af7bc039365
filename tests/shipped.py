"""Shipped platforms by what they run."""

from __future__ import annotations

from acadl.model import Architecture
from mappings.layers import Layer
from mappings.program import LoopProgram
from mappings.registry import MappingError, map_layer
from platforms.catalog import platform_names

# run compiled programs
PROCESSORS = ("picorv32",)
# run layers of networks
ACCELERATORS = tuple(name for name in platform_names() if name not in PROCESSORS)
# no general-purpose unit: what they cannot run is an error
NARROW = {
    "axis_sa": "matrix products and convolutions",
    "ultratrail": "one-dimensional networks within the limits of the machine",
}


def mapped(layer: Layer, arch: Architecture) -> LoopProgram | None:
    """The layer's program; ``None`` where a machine of ``NARROW`` refuses it."""
    try:
        return map_layer(layer, arch)
    except MappingError:
        if arch.name in NARROW:
            return None
        raise
