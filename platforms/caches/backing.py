"""What caches lie on: the protocol of a back end, and a memory that takes the same time for every request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

NO_DATA = -1


class Answer(NamedTuple):
    """When a back end took a request, and the first cycle in which its data are valid (-1 for a write)."""

    accepted: int
    data: int


class BackEnd(Protocol):
    """One request at a time, handed over in the order of time."""

    @property
    def free(self) -> int:
        """First cycle in which the next request can be taken."""
        ...

    def offer(self, cycle: int, write: bool, address: int, mask: int) -> Answer:
        """A request that is presented from ``cycle`` on and held until it is taken.

        Args:
            address: In words of the back end.
            mask: The bytes of the word that are meant, one bit each.
        """
        ...

    def finish(self, cycle: int) -> None:
        """Nothing is presented any more; do what is left before ``cycle``."""
        ...


@dataclass(frozen=True, slots=True)
class DelayParameters:
    """Times of a memory, in cycles between a request and the cycle in which the memory sees it.

    A request to the block of the previous one, of whatever kind, takes the burst's delay instead.
    ``burst_words`` is the size of a block in words of the memory; 0: no bursts.
    """

    read_cycles: int = 0
    write_cycles: int = 0
    burst_words: int = 0
    burst_read_cycles: int = 0
    burst_write_cycles: int = 0


class DelayMemory:
    """A memory behind a delay: a request holds it for its delay and one cycle more."""

    def __init__(self, parameters: DelayParameters) -> None:
        self.free = 0
        self.reads = self.writes = 0
        self.last_cycle = NO_DATA
        """The cycle in which the memory saw the last request."""
        self._parameters = parameters
        self._open_block = 0  # block 0 counts as open after reset

    def offer(self, cycle: int, write: bool, address: int, mask: int) -> Answer:
        """See :class:`BackEnd`."""
        parameters = self._parameters
        accepted = cycle if cycle > self.free else self.free
        delay = parameters.write_cycles if write else parameters.read_cycles
        if parameters.burst_words:
            block = address // parameters.burst_words
            if block == self._open_block:
                delay = parameters.burst_write_cycles if write else parameters.burst_read_cycles
            self._open_block = block
        self.last_cycle = accepted + delay
        self.free = accepted + delay + 1
        if write:
            self.writes += 1
            return Answer(accepted, NO_DATA)
        self.reads += 1
        return Answer(accepted, self.free)

    def finish(self, cycle: int) -> None:
        """See :class:`BackEnd`."""
