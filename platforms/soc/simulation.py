"""A network on a system of several cores: layers side by side, and contention where they meet."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from acadl.errors import AcadlError
from acadl.simulate_objects import Clock
from mappings.network import Network
from platforms.caches.below import Below, DramMemory
from platforms.caches.level import CacheLevel
from platforms.soc.chips import Chip, find_chip
from platforms.soc.distribution import Distribution, Estimator, check_chip
from platforms.soc.on_hierarchy import HierarchyManager
from platforms.soc.phases import Board, PhaseCore
from platforms.soc.planning import Planning, make_schedule, plan_of
from platforms.soc.prediction import predict
from platforms.soc.schedule import Schedule
from platforms.soc.steady import Extrapolated, SteadyState

MOST_OUTSTANDING = 16
LEAST_WINDOW = 1 << 13  # cycles
TOLERANCE = 0.01
COMPILED_FROM = 16 << 20  # bytes of all layers from which on compiled code pays
Progress = Callable[[int, int, str], None]
"""Called when a part of a layer is done: how many are, how many there are, which one."""


@dataclass(frozen=True, slots=True)
class CoreUse:
    """What a core did, in cycles of the system; ``stalled``: what its work took longer than alone."""

    name: str
    architecture: str
    busy_cycles: int
    stalled_cycles: int
    idle_cycles: int
    layers: int


@dataclass(frozen=True, slots=True)
class PartTimes:
    """A part of a layer on a core."""

    layer: str
    op: str
    core: str
    begin: int
    end: int
    stalled_cycles: int
    tile: int = 0


@dataclass(frozen=True, slots=True)
class SystemRun:
    """A network on a system.

    Attributes:
        clock_hz: Of the system: of its memory.
        alone_cycles: What it would take if the memory was never waited for.
        memory: Requests, bytes, bandwidth and rows of the memory, hits of the shared cache.
        unmapped: Layers that no core can run: name, reason. They are missing in all cycles.
        schedule: Which core did what.
        extrapolated: What was not evaluated, and how far ``total_cycles`` may be off by that.
    """

    system: str
    network: str
    clock_hz: int
    total_cycles: int
    alone_cycles: int
    cores: tuple[CoreUse, ...]
    layers: tuple[PartTimes, ...]
    memory: dict[str, Any]
    unmapped: tuple[tuple[str, str], ...]
    schedule: Schedule
    wall_s: float
    extrapolated: Extrapolated = field(default_factory=Extrapolated)

    @property
    def latency_s(self) -> float:
        """Seconds from the beginning to the last layer's end."""
        return self.total_cycles / self.clock_hz

    def to_dict(self) -> dict[str, Any]:
        """All attributes and ``latency_s``; ``unmapped`` as objects with ``name`` and ``reason``."""
        found = asdict(self) | {"latency_s": self.latency_s}
        found["unmapped"] = [{"name": name, "reason": reason} for name, reason in self.unmapped]
        return found

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict())


def simulate(
    system: str | Chip,
    network: Network | str | os.PathLike[str],
    *,
    schedule: Schedule | str | os.PathLike[str] | None = None,
    planning: Planning | None = None,
    tolerance: float | None = TOLERANCE,
    progress: Progress | None = None,
) -> SystemRun:
    """Run a network on a system of several cores.

    Each layer's time and traffic on a core are those of an exact estimate of the core alone
    (:func:`aidg.estimate`, :func:`aidg.work.count_work`); what is added here is that layers run side by side,
    wait for each other, and share cache and memory.

    Args:
        system: Its name, or a description.
        schedule: Which core does what, or a file that says so; by default it is made.
        planning: How it is made.
        tolerance: Extrapolate where all cores are in a steady state together: while the rates of two windows
            of time differ by at most this part (:mod:`platforms.soc.steady`). ``None``: all is evaluated.

    Raises:
        AcadlError: The inputs cannot be used.
    """
    from dram.compiled import is_available
    from dram.configurations import configuration
    from mappings.network import load_network

    if tolerance is not None and not 0 <= tolerance < 1:
        raise AcadlError(f"the tolerance is {tolerance:g}; expected a part from 0 to less than 1, or None")
    started = time.perf_counter()
    chip = system if isinstance(system, Chip) else find_chip(system)
    check_chip(chip)
    loaded = network if isinstance(network, Network) else load_network(network)
    env = Clock()
    clock_hz = round(1 / configuration(chip.dram).make_device().tick_seconds)
    estimator = Estimator(chip, clock_hz)
    peak = configuration(chip.dram).make_device().peak_bytes_per_second / clock_hz
    chosen = make_schedule(chip, loaded, estimator, schedule, planning or Planning(), peak, progress)
    plan = plan_of(chip, loaded, chosen, estimator)
    memory = DramMemory(env, chip.dram, fast=is_available() and _bytes(plan) >= COMPILED_FROM)
    shared = CacheLevel(env, chip.shared, memory) if chip.shared else None
    board = Board()
    cores = [
        PhaseCore(number, phases, board, chip.request_bytes, MOST_OUTSTANDING)
        for number, phases in enumerate(plan.phases)
    ]
    steady: SteadyState | None = None
    below: Below = shared or memory
    if tolerance is not None:
        window = _window(memory)
        steady = SteadyState(
            env,
            cores,
            [below] * len(cores),
            board,
            memory.accesses,
            window=window,
            peak=_peak(memory, window, clock_hz),
            alignment=max(1, memory.rows_bytes // chip.request_bytes),
            tolerance=tolerance,
        )
    _run(env, board, plan, cores, below, progress)
    total = max((core.times[-1].end for core in cores if core.times), default=0)
    return SystemRun(
        chip.name,
        loaded.name,
        clock_hz,
        total,
        _alone(plan),
        tuple(_use(chip, number, core, total) for number, core in enumerate(cores)),
        _parts(chip, plan, cores),
        _memory(memory, shared, total, clock_hz),
        plan.unmapped,
        chosen,
        time.perf_counter() - started,
        steady.found if steady is not None else Extrapolated(),
    )


def _window(memory: DramMemory) -> int:
    """Cycles of a window: whole intervals of refreshes, so that each window has as many."""
    between = max(1, memory.memory.device.ticks("tREFI"))
    return -(-LEAST_WINDOW // between) * between


def _peak(memory: DramMemory, window: int, clock_hz: int) -> int:
    """Bursts that the memory moves in a window at most."""
    device = memory.memory.device
    return int(device.peak_bytes_per_second / clock_hz * window / device.organisation.burst_bytes)


def _run(
    env: Clock,
    board: Board,
    plan: Distribution,
    cores: list[PhaseCore],
    below: Below,
    progress: Progress | None,
) -> None:
    manager = HierarchyManager(env, cores, [below] * len(cores), board=board)
    if progress is not None:
        _report(board, plan, progress)
    for number in range(len(cores)):
        manager.start(number)
    manager.run()


def _report(board: Board, plan: Distribution, progress: Progress) -> None:
    """Tell about every part that is done."""
    wake = board.changed

    def changed() -> None:
        core, phase = next(reversed(board.ends))
        progress(len(board.ends) - 1, len(plan.parts), plan.phases[core][phase].label)
        wake()

    board.changed = changed


def _bytes(plan: Distribution) -> int:
    """What the cores move."""
    phases = [phase for program in plan.phases for phase in program]
    return sum(phase.read_bytes + phase.weight_bytes + phase.write_bytes for phase in phases)


def _alone(plan: Distribution) -> int:
    """When all would be done if the memory cost nothing."""
    return round(predict(plan.phases, math.inf))


def _use(chip: Chip, number: int, core: PhaseCore, total: int) -> CoreUse:
    stalled = sum(each.stalled for each in core.times)
    busy = sum(each.end - each.begin for each in core.times) - stalled
    place = chip.cores[number]
    return CoreUse(place.name, place.architecture, busy, stalled, total - busy - stalled, len(core.phases))


def _parts(chip: Chip, plan: Distribution, cores: list[PhaseCore]) -> tuple[PartTimes, ...]:
    found = []
    for part in plan.parts:
        times = cores[part.core].times[part.phase]
        name = chip.cores[part.core].name
        found.append(PartTimes(part.layer, part.op, name, times.begin, times.end, times.stalled, part.tile))
    return tuple(found)


def _memory(memory: DramMemory, shared: CacheLevel | None, total: int, clock_hz: int) -> dict[str, Any]:
    online = memory.memory
    totals = online.totals
    reads, writes = totals.reads + memory.warmed[0], totals.writes + memory.warmed[1]
    scale = (reads + writes) / max(1, totals.reads + totals.writes)
    moved = (reads + writes) * online.device.organisation.burst_bytes
    found: dict[str, Any] = {
        "device": online.device.name,
        "reads": reads,
        "writes": writes,
        "bytes": moved,
        "bandwidth_bytes_per_s": moved * clock_hz / total if total else 0.0,
        "peak_bytes_per_s": online.device.peak_bytes_per_second,
        "row_hits": round(totals.row_hits * scale),
        "row_misses": round(totals.row_misses * scale),
        "row_conflicts": round(totals.row_conflicts * scale),
    }
    if shared is not None:
        found["shared_cache"] = asdict(shared.counts)
    return found
