"""Critical-path list scheduling: what is longest before the end goes first (HEFT without insertion).

H. Topcuoglu, S. Hariri, M. Wu: Performance-effective and low-complexity task scheduling for heterogeneous
computing, IEEE TPDS 13(3), 2002. Times are those of layers alone: contention is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from mappings.layers import Layer
from mappings.network import Network
from platforms.soc.chips import Chip, CorePlace
from platforms.soc.distribution import Estimator
from platforms.soc.programs import cut
from platforms.soc.schedule import Placement, Schedule, Split, readers_of, sources_of
from platforms.soc.splitting import rows

Unmapped = tuple[tuple[str, str], ...]
"""Layers that no core can run, and why."""


@dataclass(frozen=True, slots=True)
class Option:
    """A place for a layer, and how long it takes there."""

    placement: Placement
    cycles: int


class Options:
    """Where each layer of a network can run: on each core, or shared by all equal ones."""

    def __init__(self, chip: Chip, network: Network, estimator: Estimator) -> None:
        self._chip, self._estimator = chip, estimator
        self._teams = teams(chip.cores)
        self._layers = {layer.name: layer for layer in network.layers}
        self.unmapped: list[tuple[str, str]] = []
        self.by_layer: dict[str, tuple[Option, ...]] = {}
        for layer in network.layers:
            found, reason = self._of(layer)
            if found:
                self.by_layer[layer.name] = found
            else:
                self.unmapped.append((layer.name, reason))

    def _of(self, layer: Layer) -> tuple[tuple[Option, ...], str]:
        """On the cores that are not spare; if there is none, on those that are."""
        reasons = []
        for spare in (False, True):
            found = []
            for team in self._teams:
                if self._chip.cores[team[0]].spare != spare:
                    continue
                option = self._shared(layer, team)
                if isinstance(option, str):
                    reasons.append(option)
                else:
                    found.append(option)
            if found:
                return tuple(found), ""
        return (), reasons[0] if reasons else "there is no core for it"

    def _shared(self, layer: Layer, team: Sequence[int]) -> Option | str:
        names = tuple(self._chip.cores[number].name for number in team)
        if len(team) == 1:
            alone = self._estimator.alone(team[0], layer)
            return alone if isinstance(alone, str) else Option(Placement(layer.name, names), alone.cycles)
        for how in ("channel", "batch", "tile"):
            option = self.split(layer.name, names, how)
            if option is not None:
                return option
        return "it has no parts for each core"

    def split(self, name: str, cores: tuple[str, ...], how: Split) -> Option | None:
        """A layer shared by cores in a way; ``None``: that cannot be."""
        layer = self._layers[name]
        tiles = len(cores) if how == "tile" else 1
        if tiles > rows(layer):
            return None
        placement = Placement(name, cores, how, tiles)
        pieces = cut(self._chip, layer, placement, self._estimator)
        return None if isinstance(pieces, str) else Option(placement, max(p.alone.cycles for p in pieces))


def teams(cores: Sequence[CorePlace]) -> list[tuple[int, ...]]:
    """Each core alone, and all equal ones together."""
    together = [numbers for numbers in equal_cores(cores) if len(numbers) > 1]
    return [*((number,) for number in range(len(cores))), *together]


def equal_cores(cores: Sequence[CorePlace]) -> list[tuple[int, ...]]:
    """Cores that differ in nothing but their names."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, core in enumerate(cores):
        settings = tuple(sorted(core.settings.items()))
        key = core.architecture, settings, core.operators, core.spare, core.clock_hz
        alike.setdefault(key, []).append(number)
    return [tuple(numbers) for numbers in alike.values()]


def list_schedule(chip: Chip, network: Network, options: Options) -> Schedule:
    """Give each layer to the core, or to all equal cores together, that will be done with it first."""
    sources = sources_of(network, [name for name, _ in options.unmapped])
    free = dict.fromkeys((core.name for core in chip.cores), 0)
    done: dict[str, int] = {}
    placements = []
    for name in by_rank(network, options):
        ready = max((done[source] for source in sources[name]), default=0)

        def end(option: Option, ready: int = ready) -> tuple[int, int]:
            cores = option.placement.cores
            return max(ready, *(free[core] for core in cores)) + option.cycles, len(cores)

        best = min(options.by_layer[name], key=end)
        done[name] = end(best)[0]
        free.update(dict.fromkeys(best.placement.cores, done[name]))
        placements.append(best.placement)
    return Schedule(chip.name, network.name, tuple(placements))


def by_rank(network: Network, options: Options) -> list[str]:
    """Layers by the time from their beginning to the end of all that depend on them, the longest first."""
    readers = readers_of(sources_of(network, [name for name, _ in options.unmapped]))
    place = {layer.name: number for number, layer in enumerate(network.layers)}

    @cache
    def least(name: str) -> int:
        return min(option.cycles for option in options.by_layer[name])

    rank: dict[str, int] = {}
    for layer in reversed(network.layers):
        if layer.name in options.by_layer:
            behind = (rank[reader] for reader in readers[layer.name] if reader in rank)
            rank[layer.name] = least(layer.name) + max(behind, default=0)
    return sorted(rank, key=lambda name: (-rank[name], place[name]))
