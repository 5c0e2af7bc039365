"""Why a program takes as long as it does: the chain of waits from cycle 0 to the last instruction's end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import networkx as nx

from aidg.graph import constraints_on
from aidg.graph_history import Event, NodeKey
from aidg.reasons import describe

# Where several constraints bind at once, the first of these counts: an instruction that would not have come
# earlier has waited for nobody.
_PREFERENCE = ("inner", "forward", "structural", "storage", "raw", "waw", "war", "buffer")


@dataclass(frozen=True, slots=True)
class CriticalStep:
    """One constraint of the path.

    Attributes:
        node: Instruction number and object name of the event that is reached.
        event: ``enter``, ``start``, ``done`` or ``leave``.
        kind: What the cycles are waited for: the kind of the edge, and for the time spent in an object itself
            the kind of the edge by which the path goes on from there.
        cycles: From the step before to this one.
        object: Where the cycles are spent.
    """

    node: NodeKey
    event: str
    kind: str
    cycles: int
    object: str

    @property
    def reason(self) -> str:
        """``kind``, or ``fetch`` for the time that an instruction is read in."""
        return "fetch" if self.kind == "forward" and self.node[1].endswith("#fetch") else self.kind


@dataclass(frozen=True)
class CriticalPath:
    """The longest chain of constraints; its cycles sum to the program's.

    Attributes:
        cycles: Cycles of the program.
        steps: From cycle 0 on.
    """

    cycles: int
    steps: tuple[CriticalStep, ...]

    @property
    def by_kind(self) -> Mapping[str, int]:
        """Cycles for each kind of edge, most first."""
        return self._total(lambda step: step.kind)

    @property
    def by_object(self) -> Mapping[str, int]:
        """Cycles for each object, most first."""
        return self._total(lambda step: step.object)

    def _total(self, key: Any) -> dict[Any, int]:
        totals: Counter[Any] = Counter()
        for step in self.steps:
            if step.cycles:
                totals[key(step)] += step.cycles
        return dict(totals.most_common())

    def describe(self, reasons: int = 3) -> str:
        """One line: the weightiest reasons with their share of the cycles."""
        return describe(self._total(lambda step: (step.reason, step.object)), self.cycles, reasons)

    def to_dict(self) -> dict[str, Any]:
        """Keys ``cycles, by_kind, by_object, steps``."""
        return {
            "cycles": self.cycles,
            "by_kind": dict(self.by_kind),
            "by_object": dict(self.by_object),
            "steps": [
                {
                    "instruction": step.node[0],
                    "name": step.node[1],
                    "event": step.event,
                    "kind": step.kind,
                    "cycles": step.cycles,
                    "object": step.object,
                }
                for step in self.steps
            ],
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as one JSON object."""
        return json.dumps(self.to_dict())

    def _repr_html_(self) -> str:
        return f"<p>{self.describe()}</p>"


def critical_path(graph: nx.DiGraph) -> CriticalPath:
    """The critical path of a graph of :func:`aidg.build`.

    It goes back from the end of the last instruction, always along a constraint that binds. Where several do,
    the instruction's own way comes first, then structural hazards, storages, data and the issue buffer.
    """
    nodes = graph.nodes
    if not nodes:
        return CriticalPath(0, ())
    last = max(nodes, key=lambda node: (nodes[node]["done"], node[0]))
    event = Event(last, "done")
    backwards: list[tuple[Event, Event, str, int]] = []
    while binding := _binding(graph, event):  # until nothing held it up: it happened at cycle 0
        source, kind, lag = min(binding, key=lambda entry: _PREFERENCE.index(entry[1]))
        backwards.append((source, event, kind, lag))
        event = source
    return CriticalPath(nodes[last]["done"], _attributed(graph, backwards))


def _binding(graph: nx.DiGraph, event: Event) -> list[tuple[Event, str, int]]:
    """The constraints that set the event's time: (event, kind, lag)."""
    nodes = graph.nodes
    time = nodes[event.node][event.name]
    return [
        (source, kind, lag)
        for source, kind, lag in constraints_on(graph, event)
        if nodes[source.node][source.name] + lag == time
    ]


def _attributed(
    graph: nx.DiGraph, backwards: list[tuple[Event, Event, str, int]]
) -> tuple[CriticalStep, ...]:
    """The steps in order of time; time spent inside an object goes to the kind of the edge that follows."""
    steps = []
    following = "forward"
    for source, event, kind, lag in backwards:
        generates_addresses = kind == "forward" and graph.nodes[event.node]["object"] != event.node[1]
        if kind != "inner" and not generates_addresses:
            following = kind
        steps.append(CriticalStep(event.node, event.name, following, lag, graph.nodes[source.node]["object"]))
    return tuple(reversed(steps))
