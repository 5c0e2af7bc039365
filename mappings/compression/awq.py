"""AWQ: activation-aware weight quantization (Lin et al., MLSys 2024).

Weight columns that meet large activations are scaled up before rounding, so that they lose less, and the
operation before is scaled down, so that nothing else changes. Block by block, with the inputs X that the
unquantized model has there:

1. a_j = mean |X_j| over tokens; s = clamp(a^alpha, 1e-4), divided by sqrt(max s min s); alpha = 0, 0.05, …;
2. loss = mean (f(X; Q(W s) / s) - f(X; W))^2 of the inspected module f; the s with the least loss is kept.
   Rounding to nearest without scales is among the candidates, so the search never loses to it on this loss;
3. s is folded: W s in the layers, 1 / s in the operation before;
4. weights are clipped to the limits that are best for each row and group (:mod:`.clipping`).

As published (:meth:`Settings.published`), Q in step 2 rounds without limits, which are searched afterwards,
the same at both ends, and not for queries and keys. Otherwise Q has the best limits for every candidate, each
end of a group has a limit of its own, and queries and keys have limits, too: scales that are best without
limits need not be best with them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mappings.compression.calibration import first_input, inputs_of, linear_layers, submodule
from mappings.compression.clipping import EACH_END, PUBLISHED, ClipSearch, clip_limits, gram, limits_by_gram
from mappings.compression.folding import fold, folding_problem
from mappings.compression.quantizer import Scheme, quantize
from mappings.compression.scale_mappings import LLAMA, NOT_CLIPPED, ScaleMapping
from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

if TYPE_CHECKING:
    from mappings.compression.clipping import Array, Limits

GRID = 20
LEAST_SCALE = 1e-4


@dataclass(frozen=True)
class ScaleChoice:
    """What the search found for one mapping of a block.

    Attributes:
        block: Its number.
        layers: That were scaled together.
        alpha: The exponent; 0: not scaled.
        loss, nearest_loss: Of the inspected module, as chosen and by rounding to nearest.
        clipped: Whether the layers have limits.
        note: Why the mapping was left out, if it was.
    """

    block: int
    layers: tuple[str, ...]
    alpha: float
    loss: float
    nearest_loss: float
    clipped: bool = True
    note: str = ""


@dataclass(frozen=True)
class Settings:
    """What is done.

    Attributes:
        scheme: Bits, groups, symmetry.
        scales, clips: Whether scales and limits are searched.
        clip: How limits are searched.
        together: Scales are judged with the limits that go with them.
        not_clipped: Ends of the names of layers without limits.
    """

    scheme: Scheme
    scales: bool = True
    clips: bool = True
    clip: ClipSearch = EACH_END
    together: bool = True
    not_clipped: tuple[str, ...] = ()

    @staticmethod
    def published(scheme: Scheme, *, scales: bool = True, clips: bool = True) -> Settings:
        """As in the publication's own code."""
        return Settings(scheme, scales, clips, PUBLISHED, together=False, not_clipped=NOT_CLIPPED)

    def clips_layer(self, name: str) -> bool:
        """Whether a layer has limits."""
        return self.clips and not name.endswith(self.not_clipped)


def awq(
    model: nn.Module,
    blocks: Sequence[nn.Module],
    tokens: Tensor,
    settings: Settings,
    mappings: Sequence[ScaleMapping] = LLAMA,
    done: Callable[[int, int], None] | None = None,
    schemes: Callable[[int, str], Scheme] | None = None,
) -> tuple[ScaleChoice, ...]:
    """Quantize the linear layers of the blocks in place; their weights become values the hardware can hold.

    Args:
        model: Runs the blocks one after the other; what is outside of them stays as it is.
        blocks: Modules of the model that take and return [batch, tokens, hidden].
        tokens: Calibration input of the model.
        settings: Bits, groups, and what is searched.
        mappings: Of a block.
        done: Told after each block how many are done and how many there are.
        schemes: The scheme of a layer by the number of its block and its name; the settings' if not given.

    Raises:
        CompressionError: A mapping names a module that a block does not have.
    """
    report: list[ScaleChoice] = []
    inputs = first_input(model, blocks[0], tokens)
    with torch.no_grad():
        for number, block in enumerate(blocks):
            outputs = block(inputs)  # by full-precision weights: what the next block is calibrated with
            found = _Block(number, block, inputs, settings, schemes)
            report += found.quantize(mappings)
            inputs = outputs
            if done is not None:
                done(number + 1, len(blocks))
    return tuple(report)


@dataclass(frozen=True)
class _Block:
    """A block that is being quantized."""

    number: int
    block: nn.Module
    inputs: Tensor
    settings: Settings
    schemes: Callable[[int, str], Scheme] | None

    def scheme(self, name: str) -> Scheme:
        return self.settings.scheme if self.schemes is None else self.schemes(self.number, name)

    def quantize(self, mappings: Sequence[ScaleMapping]) -> list[ScaleChoice]:
        """Search scales and fold them, search limits, round."""
        report = [self._scale(mapping) for mapping in mappings] if self.settings.scales else []
        unclipped = {name for choice in report if not choice.clipped for name in choice.layers}
        layers = dict(linear_layers(self.block))
        clipped = [name for name in layers if self.settings.clips_layer(name) and name not in unclipped]
        reads = inputs_of(self.block, self.inputs, [layers[name] for name in clipped])
        limits = {
            name: clip_limits(_array(layers[name].weight), _rows(read), self.scheme(name), self.settings.clip)
            for name, read in zip(clipped, reads, strict=True)
        }
        for name, layer in layers.items():
            layer.weight.data = nearest_weights(layer.weight.data, self.scheme(name), limits.get(name))
        return report

    def _scale(self, mapping: ScaleMapping) -> ScaleChoice:
        """Search the scales of one mapping and fold them."""
        if problem := folding_problem(self.block, mapping):
            return ScaleChoice(self.number, mapping.layers, 0.0, float("nan"), float("nan"), note=problem)
        first = submodule(self.block, mapping.layers[0])
        inspected = submodule(self.block, mapping.inspect)
        x, read = inputs_of(self.block, self.inputs, (inspected, first))
        wanted = inspected(x)

        def loss(scales: Tensor, limited: bool) -> float:
            with self._replaced(mapping, scales, _rows(read), limited):
                return float((inspected(x) - wanted).pow(2).mean())

        together = self.settings.together and self.settings.clips
        importance = read.flatten(0, -2).abs().mean(0)
        candidates = [(step / GRID, scales_of(importance, step / GRID)) for step in range(GRID)]
        nearest = loss(candidates[0][1], limited=False)
        found = [(loss(scales, limited=together), alpha, scales) for alpha, scales in candidates]
        least, alpha, scales = min(found, key=lambda entry: entry[:2])
        if together and nearest < least:
            return ScaleChoice(self.number, mapping.layers, 0.0, nearest, nearest, clipped=False)
        if alpha:
            fold(self.block, mapping, scales)
        return ScaleChoice(self.number, mapping.layers, alpha, least, nearest)

    @contextmanager
    def _replaced(self, mapping: ScaleMapping, scales: Tensor, read: Array, limited: bool) -> Iterator[None]:
        """With weights Q(W s) / s for the time being."""
        layers = {name: submodule(self.block, name) for name in mapping.layers}
        kept = {name: layer.weight.data for name, layer in layers.items()}
        try:
            for name, layer in layers.items():
                weights, scheme = kept[name] * scales, self.scheme(name)
                limits: Limits | None = None
                if limited and self.settings.clips_layer(name):
                    products = gram(read / _array(scales), scheme, self.settings.clip.tokens)
                    limits = limits_by_gram(_array(weights), products, scheme, self.settings.clip)
                layer.weight.data = nearest_weights(weights, scheme, limits) / scales
            yield
        finally:
            for name, layer in layers.items():
                layer.weight.data = kept[name]


def scales_of(importance: Tensor, alpha: float) -> Tensor:
    """Scales of input channels: powers of their mean magnitudes, around one."""
    scales = importance.pow(alpha).clamp(min=LEAST_SCALE)
    return scales / (scales.max() * scales.min()).sqrt()


def nearest_weights(weights: Tensor, scheme: Scheme, limits: Limits | None = None) -> Tensor:
    """Weights as they are after quantization, as a tensor."""
    found = quantize(_array(weights), scheme, limits).weights
    return torch.from_numpy(np.ascontiguousarray(found)).to(weights)


def quantized_copy(
    model: nn.Module,
    blocks_of: Callable[[nn.Module], Sequence[nn.Module]],
    tokens: Tensor,
    settings: Settings,
) -> tuple[nn.Module, tuple[ScaleChoice, ...]]:
    """A quantized copy of a model, and what was found; the model itself stays as it is."""
    other = copy.deepcopy(model)
    return other, awq(other, blocks_of(other), tokens, settings)


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.detach().cpu().numpy()
    return array


def _rows(read: Tensor) -> Array:
    """[tokens, features]."""
    return _array(read.flatten(0, -2))
