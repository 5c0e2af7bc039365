"""Hypothesis strategies for small machines: queues, stages, pipelined units, memories, caches, open rows.

A machine has two compute units, a load, a store and a copy unit. Memory lies at addresses 0 to
``MEMORY_BYTES`` (``dmem``) and from there to twice that (``spad``, perhaps behind caches); instructions lie
from ``INSTRUCTIONS`` on.
"""

from __future__ import annotations

from hypothesis import strategies as st

from acadl.expressions import Binary, Call, Conditional, Const, Expr, Name
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

REGISTERS = 16
MEMORY_BYTES = 1 << 20
INSTRUCTIONS = 1 << 24  # first address of the instruction memory

N = Operand("n", "int")
COMPUTE = Operation("compute", (Operand("d", "reg", "inout"), Operand("a", "reg"), Operand("b", "reg"), N))
COMPUTE2 = Operation("compute2", COMPUTE.operands)
LOAD = Operation("load", (Operand("d", "reg", "out"), Operand("s", "address"), N))
STORE = Operation("store", (Operand("d", "address", "out"), Operand("s", "reg"), N))
COPY = Operation("copy", (Operand("d", "address", "out"), Operand("s", "address"), N))
OPERATIONS = {o.name: o for o in (COMPUTE, COMPUTE2, LOAD, STORE, COPY)}
UNITS = {"alu": "compute", "mul": "compute2", "ld": "load", "st": "store", "dma": "copy"}


class Builder:
    """A machine under construction."""

    def __init__(self) -> None:
        self.objects: dict[str, ACADLObject] = {}
        self.edges: list[Edge] = []

    def add(self, item: ACADLObject) -> str:
        """Add an object; its name."""
        self.objects[item.name] = item
        return item.name

    def edge(self, source: str, target: str, kind: EdgeKind) -> None:
        """Add an edge."""
        self.edges.append(Edge(source, target, kind))

    def both(self, storage: str, unit: str) -> None:
        """Let a unit (or a cache) read and write a storage."""
        self.edge(storage, unit, EdgeKind.READ_DATA)
        self.edge(unit, storage, EdgeKind.WRITE_DATA)

    def front_end(
        self, memory: MemoryInterface, reader: InstructionMemoryAccessUnit, fetch: InstructionFetchStage
    ) -> str:
        """Fetch stage, its unit and the instruction memory; the name of the fetch stage."""
        self.edge(self.add(fetch), self.add(reader), EdgeKind.CONTAINS)
        self.edge(self.add(memory), reader.name, EdgeKind.READ_DATA)
        self.add(RegisterFile(name="rf", registers=dict.fromkeys((f"r{n}" for n in range(REGISTERS)), 0)))
        return fetch.name

    def unit(
        self,
        holder: str,
        name: str,
        latency: Expr,
        interval: Expr | None,
        storages: tuple[str, ...],
        capacity: int = 1,
        duration: Expr | None = None,
    ) -> str:
        """A unit for the operation of its name in an execute stage, with its register file and storages."""
        mnemonic = UNITS[name]
        kind = FunctionalUnit if mnemonic.startswith("compute") else MemoryAccessUnit
        self.add(
            kind(
                name=name,
                to_process=frozenset((mnemonic,)),
                latency=latency,
                initiation_interval=interval,
                capacity=capacity,
                **({} if duration is None or kind is FunctionalUnit else {"duration": duration}),
            )
        )
        self.edge(holder, name, EdgeKind.CONTAINS)
        if mnemonic != "copy":
            self.both("rf", name)
        if not mnemonic.startswith("compute"):
            for storage in storages:
                self.both(storage, name)
        return name

    def build(self, name: str = "random") -> Architecture:
        """The machine."""
        return Architecture(name=name, objects=self.objects, edges=tuple(self.edges), operations=OPERATIONS)


@st.composite
def architectures(draw: st.DrawFn, unified: bool) -> Architecture:
    """Fetch, optional queues and stages, all units, two memories, perhaps caches in front of one.

    With ``unified`` the load unit also reads the instruction memory.
    """
    b = Builder()
    head = draw(_front_ends(b))
    if draw(st.booleans()):
        head = draw(_stages(b, "decode", head))
    dmem = b.add(draw(memories("dmem", 0)))
    front = b.add(draw(memories("spad", MEMORY_BYTES)))
    for level in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        front = draw(caches(b, f"cache{level}", front))
    shared = draw(st.booleans())
    holders: list[str] = []
    for name in UNITS:
        together = shared and holders and draw(st.booleans())
        holders.append(holders[0] if together else draw(_holders(b, name, head)))
        draw(_units(b, holders[-1], name, (dmem, front)))
    if unified:
        b.edge("imem", "ld", EdgeKind.READ_DATA)
    return b.build()


def latencies(high: int) -> st.SearchStrategy[Expr]:
    """Latencies that are constant, follow the immediate, or follow it within bounds; for ``n`` from 0 on."""
    n = Name("n")
    constants = st.integers(0, high).map(Const)
    return st.one_of(
        constants,
        constants.map(lambda c: Binary("+", n, c)),
        constants.map(lambda c: Call("max", (n, c))),
        constants.map(lambda c: Call("min", (n, c))),
        constants.map(lambda c: Conditional(Binary("<", n, c), c, Binary("-", n, c))),
    )


@st.composite
def _front_ends(draw: st.DrawFn, b: Builder) -> str:
    width = draw(st.integers(1, 4))
    return b.front_end(
        draw(memories("imem", INSTRUCTIONS, width)),
        InstructionMemoryAccessUnit(
            name="imau",
            latency=Const(draw(st.integers(0, 2))),
            initiation_interval=draw(st.sampled_from([None, Const(1), Const(3), Const(15)])),
        ),
        InstructionFetchStage(
            name="fetch",
            latency=Const(draw(st.integers(0, 2))),
            issue_buffer_size=width + draw(st.one_of(st.integers(0, 6), st.integers(7, 80))),
            in_order_issue=draw(st.booleans()),
        ),
    )


@st.composite
def _stages(draw: st.DrawFn, b: Builder, name: str, before: str) -> str:
    stage = b.add(
        PipelineStage(
            name=name,
            latency=draw(latencies(3)),
            capacity=draw(st.one_of(st.integers(1, 4), st.integers(5, 60))),
            order=draw(st.sampled_from(["any", "fifo"])),
            initiation_interval=draw(st.sampled_from([None, Const(0), Const(1), Const(2)])),
        )
    )
    b.edge(before, stage, EdgeKind.FORWARD)
    return stage


@st.composite
def _holders(draw: st.DrawFn, b: Builder, unit: str, head: str) -> str:
    """An execute stage, perhaps behind a queue."""
    before = draw(_stages(b, f"queue_{unit}", head)) if draw(st.booleans()) else head
    holder = b.add(ExecuteStage(name=f"ex_{unit}", capacity=draw(st.integers(1, 3))))
    b.edge(before, holder, EdgeKind.FORWARD)
    return holder


@st.composite
def _units(draw: st.DrawFn, b: Builder, holder: str, name: str, storages: tuple[str, ...]) -> str:
    interval = draw(st.one_of(st.sampled_from([None, None, Const(1), Const(2)]), latencies(2)))
    duration = draw(st.one_of(st.none(), latencies(12)))
    return b.unit(holder, name, draw(latencies(5)), interval, storages, draw(st.integers(1, 3)), duration)


@st.composite
def memories(draw: st.DrawFn, name: str, start: int, port_width: int = 1) -> MemoryInterface:
    """A memory of fixed latency, or a DRAM with open rows."""
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
        row_bytes=draw(st.sampled_from([16, 24, 64, 256])),
        t_RCD=draw(st.integers(0, 3)),
        t_RP=draw(st.integers(0, 2)),
        t_RAS=draw(st.integers(0, 8)),
    )


@st.composite
def caches(draw: st.DrawFn, b: Builder, name: str, behind: str, largest: int = 40) -> str:
    """A cache of up to ``largest`` sets in front of ``behind``, small ones more often than not."""
    cache = b.add(
        SetAssociativeCache(
            name=name,
            sets=draw(st.one_of(st.integers(1, 4), st.integers(1, largest))),
            ways=draw(st.integers(1, 4)),
            cache_line_size=draw(st.sampled_from([8, 16, 64])),
            hit_latency=draw(st.integers(0, 2)),
            miss_latency=draw(st.integers(0, 6)),
            replacement_policy=draw(st.sampled_from(["lru", "fifo"])),
            write_allocate=draw(st.booleans()),
            write_back=draw(st.booleans()),
            initiation_interval=draw(st.sampled_from([None, 1])),
        )
    )
    b.both(behind, cache)
    return cache
