"""Architectural instruction dependency graphs: loop program and architecture to cycles, and why.

Public names: ``estimate``, ``Estimate``, ``prepare``, ``Estimator`` (the kernel), ``build``, ``evaluate``,
``critical_path``, ``CriticalPath``, ``slack``, ``slack_by_object`` (the explicit graph), ``explain``,
``Explanation``, ``PathShare`` (the critical path of a whole run), ``what_if``, ``WhatIf`` (gains of single
changes), ``timeline``, ``Timeline`` (cycle by cycle).
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aidg.criticality import CriticalPath, critical_path
    from aidg.energy import Energy, EnergyShare, energy
    from aidg.estimation import Estimate, Estimator, estimate, prepare
    from aidg.explanation import Explanation, PathShare, explain
    from aidg.graph import build, evaluate
    from aidg.slack import slack, slack_by_object
    from aidg.timeline import Timeline, timeline
    from aidg.what_if import WhatIf, WhatIfRow, what_if

_MODULE_OF = {
    "CriticalPath": "aidg.criticality",
    "Energy": "aidg.energy",
    "EnergyShare": "aidg.energy",
    "Estimate": "aidg.estimation",
    "Estimator": "aidg.estimation",
    "Explanation": "aidg.explanation",
    "PathShare": "aidg.explanation",
    "Timeline": "aidg.timeline",
    "WhatIf": "aidg.what_if",
    "WhatIfRow": "aidg.what_if",
    "build": "aidg.graph",
    "energy": "aidg.energy",
    "critical_path": "aidg.criticality",
    "estimate": "aidg.estimation",
    "evaluate": "aidg.graph",
    "explain": "aidg.explanation",
    "prepare": "aidg.estimation",
    "slack": "aidg.slack",
    "slack_by_object": "aidg.slack",
    "timeline": "aidg.timeline",
    "what_if": "aidg.what_if",
}

__all__ = [
    "CriticalPath",
    "Energy",
    "EnergyShare",
    "Estimate",
    "Estimator",
    "Explanation",
    "PathShare",
    "Timeline",
    "WhatIf",
    "WhatIfRow",
    "build",
    "critical_path",
    "energy",
    "estimate",
    "evaluate",
    "explain",
    "prepare",
    "slack",
    "slack_by_object",
    "timeline",
    "what_if",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'aidg' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Keeps ``aidg.estimate`` the function where the import system would enter the module of that name."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in __all__ and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
