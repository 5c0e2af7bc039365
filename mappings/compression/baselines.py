"""What AWQ is measured against: GPTQ, and a part of the channels kept at 16 bits.

Kept channels are columns of a layer's weights, chosen by the mean magnitude of the activations that they
meet, by their own mean magnitude, or at random; groups do not count them. The hardware has to compute with
two kinds of weights, which is why AWQ scales them instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import TYPE_CHECKING, Literal

import numpy as np

from mappings.compression.calibration import first_input, inputs_of, linear_layers
from mappings.compression.errors import CompressionError
from mappings.compression.gptq import gptq
from mappings.compression.quantizer import Scheme, quantize
from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

if TYPE_CHECKING:
    from mappings.compression.clipping import Array

Choice = Literal["activation", "weight", "random"]
HALF_BITS = 16


def gptq_model(model: nn.Module, blocks: Sequence[nn.Module], tokens: Tensor, scheme: Scheme) -> None:
    """Quantize the linear layers of the blocks in place by GPTQ.

    Every layer is calibrated with what it reads from the part of the model that is already quantized.
    """
    _layer_by_layer(model, blocks, tokens, lambda weights, read: gptq(weights, read, scheme).weights)


def keep_channels(
    model: nn.Module,
    blocks: Sequence[nn.Module],
    tokens: Tensor,
    scheme: Scheme,
    *,
    part: float = 0.01,
    by: Choice = "activation",
    seed: int = 0,
) -> None:
    """Quantize the linear layers of the blocks in place, but for a part of the channels.

    Raises:
        CompressionError: ``part`` is none from 0 to 1.
    """
    if not 0 <= part <= 1:
        raise CompressionError(f"a part of {part} of the channels: a number from 0 to 1 is expected")
    random = np.random.default_rng(seed)
    importance: dict[Choice, Callable[[Array, Array], Array]] = {
        "activation": lambda weights, read: np.abs(read).mean(axis=0),
        "weight": lambda weights, read: np.abs(weights).mean(axis=0),
        "random": lambda weights, read: random.permutation(weights.shape[1]).astype(np.float64),
    }
    measure = importance[by]

    def kept(weights: Array, read: Array) -> Array:
        strength = measure(weights, read)
        chosen = np.argsort(-strength)[: ceil(part * len(strength))]
        rest = weights.copy()
        rest[:, chosen] = 0
        found = quantize(rest, scheme).weights
        found[:, chosen] = weights[:, chosen]
        return found

    _layer_by_layer(model, blocks, tokens, kept)


def bits_with_kept(scheme: Scheme, inputs: int, part: float = 0.01) -> float:
    """Stored bits of a weight where a part of the channels stays at 16 bits."""
    kept = ceil(part * inputs) / inputs
    return scheme.row_bits_per_weight(inputs) + kept * HALF_BITS


def _layer_by_layer(
    model: nn.Module,
    blocks: Sequence[nn.Module],
    tokens: Tensor,
    quantized: Callable[[Array, Array], Array],
) -> None:
    """Replace weights by what becomes of them, with the inputs of the quantized part."""
    inputs = first_input(model, blocks[0], tokens)
    with torch.no_grad():
        for block in blocks:
            for _, layer in linear_layers(block):
                (read,) = inputs_of(block, inputs, (layer,))
                rows = read.flatten(0, -2).cpu().numpy()
                found = quantized(layer.weight.detach().cpu().numpy(), rows)
                layer.weight.data = torch.from_numpy(np.ascontiguousarray(found)).to(layer.weight)
            inputs = block(inputs)
