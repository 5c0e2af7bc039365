"""Several networks on a system at once: throughput, latencies, deadlines."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from acadl.errors import AcadlError
from mappings.network import Network, load_network
from platforms.soc.addresses import Addresses
from platforms.soc.chips import Chip, find_chip
from platforms.soc.distribution import Distribution, Estimator, check_chip
from platforms.soc.load import Load, Stream, load_load
from platforms.soc.load_core import Job, LoadCore
from platforms.soc.machine import MOST_OUTSTANDING, Machine
from platforms.soc.over_time import OverTime
from platforms.soc.phases import Board, Finished, Phase, PhaseCore
from platforms.soc.planning import Planning, make_schedule, plan_of
from platforms.soc.simulation import TOLERANCE, CoreUse, Progress, core_uses, memory_use
from platforms.soc.steady import Extrapolated

IN_FLIGHT = 4  # inputs of a network that can be under way: for so many there is memory
NO_DEADLINE = 1 << 62


@dataclass(frozen=True, slots=True)
class StreamRun:
    """What became of a stream; times in seconds.

    Attributes:
        throughput_per_s: Inputs by the time from the first arrival to the last end.
        latency_s: From an input's arrival to its end: mean, median, p95, p99 (nearest rank), max.
        missed: Inputs that were done after their deadline; 0 without one.
        latencies_s: Of each input, in order.
        unmapped: Layers that no core can run: name, reason. They are missing in all times.
    """

    network: str
    inputs: int
    throughput_per_s: float
    latency_s: dict[str, float]
    deadline_s: float | None
    missed: int
    latencies_s: tuple[float, ...]
    unmapped: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LoadRun:
    """Several networks on a system; attributes as of :class:`platforms.soc.simulation.SystemRun`."""

    system: str
    policy: str
    clock_hz: int
    total_cycles: int
    streams: tuple[StreamRun, ...]
    cores: tuple[CoreUse, ...]
    memory: dict[str, Any]
    wall_s: float
    extrapolated: Extrapolated
    over_time: OverTime

    @property
    def latency_s(self) -> float:
        """Seconds until all is done."""
        return self.total_cycles / self.clock_hz

    def to_dict(self) -> dict[str, Any]:
        """All attributes and ``latency_s``; ``unmapped`` as objects with ``name`` and ``reason``."""
        found = asdict(self) | {"latency_s": self.latency_s}
        for stream in found["streams"]:
            stream["unmapped"] = [{"name": name, "reason": reason} for name, reason in stream["unmapped"]]
        return found

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict())


def serve(
    system: str | Chip,
    load: Load | str | os.PathLike[str],
    *,
    networks: Sequence[Network] | None = None,
    planning: Planning | None = None,
    tolerance: float | None = TOLERANCE,
    progress: Progress | None = None,
) -> LoadRun:
    """Run several networks on a system at once.

    Each network has a schedule of its own and a queue in each core; its inputs are served in order, at most
    :data:`IN_FLIGHT` at a time. What a core has begun, a layer or a tile of one, it ends.

    Args:
        load: Which inputs come when, or a file that says so.
        networks: Those of the streams, in their order, where they have no name.
        planning, tolerance, progress: As of :func:`platforms.soc.simulation.simulate`.

    Raises:
        AcadlError: The inputs cannot be used.
    """
    from dram.configurations import configuration

    started = time.perf_counter()
    chip = system if isinstance(system, Chip) else find_chip(system)
    check_chip(chip)
    wanted = load if isinstance(load, Load) else load_load(load)
    loaded = networks or [load_network(stream.network) for stream in wanted.streams]
    config = configuration(chip.dram)
    device = config.make_device()
    clock_hz = round(1 / device.tick_seconds)
    estimator, addresses = Estimator(chip, clock_hz), Addresses()
    built = _Built(chip, Board())
    for stream, network in zip(wanted.streams, loaded, strict=True):
        peak = device.peak_bytes_per_second * config.mapping.channels / clock_hz
        schedule = make_schedule(chip, network, estimator, None, planning or Planning(), peak, None)
        plans = [
            plan_of(chip, network, schedule, estimator, addresses)
            for _ in range(min(IN_FLIGHT, stream.inputs))
        ]
        built.add(stream, plans, wanted.policy, clock_hz)
    machine = Machine(chip, [*built.cores, *built.sources], built.board, tolerance)
    count = sum(len(queue) for core in built.cores for queue in core.queues)
    machine.run(None if progress is None else _Teller(built, count, progress).tell)
    total = max((core.times[-1].end for core in built.cores if core.times), default=0)
    return LoadRun(
        chip.name,
        wanted.policy,
        clock_hz,
        total,
        tuple(built.result(number, network.name, clock_hz) for number, network in enumerate(loaded)),
        core_uses(chip, machine.cores, total, [None] * len(chip.cores)),
        memory_use(machine, total, clock_hz),
        time.perf_counter() - started,
        machine.extrapolated,
        machine.recording.found([core.name for core in chip.cores]),
    )


class _Built:
    """Cores with their queues, and a source for each stream, whose phases are the times between arrivals."""

    def __init__(self, chip: Chip, board: Board) -> None:
        self.board = board
        self.cores = [
            LoadCore(number, (), board, chip.request_bytes, MOST_OUTSTANDING)
            for number in range(len(chip.cores))
        ]
        self.sources: list[PhaseCore] = []
        self._used = [0] * len(self.cores)  # numbers of phases that have been given
        self._streams: list[tuple[Stream, list[list[Finished]], Distribution]] = []

    def add(self, stream: Stream, plans: Sequence[Distribution], policy: str, clock_hz: int) -> None:
        """Another stream; one plan for each input that can be under way."""
        source, number = len(self.cores) + len(self.sources), len(self.sources)
        arrivals = stream.arrivals(clock_hz)
        gaps = [b - a for a, b in zip((0, *arrivals), arrivals, strict=False)]
        phases = [Phase(gap, label="arrival") for gap in gaps]
        self.sources.append(PhaseCore(source, phases, self.board))
        for core in self.cores:
            core.queues.append(deque())
        deadline = None if stream.deadline_ms is None else round(stream.deadline_ms * 1e-3 * clock_hz)
        inputs: list[list[Finished]] = []
        for place, arrival in enumerate(arrivals):
            after = [(source, place), *(inputs[place - IN_FLIGHT] if place >= IN_FLIGHT else ())]
            due = NO_DEADLINE if deadline is None else arrival + deadline
            rank = {"arrival": (arrival,), "deadline": (due, arrival), "order": ()}[policy]
            inputs.append(self._input(plans[place % len(plans)], after, (*rank, number, place), number))
        self._streams.append((stream, inputs, plans[0]))

    def _input(
        self, plan: Distribution, after: Sequence[Finished], rank: tuple[int, ...], queue: int
    ) -> list[Finished]:
        """Queue the phases of an input; the last one of each core."""
        bases = list(self._used)
        last = []
        for core, phases in enumerate(plan.phases):
            for number, phase in enumerate(phases):
                waits = [(other, bases[other] + place) for other, place in phase.after]
                which = core, bases[core] + number
                mine = replace(phase, after=(*waits, *after))
                self.cores[core].queues[queue].append(Job(which, mine, rank))
            if phases:
                last.append((core, bases[core] + len(phases) - 1))
            self._used[core] += len(phases)
        return last

    def result(self, number: int, name: str, clock_hz: int) -> StreamRun:
        """What became of a stream."""
        stream, inputs, plan = self._streams[number]
        ends = {
            which: times.end
            for core in self.cores
            for which, times in zip(core.done, core.times, strict=True)
        }
        arrivals = [times.end for times in self.sources[number].times]
        done = [max((ends[which] for which in last), default=0) for last in inputs]
        latencies = [max(0, end - arrival) for end, arrival in zip(done, arrivals, strict=True)]
        seconds = [latency / clock_hz for latency in latencies]
        limit = None if stream.deadline_ms is None else stream.deadline_ms * 1e-3
        missed = 0 if limit is None else sum(latency > round(limit * clock_hz) for latency in latencies)
        span = max(1, max(done) - arrivals[0]) / clock_hz
        return StreamRun(
            name,
            len(inputs),
            len(inputs) / span,
            summary(seconds),
            limit,
            missed,
            tuple(seconds),
            plan.unmapped,
        )


def summary(values: Sequence[float]) -> dict[str, float]:
    """Mean, percentiles by nearest rank, and maximum."""
    if not values:
        raise AcadlError("there are no latencies to sum up")
    ordered = sorted(values)
    found = {"mean": sum(ordered) / len(ordered)}
    for name, percent in (("median", 50), ("p95", 95), ("p99", 99)):
        found[name] = ordered[-(-len(ordered) * percent // 100) - 1]
    return found | {"max": ordered[-1]}


@dataclass(slots=True)
class _Teller:
    """Says which layer is done."""

    built: _Built
    count: int
    progress: Progress
    ended: int = 0

    def tell(self, core: int, phase: int) -> None:
        if core < len(self.built.cores):
            self.progress(self.ended, self.count, f"core {core}")
            self.ended += 1
