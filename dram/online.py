"""A memory within a SimPy simulation: one request at a time, its completion an event."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

import numpy as np
import simpy

from dram.channel import Channel
from dram.configurations import Configuration, configuration
from dram.errors import DramError
from dram.kernel.layout import NOW, OPEN_END, THE_END
from dram.simulation import use_compiled


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
        fast: bool | None = False,
    ) -> None:
        """A memory at cycle 0.

        Args:
            env: The environment; its time is a whole number.
            config: As of :func:`dram.simulate`.
            time_per_cycle: Units of the environment's time in a cycle of the memory.
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
                env, time_per_cycle, Channel(self._device, chosen.controller, record=False, fast=compiled)
            )
            for _ in range(self._mapping.channels)
        ]
        self._closed = False

    def request(self, address: int, write: bool = False) -> simpy.Event:
        """Hand over a request now; the event fires when it is done.

        Raises:
            DramError: The address is beyond the memory, or the memory has been closed.
        """
        if address < 0 or address >> self._mapping.address_bits:
            end = hex((1 << self._mapping.address_bits) - 1)
            raise DramError(f"address {hex(address)} is beyond the memory, which ends at {end}")
        if self._closed:
            raise DramError("a request comes after the memory has been closed")
        place = self._mapping.decode(np.array([address], np.int64))
        return self._channels[int(place.channel[0])].request(place, write)

    def close(self) -> None:
        """No more requests come: the last writes leave a stage, where the configuration says so."""
        self._closed = True
        for channel in self._channels:
            channel.close()


class _OnlineChannel:
    """One channel, served by a process that sleeps until something can happen."""

    def __init__(self, env: simpy.Environment, scale: int, channel: Channel) -> None:
        self._env, self._scale, self._channel = env, scale, channel
        self._waiting: dict[int, simpy.Event] = {}
        self._given = 0
        self._end = OPEN_END
        self._called = env.event()
        env.process(self._serve())

    def request(self, place: Any, write: bool) -> simpy.Event:
        cycle = -(-int(self._env.now) // self._scale)
        done = self._env.event()
        self._waiting[self._given] = done
        self._given += 1
        self._channel.give(np.array([cycle], np.int64), np.array([write]), place)
        if not self._called.triggered:
            self._called.succeed()
        return done

    def close(self) -> None:
        self._end = THE_END
        self._channel.look_at(-(-int(self._env.now) // self._scale) + 1)
        if self._waiting and not self._called.triggered:
            self._called.succeed()

    def _serve(self) -> Generator[simpy.Event, Any, None]:
        """Go on to the present cycle, announce what has become known, sleep until the next event."""
        env = self._env
        while True:
            rows = self._channel.go(self._end, limit=int(env.now) // self._scale)
            for number, accept, done in rows.tolist():
                env.process(self._announce(self._waiting.pop(number), Times(accept, done)))
            self._called = env.event()
            if not self._waiting:
                yield self._called
                continue
            following = max(self._channel.register(NOW) * self._scale, int(env.now) + 1)
            yield self._called | env.timeout(following - env.now)

    def _announce(self, event: simpy.Event, times: Times) -> Generator[simpy.Event, Any, None]:
        yield self._env.timeout(max(0, times.done * self._scale - self._env.now))
        event.succeed(times)
