"""A memory within a SimPy simulation: one request at a time, its completion an event."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from functools import partial
from operator import index
from typing import Any, NamedTuple

import numpy as np
import simpy

from dram.channel import Channel
from dram.command_arrays import Commands
from dram.configurations import Configuration, configuration
from dram.device import Device
from dram.errors import DramError
from dram.kernel.layout import NOW, OPEN_END, THE_END
from dram.result import Totals
from dram.simulation import use_compiled
from dram.totals import Gathered

KEPT = 1 << 14  # requests whose times are added to the sums together


class Times(NamedTuple):
    """When a request was taken in and done, in cycles of the memory."""

    accept: int
    done: int


class OnlineMemory:
    """A memory for processes of a SimPy environment.

    The times are those of :func:`dram.simulate` for the same requests with the same arrivals. A stage may
    keep its last writes until :meth:`close` says that no more requests come.
    A completion is an event that fires at its ``done``, and has :class:`Times` as its value; one that is only
    known a cycle later (writes that count as done when they are taken in) fires then.
    """

    def __init__(
        self,
        env: simpy.Environment,
        config: str | Configuration | Mapping[str, Any] = "DDR4_2400",
        *,
        time_per_cycle: int = 1,
        record: bool = False,
        fast: bool | None = False,
    ) -> None:
        """A memory at cycle 0.

        Args:
            env: The environment; its time is a whole number.
            config: As of :func:`dram.simulate`.
            time_per_cycle: Units of the environment's time in a cycle of the memory.
            record: Keep the commands, for :meth:`commands`.
            fast: Run compiled code, which pays for many requests.

        Raises:
            DramError: The configuration is wrong.
        """
        if time_per_cycle < 1:
            raise DramError(f"a cycle takes {time_per_cycle} units of time, but has to take at least 1")
        chosen = configuration(config)
        self._env = env
        self._scale = time_per_cycle
        self._device = chosen.make_device()
        self._mapping = chosen.make_mapping(self._device)
        compiled = use_compiled(fast, 0)
        self._channels = [
            _OnlineChannel(
                env, time_per_cycle, Channel(self._device, chosen.controller, record=record, fast=compiled)
            )
            for _ in range(self._mapping.channels)
        ]
        self._place = self._mapping.decoder()
        self._closed = False
        self._gathered = Gathered()

    def request(self, address: int, write: bool = False) -> simpy.Event:
        """Hand over a request now; the event fires when it is done.

        Raises:
            DramError: The address is no whole number or beyond the memory, the environment's time is no whole
                number, or the memory has been closed.
        """
        if self._env.now != int(self._env.now):
            raise DramError(
                f"a request comes at the time {self._env.now}, which is no whole number",
                hint="let the environment count small units, and say by time_per_cycle how many are a cycle",
            )
        try:
            address = index(address)
        except TypeError:
            raise DramError(f"address {address!r} is no whole number") from None
        if address < 0 or address >> self._mapping.address_bits:
            end = hex((1 << self._mapping.address_bits) - 1)
            raise DramError(f"address {hex(address)} is beyond the memory, which ends at {end}")
        if self._closed:
            raise DramError("a request comes after the memory has been closed")
        place = self._place(address)
        self._gathered.begin_at(-(-int(self._env.now) // self._scale))
        channel = self._channels[place[0]]
        if len(channel.served) >= KEPT:
            channel.flush(self._gathered)
        return channel.request(place, write)

    def close(self) -> None:
        """No more requests come: the last writes leave a stage, where the configuration says so."""
        self._closed = True
        for channel in self._channels:
            channel.close()

    @property
    def channels(self) -> int:
        """How many there are."""
        return len(self._channels)

    def channel_of(self, address: int) -> int:
        """The channel in which an address lies."""
        return self._place(address)[0]

    def last_refresh(self, address: int) -> tuple[int, int]:
        """First cycle, and that behind the last, of the latest refresh of all banks where an address lies.

        As far as it has been simulated; the first cycle is exact up to the precharges before it.
        """
        channel, rank = self._place(address)[:2]
        return self._channels[channel].refreshed[rank]

    @property
    def device(self) -> Device:
        """The memory."""
        return self._device

    @property
    def totals(self) -> Totals:
        """Sums over the requests whose times are known by now."""
        for channel in self._channels:
            channel.flush(self._gathered)
        return self._gathered.totals(self._device, [channel.channel for channel in self._channels])

    def commands(self) -> tuple[Commands, ...]:
        """Per channel: the commands recorded since the last call."""
        return tuple(channel.channel.commands() for channel in self._channels)


class _OnlineChannel:
    """One channel, served by a process that sleeps until something can happen."""

    def __init__(self, env: simpy.Environment, scale: int, channel: Channel) -> None:
        self._env, self._scale, self.channel = env, scale, channel
        self._waiting: dict[int, tuple[simpy.Event, int, bool]] = {}
        self.served: list[tuple[int, bool, int]] = []  # arrival, whether it writes, done
        self._given = 0
        self._end = OPEN_END
        self._called = env.event()
        self._looked = 0  # up to which cycle all has been simulated
        self.refreshed = [(0, 0)] * channel.ranks  # latest refresh of each rank
        env.process(self._serve())

    def request(self, place: tuple[int, ...], write: bool) -> simpy.Event:
        cycle = -(-int(self._env.now) // self._scale)
        done = self._env.event()
        self._waiting[self._given] = (done, cycle, bool(write))
        self._given += 1
        self.channel.give_one(cycle, bool(write), place)
        if not self._called.triggered:
            self._called.succeed()
        return done

    def close(self) -> None:
        self._end = THE_END
        self.channel.look_at(-(-int(self._env.now) // self._scale) + 1)
        if self._waiting and not self._called.triggered:
            self._called.succeed()

    def flush(self, sums: Gathered) -> None:
        """Add the times that have become known to the sums."""
        if self.served:
            arrival, is_write, done = (np.array(column) for column in zip(*self.served, strict=True))
            sums.add(arrival.astype(np.int64), is_write.astype(np.bool_), done.astype(np.int64))
            self.served = []

    def _serve(self) -> Generator[simpy.Event, Any, None]:
        """Go on to the present cycle, announce what has become known, sleep until the next event."""
        env = self._env
        while True:
            limit = int(env.now) // self._scale
            rows = self.channel.go(self._end, limit=limit)
            self.refreshed = self.channel.refreshes(self.refreshed, self._looked)
            self._looked = limit
            known = []
            for number, accept, done in rows.tolist():
                event, arrival, write = self._waiting.pop(number)
                self.served.append((arrival, write, done))
                known.append((event, Times(accept, done)))
            self._called = env.event()
            if not self._waiting:
                self._announce(known)
                yield self._called
                continue
            following = max(self.channel.register(NOW) * self._scale, int(env.now) + 1)
            sleep = env.timeout(following - env.now)
            self._announce(known)
            yield self._called | sleep

    def _announce(self, known: list[tuple[simpy.Event, Times]]) -> None:
        """Let events happen when their requests are done."""
        for event, times in known:
            timer = self._env.timeout(max(0, times.done * self._scale - self._env.now))
            assert timer.callbacks is not None
            timer.callbacks.append(partial(_succeed, event, times))


def _succeed(event: simpy.Event, times: Times, _: simpy.Event) -> None:
    event.succeed(times)
