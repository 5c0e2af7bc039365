"""From a described platform to a system that runs: cores, caches and memory looked up and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from acadl.diagnostics import Collector, DescriptionError
from acadl.errors import AcadlError, Diagnostic
from acadl.simulate_objects import Clock
from acadl.suggesting import suggestion
from platforms.caches.bus import BusParameters
from platforms.caches.level import LevelParameters
from platforms.soc.chips import CachePlace, Chip, CorePlace

if TYPE_CHECKING:
    from acadl.model import Architecture
    from acadl.platform_model import (
        CacheDeclaration,
        CoreDeclaration,
        MemoryDeclaration,
        PlatformDescription,
        Setting,
    )
    from dram.configurations import Configuration

_FIELDS = {"cache_line_size": "line_bytes", "replacement_policy": "policy", "port_size": "port_bytes"}
_BUS_FIELDS = {"width": "width_bytes"}
_LATENCIES = ("hit_latency", "miss_latency", "latency")


def load_chip(path: str | os.PathLike[str], settings: Mapping[str, Setting] | None = None) -> Chip:
    """The system in an ``.acadl`` file. Raises :class:`AcadlError`, with all findings."""
    from acadl.loading import check_file, load_platform

    checked = check_file(path, dict(settings or {}))
    if not checked.is_platform:
        load_platform(path, **(settings or {}))  # says so
    if checked.platform is None:
        raise DescriptionError(checked.diagnostics, checked.sources)
    chip, found = chip_of(checked.platform)
    if chip is None:
        raise DescriptionError(found, checked.sources)
    return chip


def chip_of(description: PlatformDescription) -> tuple[Chip | None, tuple[Diagnostic, ...]]:
    """The system that is described; ``None`` where something in it cannot be, and the findings."""
    if not description.memory.config:
        return None, (_fixed(description),)
    collector = Collector()
    dram = _dram(description.memory, collector)
    ticks = 1 / dram.make_device().tick_seconds if dram is not None else 0.0
    scale = ticks / description.clock_hz if ticks and description.clock_hz else 1.0
    caches = tuple(
        place for cache in description.caches if (place := _cache(cache, description, scale, collector))
    )
    cores = tuple(_core(core, description, collector) for core in description.cores)
    if collector.error_count or dram is None:
        return None, collector.sorted()
    made = Chip(description.name, cores, None, dram, description.memory.request_bytes, caches)
    return made, collector.sorted()


def findings_of(description: PlatformDescription) -> tuple[Diagnostic, ...]:
    """What in a described platform cannot be."""
    if description.memory.config:
        return chip_of(description)[1]
    from platforms.soc.gemmini_pair import pair_of

    collector = Collector()
    for core in description.cores:
        _core(core, description, collector)
    try:
        pair_of(description)
    except AcadlError as error:
        collector.add(Diagnostic("E0302", str(error), description.memory.span))
    return collector.sorted()


def _fixed(description: PlatformDescription) -> Diagnostic:
    """What is said about a memory that networks do not run on."""
    message = f"the memory of '{description.name}' has a fixed latency; networks run on a `dram`"
    hint = "`acadl validate` runs measured cases on it"
    return Diagnostic("E0302", message, description.memory.span, hint)


def _dram(memory: MemoryDeclaration, collector: Collector) -> Configuration | None:
    """The configuration of the memory with its channels; ``None`` where there is no such."""
    from dram import OnlineMemory
    from dram.configurations import configuration
    from dram.errors import DramError

    try:
        found = configuration(memory.config)
        if memory.channels > 1:
            order = [name for name in found.mapping.order if name != "ch"]
            changed = {"order": ["ch", *order], "channels": memory.channels, "bits": None}
            found = found.model_copy(update={"mapping": found.mapping.model_copy(update=changed)})
        OnlineMemory(Clock(), found)  # as it will be made
    except DramError as error:
        hint = "`acadl list` names the configurations"
        collector.add(Diagnostic("E0302", str(error), memory.span, hint))
        return None
    return found


def _cache(
    cache: CacheDeclaration, description: PlatformDescription, scale: float, collector: Collector
) -> CachePlace | None:
    fields = _BUS_FIELDS if cache.kind == "bus" else _FIELDS
    values = {fields.get(name, name): value for name, value in cache.attributes.items()}
    for name in _LATENCIES:
        if name in values:
            # to a tenth: data sheets round the memory's clock
            values[name] = ceil(round(int(values[name]) * scale, 1))
    try:
        make = BusParameters if cache.kind == "bus" else LevelParameters
        parameters = make(**values)  # type: ignore[arg-type]  # checked by the language
    except AcadlError as error:
        collector.add(Diagnostic("E0302", str(error), cache.span))
        return None
    return CachePlace(cache.name, parameters, _below(cache.below, description))


def _below(name: str, description: PlatformDescription) -> str:
    """What something lies on: the name of a cache; empty for the memory."""
    return "" if name == description.memory.name else name


def _core(core: CoreDeclaration, description: PlatformDescription, collector: Collector) -> CorePlace:
    architecture = core.file or core.architecture
    place = CorePlace(
        core.name,
        architecture,
        dict(core.settings),
        core.operators,
        core.spare,
        core.clock_hz,
        _below(core.below, description),
    )
    known = _loaded(architecture, {}, core, collector)
    if known is not None and _settings_fit(core, known, collector):
        _loaded(architecture, core.settings, core, collector)
    _check_operators(core, collector)
    return place


def _loaded(
    architecture: str, settings: Mapping[str, Setting], core: CoreDeclaration, collector: Collector
) -> Architecture | None:
    from platforms.catalog import load, platform_names

    try:
        return load(architecture, **settings)
    except DescriptionError as error:
        first = next((finding for finding in error.diagnostics if finding.is_error), None)
        reason = first.message if first is not None else str(error)
        message = f"the description of '{core.architecture}' has an error: {reason}"
        collector.add(Diagnostic("E0302", message, core.span, f"`acadl check {architecture}` says more"))
    except AcadlError as error:
        if core.file is not None:
            collector.add(Diagnostic("E0701", str(error), core.span))
            return None
        hint = suggestion(core.architecture, platform_names(), "architectures that ship")
        message = f"there is no architecture '{core.architecture}'"
        more = f'{hint}; your own are imported: `import {core.architecture} from "file.acadl"`'
        collector.add(Diagnostic("E0201", message, core.span, more))
    return None


def _settings_fit(core: CoreDeclaration, arch: Architecture, collector: Collector) -> bool:
    """Whether the architecture has these parameters."""
    unknown = [name for name in core.settings if name not in arch.parameters]
    for name in unknown:
        hint = suggestion(name, (*arch.parameters, "operators", "spare", "clock"), "parameters")
        message = f"'{core.architecture}' has no parameter '{name}'"
        collector.add(Diagnostic("E0201", message, core.settings_spans.get(name, core.span), hint))
    return not unknown


def _check_operators(core: CoreDeclaration, collector: Collector) -> None:
    from mappings.registry import known_operators

    known = known_operators()
    for name in sorted(core.operators - known):
        hint = suggestion(name, sorted(known), "operators")
        span = core.settings_spans.get("operators", core.span)
        collector.add(Diagnostic("E0201", f"unknown operator '{name}'", span, hint), distinct=True)


def shipped_systems() -> dict[str, Path]:
    """Files of the systems that ship, by name."""
    folder = Path(__file__).parents[1] / "systems"
    return {path.stem: path for path in sorted(folder.glob("*.acadl"))}
