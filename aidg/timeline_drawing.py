"""What a time line shows: slices in lanes, fill levels, arrows along the critical path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["before", "window", "after"]


@dataclass(frozen=True, slots=True)
class Slice:
    """An instruction at an object, or an operand's transactions at a storage. Times in cycles.

    Attributes:
        number: Of the instruction, in program order.
        operation: Its mnemonic.
        text: The instruction.
        indices: Loop indices around it, outermost first.
        object: Where it is.
        enter, start, done, leave: Until ``start`` it waits to be served; from ``done`` on it cannot go on. At
            storages: first arrival, first start, last answer twice.
        part: Whether the instruction is one of those asked for.
        waited_for: Why it did not start at once, as far as that is known, such as ``raw: #12 at load``.
        blocked_by: Why it did not leave at once.
        transactions: At storages: how many.
    """

    number: int
    operation: str
    text: str
    indices: tuple[tuple[str, int], ...]
    object: str
    enter: int
    start: int
    done: int
    leave: int
    part: Part
    waited_for: str = ""
    blocked_by: str = ""
    transactions: int = 0


@dataclass(frozen=True, slots=True)
class Lane:
    """Slices of one object that do not overlap.

    Attributes:
        object: Its name.
        place: Number of the lane among those of the object, from 1.
        places: How many it has: as many instructions as were in it at once.
        is_storage: Whether the object is a storage.
        slices: In order of time.
    """

    object: str
    place: int
    places: int
    is_storage: bool
    slices: tuple[Slice, ...]

    @property
    def name(self) -> str:
        """The object, with the number of the lane where there are several."""
        return self.object if self.places == 1 else f"{self.object} [{self.place}]"


@dataclass(frozen=True, slots=True)
class Fill:
    """How many instructions are in an object, or transactions in flight at a storage.

    Attributes:
        object: Its name.
        counted: ``instructions`` or ``requests in flight``.
        levels: (cycle, level) from the window's start on, at every change.
    """

    object: str
    counted: str
    levels: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """A step of the critical path from one slice to another.

    Attributes:
        kind: ``forward, structural, raw, war, waw, buffer`` or ``storage``.
        source, target: The slices.
        left, reached: Cycles of the events in them.
    """

    kind: str
    source: Slice
    target: Slice
    left: int
    reached: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that a time line shows."""

    lanes: tuple[Lane, ...]
    fills: tuple[Fill, ...]
    arrows: tuple[Arrow, ...]
