"""The state of a machine that runs a prepared program; :mod:`aidg.propagation` moves it on.

The state is what later instructions can depend on and nothing else, so its size is bounded by what is alive,
whatever the trip count. Times in it are relative to ``offset``: moving everything in time moves the offset.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acadl.errors import AcadlError
from aidg import propagation
from aidg.arrays import UNLIMITED, FlatProgram, first_state
from aidg.compiled import Compiled, arrays_of, is_available, lists_of
from aidg.feeding import fill_queue
from aidg.prepared import Block, PreparedLoop, PreparedProgram
from aidg.propagation import (
    EMPTY,
    END,
    EVALUATED,
    FINISHED,
    FIRST_ENTER,
    GROUP_READY,
    LIMIT,
    NEED_CELLS,
    NEED_RANGES,
    NEED_RESERVATIONS,
    NO_ENTER,
    PAUSED,
    PC,
    POSITION,
    QUEUE,
    RANGE,
    RECENT,
    TABLE,
)

if TYPE_CHECKING:
    from aidg.compiled import Run

# Compiled code is interrupted after so many instructions, so that Ctrl-C and progress get a chance.
PAUSE = 5_000_000
# Fields of a live range before its end: start, bytes, rows, pitch, is written, access.
PIECE = 6
# Instructions after which compiling pays, if numba is there: loading compiled code takes about a second,
# compiling it for the first time about ten.
WORTH_COMPILING = 200_000


@dataclass(frozen=True, slots=True)
class Busy:
    """Busy cycles.

    Attributes:
        units: Per unit: those in which it could not start another instruction.
        storages: Per storage: those for which its ports are held.
    """

    units: tuple[int, ...]
    storages: tuple[int, ...]

    def __sub__(self, other: Busy) -> Busy:
        """What was busy since ``other``."""
        return Busy(
            tuple(a - b for a, b in zip(self.units, other.units, strict=True)),
            tuple(a - b for a, b in zip(self.storages, other.storages, strict=True)),
        )


class Kernel:
    """State of a machine and what moves it.

    Attributes:
        program: What is run.
        arrays: The same in numbers.
        state: See :class:`aidg.propagation.State`.
        offset: What is added to the state's times to get cycles.
        is_compiled: Whether the compiled functions are in use.
        has_queue: Whether latencies differ between instances of an instruction.
        skipped_busy, skipped_port_busy: Busy cycles of what has been skipped, beside those in the state.
    """

    def __init__(
        self, program: PreparedProgram, kernel: str = "interpreted", flat: FlatProgram | None = None
    ) -> None:
        """Start before cycle 0.

        Args:
            kernel: ``interpreted``; ``compiled``; ``auto``: interpreted at first, compiled for long work.
            flat: The program in numbers, where it is known from an earlier run.

        Raises:
            AcadlError: ``compiled`` is not possible.
        """
        self.program = program
        self.machine = program.machine
        self._flat = flat or FlatProgram(program)
        self.arrays = self._flat.lists
        self._users = {shape[4]: operand for operand, shape in enumerate(self.arrays.shapes)}
        self.offset = 0
        self.is_compiled = False
        self._run: Run = propagation.run
        self.skipped_busy = [0] * len(self.machine.units)
        self.skipped_port_busy = [0] * len(self.machine.storages)
        self.has_queue = any(row.has_queue for row in program.rows) or self._fetch_has_state()
        can_compile = is_available() and not self.has_queue
        self._compile_after = WORTH_COMPILING if kernel == "auto" and can_compile else UNLIMITED
        self._rings = [
            (place.position + 1, place.position + place.capacity, place.ring)
            for place in (self.machine.buffer, *self.machine.places.values())
            if place.capacity > 2
        ]
        if kernel == "compiled":
            self._check_queue()
            self.arrays, self.is_compiled = self._flat.arrays, True
            self.state, self._run = self._flat.first.copy()
        else:
            self.state = first_state(program, self.arrays)

    def _fetch_has_state(self) -> bool:
        memory = self.machine.instruction_storage
        return memory >= 0 and not self.machine.storages[memory].model.is_fixed

    def compile(self) -> None:
        """Go on with compiled functions, on NumPy arrays.

        Raises:
            AcadlError: numba is not installed; a latency differs between instances of an instruction.
        """
        self._check_queue()
        self.arrays = self._flat.arrays
        self.is_compiled = True
        self._use_arrays()

    def _check_queue(self) -> None:
        if self.has_queue:
            raise AcadlError(
                "compiled code cannot look up latencies that depend on loop indices or on what a cache or an "
                "open-row memory holds; use kernel='interpreted' or 'auto'"
            )

    def _use_arrays(self) -> None:
        self.state = arrays_of(self.state)
        self._run = Compiled(self.arrays, self.state)

    def _use_lists(self) -> None:
        if self.is_compiled:
            self.state = lists_of(self.state)

    # -- going on ------------------------------------------------------------------------------------------

    def run_block(self, block: Block) -> None:
        """Propagate every instruction of a block."""
        if self.has_queue:
            state = self.state
            state.queue.clear()
            state.control[QUEUE] = 0
            fill_queue(self.machine, block, state.indices, state.control[POSITION], state.queue)
        self._go(block.first, block.stop)

    def run_whole(self, node: PreparedLoop) -> None:
        """Propagate every instruction of a loop; without a queue only."""
        self._go(node.first, node.stop)

    def run_stretch(self, first: Block | PreparedLoop, last: Block | PreparedLoop) -> None:
        """Propagate every instruction from one node to another one behind it; without a queue only."""
        self._go(first.first, last.stop)

    def run_iterations(self, node: PreparedLoop, first: int, count: int) -> None:
        """Propagate iterations ``first`` to ``first + count`` of a loop; without a queue only."""
        end, body = node.stop - 1, node.first + 1
        self.state.indices[node.level] = first
        self.arrays.tape[end] = (END, node.level, first + count, body)
        try:
            self._go(body, node.stop)
        finally:  # others may use the same arrays
            self.arrays.tape[end] = (END, node.level, node.count, body)
        self.state.indices[node.level] = first + count - 1

    def _go(self, pc: int, stop: int) -> None:
        control = self.state.control
        while True:
            if control[EVALUATED] >= self._compile_after and not self.is_compiled:
                self.compile()
                control = self.state.control
            control[LIMIT] = control[EVALUATED] + PAUSE if self.is_compiled else self._compile_after
            status = self._run(self.arrays, self.state, pc, stop)
            if status == FINISHED:
                return
            pc = int(control[PC])
            if status != PAUSED:
                self._make_room(status)
                control = self.state.control

    def _make_room(self, status: int) -> None:
        """Double the tables that were full."""
        self._use_lists()
        state = self.state
        if status == NEED_RESERVATIONS:
            for number, table in enumerate(state.stretches):
                state.levels[number] += [0] * len(table)
                table += [0] * len(table)
                state.tables[TABLE * number + 2] = len(table)
        elif status == NEED_RANGES:
            for number, entries in enumerate(state.ended):
                state.starts[number] += [0] * len(entries)
                state.users[number] += [0] * len(entries)
                entries += [0] * len(entries)
                state.ranges[RANGE * number + 1] = len(entries)
        elif status == NEED_CELLS:
            base = self.base()
            for number, keys in enumerate(state.keys):
                if keys:
                    self._fill_cells(number, self.live_cells(number, base), 2 * len(keys))
        if self.is_compiled:
            self._use_arrays()

    def _fill_cells(self, number: int, cells: list[tuple[int, int, int]], size: int) -> None:
        """Put ``cells`` into a fresh table of ``size`` slots, or more if they do not fit."""
        placed: dict[int, tuple[int, int, int]] = {}
        for cell in cells:
            slot = cell[0] & (size - 1)
            tried = 0
            while slot in placed and tried < propagation.PROBES:
                slot, tried = (slot + 1) & (size - 1), tried + 1
            if tried == propagation.PROBES:
                self._widen_cells(number, cells, 2 * size)
                return
            placed[slot] = cell
        state = self.state
        if size > len(state.keys[number]):
            state.keys[number][:] = [EMPTY] * size
            state.written[number][:] = [0] * size
            state.read[number][:] = [0] * size
        empty = (EMPTY, 0, 0)
        state.masks[number] = size - 1
        for slot in range(size):
            cell = placed.get(slot, empty)
            state.keys[number][slot], state.written[number][slot], state.read[number][slot] = cell

    def _widen_cells(self, number: int, cells: list[tuple[int, int, int]], size: int) -> None:
        """Put ``cells`` into a larger table than there is now."""
        self._use_lists()
        self._fill_cells(number, cells, size)
        if self.is_compiled:
            self._use_arrays()

    # -- the state as a whole ------------------------------------------------------------------------------

    def busy(self) -> Busy:
        """Busy cycles so far."""
        state = self.state
        return Busy(
            tuple(int(a) + b for a, b in zip(state.busy, self.skipped_busy, strict=True)),
            tuple(int(a) + b for a, b in zip(state.port_busy, self.skipped_port_busy, strict=True)),
        )

    def add_busy(self, busy: Busy, times: int) -> None:
        """Count ``busy`` so many times more."""
        for total, more in ((self.skipped_busy, busy.units), (self.skipped_port_busy, busy.storages)):
            for number, cycles in enumerate(more):
                total[number] += times * cycles

    @property
    def evaluated(self) -> int:
        """Instructions propagated."""
        return int(self.state.control[EVALUATED])

    @property
    def position(self) -> int:
        """Instructions of the current fetch group that have been issued."""
        return int(self.state.control[POSITION])

    @property
    def recent(self) -> int:
        """Cycle of the latest ``done`` since the last :meth:`forget_recent`; the offset if there is none."""
        return int(self.state.control[RECENT]) + self.offset

    def set_recent(self, cycle: int) -> None:
        """Let :attr:`recent` be ``cycle``."""
        self.state.control[RECENT] = cycle - self.offset

    def forget_recent(self) -> None:
        """Ask for the latest ``done`` and the first enter from now on."""
        self.state.control[RECENT] = 0
        self.state.control[FIRST_ENTER] = NO_ENTER

    @property
    def first_enter(self) -> int | None:
        """Cycle at which the first instruction since :meth:`forget_recent` entered the issue buffer."""
        enter = int(self.state.control[FIRST_ENTER])
        return None if enter == NO_ENTER else enter + self.offset

    def set_first_enter(self, cycle: int) -> None:
        """Let :attr:`first_enter` be ``cycle``."""
        self.state.control[FIRST_ENTER] = cycle - self.offset

    def base(self) -> int:
        """Lower bound of every later event, relative to the offset."""
        return int(propagation.base_of(self.arrays, self.state))

    def normalised(self, base: int) -> Hashable:
        """All but operands in cells or ranges and held lines, relative to ``base``, the past clipped."""
        state = self.state
        clipped = [t - base if t > base else 0 for t in _listed(state.times)]
        for first, stop, ring in self._rings:
            head = state.heads[ring]
            if head:
                clipped[first:stop] = clipped[first + head : stop] + clipped[first : first + head]
        if not self.position:
            clipped[GROUP_READY] = 0
        tables = tuple(self.reservations(table, base) for table in range(len(state.stretches)))
        return self.position, tuple(clipped), tables

    def reservations(self, table: int, base: int) -> tuple[int, ...]:
        """Stretches from ``base`` on, relative to it, and their levels."""
        state = self.state
        if not state.used[table]:
            return ()
        propagation.prune_table(state, table, base)
        count = state.used[table]
        stretches = _listed(state.stretches[table][:count])
        levels = _listed(state.levels[table][:count])
        if levels and not levels[0]:  # as before the first stretch
            del stretches[0], levels[0]
        return (*(t - base if t > base else 0 for t in stretches), *levels)

    def live_cells(self, number: int, base: int) -> list[tuple[int, int, int]]:
        """Cells of a group that are still accessed, with the times at which they are written and read."""
        state = self.state
        cells = zip(
            _listed(state.keys[number]),
            _listed(state.written[number]),
            _listed(state.read[number]),
            strict=True,
        )
        return [cell for cell in cells if cell[1] > base or cell[2] > base]

    def live_ranges(self, number: int, base: int) -> list[tuple[int, ...]]:
        """Ranges of a group that are still accessed: start, bytes, rows, pitch, is written, access, done."""
        state = self.state
        count = state.alive[number]
        if not count:
            return []
        shapes = self.arrays.shapes
        live = zip(
            _listed(state.starts[number][:count]),
            _listed(state.users[number][:count]),
            _listed(state.ended[number][:count]),
            strict=True,
        )
        return [(start, *_listed(shapes[user]), done) for start, user, done in live if done > base]

    def put_cells(self, number: int, cells: list[tuple[int, int, int]]) -> None:
        """Replace the live cells of a group."""
        self._fill_cells(number, cells, self.state.masks[number] + 1)

    def put_ranges(self, number: int, ranges: list[tuple[int, ...]]) -> None:
        """Replace the live ranges of a group."""
        starts, users, ended = (
            self.state.starts[number],
            self.state.users[number],
            self.state.ended[number],
        )
        for i, record in enumerate(ranges):
            starts[i], users[i], ended[i] = record[0], self._users[record[5]], record[PIECE]
        self.state.alive[number] = len(ranges)
        self.state.latest[2 * number] = max((r[PIECE] for r in ranges if r[4]), default=0)
        self.state.latest[2 * number + 1] = max((r[PIECE] for r in ranges), default=0)


def _listed(values: Any) -> Any:
    """A list or tuple, whether the array is one or NumPy's."""
    return values if isinstance(values, (list, tuple)) else values.tolist()


def relative_cells(cells: list[tuple[int, int, int]], distance: int, base: int) -> Hashable:
    """Live cells relative to where they have moved, and their times relative to ``base``."""
    return tuple(
        sorted(
            (cell - distance, max(written - base, 0), max(read - base, 0)) for cell, written, read in cells
        )
    )
