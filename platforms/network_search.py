"""Mapping search: tilings, loop orders and dataflows, with the exact evaluator as cost."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from acadl.errors import AcadlError
from platforms.network_layers import chosen_layers, loaded, shape_of
from platforms.result import UnmappedLayer

if TYPE_CHECKING:
    from acadl.model import Architecture
    from mappings.choices import Choice
    from mappings.layers import Layer
    from mappings.network import Network
    from mappings.search import Cost, Found, Point
    from platforms.baselines import Bandwidth

SECONDS = 60.0

Progress = Callable[[int, int, "Layer", int, "Cost"], None]
"""Called after each try: number of the layer from 0, of layers, layer, tries so far, cost of the best."""


@dataclass(frozen=True)
class LayerSearch:
    """What was found for one shape.

    Attributes:
        layer: The first layer of that shape.
        count: Occurrences of all layers of that shape.
        names: Names of these layers.
        found: The choices; their costs are cycles and bytes moved at main memory, of one occurrence.
    """

    layer: Layer
    count: int
    names: tuple[str, ...]
    found: Found

    def to_dict(self) -> dict[str, object]:
        """Plain data with the keys of ``acadl search --json``."""
        found = self.found
        return {
            "layers": list(self.names),
            "op": self.layer.op,
            "count": self.count,
            "default": _point(found.default),
            "best": _point(found.best),
            "speedup": found.default.cost[0] / found.best.cost[0] if found.best.cost[0] else 1.0,
            "pareto": [_point(point) for point in found.front],
            "tried": found.tried,
            "infeasible": found.infeasible,
            "dominated": found.dominated,
            "choices": found.size,
            "exhaustive": found.exhaustive,
        }


@dataclass(frozen=True)
class NetworkSearch:
    """Mappings found for the layers of a network.

    Attributes:
        architecture, network: Names.
        layers: One entry per shape, in the order of the network.
        unmapped: Layers that the architecture cannot run.
        provenance: Version, parameters, seed, budget, hashes of the inputs.
        interrupted: Whether the search was stopped by hand; layers behind have their default.
        unreached: Names of layers that an interrupt kept from being evaluated; no total has them.
        wall_s: Seconds that it took; not compared.
    """

    architecture: str
    network: str
    layers: tuple[LayerSearch, ...]
    unmapped: tuple[UnmappedLayer, ...] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)
    interrupted: bool = False
    unreached: tuple[str, ...] = ()
    wall_s: float = field(default=0.0, compare=False)

    @property
    def default_cycles(self) -> int:
        """Cycles of all layers as the mapping does it by itself."""
        return sum(entry.count * entry.found.default.cost[0] for entry in self.layers)

    @property
    def total_cycles(self) -> int:
        """Cycles of all layers with the best choices."""
        return sum(entry.count * entry.found.best.cost[0] for entry in self.layers)

    def to_dict(self) -> dict[str, object]:
        """Plain data with the keys of ``acadl search --json``."""
        return {
            "architecture": self.architecture,
            "network": self.network,
            "default_cycles": self.default_cycles,
            "total_cycles": self.total_cycles,
            "wall_s": self.wall_s,
            "interrupted": self.interrupted,
            "unreached": list(self.unreached),
            "layers": [entry.to_dict() for entry in self.layers],
            "unmapped": [{"name": x.name, "op": x.op, "reason": x.reason} for x in self.unmapped],
            "provenance": dict(self.provenance),
        }

    def to_json(self, indent: int | None = None) -> str:
        """:meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=indent)

    @property
    def choices(self) -> dict[Layer, Choice]:
        """The best choice by shape, for ``platforms.estimate(…, choices=…)``."""
        return {shape_of(entry.layer): entry.found.best.choice for entry in self.layers}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the best choices to a file that ``acadl estimate --choices`` reads."""
        from platforms.choices_file import save_choices

        save_choices(path, self)

    def _repr_html_(self) -> str:
        from platforms.search_report import to_html

        return to_html(self)


def search(
    arch: Architecture | str | os.PathLike[str],
    network: Network | str | os.PathLike[str],
    *,
    layers: Iterable[str] | None = None,
    tries: int | None = None,
    seconds: float | None = SECONDS,
    seed: int = 0,
    progress: Progress | None = None,
) -> NetworkSearch:
    """Choices for the layers of a network, one shape after the other; cheapest in cycles, then in bytes
    moved.

    The mapping's own choice is evaluated first, so nothing that is found is worse.

    Args:
        arch, network, layers: As for :func:`platforms.estimate`.
        tries: Choices that are looked at for each shape, at most. With it and without ``seconds`` results
            depend
            on the seed alone.
        seconds: For all shapes together; time that one of them does not need is left for those behind.
        seed: Of what is drawn at random.
        progress: Called after each try.

    Raises:
        AcadlError: As for :func:`platforms.estimate`, or the budget is none.
    """
    from platforms.whole_network import provenance

    _check_budget(tries, seconds)
    started = time.monotonic()
    arch, network = loaded(arch, network)
    shapes = _shapes(chosen_layers(network, layers))
    done: list[LayerSearch] = []
    unmapped: list[UnmappedLayer] = []
    unreached: list[str] = []
    interrupted = False
    runner = _Runner(arch, tries, seed, progress, len(shapes))
    for number, (layer, names, count) in enumerate(shapes):
        left = None if seconds is None else seconds - (time.monotonic() - started)
        share = None if left is None else max(0.0, left) / (len(shapes) - number)
        try:
            found = runner.run(number, layer, 0.0 if interrupted else share)
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted = True
            unreached = [name for _, names, _ in shapes[number:] for name in names]
            break
        if isinstance(found, UnmappedLayer):
            unmapped.append(found)
            continue
        interrupted = interrupted or found.interrupted
        done.append(LayerSearch(layer, count, names, found))
    budget: dict[str, float] = {"seed": seed}
    budget |= {} if tries is None else {"tries": tries}
    budget |= {} if seconds is None else {"seconds": seconds}
    return NetworkSearch(
        architecture=arch.name,
        network=network.name,
        layers=tuple(done),
        unmapped=tuple(unmapped),
        provenance=provenance(arch, network, "exact", budget),
        interrupted=interrupted,
        unreached=tuple(unreached),
        wall_s=time.monotonic() - started,
    )


def _check_budget(tries: int | None, seconds: float | None) -> None:
    if tries is None and seconds is None:
        raise AcadlError("a search needs an end: give a number of tries, or seconds")
    if tries is not None and tries < 1:
        raise AcadlError(f"{tries} tries are too few; the first one is the mapping's own choice")
    if seconds is not None and not seconds >= 0:
        raise AcadlError(f"{seconds} s is no time")


def _shapes(layers: list[Layer]) -> list[tuple[Layer, tuple[str, ...], int]]:
    """The first layer of each shape, the names of all, and how often they occur."""
    groups: dict[Layer, list[Layer]] = {}
    for layer in layers:
        groups.setdefault(shape_of(layer), []).append(layer)
    return [
        (group[0], tuple(layer.name for layer in group), sum(layer.count for layer in group))
        for group in groups.values()
    ]


class _Runner:
    """Searches one shape after the other on one architecture."""

    def __init__(
        self, arch: Architecture, tries: int | None, seed: int, progress: Progress | None, shapes: int
    ) -> None:
        from mappings.registry import find_mapper
        from platforms.baselines import main_bandwidth

        self._arch, self._tries, self._seed, self._shapes = arch, tries, seed, shapes
        self._mapper = find_mapper(arch.name)
        self._progress = progress
        self._bandwidth: Bandwidth | None = main_bandwidth(arch)

    def run(self, number: int, layer: Layer, share: float | None) -> Found | UnmappedLayer:
        """What is found for a layer within its share of the time."""
        from mappings.choices import search_space
        from mappings.registry import MappingError
        from mappings.search import search
        from platforms.user_mapping import BrokenMapperError

        def tell(tried: int, cost: Cost) -> None:
            if self._progress is not None:
                self._progress(number, self._shapes, layer, tried, cost)

        try:
            return search(
                search_space(layer, self._arch),
                lambda choice, is_dominated: self._cost(layer, choice, is_dominated),
                tries=self._tries,
                deadline=None if share is None else time.monotonic() + share,
                seed=self._seed,
                progress=tell,
            )
        except BrokenMapperError:
            raise
        except MappingError as error:
            return UnmappedLayer(layer.name, layer.op, str(error))

    def _cost(self, layer: Layer, choice: Choice, is_dominated: Callable[[Cost], bool]) -> Any:
        """Cycles and bytes at main memory. These, and a bound of the cycles, are known without running."""
        import aidg
        from aidg.work import count_work
        from mappings.choices import search_space
        from mappings.registry import MappingError
        from mappings.search import Without
        from platforms.user_mapping import BrokenMapperError, map_checked

        is_default = choice == search_space(layer, self._arch).default
        try:
            program = map_checked(self._mapper, layer, self._arch, choice)
        except BrokenMapperError:
            raise
        except MappingError:
            if is_default:
                raise
            return Without.INFEASIBLE
        work = count_work(self._arch, program)
        moved = {"read": 0, "write": 0}
        for (name, direction), transfers in work.storages.items():
            if self._bandwidth is None or name in self._bandwidth.storages:
                moved[direction] += transfers.bytes
        traffic = sum(moved.values())
        bound = max(work.least_cycles.values(), default=0)
        if self._bandwidth is not None:
            bound = max(bound, self._bandwidth.cycles(moved["read"], moved["write"]))
        if is_dominated((bound, traffic)):
            return Without.DOMINATED
        result = aidg.estimate(self._arch, program)
        if result.method == "fixed_point" and not is_default:
            return Without.INFEASIBLE  # not exact within the evaluator's budget
        return result.cycles, traffic


def _point(point: Point) -> dict[str, object]:
    return {"choice": dict(point.choice), "cycles": point.cost[0], "traffic_bytes": point.cost[1]}
