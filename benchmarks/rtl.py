"""Speed beside simulations of RTL: simulated cycles per second on the same workloads."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import platforms
from acadl.errors import AcadlError
from aidg.compiled import is_available
from aidg.estimation import Estimate, prepare
from benchmarks.rtl_designs import DATA, TABLE
from benchmarks.tables import Row
from mappings.cases import Case, map_case
from mappings.library.picorv32 import executed_program
from platforms.user_mapping import import_mapping
from platforms.validation.case_table import read_cases
from platforms.validation.cases import declared, setting

RUNS = 3
LONG_S = 4.0  # what takes so long is not run again
# Cycles per second of wall time: Verilator 5.006, one thread, without tracing, on a machine with two cores.
VERILATOR = {
    "dot_engine": 5_500_000,
    "picorv32": 4_400_000,
    "gemmini 16 × 16": 30_000,
    "gemmini 8 × 8": 75_000,
}
EXAMPLE = Path(__file__).parents[1] / "examples" / "rtl"
SIZES = (16, 32, 64, 128, 256, 512, 1024, 2048)
LARGEST_LOOP = 256  # by rows: its loops do not settle within a macro tile
PROGRAMS = 4  # of picorv32: the longest ones
SMALL_GEMMINI = {"dim": "8", "bus_bytes": "8", "max_in_flight_reads": "8"}

ABOUT = (
    "A case as in [validation](validation.md). Prepared: mapping it (for `picorv32`: executing its program) "
    "and binding the program to the loaded description; once per program, as Verilator compiles a model. "
    "Evaluated: a further estimate of the prepared program (`aidg.prepare(…).estimate()`), for which nothing "
    "is known of an earlier result. CPU time, best of {runs} runs each, compiled code after it has been "
    "compiled{compiled}. Times RTL: simulated cycles per second over those of Verilator 5.006 on the same "
    "machines ({anchors}; one thread, without the time to build the model, measured on another day): for "
    "evaluation, and from the case to the first estimate. Instructions evaluated are those of compiled code, "
    "where there is some; it propagates what costs less than a look at the state. `dot_engine` is the design "
    "of [Validate your own RTL](own_rtl.md); `gemmini` is measured "
    "[by rows and as wholes](gemmini.md#two-models-of-one-machine)."
)


@dataclass(frozen=True)
class Workload:
    """A case of a design. ``needed``: the mapping must read this column, or it models another machine.

    ``parameters``: of the description, beside those that the case says.
    """

    machine: str
    name: str
    case: Mapping[str, str]
    folder: Path
    description: str
    needed: str
    parameters: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """CPU seconds to prepare, to evaluate, and from the case to the first result; and what was found."""

    prepared: float
    evaluated: float
    together: float
    result: Estimate

    def times(self, anchor: float) -> tuple[float, float]:
        """How many times as fast as ``anchor`` cycles per second: evaluation alone, and all together."""
        return self.result.cycles / self.evaluated / anchor, self.result.cycles / self.together / anchor


def measure() -> Iterator[Row]:
    """A row per workload that can be run."""
    for work in workloads():
        print(f"rtl: {work.machine} {work.name}", file=sys.stderr)
        try:
            slow = _timed(work, "interpreted")
            fast = _timed(work, "compiled") if is_available() else None
        except AcadlError as error:
            print(f"rtl: left out: {error}", file=sys.stderr)
            continue
        anchor, result = VERILATOR[work.machine], slow.result
        alone, together = slow.times(anchor)
        fast_alone, fast_together = fast.times(anchor) if fast else (0.0, 0.0)
        yield {
            "machine": work.machine,
            "run": work.name,
            "cycles": result.cycles,
            "instructions": result.instructions,
            "evaluated": (fast.result if fast else result).evaluated_instructions,
            "method": result.method,
            "prepared, ms": 1000 * min(slow.prepared, fast.prepared if fast else slow.prepared),
            "interpreted, ms": 1000 * slow.evaluated,
            "times RTL": alone,
            "from the case": together,
            "compiled, ms": 1000 * fast.evaluated if fast else 0.0,
            "times RTL ": fast_alone,
            "from the case ": fast_together,
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
    yield from _products()
    yield from _programs(DATA / "picorv32")


def _products() -> Iterator[Workload]:
    """On Gemmini, by rows and as wholes."""
    for model, by_rows in (("by rows", True), ("as wholes", False)):
        for variant in ("tile", "phased", "wreuse", "loop"):
            for size in SIZES:
                if by_rows and variant == "loop" and size > LARGEST_LOOP:
                    continue
                name = f"{variant} {size} × {size} × {size}, {model}"
                case = _product(variant, size, 16)
                yield _on_gemmini("gemmini 16 × 16", name, case, by_rows)
        for size in (64, 128, 256):
            case = {**_product("tile", size, 8), **SMALL_GEMMINI}
            yield _on_gemmini("gemmini 8 × 8", f"tile {size} × {size} × {size}, {model}", case, by_rows)


def _on_gemmini(machine: str, name: str, case: dict[str, str], by_rows: bool) -> Workload:
    return Workload(machine, name, case, DATA / "gemmini", "gemmini", "variant", {"by_rows": by_rows})


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


def _timed(work: Workload, kernel: Literal["interpreted", "compiled"]) -> Measured:
    """The fastest of several runs, preparing and evaluating each by itself."""
    names = declared(work.description)[1]
    settings = {name: setting(text) for name, text in work.case.items() if name in names and text}
    arch = platforms.load(work.description, **{**settings, **work.parameters})
    found: list[Measured] = []
    for _ in range(RUNS + (kernel == "compiled")):
        case = Case(work.case, work.folder)
        executed_program.cache_clear()  # a program is executed in each run
        begin = time.process_time()
        program = prepare(arch, map_case(case, arch))
        middle = time.process_time()
        program.estimate(kernel=kernel)
        again = time.process_time()
        result = program.estimate(kernel=kernel)
        end = time.process_time()
        if work.needed not in case.read:
            raise AcadlError(f"the mapping of {work.description} does not read {work.needed}")
        found.append(Measured(middle - begin, end - again, again - begin, result))
        if end - begin > LONG_S:
            break
    return Measured(
        min(one.prepared for one in found),
        min(one.evaluated for one in found),
        min(one.together for one in found),
        found[-1].result,
    )
