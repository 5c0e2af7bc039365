"""What may stand in which object: the classes with their attributes, as one table.

``docs/language.md`` shows this table; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from acadl import model


class Form(StrEnum):
    """What the value of an attribute looks like."""

    NUMBER = "number"
    CYCLES = "cycles"
    LATENCY = "latency"  # an expression over the instruction
    BITS = "size"
    BYTES = "size in whole bytes"
    ENERGY = "energy"
    ENERGY_OF = "energy of an instruction"  # an expression over the instruction
    AREA = "area"
    TRUTH = "true or false"
    WORD = "word"
    OPERATIONS = "operations"
    PREPARES = "some of the operations"
    REGISTERS = "registers"
    ADDRESSES = "addresses"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class AttributeForm:
    """An attribute: its form, an example for messages, its least value, its words, and whether it must be a
    power of two."""

    form: Form
    example: str
    minimum: int = 0
    words: tuple[str, ...] = ()
    power_of_two: bool = False


@dataclass(frozen=True, slots=True)
class ObjectForm:
    """A keyword: the class it makes, its attributes, which of them it needs, which units it may contain."""

    title: str
    cls: type[model.ACADLObject]
    attributes: Mapping[str, AttributeForm]
    required: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()


_AREA = {"area": AttributeForm(Form.AREA, "area: 0.2 mm2")}
_ENERGY = {"energy": AttributeForm(Form.ENERGY_OF, "energy: 0.3 pJ")}
_ACCESS_ENERGY = {
    "read_energy": AttributeForm(Form.ENERGY, "read_energy: 10 pJ"),
    "write_energy": AttributeForm(Form.ENERGY, "write_energy: 10 pJ"),
}
_LATENCY = {
    "latency": AttributeForm(Form.LATENCY, "latency: 1"),
    "initiation_interval": AttributeForm(Form.LATENCY, "initiation_interval: 1"),
}
_CAPACITY = {"capacity": AttributeForm(Form.NUMBER, "capacity: 4", minimum=1)}
_ORDER = {"order": AttributeForm(Form.WORD, "order: fifo", words=("any", "fifo"))}
_RELEASE = {"release_latency": AttributeForm(Form.CYCLES, "release_latency: 1")}
_PRIORITY = {"priority": AttributeForm(Form.NUMBER, "priority: 1")}
_OPERATIONS = {"operations": AttributeForm(Form.OPERATIONS, "operations: add mul")}
_STORAGE = (
    _AREA
    | _ACCESS_ENERGY
    | {
        "data_width": AttributeForm(Form.BITS, "data_width: 32 bits", minimum=1),
        "port_width": AttributeForm(Form.NUMBER, "port_width: 1", minimum=1),
        "read_write_ports": AttributeForm(Form.NUMBER, "read_write_ports: 2", minimum=1),
        "max_concurrent_requests": AttributeForm(Form.NUMBER, "max_concurrent_requests: 4", minimum=1),
        "initiation_interval": AttributeForm(Form.CYCLES, "initiation_interval: 1"),
        "arbitration": AttributeForm(
            Form.WORD, "arbitration: round_robin", words=("oldest_first", "priority", "round_robin")
        ),
        "read_ports": AttributeForm(Form.NUMBER, "read_ports: 1", minimum=1),
        "write_ports": AttributeForm(Form.NUMBER, "write_ports: 1", minimum=1),
        "answers": AttributeForm(Form.WORD, "answers: in_order", words=("any", "in_order")),
    }
)
_MEMORY = _STORAGE | {
    "addresses": AttributeForm(Form.ADDRESSES, "addresses: 0x1000 ..< 0x4000"),
    "read_latency": AttributeForm(Form.CYCLES, "read_latency: 1"),
    "write_latency": AttributeForm(Form.CYCLES, "write_latency: 1"),
}
_CACHE = _STORAGE | {
    "sets": AttributeForm(Form.NUMBER, "sets: 64", minimum=1),
    "ways": AttributeForm(Form.NUMBER, "ways: 4", minimum=1),
    "cache_line_size": AttributeForm(Form.BYTES, "cache_line_size: 64 bytes", minimum=1),
    "hit_latency": AttributeForm(Form.CYCLES, "hit_latency: 1"),
    "miss_latency": AttributeForm(Form.CYCLES, "miss_latency: 10"),
    "write_allocate": AttributeForm(Form.TRUTH, "write_allocate: true"),
    "write_back": AttributeForm(Form.TRUTH, "write_back: true"),
    "replacement_policy": AttributeForm(Form.WORD, "replacement_policy: lru", words=("lru", "fifo")),
}
_DRAM = _MEMORY | {
    "banks": AttributeForm(Form.NUMBER, "banks: 8", minimum=1),
    "row_bytes": AttributeForm(Form.BYTES, "row_bytes: 2 KiB", minimum=1),
    "t_RCD": AttributeForm(Form.CYCLES, "t_RCD: 14"),
    "t_RP": AttributeForm(Form.CYCLES, "t_RP: 14"),
    "t_RAS": AttributeForm(Form.CYCLES, "t_RAS: 33"),
}
_FETCH = _AREA | {
    "issue_buffer_size": AttributeForm(Form.NUMBER, "issue_buffer_size: 4", minimum=1),
    "in_order_issue": AttributeForm(Form.TRUTH, "in_order_issue: true"),
    "latency": _LATENCY["latency"],
    "from": AttributeForm(Form.MEMORY, "from: imem"),
}
_STAGE = _LATENCY | _CAPACITY | _ORDER | _RELEASE | _AREA
_EXECUTE = _STAGE | {"issue_latency": AttributeForm(Form.CYCLES, "issue_latency: 1")}
_UNIT = _OPERATIONS | _LATENCY | _CAPACITY | _ENERGY | _AREA
_CONTROLLER = (
    _UNIT
    | _RELEASE
    | {
        "parts": AttributeForm(Form.LATENCY, "parts: src.rows"),
        "part_interval": AttributeForm(Form.CYCLES, "part_interval: 1"),
        "turnaround": AttributeForm(Form.CYCLES, "turnaround: 1"),
        "in_progress": AttributeForm(Form.NUMBER, "in_progress: 2", minimum=1),
        "completion": AttributeForm(Form.WORD, "completion: sent", words=("moved", "sent")),
        "completion_latency": AttributeForm(Form.CYCLES, "completion_latency: 1"),
        "prepares": AttributeForm(Form.PREPARES, "prepares: load_weights"),
    }
)
_MOVER = (
    _CAPACITY
    | _RELEASE
    | _PRIORITY
    | _AREA
    | {
        "latency": AttributeForm(Form.CYCLES, "latency: 1"),
        "transfer_latency": AttributeForm(Form.CYCLES, "transfer_latency: 1"),
        "tail_latency": AttributeForm(Form.CYCLES, "tail_latency: 1"),
        "initiation_interval": AttributeForm(Form.CYCLES, "initiation_interval: 1"),
        "retry_interval": AttributeForm(Form.CYCLES, "retry_interval: 4", minimum=1),
        "max_request_bytes": AttributeForm(
            Form.BYTES, "max_request_bytes: 64 bytes", minimum=1, power_of_two=True
        ),
    }
)
_MEMORY_UNIT = _UNIT | _PRIORITY | {"duration": AttributeForm(Form.LATENCY, "duration: 40")}
_REGISTERS = (
    _AREA
    | _ACCESS_ENERGY
    | {
        "data_width": AttributeForm(Form.BITS, "data_width: 32 bits", minimum=1),
        "lanes": AttributeForm(Form.NUMBER, "lanes: 8", minimum=1),
        "names": AttributeForm(Form.REGISTERS, "names: r[0 ..< 16] sp"),
    }
)

OBJECTS: Mapping[str, ObjectForm] = {
    "stage": ObjectForm("pipeline stage", model.PipelineStage, _STAGE),
    "execute": ObjectForm(
        "execute stage", model.ExecuteStage, _EXECUTE, contains=("unit", "memory_unit", "controller")
    ),
    "fetch": ObjectForm(
        "fetch stage", model.InstructionFetchStage, _FETCH, contains=("instruction_memory_unit",)
    ),
    "unit": ObjectForm("functional unit", model.FunctionalUnit, _UNIT, ("operations",)),
    "memory_unit": ObjectForm("memory access unit", model.MemoryAccessUnit, _MEMORY_UNIT, ("operations",)),
    "instruction_memory_unit": ObjectForm(
        "instruction memory access unit", model.InstructionMemoryAccessUnit, _OPERATIONS | _LATENCY | _AREA
    ),
    "controller": ObjectForm("controller", model.Controller, _CONTROLLER, ("operations",)),
    "mover": ObjectForm("mover", model.Mover, _MOVER),
    "registers": ObjectForm("register file", model.RegisterFile, _REGISTERS, ("data_width", "names")),
    "sram": ObjectForm("memory", model.SRAM, _MEMORY, ("data_width", "addresses")),
    "dram": ObjectForm("memory", model.DRAM, _DRAM, ("data_width", "addresses")),
    "cache": ObjectForm("cache", model.SetAssociativeCache, _CACHE, ("data_width", "sets", "ways")),
}

# Field of the class where its name differs from the attribute's.
FIELDS: Mapping[str, str] = {
    "operations": "to_process",
    "names": "registers",
    "addresses": "address_ranges",
}

# What stands in a field whose attribute is needed, and wrong.
PLACEHOLDERS: Mapping[Form, Any] = {
    Form.NUMBER: 1,
    Form.BITS: 8,
    Form.OPERATIONS: frozenset(),
    Form.REGISTERS: MappingProxyType({}),
    Form.ADDRESSES: (),
}

KINDS = (*OBJECTS, "bus")
"""Words that declare parts, of architectures and of platforms."""
