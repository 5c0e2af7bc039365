"""What storages with a state of their own hold in a loop, in a frame that moves with the loop's streams.

Every line that is held is labelled with the bytes that it moves per iteration: those of the stream that was
at it last, none if nobody in this loop was for long. A label is a guess; :func:`first_meeting` checks that
nothing contradicts it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import lcm
from typing import NamedTuple

from aidg.contact import Stream, Zone, first_contact, hull, last_visit
from aidg.kernel import Kernel
from aidg.loops import Component, LoopPlan, sweep
from aidg.prepared import PreparedLoop

# Owner of lines that nobody in this loop has been at for long.
RESTING = -2


class Line(NamedTuple):
    """A line that a storage holds.

    Attributes:
        storage: Position among the component's models.
        step: Bytes that it moves per iteration.
        owner: The access that was at it last, or ``RESTING``.
    """

    storage: int
    start: int
    end: int
    step: int
    owner: int


@dataclass(frozen=True, slots=True)
class Held:
    """What the storages of a component hold at an iteration boundary.

    Attributes:
        key: Decides all later answers up to a shift in address, as long as streams of different steps keep
            apart.
        lines: Everything that is held.
    """

    key: Hashable
    lines: tuple[Line, ...]

    def steps(self, storage: int) -> dict[int, int]:
        """Bytes that each line of a storage moves per iteration, by its address."""
        return {line.start: line.step for line in self.lines if line.storage == storage}


def held_by(kernel: Kernel, node: PreparedLoop, plan: LoopPlan, component: Component, iteration: int) -> Held:
    """What the storages of ``component`` hold before ``iteration``."""
    streams = _streams(kernel, node, plan, component)
    models = [kernel.machine.models[name] for name in component.models]
    held = [model.held() for model in models]
    # every way of a set, level after level, is replaced once a turn where the set is in use at all
    ways_passed = 1 + 2 * sum(max(map(len, sets), default=0) for sets in held)
    since = iteration - ways_passed * lcm(plan.period, component.turn)
    places: list[Hashable] = []
    lines: list[Line] = []
    for storage, (model, sets) in enumerate(zip(models, held, strict=True)):
        for ways in sets:
            entries = []
            for address, detail in ways:
                zone = address, address + model.line_bytes
                line = _labelled(storage, zone, streams, iteration, since)
                lines.append(line)
                entries.append((address - line.step * iteration, line.step, detail))
            place = (ways[0][0] - component.pace * iteration) % model.period_bytes
            places.append((storage, place, tuple(entries)))
    rests = any(line.owner == RESTING for line in lines)
    key = (component.phase(iteration, rests), tuple(sorted(places)))  # type: ignore[type-var]
    return Held(key, tuple(lines))


def _streams(kernel: Kernel, node: PreparedLoop, plan: LoopPlan, component: Component) -> dict[int, Stream]:
    """Where each access is in each iteration, whole lines wherever it is.

    What is written back, for one, starts at the beginning of a line.
    """
    indices, beside = kernel.state.indices, component.widest_line - 1
    streams = {}
    for access, step in component.steps.items():
        low, high = sweep(kernel.program, plan, access, indices, {node.level: (0, 0)})
        streams[access] = Stream((low - beside, high + beside), step)
    return streams


def _labelled(storage: int, zone: Zone, streams: dict[int, Stream], iteration: int, since: int) -> Line:
    """A line and its label; visits before ``since`` do not count."""
    latest, owner = max(since, 0) - 1, RESTING
    for access, stream in streams.items():
        visit = last_visit(stream, zone, iteration)
        if visit > latest:
            latest, owner = visit, access
    step = 0 if owner == RESTING else streams[owner].step
    return Line(storage, *zone, step, owner)


# -- who meets whom ------------------------------------------------------------------------------------------


def first_meeting(
    kernel: Kernel,
    node: PreparedLoop,
    plan: LoopPlan,
    component: Component,
    looks: Sequence[tuple[int, Held]],
    stop: int,
    gap: int,
) -> int:
    """First iteration from the first look on in which a stream meets lines that move otherwise, or ``stop``.

    Args:
        looks: Iteration and what was held then, over a whole period.
        gap: Most iterations between two looks.
    """
    first = looks[0][0]
    streams = _streams(kernel, node, plan, component)
    held = {line for _, look in looks for line in look.lines}
    if _is_ambiguous(held, streams, first, looks[-1][0]):
        return first
    trails = _trails(streams, looks, gap)
    resting = [Stream((line.start, line.end), 0) for line in held if line.owner == RESTING]
    for own in streams.values():
        others = [trail for trail in trails if trail.step != own.step]
        if own.step:
            others += resting
        for other in others:
            stop = min(stop, first_contact(own, other, first, stop))
    return stop


def _is_ambiguous(held: Iterable[Line], streams: dict[int, Stream], first: int, last: int) -> bool:
    """Whether, from ``first`` to ``last``, streams of different steps were at one line, or lines disagree."""
    in_order = sorted(held, key=lambda line: line.start)
    for line in in_order:
        zone = line.start, line.end
        for stream in streams.values():
            if stream.step != line.step and last_visit(stream, zone, last) >= first:
                return True
    return any(low.step != high.step and high.start < low.end for low, high in _overlapping(in_order))


def _overlapping(in_order: list[Line]) -> Iterator[tuple[Line, Line]]:
    """Lines that may overlap, in order of their starts: each with the earlier one that ends last."""
    if not in_order:
        return
    farthest = in_order[0]
    for _, line in pairwise(in_order):
        yield farthest, line
        if line.end > farthest.end:
            farthest = line


def _trails(streams: dict[int, Stream], looks: Sequence[tuple[int, Held]], gap: int) -> list[Stream]:
    """Where the lines that each stream has brought are, at any moment of an iteration."""
    zones = {access: [stream.zone] for access, stream in streams.items()}
    for iteration, look in looks:
        for line in look.lines:
            if line.owner != RESTING:
                moved = line.step * iteration
                zones[line.owner].append((line.start - moved, line.end - moved))
    trails = []
    for access, found in zones.items():
        step = streams[access].step
        low, high = hull(found) or found[0]
        reach = step * gap  # what has been brought since the look before
        trails.append(Stream((low - max(reach, 0), high - min(reach, 0)), step))
    return trails
