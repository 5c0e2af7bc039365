"""Speed of the DRAM model on long streams, compiled and interpreted, beside other simulators."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import product

import numpy as np

import dram
from benchmarks.tables import Row
from dram.compiled import is_available
from dram.requests import Requests

# The presets of the simulators that are shown beside.
CONFIGS = ("ramulator2/ddr4_2400_1r", "dramsim3/ddr4_2400_1r", "dramsys/ddr4_2400_1r")
MILLION, SHORT = 1_000_000, 20_000
RUNS = 3

# Thousand requests per CPU second, one thread, without recording: Ramulator 2.1 (c5b1c3a) and DRAMsim3
# (2981759), the simulation loop alone; DRAMSys 5.1, the whole process. Measured on a machine with two cores.
RECORDED = {
    "sequential": {"Ramulator 2.1": 337, "DRAMsim3": 296, "DRAMSys 5.1": 327},
    "random": {"Ramulator 2.1": 221, "DRAMsim3": 199, "DRAMSys 5.1": 146},
    "sparse": {"Ramulator 2.1": 129, "DRAMsim3": 28, "DRAMSys 5.1": 342},
}
# Requests, and cycles between them.
STREAMS = {"sequential": (MILLION, 6), "random": (MILLION, 8), "sparse": (MILLION // 10, 200)}

ABOUT = (
    "Thousand requests per CPU second, DDR4-2400 with one rank, two reads for a write: "
    "a million sequential requests, one each 6 cycles; a million to random places, one each 8; a hundred "
    "thousand to random places, one each 200. `dram.simulate` alone, best of {runs} runs; interpreted code "
    "serves the first {short} requests{compiled}. The other simulators were measured on another day, on a "
    "machine with two cores: Ramulator and DRAMsim3 without start and reading, DRAMSys as a whole."
)


def stream(name: str, count: int | None = None) -> Requests:
    """The first ``count`` requests of a stream; the same each time."""
    length, gap = STREAMS[name]
    length = min(count or length, length)
    numbers = np.arange(length, dtype=np.int64)
    bursts = numbers
    if name != "sequential":
        bursts = np.random.default_rng(7).integers(0, 1 << 27, STREAMS[name][0], dtype=np.int64)[:length]
    return Requests(numbers, numbers * gap, numbers % 3 == 2, bursts * 64, np.zeros(length, np.int64))


def measure() -> Iterator[Row]:
    """A row per stream and configuration."""
    for name, config in product(STREAMS, CONFIGS):
        length, gap = STREAMS[name]
        print(f"memory: {name}, {config}", file=sys.stderr)
        compiled = _speed(config, stream(name), True) if is_available() else 0.0
        interpreted = _speed(config, stream(name, SHORT), False)
        yield {
            "stream": name,
            "configuration": config,
            "requests": length,
            "cycles between": gap,
            "compiled": compiled / 1e3,
            "interpreted": interpreted / 1e3,
            **RECORDED[name],
        }


def about() -> str:
    """What the table shows."""
    compiled = ", compiled code all, after it has been compiled" if is_available() else ""
    if not is_available():
        compiled = "; numba (extra `fast`) is not installed here"
    return ABOUT.format(runs=RUNS, short=f"{SHORT:,}", compiled=compiled)


def _speed(config: str, requests: Requests, fast: bool) -> float:
    """Requests per CPU second."""
    dram.simulate(requests[:100], config, fast=fast)
    seconds = []
    for _ in range(RUNS):
        begin = time.process_time()
        dram.simulate(requests, config, fast=fast)
        seconds.append(time.process_time() - begin)
    return len(requests) / min(seconds)
