"""Systems on a chip that ship: cores, the caches that they share, the memory behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from acadl.errors import AcadlError, nearest, shortened
from dram.configurations import Configuration
from platforms.caches.bus import BusParameters
from platforms.caches.level import LevelParameters

CACHE = "shared_cache"  # the name of ``Chip.shared``
Setting = int | bool | str


@dataclass(frozen=True, slots=True)
class CorePlace:
    """A core of a system.

    Attributes:
        architecture: Name of its description; its main memory is the one that is shared.
        settings: Values of the description's parameters.
        operators: Those that it is given; none: all that it can run.
        spare: It is given only what no other core can run.
        clock_hz: Its clock; ``None``: as its description says.
        below: The cache that it lies on, empty for the memory; ``None``: the first cache, if there is one.
    """

    name: str
    architecture: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    operators: frozenset[str] = frozenset()
    spare: bool = False
    clock_hz: int | None = None
    below: str | None = None


@dataclass(frozen=True, slots=True)
class CachePlace:
    """A cache or a bus of a system; ``below``: the one that it lies on, empty for the memory."""

    name: str
    parameters: LevelParameters | BusParameters
    below: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """A system on a chip.

    Attributes:
        shared: The cache that all cores lie on; ``None``: they lie on the memory. Latencies are cycles of the
            memory.
        dram: Configuration of the memory, whose clock is that of the system.
        request_bytes: Size of the cores' requests.
        caches: Instead of ``shared``: caches and buses of any number, those nearer to the memory first.
    """

    name: str
    cores: tuple[CorePlace, ...]
    shared: LevelParameters | None
    dram: str | Configuration = "DDR4_2400"
    request_bytes: int = 256
    caches: tuple[CachePlace, ...] = ()

    @property
    def levels(self) -> tuple[CachePlace, ...]:
        """All caches and buses, those nearer to the memory first."""
        return (CachePlace(CACHE, self.shared),) if self.shared is not None else self.caches

    def below(self, core: CorePlace) -> str:
        """What a core lies on: the name of a cache; empty for the memory."""
        if core.below is not None:
            return core.below
        return self.levels[0].name if self.levels else ""


def chip_names() -> tuple[str, ...]:
    """Names of the systems that ship and run networks."""
    from platforms.soc.systems import PAIR, system_names

    return tuple(name for name in system_names() if name != PAIR)


def find_chip(name_or_path: str, settings: Mapping[str, Setting] | None = None) -> Chip:
    """The system that ships under a name, or that a file describes, with values of its parameters.

    Raises:
        AcadlError: There is none, or it has errors.
    """
    from platforms.catalog import is_path
    from platforms.soc.description import load_chip, shipped_systems

    if is_path(name_or_path):
        return load_chip(name_or_path, settings)
    shipped = shipped_systems()
    if name_or_path not in shipped:
        known = ", ".join(shipped)
        what = f"no system '{shortened(name_or_path)}' ships{nearest(name_or_path, shipped)}"
        raise AcadlError(f"{what} (shipped: {known}; a path ends in .acadl)")
    return load_chip(shipped[name_or_path], settings)
