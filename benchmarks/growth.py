"""How the cost of an exact estimate grows: with the trip count, and with the size of the architecture."""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeVar

import acadl
from acadl.model import Architecture
from aidg.estimation import Estimate, estimate
from benchmarks.tables import Row
from benchmarks.workloads import accelerators, programs
from mappings.program import LoopProgram, Sequence, loop, step

RUNS = 7
BODY = 2_000  # instructions of the program that is repeated, at most
TRIPS = tuple(10**power for power in range(3, 13, 3))
SIDES = (1, 2, 4, 8, 16)

ABOUT_TRIPS = (
    "A matrix product, repeated in one more loop. CPU time of preparing and estimating, best of {runs} runs, "
    "taken in turn; memory: the most that is allocated meanwhile. Ratios are to the shortest loop."
)
ABOUT_SIZE = (
    "A grid of cells, each with a unit and registers of its own; in each of 10¹² iterations every cell gets "
    "an instruction. CPU time, best of {runs} runs."
)

GRID = """
architecture grid(side: int = 4) {
    clock 500 MHz
    operations { work(sum: inout reg, n: int) }
    sram imem { data_width: 32 bits, port_width: 4, addresses: 0 ..< 4 KiB }
    fetch ifs { issue_buffer_size: 16, from: imem }
    template cell() {
        registers rf { data_width: 32 bits, names: sum }
        execute ex { unit mac { operations: work, latency: n } }
        rf <=> ex.mac
        open issue: -> ex
    }
    cells: cell()[side][side]
    ifs -> cells[*][*].issue
}
"""

T = TypeVar("T")


def measure_trips() -> Iterator[Row]:
    """A row per accelerator and trip count."""
    for name, arch in accelerators():
        print(f"growth: {name}", file=sys.stderr)
        program = dict(programs(arch, BODY))["gemm"]
        repeated = [replace(program, body=loop("again", trips, program.body)) for trips in TRIPS]
        timed: list[list[tuple[float, Estimate]]] = [[] for _ in repeated]
        for _ in range(RUNS):  # in turn, so that all of them meet the machine in the same moods
            for found, longer in zip(timed, repeated, strict=True):
                found.append(_timed(partial(estimate, arch, longer)))
        seconds = [min(second for second, _ in found) for found in timed]
        memory = [_memory(arch, longer) for longer in repeated]
        for trips, second, bytes_, found in zip(TRIPS, seconds, memory, timed, strict=True):
            result = found[0][1]
            yield {
                "accelerator": name,
                "iterations": f"10^{len(str(trips)) - 1}",
                "instructions": result.instructions,
                "method": result.method,
                "evaluated": result.evaluated_instructions,
                "CPU, ms": 1000 * second,
                "ratio": second / seconds[0],
                "memory, KiB": bytes_ // 1024,
                "ratio ": bytes_ / memory[0],
            }


def measure_sizes() -> Iterator[Row]:
    """A row per size of the grid."""
    for side in SIDES:
        print(f"growth: grid of {side} × {side}", file=sys.stderr)
        load, arch = _best(partial(acadl.loads, GRID, side=side))
        cells = [f"cells[{row}][{column}].sum" for row in range(side) for column in range(side)]
        body = Sequence(tuple(step("work", sum=cell, n=3 + number % 5) for number, cell in enumerate(cells)))
        program = LoopProgram(loop("i", TRIPS[-1], body), arch.operations)
        best, result = _best(partial(estimate, arch, program))
        yield {
            "cells": side * side,
            "objects": len(arch.objects),
            "reading the description, ms": 1000 * load,
            "estimate, ms": 1000 * best,
            "evaluated": result.evaluated_instructions,
            "estimate, ms per cell": 1000 * best / (side * side),
            "method": result.method,
        }


def about_trips() -> str:
    """What the table of :func:`measure_trips` shows."""
    return ABOUT_TRIPS.format(runs=RUNS)


def about_sizes() -> str:
    """What the table of :func:`measure_sizes` shows."""
    return ABOUT_SIZE.format(runs=RUNS)


def _best(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds of the fastest run, and its result."""
    return min((_timed(work) for _ in range(RUNS)), key=lambda pair: pair[0])


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def _memory(arch: Architecture, program: LoopProgram) -> int:
    """Bytes allocated at the most."""
    gc.collect()
    tracemalloc.start()
    try:
        estimate(arch, program)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
