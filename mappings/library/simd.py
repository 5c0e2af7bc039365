"""Mapping for ``simd``: vector instructions, and a scalar unit for what there is none.

Convolutions and matrix products (``_simd_product``), depthwise convolutions, poolings, sums, ReLU and
copies (``_simd_windows``) run on the vector unit; every other operator on the scalar unit. ``docs/simd.md``
describes all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from acadl.model import Architecture
from mappings.layers import KERNELS, MATRIX_PRODUCTS, POOLINGS, Layer
from mappings.library._functions import data_functions, timed_only
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
    is_copy,
    is_elementwise,
    onnx_layout,
    operand_bytes,
    output_shape,
    weight_matrices,
)
from mappings.library._simd_product import VectorUnit, lower_packed, lower_product
from mappings.library._simd_windows import lower_elementwise, lower_windows
from mappings.library._split import split
from mappings.library._systolic_vector import is_depthwise
from mappings.program import DataFunction, LoopProgram, Node
from mappings.registry import MappingError, mapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState

Arrays: TypeAlias = Mapping[str, Array]

SCALAR_PIECE = 4096  # bytes that the scalar unit works on at a time


@mapper("simd")
def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """``layer`` as vector instructions.

    Raises:
        MappingError: Its operands do not fit into memory, or the description lacks a parameter.
    """
    layer = canonical(layer)
    body = _lowering(layer)(layer, arrays(layer, arch), vector_unit(arch))
    known = general_functions(layer, functions, "scalar")
    return LoopProgram(simplify(body), arch.operations, f"{layer.name} ({layer.op})", known)


PACKED_BITS = (2, 4)  # of a weight; 8 is a byte of its own


def map_packed(layer: Layer, arch: Architecture, bits: int) -> LoopProgram:
    """A matrix product whose weights have few bits, with signs, and are unpacked in registers.

    Arrays lie where :func:`arrays` has them; the weights take a part of their place.

    Raises:
        MappingError: It is none, its weights have other bits, or the machine is too small.
    """
    layer, unit = canonical(layer), vector_unit(arch)
    if layer.op not in MATRIX_PRODUCTS or layer.gemm_batch > 1:
        raise MappingError(
            f"layer '{layer.name}' ({layer.op}): matrix products with one matrix of weights are packed"
        )
    if bits not in PACKED_BITS:
        raise MappingError(f"layer '{layer.name}': weights of {bits} bits; 'simd' unpacks {PACKED_BITS}")
    if unit.lanes < 8 // bits or unit.weight_registers < 2:
        raise MappingError(f"{bits} bits need {8 // bits} lanes and 2 weight registers or more")
    body = lower_packed(layer, arrays(layer, arch), unit, bits)
    return LoopProgram(simplify(body), arch.operations, f"{layer.name} ({layer.op}, {bits} bits)", functions)


def prepare_packed(
    layer: Layer, arch: Architecture, bits: int, inputs: Sequence[Any], weights: Any, bias: Any = None
) -> dict[int, NDArray[Any]]:
    """Contents of memory before :func:`map_packed`; ``weights`` [K, N] from -2^(bits-1) to 2^(bits-1) - 1."""
    import numpy as np

    layer = canonical(layer)
    at = arrays(layer, arch)
    contents = {at[name].address: array for name, array in input_arrays(layer, inputs).items()}
    fields = 8 // bits
    (matrix,) = weight_matrices(layer, weights)
    rows = np.pad(matrix, ((0, -layer.gemm_K % fields), (0, 0))).astype(np.uint8) & ((1 << bits) - 1)
    shifts = bits * np.arange(fields, dtype=np.uint8)[None, :, None]
    joined = np.bitwise_or.reduce(rows.reshape(-1, fields, layer.gemm_N) << shifts, axis=1).view(np.int8)
    contents[at["weights"].address] = _packed(layer, vector_unit(arch), joined[None])
    if "bias" in at:
        contents[at["bias"].address] = bias_array(layer, bias)
    return contents


def vector_unit(arch: Architecture) -> VectorUnit:
    """The machine as the mapping sees it. Raises :class:`MappingError` if a parameter is missing."""
    return VectorUnit(*(parameter(arch, name) for name in VectorUnit.__slots__))


def arrays(layer: Layer, arch: Architecture) -> dict[str, Array]:
    """Where the layer's arrays lie: ``input``, ``weights``, ``bias``, ``output``, as far as it has them."""
    layer = canonical(layer)
    sizes = operand_bytes(layer)
    if _lowering(layer) is _scalar:
        sizes = general_bytes(layer, sizes, SCALAR_PIECE)
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
        matrices = weight_matrices(layer, weights)
        contents[at["weights"].address] = _packed(layer, vector_unit(arch), matrices)
    if "bias" in at:
        contents[at["bias"].address] = bias_array(layer, bias)
    return contents


def read_output(layer: Layer, arch: Architecture, state: ArchitecturalState) -> NDArray[Any]:
    """The layer's output, int8, ``(M, N)`` or NCHW."""
    layer = canonical(layer)
    output = arrays(layer, arch)["output"]
    return onnx_layout(layer, state.read_array(output.address, output_shape(layer), "int8"))


def _packed(layer: Layer, unit: VectorUnit, matrices: NDArray[Any]) -> NDArray[Any]:
    """Weights in the order of their use: vector of output channels by vector, each along the reduction."""
    import numpy as np

    if is_depthwise(layer):
        matrices = matrices.transpose(2, 1, 0)  # one matrix of taps × channels
    columns = split(matrices.shape[2], unit.lanes)
    pieces = [
        matrix[:, begin : begin + columns.tile].reshape(-1)
        for matrix in matrices
        for begin in range(0, columns.size, columns.tile)
    ]
    return np.concatenate(pieces)


def _scalar(layer: Layer, at: Arrays, unit: VectorUnit) -> Node:
    return lower_general(layer, "scalar", at, SCALAR_PIECE)


def _lowering(layer: Layer) -> Callable[[Layer, Arrays, VectorUnit], Node]:
    if is_elementwise(layer) or is_copy(layer):
        return lower_elementwise
    if is_depthwise(layer) or layer.op in POOLINGS:
        return lower_windows
    return lower_product if layer.op in KERNELS | MATRIX_PRODUCTS else _scalar


functions: Mapping[str, DataFunction] = {
    **data_functions(
        "_simd_data",
        ("vload", "vload_sums", "vset", "vmac_lane", "vmac", "vadd", "vmax", "vdivide", "vunpack", "vstore"),
    ),
    **timed_only(["scalar"]),
}
