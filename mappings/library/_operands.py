"""Operands of a layer: their sizes in memory, and the NumPy arrays that go there.

Users hand over arrays in ONNX layouts: activations NCHW, weights of convolutions ``(K, C/groups, R, S)``,
of transposed convolutions ``(C, K/groups, R, S)``, matrices ``(M, K)`` and ``(K, N)`` (of a batch of
products ``(batch, M, K)`` and ``(batch, K, N)``), all int8, and a bias of int32. In memory activations are
NHWC, padded where the layer pads (see ``_windows``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mappings.layers import KERNELS, MATRIX_PRODUCTS, TRANSPOSED_CONVOLUTIONS, WINDOWED, Layer
from mappings.library._windows import Windows, windows
from mappings.registry import MappingError, TimedOnlyError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Operators whose mappings carry functions on data; the others are modelled in time only.
ELEMENTWISE = frozenset({"relu", "add"})
WITH_DATA = WINDOWED | MATRIX_PRODUCTS | ELEMENTWISE
INT8_MIN = -128


def is_elementwise(layer: Layer) -> bool:
    """Whether the layer is a ReLU, or a sum of equally shaped tensors, and can be computed in one sweep."""
    if layer.in_elements is not None or layer.out_elements is not None or layer.param_elements:
        return False
    return (layer.op == "relu" and layer.operands == 1) or (layer.op == "add" and layer.operands > 1)


def is_copy(layer: Layer) -> bool:
    """Whether the layer only moves data, from one end of its inputs to the other."""
    return layer.op == "concat" and layer.input_elements == layer.output_elements


def canonical(layer: Layer) -> Layer:
    """The layer; of a batch normalisation, the depthwise convolution of 1 × 1 with bias that it is."""
    if layer.op != "batchnorm":
        return layer
    return replace(layer, op="dwconv", K=layer.C, groups=layer.C, R=1, S=1, bias=True, param_elements=0)


def operand_bytes(layer: Layer) -> dict[str, int]:
    """Bytes of every array of the layer by name, in the order in which they are placed."""
    if layer.op in WINDOWED or layer.op in MATRIX_PRODUCTS:
        return _product_bytes(layer)
    if is_elementwise(layer):
        inputs = {input_name(number): layer.output_elements for number in range(layer.operands)}
        return {**inputs, "output": layer.output_elements}
    return {
        "input": max(1, layer.input_elements + layer.weight_elements),
        "output": max(1, layer.output_elements),
    }


def input_name(number: int) -> str:
    """Name of the ``number``-th input array: ``input``, ``input1``, ``input2``, …"""
    return f"input{number}" if number else "input"


def _product_bytes(layer: Layer) -> dict[str, int]:
    matrix = layer.op in MATRIX_PRODUCTS
    sizes = {"input": layer.input_elements if matrix else windows(layer).bytes}
    if matrix or layer.op in KERNELS:
        sizes["weights"] = layer.weight_elements
        if layer.bias:
            sizes["bias"] = 4 * (layer.gemm_N if matrix else layer.K)
    return {**sizes, "output": layer.output_elements}


def input_arrays(layer: Layer, inputs: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """The inputs as they lie in memory, by name.

    Raises:
        TimedOnlyError: The operator has no function on data here (those of ``_general`` have one there).
        MappingError: The number of inputs or a shape is wrong.
    """
    if layer.op not in WITH_DATA or (layer.op in ELEMENTWISE and not is_elementwise(layer)):
        raise TimedOnlyError(
            f"layer '{layer.name}': operator '{layer.op}' has no function on data here; "
            f"with data: {', '.join(sorted(WITH_DATA))}"
        )
    _check_count(layer, inputs, layer.operands if is_elementwise(layer) else 1)
    return {input_name(number): _input_array(layer, array) for number, array in enumerate(inputs)}


def _check_count(layer: Layer, inputs: Sequence[Any], count: int) -> None:
    if len(inputs) != count:
        raise MappingError(f"layer '{layer.name}' ({layer.op}) takes {count} inputs, got {len(inputs)}")


def general_input(layer: Layer, inputs: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Operands of an operator of ``_general``, one behind the other, as array ``input``.

    Raises:
        MappingError: The number of inputs or a shape is wrong.
    """
    import numpy as np

    _check_count(layer, inputs, layer.operands)
    shape = (layer.N, layer.C, layer.H, layer.W)
    images = [checked(layer, "input", array, shape, "int8").transpose(0, 2, 3, 1) for array in inputs]
    return {"input": np.stack(images)}


def _input_array(layer: Layer, array: Any) -> NDArray[Any]:
    if layer.op in MATRIX_PRODUCTS:
        return checked(layer, "input", array, _matrices(layer, layer.gemm_M, layer.gemm_K), "int8")
    image = checked(layer, "input", array, (layer.N, layer.C, layer.H, layer.W), "int8").transpose(0, 2, 3, 1)
    if layer.op not in WINDOWED:
        return image
    return padded(image, windows(layer), INT8_MIN if layer.op == "maxpool" else 0)


def padded(image: NDArray[Any], geometry: Windows, fill: int) -> NDArray[Any]:
    """``image`` (NHWC) inside its halo: shape ``(batch, height, width, channels)`` of ``geometry``."""
    import numpy as np

    n, h, w, c = image.shape
    height, width = (h - 1) * geometry.spacing_h + 1, (w - 1) * geometry.spacing_w + 1
    spread = np.full((n, height, width, c), fill, image.dtype)
    spread[:, :: geometry.spacing_h, :: geometry.spacing_w] = image
    spread = spread[:, max(0, -geometry.top) :, max(0, -geometry.left) :]
    whole = np.full((geometry.batch, geometry.height, geometry.width, geometry.channels), fill, image.dtype)
    top, left = max(0, geometry.top), max(0, geometry.left)
    rows, columns = min(spread.shape[1], geometry.height - top), min(spread.shape[2], geometry.width - left)
    whole[:, top : top + rows, left : left + columns] = spread[:, :rows, :columns]
    return whole


def weight_matrices(layer: Layer, weights: Any) -> NDArray[Any]:
    """Weights as one matrix per group, ``(groups, R·S·C/groups, K/groups)``, or per product of a batch."""
    if layer.op in MATRIX_PRODUCTS:
        shape = _matrices(layer, layer.gemm_K, layer.gemm_N)
        return checked(layer, "weights", weights, shape, "int8").reshape(-1, *shape[-2:])
    g, kernel = layer.groups, (layer.R, layer.S)
    if layer.op in TRANSPOSED_CONVOLUTIONS:
        array = checked(layer, "weights", weights, (layer.C, layer.K // g, *kernel), "int8")
        array = array.reshape(g, layer.C // g, layer.K // g, *kernel)[..., ::-1, ::-1]
        array = array.transpose(0, 3, 4, 1, 2)  # g, R, S, C/g, K/g
    else:
        array = checked(layer, "weights", weights, (layer.K, layer.C // g, *kernel), "int8")
        array = array.reshape(g, layer.K // g, layer.C // g, *kernel).transpose(0, 3, 4, 2, 1)
    return array.reshape(g, -1, layer.K // g)


def bias_array(layer: Layer, bias: Any) -> NDArray[Any]:
    """The bias as int32, one per output channel."""
    size = layer.gemm_N if layer.op in MATRIX_PRODUCTS else layer.K
    return checked(layer, "bias", bias, (size,), "int32")


def output_shape(layer: Layer) -> tuple[int, ...]:
    """Shape of the output in memory: ``(M, N)``, ``(batch, M, N)`` or NHWC."""
    if layer.op in MATRIX_PRODUCTS:
        return _matrices(layer, layer.gemm_M, layer.gemm_N)
    if layer.op in WINDOWED:
        geometry = windows(layer)
        channels = layer.K if layer.op in KERNELS else layer.C
        return (layer.N, geometry.out_h, geometry.out_w, channels)
    sizes = (layer.N, layer.C, layer.H, layer.W)
    n, c, h, w = (sizes[axis] for axis in layer.perm or range(4))
    return (n, h, w, c)


def _matrices(layer: Layer, rows: int, columns: int) -> tuple[int, ...]:
    """Shape of the matrices of a product, or of a batch of products."""
    return (rows, columns) if layer.gemm_batch == 1 else (layer.gemm_batch, rows, columns)


def onnx_layout(layer: Layer, array: NDArray[Any]) -> NDArray[Any]:
    """An output in memory's layout as users know it: ``(M, N)`` or NCHW."""
    return array if layer.op in MATRIX_PRODUCTS else array.transpose(0, 3, 1, 2)


def checked(layer: Layer, name: str, array: Any, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """``array`` as ``dtype``. Raises :class:`MappingError` for another shape or values out of range."""
    import numpy as np

    given = np.asarray(array)
    if given.shape != shape:
        raise MappingError(f"layer '{layer.name}': {name} has shape {given.shape}; expected {shape}")
    if given.dtype.kind not in "iu" or not np.array_equal(given.astype(dtype), given):
        raise MappingError(f"layer '{layer.name}': {name} holds {given.dtype} values that are no {dtype}")
    return given.astype(dtype)
