"""Layers that a description cannot map, estimated by a model that is fitted to measurements."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from platforms.result import LayerEstimate, NetworkEstimate

if TYPE_CHECKING:
    from mappings.layers import Layer
    from mappings.network import Network
    from platforms.estimators.model import Model

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}  # of the unit at the end of a column's name


def with_fallback(
    report: NetworkEstimate, network: Network, model: Model | str | os.PathLike[str]
) -> NetworkEstimate:
    """The estimate with the unmapped layers filled in by a fitted model, in the order of the network.

    Such layers have the method ``estimator``, no instructions, and bounds in their notes. The model's target
    says its unit: a name that ends in ``cycles``, or in ``_ns``, ``_us``, ``_ms`` or ``_s``, which the clock
    of the architecture turns into cycles.

    Raises:
        EstimatorError: The file is no model, or its target names no unit.
    """
    from platforms.estimators.model_file import load_model

    if not isinstance(model, (str, os.PathLike)):
        name, fitted = model.kind, model
    else:
        name, fitted = os.fspath(model), load_model(model)
    factor = cycles_per_unit(fitted.target, report.clock_hz)
    missing = {layer.name for layer in report.unmapped}
    layers = [layer for layer in network.layers if layer.name in missing]
    filled = _estimates(layers, fitted, factor, name)
    unknown = fitted.unmeasured(layers) if layers else ()
    notes = tuple(f"{name} was fitted without layers of kind '{op}': it guesses them" for op in unknown)
    known = {layer.name: layer for layer in (*report.layers, *filled)}
    source = fitted.provenance
    return replace(
        report,
        layers=tuple(known[layer.name] for layer in network.layers if layer.name in known),
        unmapped=(),
        notes=(*report.notes, *notes),
        provenance={
            **report.provenance,
            "fallback": name,
            "fallback_kind": fitted.kind,
            "fallback_measurements_sha256": source.sha256,
        },
    )


def cycles_per_unit(target: str, clock_hz: int) -> float:
    """Clock cycles of one unit of a measured column, which the end of its name says.

    Raises:
        EstimatorError: It says none.
    """
    from platforms.estimators.errors import EstimatorError

    if target.lower().endswith("cycles"):
        return 1.0
    unit = re.search(r"_(ns|us|ms|s)$", target.lower())
    if unit is None:
        raise EstimatorError(
            f"the model's target '{target}' says no unit: expected a column whose name ends in cycles, _ns, "
            "_us, _ms or _s; rename the column and fit again"
        )
    return SECONDS[unit[1]] * clock_hz


def _estimates(layers: Sequence[Layer], model: Model, factor: float, name: str) -> list[LayerEstimate]:
    if not layers:
        return []
    found = model.predict(layers)
    rows = zip(layers, found.latency, found.lower, found.upper, strict=True)
    return [
        LayerEstimate(
            name=layer.name,
            op=layer.op,
            macs=layer.macs * layer.count,
            cycles=round(factor * latency) * layer.count,
            method="estimator",
            instructions=0,
            evaluated_instructions=0,
            bound_by="not described: measured",
            count=layer.count,
            notes=(
                f"estimated by {name} ({model.kind}): each between {factor * lower:.0f} and "
                f"{factor * upper:.0f} cycles, with {100 * found.confidence:.0f} % confidence",
            ),
        )
        for layer, latency, lower, upper in rows
    ]
