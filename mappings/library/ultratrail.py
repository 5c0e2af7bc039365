"""Mapping for ``ultratrail``: layers of one-dimensional networks.

Convolutions and fully connected layers run on the array (``_ultratrail_nest``); ReLU, residual sums and means
in the output unit. There is no other unit: everything else is an error that says so (``_ultratrail_shape``).
``docs/ultratrail.md`` describes all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from acadl.model import Architecture, MemoryInterface
from mappings.layers import MATRIX_PRODUCTS, Layer
from mappings.library._channel_blocks import fill_up
from mappings.library._functions import data_functions
from mappings.library._memory import Array, place
from mappings.library._nest import simplify
from mappings.library._operands import bias_array, checked, weight_matrices
from mappings.library._ultratrail_nest import SUM_BYTES, ConvolutionNest, lower_values
from mappings.library._ultratrail_shape import CONVOLUTIONS, Limits, Windows1D, limits, windows_1d
from mappings.program import DataFunction, LoopProgram, Node, sequence, step
from mappings.registry import MappingError, mapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState

# Which memory an array lies in.
MEMORIES = {
    "input": "features[0]",
    "input1": "features[2]",
    "output": "features[1]",
    "weights": "weights",
    "bias": "biases",
}


@mapper("ultratrail")
def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """``layer`` as passes of the array, or of the output unit.

    Raises:
        MappingError: The machine cannot run the layer, or its arrays do not fit into the memories.
    """
    windows, at, machine = windows_1d(layer, limits(arch)), arrays(layer, arch), limits(arch)
    if layer.op in CONVOLUTIONS:
        setup = step("configure", config="config")
        body: Node = sequence(setup, ConvolutionNest(windows, machine.array, at).lower())
    else:
        body = lower_values(layer.op, windows, machine.array, at)
    return LoopProgram(simplify(body), arch.operations, f"{layer.name} ({layer.op})", functions)


def arrays(layer: Layer, arch: Architecture) -> dict[str, Array]:
    """Where the layer's arrays lie: ``input``, ``weights``, ``bias``, ``output``, as far as it has them."""
    machine = limits(arch)
    windows = windows_1d(layer, machine)
    placed: dict[str, Array] = {}
    for name, size in _sizes(layer, windows, machine).items():
        memory = arch.objects.get(MEMORIES[name])
        if not isinstance(memory, MemoryInterface):
            raise MappingError(f"the mapping for 'ultratrail' needs a memory '{MEMORIES[name]}'")
        placed.update(place(layer, memory, {name: size}))
    return placed


def _sizes(layer: Layer, windows: Windows1D, machine: Limits) -> dict[str, int]:
    """Bytes of every array, channels filled up to whole blocks."""
    array = machine.array
    inputs, outputs = -(-windows.inputs // array), -(-windows.outputs // array)
    sizes = {"input": windows.batch * inputs * windows.length * array}
    if layer.op == "add":
        sizes["input1"] = sizes["input"]
    if layer.op in CONVOLUTIONS:
        sizes["weights"] = inputs * outputs * windows.taps * array * array
        if layer.bias:
            sizes["bias"] = SUM_BYTES * outputs * array
    return {**sizes, "output": windows.batch * outputs * windows.positions * array}


def prepare(
    layer: Layer, arch: Architecture, inputs: Sequence[Any], weights: Any = None, bias: Any = None
) -> dict[int, NDArray[Any]]:
    """Contents of memory before the layer, by address; arrays as ``_operands`` describes them."""
    at, machine = arrays(layer, arch), limits(arch)
    count = 2 if layer.op == "add" else 1
    if len(inputs) != count:
        raise MappingError(f"layer '{layer.name}' ({layer.op}) takes {count} inputs, got {len(inputs)}")
    names = ("input", "input1")[:count]
    contents = {
        at[name].address: _rows(_sequences(layer, array), machine.array)
        for name, array in zip(names, inputs, strict=True)
    }
    if "weights" in at:
        contents[at["weights"].address] = _packed(layer, windows_1d(layer, machine), weights, machine.array)
    if "bias" in at:
        values = bias_array(layer, bias)
        contents[at["bias"].address] = fill_up(values, 0, machine.array)
    return contents


def read_output(layer: Layer, arch: Architecture, state: ArchitecturalState) -> NDArray[Any]:
    """The layer's output, int8, ``(M, N)`` or NCHW."""
    machine = limits(arch)
    windows, address = windows_1d(layer, machine), arrays(layer, arch)["output"].address
    blocks = -(-windows.outputs // machine.array)
    rows = state.read_array(address, (windows.batch, blocks, windows.positions, machine.array), "int8")
    channels = rows.transpose(0, 1, 3, 2).reshape(windows.batch, -1, windows.positions)
    channels = channels[:, : windows.outputs]
    return channels[0].T if layer.op in MATRIX_PRODUCTS else channels[:, :, None, :]


def _sequences(layer: Layer, array: Any) -> NDArray[Any]:
    """An input as (sequences, channels, positions)."""
    if layer.op in MATRIX_PRODUCTS:
        return checked(layer, "input", array, (layer.gemm_M, layer.gemm_K), "int8").T[None]
    return checked(layer, "input", array, (layer.N, layer.C, 1, layer.W), "int8")[:, :, 0]


def _rows(sequences: NDArray[Any], array: int) -> NDArray[Any]:
    """(sequences, channels, positions) as rows of ``array`` channels, filled up with zeros."""
    filled = fill_up(sequences, 1, array)
    count, _, length = filled.shape
    return filled.reshape(count, -1, array, length).transpose(0, 1, 3, 2)


def _packed(layer: Layer, windows: Windows1D, weights: Any, array: int) -> NDArray[Any]:
    """Weights in the order of their use: output block, input block, tap, then input × output channel."""
    (matrix,) = weight_matrices(layer, weights)  # (taps · inputs, outputs)
    kernel = matrix.reshape(windows.taps, windows.inputs, windows.outputs)
    kernel = fill_up(fill_up(kernel, 1, array), 2, array)
    blocks = kernel.reshape(windows.taps, kernel.shape[1] // array, array, -1, array)
    return blocks.transpose(3, 1, 0, 2, 4)


functions: Mapping[str, DataFunction] = data_functions(
    "_ultratrail_data", ("configure", "zeros", "mac", "out", "out_biased", "relu", "add", "mean")
)
