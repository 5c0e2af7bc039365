"""Architectures to draw, built in Python so that these tests need no description."""

from __future__ import annotations

from acadl.expressions import Binary, Const, Name
from acadl.model import (
    DRAM,
    SRAM,
    ACADLObject,
    Architecture,
    Controller,
    Edge,
    EdgeKind,
    ExecuteStage,
    FunctionalUnit,
    InstructionFetchStage,
    InstructionMemoryAccessUnit,
    MemoryAccessUnit,
    Mover,
    PipelineStage,
    RegisterFile,
)

C, F, R, W = EdgeKind.CONTAINS, EdgeKind.FORWARD, EdgeKind.READ_DATA, EdgeKind.WRITE_DATA


def architecture(
    name: str, objects: list[ACADLObject], edges: list[tuple[str, str, EdgeKind]]
) -> Architecture:
    return Architecture(
        name=name,
        objects={item.name: item for item in objects},
        edges=tuple(Edge(*edge) for edge in edges),
        operations={},
        parameters={"size": 4},
        clock_hz=500_000_000,
        doc="A <test> machine & more",
    )


def front_end() -> tuple[list[ACADLObject], list[tuple[str, str, EdgeKind]]]:
    objects: list[ACADLObject] = [
        SRAM(name="imem", address_ranges=((0, 0x1000),)),
        InstructionFetchStage(name="ifs", issue_buffer_size=4),
        InstructionMemoryAccessUnit(name="ifs.imau"),
    ]
    return objects, [("imem", "ifs.imau", R), ("ifs", "ifs.imau", C)]


def scalar() -> Architecture:
    """Fetch, decode, execute with two units, a register file and a memory."""
    objects, edges = front_end()
    latency = Binary("+", Name("m"), Const(3))
    objects += [
        PipelineStage(name="dec", capacity=8, order="fifo"),
        ExecuteStage(name="ex", doc="where the work is done"),
        FunctionalUnit(name="ex.alu", to_process=frozenset({"mac", "add"}), latency=latency),
        MemoryAccessUnit(name="ex.lsu", to_process=frozenset({"load", "store"})),
        RegisterFile(name="rf", registers={"a": 0, "b": 0}),
        SRAM(name="dmem", address_ranges=((0x1000, 0x4000),)),
    ]
    edges += [("ifs", "dec", F), ("dec", "ex", F), ("ex", "ex.alu", C), ("ex", "ex.lsu", C)]
    edges += [("rf", "ex.alu", R), ("ex.alu", "rf", W), ("ex.lsu", "rf", W), ("dmem", "ex.lsu", R)]
    return architecture("scalar", objects, edges)


def array(rows: int, columns: int) -> Architecture:
    """Processing elements whose results go to their east neighbour."""
    objects, edges = front_end()
    objects.append(SRAM(name="mem", address_ranges=((0x1000, 0x2000),)))
    for r in range(rows):
        objects += [ExecuteStage(name=f"west[{r}].ex"), MemoryAccessUnit(name=f"west[{r}].ex.lsu")]
        edges += [("ifs", f"west[{r}].ex", F), (f"west[{r}].ex", f"west[{r}].ex.lsu", C)]
        edges += [("mem", f"west[{r}].ex.lsu", R), (f"west[{r}].ex.lsu", f"pe[{r}][0].rf", W)]
        for c in range(columns):
            pe = f"pe[{r}][{c}]"
            objects += [ExecuteStage(name=f"{pe}.ex"), FunctionalUnit(name=f"{pe}.ex.mac")]
            objects.append(RegisterFile(name=f"{pe}.rf", registers={f"{pe}.a": 0}))
            edges += [("ifs", f"{pe}.ex", F), (f"{pe}.ex", f"{pe}.ex.mac", C)]
            edges += [(f"{pe}.rf", f"{pe}.ex.mac", R), (f"{pe}.ex.mac", f"{pe}.rf", W)]
            if c + 1 < columns:
                edges.append((f"{pe}.ex.mac", f"pe[{r}][{c + 1}].rf", W))
    return architecture("array", objects, edges)


def engine() -> Architecture:
    """A controller, two movers, a scratchpad between them and the main memory."""
    objects, edges = front_end()
    objects += [
        ExecuteStage(name="ex", capacity=4, issue_latency=2, release_latency=1),
        Controller(
            name="ex.dma",
            to_process=frozenset({"load", "set"}),
            parts=Name("src.rows"),
            part_interval=2,
            turnaround=3,
            in_progress=4,
            completion="sent",
            completion_latency=5,
            prepares=frozenset({"set"}),
            doc="cuts tiles into rows",
        ),
        Mover(name="request", capacity=8, max_request_bytes=64, retry_interval=3),
        Mover(name="fill", latency=1, transfer_latency=2, tail_latency=3, initiation_interval=4, priority=5),
        SRAM(name="pad", address_ranges=((0x1000, 0x4000),), read_ports=1, write_ports=2),
        DRAM(
            name="memory", address_ranges=((0x8000, 0xC000),), arbitration="round_robin", answers="in_order"
        ),
    ]
    edges += [("ifs", "ex", F), ("ex", "ex.dma", C), ("ex.dma", "request", F), ("request", "fill", F)]
    edges += [("memory", "request", R), ("fill", "pad", W)]
    return architecture("engine", objects, edges)
