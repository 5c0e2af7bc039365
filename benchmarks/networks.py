"""Whole networks on shipped accelerators: every pair is a process of its own, started from nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mappings
from benchmarks.tables import Row
from benchmarks.workloads import accelerators

RUNS = 3

ABOUT = (
    "`acadl estimate ACCELERATOR --network NETWORK --json`: each pair is a process of its own, from its "
    "start to its end, the fastest of {runs} runs. Evaluated: share of instructions that were propagated; "
    "the others are known to repeat."
)


def measure() -> Iterator[Row]:
    """A row per accelerator and network."""
    for name, _ in accelerators():
        for network in mappings.network_names():
            print(f"networks: {name} {network}", file=sys.stderr)
            yield min((_process(name, network) for _ in range(RUNS)), key=lambda run: run[0])[1]


def about() -> str:
    """What the table shows."""
    return ABOUT.format(runs=RUNS)


def _process(accelerator: str, network: str) -> tuple[float, Row]:
    launcher = Path(__file__).with_name("launcher.py")
    command = [sys.executable, "-m", "platforms.cli", "estimate", accelerator, "--network", network, "--json"]
    done = subprocess.run(
        [sys.executable, "-S", str(launcher), *command], capture_output=True, text=True, check=True
    )
    figures = json.loads(done.stderr.splitlines()[-1])
    report = json.loads(done.stdout)
    layers = report["layers"]
    instructions = sum(layer["instructions"] for layer in layers)
    evaluated = sum(layer["evaluated_instructions"] for layer in layers)
    return figures["wall_s"], {
        "accelerator": accelerator,
        "network": network,
        "cycles": report["total_cycles"],
        "method": "/".join(sorted({layer["method"] for layer in layers})),
        "instructions": instructions,
        "evaluated": f"{100 * evaluated / instructions:.2g} %",
        "wall, s": round(figures["wall_s"], 3),
        "CPU, s": round(figures["cpu_s"], 3),
        "peak memory, MiB": figures["peak_bytes"] >> 20,
    }
