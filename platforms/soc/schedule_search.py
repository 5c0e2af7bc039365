"""Better schedules by a seeded search: places of layers are changed at random, improvements stay."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from mappings.network import Network
from platforms.soc.chips import Chip
from platforms.soc.distribution import Estimator
from platforms.soc.list_scheduling import Options, list_schedule
from platforms.soc.prediction import predict
from platforms.soc.programs import build
from platforms.soc.schedule import Placement, Schedule, sources_of

FIRST_TEMPERATURE = 0.1  # of the time at the beginning, as a share; enough to move a layer and back

Progress = Callable[[int, int, str], None]
"""Called for each schedule that is tried: its number, how many will be, the best so far."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best schedule, its predicted cycles, and those of the one by list scheduling."""

    schedule: Schedule
    cycles: float
    list_cycles: float


def search(
    chip: Chip,
    network: Network,
    options: Options,
    estimator: Estimator,
    *,
    bytes_per_cycle: float,
    budget: int = 500,
    seed: int = 0,
    progress: Progress | None = None,
) -> Found:
    """Simulated annealing from the list schedule on, by :func:`platforms.soc.prediction.predict`.

    The result is predicted to take no longer than the list schedule. Same seed and budget, same result.

    Args:
        bytes_per_cycle: Peak bandwidth of the memory.
        budget: Schedules to try.
    """
    random = Random(seed)
    sources = sources_of(network, [name for name, _ in options.unmapped])

    def cost(schedule: Schedule) -> float:
        return predict(build(chip, network, schedule, estimator).phases, bytes_per_cycle)

    present = best = list_schedule(chip, network, options)
    present_cost = best_cost = first = cost(present)
    for number in range(budget if present.placements else 0):
        if progress is not None:
            progress(number, budget, f"{best_cost / first:.1%} of the list schedule's cycles")
        other = _changed(present, options, sources, random)
        if other is None:
            continue
        found = cost(other)
        temperature = FIRST_TEMPERATURE * first * (1 - number / budget)
        if found <= present_cost or random.random() < math.exp(
            (present_cost - found) / max(temperature, 1e-9)
        ):
            present, present_cost = other, found
        if found < best_cost:
            best, best_cost = other, found
    return Found(best, best_cost, first)


def _changed(
    schedule: Schedule, options: Options, sources: dict[str, tuple[str, ...]], random: Random
) -> Schedule | None:
    """Another place for a layer, or another order of two; ``None``: that cannot be."""
    placements = list(schedule.placements)
    number = random.randrange(len(placements))
    if random.random() < 0.5:
        chosen = _other_place(placements[number], options, random)
        if chosen is None:
            return None
        placements[number] = chosen
    else:
        if number + 1 == len(placements):
            return None
        first, second = placements[number : number + 2]
        if first.layer in sources[second.layer]:
            return None
        placements[number : number + 2] = [second, first]
    return replace(schedule, placements=tuple(placements))


def _other_place(present: Placement, options: Options, random: Random) -> Placement | None:
    found = [option.placement for option in options.by_layer[present.layer]]
    shared = [placement.cores for placement in found if len(placement.cores) > 1]
    for cores in shared:
        found += [
            option.placement
            for how in ("channel", "batch", "tile")
            if (option := options.split(present.layer, cores, how)) is not None
        ]
    others = [placement for placement in dict.fromkeys(found) if placement != present]
    return random.choice(others) if others else None
