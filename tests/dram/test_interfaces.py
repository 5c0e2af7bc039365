"""Batch, stream and online give the same times, interpreted and compiled; responses keep their order."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

import dram
from dram.errors import DramError
from dram.requests import Requests

CONFIGS = (
    "DDR4_2400",
    "ramulator2/ddr4_2400_2r",
    "dramsys/hbm2_2000_pc",
    "dramsys__powerdown/ddr4_2400_1r",
    "ramulator2/lpddr5_6400_1r",
    "ramulator2/hbm3_6400_ch",
    "dramsim3__unified/ddr4_2400_1r",
)


def traffic(config: str, count: int = 400) -> Requests:
    """Bursts and pauses over a few rows of the memory that a configuration describes."""
    chosen = dram.configuration(config)
    device = chosen.make_device()
    bits = chosen.make_mapping(device).address_bits
    random = np.random.default_rng(len(config))
    gaps = random.choice([0, 0, 1, 3, 50, 900], count)
    rows = random.integers(0, 1 << bits, 6) // device.organisation.burst_bytes
    address = (random.choice(rows, count) + random.integers(0, 8, count)) % (
        (1 << bits) // device.organisation.burst_bytes
    )
    return Requests.of(np.cumsum(gaps), random.random(count) < 0.3, address * device.organisation.burst_bytes)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("size", [1, 7, 150])
def test_streams_give_the_times_of_the_whole_trace(config: str, size: int) -> None:
    requests = traffic(config)
    run = dram.simulate(requests, config, record=True, fast=False)
    accept, done = np.full(len(requests), -1), np.full(len(requests), -1)
    commands = 0
    parts = (requests[at : at + size] for at in range(0, len(requests), size))
    for served in dram.stream(parts, config, record=True, fast=False):
        accept[served.position] = served.accept
        done[served.position] = served.done
        commands += len(served.commands[0])
        assert (requests.ids[served.position] == served.ids).all()
    assert (accept == run.accept).all()
    assert (done == run.done).all()
    assert commands == len(run.commands)


def online_times(requests: Requests, config: Any, **options: Any) -> list[tuple[int, int, int]]:
    """Accept, done, and the time at which the event has fired, per request."""
    env = simpy.Environment()
    memory = dram.OnlineMemory(env, config, **options)
    scale = options.get("time_per_cycle", 1)
    times: list[tuple[int, int, int]] = [(-1, -1, -1)] * len(requests)

    def wait(number: int, event: simpy.Event) -> Any:
        value = yield event
        times[number] = (value.accept, value.done, env.now)

    def host() -> Any:
        for number in range(len(requests)):
            arrival = int(requests.arrival[number]) * scale
            if arrival > env.now:
                yield env.timeout(arrival - env.now)
            event = memory.request(int(requests.address[number]), bool(requests.is_write[number]))
            env.process(wait(number, event))
        memory.close()

    env.process(host())
    env.run(until=(int(requests.arrival[-1]) + 100_000) * scale)
    return times


@pytest.mark.parametrize("config", CONFIGS)
def test_online_gives_the_times_of_the_trace(config: str) -> None:
    requests = traffic(config)
    run = dram.simulate(requests, config, fast=False)
    times = online_times(requests, config)
    assert [time[:2] for time in times] == list(zip(run.accept, run.done, strict=True))
    reads = ~requests.is_write
    assert (np.array([time[2] for time in times])[reads] == run.done[reads]).all()


PIECE = st.tuples(st.integers(0, 5), st.integers(0, 7), st.booleans(), st.sampled_from([0, 0, 1, 3, 40, 900]))


@pytest.mark.parametrize("config", dram.configuration_names())
@settings(max_examples=4)
@given(pieces=st.lists(PIECE, min_size=1, max_size=60), size=st.integers(1, 20))
def test_all_interfaces_give_the_same_times(
    config: str, pieces: list[tuple[int, int, bool, int]], size: int
) -> None:
    chosen = dram.configuration(config)
    mapping = chosen.make_mapping(chosen.make_device())
    bits = mapping.address_bits - mapping.offset_bits
    bases = [0, 1 << (bits - 1), (1 << bits) - 8, 1 << (bits // 2), 1 << (bits // 3), 8]
    address = [(bases[base] + offset) % (1 << bits) << mapping.offset_bits for base, offset, *_ in pieces]
    arrival = np.cumsum([gap for *_, gap in pieces]).tolist()
    requests = Requests.of(arrival, [write for _, _, write, _ in pieces], address)
    # a trace may end with writes that stay in the stage; in SimPy their events fire then, too
    chosen = chosen.model_copy(
        update={"controller": chosen.controller.model_copy(update={"drain_at_end": True})}
    )
    run = dram.simulate(requests, chosen, fast=False)
    expected = list(zip(run.accept.tolist(), run.done.tolist(), strict=True))
    assert [time[:2] for time in online_times(requests, chosen)] == expected
    times = np.zeros((len(requests), 2), np.int64)
    for served in dram.stream(
        (requests[at : at + size] for at in range(0, len(requests), size)), chosen, fast=False
    ):
        times[served.position] = np.stack([served.accept, served.done], axis=1)
    assert [tuple(row) for row in times.tolist()] == expected


@pytest.mark.parametrize("queues", ["bank", "rank"])
@pytest.mark.parametrize("refresh", ["all_bank", "none"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_streams_know_the_last_write_of_a_stage_like_whole_traces(
    queues: str, refresh: str, size: int
) -> None:
    config = {
        "device": {"name": "DDR4_2400"},
        "mapping": {"order": ["ch", "co", "ra", "bg", "ba", "ro"], "channels": 2},
        "controller": {"stage": {"queues": queues, "drain_threshold": 1}, "refresh": refresh},
    }
    requests = Requests.of([0, 3, 3, 20_000, 20_007], [False, True, True, True, True], [0, 64, 0, 128, 192])
    run = dram.simulate(requests, config, fast=False)
    parts = (requests[at : at + size] for at in range(0, 5, size))
    found = dram.stream(parts, config, fast=False)
    times = {
        position: done
        for served in found
        for position, done in zip(served.position.tolist(), served.done.tolist(), strict=True)
    }
    assert [times[position] for position in range(5)] == run.done.tolist()
    assert found.totals.to_dict() == run.totals.to_dict()


def test_a_write_may_stay_in_a_stage_for_long() -> None:
    config = {
        "device": {"name": "DDR4_2400"},
        "controller": {"stage": {"drain_threshold": 1}, "refresh": "none"},
    }
    long = 1 << 22
    requests = Requests.of([0, long, long], [True, False, True], [0, 64, 128])
    done = dram.simulate(requests, config, fast=False).done
    assert long < done.min() <= done.max() < long + 200


def test_closing_a_memory_writes_what_waits() -> None:
    env = simpy.Environment()
    stage = {"stage": {"drain_threshold": 8}, "write_done": "data"}
    memory = dram.OnlineMemory(env, {"device": {"name": "DDR4_2400"}, "controller": stage})
    event = memory.request(64, write=True)
    env.run(until=5000)
    assert not event.triggered
    memory.close()
    env.run()
    assert event.processed and 5000 < event.value.done < 5100
    with pytest.raises(DramError, match="has been closed"):
        memory.request(0)


def test_the_time_of_an_environment_may_be_finer_than_cycles() -> None:
    requests = traffic("DDR4_2400", 100)
    run = dram.simulate(requests, "DDR4_2400", fast=False)
    times = online_times(requests, "DDR4_2400", time_per_cycle=833)
    assert [time[:2] for time in times] == list(zip(run.accept, run.done, strict=True))
    assert times[0][2] == run.done[0] * 833


def test_a_simulation_ends_when_its_requests_are_served() -> None:
    env = simpy.Environment()
    memory = dram.OnlineMemory(env, "DDR4_2400")
    first = memory.request(0)
    env.run()
    assert first.value.done == 37 == env.now


def test_answers_in_order_of_arrival() -> None:
    requests = traffic("DDR4_2400")
    ready = dram.simulate(requests, {"device": {"name": "DDR4_2400"}}, fast=False)
    config = {"device": {"name": "DDR4_2400"}, "controller": {"responses": "in_order_of_arrival"}}
    ordered = dram.simulate(requests, config, fast=False)
    assert (np.diff(ordered.done) >= 1).all()
    assert (ordered.done >= ready.done).all()
    assert not (np.diff(ready.done) >= 0).all()
    expected, last = [], -1
    for done in ready.done.tolist():
        last = max(done, last + 1)
        expected.append(last)
    assert ordered.done.tolist() == expected


@pytest.mark.skipif(find_spec("numba") is None, reason="compiled code needs numba")
@pytest.mark.parametrize("config", CONFIGS)
def test_compiled_code_gives_the_same(config: str) -> None:
    requests = traffic(config)
    slow = dram.simulate(requests, config, record=True, fast=False)
    fast = dram.simulate(requests, config, record=True, fast=True)
    assert (slow.accept == fast.accept).all()
    assert (slow.done == fast.done).all()
    for name in ("cycle", "command", "rank", "bankgroup", "bank", "row", "column"):
        assert (getattr(slow.commands, name) == getattr(fast.commands, name)).all()


def test_channels_are_served_independently() -> None:
    single = {"device": {"name": "DDR4_2400"}}
    double = {**single, "mapping": {"order": ["ch", "co", "ra", "bg", "ba", "ro"], "channels": 2}}
    arrival = [number for number in range(100) for _ in range(2)]
    both = Requests.of(arrival, [False] * 200, [number * 64 for number in range(200)])
    one = Requests.of(range(100), [False] * 100, [number * 64 for number in range(100)])
    expected = dram.simulate(one, single, fast=False).done
    done = dram.simulate(both, double, fast=False).done
    assert (done[::2] == expected).all()
    assert (done[1::2] == expected).all()
