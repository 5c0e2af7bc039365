"""Reservation tables of storage ports: who holds how many places when.

Filled in program order, a table is what a cycle-by-cycle "oldest pending request wins" does
(``docs/semantics.md``, rule 8).
"""

from __future__ import annotations

from bisect import bisect_right


class Reservations:
    """Occupancy of ``capacity`` places over time, as a step function.

    ``times[i]`` starts a stretch in which ``levels[i]`` places are taken; before the first stretch none is,
    and the last level is always 0.
    """

    __slots__ = ("capacity", "levels", "times")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.times: list[int] = []
        self.levels: list[int] = []

    def earliest(self, arrival: int, hold: int) -> int:
        """First moment from ``arrival`` on at which a place is free for ``hold`` cycles."""
        times, levels, capacity = self.times, self.levels, self.capacity
        if hold == 0 or not times or arrival >= times[-1]:
            return arrival
        moment = arrival
        position = bisect_right(times, moment)  # first stretch that starts after `moment`
        if position and levels[position - 1] >= capacity:
            moment = times[position]
            position += 1
        while position < len(times) and times[position] < moment + hold:
            if levels[position] >= capacity:
                moment = times[position + 1]  # exists: the last level is 0
                position += 1
            position += 1
        return moment

    def free_for(self, moment: int, wanted: int) -> int:
        """For how long a place is free from ``moment`` on, ``wanted`` at most; at ``moment`` one is free."""
        times, levels, capacity = self.times, self.levels, self.capacity
        for position in range(bisect_right(times, moment), len(times)):
            if times[position] >= moment + wanted:
                break
            if levels[position] >= capacity:
                return times[position] - moment
        return wanted

    def hold(self, moment: int, hold: int) -> None:
        """Take a place during ``[moment, moment + hold)``, which :meth:`earliest` has found free."""
        if hold == 0:
            return
        times, levels = self.times, self.levels
        end = moment + hold
        if not times or moment > times[-1]:
            times += (moment, end)
            levels += (1, 0)
            return
        if moment == times[-1]:
            self._extend(end)
            return
        first = self._split(moment)
        last = self._split(end)
        for position in range(first, last):
            levels[position] += 1
        self._merge(first, last)

    def _extend(self, end: int) -> None:
        """Take a place from the end of the last stretch on."""
        if self.levels[-2] == 1:
            self.times[-1] = end
        else:
            self.levels[-1] = 1
            self.times.append(end)
            self.levels.append(0)

    def _split(self, moment: int) -> int:
        """Index of the stretch that starts at ``moment``, made if there is none."""
        times, levels = self.times, self.levels
        position = bisect_right(times, moment)
        if position and times[position - 1] == moment:
            return position - 1
        times.insert(position, moment)
        levels.insert(position, levels[position - 1] if position else 0)
        return position

    def _merge(self, first: int, last: int) -> None:
        """Join neighbouring stretches of one level around the changed ones."""
        times, levels = self.times, self.levels
        for position in range(min(last, len(times) - 1), max(first - 1, 0), -1):
            if levels[position] == levels[position - 1]:
                del times[position], levels[position]
        if levels[0] == 0:
            del times[0], levels[0]

    def prune(self, base: int) -> None:
        """Forget what lies before ``base``; nobody asks about it again."""
        position = bisect_right(self.times, base)
        if position == len(self.times):
            self.times.clear()
            self.levels.clear()
        elif position > 1:
            del self.times[: position - 1], self.levels[: position - 1]

    def state(self, base: int) -> tuple[int, ...]:
        """The future seen from ``base``: relative times and levels."""
        self.prune(base)
        return (*(t - base if t > base else 0 for t in self.times), *self.levels)

    def shift(self, cycles: int) -> None:
        """Move every reservation ``cycles`` later."""
        self.times = [t + cycles for t in self.times]
