"""What single changes of an architecture would gain for a whole network."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from platforms.network_layers import Progress, evaluate_layers, loaded
from platforms.result import UnmappedLayer
from platforms.whole_network import import_notes, provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from acadl.model import Architecture
    from aidg import WhatIf, WhatIfRow
    from mappings.layers import Layer
    from mappings.network import Network
    from mappings.program import LoopProgram


@dataclass(frozen=True)
class NetworkWhatIf:
    """Gains of single changes, summed over the layers.

    Attributes:
        architecture, network: Names.
        clock_hz: Clock of the architecture.
        layers: Names of the layers that the figures are about.
        total_cycles: Cycles of these layers without a change.
        rows: Changes, largest gain first; with the attributes of :class:`aidg.WhatIfRow`, cycles summed over
            the layers. The method is ``exact`` where it is for all of them.
        unmapped: Layers that the architecture cannot run; they are missing in all figures.
        notes: What to know about the figures, and what the import of the network left out or assumed.
        provenance: Version, parameters, hashes of the inputs.
        wall_s: Seconds that it took; not compared.
    """

    architecture: str
    network: str
    clock_hz: int
    layers: tuple[str, ...]
    total_cycles: int
    rows: tuple[WhatIfRow, ...]
    unmapped: tuple[UnmappedLayer, ...] = ()
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)
    wall_s: float = field(default=0.0, compare=False)

    def to_dict(self) -> dict[str, object]:
        """Plain data with the keys of the command line's ``--json``."""
        return {
            "architecture": self.architecture,
            "network": self.network,
            "clock_hz": self.clock_hz,
            "total_cycles": self.total_cycles,
            "wall_s": self.wall_s,
            "layers": list(self.layers),
            "rows": [asdict(row) for row in self.rows],
            "unmapped": [asdict(layer) for layer in self.unmapped],
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
        }

    def to_json(self, indent: int | None = None) -> str:
        """:meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=indent)

    def _repr_html_(self) -> str:
        from aidg.what_if import to_html

        return to_html(self.total_cycles, self.rows, self.notes)


def what_if(
    arch: Architecture | str | os.PathLike[str],
    network: Network | str | os.PathLike[str],
    *,
    layers: Iterable[str] | None = None,
    budget: int | None = None,
    progress: Progress | None = None,
) -> NetworkWhatIf:
    """What each single change of the architecture would gain for a network, one layer after the other.

    The programs are those for the unchanged architecture. Equal programs are evaluated once. A layer that
    does not use the changed object takes as long as without the change.

    Args:
        arch, network, layers: As for :func:`platforms.estimate`.
        budget: As for :func:`aidg.estimate`, for each evaluation.
        progress: Called before each layer.

    Raises:
        AcadlError: As for :func:`platforms.estimate`.
    """
    import aidg
    from aidg.estimation import DEFAULT_BUDGET

    started = time.perf_counter()
    arch, network = loaded(arch, network)

    def evaluate(program: LoopProgram) -> WhatIf:
        return aidg.what_if(arch, program, budget=DEFAULT_BUDGET if budget is None else budget)

    evaluated, unmapped = evaluate_layers(arch, network, layers, evaluate, progress)
    done = [(layer, result) for layer, result, _ in evaluated]
    notes = [f"layer '{layer.name}': {note}" for layer, result in done for note in result.notes]
    return NetworkWhatIf(
        architecture=arch.name,
        network=network.name,
        clock_hz=arch.clock_hz,
        layers=tuple(layer.name for layer, _ in done),
        total_cycles=sum(layer.count * result.cycles for layer, result in done),
        rows=_summed(arch, done),
        unmapped=tuple(unmapped),
        notes=(*import_notes(network), *notes),
        provenance=provenance(arch, network, "exact", {} if budget is None else {"budget": budget}),
        wall_s=time.perf_counter() - started,
    )


def _comparable(result: WhatIf, done: list[tuple[Layer, WhatIf]]) -> list[WhatIfRow]:
    """Rows that can be summed: several objects together only where they are the same in all layers.

    A layer in which others are busy has not been evaluated with this change, and it would gain, too.
    """
    from aidg.variants import SEVERAL

    everywhere = [{row.object for row in other.rows} for _, other in done]
    return [
        row
        for row in result.rows
        if row.type != SEVERAL or all(row.object in objects for objects in everywhere)
    ]


def _summed(arch: Architecture, done: list[tuple[Layer, WhatIf]]) -> tuple[WhatIfRow, ...]:
    """One row for each change that some layer notices, summed over all of them."""
    from aidg.what_if import WhatIfRow, speedup

    first: dict[tuple[str, str], WhatIfRow] = {}
    gains: dict[tuple[str, str], int] = {}
    extrapolated: set[tuple[str, str]] = set()
    for layer, result in done:
        for row in _comparable(result, done):
            key = (row.object, row.change)
            first.setdefault(key, row)
            gains[key] = gains.get(key, 0) + layer.count * row.gain_cycles
            if row.method != "exact":
                extrapolated.add(key)
    total = sum(layer.count * result.cycles for layer, result in done)
    uncertain = any(result.method != "exact" for _, result in done)
    position = {name: number for number, name in enumerate(arch.objects)}
    rows = [
        WhatIfRow(
            row.object,
            row.type,
            row.change,
            row.detail,
            total - gains[key],
            gains[key],
            speedup(total, total - gains[key]),
            "fixed_point" if uncertain or key in extrapolated else "exact",
        )
        for key, row in first.items()
    ]
    last = len(position)  # several objects together

    def order(row: WhatIfRow) -> tuple[int, int, str, str]:
        return -row.gain_cycles, position.get(row.object, last), row.object, row.change

    return tuple(sorted(rows, key=order))
