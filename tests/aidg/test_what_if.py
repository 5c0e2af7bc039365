"""Gains of single changes: figures are runs of changed machines, which differ as they say."""

from __future__ import annotations

from dataclasses import asdict

from hypothesis import HealthCheck, given, settings

import aidg
from acadl.expressions import Const
from acadl.model import (
    SRAM,
    Architecture,
    EdgeKind,
    SetAssociativeCache,
)
from acadl.simulation import simulate
from aidg.machine import LARGEST_CAPACITY
from aidg.preparation import prepare
from aidg.variants import together, variants
from aidg.what_if import busy_together
from mappings.program import LoopProgram, index, loop, memory, sequence, step
from tests.reference.machine_builder import Machine, op
from tests.strategies import Case, cases

MAC = op("mac", ("d", "reg", "inout"))
LOAD = op("load", ("d", "reg", "out"), ("a", "address", "in"))
STORE = op("store", ("a", "address", "out"), ("s", "reg", "in"))
OPERATIONS = {o.name: o for o in (MAC, LOAD, STORE)}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(40))
def test_every_figure_is_what_the_simulation_of_the_changed_machine_takes(case: Case) -> None:
    result = aidg.what_if(case.arch, case.program)
    assert result.cycles == simulate(case.arch, case.program).cycles
    prepared = prepare(case.arch, case.program)
    changed = {(v.object, v.change): v for v in variants(prepared)}
    joint = together(prepared, busy_together(aidg.estimate(case.arch, case.program)))
    if joint is not None:
        changed[joint.object, joint.change] = joint
    assert {(row.object, row.change) for row in result.rows} == changed.keys()
    for row in result.rows:
        assert row.cycles == simulate(changed[row.object, row.change].arch, case.program).cycles
        assert row.gain_cycles == result.cycles - row.cycles
        assert row.speedup == (result.cycles / row.cycles if row.cycles else None)
    gains = [row.gain_cycles for row in result.rows]
    assert gains == sorted(gains, reverse=True)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(40))
def test_a_variant_differs_in_one_object_and_a_faster_one_takes_no_time(case: Case) -> None:
    before = dict(case.arch.objects)
    fetch = case.arch.fetch_stage.name
    for variant in variants(prepare(case.arch, case.program)):
        differ = {name for name, item in variant.arch.objects.items() if item != before[name]}
        allowed = {fetch, "imau"} if variant.object == fetch else {variant.object}
        assert differ and differ <= allowed
        assert variant.arch.edges == case.arch.edges
        if variant.change == "infinitely fast":
            for name in allowed:
                timing = _timing(variant.arch, name)
                assert set(timing.values()) <= {0}, (name, timing)
    assert dict(case.arch.objects) == before


def _timing(arch: Architecture, name: str) -> dict[str, object]:
    """Everything of an object that is a number of cycles and counts."""
    item = arch.objects[name]
    if name == arch.fetch_stage.name:
        return {"latency": item.latency.value}  # type: ignore[attr-defined]  # a constant
    words = ("latency", "interval", "t_R")
    found = {key: value for key, value in vars(item).items() if any(word in key for word in words)}
    return {key: value.value if isinstance(value, Const) else value for key, value in found.items()}


def chain(count: int = 6, latency: int = 10, capacity: int = 1) -> tuple[Machine, LoopProgram]:
    """Independent instructions that a queue brings to one unit."""
    machine = Machine(buffer=16)
    machine.stage("queue", capacity=capacity)
    machine.unit("alu", MAC, after="queue", latency=latency)
    return machine, LoopProgram(loop("i", count, step("mac", d="r0")), OPERATIONS)


def rows_of(machine: Machine, program: LoopProgram) -> dict[tuple[str, str], int]:
    result = aidg.what_if(machine.build(), program)
    assert result.method == "exact" and {row.method for row in result.rows} <= {"exact"}
    return {(row.object, row.change): row.gain_cycles for row in result.rows}


def test_a_chain_by_hand() -> None:
    machine, program = chain()
    # the six come one cycle apart out of the issue buffer, and take no time in the unit: 60 cycles become 5
    gains = rows_of(machine, program)
    assert gains["alu", "infinitely fast"] == 60 - 5
    assert gains["queue", "one more place"] == 0
    assert ("queue", "infinitely fast") not in gains  # it takes no time
    assert ("fetch", "one more place") in gains
    assert ("imem", "one more port") in gains
    assert ("imem", "infinitely fast") in gains  # writes would take a cycle


def test_execute_stages_that_nobody_passes_through_cannot_get_faster() -> None:
    machine = Machine()
    machine.stage("x", execute=True, latency=7)
    machine.unit("alu", MAC, holder="x")
    gains = rows_of(machine, LoopProgram(loop("i", 3, step("mac", d="r0")), OPERATIONS))
    assert ("x", "infinitely fast") not in gains
    assert ("x", "one more place") in gains


def test_objects_that_the_program_does_not_use_have_no_row() -> None:
    machine, program = chain()
    machine.unit("idle", LOAD, storages=["pad"])
    machine.add(SRAM(name="pad", address_ranges=((0, 64),)))
    assert {name for name, _ in rows_of(machine, program)} == {"fetch", "imem", "queue", "x_alu", "alu"}


def test_a_cache_and_what_is_behind_it_are_separate() -> None:
    machine = Machine()
    machine.add(SRAM(name="main", address_ranges=((0, 4096),), read_latency=20, max_concurrent_requests=2))
    machine.add(SetAssociativeCache(name="cache", sets=4, ways=1, hit_latency=1, miss_latency=2))
    machine.connect("main", "cache", EdgeKind.READ_DATA)
    machine.connect("cache", "main", EdgeKind.WRITE_DATA)
    machine.unit("ld", LOAD, latency=0, storages=["cache"])
    program = LoopProgram(loop("i", 4, step("load", d="r0", a=memory(64 * index("i"), 4))), OPERATIONS)
    gains = rows_of(machine, program)  # four misses: 4 · (1 + 2 + 20)
    assert gains["cache", "infinitely fast"] == 4 * 3
    assert gains["main", "infinitely fast"] == 4 * 20
    assert gains["main", "one more request in flight"] == 0  # the cache asks for one line at a time


def test_a_faster_unit_can_do_harm() -> None:
    """Its long write arrives earlier, and the short read before it no longer fits into the gap."""
    machine = Machine()
    machine.add(SRAM(name="pad", address_ranges=((0, 64),), read_latency=5, write_latency=10))
    machine.stage("decode", latency=3)
    machine.unit("st", STORE, after="decode", latency=2, storages=["pad"])
    machine.unit("ld", LOAD, latency=0, storages=["pad"])
    body = sequence(step("store", a=memory(0, 4), s="r0"), step("load", d="r1", a=memory(32, 4)))
    result = aidg.what_if(machine.build(), LoopProgram(body, OPERATIONS))
    assert result.cycles == 15
    worst = result.rows[-1]
    assert (worst.object, worst.change) == ("st", "infinitely fast")
    assert (worst.cycles, worst.gain_cycles, worst.speedup) == (18, -3, 15 / 18)


def test_a_program_that_takes_no_time_any_more() -> None:
    machine = Machine()
    machine.unit("alu", MAC, latency=7)
    result = aidg.what_if(machine.build(), LoopProgram(step("mac", d="r0"), OPERATIONS))
    best = result.rows[0]
    assert (best.object, best.cycles, best.gain_cycles, best.speedup) == ("alu", 0, 7, None)
    assert "Infinity" not in result.to_json() and "∞" in result._repr_html_()


def test_a_size_that_cannot_grow_has_no_row() -> None:
    machine, program = chain(capacity=LARGEST_CAPACITY)
    assert ("queue", "one more place") not in rows_of(machine, program)


def test_an_empty_program_uses_nothing() -> None:
    machine, _ = chain()
    result = aidg.what_if(machine.build(), LoopProgram(sequence(), OPERATIONS))
    assert (result.cycles, result.rows) == (0, ())


def test_an_extrapolated_figure_says_so() -> None:
    machine = Machine(buffer=60, width=1)
    machine.stage("queue", capacity=50)
    machine.unit("alu", MAC, after="queue", latency=3)
    machine.unit("ld", LOAD, latency=1, storages=["pad"])
    machine.add(SRAM(name="pad", address_ranges=((0, 64),)))
    body = loop("i", 10**6, step("mac", d="r0"), step("load", d="r1", a=memory(0, 4)))
    result = aidg.what_if(machine.build(), LoopProgram(body, OPERATIONS), budget=1)
    assert result.method == "fixed_point"
    assert result.notes and "did not settle" in result.notes[0]
    assert any("alu, one more place: loop 'i'" in note for note in result.notes)


def test_progress_and_forms_of_the_result() -> None:
    machine, program = chain()
    seen: list[tuple[int, int, str]] = []
    result = aidg.what_if(machine.build(), program, progress=lambda *call: seen.append(call))
    assert [number for number, _, _ in seen] == list(range(len(result.rows)))
    assert {total for _, total, _ in seen} == {len(result.rows)}
    data = result.to_dict()
    assert data["rows"] == [asdict(row) for row in result.rows]
    assert result.to_json().startswith('{"cycles": 60')
    html = result._repr_html_()
    assert "60 cycles" in html and "latency 10 → 0" in html and html.count("<tr>") >= 2
