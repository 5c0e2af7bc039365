"""Half-space projection: training that empties whole groups of channels (HSPG).

Chen et al., "Only Train Once", NeurIPS 2021. With x_g the weights of a group and λ the strength,

    stage 1:  x_g <- x_g - η λ x_g / |x_g|                    beside the step of the optimizer
    stage 2:  y_g = the same;  x_g <- 0 if <y_g, x_g> < ε |x_g|²,  and a group that is 0 stays 0

Groups are those of the coupling, and here only the ones that are to go are pressed (as in the successor
DHSPG): plain HSPG shrinks all of them alike and needs hundreds of epochs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402

from mappings.compression.pruning.coupling import Coupling, Keep, norms, own_parameters, zero  # noqa: E402
from mappings.compression.pruning.trace import Traced  # noqa: E402


@dataclass
class HalfSpace:
    """Presses groups to zero, step by step.

    Attributes:
        pressed: Which groups.
        strength: λ.
        epsilon: ε, from 0 to less than 1; larger ones project more groups.
        projects: Whether in stage 2.
        empty: Groups that have become zero.
    """

    traced: Traced
    coupling: Coupling
    pressed: Keep
    strength: float
    epsilon: float = 0.0
    projects: bool = True
    empty: Keep = field(init=False)
    _before: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.pressed = self.pressed & ~self.coupling.fixed
        self.empty = np.zeros(self.coupling.count, bool)
        self._before = norms(self.traced, self.coupling)

    def after_step(self, rate: float) -> None:
        """To be called after each step of the optimizer."""
        now = norms(self.traced, self.coupling)
        shrink = rate * self.strength / np.maximum(now, 1e-12)
        factor = np.where(self.pressed, 1 - np.minimum(shrink, 1.0), 1.0)
        if self.projects:
            # <y, x> < ε |x|² with y along x: what is left of the group is too little
            left = now * factor
            self.empty |= self.pressed & (left <= self.epsilon * self._before)
            self.empty |= self.pressed & (shrink >= 1.0)
        self._scale(factor)
        zero(self.traced, self.coupling, ~self.empty)
        self._before = np.where(self.empty, 0.0, now * factor)

    def _scale(self, factor: NDArray[np.float64]) -> None:
        with torch.no_grad():
            for op in self.traced.operators:
                if op.module:
                    each = torch.from_numpy(factor[self.coupling.groups[op.name]])
                    for parameter in own_parameters(self.traced.weights(op)):
                        shape = (-1, *[1] * (parameter.dim() - 1))
                        parameter.mul_(each.to(parameter.dtype).reshape(shape))


def weakest(traced: Traced, coupling: Coupling, share: float, floor: int = 4) -> Keep:
    """The weakest groups of each layer, by norm; ``floor`` channels of each layer stay in any case."""
    strength = norms(traced, coupling)
    chosen = np.zeros(coupling.count, bool)
    for op in traced.operators:
        if op.kind not in ("conv", "linear"):
            continue
        mine = np.unique(coupling.groups[op.name])
        mine = mine[~coupling.fixed[mine]]
        most = max(0, min(int(share * len(mine)), len(mine) - floor))
        chosen[mine[np.argsort(strength[mine], kind="stable")][:most]] = True
    return chosen
