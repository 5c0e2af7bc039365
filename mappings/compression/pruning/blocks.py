"""Residual blocks: finding them, what they contribute, removing them, and adding them to plain networks."""

from __future__ import annotations

import copy
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mappings.compression.errors import CompressionError
from mappings.compression.pruning.trace import Traced, evaluated, read

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Block:
    """A sum of a main path and a shortcut.

    Attributes:
        name: Of the sum's operator.
        main: Operators that only the main path has, in order.
        end: Last operator of the main path.
        shortcut: Operator that is left if the block is removed.
        identity: Whether the shortcut is where the main path begins; else it has layers of its own.
    """

    name: str
    main: tuple[str, ...]
    end: str
    shortcut: str
    identity: bool


def blocks(traced: Traced) -> tuple[Block, ...]:
    """Residual blocks in order: sums of two results of which one can be left out."""
    found = (_block(traced, op.name, op.inputs) for op in traced.operators if op.kind == "add")
    return tuple(block for block in found if block is not None)


def _block(traced: Traced, name: str, inputs: tuple[str, ...]) -> Block | None:
    if len(set(inputs)) != 2:
        return None
    above = {side: _ancestors(traced, side) for side in inputs}
    a, b = inputs
    work = {side: sum(traced[n].kind in ("conv", "dwconv") for n in above[side]) for side in inputs}
    short, long = (a, b) if (work[a], a != b) <= (work[b], True) else (b, a)
    main = above[long] - above[short]
    if not any(traced[n].module for n in main):
        return None
    order = tuple(op.name for op in traced.operators if op.name in main)
    return Block(name, order, long, short, _through_skips(traced, short) in above[long])


def _through_skips(traced: Traced, name: str) -> str:
    """The result that an operator hands on unchanged, else its own."""
    while traced[name].kind == "skip":
        name = traced[name].inputs[0]
    return name


def _ancestors(traced: Traced, name: str) -> set[str]:
    """An operator and all that it depends on."""
    inputs = {op.name: op.inputs for op in traced.operators}
    found, waiting = set(), [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(inputs[current])
    return found


def effects(traced: Traced, x: Tensor) -> dict[str, float]:
    """Contribution of each block for an input: mean |main path| / mean |shortcut|."""
    traced.module.eval()
    results = evaluated(traced, x)
    return {
        block.name: float(
            results[block.end].abs().mean() / results[block.shortcut].abs().mean().clamp(min=1e-12)
        )
        for block in blocks(traced)
    }


def without(traced: Traced, names: tuple[str, ...]) -> Traced:
    """The network without the main paths of some blocks.

    Raises:
        CompressionError: There is no block of that name.
    """
    known = {block.name: block for block in blocks(traced)}
    module = copy.deepcopy(traced.module)
    nodes = {node.name: node for node in module.graph.nodes}
    for name in names:
        if name not in known:
            raise CompressionError(
                f"there is no residual block '{name}'; blocks: {', '.join(known) or 'none'}"
            )
        nodes[name].replace_all_uses_with(nodes[known[name].shortcut])
        module.graph.erase_node(nodes[name])
    _rebuild(module)
    return read(module, traced.shape)


def idle(traced: Traced) -> tuple[str, ...]:
    """Blocks whose main path is zero, whatever the input."""
    from mappings.compression.pruning.constants import constants

    values = constants(traced)
    return tuple(block.name for block in blocks(traced) if not (values[block.end] != 0).any())


def with_shortcuts(traced: Traced) -> Traced:
    """A plain network whose convolutions that keep their shape become y = x + F(x), up to their activation.

    The function changes: the network is to be trained afterwards. An empty F can then be removed as a layer.
    """
    module = copy.deepcopy(traced.module)
    nodes = {node.name: node for node in module.graph.nodes}
    inside = {name for block in blocks(traced) for name in block.main}
    for op in traced.operators:
        if op.kind != "conv" or op.name in inside or traced[op.inputs[0]].shape != op.shape:
            continue
        last = op
        while len(after := traced.readers(last.name)) == 1 and after[0].kind in (
            "batchnorm",
            "pointwise",
            "skip",
        ):
            last = after[0]
            if last.kind == "pointwise":
                break
        end = nodes[last.name]
        with module.graph.inserting_after(end):
            total = module.graph.call_function(operator.add, (end, nodes[op.inputs[0]]))
        end.replace_all_uses_with(total, delete_user_cb=lambda user, total=total: user is not total)
    _rebuild(module)
    return read(module, traced.shape)


def _rebuild(module: Any) -> None:
    module.graph.eliminate_dead_code()
    module.delete_all_unused_submodules()
    module.graph.lint()
    module.recompile()
