"""Two Gemmini cores on one memory: arbiter, memory and cache between them (docs/soc.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from acadl.errors import AcadlError
from mappings.cases import Case
from platforms.soc.core import DataFlowCore
from platforms.soc.manager import CoreTimes, Manager
from platforms.soc.shared_memory import Message, SharedMemoryParameters
from platforms.soc.systems import Setting, System, with_defaults

REGIONS = (0x8000_0000, 0x8010_0000)
ALIGNMENT = 64
WORKLOAD = ("variant", "M", "N", "K", "tile_m", "tile_n", "tile_k")


@dataclass(frozen=True, slots=True)
class PairParameters:
    """Parameters of the platform, named as the columns of its cases.

    Attributes:
        core0, core1: Rows and columns of each array.
        start_offset1: Cycle in which core 1 offers its first command.
        dependency: 1: core 1 begins when the upper half of core 0's result is in memory, and reads it.
        shared_operand: ``A`` or ``B``: core 1 reads that matrix of core 0; ``none``.
    """

    core0: int = 16
    core1: int = 16
    mem_latency: int = 10
    cycles_per_beat: int = 1
    arbitration: str = "rr"
    response_order: str = "percore"
    queue_depth: int = 0
    start_offset1: int = 0
    dependency: int = 0
    shared_operand: str = "none"
    cache_bytes: int = 0
    cache_ways: int = 1
    cache_hit_latency: int = 0


def memory_parameters(pair: PairParameters) -> SharedMemoryParameters:
    """The shared part. Raises :class:`AcadlError`."""
    return SharedMemoryParameters(
        pair.mem_latency,
        pair.cycles_per_beat,
        pair.arbitration,  # type: ignore[arg-type]  # checked there
        pair.response_order,  # type: ignore[arg-type]
        pair.queue_depth,
        pair.cache_bytes,
        pair.cache_ways,
        pair.cache_hit_latency,
    )


@dataclass(frozen=True, slots=True)
class Matrices:
    """First addresses and row lengths of a product's matrices."""

    a: int
    a_pitch: int
    b: int
    b_pitch: int
    c: int


def matrices(region: int, dim: int, m: int, n: int, k: int) -> Matrices:
    """Where a core's matrices lie."""
    a_pitch, b_pitch = (-(-size // dim) * dim for size in (k, n))
    a = region + ALIGNMENT
    b = -(-(a + m * a_pitch) // ALIGNMENT) * ALIGNMENT
    c = -(-(b + k * b_pitch) // ALIGNMENT) * ALIGNMENT
    return Matrices(a, a_pitch, b, b_pitch, c)


def core_case(case: Case, number: int, pair: PairParameters) -> Case:
    """The columns of one core as a case of a single Gemmini."""
    cells = {column: case.cells.get(f"{column}{number}", "") for column in WORKLOAD}
    case.read.update(f"{column}{number}" for column in WORKLOAD)
    for side in "mnk":
        cells[f"tile_{side}_blocks"] = cells.pop(f"tile_{side}")
    cells["region"] = str(REGIONS[number])
    if number == 1 and (pair.dependency or pair.shared_operand != "none"):
        sizes = (case.integer(f"{column}0") for column in "MNK")
        theirs = matrices(REGIONS[0], pair.core0, *sizes)
        if pair.dependency:
            cells |= {"A_at": str(theirs.c), "A_pitch": str(theirs.b_pitch)}
        elif pair.shared_operand == "A":
            cells |= {"A_at": str(theirs.a), "A_pitch": str(theirs.a_pitch)}
        elif pair.shared_operand == "B":
            cells |= {"B_at": str(theirs.b), "B_pitch": str(theirs.b_pitch)}
        else:
            raise AcadlError(f"shared_operand is '{pair.shared_operand}'; expected A, B or none")
    return Case(cells, case.folder, case.line)


def make_core(case: Case, number: int, pair: PairParameters, kernel: str = "auto") -> DataFlowCore:
    """One of the cores with its program. Raises :class:`AcadlError`."""
    from mappings.cases import map_case
    from platforms.catalog import load

    dim = (pair.core0, pair.core1)[number]
    arch = load("gemmini", **_core_settings(dim, pair))
    return DataFlowCore(arch, map_case(core_case(case, number, pair), arch), "memory", dim, dim, kernel)


def _core_settings(dim: int, pair: PairParameters) -> Mapping[str, int | bool]:
    return {
        "dim": dim,
        "bus_bytes": dim,
        "max_in_flight_reads": dim,
        "mem_latency": pair.mem_latency,
        "by_rows": True,
        "shared_port": True,
    }


def run_pair(
    case: Case, pair: PairParameters, *, only: int | None = None, record: bool = False, kernel: str = "auto"
) -> tuple[list[CoreTimes], Manager]:
    """Both cores, or one of them alone, with the programs of a case.

    Raises:
        AcadlError: A column or parameter makes no sense.
    """
    cores = [make_core(case, number, pair, kernel) for number in (0, 1)]
    manager = Manager(memory_parameters(pair), cores, record=record)
    if only is not None:
        manager.start(only, 0)
    else:
        manager.start(0, 0)
        if pair.dependency:
            _start_behind(manager, case, pair)
        else:
            manager.start(1, pair.start_offset1)
    return manager.run(), manager


def _start_behind(manager: Manager, case: Case, pair: PairParameters) -> None:
    """Let core 1 begin when half of core 0's result has been acknowledged."""
    dim = pair.core0
    blocks = [-(-case.integer(column) // dim) for column in ("M0", "N0")]
    awaited = blocks[0] // 2 * dim * blocks[1]
    seen = 0

    def hear(message: Message, end: int) -> None:
        nonlocal seen
        if message.port == 0 and message.write:
            seen += 1
            if seen == awaited:
                manager.start(1, end + 1)

    manager.listen(hear)


def predict(case: Case, settings: Mapping[str, Setting]) -> tuple[int, ...]:
    """Cycles of both cores for a row of a table of cases. Raises :class:`AcadlError`."""
    from aidg.compiled import is_available

    pair = PairParameters(**with_defaults(SYSTEM, settings))  # type: ignore[arg-type]  # kinds are checked
    times, _ = run_pair(case, pair, kernel="compiled" if is_available() else "interpreted")
    return tuple(each.cycles for each in times)


SYSTEM = System(
    name="gemmini_pair",
    parameters=asdict(PairParameters()),
    label="pair",
    measured=("together0", "together1"),
    unrelated=frozenset({"pair", "class", "alone0", "alone1"}),
    predict=predict,
)
