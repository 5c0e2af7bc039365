"""Windows of a program equal the event-driven simulation, wherever they lie; every wait is explained."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import aidg
from acadl.simulation import InstructionRecord, simulate
from aidg import timeline_window
from aidg.graph import build, constraints_on
from aidg.graph_history import Event as GraphEvent
from aidg.timeline_causes import Causes, Event, transactions
from aidg.timeline_kernel import Passage
from aidg.timeline_window import Window, watch
from mappings.program import LoopProgram, index, loop, memory, step
from tests.reference.machine_builder import Machine, op
from tests.strategies import Case, cases
from tests.strategies_families import FAMILIES, Family

NO_CHECKS = list(HealthCheck)
BUDGET = 10**6
MAC = op("mac", ("d", "reg", "inout"))
SLOW = op("slow", ("d", "reg", "out"), ("n", "int", "in"))
LOAD = op("load", ("d", "reg", "out"), ("a", "address", "in"))
OPERATIONS = {o.name: o for o in (MAC, SLOW, LOAD)}

Times = tuple[str, int, int, int, int]


def served(record: InstructionRecord) -> list[Times]:
    return sorted((t.name, t.enter, t.start, t.done, t.leave) for t in record.transactions)


def check_window(case: Case, first: int, count: int) -> Window:
    """The window has the times of the simulation, and all that is under way meanwhile."""
    window = watch(case.arch, case.program, first, count, BUDGET)
    trace = simulate(case.arch, case.program, trace=True).trace
    assert window.is_exact and window.notes == ()
    seen = {passage.number: passage for passage in window.passages}
    assert seen.keys() >= set(range(first, first + count))
    for number, passage in seen.items():
        visits = [(v.name, v.enter, v.start, v.done, v.leave) for v in trace[number].objects]
        # before the window, the previous read and the start of the group may not have been seen
        sure = slice(0 if number >= first else 1 + passage.has_read, None)
        assert [tuple(visit) for visit in passage.visits][sure] == visits[-len(passage.visits) :][sure]
        if number >= first:
            assert len(passage.visits) == len(visits)
            assert sorted(tuple(t) for a in passage.accesses for t in a.transactions) == served(trace[number])
    for record in trace:
        if record.id not in seen:
            assert all(v.leave <= window.begin or v.enter >= window.end for v in record.objects)
    assert window.begin == trace[first].objects[0].enter
    assert window.end == max(record.objects[-1].done for record in trace[first : first + count])
    return window


@settings(max_examples=30, deadline=None, suppress_health_check=NO_CHECKS)
@given(cases(120, index_latencies=True), st.data())
def test_a_window_equals_the_simulation(case: Case, data: st.DataObject) -> None:
    total = case.program.instruction_count
    first = data.draw(st.integers(0, total - 1))
    check_window(case, first, data.draw(st.integers(1, min(30, total - first))))


@settings(max_examples=20, deadline=None, suppress_health_check=NO_CHECKS)
@given(cases(160, index_latencies=True), st.data())
def test_it_does_not_matter_how_far_ahead_watching_starts(case: Case, data: st.DataObject) -> None:
    """With hardly anything seen ahead, watching starts earlier and earlier until nothing older is alive."""
    total = case.program.instruction_count
    first = data.draw(st.integers(0, total - 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline_window, "_places", lambda program: 0)
        check_window(case, first, min(5, total - first))


@pytest.mark.parametrize("family", FAMILIES)
def test_windows_of_hard_loops_equal_the_simulation(family: str) -> None:
    @settings(max_examples=2, deadline=None, suppress_health_check=NO_CHECKS)
    @given(FAMILIES[family](True), st.integers(30, 40), st.integers(0, 99))
    def equal(drawn: Family, count: int, percent: int) -> None:
        case = drawn.case(count)
        total = case.program.instruction_count
        first = percent * total // 100
        check_window(case, first, min(12, total - first))

    equal()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=600, deadline=None, suppress_health_check=NO_CHECKS)
@given(cases(1000, index_latencies=True), st.data())
def test_a_window_equals_the_simulation_often(case: Case, data: st.DataObject) -> None:
    total = case.program.instruction_count
    first = data.draw(st.integers(0, total - 1))
    check_window(case, first, data.draw(st.integers(1, min(60, total - first))))


def busy_machine(count: int) -> Case:
    """Loads in front of a unit, with queues; settles after some iterations."""
    machine = Machine(width=2, buffer=6, imem_latency=1)
    machine.stage("queue", capacity=4)
    machine.unit("alu", MAC, after="queue", latency=5)
    machine.unit("ld", LOAD, latency=1, storages=["imem"])
    address = (1 << 30) + 4 * (index("i") % 3)
    body = loop(
        "i", count, step("load", d="r0", a=memory(address, 4)), step("mac", d="r0"), step("mac", d="r1")
    )
    return Case(machine.build(), LoopProgram(body, OPERATIONS))


@pytest.mark.parametrize("iteration", [10**12 - 50, 10**12 // 2, 10**12 - 4])
def test_far_into_a_long_run(iteration: int) -> None:
    """The same as early in the run, later: the loop settles, with a period that divides 6."""
    near = 60 + iteration % 6
    far = watch(*_fields(busy_machine(10**12)), 3 * iteration, 12, BUDGET)
    early = watch(*_fields(busy_machine(near + 4)), 3 * near, 12, BUDGET)
    if iteration < 10**12 - 4:
        early = watch(*_fields(busy_machine(10**12)), 3 * near, 12, BUDGET)
    later = far.begin - early.begin
    assert later > 10 * 10**12 // 4
    moved = [_moved(passage, later, 3 * (iteration - near)) for passage in early.passages]
    numbers = range(far.first, far.stop)
    assert [_times(p) for p in far.passages if p.number in numbers] == [
        _times(p) for p in moved if p.number in numbers
    ]


def _fields(case: Case) -> tuple[object, object]:
    return case.arch, case.program


def _moved(passage: Passage, cycles: int, instructions: int) -> Passage:
    visits = tuple(v._replace(**_shifted(v, cycles)) for v in passage.visits)
    accesses = tuple(
        a._replace(transactions=tuple(t._replace(**_shifted(t, cycles)) for t in a.transactions))
        for a in passage.accesses
    )
    return replace(passage, number=passage.number + instructions, visits=visits, accesses=accesses)


def _shifted(visit: object, cycles: int) -> dict[str, int]:
    return {name: getattr(visit, name) + cycles for name in ("enter", "start", "done", "leave")}


def _times(passage: Passage) -> tuple[object, ...]:
    return passage.number, passage.visits, passage.accesses


def test_the_end_of_a_long_run_is_its_estimate() -> None:
    case = busy_machine(10**12)
    total = case.program.instruction_count
    window = watch(case.arch, case.program, total - 20, 20, BUDGET)
    assert window.end == aidg.estimate(case.arch, case.program).cycles


def test_an_extrapolated_start_says_so() -> None:
    case = busy_machine(10**6)
    window = watch(case.arch, case.program, 10**6, 10, 1)
    assert not window.is_exact
    assert window.notes[0].startswith("loop 'i' before the window did not settle within the budget of 1")


def test_what_has_been_under_way_for_very_long_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(width=1, buffer=4)
    machine.unit("long", SLOW, latency=100_000)
    machine.unit("alu", MAC, latency=1)
    body = loop("i", 500, step("mac", d="r1"))
    program = LoopProgram(loop("k", 1, step("slow", d="r0", n=1), body), OPERATIONS)
    assert watch(machine.build(), program, 400, 10, BUDGET).notes == ()
    monkeypatch.setattr(timeline_window, "FURTHEST", 100)
    (note,) = watch(machine.build(), program, 400, 10, BUDGET).notes
    assert note.startswith(
        "more than 100 instructions before the window something starts that is still under way"
    )
    (note,) = watch(machine.build(), program, 0, 1, BUDGET).notes
    assert note == "instructions from number 101 on start before its end; they are not shown"


# -- causes --------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None, suppress_health_check=NO_CHECKS)
@given(cases(60, index_latencies=True))
def test_causes_bind_in_the_explicit_graph_and_every_wait_has_one(case: Case) -> None:
    window = watch(case.arch, case.program, 0, case.program.instruction_count, BUDGET)
    causes = Causes(window, list(case.program))
    graph = build(case.arch, case.program)
    for passage in window.passages:
        for visit in passage.visits:
            for what, waited in (("start", visit.start > visit.enter), ("leave", visit.leave > visit.done)):
                event = Event(passage.number, visit.name, what)
                cause = causes.waited_for(event)
                assert (cause is not None) >= waited
                if cause is not None and "#" not in cause.event.name:
                    assert (cause.kind, causes.times[cause.event]) in _binding(
                        graph, event, causes.times[event]
                    )
        for name, visit in transactions(passage):
            cause = causes.waited_for(Event(passage.number, name, "start"))
            assert (cause is not None) == (visit.start > visit.enter)
            assert cause is None or causes.times[cause.event] == visit.start


def _binding(graph: object, event: Event, time: int) -> set[tuple[str, int]]:
    node = GraphEvent((event.number, event.name), event.what)
    nodes = graph.nodes  # type: ignore[attr-defined]
    found = set()
    for source, kind, lag in constraints_on(graph, node):  # type: ignore[arg-type]
        if nodes[source.node][source.name] + lag == time:
            found.add((kind, nodes[source.node][source.name]))
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=NO_CHECKS)
@given(cases(80, index_latencies=True))
def test_the_path_to_the_end_of_a_whole_program_takes_all_its_cycles(case: Case) -> None:
    window = watch(case.arch, case.program, 0, case.program.instruction_count, BUDGET)
    causes = Causes(window, list(case.program))
    last = max(window.passages, key=lambda passage: passage.visits[-1].done)
    steps = list(causes.path(Event(last.number, last.visits[-1].name, "done")))
    spent = [causes.times[event] - causes.times[cause.event] for event, cause in steps]
    assert min(spent) >= 0
    assert sum(spent) == simulate(case.arch, case.program).cycles
