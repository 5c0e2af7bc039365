"""What a request waits for on its way through caches and memory, and whose that is."""

from __future__ import annotations

from dataclasses import dataclass, field

NOBODY = -1

# Where a request waits.
LOOKUP = "cache_port"  # for its turn to be looked up
REGISTERS = "miss_registers"  # all lines that can be under way are
LINE = "line_under_way"  # its line is being fetched already
WRITES = "write_buffer"  # lines wait to be written
CACHE = "cache_latency"  # lookups
QUEUE = "memory_queue"  # others are served
REFRESH = "refresh"
MEMORY = "memory_latency"  # rows are opened, data are on their way
BUS = "bus"  # for a lane, or on one
PORT = "core_port"  # of the core: one request a cycle

Cause = tuple[str, int]
"""Where, and the core that is in the way there (:data:`NOBODY`: nobody is)."""


@dataclass(eq=False, slots=True)
class Journey:
    """A request of a core.

    It is always in one place; who moves it to another says when.

    Attributes:
        waits: Cycles by cause.
    """

    core: int
    waits: dict[Cause, int] = field(default_factory=dict)
    _cause: Cause | None = None
    _since: int = 0

    def wait(self, cycle: int, where: str, who: int) -> None:
        """From ``cycle`` on it waits for something else."""
        if self._cause is not None and cycle > self._since:
            self.waits[self._cause] = self.waits.get(self._cause, 0) + cycle - self._since
        self._cause, self._since = (where, who), cycle

    def end(self, cycle: int) -> None:
        """It is answered, or goes on where its waiting is added by :meth:`add`."""
        if self._cause is not None:
            self.wait(cycle, *self._cause)
        self._cause = None

    def add(self, where: str, who: int, cycles: int) -> None:
        """It has waited so many cycles."""
        if cycles > 0:
            self.waits[where, who] = self.waits.get((where, who), 0) + cycles
