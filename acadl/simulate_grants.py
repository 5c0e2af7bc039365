"""Ports and places of a storage that decides in order of time (rule 14).

At the end of each cycle the storage grants requests as long as it has ports and places. What is granted stays
so; what is not comes back later: the transactions of memory access units stay until they are granted, movers
make an offer for one cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import simpy

from acadl.model import Architecture, DataStorage, MemoryAccessUnit, Mover
from acadl.simulate_objects import Clock, Decision
from acadl.simulate_parts import Age, Demand
from acadl.simulate_plan import Burst

GRANTS_RANK = 1_000_000  # behind all other decisions of a cycle


@dataclass(eq=False)
class Bid:
    """A request that the storage may grant in this cycle.

    Attributes:
        who: The mover or memory access unit.
        age: The smaller, the older.
        demand: What it takes.
        granted: Called when it is granted, with the cycle of the answer.
        refused: Called at the end of the cycle otherwise; ``None``: it stays.
    """

    who: str
    age: Age
    demand: Demand
    granted: Callable[[int], None]
    refused: Callable[[], None] | None = None


@dataclass(eq=False)
class TimedJob:
    """The burst of one instruction of a memory access unit.

    Attributes:
        finished: All its transactions are answered.
        times: Arrival, start, answer, port given up; for each transaction so far.
    """

    finished: simpy.Event
    times: list[tuple[int, int, int, int]] = field(default_factory=list)

    def finish(self) -> None:
        """The last answer is there."""
        self.finished.succeed()


class TimedArbiter:
    """One storage."""

    def __init__(
        self, env: Clock, storage: DataStorage, ranks: Mapping[str, int], priorities: Mapping[str, int]
    ) -> None:
        """``ranks``: position in the order of declaration, of movers and memory access units by name."""
        self._env = env
        self._storage = storage
        self._ranks = ranks
        self._priorities = priorities
        self._ports = {
            "read": storage.read_ports,
            "write": storage.write_ports,
            "shared": storage.read_write_ports,
        }
        self._busy: dict[str, list[int]] = {side: [] for side in self._ports}  # when ports become free
        self._last_rank = dict.fromkeys(self._ports, -1)  # who was granted last there
        self._answers: list[int] = []  # when those in flight are answered
        self._channel_free = 0
        self._bids: list[Bid] = []
        self._settling = Decision(env, GRANTS_RANK, self._settle)

    def offer(self, bid: Bid) -> None:
        """A request is there in this cycle."""
        self._bids.append(bid)
        self._settling.due()

    def request(self, number: int, burst: Burst, unit: str) -> TimedJob:
        """The burst of instruction ``number`` arrives now, from a memory access unit."""
        job = TimedJob(self._env.event())
        self._arrive(job, number, burst, unit, 0)
        return job

    def _arrive(self, job: TimedJob, number: int, burst: Burst, unit: str, index: int) -> None:
        arrival = self._env.cycle
        cost = burst.transactions[index]
        demand = Demand(burst.storage, burst.write, cost.latency, cost.hold)

        def granted(answer: int) -> None:
            start = self._env.cycle
            job.times.append((arrival, start, answer, start + demand.hold))
            if index + 1 < len(burst.transactions):
                self._env.after(demand.hold, lambda: self._arrive(job, number, burst, unit, index + 1))
            else:
                last = max(done for _, _, done, _ in job.times)
                self._env.after(last - start, job.finish)

        self.offer(Bid(unit, (number, burst.first + index), demand, granted))

    def _settle(self) -> None:
        """Grant what can be granted; the rest is refused or stays."""
        now = self._env.cycle
        self._answers = [answer for answer in self._answers if answer > now]
        for side, until in self._busy.items():
            self._busy[side] = [cycle for cycle in until if cycle > now]
        while (bid := self._first()) is not None:
            self._bids.remove(bid)
            self._grant(bid)
        refused = [bid for bid in self._bids if bid.refused is not None]
        self._bids = [bid for bid in self._bids if bid.refused is None]
        for bid in refused:
            assert bid.refused is not None
            bid.refused()
        if self._bids:
            self._settling.due(min([*self._answers, *(c for until in self._busy.values() for c in until)]))

    def _first(self) -> Bid | None:
        """The next one to be granted."""
        limit = self._storage.max_concurrent_requests
        if limit is not None and len(self._answers) >= limit:
            return None
        able = [bid for bid in self._bids if self._has_port(bid)]
        return min(able, key=self._precedence, default=None)

    def _side(self, write: bool) -> str:
        """The ports that a direction uses."""
        own = "write" if write else "read"
        return "shared" if self._ports[own] is None else own

    def _has_port(self, bid: Bid) -> bool:
        side = self._side(bid.demand.write)
        ports = self._ports[side]
        return ports is not None and len(self._busy[side]) < ports

    def _precedence(self, bid: Bid) -> tuple[int, int, Age]:
        """The smaller, the earlier."""
        match self._storage.arbitration:
            case "oldest_first":
                return (0, 0, bid.age)
            case "priority":
                return (-self._priorities[bid.who], 0, bid.age)
            case "round_robin":
                side = self._side(bid.demand.write)
                behind = (self._ranks[bid.who] - self._last_rank[side] - 1) % len(self._ranks)
                return (("read", "shared", "write").index(side), behind, bid.age)

    def _grant(self, bid: Bid) -> None:
        now, demand = self._env.cycle, bid.demand
        side = self._side(demand.write)
        self._last_rank[side] = self._ranks[bid.who]
        if demand.hold:
            self._busy[side].append(now + demand.hold)
        answer = now + demand.answered_after
        if self._storage.answers == "in_order":
            answer = max(answer, self._channel_free + demand.channel_cycles)
            self._channel_free = answer
        self._answers.append(answer)
        bid.granted(answer)


def timed_arbiters(env: Clock, arch: Architecture) -> dict[str, TimedArbiter]:
    """One for each storage, by name."""
    requesters = [item for item in arch.objects.values() if isinstance(item, Mover | MemoryAccessUnit)]
    ranks = {item.name: rank for rank, item in enumerate(requesters)}
    priorities = {item.name: item.priority for item in requesters}
    return {
        storage.name: TimedArbiter(env, storage, ranks, priorities) for storage in arch.of_type(DataStorage)
    }
