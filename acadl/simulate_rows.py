"""Controllers (rules 10 and 12): one frame after the other, part by part."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

import simpy

from acadl.model import Architecture, Controller, DataStorage
from acadl.routing import movers_of
from acadl.simulate_grants import TimedArbiter
from acadl.simulate_movers import Station, Traveller, send, travel
from acadl.simulate_objects import Clock, Decision, Flight, FlightRows, Moment, Signal, Steps
from acadl.simulate_parts import Age, PartPlanner

FRAMES_RANK = 2  # before movers admit


class Frames:
    """A controller at work: takes its instructions in program order and sends their parts."""

    def __init__(
        self,
        env: Clock,
        controller: Controller,
        chain: Sequence[Station],
        planner: PartPlanner,
        start: Callable[[Steps], None],
    ) -> None:
        """``start`` starts a process."""
        self._env = env
        self._controller = controller
        self._chain = chain
        self._planner = planner
        self._start = start
        self._queue: deque[Flight] = deque()  # its instructions that have not begun, in program order
        self._begun: list[Flight] = []  # those that have begun and are not moved; of a pair, C alone
        self._last_sent: int | None = None
        self._changed = Signal(env)
        start(self._work())

    def expect(self, flight: Flight) -> None:
        """The controller's next instruction in program order, wherever that is."""
        self._queue.append(flight)
        self._start(self._watch(_rows(flight)))

    def stuck(self) -> Iterator[tuple[Age, str]]:
        """Age of the parts that wait for a place, and what they do."""
        for station in self._chain:
            yield from station.stuck()

    def _watch(self, rows: FlightRows) -> Steps:
        yield rows.ready.event
        self._changed.change()
        yield rows.ended.event
        self._changed.change()

    def _work(self) -> Steps:
        while True:
            while not self._may_begin():
                yield self._changed.wait()
            if self._last_sent is not None:
                yield from self._env.until(self._last_sent + self._controller.turnaround + 1)
            yield self._decided()
            frame = self._begin()
            yield from self._send(frame)

    def _decided(self) -> simpy.Event:
        """The moment in this cycle at which frames begin."""
        moment = Moment(self._env)
        Decision(self._env, FRAMES_RANK, moment.happen).due()
        return moment.event

    def _may_begin(self) -> bool:
        """Whether the next frame can begin; once it can, this stays so."""
        if not self._queue or not _is_ready(self._queue[0]):
            return False
        if _prepares(self._queue[0]) and not (len(self._queue) > 1 and _is_ready(self._queue[1])):
            return False
        self._begun = [flight for flight in self._begun if not _rows(flight).ended.happened]
        limit = self._controller.in_progress
        return limit is None or len(self._begun) < limit

    def _begin(self) -> list[Flight]:
        """The instructions of the next frame."""
        queue = self._queue
        frame = [queue.popleft()]
        if _prepares(frame[0]):
            _rows(frame[0]).prepared = queue[0]
            return frame
        self._begun.append(frame[0])
        if len(queue) > 1 and _prepares(queue[0]) and _is_ready(queue[0]) and _is_ready(queue[1]):
            frame.append(queue.popleft())
            _rows(frame[1]).prepared = queue[0]
            _rows(frame[1]).joined = _rows(frame[0])
        return frame

    def _send(self, frame: list[Flight]) -> Steps:
        first, rows = frame[0], [_rows(flight).plan for flight in frame]
        for number in range(max(plan.parts for plan in rows)):
            if number and self._last_sent is not None:
                yield from self._env.until(self._last_sent + self._controller.part_interval)
            part = self._planner.part(first.plan.number, number, rows)
            _rows(first).unended += part.ends
            traveller = Traveller(part, first)
            first.position = f"is in '{self._controller.name}' and sends part {number}"
            yield from send(self._chain, traveller, 0)
            self._start(travel(self._chain, traveller))
            self._last_sent = self._env.cycle
        for flight in frame:
            _rows(flight).send_last()


def _rows(flight: Flight) -> FlightRows:
    assert flight.rows is not None, "only controllers' instructions have rows"
    return flight.rows


def _is_ready(flight: Flight) -> bool:
    return _rows(flight).ready.happened


def _prepares(flight: Flight) -> bool:
    return _rows(flight).plan.prepares


def controllers(
    env: Clock, arch: Architecture, arbiters: Mapping[str, TimedArbiter], start: Callable[[Steps], None]
) -> dict[str, Frames]:
    """The controllers at work, with the movers behind them, by name."""
    storages = {storage.name: storage for storage in arch.of_type(DataStorage)}
    stations: dict[str, Station] = {}
    found: dict[str, Frames] = {}
    for controller in arch.of_type(Controller):
        movers = movers_of(arch, controller.name)
        following: Station | None = None
        for position, mover in reversed(list(enumerate(movers))):
            if mover.name not in stations:
                stations[mover.name] = Station(mover.name, mover, env, arbiters, position, following)
            following = stations[mover.name]
        chain = [stations[mover.name] for mover in movers]
        found[controller.name] = Frames(env, controller, chain, PartPlanner(movers, storages), start)
    return found
