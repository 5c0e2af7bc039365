"""Latencies, intervals and numbers of parts: known before the run, or dependent on loop indices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acadl.expressions import Expr
from acadl.model import Controller, FunctionalUnit, PipelineStage
from aidg.prepared import evaluate
from mappings.program import Affine


@dataclass(frozen=True, slots=True)
class VaryingCost:
    """A latency, interval or number of parts that depends on loop indices."""

    what: str
    expression: Expr
    names: Mapping[str, int]
    varying: Mapping[str, Affine]
    least: int = 0

    def at(self, indices: Mapping[str, int]) -> int:
        """Its value. Raises :class:`ProgramError`."""
        names = {**self.names, **{name: value.at(indices) for name, value in self.varying.items()}}
        return max(self.least, evaluate(self.what, self.expression, names))


class Costs:
    """Costs of one step: ``names`` are known, ``varying`` depend on loop indices."""

    def __init__(self, names: Mapping[str, int], varying: Mapping[str, Affine]) -> None:
        self._names = names
        self._varying = varying

    def of(self, what: str, expression: Expr, least: int) -> VaryingCost | int:
        """The value, at least ``least``. Raises :class:`ProgramError`, naming ``what``."""
        varying = {name: self._varying[name] for name in expression.names() & self._varying.keys()}
        if varying:
            return VaryingCost(what, expression, self._names, varying, least)
        return max(least, evaluate(what, expression, self._names))

    def visit(self, item: PipelineStage | FunctionalUnit) -> tuple[VaryingCost | int, VaryingCost | int]:
        """Latency and interval; an interval of -1 means until done."""
        latency = self.of(f"latency of '{item.name}'", item.latency, 0)
        if item.initiation_interval is not None:
            return latency, self.of(f"initiation_interval of '{item.name}'", item.initiation_interval, 0)
        if isinstance(item, Controller):
            return latency, 1
        return latency, latency if isinstance(item, PipelineStage) else -1
