"""Speed beside simulations of RTL: simulated cycles per second on the same workloads."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platforms
from acadl.errors import AcadlError
from aidg.compiled import is_available
from aidg.estimation import Estimate, estimate
from benchmarks.rtl_designs import DATA, TABLE
from benchmarks.tables import Row
from mappings.cases import Case, map_case
from mappings.library.picorv32 import executed_program
from platforms.user_mapping import import_mapping
from platforms.validation.case_table import read_cases
from platforms.validation.cases import declared, setting

RUNS = 3
# Cycles per second of wall time: Verilator 5.006, one thread, without tracing, on a machine with two cores.
VERILATOR = {
    "dot_engine": 5_500_000,
    "picorv32": 4_400_000,
    "gemmini 16 × 16": 30_000,
    "gemmini 8 × 8": 75_000,
}
EXAMPLE = Path(__file__).parents[1] / "examples" / "rtl"
SIZES = (16, 32, 64, 128, 256, 512, 1024, 2048)
PROGRAMS = 4  # of picorv32: the longest ones
SMALL_GEMMINI = {"dim": "8", "bus_bytes": "8", "max_in_flight_reads": "8"}

ABOUT = (
    "A case as in [validation](validation.md), from the loaded description to the number of cycles: mapping "
    "it (for `picorv32`: executing its program), preparing, estimating; CPU time, best of {runs} runs, "
    "compiled code after it has been compiled{compiled}. Times RTL: simulated cycles per second over "
    "those of Verilator 5.006 on the same machines ({anchors}; one thread, measured on another "
    "day). `dot_engine` is the design of [Validate your own RTL](own_rtl.md); `gemmini` takes commands "
    "[as wholes](gemmini.md#two-models-of-one-machine), the quicker of its two models."
)


@dataclass(frozen=True)
class Workload:
    """A case of a design. ``needed``: the mapping must read this column, or it models another machine."""

    machine: str
    name: str
    case: Mapping[str, str]
    folder: Path
    description: str
    needed: str


def measure() -> Iterator[Row]:
    """A row per workload that can be run."""
    for work in workloads():
        print(f"rtl: {work.machine} {work.name}", file=sys.stderr)
        try:
            slow, result = _timed(work, "interpreted")
            fast = _timed(work, "compiled")[0] if is_available() else 0.0
        except AcadlError as error:
            print(f"rtl: left out: {error}", file=sys.stderr)
            continue
        speed, anchor = result.cycles / slow, VERILATOR[work.machine]
        yield {
            "machine": work.machine,
            "run": work.name,
            "cycles": result.cycles,
            "instructions": result.instructions,
            "evaluated": result.evaluated_instructions,
            "method": result.method,
            "interpreted, ms": 1000 * slow,
            "million cycles/s": speed / 1e6,
            "times RTL": speed / anchor,
            "compiled, ms": 1000 * fast,
            "million cycles/s ": result.cycles / fast / 1e6 if fast else 0.0,
            "times RTL ": result.cycles / fast / anchor if fast else 0.0,
        }


def about() -> str:
    """What the table shows."""
    missing = "" if is_available() else "; numba (extra `fast`) is not installed here"
    anchors = ", ".join(f"{name}: {speed / 1000:,.0f} thousand cycles/s" for name, speed in VERILATOR.items())
    return ABOUT.format(runs=RUNS, compiled=missing, anchors=anchors)


def workloads() -> Iterator[Workload]:
    """Products of growing size on Gemmini, long programs on PicoRV32, the example's dot products."""
    import_mapping(str(EXAMPLE / "dot_engine.py"))
    for outputs in (1, 10, 100):
        case, description = {"outputs": str(outputs), "length": "150"}, str(EXAMPLE / "dot_engine.acadl")
        yield Workload("dot_engine", f"{outputs} × 150 words", case, EXAMPLE, description, "outputs")
    for variant in ("tile", "phased", "wreuse", "loop"):
        for size in SIZES:
            case = _product(variant, size, 16)
            name = f"{variant} {size} × {size} × {size}"
            yield Workload("gemmini 16 × 16", name, case, DATA / "gemmini", "gemmini", "variant")
    for size in (64, 128, 256):
        case = {**_product("tile", size, 8), **SMALL_GEMMINI}
        name = f"tile {size} × {size} × {size}"
        yield Workload("gemmini 8 × 8", name, case, DATA / "gemmini", "gemmini", "variant")
    yield from _programs(DATA / "picorv32")


def _product(variant: str, size: int, dim: int) -> dict[str, str]:
    blocks = -(-size // dim)
    macro = {"m": min(blocks, 5), "n": min(blocks, 5), "k": min(blocks, 4)} if variant == "loop" else {}
    tiles = {f"tile_{axis}_blocks": str(macro.get(axis, 0)) for axis in "mnk"}
    shape = dict.fromkeys("MNK", str(size))
    return {"variant": variant, **shape, **tiles, "mem_latency": "10", "cmd_gap": "0"}


def _programs(folder: Path) -> Iterator[Workload]:
    if not (folder / TABLE).exists():
        return
    rows = [
        case.cells
        for case in read_cases(folder / TABLE).cases
        if (case.cells["core_config"], case.cells["mem_latency"]) == ("fast", "1")
    ]
    for row in sorted(rows, key=lambda row: -int(row["total_cycles"]))[:PROGRAMS]:
        sizes = " × ".join(row[f"p{place}"] for place in range(4) if row[f"p{place}"])
        yield Workload("picorv32", f"{row['program']} {sizes}", row, folder, "picorv32", "program")


def _timed(work: Workload, kernel: Literal["interpreted", "compiled"]) -> tuple[float, Estimate]:
    """CPU seconds of the fastest run, and its result."""
    names = declared(work.description)[1]
    settings = {name: setting(text) for name, text in work.case.items() if name in names and text}
    arch = platforms.load(work.description, **settings)
    best: tuple[float, Estimate] | None = None
    for _ in range(RUNS + (kernel == "compiled")):
        case = Case(work.case, work.folder)
        executed_program.cache_clear()  # a program is executed in each run
        begin = time.process_time()
        result = estimate(arch, map_case(case, arch), kernel=kernel)
        seconds = time.process_time() - begin
        if work.needed not in case.read:
            raise AcadlError(f"the mapping of {work.description} does not read {work.needed}")
        if best is None or seconds < best[0]:
            best = seconds, result
    assert best is not None
    return best
