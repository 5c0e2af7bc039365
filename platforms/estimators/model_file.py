"""Model files: JSON with a schema, read with distrust.

Nothing in a file is executed; what does not fit its form, or arrays that do not fit together, are refused.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from acadl.reading import read_text
from platforms.estimators.additive import TERMS, Additive
from platforms.estimators.analytic import DIMENSIONS, Roofline, Step
from platforms.estimators.cross_validation import Errors, Estimator
from platforms.estimators.errors import EstimatorError
from platforms.estimators.features import Features
from platforms.estimators.forest import forest_from_dict
from platforms.estimators.intervals import LEVELS, Intervals
from platforms.estimators.model import Model, Provenance
from platforms.estimators.representatives import DIMENSIONS as SIZES_THAT_STEP
from platforms.estimators.representatives import Representatives
from platforms.estimators.rooflines import Rooflines
from platforms.estimators.stepwise import StepwiseModel
from platforms.estimators.terms import SIZES_OF_TERMS, Terms
from platforms.estimators.tree_model import TreeModel

SCHEMA = "acadl-estimator/1"
SHOWN = 8  # problems of a file

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Width = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Step(_Part):
    width: Annotated[int, Field(ge=1)]
    alpha: Fraction
    replicates: bool = False


class _Roofline(_Part):
    peak: Positive | None  # None: infinite
    bandwidth: Positive | None
    overhead: Annotated[float, Field(ge=0)]
    steps: dict[str, _Step]


class _Features(_Part):
    ops: list[str]
    labels: dict[str, list[str]]
    remainders: bool


class _Rooflines(_Part):
    form: Literal["rooflines"]
    by_op: dict[str, _Roofline]


class _Stepwise(_Part):
    form: Literal["stepwise"]
    widths: dict[str, dict[str, Width]]
    costs: dict[str, list[NotNegative]]


class _Term(_Part):
    sizes: dict[str, Width]
    factor: NotNegative


class _Trees(_Part):
    form: Literal["trees"]
    features: _Features
    scale: dict[str, list[NotNegative]] | None
    terms: dict[str, list[_Term]] | None = None  # in place of the scale
    shift: float
    widths: dict[str, dict[str, Width]] | None
    forest: dict[str, Any]


class _Intervals(_Part):
    quantiles: Annotated[
        list[Annotated[float, Field(ge=0)]], Field(min_length=len(LEVELS), max_length=len(LEVELS))
    ]
    floor: Positive
    correlation: Fraction


class _File(_Part):
    schema_: Literal["acadl-estimator/1"] = Field(alias="schema")
    kind: str
    target: str
    network_factor: Positive
    estimator: Annotated[_Rooflines | _Stepwise | _Trees, Field(discriminator="form")]
    intervals: _Intervals
    errors: dict[str, float]
    provenance: dict[str, str | int]


def write_model(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model; the file is complete or not there."""
    text = json.dumps(model_to_dict(model), indent=1) + "\n"
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def load_model(path: str | os.PathLike[str]) -> Model:
    """The model in a file. Raises :class:`EstimatorError` that says what is wrong with it."""
    file = os.fspath(path)
    try:
        data = json.loads(read_text(Path(path)))
    except json.JSONDecodeError as error:
        raise EstimatorError(
            f"{file}, line {error.lineno}, column {error.colno}: no JSON: {error.msg}"
        ) from error
    try:
        return model_from_dict(data)
    except EstimatorError as error:
        raise EstimatorError(f"{file}: {error}") from error


def model_to_dict(model: Model) -> dict[str, Any]:
    """The contents of a model file."""
    return {
        "schema": SCHEMA,
        "kind": model.kind,
        "target": model.target,
        "network_factor": model.network_factor,
        "estimator": _estimator_to_dict(model.estimator),
        "intervals": {**asdict(model.intervals), "quantiles": list(model.intervals.quantiles)},
        "errors": asdict(model.errors),
        "provenance": asdict(model.provenance),
    }


def model_from_dict(data: object) -> Model:
    """The model that a file holds. Raises :class:`EstimatorError`."""
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise EstimatorError(f'no model file of acadl: expected "schema": "{SCHEMA}", found {found!r}')
    try:
        file = _File.model_validate(data)
        errors, provenance = Errors(**data["errors"]), Provenance(**data["provenance"])
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:SHOWN]]
        raise EstimatorError("; ".join(problems)) from error
    except TypeError as error:
        raise EstimatorError(f"'errors' or 'provenance' is incomplete: {error}") from error
    return Model(
        file.kind,
        file.target,
        _estimator(file.estimator),
        Intervals(tuple(file.intervals.quantiles), file.intervals.floor, file.intervals.correlation),
        errors,
        provenance,
        file.network_factor,
    )


def _estimator_to_dict(estimator: Estimator) -> dict[str, Any]:
    if isinstance(estimator, Rooflines):
        return {"form": "rooflines", "by_op": {op: _roofline_to_dict(r) for op, r in estimator.by_op.items()}}
    if isinstance(estimator, TreeModel):
        scale, widths = estimator.scale, estimator.representatives
        return {
            "form": "trees",
            "features": {
                "ops": list(estimator.features.ops),
                "labels": {name: list(texts) for name, texts in estimator.features.labels.items()},
                "remainders": estimator.features.remainders,
            },
            "scale": _factors_to_dict(scale) if isinstance(scale, Additive) else None,
            "terms": _terms_to_dict(scale) if isinstance(scale, Terms) else None,
            "shift": estimator.shift,
            "widths": widths if widths is None else _widths_to_dict(widths),
            "forest": estimator.forest.to_dict(),
        }
    if isinstance(estimator, StepwiseModel):
        stepped, costs = _widths_to_dict(estimator.representatives), _factors_to_dict(estimator.costs)
        return {"form": "stepwise", "widths": stepped, "costs": costs}
    raise EstimatorError(f"a {type(estimator).__name__} has no form in a file")


def _factors_to_dict(scale: Additive) -> dict[str, list[float]]:
    return {op: list(factors) for op, factors in scale.factors.items()}


def _terms_to_dict(scale: Terms) -> dict[str, list[dict[str, Any]]]:
    return {
        op: [{"sizes": dict(term), "factor": factor} for term, factor in terms.items()]
        for op, terms in scale.by_op.items()
    }


def _widths_to_dict(representatives: Representatives) -> dict[str, dict[str, int]]:
    return {op: dict(widths) for op, widths in representatives.widths.items()}


def _roofline_to_dict(roofline: Roofline) -> dict[str, Any]:
    return {
        "peak": roofline.peak if math.isfinite(roofline.peak) else None,
        "bandwidth": roofline.bandwidth if math.isfinite(roofline.bandwidth) else None,
        "overhead": roofline.overhead,
        "steps": {letter: asdict(step) for letter, step in roofline.steps.items()},
    }


def _estimator(part: _Rooflines | _Stepwise | _Trees) -> Estimator:
    if isinstance(part, _Rooflines):
        if "" not in part.by_op:
            raise EstimatorError("the rooflines have none for other operators, under the empty name")
        return Rooflines({op: _roofline(r) for op, r in part.by_op.items()})
    if isinstance(part, _Stepwise):
        costs = _scale(part.costs)
        assert costs is not None  # there are some
        return StepwiseModel(_representatives(part.widths), costs)
    features = Features(
        tuple(part.features.ops),
        {name: tuple(texts) for name, texts in part.features.labels.items()},
        part.features.remainders,
    )
    forest = forest_from_dict(part.forest)
    scale = _scale(part.scale) if part.terms is None else _terms(part.terms)
    count = features.count + (scale.count if isinstance(scale, Terms) else 0)
    if forest.features != count:
        raise EstimatorError(f"the trees ask for {forest.features} features, there are {count}")
    representatives = None if part.widths is None else _representatives(part.widths)
    return TreeModel(features, forest, scale, part.shift, representatives)


def _terms(parts: Mapping[str, list[_Term]]) -> Terms:
    strange = {name for terms in parts.values() for term in terms for name in term.sizes} - SIZES_OF_TERMS
    if strange:
        raise EstimatorError(f"no sizes of terms: {', '.join(sorted(strange))}")
    if not parts.get("") or any(not any(t.factor > 0 for t in terms) for terms in parts.values()):
        raise EstimatorError("the terms need a factor above 0 per operator, and some for other operators")
    return Terms({op: {tuple(t.sizes.items()): t.factor for t in terms} for op, terms in parts.items()})


def _representatives(widths: Mapping[str, Mapping[str, int]]) -> Representatives:
    strange = {name for of_op in widths.values() for name in of_op} - set(SIZES_THAT_STEP)
    if strange:
        raise EstimatorError(f"no sizes that step: {', '.join(sorted(strange))}")
    return Representatives(widths)


def _scale(factors: Mapping[str, list[float]] | None) -> Additive | None:
    if factors is None:
        return None
    if "" not in factors or any(len(f) != len(TERMS) for f in factors.values()):
        raise EstimatorError(
            f"the scale needs {len(TERMS)} factors per operator, and some for other operators"
        )
    return Additive({op: tuple(f) for op, f in factors.items()})


def _roofline(part: _Roofline) -> Roofline:
    strange = set(part.steps) - set(DIMENSIONS)
    if strange:
        raise EstimatorError(f"no dimensions to be unrolled: {', '.join(sorted(strange))}")
    steps = {letter: Step(s.width, s.alpha, s.replicates) for letter, s in part.steps.items()}
    return Roofline(part.peak or math.inf, part.bandwidth or math.inf, part.overhead, steps)
