"""The cache model against recorded runs of a cache generator's RTL, access by access.

    python -m benchmarks.cache_reference REFERENCE [--write]

REFERENCE is a folder with ``configs_dev.json``, ``traces/CONFIG_dev.csv.gz`` and
``results/CONFIG_dev.csv.gz``; one with short traces, whose names lack ``_dev``, is ``tests/data/cache``.
Every trace runs through its configuration with ``acadl cache``'s own code. ``--write`` writes the table into
docs/cache_validation.md.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.tables import Row, table, write_between
from platforms.caches.runs import simulate_traces

PAGE = Path(__file__).parents[1] / "docs" / "cache_validation.md"
COLUMNS = ("issue", "accept", "grant", "data", "ready", "hit")


def compare(reference: Path) -> Iterator[Row]:
    """A row per configuration."""
    suffix = "_dev" if (reference / "configs_dev.json").exists() else ""
    configs = reference / f"configs{suffix}.json"
    for entry in json.loads(configs.read_text()):
        name = entry["id"]
        with gzip.open(reference / "results" / f"{name}{suffix}.csv.gz", "rt") as stream:
            wanted = _by_trace(csv.DictReader(stream))
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.csv"
            trace = reference / "traces" / f"{name}{suffix}.csv.gz"
            simulate_traces(str(trace), f"{configs}:{name}", str(out))
            with out.open() as stream:
                found = _by_trace(csv.DictReader(stream))
        yield {"configuration": name, "caches": _described(entry), **_agreement(wanted, found)}


def _by_trace(rows: Any) -> dict[str, list[dict[str, str]]]:
    runs: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        runs.setdefault(row["trace"], []).append(row)
    return runs


def _agreement(wanted: dict[str, list[dict[str, str]]], found: dict[str, list[dict[str, str]]]) -> Row:
    """How many runs and accesses are the same in every column, and the worst error of the total cycles."""
    exact_runs = exact = accesses = 0
    worst = 0.0
    for trace, rows in wanted.items():
        mine = found[trace]
        same = [
            all(ours[column] == theirs[column] for column in COLUMNS)
            for ours, theirs in zip(mine, rows, strict=True)
        ]
        exact_runs += all(same)
        exact += sum(same)
        accesses += len(same)
        theirs, ours = (max(int(row["ready"]) for row in side) for side in (rows, mine))
        worst = max(worst, abs(100 * (ours - theirs) / theirs))
    return {
        "runs": len(wanted),
        "exact runs": exact_runs,
        "accesses": accesses,
        "exact accesses": exact,
        "total cycles, worst": f"{worst:.2f} %",
    }


def _described(entry: dict[str, Any]) -> str:
    parts = []
    for cache in entry["caches"]:
        allocate = "" if cache["write_allocate"] else ", no allocation"
        buffer = f", buffer of {cache['write_buffer_size']}" if cache["write_buffer_size"] else ""
        lines = f"{cache['num_ways']} × {cache['num_sets']}"
        size = f"{lines} × {cache['block_size']} words of {cache['data_width']}"
        writes = cache["write_policy"].lower().replace("_", "-")
        parts.append(f"{size}, {cache['replacement_policy']}, {writes}{allocate}{buffer}")
    if entry["num_ports"] > 1:
        parts.append(f"{entry['num_ports']} ports, {entry['arbitration'].lower().replace('_', ' ')}")
    delay = entry["delay"]
    if delay and delay["burst_block_size"]:
        parts.append("bursts")
    return "; ".join(parts)


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cache_reference")
    parser.add_argument("reference", type=Path)
    parser.add_argument("--write", action="store_true", help="write the table into docs/cache_validation.md")
    options = parser.parse_args()
    rows = []
    for row in compare(options.reference):
        print(row["configuration"], file=sys.stderr)
        rows.append(row)
    counted = ("exact runs", "runs", "exact accesses", "accesses")
    exact_runs, runs, exact, accesses = (sum(int(str(row[name])) for row in rows) for name in counted)
    text = (
        f"{exact_runs} of {runs} runs and {exact:,} of {accesses:,} accesses are the same in every column."
        f"\n\n{table(rows)}"
    )
    print(text)
    if options.write:
        write_between(PAGE, "python -m benchmarks.cache_reference REFERENCE --write", text)


if __name__ == "__main__":
    main()
