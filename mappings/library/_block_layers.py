"""Layers in blocks: what the mappings of machines with block memories have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from mappings.layers import KERNELS, MATRIX_PRODUCTS, POOLINGS, Layer
from mappings.library import _block_plan as planning
from mappings.library._block_nest import BlockNest, Kernel
from mappings.library._block_team import Share, Team
from mappings.library._blocks import Problem, is_channelwise, parts_of, problem
from mappings.library._memory import Array
from mappings.library._operands import weight_matrices
from mappings.program import Node, sequence

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Operators that run in blocks.
IN_BLOCKS = KERNELS | MATRIX_PRODUCTS | POOLINGS

# Poolings by the instruction that takes in a window; all others multiply.
_WINDOWS = {"maxpool": "vmax", "avgpool": "vadd", "globalavgpool": "vadd"}


class BlockMachine(planning.Machine, Protocol):
    """A machine that works on blocks.

    Attributes:
        packing_grain: Columns of weights that lie side by side.
    """

    @property
    def packing_grain(self) -> int: ...

    def team(self, share: Share) -> Team:
        """Who works on a share."""


class KernelOf(Protocol):
    """Makes what a team does with a block."""

    def __call__(self, whole: Problem, team: Team, has_bias: bool, operation: str, divide: int) -> Kernel:
        """Sums are divided by ``divide``; ``operation`` is ``vmac``, ``vadd`` or ``vmax``."""


def lower_blocks(layer: Layer, at: Mapping[str, Array], machine: BlockMachine, kernel_of: KernelOf) -> Node:
    """A layer of :data:`IN_BLOCKS` over its arrays, block by block.

    Raises:
        MappingError: Not even one window of one channel fits on the chip.
    """
    nodes = []
    operation, has_weights = _WINDOWS.get(layer.op, "vmac"), layer.op not in POOLINGS
    for part in parts_of(layer):
        for share, block in planning.plan(layer, part.problem, machine, has_weights).work:
            team = machine.team(share)
            kernel = kernel_of(share.problem, team, "bias" in at, operation, part.divide)
            nodes.append(BlockNest(share.problem, block, team, kernel, at, part.origin).lower())
    return sequence(*nodes)


def block_weights(layer: Layer, machine: BlockMachine, weights: Any) -> NDArray[Any]:
    """The weights in the order in which :func:`lower_blocks` loads them."""
    whole, matrices, grain = problem(layer), weight_matrices(layer, weights), machine.packing_grain
    if is_channelwise(layer):
        matrices, grain = matrices.transpose(2, 1, 0), layer.C  # one matrix of taps × channels
    return planning.packed_weights(planning.plan(layer, whole, machine), matrices, grain)
