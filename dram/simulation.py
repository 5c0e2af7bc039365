"""A trace through a memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dram.address import Place
from dram.channel import Channel
from dram.command_arrays import Commands
from dram.configurations import Configuration, configuration
from dram.errors import DramError
from dram.kernel.layout import NEVER
from dram.requests import Requests
from dram.result import Run
from dram.totals import Gathered

LATEST = NEVER // 2  # arrival; so that sums of times stay below NEVER
COMPILED_FROM = 200_000  # requests from which on compiling pays, even if it is done for the first time


def simulate(
    requests: Requests,
    config: str | Configuration | Mapping[str, Any] = "DDR4_2400",
    *,
    record: bool = False,
    fast: bool | None = None,
) -> Run:
    """Serve requests, and say when each of them was done.

    Requests enter in their order, at most one per cycle and channel and none before its arrival; one that
    finds its queue full waits, and those behind it with it.

    Args:
        requests: The requests, in order of arrival.
        config: Name of a configuration or device, a ``.json`` file, or a configuration.
        record: Keep the commands.
        fast: Run compiled code; ``None``: for long traces, if numba is there. The results are the same.

    Raises:
        DramError: The configuration is wrong, arrivals decrease, or an address is beyond the memory.
    """
    chosen = configuration(config)
    device = chosen.make_device()
    mapping = chosen.make_mapping(device)
    check(requests, mapping.address_bits)
    place = mapping.decode(requests.address)
    compiled = use_compiled(fast, len(requests))
    accept = np.zeros(len(requests), np.int64)
    done = np.zeros(len(requests), np.int64)
    channels: list[Channel] = []
    commands: list[Commands] = []
    for number in range(mapping.channels):
        channel = Channel(device, chosen.controller, record=record, fast=compiled)
        channels.append(channel)
        which = np.flatnonzero(place.channel == number) if mapping.channels > 1 else np.arange(len(requests))
        part = Place(*(field[which] for field in place))
        channel.give(requests.arrival[which], requests.is_write[which], part)
        rows = channel.go()
        accept[which[rows[:, 0]]] = rows[:, 1]
        done[which[rows[:, 0]]] = rows[:, 2]
        commands.append(channel.commands())
    gathered = Gathered()
    gathered.begin(requests.arrival)
    gathered.add(requests.arrival, requests.is_write, done)
    return Run(
        device=device,
        requests=requests,
        accept=accept,
        done=done,
        totals=gathered.totals(device, channels),
        channels=tuple(commands) if record else (),
    )


def use_compiled(fast: bool | None, count: int) -> bool:
    """Whether to run compiled code. Raises :class:`DramError` where it is asked for and numba is missing."""
    from dram.compiled import is_available

    if fast and not is_available():
        raise DramError("compiled code needs numba", hint="pip install 'acadl[fast]'")
    return (count >= COMPILED_FROM and is_available()) if fast is None else fast


def check(requests: Requests, address_bits: int, after: int = 0) -> None:
    """Raise :class:`DramError` for decreasing arrivals and addresses beyond the memory.

    ``after`` is the arrival of the request ahead of them.
    """
    if not len(requests):
        return
    if requests.arrival[0] < 0:
        raise DramError(f"request {requests.ids[0]} arrives at {requests.arrival[0]}, before cycle 0")
    backwards = np.flatnonzero(np.diff(requests.arrival, prepend=after) < 0)
    if len(backwards):
        at = int(backwards[0])
        ahead = int(requests.arrival[at - 1]) if at else after
        raise DramError(
            f"request {requests.ids[at]} arrives at {requests.arrival[at]}, "
            f"before the one ahead of it ({ahead})",
            hint="sort the requests by arrival",
        )
    if requests.arrival[-1] > LATEST:
        raise DramError(
            f"request {requests.ids[-1]} arrives at {requests.arrival[-1]}, "
            f"but cycles are counted to {LATEST}"
        )
    beyond = np.flatnonzero((requests.address < 0) | (requests.address >> address_bits != 0))
    if len(beyond):
        at = int(beyond[0])
        raise DramError(
            f"request {requests.ids[at]}: address {hex(int(requests.address[at]))} is beyond the memory, "
            f"which ends at {hex((1 << address_bits) - 1)}"
        )
