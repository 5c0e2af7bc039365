"""Instructions on their way through the machine (rules 1 to 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acadl.model import Controller, PipelineStage
from aidg.flow.places import Turn
from aidg.flow.source import Order

if TYPE_CHECKING:
    from aidg.flow.engine import Engine

BUFFERED, WAITING, SERVED, DONE, ADMITTED, PENDING, WORKING = range(7)


class Flight:
    """An instruction from its fetch until it is done.

    Attributes:
        at: Position in ``order.objects``; -1: in the issue buffer.
        phase: What it does there.
        due: When that is over, for phases that take time.
    """

    __slots__ = (
        "answers", "at", "conflicts", "dependents", "done_at", "due", "engine", "entered", "issued", "jobs",
        "next_bound", "next_in_order", "number", "order", "pair", "parts_left", "phase", "previous_bound",
        "previous_in_order", "ready", "started", "times", "turns", "turns_before",
    )  # fmt: skip

    def __init__(self, engine: Engine, number: int, order: Order) -> None:
        self.engine = engine
        self.number = number
        self.order = order
        self.at = -1
        self.phase = BUFFERED
        self.due = 0
        self.entered = 0
        self.issued = -1
        self.started = -1
        self.done_at = -1
        self.ready = 0
        self.parts_left = 0
        self.pair: Flight | None = None
        self.conflicts = 0
        self.dependents: list[Flight] = []
        self.turns: list[Turn] = []
        self.turns_before: list[Turn | None] = []
        self.previous_bound: Flight | None = None
        self.previous_in_order: Flight | None = None
        self.next_bound: Flight | None = None
        self.next_in_order: Flight | None = None
        self.jobs: list[list[tuple[str, int]]] | None = None
        self.answers = 0
        self.times: list[tuple[str, int]] = []

    # -- the issue buffer -----------------------------------------------------------------------------------

    def buffered(self) -> None:
        """It has entered the issue buffer."""
        agenda = self.engine.agenda
        self.entered = agenda.now
        self.due = agenda.now + self.order.fetch_latency
        if self.due > agenda.now:
            agenda.at(self.due, self.issue)
        else:
            self.issue()

    def issue(self) -> None:
        """Leave the issue buffer, if that is possible now."""
        engine, now = self.engine, self.engine.agenda.now
        if self.at >= 0 or now < self.due:
            return
        places = engine.places[self.order.objects[0]]
        if not places.admits(self.number):
            places.wait(self.number, self.issue)
            return
        bound, before = self.previous_bound, self.previous_in_order
        if bound is not None:
            if bound.issued < 0:
                bound.next_bound = self
                return
            if bound.issued + 1 > now:
                engine.agenda.at(bound.issued + 1, self.issue)
                return
        if before is not None and before.issued < 0:
            before.next_in_order = self
            return
        self.previous_bound = self.previous_in_order = None
        self.issued = now
        self.at = 0
        engine.record(self, "issue")
        for one in (self.next_bound, self.next_in_order):
            if one is not None:
                one.issue()
        self.next_bound = self.next_in_order = None
        engine.leave_buffer(self)
        self._arrive()

    # -- stages ---------------------------------------------------------------------------------------------

    def _arrive(self) -> None:
        """It has entered the object it is at."""
        engine = self.engine
        self.entered = engine.agenda.now
        engine.record(self, "enter")
        if self.at == len(self.order.objects) - 2:  # the execute stage
            self.phase = ADMITTED
            self.enter_unit()
        else:
            self.phase = WAITING
            self.serve()

    def serve(self) -> None:
        """Start the service of a stage, if that is possible now."""
        if not self._turn_has_come(self.at, self.serve):
            return
        agenda = self.engine.agenda
        self.phase = SERVED
        self.turns[self.at].happened(agenda.now)
        self.due = agenda.now + self.order.visits[self.at].latency
        if self.due > agenda.now:
            agenda.at(self.due, self.go_on)
        else:
            self.go_on()

    def _turn_has_come(self, visit: int, again: object) -> bool:
        before = self.turns_before[visit]
        if before is None:
            return True
        if before.since < 0:
            before.waiting = again  # type: ignore[assignment]
            return False
        now = self.engine.agenda.now
        if before.since + before.interval > now:
            self.engine.agenda.at(before.since + before.interval, again)  # type: ignore[arg-type]
            return False
        self.turns_before[visit] = None
        return True

    def go_on(self) -> None:
        """Leave a stage for the next object, if that is possible now."""
        engine, order = self.engine, self.order
        self.phase = DONE
        target = engine.places[order.objects[self.at + 1]]
        if not target.admits(self.number):
            target.wait(self.number, self.go_on)
            return
        name = order.objects[self.at]
        if engine.in_order[name] and engine.places[name].ahead(self.number):
            engine.places[name].wait(self.number, self.go_on)
            return
        self.at += 1
        engine.leave(name, self)
        self._arrive()

    # -- the unit -------------------------------------------------------------------------------------------

    def enter_unit(self) -> None:
        """Enter the unit, if that is possible now."""
        engine = self.engine
        if self.phase != ADMITTED:
            return
        unit = engine.places[self.order.objects[-1]]
        if not unit.admits(self.number):
            unit.wait(self.number, self.enter_unit)
            return
        self.phase = PENDING
        engine.record(self, "unit")
        self.due = self.entered + engine.issue_latency[self.order.objects[-2]]
        self.begin()

    def begin(self) -> None:
        """Start in the unit, if that is possible now."""
        agenda = self.engine.agenda
        if self.phase != PENDING or self.conflicts:
            return
        if self.due > agenda.now:
            agenda.at(self.due, self.begin)
            return
        if not self._turn_has_come(len(self.order.visits) - 1, self.begin):
            return
        self.phase = WORKING
        self.started = agenda.now
        turn = self.turns[-1]
        if turn.pipelined:
            turn.happened(agenda.now)
        self.engine.record(self, "start")
        if isinstance(self.order.unit, Controller):
            self.engine.lines[self.order.unit.name].start(self)
            return
        latency = self.order.visits[-1].latency
        if latency:
            agenda.at(agenda.now + latency, self.access)
        else:
            self.access()

    def access(self) -> None:
        """The latency is over: make the reads, then the writes, then be done."""
        if self.jobs is None:
            self.jobs = [self._jobs(False), self._jobs(True)]
        self._next_access()

    def _next_access(self) -> None:
        while self.jobs:
            bursts = self.jobs.pop(0)
            if bursts:
                self.answers = len(bursts)
                for name, count in bursts:
                    self.engine.burst(self, name, count, not self.jobs)
                return
        earliest = self.started + self.order.duration
        if earliest > self.engine.agenda.now:
            self.engine.agenda.at(earliest, lambda: self.engine.finish_unit(self))
        else:
            self.engine.finish_unit(self)

    def answered(self) -> None:
        """All transactions at one storage are answered."""
        self.answers -= 1
        if self.answers == 0:
            self._next_access()

    def _jobs(self, write: bool) -> list[tuple[str, int]]:
        found: dict[str, int] = {}
        for operand in self.order.operands:
            if operand.write if write else operand.read:
                port = self.engine.storages[operand.storage].port_bytes
                found[operand.storage] = found.get(operand.storage, 0) + operand.rows * -(
                    -operand.bytes // port
                )
        return list(found.items())


def is_fifo(stage: PipelineStage) -> bool:
    return stage.order == "fifo"
