"""The way of a core's requests to the shared memory: buffers for reads and writes, and who goes first.

As in a Gemmini core: reads and writes have a buffer of two beats each, then they take turns (a write of
several beats is not interrupted) into one more buffer of two, which the memory sees. A beat needs a cycle for
each buffer. While as many writes are under way as there can be, a write that has begun does not go on: its
further beats wait for an acknowledgement, and so does all that is behind them.
"""

from __future__ import annotations

from collections import deque

from platforms.soc.shared_memory import Message

BUFFERED = 2  # beats in each buffer
RESUMING = 5  # cycles from an acknowledgement until the next beat of a write enters its buffer


class CorePort:
    """One core's port.

    Attributes:
        read_room, write_room: Requests that are taken in the present cycle.
    """

    def __init__(self, most_writes: int) -> None:
        """``most_writes``: writes that can be under way."""
        self._most_writes = most_writes
        self._writes_under_way = 0
        self._acknowledged: deque[int] = deque()  # cycles of acknowledgements that the writer has not seen
        self._reads: deque[Message] = deque()
        self._writes: deque[Message] = deque()  # a message once for each of its beats
        self._rest: deque[Message] = deque()  # beats of a write that follow the one that has entered
        self._out: deque[Message] = deque()
        self._held = 0  # beats of the write that is being passed on, still to come
        self._last_was_write = True
        self._fresh_reads = self._fresh_writes = 0  # beats that have entered in this cycle

    @property
    def read_room(self) -> int:
        return BUFFERED - len(self._reads)

    @property
    def write_room(self) -> int:
        return 0 if self._rest else BUFFERED - len(self._writes)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on its way."""
        return not (self._reads or self._writes or self._out or self._rest)

    def put(self, message: Message) -> None:
        """A request enters in this cycle."""
        if message.write:
            self._writes.append(message)
            self._rest.extend([message] * (message.beats - 1))
            self._fresh_writes += 1
            self._writes_under_way += 1
        else:
            self._reads.append(message)
            self._fresh_reads += 1

    @property
    def offered(self) -> Message | None:
        """What the memory sees in this cycle."""
        return self._out[0] if self._out else None

    def acknowledge(self, cycle: int) -> int:
        """A write is acknowledged in ``cycle``; when that lets others go on."""
        self._acknowledged.append(cycle + RESUMING)
        return cycle + RESUMING

    def _can_resume(self, cycle: int) -> bool:
        """Whether a write that has begun may go on."""
        while self._acknowledged and self._acknowledged[0] <= cycle:
            self._acknowledged.popleft()
            self._writes_under_way -= 1
        return self._writes_under_way < self._most_writes

    def end_cycle(self, cycle: int, accepted: bool) -> bool:
        """Move on at the end of a cycle, in which the memory took a beat or not; whether anything moved."""
        moved = accepted or bool(self._fresh_reads or self._fresh_writes)
        has_room = len(self._out) < BUFFERED
        writes_full = len(self._writes) - self._fresh_writes >= BUFFERED
        if accepted:
            self._out.popleft()
        if has_room and self._pass_on():
            moved = True
        if self._rest and not writes_full and not self._fresh_writes and self._can_resume(cycle):
            self._writes.append(self._rest.popleft())
            moved = True
        self._fresh_reads = self._fresh_writes = 0
        return moved

    def _pass_on(self) -> bool:
        """Move a beat that was there at the beginning of the cycle; whether there was one."""
        read = len(self._reads) > self._fresh_reads
        write = len(self._writes) > self._fresh_writes
        if self._held:
            if not write:
                return False
            self._held -= 1
        elif write and not (read and self._last_was_write):
            self._held = self._writes[0].beats - 1
            self._last_was_write = True
        elif read:
            self._last_was_write = False
            self._out.append(self._reads.popleft())
            return True
        else:
            return False
        self._out.append(self._writes.popleft())
        return True
