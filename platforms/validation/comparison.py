"""A predicted run against a trace, event by event: error of each kind, the first divergence, drift."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING

from platforms.validation.alignment import Kind, KindPairs, Pair, align, from_origin
from platforms.validation.divergence import Divergence, around, first_divergence, next_predicted
from platforms.validation.error_statistics import (
    Bin,
    CycleErrors,
    Point,
    TimeWindow,
    cycle_errors,
    histogram,
    time_windows,
)
from platforms.validation.events import Event, TraceError

if TYPE_CHECKING:
    from aidg.waiting import Wait


@dataclass(frozen=True, slots=True)
class KindReport:
    """Events of one unit and kind.

    Attributes:
        method: How they are matched, by ``id`` or by ``order``.
        matched: Those with a partner.
        missing: Measured, not predicted.
        extra: Predicted, not measured.
        elsewhere: Matched, but at another address.
        errors: Of the matched ones, in cycles.
        histogram: How many have which error.
        windows: The errors over time.
    """

    unit: str
    event: str
    method: str
    matched: int
    missing: int
    extra: int
    elsewhere: int
    errors: CycleErrors
    histogram: tuple[Bin, ...]
    windows: tuple[TimeWindow, ...]


@dataclass(frozen=True)
class Totals:
    """The last events of all that are compared, in cycles; the error is that of the run's length so far."""

    measured: int
    predicted: int

    @property
    def error_percent(self) -> float:
        """Predicted against measured, positive where the prediction ends later."""
        return 100 * (self.predicted - self.measured) / max(abs(self.measured), 1)


@dataclass(frozen=True)
class Comparison:
    """What the comparison found.

    Attributes:
        kinds: Per unit and kind, in the trace's order.
        only_measured, only_predicted: Kinds that the other side does not have; they are not compared.
        pairs: All pairs by time.
        errors: Over all pairs.
        mape: Mean of the absolute errors, each in percent of its measured cycle (in cycle 0: of cycle 1).
        totals: When the last event is, on both sides.
        divergence: The first pair that does not agree, and what is around it; ``None`` if all agree.
        notes: What the reader must know.
    """

    kinds: tuple[KindReport, ...]
    only_measured: tuple[Kind, ...]
    only_predicted: tuple[Kind, ...]
    pairs: tuple[Pair, ...]
    errors: CycleErrors
    mape: float
    totals: Totals
    divergence: Divergence | None = None
    notes: tuple[str, ...] = ()

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
        return self.divergence is None

    @property
    def first_divergence(self) -> Pair | None:
        """The pair that is the first to differ or to have no partner; ``None`` if all agree."""
        return None if self.divergence is None else self.divergence.pair

    def to_dict(self) -> dict[str, object]:
        """Plain; the keys are those of ``acadl compare --json``."""
        return {
            "events": self.events,
            "matched": self.matched,
            "cycle_error": asdict(self.errors),
            "mape": self.mape,
            "exact": self.is_exact,
            "totals": {**asdict(self.totals), "error_percent": self.totals.error_percent},
            "kinds": [asdict(kind) for kind in self.kinds],
            "only_measured": ["/".join(kind) for kind in self.only_measured],
            "only_predicted": ["/".join(kind) for kind in self.only_predicted],
            "first_divergence": None if self.divergence is None else self.divergence.to_dict(),
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict())

    @property
    def headline(self) -> str:
        """The result in one line."""
        found = self.errors
        extra = sum(kind.extra for kind in self.kinds)
        more = f", {extra} more predicted" if extra else ""
        return (
            f"{self.matched} of {self.events} events matched, {found.exact} exact{more}; "
            f"error mean {found.mean:+.4g}, 95 % within {found.p95_abs}, largest {found.max_abs} cycles; "
            f"MAPE {self.mape:.4g} %"
        )

    @property
    def divergence_line(self) -> str:
        """Where the two sides part, in words."""
        return "every event agrees to the cycle" if self.divergence is None else self.divergence.line

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(self.headline)}</b><br>{escape(self.divergence_line)}</p>"


def compare(
    predicted: Iterable[Event],
    measured: Iterable[Event],
    *,
    origin: Kind | None = None,
    start: int | None = None,
    until: int | None = None,
    waits: Callable[[Event], tuple[Wait, ...]] | None = None,
) -> Comparison:
    """Compare two lists of events.

    Args:
        origin: Both sides are counted from their first event of this unit and kind: cycles, and numbers of
            instructions.
        start: Only events from this cycle on, on both sides.
        until: Only what is measured, or without a partner predicted, up to this cycle.
        waits: Tells of a predicted event what it waited for
            (:meth:`platforms.validation.model_events.ModelRun.waits`).

    Raises:
        TraceError: They have no kind of event in common, no event to count from, or none up to ``until``.
    """
    ours, theirs = list(predicted), list(measured)
    if origin is not None:
        ours, theirs = from_origin(ours, origin, "run"), from_origin(theirs, origin, "trace")
    if start is not None:
        ours, theirs = ([e for e in events if e.cycle >= start] for events in (ours, theirs))
    aligned = align(ours, theirs)
    if not aligned.kinds:
        raise TraceError(
            f"the run and the trace have no kind of event in common: the run has "
            f"{_kinds(aligned.only_predicted)}, the trace {_kinds(aligned.only_measured)}"
        )
    kinds = [_until(kind, until) for kind in aligned.kinds]
    pairs = sorted((pair for kind in kinds for pair in kind.pairs), key=lambda pair: pair.cycle)
    if not pairs:
        raise TraceError(f"there is no event up to cycle {until} to compare")
    first = first_divergence(pairs)
    awaited = None if first is None else next_predicted(pairs, first)
    told = waits(awaited) if waits is not None and awaited is not None else ()
    return Comparison(
        tuple(map(_kind_report, kinds)),
        aligned.only_measured,
        aligned.only_predicted,
        tuple(pairs),
        cycle_errors(_points(pairs)),
        _mape(pairs),
        _totals(pairs),
        None if first is None else around(pairs, first, told),
        tuple(_notes(kinds, pairs)),
    )


def _until(kind: KindPairs, until: int | None) -> KindPairs:
    if until is None:
        return kind
    pairs = tuple(pair for pair in kind.pairs if pair.cycle <= until)
    return KindPairs(kind.unit, kind.event, kind.method, pairs)


def _kind_report(kind: KindPairs) -> KindReport:
    points = _points(kind.pairs)
    return KindReport(
        kind.unit,
        kind.event,
        kind.method,
        len(points),
        sum(pair.predicted is None for pair in kind.pairs),
        sum(pair.measured is None for pair in kind.pairs),
        sum(pair.is_elsewhere for pair in kind.pairs),
        cycle_errors(points),
        histogram([error for _, error in points]),
        time_windows(points),
    )


def _points(pairs: Sequence[Pair]) -> list[Point]:
    return [(pair.cycle, pair.error) for pair in pairs if pair.error is not None]


def _mape(pairs: Sequence[Pair]) -> float:
    shares = [abs(error) / max(cycle, 1) for cycle, error in _points(pairs)]
    return 100 * sum(shares) / len(shares) if shares else 0.0


def _totals(pairs: Sequence[Pair]) -> Totals:
    measured = [pair.measured.cycle for pair in pairs if pair.measured is not None]
    predicted = [pair.predicted.cycle for pair in pairs if pair.predicted is not None]
    return Totals(max(measured, default=0), max(predicted, default=0))


def _notes(kinds: Sequence[KindPairs], pairs: Sequence[Pair]) -> list[str]:
    """What looks like a mistake of the comparison, not of the model."""
    notes = []
    extra = [pair.cycle for pair in pairs if pair.measured is None]
    last = max((pair.measured.cycle for pair in pairs if pair.measured is not None), default=None)
    if last is not None and extra and min(extra) > last:
        notes.append(
            f"the trace ends in cycle {last}, the run has {len(extra)} more events: if the recording was "
            f"ended or cut off there, --until {last} compares what it has"
        )
    for kind in kinds:
        theirs = [pair.measured.id for pair in kind.pairs if pair.measured is not None]
        ours = [pair.predicted.id for pair in kind.pairs if pair.predicted is not None]
        if kind.method == "id" and theirs and ours and set(theirs).isdisjoint(ours):
            notes.append(
                f"{kind.unit}/{kind.event}: the two sides have no number in common (the trace begins with "
                f"{theirs[0]}, the run with {ours[0]}); --origin counts both from the same event"
            )
    return notes


def _kinds(kinds: Sequence[Kind]) -> str:
    return ", ".join("/".join(kind) for kind in kinds[:8]) or "none"
