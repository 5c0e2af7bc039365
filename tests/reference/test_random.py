"""Random machines and programs: simulation and explicit graph agree on every time of every instruction.

Machines here are wilder than any real one: trees of stages with execute stages in the middle, units of one
mnemonic or of several, caches and open rows, data in the instruction memory, and latencies that depend on the
instruction.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acadl.expressions import Binary, Const, Name
from acadl.model import DRAM, SRAM, Architecture, EdgeKind, SetAssociativeCache
from acadl.operations import AddressRange, Instruction, Operation
from tests.reference.machine_builder import IMEM, REGISTERS, Machine, evaluators, op

COMPUTE = [op(f"compute{k}", ("d", "reg", "inout"), ("a", "reg", "in"), ("n", "int", "in")) for k in range(3)]
LOAD = op("load", ("d", "reg", "out"), ("a", "address", "in"), ("n", "int", "in"))
STORE = op("store", ("a", "address", "out"), ("s", "reg", "in"), ("n", "int", "in"))
COPY = op("copy", ("d", "address", "out"), ("s", "address", "in"), ("n", "int", "in"))
MERGE = op("merge", ("d", "address", "inout"), ("s", "address", "in"), ("n", "int", "in"))
OPERATIONS = [*COMPUTE, LOAD, STORE, COPY, MERGE]

small = st.integers(0, 4)
sizes = st.integers(1, 3)
intervals = st.sampled_from([None, None, 0, 1, 2, 5])
latencies = st.one_of(small, small.map(lambda add: Binary("+", Name("n"), Const(add))))


@st.composite
def storages(draw: st.DrawFn, machine: Machine) -> list[str]:
    """A scratchpad at 0, a DRAM at 4096, perhaps behind a cache; the names that units may use."""
    common = {
        "data_width": 32,
        "read_write_ports": draw(st.integers(1, 2)),
        "max_concurrent_requests": draw(st.sampled_from([None, 1, 2, 3])),
        "initiation_interval": draw(intervals),
    }
    machine.add(
        SRAM(
            name="pad",
            address_ranges=((0, 4096),),
            read_latency=draw(small),
            write_latency=draw(small),
            **common,
        )
    )
    machine.add(
        DRAM(
            name="dram",
            address_ranges=((4096, 8192),),
            read_latency=draw(small),
            write_latency=draw(small),
            row_bytes=32,
            banks=draw(sizes),
            t_RCD=draw(small),
            t_RP=draw(small),
            t_RAS=draw(st.integers(0, 12)),
            initiation_interval=draw(intervals),
        )
    )
    if not draw(st.booleans()):
        return ["pad", "dram"]
    machine.add(
        SetAssociativeCache(
            name="cache",
            sets=draw(sizes),
            ways=draw(sizes),
            cache_line_size=16,
            hit_latency=draw(small),
            miss_latency=draw(small),
            write_back=draw(st.booleans()),
            write_allocate=draw(st.booleans()),
            initiation_interval=draw(intervals),
        )
    )
    machine.connect("dram", "cache", EdgeKind.READ_DATA)
    machine.connect("cache", "dram", EdgeKind.WRITE_DATA)
    return ["pad", draw(st.sampled_from(["cache", "dram"])), "cache"]


@st.composite
def machines(draw: st.DrawFn) -> Architecture:
    width = draw(st.integers(1, 4))
    machine = Machine(
        width=width,
        buffer=width + draw(st.integers(0, 8)),
        in_order=draw(st.booleans()),
        fetch_latency=draw(st.integers(0, 2)),
        access_latency=draw(st.integers(0, 2)),
        access_interval=draw(intervals),
        imem_latency=draw(small),
        imem_interval=draw(intervals),
    )
    names = draw(storages(machine))
    stages = ["fetch"]
    for number in range(draw(st.integers(0, 4))):
        stages.append(
            machine.stage(
                f"s{number}",
                after=draw(st.sampled_from(stages)),
                latency=draw(latencies),
                interval=draw(intervals),
                capacity=draw(sizes),
                order=draw(st.sampled_from(["any", "fifo"])),
                execute=draw(st.booleans()),
            )
        )
    holders = [
        None,
        *(stage for stage in stages if stage.startswith("s") and _executes(machine, stage)),
    ]
    shared = draw(st.booleans())  # one unit processes all loads and stores
    groups: list[list[Operation]] = [[o] for o in COMPUTE]
    groups += [[LOAD, STORE], [COPY, MERGE]] if shared else [[LOAD], [STORE], [COPY], [MERGE]]
    for group in groups:
        accesses = [] if group[0] in COMPUTE else [*dict.fromkeys(names), "imem"]
        machine.unit(
            f"u_{group[0].name}",
            *group,
            holder=draw(st.sampled_from(holders)),
            after=draw(st.sampled_from(stages)),
            latency=draw(latencies),
            interval=draw(intervals),
            capacity=draw(sizes),
            holder_capacity=draw(sizes),
            storages=accesses,
            duration=draw(latencies) if accesses else None,
        )
    return machine.build()


def _executes(machine: Machine, name: str) -> bool:
    return type(machine.objects[name]).__name__ == "ExecuteStage"


registers = st.sampled_from(REGISTERS[:6])


@st.composite
def ranges(draw: st.DrawFn) -> AddressRange:
    start = draw(st.sampled_from([0, 0, 4096, 4096, IMEM])) + draw(st.integers(0, 96))
    size = draw(st.sampled_from([1, 3, 4, 4, 8, 20]))
    rows = draw(st.sampled_from([1, 1, 2, 3]))
    return AddressRange(start, size, rows, size + draw(st.integers(0, 24)) if rows > 1 else 0)


@st.composite
def instructions(draw: st.DrawFn) -> Instruction:
    operation = draw(st.sampled_from(OPERATIONS))
    kinds = {"reg": registers, "address": ranges(), "int": st.integers(0, 6)}
    return operation.instruction(**{o.name: draw(kinds[o.kind]) for o in operation.operands})


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(machines(), st.lists(instructions(), min_size=1, max_size=12), st.integers(1, 3))
def test_simulation_and_graph_agree(arch: Architecture, program: list[Instruction], repetitions: int) -> None:
    evaluators(arch, program * repetitions)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
@given(machines(), st.lists(instructions(), min_size=1, max_size=20), st.integers(1, 5))
def test_simulation_and_graph_agree_often(
    arch: Architecture, program: list[Instruction], repetitions: int
) -> None:
    evaluators(arch, program * repetitions)
