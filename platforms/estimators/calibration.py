"""Fitting free parameters of a description to measured cycles, and saying which of them the cases determine.

Relative errors over the cases are made small by steps along the slopes (Gauss and Newton) and, since
parameters are integers and predictions whole cycles, by steps of one or two parameters that are halved when
none helps (a pattern search; Hooke and Jeeves, J. ACM 1961). Afterwards each parameter is moved away from
its best value until the mean error shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from platforms.estimators.errors import EstimatorError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Values: TypeAlias = "dict[str, int]"
Predict: TypeAlias = Callable[[Mapping[str, int]], "NDArray[np.float64]"]

WORSE = 0.05  # of the mean error in percent, absolute, and of it relative: a change that shows
TOGETHER = 0.98  # correlation of two parameters' effects from which only their combination is determined


@dataclass(frozen=True)
class Free:
    """A parameter that is fitted: its least and its largest value."""

    name: str
    low: int
    high: int

    def clipped(self, value: int) -> int:
        """The nearest value that is allowed."""
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Fitted:
    """A parameter that was fitted.

    Attributes:
        name: Of the parameter.
        value: With the least error.
        low, high: Values about it whose error is as good, the other parameters unchanged.
        identified: Whether the cases determine it: moving it off this range shows, and no other parameter
            has the same effect.
        with_: Parameters whose effect on the cases is the same up to a factor.
    """

    name: str
    value: int
    low: int
    high: int
    identified: bool
    with_: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calibration:
    """What a calibration found.

    Attributes:
        parameters: Fitted ones.
        start_mape, mape: Mean absolute error in percent, before and after.
        evaluations: Sets of values that were tried.
        complete: Whether the search ended by itself, not by its budget.
    """

    parameters: tuple[Fitted, ...]
    start_mape: float
    mape: float
    evaluations: int
    complete: bool

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        rows = [{**asdict(p), "with": list(p.with_)} for p in self.parameters]
        for row in rows:
            del row["with_"]
        return {**asdict(self), "parameters": rows}


class _Search:
    """Errors of sets of values, each evaluated once."""

    def __init__(
        self,
        predict: Predict,
        measured: NDArray[np.float64],
        budget: int,
        done: Callable[[int, float], None] | None,
    ) -> None:
        self.measured = measured
        self._predict, self._done = predict, done
        self._budget = budget
        self._known: dict[tuple[tuple[str, int], ...], NDArray[np.float64]] = {}
        self._best = np.inf

    @property
    def evaluations(self) -> int:
        return len(self._known)

    @property
    def exhausted(self) -> bool:
        return len(self._known) >= self._budget

    def predicted(self, values: Values) -> NDArray[np.float64]:
        key = tuple(sorted(values.items()))
        if key not in self._known:
            self._known[key] = np.asarray(self._predict(values), np.float64)
            if self._done is not None:
                self._best = min(self._best, self.error(values))
                self._done(len(self._known), self._best)
        return self._known[key]

    def squares(self, values: Values) -> float:
        """Sum of the squared relative errors: what the search makes small, since it has no ridges."""
        return float(np.sum((self.predicted(values) / self.measured - 1) ** 2))

    def error(self, values: Values) -> float:
        """Mean of the absolute relative errors, in percent."""
        predicted = self.predicted(values)
        return float(100 * np.mean(np.abs(predicted / self.measured - 1)))


def calibrate(
    predict: Predict,
    measured: NDArray[np.float64],
    free: tuple[Free, ...],
    start: Mapping[str, int],
    *,
    budget: int = 400,
    done: Callable[[int, float], None] | None = None,
) -> Calibration:
    """The values with the least mean relative error.

    Args:
        predict: Cycles of all cases with these values of the free parameters.
        measured: Cycles of the cases, positive.
        free: What is fitted.
        start: Where to begin; brought into the ranges.
        budget: Sets of values at most.
        done: Told after each set how many there were, and the least error so far.

    Raises:
        EstimatorError: Nothing is free, or a range is empty.
    """
    if not free:
        raise EstimatorError("nothing to calibrate: no parameter is free")
    for parameter in free:
        if parameter.low > parameter.high:
            raise EstimatorError(f"'{parameter.name}': {parameter.low}..{parameter.high} holds no value")
    search = _Search(predict, measured, budget, done)
    values = {p.name: p.clipped(start.get(p.name, p.low)) for p in free}
    before = search.error(values)
    best, complete = _descend(search, free, values), True
    if search.exhausted:
        complete = False
    found = tuple(_judged(search, free, p, best) for p in free) if complete else _unjudged(free, best)
    return Calibration(found, before, search.error(best), search.evaluations, complete)


def _descend(search: _Search, free: tuple[Free, ...], values: Values) -> Values:
    """Values that no step along the slopes, and none of one or two parameters, makes better."""
    best = dict(values)
    steps = {p.name: max((p.high - p.low) // 4, 1) for p in free}
    while not search.exhausted:
        better = _first_better(search, best, _moves(search, free, best, steps))
        if better is not None:
            best = better
        elif all(step == 1 for step in steps.values()):
            break
        else:
            steps = {name: max(step // 2, 1) for name, step in steps.items()}
    return best


def _first_better(search: _Search, best: Values, trials: Iterator[Values]) -> Values | None:
    squares = search.squares(best)
    for trial in trials:
        if search.squares(trial) < squares:
            return trial
        if search.exhausted:
            break
    return None


def _moves(
    search: _Search, free: tuple[Free, ...], best: Values, steps: Mapping[str, int]
) -> Iterator[Values]:
    """Values to try: where the slopes lead, then single steps, then a step of one against one of another."""
    yield _along_the_slopes(search, free, best)
    for p in free:
        for sign in (1, -1):
            yield {**best, p.name: p.clipped(best[p.name] + sign * steps[p.name])}
    for p, q in combinations(free, 2):
        for one, other in ((1, -1), (-1, 1), (1, 1), (-1, -1)):
            moved = p.clipped(best[p.name] + one * steps[p.name])
            yield {**best, p.name: moved, q.name: q.clipped(best[q.name] + other * steps[q.name])}


def _along_the_slopes(search: _Search, free: tuple[Free, ...], best: Values) -> Values:
    """The step of Gauss and Newton, rounded: where the predictions would fit if they were linear."""
    slopes = np.stack([_slope(search, p, best) for p in free], axis=1)
    predicted = search.predicted(best)
    missing = search.measured / predicted - 1
    if not (np.all(np.isfinite(slopes)) and np.all(np.isfinite(missing))):
        return best
    step = np.linalg.lstsq(slopes, missing, rcond=1e-6)[0]
    return {p.name: p.clipped(best[p.name] + round(float(d))) for p, d in zip(free, step, strict=True)}


def _judged(search: _Search, free: tuple[Free, ...], parameter: Free, best: Values) -> Fitted:
    """How well the cases determine a parameter."""
    limit = search.error(best) * (1 + WORSE) + WORSE
    low = _edge(search, parameter, best, limit, -1)
    high = _edge(search, parameter, best, limit, 1)
    others = tuple(p.name for p in free if p.name != parameter.name and _alike(search, parameter, p, best))
    whole = low == parameter.low and high == parameter.high and low < high
    return Fitted(parameter.name, best[parameter.name], low, high, not whole and not others, others)


def _unjudged(free: tuple[Free, ...], best: Values) -> tuple[Fitted, ...]:
    return tuple(Fitted(p.name, best[p.name], p.low, p.high, False) for p in free)


def _edge(search: _Search, parameter: Free, best: Values, limit: float, sign: int) -> int:
    """The farthest value in a direction whose error does not show, by steps that double and then halve."""
    value, step = best[parameter.name], 1
    good = value

    def fine(v: int) -> bool:
        return search.error({**best, parameter.name: v}) <= limit

    while True:
        trial = parameter.clipped(value + sign * step)
        if trial == good or not fine(trial):
            break
        good, step = trial, 2 * step
    bad = parameter.clipped(value + sign * step)
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fine(middle) else (good, middle)
    return good


def _alike(search: _Search, one: Free, other: Free, best: Values) -> bool:
    """Whether two parameters move the predictions of the cases in the same proportion."""
    effects = [_slope(search, p, best) for p in (one, other)]
    sizes = [float(np.linalg.norm(effect)) for effect in effects]
    if not all(sizes):
        return False
    return abs(float(effects[0] @ effects[1])) >= TOGETHER * sizes[0] * sizes[1]


def _slope(search: _Search, parameter: Free, best: Values) -> NDArray[np.float64]:
    """Relative change of the predictions for one more of the parameter, over a change that is seen."""
    value = best[parameter.name]
    reach = max(abs(value) // 5, 1)
    low, high = parameter.clipped(value - reach), parameter.clipped(value + reach)
    if low == high:
        return np.zeros(len(search.measured))
    less, more = (search.predicted({**best, parameter.name: v}) for v in (low, high))
    return (more - less) / (high - low) / search.predicted(best)


def pairs_of(calibration: Calibration) -> list[tuple[str, str]]:
    """Parameters of which only the combination is determined."""
    names = [p.name for p in calibration.parameters]
    together = {p.name: set(p.with_) for p in calibration.parameters}
    return [(a, b) for a, b in combinations(names, 2) if b in together[a]]
