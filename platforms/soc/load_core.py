"""A core that works for several networks: a queue for each, and a rule for whose turn it is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from platforms.soc.core import Stop
from platforms.soc.phases import Finished, Phase, PhaseCore
from platforms.soc.shared_memory import NEVER


class Job(NamedTuple):
    """A phase of an input.

    Attributes:
        which: What others call it.
        rank: Of jobs that are ready, the one with the least goes first.
    """

    which: Finished
    phase: Phase
    rank: tuple[int, ...]


@dataclass(slots=True)
class LoadCore(PhaseCore):
    """A :class:`PhaseCore` whose phases are chosen while it works.

    Attributes:
        queues: Jobs of each network, in the order in which they are done.
        done: What others call the phases so far, in their order.
    """

    queues: list[deque[Job]] = field(default_factory=list)
    done: list[Finished] = field(default_factory=list)
    _chosen: list[Phase] = field(default_factory=list)

    def start(self, cycle: int) -> None:
        """See :class:`Core`."""
        self.phases = self._chosen
        PhaseCore.start(self, cycle)

    def go(self, limit: int, read_room: int, write_room: int) -> Stop:
        """See :class:`Core`."""
        while True:
            if len(self.times) == len(self._chosen) and not self._choose():
                return Stop(self._free, (), NEVER, True) if self.is_done else Stop(limit, (), NEVER, False)
            stop = PhaseCore.go(self, limit, read_room, write_room)
            if not stop.ended:
                return stop

    @property
    def is_done(self) -> bool:
        """Whether all phases are over."""
        return len(self.times) == len(self._chosen) and not any(self.queues)

    @property
    def waits_for(self) -> str:
        """What the core is waiting for, for messages."""
        for queue in self.queues:
            missing = (
                [which for which in queue[0].phase.after if which not in self.board.ends] if queue else []
            )
            if missing:
                return f"'{queue[0].phase.label}' waits for phase {missing[0][1]} of core {missing[0][0]}"
        return f"{self._outstanding} answers"

    @property
    def waits_for_core(self) -> int:
        """See :class:`PhaseCore`."""
        if self._is_busy:
            return -1
        missing = [
            which[0]
            for queue in self.queues
            if queue
            for which in queue[0].phase.after
            if which not in self.board.ends
        ]
        return missing[0] if missing else -1

    def _choose(self) -> bool:
        """Take the next job; whether one is ready."""
        ends = self.board.ends
        ready = [
            queue for queue in self.queues if queue and all(which in ends for which in queue[0].phase.after)
        ]
        if not ready:
            return False
        job = min(ready, key=lambda queue: queue[0].rank).popleft()
        self._chosen.append(job.phase)
        self.done.append(job.which)
        return True

    def _which(self) -> Finished:
        return self.done[len(self.times) - 1]
