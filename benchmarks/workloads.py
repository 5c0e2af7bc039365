"""Accelerators as they are found, and programs of a wanted size for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import mappings
import platforms
from acadl.model import Architecture
from aidg.prepared import Block, Prepared
from mappings.layers import Layer
from mappings.program import LoopProgram
from mappings.registry import MappingError, mapper_names
from platforms.catalog import platform_names


def accelerators() -> Iterator[tuple[str, Architecture]]:
    """Shipped descriptions whose mapping runs layers."""
    for name in platform_names():
        arch = platforms.load(name)
        if name in mapper_names() and _mapped(_LAYERS["gemm"](1), arch) is not None:
            yield name, arch


def _image(op: str, size: int, **more: Any) -> Layer:
    channels = 8 * size
    return Layer(name=op, op=op, C=channels, K=channels, H=12 + 2 * size, W=12 + 2 * size, **more)


_LAYERS: dict[str, Callable[[int], Layer]] = {
    "gemm": lambda n: Layer(name="gemm", op="gemm", gemm_M=8 * n, gemm_N=8 * n, gemm_K=8 * n),
    "conv": lambda n: _image("conv", n, R=3, S=3, pad_h=1, pad_w=1),
    "dwconv": lambda n: _image("dwconv", n, R=3, S=3, pad_h=1, pad_w=1, groups=8 * n),
    "maxpool": lambda n: _image("maxpool", n, R=2, S=2, stride_h=2, stride_w=2),
    "add": lambda n: _image("add", n, operands=2),
}


def programs(arch: Architecture, most: int) -> Iterator[tuple[str, LoopProgram]]:
    """Per operator that it runs: the largest program of a growing layer, up to ``most`` instructions."""
    for operator, layer in _LAYERS.items():
        best: LoopProgram | None = None
        size = 1
        while (program := _mapped(layer(size), arch)) is not None and program.instruction_count <= most:
            best = program
            size += max(1, size // 3)
        if best is not None:
            yield operator, best


def _mapped(layer: Layer, arch: Architecture) -> LoopProgram | None:
    try:
        return mappings.map_layer(layer, arch)
    except MappingError:
        return None


def zoo_layers(arch: Architecture, networks: tuple[str, ...]) -> Iterator[tuple[str, str, LoopProgram]]:
    """Layers of networks that make distinct programs: network, layer, program."""
    seen: set[str] = set()
    for network in networks:
        for layer in mappings.load_network(network).layers:
            program = _mapped(layer, arch)
            if program is not None and repr(program.body) not in seen:
                seen.add(repr(program.body))
                yield network, layer.name, program


def nodes(tree: Prepared) -> int:
    """Instructions at an object: the fetch stage, every stage on the way, the unit."""
    if isinstance(tree, Block):
        return sum(1 + len(row.objects) for row in tree.rows)
    if isinstance(tree, tuple):
        return sum(map(nodes, tree))
    return tree.count * nodes(tree.body)


def accesses(tree: Prepared) -> int:
    """Operands in storages, which are nodes of the explicit graph, too."""
    if isinstance(tree, Block):
        return sum(len(row.accesses) for row in tree.rows)
    if isinstance(tree, tuple):
        return sum(map(accesses, tree))
    return tree.count * accesses(tree.body)
