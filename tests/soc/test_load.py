"""Several networks at once: arrivals, order, deadlines, throughput."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from acadl.errors import AcadlError
from mappings import Layer
from mappings.network import Network
from platforms.command_group import cli
from platforms.soc.chips import Chip, CorePlace
from platforms.soc.load import Load, Stream, load_load
from platforms.soc.load_core import Job, LoadCore
from platforms.soc.phases import Board, Phase
from platforms.soc.serving import LoadRun, serve, summary
from platforms.soc.simulation import simulate
from tests.soc.shipped import L2

ONE = Chip("one", (CorePlace("array", "gemmini"),), L2)
CONV = Layer(name="c", op="conv", C=16, H=14, W=14, K=32, R=3, S=3)
SMALL = Network(name="small", layers=(CONV,))
LARGE = Network(name="large", layers=(replace(CONV, K=128),))


def served(*streams: tuple[Network, Stream], policy: str = "arrival", chip: Chip = ONE) -> LoadRun:
    load = Load(tuple(stream for _, stream in streams), policy)
    return serve(chip, load, networks=[network for network, _ in streams])


def acadl(*args: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, args)))


def test_one_input_takes_what_the_network_takes() -> None:
    run = served((SMALL, Stream("small", 1, period_ms=1)))
    alone = simulate(ONE, SMALL)
    assert run.total_cycles == alone.total_cycles
    assert run.streams[0].latencies_s == (alone.total_cycles / alone.clock_hz,)


def test_a_slow_stream_finds_the_system_free_and_has_its_own_rate() -> None:
    alone = simulate(ONE, SMALL).latency_s
    run = served((SMALL, Stream("small", 30, period_ms=4e3 * alone, deadline_ms=1.1e3 * alone)))
    (stream,) = run.streams
    assert stream.missed == 0
    assert max(stream.latencies_s) <= 1.05 * alone
    assert stream.throughput_per_s == pytest.approx(1 / (4 * alone), rel=0.05)


def test_a_fast_stream_has_the_throughput_of_the_system_and_misses_deadlines() -> None:
    alone = simulate(ONE, SMALL).latency_s
    run = served((SMALL, Stream("small", 40, period_ms=0, deadline_ms=10.5e3 * alone)))
    (stream,) = run.streams
    assert stream.throughput_per_s == pytest.approx(1 / alone, rel=0.05)
    assert list(stream.latencies_s) == sorted(stream.latencies_s)  # in order
    assert stream.missed == sum(each > 10.5 * alone for each in stream.latencies_s)
    assert 25 < stream.missed < 31


def test_the_first_deadline_goes_first() -> None:
    alone = simulate(ONE, LARGE).latency_s
    urgent = SMALL, Stream("small", 5, period_ms=0, deadline_ms=1.0)
    patient = LARGE, Stream("large", 5, period_ms=0)
    by_deadline = served(patient, urgent, policy="deadline")
    by_order = served(patient, urgent, policy="order")
    assert max(by_deadline.streams[1].latencies_s) < min(by_deadline.streams[0].latencies_s)
    assert max(by_order.streams[0].latencies_s) < min(by_order.streams[1].latencies_s)
    assert min(by_order.streams[1].latencies_s) > 5 * alone
    assert by_deadline.total_cycles == pytest.approx(by_order.total_cycles, rel=0.02)


def test_the_same_seed_is_the_same_and_another_one_is_not() -> None:
    def run(seed: int) -> LoadRun:
        return served(
            (SMALL, Stream("small", 12, rate_per_s=40_000, seed=seed)),
            (LARGE, Stream("large", 4, rate_per_s=20_000, seed=seed)),
        )

    first, second, other = (run(seed).to_dict() for seed in (1, 1, 2))
    for each in (first, second, other):
        del each["wall_s"]
    assert first == second != other


def test_random_arrivals_have_their_rate() -> None:
    stream = Stream("small", 20_000, rate_per_s=1000, seed=5)
    arrivals = stream.arrivals(1_000_000)
    assert arrivals[-1] / 1_000_000 == pytest.approx(20, rel=0.03)
    gaps = [b - a for a, b in pairwise(arrivals)]
    assert sum(gap > 1000 for gap in gaps) / len(gaps) == pytest.approx(0.368, abs=0.02)  # 1/e


def test_percentiles_are_nearest_ranks() -> None:
    found = summary([float(n) for n in range(1, 101)])
    assert found == {"mean": 50.5, "median": 50, "p95": 95, "p99": 99, "max": 100}
    assert summary([3.0])["p99"] == 3.0


def test_time_that_is_skipped_moves_no_arrival() -> None:
    """A long wait for the next input is steady; inputs come when they come."""
    alone = simulate(ONE, SMALL).latency_s
    stream = Stream("small", 6, period_ms=200e3 * alone)
    run = served((SMALL, stream))
    assert run.extrapolated.cycles > 0.5 * run.total_cycles
    assert run.total_cycles == pytest.approx((5 * 200 + 1) * alone * run.clock_hz, rel=0.001)
    assert max(run.streams[0].latencies_s) <= 1.1 * alone


def test_a_core_that_waits_says_for_what() -> None:
    core = LoadCore(0, (), Board())
    core.queues.append(deque([Job((0, 0), Phase(5, after=((1, 3),), label="x"), (0,))]))
    core.start(0)
    assert not core.go(10, 1, 1).ended
    assert core.waits_for == "'x' waits for phase 3 of core 1"


TABLE = "layer,op,C,H,W,K,R,S\nc1,conv,16,14,14,32,3,3\nr1,relu,32,12,12,,,\n"


def test_command(tmp_path: Path) -> None:
    (tmp_path / "net.csv").write_text(TABLE)
    stream = {"network": str(tmp_path / "net.csv"), "inputs": 8, "rate_per_s": 90_000, "deadline_ms": 0.02}
    load = {"format": "acadl load 1", "policy": "deadline", "streams": [stream]}
    path = tmp_path / "load.json"
    path.write_text(json.dumps(load))
    done = acadl("simulate", "soc", "--load", path, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["streams"][0]["latencies_s"]) == 8
    assert "p99 ms" in acadl("simulate", "soc", "--load", path).stdout


HEAD = {"format": "acadl load 1"}
STREAM = {"network": "alexnet", "period_ms": 1}


@pytest.mark.parametrize(
    ("load", "message"),
    [
        ({"format": "x"}, "is no load"),
        (HEAD | {"streams": []}, "list of one stream or more"),
        (HEAD | {"streams": [STREAM | {"rate_pers": 1}]}, "did you mean 'rate_per_s'"),
        (HEAD | {"streams": [{"network": "alexnet"}]}, "either a period_ms or a rate_per_s"),
        (HEAD | {"streams": [STREAM | {"deadline_ms": 0}]}, "more than 0"),
        (HEAD | {"streams": [STREAM | {"inputs": 1.5}]}, "whole number"),
        (HEAD | {"policy": "fifo", "streams": [STREAM]}, "'policy' is"),
    ],
)
def test_what_is_no_load_is_said_with_its_line(load: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "load.json"
    path.write_text(json.dumps(load))
    with pytest.raises(AcadlError) as caught:
        load_load(path)
    texts = [str(caught.value), *(item.message for item in caught.value.diagnostics)]
    assert any(message in text for text in texts)


def test_one_of_network_and_load() -> None:
    assert "one of --network and --load" in acadl("simulate", "soc").stderr
    assert "is for one network" in acadl("simulate", "soc", "--load", "x", "--alone").stderr
