"""Search of a space of choices for the cheapest one; what a choice costs is a function from above.

Descends from the mapping's own choice, one axis at a time, to a choice that no neighbour betters, and begins
anew from choices drawn at random. Nothing is tried twice, so a small space is gone through completely. With
the same seed and a budget of tries the same choices are tried in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from time import monotonic
from typing import TypeAlias

from mappings.choices import Choice, Space, Value

Cost: TypeAlias = tuple[int, ...]
"""Figures to be made small, the most important one first; compared in this order."""

# Spaces up to this size are drawn from without repetition.
LARGEST_LIST = 200_000
# A new beginning is worth a descent if it costs at most so many times the best.
PROMISING = 1.3


class Without(Enum):
    """Why a choice has no cost."""

    INFEASIBLE = "infeasible"
    DOMINATED = "dominated"  # something known is at least as good in every figure


Evaluate: TypeAlias = Callable[[Choice, Callable[[Cost], bool]], "Cost | Without"]
"""What a choice costs. The second argument tells whether something known is at least as good in every figure
as a lower bound of the cost; the choice need not be evaluated then."""


@dataclass(frozen=True, slots=True)
class Point:
    """A choice and what it costs."""

    choice: Choice
    cost: Cost


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found.

    Attributes:
        default: The mapping's own choice.
        best: The cheapest choice; the default where nothing is cheaper.
        front: Choices that no other one is better than in all figures, the best first.
        tried: Choices that were looked at; of these ``infeasible`` cannot be mapped, ``dominated`` were known
            to
            be no better without being evaluated.
        size: Choices that there are.
        interrupted: Whether the search was stopped by hand.
    """

    default: Point
    best: Point
    front: tuple[Point, ...]
    tried: int
    infeasible: int
    dominated: int
    size: int
    interrupted: bool = False

    @property
    def exhaustive(self) -> bool:
        """Whether everything has been looked at: the best choice is the best there is."""
        return self.tried >= self.size


def search(
    space: Space,
    evaluate: Evaluate,
    *,
    tries: int | None = None,
    deadline: float | None = None,
    seed: int = 0,
    progress: Callable[[int, Cost], None] | None = None,
) -> Found:
    """The cheapest choice that is found; at least the mapping's own, which is evaluated whatever the budget.

    Args:
        tries: Choices that are looked at, at most.
        deadline: Moment of ``time.monotonic()`` at which it ends.
        progress: Called after each try with the number of tries and the cost of the best choice.

    Raises:
        ValueError: The mapping's own choice has no cost.
    """
    run = _Search(space, evaluate, tries, deadline, Random(seed), progress)
    try:
        run.run()
    except KeyboardInterrupt:
        if not run.known:
            raise
        run.interrupted = True
    return run.found()


def _no_better(cost: Cost, than: Cost) -> bool:
    return all(a >= b for a, b in zip(cost, than, strict=True))


@dataclass
class _Search:
    space: Space
    evaluate: Evaluate
    tries: int | None
    deadline: float | None
    random: Random
    progress: Callable[[int, Cost], None] | None
    known: list[Point] = field(default_factory=list)
    front: list[Point] = field(default_factory=list)
    seen: dict[tuple[Value, ...], Cost | None] = field(default_factory=dict)
    counts: dict[Without, int] = field(default_factory=lambda: dict.fromkeys(Without, 0))
    interrupted: bool = False

    def run(self) -> None:
        first = self._try(dict(self.space.default))
        if first is None:
            raise ValueError("the mapping's own choice cannot be evaluated")
        self._descend(Point(dict(self.space.default), first))
        for start in self._starts():
            if self._is_over():
                return
            cost = self._try(start)
            if cost is not None and cost[0] <= PROMISING * self.best.cost[0]:
                self._descend(Point(start, cost))

    @property
    def best(self) -> Point:
        return min(self.known, key=lambda point: point.cost)

    def found(self) -> Found:
        return Found(
            default=self.known[0],
            best=self.best,
            front=tuple(sorted(self.front, key=lambda point: point.cost)),
            tried=len(self.seen),
            infeasible=self.counts[Without.INFEASIBLE],
            dominated=self.counts[Without.DOMINATED],
            size=self.space.size,
            interrupted=self.interrupted,
        )

    def _is_over(self) -> bool:
        if self.tries is not None and len(self.seen) >= self.tries:
            return True
        return self.deadline is not None and monotonic() >= self.deadline

    def _try(self, choice: dict[str, Value]) -> Cost | None:
        """What the choice costs, looked up where it is known; ``None`` where it has no cost."""
        key = tuple(choice[name] for name in self.space.axes)
        if key in self.seen:
            return self.seen[key]
        result = self.evaluate(choice, self._is_dominated)
        if isinstance(result, Without):
            self.counts[result] += 1
            self.seen[key] = None
        else:
            self.seen[key] = result
            self._keep(Point(choice, result))
        if self.progress is not None and self.known:
            self.progress(len(self.seen), self.best.cost)
        return self.seen[key]

    def _is_dominated(self, bound: Cost) -> bool:
        return any(_no_better(bound, point.cost) for point in self.front)

    def _keep(self, point: Point) -> None:
        self.known.append(point)
        if not self._is_dominated(point.cost):
            self.front = [other for other in self.front if not _no_better(other.cost, point.cost)] + [point]

    def _descend(self, start: Point) -> None:
        """From neighbour to cheaper neighbour, until none is cheaper or the budget is used up."""
        here = start
        moved = True
        while moved:
            moved = False
            for choice in self._neighbours(here.choice):
                if self._is_over():
                    return
                cost = self._try(choice)
                if cost is not None and cost < here.cost:
                    here, moved = Point(choice, cost), True
                    break

    def _neighbours(self, choice: Choice) -> list[dict[str, Value]]:
        """Choices that differ in one axis, by one step; in any step for words."""
        found: list[dict[str, Value]] = []
        for name, values in self.space.axes.items():
            at = values.index(choice[name])
            words = len(values) <= 3
            near = range(len(values)) if words else (at - 1, at + 1)
            found += [{**choice, name: values[n]} for n in near if n != at and 0 <= n < len(values)]
        self.random.shuffle(found)
        return found

    def _starts(self) -> Iterator[dict[str, Value]]:
        """Choices in random order; each once where the space is small enough to be listed."""
        if self.space.size <= LARGEST_LIST:
            points = list(self.space.points())
            self.random.shuffle(points)
            yield from points
            return
        while True:
            yield {name: self.random.choice(values) for name, values in self.space.axes.items()}
