"""Networks that ship, built from their published definitions; shapes only, no weights.

Each module is a family and has ``NETWORKS``: name to a function that takes the batch size and returns the
layers. What else a network leaves open (the tokens of a prompt) are keyword-only parameters of the function,
integers with a default. A module may have ``ALIASES``, other names under which a network is known. A module
that lies in this folder is found by looking; nothing else needs to know of it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TypeAlias

from mappings.layers import Layer

Builder: TypeAlias = Callable[..., tuple[Layer, ...]]


def builders() -> dict[str, Builder]:
    """Every network of the zoo by name."""
    found: dict[str, Builder] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            found.update(importlib.import_module(f"{__name__}.{module.name}").NETWORKS)
    return found


def aliases() -> dict[str, str]:
    """Other names of networks, with the name that the zoo has for each."""
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            found.update(getattr(importlib.import_module(f"{__name__}.{module.name}"), "ALIASES", {}))
    return found


def open_dimensions(builder: Builder) -> dict[str, int]:
    """What a network leaves open beside the batch, with the defaults."""
    return dict(getattr(builder, "__kwdefaults__", None) or {})
