"""What a run through a memory has given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dram.command_arrays import Commands
from dram.device import Device
from dram.requests import Int64, Requests

PERCENTILES = {"p50": 50, "p90": 90, "p99": 99}


@dataclass(frozen=True, eq=False)
class Run:
    """Times of all requests, and what the channels did. Times are cycles of the memory (ticks of the device).

    Attributes:
        device: The memory.
        requests: The requests.
        accept: Per request: cycle in which the controller took it in.
        done: Per request: a read's data have arrived; a write is done as the configuration says.
        counts: Commands issued, by name, over all channels.
        row_hits: Accesses that were not the first after their row had been opened.
        row_misses: First accesses to a row of a bank that had been closed by a refresh or by auto-precharge,
            or never opened.
        row_conflicts: First accesses to a row of a bank in which another row had to be closed for it.
        forwarded: Reads answered by a waiting write.
        merged: Requests joined with a waiting one to the same place.
        last_data: End of the last burst.
        channels: Per channel: its commands, where they have been recorded.
    """

    device: Device
    requests: Requests
    accept: Int64
    done: Int64
    counts: Mapping[str, int]
    row_hits: int
    row_misses: int
    row_conflicts: int
    forwarded: int
    merged: int
    last_data: int
    channels: tuple[Commands, ...] = ()

    @property
    def commands(self) -> Commands:
        """The recorded commands of the only, or first, channel."""
        return self.channels[0] if self.channels else Commands.of(())

    @property
    def cycles(self) -> int:
        """When the last request was done."""
        return int(self.done.max()) if len(self.done) else 0

    @cached_property
    def read_latency(self) -> dict[str, float]:
        """Cycles from arrival to done, over all reads: mean, percentiles (nearest rank), maximum."""
        reads = ~self.requests.is_write
        return latencies(self.done[reads] - self.requests.arrival[reads])

    @cached_property
    def bandwidth_bytes_per_s(self) -> float:
        """Bytes of all requests over the time from the first arrival to the end of the last burst."""
        if not len(self.done):
            return 0.0
        end = max(self.last_data, self.cycles)
        seconds = (end - int(self.requests.arrival[0])) * self.device.tick_seconds
        return len(self.done) * self.device.organisation.burst_bytes / seconds if seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Totals, with the keys that the command line prints."""
        opened = "ACT1" if "ACT1" in self.device.commands else "ACT"
        named = {"ACT": self.counts.get(opened, 0)}
        named |= {name: self.counts.get(name, 0) for name in ("PRE", "RD", "WR", "REF")}
        others = {name: count for name, count in self.counts.items() if name not in named}
        return {
            "cycles": self.cycles,
            "requests": len(self.requests),
            "reads": int((~self.requests.is_write).sum()),
            "writes": int(self.requests.is_write.sum()),
            "read_latency": self.read_latency,
            "bandwidth_bytes_per_s": self.bandwidth_bytes_per_s,
            "commands": named | others,
            "row_hits": self.row_hits,
            "row_misses": self.row_misses,
            "row_conflicts": self.row_conflicts,
            "forwarded": self.forwarded,
            "merged": self.merged,
        }


def latencies(values: Int64) -> dict[str, float]:
    """Mean, percentiles by nearest rank, and maximum; zeros where there are no values."""
    if not len(values):
        return {"mean": 0.0, **dict.fromkeys(PERCENTILES, 0), "max": 0}
    ordered = np.sort(values)
    result: dict[str, float] = {"mean": float(values.mean())}
    for name, percent in PERCENTILES.items():
        result[name] = int(ordered[max(0, -(-len(ordered) * percent // 100) - 1)])
    result["max"] = int(ordered[-1])
    return result
