"""Speed of the cache model: accesses per CPU second, by hit rate and depth."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from random import Random

from benchmarks.tables import Row
from platforms.caches.backing import DelayParameters
from platforms.caches.blocking import CacheParameters
from platforms.caches.chain import Chain, ChainParameters
from platforms.caches.ports import Access, Driver, drive

ACCESSES, RUNS = 200_000, 3
L1 = CacheParameters(sets=64, ways=4, block_words=16, word_bytes=4, policy="lru")
L2 = CacheParameters(sets=1024, ways=8, block_words=16, word_bytes=4, policy="plru_tree")
BUFFERED = CacheParameters(
    sets=64, ways=4, block_words=16, word_bytes=4, policy="lru", write_back=False, write_buffer=8
)
MACHINES = {"one level": (L1,), "two levels": (L1, L2), "write-through, buffer": (BUFFERED,)}
# Words that accesses go to: within the cache, four times as many, anywhere.
REGIONS = {"fits": 4096, "four times": 4 * 4096, "any": 1 << 22}


def accesses(words: int, ports: int) -> list[Access]:
    """Two reads for a write, to random words of a region; the same each time."""
    draw = Random(7)
    return [
        Access(number, number % ports, write, draw.randrange(words), 15 if write else 0, 0)
        for number in range(ACCESSES)
        for write in (number % 3 == 2,)
    ]


def measure() -> Iterator[Row]:
    """A row per region and number of ports, a column per machine."""
    for ports in (1, 4):
        for region, words in REGIONS.items():
            print(f"caches: {region}, {ports} ports", file=sys.stderr)
            trace = accesses(words, ports)
            row: dict[str, object] = {"accesses": region, "ports": ports}
            for name, levels in MACHINES.items():
                row[name] = _speed(levels, trace) / 1e3
            yield row


def about() -> str:
    """What the table shows."""
    return (
        f"Thousand accesses per CPU second, plain Python, {ACCESSES:,} accesses, two reads for a write, to "
        "random words: as many as a 16 KiB cache holds, four times as many, or any of 16 MiB. "
        f"Best of {RUNS} runs; files are not read or written."
    )


def _speed(levels: tuple[CacheParameters, ...], trace: list[Access]) -> float:
    best = 0.0
    for _ in range(RUNS):
        chain = Chain(ChainParameters(levels, 4, DelayParameters(30, 30)))
        start = time.process_time()
        drive(chain, trace, Driver("ready"))
        best = max(best, len(trace) / (time.process_time() - start))
    return best
