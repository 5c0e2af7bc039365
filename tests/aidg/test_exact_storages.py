"""Streams that come to what others have left in a cache: nothing is skipped that would have been a hit."""

from __future__ import annotations

import pytest

from acadl.expressions import Const
from acadl.model import (
    SRAM,
    Architecture,
    EdgeKind,
    ExecuteStage,
    InstructionFetchStage,
    InstructionMemoryAccessUnit,
    SetAssociativeCache,
)
from aidg.estimation import estimate
from mappings.program import LoopProgram, Node, index, loop, memory, sequence, step
from tests.strategies_machines import OPERATIONS, Builder

START = 1 << 20
LINE = 16
COUNT = 3000


def machine(ways: int, policy: str) -> Architecture:
    """A load unit behind one set of lines, in front of a slow memory."""
    b = Builder()
    b.front_end(
        SRAM(name="imem", address_ranges=((0, 64),)),
        InstructionMemoryAccessUnit(name="imau", latency=Const(0)),
        InstructionFetchStage(name="fetch", issue_buffer_size=4),
    )
    b.add(SRAM(name="main", data_width=128, read_latency=20, address_ranges=((64, 1 << 40),)))
    b.add(
        SetAssociativeCache(
            name="cache", data_width=32, sets=1, ways=ways, cache_line_size=LINE, replacement_policy=policy
        )
    )
    b.both("main", "cache")
    b.edge("fetch", b.add(ExecuteStage(name="ex")), EdgeKind.FORWARD)
    b.unit("ex", "ld", Const(0), None, ("cache",))
    return b.build("lines")


def check(arch: Architecture, *nodes: Node) -> int:
    """Exact equals full: how much was evaluated."""
    program = LoopProgram(sequence(*nodes), OPERATIONS)
    exact, full = estimate(arch, program), estimate(arch, program, method="full")
    assert (exact.cycles, exact.utilization, exact.method) == (full.cycles, full.utilization, "exact")
    return exact.evaluated_instructions


def load(address: object) -> Node:
    return step("load", d="r0", s=memory(address, 4), n=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", ["lru", "fifo"])
@pytest.mark.parametrize("ways", [2, 32])
@pytest.mark.parametrize("behind", [1000 * LINE, 1000 * LINE + 4])
def test_a_faster_stream_hits_what_a_slower_one_has_left(ways: int, policy: str, behind: int) -> None:
    i = index("i")
    body = load(START + LINE * i), load(START - behind + 2 * LINE * i)
    evaluated = check(machine(ways, policy), loop(i, COUNT, *body))
    assert evaluated < COUNT // 2


@pytest.mark.parametrize("ways", [2, 32])
def test_streams_that_cross(ways: int) -> None:
    i = index("i")
    body = load(START + LINE * i), load(START + 2000 * LINE - LINE * i)
    assert check(machine(ways, "lru"), loop(i, COUNT, *body)) < COUNT // 2


@pytest.mark.parametrize("ways", [2, 8])
def test_a_second_pass_hits_what_the_first_one_has_left(ways: int) -> None:
    i, j = index("i"), index("j")
    passes = loop(j, 5, loop(i, 12, load(START + LINE * i)))
    again = loop(j, COUNT, load(START), load(START + LINE), loop(i, 6, load(START + LINE * i)))
    check(machine(ways, "lru"), passes, again)


def test_a_line_that_earlier_code_has_left() -> None:
    i = index("i")
    # one line moves on, the other one is used again and again and so stays, until the stream comes to it
    old = START + 1500 * LINE
    body = load(START + LINE * i), load(START - 2 * LINE)
    check(machine(4, "fifo"), load(old), loop(i, COUNT, *body))
    check(machine(4, "lru"), load(old), loop(i, COUNT, *body))
