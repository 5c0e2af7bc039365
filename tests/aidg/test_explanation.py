"""Where the cycles go: the path of a skipped run is that of the run, and a chain of real constraints."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import aidg
import mappings
import platforms
from acadl.errors import AcadlError
from acadl.model import SRAM, Architecture, DataStorage, PipelineStage
from aidg.moments import Moment
from aidg.path_runner import PathRunner
from aidg.path_segments import Costs, PathFinder, Segment
from aidg.preparation import prepare
from aidg.runner import Runner
from aidg.traced import TracedKernel
from mappings.layers import Layer
from mappings.program import LoopProgram, index, loop, memory, sequence, step
from tests.reference.machine_builder import Machine, op
from tests.shipped import ACCELERATORS, NARROW
from tests.strategies import Case, cases
from tests.strategies_families import FAMILIES, Family

NO_CHECKS = list(HealthCheck)


def traced(case: Case) -> TracedKernel:
    """Every instruction propagated, nothing skipped."""
    kernel = TracedKernel(prepare(case.arch, case.program))
    Runner(kernel).run()
    return kernel


def path_of_full(case: Case) -> Costs:
    kernel = traced(case)
    return finder(case.arch).costs([Segment({}, kernel.latest, kernel.offset)])


def path_of_exact(case: Case) -> tuple[Costs, PathRunner, int]:
    runner = PathRunner(TracedKernel(prepare(case.arch, case.program)), 1_000_000)
    cycles = runner.run()
    return finder(case.arch).costs(runner.items), runner, cycles


def finder(arch: Architecture) -> PathFinder:
    return PathFinder({storage.name for storage in arch.of_type(DataStorage)})


def check_path(case: Case) -> None:
    full = path_of_full(case)
    exact, runner, cycles = path_of_exact(case)
    assert not runner.unsettled
    assert exact == full
    assert sum(full.values()) == cycles == aidg.estimate(case.arch, case.program, method="full").cycles


@settings(max_examples=60, deadline=None, suppress_health_check=NO_CHECKS)
@given(cases(300, index_latencies=True))
def test_skipped_periods_count_as_if_they_had_been_walked(case: Case) -> None:
    check_path(case)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_path_through_hard_loops_is_that_of_the_run_itself(family: str) -> None:
    @settings(max_examples=8, deadline=None, suppress_health_check=NO_CHECKS)
    @given(FAMILIES[family](False), st.integers(1, 300))
    def equal(drawn: Family, count: int) -> None:
        check_path(drawn.case(count))

    equal()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=2000, deadline=None, suppress_health_check=NO_CHECKS)
@given(cases(1000, index_latencies=True))
def test_skipped_periods_count_as_if_they_had_been_walked_often(case: Case) -> None:
    check_path(case)


@settings(max_examples=60, deadline=None, suppress_health_check=NO_CHECKS)
@given(cases(60, index_latencies=True))
def test_every_moment_of_the_path_is_an_event_of_the_explicit_graph(case: Case) -> None:
    graph = aidg.build(case.arch, case.program)
    times: dict[int, set[int]] = {}
    objects: set[tuple[int, str]] = set()
    for (number, _), data in graph.nodes(data=True):
        # the fetch of a group is the node of its first instruction
        times.setdefault(number, set()).update(data[name] for name in ("enter", "start", "done", "leave"))
        objects.add((number, data["object"]))
    every = set().union(*times.values())
    moment: Moment | None = traced(case).latest
    while moment is not None and moment.cause is not None:
        if moment.kind is None and moment.cycles > moment.cause.cycles:
            assert (moment.number, moment.where) in objects
            assert moment.cause.cycles in times[moment.number]
            assert moment.cycles in every  # of this instruction, or of one that comes an interval later
        moment = moment.cause
    assert aidg.critical_path(graph).cycles == aidg.explain(case.arch, case.program).cycles


@settings(max_examples=40, deadline=None, suppress_health_check=NO_CHECKS)
@given(cases(60))
def test_objects_on_the_path_are_those_of_the_explicit_graph_but_for_ties(case: Case) -> None:
    path = aidg.critical_path(aidg.build(case.arch, case.program))
    explanation = aidg.explain(case.arch, case.program)
    assert sum(explanation.by_object.values()) == sum(path.by_object.values()) == path.cycles
    assert sum(explanation.by_kind.values()) == path.cycles


LOAD = op("load", ("d", "reg", "out"), ("a", "address", "in"))
MUL = op("mul", ("d", "reg", "out"), ("s", "reg", "in"))
OPERATIONS = {"load": LOAD, "mul": MUL}


def machine(mul_latency: int = 5) -> Architecture:
    made = Machine(width=2, buffer=64)
    made.add(SRAM(name="mem", read_latency=4, write_latency=3, address_ranges=((0, 4096),)))
    made.unit("ld", LOAD, latency=1, storages=["mem"])
    made.unit("alu", MUL, latency=mul_latency)
    return made.build()


def chain(count: int) -> LoopProgram:
    """``mul`` needs what ``load`` brings, which needs the register that ``mul`` has read."""
    i = index("i")
    body = (step("load", d="r1", a=memory(4 * (i % 4), 4)), step("mul", d="r2", s="r1"))
    return LoopProgram(loop(i, count, *body), OPERATIONS)


def test_a_chain_by_hand() -> None:
    """From one load's start to the next: 1 + 4 cycles of the load, 5 of the multiplication that reads it."""
    explanation = aidg.explain(machine(), chain(1000))
    assert explanation.cycles == 1000 * (1 + 4 + 5)
    assert explanation.by_object == {"alu": 5000, "mem": 4000, "ld": 1000}
    # the last multiplication is waited for by nobody
    assert explanation.by_kind == {"raw": 5000, "war": 4995, "forward": 5}
    assert explanation.describe(1) == "of 10,000 cycles, 50 %: waiting to overwrite operands of alu"
    assert [share.operation for share in explanation.shares] == ["mul", "load", "load", "mul"]


@pytest.mark.parametrize("exponent", [3, 6, 9, 12])
def test_the_path_of_any_number_of_iterations_takes_the_same_work(exponent: int) -> None:
    explanation = aidg.explain(machine(), chain(10**exponent))
    assert explanation.by_object == {"alu": 5 * 10**exponent, "mem": 4 * 10**exponent, "ld": 10**exponent}
    assert explanation.estimate.evaluated_instructions < 200


@settings(max_examples=40, deadline=None, suppress_health_check=NO_CHECKS)
@given(FAMILIES["long transient"](False), st.integers(200, 3000), st.integers(1, 200))
def test_what_is_extrapolated_is_said_to_be_and_everything_adds_up(
    drawn: Family, count: int, budget: int
) -> None:
    case = drawn.case(count)
    explanation = aidg.explain(case.arch, case.program, budget=budget)
    assert sum(share.cycles for share in explanation.shares) == explanation.cycles
    extrapolated = explanation.by_kind.get("extrapolated", 0)
    assert (extrapolated > 0) == (explanation.estimate.method == "fixed_point")
    assert explanation.describe()


def test_a_program_without_instructions_has_no_path() -> None:
    explanation = aidg.explain(machine(), LoopProgram(sequence(), OPERATIONS))
    assert (explanation.cycles, explanation.shares) == (0, ())
    assert explanation.describe() == "nothing takes any time"


def test_explanations_as_data_and_in_notebooks() -> None:
    explanation = aidg.explain(machine(), chain(10))
    data = explanation.to_dict()
    assert data["by_kind"] == explanation.by_kind and data["method"] == "exact"
    assert sum(share["cycles"] for share in data["shares"]) == data["cycles"]
    assert "<td>alu</td>" in explanation._repr_html_()


def test_layers_of_shipped_platforms_add_up() -> None:
    for name in ACCELERATORS:
        arch = platforms.load(name)
        size = 1 if name in NARROW else 2
        layer = Layer(name="g", op="gemm", gemm_M=100 * size, gemm_N=120 * size, gemm_K=70)
        explanation = aidg.explain(arch, mappings.map_layer(layer, arch))
        assert explanation.estimate.method == "exact"
        assert sum(explanation.by_kind_and_object.values()) == explanation.cycles


# -- slack ---------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None, suppress_health_check=NO_CHECKS)
@given(cases(30), st.randoms(use_true_random=False))
def test_slack_is_how_much_later_an_event_can_be(case: Case, random: object) -> None:
    graph = aidg.build(case.arch, case.program)
    slack = aidg.slack(graph)
    assert min(slack.values()) == 0
    total = graph.graph["cycles"]
    first = min(graph.nodes, key=lambda node: (graph.nodes[node]["enter"], node[0]))
    for node in random.sample(sorted(slack), min(5, len(slack))):  # type: ignore[attr-defined]
        for later, expected in ((slack[node], total), (slack[node] + 1, total + 1)):
            delayed = _delayed(graph, first, node, graph.nodes[node]["done"] + later)
            assert max(times.done for times in aidg.evaluate(delayed).values()) == expected


def _delayed(graph: object, first: object, node: object, done: int) -> object:
    """A copy of the graph in which the node is done at ``done`` at the earliest; ``first`` enters at 0."""
    from copy import deepcopy

    from aidg.graph_builder import Inner
    from aidg.graph_history import Event

    copy = deepcopy(graph)
    copy.nodes[node]["inner"].append(Inner(Event(first, "enter"), "done", done))  # type: ignore[attr-defined, arg-type]
    return copy


def test_slack_by_object() -> None:
    slack = aidg.slack_by_object(aidg.build(machine(mul_latency=1), chain(3)))
    assert slack["ld"] == slack["mem"] == slack["alu"] == 0
    assert list(slack.values()) == sorted(slack.values())


def test_paths_of_a_network_add_up(tmp_path: object) -> None:
    result = platforms.why("oma", "tcresnet8")
    assert result.total_cycles == platforms.estimate("oma", "tcresnet8").total_cycles
    assert sum(result.by_kind_and_object.values()) == result.total_cycles
    assert sum(result.by_kind.values()) == sum(result.by_object.values()) == result.total_cycles
    totals: Counter[str] = Counter()
    for layer in result.to_dict()["layers"]:  # type: ignore[attr-defined]
        for share in layer["path"]:
            totals[share["object"]] += layer["count"] * share["cycles"]
    assert dict(totals) == dict(result.by_object)


def test_the_path_through_a_deep_nest_is_not_walked_at_every_level_again() -> None:
    """Walked for each copy of each level, the path through 40 levels would have 2^40 steps at least."""
    nest = step("mul", d="r2", s="r2")
    for level in range(40):
        nest = loop(f"i{level}", 2, nest)
    explanation = aidg.explain(machine(), LoopProgram(nest, OPERATIONS))
    assert explanation.cycles == sum(explanation.by_kind_and_object.values()) == 5 * 2**40


def test_what_is_long_over_costs_nothing_to_trace() -> None:
    """A queue of 65,536 places of which one is used: only times that somebody can wait for are kept."""
    oma = platforms.load("oma")
    stage = oma.objects["decode"]
    assert isinstance(stage, PipelineStage)
    objects = {**oma.objects, "decode": replace(stage, capacity=1 << 16)}
    body = step("add", acc="r1", a="r2")
    program = LoopProgram(loop(index("i"), 1000, body), oma.operations)
    kernel = TracedKernel(prepare(replace(oma, objects=objects), program))
    runner = PathRunner(kernel, 1000)
    runner.run()
    segments = [item for item in runner.items if isinstance(item, Segment)]
    assert max(len(segment.ends) for segment in segments[1:]) < 50


def test_negative_budgets_are_refused() -> None:
    for function in (aidg.estimate, aidg.explain, aidg.what_if, aidg.timeline):
        with pytest.raises(AcadlError, match="budget of -5 instructions cannot be; give 0 or more"):
            function(machine(), chain(10), budget=-5)
