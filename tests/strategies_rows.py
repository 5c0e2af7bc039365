"""Hypothesis strategies for machines with controllers and movers, and for loop programs that run on them.

One or two engines, a chain of movers each, and a memory access unit share two memories; they and a unit that
computes share registers. All attributes that
have a meaning in order of time are drawn.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from acadl.expressions import Const, Expr, Name
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
from acadl.operations import Operand, Operation
from mappings.program import (
    Affine,
    Loop,
    LoopProgram,
    Memory,
    Node,
    OperandValue,
    Register,
    Sequence,
    Step,
    index,
    loop,
    memory,
    sequence,
    step,
)
from tests.strategies import Case

MEMORIES = {"a": 0x1_0000, "b": 0x2_0000}
SIZE = 0x1_0000
IMEM = 0x10_0000

# Name, directions of the address operands; then what uses a register.
OPERATIONS = {
    "copy": ("out", "in"),
    "read": ("in",),
    "write": ("out",),
    "nothing": (),
    "join": ("out", "in", "in"),
    "update": ("inout", "in"),
    "preload": ("out", "in"),
    "prepare": ("inout", "in"),
}
WITH_REGISTER = {"load": (("out", "in"), "out"), "store": (("out",), "in"), "compute": ((), "inout")}
PREPARING = ("preload", "prepare")
UNIT = ("copy", "read", "write", "join", "load", "store")
REGISTERS = 3

small = st.integers(0, 3)
few = st.integers(1, 3)
often_zero = st.sampled_from([0, 0, 0, 1, 2, 5])
often_none = st.sampled_from([None, None, 1, 2, 3])


class _Machine:
    def __init__(self) -> None:
        self.objects: dict[str, ACADLObject] = {}
        self.edges: list[Edge] = []
        self.operations: dict[str, Operation] = {}

    def add(self, item: ACADLObject) -> None:
        self.objects[item.name] = item

    def join(self, source: str, target: str, kind: EdgeKind) -> None:
        self.edges.append(Edge(source, target, kind))

    def declare(self, suffix: str, names: tuple[str, ...]) -> frozenset[str]:
        """Operations of one unit; every unit has its own."""
        for name in names:
            ways, register = WITH_REGISTER.get(name, (OPERATIONS.get(name, ()), None))
            operands = [Operand(f"x{k}", "address", way) for k, way in enumerate(ways)]  # type: ignore[arg-type]
            if register:
                operands.append(Operand("r", "reg", register))  # type: ignore[arg-type]
            full = name + suffix
            self.operations[full] = Operation(full, (*operands, Operand("n", "int")))
        return frozenset(name + suffix for name in names)


@st.composite
def row_cases(draw: st.DrawFn, max_instructions: int = 40) -> Case:
    """A machine and a program for it."""
    machine = _Machine()
    _front_end(draw, machine)
    for name in MEMORIES:
        machine.add(draw(_memories(name)))
    engines = draw(st.integers(1, 2))
    prepares = [draw(st.booleans()) for _ in range(engines)]
    for number in range(engines):
        _engine(draw, machine, str(number), prepares[number])
    _unit(draw, machine)
    _computer(draw, machine)
    arch = Architecture("rows", machine.objects, tuple(machine.edges), machine.operations)
    return Case(arch, draw(_programs(machine.operations, prepares, max_instructions)))


@st.composite
def repeated_cases(draw: st.DrawFn, max_instructions: int = 12) -> Case:
    """The same machines, with programs that are repeated often, at other places or at the same ones."""
    case = draw(row_cases(max_instructions))
    moves = st.sampled_from([0, 0, 0, 4, 16, 64, 24])
    outer, inner = index("z"), index("y")
    keeps_costs = draw(st.integers(0, 5)) == 0

    def moved(node: Node) -> Node:
        if isinstance(node, Sequence):
            return Sequence(tuple(moved(child) for child in node.nodes))
        if isinstance(node, Loop):
            return Loop(node.index, node.count, moved(node.body))
        assert isinstance(node, Step)
        operands: dict[str, OperandValue] = {}
        for name, value in node.operands.items():
            if isinstance(value, Memory):
                turn = draw(st.sampled_from([outer, outer + inner, (outer + inner) % 3, (2 * outer) % 5]))
                value = replace(value, address=value.address + draw(moves) * turn)
            elif isinstance(value, Affine) and not keeps_costs:
                value = value.const
            operands[name] = value
        return Step(node.operation, operands)

    body = moved(case.program.body)
    nest = loop("z", draw(st.sampled_from([3, 9, 30])), loop("y", draw(st.integers(1, 4)), body))
    return Case(case.arch, LoopProgram(nest, case.program.operations))


def _front_end(draw: st.DrawFn, machine: _Machine) -> None:
    width = draw(st.sampled_from([1, 2, 8]))
    machine.add(
        SRAM(
            name="imem",
            port_width=width,
            read_latency=draw(small),
            initiation_interval=draw(often_none),
            address_ranges=((IMEM, IMEM + 4096),),
        )
    )
    machine.add(
        InstructionMemoryAccessUnit(
            name="imau", latency=Const(draw(small)), initiation_interval=draw(_intervals())
        )
    )
    machine.add(
        InstructionFetchStage(
            name="fetch",
            latency=Const(draw(small)),
            issue_buffer_size=width * draw(few),
            in_order_issue=draw(st.booleans()),
            order=draw(st.sampled_from(["any", "any", "fifo"])),
            release_latency=draw(often_zero),
        )
    )
    machine.join("imem", "imau", EdgeKind.READ_DATA)
    machine.join("fetch", "imau", EdgeKind.CONTAINS)
    machine.add(RegisterFile(name="registers", registers={f"r{n}": 0 for n in range(REGISTERS)}))


def _holder(draw: st.DrawFn, machine: _Machine, suffix: str) -> str:
    """An execute stage, perhaps behind other stages."""
    before = "fetch"
    for number in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        stage = f"s{suffix}{number}"
        machine.add(
            PipelineStage(
                name=stage,
                latency=draw(_latencies()),
                initiation_interval=draw(_intervals()),
                capacity=draw(few),
                order=draw(st.sampled_from(["any", "fifo"])),
                release_latency=draw(often_zero),
            )
        )
        machine.join(before, stage, EdgeKind.FORWARD)
        before = stage
    name = f"x{suffix}"
    machine.add(
        ExecuteStage(
            name=name,
            capacity=draw(st.integers(2, 6)),
            issue_latency=draw(often_zero),
            release_latency=draw(often_zero),
        )
    )
    machine.join(before, name, EdgeKind.FORWARD)
    return name


@st.composite
def _memories(draw: st.DrawFn, name: str) -> SRAM | DRAM:
    start = MEMORIES[name]
    return draw(st.sampled_from([SRAM, DRAM]))(
        name=name,
        data_width=32,
        port_width=draw(st.sampled_from([1, 2, 4])),
        read_latency=draw(st.integers(1, 9)),
        write_latency=draw(st.integers(1, 6)),
        read_write_ports=draw(st.sampled_from([1, 1, 2])),
        read_ports=draw(st.sampled_from([None, None, 1, 2])),
        write_ports=draw(st.sampled_from([None, None, 1, 2])),
        max_concurrent_requests=draw(st.sampled_from([None, None, 1, 2, 5])),
        initiation_interval=draw(often_none),
        arbitration=draw(st.sampled_from(["oldest_first", "priority", "round_robin"])),
        answers=draw(st.sampled_from(["any", "in_order"])),
        address_ranges=((start, start + SIZE),),
    )


def _engine(draw: st.DrawFn, machine: _Machine, suffix: str, prepares: bool) -> None:
    names = tuple(name for name in (*OPERATIONS, "load", "store") if prepares or name not in PREPARING)
    operations = machine.declare(suffix, names)
    holder, controller = _holder(draw, machine, suffix), f"c{suffix}"
    machine.add(
        Controller(
            name=controller,
            to_process=operations,
            latency=draw(_latencies()),
            initiation_interval=draw(st.sampled_from([None, None, Const(0), Const(3)])),
            capacity=draw(st.integers(2, 4)),
            parts=draw(st.sampled_from([None, None, Name("n")])),
            part_interval=draw(st.sampled_from([1, 1, 0, 2, 4])),
            turnaround=draw(often_zero),
            in_progress=draw(often_none),
            completion=draw(st.sampled_from(["moved", "moved", "sent"])),
            completion_latency=draw(often_zero),
            release_latency=draw(often_zero),
            prepares=frozenset(name + suffix for name in PREPARING if prepares),
        )
    )
    machine.join(holder, controller, EdgeKind.CONTAINS)
    _registers(machine, controller)
    before, count = controller, draw(st.integers(1, 3))
    ways = [(memory, kind) for memory in MEMORIES for kind in (EdgeKind.READ_DATA, EdgeKind.WRITE_DATA)]
    makers = [draw(st.integers(0, count - 1)) for _ in ways]
    for position in range(count):
        name = f"m{suffix}{position}"
        machine.add(draw(_movers(name)))
        machine.join(before, name, EdgeKind.FORWARD)
        before = name
        for (memory_name, kind), maker in zip(ways, makers, strict=True):
            if position == maker or (position > maker and draw(st.booleans())):
                ends = (memory_name, name) if kind is EdgeKind.READ_DATA else (name, memory_name)
                machine.join(*ends, kind)


@st.composite
def _movers(draw: st.DrawFn, name: str) -> Mover:
    return Mover(
        name=name,
        latency=draw(often_zero),
        transfer_latency=draw(often_zero),
        tail_latency=draw(often_zero),
        initiation_interval=draw(st.sampled_from([1, 1, 0, 2, 3])),
        capacity=draw(st.sampled_from([1, 2, 3, 8])),
        release_latency=draw(often_zero),
        retry_interval=draw(st.sampled_from([None, None, 1, 2, 3])),
        max_request_bytes=draw(st.sampled_from([None, None, 16, 32, 64])),
        priority=draw(small),
    )


def _unit(draw: st.DrawFn, machine: _Machine) -> None:
    operations = machine.declare("u", UNIT)
    holder = _holder(draw, machine, "u")
    machine.add(
        MemoryAccessUnit(
            name="u",
            to_process=operations,
            latency=draw(_latencies()),
            initiation_interval=draw(_intervals()),
            duration=draw(st.one_of(st.just(Const(0)), _latencies(), st.just(Const(9)))),
            capacity=draw(few),
            priority=draw(small),
        )
    )
    machine.join(holder, "u", EdgeKind.CONTAINS)
    _registers(machine, "u")
    for name in MEMORIES:
        machine.join(name, "u", EdgeKind.READ_DATA)
        machine.join("u", name, EdgeKind.WRITE_DATA)


def _computer(draw: st.DrawFn, machine: _Machine) -> None:
    operations = machine.declare("f", ("compute",))
    machine.add(
        FunctionalUnit(
            name="f",
            to_process=operations,
            latency=draw(_latencies()),
            initiation_interval=draw(_intervals()),
            capacity=draw(few),
        )
    )
    machine.join(_holder(draw, machine, "f"), "f", EdgeKind.CONTAINS)
    _registers(machine, "f")


def _registers(machine: _Machine, unit: str) -> None:
    machine.join("registers", unit, EdgeKind.READ_DATA)
    machine.join(unit, "registers", EdgeKind.WRITE_DATA)


def _intervals() -> st.SearchStrategy[Expr | None]:
    return st.sampled_from([None, Const(0), Const(1), Const(2)])


def _latencies() -> st.SearchStrategy[Expr]:
    return st.one_of(small.map(Const), st.just(Name("n")))


# -- programs ---


@st.composite
def _programs(
    draw: st.DrawFn, operations: dict[str, Operation], prepares: list[bool], max_instructions: int
) -> LoopProgram:
    """Sequences and loops; what prepares stands in front of something of its engine."""
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, 3))):
        count = draw(st.integers(1, 4))
        name = f"i{number}"
        body = draw(_bodies(operations, prepares, index(name), max(2, max_instructions // 3 // count)))
        nodes.append(loop(name, count, body))
    return LoopProgram(sequence(*nodes), operations)


@st.composite
def _bodies(
    draw: st.DrawFn, operations: dict[str, Operation], prepares: list[bool], turn: Affine, most: int
) -> Node:
    plain = [name for name in operations if not name.startswith(PREPARING)]
    steps: list[Node] = []
    for _ in range(draw(st.integers(1, most - 1))):
        engine = draw(st.integers(0, len(prepares) - 1))
        if prepares[engine] and draw(st.booleans()):
            steps.append(draw(_steps(operations, draw(st.sampled_from(PREPARING)) + str(engine), turn)))
            steps.append(
                draw(
                    _steps(
                        operations,
                        draw(st.sampled_from(["read", "nothing", "copy", "join", "load"])) + str(engine),
                        turn,
                    )
                )
            )
        else:
            steps.append(draw(_steps(operations, draw(st.sampled_from(plain)), turn)))
    return sequence(*steps)


@st.composite
def _steps(draw: st.DrawFn, operations: dict[str, Operation], name: str, turn: Affine) -> Node:
    operands: dict[str, Memory | Register] = {
        o.name: draw(_ranges(turn, across=not name.endswith("u")))
        for o in operations[name].operands
        if o.kind == "address"
    }
    if any(o.kind == "reg" for o in operations[name].operands):
        operands["r"] = Register("r", (turn + draw(st.integers(0, REGISTERS))) % REGISTERS)
    n: Affine | int = draw(st.integers(0, 5))
    if draw(st.booleans()):
        n = n + turn
    return step(name, **operands, n=n)


@st.composite
def _ranges(draw: st.DrawFn, turn: Affine, across: bool) -> Memory:
    """Near one another in either memory, or ``across`` both; rows have gaps, else they would be one."""
    size = draw(st.sampled_from([1, 4, 8, 16, 24, 70]))
    rows = draw(st.sampled_from([1, 1, 2, 3, 5]))
    pitch = size + draw(st.sampled_from([4, 8, 40])) if rows > 1 else 0
    address = MEMORIES[draw(st.sampled_from(list(MEMORIES)))] + draw(st.sampled_from([0, 4, 16, 40, 300]))
    if across and draw(st.integers(0, 7)) == 0:
        address = MEMORIES["b"] - draw(st.sampled_from([4, 8, 20, 64]))
    return memory(address + draw(st.sampled_from([0, 8, 512])) * turn, size, rows, pitch)
