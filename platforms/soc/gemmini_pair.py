"""Two Gemmini cores on one memory: arbiter, memory and cache between them (docs/soc.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from acadl.errors import AcadlError
from acadl.loading import load_platform
from acadl.platform_model import CoreDeclaration, PlatformDescription
from mappings.cases import Case
from platforms.soc.core import DataFlowCore
from platforms.soc.manager import CoreTimes, Manager
from platforms.soc.shared_memory import Message, SharedMemoryParameters
from platforms.soc.systems import Setting, System, with_defaults

REGIONS = (0x8000_0000, 0x8010_0000)
ALIGNMENT = 64
DIM = 16
_WORKLOAD = ("start_offset1", "dependency", "shared_operand")
WORKLOAD = ("variant", "M", "N", "K", "tile_m", "tile_n", "tile_k")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cores on one memory, and how they depend on each other.

    Attributes:
        start_offset1: Cycle in which core 1 offers its first command.
        dependency: 1: core 1 begins when the upper half of core 0's result is in memory, and reads it.
        shared_operand: ``A`` or ``B``: core 1 reads that matrix of core 0; ``none``.
    """

    cores: tuple[CoreDeclaration, CoreDeclaration]
    memory: SharedMemoryParameters
    start_offset1: int = 0
    dependency: int = 0
    shared_operand: str = "none"

    def dim(self, number: int) -> int:
        """Rows and columns of an array."""
        return int(self.cores[number].settings.get("dim", DIM))


def pair_of(description: PlatformDescription) -> Pair:
    """What a platform describes. Raises :class:`AcadlError` where it is no pair of such cores."""
    memory, name = description.memory, description.name
    if memory.config:
        hint = "measured cases are those of a memory of fixed latency (`sram memory { mem_latency: … }`)"
        raise AcadlError(f"'{name}' has a DRAM; {hint}, `acadl simulate` runs networks on it")
    if len(description.cores) != 2 or description.caches:
        raise AcadlError(f"'{name}' is no pair: it needs two cores and no cache beside that of its memory")
    first, second = description.cores
    values = {key: description.parameters[key] for key in _WORKLOAD if key in description.parameters}
    shared = SharedMemoryParameters(**memory.attributes)  # type: ignore[arg-type]  # checked there
    return Pair((first, second), shared, **values)  # type: ignore[arg-type]


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


def core_case(case: Case, number: int, pair: Pair) -> Case:
    """The columns of one core as a case of a single Gemmini."""
    cells = {column: case.cells.get(f"{column}{number}", "") for column in WORKLOAD}
    case.read.update(f"{column}{number}" for column in WORKLOAD)
    for side in "mnk":
        cells[f"tile_{side}_blocks"] = cells.pop(f"tile_{side}")
    cells["region"] = str(REGIONS[number])
    if number == 1 and (pair.dependency or pair.shared_operand != "none"):
        sizes = (case.integer(f"{column}0") for column in "MNK")
        theirs = matrices(REGIONS[0], pair.dim(0), *sizes)
        if pair.dependency:
            cells |= {"A_at": str(theirs.c), "A_pitch": str(theirs.b_pitch)}
        elif pair.shared_operand == "A":
            cells |= {"A_at": str(theirs.a), "A_pitch": str(theirs.a_pitch)}
        elif pair.shared_operand == "B":
            cells |= {"B_at": str(theirs.b), "B_pitch": str(theirs.b_pitch)}
        else:
            raise AcadlError(f"shared_operand is '{pair.shared_operand}'; expected A, B or none")
    return Case(cells, case.folder, case.line)


def make_core(case: Case, number: int, pair: Pair, kernel: str = "auto") -> DataFlowCore:
    """One of the cores with its program. Raises :class:`AcadlError`."""
    from mappings.cases import map_case
    from platforms.catalog import load

    core, dim = pair.cores[number], pair.dim(number)
    arch = load(core.file or core.architecture, **core.settings)
    return DataFlowCore(arch, map_case(core_case(case, number, pair), arch), "memory", dim, dim, kernel)


def run_pair(
    case: Case, pair: Pair, *, only: int | None = None, record: bool = False, kernel: str = "auto"
) -> tuple[list[CoreTimes], Manager]:
    """Both cores, or one of them alone, with the programs of a case.

    Raises:
        AcadlError: A column or parameter makes no sense.
    """
    cores = [make_core(case, number, pair, kernel) for number in (0, 1)]
    manager = Manager(pair.memory, cores, record=record)
    if only is not None:
        manager.start(only, 0)
    else:
        manager.start(0, 0)
        if pair.dependency:
            _start_behind(manager, case, pair)
        else:
            manager.start(1, pair.start_offset1)
    return manager.run(), manager


def _start_behind(manager: Manager, case: Case, pair: Pair) -> None:
    """Let core 1 begin when half of core 0's result has been acknowledged."""
    dim = pair.dim(0)
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


def pair_system(path: Path) -> System:
    """The system of a file with a platform of two cores. Raises :class:`AcadlError`."""
    found = load_platform(path)
    pair_of(found)

    def predict(case: Case, settings: Mapping[str, Setting]) -> tuple[int, ...]:
        from aidg.compiled import is_available

        pair = pair_of(load_platform(path, **with_defaults(system, settings)))
        times, _ = run_pair(case, pair, kernel="compiled" if is_available() else "interpreted")
        return tuple(each.cycles for each in times)

    system = System(
        name=found.name,
        parameters=found.parameters,
        label="pair",
        measured=("together0", "together1"),
        unrelated=frozenset({"pair", "class", "alone0", "alone1"}),
        predict=predict,
    )
    return system
