"""Times that know what they waited for: integers with a past, for runs that are to be explained.

Propagation only ever adds to times, compares them and takes the latest, so a :class:`Moment` can stand for
one. What comes of it is a chain back to cycle 0, in which every link is a constraint that did bind.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

# How an event waits for another one: on the instruction's own way from object to object; within an object.
FORWARD = "forward"
INNER = "inner"


@dataclass(slots=True)
class Place:
    """Where propagation is: which instruction, at which object.

    Attributes:
        number: Instructions propagated before this one.
        row: Its static instruction.
        where: Name of the object in which time passes now.
    """

    number: int = 0
    row: int = -1
    where: str = ""


class Moment:
    """A time in cycles, relative to the kernel's offset.

    Attributes:
        cycles: The time.
        cause: The moment it follows from; ``None`` at cycle 0.
        kind: How it waits for its cause, of the kinds of edges; ``None`` where time passes in between.
        where: Name of the object in which it passes.
        number, row: Which instruction: dynamic, from 0, and static.
    """

    __slots__ = ("cause", "cycles", "kind", "number", "place", "row", "where")

    def __init__(self, cycles: int, cause: Moment | None, kind: str | None, place: Place) -> None:
        self.cycles = cycles
        self.cause = cause
        self.kind = kind
        self.place = place
        self.number = place.number
        self.row = place.row
        self.where = place.where

    def __add__(self, cycles: int) -> Moment:
        return Moment(self.cycles + cycles, self, None, self.place)

    def __sub__(self, other: Moment | int) -> int:
        return self.cycles - int(other)

    def __rsub__(self, other: int) -> int:
        return other - self.cycles

    def __int__(self) -> int:
        return self.cycles

    def __lt__(self, other: Moment | int) -> bool:
        return self.cycles < int(other)

    def __le__(self, other: Moment | int) -> bool:
        return self.cycles <= int(other)

    def __gt__(self, other: Moment | int) -> bool:
        return self.cycles > int(other)

    def __ge__(self, other: Moment | int) -> bool:
        return self.cycles >= int(other)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (Moment, int)) and self.cycles == int(other)

    def __hash__(self) -> int:
        return hash(self.cycles)

    def __repr__(self) -> str:
        return f"{self.kind or self.where}@{self.cycles}"


class Entry(Moment):
    """A time that the state had where a segment of the run starts.

    Attributes:
        name: Which one of the state's times, in terms that are the same for equal states.
    """

    __slots__ = ("name",)

    def __init__(self, cycles: int, name: Hashable, place: Place) -> None:
        super().__init__(cycles, None, None, place)
        self.name = name


def after(kind: str, cause: Moment, place: Place) -> Moment:
    """The moment at which an event happens because ``cause`` did: at the same time."""
    return Moment(cause.cycles, cause, kind, place)
