"""A predicted run against a trace, event by event: error of each kind, the first divergence, drift."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from html import escape

from platforms.validation.alignment import Aligned, Kind, Pair, align
from platforms.validation.events import Event, TraceError


@dataclass(frozen=True, slots=True)
class CycleErrors:
    """Errors of several events, in cycles; positive where predictions are late.

    Attributes:
        exact: Events without an error.
        p50_abs, p95_abs, max_abs: Of the absolute errors.
        drift: Growth of the error over the measured time (least squares), in cycles per 1000 cycles.
    """

    exact: int = 0
    mean: float = 0.0
    mean_abs: float = 0.0
    p50_abs: int = 0
    p95_abs: int = 0
    max_abs: int = 0
    drift: float = 0.0


@dataclass(frozen=True, slots=True)
class KindReport:
    """Events of one unit and kind. ``missing``: measured, not predicted; ``extra``: the other way round."""

    unit: str
    event: str
    method: str
    matched: int
    missing: int
    extra: int
    errors: CycleErrors


@dataclass(frozen=True)
class Comparison:
    """What the comparison found.

    Attributes:
        kinds: Per unit and kind, in the trace's order.
        only_measured, only_predicted: Kinds that the other side does not have; they are not compared.
        pairs: All pairs by time.
        errors: Over all pairs.
        mape: Mean of the absolute errors, each in percent of its measured cycle (in cycle 0: of cycle 1).
    """

    kinds: tuple[KindReport, ...]
    only_measured: tuple[Kind, ...]
    only_predicted: tuple[Kind, ...]
    pairs: tuple[Pair, ...]
    errors: CycleErrors
    mape: float

    @property
    def events(self) -> int:
        """Measured events of the kinds that are compared."""
        return sum(kind.matched + kind.missing for kind in self.kinds)

    @property
    def matched(self) -> int:
        """Events with a partner."""
        return sum(kind.matched for kind in self.kinds)

    @property
    def is_exact(self) -> bool:
        """Every event has a partner, in the same cycle."""
        return all(pair.error == 0 for pair in self.pairs)

    @property
    def first_divergence(self) -> Pair | None:
        """The earliest pair that differs or has no partner; ``None`` if all agree."""
        return next((pair for pair in self.pairs if pair.error != 0), None)

    def to_dict(self) -> dict[str, object]:
        """Plain; the keys are those of ``acadl compare --json``."""
        first = self.first_divergence
        return {
            "events": self.events,
            "matched": self.matched,
            "cycle_error": asdict(self.errors),
            "mape": self.mape,
            "exact": self.is_exact,
            "kinds": [asdict(kind) for kind in self.kinds],
            "only_measured": ["/".join(kind) for kind in self.only_measured],
            "only_predicted": ["/".join(kind) for kind in self.only_predicted],
            "first_divergence": None if first is None else _pair_dict(first),
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict())

    @property
    def headline(self) -> str:
        """The result in one line."""
        found = self.errors
        return (
            f"{self.matched} of {self.events} events matched, {found.exact} exact; "
            f"error mean {found.mean:+.4g}, 95 % within {found.p95_abs}, largest {found.max_abs} cycles; "
            f"MAPE {self.mape:.4g} %"
        )

    @property
    def divergence_line(self) -> str:
        """Where the two sides part, in words."""
        pair = self.first_divergence
        return "every event agrees to the cycle" if pair is None else f"first divergence: {_told(pair)}"

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(self.headline)}</b><br>{escape(self.divergence_line)}</p>"


def compare(predicted: Iterable[Event], measured: Iterable[Event]) -> Comparison:
    """Compare two lists of events.

    Raises:
        TraceError: They have no kind of event in common.
    """
    aligned = align(predicted, measured)
    if not aligned.kinds:
        raise TraceError(
            f"the run and the trace have no kind of event in common: the run has "
            f"{_kinds(aligned.only_predicted)}, the trace {_kinds(aligned.only_measured)}"
        )
    pairs = sorted((pair for kind in aligned.kinds for pair in kind.pairs), key=lambda pair: pair.cycle)
    return Comparison(
        _kind_reports(aligned),
        aligned.only_measured,
        aligned.only_predicted,
        tuple(pairs),
        _errors(pairs),
        _mape(pairs),
    )


def _kind_reports(aligned: Aligned) -> tuple[KindReport, ...]:
    return tuple(
        KindReport(
            kind.unit,
            kind.event,
            kind.method,
            sum(pair.error is not None for pair in kind.pairs),
            sum(pair.predicted is None for pair in kind.pairs),
            sum(pair.measured is None for pair in kind.pairs),
            _errors(kind.pairs),
        )
        for kind in aligned.kinds
    )


def _errors(pairs: Sequence[Pair]) -> CycleErrors:
    points = [(pair.cycle, pair.error) for pair in pairs if pair.error is not None]
    if not points:
        return CycleErrors()
    errors = [error for _, error in points]
    sizes = sorted(map(abs, errors))
    return CycleErrors(
        exact=errors.count(0),
        mean=sum(errors) / len(errors),
        mean_abs=sum(sizes) / len(sizes),
        p50_abs=sizes[(len(sizes) - 1) // 2],
        p95_abs=sizes[-(-95 * len(sizes) // 100) - 1],
        max_abs=sizes[-1],
        drift=_slope(points),
    )


def _slope(points: Sequence[tuple[int, int]]) -> float:
    """Least squares, per 1000 cycles; 0 where all events are in one cycle."""
    count = len(points)
    middle, mean = sum(time for time, _ in points) / count, sum(error for _, error in points) / count
    spread = sum((time - middle) ** 2 for time, _ in points)
    return 1000 * sum((time - middle) * (error - mean) for time, error in points) / spread if spread else 0.0


def _mape(pairs: Sequence[Pair]) -> float:
    shares = [abs(pair.error) / max(pair.cycle, 1) for pair in pairs if pair.error is not None]
    return 100 * sum(shares) / len(shares) if shares else 0.0


def _kinds(kinds: Sequence[Kind]) -> str:
    return ", ".join("/".join(kind) for kind in kinds[:8]) or "none"


def _told(pair: Pair) -> str:
    measured, predicted = pair.measured, pair.predicted
    if measured is None and predicted is not None:
        return f"{predicted.name}, predicted for cycle {predicted.cycle}, is not in the trace"
    assert measured is not None  # a pair has at least one event
    seen = f"{measured.name}, measured in cycle {measured.cycle}{_line(measured)}"
    if predicted is None or pair.error is None:
        return f"{seen}, is not predicted"
    late = "late" if pair.error > 0 else "early"
    return f"{seen}, is predicted for cycle {predicted.cycle}, {abs(pair.error)} too {late}"


def _line(event: Event) -> str:
    return f" (line {event.line})" if event.line else ""


def _pair_dict(pair: Pair) -> dict[str, object]:
    return {
        "measured": asdict(pair.measured) if pair.measured else None,
        "predicted": asdict(pair.predicted) if pair.predicted else None,
        "error": pair.error,
        "text": _told(pair),
    }
