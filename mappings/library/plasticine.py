"""Mapping for ``plasticine``: pattern compute and memory units on a grid, address generators, a host.

Whatever multiplies or pools runs in blocks (``_blocks``, ``_block_nest``) that are cut to fit the memory
units, twice, so that the next block is loaded while one is worked on; ``_plasticine_machine`` shares them out
over the grid, ``_plasticine_patterns`` runs them tile by tile. ``_plasticine_sweep`` does sums, ReLU and
copies. Every other operator runs element by element on the host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from acadl.model import Architecture
from mappings.layers import Layer
from mappings.library._block_layers import (
    IN_BLOCKS,
    Task,
    contents,
    is_general,
    lower_blocks,
    output_of,
    placed,
)
from mappings.library._block_nest import Kernel
from mappings.library._functions import data_functions, timed_only
from mappings.library._general_operators import general_functions
from mappings.library._memory import Array, parameter
from mappings.library._nest import simplify
from mappings.library._operands import canonical
from mappings.library._plasticine_machine import Plasticine, plasticine
from mappings.library._plasticine_patterns import PatternKernel
from mappings.library._plasticine_sweep import lower_sweep
from mappings.library._systolic_vector import VectorShape, lower_general
from mappings.program import DataFunction, LoopProgram
from mappings.registry import mapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState


@mapper("plasticine")
def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """``layer`` as runs of patterns.

    Raises:
        MappingError: Its operands do not fit into memory or not one window on the chip, or the description
            lacks a parameter.
    """
    layer, machine = canonical(layer), plasticine(arch)
    at = arrays(layer, arch)
    if layer.op in IN_BLOCKS:
        body = lower_blocks(layer, at, machine, lambda task: _kernel(task, machine))
    elif is_general(layer):
        body = lower_general(layer, at, _general_unit(arch))
    else:
        body = lower_sweep(layer, at, machine)
    known = general_functions(layer, functions, "scalar")
    return LoopProgram(simplify(body), arch.operations, f"{layer.name} ({layer.op})", known)


def arrays(layer: Layer, arch: Architecture) -> dict[str, Array]:
    """Where the layer's arrays lie: ``input``, ``weights``, ``bias``, ``output``, as far as it has them."""
    return placed(layer, arch, _general_unit(arch))


def prepare(
    layer: Layer, arch: Architecture, inputs: Sequence[Any], weights: Any = None, bias: Any = None
) -> dict[int, NDArray[Any]]:
    """Contents of memory before the layer, by address; arrays as ``_operands`` describes them."""
    return contents(layer, arrays(layer, arch), plasticine(arch), inputs, weights, bias)


def read_output(layer: Layer, arch: Architecture, state: ArchitecturalState) -> NDArray[Any]:
    """The layer's output, int8, ``(M, N)`` or NCHW."""
    return output_of(layer, arrays(layer, arch), state)


def _kernel(task: Task, machine: Plasticine) -> Kernel:
    return PatternKernel(machine, task.team, task.whole, task.has_bias, task.operation, task.divide)


def _general_unit(arch: Architecture) -> VectorShape:
    return VectorShape(1, parameter(arch, "scalar_bytes"), 1)


functions: Mapping[str, DataFunction] = {
    **data_functions("_plasticine_data", ("load", "load_bias", "dot", "vmac", "vadd", "vmax", "store")),
    **timed_only(["scalar"]),
}
