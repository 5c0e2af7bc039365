"""Pipelined schedules: layers on one core each, the slowest core as fast as can be, tiles handed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mappings.network import Network
from platforms.soc.chips import Chip
from platforms.soc.distribution import Estimator
from platforms.soc.list_scheduling import Options, equal_cores
from platforms.soc.programs import Deadlock, build
from platforms.soc.schedule import Placement, Schedule, readers_of, sources_of
from platforms.soc.splitting import rows


def pipeline_schedule(
    chip: Chip, network: Network, options: Options, estimator: Estimator, *, tiles: int = 1, buffer: int = 0
) -> Schedule:
    """Stages of consecutive layers, one for each of several equal cores.

    A layer goes to the kind of core that is fastest with it; of the layers of a kind each core gets a
    stretch, so that the longest stretch is as short as can be. Buffers between layers on the same core hold
    the whole result, and those in which layers would wait for each other are made larger until none does.

    Args:
        tiles: Pieces of each layer that has so many rows.
        buffer: Tiles between layers on different cores; 0: all.
    """
    stages = _stages(chip, network, options)
    layers = {layer.name: layer for layer in network.layers}
    readers = readers_of(sources_of(network, [name for name, _ in options.unmapped]))
    placements = {}
    for layer in network.layers:
        core = stages.get(layer.name)
        if core is None:
            continue
        count = min(tiles, rows(layers[layer.name]))
        apart = all(stages.get(reader) != core for reader in readers[layer.name])
        room = buffer if apart and buffer < count else 0
        placements[layer.name] = Placement(layer.name, (core,), tiles=count, buffer=room)
    schedule = Schedule(chip.name, network.name, tuple(placements.values()))
    return _with_room(chip, network, schedule, estimator)


def _stages(chip: Chip, network: Network, options: Options) -> dict[str, str]:
    """The core of each layer."""
    stages: dict[str, str] = {}
    for numbers in equal_cores(chip.cores):
        names = [chip.cores[number].name for number in numbers]
        mine: list[tuple[str, int]] = []
        for layer in network.layers:
            single = [o for o in options.by_layer.get(layer.name, ()) if len(o.placement.cores) == 1]
            if single:
                best = min(single, key=lambda option: option.cycles)
                if best.placement.cores[0] in names:
                    mine.append((layer.name, best.cycles))
        for (name, _), number in zip(mine, stretches([c for _, c in mine], len(names)), strict=True):
            stages[name] = names[number]
    return stages


def stretches(loads: Sequence[int], count: int) -> list[int]:
    """Cut a row of loads into so many stretches whose largest sum is least; the stretch of each load."""
    low, high = max(loads, default=0), sum(loads)
    while low < high:
        middle = (low + high) // 2
        if max(_cut(loads, middle), default=0) < count:
            high = middle
        else:
            low = middle + 1
    return _cut(loads, low)


def _cut(loads: Sequence[int], most: int) -> list[int]:
    """Stretches as long as a sum allows."""
    found, number, total = [], 0, 0
    for load in loads:
        if total and total + load > most:
            number, total = number + 1, 0
        total += load
        found.append(number)
    return found


def _with_room(chip: Chip, network: Network, schedule: Schedule, estimator: Estimator) -> Schedule:
    """Make buffers larger until no layers wait for each other."""
    while True:
        try:
            build(chip, network, schedule, estimator)
        except Deadlock as error:
            changed = tuple(
                _larger(placement) if placement.layer in error.layers else placement
                for placement in schedule.placements
            )
            if changed == schedule.placements:
                raise
            schedule = replace(schedule, placements=changed)
        else:
            return schedule


def _larger(placement: Placement) -> Placement:
    room = 2 * placement.buffer
    return replace(placement, buffer=room if room < placement.tiles else 0)
