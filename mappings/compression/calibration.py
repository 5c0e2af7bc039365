"""What the layers of a model read while it runs on calibration text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mappings.compression.errors import CompressionError
from mappings.compression.torch_extra import need_torch

need_torch()

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402


class _Stop(Exception):
    """Ends a run of the model once its first block's input is known."""


def first_input(model: nn.Module, block: nn.Module, tokens: Tensor) -> Tensor:
    """What the first block reads."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        kept.append(arguments[0].detach())
        raise _Stop

    handle = block.register_forward_pre_hook(keep)
    try:
        with torch.no_grad():
            model(tokens)
    except _Stop:
        pass
    finally:
        handle.remove()
    if not kept:
        raise CompressionError(f"the model never runs the block it was given ({type(block).__name__})")
    return kept[0]


def inputs_of(block: nn.Module, inputs: Tensor, modules: Sequence[nn.Module]) -> list[Tensor]:
    """What each module reads while the block runs.

    Raises:
        CompressionError: The block does not run one of them.
    """
    kept: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        kept[module] = arguments[0].detach()

    handles = [module.register_forward_pre_hook(keep) for module in modules]
    try:
        with torch.no_grad():
            block(inputs)
    finally:
        for handle in handles:
            handle.remove()
    names = {module: name for name, module in block.named_modules()}
    if idle := [names.get(module, type(module).__name__) for module in modules if module not in kept]:
        raise CompressionError(f"the block does not run {', '.join(idle)}")
    return [kept[module] for module in modules]


def linear_layers(block: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    """Linear layers of a block by name."""
    for name, module in block.named_modules():
        if isinstance(module, nn.Linear):
            yield name, module


def submodule(block: nn.Module, name: str) -> nn.Module:
    """A module of a block by name; the block itself by an empty one."""
    try:
        return block.get_submodule(name)
    except AttributeError as error:
        there = ", ".join(n for n, _ in block.named_modules() if n)
        raise CompressionError(f"a block has no module '{name}'; it has {there}") from error
