"""Where the cycles of a whole network go: the critical paths of its layers."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from typing import TYPE_CHECKING

from platforms.network_layers import Progress, evaluate_layers, loaded
from platforms.result import UnmappedLayer
from platforms.whole_network import import_notes, provenance

if TYPE_CHECKING:
    from acadl.model import Architecture
    from aidg import Explanation
    from mappings.network import Network
    from mappings.program import LoopProgram


@dataclass(frozen=True)
class LayerWhy:
    """A layer with its critical path; the path is that of one run, the cycles are those of ``count`` runs."""

    name: str
    op: str
    count: int
    explanation: Explanation

    @property
    def cycles(self) -> int:
        """Cycles of all its runs."""
        return self.count * self.explanation.cycles


@dataclass(frozen=True)
class NetworkWhy:
    """Where the cycles go, layer by layer and in sum.

    Attributes:
        architecture, network: Names.
        clock_hz: Clock of the architecture.
        layers: In the order of the network.
        unmapped: Layers that the architecture cannot run; they are missing in all figures.
        notes: What to know about the figures, and what the import of the network left out or assumed.
        provenance: Version, parameters, hashes of the inputs.
        wall_s: Seconds that it took; not compared.
    """

    architecture: str
    network: str
    clock_hz: int
    layers: tuple[LayerWhy, ...]
    unmapped: tuple[UnmappedLayer, ...] = ()
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)
    wall_s: float = field(default=0.0, compare=False)

    @property
    def total_cycles(self) -> int:
        """Cycles of all layers, one after the other."""
        return sum(layer.cycles for layer in self.layers)

    @property
    def by_kind_and_object(self) -> Mapping[tuple[str, str], int]:
        """Cycles for each kind of edge and object, most first; they add up to ``total_cycles``."""
        totals: Counter[tuple[str, str]] = Counter()
        for layer in self.layers:
            for key, cycles in layer.explanation.by_kind_and_object.items():
                totals[key] += layer.count * cycles
        return dict(totals.most_common())

    @property
    def by_kind(self) -> Mapping[str, int]:
        """Cycles for each kind of edge, most first."""
        return _summed(self.by_kind_and_object, 0)

    @property
    def by_object(self) -> Mapping[str, int]:
        """Cycles for each object, most first."""
        return _summed(self.by_kind_and_object, 1)

    def to_dict(self) -> dict[str, object]:
        """Plain data with the keys of the command line's ``--json``."""
        return {
            "architecture": self.architecture,
            "network": self.network,
            "clock_hz": self.clock_hz,
            "total_cycles": self.total_cycles,
            "wall_s": self.wall_s,
            "by_kind": dict(self.by_kind),
            "by_object": dict(self.by_object),
            "layers": [_layer_dict(layer) for layer in self.layers],
            "unmapped": [asdict(layer) for layer in self.unmapped],
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
        }

    def to_json(self, indent: int | None = None) -> str:
        """:meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=indent)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(layer.name)}</td><td>{layer.cycles:,}</td>"
            f"<td>{escape(layer.explanation.describe())}</td></tr>"
            for layer in self.layers
        )
        return f"<p><b>{self.total_cycles:,} cycles</b></p><table>{rows}</table>"


def _summed(totals: Mapping[tuple[str, str], int], part: int) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for key, cycles in totals.items():
        sums[key[part]] += cycles
    return dict(sums.most_common())


def _layer_dict(layer: LayerWhy) -> dict[str, object]:
    explanation = layer.explanation
    return {
        "name": layer.name,
        "op": layer.op,
        "count": layer.count,
        "cycles": layer.cycles,
        "method": explanation.estimate.method,
        "path": [asdict(share) for share in explanation.shares],
    }


def why(
    arch: Architecture | str | os.PathLike[str],
    network: Network | str | os.PathLike[str],
    *,
    layers: Iterable[str] | None = None,
    budget: int | None = None,
    progress: Progress | None = None,
) -> NetworkWhy:
    """Where the cycles of a network go: the critical path of each layer, over its whole run.

    Args:
        arch, network, layers: As for :func:`platforms.estimate`.
        budget: As for :func:`aidg.explain`, for each layer.
        progress: Called before each layer.

    Raises:
        AcadlError: As for :func:`platforms.estimate`.
    """
    import aidg
    from aidg.explanation import DEFAULT_BUDGET

    started = time.perf_counter()
    arch, network = loaded(arch, network)

    def evaluate(program: LoopProgram) -> Explanation:
        return aidg.explain(arch, program, budget=DEFAULT_BUDGET if budget is None else budget)

    evaluated, unmapped = evaluate_layers(arch, network, layers, evaluate, progress)
    done = tuple(LayerWhy(layer.name, layer.op, layer.count, result) for layer, result, _ in evaluated)
    notes = [f"layer '{layer.name}': {note}" for layer in done for note in layer.explanation.estimate.notes]
    return NetworkWhy(
        architecture=arch.name,
        network=network.name,
        clock_hz=arch.clock_hz,
        layers=done,
        unmapped=tuple(unmapped),
        notes=(*import_notes(network), *notes),
        provenance=provenance(arch, network, "exact", {} if budget is None else {"budget": budget}),
        wall_s=time.perf_counter() - started,
    )
