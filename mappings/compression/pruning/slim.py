"""Take channels out of a network for good: what is zero, constant or never read.

Exact in evaluation mode, up to rounding. A constant channel goes into the bias of its readers. A padded
convolution sees zeros around its input, which a bias cannot imitate; there all constant channels but one are
removed, and that one takes over the weights of the others.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from mappings.compression.pruning.constants import Values, constants, padded
from mappings.compression.pruning.coupling import MAKERS, Coupling, Keep, couple
from mappings.compression.pruning.trace import Operator, Traced, read


@dataclass
class _Plan:
    """What becomes of each group; ``carriers``: by padded reader, the constant channel still read."""

    traced: Traced
    coupling: Coupling
    values: dict[str, Values]
    keep: Keep
    carriers: dict[str, int] = field(default_factory=dict)


def slim(traced: Traced) -> Traced:
    """The network without the channels that its results do not depend on."""
    plan = _plan(traced)
    module = copy.deepcopy(traced.module)
    smaller = Traced(module, traced.operators, traced.shape)
    with torch.no_grad():
        for op in traced.operators:
            if op.kind in MAKERS:
                _fold(smaller, plan, op)
        for op in traced.operators:
            if op.module:
                _cut(smaller, plan, op)
    return read(module, traced.shape)


def removable(traced: Traced) -> Keep:
    """Which groups :func:`slim` keeps."""
    return _plan(traced).keep


def _plan(traced: Traced) -> _Plan:
    coupling, values = couple(traced), constants(traced)
    needed = coupling.fixed.copy()
    for op in traced.operators:
        if op.kind in MAKERS:
            needed[coupling.inputs(op)[_reads(traced, op) & np.isnan(values[op.inputs[0]])]] = True
    plan = _Plan(traced, coupling, values, needed)
    _choose_carriers(plan)
    _leave_one(plan)
    return plan


def _reads(traced: Traced, op: Operator) -> Keep:
    """Which input channels a dense operator has weights for."""
    weights = traced.weights(op).weight.detach()
    result: Keep = (weights.transpose(0, 1).flatten(1) != 0).any(1).numpy()
    return result


def _choose_carriers(plan: _Plan) -> None:
    """Keep constants for padded readers: one for each, the same one where it serves several."""
    for op in plan.traced.operators:
        if op.kind != "conv" or not padded(plan.traced, op):
            continue
        values, groups = plan.values[op.inputs[0]], plan.coupling.inputs(op)
        constant = ~np.isnan(values) & (values != 0)
        if not (constant & ~plan.keep[groups] & _reads(plan.traced, op)).any():
            continue
        candidates = np.flatnonzero(constant)
        kept = [c for c in candidates if plan.keep[groups[c]]]
        carrier = kept[0] if kept else max(candidates, key=lambda c: (abs(values[c]), -c))
        plan.carriers[op.name] = int(carrier)
        plan.keep[groups[carrier]] = True


def _leave_one(plan: _Plan) -> None:
    """A layer without channels is no layer: its first one stays."""
    for op in plan.traced.operators:
        groups = plan.coupling.groups[op.name]
        if not plan.keep[groups].any():
            plan.keep[groups[0]] = True


def _fold(smaller: Traced, plan: _Plan, op: Operator) -> None:
    """Add what removed constants contribute to an operator."""
    module = smaller.weights(op)
    values = plan.values[op.inputs[0]]
    gone = ~plan.keep[plan.coupling.inputs(op)] & ~np.isnan(values) & (values != 0)
    if not gone.any():
        return
    channels = torch.from_numpy(np.flatnonzero(gone))
    amounts = torch.from_numpy(values[gone])
    weights = module.weight.detach().double()[:, channels]
    if op.name in plan.carriers:
        carrier = plan.carriers[op.name]
        shape = (1, -1, *[1] * (weights.dim() - 2))
        more = (weights * (amounts / values[carrier]).reshape(shape)).sum(1)
        module.weight[:, carrier] += more.to(module.weight.dtype)
        return
    _shift(smaller, op, weights.flatten(2).sum(2) @ amounts if weights.dim() > 2 else weights @ amounts)


def _shift(traced: Traced, op: Operator, amount: Any) -> None:
    """Add a number to each channel that an operator makes, without a bias of its own where a norm follows."""
    module, readers = traced.weights(op), traced.readers(op.name)
    if module.bias is not None:
        module.bias += amount.to(module.bias.dtype)
    elif len(readers) == 1 and readers[0].kind == "batchnorm":
        norm = traced.weights(readers[0])
        norm.running_mean -= amount.to(norm.running_mean.dtype)
    else:
        module.bias = nn.Parameter(amount.to(module.weight.dtype))


def _cut(traced: Traced, plan: _Plan, op: Operator) -> None:
    """Leave the kept channels of an operator's weights."""
    module = traced.weights(op)
    out = torch.from_numpy(plan.keep[plan.coupling.groups[op.name]])
    ins = torch.from_numpy(plan.keep[plan.coupling.inputs(op)]) if op.kind in MAKERS else None
    resize(module, op.kind, out, ins)


def resize(module: Any, kind: str, out: Any, ins: Any) -> None:
    """Index the parameters and statistics of a module: ``out`` its channels, ``ins`` those it reads."""
    for name in ("weight", "bias", "running_mean", "running_var"):
        tensor = getattr(module, name, None)
        if tensor is None:
            continue
        left = tensor.detach()[out]
        if name == "weight" and ins is not None:
            left = left[:, ins]
        if isinstance(tensor, nn.Parameter):
            setattr(module, name, nn.Parameter(left.clone(), requires_grad=tensor.requires_grad))
        else:
            setattr(module, name, left.clone())
    _rename_sizes(module, kind)


def _rename_sizes(module: Any, kind: str) -> None:
    """Attributes that say a module's sizes follow its weights."""
    shape = module.weight.shape
    if kind == "batchnorm":
        module.num_features = shape[0]
    elif kind == "linear":
        module.out_features, module.in_features = shape
    elif kind == "dwconv":
        module.in_channels = module.out_channels = module.groups = shape[0]
    else:
        module.out_channels, module.in_channels = shape[:2]
