"""Remembers what a run of a loop did to the state, so that the next run from an equal state is not evaluated.

The normalised state at the start of a run (times relative to ``base``, live operands relative to where the
loops around it have moved them, positions of rotations) decides the run up to a shift in time and address,
as in :mod:`aidg.recurrence`. Inner loops of a nest are thus evaluated once per distinct entry state, not once
per iteration of the loops around them.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from acadl.operations import AddressRange
from aidg.kernel import Kernel, Record
from aidg.loops import Frame

# Runs remembered per loop.
REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class _Run:
    """State after a run, relative to the ``base`` and the displacements before it."""

    times: list[int]
    position: int
    cells: dict[int, dict[int, tuple[int, int]]]
    ranges: dict[int, list[Record]]
    storages: list[tuple[list[int], list[int], list[int], list[int]]]
    latest: int
    busy: list[int]
    storage_busy: list[int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A run that is about to start."""

    key: Hashable
    base: int
    displacements: dict[int, int]
    busy: list[int]
    storage_busy: list[int]


class RunMemory:
    """Runs of one loop, by the state before them."""

    def __init__(self, kernel: Kernel, frame: Frame) -> None:
        self.kernel = kernel
        self.frame = frame
        self.runs: dict[Hashable, _Run] = {}

    def enter(self) -> Entry:
        """The current state as the start of a run."""
        kernel = self.kernel
        base = kernel.base()
        kernel.prune(base)
        displacements = self.frame.displacements(kernel.indices)
        live: list[Hashable] = []
        for number, displacement in displacements.items():
            if kernel.cells[number]:
                live.append((number, kernel.live_cells(number, displacement, base)))
            elif kernel.ranges[number]:
                pieces = sorted(
                    (p.start - displacement, p.bytes, p.rows, p.pitch, done - base, write, access)
                    for p, done, write, access in kernel.ranges[number]
                )
                live.append((number, tuple(pieces)))
        key = (self.frame.residues(kernel.indices), kernel.normalised(base), tuple(live))
        return Entry(key, base, displacements, kernel.busy[:], [s.busy for s in kernel.storages])

    def recall(self, entry: Entry) -> int | None:
        """Put the state after the run in place: its latest ``done``; ``None`` where it is not known."""
        run = self.runs.get(entry.key)
        if run is None:
            return None
        kernel, base = self.kernel, entry.base
        kernel.times = [
            after + base if after >= 0 else now for after, now in zip(run.times, kernel.times, strict=True)
        ]
        kernel.position = run.position
        for number, displacement in entry.displacements.items():
            distance = displacement // (kernel.program.groups[number].cell or 1)
            kernel.cells[number] = {
                cell + distance: (written + base, read + base)
                for cell, (written, read) in run.cells[number].items()
            }
            kernel.ranges[number] = _moved(run.ranges[number], displacement, base)
        for storage, (port_times, port_levels, place_times, place_levels) in zip(
            kernel.storages, run.storages, strict=True
        ):
            storage.ports.times = [t + base for t in port_times]
            storage.ports.levels = port_levels[:]
            if storage.places is not None:
                storage.places.times = [t + base for t in place_times]
                storage.places.levels = place_levels[:]
        for unit, cycles in enumerate(run.busy):
            kernel.busy[unit] += cycles
        for storage, cycles in zip(kernel.storages, run.storage_busy, strict=True):
            storage.busy += cycles
        return run.latest + base

    def remember(self, entry: Entry, latest: int) -> None:
        """Note the current state as the one after the run that started at ``entry``."""
        if len(self.runs) >= REMEMBERED:
            self.runs.clear()
        kernel, base = self.kernel, entry.base
        cells = {}
        for number, displacement in entry.displacements.items():
            distance = displacement // (kernel.program.groups[number].cell or 1)
            cells[number] = {
                cell - distance: (written - base, read - base)
                for cell, (written, read) in kernel.cells[number].items()
            }
        self.runs[entry.key] = _Run(
            times=[t - base for t in kernel.times],
            position=kernel.position,
            cells=cells,
            ranges={
                number: _moved(kernel.ranges[number], -displacement, -base)
                for number, displacement in entry.displacements.items()
            },
            storages=[
                (
                    [t - base for t in s.ports.times],
                    s.ports.levels[:],
                    [t - base for t in s.places.times] if s.places else [],
                    s.places.levels[:] if s.places else [],
                )
                for s in kernel.storages
            ],
            latest=latest - base,
            busy=[now - before for now, before in zip(kernel.busy, entry.busy, strict=True)],
            storage_busy=[
                s.busy - before for s, before in zip(kernel.storages, entry.storage_busy, strict=True)
            ],
        )


def _moved(records: list[Record], distance: int, cycles: int) -> list[Record]:
    return [
        (AddressRange(p.start + distance, p.bytes, p.rows, p.pitch), done + cycles, write, access)
        for p, done, write, access in records
    ]
