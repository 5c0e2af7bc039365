"""Mapping for ``vta``: instructions that load tensors, multiply them, and store results.

Convolutions and matrix products run on the matrix core (``_vta_product``), poolings, sums, ReLU and copies on
the ALU, everything else on the host (``_vta_alu``). ``docs/vta.md`` describes all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from acadl.model import Architecture
from mappings.layers import KERNELS, MATRIX_PRODUCTS, POOLINGS, WINDOWED, Layer
from mappings.library._channel_blocks import block_count, fill_up, from_blocks, geometry, to_blocks
from mappings.library._functions import data_functions, timed_only
from mappings.library._general_operators import (
    general_bytes,
    general_functions,
    has_function,
    lower_general,
)
from mappings.library._memory import Array, main_memory, place
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
from mappings.library._vta_alu import (
    divisor_shift,
    lower_elementwise,
    lower_host_mean,
    lower_pool,
)
from mappings.library._vta_machine import UOP_BYTES, Machine, machine
from mappings.library._vta_product import connections, lower_product, pairs, weight_blocks
from mappings.library._vta_uops import Kernels
from mappings.program import DataFunction, LoopProgram, Node, sequence, step
from mappings.registry import mapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState

Arrays: TypeAlias = Mapping[str, Array]

_PRODUCTS = KERNELS | MATRIX_PRODUCTS
HOST_PIECE = 4096  # bytes that the host works on at a time


@mapper("vta")
def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """``layer`` as instructions of VTA and its host.

    Raises:
        MappingError: Its operands do not fit into memory, or the description is no VTA.
    """
    layer, name = canonical(layer), f"{layer.name} ({layer.op})"
    at, kernels, body = _lowered(layer, arch)
    if not _on_host(layer):
        body = sequence(*kernels.load_all(at["uops"].address), body, step("finish", pop_next="always"))
    known = general_functions(layer, functions, "host")
    return LoopProgram(simplify(body), arch.operations, name, known)


def arrays(layer: Layer, arch: Architecture) -> dict[str, Array]:
    """Where the layer's arrays lie: operands, ``uops`` and ``output``, as far as it has them."""
    return _lowered(canonical(layer), arch)[0]


def _lowered(layer: Layer, arch: Architecture) -> tuple[dict[str, Array], Kernels, Node]:
    """The nest, its kernels of micro-operations, and where everything lies.

    How many micro-operations there are is known when the nest has been made; until then they lie nowhere.
    """
    sizes, memory = machine(arch), main_memory(arch)
    bytes_of = _bytes(layer, sizes)
    if _on_host(layer):
        at = place(layer, memory, bytes_of)
        return at, Kernels(sizes), _lower(layer, at, sizes, Kernels(sizes))
    trial = Kernels(sizes)
    provisional = place(layer, memory, {**bytes_of, "uops": UOP_BYTES})
    _lower(layer, provisional, sizes, trial)
    at = place(layer, memory, {**bytes_of, "uops": UOP_BYTES * trial.count})
    kernels = Kernels(sizes, resident=trial.fits)
    return at, kernels, _lower(layer, at, sizes, kernels)


def _lower(layer: Layer, at: Arrays, sizes: Machine, kernels: Kernels) -> Node:
    if layer.op in _PRODUCTS:
        return lower_product(layer, at, sizes, kernels)
    if _on_host(layer):
        means = layer.op in POOLINGS
        return lower_host_mean(layer, at, sizes) if means else lower_general(layer, "host", at, HOST_PIECE)
    lower = lower_pool if layer.op in POOLINGS else lower_elementwise
    return lower(layer, at, sizes, kernels)


def _on_host(layer: Layer) -> bool:
    """Whether the host runs the layer."""
    if layer.op in POOLINGS:
        return layer.op != "maxpool" and divisor_shift(layer) is None
    return layer.op not in _PRODUCTS and not is_elementwise(layer) and not is_copy(layer)


def _bytes(layer: Layer, sizes: Machine) -> dict[str, int]:
    """Bytes of every array but the micro-operations, channels in whole blocks."""
    block, plain = sizes.block, operand_bytes(layer)
    if is_copy(layer):
        return {name: -(-size // block) * block for name, size in plain.items()}
    if is_elementwise(layer):
        tensors = layer.N * layer.H * layer.W * block_count(layer.C, block)
        return dict.fromkeys(plain, tensors * block)
    if layer.op not in WINDOWED and layer.op not in MATRIX_PRODUCTS:
        return general_bytes(layer, plain, HOST_PIECE)
    view = geometry(layer)
    outputs = block_count(output_shape(layer)[-1], block)
    pixels = view.batch * view.out_h * view.out_w
    found = {"input": view.batch * view.height * view.width * block_count(view.channels, block) * block}
    if "weights" in plain:
        found["weights"] = weight_blocks(layer, block) * block * block
    if "bias" in plain:
        found["bias"] = outputs * sizes.acc.tensor
    return {**found, "output": pixels * outputs * block}


def prepare(
    layer: Layer, arch: Architecture, inputs: Sequence[Any], weights: Any = None, bias: Any = None
) -> dict[int, NDArray[Any]]:
    """Contents of memory before the layer, by address; arrays as ``_operands`` describes them."""
    layer = canonical(layer)
    if has_function(layer):
        address = arrays(layer, arch)["input"].address
        return {address: general_input(layer, inputs)["input"]}
    given, sizes = input_arrays(layer, inputs), machine(arch)
    at, kernels, _ = _lowered(layer, arch)
    contents = {at[name].address: to_blocks(layer, array, sizes.block) for name, array in given.items()}
    if "weights" in at:
        contents[at["weights"].address] = _packed(layer, sizes.block, weight_matrices(layer, weights))
    if "bias" in at:
        contents[at["bias"].address] = fill_up(bias_array(layer, bias), 0, sizes.block)
    if "uops" in at:
        contents[at["uops"].address] = kernels.packed()
    return contents


def read_output(layer: Layer, arch: Architecture, state: ArchitecturalState) -> NDArray[Any]:
    """The layer's output, int8, ``(M, N)`` or NCHW."""
    layer = canonical(layer)
    if has_function(layer):  # the host's arrays are not cut into blocks
        plain = state.read_array(arrays(layer, arch)["output"].address, output_shape(layer), "int8")
        return onnx_layout(layer, plain)
    shape, block = output_shape(layer), machine(arch).block
    pixels = (layer.gemm_batch, 1, layer.gemm_M) if layer.op in MATRIX_PRODUCTS else shape[:3]
    whole = (pixels[0], block_count(shape[-1], block), *pixels[1:], block)
    found = state.read_array(arrays(layer, arch)["output"].address, whole, "int8")
    return onnx_layout(layer, from_blocks(found, shape))


def _packed(layer: Layer, block: int, matrices: NDArray[Any]) -> NDArray[Any]:
    """Blocks of weights in the order of their use: output × input channels, tap by tap."""
    import numpy as np

    if layer.op in MATRIX_PRODUCTS:
        kernels = matrices.transpose(0, 2, 1)[..., None]  # product, N, K, tap
    else:
        kernels = _dense(layer, matrices)[None]
    kernels = fill_up(fill_up(kernels, 1, block), 2, block)
    pieces = [
        kernel[k * block : (k + 1) * block, c * block : (c + 1) * block].transpose(2, 0, 1)
        for kernel in kernels
        for series in connections(layer, block)
        for k, c in pairs(series)
    ]
    return np.concatenate(pieces)


def _dense(layer: Layer, matrices: NDArray[Any]) -> NDArray[Any]:
    """Weights of all groups as one array (K, C, taps), zero between groups."""
    import numpy as np

    inputs, outputs = layer.C // layer.groups, layer.K // layer.groups
    whole = np.zeros((layer.K, layer.C, layer.R * layer.S), matrices.dtype)
    for group, matrix in enumerate(matrices):
        part = matrix.reshape(-1, inputs, outputs).transpose(2, 1, 0)
        whole[group * outputs : (group + 1) * outputs, group * inputs : (group + 1) * inputs] = part
    return whole


functions: Mapping[str, DataFunction] = {
    **data_functions(
        "_vta_data",
        (
            "load_inp", "load_wgt", "load_uop", "load_acc", "load_acc8", "reset", "gemm", "alu", "alu_imm",
            "store", "host_mean", "finish",
        ),
    ),
    **timed_only(["host"]),
}  # fmt: skip
