"""Levels one below the other in front of a memory, and what has been counted in them."""

from __future__ import annotations

from dataclasses import dataclass, field

from acadl.errors import AcadlError
from platforms.caches.backing import BackEnd, DelayMemory, DelayParameters
from platforms.caches.blocking import BlockingCache, CacheParameters
from platforms.caches.write_buffer import WriteBuffer


@dataclass(frozen=True, slots=True)
class ChainParameters:
    """Caches from the one next to the cores down, and the memory below them."""

    caches: tuple[CacheParameters, ...]
    memory_word_bytes: int
    memory: DelayParameters = field(default_factory=DelayParameters)


class Chain:
    """The levels of one hierarchy, empty, at cycle 0."""

    def __init__(self, parameters: ChainParameters, memory: BackEnd | None = None) -> None:
        """The levels, built from the memory up; ``memory`` stands in for the one of the parameters.

        Raises:
            AcadlError: There is no cache, or a level does not fit onto the one below it.
        """
        if not parameters.caches:
            raise AcadlError("a cache hierarchy has at least one cache")
        self.memory: BackEnd = memory or DelayMemory(parameters.memory)
        self.caches: list[BlockingCache] = []
        self.buffers: list[WriteBuffer | None] = []
        below: BackEnd = self.memory
        word_bytes = parameters.memory_word_bytes
        for level in reversed(parameters.caches):
            buffer = WriteBuffer(level.write_buffer, word_bytes, below) if level.write_buffer else None
            cache = BlockingCache(level, buffer or below, word_bytes)
            self.caches.insert(0, cache)
            self.buffers.insert(0, buffer)
            below, word_bytes = cache, level.word_bytes

    @property
    def first(self) -> BlockingCache:
        """The level next to the cores."""
        return self.caches[0]
