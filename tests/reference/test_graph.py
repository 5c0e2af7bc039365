"""The explicit AIDG and its critical path."""

from __future__ import annotations

import json

import networkx as nx
import pytest

import acadl
import aidg
from acadl.errors import AcadlError, SimulationError
from acadl.model import SRAM
from acadl.operations import AddressRange, Instruction
from aidg.graph import MAX_INSTRUCTIONS
from mappings.program import LoopProgram, index, loop, memory, sequence, step
from tests.reference.machine_builder import Machine, op

A = op("a")
LOAD = op("load", ("d", "reg", "out"), ("a", "address", "in"))
STORE = op("store", ("a", "address", "out"), ("s", "reg", "in"))
MUL = op("mul", ("d", "reg", "out"), ("s", "reg", "in"))


def machine(load_latency: int = 4, mul_latency: int = 2, buffer: int = 64) -> Machine:
    made = Machine(width=4, buffer=buffer)
    made.add(SRAM(name="mem", read_latency=load_latency, write_latency=3, address_ranges=((0, 4096),)))
    made.unit("ld", LOAD, latency=1, storages=["mem"])
    made.unit("st", STORE, latency=1, storages=["mem"])
    made.unit("alu", MUL, A, latency=mul_latency)
    return made


def load(start: int, d: str = "r1", size: int = 4) -> Instruction:
    return LOAD.instruction(d=d, a=AddressRange(start, size))


def store(start: int, s: str = "r2") -> Instruction:
    return STORE.instruction(a=AddressRange(start, 4), s=s)


def mul(d: str = "r2", s: str = "r1") -> Instruction:
    return MUL.instruction(d=d, s=s)


def kinds(
    graph: nx.DiGraph, source: tuple[int, str], target: tuple[int, str]
) -> set[tuple[str, str, str, int]]:
    if not graph.has_edge(source, target):
        return set()
    edge = graph.edges[source, target]
    assert edge["kind"] == edge["constraints"][0].kind
    return {tuple(constraint) for constraint in edge["constraints"]}  # type: ignore[misc]  # four entries


# -- nodes and edges ---


def test_load_compute_store() -> None:
    graph = aidg.build(machine().build(), [load(0), mul(), store(64)])
    assert graph.graph["cycles"] == 5 + 2 + 4
    assert graph.graph["instructions"] == 3
    assert nx.is_directed_acyclic_graph(graph)
    assert set(graph) == {
        (0, "imau"),
        (0, "imem#fetch"),
        *((number, "fetch") for number in range(3)),
        *((0, name) for name in ("x_ld", "ld", "mem#0")),
        *((1, name) for name in ("x_alu", "alu")),
        *((2, name) for name in ("x_st", "st", "mem#0")),
    }
    node = graph.nodes[0, "mem#0"]
    assert node["object"] == "mem"
    assert node["instruction"] == "load [0x0 +4] => r1"
    assert [node[name] for name in ("enter", "start", "done", "leave", "latency")] == [1, 1, 5, 5, 4]
    assert kinds(graph, (0, "ld"), (1, "alu")) == {("raw", "done", "start", 0)}
    assert graph.edges[(0, "ld"), (1, "alu")]["operands"] == ["r1"]
    assert kinds(graph, (1, "alu"), (2, "st")) == {("raw", "done", "start", 0)}
    assert kinds(graph, (0, "imau"), (1, "fetch")) == {("forward", "done", "enter", 0)}
    assert kinds(graph, (0, "fetch"), (0, "x_ld")) == {("forward", "leave", "enter", 0)}
    assert kinds(graph, (0, "ld"), (0, "mem#0")) == {("forward", "start", "enter", 1)}


def test_structural_edges() -> None:
    graph = aidg.build(machine().build(), [load(0), load(4, "r3"), load(8, "r4", 8)])
    # a place in the execute stage, a turn in the unit, and one issue a cycle
    assert kinds(graph, (0, "x_ld"), (1, "fetch")) == {("structural", "leave", "leave", 0)}
    assert kinds(graph, (0, "ld"), (1, "ld")) == {
        ("structural", "leave", "enter", 0),
        ("structural", "done", "start", 0),
    }
    assert kinds(graph, (0, "fetch"), (1, "fetch")) == {("structural", "leave", "leave", 1)}
    assert kinds(graph, (2, "mem#0"), (2, "mem#1")) == {("storage", "leave", "enter", 0)}


def test_data_edges() -> None:
    program = [load(0), mul("r1", "r2"), mul("r2", "r3"), store(2, "r4"), load(64, "r1"), load(0, "r5")]
    graph = aidg.build(machine().build(), program)
    assert ("waw", "done", "start", 0) in kinds(graph, (0, "ld"), (1, "alu"))
    assert ("war", "done", "start", 0) in kinds(graph, (1, "alu"), (2, "alu"))
    assert kinds(graph, (0, "ld"), (3, "st")) == {("war", "done", "start", 0)}
    assert graph.edges[(0, "ld"), (3, "st")]["operands"] == ["0x0"]
    assert kinds(graph, (1, "alu"), (4, "ld")) == {("waw", "done", "start", 0)}
    assert ("waw", "done", "start", 0) not in kinds(graph, (0, "ld"), (4, "ld"))  # by way of the one between
    assert kinds(graph, (3, "st"), (5, "ld")) == {("raw", "done", "start", 0)}
    assert kinds(graph, (3, "st"), (4, "ld")) == set()


def test_forgotten_accesses_are_covered_by_who_wrote_over_them() -> None:
    wide = op("wide", ("a", "address", "out"))
    made = machine()
    made.unit("w", wide, latency=1, storages=["mem"])
    program = [store(0), wide.instruction(a=AddressRange(0, 64)), load(0), load(60)]
    graph = aidg.build(made.build(), program)
    assert kinds(graph, (0, "st"), (1, "w")) == {("waw", "done", "start", 0)}
    assert kinds(graph, (0, "st"), (2, "ld")) == set()
    assert kinds(graph, (1, "w"), (2, "ld")) == {("raw", "done", "start", 0)}
    assert kinds(graph, (1, "w"), (3, "ld")) == {("raw", "done", "start", 0)}


def test_accesses_are_found_whatever_they_span() -> None:
    made = Machine()
    made.add(SRAM(name="mem", read_latency=0, write_latency=0, address_ranges=((0, 1 << 26),)))
    made.unit("ld", LOAD, latency=1, storages=["mem"])
    made.unit("st", STORE, latency=1, storages=["mem"])
    far = AddressRange(0, 4, rows=3, pitch=1 << 24)  # spans many blocks of the index
    program = [
        STORE.instruction(a=far, s="r3"),
        load(1 << 24),
        load((1 << 24) + 4),
        LOAD.instruction(d="r1", a=far),
    ]
    graph = aidg.build(made.build(), program)
    assert kinds(graph, (0, "st"), (1, "ld")) == {("raw", "done", "start", 0)}
    assert kinds(graph, (0, "st"), (2, "ld")) == set()
    assert ("raw", "done", "start", 0) in kinds(graph, (0, "st"), (3, "ld"))


def test_buffer_edges() -> None:
    graph = aidg.build(machine(buffer=4).build(), [A.instruction()] * 5)
    assert kinds(graph, (3, "fetch"), (4, "imau")) == {("buffer", "leave", "enter", 0)}
    roomy = aidg.build(machine(buffer=8).build(), [A.instruction()] * 5)
    assert kinds(roomy, (3, "fetch"), (4, "imau")) == set()


def test_storage_edges_come_from_the_transaction_waited_for() -> None:
    graph = aidg.build(machine().build(), [load(0), store(64, "r3")])
    assert kinds(graph, (0, "mem#0"), (1, "mem#0")) == {("storage", "leave", "start", 0)}


# -- size ---


def program(count: int, inner: int = 1) -> LoopProgram:
    i, j = index("i"), index("j")
    body = sequence(
        step("load", d="r1", a=memory(4 * (i % 8), 4)),
        loop(j, inner, step("mul", d="r2", s="r1")),
    )
    return LoopProgram(loop(i, count, body), {"load": LOAD, "mul": MUL})


@pytest.mark.parametrize(
    ("iterations", "instructions"), [(1, 2), (2, 6), (3, 12), (4, 15), (9, 15), (None, 15)]
)
def test_every_loop_is_capped(iterations: int | None, instructions: int) -> None:
    graph = aidg.build(machine().build(), program(3, 4), iterations)
    assert graph.graph["instructions"] == instructions


def test_capped_program_is_refused_where_it_makes_no_sense() -> None:
    with pytest.raises(AcadlError, match="'iterations' needs a LoopProgram"):
        aidg.build(machine().build(), [load(0)], iterations=1)
    with pytest.raises(AcadlError, match="iterations=0 runs nothing"):
        aidg.build(machine().build(), program(3), iterations=0)


def test_too_many_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_INSTRUCTIONS == 200_000
    monkeypatch.setattr("aidg.graph.MAX_INSTRUCTIONS", 6)
    assert aidg.build(machine().build(), program(3)).graph["instructions"] == 6
    with pytest.raises(AcadlError, match=r"more than 6 instructions.*iterations=N"):
        aidg.build(machine().build(), program(4))


def test_empty_program() -> None:
    graph = aidg.build(machine().build(), [])
    assert (graph.graph["cycles"], graph.graph["instructions"], len(graph)) == (0, 0, 0)
    assert aidg.evaluate(graph) == {}
    path = aidg.critical_path(graph)
    assert (path.cycles, path.steps, path.describe()) == (0, (), "nothing takes any time")


def test_wrong_sizes_are_refused() -> None:
    made = machine()
    made.add(SRAM(name="mem", read_write_ports=0, address_ranges=((0, 4096),)))
    with pytest.raises(SimulationError, match="read_write_ports of 'mem' is 0"):
        aidg.build(made.build(), [load(0)])


# -- times from the edges alone ---


def test_times_follow_from_the_constraints() -> None:
    graph = aidg.build(machine().build(), [load(0), mul(), store(64)] * 5)
    for _, attributes in graph.nodes(data=True):
        for name in ("enter", "start", "done", "leave"):
            attributes.pop(name)
    run = acadl.simulate(machine().build(), [load(0), mul(), store(64)] * 5, trace=True)
    times = aidg.evaluate(graph)
    for record in run.trace:
        for visit in record.objects:
            assert times[record.id, visit.name] == (visit.enter, visit.start, visit.done, visit.leave)


def test_a_longer_latency_moves_what_depends_on_it() -> None:
    graph = aidg.build(machine().build(), [load(0), mul(), store(64)])
    inner = graph.nodes[1, "alu"]["inner"]
    graph.nodes[1, "alu"]["inner"] = [c._replace(lag=c.lag + 10) if c.lag else c for c in inner]
    assert aidg.evaluate(graph)[2, "st"].done == 11 + 10


# -- critical path ---


def test_path_of_a_chain() -> None:
    path = aidg.critical_path(aidg.build(machine().build(), [load(0), mul(), store(64)]))
    spent = [
        (step.node, step.event, step.kind, step.cycles, step.object) for step in path.steps if step.cycles
    ]
    assert spent == [
        ((0, "mem#0"), "enter", "raw", 1, "ld"),
        ((0, "mem#0"), "done", "raw", 4, "mem"),
        ((1, "alu"), "done", "raw", 2, "alu"),
        ((2, "mem#0"), "enter", "forward", 1, "st"),
        ((2, "mem#0"), "done", "forward", 3, "mem"),
    ]
    assert path.by_kind == {"raw": 7, "forward": 4}
    assert path.by_object == {"mem": 7, "alu": 2, "ld": 1, "st": 1}
    assert path.cycles == 11
    assert path.describe(1) == "of 11 cycles, 36 %: waiting for results of mem"


@pytest.mark.parametrize(
    ("load_latency", "mul_latency", "share", "reason"),
    [
        (40, 2, 0.9, "waiting for a place or a turn at mem"),
        (1, 50, 0.9, "waiting for a place or a turn at alu"),
    ],
)
def test_the_bottleneck_is_named(load_latency: int, mul_latency: int, share: float, reason: str) -> None:
    made = machine(load_latency, mul_latency)
    pairs = [
        instruction for k in range(20) for instruction in (load(4 * k, f"r{k % 4}"), mul("r8", f"r{k % 4}"))
    ]
    path = aidg.critical_path(aidg.build(made.build(), pairs))
    name = reason.split()[-1]
    assert path.by_object[name] > share * path.cycles
    assert reason in path.describe(1)
    assert sum(path.by_kind.values()) == sum(path.by_object.values()) == path.cycles


def test_full_issue_buffer() -> None:
    made = Machine(width=2, buffer=2, imem_latency=30)
    made.unit("u", A, latency=1)
    path = aidg.critical_path(aidg.build(made.build(), [A.instruction()] * 8))
    assert path.by_object["imem"] == 4 * 30
    assert [step.node for step in path.steps if step.kind == "buffer"] == [
        (2, "imau"),
        (4, "imau"),
        (6, "imau"),
    ]


def test_path_as_json() -> None:
    path = aidg.critical_path(aidg.build(machine().build(), [load(0)]))
    loaded = json.loads(path.to_json())
    assert (loaded["cycles"], loaded["by_object"]) == (5, {"mem": 4, "ld": 1})
    assert loaded["steps"][-1] == {
        "instruction": 0,
        "name": "ld",
        "event": "done",
        "kind": "forward",
        "cycles": 0,
        "object": "mem",
    }
    assert path.describe() in path._repr_html_()
