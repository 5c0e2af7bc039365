"""Mapping for ``gemmini``: commands that move blocks, preload weights and multiply.

Convolutions, matrix products and averages over windows run as matrix products (``_gemmini_product``,
``_gemmini_nest``), sums and ReLU through the accumulator (``_gemmini_elementwise``), maxima on the way out
of it (``_gemmini_pool``); every other operator on the host. ``docs/gemmini.md`` describes all of it.

Cases for ``acadl validate`` with a column ``variant`` are programs of commands (``_gemmini_cases``); others
are layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from acadl.errors import SimulationError
from acadl.model import Architecture
from acadl.operations import Instruction
from mappings.cases import Case, case_mapper, layer_of
from mappings.choices import Choice, Space
from mappings.layers import KERNELS, MATRIX_PRODUCTS, Layer
from mappings.library._gemmini_cases import command_program
from mappings.library._gemmini_choices import chosen_plan, product_space
from mappings.library._gemmini_elementwise import host_bytes, lower_elementwise, lower_host
from mappings.library._gemmini_machine import configure, finish, machine, memory_named
from mappings.library._gemmini_nest import Finish, lower_product
from mappings.library._gemmini_pool import lower_global_average, lower_max_pool, ones_bytes, pool_tiling
from mappings.library._gemmini_product import bias_bytes, mean_products, products, weight_bytes
from mappings.library._gemmini_tiling import plan
from mappings.library._general_operators import general_functions, has_function
from mappings.library._memory import Array, place
from mappings.library._nest import simplify
from mappings.library._operands import (
    canonical,
    general_input,
    input_arrays,
    is_copy,
    is_elementwise,
    onnx_layout,
    operand_bytes,
    output_shape,
)
from mappings.library._windows import windows
from mappings.program import DataFunction, LoopProgram, Node, sequence
from mappings.registry import mapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState

Arrays: TypeAlias = Mapping[str, Array]

_PRODUCTS = KERNELS | MATRIX_PRODUCTS | {"avgpool"}


@mapper("gemmini")
def map_layer(layer: Layer, arch: Architecture, choice: Choice | None = None) -> LoopProgram:
    """``layer`` as Gemmini commands; ``choice`` out of :func:`choices`.

    Raises:
        MappingError: Its operands do not fit into memory, the choice does not fit the machine, or the
            description is no Gemmini.
    """
    at, name = arrays(layer, arch), f"{layer.name} ({layer.op})"
    layer = canonical(layer)
    body: Node
    if _on_array(layer, arch):
        body = sequence(*configure(), _lower(layer, at, arch, choice), *finish())
    else:
        body = lower_host(layer, at)
    return LoopProgram(simplify(body), arch.operations, name, general_functions(layer, functions, "host"))


@case_mapper("gemmini", by_rows=True)
def map_case(case: Case, arch: Architecture) -> LoopProgram:
    """A row of a table of measurements: the commands of its ``variant``, or those of a layer.

    Raises:
        MappingError: A column is missing or holds what makes no sense, or the machine is too small.
    """
    if "variant" in case.cells:
        return command_program(case, arch)
    return map_layer(layer_of(case), arch)


def choices(layer: Layer, arch: Architecture) -> Space:
    """What can be chosen: the tiles, loops and dataflow of matrix products (``_gemmini_choices``)."""
    layer, sizes = canonical(layer), machine(arch)
    if layer.op not in _PRODUCTS or layer.op == "avgpool":
        return Space()
    return product_space(products(layer, sizes.dim)[0], sizes)


def _lower(layer: Layer, at: Arrays, arch: Architecture, choice: Choice | None) -> Node:
    sizes = machine(arch)
    if layer.op == "avgpool":
        means = [(part, Finish(divide=taps)) for part, taps in mean_products(layer, sizes.dim)]
        return sequence(*(lower_product(part, plan(part, sizes), at, sizes, end) for part, end in means))
    if layer.op in _PRODUCTS:
        parts = [(part, chosen_plan(part, sizes, choice)) for part in products(layer, sizes.dim)]
        return sequence(*(lower_product(*part, at, sizes, Finish(layer.bias)) for part in parts))
    if layer.op == "globalavgpool":
        return lower_global_average(layer, at, sizes)
    if layer.op == "maxpool":
        tiles = pool_tiling(windows(layer), sizes)
        assert tiles is not None  # otherwise the layer runs on the host
        return lower_max_pool(layer, at, sizes, tiles)
    operands = 1 if is_copy(layer) else layer.operands
    return lower_elementwise(at, sizes, operands, int(layer.op == "relu"))


def _on_array(layer: Layer, arch: Architecture) -> bool:
    """Whether Gemmini runs the layer; the host runs the others."""
    if layer.op == "maxpool":
        return pool_tiling(windows(layer), machine(arch)) is not None
    return layer.op in _PRODUCTS or layer.op == "globalavgpool" or is_elementwise(layer) or is_copy(layer)


def arrays(layer: Layer, arch: Architecture) -> dict[str, Array]:
    """Where the layer's arrays lie: ``input``, ``weights``, ``bias``, ``output``, as far as it has them.

    Weights and bias are filled up with zeros to whole blocks; a product always has a bias.
    """
    layer = canonical(layer)
    sizes, dim = operand_bytes(layer), machine(arch).dim
    if layer.op in _PRODUCTS:
        extra = {"weights": weight_bytes(layer, dim), "bias": bias_bytes(layer, dim)}
        sizes = {"input": sizes["input"], **extra, "output": sizes["output"]}
    elif layer.op == "globalavgpool":
        sizes = {**sizes, "weights": ones_bytes(machine(arch))}
    elif not _on_array(layer, arch) and not has_function(layer):
        sizes = host_bytes(sizes)
    return place(layer, memory_named(arch, "memory"), sizes)


def prepare(
    layer: Layer,
    arch: Architecture,
    inputs: Sequence[Any],
    weights: Any = None,
    bias: Any = None,
    choice: Choice | None = None,
) -> dict[int, NDArray[Any]]:
    """Contents of memory before the layer, by address; arrays as ``_operands`` describes them."""
    from mappings.library._gemmini_arrays import constants

    at, layer = arrays(layer, arch), canonical(layer)
    given = (general_input if has_function(layer) else input_arrays)(layer, inputs)
    contents = {at[name].address: array for name, array in given.items()}
    for name, array in constants(layer, machine(arch), weights, bias, choice).items():
        contents[at[name].address] = array
    return contents


def read_output(layer: Layer, arch: Architecture, state: ArchitecturalState) -> NDArray[Any]:
    """The layer's output, int8, ``(M, N)`` or NCHW."""
    output, layer = arrays(layer, arch)["output"], canonical(layer)
    return onnx_layout(layer, state.read_array(output.address, output_shape(layer), "int8"))


def _data_function(name: str) -> DataFunction:
    """The function of ``_gemmini_data``, which needs NumPy, imported when the first command is executed."""

    def call(state: Any, instruction: Instruction) -> None:
        from mappings.library._gemmini_data import FUNCTIONS

        FUNCTIONS[name](state, instruction)

    return call


def _no_data(state: object, instruction: Instruction) -> None:
    raise SimulationError("'host' stands for any operator that runs on the host; it is modelled in time only")


functions: Mapping[str, DataFunction] = {
    **{
        name: _data_function(name)
        for name in (
            "mvin", "mvin2", "mvin3", "preload", "preload_add", "preload_reuse", "preload_reuse_add",
            "compute_preloaded", "compute_accumulated", "load_weights", "keep_weights", "multiply", "mvout",
            "mvout_pool", "fence",
        )
    },
    "host": _no_data,
}  # fmt: skip
