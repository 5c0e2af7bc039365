"""Rule 8: online arbitration with foresight against a table of reservations in program order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from acadl.simulate_objects import Clock, Steps
from acadl.simulate_plan import Burst, Transaction
from acadl.simulate_storage import Arbiter, Foresight, Job

Workload = list[
    tuple[int, list[tuple[int, int]]]
]  # per instruction: arrival, (latency, hold) of transactions


def reserved(workload: Workload, ports: int, places: int | None) -> list[list[int]]:
    """Start times by the letter of rule 8: in program order, cycle by cycle, counting older ones only."""
    on_port: dict[int, int] = {}
    in_flight: dict[int, int] = {}
    starts: list[list[int]] = []
    for arrival, transactions in workload:
        starts.append([])
        time = arrival
        for latency, hold in transactions:
            while any(on_port.get(t, 0) >= ports for t in range(time, time + hold)) or (
                places is not None and any(in_flight.get(t, 0) >= places for t in range(time, time + latency))
            ):
                time += 1
            starts[-1].append(time)
            for t in range(time, time + hold):
                on_port[t] = on_port.get(t, 0) + 1
            for t in range(time, time + latency):
                in_flight[t] = in_flight.get(t, 0) + 1
            time += hold
    return starts


def simulated(workload: Workload, ports: int, places: int | None) -> tuple[list[list[int]], int]:
    """Start times by the event-driven arbiter, and the number of runs that it took."""
    foresight = Foresight()
    for runs in range(1, 1000):
        foresight.first_mistake = None
        env = Clock()
        arbiter = Arbiter(env, "memory", ports, places, foresight)
        jobs: dict[int, Job] = {}

        def request(
            number: int,
            arrival: int,
            transactions: list[tuple[int, int]],
            env: Clock = env,
            arbiter: Arbiter = arbiter,
            jobs: dict[int, Job] = jobs,
        ) -> Steps:
            yield env.timeout(arrival)
            burst = Burst("memory", 0, tuple(Transaction(latency, hold) for latency, hold in transactions))
            job = jobs[number] = arbiter.request(number, burst)
            yield job.finished
            last = max(r.service.start + r.cost.latency for r in job.requests if r.service)
            assert env.now == last or foresight.first_mistake is not None

        for number, (arrival, transactions) in enumerate(workload):
            env.process(request(number, arrival, transactions))
        env.run()
        if foresight.first_mistake is None:
            return [
                [r.service.start for r in jobs[n].requests if r.service] for n in range(len(workload))
            ], runs
    raise AssertionError("no end")


costs = st.tuples(st.integers(0, 6), st.integers(0, 6))
workloads = st.lists(
    st.tuples(st.integers(0, 25), st.lists(costs, min_size=1, max_size=4)), min_size=1, max_size=10
)


@settings(max_examples=500, deadline=None)
@given(workloads, st.integers(1, 3), st.sampled_from([None, 1, 2, 3]))
def test_arbiter_serves_as_the_rule_says(workload: Workload, ports: int, places: int | None) -> None:
    assert simulated(workload, ports, places)[0] == reserved(workload, ports, places)


def test_younger_gives_way_to_an_older_one_and_is_served_again() -> None:
    workload = [
        (3, [(5, 5)]),
        (0, [(5, 5)]),
    ]  # the older one arrives in the middle of the younger one's service
    assert simulated(workload, 1, None) == ([[3], [8]], 1)


def test_younger_that_fits_before_the_older_one_is_not_interrupted() -> None:
    assert simulated([(5, [(5, 5)]), (0, [(5, 5)])], 1, None) == ([[5], [0]], 1)


def test_younger_fills_the_gap_that_an_interrupted_one_could_not_use() -> None:
    # 2 waits for 1 from cycle 0 on; then 0 takes the port away from 1: it was free for 2 all the time
    workload = [(3, [(4, 4)]), (0, [(5, 5)]), (0, [(3, 3)])]
    starts, runs = simulated(workload, 1, None)
    assert starts == [[3], [7], [0]]
    assert runs == 2


def test_an_interrupted_transaction_takes_its_successors_back() -> None:
    # one place: the younger one's first transaction has left its port, not its place, when the older comes
    workload = [(2, [(4, 1)]), (0, [(4, 1), (1, 1)])]
    assert simulated(workload, 1, 1)[0] == [[2], [6, 10]] == reserved(workload, 1, 1)
