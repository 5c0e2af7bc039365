"""Mapping for ``systolic_array``: tiles of a weight-stationary array, a vector unit, a general-purpose unit.

Convolutions and matrix products run on the array (``_systolic_product``); depthwise convolutions, batch
normalisations, poolings, sums, ReLU and concatenations on the vector unit (``_systolic_vector``); every other
operator element by element on the general-purpose unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from acadl.model import Architecture
from mappings.choices import Choice, Space
from mappings.layers import KERNELS, MATRIX_PRODUCTS, POOLINGS, Layer
from mappings.library._functions import data_functions, timed_only
from mappings.library._general_operators import general_functions, has_function
from mappings.library._implicit_product import product
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
from mappings.library._systolic_choices import chosen_tiling, product_space
from mappings.library._systolic_product import ArrayShape, lower_product
from mappings.library._systolic_vector import (
    VectorShape,
    general_bytes,
    is_depthwise,
    lower_elementwise,
    lower_general,
    lower_windows,
    window_tiling,
)
from mappings.library._windows import windows
from mappings.program import DataFunction, LoopProgram, Node
from mappings.registry import mapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState

Arrays: TypeAlias = Mapping[str, Array]


@mapper("systolic_array")
def map_layer(layer: Layer, arch: Architecture, choice: Choice | None = None) -> LoopProgram:
    """``layer`` as tile instructions; ``choice`` out of :func:`choices`.

    Raises:
        MappingError: Its operands do not fit into memory, the choice does not fit the machine, or the
            description lacks a parameter.
    """
    layer = canonical(layer)
    known = general_functions(layer, functions, "scalar")
    lowering, at = _lowering(layer), arrays(layer, arch)
    body = _product(layer, at, arch, choice) if lowering is _product else lowering(layer, at, arch)
    return LoopProgram(simplify(body), arch.operations, f"{layer.name} ({layer.op})", known)


def choices(layer: Layer, arch: Architecture) -> Space:
    """What can be chosen: the tiles and loops of what runs on the array (``_systolic_choices``)."""
    layer = canonical(layer)
    return product_space(product(layer), _array(arch)) if _lowering(layer) is _product else Space()


def arrays(layer: Layer, arch: Architecture) -> dict[str, Array]:
    """Where the layer's arrays lie: ``input``, ``weights``, ``bias``, ``output``, as far as it has them."""
    layer = canonical(layer)
    sizes = operand_bytes(layer)
    if _lowering(layer) is _general and not has_function(layer):
        sizes = general_bytes(sizes, _vector_unit(arch))
    return place(layer, main_memory(arch), sizes)


def prepare(
    layer: Layer,
    arch: Architecture,
    inputs: Sequence[Any],
    weights: Any = None,
    bias: Any = None,
    choice: Choice | None = None,
) -> dict[int, NDArray[Any]]:
    """Contents of memory before the layer, by address; arrays as ``_operands`` describes them."""
    layer = canonical(layer)
    at = arrays(layer, arch)
    given = (general_input if has_function(layer) else input_arrays)(layer, inputs)
    contents = {at[name].address: array for name, array in given.items()}
    if "weights" in at:
        contents[at["weights"].address] = _packed(layer, arch, weight_matrices(layer, weights), choice)
    if "bias" in at:
        contents[at["bias"].address] = bias_array(layer, bias)
    return contents


def read_output(layer: Layer, arch: Architecture, state: ArchitecturalState) -> NDArray[Any]:
    """The layer's output, int8, ``(M, N)`` or NCHW."""
    layer = canonical(layer)
    output = arrays(layer, arch)["output"]
    return onnx_layout(layer, state.read_array(output.address, output_shape(layer), "int8"))


def _lowering(layer: Layer) -> Callable[[Layer, Arrays, Architecture], Node]:
    if is_elementwise(layer) or is_copy(layer):
        return _elementwise
    if is_depthwise(layer):
        return _windows
    return _LOWERINGS.get(layer.op, _general)


def _product(layer: Layer, at: Arrays, arch: Architecture, choice: Choice | None = None) -> Node:
    problem, array = product(layer), _array(arch)
    return lower_product(problem, chosen_tiling(problem, array, choice), at, array)


def _windows(layer: Layer, at: Arrays, arch: Architecture) -> Node:
    return lower_windows(layer, at, _vector_unit(arch))


def _elementwise(layer: Layer, at: Arrays, arch: Architecture) -> Node:
    return lower_elementwise(layer, at, _vector_unit(arch))


def _general(layer: Layer, at: Arrays, arch: Architecture) -> Node:
    return lower_general(layer, at, _vector_unit(arch))


def _array(arch: Architecture) -> ArrayShape:
    names = ("rows", "cols", "stream", "sections", "a_tiles", "b_tiles")
    sizes = {name: parameter(arch, name) for name in names}
    return ArrayShape(**sizes, dataflow=str(arch.parameters["dataflow"]))


def _vector_unit(arch: Architecture) -> VectorShape:
    return VectorShape(*(parameter(arch, name) for name in ("lanes", "vector_bytes", "vector_tiles")))


def _packed(layer: Layer, arch: Architecture, matrices: NDArray[Any], choice: Choice | None) -> NDArray[Any]:
    """Weights in the order in which the nest loads them: tile of columns by tile of columns, each by rows."""
    import numpy as np

    if is_depthwise(layer):
        columns = window_tiling(windows(layer), _vector_unit(arch)).channels
        matrices = matrices.transpose(2, 1, 0)  # one matrix of taps × channels
    else:
        columns = chosen_tiling(product(layer), _array(arch), choice).columns
    pieces = [
        matrix[:, begin : begin + columns.tile].reshape(-1)
        for matrix in matrices
        for begin in range(0, columns.size, columns.tile)
    ]
    return np.concatenate(pieces)


functions: Mapping[str, DataFunction] = {
    **data_functions(
        "_systolic_data",
        (
            "load_a", "load_b", "load_v", "load_bias", "gemm", "collect", "vmac", "vadd", "vmax", "store",
            "store_v",
        ),
    ),
    **timed_only(["scalar"]),
}  # fmt: skip

_LOWERINGS: Mapping[str, Callable[[Layer, Arrays, Architecture], Node]] = {
    **dict.fromkeys(KERNELS | MATRIX_PRODUCTS, _product),
    **dict.fromkeys(POOLINGS, _windows),
}
