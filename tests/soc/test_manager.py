"""Cores on one memory: what has to hold whatever they do."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

import acadl
from acadl.model import Architecture
from acadl.simulate_objects import Clock
from aidg import estimate
from aidg.flow.coupled import coupled_run
from mappings import LoopProgram, loop, memory, step
from platforms.caches.below import DelayedMemory
from platforms.caches.level import CacheLevel, LevelParameters
from platforms.soc.core import DataFlowCore, RecordedRequest, TraceCore
from platforms.soc.manager import Manager
from platforms.soc.on_hierarchy import HierarchyManager
from platforms.soc.shared_memory import SharedMemoryParameters

PARAMETERS = st.builds(
    SharedMemoryParameters,
    mem_latency=st.integers(1, 30),
    cycles_per_beat=st.integers(1, 4),
    arbitration=st.sampled_from(["rr", "prio"]),
    response_order=st.sampled_from(["percore", "fifo"]),
    queue_depth=st.integers(0, 5),
    cache_bytes=st.sampled_from([0, 0, 256, 4096]),
    cache_ways=st.sampled_from([1, 2]),
    cache_hit_latency=st.integers(1, 8),
)
REQUESTS = st.lists(
    st.builds(
        lambda gap, write, line, beats: (gap, write, 64 * line, 16 * beats),
        st.integers(0, 12), st.booleans(), st.integers(0, 30), st.sampled_from([1, 2, 4]),
    ),
    max_size=25,
)  # fmt: skip


def cores(requests: list[list[tuple[int, bool, int, int]]], most: int) -> list[TraceCore]:
    made = []
    for own in requests:
        cycle, rows = 0, []
        for gap, write, address, size in own:
            cycle += gap
            rows.append(RecordedRequest(cycle, write, address, size))
        made.append(TraceCore(rows, 16, most))
    return made


def run(parameters: SharedMemoryParameters, made: list[TraceCore]) -> Manager:
    manager = Manager(parameters, made, record=True)
    for number in range(len(made)):
        manager.start(number, 3 * number)
    manager.run()
    return manager


@settings(max_examples=60, deadline=None)
@given(PARAMETERS, st.lists(REQUESTS, min_size=1, max_size=4), st.integers(1, 6))
def test_all_is_answered_in_order_and_within_the_bandwidth(parameters, requests, most) -> None:
    manager = run(parameters, cores(requests, most))
    messages = manager.messages
    assert len(messages) == sum(map(len, requests))
    assert [message.number for message in messages] == list(range(len(messages)))
    for port, own in enumerate(requests):
        mine = [message for message in messages if message.port == port]
        for write in (False, True):  # reads and writes have buffers of their own
            assert [m.address for m in mine if m.write == write] == [row[2] for row in own if row[1] == write]
        assert [m.first for m in mine] == sorted(m.first for m in mine)
    beat = 1 if parameters.cache_bytes else parameters.cycles_per_beat
    least = parameters.cache_hit_latency if parameters.cache_bytes else parameters.mem_latency
    for message in messages:
        assert message.first >= message.accepted[-1] + least
        assert message.last - message.first == (0 if message.write else (message.beats - 1) * beat)
    answered = sorted((m.first, m.last + (1 if m.write else beat)) for m in messages)
    assert all(a[1] <= b[0] for a, b in pairwise(answered))
    taken = sorted(cycle for m in messages for cycle in m.accepted)
    assert len(set(taken)) == len(taken)
    if parameters.queue_depth:
        for message in messages:
            begun = message.accepted[0]
            under_way = sum(m.accepted[0] < begun <= m.last for m in messages)
            assert under_way < parameters.queue_depth


@settings(max_examples=20, deadline=None)
@given(PARAMETERS, st.lists(REQUESTS, min_size=2, max_size=3))
def test_the_same_again_is_the_same(parameters, requests) -> None:
    first, second = (run(parameters, cores(requests, 4)) for _ in range(2))
    assert [(m.accepted, m.first, m.last) for m in first.messages] == [
        (m.accepted, m.first, m.last) for m in second.messages
    ]


def test_two_streams_share_a_channel() -> None:
    beats, count = 4, 400
    for together in (1, 2):
        requests = [[(0, False, 64 * number, 16 * beats) for number in range(count)]] * together
        manager = run(SharedMemoryParameters(cycles_per_beat=2), cores(requests, 16))
        last = max(message.last for message in manager.messages)
        floor = together * count * beats * 2
        assert floor <= last <= 1.02 * floor + 30


MACHINE = """
architecture toy(latency: cycles = 5) {
    clock 1 GHz
    operations { move(dst: out address, src: in address) }
    sram commands { data_width: 32 bits, addresses: 0 ..< 0x1000, read_latency: 0 }
    sram near { data_width: 8 bits, port_width: 16, initiation_interval: 1, read_latency: 1, write_latency: 1,
                read_ports: 1, write_ports: 1, addresses: 0x1000 ..< 0x9000 }
    sram far { data_width: 8 bits, port_width: 16, initiation_interval: 1, read_ports: 1, write_ports: 1
               read_latency: latency, write_latency: latency, addresses: 0x10000 ..< 0x90000 }
    fetch front { issue_buffer_size: 2, latency: 1, instruction_memory_unit read { latency: 0 } }
    execute in_queue { capacity: 4, controller load { operations: move, parts: src.rows, capacity: 4 } }
    mover dma { capacity: 3, max_request_bytes: 16 bytes, retry_interval: 2 }
    front -> in_queue
    in_queue.load -> dma
    commands => front.read
    {far, near} => dma => {far, near}
}
"""


MOVES = st.lists(st.tuples(st.booleans(), st.integers(1, 5), st.integers(0, 40)), min_size=1, max_size=6)


def moving(arch: Architecture, moves: list[tuple[bool, int, int]], count: int) -> LoopProgram:
    """Rows from one memory to the other."""
    steps = []
    for out, rows, place in moves:
        near = memory(0x1000 + 16 * place, 16, rows=rows, pitch=32)
        far = memory(0x10000 + 16 * place, 16, rows=rows, pitch=48)
        steps.append(step("move", dst=far if out else near, src=near if out else far))
    return LoopProgram(loop("i", count, *steps), arch.operations)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(MOVES, st.integers(1, 4)), min_size=1, max_size=3))
def test_cores_without_shared_memory_take_the_cycles_of_the_single_core(programs) -> None:
    arch = acadl.loads(MACHINE)
    bound = [moving(arch, *each) for each in programs]
    alone = [estimate(arch, program, kernel="interpreted").cycles for program in bound]
    made = [DataFlowCore(arch, program, None, 16, 16, "interpreted") for program in bound]
    manager = Manager(SharedMemoryParameters(), made)
    env = Clock()
    other = [DataFlowCore(arch, program, None, 16, 16, "interpreted") for program in bound]
    on_hierarchy = HierarchyManager(env, other, [DelayedMemory(env, 1)] * len(other))
    for number in range(len(made)):
        manager.start(number, 7 * number)
        on_hierarchy.start(number, 7 * number)
    assert [each.cycles for each in manager.run()] == alone
    assert [each.cycles for each in on_hierarchy.run()] == alone


@settings(max_examples=25, deadline=None)
@given(
    latency=st.integers(1, 12),
    moves=MOVES,
    count=st.integers(1, 4),
)
def test_a_memory_that_answers_alike_outside_gives_the_same_cycles(latency, moves, count) -> None:
    arch = acadl.loads(MACHINE, latency=latency)
    program = moving(arch, moves, count)
    run = coupled_run(arch, program, "far", "interpreted")
    answers: list[tuple[int, int]] = []
    limit = 0
    while not (stop := run.go(limit, 1, 1)).ended:
        for asked in stop.asked:
            run.answer(asked.part, stop.cycle + latency)
            answers.append((stop.cycle, asked.size))
        limit += 1
    assert stop.cycle == estimate(arch, program, method="full", kernel="interpreted").cycles
    assert all(size == 16 for _, size in answers)


def test_a_program_on_caches_waits_for_them() -> None:
    arch = acadl.loads(MACHINE)
    program = moving(arch, [(False, 5, 0), (True, 3, 4)], 20)
    cycles = {}
    for hit_latency in (1, 9):
        env = Clock()
        memory_below = DelayedMemory(env, 20)
        level = CacheLevel(env, LevelParameters(16, 4, hit_latency=hit_latency), memory_below)
        made = [DataFlowCore(arch, program, "far", 16, 16, "interpreted") for _ in range(2)]
        manager = HierarchyManager(env, made, [level, level])
        for number in range(2):
            manager.start(number)
        cycles[hit_latency] = [each.cycles for each in manager.run()]
        assert level.counts.hits + level.counts.misses == 2 * 20 * 8
    assert max(cycles[1]) + 20 < max(cycles[9])


def test_a_write_that_takes_the_last_number_waits_for_an_acknowledgement() -> None:
    requests = [[(0, True, 64 * number, 64) for number in range(3)]]
    made = cores(requests, 16)
    made[0].most_writes = 2
    first, second, third = run(SharedMemoryParameters(mem_latency=40), made).messages
    assert first.accepted == [2, 3, 4, 5]
    assert second.accepted[0] == 6
    assert second.accepted[1:] == [first.last + 7 + beat for beat in range(3)]
    assert third.accepted[1] == second.last + 7
