"""DRAM commands as flat arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dram.commands import COMMAND_NAMES
from dram.requests import Int64

EVERY = -1  # in a place: the command concerns all of them, or none


@dataclass(frozen=True, slots=True, eq=False)
class Commands:
    """Commands on the bus of one channel in the order of time; all arrays have the same length.

    Attributes:
        cycle: First cycle of the command on the bus, in cycles of the memory clock.
        command: Position of its name in ``COMMAND_NAMES``.
        rank, bankgroup, bank, row, column: Place; :data:`EVERY` where the command has none. ``bank`` counts
            within its bank group, ``column`` counts bursts.
    """

    cycle: Int64
    command: NDArray[np.uint8]
    rank: Int64
    bankgroup: Int64
    bank: Int64
    row: Int64
    column: Int64

    def __len__(self) -> int:
        return len(self.cycle)

    def name(self, index: int) -> str:
        """The name of one command."""
        return COMMAND_NAMES[int(self.command[index])]

    def counts(self) -> dict[str, int]:
        """How often each command occurs; those that do not are missing."""
        found = np.bincount(self.command, minlength=len(COMMAND_NAMES))
        return {name: int(count) for name, count in zip(COMMAND_NAMES, found, strict=True) if count}

    @staticmethod
    def of(rows: Iterable[Sequence[int]]) -> Commands:
        """From rows ``cycle, command number, rank, bankgroup, bank, row, column``."""
        return Commands.from_table(np.array(list(rows), np.int64).reshape(-1, 7))

    @staticmethod
    def from_table(table: Int64) -> Commands:
        """From an array of seven columns."""
        cycle, command, *place = (np.ascontiguousarray(column) for column in table.T)
        return Commands(cycle, command.astype(np.uint8), *place)

    @staticmethod
    def joined(parts: Sequence[Commands]) -> Commands:
        """One after the other."""
        if not parts:
            return Commands.of(())
        names = ("cycle", "command", "rank", "bankgroup", "bank", "row", "column")
        return Commands(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
