"""Five ways to take channels and blocks out of a network while it is trained.

What the publications leave open is said in the functions; all end with :func:`lossless.tidy`, so what they
return is smaller, not masked.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402

from mappings.compression.pruning import blocks, half_space, polarization, sparsity  # noqa: E402
from mappings.compression.pruning.adjunct import Adjuncts  # noqa: E402
from mappings.compression.pruning.coupling import Keep, couple, norms, size, zero  # noqa: E402
from mappings.compression.pruning.lossless import tidy  # noqa: E402
from mappings.compression.pruning.trace import Traced  # noqa: E402
from mappings.compression.pruning.training import Data, Recipe, accuracy, train  # noqa: E402

SEEN = 512  # inputs of the training set by which duplicates and zeros are found
MOST_ROUNDS = 12

Cost = Callable[[Traced], float]
"""What a network costs, such as its latency on a described accelerator."""


@dataclass(frozen=True)
class Settings:
    """How far to prune.

    Attributes:
        target: Part of the parameters that is to go.
        budget: Accuracy on the validation part that may be lost by removing blocks, from 0 to 1.
        recipe: Of each stage of training; what is left of a network is trained twice as long.
        cost: Blocks go by the cost that each saves; by default by their parameters.
    """

    target: float = 0.9
    budget: float = 0.01
    recipe: Recipe = field(default_factory=Recipe)
    seed: int = 0
    cost: Cost | None = None


def si(traced: Traced, data: Data, settings: Settings) -> Traced:
    """SI-Pruning: rounds of scores by scale and input sparsity, each followed by training."""
    x = data.train[0][:SEEN]
    current, most = tidy(traced, x), _most(traced, settings)
    for number in range(MOST_ROUNDS):
        if parameters(current) <= most:
            break
        groups = couple(current)
        gone = sparsity.dispensable(current, groups, x)
        if not gone.any():
            break
        current = _copy(current)
        zero(current, groups, ~gone)
        current = tidy(current, x)
        train(current, data, settings.recipe, settings.seed + number)
    return current


def hspg(traced: Traced, data: Data, settings: Settings) -> Traced:
    """Half-space pruning of the weakest groups of each layer, then training of what is left."""
    x = data.train[0][:SEEN]
    current, most = _copy(tidy(traced, x)), _most(traced, settings)
    if parameters(current) <= most:
        return current
    groups = couple(current)
    _press(current, half_space.weakest(current, groups, _share(current, most)), data, settings)
    smaller = tidy(current, x)
    train(smaller, data, _longer(settings.recipe), settings.seed + 1)
    return tidy(smaller, x)


def ll(traced: Traced, data: Data, settings: Settings) -> Traced:
    """LL-Pruning: shortcuts around layers make whole layers removable; then half-space pruning.

    Plain convolutions that keep their shape become y = x + F(x) first, and are trained so.
    """
    x = data.train[0][:SEEN]
    wrapped = blocks.with_shortcuts(traced)
    train(wrapped, data, settings.recipe, settings.seed)
    pruned = hspg(wrapped, data, settings)
    return _fewer_blocks(pruned, data, settings, accuracy(traced, data.validation) - settings.budget, x)


def ihsopti(traced: Traced, data: Data, settings: Settings) -> Traced:
    """IHSOpti: scales polarized layer by layer, half-space pruning of channels, fewer blocks.

    Channels that polarization has turned off go, and the weakest ones as far as the target asks for more.
    t follows from the target: the part 1/2 - t/4 of the scales stays away from 0, and parameters go with the
    square of the channels.
    """
    x = data.train[0][:SEEN]
    current, most = _copy(tidy(traced, x)), _most(traced, settings)
    if parameters(current) <= most:
        return current
    polarization.prepare(current)
    kept = float(np.sqrt(most / parameters(current)))
    t = 2 - 4 * kept
    train(
        current,
        data,
        settings.recipe,
        settings.seed,
        penalty=lambda: polarization.penalty(current, 2e-3, t),
        after_step=lambda _: polarization.clamp(current),
    )
    groups = couple(current)
    off = polarization.off(current, groups)
    weakest = half_space.weakest(current, groups, _share(current, most))
    _press(current, off | weakest, data, settings)
    smaller = tidy(current, x)
    train(smaller, data, _longer(settings.recipe), settings.seed + 1)
    return _fewer_blocks(smaller, data, settings, accuracy(traced, data.validation) - settings.budget, x)


def gcao(traced: Traced, data: Data, settings: Settings) -> Traced:
    """GC&AO: adjunct scales of norms are pressed to zero; then whole blocks go.

    The constraint is on parameters here, where the publication has operations. Blocks go while the accuracy
    allows it, those first that save most cost for their effect.
    """
    x = data.train[0][:SEEN]
    least = accuracy(traced, data.validation) - settings.budget
    current, most = _copy(tidy(traced, x)), _most(traced, settings)
    if parameters(current) <= most:
        return current
    adjuncts = Adjuncts(current, most)
    train(current, data, settings.recipe, settings.seed, after_step=adjuncts.after_step)
    adjuncts.fold()
    smaller = tidy(current, x)
    train(smaller, data, _longer(settings.recipe), settings.seed + 1)
    return _fewer_blocks(smaller, data, settings, least, x)


METHODS: Mapping[str, Callable[[Traced, Data, Settings], Traced]] = {
    "si": si,
    "hspg": hspg,
    "ll": ll,
    "ihsopti": ihsopti,
    "gcao": gcao,
}


def parameters(traced: Traced) -> int:
    """Trainable parameters."""
    return size(traced, couple(traced)).parameters


def _copy(traced: Traced) -> Traced:
    return replace(traced, module=copy.deepcopy(traced.module))


def _longer(recipe: Recipe) -> Recipe:
    return replace(recipe, epochs=2 * recipe.epochs)


def _press(traced: Traced, groups: Keep, data: Data, settings: Settings) -> None:
    """Train while some groups are pressed to zero; those that have not got there at the end go, too.

    The strength follows from the rates: within half of the recipe a pressed group is to lose its norm.
    """
    coupling, recipe = couple(traced), settings.recipe
    if not groups.any():
        return
    steps = max(1, recipe.epochs * -(-len(data.train[0]) // recipe.batch))
    largest = float(norms(traced, coupling)[groups].max())
    strength = 2.5 * largest / (recipe.rate * steps / 2)
    presses = half_space.HalfSpace(traced, coupling, groups, strength, epsilon=0.5)
    train(traced, data, recipe, settings.seed, after_step=presses.after_step)
    zero(traced, coupling, ~presses.pressed)


def _most(traced: Traced, settings: Settings) -> float:
    """Parameters that may be left."""
    return (1 - settings.target) * parameters(traced)


def _share(traced: Traced, most: float) -> float:
    """Part of each layer's channels that has to go: the least that leaves at most so many parameters."""
    groups = couple(traced)
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        left = size(traced, groups, ~half_space.weakest(traced, groups, middle)).parameters
        low, high = (low, middle) if left <= most else (middle, high)
    return high


def _fewer_blocks(traced: Traced, data: Data, settings: Settings, least: float, x: torch.Tensor) -> Traced:
    """Remove blocks, best first, with a short training after each, while the accuracy allows it.

    Best is what saves most cost for its effect: mean |main path| / mean |shortcut|.
    """
    cost = settings.cost or parameters
    short = replace(settings.recipe, epochs=max(1, settings.recipe.epochs // 3))
    best = traced
    while True:
        effects = blocks.effects(best, x)
        candidates = [block for block in blocks.blocks(best) if block.identity]
        if not candidates:
            return best
        before = cost(best)

        def worth(name: str, best: Traced = best, before: float = before) -> float:
            saved = before - cost(blocks.without(best, (name,)))
            return float(max(saved, 0.0)) / max(effects[name], 1e-9)  # noqa: B023

        name = max((block.name for block in candidates), key=worth)
        tried = tidy(blocks.without(best, (name,)), x)
        train(tried, data, short, settings.seed + 2)
        if accuracy(tried, data.validation) < least:
            return best
        best = tried
