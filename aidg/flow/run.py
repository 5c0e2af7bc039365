"""Runs the kernel: on plain lists, or, once that is worth it, compiled."""

from __future__ import annotations

from typing import Any

from acadl.errors import ProgramError
from aidg.flow.compiled import is_loaded
from aidg.flow.kernel import names as n
from aidg.flow.kernel.records import flight_of
from aidg.flow.kernel.run import run
from aidg.flow.tables import Tables

# Instructions that are evaluated before compiled code is loaded.
PATIENCE = 400


class Run:
    """One run of a program, every instruction evaluated.

    Attributes:
        k, m: What is fixed, and the state; ``m`` is a view of an array once compiled code has taken over.
        log: Events, where they are wanted: kind, number, more, cycle (``LOG_…`` of the kernel).
        is_compiled: Whether compiled code has taken over.
    """

    def __init__(self, tables: Tables, kernel: str = "auto") -> None:
        """``kernel``: ``auto``, ``interpreted`` or ``compiled``."""
        self.tables = tables
        self.k = tables.fixed
        self.m: Any = None
        self.log: list[tuple[int, int, int, int]] = []
        self.is_compiled = False
        first, count = self.k[n.K_BUSY], self.k[n.K_BUSIES]
        self._busy = self.k[first : first + count]
        if kernel == "compiled" or (kernel == "auto" and is_loaded()):
            self._compile()
        else:
            self.m = tables.state()
            self.m[n.PATIENCE] = PATIENCE if kernel == "auto" else n.NEVER

    # -- running --------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Cycles of the program. Raises :class:`ProgramError` where nothing can move any more."""
        while True:
            why = self._go()
            if why == n.ENDED:
                self._drain()
                return self.cycles()
            if why == n.BOUNDARY:
                self.boundary()
            elif why == n.COSTS:
                self._costs()
            elif why == n.NO_ROOM:
                self.make_room()
            elif why == n.LOG_FULL:
                self._drain()
            elif why == n.PAUSE:
                self._lose_patience()
            else:
                raise ProgramError(self._failure(why))

    def cycles(self) -> int:
        """When the last instruction was done and the last part had ended."""
        return int(self.m[n.CYCLES])

    def boundary(self) -> None:
        """A loop that is watched begins its next iteration."""

    def make_room(self) -> None:
        """What is remembered of the run has filled its room."""

    @property
    def evaluated(self) -> int:
        """Instructions that were evaluated."""
        return int(self.m[n.NUMBER])

    def _go(self) -> int:
        if self.is_compiled:
            return self._compiled.run_at(*self._addresses)
        return run(self.k, self.m)

    def busy(self) -> list[int]:
        """Busy cycles of units, controllers and storages' ports, in this order."""
        m = self.m
        return [m[position] for position in self._busy]

    # -- what the kernel asks for ---------------------------------------------------------------------------

    def _lose_patience(self) -> None:
        from aidg.compiled import is_available

        self.m[n.PATIENCE] = n.NEVER
        if is_available():
            self._compile()

    def _compile(self) -> None:
        import numpy as np

        from aidg.flow.compiled import compiled_kernel

        self._compiled = compiled_kernel()
        fixed, state = self.tables.arrays()
        if self.m is not None:
            state = np.array(self.m, dtype=np.int64)
        state[n.PATIENCE] = n.NEVER
        self._addresses = fixed.ctypes.data, state.ctypes.data
        self._arrays = fixed, state  # kept alive
        self.m = state.data
        self.is_compiled = True

    def _costs(self) -> None:
        k, m = self.k, self.m
        base = k[n.M_INDEX]
        indices = {name: int(m[base + number]) for number, name in enumerate(self.tables.levels)}
        for number, value in enumerate(self.tables.costs[int(m[n.HELD_ROW])]):
            m[k[n.M_COSTS] + number] = value if isinstance(value, int) else value.at(indices)
        m[n.COSTS_KNOWN] = 1

    def _drain(self) -> None:
        base = self.k[n.M_LOGGED]
        for number in range(self.m[n.LOGGED]):
            kind, identity, more, cycle = self.m[base + 4 * number : base + 4 * number + 4]
            self.log.append((int(kind), int(identity), int(more), int(cycle)))
        self.m[n.LOGGED] = 0

    def _failure(self, why: int) -> str:
        now = self.m[n.NOW]
        if why == n.TOO_MUCH:
            return f"more happens in cycle {now} than can be evaluated"
        alive = self.k[n.M_ALIVE]
        waiting = []
        for index in range(min(4, self.m[alive])):
            flight = flight_of(self.k, self.m[alive + 1 + index])
            operation = self.tables.steps[self.m[flight + n.F_STEP]].operation
            waiting.append(f"#{self.m[flight + n.F_NUMBER]} '{operation}'")
        return f"nothing can move any more at cycle {now}: {', '.join(waiting) or 'the fetch stage'} wait"
