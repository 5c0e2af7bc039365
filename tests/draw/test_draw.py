"""Drawings: every box has its place, lines go around boxes, the text is well formed and always the same."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import acadl
from acadl import draw
from acadl.draw.boxes import ALL_VARY, Box, build, folded
from acadl.draw.drawable import drawn as boxes_of
from acadl.draw.layout import Rect, heading_width, place
from acadl.draw.route import route
from acadl.model import Architecture
from tests.draw import machines

ROOT = Path(__file__).parents[2]
DESCRIPTIONS = sorted([*ROOT.glob("platforms/library/*.acadl"), *ROOT.glob("examples/*.acadl")])
SVG = "{http://www.w3.org/2000/svg}"


def overlaps(a: Rect, b: Rect) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


def assert_well_placed(root: Box, rects: dict[str, Rect]) -> None:
    """Children lie inside, below the heading, and apart from each other; every text fits its box."""
    for box in root.walk():
        rect = rects[box.key]
        assert heading_width(box) <= rect.width or box is root
        assert all(7 * len(line) <= rect.width for line in box.lines) or box is root
        for number, child in enumerate(box.children):
            inner = rects[child.key]
            assert rect.x < inner.x and inner.right < rect.right, (box.key, child.key)
            assert rect.y + 24 <= inner.y and inner.bottom < rect.bottom, (box.key, child.key)
            for other in box.children[:number]:
                assert not overlaps(inner, rects[other.key]), (child.key, other.key)


def assert_lines_avoid_boxes(arch: Architecture) -> None:
    root, lines = build(arch)
    rects = place(root, lines)
    leaves = {box.key: rects[box.key] for box in root.walk() if not box.children}
    for line, path in route(root, lines, rects).items():
        for (x1, y1), (x2, y2) in pairwise(path):
            assert x1 == x2 or y1 == y2, f"{line} is not orthogonal"
            low = Rect(min(x1, x2), min(y1, y2), abs(x1 - x2), abs(y1 - y2))
            for key, rect in leaves.items():
                if key not in (line.source, line.target):
                    assert not overlaps(Rect(low.x, low.y, low.width + 1, low.height + 1), rect), (line, key)


@pytest.mark.parametrize(
    "arch", [machines.scalar(), machines.array(4, 4), machines.array(1, 1), machines.engine()]
)
def test_boxes_and_lines_keep_apart(arch: Architecture) -> None:
    root, lines = build(arch)
    assert_well_placed(root, place(root, lines))
    assert_lines_avoid_boxes(arch)


@pytest.mark.parametrize("file", DESCRIPTIONS, ids=lambda path: path.stem)
def test_every_shipped_description_is_drawn_well(file: Path) -> None:
    arch = acadl.load(file)
    root, lines = build(arch)
    assert_well_placed(root, place(root, lines))
    assert_lines_avoid_boxes(arch)


def test_arrays_are_folded_with_their_dimensions() -> None:
    root, lines = build(machines.array(16, 8))
    boxes = {box.key: box for box in root.walk()}
    assert boxes["pe[*][*]"].heading == "pe × 16 × 8"
    assert boxes["west[*]"].heading == "west × 16"
    assert boxes["pe[*][*].rf"].copies == ()
    ends = {(line.source, line.target, line.both, line.neighbour) for line in lines}
    assert ("pe[*][*].rf", "pe[*][*].ex.mac", True, False) in ends
    assert ("pe[*][*].ex.mac", "pe[*][*].rf", False, True) in ends


def test_an_array_of_one_is_a_plain_box() -> None:
    root, lines = build(machines.array(1, 1))
    assert {box.heading for box in root.children} == {"imem", "ifs", "mem", "west", "pe"}
    assert not any(line.neighbour for line in lines)


def test_size_of_the_drawing_does_not_grow_with_the_array() -> None:
    small, large = draw.to_svg(machines.array(2, 2)), draw.to_svg(machines.array(12, 12))
    assert abs(len(large) - len(small)) < 50


def test_instruction_path_runs_from_left_to_right() -> None:
    root, lines = build(machines.scalar())
    rects = place(root, lines)
    order = ["imem", "ifs", "dec", "ex", "dmem"]
    assert [rects[a].right < rects[b].x for a, b in pairwise(order)] == [True] * 4


def test_ways_of_parts_are_lines_of_their_own() -> None:
    root, lines = build(machines.engine())
    ways = {(line.source, line.target) for line in lines if line.parts}
    assert ways == {("ex.dma", "request"), ("request", "fill")}
    kinds = {box.key: box.kind for box in root.walk()}
    assert (kinds["ex.dma"], kinds["request"]) == ("controller", "mover")
    rects = place(root, lines)
    order = ["ifs", "ex", "request", "fill", "pad"]
    assert [rects[a].right < rects[b].x for a, b in pairwise(order)] == [True] * 4
    legend = "parts of instructions (FORWARD)"
    assert legend in draw.to_svg(machines.engine())
    assert legend not in draw.to_svg(machines.scalar())


def test_what_is_written_on_controllers_movers_and_their_memories() -> None:
    root, _ = build(machines.engine())
    lines = {box.key: box.lines for box in root.walk()}
    assert lines["ex"] == ["capacity 4", "issue after 2", "release after 1"]
    assert lines["ex.dma"] == [
        *("load set", "latency 0", "parts src.rows", "a part every 2", "turnaround 3", "in progress 4"),
        *("prepares set", "done when sent + 5"),
    ]
    assert lines["request"] == ["capacity 8", "retry after 3", "requests up to 64 B"]
    assert lines["fill"] == ["latency 1", "transfer 2", "tail 3", "interval 4", "priority 5"]
    assert "ports 1 R, 2 W × 4 B" in lines["pad"]
    assert lines["memory"][-2:] == ["round robin", "answers in order"]


def test_the_legend_fits_a_small_drawing() -> None:
    objects: list[acadl.ACADLObject] = [acadl.SRAM(name="m", address_ranges=((0, 64),))]
    tree = ElementTree.fromstring(draw.to_svg(machines.architecture("tiny", objects, [])))
    (legend,) = [text for text in tree.iter(f"{SVG}text") if (text.text or "").startswith("write (")]
    assert int(legend.get("x", "")) + 7 * len(legend.text or "") <= int(tree.get("width", ""))


def test_svg_is_well_formed_and_names_every_object_once() -> None:
    arch = machines.scalar()
    tree = ElementTree.fromstring(draw.to_svg(arch))
    labels = [text.text for text in tree.iter(f"{SVG}text") if text.get("class") == "name"]
    assert sorted(labels) == sorted(
        ["scalar", "imem", "ifs", "imau", "dec", "ex", "alu", "lsu", "rf", "dmem"]
    )
    notes = [text.text for text in tree.iter(f"{SVG}text") if text.get("class") == "note"]
    for note in ("capacity 8", "fifo", "latency m + 3", "add mac", "12 KiB", "2 × 32 bit", "clock 500 MHz"):
        assert note in notes
    titles = [title.text or "" for title in tree.iter(f"{SVG}title")]
    assert any("where the work is done" in title for title in titles)
    assert "A <test> machine & more" in titles


def test_line_count_is_the_number_of_joined_pairs() -> None:
    tree = ElementTree.fromstring(draw.to_svg(machines.scalar()))
    drawn = [path for path in tree.iter(f"{SVG}path") if path.find(f"{SVG}title") is not None]
    # imem→imau, ifs→dec→ex, rf↔alu, lsu→rf, dmem→lsu
    assert len(drawn) == 6


def classes(svg: str, tag: str) -> list[str]:
    return [item.get("class", "") for item in ElementTree.fromstring(svg).iter(f"{SVG}{tag}")]


def test_the_kinds_of_edges_are_told_apart() -> None:
    svg = draw.to_svg(machines.scalar())
    lines = classes(svg, "path")
    # imem→imau, dmem→lsu; lsu→rf; rf↔alu; ifs→dec→ex; and one of each in the legend, without both
    assert [lines.count(f"line {kind}") for kind in ("read", "write", "both", "forward")] == [3, 2, 1, 3]
    heads = classes(svg, "polygon")
    assert [heads.count(f"head {kind}") for kind in ("read", "write", "both", "forward")] == [4, 3, 0, 3]


def test_colours_follow_the_theme() -> None:
    arch = machines.scalar()
    light, dark, auto = (draw.to_svg(arch, theme=theme) for theme in ("light", "dark", "auto"))
    assert "#0d1117" in dark and "#0d1117" not in light and "prefers-color-scheme" in auto
    assert light.split("</style>")[1] == dark.split("</style>")[1] == auto.split("</style>")[1]
    assert draw.to_svg(arch) == auto
    assert "prefers-color-scheme" not in draw.to_html(arch, theme="dark")


def test_arrays_are_unfolded_on_request() -> None:
    arch = machines.array(2, 3)
    names = {box.key for box in build(arch, unfold=True)[0].walk()}
    assert set(arch.objects) <= names and not any("*" in name for name in names)
    assert_lines_avoid_boxes(arch)
    assert len(draw.to_svg(arch, unfold=True)) > len(draw.to_svg(arch))
    assert draw.to_text(arch, ".dot", unfold=True) == draw.to_dot(arch, unfold=True)
    with pytest.raises(acadl.AcadlError, match="more than 400 boxes"):
        draw.to_svg(machines.array(20, 20), unfold=True)


def test_what_is_too_large_to_lay_out_is_left_to_graphviz() -> None:
    objects, edges = machines.front_end()
    objects += [machines.SRAM(name=f"m{number}") for number in range(500)]
    large = machines.architecture("large", objects, edges)
    for write in (draw.to_svg, draw.to_html):
        with pytest.raises(acadl.AcadlError, match="'large' has more than 400 boxes"):
            write(large)
    assert "has more than 400 boxes" in draw.notebook_svg(large)
    assert draw.to_dot(large).count("[label=") == 502


def tangle(count: int) -> Architecture:
    """Stages with a unit each that reads every memory."""
    objects, edges = machines.front_end()
    for number in range(count):
        objects += [
            machines.SRAM(name=f"m{number}"),
            machines.ExecuteStage(name=f"e{number}"),
            machines.MemoryAccessUnit(name=f"e{number}.u"),
        ]
        edges += [("ifs", f"e{number}", machines.F), (f"e{number}", f"e{number}.u", machines.C)]
        edges += [(f"m{other}", f"e{number}.u", machines.R) for other in range(count)]
    return machines.architecture("tangle", objects, edges)


@pytest.mark.parametrize("count", [10, 31])
def test_a_tangle_of_lines_is_drawn_soon(count: int) -> None:
    """A second or two; leading each line around everything would take minutes."""
    start = time.process_time()
    svg = draw.to_svg(tangle(count))
    assert time.process_time() - start < 12
    assert svg.count('class="line read"') == count * count + 1 + 1  # the instruction memory, the legend
    with pytest.raises(acadl.AcadlError, match="more than 1000 lines"):
        draw.to_svg(tangle(32))


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=40), st.text(max_size=3000))
def test_whatever_names_and_documentation_say_pages_are_well_formed(name: str, doc: str) -> None:
    objects, edges = machines.front_end()
    objects.append(machines.SRAM(name=f"m{name}", doc=doc, address_ranges=((0, 64),)))
    arch = replace(machines.architecture(f"a{name}", objects, edges), doc=doc)
    ElementTree.fromstring(draw.to_svg(arch))
    page = draw.to_html(arch).replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', "")
    ElementTree.fromstring(re.sub(r"<script>.*</script>", "", page, flags=re.DOTALL))
    draw.to_svg(arch).encode()


def test_long_names_are_cut() -> None:
    objects, edges = machines.front_end()
    objects.append(machines.SRAM(name="x" * 1_000_000, doc="y" * 1_000_000))
    assert len(draw.to_html(machines.architecture("z" * 1_000_000, objects, edges))) < 50_000


def test_html_is_self_contained_and_escaped() -> None:
    page = draw.to_html(machines.scalar())
    assert "A &lt;test&gt; machine &amp; more" in page
    assert "<test>" not in page
    assert page.count("<script") == 1 and page.endswith("</script>\n</body>\n</html>\n")
    assert " src=" not in page and " href=" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<td>request</td><td>Mover</td><td>0</td><td></td>" in draw.to_html(machines.engine())
    assert "<td>ex.lsu</td><td>MemoryAccessUnit</td><td>1</td><td>load, store</td>" in page


def test_dot_has_clusters_for_containers() -> None:
    text = draw.to_dot(machines.scalar())
    assert 'subgraph "cluster ex" {' in text
    assert '"dec" -> "ex.alu" [style=bold, color=darkorange3, lhead="cluster ex"];' in text
    assert '"rf" -> "ex.alu" [style=solid, color=slategray, dir=both];' in text
    assert text.count("{") == text.count("}")


def test_the_same_architecture_gives_the_same_text_in_every_process() -> None:
    code = (
        "import sys; from acadl import draw; from tests.draw import machines;"
        "sys.stdout.write(draw.to_svg(machines.array(3, 3)))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert texts == {draw.to_svg(machines.array(3, 3))}


def test_notebooks_show_the_drawing_unless_it_is_huge() -> None:
    assert machines.scalar()._repr_svg_() == draw.to_svg(machines.scalar())
    objects, edges = machines.front_end()
    objects += [machines.SRAM(name=f"m{number}") for number in range(146)]
    full = machines.architecture("full", objects, edges)  # 149 boxes and the one around them
    assert draw.notebook_svg(full) == draw.to_svg(full)
    objects.append(machines.SRAM(name="m146"))
    assert "too_full: 151 boxes are too many" in draw.notebook_svg(
        machines.architecture("too_full", objects, edges)
    )


def test_folded_names() -> None:
    assert folded("core[3].pe[10][2].ex") == "core[*].pe[*][*].ex"
    assert folded("plain.name") == "plain.name"


@st.composite
def random_machines(draw_value: st.DrawFn) -> Architecture:
    """A front end, a layered network of stages, units, register files and memories, joined at random."""
    objects, edges = machines.front_end()
    stages = ["ifs"]
    for number in range(draw_value(st.integers(1, 5))):
        name = f"stage{number}"
        objects.append(machines.ExecuteStage(name=name))
        edges.append((draw_value(st.sampled_from(stages)), name, machines.F))
        stages.append(name)
        for unit in range(draw_value(st.integers(0, 3))):
            objects.append(machines.MemoryAccessUnit(name=f"{name}.u{unit}"))
            edges.append((name, f"{name}.u{unit}", machines.C))
    units = [item.name for item in objects if ".u" in item.name]
    for number in range(draw_value(st.integers(0, 4))):
        base = number * 0x100 + 0x1000
        name = f"memory{number}"
        objects.append(machines.SRAM(name=name, address_ranges=((base, base + 0x100),)))
        for unit in draw_value(st.lists(st.sampled_from(units), max_size=3, unique=True)) if units else ():
            edges.append((name, unit, machines.R))
            if draw_value(st.booleans()):
                edges.append((unit, name, machines.W))
    return machines.architecture("random", objects, edges)


@settings(max_examples=40, deadline=None)
@given(random_machines())
def test_random_machines_are_drawn_without_overlap(arch: Architecture) -> None:
    root, lines = build(arch)
    assert_well_placed(root, place(root, lines))
    assert_lines_avoid_boxes(arch)
    ElementTree.fromstring(draw.to_svg(arch))


PLATFORM = """/// Two cores & one memory.
platform two {
    clock 1 GHz
    a: gemmini(dim: 8, operators: "conv")
    b: simd(spare: true, clock: 500 MHz)
    cache c { sets: 64, ways: 4, hit_latency: 3 }
    bus n { width: 16 bytes, lanes: 2 }
    dram m { config: "DDR4_2400", channels: 2 }
    a.memory <=> c <=> n <=> m
    b.memory <=> n
}
"""


def test_platforms_are_drawn(tmp_path: Path) -> None:
    (tmp_path / "two.acadl").write_text(PLATFORM)
    two = acadl.load_platform(tmp_path / "two.acadl")
    svg = draw.to_svg(two)
    texts = [item.text for item in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert {
        "two",
        "a",
        "b",
        "c",
        "n",
        "m",
        "gemmini",
        "16 KiB",
        "lanes 2",
        "2 channels",
        "clock 500 MHz",
    } <= set(texts)
    assert svg.count('class="line both"') == 4 and "FORWARD" not in svg
    assert "<td>c</td><td>cache</td>" in draw.to_html(two) and '"a" -> "c"' in draw.to_dot(two)
    for file in sorted((ROOT / "platforms" / "systems").glob("*.acadl")):
        root, lines = boxes_of(acadl.load_platform(file))
        assert_well_placed(root, place(root, lines))
        ElementTree.fromstring(draw.to_svg(acadl.load_platform(file)))


def test_a_folded_box_says_where_its_instances_differ() -> None:
    text = """
architecture machine {
    clock 1 GHz
    operations { add(a: in reg, b: in reg) }
    template pe(depth: int, room: int) {
        execute ex { capacity: room, unit alu { operations: add, latency: depth } }
        registers rf { data_width: 32 bits, names: r[0 ..< 2] }
        rf => ex.alu
        open issue: -> ex
    }
    sram imem { data_width: 32 bits, addresses: 0 ..< 64 }
    fetch ifs { issue_buffer_size: 1, from: imem }
    for n in 0 ..< 3 {
        pe[n]: pe(depth: 2 + n, room: 4)
        ifs -> pe[n].issue
    }
}
"""
    root, _ = build(acadl.loads(text))
    lines = {box.key: box.lines for box in root.walk()}
    assert lines["pe[*].ex.alu"] == ["add", "latency varies"]
    assert lines["pe[*].ex"] == ["capacity 4"]
    unfolded, _ = build(acadl.loads(text), unfold=True)
    assert {box.key: box.lines for box in unfolded.walk()}["pe[2].ex.alu"] == ["add", "latency 4"]
    other, _ = build(acadl.loads(text.replace("room: 4", "room: 1 + n")))
    assert {box.key: box.lines for box in other.walk()}["pe[*].ex"] == [ALL_VARY]
