"""How much a model's predictions change when one layer has few bits, all others being as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mappings.compression.awq import nearest_weights
from mappings.compression.calibration import first_input, inputs_of, linear_layers
from mappings.compression.clipping import clip_limits
from mappings.compression.language_model import divergences
from mappings.compression.quantizer import Scheme
from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

Place = tuple[int, str]
"""Number of a block, and name of a layer in it."""


def sensitivities(
    model: nn.Module,
    blocks: Sequence[nn.Module],
    tokens: Tensor,
    schemes: Mapping[int, Scheme],
    done: Callable[[int, int], None] | None = None,
) -> dict[Place, dict[int, float]]:
    """Mean divergence of the predictions from the model's own, in nats, for each layer and scheme.

    Layers are quantized with limits; scales would move a layer's errors to its neighbours.

    Args:
        model: Runs the blocks one after the other.
        blocks: Modules of the model that take and return [batch, tokens, hidden].
        tokens: Calibration text.
        schemes: By the bits that they are called by.
        done: Told after each layer how many are done and how many there are.
    """
    found: dict[Place, dict[int, float]] = {}
    total = sum(1 for block in blocks for _ in linear_layers(block))
    inputs = first_input(model, blocks[0], tokens)
    with torch.inference_mode():
        wanted = model(tokens[:, :-1])
    for number, block in enumerate(blocks):
        layers = dict(linear_layers(block))
        reads = inputs_of(block, inputs, list(layers.values()))
        for (name, layer), read in zip(layers.items(), reads, strict=True):
            found[number, name] = {
                bits: _divergence(layer, read, scheme, (model, tokens, wanted))
                for bits, scheme in schemes.items()
            }
            if done is not None:
                done(len(found), total)
        with torch.no_grad():
            inputs = block(inputs)
    return found


def _divergence(
    layer: nn.Linear, read: Tensor, scheme: Scheme, run: tuple[nn.Module, Tensor, Tensor]
) -> float:
    """From the predictions that are wanted, with this layer quantized."""
    model, tokens, wanted = run
    kept = layer.weight.data
    limits = clip_limits(kept.numpy(), read.flatten(0, -2).numpy(), scheme)
    try:
        layer.weight.data = nearest_weights(kept, scheme, limits)
        return float(divergences(lambda _: wanted, model, tokens).mean())
    finally:
        layer.weight.data = kept
