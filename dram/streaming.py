"""Traces of any length: requests in batches, results as they become known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dram.address import Place
from dram.channel import Channel
from dram.command_arrays import Commands
from dram.configurations import Configuration, configuration
from dram.errors import DramError
from dram.kernel.layout import MORE_TO_COME, THE_END
from dram.requests import Int64, Requests
from dram.simulation import check, use_compiled


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
) -> Iterator[Served]:
    """Serve a trace batch by batch; memory depends on the size of a batch, not on the length of the trace.

    The times are those of :func:`dram.simulate` for the whole trace.

    Args:
        batches: Parts of a trace, in its order.
        config: As of :func:`dram.simulate`.
        record: Keep the commands.
        fast: Run compiled code; ``None``: if numba is there.

    Raises:
        DramError: As of :func:`dram.simulate`.
    """
    chosen = configuration(config)
    device = chosen.make_device()
    mapping = chosen.make_mapping(device)
    compiled = use_compiled(fast, 1 << 30)
    channels = [
        Channel(device, chosen.controller, record=record, fast=compiled) for _ in range(mapping.channels)
    ]
    open_requests = [_Open() for _ in channels]
    last_arrival, position = 0, 0
    for batch in batches:
        check(batch, mapping.address_bits)
        if len(batch) and batch.arrival[0] < last_arrival:
            raise DramError(
                f"request {batch.ids[0]} arrives at {batch.arrival[0]}, "
                f"before the one ahead of it ({last_arrival})",
                hint="sort the requests by arrival",
            )
        place = mapping.decode(batch.address)
        for number, channel in enumerate(channels):
            which = np.flatnonzero(place.channel == number)
            part = Place(*(field[which] for field in place))
            channel.give(batch.arrival[which], batch.is_write[which], part)
            open_requests[number].add(position + which, batch.ids[which])
        position += len(batch)
        last_arrival = int(batch.arrival[-1]) if len(batch) else last_arrival
        yield _served(channels, open_requests, MORE_TO_COME)
    yield _served(channels, open_requests, THE_END)


class _Open:
    """Positions and numbers of a channel's requests whose times are not known yet."""

    def __init__(self) -> None:
        self._first = 0  # number within the channel of the first entry
        self._positions = np.zeros(0, np.int64)
        self._ids = np.zeros(0, np.int64)
        self._known = np.zeros(0, np.bool_)

    def add(self, positions: Int64, ids: Int64) -> None:
        """More requests of the channel."""
        self._positions = np.concatenate([self._positions, positions])
        self._ids = np.concatenate([self._ids, ids])
        self._known = np.concatenate([self._known, np.zeros(len(ids), np.bool_)])

    def take(self, numbers: Int64) -> tuple[Int64, Int64]:
        """Positions and numbers of requests whose times have become known; they are forgotten."""
        at = numbers - self._first
        found = self._positions[at], self._ids[at]
        self._known[at] = True
        waiting = np.flatnonzero(~self._known)
        done = int(waiting[0]) if len(waiting) else len(self._known)
        self._first += done
        self._positions, self._ids = self._positions[done:], self._ids[done:]
        self._known = self._known[done:]
        return found


def _served(channels: list[Channel], waiting: list[_Open], end: int) -> Served:
    positions, ids, accepts, dones, commands = [], [], [], [], []
    for channel, unknown in zip(channels, waiting, strict=True):
        rows = channel.go(end)
        position, number = unknown.take(rows[:, 0])
        positions.append(position)
        ids.append(number)
        accepts.append(rows[:, 1])
        dones.append(rows[:, 2])
        commands.append(channel.commands())
    return Served(
        np.concatenate(positions),
        np.concatenate(ids),
        np.concatenate(accepts),
        np.concatenate(dones),
        tuple(commands),
    )
