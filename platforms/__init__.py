"""What networks run on: shipped descriptions, whole-network estimates, the command line.

>>> import platforms
>>> report = platforms.estimate("gemmini", "alexnet")      # doctest: +SKIP
>>> report.total_cycles                                    # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platforms.catalog import load, platform_names
    from platforms.network_search import LayerSearch, NetworkSearch, search
    from platforms.network_what_if import NetworkWhatIf, what_if
    from platforms.network_why import NetworkWhy, why
    from platforms.result import LayerEstimate, NetworkEstimate, UnmappedLayer
    from platforms.validation.case_report import ValidationReport
    from platforms.validation.cases import validate
    from platforms.whole_network import estimate

__all__ = [
    "LayerEstimate",
    "LayerSearch",
    "NetworkEstimate",
    "NetworkSearch",
    "NetworkWhatIf",
    "NetworkWhy",
    "UnmappedLayer",
    "ValidationReport",
    "estimate",
    "load",
    "platform_names",
    "search",
    "validate",
    "what_if",
    "why",
]

_MODULES = {
    "LayerEstimate": "platforms.result",
    "LayerSearch": "platforms.network_search",
    "NetworkEstimate": "platforms.result",
    "NetworkSearch": "platforms.network_search",
    "NetworkWhatIf": "platforms.network_what_if",
    "NetworkWhy": "platforms.network_why",
    "UnmappedLayer": "platforms.result",
    "ValidationReport": "platforms.validation.case_report",
    "estimate": "platforms.whole_network",
    "load": "platforms.catalog",
    "platform_names": "platforms.catalog",
    "search": "platforms.network_search",
    "validate": "platforms.validation.cases",
    "what_if": "platforms.network_what_if",
    "why": "platforms.network_why",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'platforms' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
