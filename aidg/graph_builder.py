"""Builds the explicit AIDG, one instruction after the other: every time is a maximum over constraints."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import networkx as nx

from acadl.model import Architecture, DataStorage, FunctionalUnit, PipelineStage
from acadl.operations import Instruction
from acadl.simulate_plan import Burst, Plan, Planner, Visit, capacity_of
from aidg.graph_history import Conflicts, Event, NodeKey, Places, Reservations

EVENTS = ("enter", "start", "done", "leave")


class Constraint(NamedTuple):
    """``to_event`` of an edge's target comes ``lag`` cycles or more after ``from_event`` of its source."""

    kind: str
    from_event: str
    to_event: str
    lag: int


class Inner(NamedTuple):
    """A constraint of a node on itself, or on the unit by the transactions that it waits for."""

    source: Event
    to_event: str
    lag: int


class Builder:
    """Adds instructions in program order.

    Attributes:
        graph: The graph so far; times are filled in by :meth:`finish`.
    """

    def __init__(self, arch: Architecture) -> None:
        self.graph = nx.DiGraph(name=arch.name)
        self._arch = arch
        self._planner = Planner(arch)
        self._fetch = arch.fetch_stage
        self._time: dict[Event, int] = {}
        self._places = {name: Places() for name in arch.objects}
        self._turns: dict[str, tuple[NodeKey, int | None]] = {}  # object -> last user, its interval
        self._conflicts = Conflicts()
        self._storages = {
            storage.name: Reservations(storage.read_write_ports, storage.max_concurrent_requests)
            for storage in arch.of_type(DataStorage)
        }
        self._bound: dict[str, NodeKey] = {}  # successor of the fetch stage -> last one bound for it
        self._issued: NodeKey | None = None

    def add_all(self, program: Iterable[Instruction]) -> int:
        """Add the whole program; returns the number of instructions."""
        numbered = enumerate(program)
        count = 0
        while group := list(islice(numbered, self._planner.width)):
            count += len(group)
            read = self._read_group(group[0][0], [str(instruction) for _, instruction in group])
            for number, instruction in group:
                self._add(read, self._planner.plan(number, instruction))
        return count

    def finish(self) -> None:
        """Write the times to the nodes."""
        for node, attributes in self.graph.nodes.items():
            attributes.update((name, self._time[Event(node, name)]) for name in EVENTS)

    # -- fetch (rule 6) -------------------------------------------------------------------------------------

    def _read_group(self, first: int, texts: list[str]) -> NodeKey:
        visit, burst = self._planner.fetch_read()
        node = self._node(first, visit.name, "fetch " + "; ".join(texts), visit.latency)
        room = self._fetch.issue_buffer_size - self._planner.width + 1
        self._wait_for_place("buffer", self._fetch.name, room, Event(node, "enter"))
        if visit.name in self._turns:  # reads are taken up one after the other
            self._wait("structural", Event(self._turns[visit.name][0], "start"), Event(node, "enter"))
        self._inner(Event(node, "enter"), Event(node, "start"))
        self._wait_for_turn(node, visit)
        start = self._time[Event(node, "start")]
        for reservations in self._storages.values():
            reservations.forget_before(start)
        self._conflicts.forget_reads_before(start)
        answers = self._transactions(node, (burst,), [(Event(node, "start"), visit.latency)])
        for answer in answers:
            self._inner(answer, Event(node, "done"))
        self._inner(Event(node, "done"), Event(node, "leave"))
        return node

    def _issue(self, read: NodeKey, plan: Plan) -> NodeKey:
        """The instruction's stay in the issue buffer."""
        node = self._node(plan.number, self._fetch.name, str(plan.instruction), plan.fetch_latency)
        self._wait("forward", Event(read, "done"), Event(node, "enter"))
        self._inner(Event(node, "enter"), Event(node, "start"))
        self._inner(Event(node, "start"), Event(node, "done"), plan.fetch_latency)
        leave = Event(node, "leave")
        self._inner(Event(node, "done"), leave)
        target = plan.objects[0]
        self._wait_for_place("structural", target, self._capacity(target), leave)
        if target in self._bound:
            self._wait("structural", Event(self._bound[target], "leave"), leave, 1)
        in_order = self._fetch.in_order_issue or self._fetch.order == "fifo"
        if in_order and self._issued is not None:
            self._wait("structural", Event(self._issued, "leave"), leave)
        self._bound[target] = self._issued = node
        self._left(node, self._fetch.name)
        return node

    # -- the way to the unit --------------------------------------------------------------------------------

    def _add(self, read: NodeKey, plan: Plan) -> None:
        previous = self._issue(read, plan)
        for index, visit in enumerate(plan.passed):
            previous = self._pass(previous, plan, visit, plan.objects[index + 1])
        unit = self._node(plan.number, plan.unit.name, str(plan.instruction), plan.unit.latency)
        if plan.execute is None:
            self._wait("forward", Event(previous, "leave"), Event(unit, "enter"))
            self._process(unit, plan)
            return
        stage = self._node(plan.number, plan.execute, str(plan.instruction), 0)
        self._wait("forward", Event(previous, "leave"), Event(stage, "enter"))
        self._inner(Event(stage, "enter"), Event(stage, "start"))
        self._wait("forward", Event(stage, "enter"), Event(unit, "enter"))
        self._wait_for_place(
            "structural", plan.unit.name, self._capacity(plan.unit.name), Event(unit, "enter")
        )
        self._process(unit, plan)
        self._inner(Event(unit, "done"), Event(stage, "done"))
        self._inner(Event(unit, "leave"), Event(stage, "leave"))
        self._left(stage, plan.execute)

    def _pass(self, previous: NodeKey, plan: Plan, visit: Visit, target: str) -> NodeKey:
        """A pipeline stage on the way."""
        node = self._node(plan.number, visit.name, str(plan.instruction), visit.latency)
        self._wait("forward", Event(previous, "leave"), Event(node, "enter"))
        self._inner(Event(node, "enter"), Event(node, "start"))
        self._wait_for_turn(node, visit)
        self._inner(Event(node, "start"), Event(node, "done"), visit.latency)
        leave = Event(node, "leave")
        self._inner(Event(node, "done"), leave)
        self._wait_for_place("structural", target, self._capacity(target), leave)
        stage = self._arch.objects[visit.name]
        if isinstance(stage, PipelineStage) and stage.order == "fifo":
            self._wait_for_place("structural", visit.name, 1, leave)
        self._left(node, visit.name)
        return node

    def _process(self, unit: NodeKey, plan: Plan) -> None:
        """The instruction in its unit, with its accesses."""
        start, done = Event(unit, "start"), Event(unit, "done")
        self._inner(Event(unit, "enter"), start)
        self._wait_for_turn(unit, plan.unit)
        for kind, other, operand in self._conflicts.of(plan.instruction):
            self._wait(kind, Event(other, "done"), start)
            self.graph.edges[other, unit].setdefault("operands", []).append(operand)
        self._inner(start, done, plan.unit.latency)
        ready = [(start, plan.unit.latency)]
        for bursts in (plan.reads, plan.writes):
            answers = self._transactions(unit, bursts, ready)
            ready = [(answer, 0) for answer in answers] or ready
        for source, lag in ready:
            self._inner(source, done, lag)
        self._inner(start, done, plan.unit.duration)
        self._conflicts.add(plan.instruction, unit, self._time[done])
        self._inner(done, Event(unit, "leave"))
        self._left(unit, plan.unit.name)

    # -- storages (rules 7 and 8) ---------------------------------------------------------------------------

    def _transactions(
        self, unit: NodeKey, bursts: tuple[Burst, ...], ready: list[tuple[Event, int]]
    ) -> list[Event]:
        """Nodes for the accesses of one direction; returns the events of their answers."""
        answers = []
        for burst in bursts:
            previous: NodeKey | None = None
            for index, cost in enumerate(burst.transactions, burst.first):
                label = f"{burst.storage}#{'fetch' if index < 0 else index}"
                node = self._node(
                    unit[0], label, self.graph.nodes[unit]["instruction"], cost.latency, burst.storage
                )
                enter, start = Event(node, "enter"), Event(node, "start")
                for source, lag in [(Event(previous, "leave"), 0)] if previous else ready:
                    self._wait("storage" if previous else "forward", source, enter, lag)
                self._inner(enter, start)
                reservations = self._storages[burst.storage]
                time, ended = reservations.earliest(self._time[enter], cost.hold, cost.latency)
                if ended is not None:
                    self._wait("storage", ended, start)
                reservations.add(time, cost.hold, cost.latency, node)
                self._inner(start, Event(node, "done"), cost.latency)
                self._inner(start, Event(node, "leave"), cost.hold)
                answers.append(Event(node, "done"))
                previous = node
        return answers

    # -- constraints ----------------------------------------------------------------------------------------

    def _node(self, number: int, name: str, text: str, latency: int, of: str | None = None) -> NodeKey:
        node = (number, name)
        self.graph.add_node(node, instruction=text, object=of or name, latency=latency, inner=[])
        self._time.update((Event(node, event), 0) for event in EVENTS)
        return node

    def _wait(self, kind: str, source: Event, target: Event, lag: int = 0) -> None:
        """An edge; the target's event moves."""
        self._time[target] = max(self._time[target], self._time[source] + lag)
        constraint = Constraint(kind, source.name, target.name, lag)
        if self.graph.has_edge(source.node, target.node):
            self.graph.edges[source.node, target.node]["constraints"].append(constraint)
        else:
            self.graph.add_edge(source.node, target.node, kind=kind, constraints=[constraint])

    def _inner(self, source: Event, target: Event, lag: int = 0) -> None:
        """A constraint that is no edge; the target's event moves."""
        self._time[target] = max(self._time[target], self._time[source] + lag)
        inner: list[Inner] = self.graph.nodes[target.node]["inner"]
        inner.append(Inner(source, target.name, lag))

    def _wait_for_place(self, kind: str, name: str, capacity: int, target: Event) -> None:
        leaver = self._places[name].admission(capacity)
        if leaver is not None:
            self._wait(kind, Event(leaver, "leave"), target)

    def _wait_for_turn(self, node: NodeKey, visit: Visit) -> None:
        """Rule 3: after the previous user's interval, or after it is done."""
        if visit.name in self._turns:
            previous, interval = self._turns[visit.name]
            if interval is None:
                self._wait("structural", Event(previous, "done"), Event(node, "start"))
            else:
                self._wait("structural", Event(previous, "start"), Event(node, "start"), interval)
        self._turns[visit.name] = (node, visit.interval)

    def _left(self, node: NodeKey, name: str) -> None:
        self._places[name].leave(self._time[Event(node, "leave")], node)

    def _capacity(self, name: str) -> int:
        item = self._arch.objects[name]
        assert isinstance(item, (PipelineStage, FunctionalUnit))
        return capacity_of(item)
