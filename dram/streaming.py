"""Traces of any length: requests in batches, results as they become known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from dram.address import Place
from dram.channel import Channel
from dram.command_arrays import Commands
from dram.configurations import Configuration, configuration
from dram.kernel.layout import MORE_TO_COME, THE_END
from dram.requests import Bool, Int64, Requests
from dram.result import Totals
from dram.simulation import check, use_compiled
from dram.totals import Gathered


@dataclass(frozen=True, eq=False)
class Served:
    """Requests whose times have become known, in no particular order.

    Attributes:
        position: Their places in the whole trace, from 0.
        ids: Their numbers.
        accept, done: As in :class:`dram.result.Run`.
        commands: Per channel: the commands recorded since the last batch.
    """

    position: Int64
    ids: Int64
    accept: Int64
    done: Int64
    commands: tuple[Commands, ...]


def stream(
    batches: Iterable[Requests],
    config: str | Configuration | Mapping[str, Any] = "DDR4_2400",
    *,
    record: bool = False,
    fast: bool | None = None,
) -> Stream:
    """Serve a trace batch by batch; memory depends on the size of a batch, not on the length of the trace.

    The times are those of :func:`dram.simulate` for the whole trace.

    Args:
        batches: Parts of a trace, in its order.
        config: As of :func:`dram.simulate`.
        record: Keep the commands.
        fast: Run compiled code; ``None``: if numba is there.

    Returns:
        What is served, batch after batch; the trace is read while it is iterated.

    Raises:
        DramError: As of :func:`dram.simulate`.
    """
    return Stream(batches, configuration(config), record, fast)


class Stream:
    """A trace that is being served; see :func:`stream`."""

    def __init__(
        self, batches: Iterable[Requests], config: Configuration, record: bool, fast: bool | None
    ) -> None:
        self.device = config.make_device()
        self.mapping = config.make_mapping(self.device)
        self._batches = batches
        compiled = use_compiled(fast, 1 << 30)
        self._waiting = [_Waiting() for _ in range(self.mapping.channels)]
        self._channels = [
            Channel(self.device, config.controller, record=record, fast=compiled) for _ in self._waiting
        ]
        # the last request of each channel so far: a stage treats the last of the trace differently
        self._held: list[_Part] = [_Part.empty() for _ in self._waiting]
        self._gathered = Gathered()
        self._given, self._last_arrival = 0, 0

    def __iter__(self) -> Iterator[Served]:
        """Serve the trace, once."""
        for batch in self._batches:
            self._give(batch)
            yield self._served(MORE_TO_COME)
        for channel, held in zip(self._channels, self._held, strict=True):
            channel.give(*held)
        yield self._served(THE_END)

    @property
    def totals(self) -> Totals:
        """Sums over all that has been served so far."""
        return self._gathered.totals(self.device, self._channels)

    def _give(self, batch: Requests) -> None:
        check(batch, self.mapping.address_bits, self._last_arrival)
        place = self.mapping.decode(batch.address)
        for number, channel in enumerate(self._channels):
            which = np.flatnonzero(place.channel == number)
            here = Place(*(field[which] for field in place))
            part = self._held[number].and_(_Part(batch.arrival[which], batch.is_write[which], here))
            channel.give(*part.some(slice(None, -1)))
            self._held[number] = part.some(slice(-1, None))
            more = _Known(self._given + which, batch.ids[which], batch.arrival[which], batch.is_write[which])
            self._waiting[number].add(more)
        self._gathered.begin(batch.arrival)
        self._given += len(batch)
        self._last_arrival = int(batch.arrival[-1]) if len(batch) else self._last_arrival

    def _served(self, end: int) -> Served:
        found, accepts, dones, commands = [], [], [], []
        for channel, waiting in zip(self._channels, self._waiting, strict=True):
            rows = channel.go(end)
            known = waiting.take(rows[:, 0])
            self._gathered.add(known.arrival, known.is_write, rows[:, 2])
            found.append(known)
            accepts.append(rows[:, 1])
            dones.append(rows[:, 2])
            commands.append(channel.commands())
        return Served(
            np.concatenate([known.position for known in found]),
            np.concatenate([known.ids for known in found]),
            np.concatenate(accepts),
            np.concatenate(dones),
            tuple(commands),
        )


class _Part(NamedTuple):
    """Requests for a channel, as it takes them."""

    arrival: Int64
    is_write: Bool
    place: Place

    @staticmethod
    def empty() -> _Part:
        """None."""
        nothing = np.zeros(0, np.int64)
        return _Part(nothing, np.zeros(0, np.bool_), Place(*(nothing for _ in Place._fields)))

    def some(self, which: slice) -> _Part:
        """Those at some places."""
        return _Part(
            self.arrival[which], self.is_write[which], Place(*(field[which] for field in self.place))
        )

    def and_(self, other: _Part) -> _Part:
        """Both, one after the other."""
        return _Part(
            np.concatenate([self.arrival, other.arrival]),
            np.concatenate([self.is_write, other.is_write]),
            Place(*(np.concatenate(both) for both in zip(self.place, other.place, strict=True))),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What is kept of requests until they are served."""

    position: Int64
    ids: Int64
    arrival: Int64
    is_write: Bool

    def __getitem__(self, which: Int64 | slice) -> _Known:
        return _Known(self.position[which], self.ids[which], self.arrival[which], self.is_write[which])

    def and_(self, other: _Known) -> _Known:
        """Both, one after the other."""
        return _Known(
            np.concatenate([self.position, other.position]),
            np.concatenate([self.ids, other.ids]),
            np.concatenate([self.arrival, other.arrival]),
            np.concatenate([self.is_write, other.is_write]),
        )


class _Waiting:
    """A channel's requests whose times are not known yet."""

    def __init__(self) -> None:
        self._first = 0  # number within the channel of the first entry
        nothing = np.zeros(0, np.int64)
        self._kept = _Known(nothing, nothing, nothing, np.zeros(0, np.bool_))
        self._done = np.zeros(0, np.bool_)

    def add(self, more: _Known) -> None:
        """More requests of the channel."""
        self._kept = self._kept.and_(more)
        self._done = np.concatenate([self._done, np.zeros(len(more.ids), np.bool_)])

    def take(self, numbers: Int64) -> _Known:
        """Requests whose times have become known; they are forgotten."""
        at = numbers - self._first
        found = self._kept[at]
        self._done[at] = True
        waiting = np.flatnonzero(~self._done)
        first = int(waiting[0]) if len(waiting) else len(self._done)
        self._first += first
        self._kept = self._kept[first:]
        self._done = self._done[first:]
        return found
