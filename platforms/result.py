"""What an estimate of a whole network says: per layer, in total, and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acadl.area import Area
    from aidg.energy import Energy

BUSY = 0.8  # busy share from which on a unit or memory counts as what bounds a layer


@dataclass(frozen=True)
class LayerEstimate:
    """One layer. Numbers are totals over its ``count`` occurrences.

    Attributes:
        name, op: As in the network.
        macs: Multiply-accumulates.
        cycles: Clock cycles, one occurrence after the other.
        method: ``exact``, ``full`` or ``fixed_point``.
        instructions, evaluated_instructions: Of the program, and how many of them were propagated
            (0 evaluated: another layer of the same shape was).
        bound_by: What bounds the layer, in words.
        count: Occurrences.
        utilization: Busy share (0 to 1) per unit and storage.
        compute_utilization: Busy share of the busiest unit that computes: one that accesses no main memory.
        notes: What to know about the figures.
        roofline_cycles, refined_roofline_cycles: What simpler models say (``docs/baselines.md``), lower
        bounds
            of the cycles.
        fixed_point_cycles: What the published extrapolation says; ``None`` where it was not asked for.
        energy_pj: Picojoules, as far as the description says them; ``None`` where it says none.
    """

    name: str
    op: str
    macs: int
    cycles: int
    method: str
    instructions: int
    evaluated_instructions: int
    bound_by: str
    count: int = 1
    utilization: Mapping[str, float] = field(default_factory=dict)
    compute_utilization: float = 0.0
    notes: tuple[str, ...] = ()
    roofline_cycles: int = 0
    refined_roofline_cycles: int = 0
    fixed_point_cycles: int | None = None
    energy_pj: float | None = None

    @property
    def macs_per_cycle(self) -> float:
        """Multiply-accumulates per cycle."""
        return self.macs / self.cycles if self.cycles else 0.0

    def to_dict(self) -> dict[str, object]:
        """All attributes, plain."""
        return {**asdict(self), "utilization": dict(self.utilization), "notes": list(self.notes)}


@dataclass(frozen=True)
class UnmappedLayer:
    """A layer that is not part of the total, and why."""

    name: str
    op: str
    reason: str


@dataclass(frozen=True)
class NetworkEstimate:
    """A network on one core, layer after layer.

    Attributes:
        architecture, network: Names.
        clock_hz: Clock of the architecture.
        layers: In the order of the network.
        unmapped: Layers that the architecture cannot run; they are missing in the totals.
        notes: What the import of the network left out or assumed.
        provenance: Version, parameters, method, hashes of the inputs.
        wall_s: Seconds the estimate took; not compared.
        peak_macs_per_cycle: Multiply-accumulates per cycle of the machine with this mapping, for the
            rooflines;
            ``None`` where no layer has any.
        energy: Breakdown of the energy; ``None`` where the description says none.
        area: Areas of the objects; ``None`` where the description says none.
        memory_bytes_per_cycle: Bandwidth of main memory; ``None`` without a ``dram`` in the description.
    """

    architecture: str
    network: str
    clock_hz: int
    layers: tuple[LayerEstimate, ...]
    unmapped: tuple[UnmappedLayer, ...] = ()
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)
    wall_s: float = field(default=0.0, compare=False)
    peak_macs_per_cycle: float | None = None
    memory_bytes_per_cycle: float | None = None
    energy: Energy | None = None
    area: Area | None = None

    @cached_property
    def total_cycles(self) -> int:
        """Cycles of all layers, one after the other."""
        return sum(layer.cycles for layer in self.layers)

    @property
    def total_macs(self) -> int:
        """Multiply-accumulates of all layers."""
        return sum(layer.macs for layer in self.layers)

    @property
    def roofline_cycles(self) -> int:
        """What the roofline says for all layers, one after the other."""
        return sum(layer.roofline_cycles for layer in self.layers)

    @property
    def refined_roofline_cycles(self) -> int:
        """What the refined roofline says for all layers, one after the other."""
        return sum(layer.refined_roofline_cycles for layer in self.layers)

    @property
    def fixed_point_cycles(self) -> int | None:
        """What the published extrapolation says for all layers; ``None`` where it was not asked for."""
        found = [layer.fixed_point_cycles for layer in self.layers]
        return None if None in found or not found else sum(cycles for cycles in found if cycles is not None)

    @property
    def latency_s(self) -> float:
        """Seconds at the described clock."""
        return self.total_cycles / self.clock_hz

    @property
    def slowest(self) -> LayerEstimate | None:
        """The layer with the most cycles; ``None`` without layers."""
        return max(self.layers, key=lambda layer: layer.cycles, default=None)

    @property
    def reason(self) -> str:
        """One sentence about the slowest layer."""
        layer = self.slowest
        if layer is None:
            return "no layer was estimated"
        share = 100 * layer.cycles / self.total_cycles if self.total_cycles else 0.0
        where = f"{layer.name} ({layer.op}), {share:.0f} % of the cycles"
        text = f"slowest layer: {where}, bound by {layer.bound_by}"
        if max(layer.utilization.values(), default=1.0) < BUSY:
            text += "; no single unit is the limit: dependencies and latencies decide"
        return text

    def to_dict(self) -> dict[str, object]:
        """Plain data with the keys of the command line's ``--json``."""
        return {
            "architecture": self.architecture,
            "network": self.network,
            "clock_hz": self.clock_hz,
            "total_cycles": self.total_cycles,
            "latency_s": self.latency_s,
            "wall_s": self.wall_s,
            "layers": [layer.to_dict() for layer in self.layers],
            "total_macs": self.total_macs,
            "unmapped": [asdict(layer) for layer in self.unmapped],
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
            "energy": None if self.energy is None else self.energy.to_dict(),
            "area": None if self.area is None else self.area.to_dict(),
            "baselines": {
                "peak_macs_per_cycle": self.peak_macs_per_cycle,
                "memory_bytes_per_cycle": self.memory_bytes_per_cycle,
                "roofline_cycles": self.roofline_cycles,
                "refined_roofline_cycles": self.refined_roofline_cycles,
                "fixed_point_cycles": self.fixed_point_cycles,
            },
        }

    def to_json(self, indent: int | None = None) -> str:
        """:meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=indent)

    def _repr_html_(self) -> str:
        from platforms.report import to_html

        return to_html(self)
