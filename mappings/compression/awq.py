"""AWQ: activation-aware weight quantization (Lin et al., MLSys 2024).

Weight columns that meet large activations are scaled up before rounding, so that they lose less, and the
operation before is scaled down, so that nothing else changes. Block by block, with the inputs X that the
unquantized model has there:

1. a_j = mean |X_j| over tokens; s = clamp(a^alpha, 1e-4), divided by sqrt(max s min s); alpha = 0, 0.05, …;
2. loss = mean (f(X; Q(W s) / s) - f(X; W))^2 of the inspected module f; the s with the least loss is kept.
   alpha = 0 is rounding to nearest, so the search never loses to it on this loss;
3. s is folded: W s in the layers, 1 / s in the operation before;
4. clipping: for each row and group the limit m (1 - i / 20), i = 0 … 9, with the least error of the products
   over the group, m = max |w|; not of queries and keys.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from mappings.compression.calibration import first_input, inputs_of, linear_layers, submodule
from mappings.compression.folding import fold, folding_problem
from mappings.compression.quantizer import Scheme, quantize
from mappings.compression.scale_mappings import LLAMA, NOT_CLIPPED, ScaleMapping
from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

GRID = 20
LEAST_SCALE = 1e-4
CLIPS = 10  # limits that are tried
CLIP_TOKENS = 512  # that clipping looks at


@dataclass(frozen=True)
class ScaleChoice:
    """What the search found for one mapping of a block.

    Attributes:
        block: Its number.
        layers: That were scaled together.
        alpha: The exponent; 0: not scaled.
        loss, nearest_loss: Of the inspected module, with the scales and by rounding to nearest.
        note: Why the mapping was left out, if it was.
    """

    block: int
    layers: tuple[str, ...]
    alpha: float
    loss: float
    nearest_loss: float
    note: str = ""


@dataclass(frozen=True)
class Settings:
    """What is done: scheme, and whether scales and limits are searched."""

    scheme: Scheme
    scales: bool = True
    clips: bool = True


def awq(
    model: nn.Module,
    blocks: Sequence[nn.Module],
    tokens: Tensor,
    settings: Settings,
    mappings: Sequence[ScaleMapping] = LLAMA,
    done: Callable[[int, int], None] | None = None,
) -> tuple[ScaleChoice, ...]:
    """Quantize the linear layers of the blocks in place; their weights become values the hardware can hold.

    Args:
        model: Runs the blocks one after the other; what is outside of them stays as it is.
        blocks: Modules of the model that take and return [batch, tokens, hidden].
        tokens: Calibration input of the model.
        settings: Bits, groups, and what is searched.
        mappings: Of a block.
        done: Told after each block how many are done and how many there are.

    Raises:
        CompressionError: A mapping names a module that a block does not have.
    """
    report: list[ScaleChoice] = []
    inputs = first_input(model, blocks[0], tokens)
    with torch.no_grad():
        for number, block in enumerate(blocks):
            outputs = block(inputs)  # by full-precision weights: what the next block is calibrated with
            if settings.scales:
                for mapping in mappings:
                    report.append(_scale(number, block, inputs, mapping, settings.scheme))
            limits = _limits(block, inputs, settings.scheme) if settings.clips else {}
            for name, layer in linear_layers(block):
                _store(layer, settings.scheme, limits.get(name))
            inputs = outputs
            if done is not None:
                done(number + 1, len(blocks))
    return tuple(report)


def _scale(
    number: int, block: nn.Module, inputs: Tensor, mapping: ScaleMapping, scheme: Scheme
) -> ScaleChoice:
    """Search the scales of one mapping and fold them."""
    if problem := folding_problem(block, mapping):
        return ScaleChoice(number, mapping.layers, 0.0, float("nan"), float("nan"), problem)
    layers = [submodule(block, name) for name in mapping.layers]
    inspected = block if not mapping.inspect else submodule(block, mapping.inspect)
    x, read = inputs_of(block, inputs, (inspected, layers[0]))
    wanted = inspected(x)
    importance = read.flatten(0, -2).abs().mean(0)
    found: list[tuple[float, int, Tensor]] = []
    for step in range(GRID):
        scales = _scales(importance, step / GRID)
        with _replaced(layers, scales, scheme):
            loss = float((inspected(x) - wanted).pow(2).mean())
        found.append((loss, step, scales))
    loss, step, scales = min(found, key=lambda entry: entry[:2])
    if step:
        fold(block, mapping, scales)
    return ScaleChoice(number, mapping.layers, step / GRID, loss, found[0][0])


def _scales(importance: Tensor, alpha: float) -> Tensor:
    scales = importance.pow(alpha).clamp(min=LEAST_SCALE)
    return scales / (scales.max() * scales.min()).sqrt()


def nearest_weights(weights: Tensor, scheme: Scheme, limits: np.ndarray | None = None) -> Tensor:
    """Weights as they are after quantization, as a tensor."""
    found = quantize(weights.detach().cpu().numpy(), scheme, limits).weights
    return torch.from_numpy(np.ascontiguousarray(found)).to(weights)


@contextmanager
def _replaced(layers: Sequence[nn.Linear], scales: Tensor, scheme: Scheme) -> Iterator[None]:
    """With weights Q(W s) / s for the time being."""
    kept = [layer.weight.data for layer in layers]
    try:
        for layer in layers:
            layer.weight.data = nearest_weights(layer.weight.data * scales, scheme) / scales
        yield
    finally:
        for layer, weights in zip(layers, kept, strict=True):
            layer.weight.data = weights


def _limits(block: nn.Module, inputs: Tensor, scheme: Scheme) -> dict[str, np.ndarray]:
    """Limits of each row and group that make the products' errors smallest; layers that are clipped only."""
    names = [(name, layer) for name, layer in linear_layers(block) if not name.endswith(NOT_CLIPPED)]
    reads = inputs_of(block, inputs, tuple(layer for _, layer in names))
    return {
        name: clip_limits(layer.weight.detach().numpy(), read.flatten(0, -2).numpy(), scheme)
        for (name, layer), read in zip(names, reads, strict=True)
    }


def clip_limits(weights: np.ndarray, inputs: np.ndarray, scheme: Scheme) -> np.ndarray:
    """[out, groups]: the limit for each row and group with the least error over the inputs.

    Args:
        weights: [out, in].
        inputs: [tokens, in]; at most :data:`CLIP_TOKENS` of them are used, evenly spread.
    """
    chosen = np.linspace(0, len(inputs) - 1, min(len(inputs), CLIP_TOKENS)).astype(int)
    x = inputs[chosen].astype(np.float32)
    outputs, width = weights.shape
    size, groups = scheme.group or width, scheme.groups(width)
    padded = np.zeros((outputs, groups * size), np.float32)
    padded[:, :width] = weights
    largest: np.ndarray = np.abs(padded).reshape(outputs, groups, size).max(axis=2)
    best, least = largest.copy(), np.full((outputs, groups), np.inf)
    for step in range(CLIPS):
        limits = largest * (1 - step / (2 * CLIPS))
        error = _group_errors(quantize(weights, scheme, limits).weights - weights, x, size, groups)
        better = error < least
        best[better], least[better] = limits[better], error[better]
    return best


def _group_errors(difference: np.ndarray, x: np.ndarray, size: int, groups: int) -> np.ndarray:
    """Mean square of x times the difference, within each group."""
    found = np.empty((len(difference), groups))
    for group in range(groups):
        part = slice(group * size, (group + 1) * size)
        found[:, group] = np.mean((x[:, part] @ difference[:, part].T) ** 2, axis=0)
    return found


def _store(layer: nn.Linear, scheme: Scheme, limits: np.ndarray | None) -> None:
    layer.weight.data = nearest_weights(layer.weight.data, scheme, limits)


def quantized_copy(
    model: nn.Module,
    blocks_of: Callable[[nn.Module], Sequence[nn.Module]],
    tokens: Tensor,
    settings: Settings,
) -> tuple[nn.Module, tuple[ScaleChoice, ...]]:
    """A quantized copy of a model, and what was found; the model itself stays as it is."""
    other = copy.deepcopy(model)
    return other, awq(other, blocks_of(other), tokens, settings)
