"""A run whose requests to one storage are decided outside: it stops at each, and goes on with the answers."""

from __future__ import annotations

from typing import NamedTuple

from acadl.errors import ProgramError
from acadl.model import Architecture, MemoryInterface
from acadl.routing import instruction_memory
from aidg.flow.kernel import names as n
from aidg.flow.kernel.outside import answer
from aidg.flow.kernel.time import following
from aidg.flow.run import Run
from aidg.flow.tables import Tables, build
from mappings.program import LoopProgram, concrete

NEVER = n.NEVER


class Asked(NamedTuple):
    """A request that has been handed over.

    Attributes:
        part: What :meth:`CoupledRun.answer` wants to hear.
        write: Whether it writes.
        start, size: Bytes of the storage.
    """

    part: int
    write: bool
    start: int
    size: int


class Stop(NamedTuple):
    """Why a run has stopped.

    Attributes:
        cycle: The last one that has been evaluated.
        asked: Requests that were handed over in it.
        following: The next cycle in which something happens; :data:`NEVER` if nothing does without an answer.
        ended: The program is through; ``cycle`` is then when.
    """

    cycle: int
    asked: tuple[Asked, ...]
    following: int
    ended: bool


class CoupledRun(Run):
    """Every instruction is evaluated, nothing is skipped."""

    def __init__(self, tables: Tables, kernel: str = "auto") -> None:
        """``tables``: made with the storage that is decided on outside."""
        super().__init__(tables, kernel)
        self._ended: Stop | None = None

    def go(self, limit: int, read_room: int, write_room: int) -> Stop:
        """Go on, as far as ``limit`` at most, to the next cycle in which something is asked.

        ``read_room``, ``write_room``: requests that are taken in a cycle.

        Raises:
            ProgramError: Nothing can move any more.
        """
        if self._ended is not None:
            return self._ended
        m = self.m
        m[n.LIMIT], m[n.ROOM_READ], m[n.ROOM_WRITE] = limit, read_room, write_room
        while True:
            why = self._go()
            m = self.m  # compiled code may have taken over
            if why == n.OUTSIDE:
                return Stop(int(m[n.NOW]), self._taken(), self._following(), False)
            if why == n.ENDED:
                self._ended = Stop(self.cycles(), (), NEVER, True)
                return self._ended
            if why == n.COSTS:
                self._costs()
            elif why == n.PAUSE:
                self._lose_patience()
            elif why == n.LOG_FULL:
                self._drain()
            else:
                raise ProgramError(self._failure(why))

    def answer(self, part: int, cycle: int) -> int:
        """A request is answered in a cycle that lies ahead; the next one in which something happens."""
        if self.is_compiled:
            self._compiled.answer_at(*self._addresses, part, cycle)
        else:
            answer(self.k, self.m, part, cycle)
        return self._following()

    def _following(self) -> int:
        if self.is_compiled:
            return int(self._compiled.following_at(*self._addresses))
        return following(self.k, self.m)

    def _taken(self) -> tuple[Asked, ...]:
        m, base = self.m, self.k[n.M_OUTBOX]
        count, m[n.OUTBOX] = int(m[n.OUTBOX]), 0
        return tuple(
            Asked(
                int(m[at + n.B_PART]), bool(m[at + n.B_WRITE]), int(m[at + n.B_START]), int(m[at + n.B_BYTES])
            )
            for at in range(base, base + count * n.REQUEST, n.REQUEST)
        )


def coupled_run(
    arch: Architecture, program: LoopProgram, storage: str | None, kernel: str = "auto"
) -> CoupledRun:
    """A run of ``program`` in which requests to ``storage`` are decided outside; ``None``: none are.

    Raises:
        RoutingError, ProgramError: As :func:`aidg.prepare`; or memory access units use the storage.
    """
    if storage is None:
        return CoupledRun(build(arch, program), kernel)
    if instruction_memory(arch)[1].name == storage:
        raise ProgramError(f"'{storage}' holds the commands; it cannot be decided on outside")
    tables = build(arch, program, outside=storage)
    _check_units(arch, program, tables, storage)
    return CoupledRun(tables, kernel)


def _check_units(arch: Architecture, program: LoopProgram, tables: Tables, storage: str) -> None:
    """Only what movers ask can be answered from outside."""
    memory = arch.objects[storage]
    assert isinstance(memory, MemoryInterface)
    for number, step in enumerate(tables.steps):
        if tables.fixed[tables.fixed[n.K_STEP] + number * n.STEP + n.T_KIND] != n.MEMORY:
            continue
        indices = dict.fromkeys(tables.levels, 0)
        instruction = concrete(step, program.operations[step.operation], indices, 0)
        for access in (*instruction.read_addresses, *instruction.write_addresses):
            if any(low <= access.start < high for low, high in memory.address_ranges):
                raise ProgramError(
                    f"'{step.operation}' accesses '{storage}' in a memory access unit; a memory that several "
                    "cores share is accessed by movers"
                )
