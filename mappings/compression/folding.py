"""Scales that the operation before a layer takes up, so that the model computes the same.

A linear layer takes them into its rows. Any other operation takes them into its weights if it multiplies its
output by them, as norms do. That is tried out on random input rather than believed from a name: the weight of
a PReLU has the right shape, too, and some norms multiply by one more than their weight.
"""

from __future__ import annotations

import copy

from mappings.compression.calibration import submodule
from mappings.compression.errors import CompressionError
from mappings.compression.scale_mappings import ScaleMapping
from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

TOLERANCE = 1e-3


def fold(block: nn.Module, mapping: ScaleMapping, scales: Tensor) -> None:
    """Multiply the columns of the mapping's layers by ``scales`` and divide what comes before.

    Raises:
        CompressionError: The operation before has no place for the scales.
    """
    if problem := folding_problem(block, mapping):
        raise CompressionError(problem)
    with torch.no_grad():
        for name in mapping.layers:
            submodule(block, name).weight.mul_(scales)
        _divide(submodule(block, mapping.previous), scales)


def folding_problem(block: nn.Module, mapping: ScaleMapping) -> str:
    """Why the operation before the layers cannot take up their scales; empty if it can."""
    before, name = submodule(block, mapping.previous), mapping.previous
    width = submodule(block, mapping.layers[0]).weight.shape[1]
    weight = getattr(before, "weight", None)
    if weight is None:
        return f"'{name}' ({type(before).__name__}) cannot take up scales: it has no weights"
    if weight.shape[0] != width:
        return f"'{name}' has {weight.shape[0]} outputs, {mapping.layers[0]} {width} inputs"
    if isinstance(before, nn.Linear) or (weight.ndim == 1 and _scales_its_output(before, width)):
        return ""
    problem = "its output is no multiple of its weights"
    return f"'{name}' ({type(before).__name__}) cannot take up scales: {problem}"


def _divide(before: nn.Module, scales: Tensor) -> None:
    before.weight.div_(scales[:, None] if isinstance(before, nn.Linear) else scales)
    if getattr(before, "bias", None) is not None:
        before.bias.div_(scales)


def _scales_its_output(module: nn.Module, width: int) -> bool:
    """Whether dividing the weights divides the output, tried out on a copy."""
    random = torch.Generator().manual_seed(0)
    weight = module.weight
    x = torch.randn(2, 3, width, generator=random).to(weight)
    scales = torch.linspace(0.5, 2, width).to(weight)
    other = copy.deepcopy(module)
    with torch.no_grad():
        _divide(other, scales)
        try:
            before, after = module(x), other(x) * scales
        except (RuntimeError, TypeError, ValueError):
            return False  # takes no activations of this shape
    return bool(torch.allclose(before, after, rtol=TOLERANCE, atol=TOLERANCE))
