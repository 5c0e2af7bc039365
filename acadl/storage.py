"""What a transaction costs at a storage: fixed latencies, caches and open rows, one protocol.

A storage model answers each transaction with a latency. Its state advances in program order (see
``docs/semantics.md``, rule 9), so every evaluator gets the same answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from acadl.model import (
    DRAM,
    SRAM,
    Architecture,
    DataStorage,
    EdgeKind,
    SetAssociativeCache,
)
from acadl.routing import storage_path

# What is held of memory: first byte of the line or row, and whatever else later answers depend on.
Held: TypeAlias = tuple[int, int]


class StorageModel(Protocol):
    """Latency of transactions, one after the other in program order.

    A model with a state lets exact extrapolation see and move it (``docs/extrapolation.md``):

    - addresses of one line (``line_bytes``, aligned) are treated alike;
    - lines whose addresses differ by a multiple of ``period_bytes`` meet in one set (bank);
    - sets are equal: had everything happened so many lines further, all answers would be the same.
    """

    is_fixed: bool
    line_bytes: int
    period_bytes: int

    def latency(self, address: int, write: bool) -> int:
        """Cycles from service to answer for the transaction at byte ``address``; advances the state."""

    def held(self) -> list[list[Held]]:
        """What is held, per set in use, in the order that decides what is replaced next."""

    def rename(self, moved: Callable[[int], int]) -> None:
        """Let every line that is held start at ``moved(address)``; what shares a set moves to one set."""


class FixedLatency:
    """A memory without state: the latency depends on nothing but the direction."""

    is_fixed = True
    line_bytes = 1
    period_bytes = 1

    def __init__(self, read_latency: int, write_latency: int) -> None:
        self._latency = (read_latency, write_latency)

    def latency(self, address: int, write: bool) -> int:
        return self._latency[write]

    def held(self) -> list[list[Held]]:
        return []

    def rename(self, moved: Callable[[int], int]) -> None:
        pass  # nothing is held


class OpenRows:
    """A DRAM that keeps one row per bank open.

    Row hit: the access latency. Closed bank: ``t_RCD`` more. Conflict: ``t_RP + t_RCD`` more, and, where the
    open row has served a single access, as long as it takes to keep it open for ``t_RAS``.
    """

    is_fixed = False

    def __init__(self, dram: DRAM) -> None:
        self.line_bytes = dram.row_bytes
        self.period_bytes = dram.row_bytes * dram.banks
        self._dram = dram
        self._open: dict[int, Held] = {}  # bank -> (row, accesses since activation, 2 for more)

    def latency(self, address: int, write: bool) -> int:
        dram = self._dram
        row = address // dram.row_bytes
        bank = row % dram.banks
        access = dram.write_latency if write else dram.read_latency
        open_row, served = self._open.get(bank, (None, 0))
        if open_row == row:
            self._open[bank] = (row, 2)
            return access
        self._open[bank] = (row, 1)
        if open_row is None:
            return dram.t_RCD + access
        keep_open = max(0, dram.t_RAS - dram.t_RCD - access) if served == 1 else 0
        return keep_open + dram.t_RP + dram.t_RCD + access

    def held(self) -> list[list[Held]]:
        return [[(row * self.line_bytes, served)] for row, served in self._open.values()]

    def rename(self, moved: Callable[[int], int]) -> None:
        rows = [(moved(row * self.line_bytes) // self.line_bytes, s) for row, s in self._open.values()]
        self._open = {row % self._dram.banks: (row, served) for row, served in rows}


class CacheLines:
    """Tags of a set-associative cache in front of another storage.

    Hit: ``hit_latency``. Miss: ``hit_latency + miss_latency`` and the next level's latency for the line,
    twice where a dirty line is written back first. Writes that do not allocate go to the next level.
    """

    is_fixed = False

    def __init__(self, cache: SetAssociativeCache, below: StorageModel) -> None:
        self.line_bytes = cache.cache_line_size
        self.period_bytes = cache.cache_line_size * cache.sets
        self._cache = cache
        self._below = below
        self._sets: dict[int, list[tuple[int, bool]]] = {}  # set -> [(line, dirty)], next victim first

    def latency(self, address: int, write: bool) -> int:
        cache = self._cache
        line = address // self.line_bytes
        ways = self._sets.setdefault(line % cache.sets, [])
        found = next((i for i, (held, _) in enumerate(ways) if held == line), None)
        if found is not None:
            return self._hit(ways, found, write, address)
        if write and not cache.write_allocate:
            return cache.hit_latency + self._below.latency(address, True)
        return self._miss(ways, line, write, address)

    def _hit(self, ways: list[tuple[int, bool]], way: int, write: bool, address: int) -> int:
        cache = self._cache
        line, dirty = ways[way]
        if write:
            dirty = cache.write_back
        if cache.replacement_policy == "lru":
            ways.append((ways.pop(way)[0], dirty))
        else:
            ways[way] = (line, dirty)
        through = self._below.latency(address, True) if write and not cache.write_back else 0
        return cache.hit_latency + through

    def _miss(self, ways: list[tuple[int, bool]], line: int, write: bool, address: int) -> int:
        cache = self._cache
        cycles = cache.hit_latency + cache.miss_latency
        if len(ways) == cache.ways:
            victim, dirty = ways.pop(0)
            if dirty:
                cycles += self._below.latency(victim * self.line_bytes, True)
        cycles += self._below.latency(address, False)
        if write and not cache.write_back:
            cycles += self._below.latency(address, True)
        ways.append((line, write and cache.write_back))
        return cycles

    def held(self) -> list[list[Held]]:
        return [
            [(line * self.line_bytes, dirty) for line, dirty in ways] for ways in self._sets.values() if ways
        ]

    def rename(self, moved: Callable[[int], int]) -> None:
        sets = [
            [(moved(line * self.line_bytes) // self.line_bytes, dirty) for line, dirty in ways]
            for ways in self._sets.values()
            if ways
        ]
        self._sets = {ways[0][0] % self._cache.sets: ways for ways in sets}


def build_model(path: tuple[DataStorage, ...], built: dict[str, StorageModel]) -> StorageModel:
    """The model of ``path[0]``, in front of the rest of the path; shared through ``built`` by name."""
    storage = path[0]
    if storage.name not in built:
        built[storage.name] = _make(storage, path, built)
    return built[storage.name]


def _make(
    storage: DataStorage, path: tuple[DataStorage, ...], built: dict[str, StorageModel]
) -> StorageModel:
    match storage:
        case SRAM():
            return FixedLatency(storage.read_latency, storage.write_latency)
        case DRAM() if not (storage.t_RCD or storage.t_RP or storage.t_RAS):
            return FixedLatency(storage.read_latency, storage.write_latency)
        case DRAM():
            return OpenRows(storage)
        case SetAssociativeCache():
            return CacheLines(storage, build_model(path[1:], built))
    raise TypeError(f"no timing model for storage '{storage.name}' of class {type(storage).__name__}")


def path_to(
    arch: Architecture, unit: str, start: int, end: int, write: bool
) -> tuple[DataStorage, ...] | None:
    """Storages that an access by ``unit`` to ``[start, end)`` passes, nearest first; ``None``: no path."""
    return storage_path(arch, unit, start, end, EdgeKind.WRITE_DATA if write else EdgeKind.READ_DATA)
