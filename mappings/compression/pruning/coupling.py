"""Which channels stand or fall together, and what a choice of them costs.

Every channel of every result has a group. Operators that work channel by channel hand groups on; a sum joins
those of its operands (a residual add makes the trunk's channels one), a concatenation lines them up, and a
flattened channel keeps its group on each of its positions. All weights that make the channels of a group are
a *zero-invariant group* (Chen et al., Only Train Once, NeurIPS 2021): set to zero, the channels are zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mappings.compression.pruning.trace import Operator, Traced

Ids = NDArray[np.int64]
Keep = NDArray[np.bool_]

MAKERS = ("conv", "linear")


@dataclass(frozen=True)
class Coupling:
    """Groups of channels, numbered from 0.

    Attributes:
        groups: Group of each channel of each result, by operator.
        count: Number of groups.
        fixed: Whether a group must stay: channels of the input and of the output.
    """

    groups: Mapping[str, Ids]
    count: int
    fixed: Keep

    def inputs(self, op: Operator) -> Ids:
        """Groups of the channels that an operator reads first."""
        return self.groups[op.inputs[0]]


@dataclass(frozen=True)
class Size:
    """Trainable parameters, and multiply-accumulates of one input."""

    parameters: int
    macs: int


def couple(traced: Traced) -> Coupling:
    """The groups of a network."""
    parent: list[int] = []
    raw: dict[str, Ids] = {}
    for op in traced.operators:
        raw[op.name] = _channels(op, raw, parent, traced)
    roots = np.array([_root(parent, i) for i in range(len(parent))], np.int64)
    numbers, dense = np.unique(roots, return_inverse=True)
    groups = {name: dense[ids] for name, ids in raw.items()}
    fixed = np.zeros(len(numbers), bool)
    for op in traced.operators:
        if op.kind in ("input", "output"):
            fixed[groups[op.name]] = True
    return Coupling(groups, len(numbers), fixed)


def _channels(op: Operator, raw: dict[str, Ids], parent: list[int], traced: Traced) -> Ids:
    if op.kind == "input" or op.kind in MAKERS:
        first = len(parent)
        parent.extend(range(first, first + op.channels))
        return np.arange(first, first + op.channels)
    if op.kind == "concat":
        return np.concatenate([raw[name] for name in op.inputs])
    ids = raw[op.inputs[0]]
    if op.kind in ("add", "mul"):
        for other in op.inputs[1:]:
            for a, b in zip(ids, raw[other], strict=True):
                _join(parent, int(a), int(b))
    if op.kind == "flatten":
        return np.repeat(ids, prod(traced[op.inputs[0]].shape[2:]))
    return ids


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def _join(parent: list[int], a: int, b: int) -> None:
    a, b = _root(parent, a), _root(parent, b)
    parent[max(a, b)] = min(a, b)


def size(traced: Traced, coupling: Coupling, keep: Keep | None = None) -> Size:
    """Parameters and multiply-accumulates when only the groups in ``keep`` are left (all without)."""
    left = np.ones(coupling.count, bool) if keep is None else keep
    parameters = macs = 0
    for op in traced.operators:
        if not op.module:
            continue
        out, weights = int(left[coupling.groups[op.name]].sum()), traced.weights(op)
        if op.kind == "batchnorm":
            parameters += 2 * out
            continue
        read = int(left[coupling.inputs(op)].sum()) if op.kind in MAKERS else 1
        each = read * prod(weights.weight.shape[2:])
        parameters += out * (each + (weights.bias is not None))
        macs += out * each * prod(op.shape[2:])
    return Size(parameters, macs)


def zero(traced: Traced, coupling: Coupling, keep: Keep) -> None:
    """Set the weights of all groups that are not in ``keep`` to zero, in place."""
    import torch

    with torch.no_grad():
        for op in traced.operators:
            if op.module:
                gone = torch.from_numpy(~keep[coupling.groups[op.name]])
                for parameter in own_parameters(traced.weights(op)):
                    parameter[gone] = 0


def own_parameters(module: Any) -> list[Any]:
    """What a module's channels are made with: weight and bias, channel first."""
    found = [getattr(module, name, None) for name in ("weight", "bias")]
    return [parameter for parameter in found if parameter is not None]


def norms(traced: Traced, coupling: Coupling, what: str = "weight") -> NDArray[np.float64]:
    """Euclidean norm of each group's weights (``what="grad"``: of their gradients)."""
    total = np.zeros(coupling.count)
    for op in traced.operators:
        if op.module:
            for parameter in own_parameters(traced.weights(op)):
                values = parameter if what == "weight" else parameter.grad
                if values is not None:
                    squares = values.detach().double().reshape(len(values), -1).pow(2).sum(1)
                    np.add.at(total, coupling.groups[op.name], squares.numpy())
    found: NDArray[np.float64] = np.sqrt(total)
    return found
