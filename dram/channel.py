"""One channel: requests in, times and commands out."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from dram import kernel as interpreted
from dram.address import Place
from dram.command_arrays import Commands
from dram.configurations import ControllerSettings
from dram.device import Device
from dram.prepare import new_kernel, slots_needed
from dram.requests import Int64

ROOM = 1 << 16  # commands that are recorded before they are fetched


class Channel:
    """A controller and its memory, from cycle 0 on.

    Requests are handed over with :meth:`give`, in order of arrival; :meth:`go` serves them.
    """

    def __init__(self, device: Device, controller: ControllerSettings, *, record: bool, fast: bool) -> None:
        """Args: ``record`` keeps the commands; ``fast`` runs compiled code, which needs numba."""
        self._device = device
        self._kernel = new_kernel(device, controller, ROOM if record else 0)
        self._module: ModuleType = interpreted
        self._fast = fast
        self._waiting = slots_needed(device, controller)
        self._commands: list[Commands] = []
        self.given = 0
        if fast:
            from dram.compiled import compiled

            self._module = compiled("dram.kernel")
            self._kernel = self._kernel._replace(
                **{name: np.array(values, np.int64) for name, values in self._kernel._asdict().items()}
            )

    def give(self, arrival: Int64, write: Any, place: Place) -> None:
        """Hand over the next requests; those before have all been taken in."""
        kernel = self._kernel
        shape = self._device.organisation
        bank = (place.rank * shape.bank_groups + place.bank_group) * shape.banks + place.bank
        columns = (arrival, bank, place.row, place.column, np.asarray(write, np.int64))
        names = ("arrival", "bank", "row", "column", "write")
        given = {
            name: np.ascontiguousarray(values, np.int64) if self._fast else values.tolist()
            for name, values in zip(names, columns, strict=True)
        }
        count = len(arrival)
        room = (count + self._waiting + 8) * interpreted.RESULT
        results: Any = np.empty(room, np.int64) if self._fast else [0] * room
        self._kernel = kernel._replace(results=results, **given)
        kernel.regs[interpreted.BASE] = self.given
        kernel.regs[interpreted.INPUT] = 0
        kernel.regs[interpreted.INPUTS] = count
        self.given += count

    def go(self, *, final: bool, limit: int = interpreted.NEVER) -> Int64:
        """Serve until the given requests are all in (``final``: done), or up to the cycle ``limit``.

        Returns:
            Rows of request number, accept and done, of the requests whose ``done`` has become known.
        """
        kernel = self._kernel
        kernel.settings[interpreted.FINAL] = int(final)
        kernel.settings[interpreted.LIMIT] = limit
        kernel.regs[interpreted.OUT] = 0
        while self._module.run(kernel) == interpreted.NEED_ROOM:
            self._fetch()
        if kernel.settings[interpreted.RECORD]:
            self._fetch()
        count = int(kernel.regs[interpreted.OUT])
        rows = np.array(kernel.results[: count * interpreted.RESULT], np.int64)
        return rows.reshape(count, interpreted.RESULT)

    def _fetch(self) -> None:
        """Take the recorded commands out of the kernel."""
        kernel = self._kernel
        count = int(kernel.regs[interpreted.RECORDED])
        size = interpreted.RECORD_SIZE
        cycle, command, bank, row, column = (
            np.array(kernel.record[: count * size], np.int64).reshape(-1, size).T
        )
        kernel.regs[interpreted.RECORDED] = 0
        shape = self._device.organisation
        group = bank // shape.banks
        whole = np.isin(command, WHOLE)
        everywhere = np.isin(command, (interpreted.PRESB, interpreted.REFSB))
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

    def counts(self) -> dict[int, int]:
        """Commands issued, by number."""
        return {number: int(count) for number, count in enumerate(self._kernel.counts) if count}


WHOLE = (
    interpreted.PREA, interpreted.REF, interpreted.PDNA, interpreted.PDXA,
    interpreted.PDNP, interpreted.PDXP, interpreted.SREF, interpreted.SREFX,
)  # fmt: skip
