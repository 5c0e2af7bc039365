"""Adjunct scales behind norms that a proximal step presses to zero (GC of GC&AO).

Each channel of a batch norm gets a scale a, 1 at first, folded into the norm from the beginning: scale and
bias of the channel, both times a. Each step presses it,

    a <- max(0, a - η λ w),     w = max(0, parameters / target - 1)

so the pressure ends where the target is reached; what is 0 stays 0. Removing it is lossless. (Published: the
three terms of the loss; this form of the pressure is ours.)
"""

from __future__ import annotations

import numpy as np

from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402

from mappings.compression.pruning.coupling import couple, norms, size, zero  # noqa: E402
from mappings.compression.pruning.trace import Traced  # noqa: E402

STRENGTH = 0.6
FLOOR = 2  # channels of a layer that stay


class Adjuncts:
    """Scales of the groups of a network, and what presses them."""

    def __init__(self, traced: Traced, target: float) -> None:
        """``target``: parameters that may stay."""
        self._traced, self._target = traced, max(target, 1.0)
        self._groups = couple(traced)
        self.scale = np.ones(self._groups.count)
        self._pressed = np.zeros(self._groups.count, bool)
        for op in traced.operators:
            if op.kind == "batchnorm":
                self._pressed[self._groups.groups[op.name]] = True
        self._pressed &= ~self._groups.fixed

    def after_step(self, rate: float) -> None:
        """To be called after each step of the optimizer: weak groups lose most of their scale."""
        alive = self.scale > 0
        weight = max(0.0, size(self._traced, self._groups, alive).parameters / self._target - 1)
        if weight > 0:
            strength = norms(self._traced, self._groups)
            relative = strength / max(float(np.mean(strength[alive & self._pressed])), 1e-12)
            press = rate * STRENGTH * min(weight, 1.0) / np.maximum(relative, 1e-3)
            before = self.scale
            self.scale = np.where(self._pressed, np.maximum(0.0, before - press), before)
            self._keep_some(before)
            self._apply(np.divide(self.scale, before, out=np.zeros_like(before), where=before > 0))
        zero(self._traced, self._groups, self.scale > 0)

    def fold(self) -> None:
        """Make zeros of what has been pressed to zero; the rest is folded already."""
        zero(self._traced, self._groups, self.scale > 0)

    def _keep_some(self, before: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        for op in self._traced.operators:
            if op.kind == "batchnorm":
                mine = np.unique(self._groups.groups[op.name])
                if np.count_nonzero(self.scale[mine]) < FLOOR:
                    strongest = mine[np.argsort(-before[mine], kind="stable")][:FLOOR]
                    self.scale[strongest] = before[strongest]

    def _apply(self, factor: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        with torch.no_grad():
            for op in self._traced.operators:
                if op.kind == "batchnorm":
                    module = self._traced.weights(op)
                    each = torch.from_numpy(factor[self._groups.groups[op.name]]).to(module.weight.dtype)
                    module.weight.mul_(each)
                    module.bias.mul_(each)
