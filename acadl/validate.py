"""Rules that hold for a whole architecture: what no single statement can break.

Each check is a function from an architecture to findings. Checks that need an acyclic instruction path run
only where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import pairwise

from acadl.diagnostics import Collector
from acadl.elaborate import Elaborated
from acadl.errors import Diagnostic, Label, Span
from acadl.expressions import Const
from acadl.model import (
    Architecture,
    CacheInterface,
    Controller,
    DataStorage,
    EdgeKind,
    ExecuteStage,
    FunctionalUnit,
    InstructionFetchStage,
    InstructionMemoryAccessUnit,
    MemoryAccessUnit,
    MemoryInterface,
    PipelineStage,
    RegisterFile,
)
from acadl.operations import Operation
from acadl.routing import ends_at_memory
from acadl.suggesting import suggestion
from acadl.validate_queues import roomy_queues
from acadl.validate_rows import idle_movers, row_errors
from acadl.validate_tools import Findings, circle, cycle, label

MAX_REASONS = 4  # of further units that cannot process an operation


def validate(elaborated: Elaborated, collector: Collector) -> None:
    """Check all rules; findings go to ``collector``."""
    arch = elaborated.architecture
    if not elaborated.is_whole:
        _validate_rest(elaborated, collector)
        return
    for check in (_addresses, _caches, row_errors):
        _collect(check(arch), collector)
    fetch = _the_fetch_stage(arch, elaborated.span, collector)
    loop = _forward_cycle(arch)
    if loop:
        collector.add(loop)
    elif fetch is not None:
        _collect(_fetching(arch, fetch), collector)
        _collect(_instruction_paths(arch, fetch), collector)
        _collect(_stage_latencies(arch, fetch, elaborated.latency_names), collector)
    if collector.error_count:
        return
    _collect(_operations(arch, elaborated.span.file), collector)
    for check in (_pipelined_units, _idle_parts, idle_movers, roomy_queues):
        _collect(check(arch), collector)
    if fetch is not None:
        _collect(_idle_stages(arch, fetch), collector)


def _validate_rest(elaborated: Elaborated, collector: Collector) -> None:
    """What is wrong with the objects and edges that are there, whatever else there would be."""
    arch = elaborated.architecture
    for finding in _of_the_rest(elaborated):
        if not _is_doubtful(finding, arch, elaborated.unsure):
            collector.add(finding)


def _of_the_rest(elaborated: Elaborated) -> Findings:
    """Findings that hold where all objects and edges are there, else only those that more cannot undo."""
    arch, joined = elaborated.architecture, elaborated.is_joined
    certain = ("E0607", "E0610", "E0612", "E0613", "E0615", "E0616", "E0617")
    for check in (_addresses, _caches, row_errors):
        yield from (finding for finding in check(arch) if joined or finding.code in certain)
    fetch: InstructionFetchStage | None = None
    if any(arch.of_type(InstructionFetchStage)):  # else it may be what is lost
        found = Collector()
        fetch = _the_fetch_stage(arch, elaborated.span, found)
        yield from found.sorted()
    loop = _forward_cycle(arch)
    if loop:
        yield loop
    elif fetch is not None:
        yield from (f for f in _instruction_paths(arch, fetch) if joined or f.code == "E0608")
        yield from (f for f in _fetching(arch, fetch) if joined or f.code == "E0604")


# The fields that a finding depends on, beside objects and edges.
_FIELDS: Mapping[str, frozenset[str]] = {
    "E0604": frozenset({"issue_buffer_size", "port_width"}),
    "E0607": frozenset({"address_ranges"}),
    "E0614": frozenset({"read_latency", "write_latency", "hit_latency", "arbitration", "answers"}),
    "E0615": frozenset({"t_RCD", "t_RP", "t_RAS"}),
    "E0616": frozenset({"max_request_bytes", "data_width", "port_width"}),
    "E0617": frozenset({"prepares", "capacity"}),
}


def _is_doubtful(finding: Diagnostic, arch: Architecture, unsure: Mapping[str, Set[str]]) -> bool:
    """Whether a finding depends on an attribute that is wrong itself."""
    fields = _FIELDS.get(finding.code, frozenset())
    spans = {finding.span, *(noted.span for noted in finding.labels)}
    return any(arch.objects[name].span in spans and fields & wrong for name, wrong in unsure.items())


def _collect(findings: Iterable[Diagnostic], collector: Collector) -> None:
    for finding in findings:
        collector.add(finding)


# --- storage --------------------------------------------------------------------------------------------


def _addresses(arch: Architecture) -> Findings:
    """No byte belongs to two memories, or twice to one."""
    owned = [
        (low, high, memory) for memory in arch.of_type(MemoryInterface) for low, high in memory.address_ranges
    ]
    owned.sort(key=lambda entry: entry[:2])
    for (low, high, memory), (next_low, next_high, other) in pairwise(owned):
        if next_low < high:
            start, end = max(low, next_low), min(high, next_high)
            whose = "itself" if memory is other else f"'{memory.name}'"
            message = f"the addresses of '{other.name}' overlap those of {whose}: 0x{start:x} to 0x{end:x}"
            hint = f"'{other.name}' could start at 0x{high:x}"
            labels = () if memory is other else label(memory, f"this one ends at 0x{high:x}")
            yield Diagnostic("E0607", message, other.span, hint, labels)


def _caches(arch: Architecture) -> Findings:
    """Every cache has a memory behind it, and no cache is behind itself."""
    for cache in arch.of_type(CacheInterface):
        written = arch.predecessors(cache.name, EdgeKind.WRITE_DATA)
        if not arch.predecessors(cache.name, EdgeKind.READ_DATA):
            yield _no_next_level(cache, "has no memory to read from")
        elif written and not arch.successors(cache.name, EdgeKind.WRITE_DATA):
            yield _no_next_level(cache, f"is written by '{written[0]}' and has no memory to write to")
    loop = cycle(
        [cache.name for cache in arch.of_type(CacheInterface)],
        lambda name: [
            other
            for other in arch.predecessors(name, EdgeKind.READ_DATA)
            if isinstance(arch.objects[other], CacheInterface)
        ],
    )
    if loop:
        message = f"caches are behind each other: {circle(loop, '<=>')}"
        yield Diagnostic("E0610", message, arch.objects[loop[0]].span, "leave one of the edges out")


def _no_next_level(cache: CacheInterface, what: str) -> Diagnostic:
    hint = f"join it to the next level, as in `{cache.name} <=> memory`"
    return Diagnostic("E0609", f"cache '{cache.name}' {what}", cache.span, hint)


# --- instructions ---------------------------------------------------------------------------------------


def _the_fetch_stage(arch: Architecture, span: Span, collector: Collector) -> InstructionFetchStage | None:
    stages = list(arch.of_type(InstructionFetchStage))
    if len(stages) == 1:
        return stages[0]
    if not stages:
        message = f"architecture '{arch.name}' has no fetch stage"
        hint = "for example `fetch ifs { issue_buffer_size: 1, from: imem }`"
        collector.add(Diagnostic("E0602", message, span, hint))
    for extra in stages[1:]:
        message = f"'{extra.name}' is a second fetch stage"
        hint = "an architecture has one; several cores are several architectures"
        collector.add(
            Diagnostic("E0602", message, extra.span, hint, label(stages[0], "the first fetch stage"))
        )
    return None


def _fetching(arch: Architecture, fetch: InstructionFetchStage) -> Findings:
    """One instruction memory access unit, one instruction memory, an issue buffer for one read of it."""
    units = [
        name
        for name in arch.successors(fetch.name, EdgeKind.CONTAINS)
        if isinstance(arch.objects[name], InstructionMemoryAccessUnit)
    ]
    hint = "name the instruction memory, as in `from: imem`"
    if len(units) != 1:
        found = "no instruction memory" if not units else f"{len(units)} instruction memory units"
        yield Diagnostic("E0603", f"fetch stage '{fetch.name}' has {found}", fetch.span, hint)
        return
    memories = [
        item
        for name in arch.predecessors(units[0], EdgeKind.READ_DATA)
        if isinstance(item := arch.objects[name], DataStorage)
    ]
    if len(memories) != 1 or not isinstance(memories[0], MemoryInterface):
        found = (
            "no memory" if not memories else "a cache" if len(memories) == 1 else f"{len(memories)} memories"
        )
        message = f"'{units[0]}' reads instructions from {found}; it needs one sram or dram"
        yield Diagnostic("E0603", message, arch.objects[units[0]].span, hint)
        return
    memory = memories[0]
    if fetch.issue_buffer_size < memory.port_width:
        message = (
            f"the issue buffer of '{fetch.name}' holds {fetch.issue_buffer_size}, "
            f"but one read of '{memory.name}' brings {memory.port_width}"
        )
        fix = f"write `issue_buffer_size: {memory.port_width}` or more"
        yield Diagnostic(
            "E0604", message, fetch.span, fix, label(memory, f"port_width is {memory.port_width}")
        )


def _forward_cycle(arch: Architecture) -> Diagnostic | None:
    """Instructions never come back to a stage."""
    stages = [stage.name for stage in arch.of_type(PipelineStage)]
    loop = cycle(stages, lambda name: arch.successors(name, EdgeKind.FORWARD))
    if not loop:
        return None
    edge = next(
        e for e in arch.edges if e.kind is EdgeKind.FORWARD and e.source == loop[-1] and e.target == loop[0]
    )
    message = f"instructions would run in a circle: {circle(loop, '->')}"
    return Diagnostic("E0606", message, edge.span, "leave one of the edges out; data may go back along `=>`")


def _instruction_paths(arch: Architecture, fetch: InstructionFetchStage) -> Findings:
    """Instructions reach every unit, on one path."""
    paths = _path_counts(arch, fetch)
    for stage in arch.of_type(PipelineStage):
        if stage is fetch:
            continue
        count = paths.get(stage.name, 0)
        units = arch.successors(stage.name, EdgeKind.CONTAINS)
        if units and not count:
            message = (
                f"no instruction reaches '{units[0]}': there is no path from '{fetch.name}' to '{stage.name}'"
            )
            yield Diagnostic(
                "E0605", message, stage.span, f"add an edge such as `{fetch.name} -> {stage.name}`"
            )
        elif units and count > 1:
            message = f"there is more than one path from '{fetch.name}' to '{stage.name}'"
            hint = "the way of an instruction follows from its unit; leave one of the paths out"
            yield Diagnostic("E0608", message, stage.span, hint)


def _path_counts(arch: Architecture, fetch: InstructionFetchStage) -> Mapping[str, int]:
    """Number of forward paths from the fetch stage, more than one counted as two. The graph has no cycle."""
    counts = {fetch.name: 1}
    for name in _topological(arch, fetch.name):
        for successor in arch.successors(name, EdgeKind.FORWARD):
            counts[successor] = min(2, counts.get(successor, 0) + counts[name])
    return counts


def _topological(arch: Architecture, start: str) -> list[str]:
    """What can be reached from ``start``, each after everything that leads to it."""
    order: list[str] = []
    seen = {start}
    pending: list[tuple[str, Iterator[str]]] = [(start, iter(arch.successors(start, EdgeKind.FORWARD)))]
    while pending:
        name, rest = pending[-1]
        following = next(rest, None)
        if following is None:
            order.append(name)
            pending.pop()
        elif following not in seen:
            seen.add(following)
            pending.append((following, iter(arch.successors(following, EdgeKind.FORWARD))))
    return order[::-1]


def _stage_latencies(
    arch: Architecture, fetch: InstructionFetchStage, names: Mapping[str, list[tuple[str, Span]]]
) -> Findings:
    """What a stage's latency takes from the instruction, every instruction that passes it carries."""
    carried = _carried(arch, fetch) if names else {}
    for stage, used in names.items():
        item = arch.objects[stage]
        if isinstance(item, InstructionMemoryAccessUnit):
            message = "a read brings several instructions, so its latency cannot depend on one"
            yield Diagnostic("E0205", message, used[0][1], "use numbers and parameters")
            continue
        common = carried.get(stage)  # `None`: nothing passes it
        missing = [(name, span) for name, span in used if common is not None and name not in common]
        for operation in sorted(_passing(arch, stage)) if missing else ():
            attributes = arch.operations[operation].attribute_names()
            for name, span in missing:
                if name not in attributes:
                    message = f"operation '{operation}', which passes '{stage}', has no attribute '{name}'"
                    hint = suggestion(name, attributes, f"attributes of '{operation}'")
                    yield Diagnostic("E0205", message, span, hint)


def _carried(arch: Architecture, fetch: InstructionFetchStage) -> Mapping[str, frozenset[str]]:
    """Attributes that every instruction that passes a stage carries, by stage; none that nothing passes.

    Operations of the stage's own units do not count.
    """
    passing: dict[str, frozenset[str] | None] = {}  # with those of its own units
    found: dict[str, frozenset[str]] = {}
    for stage in reversed(_topological(arch, fetch.name)):
        behind = [passing[name] for name in arch.successors(stage, EdgeKind.FORWARD)]
        common = _common(behind)
        if common is not None:
            found[stage] = common
        passing[stage] = _common([common, _own(arch, stage)])
    return found


def _own(arch: Architecture, stage: str) -> frozenset[str] | None:
    """Attributes that all operations of a stage's units have; ``None`` where it has none."""
    units = (arch.objects[name] for name in arch.successors(stage, EdgeKind.CONTAINS))
    tables = {unit.to_process for unit in units if isinstance(unit, FunctionalUnit)}
    return _common([arch.operations[name].attribute_names() for table in tables for name in table])


def _common(sets: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """What is in all of the sets that are there."""
    there = {item for item in sets if item is not None}
    return frozenset.intersection(*there) if there else None


def _passing(arch: Architecture, stage: str) -> set[str]:
    """Operations of the units behind a stage, those of its own units left out."""
    found: set[str] = set()
    for name in _topological(arch, stage)[1:]:
        for unit in arch.successors(name, EdgeKind.CONTAINS):
            item = arch.objects[unit]
            if isinstance(item, FunctionalUnit):
                found |= item.to_process
    return found


# --- warnings -------------------------------------------------------------------------------------------


def _operations(arch: Architecture, file: str) -> Findings:
    """Operations that nothing can process; those of imported files may be there for others."""
    units: dict[str, list[tuple[FunctionalUnit, _Reach]]] = {}
    for unit in arch.of_type(FunctionalUnit):
        reach = _reach(arch, unit)
        for name in unit.to_process:
            units.setdefault(name, []).append((unit, reach))
    for operation in arch.operations.values():
        candidates = units.get(operation.name, [])
        if not candidates:
            if operation.span is not None and operation.span.file == file:
                message = f"no unit processes operation '{operation.name}'"
                yield Diagnostic("W0901", message, operation.span)
        elif all(reasons := [reach.lacks(operation) or "" for _, reach in candidates]):
            first, *others = (unit for unit, _ in candidates)
            message = f"'{first.name}' cannot process '{operation.name}': {reasons[0]}"
            labels = [
                Label(unit.span, f"nor can '{unit.name}': {reason}")
                for unit, reason in zip(others[:MAX_REASONS], reasons[1:], strict=False)
                if unit.span is not None
            ]
            hint = "add the edge, or leave the operation out"
            yield Diagnostic("W0906", message, first.span, hint, tuple(labels))


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a unit can read and write; memories of a controller are those of its movers.

    Attributes:
        has_movers: Whether memories are reached by movers.
        read, written: Kinds of operands whose place the unit reads from and writes to.
    """

    has_movers: bool
    read: frozenset[str]
    written: frozenset[str]

    def lacks(self, operation: Operation) -> str | None:
        """Why the unit cannot reach the operation's operands, whatever they are; ``None`` if it can."""
        for operand in operation.operands:
            if operand.kind == "int":
                continue
            noun = "registers" if operand.kind == "reg" else "memory"
            by_movers = self.has_movers and operand.kind == "address"
            if operand.direction != "out" and operand.kind not in self.read:
                where = "a mover of it" if by_movers else "it"
                verb = "lead" if noun == "registers" else "leads"
                return f"it reads '{operand.name}', and no {noun} {verb} to {where}"
            if operand.direction != "in" and operand.kind not in self.written:
                where = f"no mover of it leads to a {noun}" if by_movers else f"leads to no {noun}"
                return f"it writes '{operand.name}', and {where}"
        return None


def _reach(arch: Architecture, unit: FunctionalUnit) -> _Reach:
    places = {"reg": ((unit.name,), RegisterFile), "address": (ends_at_memory(arch, unit), DataStorage)}
    read, written = (
        frozenset(
            kind
            for kind, (ends, cls) in places.items()
            if any(isinstance(arch.objects[name], cls) for end in ends for name in neighbours(end, edge))
        )
        for neighbours, edge in (
            (arch.predecessors, EdgeKind.READ_DATA),
            (arch.successors, EdgeKind.WRITE_DATA),
        )
    )
    return _Reach(isinstance(unit, Controller), read, written)


def _idle_stages(arch: Architecture, fetch: InstructionFetchStage) -> Findings:
    """Stages that no instruction reaches, or that lead to no unit."""
    reached = set(_topological(arch, fetch.name))
    for stage in arch.of_type(PipelineStage):
        units = arch.successors(stage.name, EdgeKind.CONTAINS)
        if stage.name not in reached:
            hint = f"lead instructions to it, as in `{fetch.name} -> {stage.name}`, or leave it out"
            yield Diagnostic("W0903", f"no instruction reaches stage '{stage.name}'", stage.span, hint)
        elif not units and not arch.successors(stage.name, EdgeKind.FORWARD):
            hint = f"lead it to a stage with units, as in `{stage.name} -> execute`, or leave it out"
            yield Diagnostic("W0903", f"stage '{stage.name}' leads to no unit", stage.span, hint)


def _pipelined_units(arch: Architecture) -> Findings:
    """An initiation interval has no effect in a stage that holds one instruction."""
    for stage in arch.of_type(ExecuteStage):
        for name in arch.successors(stage.name, EdgeKind.CONTAINS):
            unit = arch.objects[name]
            if not isinstance(unit, FunctionalUnit) or unit.initiation_interval is None:
                continue
            if isinstance(unit, Controller):  # it starts the next instruction before the one in front is done
                continue
            interval, latency = unit.initiation_interval, unit.latency
            never = (
                isinstance(interval, Const) and isinstance(latency, Const) and interval.value >= latency.value
            )
            room = min(unit.capacity, stage.capacity)
            if room == 1 and not never and not isinstance(unit, InstructionMemoryAccessUnit):
                where = f"stage '{stage.name}'" if stage.capacity == 1 else "it"
                message = f"'{unit.name}' is pipelined, but {where} holds one instruction at a time"
                yield Diagnostic("W0905", message, unit.span, "give the stage a larger `capacity`")


def _idle_parts(arch: Architecture) -> Findings:
    """Storages that nobody reads or writes, memory units without a memory."""
    data = (EdgeKind.READ_DATA, EdgeKind.WRITE_DATA)
    for item in arch.objects.values():
        joined = [
            other
            for kind in data
            for other in (*arch.successors(item.name, kind), *arch.predecessors(item.name, kind))
        ]
        if isinstance(item, RegisterFile | DataStorage) and not joined:
            unit = "stage.memory_unit" if isinstance(item, DataStorage) else "stage.unit"
            hint = f"join it to what reads and writes it, as in `{item.name} <=> {unit}`, or leave it out"
            yield Diagnostic("W0904", f"'{item.name}' is joined to nothing", item.span, hint)
        elif (
            isinstance(item, MemoryAccessUnit)
            and not isinstance(item, InstructionMemoryAccessUnit)
            and not any(isinstance(arch.objects[other], DataStorage) for other in joined)
        ):
            hint = f"join it to one, as in `{item.name} <=> memory`"
            yield Diagnostic("W0904", f"memory unit '{item.name}' reaches no memory", item.span, hint)
