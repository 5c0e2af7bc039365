"""Rules for controllers and movers, and for descriptions that are evaluated in order of time.

See ``docs/semantics.md``, rules 10 to 14.
"""

from __future__ import annotations

from acadl.errors import Diagnostic, Span
from acadl.model import (
    DRAM,
    SRAM,
    Architecture,
    CacheInterface,
    Controller,
    DataStorage,
    EdgeKind,
    ExecuteStage,
    InstructionMemoryAccessUnit,
    Mover,
    needs_order_of_time,
)
from acadl.routing import movers_of
from acadl.validate_tools import Findings, circle, cycle, label


def row_errors(arch: Architecture) -> Findings:
    """Mistakes that leave open what a part does, or that the rules do not provide for."""
    yield from _ways(arch)
    circle = list(_circle(arch))
    yield from circle or _meetings(arch)
    yield from _pairs(arch)
    for mover in arch.of_type(Mover):
        yield from _memories(arch, mover)
    yield from _storage_latencies(arch)


def idle_movers(arch: Architecture) -> Findings:
    """Movers that no part enters."""
    fed: set[str] = set()
    entered: set[str] = set()
    for controller in arch.of_type(Controller):
        chain = [mover.name for mover in movers_of(arch, controller.name)]
        last = max((n for n, name in enumerate(chain) if _storages(arch, name)), default=0)
        fed.update(chain)
        entered.update(chain[: last + 1])
    for mover in arch.of_type(Mover):
        if mover.name not in fed:
            message = f"no controller leads to mover '{mover.name}'"
            hint = f"join one to it, as in `stage.controller -> {mover.name}`"
            yield Diagnostic("W0903", message, mover.span, hint)
        elif mover.name not in entered:
            message = f"no part enters mover '{mover.name}': neither it nor one behind it reaches a memory"
            yield Diagnostic("W0903", message, mover.span, "join it to the memory that it reads or writes")


def _ways(arch: Architecture) -> Findings:
    """From every controller one edge leads to a mover, from a mover at most one to the next."""
    for item in arch.objects.values():
        if not isinstance(item, Controller | Mover):
            continue
        noun = "controller" if isinstance(item, Controller) else "mover"
        targets = arch.successors(item.name, EdgeKind.FORWARD)
        if isinstance(item, Controller) and not targets:
            message = f"controller '{item.name}' leads to no mover"
            hint = f"join it to the first one that its parts enter, as in `{item.name} -> mover`"
            yield Diagnostic("E0611", message, item.span, hint)
        for second in targets[1:]:
            message = f"{noun} '{item.name}' leads to '{targets[0]}' and to '{second}'"
            hint = "parts have one way, from one mover to the next"
            place = _edge_span(arch, item.name, second)
            yield Diagnostic("E0612", message, place, hint, label(item, f"the {noun} is declared here"))


def _meetings(arch: Architecture) -> Findings:
    """A mover has one predecessor."""
    for mover in arch.of_type(Mover):
        sources = arch.predecessors(mover.name, EdgeKind.FORWARD)
        for second in sources[1:]:
            message = f"mover '{mover.name}' is entered from '{sources[0]}' and from '{second}'"
            hint = "give each of them a mover of its own; movers share the ports of memories"
            place = _edge_span(arch, second, mover.name)
            yield Diagnostic("E0612", message, place, hint, label(mover, "the mover is declared here"))


def _circle(arch: Architecture) -> Findings:
    """Parts never come back to a mover."""
    movers = [mover.name for mover in arch.of_type(Mover)]
    loop = cycle(movers, lambda name: arch.successors(name, EdgeKind.FORWARD))
    if loop:
        message = f"parts would run in a circle: {circle(loop, '->')}"
        yield Diagnostic("E0613", message, _edge_span(arch, loop[-1], loop[0]), "leave one of the edges out")


def _pairs(arch: Architecture) -> Findings:
    """What prepares an instruction waits in the controller for it, so both have room there (rule 12)."""
    for controller in arch.of_type(Controller):
        if not controller.prepares:
            continue
        holders = [arch.objects[name] for name in arch.predecessors(controller.name, EdgeKind.CONTAINS)]
        rooms: list[ExecuteStage | Controller] = [i for i in holders if isinstance(i, ExecuteStage)]
        small = next((item for item in (*rooms, controller) if item.capacity < 2), None)
        if small is not None:
            message = f"'{controller.name}' prepares instructions, but '{small.name}' holds one at a time"
            hint = "write `capacity: 2` or more: what prepares an instruction waits for it"
            yield Diagnostic("E0617", message, small.span, hint)


def _edge_span(arch: Architecture, source: str, target: str) -> Span | None:
    return next(
        edge.span
        for edge in arch.edges
        if edge.kind is EdgeKind.FORWARD and edge.source == source and edge.target == target
    )


def _storages(arch: Architecture, mover: str) -> dict[str, DataStorage]:
    """Storages that a mover reads or writes, by name."""
    names = (
        *arch.predecessors(mover, EdgeKind.READ_DATA),
        *arch.successors(mover, EdgeKind.WRITE_DATA),
    )
    return {name: item for name in names if isinstance(item := arch.objects[name], DataStorage)}


def _memories(arch: Architecture, mover: Mover) -> Findings:
    """Memories behind a mover have fixed latencies and ports that its requests fit."""
    reads = arch.predecessors(mover.name, EdgeKind.READ_DATA)
    for memory in _storages(arch, mover.name).values():
        if isinstance(memory, DRAM) and (memory.t_RCD or memory.t_RP or memory.t_RAS):
            message = f"mover '{mover.name}' reaches '{memory.name}', which has open rows"
            hint = "movers reach memories with fixed latencies; leave `t_RCD`, `t_RP` and `t_RAS` out"
            yield Diagnostic("E0615", message, memory.span, hint, label(mover, "the mover is declared here"))
        largest, port = mover.max_request_bytes, memory.port_bytes
        if largest is None:
            continue
        noted = label(memory, f"its port has {port} bytes")
        if port & (port - 1):
            message = f"the requests of '{mover.name}' do not fit the port of '{memory.name}', {port} bytes"
            hint = "with `max_request_bytes`, `data_width` times `port_width` is a power of two"
            yield Diagnostic("E0616", message, mover.span, hint, noted)
        elif largest < port and (not reads or memory.name in reads):  # what it cuts by; others take a share
            message = (
                f"the largest request of '{mover.name}' has {largest} bytes, "
                f"less than the port of '{memory.name}'"
            )
            hint = f"write `max_request_bytes: {port} bytes` or more, or leave it out"
            yield Diagnostic("E0616", message, mover.span, hint, noted)


def _storage_latencies(arch: Architecture) -> Findings:
    """In order of time an answer comes at least one cycle after its grant, but for instructions."""
    cause = next((item for item in arch.objects.values() if needs_order_of_time(item)), None)
    if cause is None:
        return
    for storage in arch.of_type(DataStorage):
        if _holds_instructions(arch, storage):
            continue
        for attribute in _latencies(storage):
            if getattr(storage, attribute) < 1:
                message = (
                    f"the {attribute} of '{storage.name}' is 0; it is at least 1 in a description "
                    "that is evaluated in order of time"
                )
                noted = label(cause, "because of this, order of time counts")
                yield Diagnostic("E0614", message, storage.span, f"write `{attribute}: 1` or more", noted)


def _holds_instructions(arch: Architecture, storage: DataStorage) -> bool:
    """Whether only the fetch stage reads it, and nobody writes it."""
    readers = arch.successors(storage.name, EdgeKind.READ_DATA)
    return (
        bool(readers)
        and all(isinstance(arch.objects[name], InstructionMemoryAccessUnit) for name in readers)
        and not arch.predecessors(storage.name, EdgeKind.WRITE_DATA)
    )


def _latencies(storage: DataStorage) -> tuple[str, ...]:
    match storage:
        case SRAM() | DRAM():
            return ("read_latency", "write_latency")
        case CacheInterface():
            return ("hit_latency",)
    return ()
