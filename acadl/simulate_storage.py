"""Ports and places of a storage in the event-driven simulation: the oldest request first.

A transaction starts as soon as no older one is in its way. When an older one arrives while it is served, it
gives way and starts again later. That is decided in the order of time and is final in all cases but one: a
transaction that held up a younger one, and then had to give way, never held that port by rule 8, so the
younger one should have been served in the gap. Nobody can know this while it happens. The arbiter notes the
attempt as a *mistake* in the :class:`Foresight`; the simulation then runs again, and such an attempt occupies
nothing. An attempt that is foreseen to fail and does not is a mistake too, and is forgotten again. A run
without a mistake is the only solution of rule 8: by induction over the program order, nothing was decided
wrongly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import simpy
from simpy.events import EventPriority

from acadl.simulate_objects import Clock
from acadl.simulate_plan import Burst, Transaction

Age: TypeAlias = tuple[int, int]
AttemptKey: TypeAlias = tuple[str, Age, int]
SETTLE = EventPriority(2)  # after URGENT (0) and NORMAL (1): when everything else of the cycle has happened


@dataclass
class Foresight:
    """Attempts known to fail, and when the present run first went wrong (``None``: not at all).

    An attempt is named by storage, transaction and how often that has tried before, and not by its time, so
    that what was learned holds also where an earlier mistake has shifted everything.
    """

    failing: set[AttemptKey] = field(default_factory=set)
    first_mistake: int | None = None

    def correct(self, key: AttemptKey, fails: bool, now: int) -> None:
        """Note for the next run whether the attempt fails."""
        if fails:
            self.failing.add(key)
        else:
            self.failing.discard(key)
        if self.first_mistake is None:
            self.first_mistake = now


@dataclass(eq=False)
class Service:
    """One attempt to serve a transaction.

    Attributes:
        start: First cycle.
        key: Its name in the foresight.
        foreseen: Known to fail: occupies nothing, only checks that it does fail.
        delayed_from: Since when a younger transaction has waited, perhaps because of this one.
        answered: Whether its latency is over.
    """

    start: int
    key: AttemptKey
    foreseen: bool
    delayed_from: int | None = None
    answered: bool = False

    def harmed(self, now: int) -> bool:
        """Whether a younger transaction has lost a cycle before ``now``, perhaps because of this one."""
        return self.delayed_from is not None and self.delayed_from < now


@dataclass(eq=False)
class Request:
    """A transaction that has arrived."""

    job: Job
    index: int
    age: Age
    cost: Transaction
    arrival: int
    service: Service | None = None

    def holds_port(self, now: int) -> bool:
        """Whether it is on a port in the cycle from ``now`` on."""
        return self.service is not None and now < self.service.start + self.cost.hold

    def holds_place(self, now: int) -> bool:
        """Whether it is in flight in the cycle from ``now`` on."""
        return self.service is not None and now < self.service.start + self.cost.latency

    def delays(self, younger: Request, since: int) -> None:
        """Note that ``younger`` has waited, or was served in vain, since a certain cycle."""
        service = self.service
        if service is not None and younger.job is not self.job:
            service.delayed_from = since if service.delayed_from is None else min(since, service.delayed_from)


@dataclass(eq=False)
class Job:
    """The burst of one instruction.

    Attributes:
        finished: All its transactions are answered.
        requests: Those that have arrived, in order.
        answers: How many of them are answered.
        attempts: Failed ones, by position in the burst.
    """

    number: int
    burst: Burst
    finished: simpy.Event
    requests: list[Request] = field(default_factory=list)
    answers: int = 0
    attempts: Counter[int] = field(default_factory=Counter)

    @property
    def times(self) -> list[tuple[int, int, int, int]]:
        """Arrival, start, answer, port given up; for each transaction that has been served."""
        served = [(r.arrival, r.service.start, r.cost) for r in self.requests if r.service is not None]
        return [(arrival, start, start + cost.latency, start + cost.hold) for arrival, start, cost in served]


class Arbiter:
    """One storage: ``ports`` transactions on ports, ``places`` in flight (``None``: any number)."""

    def __init__(self, env: Clock, name: str, ports: int, places: int | None, foresight: Foresight) -> None:
        self._env = env
        self._name = name
        self._ports = ports
        self._places = places
        self._foresight = foresight
        self._live: list[Request] = []
        self._settling = False

    def request(self, number: int, burst: Burst, unit: str = "") -> Job:
        """The burst of instruction ``number`` arrives now; the event ``finished`` is its last answer.

        From which ``unit`` it comes plays no part here.
        """
        job = Job(number, burst, self._env.event())
        self._arrive(job, 0)
        return job

    def _arrive(self, job: Job, index: int) -> None:
        age = (job.number, job.burst.first + index)
        request = Request(job, index, age, job.burst.transactions[index], self._env.cycle)
        job.requests.append(request)
        self._live.append(request)
        self._live.sort(key=lambda live: live.age)
        self._settle_later()

    def _settle_later(self) -> None:
        """Decide at the end of the cycle's events, so that the oldest request of a cycle is among them."""
        if self._settling:
            return
        self._settling = True
        event = simpy.Event(self._env)
        event._ok, event._value = True, None
        event.callbacks.append(lambda _: self._settle())
        self._env.schedule(event, priority=SETTLE)

    def _settle(self) -> None:
        """Walk through the requests from the oldest on: who stays, who gives way, who starts."""
        self._settling = False
        now = self._env.cycle
        ports = places = 0
        ahead: list[Request] = []
        for request in list(self._live):
            if request not in self._live:  # withdrawn a moment ago
                continue
            waiting, since = request.service is None, now
            port_free = ports < self._ports
            place_free = self._places is None or places < self._places
            if request.service is not None and (
                (request.holds_port(now) and not port_free) or (request.holds_place(now) and not place_free)
            ):
                since = request.service.start
                waiting = self._give_way(request)
            if waiting:
                if (port_free or not request.cost.hold) and (place_free or not request.cost.latency):
                    self._start(request)
                else:
                    for other in ahead:
                        other.delays(request, since)
            if request.service is not None and not request.service.foreseen:
                ports += request.holds_port(now)
                places += request.holds_place(now)
                ahead.append(request)
        self._live = [r for r in self._live if r.service is None or r.holds_port(now) or r.holds_place(now)]

    def _start(self, request: Request) -> None:
        now = self._env.cycle
        key = (self._name, request.age, request.job.attempts[request.index])
        service = request.service = Service(now, key, key in self._foresight.failing)
        cost = request.cost
        if service.foreseen:
            self._after(max(cost.hold, cost.latency), lambda: self._survived(request, service))
            return
        self._after(cost.hold, lambda: self._released(request, service))
        self._after(cost.latency, lambda: self._answered(request, service))

    def _after(self, delay: int, action: Callable[[], None]) -> None:
        self._env.timeout(delay).callbacks.append(lambda _: action())

    def _give_way(self, request: Request) -> bool:
        """Take the service away; its burst goes back to this transaction. Returns whether it waits again."""
        job, service, now = request.job, request.service, self._env.cycle
        assert service is not None
        if service.foreseen:
            self._failed(request)
            return True
        later = job.requests[request.index + 1 :]
        harmful = any(r.service is not None and r.service.harmed(now) for r in (request, *later))
        if harmful or job.finished.triggered:
            self._foresight.correct(service.key, True, now)
        if job.finished.triggered:  # the answer is out; this run is void
            return False
        del job.requests[request.index + 1 :]
        self._live = [live for live in self._live if live not in later]
        for withdrawn in (request, *later):
            self._failed(withdrawn, noted=harmful and withdrawn is request)
        return True

    def _failed(self, request: Request, noted: bool = False) -> None:
        """The attempt is over. One that ends in the cycle it began in does not count, unless it is noted."""
        service, request.service = request.service, None
        if service is not None and service.answered:
            request.job.answers -= 1
        if service is not None and (noted or service.foreseen or service.start < self._env.cycle):
            request.job.attempts[request.index] += 1

    def _survived(self, request: Request, service: Service) -> None:
        if request.service is not service:
            return
        self._foresight.correct(service.key, False, self._env.cycle)
        self._failed(request)
        self._settle_later()

    def _released(self, request: Request, service: Service) -> None:
        if request.service is not service:
            return
        if request.index + 1 < len(request.job.burst.transactions):
            self._arrive(request.job, request.index + 1)
        self._settle_later()

    def _answered(self, request: Request, service: Service) -> None:
        if request.service is not service:
            return
        service.answered = True
        request.job.answers += 1
        if request.job.answers == len(request.job.burst.transactions):
            request.job.finished.succeed()
        self._settle_later()
