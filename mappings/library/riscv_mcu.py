"""Mapping for ``riscv_mcu``: layers as the loop nests that a compiler makes of them.

What a nest computes is said in ``_scalar_nest``, its instructions, those for loops and addresses included, in
``_riscv_code``. Operators without such a nest are routines whose time is per element. ``docs/riscv_mcu.md``
describes all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from acadl.model import Architecture
from mappings.layers import Layer
from mappings.library._functions import timed_only
from mappings.library._general_operators import (
    general_bytes,
    general_functions,
    has_function,
    lower_general,
)
from mappings.library._memory import Array, main_memory, parameter, place
from mappings.library._nest import simplify
from mappings.library._operands import (
    bias_array,
    canonical,
    general_input,
    input_arrays,
    onnx_layout,
    operand_bytes,
    output_shape,
    weight_matrices,
)
from mappings.library._riscv_code import RiscvCode
from mappings.library._scalar_nest import has_nest, lower
from mappings.program import DataFunction, LoopProgram, Node, sequence
from mappings.registry import mapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState

ROUTINE_PIECE = 4096  # bytes that a routine works on at a time


@mapper("riscv_mcu")
def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """``layer`` as RISC-V instructions.

    Raises:
        MappingError: Its operands do not fit into memory, or the description lacks a parameter.
    """
    layer = canonical(layer)
    at = arrays(layer, arch)
    body: Node
    if has_nest(layer):
        code = RiscvCode(parameter(arch, "unroll"))
        body = sequence(code.prologue(list(at)), lower(layer, at, code))
    else:
        body = lower_general(layer, "scalar", at, ROUTINE_PIECE)
    known = general_functions(layer, functions, "scalar")
    return LoopProgram(simplify(body), arch.operations, f"{layer.name} ({layer.op})", known)


def arrays(layer: Layer, arch: Architecture) -> dict[str, Array]:
    """Where the layer's arrays lie: ``input``, ``weights``, ``bias``, ``output``, as far as it has them."""
    layer = canonical(layer)
    sizes = operand_bytes(layer)
    if not has_nest(layer):
        sizes = general_bytes(layer, sizes, ROUTINE_PIECE)
    return place(layer, main_memory(arch), sizes)


def prepare(
    layer: Layer, arch: Architecture, inputs: Sequence[Any], weights: Any = None, bias: Any = None
) -> dict[int, NDArray[Any]]:
    """Contents of memory before the layer, by address; arrays as ``_operands`` describes them."""
    layer = canonical(layer)
    at = arrays(layer, arch)
    given = (general_input if has_function(layer) else input_arrays)(layer, inputs)
    contents = {at[name].address: array for name, array in given.items()}
    if "weights" in at:
        # one row per output channel, so that both operands of a product lie in the order of their use
        contents[at["weights"].address] = weight_matrices(layer, weights).transpose(0, 2, 1)
    if "bias" in at:
        contents[at["bias"].address] = bias_array(layer, bias)
    return contents


def read_output(layer: Layer, arch: Architecture, state: ArchitecturalState) -> NDArray[Any]:
    """The layer's output, int8, ``(M, N)`` or NCHW."""
    layer = canonical(layer)
    output = arrays(layer, arch)["output"]
    return onnx_layout(layer, state.read_array(output.address, output_shape(layer), "int8"))


# The description gives the functions of all other instructions.
functions: Mapping[str, DataFunction] = timed_only(["scalar"])
