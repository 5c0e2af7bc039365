"""How far a loop that has settled can be skipped: until something happens that no period has shown.

Within a loop, operands may move at different paces, storages may hold lines of several streams, and latencies
may depend on the index. A recurring state proves periodicity as long as none of this changes who meets whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aidg.contact import Stream, Zone, first_contact, hull
from aidg.holding import Held, first_meeting
from aidg.intervals import is_steady
from aidg.kernel import Kernel
from aidg.loops import LoopPlan, plan_bounds, sweep
from aidg.prepared import PreparedLoop, QueuedLatency


@dataclass(frozen=True, slots=True)
class Look:
    """A remembered iteration boundary.

    Attributes:
        base: Lower bound of every later event, in cycles.
        held: What storages with a state hold, per component.
        alive: Per static operand of groups that do not move together: where it is still being accessed.
    """

    iteration: int
    base: int
    held: tuple[Held, ...]
    alive: dict[int, Zone]


@dataclass(frozen=True, slots=True)
class Horizon:
    """The first iteration that need not be like those a period before, and why."""

    iteration: int
    reason: str


def find_horizon(
    kernel: Kernel, node: PreparedLoop, plan: LoopPlan, looks: Sequence[Look], gap: int
) -> Horizon:
    """How far the period that ``looks`` span repeats.

    Args:
        looks: Boundaries of one period, the first and the last one with equal states.
        gap: Most iterations between two of them.
    """
    span = looks[0].iteration, node.count
    found = Horizon(node.count, "")
    if plan.varying:
        stop = _steady_until(kernel, node, plan, span)
        found = _sooner(found, stop, "latencies change with the loop index")
    for number, move in enumerate(plan.moves):
        if move is None and not kernel.program.groups[number].cell:
            stop = _ranges_apart(kernel, node, plan, number, looks, gap)
            found = _sooner(found, stop, "operands with different strides meet")
    for position, component in enumerate(plan.components):
        pairs = [(look.iteration, look.held[position]) for look in looks]
        stop = first_meeting(kernel, node, plan, component, pairs, node.count, gap)
        names = " and ".join(component.models)
        found = _sooner(found, stop, f"streams with different strides meet in {names}")
    return found


def _sooner(found: Horizon, stop: int, reason: str) -> Horizon:
    return Horizon(stop, reason) if stop < found.iteration else found


# -- latencies -----------------------------------------------------------------------------------------------


def _steady_until(kernel: Kernel, node: PreparedLoop, plan: LoopPlan, span: tuple[int, int]) -> int:
    """The largest iteration up to which no latency changes with the index, from the start of ``span`` on."""
    first, stop = span
    if _are_steady(kernel, node, plan, first, stop):
        return stop
    low, high = first, stop  # steady up to `low`, not up to `high`
    while high - low > 1:
        middle = (low + high) // 2
        if _are_steady(kernel, node, plan, first, middle):
            low = middle
        else:
            high = middle
    return low


def _are_steady(kernel: Kernel, node: PreparedLoop, plan: LoopPlan, first: int, stop: int) -> bool:
    inside = {level: (0, count - 1) for level, count in plan.inner.items()}
    ranges = {**inside, node.level: (first, stop - 1)}
    return all(_is_steady(kernel, latency, node.level, ranges) for latency in plan.varying)


def _is_steady(kernel: Kernel, latency: QueuedLatency, level: int, ranges: dict[int, Zone]) -> bool:
    """Whether a latency depends on the index of ``level`` through rotations at most."""
    names: dict[str, Zone] = {name: (value, value) for name, value in latency.names.items()}
    for name, plan in latency.varying:
        names[name] = plan_bounds(plan, kernel.state.indices, ranges)
    moving = {name for name, plan in latency.varying if level in dict(plan.terms)}
    return is_steady(latency.expression, names, moving)


# -- operands ------------------------------------------------------------------------------------------------


def _ranges_apart(
    kernel: Kernel, node: PreparedLoop, plan: LoopPlan, number: int, looks: Sequence[Look], gap: int
) -> int:
    """First iteration in which operands of a group that move differently touch a common byte."""
    program = kernel.program
    members = set(program.groups[number].members)
    active = {
        access: Stream(sweep(program, plan, access, kernel.state.indices, {node.level: (0, 0)}), step)
        for access, step in plan.coefficients.items()
        if access in members
    }
    alive = {access: _trail(access, stream, looks, gap) for access, stream in active.items()}
    for access in members - active.keys():  # left behind by earlier code
        zone = hull(look.alive[access] for look in looks if access in look.alive)
        if zone is not None:
            alive[access] = Stream(zone, 0)
    first, stop = looks[0].iteration, node.count
    for access, stream in active.items():
        for other, trail in alive.items():
            conflicts = program.accesses[access].write or program.accesses[other].write
            if conflicts and trail.step != stream.step:
                stop = min(stop, first_contact(stream, trail, first, stop))
    return stop


def _trail(access: int, stream: Stream, looks: Sequence[Look], gap: int) -> Stream:
    """Where an operand is being accessed at any moment of an iteration, earlier accesses included."""
    low, high = stream.zone
    reach = stream.step * gap  # accesses since the look before
    zones = [(low - max(reach, 0), high - min(reach, 0))]
    for look in looks:
        if access in look.alive:
            start, end = look.alive[access]
            moved = stream.step * look.iteration
            zones.append((start - moved - max(reach, 0), end - moved - min(reach, 0)))
    zone = hull(zones)
    assert zone is not None
    return Stream(zone, stream.step)
