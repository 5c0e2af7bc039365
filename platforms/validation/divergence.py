"""Where a prediction and a trace part, and what each side was waiting for at that moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from platforms.validation.alignment import Pair
from platforms.validation.events import NO_ID, Event

if TYPE_CHECKING:
    from aidg.waiting import Wait

SHOWN_BEFORE = 3
SHOWN_BETWEEN = 6


@dataclass(frozen=True)
class Divergence:
    """The first pair that does not agree, and what is around it.

    Attributes:
        pair: That pair.
        same_unit: The last pairs before it at the same unit, latest first.
        same_instruction: The last pairs before it of the same instruction, latest first.
        between: Other pairs with an event between the two of this one: what the one side does in that time
            and the other does elsewhere.
        waits: Why the predicted event (without one: the unit's next one) is when it is: constraints of the
            model, latest first; empty where the prediction comes from a list.
    """

    pair: Pair
    same_unit: tuple[Pair, ...] = ()
    same_instruction: tuple[Pair, ...] = ()
    between: tuple[Pair, ...] = ()
    waits: tuple[Wait, ...] = ()

    @property
    def line(self) -> str:
        """In one line."""
        return f"first divergence: {told(self.pair)}"

    def lines(self) -> Iterator[str]:
        """What each side was waiting for, line by line."""
        if self.waits:
            yield "the model:"
            for wait in self.waits:
                yield f"  {wait.text}"
        if self.same_unit:
            yield f"in the trace before it, at {_event(self.pair).unit}:"
            yield from map(_side_by_side, self.same_unit)
        if self.same_instruction:
            yield f"in the trace before it, of instruction {_event(self.pair).id}:"
            yield from map(_side_by_side, self.same_instruction)
        if self.between:
            yield "between the two:"
            yield from map(_side_by_side, self.between)

    def to_dict(self) -> dict[str, Any]:
        """Keys of a pair, and ``waits, same_unit, same_instruction, between``."""
        return {
            **pair_dict(self.pair),
            "waits": [{**asdict(wait), "text": wait.text} for wait in self.waits],
            "same_unit": [pair_dict(pair) for pair in self.same_unit],
            "same_instruction": [pair_dict(pair) for pair in self.same_instruction],
            "between": [pair_dict(pair) for pair in self.between],
        }


def first_divergence(pairs: Sequence[Pair]) -> Pair | None:
    """The pair that is the first to differ; the two sides are equal before its earlier event."""
    return min((pair for pair in pairs if not pair.agrees), key=lambda pair: pair.moment, default=None)


def next_predicted(pairs: Sequence[Pair], pair: Pair) -> Event | None:
    """The predicted event of a pair; without one, the unit's next one: that is what the model waits for."""
    if pair.predicted is not None:
        return pair.predicted
    event = _event(pair)
    later = (
        other.predicted
        for other in pairs
        if other.predicted is not None
        and other.predicted.unit == event.unit
        and other.predicted.cycle >= event.cycle
    )
    return min(later, key=lambda found: found.cycle, default=None)


def around(pairs: Sequence[Pair], pair: Pair, waits: tuple[Wait, ...] = ()) -> Divergence:
    """What happens around a pair; ``pairs`` are all of them, by time."""
    event = _event(pair)
    cycles = [e.cycle for e in (pair.measured, pair.predicted) if e is not None]
    first, last = min(cycles), max(cycles)
    before = [other for other in pairs if other is not pair and other.cycle <= event.cycle]
    unit = [other for other in before if _event(other).unit == event.unit]
    number = [other for other in before if event.id != NO_ID and _event(other).id == event.id]
    between = [other for other in pairs if other is not pair and _lies_between(other, first, last)]
    return Divergence(
        pair,
        tuple(unit[: -SHOWN_BEFORE - 1 : -1]),
        tuple(number[: -SHOWN_BEFORE - 1 : -1]),
        tuple(between[:SHOWN_BETWEEN]) if first < last else (),
        waits,
    )


def told(pair: Pair) -> str:
    """A pair that does not agree, in words."""
    measured, predicted = pair.measured, pair.predicted
    if measured is None and predicted is not None:
        return f"{predicted.name}, predicted for cycle {predicted.cycle}, is not in the trace"
    assert measured is not None  # a pair has at least one event
    seen = f"{measured.name}, measured in cycle {measured.cycle}{_line(measured)}"
    if predicted is None or pair.error is None:
        return f"{seen}, is not predicted"
    if pair.error == 0 and pair.is_elsewhere:
        return f"{seen} at address {measured.address}, is predicted there for address {predicted.address}"
    late = "late" if pair.error > 0 else "early"
    return f"{seen}, is predicted for cycle {predicted.cycle}, {abs(pair.error)} too {late}"


def pair_dict(pair: Pair) -> dict[str, Any]:
    """Keys ``measured, predicted, error, text``."""
    return {
        "measured": asdict(pair.measured) if pair.measured else None,
        "predicted": asdict(pair.predicted) if pair.predicted else None,
        "error": pair.error,
        "text": _side_by_side(pair).strip() if pair.agrees else told(pair),
    }


def _event(pair: Pair) -> Event:
    event = pair.measured or pair.predicted
    assert event is not None  # a pair has at least one event
    return event


def _lies_between(pair: Pair, first: int, last: int) -> bool:
    return any(e is not None and first <= e.cycle <= last for e in (pair.measured, pair.predicted))


def _side_by_side(pair: Pair) -> str:
    sides = [
        f"{side} {event.cycle}" if event else f"not {side}"
        for side, event in (("measured", pair.measured), ("predicted", pair.predicted))
    ]
    return f"  {_event(pair).name}: {', '.join(sides)}"


def _line(event: Event) -> str:
    return f" (line {event.line})" if event.line else ""
