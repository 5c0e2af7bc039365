"""Evaluation in order of time: an event-driven run of a program (rules 1 to 7 and 10 to 14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from acadl.errors import ProgramError
from acadl.model import (
    Architecture,
    Controller,
    ExecuteStage,
    FunctionalUnit,
    InstructionFetchStage,
    PipelineStage,
)
from acadl.routing import instruction_memory
from aidg.flow.events import Agenda
from aidg.flow.flights import Flight
from aidg.flow.grants import Request, Storage
from aidg.flow.layout import controllers, declared, storage_facts
from aidg.flow.places import Places, Turn
from aidg.flow.rows import Line, Stage
from aidg.flow.source import Order
from aidg.prepared import evaluate


class Access(NamedTuple):
    """A request that a storage has granted.

    Attributes:
        storage: Its name.
        number: Of the instruction.
        write: Whether it writes.
        granted, answer: Cycles.
    """

    storage: str
    number: int
    write: bool
    granted: int
    answer: int


class Engine:
    """One run of one program.

    Attributes:
        cycles: When the last instruction was done and the last part ended, so far.
    """

    def __init__(
        self,
        arch: Architecture,
        program: Iterator[Order],
        recorder: Callable[[Flight, str, int], None] | None = None,
    ) -> None:
        self.arch = arch
        self.agenda = Agenda()
        self.cycles = 0
        self.finished = 0
        self.busy: dict[str, int] = {}  # cycles in which units could not start another instruction
        self.watcher: Callable[[Access], None] | None = None
        self._program = program
        self._recorder = recorder
        self.declared = declared(arch)
        facts = storage_facts(arch)
        self.storages = {name: one.storage for name, one in facts.items()}
        self._deciders = {name: Storage(one) for name, one in facts.items()}
        self._offers: dict[str, list[Request]] = {}
        self._refusals: dict[int, Callable[[], None]] = {}
        self.offering: list[Stage] = []
        self.places: dict[str, Places] = {}
        self.in_order: dict[str, bool] = {}
        self.issue_latency: dict[str, int] = {}
        for item in arch.of_type(PipelineStage):
            if isinstance(item, InstructionFetchStage):
                continue
            self.places[item.name] = Places(item.capacity, item.release_latency)
            self.in_order[item.name] = item.order == "fifo"
            self.issue_latency[item.name] = item.issue_latency if isinstance(item, ExecuteStage) else 0
        for unit in arch.of_type(FunctionalUnit):
            release = unit.release_latency if isinstance(unit, Controller) else 0
            self.places[unit.name] = Places(unit.capacity, release)
        self.lines = {
            name: Line(self, arch.objects[name], chain)  # type: ignore[arg-type]  # a controller
            for name, chain in controllers(arch).items()
        }
        self._last_turn: dict[str, Turn] = {}
        self._last_bound: dict[str, Flight] = {}
        self._last: Flight | None = None
        self._alive: list[Flight] = []
        self._setup_fetch(arch)

    # -- running --------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Cycles of the program. Raises :class:`ProgramError` where nothing can move any more."""
        agenda = self.agenda
        agenda.at(0, self._fetch)
        while self._step():
            pass
        if self._alive or not self._exhausted:
            oldest = self._alive[0] if self._alive else None
            where = (
                f"instruction #{oldest.number} '{oldest.order.operation}'" if oldest else "the fetch stage"
            )
            raise ProgramError(f"nothing can move any more at cycle {agenda.now}: {where} waits")
        return self.cycles

    def _step(self) -> bool:
        if not self.agenda.step():
            return False
        if self.offering or self._offers:
            self._decide()
        return True

    def _decide(self) -> None:
        now = self.agenda.now
        offering, self.offering = self.offering, []
        for stage in offering:
            stage.offer()
        offers, self._offers = self._offers, {}
        for name, requests in offers.items():
            for refused in self._deciders[name].decide(now, requests):
                self._refusals[id(refused)]()
        self._refusals.clear()

    def offer(self, storage: str, request: Request, refused: Callable[[], None]) -> None:
        """Offer a request at the end of this cycle; ``refused`` is called if it is not granted."""
        self._offers.setdefault(storage, []).append(request)
        self._refusals[id(request)] = refused

    def watched(self, storage: str, number: int, write: bool, granted: int, answer: int) -> None:
        """A request has been granted."""
        if self.watcher is not None:
            self.watcher(Access(storage, number, write, granted, answer))

    def storage_busy(self) -> dict[str, int]:
        """Cycles that the ports of the storages were held, all ports together."""
        return {name: decider.busy for name, decider in self._deciders.items()}

    def record(self, flight: Flight, event: str) -> None:
        """Note an event of an instruction."""
        if self._recorder is not None:
            self._recorder(flight, event, self.agenda.now)

    # -- fetch (rule 6) -------------------------------------------------------------------------------------

    def _setup_fetch(self, arch: Architecture) -> None:
        fetch = arch.fetch_stage
        unit, memory = instruction_memory(arch)
        self._width = memory.port_width
        self._buffer = fetch.issue_buffer_size
        self._strict = fetch.in_order_issue or fetch.order == "fifo"
        self._read_latency = evaluate(f"latency of '{unit.name}'", unit.latency, {})
        self._read_interval = (
            -1 if unit.initiation_interval is None else evaluate("interval", unit.initiation_interval, {})
        )
        self._fetch_memory = memory.name
        self._exhausted = False
        self._buffered = 0
        self._number = 0
        self._fetch_turn: Turn | None = None
        self._fetch_waiting = False
        self._group: list[Order] = []

    def _fetch(self) -> None:
        """Start the next read of the instruction memory, if that is possible now."""
        if self._exhausted:
            return
        if not self._group:
            for order in self._program:
                self._group.append(order)
                if len(self._group) == self._width:
                    break
            if not self._group:
                self._exhausted = True
                return
        if self._buffered > self._buffer - self._width:
            self._fetch_waiting = True
            return
        turn, now = self._fetch_turn, self.agenda.now
        if turn is not None:
            if turn.since < 0:
                turn.waiting = self._fetch
                return
            if turn.since + turn.interval > now:
                self.agenda.at(turn.since + turn.interval, self._fetch)
                return
        own = self._fetch_turn = Turn(self._read_interval)
        group, self._group = self._group, []
        flights = [self._prepare(order) for order in group]
        self._buffered += len(flights)
        if own.pipelined:
            own.happened(now)
        self.agenda.at(now + self._read_latency, lambda: self._read(flights, own))
        self._fetch()

    def _read(self, flights: list[Flight], turn: Turn) -> None:
        memory = self.storages[self._fetch_memory]
        if memory.read_latency == 0:  # type: ignore[attr-defined]
            self._fetched(flights, turn)
            return
        request = Request(
            0, 0, (flights[0].number, -1, 0, 0), False, 1, False,
            lambda _, answer: self.agenda.at(answer, lambda: self._fetched(flights, turn)),
        )  # fmt: skip
        self._ask(self._fetch_memory, request)

    def _fetched(self, flights: list[Flight], turn: Turn) -> None:
        if not turn.pipelined:
            turn.happened(self.agenda.now)
        for flight in flights:
            flight.buffered()

    def leave_buffer(self, flight: Flight) -> None:
        """An instruction has left the issue buffer."""
        self._buffered -= 1
        if self._fetch_waiting:
            self._fetch_waiting = False
            self.agenda.at(self.agenda.now, self._fetch)

    def _prepare(self, order: Order) -> Flight:
        flight = Flight(self, self._number, order)
        self._number += 1
        for name in order.objects:
            self.places[name].expect(flight.number)
        for visit in order.visits:
            flight.turns_before.append(self._last_turn.get(visit.name))
            turn = self._last_turn[visit.name] = Turn(visit.interval)
            flight.turns.append(turn)
        bound = order.objects[0]
        flight.previous_bound = self._last_bound.get(bound)
        flight.previous_in_order = self._last if self._strict else None
        self._last = self._last_bound[bound] = flight
        self._find_conflicts(flight)
        self._alive.append(flight)
        return flight

    def _find_conflicts(self, flight: Flight) -> None:
        own = flight.order.unit if isinstance(flight.order.unit, Controller) else None
        for other in self._alive:
            if other.order.unit is own and own is not None:
                continue
            if _conflict(other.order, flight.order):
                other.dependents.append(flight)
                flight.conflicts += 1

    # -- leaving --------------------------------------------------------------------------------------------

    def leave(self, name: str, flight: Flight) -> None:
        """An instruction leaves an object; its place is free now, or later."""
        places = self.places[name]
        places.leave(flight.number)
        if places.release:
            number = flight.number
            self.agenda.at(self.agenda.now + places.release, lambda: places.free(number))
        else:
            places.free(flight.number)

    def sent(self, flight: Flight) -> None:
        """The last part of an instruction is sent (rule 10)."""
        self.record(flight, "sent")
        self.leave(flight.order.objects[-1], flight)
        unit = flight.order.unit
        assert isinstance(unit, Controller)
        if unit.completion == "sent" and not flight.order.prepares:
            self._finish_later(flight, unit.completion_latency)

    def moved(self, flight: Flight) -> None:
        """All parts of an instruction have ended (rule 10)."""
        self.record(flight, "moved")
        self.cycles = max(self.cycles, self.agenda.now)
        unit = flight.order.unit
        assert isinstance(unit, Controller)
        if flight.order.prepares:
            self._finish_later(flight, 0)
        elif unit.completion == "moved":
            self._finish_later(flight, unit.completion_latency)

    def _finish_later(self, flight: Flight, delay: int) -> None:
        if delay:
            self.agenda.at(self.agenda.now + delay, lambda: self._finish(flight))
        else:
            self._finish(flight)

    def finish_unit(self, flight: Flight) -> None:
        """A plain unit or memory access unit is done with an instruction."""
        turn = flight.turns[-1]
        if not turn.pipelined:
            turn.happened(self.agenda.now)
        name = flight.order.unit.name
        taken = turn.interval if turn.pipelined else self.agenda.now - flight.started
        self.busy[name] = self.busy.get(name, 0) + taken
        self.leave(flight.order.objects[-1], flight)
        self._finish(flight)

    def _finish(self, flight: Flight) -> None:
        now = self.agenda.now
        self.record(flight, "done")
        flight.done_at = now
        self.cycles = max(self.cycles, now)
        self.finished += 1
        self._alive.remove(flight)
        dependents, flight.dependents = flight.dependents, []
        for other in dependents:
            other.conflicts -= 1
        self.leave(flight.order.objects[-2], flight)
        for other in dependents:
            if not other.conflicts:
                other.begin()

    # -- memory access units --------------------------------------------------------------------------------

    def burst(self, flight: Flight, storage: str, count: int, write: bool) -> None:
        """Transactions of one instruction at one storage, one after the other (rule 7)."""
        requester = self.declared[flight.order.unit.name]
        priority = getattr(flight.order.unit, "priority", 0)
        hold = self._deciders[storage].hold(write)

        def ask(index: int) -> None:
            self._ask(
                storage,
                Request(
                    requester, priority, (flight.number, index, 0, 0), write, 1, False,
                    lambda now, answer: granted(index, now, answer),
                ),
            )  # fmt: skip

        def granted(index: int, now: int, answer: int) -> None:
            self.watched(storage, flight.number, write, now, answer)
            if index + 1 < count:
                self.agenda.at(now + hold, lambda: ask(index + 1))
            else:
                self.agenda.at(answer, flight.answered)

        ask(0)

    def _ask(self, storage: str, request: Request) -> None:
        """Offer a request in every cycle until it is granted."""

        def again() -> None:
            self.offer(storage, request, lambda: self.agenda.at(self.agenda.now + 1, again))

        again()


def _conflict(earlier: Order, later: Order) -> bool:
    """Whether ``later`` has to wait for ``earlier`` (rule 4)."""
    if not earlier.registers_written.isdisjoint(later.registers_read | later.registers_written):
        return True
    if not earlier.registers_read.isdisjoint(later.registers_written):
        return True
    return any(
        (a.write or b.write) and a.storage == b.storage and a.overlaps(b)
        for a in earlier.operands
        for b in later.operands
    )
