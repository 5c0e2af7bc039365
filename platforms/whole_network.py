"""Architecture and network to cycles, layer by layer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from platforms.network_layers import Evaluated, Progress, evaluate_layers, loaded, shape_of
from platforms.result import LayerEstimate, NetworkEstimate

if TYPE_CHECKING:
    import aidg
    from acadl.model import Architecture, FunctionalUnit
    from aidg.work import Work
    from mappings.choices import Choice
    from mappings.layers import Layer
    from mappings.network import Network
    from mappings.program import LoopProgram
    from platforms.baselines import Baselines
    from platforms.estimators.model import Model

Method = Literal["exact", "full", "fixed_point"]


def estimate(
    arch: Architecture | str | os.PathLike[str],
    network: Network | str | os.PathLike[str],
    *,
    method: Method = "exact",
    layers: Iterable[str] | None = None,
    budget: int | None = None,
    tolerance: float | None = None,
    published: bool = False,
    choices: Mapping[Layer, Choice] | str | os.PathLike[str] | None = None,
    fallback: Model | str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> NetworkEstimate:
    """Cycles of a network on one core, one layer after the other.

    Layers of the same shape are evaluated once. A layer that the architecture's mapping cannot run is listed
    in the result's ``unmapped`` and is missing in its totals.

    Args:
        arch: An architecture, or what :func:`platforms.load` takes.
        network: A network, or what :func:`mappings.load_network` takes.
        method: As for :func:`aidg.estimate`.
        layers: Names of the layers to estimate; default: all.
        budget, tolerance: As for :func:`aidg.estimate`; default: the evaluator's own.
        published: Evaluate the published extrapolation as well, beside the rooflines. It takes several times
            as long as the exact result.
        choices: How layers are to be mapped, by shape, or a file that a search has written; the mapping
            itself decides about other layers.
        fallback: A fitted model, or its file, that estimates the layers which cannot be mapped.
        progress: Called before each layer.

    Raises:
        AcadlError: The inputs cannot be used, a layer name is unknown or none is given, or there is no
            mapping at all.
        BrokenMapperError: A mapper that does not ship failed; the message has its name and line.
    """
    from acadl.area import area
    from platforms.baselines import baselines_of

    started = time.perf_counter()
    arch, network = loaded(arch, network)
    chosen, notes = _chosen(arch, choices)
    options: dict[str, float] = {}
    if budget is not None:
        options["budget"] = budget
    if tolerance is not None:
        options["tolerance"] = tolerance
    evaluate = _evaluator(arch, method, options, published)
    done, unmapped = evaluate_layers(arch, network, layers, evaluate, progress, chosen.by_shape)
    if chosen.by_shape and not any(shape_of(entry.layer) in chosen.by_shape for entry in done):
        notes.append("the choices are for other layers: none of these has one")
    baselines = baselines_of(arch, [(layer, result.work) for layer, result, _ in done])
    bandwidth = baselines.bandwidth
    report = NetworkEstimate(
        architecture=arch.name,
        network=network.name,
        clock_hz=arch.clock_hz,
        layers=tuple(_layer_estimate(arch, entry, baselines) for entry in done),
        peak_macs_per_cycle=None if baselines.peak is None else float(baselines.peak),
        memory_bytes_per_cycle=None if bandwidth is None else float(bandwidth.both),
        energy=_energy(arch, done),
        area=area(arch),
        unmapped=tuple(unmapped),
        notes=(*notes, *import_notes(network)),
        provenance={**provenance(arch, network, method, options), **chosen.provenance},
        wall_s=time.perf_counter() - started,
    )
    if fallback is None:
        return report
    from platforms.fallback import with_fallback

    return replace(with_fallback(report, network, fallback), wall_s=time.perf_counter() - started)


def _evaluator(
    arch: Architecture, method: Method, options: dict[str, float], published: bool
) -> Callable[[LoopProgram], _Result]:
    """Evaluates programs of layers."""
    import aidg
    from aidg.energy import energy_of, says_energy
    from aidg.work import count_work

    def evaluate(program: LoopProgram) -> _Result:
        bound = aidg.prepare(arch, program)
        found = bound.estimate(method=method, **options)  # type: ignore[arg-type]
        simpler = None
        if published and not arch.in_order_of_time:
            simpler = found if method == "fixed_point" else bound.estimate(method="fixed_point", **options)  # type: ignore[arg-type]
        work = count_work(arch, program)
        spent = energy_of(arch, work) if says_energy(arch) else None
        return _Result(found, work, None if simpler is None else simpler.cycles, spent)

    return evaluate


class _Chosen(NamedTuple):
    """How layers are to be mapped, and where that comes from."""

    by_shape: Mapping[Layer, Choice]
    provenance: Mapping[str, object]


def _chosen(
    arch: Architecture, choices: Mapping[Layer, Choice] | str | os.PathLike[str] | None
) -> tuple[_Chosen, list[str]]:
    """Choices by shape, and what is to be said about them."""
    if choices is None:
        return _Chosen({}, {}), []
    if not isinstance(choices, (str, os.PathLike)):
        return _Chosen({shape_of(layer): choice for layer, choice in choices.items()}, {}), []
    from platforms.choices_file import load_choices

    found = load_choices(choices)
    note = found.check(arch)
    source = {"choices": found.path, "choices_sha256": found.sha256}
    return _Chosen(found.by_shape, source), [note] if note else []


class _Result(NamedTuple):
    """What a program was evaluated to; ``published``: cycles of the published extrapolation."""

    estimate: aidg.Estimate
    work: Work
    published: int | None
    energy: aidg.Energy | None


def _energy(arch: Architecture, done: list[Evaluated[_Result]]) -> aidg.Energy | None:
    """Energy of all layers; ``None`` where the description says none."""
    from aidg.energy import summed

    parts = [(result.energy, layer.count) for layer, result, _ in done if result.energy is not None]
    return summed(parts) if parts else None


def _layer_estimate(arch: Architecture, entry: Evaluated[_Result], baselines: Baselines) -> LayerEstimate:
    layer, (result, work, published, energy), is_new = entry
    lines = baselines.of(layer, work)
    return LayerEstimate(
        name=layer.name,
        op=layer.op,
        macs=layer.macs * layer.count,
        cycles=result.cycles * layer.count,
        method=result.method,
        instructions=result.instructions * layer.count,
        evaluated_instructions=result.evaluated_instructions if is_new else 0,
        bound_by=result.bound_by,
        count=layer.count,
        utilization=result.utilization,
        compute_utilization=_compute_utilization(arch, result.utilization),
        notes=result.notes,
        roofline_cycles=lines.roofline * layer.count,
        refined_roofline_cycles=lines.refined * layer.count,
        fixed_point_cycles=None if published is None else published * layer.count,
        energy_pj=None if energy is None else energy.total_pj * layer.count,
    )


def _compute_utilization(arch: Architecture, utilization: dict[str, float]) -> float:
    """Busy share of the busiest unit that computes."""
    from acadl.model import FunctionalUnit

    busy = (utilization.get(unit.name, 0.0) for unit in arch.of_type(FunctionalUnit) if _computes(arch, unit))
    return max(busy, default=0.0)


def _computes(arch: Architecture, unit: FunctionalUnit) -> bool:
    """Whether the unit does more than to move data: it accesses no storage, or on-chip storage only.

    Without main memory (a ``DRAM``) in the description memory access units and controllers count as moving
    data, unless they read and write the same registers: then they accumulate.
    """
    from acadl.model import DRAM, Controller, EdgeKind, MemoryAccessUnit, RegisterFile
    from acadl.routing import ends_at_memory, reachable_storages

    if not isinstance(unit, MemoryAccessUnit | Controller):
        return True
    main = {memory.name for memory in arch.of_type(DRAM)}
    if not main:
        read = set(arch.predecessors(unit.name, EdgeKind.READ_DATA))
        written = arch.successors(unit.name, EdgeKind.WRITE_DATA)
        return any(isinstance(arch.objects[name], RegisterFile) for name in read.intersection(written))
    reached = {
        name
        for kind in (EdgeKind.READ_DATA, EdgeKind.WRITE_DATA)
        for end in ends_at_memory(arch, unit)
        for name in reachable_storages(arch, end, kind)
    }
    return not reached & main


def import_notes(network: Network) -> list[str]:
    """What the user has to know about the import: work that is not counted, sizes that were assumed."""
    return [
        f"{note.kind}: {note.node}{f' ({note.op})' if note.op else ''}: {note.text}"
        for note in network.notes
        if note.kind in ("unknown", "assumed", "ignored")
    ]


def provenance(
    arch: Architecture, network: Network, method: Method, options: Mapping[str, float]
) -> dict[str, object]:
    """Where figures come from: version, parameters, method, hashes of the inputs."""
    from platforms.version import version

    return {
        "version": version(),
        "parameters": dict(arch.parameters),
        "method": method,
        **options,
        "architecture_sha256": arch.source,
        "network_source": network.source,
        "network_sha256": network.source_sha256,
    }
