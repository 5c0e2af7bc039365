"""What a run through a memory has given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dram.command_arrays import Commands
from dram.device import Device
from dram.requests import Int64, Requests


@dataclass(frozen=True)
class Totals:
    """What a trace has come to. Times are cycles of the memory (ticks of the device).

    Attributes:
        device: The memory.
        channels: Their number.
        reads, writes: Requests.
        first_arrival: When the first request arrived.
        cycles: When the last request was done.
        last_data: End of the last burst.
        read_latency: Cycles from arrival to done, over all reads: mean, percentiles (nearest rank), maximum.
        counts: Commands issued, by name, over all channels.
        row_hits: Accesses that were not the first after their row had been opened.
        row_misses: First accesses to a row of a bank that had been closed by a refresh or by auto-precharge,
            or never opened.
        row_conflicts: First accesses to a row of a bank in which another row had to be closed for it.
        forwarded: Reads answered by a waiting write.
        merged: Requests joined with a waiting one to the same place.
    """

    device: Device = field(repr=False)
    channels: int
    reads: int
    writes: int
    first_arrival: int
    cycles: int
    last_data: int
    read_latency: Mapping[str, float]
    counts: Mapping[str, int]
    row_hits: int
    row_misses: int
    row_conflicts: int
    forwarded: int
    merged: int

    @property
    def end(self) -> int:
        """When the last request was done and the last burst had ended."""
        return max(self.cycles, self.last_data)

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """Bytes of all requests over the time from the first arrival to the end of the last burst."""
        seconds = (self.end - self.first_arrival) * self.device.tick_seconds
        moved = (self.reads + self.writes) * self.device.organisation.burst_bytes
        return moved / seconds if seconds > 0 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """With the keys that the command line prints."""
        opened = "ACT1" if "ACT1" in self.device.commands else "ACT"
        named = {"ACT": self.counts.get(opened, 0)}
        named |= {name: self.counts.get(name, 0) for name in ("PRE", "RD", "WR", "REF")}
        others = {name: count for name, count in self.counts.items() if name not in named}
        return {
            "cycles": self.cycles,
            "requests": self.reads + self.writes,
            "reads": self.reads,
            "writes": self.writes,
            "read_latency": dict(self.read_latency),
            "bandwidth_bytes_per_s": self.bandwidth_bytes_per_s,
            "commands": named | others,
            "row_hits": self.row_hits,
            "row_misses": self.row_misses,
            "row_conflicts": self.row_conflicts,
            "forwarded": self.forwarded,
            "merged": self.merged,
        }


@dataclass(frozen=True, eq=False)
class Run:
    """Times of all requests, and what the channels did. Times are cycles of the memory (ticks of the device).

    Attributes:
        device: The memory.
        requests: The requests.
        accept: Per request: cycle in which the controller took it in.
        done: Per request: a read's data have arrived; a write is done as the configuration says.
        totals: Sums over the whole trace.
        channels: Per channel: its commands, where they have been recorded.
    """

    device: Device
    requests: Requests = field(repr=False)
    accept: Int64 = field(repr=False)
    done: Int64 = field(repr=False)
    totals: Totals
    channels: tuple[Commands, ...] = field(default=(), repr=False)

    @property
    def commands(self) -> Commands:
        """The recorded commands of the only, or first, channel."""
        return self.channels[0] if self.channels else Commands.of(())

    @property
    def cycles(self) -> int:
        """When the last request was done."""
        return self.totals.cycles

    @property
    def counts(self) -> Mapping[str, int]:
        """Commands issued, by name, over all channels."""
        return self.totals.counts

    @property
    def read_latency(self) -> Mapping[str, float]:
        """Cycles from arrival to done, over all reads: mean, percentiles (nearest rank), maximum."""
        return self.totals.read_latency

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """Bytes of all requests over the time from the first arrival to the end of the last burst."""
        return self.totals.bandwidth_bytes_per_s

    def to_dict(self) -> dict[str, Any]:
        """Totals, with the keys that the command line prints."""
        return self.totals.to_dict()
