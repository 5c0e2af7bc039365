"""A run with its skips in segments: those that were evaluated, and where they are repeated.

A segment maps each time of the state at its end to what it was due to: a chain of moments back to a time of
the state at its start. A critical path through the whole run is followed backwards from segment to segment.
Where a period is repeated it passes the same way again and again after a while, so its cycles are counted
without walking them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from aidg.moments import FORWARD, INNER, Entry, Moment


class Cost(NamedTuple):
    """What cycles on the path are spent on.

    Attributes:
        kind: What for: the kind of the edge by which the path goes on.
        where: Name of the object in which they pass.
        row: Static instruction that spends them; -1: none.
    """

    kind: str
    where: str
    row: int


Costs: TypeAlias = Counter[Cost]


class Crossing(NamedTuple):
    """Where the path crosses a boundary, and the kind of the edge by which it goes on from there.

    ``name`` is ``None`` at cycle 0.
    """

    name: Hashable
    following: str


@dataclass(frozen=True, slots=True)
class Segment:
    """What was evaluated between two boundaries.

    Attributes:
        ends: The state's times at its end, by name.
        latest: The latest ``done`` in it.
        offset: What is added to its moments to get cycles.
    """

    ends: Mapping[Hashable, Moment]
    latest: Moment | None
    offset: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """Items that happen ``count`` times more, each time ``cycles`` later."""

    items: tuple[Item, ...]
    count: int
    cycles: int


@dataclass(frozen=True, slots=True)
class Recall:
    """Items that happen once more, ``cycles`` later.

    Attributes:
        passed: Times of the state that have nothing to do with them: name after to name before.
    """

    items: tuple[Item, ...]
    cycles: int
    passed: Mapping[Hashable, Hashable]


@dataclass(frozen=True, slots=True)
class Gap:
    """Iterations of an unsettled loop that were extrapolated over ``cycles``, all of the state moving on."""

    loop: str
    cycles: int


Item: TypeAlias = Segment | Repeat | Recall | Gap


class PathFinder:
    """Finds the critical path of a run.

    What is repeated or recalled in a nest is part of what is repeated or recalled around it, at every level
    again. So it is walked once for each crossing at its end, however often it happens.

    Args:
        storages: Names of storages: an instruction that is at one is still in its unit.
    """

    def __init__(self, storages: Collection[str]) -> None:
        self._storages = storages
        self._walked: dict[tuple[int, Crossing], tuple[Crossing, Costs]] = {}  # by identity of the items
        self._ends: dict[int, int | None] = {}

    def costs(self, items: Sequence[Item]) -> Costs:
        """Cycles on the critical path; they sum to the latest ``done``."""
        self._walked, self._ends = {}, {}
        costs: Costs = Counter()
        if any(self._latest(item) is not None for item in items):
            self._from_latest(items, costs)
        return costs

    def _from_latest(self, items: Sequence[Item], costs: Costs) -> Crossing:
        """From the latest ``done`` back to the start of ``items``."""
        ends = [self._latest(item) for item in items]
        last = max((end for end in ends if end is not None), default=0)
        index = max(i for i, end in enumerate(ends) if end == last)
        item = items[index]
        if isinstance(item, Segment):
            assert item.latest is not None
            crossing = self._walk(item.latest, FORWARD, costs)
        elif isinstance(item, Repeat):
            crossing = self._from_latest(item.items, costs)
            crossing = self._repeat(item.items, item.count - 1, crossing, costs)
        else:
            assert isinstance(item, Recall)
            crossing = self._from_latest(item.items, costs)
        return self._through(items[:index], crossing, costs)

    def _through(self, items: Sequence[Item], crossing: Crossing, costs: Costs) -> Crossing:
        """Back through ``items``, from a crossing at their end to one at their start."""
        for item in reversed(items):
            match item:
                case Segment(ends):
                    crossing = self._walk(ends[crossing.name], crossing.following, costs)
                case Repeat(repeated, count):
                    crossing = self._repeat(repeated, count, crossing, costs)
                case Recall(recalled, _, passed):
                    if crossing.name in passed:
                        crossing = Crossing(passed[crossing.name], crossing.following)
                    else:
                        crossing, once = self._once(recalled, crossing)
                        _add(costs, once, 1)
                case Gap(loop, cycles):
                    costs[Cost("extrapolated", loop, -1)] += cycles
            if crossing.name is None:
                break
        return crossing

    def _repeat(self, items: tuple[Item, ...], count: int, crossing: Crossing, costs: Costs) -> Crossing:
        """Back through ``count`` copies: a crossing that has been seen before starts a cycle of crossings."""
        seen: dict[Crossing, int] = {}
        passes: list[Costs] = []
        while len(passes) < count and crossing.name is not None:
            if crossing in seen:
                cycle = passes[seen[crossing] :]
                whole, rest = divmod(count - len(passes), len(cycle))
                for once in cycle:
                    _add(costs, once, whole)
                for once in cycle[:rest]:
                    _add(costs, once, 1)
                order = {position: known for known, position in seen.items()}
                return order[seen[crossing] + rest]
            seen[crossing] = len(passes)
            crossing, once = self._once(items, crossing)
            passes.append(once)
            _add(costs, once, 1)
        return crossing

    def _once(self, items: tuple[Item, ...], crossing: Crossing) -> tuple[Crossing, Costs]:
        """Back through one copy: the crossing at its start, and what it costs."""
        key = id(items), crossing
        if key not in self._walked:
            costs: Costs = Counter()
            self._walked[key] = self._through(items, crossing, costs), costs
        return self._walked[key]

    def _walk(self, moment: Moment, following: str, costs: Costs) -> Crossing:
        """Along the chain of a segment back to its start."""
        while not isinstance(moment, Entry):
            cause = moment.cause
            if cause is None:
                return Crossing(None, following)
            if moment.kind is not None:
                following = following if moment.kind == INNER else moment.kind
            else:
                if moment.cycles > cause.cycles:
                    costs[Cost(following, moment.where, moment.row)] += moment.cycles - cause.cycles
                if cause.kind is None:
                    following = self._inside(cause, moment, following)
            moment = cause
        return Crossing(moment.name, following)

    def _inside(self, cause: Moment, moment: Moment, following: str) -> str:
        """The kind of edge along an instruction's own way."""
        if moment.where not in self._storages:
            return following if cause.where == moment.where else FORWARD
        before = cause.where == moment.where and cause.cause is not None and cause > cause.cause
        return "storage" if before else following  # one transaction after the other

    def _latest(self, item: Item) -> int | None:
        """Cycle of the latest ``done`` of an item."""
        match item:
            case Segment(_, latest, offset):
                return None if latest is None else latest.cycles + offset
            case Repeat(items, count, cycles):
                once, later = self._latest_of(items), count * cycles
            case Recall(items, cycles):
                once, later = self._latest_of(items), cycles
            case Gap():
                return None
        return None if once is None else once + later

    def _latest_of(self, items: tuple[Item, ...]) -> int | None:
        key = id(items)
        if key not in self._ends:
            ends = (self._latest(item) for item in items)
            self._ends[key] = max((end for end in ends if end is not None), default=None)
        return self._ends[key]


def _add(costs: Costs, more: Costs, times: int) -> None:
    for cost, cycles in more.items():
        costs[cost] += times * cycles
