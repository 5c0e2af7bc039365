"""Hypothesis strategies for loops that are hard to skip, each named after what it tries to break.

A family is one machine and one loop ``i`` that can be run any number of times. Every strategy takes
``settles``: draw only loops that settle within a few hundred iterations, so that skipping can be demanded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from acadl.expressions import Binary, Call, Conditional, Const, Expr, Name
from acadl.model import (
    DRAM,
    SRAM,
    Architecture,
    EdgeKind,
    ExecuteStage,
    InstructionFetchStage,
    InstructionMemoryAccessUnit,
    MemoryInterface,
    PipelineStage,
)
from mappings.program import Affine, LoopProgram, Memory, Node, Register, index, loop, memory, sequence, step
from tests.strategies import Case, cases
from tests.strategies_machines import OPERATIONS, Builder, caches

ITERATION = index("i")
MIDDLE = 1 << 50  # operands move up and down from here, however often the loop runs
END = 1 << 60  # of the data memory; instructions follow
STREAM_STRIDES = [4, 8, 16, 64, -8]


@dataclass(frozen=True)
class Family:
    """A machine and a loop around ``body``, with code before and after, run any number of times."""

    arch: Architecture
    body: tuple[Node, ...]
    before: tuple[Node, ...] = ()
    after: tuple[Node, ...] = ()
    counter: str = "i"

    def case(self, count: int) -> Case:
        """The loop, run ``count`` times."""
        nest = sequence(*self.before, loop(self.counter, count, *self.body), *self.after)
        return Case(self.arch, LoopProgram(nest, OPERATIONS, f"{count} iterations"))


Strategy = Callable[[bool], st.SearchStrategy[Family]]


# -- machines ------------------------------------------------------------------------------------------------


def _start(b: Builder, width: int = 1, buffer: int = 8, interval: Expr | None = None) -> str:
    """A front end that reads ``width`` instructions every ``interval`` cycles."""
    return b.front_end(
        SRAM(name="imem", port_width=width, address_ranges=((END, END + 64),)),
        InstructionMemoryAccessUnit(name="imau", latency=Const(0), initiation_interval=interval),
        InstructionFetchStage(name="fetch", issue_buffer_size=max(width, buffer)),
    )


def _lane(
    b: Builder,
    unit: str,
    latency: Expr,
    *,
    queue: int = 0,
    interval: Expr | None = None,
    storages: tuple[str, ...] = (),
) -> None:
    """A unit of its own execute stage behind the fetch stage, with a queue of that many places between."""
    head = "fetch"
    if queue:
        stage = PipelineStage(name=f"queue_{unit}", capacity=queue, initiation_interval=Const(0))
        b.edge(head, b.add(stage), EdgeKind.FORWARD)
        head = stage.name
    holder = b.add(ExecuteStage(name=f"ex_{unit}"))
    b.edge(head, holder, EdgeKind.FORWARD)
    b.unit(holder, unit, latency, interval, storages)


@st.composite
def _memories(draw: st.DrawFn, settles: bool) -> MemoryInterface:
    """One large memory; with open rows more often than not, of a size that lines need not divide."""
    common = {
        "name": "main",
        "data_width": 64,
        "read_latency": draw(st.integers(1, 6)),
        "write_latency": draw(st.integers(1, 6)),
        "read_write_ports": draw(st.integers(1, 2)),
        "initiation_interval": draw(st.sampled_from([None, 1, 2])),
        "address_ranges": ((0, END),),
    }
    if not draw(st.integers(0, 2)):
        return SRAM(**common)
    return DRAM(
        **common,
        banks=draw(st.sampled_from([1, 2, 4] if settles else [1, 2, 3, 4])),
        row_bytes=draw(st.sampled_from([64, 128] if settles else [24, 48, 64, 96, 256])),
        t_RCD=draw(st.integers(0, 5)),
        t_RP=draw(st.integers(0, 5)),
        t_RAS=draw(st.integers(0, 12)),
    )


# -- caches and open rows ------------------------------------------------------------------------------------


@st.composite
def moving_caches(draw: st.DrawFn, settles: bool, strides: str = "equal", levels: int = 2) -> Family:
    """Units that share caches in front of open rows stream through them at addresses that move.

    Args:
        strides: ``equal``: all operands move alike; ``reuse``: some stand still; ``different``.
        levels: Caches in front of one another, at most.
    """
    b = Builder()
    _start(b, draw(st.integers(1, 3)), draw(st.integers(3, 12)))
    nearest = b.add(draw(_memories(settles)))
    for level in range(draw(st.integers(min(levels, 1), levels))):
        nearest = draw(caches(b, f"cache{level}", nearest, 4 if settles else 64))
    for unit in ("ld", "st", "dma"):
        latency, interval = Const(draw(st.integers(0, 2))), draw(st.sampled_from([None, Const(1)]))
        _lane(b, unit, latency, queue=draw(st.integers(0, 4)), interval=interval, storages=(nearest,))
    common = draw(st.sampled_from(STREAM_STRIDES))
    apart = 1 << 55 if settles else 1 << 30
    body = [draw(_streams(strides, common, number * apart)) for number in range(1, draw(st.integers(2, 5)))]
    return Family(b.build("streams"), tuple(body))


@st.composite
def _streams(draw: st.DrawFn, strides: str, common: int, apart: int) -> Node:
    """A load, store or copy; ``apart`` from the others or near them, perhaps of rows that straddle lines."""

    def operand() -> object:
        stride = {"equal": common, "reuse": draw(st.sampled_from([0, common]))}.get(strides)
        stride = draw(st.sampled_from([0, *STREAM_STRIDES])) if stride is None else stride
        base = MIDDLE + draw(st.sampled_from([0, 4, 36, 200, apart]))
        rows, size = draw(st.sampled_from([(1, 4), (1, 4), (1, 12), (1, 40), (2, 8), (3, 20)]))
        return memory(base + stride * ITERATION, size, rows, 28)

    kind = draw(st.sampled_from(["load", "store", "copy"]))
    if kind == "load":
        return step("load", d=f"r{draw(st.integers(0, 4))}", s=operand(), n=0)
    return step(kind, d=operand(), s=operand() if kind == "copy" else f"r{draw(st.integers(0, 3))}", n=0)


@st.composite
def late_hits(draw: st.DrawFn, settles: bool) -> Family:
    """Streams through a small cache or open rows that come to each other's lines, or to resting ones, late.

    At iteration ``t`` they are at the same line, or just not.
    """
    b = Builder()
    _start(b, draw(st.integers(1, 2)), draw(st.integers(3, 10)))
    nearest = b.add(draw(_memories(True)))
    for level in range(draw(st.integers(0, 2))):
        nearest = draw(caches(b, f"cache{level}", nearest, 4))
    for unit in ("ld", "st", "dma"):
        _lane(b, unit, Const(draw(st.integers(0, 2))), queue=draw(st.integers(0, 4)), storages=(nearest,))
    strides = draw(st.permutations([0, 4, 8, 16, 64, -4, -8]))[:2]
    meeting, graze = draw(st.integers(20, 250)), draw(st.sampled_from([-64, -16, -8, -4, 0, 4, 8, 16, 64]))
    first = MIDDLE + strides[0] * ITERATION
    second = MIDDLE + (strides[0] - strides[1]) * meeting + graze + strides[1] * ITERATION
    body: list[Node] = [draw(_access(first)), draw(_access(second))]
    before: tuple[Node, ...] = ()
    if draw(st.booleans()):  # left there by earlier code
        before = (draw(_access(MIDDLE + strides[0] * meeting + graze)),)
    return Family(b.build("hits"), tuple(draw(st.permutations(body))[: draw(st.integers(1, 2))]), before)


@st.composite
def _access(draw: st.DrawFn, address: Affine | int) -> Node:
    rows, size = draw(st.sampled_from([(1, 4), (1, 4), (1, 20), (2, 8)]))
    there, register = memory(address, size, rows, 28), f"r{draw(st.integers(0, 3))}"
    if draw(st.booleans()):
        return step("load", d=register, s=there, n=0)
    return step("store", d=there, s=register, n=0)


@st.composite
def banks(draw: st.DrawFn, settles: bool) -> Family:
    """Banks with ports of their own; each operand keeps to one of them, streams through it or turns in it."""
    b = Builder()
    _start(b, draw(st.integers(1, 4)), draw(st.integers(4, 12)))
    size = END // 4
    names = [b.add(draw(_bank(number, size))) for number in range(draw(st.integers(2, 4)))]
    for unit in ("ld", "st", "dma"):
        latency, interval = Const(draw(st.integers(0, 2))), draw(st.sampled_from([None, Const(1)]))
        _lane(b, unit, latency, queue=draw(st.integers(0, 6)), interval=interval, storages=tuple(names))
    stride = draw(st.sampled_from(STREAM_STRIDES))
    body: list[Node] = []
    for number in range(draw(st.integers(1, 5))):
        here, there = (draw(_in_bank(size * draw(st.integers(0, len(names) - 1)), stride)) for _ in range(2))
        register = f"r{draw(st.integers(0, 2))}"
        steps = [
            step("load", d=register, s=here, n=0),
            step("store", d=here, s=register, n=0),
            step("copy", d=here, s=there, n=number),
        ]
        body.append(draw(st.sampled_from(steps)))
    return Family(b.build("banks"), tuple(body))


@st.composite
def _bank(draw: st.DrawFn, number: int, size: int) -> SRAM:
    return SRAM(
        name=f"bank{number}",
        data_width=draw(st.sampled_from([32, 64])),
        read_latency=draw(st.integers(0, 4)),
        write_latency=draw(st.integers(0, 4)),
        read_write_ports=draw(st.integers(1, 3)),
        max_concurrent_requests=draw(st.sampled_from([None, 1, 3])),
        initiation_interval=draw(st.sampled_from([None, 1, 2])),
        address_ranges=((number * size, (number + 1) * size),),
    )


@st.composite
def _in_bank(draw: st.DrawFn, start: int, stride: int) -> Memory:
    moving = draw(st.sampled_from([0, stride * ITERATION, 32 * (ITERATION % draw(st.integers(2, 4)))]))
    return memory(start + MIDDLE + draw(st.sampled_from([0, 4, 32, 1 << 40])) + moving, 16)


# -- operands that meet --------------------------------------------------------------------------------------


@st.composite
def late_contact(draw: st.DrawFn, settles: bool, inner: bool = False) -> Family:
    """A range that is written and one that is read close in on one another, meet, and part again.

    At iteration ``t`` they share all bytes, exactly one, or miss one another by none. With ``inner`` both are
    also swept by inner loops.
    """
    b = Builder()
    _start(b, draw(st.integers(1, 2)), draw(st.integers(2, 10)))
    b.add(SRAM(name="main", read_write_ports=2, data_width=512, address_ranges=((0, END),)))
    for unit in ("alu", "ld", "st"):
        latency, queue = Const(draw(st.integers(0, 9))), draw(st.integers(0, 6))
        _lane(b, unit, latency, queue=queue, storages=("main",))
    sizes = draw(st.tuples(st.sampled_from([1, 4, 8, 20]), st.sampled_from([1, 4, 8, 20])))
    strides = draw(st.permutations([0, 1, 4, 8, 32, -4, -8]))[:2]
    meeting = draw(st.integers(1, 120))
    graze = draw(st.sampled_from([-sizes[1], 1 - sizes[1], 0, sizes[0] - 1, sizes[0]]))
    first = MIDDLE + strides[0] * ITERATION
    second = MIDDLE + (strides[0] - strides[1]) * meeting + graze + strides[1] * ITERATION
    if inner:
        first, second = draw(_swept(first)), draw(_swept(second))
    write = step("store", d=memory(first, sizes[0]), s="r0", n=0)
    read = step("load", d="r1", s=memory(second, sizes[1]), n=0)
    work = step("compute", d="r2", a=draw(st.sampled_from(["r1", "r2"])), b="r2", n=draw(st.integers(0, 5)))
    body = draw(st.permutations([write, read, work]))
    return Family(b.build("meeting"), (loop("j", draw(st.integers(2, 5)), *body),) if inner else tuple(body))


@st.composite
def _swept(draw: st.DrawFn, address: Affine) -> Affine:
    return address + draw(st.sampled_from([0, 1, 4, -4, 8])) * index("j")


# -- transients, periods, drift ------------------------------------------------------------------------------


@st.composite
def long_transient(draw: st.DrawFn, settles: bool) -> Family:
    """Units whose rates differ by little behind deep queues: one queue drains while the other is full."""
    b = Builder()
    _start(b, draw(st.integers(1, 4)), draw(st.sampled_from([4, 8, 40] if settles else [4, 8, 90, 300])))
    fast = draw(st.integers(1, 3 if settles else 12))
    depth = st.integers(4, 30) if settles else st.integers(10, 300)
    _lane(b, "alu", Const(fast), queue=draw(depth))
    _lane(b, "mul", Const(fast + draw(st.integers(1, 2))), queue=draw(depth))
    body = [step("compute", d="r0", a="r0", b="r0", n=0), step("compute2", d="r1", a="r1", b="r1", n=0)]
    if draw(st.booleans()):  # the slow one hands its result over
        body.append(step("compute", d="r2", a=draw(st.sampled_from(["r1", "r2"])), b="r2", n=0))
    return Family(b.build("transient"), tuple(draw(st.permutations(body))))


@st.composite
def large_period(draw: st.DrawFn, settles: bool) -> Family:
    """Rotations with coprime moduli in one loop, and fetch groups that do not divide its body."""
    b = Builder()
    _start(b, draw(st.integers(1, 4)), draw(st.integers(4, 12)))
    b.add(SRAM(name="main", data_width=64, address_ranges=((0, END),)))
    for unit in ("alu", "ld", "st"):
        queue = draw(st.integers(0, 3))
        _lane(b, unit, Const(draw(st.integers(1, 7))), queue=queue, storages=("main",))
    moduli = draw(st.permutations([5, 7, 11, 13]))[: 2 if settles else 3]
    if settles and 11 in moduli and 13 in moduli:
        moduli = [3, 13]
    slots = [(draw(st.integers(1, 2)) * ITERATION + draw(st.integers(0, 4))) % modulus for modulus in moduli]
    body: list[Node] = [
        step("load", d=Register("r", slots[0]), s=memory(MIDDLE + 8 * slots[-1], 8), n=0),
        step("compute", d=Register("r", slots[1]), a=Register("r", slots[0]), b="r15", n=0),
        step("store", d=memory(MIDDLE + 8 * slots[-1], draw(st.sampled_from([4, 8, 12]))), s="r2", n=0),
        step("compute", d="r3", a=Register("r", slots[-1]), b="r3", n=0),
    ]
    return Family(b.build("period"), tuple(draw(st.permutations(body))[: draw(st.integers(2, 4))]))


@st.composite
def drift(draw: st.DrawFn, settles: bool) -> Family:
    """Two chains of units fall behind a steady front end, each at its own rate: back-pressure comes late."""
    b = Builder()
    supply = draw(st.integers(2, 3 if settles else 9))  # cycles of an iteration
    _start(b, 2, draw(st.integers(4, 12)), Const(supply))
    depth = st.integers(2, 20) if settles else st.sampled_from([20, 100, 500, 2000])
    _lane(b, "alu", Const(supply + draw(st.sampled_from([-1, 0, 1]))), queue=draw(depth))
    _lane(b, "mul", Const(supply + draw(st.sampled_from([1, 2]))), queue=draw(depth))
    body = (step("compute", d="r0", a="r0", b="r0", n=0), step("compute2", d="r1", a="r1", b="r1", n=0))
    return Family(b.build("drift"), body)


@st.composite
def repetition(draw: st.DrawFn, settles: bool) -> Family:
    """A whole random program on a random machine, again and again at the same addresses.

    All queues are finite and nothing moves, so some state recurs, however far units may run ahead.
    """
    case = draw(cases(24 if settles else 60, index_latencies=True))
    return Family(case.arch, (case.program.body,), counter="again")


# -- latencies that depend on the iteration ------------------------------------------------------------------


@st.composite
def index_latencies(draw: st.DrawFn, settles: bool) -> Family:
    """Latencies that turn, or grow or fall until a bound holds them, and others at the edges of the loop.

    Where the loop need not settle, there may be no bound.
    """
    b = Builder()
    _start(b, draw(st.integers(1, 3)), draw(st.integers(3, 8)))
    for unit in ("alu", "mul"):
        latency = draw(_bounded(settles))
        interval = draw(st.sampled_from([None, Const(1), latency]))
        _lane(b, unit, latency, queue=draw(st.integers(0, 4)), interval=interval)
    names = draw(st.lists(st.sampled_from(["compute", "compute2"]), min_size=1, max_size=3))
    body = [
        step(name, d=f"r{k}", a=f"r{draw(st.integers(0, 2))}", b="r3", n=draw(_moving()))
        for k, name in enumerate(names)
    ]
    edge = step("compute", d="r0", a="r0", b="r0", n=draw(st.integers(0, 20)))
    parts: list[Node] = body
    if draw(st.booleans()):
        parts = [loop("j", draw(st.integers(1, 4)), *body)]
    return Family(b.build("latencies"), tuple(parts), (edge,), (edge,))


def _bounded(settles: bool) -> st.SearchStrategy[Expr]:
    """An expression over the immediate that is never below 0, and bounded where the loop has to settle."""
    n = Name("n")
    bounds = st.integers(1, 40).map(Const)
    bounded: st.SearchStrategy[Expr] = bounds.map(lambda c: Call("min", (Call("max", (n, Const(1))), c)))
    bounded |= bounds.map(lambda c: Conditional(Binary("<", n, c), Const(3), Const(5)))
    unbounded = st.sampled_from([Call("max", (n, Const(0))), Binary("%", n, Const(6))])
    return bounded if settles else bounded | unbounded


@st.composite
def _moving(draw: st.DrawFn) -> Affine | int:
    modulus = draw(st.sampled_from([2, 3, 5, 7]))
    return draw(
        st.sampled_from(
            [
                2,
                ITERATION,
                2 * ITERATION + 1,
                100 - ITERATION,
                2 + 3 * (ITERATION % modulus),
                ITERATION % modulus - ITERATION,
            ]
        )
    )


# What each family tries to break.
FAMILIES: dict[str, Strategy] = {
    "streams through caches": lambda settles: moving_caches(settles, "equal"),
    "streams through open rows": lambda settles: moving_caches(settles, "equal", 0),
    "streams and re-use in caches": lambda settles: moving_caches(settles, "reuse"),
    "different strides in caches": lambda settles: moving_caches(settles, "different"),
    "different strides in open rows": lambda settles: moving_caches(settles, "different", 0),
    "late contact in caches": late_hits,
    "banks": banks,
    "late contact": late_contact,
    "late contact in inner loops": lambda settles: late_contact(settles, inner=True),
    "long transient": long_transient,
    "large period": large_period,
    "drift": drift,
    "repetition": repetition,
    "index latencies": index_latencies,
}
