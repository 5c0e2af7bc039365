"""What is written on a box: its kind, the attributes worth reading, its tooltip."""

from __future__ import annotations

from textwrap import wrap
from typing import TypeGuard

from acadl.expressions import Const, Expr
from acadl.model import (
    DRAM,
    SRAM,
    ACADLObject,
    DataStorage,
    ExecuteStage,
    FunctionalUnit,
    InstructionFetchStage,
    MemoryAccessUnit,
    MemoryInterface,
    PipelineStage,
    RegisterFile,
    SetAssociativeCache,
)

LINE_LENGTH = 22
OPERATION_LINES = 3

_KINDS: tuple[tuple[type[ACADLObject], str], ...] = (
    (InstructionFetchStage, "fetch"),
    (ExecuteStage, "execute"),
    (PipelineStage, "stage"),
    (MemoryAccessUnit, "memory_unit"),
    (FunctionalUnit, "unit"),
    (RegisterFile, "registers"),
    (DRAM, "dram"),
    (SetAssociativeCache, "cache"),
    (DataStorage, "sram"),
)


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
        case FunctionalUnit():
            return _unit_lines(item)
        case RegisterFile():
            lanes = f" × {item.lanes}" if item.lanes > 1 else ""
            return [f"{len(item.registers)}{lanes} × {item.data_width} bit"]
        case DataStorage():
            return _storage_lines(item)
    return []


def tooltip(item: ACADLObject) -> str:
    """Class, documentation comment and the lines of the box without abbreviation."""
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
    if isinstance(item, MemoryInterface):
        parts += [f"addresses: 0x{low:x} to 0x{high:x}" for low, high in item.address_ranges]
    return "\n".join(parts)


def _has_duration(item: ACADLObject) -> TypeGuard[MemoryAccessUnit]:
    return isinstance(item, MemoryAccessUnit) and item.duration != Const(0)


def plain(expression: Expr) -> str:
    """The expression without its outermost parentheses."""
    text = str(expression)
    return text[1:-1] if text.startswith("(") and _closes_at_end(text) else text


def _closes_at_end(text: str) -> bool:
    depth = 0
    for position, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return position == len(text) - 1
    return False


def _short(word: str, expression: Expr) -> str:
    """``word value``; the tooltip holds what is too long for the box."""
    text = f"{word} {plain(expression)}"
    return text if len(text) <= LINE_LENGTH else text[: LINE_LENGTH - 1] + "…"


def _stage_lines(item: PipelineStage) -> list[str]:
    lines = []
    if item.capacity > 1:
        lines.append(f"capacity {item.capacity}")
    if item.order == "fifo":
        lines.append("fifo")
    return lines


def _unit_lines(item: FunctionalUnit) -> list[str]:
    lines = wrap(" ".join(sorted(item.to_process)), LINE_LENGTH)
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
    return lines


def _storage_lines(item: DataStorage) -> list[str]:
    lines = []
    if isinstance(item, MemoryInterface):
        lines.append(size(sum(high - low for low, high in item.address_ranges)))
    if isinstance(item, SetAssociativeCache):
        lines.append(f"{item.sets} × {item.ways} × {size(item.cache_line_size)}")
        lines.append(f"hit {item.hit_latency}, miss +{item.miss_latency}")
    ports = f"{item.read_write_ports} × " if item.read_write_ports > 1 else ""
    lines.append(f"port {ports}{size(item.port_bytes)}")
    if isinstance(item, (SRAM, DRAM)):
        lines.append(f"read {item.read_latency}, write {item.write_latency}")
    return lines


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
