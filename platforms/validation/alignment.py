"""Which predicted event belongs to which measured one.

Events of one unit and kind are matched by the number of their instruction where all of them, on both sides,
have one (the first of a number with the first, the second with the second); else by their order. Kinds that
only one side has are not compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from platforms.validation.events import NO_ID, Event, TraceError, names_of

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

    @property
    def moment(self) -> int:
        """From when on the two sides differ: the earlier of the two events."""
        return min(event.cycle for event in (self.measured, self.predicted) if event is not None)

    @property
    def is_elsewhere(self) -> bool:
        """Both sides have an address, but not the same."""
        if self.measured is None or self.predicted is None:
            return False
        measured, predicted = self.measured.address, self.predicted.address
        return bool(measured and predicted) and _number(measured) != _number(predicted)

    @property
    def agrees(self) -> bool:
        """Same cycle, and the same address where both have one."""
        return self.error == 0 and not self.is_elsewhere


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


def from_origin(events: list[Event], origin: Kind, side: str) -> list[Event]:
    """The events, counted from the first one of a kind: it is in cycle 0, its instruction is number 0.

    Raises:
        TraceError: There is none; ``side`` says where.
    """
    first = next((event for event in events if (event.unit, event.event) == origin), None)
    if first is None:
        known = ", ".join("/".join(kind) for kind in names_of(events)) or "none"
        raise TraceError(f"the {side} has no event {'/'.join(origin)} to count from; it has {known}")
    id0 = first.id if first.id != NO_ID else 0
    return [
        replace(event, cycle=event.cycle - first.cycle, id=event.id - id0 if event.id != NO_ID else NO_ID)
        for event in events
    ]


def _by_kind(events: Iterable[Event]) -> dict[Kind, list[Event]]:
    found: dict[Kind, list[Event]] = {}
    for event in events:
        found.setdefault((event.unit, event.event), []).append(event)
    return found


def _aligned(kind: Kind, predicted: list[Event], measured: list[Event]) -> KindPairs:
    if all(event.id != NO_ID for event in (*predicted, *measured)):
        return KindPairs(*kind, "id", tuple(_by_number(predicted, measured)))
    common = min(len(predicted), len(measured))
    pairs = [Pair(m, p) for m, p in zip(measured[:common], predicted[:common], strict=True)]
    pairs += [Pair(event, None) for event in measured[common:]]
    pairs += [Pair(None, event) for event in predicted[common:]]
    return KindPairs(*kind, "order", tuple(pairs))


def _by_number(predicted: list[Event], measured: list[Event]) -> list[Pair]:
    ours = _numbered(predicted)
    pairs = [Pair(event, ours.pop(key, None)) for key, event in _numbered(measured).items()]
    pairs += [Pair(None, event) for event in ours.values()]
    return sorted(pairs, key=lambda pair: pair.cycle)


def _numbered(events: list[Event]) -> dict[tuple[int, int], Event]:
    """By number, and how many earlier ones have the same."""
    seen: Counter[int] = Counter()
    found = {}
    for event in events:
        found[event.id, seen[event.id]] = event
        seen[event.id] += 1
    return found


def _number(address: str) -> int | str:
    """Addresses are hexadecimal; what is not is compared as it is."""
    try:
        return int(address, 16)
    except ValueError:
        return address
