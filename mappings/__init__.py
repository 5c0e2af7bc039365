"""Networks, layers, and the mappings that turn a layer into a loop program for an accelerator.

>>> import mappings
>>> mappings.load_network("alexnet").macs
714188480
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mappings.attention_layers import attention
    from mappings.layers import Layer
    from mappings.network import Network, Note, load_network, network_names
    from mappings.program import (
        Affine,
        Loop,
        LoopProgram,
        Memory,
        Register,
        Replay,
        Sequence,
        Step,
        index,
        loop,
        memory,
        sequence,
        step,
    )
    from mappings.registry import Mapper, MappingError, map_layer, mapper, mapper_names, unsupported

__all__ = [
    "Affine",
    "Layer",
    "Loop",
    "LoopProgram",
    "Mapper",
    "MappingError",
    "Memory",
    "Network",
    "Note",
    "Register",
    "Replay",
    "Sequence",
    "Step",
    "attention",
    "index",
    "load_network",
    "loop",
    "map_layer",
    "mapper",
    "mapper_names",
    "memory",
    "network_names",
    "sequence",
    "step",
    "unsupported",
]

_MODULES = {
    "mappings.attention_layers": ("attention",),
    "mappings.layers": ("Layer",),
    "mappings.network": ("Network", "Note", "load_network", "network_names"),
    "mappings.program": (
        *("Affine", "Loop", "LoopProgram", "Memory", "Register", "Replay", "Sequence", "Step"),
        *("index", "loop", "memory", "sequence", "step"),
    ),
    "mappings.registry": ("Mapper", "MappingError", "map_layer", "mapper", "mapper_names", "unsupported"),
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'mappings' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
