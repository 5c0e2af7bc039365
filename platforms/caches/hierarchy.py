"""Caches of any depth and sharing: which level lies on which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acadl.errors import AcadlError, nearest
from acadl.simulate_objects import Clock
from platforms.caches.below import Below
from platforms.caches.level import CacheLevel, LevelParameters, Prefetcher


@dataclass(frozen=True, slots=True)
class Placed:
    """A level, and the name of what lies below it: another level, or a memory."""

    parameters: LevelParameters
    below: str
    prefetcher: Prefetcher | None = None


def build_hierarchy(
    env: Clock, levels: Mapping[str, Placed], memories: Mapping[str, Below]
) -> dict[str, CacheLevel]:
    """The levels by name, empty. Several may lie on one; those named first go first where priorities count.

    Raises:
        AcadlError: A name is unknown or taken twice, or levels lie on each other in a circle.
    """
    twice = sorted(set(levels) & set(memories))
    if twice:
        raise AcadlError(f"'{twice[0]}' names a level and a memory")
    made: dict[str, CacheLevel] = {}
    numbers = {name: number for number, name in enumerate(levels)}

    def make(name: str, above: tuple[str, ...]) -> Below:
        if name in memories:
            return memories[name]
        if name not in levels:
            known = [*levels, *memories]
            raise AcadlError(f"'{above[-1]}' lies on '{name}', which is not there{nearest(name, known)}")
        if name in above:
            raise AcadlError(f"levels lie on each other in a circle: {' -> '.join([*above, name])}")
        if name not in made:
            placed = levels[name]
            below = make(placed.below, (*above, name))
            made[name] = CacheLevel(
                env, placed.parameters, below, number=numbers[name], prefetcher=placed.prefetcher
            )
        return made[name]

    for name in levels:
        make(name, ())
    return {name: made[name] for name in levels}
