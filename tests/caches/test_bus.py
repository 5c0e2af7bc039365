"""Buses and crossbars: closed forms for bandwidth and latency, order, whose waiting it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acadl.errors import AcadlError
from acadl.simulate_objects import Clock
from platforms.caches.below import DelayedMemory, Transfer
from platforms.caches.bus import Bus, BusParameters
from platforms.caches.journey import BUS, NOBODY, Journey

FAR = 10  # latency of the memory


def system(parameters: BusParameters) -> tuple[Clock, Bus, DelayedMemory]:
    env = Clock()
    memory = DelayedMemory(env, FAR, 1 << 20)  # hands over anything in one cycle
    return env, Bus(env, parameters, memory), memory


def ends(env: Clock, transfers: list[Transfer]) -> list[int]:
    """When each is done."""
    found = [0] * len(transfers)

    def note(number: int) -> None:
        found[number] = env.cycle

    for number, transfer in enumerate(transfers):
        assert transfer.last.callbacks is not None
        transfer.last.callbacks.append(lambda _, number=number: note(number))  # type: ignore[misc]
    env.run()
    return found


@pytest.mark.parametrize(("latency", "width"), [(0, 64), (3, 64), (0, 16), (5, 8)])
def test_a_lone_access_takes_the_sum_of_its_parts(latency: int, width: int) -> None:
    env, bus, _ = system(BusParameters(width, latency))
    (read,) = ends(env, [bus.access(0, 0, 64, False)])
    assert read == latency + FAR + 1 + latency + 64 // width
    env, bus, _ = system(BusParameters(width, latency))
    (write,) = ends(env, [bus.access(0, 0, 64, True)])
    assert write == 64 // width - 1 + latency + FAR + 1 + latency


@pytest.mark.parametrize("lanes", [1, 2, 3])
@pytest.mark.parametrize("write", [False, True])
def test_streams_share_the_lanes(lanes: int, write: bool) -> None:
    env, bus, _ = system(BusParameters(16, 0, lanes))
    count, size = 60, 64
    transfers = [bus.access(client, 64 * n, size, write) for n in range(count) for client in range(3)]
    last = max(ends(env, transfers))
    busy = -(-3 * count // lanes) * (size // 16)  # every lane moves its share, four cycles each
    assert busy <= last <= busy + FAR + 3


def test_a_crossbar_lets_every_client_go() -> None:
    alone = system(BusParameters(16))
    (one,) = ends(alone[0], [alone[1].access(0, 0, 64, False)])
    env, bus, _ = system(BusParameters(16, lanes=4))
    assert ends(env, [bus.access(client, 64 * client, 64, False) for client in range(4)])[0] == one


def test_who_goes_first() -> None:
    for arbitration, expected in (("priority", [0, 0, 1, 1]), ("round_robin", [0, 1, 0, 1])):
        env, bus, _ = system(BusParameters(16, arbitration=arbitration))  # type: ignore[arg-type]
        clients = [1, 0, 1, 0]
        done = ends(env, [bus.access(client, 64 * n, 16, True) for n, client in enumerate(clients)])
        assert [client for _, client in sorted(zip(done, clients, strict=True))] == expected


def test_waiting_is_of_who_was_in_the_way() -> None:
    env, bus, _ = system(BusParameters(16))
    journeys = [Journey(0), Journey(1)]
    ends(env, [bus.access(n, 64 * n, 64, True, journey=journeys[n]) for n in range(2)])
    assert (BUS, 0) not in journeys[0].waits
    assert journeys[1].waits[BUS, NOBODY] + sum(
        n for (place, _), n in journeys[1].waits.items() if place == BUS
    )
    assert sum(journeys[1].waits.values()) >= 8 + FAR


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 200), st.booleans()), min_size=1, max_size=40),
    st.integers(1, 64),
    st.integers(0, 5),
    st.integers(1, 4),
)
def test_every_request_is_answered_and_lanes_move_no_more_than_they_can(
    wanted: list[tuple[int, int, bool]], width: int, latency: int, lanes: int
) -> None:
    env, bus, memory = system(BusParameters(width, latency, lanes))
    done = ends(env, [bus.access(c, 256 * n, size, write) for n, (c, size, write) in enumerate(wanted)])
    assert memory.reads + memory.writes == len(wanted) and min(done) > 0
    for write in (False, True):
        moved = sum(-(-size // width) for _, size, is_write in wanted if is_write is write)
        assert max(done) >= moved // lanes


def test_the_same_requests_take_the_same_time() -> None:
    found = []
    for _ in range(2):
        env, bus, _ = system(BusParameters(8, 2, 2))
        found.append(ends(env, [bus.access(n % 5, 64 * n, 24 + n, n % 3 == 0) for n in range(50)]))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "wrong", [{"width_bytes": 0}, {"lanes": 0}, {"latency": -1}, {"arbitration": "mine"}]
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(AcadlError):
        BusParameters(**({"width_bytes": 8} | wrong))  # type: ignore[arg-type]
