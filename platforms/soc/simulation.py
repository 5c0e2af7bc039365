"""A network on a system of several cores: layers side by side, and contention where they meet."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from acadl.errors import AcadlError
from mappings.network import Network
from platforms.soc.chips import Chip, find_chip
from platforms.soc.distribution import Distribution, Estimator, check_chip
from platforms.soc.machine import Machine, alone_cycles, machine
from platforms.soc.over_time import OverTime
from platforms.soc.phases import PhaseCore
from platforms.soc.planning import Planning, make_schedule, plan_of
from platforms.soc.prediction import predict
from platforms.soc.schedule import Schedule
from platforms.soc.stalls import Stall, stalls
from platforms.soc.steady import Extrapolated

TOLERANCE = 0.01
Progress = Callable[[int, int, str], None]
"""Called when a part of a layer is done: how many are, how many there are, which one."""


@dataclass(frozen=True, slots=True)
class CoreUse:
    """What a core did, in cycles of the system.

    It is stalled for what its work takes longer than with a memory that is never waited for.

    Attributes:
        stalls: By whom, or what, it was stalled; the cycles add up to ``stalled_cycles``.
        alone_cycles: What its work takes on the system while all others do nothing, if that was run.
    """

    name: str
    architecture: str
    busy_cycles: int
    stalled_cycles: int
    idle_cycles: int
    layers: int
    stalls: tuple[Stall, ...] = ()
    alone_cycles: int | None = None

    @property
    def slowdown(self) -> float | None:
        """How many times as long its work took as alone on the system; ``None``: that was not run."""
        worked = self.busy_cycles + self.stalled_cycles
        return worked / self.alone_cycles if self.alone_cycles else None


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
        over_time: Bandwidth, queues, hits and held up cores in windows of time.
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
    over_time: OverTime = field(default_factory=lambda: OverTime(1))

    @property
    def latency_s(self) -> float:
        """Seconds from the beginning to the last layer's end."""
        return self.total_cycles / self.clock_hz

    def to_dict(self) -> dict[str, Any]:
        """All attributes and ``latency_s``; ``unmapped`` as objects with ``name`` and ``reason``."""
        found = asdict(self) | {"latency_s": self.latency_s}
        for core, use in zip(found["cores"], self.cores, strict=True):
            core["slowdown"] = use.slowdown
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
    alone: bool = False,
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
        alone: Run the work of each core alone, too, for its slowdown.

    Raises:
        AcadlError: The inputs cannot be used.
    """
    from dram.configurations import configuration
    from mappings.network import load_network

    if tolerance is not None and not 0 <= tolerance < 1:
        raise AcadlError(f"the tolerance is {tolerance:g}; expected a part from 0 to less than 1, or None")
    started = time.perf_counter()
    chip = system if isinstance(system, Chip) else find_chip(system)
    check_chip(chip)
    loaded = network if isinstance(network, Network) else load_network(network)
    config = configuration(chip.dram)
    device = config.make_device()
    clock_hz = round(1 / device.tick_seconds)
    estimator = Estimator(chip, clock_hz)
    peak = device.peak_bytes_per_second * config.mapping.channels / clock_hz
    chosen = make_schedule(chip, loaded, estimator, schedule, planning or Planning(), peak, progress)
    plan = plan_of(chip, loaded, chosen, estimator)
    system_run = machine(chip, plan.phases, tolerance)
    total = system_run.run(None if progress is None else _teller(plan, progress))
    alone_runs = [
        alone_cycles(chip, plan.phases, number, tolerance) if alone and plan.phases[number] else None
        for number in range(len(chip.cores))
    ]
    return SystemRun(
        chip.name,
        loaded.name,
        clock_hz,
        total,
        _alone(plan),
        core_uses(chip, system_run.cores, total, alone_runs),
        _parts(chip, plan, system_run.cores),
        memory_use(system_run, total, clock_hz),
        plan.unmapped,
        chosen,
        time.perf_counter() - started,
        system_run.extrapolated,
        system_run.recording.found([core.name for core in chip.cores]),
    )


def _teller(plan: Distribution, progress: Progress) -> Callable[[int, int], None]:
    """Say which part of a layer is done."""
    done = 0

    def tell(core: int, phase: int) -> None:
        nonlocal done
        progress(done, len(plan.parts), plan.phases[core][phase].label)
        done += 1

    return tell


def _alone(plan: Distribution) -> int:
    """When all would be done if the memory cost nothing."""
    return round(predict(plan.phases, math.inf))


def core_uses(
    chip: Chip, cores: Sequence[PhaseCore], total: int, alone: Sequence[int | None]
) -> tuple[CoreUse, ...]:
    """What each core of a system did."""
    names = {number: place.name for number, place in enumerate(chip.cores)}
    found = []
    for number, place in enumerate(chip.cores):
        times = cores[number].times
        stalled = sum(each.stalled for each in times)
        busy = sum(each.end - each.begin for each in times) - stalled
        causes = stalls((cause for each in times for cause in each.causes), names)
        idle = total - busy - stalled
        found.append(
            CoreUse(place.name, place.architecture, busy, stalled, idle, len(times), causes, alone[number])
        )
    return tuple(found)


def _parts(chip: Chip, plan: Distribution, cores: list[PhaseCore]) -> tuple[PartTimes, ...]:
    found = []
    for part in plan.parts:
        times = cores[part.core].times[part.phase]
        name = chip.cores[part.core].name
        found.append(PartTimes(part.layer, part.op, name, times.begin, times.end, times.stalled, part.tile))
    return tuple(found)


def memory_use(system_run: Machine, total: int, clock_hz: int) -> dict[str, Any]:
    """Counts of the memory, and of each cache under its name."""
    memory = system_run.memory
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
        "peak_bytes_per_s": online.device.peak_bytes_per_second * online.channels,
        "row_hits": round(totals.row_hits * scale),
        "row_misses": round(totals.row_misses * scale),
        "row_conflicts": round(totals.row_conflicts * scale),
    }
    found.update({name: asdict(cache.counts) for name, cache in system_run.caches.items()})
    return found
