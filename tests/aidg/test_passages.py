"""Every event of a whole run from the kernel equals the event-driven simulation; waits form a chain."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acadl.simulation import InstructionRecord, simulate
from aidg.passages import passages
from aidg.preparation import prepare
from aidg.waiting import waited_for
from tests.strategies import Case, cases

NO_CHECKS = list(HealthCheck)


def served(record: InstructionRecord) -> list[tuple[str, int, int, int, int]]:
    return sorted((t.name, t.enter, t.start, t.done, t.leave) for t in record.transactions)


@settings(max_examples=40, deadline=None, suppress_health_check=NO_CHECKS)
@given(cases(150, index_latencies=True))
def test_every_passage_equals_the_simulation(case: Case) -> None:
    trace = simulate(case.arch, case.program, trace=True).trace
    seen = list(passages(prepare(case.arch, case.program)))
    assert [passage.number for passage in seen] == [record.id for record in trace]
    for passage, record in zip(seen, trace, strict=True):
        visits = [(v.name, v.enter, v.start, v.done, v.leave) for v in record.objects]
        assert [tuple(visit) for visit in passage.visits] == visits
        assert sorted(tuple(t) for a in passage.accesses for t in a.transactions) == served(record)


@settings(max_examples=30, deadline=None, suppress_health_check=NO_CHECKS)
@given(cases(100, index_latencies=True), st.data())
def test_the_links_of_a_wait_lead_back_in_time_without_a_gap(case: Case, data: st.DataObject) -> None:
    trace = simulate(case.arch, case.program, trace=True).trace
    record = data.draw(st.sampled_from(trace))
    times = data.draw(st.sampled_from(record.objects))
    what = data.draw(st.sampled_from(["enter", "start", "done", "leave"]))
    cycle = getattr(times, what)
    for wait in waited_for(case.arch, case.program, record.id, times.name, what, links=6):
        assert wait.cycle == cycle  # links that take no time are left out
        assert wait.other_cycle <= wait.cycle
        assert wait.kind != "forward" or wait.other_cycle < wait.cycle
        if "#" not in wait.object:
            at = {t.name: t for t in trace[wait.instruction].objects}[wait.object]
            assert getattr(at, wait.what) == wait.cycle
        assert f"#{wait.instruction} " in wait.text and str(wait.cycle) in wait.text
        cycle = wait.other_cycle


def test_an_object_that_is_not_on_the_way_has_no_waits() -> None:
    import platforms
    from mappings.cases import Case as Row
    from mappings.cases import map_case

    arch = platforms.load("axis_sa")
    program = map_case(Row({"M": "8", "N": "8", "K": "4"}), arch)
    assert waited_for(arch, program, 2, "nowhere", "start") == ()
    assert [wait.text for wait in waited_for(arch, program, 1, "input", "start")] == [
        "#1 tile leaves ifs in cycle 4: waiting for a place or a turn at input, "
        "#0 tile leaves input in cycle 4",
        "#0 tile is done at input in cycle 4, 4 after it starts in cycle 0",
    ]
