"""A machine and its mapping that need no description: one unit that takes one cycle per multiplication."""

from __future__ import annotations

from acadl.expressions import Name
from acadl.model import (
    SRAM,
    Architecture,
    Edge,
    EdgeKind,
    ExecuteStage,
    FunctionalUnit,
    InstructionFetchStage,
    InstructionMemoryAccessUnit,
)
from acadl.operations import Operand, Operation
from mappings import Layer, LoopProgram, MappingError, loop, step

WORK = Operation("work", (Operand("cycles", "int"),))


def toy_architecture(name: str = "toy") -> Architecture:
    objects = [
        SRAM(name="imem", address_ranges=((0, 0x1000),)),
        InstructionFetchStage(name="ifs", issue_buffer_size=2),
        InstructionMemoryAccessUnit(name="ifs.imau"),
        ExecuteStage(name="ex"),
        FunctionalUnit(name="ex.unit", to_process=frozenset({"work"}), latency=Name("cycles")),
    ]
    edges = [
        Edge("imem", "ifs.imau", EdgeKind.READ_DATA),
        Edge("ifs", "ifs.imau", EdgeKind.CONTAINS),
        Edge("ifs", "ex", EdgeKind.FORWARD),
        Edge("ex", "ex.unit", EdgeKind.CONTAINS),
    ]
    return Architecture(
        name=name,
        objects={item.name: item for item in objects},
        edges=tuple(edges),
        operations={"work": WORK},
        clock_hz=1_000_000,
    )


def map_layer(layer: Layer, arch: Architecture) -> LoopProgram:
    """Ten cycles per output channel; knows fully connected layers only."""
    if layer.op != "fc":
        raise MappingError(f"layer '{layer.name}': '{arch.name}' cannot run operator '{layer.op}'")
    return LoopProgram(loop("n", layer.gemm_N, step("work", cycles=10)), {"work": WORK}, layer.name)
