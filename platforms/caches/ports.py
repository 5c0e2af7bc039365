"""Ports in front of a hierarchy of caches: who is served when, and the accesses of a trace through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from acadl.errors import AcadlError
from platforms.caches.chain import Chain

Arbitration = Literal["priority", "round_robin"]
Mode = Literal["ready", "data", "post"]


class Access(NamedTuple):
    """An access of a trace.

    Attributes:
        address: In words of the first level.
        mask: Bytes that are written, one bit each; 0 for a read.
        think: Cycles between what the access waits for (see :class:`Driver`) and its issue.
    """

    number: int
    port: int
    write: bool
    address: int
    mask: int
    think: int


class Served(NamedTuple):
    """Cycles of an access; docs/cache.md says what they mean. ``data`` is -1 for a write."""

    issue: int
    accept: int
    grant: int
    data: int
    ready: int
    hit: bool


@dataclass(frozen=True, slots=True)
class Driver:
    """How a trace is driven.

    Attributes:
        mode: What the next access of a port counts its ``think`` from: ``ready``, the cycle in which the
            previous one is ready; ``data``, that in which a read has its data (a write: is ready); ``post``,
            as ``data``, but for a write the cycle after it was accepted.
        arbitration: Who goes first when several ports wait.
    """

    mode: Mode = "ready"
    arbitration: Arbitration = "round_robin"


def drive(chain: Chain, accesses: Sequence[Access], driver: Driver) -> list[Served]:
    """Send a trace through a hierarchy; the accesses of a port go in their order.

    Raises:
        AcadlError: The mode is one for a single port, and there are several.
    """
    ports = sorted({access.port for access in accesses})
    if len(ports) > 1 and driver.mode == "post":
        raise AcadlError(
            "mode 'post' is for one port: one of several cannot tell that its write was accepted"
        )
    if len(ports) <= 1:
        return _one_port(chain, accesses, driver.mode)
    return _several_ports(chain, accesses, driver)


def _base(mode: Mode, write: bool, accept: int, data: int, ready: int) -> int:
    """What the next access of the port counts from."""
    if mode == "ready":
        return ready
    if not write:
        return data
    return accept + 1 if mode == "post" else ready


def _one_port(chain: Chain, accesses: Sequence[Access], mode: Mode) -> list[Served]:
    first = chain.first
    served = []
    base = 0
    for _, _, write, address, mask, think in accesses:
        issue = base + think
        grant = issue if issue > first.free else first.free
        data, hit = first.serve(grant, write, address, mask)
        ready = first.free
        served.append(Served(issue, grant, grant, data, ready, hit))
        base = _base(mode, write, grant, data, ready)
    return served


class _Port:
    """A port: its accesses, and the one that waits in its buffer or comes next."""

    __slots__ = ("accept", "issue", "next", "rows")

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.next = 0
        self.issue = self.accept = 0


def _several_ports(chain: Chain, accesses: Sequence[Access], driver: Driver) -> list[Served]:
    ports: dict[int, _Port] = {}
    for row, access in enumerate(accesses):
        ports.setdefault(access.port, _Port()).rows.append(row)
    for port in ports.values():
        port.issue = port.accept = accesses[port.rows[0]].think
    served: list[Served | None] = [None] * len(accesses)
    waiting = dict(sorted(ports.items()))
    first, last = chain.first, 0  # port 0 counts as the one served last
    while waiting:
        grant = max(first.free, min(port.accept for port in waiting.values()))
        ready_ports = [number for number, port in waiting.items() if port.accept <= grant]
        chosen = ready_ports[0]
        if driver.arbitration == "round_robin":
            chosen = next((number for number in ready_ports if number > last), chosen)
        last = chosen
        port = waiting[chosen]
        row = port.rows[port.next]
        access = accesses[row]
        data, hit = first.serve(grant, access.write, access.address, access.mask)
        served[row] = Served(port.issue, port.accept, grant, data, first.free, hit)
        port.next += 1
        if port.next == len(port.rows):
            del waiting[chosen]
            continue
        base = _base(driver.mode, access.write, port.accept, data, first.free)
        port.issue = base + accesses[port.rows[port.next]].think
        port.accept = max(port.issue, first.free)  # the buffer is free when the previous access is ready
    return [each for each in served if each is not None]
