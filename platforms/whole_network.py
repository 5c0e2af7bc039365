"""Architecture and network to cycles, layer by layer."""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from acadl.errors import AcadlError
from platforms.result import LayerEstimate, NetworkEstimate, UnmappedLayer

if TYPE_CHECKING:
    import aidg
    from acadl.model import Architecture, FunctionalUnit
    from mappings.layers import Layer
    from mappings.network import Network

Method = Literal["exact", "full", "fixed_point"]
Progress = Callable[[int, int, str], None]
"""Called before each layer with its number from 0, the number of layers and its name."""


def estimate(
    arch: Architecture | str | os.PathLike[str],
    network: Network | str | os.PathLike[str],
    *,
    method: Method = "exact",
    layers: Iterable[str] | None = None,
    budget: int | None = None,
    tolerance: float | None = None,
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
        progress: Called before each layer.

    Raises:
        AcadlError: The inputs cannot be used, a layer name is unknown or none is given, or there is no
            mapping at all.
        BrokenMapperError: A mapper that does not ship failed; the message has its name and line.
    """
    from mappings.registry import MappingError, find_mapper
    from platforms.user_mapping import BrokenMapperError, map_checked

    started = time.perf_counter()
    arch, network = loaded(arch, network)
    function = find_mapper(arch.name)
    chosen = chosen_layers(network, layers)
    options: dict[str, float] = {}
    if budget is not None:
        options["budget"] = budget
    if tolerance is not None:
        options["tolerance"] = tolerance
    evaluated: dict[Layer, aidg.Estimate] = {}
    done: list[LayerEstimate] = []
    unmapped: list[UnmappedLayer] = []
    for number, layer in enumerate(chosen):
        if progress is not None:
            progress(number, len(chosen), layer.name)
        shape = shape_of(layer)
        is_new = shape not in evaluated
        if is_new:
            try:
                program = map_checked(function, layer, arch)
            except BrokenMapperError:
                raise
            except MappingError as error:
                unmapped.append(UnmappedLayer(layer.name, layer.op, str(error)))
                continue
            evaluated[shape] = _evaluate(arch, program, layer.name, method, options)
        done.append(_layer_estimate(arch, layer, evaluated[shape], is_new))
    return NetworkEstimate(
        architecture=arch.name,
        network=network.name,
        clock_hz=arch.clock_hz,
        layers=tuple(done),
        unmapped=tuple(unmapped),
        notes=tuple(import_notes(network)),
        provenance=provenance(arch, network, method, options),
        wall_s=time.perf_counter() - started,
    )


def shape_of(layer: Layer) -> Layer:
    """The layer without what its program does not depend on: equal shapes, equal programs."""
    return replace(layer, name="layer", inputs=(), count=1, onnx_op="")


def loaded(
    arch: Architecture | str | os.PathLike[str], network: Network | str | os.PathLike[str]
) -> tuple[Architecture, Network]:
    """An architecture and a network, loaded where they are names. Raises :class:`AcadlError`."""
    if isinstance(arch, (str, os.PathLike)):
        from platforms.catalog import load

        arch = load(arch)
    if isinstance(network, (str, os.PathLike)):
        from mappings.network import load_network

        network = load_network(network)
    return arch, network


def chosen_layers(network: Network, names: Iterable[str] | None) -> list[Layer]:
    """The layers of that name in the order of the network; all without names."""
    if names is None:
        return list(network.layers)
    known = {layer.name: layer for layer in network.layers}
    wanted = [names] if isinstance(names, str) else list(names)
    if not wanted:
        raise AcadlError(
            f"no layer was chosen; name layers of network '{network.name}', or leave the choice out for all "
            f"{len(known)}"
        )
    problems = []
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            problems.append(f"'{name}'" + (f" (did you mean '{near[0]}'?)" if near else ""))
    if problems:
        listed = ", ".join(list(known)[:40]) + (", …" if len(known) > 40 else "")
        raise AcadlError(
            f"network '{network.name}' has no layer {', '.join(problems)}; its layers are: {listed}"
        )
    return [layer for layer in network.layers if layer.name in set(wanted)]


def _evaluate(
    arch: Architecture, program: object, layer: str, method: Method, options: dict[str, float]
) -> aidg.Estimate:
    import aidg

    try:
        return aidg.estimate(arch, program, method=method, **options)  # type: ignore[arg-type]
    except AcadlError as error:
        raise type(error)(f"layer '{layer}': {error}", error.diagnostics) from error


def _layer_estimate(arch: Architecture, layer: Layer, result: aidg.Estimate, is_new: bool) -> LayerEstimate:
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
    )


def _compute_utilization(arch: Architecture, utilization: dict[str, float]) -> float:
    """Busy share of the busiest unit that computes."""
    from acadl.model import FunctionalUnit

    busy = (utilization.get(unit.name, 0.0) for unit in arch.of_type(FunctionalUnit) if _computes(arch, unit))
    return max(busy, default=0.0)


def _computes(arch: Architecture, unit: FunctionalUnit) -> bool:
    """Whether the unit does more than to move data: it accesses no storage, or on-chip storage only.

    Without main memory (a ``DRAM``) in the description every memory access unit counts as moving data.
    """
    from acadl.model import DRAM, EdgeKind, MemoryAccessUnit
    from acadl.routing import reachable_storages

    if not isinstance(unit, MemoryAccessUnit):
        return True
    main = {memory.name for memory in arch.of_type(DRAM)}
    reached = {
        name
        for kind in (EdgeKind.READ_DATA, EdgeKind.WRITE_DATA)
        for name in reachable_storages(arch, unit.name, kind)
    }
    return bool(main) and not reached & main


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
