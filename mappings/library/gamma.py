"""Mapping for ``gamma``: units of fused tensor operations, each with a scratchpad and vector registers.

Whatever multiplies or pools runs in blocks (``_blocks``, ``_block_nest``) that are shared out among the units and
cut to fit a scratchpad, twice, so that the next block is fetched while one is worked on. Inside a block,
``_gamma_product`` multiplies tiles, ``_gamma_windows`` runs depthwise convolutions and poolings; ``_gamma_sweep``
does sums, ReLU and copies. Every other operator runs element by element on the general-purpose unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from acadl.errors import SimulationError
from acadl.model import Architecture
from acadl.operations import Instruction
from mappings.layers import KERNELS, MATRIX_PRODUCTS, POOLINGS, Layer
from mappings.library._block_nest import BlockNest
from mappings.library._block_plan import Plan, packed_weights, plan
from mappings.library._blocks import is_channelwise, problem
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
    weight_matrices,
)
from mappings.library._systolic_vector import VectorShape, general_bytes, lower_general
from mappings.program import DataFunction, LoopProgram, Node, sequence
from mappings.registry import mapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState

Arrays: TypeAlias = Mapping[str, Array]
WINDOWS = {"maxpool": "vmax", "avgpool": "vadd", "globalavgpool": "vadd"}
IN_BLOCKS = KERNELS | MATRIX_PRODUCTS | POOLINGS


@mapper("gamma")
def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """``layer`` as tile instructions.

    Raises:
        MappingError: Its operands do not fit into memory, or the description lacks a parameter.
    """
    layer, machine = canonical(layer), gamma(arch)
    at = arrays(layer, arch)
    if layer.op in IN_BLOCKS:
        body = _lower_blocks(layer, at, machine)
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
        matrices, grain = weight_matrices(layer, weights), machine.tile
        if is_channelwise(layer):
            matrices, grain = matrices.transpose(2, 1, 0), layer.C  # one matrix of taps × channels
        contents[at["weights"].address] = packed_weights(_plan(layer, machine), matrices, grain)
    if "bias" in at:
        contents[at["bias"].address] = bias_array(layer, bias)
    return contents


def read_output(layer: Layer, arch: Architecture, state: ArchitecturalState) -> NDArray[Any]:
    """The layer's output, int8, ``(M, N)`` or NCHW."""
    layer = canonical(layer)
    output = arrays(layer, arch)["output"]
    return onnx_layout(layer, state.read_array(output.address, output_shape(layer), "int8"))


def _plan(layer: Layer, machine: Gamma) -> Plan:
    return plan(layer, problem(layer), machine, layer.op not in POOLINGS)


def _lower_blocks(layer: Layer, at: Arrays, machine: Gamma) -> Node:
    nodes = []
    for share, block in _plan(layer, machine).work:
        team, whole = machine.team(share), share.problem
        kernel: ProductKernel | WindowKernel
        if whole.channelwise:
            mean = layer.R * layer.S if layer.op == "avgpool" else layer.H * layer.W
            divide = mean if layer.op in ("avgpool", "globalavgpool") else 1
            kernel = WindowKernel(machine, team, whole, "bias" in at, WINDOWS.get(layer.op, "vmac"), divide)
        else:
            kernel = ProductKernel(machine, team, whole, "bias" in at)
        nodes.append(BlockNest(whole, block, team, kernel, at).lower())
    return sequence(*nodes)


def _vectors(machine: Gamma) -> VectorShape:
    return VectorShape(machine.lanes, machine.vector_bytes, machine.vector_tiles)


def _data_function(name: str) -> DataFunction:
    """The function of ``_systolic_data``, imported (with NumPy) when it is first called."""

    def call(state: Any, instruction: Instruction) -> None:
        from mappings.library._systolic_data import FUNCTIONS

        FUNCTIONS[name](state, instruction)

    return call


def _no_data(state: object, instruction: Instruction) -> None:
    raise SimulationError(
        f"'{instruction.operation}' stands for any operator that runs on the general-purpose unit; "
        "it is modelled in time only"
    )


functions: Mapping[str, DataFunction] = {
    **{
        name: _data_function(name)
        for name in (
            "fetch", "load_a", "load_b", "load_v", "load_bias", "gemm", "vmac", "vadd", "vmax", "store", "store_v",
        )
    },
    "scalar": _no_data,
}  # fmt: skip
