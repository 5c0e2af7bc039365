"""Movers (rules 11 and 13): who enters, and which requests they offer to the storages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import simpy

from acadl.model import Mover
from acadl.simulate_grants import Bid, TimedArbiter
from acadl.simulate_objects import Clock, Decision, Flight, PartVisit, Steps
from acadl.simulate_parts import Age, Demand, Part

ADMISSIONS_RANK = 3  # and more for the movers behind the first one
OFFERS_RANK = 900_000  # when all movers have admitted, before the storages decide


@dataclass(eq=False)
class Traveller:
    """A part on its way.

    Attributes:
        part: What it does where.
        flight: The instruction that it belongs to (in a joint frame: the first one).
        has_place: Whether it has a place in the next mover.
        position: What it is doing, for messages.
    """

    part: Part
    flight: Flight
    has_place: bool = False
    position: str = ""


@dataclass(eq=False)
class Claim:
    """A request that a part has to make now.

    Attributes:
        traveller: The part.
        demand: The request.
        from_cycle: First cycle in which it may be offered (again).
        arrival: First cycle in which it could be offered.
        was_refused: It goes before those that were not.
        takes_place: With the grant the part has a place in the next mover, unless it has one.
        granted: Happens with the grant; its value is the cycle of the answer.
    """

    traveller: Traveller
    demand: Demand
    from_cycle: int
    arrival: int
    takes_place: bool
    granted: simpy.Event
    was_refused: bool = False

    @property
    def needs_place(self) -> bool:
        """Whether it may be offered only when the next mover has a place."""
        return self.takes_place and not self.traveller.has_place

    @property
    def precedence(self) -> tuple[int, int, Age]:
        """The smaller, the earlier it is offered."""
        return (not self.was_refused, self.from_cycle if self.was_refused else 0, self.traveller.part.age)


@dataclass(eq=False)
class Entry:
    """A part that waits to be admitted; ``admitted`` happens when it is."""

    traveller: Traveller
    admitted: simpy.Event


@dataclass(eq=False)
class Station:
    """A mover at work.

    Attributes:
        name: The mover's.
        mover: Its attributes.
        following: Where its parts go on to.
    """

    name: str
    mover: Mover
    env: Clock
    arbiters: Mapping[str, TimedArbiter]
    position: int
    following: Station | None
    taken: int = 0
    last_admission: int | None = None
    waiting: list[Entry] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    before: list[Station] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._admissions = Decision(self.env, ADMISSIONS_RANK + self.position, self._admit)
        self._offers = Decision(self.env, OFFERS_RANK, self._offer)
        if self.following is not None:
            self.following.before.append(self)

    # -- places ---------------------------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """Places that nobody has."""
        return self.mover.capacity - self.taken

    def enter(self, traveller: Traveller) -> Steps:
        """Wait until the part is admitted."""
        traveller.position = f"waits for a place in '{self.name}'"
        entry = Entry(traveller, self.env.event())
        self.waiting.append(entry)
        self._admissions.due()
        yield entry.admitted

    def stuck(self) -> Iterator[tuple[Age, str]]:
        """Age of the parts that wait for a place, and what they do."""
        for entry in self.waiting:
            yield entry.traveller.part.age, f"{entry.traveller.part} {entry.traveller.position}"
        for claim in self.claims:
            part, goal = claim.traveller.part, f"'{claim.demand.storage}'"
            if self.following is not None and claim.needs_place:
                goal = f"a place in '{self.following.name}'"
            yield part.age, f"{part} is in '{self.name}' and waits for {goal}"

    def leave(self) -> None:
        """A part has left."""
        if self.mover.release_latency:
            self.env.after(self.mover.release_latency, self._release)
        else:
            self._release()

    def _release(self) -> None:
        self.taken -= 1
        self._admissions.due()
        for station in self.before:
            station.claims_changed()

    def _admit(self) -> None:
        """Admit the oldest part that can enter; then the next one may be decided on."""
        able = [entry for entry in self.waiting if self.free or entry.traveller.has_place]
        if not able:
            return
        if self.last_admission is not None:
            earliest = self.last_admission + self.mover.initiation_interval
            if self.env.cycle < earliest:
                self._admissions.due(earliest)
                return
        entry = min(able, key=lambda entry: entry.traveller.part.age)
        self.waiting.remove(entry)
        self.taken += not entry.traveller.has_place
        entry.traveller.has_place = False
        self.last_admission = self.env.cycle
        entry.admitted.succeed()
        if self.waiting:
            self._admissions.due()

    # -- requests -------------------------------------------------------------------------------------------

    def access(self, traveller: Traveller, demands: Sequence[Demand], hands_on: bool) -> Steps:
        """Make requests: those to one storage one after the other; wait until all are answered."""
        by_storage: dict[str, list[Demand]] = {}
        for demand in demands:
            by_storage.setdefault(demand.storage, []).append(demand)
        takes_place = hands_on and not all(demand.write for demand in demands)
        series = [
            self.env.process(self._series(traveller, queue, takes_place)) for queue in by_storage.values()
        ]
        traveller.position = f"is in '{self.name}' and waits for storages"
        yield from series

    def _series(self, traveller: Traveller, demands: list[Demand], takes_place: bool) -> Steps:
        last_answer = self.env.cycle
        for demand in demands:
            now = self.env.cycle
            claim = Claim(traveller, demand, now, now, takes_place, self.env.event())
            self.claims.append(claim)
            self.claims_changed()
            answer = yield claim.granted
            last_answer = max(last_answer, answer)
            if demand is not demands[-1]:
                yield self.env.timeout(1)
        yield from self.env.until(last_answer)

    def claims_changed(self) -> None:
        """Something can perhaps be offered that could not be before."""
        if self.claims:
            self._offers.due()

    def _offer(self) -> None:
        """Offer each storage a read and a write."""
        now, free = self.env.cycle, self.following.free if self.following else 0
        promised: set[Traveller] = set()
        offered: dict[tuple[str, bool], Claim] = {}
        for claim in sorted(self.claims, key=lambda claim: claim.precedence):
            target = (claim.demand.storage, claim.demand.write)
            if claim.from_cycle > now:
                self._offers.due(claim.from_cycle)
            elif target in offered:
                self._offers.due(now + 1)
            elif not claim.needs_place or claim.traveller in promised:
                offered[target] = claim
            elif len(promised) < free:
                promised.add(claim.traveller)
                offered[target] = claim
            elif free:
                self._offers.due(now + 1)
        for claim in offered.values():
            self._bid(claim)

    def _bid(self, claim: Claim) -> None:
        def granted(answer: int) -> None:
            now, demand, traveller = self.env.cycle, claim.demand, claim.traveller
            self.claims.remove(claim)
            if claim.needs_place and self.following is not None:
                traveller.has_place = True
                self.following.taken += 1
            times = (claim.arrival, now, answer, now + demand.hold)
            traveller.flight.transactions.append((demand.storage, *times))
            claim.granted.succeed(answer)

        def refused() -> None:
            claim.was_refused = True
            claim.from_cycle = self.env.cycle + (self.mover.retry_interval or 1)
            self._offers.due(claim.from_cycle)

        bid = Bid(self.name, claim.traveller.part.age, claim.demand, granted, refused)
        self.arbiters[claim.demand.storage].offer(bid)


def travel(chain: Sequence[Station], traveller: Traveller) -> Steps:
    """A part, from the moment at which it has entered its first mover to its end."""
    part, flight = traveller.part, traveller.flight
    env = chain[0].env
    for position, work in enumerate(part.work, part.first):
        station, entered = chain[position], env.cycle
        hands_on = bool(part.pieces) or position + 1 < part.first + len(part.work)
        traveller.position = f"is in '{station.name}'"
        yield env.timeout(station.mover.latency)
        if work.reads:
            yield from station.access(traveller, work.reads, hands_on)
        yield env.timeout(station.mover.transfer_latency)
        if work.writes:
            yield from station.access(traveller, work.writes, hands_on)
        yield env.timeout(station.mover.tail_latency)
        finished = env.cycle
        if hands_on:
            yield from send(chain, traveller, position + 1)
        reads = entered + station.mover.latency
        flight.parts.append(PartVisit(station.name, part.age[1:], entered, reads, finished, env.cycle))
        station.leave()
    if not part.pieces and flight.rows is not None:
        flight.rows.end_part()


def send(chain: Sequence[Station], traveller: Traveller, position: int) -> Steps:
    """Wait until the part has entered the mover at ``position``, piece by piece where that takes it apart.

    Pieces travel on by themselves; a part that enters whole goes on where it was sent from.
    """
    part, station = traveller.part, chain[position]
    pieces = part.entering(position)
    for piece in pieces:
        if piece is part:
            yield from station.enter(traveller)
            return
        enters = Traveller(piece, traveller.flight, traveller.has_place)
        traveller.has_place = False
        yield from station.enter(enters)
        station.env.process(travel(chain, enters))
