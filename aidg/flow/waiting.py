"""What one event of a run in order of time waited for, as far as the ways of the instructions tell.

Places, turns in stages that are ``fifo``, and data are named only where they bind: where the event could
not have been a cycle earlier. What happens between parts is not told apart; there the instruction's own
event before it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from acadl.model import Architecture, Controller, PipelineStage
from acadl.operations import AddressRange, Instruction
from aidg.flow.passages import flow_passages
from aidg.timeline_causes import Event, transactions
from aidg.timeline_kernel import Passage, Visit
from aidg.waiting import Wait
from mappings.program import LoopProgram

# Links of a chain that are looked at: those that take no time are not shown.
FURTHEST = 50
TIMES = ("enter", "start", "done", "leave")


class _Link(NamedTuple):
    """Why an event was not earlier, and the event that it came after."""

    kind: str
    event: Event


def waited_for_in_time(
    arch: Architecture, program: LoopProgram, number: int, place: str, what: str, links: int = 4
) -> tuple[Wait, ...]:
    """As :func:`aidg.waiting.waited_for`, for machines that are evaluated in order of time.

    Raises:
        RoutingError, ProgramError: As for :func:`aidg.estimate`.
    """
    run = _Run(arch, flow_passages(arch, program))
    event = Event(number, place, what)
    return tuple(run.chain(event, links)) if event in run.times_of(number) else ()


@dataclass
class _Run:
    """All instructions with their ways, and when what happened to those that were asked for."""

    arch: Architecture
    ways: Sequence[tuple[Instruction, Passage]]
    times: dict[int, dict[Event, int]] = field(default_factory=dict)

    def times_of(self, number: int) -> dict[Event, int]:
        """The events of an instruction, in the order of its way, with their cycles."""
        if number not in self.times:
            passage = self.ways[number][1]
            places = [(visit.name, visit) for visit in passage.visits] + list(transactions(passage))
            self.times[number] = {
                Event(number, name, what): getattr(visit, what) for name, visit in places for what in TIMES
            }
        return self.times[number]

    def chain(self, event: Event, links: int) -> Iterator[Wait]:
        """Backwards from an event."""
        shown = 0
        for _ in range(FURTHEST):
            link = self._cause(event)
            if link is None or shown == links:
                return
            cycle, before = self.times_of(event.number)[event], self.times_of(link.event.number)[link.event]
            if link.kind != "forward" or cycle != before:
                shown += 1
                yield self._wait(event, cycle, link, before)
            event = link.event

    def _wait(self, event: Event, cycle: int, link: _Link, before: int) -> Wait:
        other = link.event
        first, second = (self.ways[number][0].operation for number in (event.number, other.number))
        return Wait(
            event.number, first, event.name, event.what, cycle, link.kind,
            other.number, second, other.name, other.what, before,
        )  # fmt: skip

    def _cause(self, event: Event) -> _Link | None:
        cycle = self.times_of(event.number)[event]
        names = [visit.name for visit in self.ways[event.number][1].visits]
        at = names.index(event.name) if event.name in names else len(names)
        found = None
        if event.what == "leave" and at + 1 < len(names):
            found = self._passing(event.number, event.name, names[at + 1], cycle)
        elif event.what == "enter" and 0 < at < len(names):
            found = self._passing(event.number, names[at - 1], event.name, cycle)
        elif event.what == "start":
            found = self._data(event, cycle) or self._behind(event, cycle)
        return found or self._own(event, cycle)

    def _passing(self, number: int, here: str, there: str, cycle: int) -> _Link | None:
        """What holds an instruction that goes from one object to the next."""
        return self._place(number, there, cycle) or self._turn(number, here, cycle)

    def _place(self, number: int, name: str, cycle: int) -> _Link | None:
        """The instruction whose place this one takes in that cycle (rule 2)."""
        item = self.arch.objects.get(name)
        capacity = getattr(item, "capacity", 0)
        release = getattr(item, "release_latency", 0)
        leaves = sorted((visit.leave + release, other) for other, visit in self._earlier(number, name))
        if not 0 < capacity <= len(leaves):
            return None
        free, other = leaves[-capacity]
        return _Link("structural", Event(other, name, "leave")) if free == cycle else None

    def _turn(self, number: int, name: str, cycle: int) -> _Link | None:
        """The last one in front, in a stage that keeps the order (rule 5)."""
        item = self.arch.objects.get(name)
        if not isinstance(item, PipelineStage) or item.order != "fifo":
            return None
        visits = [(visit.leave, other) for other, visit in self._earlier(number, name)]
        leave, other = max(visits, default=(-1, -1))
        return _Link("structural", Event(other, name, "leave")) if leave == cycle else None

    def _earlier(self, number: int, name: str) -> list[tuple[int, Visit]]:
        """Earlier instructions that pass the object."""
        return [
            (other, visit)
            for other, (_, passage) in enumerate(self.ways[:number])
            for visit in passage.visits
            if visit.name == name
        ]

    def _data(self, event: Event, cycle: int) -> _Link | None:
        """An instruction of another unit that is done in that cycle and conflicts (rule 4)."""
        instruction, passage = self.ways[event.number]
        if passage.visits[-1].name != event.name:
            return None
        for other in range(event.number - 1, -1, -1):
            earlier, way = self.ways[other]
            unit = way.visits[-1]
            if unit.done == cycle and unit.name != event.name and (kind := conflict(earlier, instruction)):
                return _Link(kind, Event(other, unit.name, "done"))
        return None

    def _behind(self, event: Event, cycle: int) -> _Link | None:
        """The start before it, where controllers start in order, one in a cycle (rule 3)."""
        item = self.arch.objects.get(event.name)
        earlier = self._earlier(event.number, event.name)
        if not isinstance(item, Controller) or not earlier or earlier[-1][1].start != cycle - 1:
            return None
        return _Link("structural", Event(earlier[-1][0], event.name, "start"))

    def _own(self, event: Event, cycle: int) -> _Link | None:
        """The instruction's own event before this one: the latest one, of these the last on its way.

        Of a transaction the latest one elsewhere: the transactions in front of it say little.
        """
        storage = event.name.partition("#")[0] if "#" in event.name else ""
        before = [
            (at, place, other)
            for place, (other, at) in enumerate(self.times_of(event.number).items())
            if at < cycle and other.name.partition("#")[0] != storage
        ]
        return _Link("forward", max(before)[2]) if before else None


def conflict(earlier: Instruction, later: Instruction) -> str:
    """``raw``, ``waw`` or ``war``: why the later instruction waits for the earlier one; or empty."""
    if _meet(earlier.write_registers, later.read_registers) or _overlap(
        earlier.write_addresses, later.read_addresses
    ):
        return "raw"
    if _meet(earlier.write_registers, later.write_registers) or _overlap(
        earlier.write_addresses, later.write_addresses
    ):
        return "waw"
    if _meet(earlier.read_registers, later.write_registers) or _overlap(
        earlier.read_addresses, later.write_addresses
    ):
        return "war"
    return ""


def _meet(some: Sequence[str], others: Sequence[str]) -> bool:
    return not set(some).isdisjoint(others)


def _overlap(some: Sequence[AddressRange], others: Sequence[AddressRange]) -> bool:
    return any(one.overlaps(other) for one in some for other in others)
