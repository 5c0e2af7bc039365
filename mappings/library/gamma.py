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
from mappings.library._block_layers import IN_BLOCKS, KernelOf, block_weights, lower_blocks
from mappings.library._block_nest import Kernel
from mappings.library._block_team import Team
from mappings.library._blocks import Problem
from mappings.library._functions import data_functions, timed_only
from mappings.library._gamma_machine import Gamma, gamma
from mappings.library._gamma_product import ProductKernel
from mappings.library._gamma_sweep import lower_sweep
from mappings.library._gamma_windows import WindowKernel
from mappings.library._memory import Array, main_memory, place
from mappings.library._nest import simplify
from mappings.library._operands import (
    bias_array,
    canonical,
    input_arrays,
    is_copy,
    is_elementwise,
    onnx_layout,
    operand_bytes,
    output_shape,
)
from mappings.library._systolic_vector import VectorShape, general_bytes, lower_general
from mappings.program import DataFunction, LoopProgram
from mappings.registry import mapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState


@mapper("gamma")
def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """``layer`` as tile instructions.

    Raises:
        MappingError: Its operands do not fit into memory, or the description lacks a parameter.
    """
    layer, machine = canonical(layer), gamma(arch)
    at = arrays(layer, arch)
    if layer.op in IN_BLOCKS:
        body = lower_blocks(layer, at, machine, _kernels(machine))
    elif is_elementwise(layer) or is_copy(layer):
        body = lower_sweep(layer, at, machine)
    else:
        body = lower_general(at, _vectors(machine))
    return LoopProgram(simplify(body), arch.operations, f"{layer.name} ({layer.op})", functions)


def arrays(layer: Layer, arch: Architecture) -> dict[str, Array]:
    """Where the layer's arrays lie: ``input``, ``weights``, ``bias``, ``output``, as far as it has them."""
    layer = canonical(layer)
    sizes = operand_bytes(layer)
    if not (layer.op in IN_BLOCKS or is_elementwise(layer) or is_copy(layer)):
        sizes = general_bytes(sizes, _vectors(gamma(arch)))
    return place(layer, main_memory(arch), sizes)


def prepare(
    layer: Layer, arch: Architecture, inputs: Sequence[Any], weights: Any = None, bias: Any = None
) -> dict[int, NDArray[Any]]:
    """Contents of memory before the layer, by address; arrays as ``_operands`` describes them."""
    layer, machine = canonical(layer), gamma(arch)
    at = arrays(layer, arch)
    contents = {at[name].address: array for name, array in input_arrays(layer, inputs).items()}
    if "weights" in at:
        contents[at["weights"].address] = block_weights(layer, machine, weights)
    if "bias" in at:
        contents[at["bias"].address] = bias_array(layer, bias)
    return contents


def read_output(layer: Layer, arch: Architecture, state: ArchitecturalState) -> NDArray[Any]:
    """The layer's output, int8, ``(M, N)`` or NCHW."""
    layer = canonical(layer)
    output = arrays(layer, arch)["output"]
    return onnx_layout(layer, state.read_array(output.address, output_shape(layer), "int8"))


def _kernels(machine: Gamma) -> KernelOf:
    def kernel(whole: Problem, team: Team, has_bias: bool, operation: str, divide: int) -> Kernel:
        if whole.channelwise:
            return WindowKernel(machine, team, whole, has_bias, operation, divide)
        return ProductKernel(machine, team, whole, has_bias)

    return kernel


def _vectors(machine: Gamma) -> VectorShape:
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
