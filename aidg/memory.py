"""Remembers what a run of a loop did to the state, so that the next run from an equal state is not evaluated.

The normalised state at the start of a run (times relative to ``base``, live operands relative to where the
loops around it have moved them, positions of rotations) decides the run up to a shift in time and address,
as in :mod:`aidg.recurrence`. Inner loops of a nest are thus evaluated once per distinct entry state, not once
per iteration of the loops around them.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from aidg.kernel import PIECE, Busy, Kernel, relative_cells
from aidg.loops import Frame
from aidg.propagation import POSITION, State

# Runs remembered per loop.
REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class _Run:
    """State after a run, its times relative to the same offset as ``base``, the one before it."""

    base: int
    state: State
    cells: dict[int, list[tuple[int, int, int]]]
    ranges: dict[int, list[tuple[int, ...]]]
    latest: int
    busy: Busy


@dataclass(frozen=True, slots=True)
class Entry:
    """A run that is about to start: its state, ``base`` and ``offset``, and what was busy until then."""

    key: Hashable
    base: int
    offset: int
    displacements: dict[int, int]
    busy: Busy


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
        displacements = self.frame.displacements(kernel.state.indices)
        live: list[Hashable] = []
        for number, displacement in displacements.items():
            cell = kernel.program.groups[number].cell
            if cell:
                live.append(relative_cells(kernel.live_cells(number, base), displacement // cell, base))
            else:
                records = kernel.live_ranges(number, base)
                live.append(
                    tuple(sorted((r[0] - displacement, *r[1:PIECE], r[PIECE] - base) for r in records))
                )
        key = (self.frame.residues(kernel.state.indices), kernel.normalised(base), tuple(live))
        return Entry(key, base, kernel.offset, displacements, kernel.busy())

    def recall(self, entry: Entry) -> int | None:
        """Put the state after the run in place: its latest ``done``; ``None`` where it is not known."""
        run = self.runs.get(entry.key)
        if run is None:
            return None
        kernel, state = self.kernel, self.kernel.state
        later = entry.base - run.base
        self._keep_others(entry, later)
        kernel.offset += later
        for name in ("times", "heads", "used"):
            getattr(state, name)[:] = getattr(run.state, name)
        for name in ("stretches", "levels"):
            for row, stored in zip(getattr(state, name), getattr(run.state, name), strict=True):
                row[: len(stored)] = stored
        state.control[POSITION] = run.state.control[POSITION]
        for number, displacement in entry.displacements.items():
            cell = kernel.program.groups[number].cell
            if number in run.cells:
                moved = [(c + displacement // cell, w, r) for c, w, r in run.cells[number]]
                kernel.put_cells(number, moved)
            elif number in run.ranges:
                kernel.put_ranges(number, [(r[0] + displacement, *r[1:]) for r in run.ranges[number]])
        kernel.add_busy(run.busy, 1)
        return run.latest + later + entry.offset

    def _keep_others(self, entry: Entry, later: int) -> None:
        """Operands that the loop does not use stay where they are although the offset moves."""
        kernel = self.kernel
        for number, group in enumerate(kernel.program.groups):
            if number in entry.displacements or kernel.program.group_positions[number] >= 0:
                continue
            if group.cell:
                cells = kernel.live_cells(number, entry.base)
                kernel.put_cells(number, [(c, max(w - later, 0), max(r - later, 0)) for c, w, r in cells])
            else:
                records = kernel.live_ranges(number, entry.base)
                kernel.put_ranges(number, [(*r[:PIECE], r[PIECE] - later) for r in records])

    def remember(self, entry: Entry, latest: int) -> None:
        """Note the current state as the one after the run that started at ``entry``."""
        if len(self.runs) >= REMEMBERED:
            self.runs.clear()
        kernel, state = self.kernel, self.kernel.state
        alive = kernel.base()
        cells, ranges = {}, {}
        for number, displacement in entry.displacements.items():
            cell = kernel.program.groups[number].cell
            if kernel.program.group_positions[number] >= 0:
                continue
            if cell:
                live = kernel.live_cells(number, alive)
                cells[number] = [(c - displacement // cell, w, r) for c, w, r in live]
            else:
                records = kernel.live_ranges(number, alive)
                ranges[number] = [(r[0] - displacement, *r[1:]) for r in records]
        self.runs[entry.key] = _Run(
            base=entry.base + entry.offset - kernel.offset,
            state=_copied(state),
            cells=cells,
            ranges=ranges,
            latest=latest - kernel.offset,
            busy=kernel.busy() - entry.busy,
        )


def _copied(state: State) -> State:
    """A copy of what a run leaves behind, without operands; tables as far as they are used."""
    used = state.used
    return replace(
        state,
        times=state.times.copy(),
        heads=state.heads.copy(),
        used=used.copy(),
        control=state.control.copy(),
        stretches=[row[:count].copy() for row, count in zip(state.stretches, used, strict=True)],
        levels=[row[:count].copy() for row, count in zip(state.levels, used, strict=True)],
    )
