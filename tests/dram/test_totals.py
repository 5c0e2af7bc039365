"""Sums over a trace that comes in parts are those of the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dram
from dram import totals
from dram.requests import Requests
from dram.totals import Latencies


def gathered(parts: list[list[int]]) -> dict[str, float]:
    found = Latencies()
    for part in parts:
        found.add(np.array(part, np.int64))
    return found.to_dict()


def nearest_rank(values: list[int], percent: int) -> int:
    return sorted(values)[max(1, -(-len(values) * percent // 100)) - 1]


@given(st.lists(st.lists(st.integers(0, 50)), min_size=1))
def test_latencies_in_parts(parts: list[list[int]]) -> None:
    values = [value for part in parts for value in part]
    found = gathered(parts)
    if not values:
        assert found == {"mean": 0.0, "p50": 0, "p90": 0, "p99": 0, "max": 0}
        return
    assert found["mean"] == pytest.approx(sum(values) / len(values)) and found["max"] == max(values)
    for percent in (50, 90, 99):
        assert found[f"p{percent}"] == nearest_rank(values, percent)


@given(st.lists(st.lists(st.integers(0, 10**6), max_size=60), min_size=1, max_size=8))
def test_many_different_latencies_are_rounded_up(parts: list[list[int]]) -> None:
    values = [value for part in parts for value in part]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(totals, "DISTINCT", 32)
        found = gathered(parts)
    for percent in (50, 90, 99) if values else ():
        exact = nearest_rank(values, percent)
        assert exact <= found[f"p{percent}"] <= min(exact + 2 * max(values) / 32, max(values))


FOUR_CHANNELS = {
    "device": {"name": "DDR4_2400"},
    "mapping": {"order": ["ch", "co", "ra", "bg", "ba", "ro"], "channels": 4},
}


@pytest.mark.parametrize("config", ["DDR4_2400", "dramsim3/hbm2_2000_pc", FOUR_CHANNELS])
def test_totals_of_a_stream(config: str | dict[str, Any]) -> None:
    random = np.random.default_rng(1)
    requests = Requests.of(
        np.cumsum(random.choice([0, 2, 90], 500)),
        random.random(500) < 0.4,
        random.integers(0, 1 << 20, 500) * 64,
    )
    stream = dram.stream((requests[at : at + 70] for at in range(0, 500, 70)), config, fast=False)
    for _ in stream:
        pass
    assert stream.totals.to_dict() == dram.simulate(requests, config, fast=False).to_dict()
