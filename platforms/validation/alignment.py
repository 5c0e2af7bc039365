"""Which predicted event belongs to which measured one.

Events of one unit and kind are matched by the number of their instruction where every one of them, on both
sides, has a number of its own; else by their order. Kinds that only one side has are not compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from platforms.validation.events import NO_ID, Event

Kind = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two events that belong together, or one that has no partner.

    Attributes:
        measured: ``None``: predicted, but not measured.
        predicted: ``None``: measured, but not predicted.
    """

    measured: Event | None
    predicted: Event | None

    @property
    def error(self) -> int | None:
        """Cycles by which the prediction is late; ``None`` without a partner."""
        if self.measured is None or self.predicted is None:
            return None
        return self.predicted.cycle - self.measured.cycle

    @property
    def cycle(self) -> int:
        """Where the pair stands in time: at the measured event, if there is one."""
        event = self.measured or self.predicted
        return event.cycle if event else 0


@dataclass(frozen=True, slots=True)
class KindPairs:
    """All events of one unit and kind; ``method`` is ``id`` or ``order``."""

    unit: str
    event: str
    method: str
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Aligned:
    """Both lists side by side, and the kinds that only one of them has."""

    kinds: tuple[KindPairs, ...]
    only_measured: tuple[Kind, ...]
    only_predicted: tuple[Kind, ...]


def align(predicted: Iterable[Event], measured: Iterable[Event]) -> Aligned:
    """Match two lists of events."""
    theirs, ours = _by_kind(measured), _by_kind(predicted)
    kinds = tuple(_aligned(kind, ours[kind], theirs[kind]) for kind in theirs if kind in ours)
    return Aligned(
        kinds,
        tuple(kind for kind in theirs if kind not in ours),
        tuple(kind for kind in ours if kind not in theirs),
    )


def _by_kind(events: Iterable[Event]) -> dict[Kind, list[Event]]:
    found: dict[Kind, list[Event]] = {}
    for event in events:
        found.setdefault((event.unit, event.event), []).append(event)
    return found


def _aligned(kind: Kind, predicted: list[Event], measured: list[Event]) -> KindPairs:
    if _has_numbers(predicted) and _has_numbers(measured):
        return KindPairs(*kind, "id", tuple(_by_number(predicted, measured)))
    common = min(len(predicted), len(measured))
    pairs = [Pair(m, p) for m, p in zip(measured[:common], predicted[:common], strict=True)]
    pairs += [Pair(event, None) for event in measured[common:]]
    pairs += [Pair(None, event) for event in predicted[common:]]
    return KindPairs(*kind, "order", tuple(pairs))


def _has_numbers(events: list[Event]) -> bool:
    numbers = {event.id for event in events}
    return NO_ID not in numbers and len(numbers) == len(events)


def _by_number(predicted: list[Event], measured: list[Event]) -> list[Pair]:
    ours = {event.id: event for event in predicted}
    pairs = [Pair(event, ours.pop(event.id, None)) for event in measured]
    pairs += [Pair(None, event) for event in ours.values()]
    return sorted(pairs, key=lambda pair: pair.cycle)
