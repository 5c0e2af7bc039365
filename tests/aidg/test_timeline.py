"""Time lines: well-formed traces and pictures of what the simulation says, whole files, clear errors."""

from __future__ import annotations

import gzip
import json
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import aidg
import platforms
from acadl.errors import AcadlError
from acadl.model import Architecture, DataStorage, FunctionalUnit, InstructionFetchStage, PipelineStage
from acadl.simulation import InstructionRecord, simulate
from aidg import timeline as timeline_of
from aidg.timeline import MOST_INSTRUCTIONS
from aidg.timeline_place import locate
from mappings.program import LoopProgram, index, loop, memory, sequence, step
from tests.reference.machine_builder import Machine, op
from tests.strategies import Case, cases

NO_CHECKS = list(HealthCheck)
MAC = op("mac", ("d", "reg", "inout"))
LOAD = op("load", ("d", "reg", "out"), ("a", "address", "in"))
OPERATIONS = {o.name: o for o in (MAC, LOAD)}


@st.composite
def timelines(draw: st.DrawFn) -> tuple[Case, aidg.Timeline]:
    """A case and a time line of a part of it."""
    case = draw(cases(100, index_latencies=True))
    total = case.program.instruction_count
    first = draw(st.integers(0, total - 1))
    count = draw(st.integers(1, 40))
    return case, timeline_of(case.arch, case.program, first=first, instructions=count)


# -- the trace -----------------------------------------------------------------------------------------------


def check_trace(trace: dict[str, Any]) -> None:
    """The rules of the Chrome trace event format that Perfetto needs."""
    assert set(trace) == {"displayTimeUnit", "otherData", "traceEvents"}
    events = trace["traceEvents"]
    by_phase: dict[str, list[dict[str, Any]]] = {phase: [] for phase in "MXsfC"}
    for event in events:
        by_phase[event["ph"]].append(event)
        assert isinstance(event["pid"], int)
        assert event["ph"] == "C" or isinstance(event["tid"], int)
        assert event["ph"] == "M" or (isinstance(event["ts"], int) and event["ts"] >= 0)
    times = [event["ts"] for event in events if event["ph"] != "M"]
    assert times == sorted(times)
    check_names(by_phase["M"], by_phase["X"] + by_phase["s"] + by_phase["f"], by_phase["C"])
    check_nesting(by_phase["X"])
    check_flows(by_phase["X"], by_phase["s"], by_phase["f"])
    for counter in by_phase["C"]:
        assert len(counter["args"]) == 1
        assert all(isinstance(level, int) and level >= 0 for level in counter["args"].values())


def check_names(
    metadata: list[dict[str, Any]], slices: list[dict[str, Any]], counters: list[dict[str, Any]]
) -> None:
    named = {(m["pid"], m["tid"]): m["args"]["name"] for m in metadata if m["name"] == "thread_name"}
    placed = {(m["pid"], m["tid"]): m["args"] for m in metadata if m["name"] == "thread_sort_index"}
    processes = {m["pid"] for m in metadata if m["name"] == "process_name"}
    assert named.keys() == placed.keys() == {(e["pid"], e["tid"]) for e in slices}
    assert len(set(named.values())) == len(named)
    assert len({args["sort_index"] for args in placed.values()}) == len(placed)
    assert processes >= {e["pid"] for e in slices + counters}
    assert processes == {m["pid"] for m in metadata if m["name"] == "process_sort_index"}


def check_nesting(slices: list[dict[str, Any]]) -> None:
    """On one track a slice lies in another one or beside it."""
    open_until: dict[tuple[int, int], list[int]] = {}
    for event in slices:
        assert isinstance(event["dur"], int) and event["dur"] > 0
        stack = open_until.setdefault((event["pid"], event["tid"]), [])
        while stack and stack[-1] <= event["ts"]:
            stack.pop()
        assert not stack or event["ts"] + event["dur"] <= stack[-1]
        assert len(stack) < 2
        assert bool(stack) == (event["name"] in ("waiting", "blocked"))
        stack.append(event["ts"] + event["dur"])


def check_flows(
    slices: list[dict[str, Any]], starts: list[dict[str, Any]], ends: list[dict[str, Any]]
) -> None:
    """Each arrow has two ends, each end lies in a slice, and none points back in time."""
    assert [s["id"] for s in starts] == sorted({s["id"] for s in starts}, key=[s["id"] for s in starts].index)
    by_id = {end["id"]: end for end in ends}
    assert by_id.keys() == {s["id"] for s in starts} and len(by_id) == len(ends)
    for start in starts:
        end = by_id[start["id"]]
        assert start["ts"] <= end["ts"] and end["bp"] == "e"
        for event in (start, end):
            assert any(
                (x["pid"], x["tid"]) == (event["pid"], event["tid"])
                and x["ts"] <= event["ts"] < x["ts"] + x["dur"]
                for x in slices
            )


@settings(max_examples=25, deadline=None, suppress_health_check=NO_CHECKS)
@given(timelines())
def test_time_lines_say_what_the_simulation_says(drawn: tuple[Case, aidg.Timeline]) -> None:
    case, line = drawn
    records = simulate(case.arch, case.program, trace=True).trace
    check_slices(line, records)
    check_lanes(case.arch, line)
    check_fills(line, records)
    check_arrows(line)
    check_picture(line)


def check_slices(line: aidg.Timeline, records: tuple[InstructionRecord, ...]) -> None:
    """A well-formed trace with the times of the simulation."""
    trace = json.loads(line.to_json())
    assert trace == json.loads(json.dumps(line.to_dict()))
    check_trace(trace)
    tracks = {
        (e["pid"], e["tid"]): e["args"]["name"].split(" [")[0]
        for e in trace["traceEvents"]
        if e["name"] == "thread_name"
    }
    origin = trace["otherData"]["cycle at 0 µs"]
    shown = {
        (e["args"]["number"], tracks[e["pid"], e["tid"]]): (e["ts"] + origin, e["ts"] + e["dur"] + origin)
        for e in trace["traceEvents"]
        if e["ph"] == "X" and "number" in e["args"] and "transactions" not in e["args"]
    }
    expected = {
        (record.id, visit.name): (visit.enter, visit.leave)
        for record in records
        for visit in record.objects
        if max(visit.enter, line.first_cycle) < visit.leave and visit.enter < line.last_cycle
    }
    assert {key: times for key, times in shown.items() if key[1] != "imau"} == {
        key: times for key, times in expected.items() if key[1] != "imau"
    }
    for event in trace["traceEvents"]:
        if event["ph"] == "X" and "number" in event["args"]:
            assert event["args"]["instruction"] == records[event["args"]["number"]].text


def check_lanes(arch: Architecture, line: aidg.Timeline) -> None:
    """No object has more lanes than places."""
    for lane in line.drawing.lanes:
        item = arch.objects[lane.object]
        assert isinstance(item, DataStorage) == lane.is_storage
        if isinstance(item, InstructionFetchStage):
            assert lane.places <= item.issue_buffer_size
        elif isinstance(item, (PipelineStage, FunctionalUnit)) and lane.object != "imau":
            assert lane.places <= item.capacity


def check_fills(line: aidg.Timeline, records: tuple[InstructionRecord, ...]) -> None:
    """The levels are what one counts in the simulation."""
    for fill in line.drawing.fills:
        levels = dict(fill.levels)
        visits = [v for r in records for v in (*r.objects, *r.transactions) if v.name == fill.object]
        is_storage = fill.counted == "requests in flight"
        stays = [(v.start, v.done) if is_storage else (v.enter, v.leave) for v in visits]
        level = -1
        for cycle in range(line.first_cycle, min(line.last_cycle, line.first_cycle + 60)):
            level = levels.get(cycle, level)
            assert level == sum(enter <= cycle < leave for enter, leave in stays), (fill.object, cycle)


def check_arrows(line: aidg.Timeline) -> None:
    """The arrows join slices, in order of time, up to the end of the window."""
    arrows = line.drawing.arrows
    for arrow in arrows:
        assert line.first_cycle <= arrow.left <= arrow.reached <= line.last_cycle
        assert arrow.source is not arrow.target
    for later, earlier in pairwise(arrows):
        assert earlier.target is later.source
        assert earlier.reached <= later.left
    if arrows:
        assert arrows[0].target.part == "window"


def small() -> tuple[Any, LoopProgram]:
    machine = Machine(width=2, buffer=4, imem_latency=1)
    machine.stage("queue", capacity=3, order="fifo")
    machine.unit("alu", MAC, after="queue", latency=4)
    machine.unit("ld", LOAD, latency=1, storages=["imem"])
    address = (1 << 30) + 4 * index("k")
    body = loop("k", 5, step("load", d="r0", a=memory(address, 4)), step("mac", d="r0"))
    return machine.build(), LoopProgram(
        sequence(step("mac", d="r1"), loop("i", 10**11, body)), OPERATIONS, "small"
    )


def test_slices_carry_what_one_wants_to_know() -> None:
    arch, program = small()
    line = timeline_of(arch, program, iteration={"i": 10**10, "k": 3}, instructions=2)
    assert line.first_instruction == 1 + 10 * 10**10 + 6
    assert (line.method, line.notes, line.title) == ("exact", (), "small on machine")
    slices = {
        (e["args"]["number"] - line.first_instruction, e["name"]): e["args"]
        for e in line.to_dict()["traceEvents"]
        if e["ph"] == "X" and e["cat"] == "window" and "number" in e["args"]
    }
    load, mac = slices[0, "load"], slices[1, "mac"]
    assert load["instruction"] == f"load [0x{(1 << 30) + 12:x} +4] => r0"
    assert load["iteration"] == mac["iteration"] == {"i": 10**10, "k": 3}
    assert mac["service cycles"] == 4
    reasons = [
        e["args"].get("for", e["args"].get("by", ""))
        for e in line.to_dict()["traceEvents"]
        if e["name"] in ("waiting", "blocked") and e["cat"] == "window"
    ]
    assert reasons and all(re.fullmatch(r"[a-z]+: #\d+ at [a-z_]+", reason) for reason in reasons)


# -- files ---------------------------------------------------------------------------------------------------


def test_files_of_every_format(tmp_path: Path) -> None:
    arch, program = small()
    line = timeline_of(arch, program, first=1000, instructions=30)
    for name in ("a.json", "a.json.gz", "b.json.gz", "a.svg"):
        line.write(tmp_path / name)
    plain = (tmp_path / "a.json").read_bytes()
    assert plain.decode() == line.to_json()
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.json.gz").read_bytes()) == plain
    assert (tmp_path / "a.svg").read_text() == line.to_svg()
    assert len(list(tmp_path.iterdir())) == 4


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arch, program = small()
    line = timeline_of(arch, program, instructions=30)
    target = tmp_path / "a.json.gz"
    target.write_text("old")

    def broken(*_: object) -> Any:
        yield '{"half":'
        raise RuntimeError("interrupted")

    monkeypatch.setattr(sys.modules["aidg.timeline"], "trace_text", broken)
    with pytest.raises(RuntimeError):
        line.write(target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json.gz"]


@pytest.mark.parametrize("name", ["a.txt", "a", "a.vcd"])
def test_other_endings_are_refused(name: str, tmp_path: Path) -> None:
    arch, program = small()
    line = timeline_of(arch, program, instructions=3)
    with pytest.raises(AcadlError, match=r"ends in none of \.json, \.json\.gz, \.svg"):
        line.write(tmp_path / name)
    with pytest.raises(AcadlError, match="cannot write"):
        line.write(tmp_path / "none" / "a.json")
    assert list(tmp_path.iterdir()) == []


def check_picture(line: aidg.Timeline) -> None:
    """The picture is XML and shows every slice within its bounds."""
    root = ElementTree.fromstring(line.to_svg())
    titles = [item.text or "" for item in root.iter("{http://www.w3.org/2000/svg}title")]
    slices = [item for lane in line.drawing.lanes for item in lane.slices]
    assert sum(title.startswith("#") for title in titles) == len(slices)
    width = float(root.attrib["width"])
    for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert 0 <= float(rect.attrib["x"]) <= float(rect.attrib["x"]) + float(rect.attrib["width"]) <= width
    assert line.to_svg() in line._repr_html_()


# -- where a window lies -------------------------------------------------------------------------------------


def nest() -> LoopProgram:
    """3 instructions, a loop of 4 · (2 + 5 · 3), and one of 100."""
    inner = loop("k", 5, *(step("mac", d="r0") for _ in range(3)))
    first = loop("i", 4, step("mac", d="r0"), inner, step("mac", d="r0"))
    second = loop("j", 100, step("mac", d="r0"))
    return LoopProgram(sequence(*(step("mac", d="r0") for _ in range(3)), first, second), OPERATIONS)


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [
        (0, (71, 1)),  # the longer one of two loops
        (99, (170, 1)),
        ({"i": 0}, (3, 17)),
        ({"i": 2}, (3 + 34, 17)),
        ({"i": 2, "k": 0}, (3 + 34 + 1, 3)),
        ({"k": 4, "i": 3}, (3 + 51 + 1 + 12, 3)),
        ({"k": 1}, (3 + 1 + 3, 3)),
        ({"j": 7}, (78, 1)),
    ],
)
def test_iterations_are_found(iteration: int | dict[str, int], expected: tuple[int, int]) -> None:
    assert locate(nest(), iteration) == expected


def test_the_found_instruction_has_these_indices() -> None:
    body = loop(
        "i",
        4,
        step("mac", d="r0"),
        loop("k", 5, step("load", d="r0", a=memory(16 * index("i") + index("k"), 1))),
    )
    program = LoopProgram(body, OPERATIONS)
    listed = list(program)
    for i in range(4):
        for k in range(5):
            first, _ = locate(program, {"i": i, "k": k})
            assert listed[first].read_addresses[0].start == 16 * i + k


@pytest.mark.parametrize(
    ("iteration", "message"),
    [
        (100, r"loop 'j' has no iteration 100; it runs from 0 to 99"),
        (-1, r"loop 'j' has no iteration -1"),
        ({"i": 4}, r"loop 'i' has no iteration 4; it runs from 0 to 3"),
        ({"ii": 0}, r"no loop 'ii'; did you mean 'i'\? \(its loops: i, k, j\)"),
        ({"i": 0, "j": 0}, r"no instruction runs in iteration i=0, j=0"),
        ({}, "no loop is named"),
    ],
)
def test_iterations_that_are_not_there(iteration: int | dict[str, int], message: str) -> None:
    with pytest.raises(AcadlError, match=message):
        locate(nest(), iteration)


def test_windows_by_instructions_and_iterations() -> None:
    arch, program = small()

    def of(**options: Any) -> tuple[int, int]:
        line = timeline_of(arch, program, **options)
        return line.first_instruction, line.instructions

    assert of() == (0, 200)
    assert of(iteration=7) == (71, 200)
    assert of(iteration=7, iterations=2) == (71, 20)
    assert of(iteration={"i": 7, "k": 2}, iterations=2) == (75, 4)
    assert of(first=5, instructions=3) == (5, 3)
    assert of(first=5, iterations=3) == (5, 30)
    assert of(iterations=1) == (1, 10)
    total = program.instruction_count
    assert of(first=total - 4) == (total - 4, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": 1, "iteration": 1}, "'first' or 'iteration', not both"),
        ({"instructions": 1, "iterations": 1}, "'instructions' or 'iterations', not both"),
        ({"first": -1}, "no instruction -1; its 1,000,000,000,001 instructions are numbered from 0"),
        ({"first": 10**12 + 1}, "no instruction 1,000,000,000,001"),
        ({"instructions": 0}, "shows nothing; give at least 1"),
        ({"iterations": 10**9}, f"too long to look at; choose at most {MOST_INSTRUCTIONS:,}"),
    ],
)
def test_windows_that_cannot_be(options: dict[str, int], message: str) -> None:
    arch, program = small()
    with pytest.raises(AcadlError, match=re.escape(message)):
        timeline_of(arch, program, **options)  # type: ignore[arg-type]


def test_programs_without_instructions_or_loops() -> None:
    arch, _ = small()
    with pytest.raises(AcadlError, match="no instruction 0; it has no instructions"):
        timeline_of(arch, LoopProgram(sequence(), OPERATIONS))
    with pytest.raises(AcadlError, match="the program has no loop"):
        timeline_of(arch, LoopProgram(step("mac", d="r0"), OPERATIONS), iteration=0)


def test_a_picture_too_large_to_look_at_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys.modules["aidg.timeline"], "MOST_DRAWN", 20)
    oma = platforms.load("oma")
    program = LoopProgram(loop(index("i"), 100, step("add", acc="r1", a="r2")), oma.operations)
    line = aidg.timeline(oma, program, instructions=60)
    with pytest.raises(AcadlError, match=r"would be too large to look at .*write a trace"):
        line.write(tmp_path / "a.svg")
    assert list(tmp_path.iterdir()) == []
    assert "too large" in line._repr_html_()
    line.write(tmp_path / "a.json")
