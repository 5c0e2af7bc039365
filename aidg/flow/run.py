"""Runs the kernel."""

from __future__ import annotations

from acadl.errors import ProgramError
from aidg.flow import kernel as n
from aidg.flow.tables import Tables


class Run:
    """One run of a program."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.log: list[tuple[int, int, int, int]] = []

    def run(self) -> int:
        """Cycles of the program. Raises :class:`ProgramError`."""
        k, m = self.tables.fixed, self.tables.state
        while True:
            why = n.run(k, m)
            if why == n.ENDED:
                self._drain()
                return m[n.CYCLES]
            if why == n.COSTS:
                self._costs()
            elif why == n.LOG_FULL:
                self._drain()
            elif why == n.STUCK:
                raise ProgramError(f"nothing can move any more at cycle {m[n.NOW]}")
            elif why == n.TOO_MUCH:
                raise ProgramError(f"more happens in cycle {m[n.NOW]} than can be evaluated")

    def _costs(self) -> None:
        k, m = self.tables.fixed, self.tables.state
        base = k[n.M_INDEX]
        indices = {name: m[base + number] for number, name in enumerate(self.tables.levels)}
        values = self.tables.costs[m[n.HELD_ROW]]
        for number, value in enumerate(values):
            m[k[n.M_COSTS] + number] = value if isinstance(value, int) else value.at(indices)
        m[n.COSTS_KNOWN] = 1

    def _drain(self) -> None:
        k, m = self.tables.fixed, self.tables.state
        base = k[n.M_LOGGED]
        for number in range(m[n.LOGGED]):
            self.log.append(tuple(m[base + 4 * number : base + 4 * number + 4]))  # type: ignore[arg-type]
        m[n.LOGGED] = 0
