"""What storages with a state of their own hold in a loop, in a frame that moves with the loop's streams."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from aidg.contact import Stream, Zone, first_contact, hull
from aidg.kernel import Kernel
from aidg.loops import Component, LoopPlan, sweep
from aidg.prepared import PreparedLoop


@dataclass(frozen=True, slots=True)
class Held:
    """What the storages of a component hold at an iteration boundary.

    Attributes:
        key: Decides all later answers up to a shift in address, as long as streams of different steps keep
            apart.
        steps: Per storage: bytes that each line moves per iteration, by its address.
        zones: Per access: from its first to its last line, in this iteration's addresses.
        resting: Lines that earlier code has left.
    """

    key: Hashable
    steps: dict[str, dict[int, int]]
    zones: dict[int, Zone]
    resting: tuple[Zone, ...]


def held_by(
    kernel: Kernel, node: PreparedLoop, plan: LoopPlan, component: Component, iteration: int
) -> Held | None:
    """What the storages of ``component`` hold before ``iteration``.

    ``None`` where streams of different steps have been at the same line.
    """
    swept = {
        access: aligned(
            sweep(kernel.program, plan, access, kernel.state.indices, {node.level: (0, iteration)}), component
        )
        for access in component.steps
    }
    owners = _Owners(swept, component.steps)
    sets: list[Hashable] = []
    moves: dict[str, dict[int, int]] = {}
    for name in component.models:
        model = kernel.machine.models[name]
        moves[name] = {}
        for ways in model.held():
            lines = []
            for address, detail in ways:
                step = owners.claim(address, model.line_bytes)
                if step is None:
                    return None
                moves[name][address] = step
                lines.append((address - step * iteration, step, detail))
            place = (ways[0][0] - component.pace * iteration) % model.period_bytes
            sets.append((name, place, tuple(lines)))
    key = (component.phase(iteration, bool(owners.resting)), tuple(sorted(sets)))  # type: ignore[type-var]
    return Held(key, moves, owners.zones, tuple(owners.resting))


def aligned(zone: Zone, component: Component) -> Zone:
    """The zone widened to whole lines."""
    line = component.line_bytes
    return zone[0] // line * line, -(-zone[1] // line) * line


class _Owners:
    """Which stream has brought a line, by where the streams have been in this run of the loop."""

    def __init__(self, swept: dict[int, Zone], steps: dict[int, int]) -> None:
        self.zones: dict[int, Zone] = {}
        self.resting: list[Zone] = []
        self._swept = swept
        self._moves = steps

    def claim(self, address: int, size: int) -> int | None:
        """Bytes that the line at ``address`` moves per iteration; ``None`` where streams disagree."""
        found = [a for a, (low, high) in self._swept.items() if low < address + size and address < high]
        if not found:
            self.resting.append((address, address + size))
            return 0
        moves = {self._moves[access] for access in found}
        if len(moves) > 1:
            return None
        owner = found[0]
        zone = hull([*([self.zones[owner]] if owner in self.zones else []), (address, address + size)])
        assert zone is not None
        self.zones[owner] = zone
        return moves.pop()


def first_meeting(
    kernel: Kernel,
    node: PreparedLoop,
    plan: LoopPlan,
    component: Component,
    looks: Iterable[tuple[int, Held]],
    span: tuple[int, int],
    gap: int,
) -> int:
    """First iteration of ``span`` in which a stream meets lines that move otherwise; its end if none does.

    Args:
        looks: Iteration and what was held then, over a whole period.
        gap: Most iterations between two looks.
    """
    streams = {
        access: aligned(
            sweep(kernel.program, plan, access, kernel.state.indices, {node.level: (0, 0)}), component
        )
        for access in component.steps
    }
    # what has been brought since the look before trails behind the stream
    lines = {
        access: _trailing(zone, component, component.steps[access] * gap) for access, zone in streams.items()
    }
    resting: tuple[Zone, ...] = ()
    for iteration, held in looks:
        resting = held.resting
        for access, (low, high) in held.zones.items():
            step = component.steps[access] * iteration
            seen = _trailing((low - step, high - step), component, component.steps[access] * gap)
            zone = hull([lines[access], seen])
            assert zone is not None
            lines[access] = zone
    first, stop = span
    for access, zone in streams.items():
        step = component.steps[access]
        own = Stream(zone, step)
        others = [Stream(lines[o], s) for o, s in component.steps.items() if s != step]
        if step:
            others += (Stream(zone, 0) for zone in resting)
        for other in others:
            stop = min(stop, first_contact(own, other, first, stop))
    return stop


def _trailing(zone: Zone, component: Component, reach: int) -> Zone:
    """The zone with what lies up to ``reach`` bytes behind it, in whole lines."""
    return aligned((zone[0] - max(reach, 0), zone[1] - min(reach, 0)), component)
