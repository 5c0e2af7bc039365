"""Speed of the kernel: full propagation of what the mappings make, interpreted and compiled."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from acadl.model import Architecture
from aidg.compiled import is_available
from aidg.kernel import Kernel
from aidg.preparation import prepare
from aidg.prepared import PreparedProgram
from aidg.runner import Runner
from benchmarks.tables import Row
from benchmarks.workloads import accelerators, accesses, nodes, programs
from mappings.program import LoopProgram

# Instructions of the programs, at most.
INTERPRETED, COMPILED = 30_000, 8_000_000
RUNS = 5

ABOUT = (
    "Full propagation, CPU time, best of {runs} runs of each program. A node is an instruction at an object: "
    "the fetch stage, every stage on the way, the unit. With accesses: those to storages are nodes as well, "
    "as in the explicit graph. Compiled code is measured after it has been compiled{compiled}."
)


def measure() -> Iterator[Row]:
    """A row per accelerator and operator."""
    for name, arch in accelerators():
        large = dict(programs(arch, COMPILED)) if is_available() else {}
        for operator, program in programs(arch, INTERPRETED):
            print(f"kernel: {name} {operator}", file=sys.stderr)
            slow = _speed(arch, program, "interpreted")
            fast = _speed(arch, large[operator], "compiled") if operator in large else None
            yield {
                "accelerator": name,
                "operator": operator,
                "instructions, interpreted": program.instruction_count,
                "thousand nodes/s": slow[0] / 1e3,
                "with accesses": slow[1] / 1e3,
                "instructions, compiled": large[operator].instruction_count if fast else 0,
                "million nodes/s": fast[0] / 1e6 if fast else 0.0,
                "with accesses ": fast[1] / 1e6 if fast else 0.0,
            }


def about() -> str:
    """What the table shows."""
    missing = "" if is_available() else "; numba (extra `fast`) is not installed here"
    return ABOUT.format(runs=RUNS, compiled=missing)


def _speed(arch: Architecture, program: LoopProgram, kind: Any) -> tuple[float, float]:
    """Nodes per second, without and with accesses."""
    prepared = prepare(arch, program)
    best = min(_seconds(prepared, kind) for _ in range(RUNS))
    count = nodes(prepared.body)
    return count / best, (count + accesses(prepared.body)) / best


def _seconds(prepared: PreparedProgram, kind: str) -> float:
    runner = Runner(Kernel(prepared, kind))
    begin = time.process_time()
    runner.run()
    return time.process_time() - begin
