"""Sums over a trace, gathered batch by batch in constant memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dram.channel import Channel
from dram.commands import COMMAND_NAMES
from dram.device import Device
from dram.kernel.layout import CONFLICTS, FORWARDED, HITS, LAST_DATA, MERGED, MISSES
from dram.requests import Bool, Int64
from dram.result import Totals

PERCENTILES = {"p50": 50, "p90": 90, "p99": 99}
DISTINCT = 1 << 20  # latencies that are told apart


class Latencies:
    """How often each latency has occurred; mean and maximum are exact.

    Percentiles are exact up to :data:`DISTINCT` different latencies. Where there are more, latencies are
    rounded up to multiples of 2, 4, 8 … cycles; percentiles are then too large by less than the maximum times
    2 / ``DISTINCT``.
    """

    def __init__(self) -> None:
        self._values = np.zeros(0, np.int64)
        self._numbers = np.zeros(0, np.int64)
        self._step = 1
        self._sum, self._count, self._most = 0, 0, 0

    def add(self, latencies: Int64) -> None:
        """More of them, in cycles."""
        if not len(latencies):
            return
        self._sum += int(latencies.sum())
        self._count += len(latencies)
        self._most = max(self._most, int(latencies.max()))
        self._merge(latencies, np.ones(len(latencies), np.int64))
        while len(self._values) > DISTINCT:
            self._step *= 2
            self._merge(np.zeros(0, np.int64), np.zeros(0, np.int64))

    def _merge(self, values: Int64, numbers: Int64) -> None:
        every = np.concatenate([self._values, values])
        every = -(-every // self._step) * self._step
        self._values, place = np.unique(every, return_inverse=True)
        weights = np.zeros(len(self._values), np.int64)
        np.add.at(weights, place, np.concatenate([self._numbers, numbers]))
        self._numbers = weights

    def to_dict(self) -> dict[str, float]:
        """Mean, percentiles by nearest rank, and maximum; zeros where there are none."""
        if not self._count:
            return {"mean": 0.0, **dict.fromkeys(PERCENTILES, 0), "max": 0}
        result: dict[str, float] = {"mean": self._sum / self._count}
        upto = np.cumsum(self._numbers)
        for name, percent in PERCENTILES.items():
            rank = max(1, -(-self._count * percent // 100))
            result[name] = min(int(self._values[int(np.searchsorted(upto, rank))]), self._most)
        result["max"] = self._most
        return result


class Gathered:
    """Sums over the requests that have been served so far."""

    def __init__(self) -> None:
        self._latencies = Latencies()
        self._reads, self._writes, self._cycles = 0, 0, 0
        self._first: int | None = None

    def begin(self, arrival: Int64) -> None:
        """Arrivals of the next requests."""
        if self._first is None and len(arrival):
            self._first = int(arrival[0])

    def begin_at(self, arrival: int) -> None:
        """The same for one request."""
        if self._first is None:
            self._first = arrival

    def add(self, arrival: Int64, is_write: Bool, done: Int64) -> None:
        """Requests that have been served."""
        if not len(done):
            return
        reads = ~is_write
        self._latencies.add((done - arrival)[reads])
        count = int(np.count_nonzero(reads))
        self._reads += count
        self._writes += len(done) - count
        self._cycles = max(self._cycles, int(done.max()))

    def totals(self, device: Device, channels: Sequence[Channel]) -> Totals:
        """With what the channels have counted."""
        return Totals(
            device=device,
            channels=len(channels),
            reads=self._reads,
            writes=self._writes,
            first_arrival=self._first or 0,
            cycles=self._cycles,
            last_data=max(channel.register(LAST_DATA) for channel in channels),
            read_latency=self._latencies.to_dict(),
            counts=_counts(channels),
            row_hits=_sum(channels, HITS),
            row_misses=_sum(channels, MISSES),
            row_conflicts=_sum(channels, CONFLICTS),
            forwarded=_sum(channels, FORWARDED),
            merged=_sum(channels, MERGED),
        )


def _sum(channels: Sequence[Channel], register: int) -> int:
    return sum(channel.register(register) for channel in channels)


def _counts(channels: Sequence[Channel]) -> dict[str, int]:
    total: dict[str, int] = {}
    for channel in channels:
        for number, count in channel.counts().items():
            name = COMMAND_NAMES[number]
            total[name] = total.get(name, 0) + count
    return total
