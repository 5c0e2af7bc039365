"""What is written on a box: its kind, the attributes worth reading, its tooltip."""

from __future__ import annotations

from heapq import nsmallest
from textwrap import wrap
from typing import TypeGuard

from acadl.diagnostics import printable, printable_lines
from acadl.expressions import Const, Expr
from acadl.model import (
    DRAM,
    SRAM,
    ACADLObject,
    Controller,
    DataStorage,
    ExecuteStage,
    FunctionalUnit,
    InstructionFetchStage,
    MemoryAccessUnit,
    MemoryInterface,
    Mover,
    PipelineStage,
    RegisterFile,
    SetAssociativeCache,
)
from acadl.writing_expressions import written

LINE_LENGTH = 22
OPERATION_LINES = 3
LONGEST_LABEL = 40  # characters of a name or a line on a box
LONGEST_TOOLTIP = 2000
LARGEST_SIZE = 1 << 40  # bytes; storages of more only give out addresses

_KINDS: tuple[tuple[type[ACADLObject], str], ...] = (
    (InstructionFetchStage, "fetch"),
    (ExecuteStage, "execute"),
    (PipelineStage, "stage"),
    (MemoryAccessUnit, "memory_unit"),
    (Controller, "controller"),
    (Mover, "mover"),
    (FunctionalUnit, "unit"),
    (RegisterFile, "registers"),
    (DRAM, "dram"),
    (SetAssociativeCache, "cache"),
    (DataStorage, "sram"),
)


def brief(text: str) -> str:
    """A text for one line on a box."""
    return printable(text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…")


def at_length(text: str) -> str:
    """A text for a tooltip or a table, where it may have several lines."""
    return printable_lines(text if len(text) <= LONGEST_TOOLTIP else f"{text[: LONGEST_TOOLTIP - 1]}…")


def kind_of(item: ACADLObject) -> str:
    """Style of an object's box."""
    return next((kind for base, kind in _KINDS if isinstance(item, base)), "group")


def attribute_lines(item: ACADLObject) -> list[str]:
    """Attributes that differ from the plain case, one short line each."""
    match item:
        case InstructionFetchStage():
            lines = [f"issue buffer {item.issue_buffer_size}"]
            return lines + (["in-order issue"] if item.in_order_issue else [])
        case ExecuteStage():
            return _stage_lines(item)
        case PipelineStage():
            return [_short("latency", item.latency), *_stage_lines(item)]
        case Controller():
            return [*_unit_lines(item), *_controller_lines(item)]
        case FunctionalUnit():
            return _unit_lines(item)
        case Mover():
            return _mover_lines(item)
        case RegisterFile():
            lanes = f" × {item.lanes}" if item.lanes > 1 else ""
            return [f"{len(item.registers)}{lanes} × {item.data_width} bit"]
        case DataStorage():
            return _storage_lines(item)
    return []


def tooltip(item: ACADLObject) -> str:
    """Class, documentation comment and the lines of the box without abbreviation, as far as people read."""
    parts = [f"{item.name}: {type(item).__name__}"]
    if item.doc:
        parts.append(item.doc)
    if isinstance(item, FunctionalUnit):
        if item.to_process:
            parts.append("operations: " + ", ".join(sorted(item.to_process)))
        parts.append(f"latency: {plain(item.latency)}")
        if item.initiation_interval is not None:
            parts.append(f"initiation interval: {plain(item.initiation_interval)}")
        if _has_duration(item):
            parts.append(f"duration: {plain(item.duration)}")
    if isinstance(item, Controller):
        parts.append(f"parts: {plain(item.parts) if item.parts is not None else 'rows'}")
        if item.prepares:
            parts.append("prepares: " + ", ".join(sorted(item.prepares)))
    if isinstance(item, MemoryInterface):
        parts += [f"addresses: 0x{low:x} to 0x{high:x}" for low, high in item.address_ranges]
    return at_length("\n".join(parts))


def _has_duration(item: ACADLObject) -> TypeGuard[MemoryAccessUnit]:
    return isinstance(item, MemoryAccessUnit) and item.duration != Const(0)


def plain(expression: Expr) -> str:
    """The expression with as few parentheses as it needs."""
    return written(expression)


def _short(word: str, expression: Expr) -> str:
    """``word value``; the tooltip holds what is too long for the box."""
    return _cut(f"{word} {plain(expression)}")


def _cut(text: str) -> str:
    return text if len(text) <= LINE_LENGTH else text[: LINE_LENGTH - 1] + "…"


def _stage_lines(item: PipelineStage) -> list[str]:
    lines = []
    if item.capacity > 1:
        lines.append(f"capacity {item.capacity}")
    if item.order == "fifo":
        lines.append("fifo")
    if isinstance(item, ExecuteStage) and item.issue_latency:
        lines.append(f"issue after {item.issue_latency}")
    return lines + _named(("release after", item.release_latency, 0))


def _named(*entries: tuple[str, int | None, int | None]) -> list[str]:
    """``word value`` for each value that is not the plain one."""
    return [f"{word} {value}" for word, value, usual in entries if value != usual]


def _unit_lines(item: FunctionalUnit) -> list[str]:
    names = [brief(name) for name in nsmallest(LINE_LENGTH * OPERATION_LINES, item.to_process)]
    lines = wrap(" ".join(names), LINE_LENGTH)
    if len(lines) > OPERATION_LINES:
        shown = " ".join(lines[: OPERATION_LINES - 1]).split()
        lines = [*lines[: OPERATION_LINES - 1], f"and {len(item.to_process) - len(shown)} more"]
    lines.append(_short("latency", item.latency))
    if item.initiation_interval is not None:
        lines.append(_short("interval", item.initiation_interval))
    if _has_duration(item):
        lines.append(_short("duration", item.duration))
    if item.capacity > 1:
        lines.append(f"capacity {item.capacity}")
    if isinstance(item, MemoryAccessUnit):
        lines += _named(("priority", item.priority, 0))
    return lines


def _controller_lines(item: Controller) -> list[str]:
    lines = _named(
        ("a part every", item.part_interval, 1),
        ("turnaround", item.turnaround, 0),
        ("in progress", item.in_progress, None),
        ("release after", item.release_latency, 0),
    )
    if item.parts is not None:
        lines.insert(0, _short("parts", item.parts))
    if item.prepares:
        lines.append(_cut(f"prepares {' '.join(sorted(item.prepares))}"))
    if item.completion == "sent" or item.completion_latency:
        latency = f" + {item.completion_latency}" if item.completion_latency else ""
        lines.append(f"done when {item.completion}{latency}")
    return lines


def _mover_lines(item: Mover) -> list[str]:
    lines = _named(
        ("latency", item.latency, 0),
        ("transfer", item.transfer_latency, 0),
        ("tail", item.tail_latency, 0),
        ("interval", item.initiation_interval, 1),
        ("capacity", item.capacity, 1),
        ("release after", item.release_latency, 0),
        ("retry after", item.retry_interval, None),
        ("priority", item.priority, 0),
    )
    if item.max_request_bytes is not None:
        lines.append(f"requests up to {size(item.max_request_bytes)}")
    return lines


def _storage_lines(item: DataStorage) -> list[str]:
    lines = []
    if isinstance(item, MemoryInterface):
        total = sum(high - low for low, high in item.address_ranges)
        lines.append(size(total) if total < LARGEST_SIZE else "of any size")
    if isinstance(item, SetAssociativeCache):
        lines.append(f"{item.sets} × {item.ways} × {size(item.cache_line_size)}")
        lines.append(f"hit {item.hit_latency}, miss +{item.miss_latency}")
    lines.append(_ports(item))
    if isinstance(item, (SRAM, DRAM)):
        lines.append(f"read {item.read_latency}, write {item.write_latency}")
    if item.arbitration != "oldest_first":
        lines.append(item.arbitration.replace("_", " "))
    if item.answers == "in_order":
        lines.append("answers in order")
    return lines


def _ports(item: DataStorage) -> str:
    """``port 2 × 16 B``; with ports for one direction ``ports 1 R, 2 W × 16 B``."""
    if item.read_ports is None and item.write_ports is None:
        ports = f"{item.read_write_ports} × " if item.read_write_ports > 1 else ""
        return f"port {ports}{size(item.port_bytes)}"
    reads, writes = item.read_ports or item.read_write_ports, item.write_ports or item.read_write_ports
    return f"ports {reads} R, {writes} W × {size(item.port_bytes)}"


def size(count: int) -> str:
    """``65536`` → ``64 KiB``; exact, so odd sizes stay in bytes."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor and count % factor == 0:
            return f"{count // factor} {unit}"
    return f"{count} B"


def frequency(hertz: int) -> str:
    """``500000000`` → ``500 MHz``."""
    for unit, factor in (("GHz", 10**9), ("MHz", 10**6), ("kHz", 10**3)):
        if hertz >= factor:
            return f"{hertz / factor:g} {unit}"
    return f"{hertz} Hz"
