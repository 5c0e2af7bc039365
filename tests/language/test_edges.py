"""Edges: which objects they join, open edges, fan-out."""

from __future__ import annotations

import itertools

import pytest

from acadl.elaborate_schema import OBJECTS
from acadl.model import EdgeKind
from tests.language.descriptions import body_codes, machine

# one object of each class, by keyword
PARTS = """
stage a { }
stage b { }
execute e { unit u { operations: add }, memory_unit m { operations: load }, controller k { operations: add } }
mover o { }
fetch f { instruction_memory_unit i { } }
registers q { data_width: 8 bits, names: q0 }
sram s { data_width: 8 bits, addresses: 0x2000 ..< 0x3000 }
dram d { data_width: 8 bits, addresses: 0x3000 ..< 0x4000 }
cache c { data_width: 8 bits, sets: 1, ways: 1 }
"""
NAMES = {
    "stage": "a",
    "execute": "e",
    "fetch": "f",
    "unit": "e.u",
    "memory_unit": "e.m",
    "instruction_memory_unit": "f.i",
    "controller": "e.k",
    "mover": "o",
    "registers": "q",
    "sram": "s",
    "dram": "d",
    "cache": "c",
}
UNITS = ("unit", "memory_unit", "instruction_memory_unit", "controller")
FORWARD = {(a, b) for a in ("fetch", "stage", "execute") for b in ("stage", "execute")} | {
    ("controller", "mover")
}
READ = (
    {("registers", unit) for unit in UNITS}
    | {
        (store, unit)
        for store in ("sram", "dram", "cache")
        for unit in ("memory_unit", "instruction_memory_unit")
    }
    | {("sram", "cache"), ("dram", "cache"), ("sram", "mover"), ("dram", "mover")}
)
WRITE = (
    {(unit, "registers") for unit in UNITS}
    | {("memory_unit", store) for store in ("sram", "dram", "cache")}
    | {("cache", "sram"), ("cache", "dram"), ("mover", "sram"), ("mover", "dram")}
)


def test_the_table_covers_all_keywords() -> None:
    assert NAMES.keys() == OBJECTS.keys()


@pytest.mark.parametrize(("source", "target"), list(itertools.product(NAMES, NAMES)))
def test_edges_join_only_what_they_can(source: str, target: str) -> None:
    """All pairs of classes and both arrows against the published table of edges."""
    if source == target:
        return  # covered below
    a, b = NAMES[source], NAMES[target]
    forward = body_codes(f"{PARTS}\n{a} -> {b}")
    assert ("E0503" in forward) == ((source, target) not in FORWARD)
    data = body_codes(f"{PARTS}\n{a} => {b}")
    assert ("E0503" in data) == ((source, target) not in READ | WRITE)
    both = body_codes(f"{PARTS}\n{a} <=> {b}")
    possible = (source, target) in READ | WRITE and (target, source) in READ | WRITE
    assert ("E0503" in both) == (not possible)


@pytest.mark.parametrize("keyword", NAMES)
def test_no_object_is_joined_to_itself(keyword: str) -> None:
    name = NAMES[keyword]
    found = {arrow: body_codes(f"{PARTS}\n{name} {arrow} {name}") for arrow in ("->", "=>", "<=>")}
    assert ("E0503" in found["->"]) == (keyword not in ("stage", "execute", "mover"))
    assert "E0503" in found["=>"]


def test_data_edges_point_the_way_the_data_flow() -> None:
    arch = machine("sram s { data_width: 8 bits, addresses: 0x2000 ..< 0x3000 }\ns => ex.lsu")
    assert arch.successors("s", EdgeKind.READ_DATA) == ("ex.lsu",)
    assert arch.predecessors("s", EdgeKind.WRITE_DATA) == ()


def test_chains_and_fan_out() -> None:
    arch = machine("stage a { }\nstage b { }\nstage c { }\nstage d { }\nifs -> {a, b} -> c, c -> d")
    assert arch.successors("ifs", EdgeKind.FORWARD) == ("ex", "a", "b")
    assert arch.predecessors("c", EdgeKind.FORWARD) == ("a", "b")
    assert arch.successors("c", EdgeKind.FORWARD) == ("d",)


def test_whole_arrays_and_slices() -> None:
    template = "template t { stage s { }, open issue: -> s }\nx: t[2][3]\n"
    arch = machine(template + "ifs -> x[*][*].issue")
    assert len(arch.successors("ifs", EdgeKind.FORWARD)) == 7
    arch = machine(
        template
        + "ifs -> x[0][0 ..< 2].issue\nfor i in 0 ..< 3 { ifs -> x[1][i].issue }\nifs -> x[0][2].issue"
    )
    assert arch.successors("ifs", EdgeKind.FORWARD)[1:3] == ("x[0][0].s", "x[0][1].s")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ifs -> x[2].s", "E0206"),
        ("ifs -> x[0 - 1].s", "E0206"),
        ("ifs -> x[1 ..< 3].s", "E0206"),
        ("ifs -> x.s", "E0501"),
        ("ifs -> x", "E0501"),
        ("ifs -> x[0]", "E0501"),
        ("ifs -> x[0][0].s", "E0501"),
        ("ifs -> x[true].s", "E0301"),
        ("ifs -> x[0].t", "E0201"),
        ("ifs -> x[0].s.t", "E0201"),
        ("ifs -> x[0].s[0]", "E0501"),
        ("ifs -> x[0].in.s", "E0201"),
        ("ifs -> x(1)", "E0501"),
        ("ifs -> nowhere", "E0201"),
        ("ifs -> ex", "E0504"),
    ],
)
def test_wrong_ends(text: str, expected: str) -> None:
    template = "template t { stage s { }, open optional in: -> s }\nx: t[2]\n"
    assert body_codes(template + text) == [expected]


# --- open edges ---

CELL = """
template cell {
    registers rf { data_width: 8 bits, names: v }
    execute ex { unit u { operations: add }, memory_unit m { operations: load } }
    rf <=> {ex.u, ex.m}
    open issue: -> ex
    open optional out: ex.u =>
    open optional in: => rf
    open optional memory: ex.m <=>
}
x: cell[2]
ifs -> x[*].issue
sram s { data_width: 8 bits, addresses: 0x2000 ..< 0x3000 }
"""


def test_open_edges_join_an_object_or_each_other() -> None:
    joined = machine(CELL + "x[0].out => x[1].in\nx[1].out => rf\ns <=> x[0].memory")
    assert ("x[1].rf") in joined.successors("x[0].ex.u", EdgeKind.WRITE_DATA)
    assert "rf" in joined.successors("x[1].ex.u", EdgeKind.WRITE_DATA)
    assert joined.successors("s", EdgeKind.READ_DATA) == ("x[0].ex.m",)
    assert joined.predecessors("s", EdgeKind.WRITE_DATA) == ("x[0].ex.m",)


def test_optional_open_edges_vanish_when_they_are_not_joined() -> None:
    arch = machine(CELL)
    assert arch.successors("x[0].ex.u", EdgeKind.WRITE_DATA) == ("x[0].rf",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x[0].out -> x[1].ex", "E0502"),
        ("x[0].out <=> rf", "E0502"),
        ("rf => x[0].out", "E0502"),
        ("x[0].in => rf", "E0502"),
        ("x[0].out => rf\nx[0].out => x[1].rf", "E0506"),
        ("x[0].out => s", "E0503"),
        ("x[0].out => x[1].out", "E0502"),
    ],
)
def test_wrong_joins(text: str, expected: str) -> None:
    assert body_codes(CELL + text) == [expected]


def test_an_open_edge_must_be_joined_unless_it_is_optional() -> None:
    text = "template t { stage s { }, open issue: -> s }\nx: t"
    assert body_codes(text) == ["E0505"]
    assert body_codes(text.replace("open", "open optional")) == ["W0903"]


def test_several_targets_fan_out_in_one_join() -> None:
    arch = machine(CELL + "x[0].out => {rf, x[1].in}")
    assert arch.successors("x[0].ex.u", EdgeKind.WRITE_DATA) == ("x[0].rf", "rf", "x[1].rf")
    in_a_loop = machine(CELL + "for i in 0 ..< 1 { x[i].memory <=> s }")
    assert in_a_loop.successors("s", EdgeKind.READ_DATA) == ("x[0].ex.m",)


def test_inner_open_edges_are_passed_on() -> None:
    arch = machine(
        "template inner { stage s { }, open issue: -> s }\n"
        "template outer { part: inner, open issue: -> part.issue }\nx: outer\nifs -> x.issue"
    )
    assert "x.part.s" in arch.successors("ifs", EdgeKind.FORWARD)


def test_open_edges_of_the_architecture_itself_are_never_joined() -> None:
    assert body_codes("stage s { }\nifs -> s\nopen east: s ->") == ["E0505"]
