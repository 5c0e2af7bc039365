"""Architectures with one object changed: made infinitely fast, or given one more place.

Everything else stays as it is, the program too. What has no attribute for it cannot be asked for:

- a cache that is infinitely fast still waits for what is behind it when it misses;
- a memory access unit that is infinitely fast still waits for its storages;
- however fast the front end is, a successor of the fetch stage gets one instruction per cycle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from acadl.expressions import Const
from acadl.model import (
    DRAM,
    SRAM,
    ZERO,
    ACADLObject,
    Architecture,
    CacheInterface,
    DataStorage,
    FunctionalUnit,
    InstructionFetchStage,
    MemoryAccessUnit,
    PipelineStage,
)
from acadl.routing import instruction_memory
from aidg.machine import LARGEST_CAPACITY
from aidg.prepared import PreparedProgram

Change = Literal["infinitely fast", "one more place", "one more port", "one more request in flight"]


# Type of several objects that are changed together.
SEVERAL = "several"


@dataclass(frozen=True)
class Variant:
    """An architecture in which one object differs, or several that are busy together.

    Attributes:
        object: Its name; several are joined by " + ".
        type: Its class, as in the object model, or ``several``.
        change: What was changed.
        detail: The attributes that differ, such as ``capacity 4 → 5``.
        arch: The architecture with the change.
    """

    object: str
    type: str
    change: Change
    detail: str
    arch: Architecture


def variants(program: PreparedProgram) -> Iterator[Variant]:
    """The variants of the architecture that the program can notice, in order of the objects' declaration.

    Objects that the program does not use have none, nor have changes that change nothing: a latency that is
    0 already, or the latency of an execute stage that no instruction passes through.
    """
    arch = program.machine.arch
    used = _used(program)
    passed = {hop.stage for row in program.rows for hop in row.hops}
    for name, item in arch.objects.items():
        if name in used:
            yield from _faster(arch, item, passed)
            yield from _wider(arch, item)


def together(program: PreparedProgram, names: Collection[str]) -> Variant | None:
    """Several objects infinitely fast at once; ``None`` unless at least two of them take time at all.

    Objects that work at the same rate hide each other: none of them gains anything alone.
    """
    arch = program.machine.arch
    objects = dict(arch.objects)
    changed = []
    for variant in variants(program):
        if variant.change == "infinitely fast" and variant.object in names:
            changed.append(variant.object)
            objects.update(
                (name, item) for name, item in variant.arch.objects.items() if item != arch.objects[name]
            )
    if len(changed) < 2:
        return None
    detail = "all that are busy nearly all the time"
    return Variant(" + ".join(changed), SEVERAL, "infinitely fast", detail, replace(arch, objects=objects))


def _used(program: PreparedProgram) -> set[str]:
    """Objects that instructions of the program pass, hold or access."""
    arch = program.machine.arch
    _, memory = instruction_memory(arch)
    used = {arch.fetch_stage.name, memory.name} if program.rows else set()
    for row in program.rows:
        used.update(row.objects)
    for spec in program.machine.storages:
        used.update(spec.path)
    used.update(access.space for access in program.accesses)
    return used & arch.objects.keys()


# -- infinitely fast -----------------------------------------------------------------------------------------


def _faster(arch: Architecture, item: ACADLObject, passed: set[str]) -> Iterator[Variant]:
    changes: dict[str, Mapping[str, Any]] = {}
    match item:
        case InstructionFetchStage():  # with the unit that reads for it
            reader, _ = instruction_memory(arch)
            changes = {item.name: {"latency": ZERO}, reader.name: _SERVICE}
        case PipelineStage() if item.name in passed:
            changes = {item.name: _SERVICE}
        case MemoryAccessUnit():
            changes = {item.name: {**_SERVICE, "duration": ZERO}}
        case FunctionalUnit():
            changes = {item.name: _SERVICE}
        case DRAM():
            timing = dict.fromkeys(("t_RCD", "t_RP", "t_RAS"), 0)
            changes = {item.name: {**_ACCESS, **timing, "initiation_interval": 0}}
        case SRAM():
            changes = {item.name: {**_ACCESS, "initiation_interval": 0}}
        case CacheInterface():
            changes = {item.name: {"hit_latency": 0, "miss_latency": 0, "initiation_interval": 0}}
    if _takes_time(arch, changes):
        yield _variant(arch, item, "infinitely fast", changes)


_SERVICE: Mapping[str, Any] = {"latency": ZERO, "initiation_interval": ZERO}
_ACCESS: Mapping[str, Any] = {"read_latency": 0, "write_latency": 0}


def _takes_time(arch: Architecture, changes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether something changes: an attribute is not 0 now, or an access unit takes one access at a time.

    Without an interval, everything else has that of its latency.
    """
    for name, values in changes.items():
        item = arch.objects[name]
        if isinstance(item, MemoryAccessUnit) and item.initiation_interval is None:
            return True
        if any(getattr(item, attribute) not in (value, None) for attribute, value in values.items()):
            return True
    return False


# -- one more place ------------------------------------------------------------------------------------------


def _wider(arch: Architecture, item: ACADLObject) -> Iterator[Variant]:
    wider: list[tuple[Change, str]] = []
    match item:
        case InstructionFetchStage():
            wider = [("one more place", "issue_buffer_size")]
        case PipelineStage() | FunctionalUnit():
            wider = [("one more place", "capacity")]
        case DataStorage():
            wider = [("one more port", "read_write_ports")]
            if item.max_concurrent_requests is not None:
                wider.append(("one more request in flight", "max_concurrent_requests"))
    for change, attribute in wider:
        size: int = getattr(item, attribute)
        if size < LARGEST_CAPACITY:
            yield _variant(arch, item, change, {item.name: {attribute: size + 1}})


def _variant(
    arch: Architecture, item: ACADLObject, change: Change, changes: Mapping[str, Mapping[str, Any]]
) -> Variant:
    objects = dict(arch.objects)
    details = []
    for name, values in changes.items():
        old = objects[name]
        objects[name] = replace(old, **values)
        of = "" if name == item.name else f" of {name}"
        details += [
            f"{attribute}{of} {_text(getattr(old, attribute))}→ {value}"
            for attribute, value in values.items()
            if getattr(old, attribute) != value
        ]
    changed = replace(arch, objects=objects)
    return Variant(item.name, type(item).__name__, change, ", ".join(details), changed)


def _text(value: object) -> str:
    """The old value, unless it is a formula, or not set."""
    return f"{value} " if isinstance(value, (int, Const)) else ""
