"""Runs the kernel: on plain lists, or, once that is worth it, compiled."""

from __future__ import annotations

from typing import Any

from acadl.errors import ProgramError
from aidg.flow.compiled import is_loaded
from aidg.flow.kernel import names as n
from aidg.flow.kernel.key import move_flights, write_key
from aidg.flow.kernel.records import flight_of, line_state, storage_state
from aidg.flow.kernel.run import run
from aidg.flow.tables import Tables

# Instructions that are evaluated before compiled code is loaded.
PATIENCE = 400


class Run:
    """One run of a program, every instruction evaluated.

    Attributes:
        k, m: What is fixed, and the state; lists, or arrays once compiled code has taken over.
        log: Events, where they are wanted: kind, number, more, cycle (``LOG_…`` of the kernel).
        is_compiled: Whether compiled code has taken over.
    """

    def __init__(self, tables: Tables, kernel: str = "auto") -> None:
        """``kernel``: ``auto``, ``interpreted`` or ``compiled``."""
        self.tables = tables
        self.k: Any = tables.fixed
        self.m: Any = list(tables.state)
        self.log: list[tuple[int, int, int, int]] = []
        self.is_compiled = False
        self._kernel = kernel
        if kernel == "compiled":
            self._compile()
        elif kernel == "auto":
            self.m[n.PATIENCE] = PATIENCE
            if is_loaded():
                self._compile()

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

    @property
    def evaluated(self) -> int:
        """Instructions that were evaluated."""
        return int(self.m[n.NUMBER])

    def _go(self) -> int:
        if self.is_compiled:
            return int(self._compiled.run_at(self.k.ctypes.data, self.m.ctypes.data))
        return run(self.k, self.m)

    def write_key(self) -> Any:
        """The state up to a shift in time and address, as something that can be looked up."""
        if self.is_compiled:
            length = self._compiled.key_at(self.k.ctypes.data, self.m.ctypes.data)
        else:
            length = write_key(self.k, self.m)
        base = self.k[n.M_KEY]
        part = self.m[base : base + length]
        return part.tobytes() if self.is_compiled else tuple(part)

    def move(self, level: int, iterations: int) -> None:
        """Move the operands of what is in flight by iterations of a loop."""
        if self.is_compiled:
            self._compiled.move_at(self.k.ctypes.data, self.m.ctypes.data, level, iterations)
        else:
            move_flights(self.k, self.m, level, iterations)

    def _busy_positions(self) -> list[int]:
        k = self.k
        objects = [k[n.M_BUSY] + item for item in range(k[n.K_OBJECTS])]
        lines = [line_state(k, line) + n.N_BUSY for line in range(k[n.K_LINES])]
        storages = [storage_state(k, storage) + n.S_BUSY for storage in range(k[n.K_STORAGES])]
        return [int(position) for position in (*objects, *lines, *storages)]

    def busy(self) -> list[int]:
        """Busy cycles of units, controllers and storages' ports, in this order."""
        return [int(self.m[position]) for position in self._busy_positions()]

    # -- what the kernel asks for ---------------------------------------------------------------------------

    def _lose_patience(self) -> None:
        from aidg.compiled import is_available

        self.m[n.PATIENCE] = n.NEVER
        if is_available():
            self._compile()

    def _compile(self) -> None:
        import numpy as np

        from aidg.flow.compiled import compiled_kernel

        self.m[n.PATIENCE] = n.NEVER
        self._compiled = compiled_kernel()
        self.k = np.array(self.k, dtype=np.int64)
        self.m = np.array(self.m, dtype=np.int64)
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
