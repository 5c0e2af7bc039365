"""One channel: requests in, times and commands out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from dram.address import Place
from dram.command_arrays import Commands
from dram.configurations import ControllerSettings
from dram.device import Device
from dram.errors import DramError
from dram.idle import run_over_pauses
from dram.kernel import layout as at
from dram.kernel.steps import run
from dram.ordering import InOrder
from dram.prepare import new_kernel, refreshes, slots_needed
from dram.requests import Int64

LEAST_ROOM = 256  # requests that are handed over one by one
INPUT_NAMES = ("arrival", "bank", "row", "column", "write")
NO_ROWS: Int64 = np.empty((0, at.RESULT), np.int64)
ROOM = 1 << 16  # commands that are recorded before they are fetched


class Channel:
    """A controller and its memory, from cycle 0 on.

    Requests are handed over with :meth:`give`, in order of arrival; :meth:`go` serves them.
    """

    def __init__(self, device: Device, controller: ControllerSettings, *, record: bool, fast: bool) -> None:
        """Args: ``record`` keeps the commands; ``fast`` runs compiled code, which needs numba."""
        self._device = device
        self._kernel = new_kernel(device, controller, ROOM if record else 0)
        self._run: Callable[[at.Kernel], int] = run
        self._fast = fast
        self._waiting = slots_needed(device, controller)
        self._commands: list[Commands] = []
        self._refreshes = refreshes(device, controller)
        self._refresh_ticks = (
            device.timing.get("tRFC", device.timing.get("tRFCab", 0)) * device.ticks_per_clock
        )
        self._order = _Order() if controller.responses == "in_order_of_arrival" else None
        if fast:
            from dram.compiled_kernel import compiled_run

            self._run = compiled_run()
            lists = {field.name: getattr(self._kernel, field.name) for field in fields(at.Kernel)}
            self._kernel = at.Kernel(**{name: np.array(values, np.int64) for name, values in lists.items()})

    def give(self, arrival: Int64, write: Any, place: Place) -> None:
        """Hand over the next requests, after those that have not been taken in yet."""
        kernel = self._kernel
        taken = int(kernel.regs[at.INPUT])
        shape = self._device.organisation
        bank = (place.rank * shape.bank_groups + place.bank_group) * shape.banks + place.bank
        columns = (arrival, bank, place.row, place.column, np.asarray(write, np.int64))
        given: dict[str, Any] = {}
        for name, values in zip(INPUT_NAMES, columns, strict=True):
            left = getattr(kernel, name)[taken : int(kernel.regs[at.INPUTS])]
            joined = np.concatenate([left, values]) if len(left) else values
            given[name] = np.ascontiguousarray(joined, np.int64) if self._fast else joined.tolist()
        count = len(given["arrival"])
        room = (count + self._waiting + 8) * at.RESULT
        results: Any = np.empty(room, np.int64) if self._fast else [0] * room
        self._kernel = replace(kernel, results=results, **given)
        kernel.regs[at.BASE] += taken
        kernel.regs[at.INPUT] = 0
        kernel.regs[at.INPUTS] = count
        if count:  # the next event may be earlier than it seemed without these requests
            self.look_at(max(int(given["arrival"][0]) + 1, int(kernel.regs[at.LAST_ACCEPT]) + 2))

    def give_one(self, arrival: int, write: bool, place: tuple[int, ...]) -> None:
        """Hand over the next request; ``place`` as :class:`dram.Place`, but numbers."""
        regs = self._kernel.regs
        if int(regs[at.INPUTS]) >= len(self._kernel.arrival):
            self._make_room()
        kernel, count = self._kernel, int(regs[at.INPUTS])
        _, rank, group, bank, row, column = place
        shape = self._device.organisation
        kernel.arrival[count] = arrival
        kernel.bank[count] = (rank * shape.bank_groups + group) * shape.banks + bank
        kernel.row[count] = row
        kernel.column[count] = column
        kernel.write[count] = int(write)
        regs[at.INPUTS] = count + 1
        first = int(kernel.arrival[int(regs[at.INPUT])])
        self.look_at(max(first + 1, int(regs[at.LAST_ACCEPT]) + 2))

    def _make_room(self) -> None:
        """Forget the requests that have been taken in, and make room for as many as are left, or more."""
        kernel = self._kernel
        taken, given = int(kernel.regs[at.INPUT]), int(kernel.regs[at.INPUTS])
        room = max(LEAST_ROOM, 2 * (given - taken))
        if len(kernel.arrival) >= room:  # the same arrays: compiled code knows where they are
            for name in INPUT_NAMES:
                values = getattr(kernel, name)
                values[: given - taken] = values[taken:given].copy()
        else:
            arrays: dict[str, Any] = {}
            for name in INPUT_NAMES:
                left = list(getattr(kernel, name)[taken:given])
                values = left + [0] * (room - len(left))
                arrays[name] = np.array(values, np.int64) if self._fast else values
            size = (room + self._waiting + 8) * at.RESULT
            results: Any = np.empty(size, np.int64) if self._fast else [0] * size
            self._kernel = replace(kernel, results=results, **arrays)
        kernel.regs[at.BASE] += taken
        kernel.regs[at.INPUT] = 0
        kernel.regs[at.INPUTS] = given - taken

    def look_at(self, cycle: int) -> None:
        """Something may happen in a cycle that was none to look at before."""
        regs = self._kernel.regs
        regs[at.NOW] = min(int(regs[at.NOW]), max(cycle, int(regs[at.LAST_STEP]) + 1))

    def go(self, end: int = at.THE_END, limit: int = at.NEVER) -> Int64:
        """Serve the given requests.

        Args:
            end: ``MORE_TO_COME`` stops when all are in, so that more can be given; ``THE_END`` when all are
                done; ``OPEN_END`` likewise, though more may be given later.
            limit: Stop after this cycle.

        Returns:
            Rows of request number, accept and done, of the requests whose ``done`` has become known.
        """
        kernel = self._kernel
        kernel.settings[at.FINAL] = end
        kernel.regs[at.OUT] = 0
        reason = run_over_pauses(kernel, self._run, limit)
        while reason == at.NEED_ROOM:
            self._fetch()
            reason = self._run(kernel)
        stuck = reason == at.PAUSED and end == at.THE_END and limit == at.NEVER
        if reason == at.STALLED or stuck:
            raise DramError(
                "requests wait, but the controller's settings let none of them go", hint=self._refreshes
            )
        if kernel.settings[at.RECORD]:
            self._fetch()
        count = int(kernel.regs[at.OUT])
        if not count and self._order is None:
            return NO_ROWS
        rows = np.array(kernel.results[: count * at.RESULT], np.int64)
        rows = rows.reshape(count, at.RESULT)
        return self._order.sorted(rows) if self._order else rows

    def _fetch(self) -> None:
        """Take the recorded commands out of the kernel."""
        kernel = self._kernel
        count = int(kernel.regs[at.RECORDED])
        size = at.RECORD_SIZE
        cycle, command, bank, row, column = (
            np.array(kernel.record[: count * size], np.int64).reshape(-1, size).T
        )
        kernel.regs[at.RECORDED] = 0
        shape = self._device.organisation
        group = bank // shape.banks
        whole = np.isin(command, WHOLE)
        everywhere = np.isin(command, (at.PRESB, at.REFSB))
        self._commands.append(
            Commands(
                cycle.copy(),
                command.astype(np.uint8),
                group // shape.bank_groups,
                np.where(whole | everywhere, -1, group % shape.bank_groups),
                np.where(whole, -1, bank % shape.banks),
                row.copy(),
                column.copy(),
            )
        )

    def commands(self) -> Commands:
        """What has been recorded since the last call."""
        taken = Commands.joined(self._commands)
        self._commands = []
        return taken

    def register(self, position: int) -> int:
        """A register of the kernel."""
        return int(self._kernel.regs[position])

    @property
    def ranks(self) -> int:
        """How many there are."""
        return self._device.organisation.ranks

    def refreshes(self, known: list[tuple[int, int]], since: int) -> list[tuple[int, int]]:
        """From and to which cycle each rank was refreshed last; ``known`` before, at the cycle ``since``."""
        settings, ranks = self._kernel.settings, self._kernel.ranks
        if settings[at.REFRESH] != at.ALL_BANK:
            return known
        interval = int(settings[at.REFRESH_INTERVAL])
        for rank, (_, end) in enumerate(known):
            due = int(ranks[rank * at.RANK + at.DUE]) - interval  # of the one that was last
            if due + self._refresh_ticks > end and due > 0:
                start = max(due, since)
                known[rank] = start, start + self._refresh_ticks
        return known

    def counts(self) -> dict[int, int]:
        """Commands issued, by number."""
        return {number: int(count) for number, count in enumerate(self._kernel.counts) if count}


WHOLE = (
    at.PREA, at.REF, at.PDNA, at.PDXA,
    at.PDNP, at.PDXP, at.SREF, at.SREFX,
)  # fmt: skip


class _Order:
    """Holds answers back until all earlier requests are answered; one is given per cycle."""

    def __init__(self) -> None:
        self._rows = InOrder(at.RESULT)
        self._last = -1  # when the last answer was given

    def sorted(self, rows: Int64) -> Int64:
        """The rows that are next, with the cycles in which they are given."""
        ready = self._rows.add(rows)
        if len(ready):
            steps = np.arange(len(ready))
            first = max(int(ready[0, 2]), self._last + 1)
            ready[0, 2] = first
            ready[:, 2] = np.maximum.accumulate(ready[:, 2] - steps) + steps
            self._last = int(ready[-1, 2])
        return ready
