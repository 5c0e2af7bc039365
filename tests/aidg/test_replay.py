"""Recorded runs: equal to every other evaluator, and looked up rather than propagated."""

from __future__ import annotations

import random
from array import array

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import aidg.replay
from acadl.errors import ProgramError
from acadl.expressions import Name
from acadl.model import SRAM
from aidg import estimate, explain, timeline
from aidg.passages import passages
from aidg.preparation import prepare
from mappings.program import LoopProgram, Replay, Step, count_instructions, loop, memory, sequence, step
from tests.exactness import check_evaluators
from tests.reference.machine_builder import Machine, op
from tests.strategies import Case
from tests.strategies_replays import replays

NO_CHECKS = list(HealthCheck)
WORK = op("work", ("d", "reg", "out"), ("n", "int", "in"))
LOAD = op("load", ("d", "reg", "out"), ("a", "address", "in"))


@settings(max_examples=60, suppress_health_check=NO_CHECKS)
@given(replays(60))
def test_evaluators_agree(case: Case) -> None:
    check_evaluators(case)


@settings(max_examples=60, suppress_health_check=NO_CHECKS)
@given(replays(60), st.sampled_from([0, 1, 3]))
def test_they_agree_from_the_first_instruction_on_and_with_few_states(case: Case, largest: int) -> None:
    """Short runs are looked up, too, and runs go on block by block when there are too many states."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aidg.replay, "WORTHWHILE", 0)
        full = estimate(case.arch, case.program, method="full")
        for limit in (largest, 512):
            patch.setattr(aidg.replay, "LARGEST", limit)
            exact = estimate(case.arch, case.program)
            assert (exact.cycles, exact.utilization) == (full.cycles, full.utilization)
            assert exact.method == "exact" and exact.evaluated_instructions <= full.evaluated_instructions


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=1500, suppress_health_check=NO_CHECKS)
@given(replays(150))
def test_evaluators_agree_often(case: Case) -> None:
    check_evaluators(case)


def recorded(count: int) -> Case:
    """Two units, which overlap; pieces in an order without a period."""
    machine = Machine(width=2, buffer=4)
    machine.add(SRAM(name="mem", read_latency=3, address_ranges=((0, 4096),)))
    machine.unit("u", WORK, latency=Name("n"))
    machine.unit("v", LOAD, latency=1, storages=["mem"])
    pieces = tuple(
        (
            step("load", d=f"r{n}", a=memory(64 * n, 8)),
            step("work", d=f"r{n}", n=n + 1),
            step("work", d="r9", n=3),
        )
        for n in range(4)
    )
    numbers = random.Random(3)
    order = array("l", (numbers.randrange(4) for _ in range(count)))
    arch = machine.build()
    return Case(arch, LoopProgram(Replay(pieces, order), arch.operations))


def test_long_runs_are_looked_up() -> None:
    """As exact as full propagation, for the same work whatever the length."""
    short, long = recorded(3_000), recorded(30_000)
    few, many = (estimate(case.arch, case.program) for case in (short, long))
    assert few.cycles == estimate(short.arch, short.program, method="full").cycles
    assert many.instructions == 90_000
    assert many.evaluated_instructions == few.evaluated_instructions < 500


def test_every_view_of_a_run_tells_the_same() -> None:
    case = recorded(40)
    cycles = estimate(case.arch, case.program).cycles
    assert explain(case.arch, case.program).cycles == cycles
    seen = list(passages(prepare(case.arch, case.program)))
    assert [passage.number for passage in seen] == list(range(120))
    assert max(visit.done for passage in seen for visit in passage.visits) == cycles
    window = timeline(case.arch, case.program, first=100, instructions=20)
    assert window.last_cycle == cycles


def test_a_replay_is_checked() -> None:
    piece: tuple[Step, ...] = (step("work", d="r0", n=1),)
    operations = {"work": WORK}
    assert count_instructions(Replay((piece, piece * 3), (1, 0, 1))) == 7
    for body, message in [
        (loop("i", 2, Replay((piece,), (0,))), r"a replay cannot stand in a loop \('i'\)"),
        (Replay((piece,), (0, 1)), "a replay of 1 pieces has numbers from 0 to 1"),
        (Replay((piece, ()), (0,)), "piece 1 of a replay has no instructions"),
        (sequence(Replay(((step("word", n=1),),), (0,))), "operation 'word' is not declared"),
    ]:
        with pytest.raises(ProgramError, match=message):
            LoopProgram(body, operations)
