"""Storages that decide in order of time, at the end of each cycle (rule 14)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aidg.flow.layout import StorageFacts

Age = tuple[int, int, int, int]


@dataclass(slots=True)
class Request:
    """What a mover or memory access unit asks of a storage.

    Attributes:
        requester: Position of the mover or unit in the description.
        priority: Of the mover or unit.
        age: Instruction, part, piece, request.
        beats: Cycles that the data take on a port.
        granted: Called with the cycle of the grant and of the answer.
    """

    requester: int
    priority: int
    age: Age
    write: bool
    beats: int
    bursts: bool
    granted: Callable[[int, int], None]


class Storage:
    """Ports, requests in flight and the channel of answers."""

    def __init__(self, facts: StorageFacts) -> None:
        storage = facts.storage
        self.name = storage.name
        self._facts = facts
        shared = [0] * storage.read_write_ports
        reads = shared if storage.read_ports is None else [0] * storage.read_ports
        writes = shared if storage.write_ports is None else [0] * storage.write_ports
        self.ports = (reads, writes)
        self.last = -1  # requester granted last
        self.channel = 0  # first cycle in which the channel of answers is free
        self.flying: list[int] = []  # answers to come
        self.busy = 0
        self._order = storage.arbitration
        self._most = storage.max_concurrent_requests
        self._in_order = storage.answers == "in_order"

    def hold(self, write: bool) -> int:
        """Cycles that a transaction holds its port."""
        return self._facts.hold[write]

    def decide(self, now: int, offers: list[Request]) -> list[Request]:
        """Grant what can be granted; what is left over is returned."""
        refused: list[Request] = []
        pending = offers
        if len(offers) > 1:
            pending = sorted(offers, key=self._rank)
        if self._most is not None:
            self.flying = [answer for answer in self.flying if answer > now]
        while pending:
            request = pending.pop(0)
            ports = self.ports[request.write]
            port = min(range(len(ports)), key=ports.__getitem__) if len(ports) > 1 else 0
            if ports[port] > now or (self._most is not None and len(self.flying) >= self._most):
                refused.append(request)
                continue
            self._grant(now, request, ports, port)
            if self._order == "round_robin" and len(pending) > 1:
                pending.sort(key=self._rank)
        return refused

    def _rank(self, request: Request) -> tuple[int, Age]:
        if self._order == "priority":
            return -request.priority, request.age
        if self._order == "round_robin":
            return (0 if request.requester > self.last else 1) * (1 << 30) + request.requester, request.age
        return 0, request.age

    def _grant(self, now: int, request: Request, ports: list[int], port: int) -> None:
        facts, write = self._facts, request.write
        beats = request.beats
        hold = facts.hold[write]
        if write and request.bursts:
            hold *= beats
        ports[port] = now + hold
        self.busy += hold
        self.last = request.requester
        handed_over = now + hold - facts.hold[1] if write else now  # begin of the last beat
        answer = handed_over + (facts.write_latency if write else facts.read_latency)
        length = 1 if write else beats
        if self._in_order:
            answer = max(answer, self.channel)
            self.channel = answer + length
        answer += length - 1
        if self._most is not None:
            self.flying.append(answer)
        request.granted(now, answer)
