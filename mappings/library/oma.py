"""Mapping for ``oma``: one multiply-accumulate unit, one memory port, scalar instructions.

Every operator is a loop nest of loads, one arithmetic instruction per operand and a store; loops and address
arithmetic cost nothing (the machine repeats in hardware). ``r0`` accumulates, ``r1`` and ``r2`` hold
operands. A layer is run as it comes, one output after the other: nothing is kept in registers for a second
use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from acadl.model import Architecture
from mappings.layers import Layer
from mappings.library._general_operators import BINARY, ROWWISE, UNARY, has_function
from mappings.library._memory import Array, main_memory, place
from mappings.library._nest import simplify
from mappings.library._oma_rows import ROW_FUNCTIONS, element_function, lower_rows
from mappings.library._operands import (
    bias_array,
    canonical,
    general_input,
    input_arrays,
    is_copy,
    onnx_layout,
    operand_bytes,
    output_shape,
    weight_matrices,
)
from mappings.library._scalar_nest import Level, has_nest, lower
from mappings.library._split import repeat
from mappings.program import (
    Affine,
    DataFunction,
    LoopProgram,
    Node,
    Step,
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
    if has_nest(layer) and not is_copy(layer):
        return _nest
    if has_function(layer) and layer.op in BINARY:
        return _binary
    if has_function(layer) and layer.op in ROWWISE:
        return lower_rows
    return _general


def _nest(layer: Layer, at: Arrays) -> Node:
    return lower(layer, at, _OmaCode())


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


class _OmaCode:
    """See :class:`mappings.library._scalar_nest.Code`. Loops and addresses take no instructions."""

    def loop(self, level: Level, body: Callable[[Affine], Node]) -> Node:
        return repeat(level.name, level.count, body)

    def load(self, array: str, address: Affine) -> Node:
        return _load("r0", address)

    def start(self, value: int) -> Node:
        return step("set", dst="r0", value=value)

    def start_from_bias(self, address: Affine) -> Node:
        return _load("r0", address, 4)

    def multiply(self, a: Affine, b: Affine) -> Node:
        return sequence(_load("r1", a), _load("r2", b), step("mac", acc="r0", a="r1", b="r2"))

    def combine(self, operation: str, array: str, address: Affine) -> Node:
        return sequence(_load("r1", address), step(operation, acc="r0", a="r1"))

    def relu(self) -> Node:
        return step("relu", acc="r0")

    def prepare_mean(self, taps: int) -> Node:
        return sequence()

    def mean(self, taps: int) -> Node:
        return step("divide", acc="r0", n=taps)

    def store(self, address: Affine, in_range: bool) -> Node:
        return _store(address)


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
