"""Records what happens in a system over time, stretches that are skipped included."""

from __future__ import annotations

from collections.abc import Sequence

from acadl.simulate_objects import Clock
from platforms.caches.below import DramMemory
from platforms.caches.journey import NOBODY
from platforms.caches.level import CacheLevel, Watcher
from platforms.soc.over_time import Key, OverTime, Windows
from platforms.soc.phases import Board, PhaseCore
from platforms.soc.stalls import divided

BYTES, WAITING, HITS, MISSES, HELD = "bytes", "waiting", "hits", "misses", "held"
MOVED: Key = (BYTES, "", NOBODY)  # by all


class Recording:
    """Listens to memory, caches and cores.

    In time that is skipped, what the caches counted is spread evenly; the rest goes on as in the time since
    the last mark (:meth:`platforms.soc.phases.Board.mark`), which was evaluated.
    """

    def __init__(
        self,
        env: Clock,
        board: Board,
        cores: Sequence[PhaseCore],
        memory: DramMemory,
        caches: dict[str, CacheLevel],
    ) -> None:
        self.windows = Windows()
        self._env, self._board = env, board
        self._memory, self._caches = memory, caches
        self._marked_at = 0
        self._marked: dict[Key, int] = {}
        self._counted = self._counts()
        memory.watcher = self._burst
        for core in cores:
            core.on_held = self._held
        for name, cache in caches.items():
            cache.watcher = self._looker(name)
        board.on_mark, board.on_skip = self._mark, self._skip

    def _burst(self, channel: int, core: int, arrival: int, size: int) -> None:
        now = self._env.cycle + self._board.skipped
        self.windows.add((BYTES, channel, core), now, size)
        stay = self._env.cycle - arrival
        self.windows.spread((WAITING, channel, NOBODY), now - stay, now, stay)

    def _held(self, core: int, since: int, until: int) -> None:
        skipped = self._board.skipped
        self.windows.spread((HELD, core, NOBODY), since + skipped, until + skipped, until - since)

    def _looker(self, name: str) -> Watcher:
        windows, env, board = self.windows, self._env, self._board

        def look(arrival: int, hit: bool) -> None:
            now = env.cycle + board.skipped
            windows.add((HITS if hit else MISSES, name, NOBODY), now)
            stay = env.cycle - arrival
            windows.spread((WAITING, name, NOBODY), now - stay, now, stay)

        return look

    # -- time that is skipped -------------------------------------------------------------------------------

    def _counts(self) -> dict[Key, int]:
        """What is counted in skipped time, too."""
        found: dict[Key, int] = {MOVED: sum(self._memory.warmed) * self._memory.burst_bytes}
        for name, cache in self._caches.items():
            found[HITS, name, NOBODY], found[MISSES, name, NOBODY] = cache.warmed
        return found

    def _mark(self) -> None:
        self._marked_at = self._env.cycle
        self._marked = self.windows.totals()

    def _skip(self, cycles: int) -> None:
        """So many cycles have been skipped; they end now."""
        now = self._env.cycle + self._board.skipped
        begin, evaluated = now - cycles, max(1, self._env.cycle - self._marked_at)
        since = {key: total - self._marked.get(key, 0) for key, total in self.windows.totals().items()}
        counted, before = self._counts(), self._counted
        self._counted = counted
        for key, amount in since.items():
            if key[0] in (WAITING, HELD):
                self.windows.spread(key, begin, now, amount * cycles // evaluated)
        shares: dict[Key, float] = {key: float(n) for key, n in since.items() if key[0] == BYTES and n}
        moved = counted[MOVED] - before[MOVED]
        for key, amount in divided(moved, shares):
            self.windows.spread(key, begin, now, amount)
        for key in counted:
            if key != MOVED:
                self.windows.spread(key, begin, now, counted[key] - before[key])
        self._mark()

    # -- result ---------------------------------------------------------------------------------------------

    def found(self, names: Sequence[str]) -> OverTime:
        """All that has been recorded; ``names`` of the cores."""
        windows = self.windows
        channels = range(self._memory.memory.channels)
        return OverTime(
            windows.length,
            {
                f"channel{channel}": {
                    name: windows.row((BYTES, channel, core)) for core, name in enumerate(names)
                }
                for channel in channels
            },
            {
                **{f"channel{channel}": windows.row((WAITING, channel, NOBODY)) for channel in channels},
                **{name: windows.row((WAITING, name, NOBODY)) for name in self._caches},
            },
            {name: windows.row((HITS, name, NOBODY)) for name in self._caches},
            {name: windows.row((MISSES, name, NOBODY)) for name in self._caches},
            {name: windows.row((HELD, core, NOBODY)) for core, name in enumerate(names)},
        )
