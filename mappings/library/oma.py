"""Mapping for ``oma``: one multiply-accumulate unit, one memory port, scalar instructions.

Every operator is a loop nest of loads, one arithmetic instruction per operand and a store; loops and address
arithmetic cost nothing (the machine repeats in hardware). ``r0`` accumulates, ``r1`` and ``r2`` hold
operands. A layer is run as it comes, one output after the other: nothing is kept in registers for a second
use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from acadl.model import Architecture
from mappings.layers import KERNELS, MATRIX_PRODUCTS, Layer
from mappings.library._general_operators import BINARY, ROWWISE, UNARY, has_function, transposition
from mappings.library._memory import Array, main_memory, place
from mappings.library._nest import simplify
from mappings.library._oma_rows import ROW_FUNCTIONS, element_function, lower_rows
from mappings.library._operands import (
    INT8_MIN,
    bias_array,
    canonical,
    general_input,
    input_arrays,
    input_name,
    is_copy,
    is_elementwise,
    onnx_layout,
    operand_bytes,
    output_shape,
    weight_matrices,
)
from mappings.library._split import repeat
from mappings.library._windows import Region, Windows, mean_regions, windows
from mappings.program import (
    Affine,
    DataFunction,
    LoopProgram,
    Node,
    Step,
    as_affine,
    memory,
    sequence,
    step,
)
from mappings.registry import mapper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState

Arrays: TypeAlias = Mapping[str, Array]

# The description gives the functions of all other instructions.
functions: Mapping[str, DataFunction] = ROW_FUNCTIONS


@mapper("oma")
def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """``layer`` as scalar instructions.

    Raises:
        MappingError: Its operands do not fit into memory.
    """
    layer = canonical(layer)
    at = arrays(layer, arch)
    body = _lowering(layer)(layer, at)
    return LoopProgram(simplify(body), arch.operations, f"{layer.name} ({layer.op})", functions_of(layer))


def functions_of(layer: Layer) -> Mapping[str, DataFunction]:
    """What the instructions of the layer's program do with data, where the description does not say it."""
    if has_function(layer) and layer.op in UNARY:
        return {**functions, "scalar": element_function(layer.op)}
    return functions


def _lowering(layer: Layer) -> Callable[[Layer, Arrays], Node]:
    if is_elementwise(layer):
        return _elementwise
    if has_function(layer) and layer.op in BINARY:
        return _binary
    if has_function(layer) and layer.op in ROWWISE:
        return lower_rows
    if has_function(layer) and layer.op == "transpose":
        return _transposition
    return _LOWERINGS.get(layer.op, _general)


def arrays(layer: Layer, arch: Architecture) -> dict[str, Array]:
    """Where the layer's arrays lie: ``input``, ``weights``, ``bias``, ``output``, as far as it has them."""
    return place(layer, main_memory(arch), operand_bytes(canonical(layer)))


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


def _load(register: str, address: Affine | int, size: int = 1) -> Step:
    return step("load", dst=register, src=memory(address, size))


def _store(address: Affine | int) -> Step:
    return step("store", dst=memory(address, 1), src="r0")


def _start(at: Arrays, channel: Affine) -> Step:
    """Accumulator at the bias of an output channel, or at zero."""
    if "bias" in at:
        return _load("r0", at["bias"].address + 4 * channel, 4)
    return step("set", dst="r0", value=0)


def _nest(sizes: Sequence[tuple[str, int]], body: Callable[..., Node]) -> Node:
    """Loops of the given names and counts around ``body(index, …)``, the first one outermost."""
    if not sizes:
        return body()
    name, count = sizes[0]
    return repeat(name, count, lambda value: _nest(sizes[1:], lambda *inner: body(value, *inner)))


def _multiply(a: Affine, b: Affine) -> Node:
    return sequence(_load("r1", a), _load("r2", b), step("mac", acc="r0", a="r1", b="r2"))


def _corner(view: Windows, n: Affine, oh: Affine, ow: Affine) -> Affine:
    """Offset of the first byte of a window."""
    return n * view.image_bytes + oh * view.stride_h * view.row_bytes + ow * view.stride_w * view.channels


def _convolution(layer: Layer, at: Arrays) -> Node:
    """Every output: bias, then taps and channels of its group. Weights lie as (K, R, S, C/groups)."""
    view, outputs, inputs = windows(layer), layer.K // layer.groups, layer.C // layer.groups
    taps = layer.R * layer.S * inputs

    def output(n: Affine, oh: Affine, ow: Affine, g: Affine, k: Affine) -> Node:
        channel = g * outputs + k
        corner = _corner(view, n, oh, ow) + g * inputs

        def tap(r: Affine, s: Affine, c: Affine) -> Node:
            place_in_image = r * view.dilation_h * view.row_bytes + s * view.dilation_w * layer.C + c
            place_in_kernel = channel * taps + r * layer.S * inputs + s * inputs + c
            return _multiply(
                corner + place_in_image + at["input"].address, place_in_kernel + at["weights"].address
            )

        position = ((n * view.out_h + oh) * view.out_w + ow) * layer.K + channel
        return sequence(
            _start(at, channel),
            _nest([("r", layer.R), ("s", layer.S), ("c", inputs)], tap),
            _store(position + at["output"].address),
        )

    outer = [("n", layer.N), ("oh", view.out_h), ("ow", view.out_w), ("g", layer.groups), ("k", outputs)]
    return _nest(outer, output)


def _product(layer: Layer, at: Arrays) -> Node:
    """Every element of C: bias, then its row of A times its column of B, which lies as a row."""
    rows, columns, depth = layer.gemm_M, layer.gemm_N, layer.gemm_K

    def element(b: Affine, i: Affine, j: Affine) -> Node:
        row = (b * rows + i) * depth + at["input"].address
        column = (b * columns + j) * depth + at["weights"].address
        return sequence(
            _start(at, j),
            repeat("k", depth, lambda k: _multiply(row + k, column + k)),
            _store((b * rows + i) * columns + j + at["output"].address),
        )

    return _nest([("b", layer.gemm_batch), ("i", rows), ("j", columns)], element)


def _pooling(layer: Layer, at: Arrays) -> Node:
    """Every output: the maximum or mean of its window."""
    view = windows(layer)
    if layer.op == "maxpool":
        return _pool(layer, at, Region(0, view.out_h, 0, view.out_w, 0))
    return sequence(*(_pool(layer, at, region) for region in mean_regions(layer)))


def _pool(layer: Layer, at: Arrays, region: Region) -> Node:
    """Outputs of a region; ``taps`` is 0 for maxima."""
    view, maximum = windows(layer), region.taps == 0

    def output(n: Affine, y: Affine, x: Affine, c: Affine) -> Node:
        oh, ow = y + region.row, x + region.column
        corner = _corner(view, n, oh, ow) + c

        def tap(r: Affine, s: Affine) -> Node:
            inside = r * view.dilation_h * view.row_bytes + s * view.dilation_w * layer.C
            address = corner + inside + at["input"].address
            return sequence(_load("r1", address), step("max" if maximum else "add", acc="r0", a="r1"))

        divide = [] if maximum else [step("divide", acc="r0", n=region.taps)]
        position = ((n * view.out_h + oh) * view.out_w + ow) * layer.C + c
        return sequence(
            step("set", dst="r0", value=INT8_MIN if maximum else 0),
            _nest([("r", view.kernel_h), ("s", view.kernel_w)], tap),
            *divide,
            _store(position + at["output"].address),
        )

    return _nest([("n", layer.N), ("oh", region.rows), ("ow", region.columns), ("c", layer.C)], output)


def _elementwise(layer: Layer, at: Arrays) -> Node:
    """ReLU, or the sum of two or more tensors."""
    relu = layer.op == "relu"

    def element(e: Affine) -> Node:
        more = [
            node
            for number in range(1, layer.operands)
            for node in (_load("r1", e + at[input_name(number)].address), step("add", acc="r0", a="r1"))
        ]
        change = [step("relu", acc="r0")] if relu else more
        return sequence(_load("r0", e + at["input"].address), *change, _store(e + at["output"].address))

    return repeat("e", prod(output_shape(layer)), element)


def _binary(layer: Layer, at: Arrays) -> Node:
    """A difference, product, quotient, minimum or maximum; the second operand lies behind the first one."""
    size = layer.output_elements
    work = {
        "sub": [step("sub", acc="r0", a="r1")],
        "mul": [step("mul", acc="r0", a="r1"), step("divide", acc="r0", n=16)],
        "div": [step("quotient", acc="r0", a="r1")],
        "min": [step("min", acc="r0", a="r1")],
        "max": [step("max", acc="r0", a="r1")],
    }[layer.op]

    def element(e: Affine) -> Node:
        source = e + at["input"].address
        return sequence(
            _load("r0", source), _load("r1", source + size), *work, _store(e + at["output"].address)
        )

    return repeat("e", size, element)


def _transposition(layer: Layer, at: Arrays) -> Node:
    """Every element to its place, in the order of the output."""
    walks = transposition(layer)

    def element(*indices: Affine) -> Node:
        source = sum((i * walk.source for i, walk in zip(indices, walks, strict=True)), as_affine(0))
        target = sum((i * walk.target for i, walk in zip(indices, walks, strict=True)), as_affine(0))
        return sequence(_load("r0", source + at["input"].address), _store(target + at["output"].address))

    return _nest([(name, walk.count) for name, walk in zip("nhwc", walks, strict=True)], element)


def _general(layer: Layer, at: Arrays) -> Node:
    """Any other operator: load every input element, work on it with ``scalar``, store every output.

    A concatenation needs no work.

    Where there are fewer outputs than inputs (or more), the surplus inputs are loaded and worked on (the
    surplus outputs computed and stored) in a loop of their own.
    """
    inputs, outputs = at["input"], at["output"]
    both = min(inputs.bytes, outputs.bytes)
    work: Node = sequence() if is_copy(layer) else step("scalar", acc="r0", n=1)

    def load(e: Affine) -> Step:
        return _load("r0", e + inputs.address)

    def store(e: Affine) -> Step:
        return _store(e + outputs.address)

    nodes = [repeat("e", both, lambda e: sequence(load(e), work, store(e)))]
    if inputs.bytes > both:
        nodes.append(repeat("e", inputs.bytes - both, lambda e: sequence(load(e + both), work)))
    if outputs.bytes > both:
        nodes.append(repeat("e", outputs.bytes - both, lambda e: sequence(work, store(e + both))))
    return sequence(*nodes)


_LOWERINGS: Mapping[str, Callable[[Layer, Arrays], Node]] = {
    **dict.fromkeys(KERNELS, _convolution),
    **dict.fromkeys(MATRIX_PRODUCTS, _product),
    **dict.fromkeys(("maxpool", "avgpool", "globalavgpool"), _pooling),
}
