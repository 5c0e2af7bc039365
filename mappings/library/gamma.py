"""Mapping for ``gamma``: units of fused tensor operations, each with a scratchpad and vector registers.

Whatever multiplies or pools runs in blocks (``_blocks``, ``_block_nest``) that are shared out among the
units and cut to fit a scratchpad, twice, so that the next block is fetched while one is worked on. Inside a
block, ``_gamma_product`` multiplies tiles, ``_gamma_windows`` runs depthwise convolutions and poolings;
``_gamma_sweep`` does sums, ReLU and copies. Every other operator runs element by element on the
general-purpose unit.
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
from mappings.library._gamma_machine import Gamma, gamma
from mappings.library._gamma_product import ProductKernel
from mappings.library._gamma_sweep import lower_sweep
from mappings.library._gamma_windows import WindowKernel
from mappings.library._general_operators import general_functions
from mappings.library._memory import Array
from mappings.library._nest import simplify
from mappings.library._operands import canonical
from mappings.library._systolic_vector import VectorShape, lower_general
from mappings.program import DataFunction, LoopProgram
from mappings.registry import mapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState


@mapper("gamma")
def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """``layer`` as instructions on tiles.

    Raises:
        MappingError: Its operands do not fit into memory or not one window on the chip, or the description
            lacks a parameter.
    """
    layer, machine = canonical(layer), gamma(arch)
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
    return contents(layer, arrays(layer, arch), gamma(arch), inputs, weights, bias)


def read_output(layer: Layer, arch: Architecture, state: ArchitecturalState) -> NDArray[Any]:
    """The layer's output, int8, ``(M, N)`` or NCHW."""
    return output_of(layer, arrays(layer, arch), state)


def _kernel(task: Task, machine: Gamma) -> Kernel:
    if task.whole.channelwise:
        return WindowKernel(machine, task.team, task.whole, task.has_bias, task.operation, task.divide)
    return ProductKernel(machine, task.team, task.whole, task.has_bias)


def _general_unit(arch: Architecture) -> VectorShape:
    machine = gamma(arch)
    return VectorShape(machine.lanes, machine.vector_bytes, machine.vector_tiles)


functions: Mapping[str, DataFunction] = {
    **data_functions(
        "_systolic_data",
        (
            "fetch", "load_a", "load_b", "load_v", "load_bias", "gemm", "vmac", "vadd", "vmax", "store",
            "store_v",
        ),
    ),
    **timed_only(["scalar"]),
}  # fmt: skip
