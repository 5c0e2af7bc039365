"""Machines for the timing tests, and a run of both evaluators that must agree on every time."""

from __future__ import annotations

from collections.abc import Iterable

from acadl.expressions import Const, Expr
from acadl.model import (
    SRAM,
    ACADLObject,
    Architecture,
    DataStorage,
    Edge,
    EdgeKind,
    ExecuteStage,
    FunctionalUnit,
    InstructionFetchStage,
    InstructionMemoryAccessUnit,
    MemoryAccessUnit,
    PipelineStage,
    RegisterFile,
)
from acadl.operations import Instruction, Operand, Operation
from acadl.simulation import simulate
from aidg.criticality import critical_path
from aidg.graph import Times, build, evaluate

REGISTERS = tuple(f"r{number}" for number in range(12))
IMEM = 1 << 30  # first address of the instruction memory


def cycles(value: int | Expr | None) -> Expr | None:
    return Const(value) if isinstance(value, int) else value


def op(name: str, *operands: tuple[str, str, str], function: Expr | None = None) -> Operation:
    """Operands as (name, kind, direction)."""
    return Operation(name, tuple(Operand(*operand) for operand in operands), function)  # type: ignore[arg-type]


class Machine:
    """Starts as a fetch stage alone; by default it costs no time and has room for everything."""

    def __init__(
        self,
        *,
        width: int = 16,
        buffer: int = 64,
        in_order: bool = False,
        fetch_latency: int = 0,
        access_latency: int = 0,
        access_interval: int | None = None,
        imem: DataStorage | None = None,
        imem_latency: int = 0,
        imem_interval: int | None = None,
    ) -> None:
        self.objects: dict[str, ACADLObject] = {}
        self.edges: list[Edge] = []
        self.operations: dict[str, Operation] = {}
        memory = imem or SRAM(
            name="imem",
            port_width=width,
            read_latency=imem_latency,
            initiation_interval=imem_interval,
            address_ranges=((IMEM, IMEM + 4096),),
        )
        self.add(memory)
        self.add(
            InstructionMemoryAccessUnit(
                name="imau",
                latency=Const(access_latency),
                initiation_interval=cycles(access_interval),
            )
        )
        self.add(
            InstructionFetchStage(
                name="fetch",
                latency=Const(fetch_latency),
                issue_buffer_size=buffer,
                in_order_issue=in_order,
            )
        )
        self.add(RegisterFile(name="rf", registers=dict.fromkeys(REGISTERS, 0)))
        self.connect(memory.name, "imau", EdgeKind.READ_DATA)
        self.connect("fetch", "imau", EdgeKind.CONTAINS)

    def add(self, item: ACADLObject) -> str:
        self.objects[item.name] = item
        return item.name

    def connect(self, source: str, target: str, kind: EdgeKind) -> None:
        self.edges.append(Edge(source, target, kind))

    def stage(
        self,
        name: str,
        after: str = "fetch",
        latency: int | Expr = 0,
        interval: int | Expr | None = None,
        capacity: int = 1,
        order: str = "any",
        execute: bool = False,
    ) -> str:
        kind = ExecuteStage if execute else PipelineStage
        self.connect(after, name, EdgeKind.FORWARD)
        return self.add(
            kind(
                name=name,
                latency=cycles(latency),  # type: ignore[arg-type]  # not None
                initiation_interval=cycles(interval),
                capacity=capacity,
                order=order,  # type: ignore[arg-type]  # any, fifo
            )
        )

    def unit(
        self,
        name: str,
        *operations: Operation,
        holder: str | None = None,
        after: str = "fetch",
        latency: int | Expr = 1,
        interval: int | Expr | None = None,
        capacity: int = 1,
        holder_capacity: int = 1,
        storages: Iterable[str] = (),
        duration: int | Expr | None = None,
    ) -> str:
        """A unit in ``holder`` or in an execute stage of its own, ``x_name``; it accesses the storages."""
        if holder is None:
            holder = self.stage(f"x_{name}", after, capacity=holder_capacity, execute=True)
        storages = tuple(storages)
        self.operations.update((operation.name, operation) for operation in operations)
        self.add(
            (MemoryAccessUnit if storages else FunctionalUnit)(
                name=name,
                to_process=frozenset(operation.name for operation in operations),
                latency=cycles(latency),  # type: ignore[arg-type]  # not None
                initiation_interval=cycles(interval),
                capacity=capacity,
                **({} if duration is None else {"duration": cycles(duration)}),
            )
        )
        self.connect(holder, name, EdgeKind.CONTAINS)
        for source in ("rf", *storages):
            self.connect(source, name, EdgeKind.READ_DATA)
            self.connect(name, source, EdgeKind.WRITE_DATA)
        return name

    def build(self) -> Architecture:
        return Architecture("machine", self.objects, tuple(self.edges), self.operations)


class Result:
    """Times by instruction and object; those of the transactions by ``name#number``."""

    def __init__(self, cycles: int, times: dict[tuple[int, str], Times]) -> None:
        self.cycles = cycles
        self._times = times

    def at(self, number: int, name: str) -> tuple[int, int, int, int]:
        """(enter, start, done, leave)."""
        return tuple(self._times[number, name])  # type: ignore[return-value]  # four of them

    def start(self, number: int, name: str) -> int:
        return self._times[number, name].start

    def done(self, number: int, name: str) -> int:
        return self._times[number, name].done

    def leave(self, number: int, name: str) -> int:
        return self._times[number, name].leave


def evaluators(machine: Machine | Architecture, program: Iterable[Instruction]) -> Result:
    """Simulate, build the graph, recompute its times, walk its critical path: all must agree."""
    arch = machine.build() if isinstance(machine, Machine) else machine
    program = list(program)
    run = simulate(arch, program, trace=True)
    graph = build(arch, program)
    assert graph.graph["cycles"] == run.cycles
    assert graph.graph["instructions"] == run.instructions == len(program)
    times = evaluate(graph)
    for node, attributes in graph.nodes(data=True):
        assert times[node] == tuple(attributes[name] for name in ("enter", "start", "done", "leave"))
    assert [record.id for record in run.trace] == list(range(len(program)))
    visits = {
        (record.id, v.name): (v.enter, v.start, v.done, v.leave)
        for record in run.trace
        for v in record.objects
    }
    assert visits == {node: tuple(entry) for node, entry in times.items() if "#" not in node[1]}
    served = sorted(
        (r.id, t.name, t.enter, t.start, t.done, t.leave) for r in run.trace for t in r.transactions
    )
    assert served == sorted((n[0], n[1].split("#")[0], *entry) for n, entry in times.items() if "#" in n[1])
    path = critical_path(graph)
    assert sum(step.cycles for step in path.steps) == path.cycles == run.cycles
    return Result(run.cycles, times)
