"""Long pauses: leaving rounds of refreshes out changes nothing but the time that it takes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import dram
import dram.idle
from dram.requests import Requests
from dram.result import Run

CASES: list[tuple[str, dict[str, Any]]] = [
    ("DDR4_2400", {}),
    ("DDR4_2400", {"refresh_stagger": "forward", "refresh_postpone": 8, "refresh_pull_in": 8}),
    ("DDR4_2400", {"refresh_precharge": "single", "page": "capped", "scheduler": "fr_fcfs_capped"}),
    ("DDR4_2400", {"power_down": "staggered"}),
    ("DDR3_1600", {"refresh_blocks": "channel", "page": "closed"}),
    ("DDR5_4800", {"refresh": "same_bank", "refresh_postpone": 2}),
    ("LPDDR4_3200", {"refresh": "per_bank"}),
    ("LPDDR5_6400", {"refresh": "per_bank", "refresh_pull_in": 2}),
    ("HBM3_6400", {}),
]


def served(case: tuple[str, dict[str, Any]], requests: Requests) -> Run:
    config = {"device": {"name": case[0], "ranks": 2}, "controller": case[1]}
    return dram.simulate(requests, config, fast=False)


@pytest.mark.parametrize("case", CASES)
def test_shortened_pauses_give_the_same(
    case: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(7)
    gaps = draw.choice([0, 3, 200, 70_000, 260_000], 60, p=[0.3, 0.2, 0.2, 0.2, 0.1])
    addresses = draw.integers(0, 1 << 20, 60) * 64
    requests = Requests.of(np.cumsum(gaps), draw.random(60) < 0.4, addresses)
    rounds: list[int] = []
    add = dram.idle._add_rounds

    def counted(kernel: Any, states: Any, count: int) -> None:
        rounds.append(count)
        add(kernel, states, count)

    monkeypatch.setattr(dram.idle, "_add_rounds", counted)
    expected = served(case, requests)
    assert not rounds  # these pauses are short
    monkeypatch.setattr("dram.channel.run_over_pauses", partial(dram.idle.run_over_pauses, long=40_000))
    found = served(case, requests)
    assert rounds and (sum(rounds) > 0 or "power_down" in case[1])  # in self-refresh there are none
    assert found.accept.tolist() == expected.accept.tolist()
    assert found.done.tolist() == expected.done.tolist()
    assert found.to_dict() == expected.to_dict()


@pytest.mark.parametrize("case", CASES)
def test_a_pause_of_a_trillion_cycles(case: tuple[str, dict[str, Any]]) -> None:
    long = 10**12 + 1
    run = served(case, Requests.of([0, long], [False, False], [0, 1 << 20]))
    assert long < run.done[1] < long + 2000
    refreshes = sum(run.counts.get(name, 0) for name in ("REF", "REFPB", "REFSB"))
    interval = {"per_bank": "tREFIpb", "same_bank": "tREFIsb"}.get(case[1].get("refresh", ""), "tREFI")
    if "power_down" not in case[1]:  # a rank in self-refresh is sent none
        assert refreshes == pytest.approx(2 * long / run.device.ticks(interval), rel=1e-6)
