"""Time in the evaluation in order of time: what is to happen when."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush


class Agenda:
    """Actions by the cycle in which they happen.

    Attributes:
        now: The present cycle.
    """

    def __init__(self) -> None:
        self.now = 0
        self._times: list[int] = []
        self._actions: dict[int, list[Callable[[], None]]] = {}

    def at(self, cycle: int, action: Callable[[], None]) -> None:
        """Let ``action`` happen in ``cycle``, which is not over yet."""
        found = self._actions.get(cycle)
        if found is None:
            self._actions[cycle] = [action]
            heappush(self._times, cycle)
        else:
            found.append(action)

    def step(self) -> bool:
        """Go to the next cycle in which something happens, and let it happen; ``False``: there is none.

        What is added for the same cycle meanwhile happens in it as well.
        """
        if not self._times:
            return False
        self.now = cycle = self._times[0]
        actions = self._actions[cycle]
        for action in actions:  # may grow
            action()
        self._times.pop(0) if len(self._times) == 1 else heappop(self._times)
        del self._actions[cycle]
        return True
