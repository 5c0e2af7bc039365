"""Systems on a chip that ship: cores, the caches that they share, the memory behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from acadl.errors import AcadlError, nearest
from platforms.caches.level import LevelParameters

PRODUCTS = frozenset({"conv", "conv1d", "gemm", "fc", "matmul"})
Setting = int | bool | str


@dataclass(frozen=True, slots=True)
class CorePlace:
    """A core of a system.

    Attributes:
        architecture: Name of its description; its main memory is the one that is shared.
        settings: Values of the description's parameters.
        operators: Those that it is given; none: all that it can run.
        spare: It is given only what no other core can run.
    """

    name: str
    architecture: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    operators: frozenset[str] = frozenset()
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Chip:
    """A system on a chip.

    Attributes:
        shared: The cache that all cores lie on; ``None``: they lie on the memory. Latencies are cycles of the
            memory.
        dram: Configuration of the memory, whose clock is that of the system.
        request_bytes: Size of the cores' requests.
    """

    name: str
    cores: tuple[CorePlace, ...]
    shared: LevelParameters | None
    dram: str = "DDR4_2400"
    request_bytes: int = 256


L2 = LevelParameters(
    sets=512,
    ways=8,
    line_bytes=256,
    policy="plru_tree",
    hit_latency=24,
    miss_registers=16,
    write_buffer=16,
    ports=2,
)
_CHIPS = (
    Chip(
        "soc",
        (
            CorePlace("mcu", "riscv_mcu", spare=True),
            CorePlace("array0", "gemmini", operators=PRODUCTS),
            CorePlace("array1", "gemmini", operators=PRODUCTS),
            CorePlace("simd", "simd"),
        ),
        L2,
    ),
    Chip("two_arrays", (CorePlace("array0", "gemmini"), CorePlace("array1", "gemmini")), L2),
    Chip("four_cores", tuple(CorePlace(f"core{number}", "gemmini") for number in range(4)), L2),
)


def chip_names() -> tuple[str, ...]:
    """Names of the systems that ship."""
    return tuple(chip.name for chip in _CHIPS)


def find_chip(name: str) -> Chip:
    """The system of that name. Raises :class:`AcadlError`."""
    for chip in _CHIPS:
        if chip.name == name:
            return chip
    known = ", ".join(chip_names())
    raise AcadlError(f"no system '{name}' ships{nearest(name, chip_names())} (shipped: {known})")
