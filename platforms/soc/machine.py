"""A system at work: programs of its cores, run on its cache and its memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from acadl.simulate_objects import Clock
from platforms.caches.below import Below, DramMemory
from platforms.caches.bus import Bus, BusParameters
from platforms.caches.level import CacheLevel
from platforms.soc.chips import Chip
from platforms.soc.load_core import LoadCore
from platforms.soc.on_hierarchy import HierarchyManager
from platforms.soc.phases import Board, Phase, PhaseCore
from platforms.soc.recording import Recording
from platforms.soc.steady import Extrapolated, SteadyState

MOST_OUTSTANDING = 16
LEAST_WINDOW = 1 << 13  # cycles
COMPILED_FROM = 16 << 20  # bytes that the cores move from which on compiled code pays

Programs = Sequence[Sequence[Phase]]
PartDone = Callable[[int, int], None]
"""Called when a phase is over: its core, its number."""


class Machine:
    """A system with programs for its cores, from cycle 0 on.

    Attributes:
        memory, caches: Its memory; its caches by name.
        cores: One for each program; those behind the system's own cores move no data (they only let time
            pass), and have their turn first in a cycle.
        recording: What happens when.
    """

    def __init__(self, chip: Chip, cores: Sequence[PhaseCore], board: Board, tolerance: float | None) -> None:
        """``tolerance``: of the extrapolation; ``None``: all is evaluated."""
        from dram.compiled import is_available

        self._env, self._board = Clock(), board
        fast = is_available() and _bytes(cores) >= COMPILED_FROM
        self.cores = list(cores)
        self.memory = DramMemory(self._env, chip.dram, fast=fast)
        levels = _levels(chip, self._env, self.memory, len(self.cores))
        self.caches = {name: level for name, level in levels.items() if isinstance(level, CacheLevel)}
        places = [levels.get(chip.below(core), self.memory) for core in chip.cores]
        belows: list[Below] = [*places, *[self.memory] * (len(self.cores) - len(places))]
        self.recording = Recording(self._env, board, self.cores, self.memory, self.caches)
        self._steady = None if tolerance is None else self._watch(chip, belows, tolerance)
        self._manager = HierarchyManager(
            self._env, self.cores, belows, board=board, early=len(self.cores) - len(chip.cores)
        )

    def run(self, on_part: PartDone | None = None) -> int:
        """Run to the end; its cycle.

        Raises:
            SimulationError: Cores wait for each other; the message says what each waits for.
        """
        if on_part is not None:
            _report(self._board, on_part)
        for number in range(len(self.cores)):
            self._manager.start(number)
        self._manager.run()
        return max((core.times[-1].end for core in self.cores if core.times), default=0)

    @property
    def extrapolated(self) -> Extrapolated:
        """What was not evaluated."""
        return self._steady.found if self._steady is not None else Extrapolated()

    def _watch(self, chip: Chip, belows: Sequence[Below], tolerance: float) -> SteadyState:
        device = self.memory.memory.device
        # whole intervals of refreshes, so that each window has as many
        between = max(1, device.ticks("tREFI"))
        window = -(-LEAST_WINDOW // between) * between
        peak = device.peak_bytes_per_second * device.tick_seconds * window / device.organisation.burst_bytes
        peak *= self.memory.memory.channels
        return SteadyState(
            self._env,
            self.cores,
            belows,
            self._board,
            self.memory.accesses,
            window=window,
            peak=int(peak),
            alignment=max(1, self.memory.rows_bytes // chip.request_bytes),
            tolerance=tolerance,
        )


def _levels(chip: Chip, env: Clock, memory: DramMemory, cores: int) -> dict[str, Below]:
    """Caches and buses by name. A cache that asks below has a number of its own, behind those of cores."""
    made: dict[str, Below] = {}
    for number, place in enumerate(chip.levels):
        below: Below = made.get(place.below, memory)
        if isinstance(place.parameters, BusParameters):
            made[place.name] = Bus(env, place.parameters, below)
        else:
            own = cores + number if len(chip.levels) > 1 else 0
            made[place.name] = CacheLevel(env, place.parameters, below, number=own)
    return made


def machine(chip: Chip, programs: Programs, tolerance: float | None) -> Machine:
    """A system whose cores work through phases in their order."""
    board = Board()
    cores = [
        PhaseCore(number, phases, board, chip.request_bytes, MOST_OUTSTANDING)
        for number, phases in enumerate(programs)
    ]
    return Machine(chip, cores, board, tolerance)


def alone_cycles(chip: Chip, programs: Programs, number: int, tolerance: float | None) -> int:
    """Cycles of a core's work on the system while all others do nothing, and it waits for none of them."""
    mine = [
        [replace(phase, after=()) for phase in programs[number]] if n == number else []
        for n in range(len(programs))
    ]
    found = machine(chip, mine, tolerance)
    found.run()
    return sum(each.end - each.begin for each in found.cores[number].times)


def _bytes(cores: Sequence[PhaseCore]) -> int:
    """What the cores move."""
    phases = [phase for core in cores for phase in core.phases]
    for core in cores:
        if isinstance(core, LoadCore):
            phases += [job.phase for queue in core.queues for job in queue]
    return sum(phase.read_bytes + phase.weight_bytes + phase.write_bytes for phase in phases)


def _report(board: Board, on_part: PartDone) -> None:
    """Tell about every part that is done."""
    wake = board.changed

    def changed() -> None:
        on_part(*next(reversed(board.ends)))
        wake()

    board.changed = changed
