"""Places of an object, granted in program order (rule 2), and turns at its service (rule 3)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable


class Places:
    """``capacity`` places for everybody whose route holds the object.

    Attributes:
        release: Cycles from leaving until the place is free.
    """

    def __init__(self, capacity: int, release: int = 0) -> None:
        self.capacity = capacity
        self.release = release
        self.users: list[int] = []  # who has not given up a place yet, in program order
        self.staying: list[int] = []  # who has not left yet, in program order
        self._waiting: dict[int, Callable[[], None]] = {}

    def expect(self, number: int) -> None:
        """Instruction ``number`` comes by; called in program order."""
        self.users.append(number)
        self.staying.append(number)

    def ahead(self, number: int) -> int:
        """Earlier users that have not left."""
        return bisect_left(self.staying, number)

    def leave(self, number: int) -> None:
        """``number`` leaves; its place may be free later."""
        del self.staying[bisect_left(self.staying, number)]
        if self.release:
            self._wake()

    def admits(self, number: int) -> bool:
        """Whether there is a place."""
        return bisect_left(self.users, number) < self.capacity

    def wait(self, number: int, wake: Callable[[], None]) -> None:
        """Call ``wake`` once somebody has given up a place."""
        self._waiting[number] = wake

    def free(self, number: int) -> None:
        """The place of ``number`` is free now."""
        del self.users[bisect_left(self.users, number)]
        self._wake()

    def _wake(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, {}
            for key in sorted(waiting):
                waiting[key]()


class Turn:
    """One instruction's service at one object; the next one waits for it.

    Attributes:
        since: When it started, or, without an interval, when it was done; -1: it has not yet.
        interval: Cycles from ``since`` to the next one's start.
        pipelined: Whether an interval counts from the start.
    """

    __slots__ = ("interval", "pipelined", "since", "waiting")

    def __init__(self, interval: int) -> None:
        self.pipelined = interval >= 0
        self.interval = max(interval, 0)
        self.since = -1
        self.waiting: Callable[[], None] | None = None

    def happened(self, cycle: int) -> None:
        """It has started (been done) in ``cycle``."""
        self.since = cycle
        if self.waiting is not None:
            wake, self.waiting = self.waiting, None
            wake()
