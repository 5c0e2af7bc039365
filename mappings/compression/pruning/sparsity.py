"""SI-Pruning: channels that are small and mostly zero go first, layer by layer, in rounds.

Score of channel c: |g_c| (1 - S_c), with g the scale of its batch norm and S_c the part of zeros among its
activations where convolutions read it. Each round a layer loses the part min(0.5, 0.65 S) of its channels, S
the mean of its S_c, and never more than leaves a few. A threshold for all layers together would empty single
ones. (Published: criterion and rounds; the ratio's formula is ours.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mappings.compression.pruning.coupling import MAKERS, Coupling, Keep
from mappings.compression.pruning.trace import Traced, evaluated

if TYPE_CHECKING:
    from torch import Tensor

RATIO, MOST, FLOOR = 0.65, 0.5, 4


def zeros(traced: Traced, coupling: Coupling, x: Tensor) -> NDArray[np.float64]:
    """Part of zeros of each group among what convolutions and products read; 0 for groups nobody reads."""
    traced.module.eval()
    seen = evaluated(traced, x)
    total, count = np.zeros(coupling.count), np.zeros(coupling.count)
    for op in traced.operators:
        if op.kind in MAKERS:
            share = (seen[op.inputs[0]] == 0).double().transpose(0, 1).flatten(1).mean(1).numpy()
            np.add.at(total, coupling.inputs(op), share)
            np.add.at(count, coupling.inputs(op), 1)
    found: NDArray[np.float64] = total / np.maximum(count, 1)
    return found


def scales(traced: Traced, coupling: Coupling) -> NDArray[np.float64]:
    """Scale of each group, summed over its batch norms; 1 where there is none."""
    total, has_norm = np.zeros(coupling.count), np.zeros(coupling.count, bool)
    for op in traced.operators:
        if op.kind == "batchnorm":
            gamma = traced.weights(op).weight.detach().abs().double().numpy()
            np.add.at(total, coupling.groups[op.name], gamma)
            has_norm[coupling.groups[op.name]] = True
    return np.where(has_norm, total, 1.0)


def dispensable(traced: Traced, coupling: Coupling, x: Tensor) -> Keep:
    """The groups that go in a round."""
    empty = zeros(traced, coupling, x)
    score = scales(traced, coupling) * (1 - empty)
    chosen = np.zeros(coupling.count, bool)
    for op in traced.operators:
        if op.kind != "conv":
            continue
        mine = np.unique(coupling.groups[op.name])
        mine = mine[~coupling.fixed[mine]]
        if len(mine):
            share = min(MOST, RATIO * float(empty[mine].mean()))
            most = max(0, min(int(share * len(mine)), len(mine) - FLOOR))
            chosen[mine[np.argsort(score[mine], kind="stable")][:most]] = True
    return chosen
