"""Polarization: scales of batch norms are driven to 0 or away from it, layer by layer (IHSOpti's LWPolar).

Zhuang et al., NeurIPS 2020, with g from 0 to 1 and its mean taken for each layer instead of for all:

    R(g) = Σ_l Σ_i  t |g_li| - |g_li - mean(g_l)|

Its least values have a part 1/2 - t/4 of the scales away from 0. A channel counts as off below the first gap
of the histogram of its layer.
"""

from __future__ import annotations

import numpy as np

from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402

from mappings.compression.pruning.coupling import Coupling, Keep  # noqa: E402
from mappings.compression.pruning.trace import Traced  # noqa: E402

BIN = 0.01


def prepare(traced: Traced) -> None:
    """Scales begin at 0.5."""
    with torch.no_grad():
        for gamma in _gammas(traced):
            gamma.fill_(0.5)


def penalty(traced: Traced, strength: float, t: float) -> torch.Tensor:
    """λ R(g)."""
    parts = [(t * gamma.abs() - (gamma - gamma.mean()).abs()).sum() for gamma in _gammas(traced)]
    return strength * torch.stack(parts).sum()


def clamp(traced: Traced) -> None:
    """Scales stay from 0 to 1; to be called after each step."""
    with torch.no_grad():
        for gamma in _gammas(traced):
            gamma.clamp_(0.0, 1.0)


def off(traced: Traced, coupling: Coupling, floor: int = 2) -> Keep:
    """Groups all of whose scales are below the gap of their layer; a few of each layer stay."""
    largest = np.zeros(coupling.count)
    for op in traced.operators:
        if op.kind == "batchnorm":
            gamma = traced.weights(op).weight.detach().double().numpy()
            gap = threshold(gamma)
            np.maximum.at(largest, coupling.groups[op.name], np.where(gamma < gap, 0.0, gamma))
    chosen = np.zeros(coupling.count, bool)
    for op in traced.operators:
        if op.kind == "batchnorm":
            mine = np.unique(coupling.groups[op.name])
            order = mine[np.argsort(-largest[mine], kind="stable")]
            low = order[floor:]
            chosen[low[(largest[low] == 0.0) & ~coupling.fixed[low]]] = True
    return chosen


def threshold(gamma: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """The first local minimum of the histogram from the left."""
    counts = np.histogram(gamma, bins=np.arange(0.0, 1.0 + 2 * BIN, BIN))[0]
    for place in range(1, len(counts) - 1):
        if counts[place] < counts[place - 1] and counts[place] <= counts[place + 1]:
            return float(place * BIN)
    return 0.0


def _gammas(traced: Traced) -> list[torch.Tensor]:
    return [traced.weights(op).weight for op in traced.operators if op.kind == "batchnorm"]
