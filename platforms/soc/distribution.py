"""Which core does what: layers of a network as phases of cores, and what each takes alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from acadl.errors import AcadlError
from acadl.model import DRAM, Architecture
from mappings.layers import Layer
from platforms.soc.chips import Chip
from platforms.soc.phases import Phase


@dataclass(frozen=True, slots=True)
class Alone:
    """A layer on a core that has the memory for itself: cycles of the core, bytes of its main memory."""

    cycles: int
    read_bytes: int
    write_bytes: int


@dataclass(frozen=True, slots=True)
class Part:
    """What a core does of a layer.

    Attributes:
        core: Its number.
        phase: The number of the phase in the core's program.
        tile: Which of the layer's tiles it is of.
    """

    layer: str
    op: str
    core: int
    phase: int
    tile: int = 0


@dataclass(frozen=True, slots=True)
class Distribution:
    """Programs of the cores.

    Attributes:
        phases: Per core.
        parts: In the order of the schedule.
        unmapped: Layers that no core can run, and why.
    """

    phases: tuple[tuple[Phase, ...], ...]
    parts: tuple[Part, ...]
    unmapped: tuple[tuple[str, str], ...]


class Estimator:
    """Layers on the cores of a chip, each alone; equal ones are evaluated once."""

    def __init__(self, chip: Chip, ticks_per_second: float) -> None:
        from platforms.catalog import load

        loaded = [load(core.architecture, **core.settings) for core in chip.cores]
        self.architectures = [
            arch if core.clock_hz is None else replace(arch, clock_hz=core.clock_hz)
            for core, arch in zip(chip.cores, loaded, strict=True)
        ]
        self._chip = chip
        self._ticks = ticks_per_second
        self._known: dict[tuple[object, ...], Alone | str] = {}

    def alone(self, core: int, layer: Layer) -> Alone | str:
        """What the layer takes on a core, in ticks of the system; or why the core cannot run it."""
        place = self._chip.cores[core]
        if place.operators and layer.op not in place.operators:
            return f"'{place.name}' is not given {layer.op}"
        key = (
            place.architecture,
            tuple(sorted(place.settings.items())),
            place.clock_hz,
            replace(layer, name="", inputs=(), count=1),
        )
        if key not in self._known:
            self._known[key] = _estimate(self.architectures[core], layer, self._ticks)
        found = self._known[key]
        if isinstance(found, str) or layer.count == 1:
            return found
        return Alone(*(layer.count * value for value in (found.cycles, found.read_bytes, found.write_bytes)))


def _estimate(arch: Architecture, layer: Layer, ticks: float) -> Alone | str:
    import aidg
    from aidg.work import count_work
    from mappings.registry import MappingError, map_layer

    try:
        program = map_layer(replace(layer, count=1), arch)
    except MappingError as error:
        return str(error)
    cycles = aidg.estimate(arch, program).cycles
    memories = {memory.name for memory in arch.of_type(DRAM)}
    moved = {"read": 0, "write": 0}
    for (storage, direction), transfers in count_work(arch, program).storages.items():
        if storage in memories:
            moved[direction] += transfers.bytes
    return Alone(round(cycles * ticks / arch.clock_hz), moved["read"], moved["write"])


def check_chip(chip: Chip) -> None:
    """Raise :class:`AcadlError` where a chip has no cores, or two of one name."""
    names = [core.name for core in chip.cores]
    if not names:
        raise AcadlError(f"system '{chip.name}' has no cores")
    if len(set(names)) < len(names):
        raise AcadlError(f"system '{chip.name}' has two cores of one name")
