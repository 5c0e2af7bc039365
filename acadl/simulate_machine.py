"""The machine of the event-driven simulation: a process that fetches, and one for each instruction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from acadl.model import Architecture, Controller, DataStorage, ExecuteStage, FunctionalUnit, PipelineStage
from acadl.operations import Instruction
from acadl.simulate_grants import TimedArbiter, TimedJob, timed_arbiters
from acadl.simulate_objects import Clock, Flight, FlightRows, Moment, Places, Steps, Turn
from acadl.simulate_plan import Burst, Plan, Planner, Visit, capacity_of
from acadl.simulate_rows import controllers
from acadl.simulate_storage import Arbiter, Foresight, Job

# Called when an instruction's unit starts; what it returns is called when the unit is done.
Executor = Callable[[Instruction], Callable[[], None]]


class Machine:
    """An architecture that runs one program once.

    Attributes:
        cycles: When the last instruction was done, so far.
        finished: Instructions done.
        failure: What went wrong in a process; the simulation cannot go on.
    """

    def __init__(
        self,
        arch: Architecture,
        program: Iterable[Instruction],
        foresight: Foresight,
        execute: Executor | None,
        record: Callable[[Flight], None] | None,
    ) -> None:
        self.env = Clock()
        self.cycles = 0
        self.finished = 0
        self.failure: Exception | None = None
        self._arch = arch
        self._planner = Planner(arch)
        self._program: Iterator[Instruction] = iter(program)
        self._execute = execute
        self._record = record
        self._flights: dict[int, Flight] = {}
        self._fetch = arch.fetch_stage
        self._places = {
            item.name: Places(self.env, capacity_of(item), getattr(item, "release_latency", 0))
            for item in _with_places(arch)
        }
        self._last_turn: dict[str, Turn] = {}
        self._last_bound: dict[str, Flight] = {}  # successor of the fetch stage -> youngest instruction
        self._last: Flight | None = None
        timed = timed_arbiters(self.env, arch) if arch.in_order_of_time else {}
        self._arbiters: Mapping[str, Arbiter | TimedArbiter] = timed or {
            storage.name: Arbiter(
                self.env, storage.name, storage.read_write_ports, storage.max_concurrent_requests, foresight
            )
            for storage in arch.of_type(DataStorage)
        }
        self._controllers = controllers(self.env, arch, timed, self._start)
        self._exhausted = False
        self._start(self._fetch_all())

    @property
    def running(self) -> bool:
        """Whether instructions are left."""
        return not self._exhausted or bool(self._flights)

    def stuck(self) -> str:
        """What the oldest instructions and parts wait for."""
        oldest = list(self._flights.values())[:4]
        lines = [f"#{f.plan.number} '{f.plan.instruction}' {f.position}" for f in oldest]
        parts = {age: text for frames in self._controllers.values() for age, text in frames.stuck()}
        lines += [text for _, text in sorted(parts.items())[:4]]
        return "; ".join(lines) or "the fetch stage waits for places in the issue buffer"

    def _start(self, steps: Steps) -> None:
        """Start a process; what it raises is kept as it is, since SimPy would raise a copy."""

        def guarded() -> Steps:
            try:
                yield from steps
            except Exception as error:
                self.failure = error

        self.env.process(guarded())

    # -- fetch (rule 6) -------------------------------------------------------------------------------------

    def _fetch_all(self) -> Steps:
        width, places = self._planner.width, self._places[self._fetch.name]
        number = 0
        previous: Turn | None = None
        while group := list(islice(self._program, width)):
            visit, burst = self._planner.fetch_read()
            turn = previous = Turn(self.env, visit.interval, previous)
            yield from places.until_ahead(number, self._fetch.issue_buffer_size - width)
            entered = self.env.cycle
            yield from turn.wait()
            turn.started.happen()
            flights = [self._prepare(number + offset, item) for offset, item in enumerate(group)]
            flights[0].times[visit.name] = [entered, self.env.cycle]
            self._start(self._read_group(flights, visit, burst, turn))
            number += len(group)
        self._planner.finish()
        self._exhausted = True

    def _read_group(self, flights: list[Flight], visit: Visit, burst: Burst, turn: Turn) -> Steps:
        yield self.env.timeout(visit.latency)
        now = self.env.cycle
        if burst.transactions[0].latency == 0 and self._arch.in_order_of_time:  # nothing is decided
            flights[0].transactions.append((burst.storage, now, now, now, now))
        else:
            job = self._arbiters[burst.storage].request(flights[0].plan.number, burst, visit.name)
            yield job.finished
            _note_transactions(flights[0], [burst], [job])
        turn.done.happen()
        flights[0].times[visit.name] += [self.env.cycle] * 2
        for flight in flights:
            self._start(self._travel(flight))

    def _prepare(self, number: int, instruction: Instruction) -> Flight:
        """Plan an instruction and queue it for its places and turns; called in program order."""
        plan = self._planner.plan(number, instruction)
        for name in (self._fetch.name, *plan.objects):
            self._places[name].expect(number)
        turns = {}
        for visit in (*plan.passed, plan.unit):
            turns[visit.name] = Turn(self.env, visit.interval, self._last_turn.get(visit.name))
            self._last_turn[visit.name] = turns[visit.name]
        flight = Flight(plan, turns, self._conflicts(plan), Moment(self.env), Moment(self.env), [])
        if plan.rows is not None:
            flight.rows = FlightRows(plan.rows, Moment(self.env), Moment(self.env), Moment(self.env))
            self._controllers[plan.unit.name].expect(flight)
        bound_for = plan.objects[0]
        if bound_for in self._last_bound:
            flight.rivals.append((self._last_bound[bound_for].issued, 1))
        if self._last is not None and (self._fetch.in_order_issue or self._fetch.order == "fifo"):
            flight.rivals.append((self._last.issued, 0))
        self._last = self._last_bound[bound_for] = self._flights[number] = flight
        return flight

    def _conflicts(self, plan: Plan) -> list[Moment]:
        """What the instruction waits for by rule 4; those of its controller go ahead of it anyway."""
        return [
            other.done
            for other in self._flights.values()
            if not (plan.rows is not None and other.plan.unit.name == plan.unit.name)
            and conflict(other.plan.instruction, plan.instruction)
        ]

    # -- an instruction on its way --------------------------------------------------------------------------

    def _travel(self, flight: Flight) -> Steps:
        yield from self._issue(flight)
        plan = flight.plan
        for index, visit in enumerate(plan.passed):
            yield from self._pass(flight, visit, plan.objects[index + 1])
        if plan.execute is not None:
            now = self.env.cycle
            flight.times[plan.execute] = [now, now]
            flight.position = f"is in '{plan.execute}' and waits for a place in '{plan.unit.name}'"
            yield from self._places[plan.unit.name].admission(plan.number)
        yield from self._process(flight) if flight.rows is None else self._control(flight, flight.rows)
        if plan.execute is not None:
            self._places[plan.execute].leave(plan.number)
            flight.times[plan.execute] += [self.env.cycle] * 2
        if flight.rows is not None:
            flight.position = "is done, and its parts are on their way"
            yield flight.rows.ended.event
        del self._flights[plan.number]
        self.cycles = max(self.cycles, self.env.cycle)
        self.finished += 1
        if self._record is not None:
            self._record(flight)

    def _issue(self, flight: Flight) -> Steps:
        """From entering the issue buffer to leaving it."""
        plan, name, target = flight.plan, self._fetch.name, flight.plan.objects[0]
        entered = self.env.cycle
        yield self.env.timeout(plan.fetch_latency)
        flight.position = f"is in the issue buffer of '{name}' and waits for '{target}'"
        yield from self._places[target].admission(plan.number)
        for issued, distance in flight.rivals:
            yield issued.event
            yield from self.env.until(issued.cycle + distance)
        flight.rivals.clear()  # else the chain of all earlier instructions is kept alive
        flight.times[name] = [entered, entered, entered + plan.fetch_latency, self.env.cycle]
        flight.issued.happen()
        self._places[name].leave(plan.number)

    def _pass(self, flight: Flight, visit: Visit, target: str) -> Steps:
        """From entering a pipeline stage to leaving it for ``target``."""
        name, number, turn = visit.name, flight.plan.number, flight.turns[visit.name]
        times = flight.times[name] = [self.env.cycle]
        flight.position = f"is in '{name}' and waits to be served"
        yield from turn.wait()
        turn.started.happen()
        times.append(self.env.cycle)
        yield self.env.timeout(visit.latency)
        turn.done.happen()
        times.append(self.env.cycle)
        flight.position = f"is in '{name}' and waits for '{target}'"
        yield from self._places[target].admission(number)
        stage = self._arch.objects[name]
        if isinstance(stage, PipelineStage) and stage.order == "fifo":
            yield from self._places[name].until_first(number)
        self._places[name].leave(number)
        times.append(self.env.cycle)

    def _process(self, flight: Flight) -> Steps:
        """From entering the unit to being done."""
        plan, visit, turn = flight.plan, flight.plan.unit, flight.turns[flight.plan.unit.name]
        yield from self._start_service(flight)
        times = flight.times[visit.name]
        earliest = self.env.cycle + visit.duration
        finish = self._execute(plan.instruction) if self._execute else None
        flight.position = f"is being processed by '{visit.name}'"
        yield self.env.timeout(visit.latency)
        for bursts in (plan.reads, plan.writes):
            yield from self._access(flight, bursts)
        yield from self.env.until(earliest)
        if finish is not None:
            finish()
        turn.done.happen()
        flight.done.happen()
        self._places[visit.name].leave(plan.number)
        times += [self.env.cycle] * 2

    def _start_service(self, flight: Flight) -> Steps:
        """From entering the unit to its start."""
        plan, name, turn = flight.plan, flight.plan.unit.name, flight.turns[flight.plan.unit.name]
        times = flight.times[name] = [self.env.cycle]
        flight.position = f"is in '{name}' and waits to be served"
        yield from turn.wait()
        flight.position = f"is in '{name}' and waits for its operands"
        yield from [other.event for other in flight.conflicts]
        flight.conflicts.clear()
        if plan.execute is not None:
            stage = self._arch.objects[plan.execute]
            assert isinstance(stage, ExecuteStage)
            yield from self.env.until(flight.times[plan.execute][0] + stage.issue_latency)
        turn.started.happen()
        times.append(self.env.cycle)

    def _control(self, flight: Flight, rows: FlightRows) -> Steps:
        """From entering a controller to being done (rules 10 and 12)."""
        plan, name = flight.plan, flight.plan.unit.name
        controller = self._arch.objects[name]
        assert isinstance(controller, Controller)
        yield from self._start_service(flight)
        if self._execute is not None:
            # Its controller's instructions take effect on data one after the other, in program order. All
            # others that it has to do with are done, or wait until it is done.
            self._execute(plan.instruction)()
        yield self.env.timeout(plan.unit.latency)
        rows.ready.happen()
        flight.position = f"is in '{name}' and waits to begin"
        yield rows.sent.event
        sent = self.env.cycle
        self._places[name].leave(plan.number)
        flight.position = f"has left '{name}' and waits until its parts have ended"
        if rows.prepared is not None:
            flight.position = f"has left '{name}' and waits for the parts of #{rows.prepared.plan.number}"
            assert rows.prepared.rows is not None, "it has the same controller"
            yield rows.prepared.rows.ended.event
            yield (rows.joined or rows).ended.event
        else:
            if controller.completion == "moved":
                yield rows.ended.event
            yield self.env.timeout(controller.completion_latency)
        flight.turns[name].done.happen()
        flight.done.happen()
        flight.times[name] += [self.env.cycle, sent]

    def _access(self, flight: Flight, bursts: tuple[Burst, ...]) -> Steps:
        """All accesses of one direction; they start together."""
        number, unit = flight.plan.number, flight.plan.unit.name
        jobs = [self._arbiters[burst.storage].request(number, burst, unit) for burst in bursts]
        yield from [job.finished for job in jobs]
        _note_transactions(flight, bursts, jobs)


def conflict(earlier: Instruction, later: Instruction) -> bool:
    """Whether ``later`` has to wait for ``earlier`` (rule 4): RAW, WAW or WAR on a register or a byte."""
    writes = {*earlier.write_registers}
    if not writes.isdisjoint((*later.read_registers, *later.write_registers)):
        return True
    if not set(earlier.read_registers).isdisjoint(later.write_registers):
        return True
    pairs = [
        (earlier.write_addresses, later.read_addresses),
        (earlier.write_addresses, later.write_addresses),
        (earlier.read_addresses, later.write_addresses),
    ]
    return any(a.overlaps(b) for firsts, seconds in pairs for a in firsts for b in seconds)


def _with_places(arch: Architecture) -> list[PipelineStage | FunctionalUnit]:
    return [*arch.of_type(PipelineStage), *arch.of_type(FunctionalUnit)]


def _note_transactions(flight: Flight, bursts: Iterable[Burst], jobs: Iterable[Job | TimedJob]) -> None:
    for burst, job in zip(bursts, jobs, strict=True):
        flight.transactions += [(burst.storage, *times) for times in job.times]
