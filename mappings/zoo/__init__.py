"""Networks that ship, built from their published definitions; shapes only, no weights.

Each module is a family and has ``NETWORKS``: name to a function that takes the batch size and returns the
layers. A module that lies in this folder is found by looking; nothing else needs to know of it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TypeAlias

from mappings.layers import Layer

Builder: TypeAlias = Callable[[int], tuple[Layer, ...]]


def builders() -> dict[str, Builder]:
    """Every network of the zoo by name."""
    found: dict[str, Builder] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            found.update(importlib.import_module(f"{__name__}.{module.name}").NETWORKS)
    return found
