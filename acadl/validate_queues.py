"""Notes about room that is never used (rules 2 and 7 of ``docs/semantics.md``)."""

from __future__ import annotations

from acadl.errors import Diagnostic
from acadl.expressions import ceil_div
from acadl.model import SRAM, Architecture, Controller, EdgeKind, ExecuteStage, FunctionalUnit
from acadl.validate_tools import Findings, label


def roomy_queues(arch: Architecture) -> Findings:
    """Places that are never taken."""
    yield from _units(arch)
    yield from _memories(arch)


def _units(arch: Architecture) -> Findings:
    """More places in a unit than in the stage around it."""
    for stage in arch.of_type(ExecuteStage):
        for name in arch.successors(stage.name, EdgeKind.CONTAINS):
            unit = arch.objects[name]
            if isinstance(unit, Controller) and unit.release_latency:
                continue  # its places are taken longer than those of the stage
            if isinstance(unit, FunctionalUnit) and unit.capacity > stage.capacity:
                message = (
                    f"'{unit.name}' has room for {unit.capacity} instructions, "
                    f"but '{stage.name}' never holds more than {stage.capacity}"
                )
                hint = f"write `capacity: {stage.capacity}`, or give the stage more room"
                yield Diagnostic("N1001", message, unit.span, hint, label(stage, "the stage around it"))


def _memories(arch: Architecture) -> Findings:
    """More requests in flight than ports and latencies allow."""
    for memory in arch.of_type(SRAM):
        most = _most_in_flight(memory)
        if (
            most is not None
            and memory.max_concurrent_requests is not None
            and memory.max_concurrent_requests > most
        ):
            message = (
                f"'{memory.name}' may have {memory.max_concurrent_requests} requests in flight, "
                f"but its ports and latencies allow {most}"
            )
            hint = "a shorter `initiation_interval` or more ports let more of them start"
            yield Diagnostic("N1001", message, memory.span, hint)


def _most_in_flight(memory: SRAM) -> int | None:
    """The most transactions under way at once; ``None`` where answers wait for each other."""
    latency = max(memory.read_latency, memory.write_latency)
    if memory.answers == "in_order" or memory.initiation_interval == 0 or not latency:
        return None
    ports = (memory.read_ports or 0) + (memory.write_ports or 0)
    if memory.read_ports is None or memory.write_ports is None:
        ports += memory.read_write_ports
    each = 1 if memory.initiation_interval is None else ceil_div(latency, memory.initiation_interval)
    return ports * each
