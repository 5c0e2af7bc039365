"""Layers in blocks: what the mappings of machines with block memories have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from acadl.model import Architecture
from mappings.layers import KERNELS, MATRIX_PRODUCTS, POOLINGS, Layer
from mappings.library import _block_plan as planning
from mappings.library._block_nest import BlockNest, Kernel
from mappings.library._block_team import Team
from mappings.library._blocks import Block, Problem, is_channelwise, parts_of, problem
from mappings.library._general_operators import has_function
from mappings.library._memory import Array, main_memory, place
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
from mappings.library._systolic_vector import VectorShape, general_bytes
from mappings.program import Node, sequence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from acadl.state import ArchitecturalState

# Operators that run in blocks.
IN_BLOCKS = KERNELS | MATRIX_PRODUCTS | POOLINGS

# Poolings by the instruction that takes in a window; all others multiply.
_WINDOWS = {"maxpool": "vmax", "avgpool": "vadd", "globalavgpool": "vadd"}


class BlockMachine(planning.Machine, Protocol):
    """A machine that works on blocks."""

    def packing_grain(self, whole: Problem, block: Block) -> int:
        """Columns of weights that lie side by side."""


@dataclass(frozen=True)
class Task:
    """What a team does.

    Attributes:
        whole: Its share of the layer.
        block: How that is cut.
        operation: What becomes of a window: ``vmac``, ``vadd`` or ``vmax``.
        divide: What sums are divided by.
    """

    whole: Problem
    block: Block
    team: Team
    has_bias: bool
    operation: str
    divide: int


def lower_blocks(
    layer: Layer, at: Mapping[str, Array], machine: BlockMachine, kernel_of: Callable[[Task], Kernel]
) -> Node:
    """A layer of :data:`IN_BLOCKS` over its arrays, block by block.

    Raises:
        MappingError: Not even one window of one channel fits on the chip.
    """
    nodes = []
    operation, has_weights = _WINDOWS.get(layer.op, "vmac"), layer.op not in POOLINGS
    for part in parts_of(layer):
        for share, block in planning.plan(layer, part.problem, machine, has_weights).work:
            task = Task(
                share.problem, block, machine.team(share), "bias" in at, operation, part.divide
            )  # fmt: skip
            nest = BlockNest(share.problem, block, task.team, kernel_of(task), at, part.origin)
            nodes.append(nest.lower())
    return sequence(*nodes)


def is_general(layer: Layer) -> bool:
    """Whether the layer runs on the general-purpose unit."""
    return not (layer.op in IN_BLOCKS or is_elementwise(layer) or is_copy(layer))


def placed(layer: Layer, arch: Architecture, unit: VectorShape) -> dict[str, Array]:
    """Where the arrays of a layer lie: ``input``, ``weights``, ``bias``, ``output``, as far as it has them.

    Args:
        unit: Of the general-purpose unit, which takes so many bytes at a time.
    """
    layer = canonical(layer)
    sizes = operand_bytes(layer)
    if is_general(layer) and not has_function(layer):
        sizes = general_bytes(sizes, unit)
    return place(layer, main_memory(arch), sizes)


def contents(
    layer: Layer,
    at: Mapping[str, Array],
    machine: BlockMachine,
    inputs: Sequence[Any],
    weights: Any,
    bias: Any,
) -> dict[int, NDArray[Any]]:
    """Memory before the layer, by address; arrays as ``_operands`` describes them."""
    layer = canonical(layer)
    given = (general_input if has_function(layer) else input_arrays)(layer, inputs)
    found = {at[name].address: array for name, array in given.items()}
    if "weights" in at:
        found[at["weights"].address] = _block_weights(layer, machine, weights)
    if "bias" in at:
        found[at["bias"].address] = bias_array(layer, bias)
    return found


def output_of(layer: Layer, at: Mapping[str, Array], state: ArchitecturalState) -> NDArray[Any]:
    """The layer's output, int8, ``(M, N)`` or NCHW."""
    layer = canonical(layer)
    array = state.read_array(at["output"].address, output_shape(layer), "int8")
    return onnx_layout(layer, array)


def _block_weights(layer: Layer, machine: BlockMachine, weights: Any) -> NDArray[Any]:
    """The weights in the order in which :func:`lower_blocks` loads them."""
    matrices = weight_matrices(layer, weights)
    if is_channelwise(layer):
        matrices = matrices.transpose(2, 1, 0)  # one matrix of taps × channels
    chosen = planning.plan(layer, problem(layer), machine)
    return planning.packed_weights(chosen, matrices, machine.packing_grain)
