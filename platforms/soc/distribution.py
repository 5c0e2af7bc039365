"""Which core does what: layers of a network as phases of cores, by list scheduling on the estimates alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from acadl.errors import AcadlError
from acadl.model import DRAM, Architecture
from mappings.layers import Layer
from mappings.network import Network
from platforms.soc.chips import Chip, CorePlace
from platforms.soc.phases import Finished, Phase

ALIGNMENT = 4096


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
    """

    layer: str
    op: str
    core: int
    phase: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """Programs of the cores.

    Attributes:
        phases: Per core.
        parts: In the order of the network.
        unmapped: Layers that no core can run, and why.
    """

    phases: tuple[tuple[Phase, ...], ...]
    parts: tuple[Part, ...]
    unmapped: tuple[tuple[str, str], ...]


class Estimator:
    """Layers on the cores of a chip, each alone; equal ones are evaluated once."""

    def __init__(self, chip: Chip, ticks_per_second: float) -> None:
        from platforms.catalog import load

        self.architectures = [load(core.architecture, **core.settings) for core in chip.cores]
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


def split(layer: Layer, parts: int) -> Layer | None:
    """A part of a layer, by output channels or columns; ``None`` if it has no such equal parts."""
    if layer.op in ("conv", "conv1d") and layer.groups == 1 and layer.K % parts == 0:
        return replace(layer, K=layer.K // parts)
    if (
        layer.op in ("gemm", "fc", "matmul")
        and layer.gemm_N
        and layer.gemm_N % parts == 0
        and layer.gemm_batch == 1
    ):
        return replace(layer, gemm_N=layer.gemm_N // parts)
    return None


class _Memory:
    """Addresses, one region after the other."""

    def __init__(self) -> None:
        self._next = 0

    def take(self, size: int) -> int:
        address = self._next
        self._next += -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
        return address


def distribute(chip: Chip, network: Network, estimator: Estimator) -> Distribution:
    """Give each layer to the core, or to all equal cores together, that will be done with it first.

    What is known is how long layers take alone, so the choice leaves contention out. A layer waits for those
    that make its inputs; one that names none waits for the layer before it.
    """
    scheduler = _Scheduler(chip, estimator)
    for layer in network.layers:
        scheduler.place(layer)
    return Distribution(
        tuple(tuple(phases) for phases in scheduler.phases), tuple(scheduler.parts), tuple(scheduler.unmapped)
    )


class _Scheduler:
    def __init__(self, chip: Chip, estimator: Estimator) -> None:
        self._chip, self._estimator = chip, estimator
        self._memory = _Memory()
        self._free = [0] * len(chip.cores)
        self._done: dict[str, int] = {}
        self._made_by: dict[str, tuple[Finished, ...]] = {}
        self._outputs: dict[str, tuple[int, int]] = {}
        self._before: str | None = None
        self._teams = _teams(chip.cores)
        self.phases: list[list[Phase]] = [[] for _ in chip.cores]
        self.parts: list[Part] = []
        self.unmapped: list[tuple[str, str]] = []

    def place(self, layer: Layer) -> None:
        """Give out a layer."""
        sources = [name for name in layer.inputs if name in self._done]
        if not layer.inputs and self._before is not None:
            sources = [self._before]
        ready = max((self._done[name] for name in sources), default=0)
        best: tuple[int, int, tuple[int, ...], Alone] | None = None
        reasons = []
        for spare in (False, True):
            for team in self._teams:
                if all(self._chip.cores[core].spare for core in team) != spare:
                    continue
                part = layer if len(team) == 1 else split(layer, len(team))
                found = self._estimator.alone(team[0], part) if part is not None else "it has no equal parts"
                if isinstance(found, str):
                    reasons.append(found)
                    continue
                end = max(ready, *(self._free[core] for core in team)) + found.cycles
                if best is None or (end, len(team)) < best[:2]:
                    best = end, len(team), team, found
            if best is not None:
                break
        if best is None:
            self.unmapped.append((layer.name, reasons[0] if reasons else "there is no core for it"))
            return
        self._give(layer, sources, best[0], best[2], best[3])

    def _give(
        self, layer: Layer, sources: Sequence[str], end: int, team: tuple[int, ...], alone: Alone
    ) -> None:
        after = tuple(which for name in sources for which in self._made_by[name])
        size = max(1, layer.output_elements)
        output = self._memory.take(size)
        read_address, read_span = self._input(layer, sources)
        share = -(-size // len(team))
        made = []
        for number, core in enumerate(team):
            second, second_bytes = self._second(layer, sources, len(team), alone.read_bytes)
            phase = Phase(
                alone.cycles,
                alone.read_bytes - second_bytes,
                alone.write_bytes,
                read_address,
                output + number * share,
                tuple(which for which in after if which[0] != core),
                layer.name,
                read_span,
                share,
                second_bytes,
                second,
            )
            made.append((core, len(self.phases[core])))
            self.parts.append(Part(layer.name, layer.op, core, len(self.phases[core])))
            self.phases[core].append(phase)
            self._free[core] = end
        self._made_by[layer.name], self._done[layer.name] = tuple(made), end
        self._outputs[layer.name] = output, size
        self._before = layer.name

    def _input(self, layer: Layer, sources: Sequence[str]) -> tuple[int, int]:
        """Address and size of what a layer reads: what the first before it made, or a region of its own."""
        if sources:
            return self._outputs[sources[0]]
        size = max(1, layer.input_elements)
        return self._memory.take(size), size

    def _second(self, layer: Layer, sources: Sequence[str], team: int, read_bytes: int) -> tuple[int, int]:
        """Address and size of what it reads besides: its weights, or what another layer made."""
        weights = min(read_bytes, -(-layer.weight_elements // team))
        if weights:
            return self._memory.take(weights), weights
        if len(sources) > 1:
            address, size = self._outputs[sources[1]]
            return address, min(size, read_bytes // 2)
        return 0, 0


def _teams(cores: Sequence[CorePlace]) -> list[tuple[int, ...]]:
    """Each core alone, and all equal ones together."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, core in enumerate(cores):
        key = core.architecture, tuple(sorted(core.settings.items())), core.operators, core.spare
        alike.setdefault(key, []).append(number)
    together = [tuple(numbers) for numbers in alike.values() if len(numbers) > 1]
    return [*((number,) for number in range(len(cores))), *together]


def check_chip(chip: Chip) -> None:
    """Raise :class:`AcadlError` where a chip has no cores, or two of one name."""
    names = [core.name for core in chip.cores]
    if not names:
        raise AcadlError(f"system '{chip.name}' has no cores")
    if len(set(names)) < len(names):
        raise AcadlError(f"system '{chip.name}' has two cores of one name")
