"""What can go without any loss: duplicated channels, dead and constant ones, blocks that do nothing.

Every method ends with this, so what it has emptied disappears, and what was redundant from the beginning too.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402

from mappings.compression.pruning import blocks, slim  # noqa: E402
from mappings.compression.pruning.coupling import MAKERS  # noqa: E402
from mappings.compression.pruning.trace import Traced, evaluated  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

ALIKE = 1e-5  # part of a channel's norm by which two channels may differ


def tidy(traced: Traced, x: Tensor) -> Traced:
    """The network without what its results do not need.

    Exact for constants and zeros; duplicates are found, and folded, by what ``x`` makes of them.

    Args:
        x: Inputs, such as a few hundred of the training set.
    """
    found = merged(traced, x)
    empty = blocks.idle(found)
    return slim.slim(blocks.without(found, empty) if empty else found)


def merged(traced: Traced, x: Tensor) -> Traced:
    """The network in which nobody reads a channel that is a multiple of another one.

    A reader's weights of the multiple go, multiplied, to those of the channel that stays; padding is zero in
    both, so this holds at borders, too. Channels that are read no more are left to :func:`slim.slim`.
    """
    module = copy.deepcopy(traced.module).eval()
    result = Traced(module, traced.operators, traced.shape)
    seen = evaluated(result, x)
    with torch.no_grad():
        for op in traced.operators:
            if op.kind in MAKERS:
                weights = result.weights(op).weight
                for channel, (kept, factor) in _multiples(seen[op.inputs[0]]).items():
                    weights[:, kept] += factor * weights[:, channel]
                    weights[:, channel] = 0
    return result


def _multiples(values: Tensor) -> dict[int, tuple[int, float]]:
    """Channels that are multiples of earlier ones: channel to that one, and the factor."""
    rows = values.transpose(0, 1).flatten(1).double()
    norms = rows.norm(dim=1)
    directions = rows / norms.clamp(min=1e-30)[:, None]
    found: dict[int, tuple[int, float]] = {}
    alike = (directions @ directions.T).abs() > 1 - 1e-6
    for channel in range(len(rows)):
        if float(norms[channel]) == 0.0:
            continue
        for kept in torch.nonzero(alike[channel, :channel]).flatten().tolist():
            if kept in found or float(norms[kept]) == 0.0:
                continue
            factor = float(rows[kept] @ rows[channel] / norms[kept] ** 2)
            if float((rows[channel] - factor * rows[kept]).norm()) <= ALIKE * float(norms[channel]):
                found[channel] = (kept, factor)
                break
    return found
