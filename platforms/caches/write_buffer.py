"""A write buffer between a cache and its back end: writes wait in it, reads overtake them."""

from __future__ import annotations

from platforms.caches.backing import NO_DATA, Answer, BackEnd


class WriteBuffer:
    """Up to ``entries`` words of the back end, each with the bytes that are to be written.

    In every cycle in which no read is under way or presented, the oldest entry is offered to the back end,
    and leaves when that is free. Nothing is done cycle by cycle: entries leave when
    somebody asks about a later cycle.
    """

    def __init__(self, entries: int, word_bytes: int, below: BackEnd) -> None:
        self.reads = self.writes = 0
        self.most = 0
        """Most entries at a time."""
        self._depth = entries
        self._full_mask = (1 << word_bytes) - 1
        self._below = below
        self._entries: dict[int, int] = {}  # masks by address, the oldest first
        self._next = 0  # first cycle in which the oldest entry can be offered

    @property
    def free(self) -> int:
        """See :class:`BackEnd`; when a request is taken depends on the request."""
        return self._next

    def offer(self, cycle: int, write: bool, address: int, mask: int) -> Answer:
        """See :class:`BackEnd`."""
        self._leave_before(cycle)
        if write:
            self.writes += 1
            return Answer(self._append(cycle, address, mask), NO_DATA)
        self.reads += 1
        held = self._entries.get(address)
        if held == self._full_mask:
            return Answer(cycle, cycle + 1)
        while address in self._entries:  # a part of the word: it has to reach the back end first
            cycle = self._leaves() + 1
            self._leave_before(cycle)
        answer = self._below.offer(cycle, False, address, mask)
        self._next = max(self._next, answer.data)
        return answer

    def finish(self, cycle: int) -> None:
        """See :class:`BackEnd`."""
        self._leave_before(cycle)
        self._below.finish(cycle)

    def _leaves(self) -> int:
        """When the oldest entry leaves if nothing comes between."""
        free = self._below.free
        return free if free > self._next else self._next

    def _leave_before(self, cycle: int) -> None:
        entries = self._entries
        while entries:
            leaves = self._leaves()
            if leaves >= cycle:
                return
            address = next(iter(entries))
            self._below.offer(leaves, True, address, entries.pop(address))
            self._next = leaves + 1

    def _append(self, cycle: int, address: int, mask: int) -> int:
        """Take a write; the cycle in which it is taken."""
        entries = self._entries
        if entries:
            leaves = self._leaves()
            head_leaves = leaves <= cycle
            if address in entries and not (head_leaves and next(iter(entries)) == address):
                entries[address] |= mask
                return cycle
            if head_leaves or len(entries) >= self._depth:
                cycle = max(cycle, leaves)
                self._leave_before(cycle + 1)
        if not entries:
            self._next = max(self._next, cycle + 1)
        entries[address] = mask
        self.most = max(self.most, len(entries))
        return cycle
