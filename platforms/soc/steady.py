"""Extrapolation of systems whose cores work through phases, where all are in a steady state together.

Time is cut into windows of equal length. Where no phase has begun or ended in two windows one after the
other, and every core has asked as often in one as in the other, the system is taken to go on like that: time
is skipped while none of the phases ends. What the cores would have asked in it is still looked up in the
caches, so that these hold what they would hold, and hits, write-backs and what reaches the memory are counted
(functional warming and sampling; Wunderlich et al., "SMARTS", ISCA 2003). Where as much no longer reaches it,
the skip ends. Only times are extrapolated: how far samples differ says how far that can be trusted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import stdev

from acadl.simulate_objects import Clock, Decision
from platforms.caches.below import Below
from platforms.soc.phases import Board, PhaseCore

WATCH_RANK = 2_000_000  # behind everything else of a cycle
LEAST = 32  # requests of a core in a window; with fewer a window says too little
SLACK = 2  # requests that are no difference: they fall on one side of a boundary or the other
EASY = 2  # the part of its peak that a memory serves without holding up who has many requests under way
MOST_HELD = 8  # steps skipped at a time where the memory sets the pace: it is sampled
ALONE = 0.05  # part by which a single sample may be off
# Samples are taken behind skips, so at places that are alike. By so much their mean was off, beside its
# confidence interval, in systems that were evaluated whole, too.
SYSTEMATIC = 0.005
MARGIN = 1  # steps before the end of a phase that are evaluated in any case


@dataclass(frozen=True, slots=True)
class Extrapolated:
    """What was not evaluated.

    Attributes:
        cycles: That were skipped.
        error_cycles: How far the total may be off: the confidence interval (95 %) of the rate at which the
            memory served, and :data:`SYSTEMATIC` beside it, times the cycles that were skipped at this rate.
            Where the cores set the pace, it is theirs, and known.
        requests: Of the cores in these cycles.
    """

    cycles: int = 0
    error_cycles: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class _Moment:
    """For each core the number of its phase (-1: none) and its requests so far; what the memory has had."""

    phases: tuple[int, ...]
    asked: tuple[int, ...]
    moved: int


@dataclass(frozen=True, slots=True)
class _Window:
    """Requests of each core, and accesses of the memory, in a window."""

    asked: tuple[int, ...]
    moved: int


@dataclass(frozen=True, slots=True)
class _Step:
    """What is skipped at a time: requests of each core, accesses of the memory, cycles."""

    asked: tuple[int, ...]
    moved: int
    cycles: int


class SteadyState:
    """Watches cores, and skips what can be skipped."""

    def __init__(
        self,
        env: Clock,
        cores: Sequence[PhaseCore],
        belows: Sequence[Below],
        board: Board,
        moved: Callable[[], int],
        *,
        window: int,
        peak: int,
        alignment: int,
        tolerance: float,
    ) -> None:
        """What is watched.

        Args:
            belows: What each core lies on.
            moved: Accesses that have come to the memory so far.
            window: Cycles.
            peak: Accesses that the memory can serve in a window at most.
            alignment: Requests of a stream after which it is in the same bank again.
            tolerance: Part by which two windows may differ.
        """
        self._stretches: dict[tuple[int, ...], _Stretch] = {}
        self._env, self._cores, self._belows, self._board = env, cores, belows, board
        self._moved, self._length, self._peak = moved, window, peak
        self._alignment, self._tolerance = alignment, tolerance
        self._began = self._now()
        self._before: _Window | None = None
        self._watch = Decision(env, WATCH_RANK, self._look)
        self._watch.due(window)

    def _now(self) -> _Moment:
        phases = tuple(core.phase_number for core in self._cores)
        return _Moment(phases, tuple(core.asked for core in self._cores), self._moved())

    @property
    def found(self) -> Extrapolated:
        """What has been skipped until now."""
        stretches = self._stretches.values()
        return Extrapolated(
            sum(each.cycles for each in stretches),
            sum(each.error_cycles for each in stretches),
            sum(each.requests for each in stretches),
        )

    def _look(self) -> None:
        """A window is over."""
        if all(core.is_done for core in self._cores):
            return
        window = _window(self._began, self._now())
        before, self._before = self._before, window
        if before is not None and window is not None and self._is_steady(before, window):
            both = _Window(
                tuple(a + b for a, b in zip(before.asked, window.asked, strict=True)),
                before.moved + window.moved,
            )
            self._skip(both)
            self._before = None
        else:
            self._board.mark()
        self._began = self._now()
        self._watch.due(self._env.cycle + self._length)

    def _is_steady(self, before: _Window, window: _Window) -> bool:
        """Whether two windows are alike, and have enough of what is compared."""
        is_easy = max(before.moved, window.moved) <= self._peak // EASY
        if not (is_easy or self._is_like(before.moved, window.moved)):
            return False
        if self._keep_pace():
            return any(core.phase_number >= 0 for core in self._cores)
        asking = [core.requests_left > 0 for core in self._cores]
        rates = zip(before.asked, window.asked, asking, strict=True)
        return any(asking) and all(min(a, b) >= LEAST and self._is_like(a, b) for a, b, asks in rates if asks)

    def _keep_pace(self) -> bool:
        """Whether no core is held up: each has asked what its phase alone would have."""
        now = self._env.cycle
        return all(core.due(now) - core.asked <= SLACK for core in self._cores if core.phase_number >= 0)

    def _is_like(self, first: int, second: int) -> bool:
        return abs(first - second) <= max(SLACK, self._tolerance * second)

    def _skip(self, window: _Window) -> None:
        """Skip time, as long as that is justified by two windows."""
        stretch = self._stretches.setdefault(self._began.phases, _Stretch())
        stretch.moved.append(window.moved)
        skipped = self._skip_paced(window) if self._keep_pace() else self._skip_held(window, stretch)
        self._board.skip(skipped)
        for core in self._cores:
            core.skip(skipped)
        if skipped:  # what cores will do next comes earlier now
            self._board.wake()
        stretch.cycles += skipped

    def _skip_paced(self, window: _Window) -> int:
        """Skip while no core is held up; the cycles.

        Cores that keep their pace do so, too, while the memory has less than it easily serves.
        """
        now, cycles = self._env.cycle, 2 * self._length
        steps = min(core.cycles_left(now) for core in self._cores) // cycles - MARGIN
        for step in range(1, steps + 1):
            due = [
                core.due(now + step * cycles) - core.asked if core.phase_number >= 0 else 0
                for core in self._cores
            ]
            moved = self._pass_by(due)
            if moved > 2 * self._peak // EASY and not self._is_like(moved, window.moved):
                return step * cycles
        return max(0, steps) * cycles

    def _skip_held(self, window: _Window, stretch: _Stretch) -> int:
        """Skip while the memory is as busy as in the windows, not too long; the cycles."""
        step = self._step(window)
        left = min(
            core.requests_left // asked if asked else core.cycles_left(self._env.cycle) // step.cycles
            for core, asked in zip(self._cores, step.asked, strict=True)
        )
        steps = 0
        while steps < min(left - MARGIN, MOST_HELD):
            steps += 1
            if not self._is_like(self._pass_by(step.asked), step.moved):
                break
        stretch.held_cycles += steps * step.cycles
        return steps * step.cycles

    def _step(self, window: _Window) -> _Step:
        """What is skipped at a time where the memory sets the pace: about two windows.

        Who wins is chance in a short time, so cores share the requests as they have since their phases began.
        Those at the same work stay together in the long run, and which banks they meet in depends on where
        they are; so they go on by as much as brings all of them to the same banks again.
        """
        so_far = [core.asked if asked else 0 for core, asked in zip(self._cores, window.asked, strict=True)]
        total = sum(window.asked)
        asked = [round(total * each / sum(so_far)) for each in so_far]
        active = [each for each in asked if each]
        if max(active) - min(active) <= max(SLACK, self._tolerance * max(active)):
            whole = -(-max(active) // self._alignment) * self._alignment
            asked = [whole if each else 0 for each in asked]
        part = sum(asked) / total
        return _Step(tuple(asked), round(window.moved * part), round(2 * self._length * part))

    def _pass_by(self, asked: Sequence[int]) -> int:
        """Let the cores have asked so many requests, evenly mixed; what comes to the memory."""
        before = self._moved()
        for number in _turns(asked):
            request = self._cores[number].pass_over()
            self._belows[number].warm(request.address, request.size, request.write)
        self._stretches[self._began.phases].requests += sum(asked)
        return self._moved() - before


@dataclass(slots=True)
class _Stretch:
    """What was skipped while certain phases were under way.

    Attributes:
        held_cycles: Those of the cycles in which the memory set the pace.
        moved: What the memory had in each pair of windows that was evaluated.
    """

    cycles: int = 0
    held_cycles: int = 0
    requests: int = 0
    moved: list[int] = field(default_factory=list)

    @property
    def error_cycles(self) -> int:
        """The confidence interval of the mean load, and what samples cannot show, in cycles."""
        if not self.held_cycles:
            return 0
        count = len(self.moved)
        mean = sum(self.moved) / count
        spread = stdev(self.moved) * _quantile(count - 1) if count > 1 else 2 * ALONE * mean
        return round(self.held_cycles * (spread / mean / math.sqrt(count) + SYSTEMATIC))


def _quantile(freedom: int) -> float:
    """Of Student's distribution, 97.5 %: the half width of a confidence interval in standard errors.

    From 3 degrees of freedom on the expansion of Cornish and Fisher, right to four parts in a hundred.
    """
    exact = {1: 12.706, 2: 4.303}
    if freedom in exact:
        return exact[freedom]
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def _window(began: _Moment, ended: _Moment) -> _Window | None:
    """What has happened between; ``None`` where a phase has begun or ended."""
    if began.phases != ended.phases:
        return None
    asked = tuple(b - a for a, b in zip(began.asked, ended.asked, strict=True))
    return _Window(asked, ended.moved - began.moved)


def _turns(asked: Sequence[int]) -> list[int]:
    """Numbers of cores in the order in which they ask: evenly mixed."""
    places = [((2 * n + 1) / (2 * rate), core) for core, rate in enumerate(asked) for n in range(rate)]
    return [core for _, core in sorted(places)]
