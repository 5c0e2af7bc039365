"""From measurements to a model: one kind, or the one that errs least on rows left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from acadl.errors import nearest
from platforms.estimators.cross_validation import (
    FOLDS,
    Errors,
    Estimator,
    Fit,
    OutOfFold,
    best_factor,
    errors,
    out_of_fold,
)
from platforms.estimators.errors import EstimatorError
from platforms.estimators.intervals import calibrate
from platforms.estimators.measurements import Measurements
from platforms.estimators.model import KINDS, Model, Provenance
from platforms.estimators.representatives import Representatives
from platforms.estimators.rooflines import fit_rooflines
from platforms.estimators.stepwise import fit_representatives, fit_stepwise
from platforms.estimators.tree_model import TreeModel, fit_trees
from platforms.version import VERSION

AUTO = "auto"
FEWEST_ROWS = 5  # that anything can be fitted to and judged by
LARGEST_SHIFT = 0.35  # of the logarithm, by the factor for the mean relative error
CLEARLY = 0.98  # error with the factor over error without, for the factor to be kept


@dataclass(frozen=True)
class Recipe:
    """A way of fitting that is tried."""

    kind: str
    name: str
    fit: Fit


def recipes(kind: str, seed: int, known: Representatives | None = None) -> tuple[Recipe, ...]:
    """The ways of fitting a kind; of all kinds for ``auto``. ``known``: step widths of the hardware."""
    if kind not in (*KINDS, AUTO):
        hint = nearest(kind, (*KINDS, AUTO))
        raise EstimatorError(f"there is no estimator '{kind}'{hint}; there are {', '.join(KINDS)}, {AUTO}")
    every: list[Recipe] = [
        Recipe("roofline", "", partial(fit_rooflines, refined=False)),
        Recipe("refined_roofline", "", partial(fit_rooflines, refined=True)),
    ]
    for leaf in (1, 3):
        every.append(Recipe("statistical", f"leaves of {leaf}", partial(_trees, False, leaf, False, seed)))
    for leaf, remainders in ((1, False), (1, True), (3, False), (8, False)):
        name = f"leaves of {leaf}" + (", remainders" if remainders else "")
        every.append(Recipe("mixed", name, partial(_trees, True, leaf, remainders, seed)))
    every.append(Recipe("stepwise", "", fit_stepwise))
    every.append(Recipe("pr", "", partial(_representatives, seed, False, known)))
    every.append(Recipe("pr", "stepped terms", partial(_representatives, seed, True, known)))
    return tuple(recipe for recipe in every if kind in (recipe.kind, AUTO))


def fit(
    kind: str,
    measured: Measurements,
    *,
    where: str = "",
    group: str = "",
    seed: int = 0,
    known: Representatives | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Model:
    """The model of a kind, or the best of all with ``auto``, that errs least on rows left out.

    Args:
        kind: One of :data:`~platforms.estimators.model.KINDS`, or ``auto``.
        measured: Layers and latencies.
        where, group: How the measurements were chosen and grouped, for the model's provenance.
        seed: Of everything random.
        known: Step widths for ``pr``, from the hardware or from sweeps; otherwise they are fitted.
        progress: Called with what is fitted, how many fits are done, and how many there are.

    Raises:
        EstimatorError: Too few measurements, no such kind, a missing extra.
    """
    if len(measured) < FEWEST_ROWS:
        raise EstimatorError(
            f"{len(measured)} measurements are too few to fit anything to: {FEWEST_ROWS} at least"
        )
    ways = recipes(kind, seed, known)
    judged = {}
    for number, recipe in enumerate(ways):
        told = _counter(progress, recipe, number, len(ways))
        judged[recipe] = out_of_fold(measured, recipe.fit, seed=seed, done=told)
    recipe = min(ways, key=lambda way: errors(judged[way].predicted, measured.latency).score)
    estimator, apart = _shifted(recipe.fit(measured), judged[recipe], measured)
    source, digest = measured.source
    operators = " ".join(sorted(set(measured.layers.ops)))
    return Model(
        recipe.kind,
        measured.target,
        estimator,
        calibrate(measured, apart),
        errors(apart.predicted, measured.latency),
        Provenance(VERSION, source, digest, where, group, len(measured), seed, operators),
    )


def _shifted(estimator: Estimator, apart: OutOfFold, measured: Measurements) -> tuple[Estimator, OutOfFold]:
    """With the factor that makes the mean relative error smallest, where that helps clearly."""
    if not isinstance(estimator, TreeModel):
        return estimator, apart
    shift = float(
        np.clip(np.log(best_factor(apart.predicted, measured.latency)), -LARGEST_SHIFT, LARGEST_SHIFT)
    )
    moved = OutOfFold(apart.predicted * np.exp(shift), apart.spread)
    before = errors(apart.predicted, measured.latency)
    after = errors(moved.predicted, measured.latency)
    if after.mape > CLEARLY * before.mape or after.score > before.score:
        return estimator, apart
    return replace(estimator, shift=shift), moved


def _trees(mixed: bool, leaf: int, remainders: bool, seed: int, measured: Measurements) -> TreeModel:
    return fit_trees(
        measured.layers, measured.latency, mixed=mixed, leaf=leaf, remainders=remainders, seed=seed
    )


def _representatives(
    seed: int, stepped: bool, known: Representatives | None, measured: Measurements
) -> TreeModel:
    layers, latency = measured.layers, measured.latency
    found = fit_representatives(layers, latency) if known is None else known
    return fit_trees(layers, latency, mixed=True, stepped=stepped, representatives=found, seed=seed)


def _counter(
    progress: Callable[[str, int, int], None] | None, recipe: Recipe, number: int, ways: int
) -> Callable[[], None] | None:
    if progress is None:
        return None
    done = iter(range(number * FOLDS + 1, (number + 1) * FOLDS + 1))
    name = f"{recipe.kind} {recipe.name}".strip()
    return lambda: progress(name, next(done), ways * FOLDS)


def errors_by_kind(measured: Measurements, seed: int = 0) -> Mapping[str, Errors]:
    """Errors of the best way of each kind on rows left out."""
    found: dict[str, Errors] = {}
    for recipe in recipes(AUTO, seed):
        apart = out_of_fold(measured, recipe.fit, seed=seed)
        now = errors(apart.predicted, measured.latency)
        if recipe.kind not in found or now.score < found[recipe.kind].score:
            found[recipe.kind] = now
    return found
