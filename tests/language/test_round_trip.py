"""Text to graph to text to graph is the identity; programs build what text describes."""

from __future__ import annotations

import doctest
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import acadl
from acadl import building
from acadl.elaborate_schema import OBJECTS
from acadl.expressions import Binary, Call, Conditional, Const, Expr, Name, Unary
from acadl.model import SRAM, Architecture, Edge, EdgeKind, RegisterFile
from acadl.writing_expressions import written
from platforms import platform_names
from tests.language.descriptions import FRAME, machine
from tests.language.test_mutations import MORE
from tests.strategies_machines import architectures

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("platforms/library/*.acadl"), *ROOT.glob("examples/**/*.acadl")])
SMALL: dict[str, dict[str, Any]] = {"systolic_grid": {"rows": 3, "cols": 2}}


def same(first: Architecture, second: Architecture) -> None:
    """Both have the same objects and edges in the same order, and everything else is the same."""
    for attribute in ("name", "clock_hz", "doc"):
        assert getattr(first, attribute) == getattr(second, attribute)
    for attribute in ("objects", "operations", "parameters"):
        one, other = getattr(first, attribute), getattr(second, attribute)
        assert list(one.items()) == list(other.items())
    assert set(first.edges) == set(second.edges) and len(first.edges) == len(second.edges)
    for name in first.objects:
        for kind in EdgeKind:
            assert first.successors(name, kind) == second.successors(name, kind)
            assert first.predecessors(name, kind) == second.predecessors(name, kind)


def check(arch: Architecture) -> str:
    text = arch.to_acadl()
    again = acadl.loads(text)
    same(arch, again)
    assert again.to_acadl() == text
    return text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_descriptions(path: Path) -> None:
    check(acadl.load(path, **SMALL.get(path.stem, {})))


def test_another_variant() -> None:
    check(acadl.load(ROOT / "platforms/library/gemmini.acadl", by_rows=True))


def test_platforms_are_among_them() -> None:
    assert {path.stem for path in FILES} >= set(platform_names())


def test_everything_at_once() -> None:
    given = 'n: int = 4, wide: bits = 8 bits, name: string = "a b", on: bool = true'
    check(acadl.loads(FRAME.format(parameters=given, body=MORE + 'require on and name != "" else "x"')))


def test_caches_face_their_memory() -> None:
    arch = machine(
        """
        cache l1 { data_width: 32 bits, sets: 4, ways: 2 }
        cache l2 { data_width: 32 bits, sets: 8, ways: 2, replacement_policy: fifo, write_back: false }
        dram main { data_width: 64 bits, addresses: (0x8000 ..< 0x9000, 0xa000 ..< 0xb000), t_RCD: 3 }
        ex.lsu <=> l1 <=> l2 <=> main
        """
    )
    assert "l1 <=> l2" in check(arch)


def test_equal_instances_share_a_template() -> None:
    template = "template t { stage s { }, open issue: -> s }\n"
    text = check(machine(template + "x: t[3]\ny: t\nifs -> {x[*].issue, y.issue}"))
    assert text.count("template ") == 1


def test_documentation_and_initial_values_are_kept() -> None:
    arch = machine(
        "/// One.\n///\n/// Two.\nregisters more { data_width: 8 bits, names: a[0 ..< 5] b = -3 c01 c02 }"
    )
    assert arch.objects["more"].doc == "One.\n\nTwo."
    assert "names: a[0 ..< 5] b = -3 c01 c02" in check(arch)


def test_parameters_are_fixed() -> None:
    text = machine(given="rows: int = 4").to_acadl()
    assert acadl.loads(text, rows=4).parameters == {"rows": 4}
    with pytest.raises(acadl.DescriptionError, match="written for rows = 4"):
        acadl.loads(text, rows=5)


@pytest.mark.parametrize(
    "item",
    [
        RegisterFile(name="x-y", registers={"a": 0}),
        RegisterFile(name="rf", registers={"1": 0}),
        SRAM(name="a.b", data_width=8, address_ranges=((0, 1),)),
    ],
)
def test_what_only_python_can_build_is_refused(item: Any) -> None:
    frame = machine()
    objects = {**frame.objects, item.name: item}
    if isinstance(item, SRAM):
        objects["a"] = RegisterFile(name="a", registers={"z": 0})
    arch = Architecture(frame.name, objects, frame.edges, frame.operations)
    with pytest.raises(acadl.AcadlError):
        arch.to_acadl()


def test_energies_and_areas_keep_their_units() -> None:
    arch = machine(
        """
        registers more { data_width: 8 bits, names: x, read_energy: 0.3 pJ, write_energy: 12345 aJ }
        execute second {
            area: 0.25 mm2
            unit u { operations: gemm, energy: m * steps * 1.25 pJ + max(2 * 1 nJ, 3 * m * 1 fJ) }
        }
        ifs -> second
        """
    )
    text = check(arch)
    assert "read_energy: 0.3 pJ, write_energy: 12.345 fJ" in text and "area: 0.25 mm2" in text


# --- expressions ----------------------------------------------------------------------------------------


def numbers(chance: Random, depth: int) -> Expr:
    """A random expression of numbers over ``m`` and ``steps``."""
    if depth <= 0:
        return chance.choice((Name("m"), Name("steps"), Name("src.bytes"), Const(chance.randrange(-3, 9))))
    inner = depth - 1
    match chance.randrange(5):
        case 0:
            sign = chance.choice("+-*/%")
            return Binary(sign, numbers(chance, inner), numbers(chance, inner))
        case 1:
            return Call("max", (numbers(chance, inner), numbers(chance, inner), Name("m")))
        case 2:
            return Conditional(truths(chance, inner), numbers(chance, inner), numbers(chance, inner))
        case 3:
            return Unary("-", Binary("+", Name("m"), numbers(chance, inner)))
    return numbers(chance, inner)


def truths(chance: Random, depth: int) -> Expr:
    """A random expression that is true or false, and never constant."""
    inner = depth - 1
    if depth <= 0 or chance.random() < 0.5:
        return Binary(
            chance.choice(("<", "==", ">=")), Binary("+", Name("m"), numbers(chance, inner)), Const(3)
        )
    if chance.random() < 0.3:
        return Unary("not", truths(chance, inner))
    return Binary(chance.choice(("and", "or", "==")), truths(chance, inner), truths(chance, inner))


def read(text: str) -> Expr:
    body = f"execute e {{ unit u {{ operations: gemm, latency: {text} }} }}\nifs -> e"
    found: Expr = machine(body).objects["e.u"].latency  # type: ignore[attr-defined]
    return found


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_expressions_are_read_as_they_were(seed: int) -> None:
    """What has been folded once is read as the same tree."""
    text = written(numbers(Random(seed), 4))
    try:
        folded = read(text)
    except acadl.DescriptionError as error:
        assume({finding.code for finding in error.diagnostics} != {"E0302"})  # no value that is possible
        raise
    assert read(written(folded)) == folded


# --- the builder ----------------------------------------------------------------------------------------


def test_the_example_of_the_module() -> None:
    assert not doctest.testmod(building).failed


def test_a_grid_is_built_by_a_program() -> None:
    size = 3
    builder = acadl.Builder("grid", "depth: int = 2", clock=500_000_000, doc="A grid.")
    builder.operation("mac", "acc: inout reg, a: in reg", function="acc + a", doc="A sum.")
    cell = builder.template("cell", "width: bits = 8 bits")
    rf = cell.registers("rf", data_width="width", names="a acc")
    ex = cell.execute("ex", capacity=1)
    cell.both(rf, ex.unit("mac", operations=["mac"], latency=1))
    cell.open("issue", "-> ex")
    cell.open("east", "ex.mac =>", optional=True)
    imem = builder.sram("imem", data_width="32 bits", addresses=(0, 4096))
    ifs = builder.fetch("ifs", from_=imem, in_order_issue=True)
    queue = builder.stage("queue", capacity="depth", doc="Waits.")
    grid = builder.instance("grid", cell, (size, size), width="16 bits")
    builder.forward(ifs, queue, [grid["*"]["*"]["issue"]])
    for row in range(size):
        for column in range(size - 1):
            builder.data(grid[row][column]["east"], grid[row][column + 1]["rf"])
    arch = builder.build(depth=4)
    assert len(arch.objects) == 4 + 3 * size * size and arch.parameters == {"depth": 4}
    assert arch.doc == "A grid." and arch.objects["queue"].doc == "Waits."
    check(arch)
    same(acadl.loads(builder.text(), depth=4), arch)


def test_every_object_of_the_language_can_be_built() -> None:
    assert all(hasattr(building.Body, keyword) or hasattr(building.Stage, keyword) for keyword in OBJECTS)


def test_mistakes_are_those_of_text() -> None:
    builder = acadl.Builder("b", clock="1 GHz")
    builder.stage("s", latencies=1)
    with pytest.raises(acadl.DescriptionError, match="has no attribute 'latencies'"):
        builder.build()
    with pytest.raises(acadl.AcadlError, match="two ends"):
        builder.forward(building.Part("a"))
    with pytest.raises(acadl.DescriptionError):
        acadl.Builder("b c", clock="1 GHz").text()


def test_ranges_constants_and_requirements() -> None:
    builder = acadl.Builder("b", "n: int = 3", clock="1 GHz")
    builder.const("words", "n * 4")
    builder.require("words > 2", "more words")
    builder.operation("load", "dst: out reg, src: in address")
    memory = builder.sram("m", data_width="32 bits", addresses=[(0, 16), ("32", "32 + words")])
    more = builder.dram("d", data_width="32 bits", addresses=(64, 128))
    rf = builder.registers("rf", data_width="32 bits", names="r")
    l1 = builder.cache("l1", data_width="32 bits", sets=2, ways=1)
    ifs = builder.fetch("ifs")
    builder.data(memory, ifs.instruction_memory_unit("reader"))
    ex = builder.execute("ex")
    builder.data(ex.memory_unit("lsu", operations="load"), rf)
    builder.both(building.Part("ex.lsu"), l1, more)
    builder.forward(ifs, ex)
    check(builder.build())


# --- generated machines ---------------------------------------------------------------------------------


def named_as_in_text(arch: Architecture) -> Architecture:
    """The architecture as text can have it: units are ``stage.unit``, behind their stage; no keywords."""
    plain = {name: f"{name}_" if name in OBJECTS else name for name in arch.objects}
    held = {e.target: plain[e.source] for e in arch.edges if e.kind is EdgeKind.CONTAINS}
    names = {name: f"{held[name]}.{plain[name]}" if name in held else plain[name] for name in arch.objects}
    place = {name: number for number, name in enumerate(plain.values())}
    order = sorted(arch.objects, key=lambda name: (place[held.get(name, plain[name])], name in held))
    objects = [replace(arch.objects[name], name=names[name]) for name in order]
    edges = [Edge(names[e.source], names[e.target], e.kind) for e in arch.edges]
    return replace(arch, objects={item.name: item for item in objects}, edges=tuple(edges))


@settings(max_examples=12)
@given(architectures(unified=True))
def test_generated_machines(arch: Architecture) -> None:
    check(named_as_in_text(arch))
