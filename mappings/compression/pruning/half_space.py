"""Half-space projection: training that empties whole groups of channels (HSPG).

Chen et al., "Only Train Once", NeurIPS 2021. With x_g the weights of a group and λ the strength,

    stage 1:  x_g <- x_g - η λ x_g / |x_g|                    beside the step of the optimizer
    stage 2:  y_g = the same;  x_g <- 0 if <y_g, x_g> < ε |x_g|²,  and a group that is 0 stays 0

Groups are those of the coupling, and here only the ones that are to go are pressed (as in the successor
DHSPG): plain HSPG shrinks all of them alike and needs hundreds of epochs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402

from mappings.compression.pruning.coupling import Coupling, Keep, norms, own_parameters, zero  # noqa: E402
from mappings.compression.pruning.trace import Operator, Traced  # noqa: E402


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
    _before: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.pressed = self.pressed & ~self.coupling.fixed
        self.empty = np.zeros(self.coupling.count, bool)
        self._before = self._copies()

    def after_step(self, rate: float) -> None:
        """To be called after each step of the optimizer."""
        now = norms(self.traced, self.coupling)
        shrink = rate * self.strength / np.maximum(now, 1e-12)
        self._scale(np.where(self.pressed, 1 - np.minimum(shrink, 1.0), 1.0))
        if self.projects:
            along, square = self._products()
            self.empty |= self.pressed & (along <= self.epsilon * square)
        zero(self.traced, self.coupling, ~self.empty)
        self._before = self._copies()

    def _copies(self) -> list[Any]:
        return [parameter.detach().clone() for _, parameter in self._parameters()]

    def _parameters(self) -> Iterator[tuple[Operator, Any]]:
        for op in self.traced.operators:
            if op.module:
                for parameter in own_parameters(self.traced.weights(op)):
                    yield op, parameter

    def _products(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """For each group <y, x> and <x, x>, x before the step and y after it."""
        along, square = np.zeros(self.coupling.count), np.zeros(self.coupling.count)
        for (op, parameter), before in zip(self._parameters(), self._before, strict=True):
            groups = self.coupling.groups[op.name]
            y, x = (each.detach().double().reshape(len(before), -1) for each in (parameter, before))
            np.add.at(along, groups, (y * x).sum(1).numpy())
            np.add.at(square, groups, (x * x).sum(1).numpy())
        return along, square

    def _scale(self, factor: NDArray[np.float64]) -> None:
        with torch.no_grad():
            for op, parameter in self._parameters():
                each = torch.from_numpy(factor[self.coupling.groups[op.name]]).to(parameter.dtype)
                parameter.mul_(each.reshape(-1, *[1] * (parameter.dim() - 1)))


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
