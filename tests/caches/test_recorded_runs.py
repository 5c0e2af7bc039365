"""Every cycle of recorded runs of a cache generator's RTL."""

from __future__ import annotations

import csv
import gzip
import json
from itertools import pairwise
from pathlib import Path

import pytest

from platforms.caches.runs import simulate_traces

DATA = Path(__file__).parents[1] / "data" / "cache"
CONFIGURATIONS = [entry["id"] for entry in json.loads((DATA / "configs.json").read_text())]


def recorded(name: str) -> str:
    with gzip.open(DATA / "results" / f"{name}.csv.gz", "rt") as stream:
        return stream.read()


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_cycle_is_that_of_the_hardware(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    simulate_traces(str(DATA / "traces" / f"{name}.csv.gz"), f"{DATA / 'configs.json'}:{name}", str(out))
    assert out.read_text() == recorded(name)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_totals_are_sums_over_the_accesses(name: str) -> None:
    found = simulate_traces(str(DATA / "traces" / f"{name}.csv.gz"), f"{DATA / 'configs.json'}:{name}")
    rows = list(csv.DictReader(recorded(name).splitlines()))
    for run in found.runs:
        mine = [row for row in rows if row["trace"] == run.trace]
        assert run.accesses == len(mine) > 0
        assert run.total_cycles == max(int(row["ready"]) for row in mine)
        assert run.hits == sum(row["hit"] == "1" for row in mine)
        assert run.misses == len(mine) - run.hits
        assert run.levels[0].writebacks == run.writebacks
        for above, below in pairwise(run.levels):
            assert below.hits + below.misses <= above.below_reads + above.below_writes


def test_the_recorded_runs_meet_every_mechanism() -> None:
    entries = json.loads((DATA / "configs.json").read_text())
    caches = [cache for entry in entries for cache in entry["caches"]]
    assert {cache["replacement_policy"] for cache in caches} == {"LRU", "FIFO", "PLRU_TREE", "PLRU_MRU"}
    assert {cache["write_policy"] for cache in caches} == {"WRITE_BACK", "WRITE_THROUGH"}
    assert {cache["write_allocate"] for cache in caches} == {True, False}
    assert any(cache["write_buffer_size"] for cache in caches)
    assert {entry["arbitration"] for entry in entries} == {None, "PRIORITY", "ROUND_ROBIN"}
    assert any(entry["delay"]["burst_block_size"] for entry in entries if entry["delay"])
    assert {run["mode"] for entry in entries for run in entry["runs"]} == {"ready", "data", "post"}
