"""Training while pruning: data in three parts, epochs, and what is done to the weights after every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

from mappings.compression.pruning.trace import Traced  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

AfterStep = Callable[[float], None]
"""Called after each step of the optimizer, with its learning rate."""


@dataclass(frozen=True)
class Data:
    """Images and classes: to train with, to decide by, and to be judged by, which decides nothing."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the learning rate falls along half a cosine."""

    epochs: int = 8
    batch: int = 64
    rate: float = 0.05
    momentum: float = 0.9
    decay: float = 1e-4


def train(
    traced: Traced,
    data: Data,
    recipe: Recipe,
    seed: int,
    *,
    penalty: Callable[[], Tensor] | None = None,
    after_step: AfterStep | None = None,
) -> None:
    """Train a network in place; deterministic for a seed and a number of threads.

    Args:
        penalty: Added to the loss.
        after_step: See :data:`AfterStep`.
    """
    x, y = data.train
    generator = torch.Generator().manual_seed(seed)
    parameters = [p for p in traced.module.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, recipe.rate, momentum=recipe.momentum, weight_decay=recipe.decay)
    steps = max(1, recipe.epochs * -(-len(x) // recipe.batch))
    schedule: Any = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    traced.module.train()
    for _ in range(recipe.epochs):
        order = torch.randperm(len(x), generator=generator)
        for rows in order.split(recipe.batch):
            if len(rows) < 2:  # no batch for a norm
                continue
            loss = functional.cross_entropy(traced.module(x[rows]), y[rows])
            if penalty is not None:
                loss = loss + penalty()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if after_step is not None:
                after_step(float(schedule.get_last_lr()[0]))
            schedule.step()
    traced.module.eval()


def accuracy(traced: Traced, part: tuple[Tensor, Tensor]) -> float:
    """Share of images whose class is found."""
    traced.module.eval()
    with torch.no_grad():
        return float((traced.module(part[0]).argmax(1) == part[1]).float().mean())
