"""Hypothesis strategies for small machines and small loop programs that run on them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from acadl.expressions import Binary, Const, Expr, Name
from acadl.model import (
    DRAM,
    SRAM,
    ACADLObject,
    Architecture,
    Edge,
    EdgeKind,
    ExecuteStage,
    FunctionalUnit,
    InstructionFetchStage,
    InstructionMemoryAccessUnit,
    MemoryAccessUnit,
    MemoryInterface,
    PipelineStage,
    RegisterFile,
    SetAssociativeCache,
)
from acadl.operations import Operand, Operation
from mappings.program import Affine, LoopProgram, Memory, Node, Register, index, loop, memory, sequence, step

REGISTERS = 6
MEMORY_BYTES = 4096
INSTRUCTIONS = 1 << 20  # first address of the instruction memory

COMPUTE = Operation(
    "compute",
    (Operand("d", "reg", "inout"), Operand("a", "reg"), Operand("b", "reg"), Operand("n", "int")),
)
COMPUTE2 = Operation("compute2", COMPUTE.operands)
LOAD = Operation("load", (Operand("d", "reg", "out"), Operand("s", "address")))
STORE = Operation("store", (Operand("d", "address", "out"), Operand("s", "reg")))
COPY = Operation("copy", (Operand("d", "address", "out"), Operand("s", "address")))
OPERATIONS = {o.name: o for o in (COMPUTE, COMPUTE2, LOAD, STORE, COPY)}


@dataclass(frozen=True)
class Case:
    """A machine and a program for it."""

    arch: Architecture
    program: LoopProgram


class _Builder:
    def __init__(self) -> None:
        self.objects: dict[str, ACADLObject] = {}
        self.edges: list[Edge] = []

    def add(self, item: ACADLObject) -> str:
        self.objects[item.name] = item
        return item.name

    def edge(self, source: str, target: str, kind: EdgeKind) -> None:
        self.edges.append(Edge(source, target, kind))


@st.composite
def architectures(draw: st.DrawFn, unified: bool) -> Architecture:
    """Fetch, optional queues and stages, two compute units, load, store and copy units, two memories.

    With ``unified`` the load unit also reads the instruction memory.
    """
    b = _Builder()
    width = draw(st.integers(1, 4))
    imem = b.add(draw(_memories("imem", INSTRUCTIONS, width)))
    imau = b.add(
        InstructionMemoryAccessUnit(
            name="imau",
            latency=Const(draw(st.integers(0, 2))),
            initiation_interval=draw(st.sampled_from([None, Const(1), Const(3), Const(15)])),
        )
    )
    fetch = b.add(
        InstructionFetchStage(
            name="fetch",
            latency=Const(draw(st.integers(0, 2))),
            issue_buffer_size=width + draw(st.integers(0, 6)),
            in_order_issue=draw(st.booleans()),
        )
    )
    b.edge(fetch, imau, EdgeKind.CONTAINS)
    b.edge(imem, imau, EdgeKind.READ_DATA)
    head = fetch
    if draw(st.booleans()):
        head = draw(_stage(b, "decode", fetch))
    registers = b.add(
        RegisterFile(name="rf", registers=dict.fromkeys((f"r{n}" for n in range(REGISTERS)), 0))
    )
    dmem = b.add(draw(_memories("dmem", 0)))
    spad = b.add(draw(_memories("spad", MEMORY_BYTES)))
    front = draw(_cache(b, spad)) if draw(st.booleans()) else spad
    shared = draw(st.booleans())
    holders: list[str] = []
    for name, mnemonic in (
        ("alu", "compute"),
        ("mul", "compute2"),
        ("ld", "load"),
        ("st", "store"),
        ("dma", "copy"),
    ):
        holder = holders[0] if shared and holders and draw(st.booleans()) else ""
        if not holder:
            before = draw(_stage(b, f"queue_{name}", head)) if draw(st.booleans()) else head
            holder = b.add(
                ExecuteStage(name=f"ex_{name}", capacity=draw(st.integers(1, 3)), latency=Const(1))
            )
            b.edge(before, holder, EdgeKind.FORWARD)
            holders.append(holder)
        unit = draw(_unit(b, name, mnemonic))
        b.edge(holder, unit, EdgeKind.CONTAINS)
        if mnemonic != "copy":
            b.edge(registers, unit, EdgeKind.READ_DATA)
            b.edge(unit, registers, EdgeKind.WRITE_DATA)
        if mnemonic in ("load", "store", "copy"):
            for storage in (dmem, front):
                b.edge(storage, unit, EdgeKind.READ_DATA)
                b.edge(unit, storage, EdgeKind.WRITE_DATA)
    if unified:
        b.edge(imem, "ld", EdgeKind.READ_DATA)
    return Architecture(name="random", objects=b.objects, edges=tuple(b.edges), operations=OPERATIONS)


@st.composite
def _stage(draw: st.DrawFn, b: _Builder, name: str, before: str) -> str:
    stage = b.add(
        PipelineStage(
            name=name,
            latency=Const(draw(st.integers(0, 3))),
            capacity=draw(st.integers(1, 4)),
            order=draw(st.sampled_from(["any", "fifo"])),
            initiation_interval=draw(st.sampled_from([None, Const(0), Const(1), Const(2)])),
        )
    )
    b.edge(before, stage, EdgeKind.FORWARD)
    return stage


@st.composite
def _unit(draw: st.DrawFn, b: _Builder, name: str, mnemonic: str) -> str:
    latency: Expr = Const(draw(st.integers(0, 5)))
    if mnemonic.startswith("compute"):
        latency = Binary("+", latency, Name("n"))
    interval = draw(st.sampled_from([None, Const(1), Const(2)]))
    kind = FunctionalUnit if mnemonic.startswith("compute") else MemoryAccessUnit
    return b.add(
        kind(
            name=name,
            to_process=frozenset((mnemonic,)),
            latency=latency,
            initiation_interval=interval,
            capacity=draw(st.integers(1, 3)),
        )
    )


@st.composite
def _memories(draw: st.DrawFn, name: str, start: int, port_width: int = 1) -> MemoryInterface:
    common = {
        "name": name,
        "data_width": draw(st.sampled_from([8, 32, 64])),
        "port_width": port_width,
        "read_latency": draw(st.integers(0, 4)),
        "write_latency": draw(st.integers(0, 3)),
        "read_write_ports": draw(st.integers(1, 2)),
        "max_concurrent_requests": draw(st.sampled_from([None, 1, 2, 3])),
        "initiation_interval": draw(st.sampled_from([None, 1, 2, 10])),
        "address_ranges": ((start, start + MEMORY_BYTES),),
    }
    if draw(st.integers(0, 3)):
        return SRAM(**common)
    return DRAM(
        **common,
        banks=draw(st.integers(1, 3)),
        row_bytes=draw(st.sampled_from([16, 64])),
        t_RCD=draw(st.integers(0, 3)),
        t_RP=draw(st.integers(0, 2)),
        t_RAS=draw(st.integers(0, 8)),
    )


@st.composite
def _cache(draw: st.DrawFn, b: _Builder, behind: str) -> str:
    cache = b.add(
        SetAssociativeCache(
            name="cache",
            sets=draw(st.integers(1, 4)),
            ways=draw(st.integers(1, 2)),
            cache_line_size=draw(st.sampled_from([8, 16])),
            hit_latency=draw(st.integers(0, 2)),
            miss_latency=draw(st.integers(0, 6)),
            replacement_policy=draw(st.sampled_from(["lru", "fifo"])),
            write_allocate=draw(st.booleans()),
            write_back=draw(st.booleans()),
            initiation_interval=draw(st.sampled_from([None, 1])),
        )
    )
    b.edge(behind, cache, EdgeKind.READ_DATA)
    b.edge(cache, behind, EdgeKind.WRITE_DATA)
    return cache


@st.composite
def programs(draw: st.DrawFn, max_instructions: int, unified: bool) -> LoopProgram:
    """A nest of up to three loops with code before, between and after, rotating buffers and ragged edges."""
    names = ["i", "j", "k"]
    depth = draw(st.integers(1, 3))
    limit = {1: max_instructions // 4, 2: 16, 3: 7}[depth]
    counts = {name: draw(st.integers(1, limit)) for name in names[:depth]}
    body: Node = draw(_body(tuple(names[:depth]), counts, unified, 1, 4))
    for level in range(depth - 1, -1, -1):
        parts: list[Node] = [loop(names[level], counts[names[level]], body)]
        scope = tuple(names[:level])
        if draw(st.booleans()):
            parts.insert(0, draw(_body(scope, counts, unified, 0, 2)))
        if draw(st.booleans()):
            parts.append(draw(_body(scope, counts, unified, 0, 2)))
        body = sequence(*parts)
    return LoopProgram(body, OPERATIONS)


@st.composite
def _body(
    draw: st.DrawFn, scope: tuple[str, ...], counts: dict[str, int], unified: bool, low: int, high: int
) -> Node:
    return sequence(*draw(st.lists(_steps(scope, counts, unified), min_size=low, max_size=high)))


@st.composite
def _steps(draw: st.DrawFn, scope: tuple[str, ...], counts: dict[str, int], unified: bool) -> Node:
    mnemonic = draw(st.sampled_from(["compute", "compute2", "load", "store", "copy"]))
    if mnemonic.startswith("compute"):
        return step(
            mnemonic,
            d=draw(_registers(scope)),
            a=draw(_registers(scope)),
            b=draw(_registers(scope)),
            n=draw(st.integers(0, 4)),
        )
    if mnemonic == "load":
        return step("load", d=draw(_registers(scope)), s=draw(_ranges(scope, counts, unified)))
    if mnemonic == "store":
        return step("store", d=draw(_ranges(scope, counts)), s=draw(_registers(scope)))
    return step("copy", d=draw(_ranges(scope, counts)), s=draw(_ranges(scope, counts)))


@st.composite
def _registers(draw: st.DrawFn, scope: tuple[str, ...]) -> Register:
    if not scope or draw(st.booleans()):
        return Register(f"r{draw(st.integers(0, REGISTERS - 1))}")
    turning = index(draw(st.sampled_from(scope))) * draw(st.integers(1, 2)) + draw(st.integers(0, 3))
    return Register("r", turning % draw(st.integers(2, REGISTERS)))


@st.composite
def _ranges(
    draw: st.DrawFn, scope: tuple[str, ...], counts: dict[str, int], instructions: bool = False
) -> Memory:
    size = draw(st.sampled_from([1, 4, 4, 8, 20]))
    rows = draw(st.sampled_from([1, 1, 1, 2, 3]))
    pitch = draw(st.sampled_from([size, 24, 32])) if rows > 1 else 0
    pitch = max(pitch, size)
    address: Affine | int = draw(st.sampled_from([0, 4, 64, 200, 512]))
    for name in scope:
        kind = draw(st.sampled_from(["none", "stride", "stride", "rotate"]))
        if kind == "stride":
            stride = draw(st.sampled_from([1, 4, 4, 8, 32]))
            address = address + index(name) * min(stride, 1200 // counts[name])
        elif kind == "rotate":
            slot = (index(name) * draw(st.integers(1, 3)) + draw(st.integers(0, 2))) % draw(st.integers(2, 4))
            address = address + slot * draw(st.sampled_from([4, 8, 32]))
    if instructions and draw(st.booleans()):
        address = address + INSTRUCTIONS
    elif draw(st.booleans()):
        address = address + MEMORY_BYTES  # the scratchpad
    return memory(address, size, rows, pitch)


@st.composite
def cases(draw: st.DrawFn, max_instructions: int = 400) -> Case:
    """Machines with programs."""
    unified = draw(st.booleans())
    return Case(draw(architectures(unified)), draw(programs(max_instructions, unified)))
