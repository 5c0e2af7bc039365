"""How much later an instruction could be at an object without the program taking longer."""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx

from aidg.graph import constraints_on
from aidg.graph_builder import EVENTS
from aidg.graph_history import Event, NodeKey

# Later than any cycle: nothing waits for the event.
NEVER = 1 << 62


def slack(graph: nx.DiGraph) -> dict[NodeKey, int]:
    """Slack of every node of a graph of :func:`aidg.build`, in cycles.

    By so much could its ``done`` come later, all decisions of the run (who goes first) being kept, and the
    program would still end at the same cycle. Nodes on the critical path have none.
    """
    total = graph.graph["cycles"]
    causes = {
        event: [(source, lag) for source, _, lag in constraints_on(graph, event)]
        for event in (Event(node, name) for node in graph.nodes for name in EVENTS)
    }
    waiting = dict.fromkeys(causes, 0)  # events that an event holds up
    for sources in causes.values():
        for source, _ in sources:
            waiting[source] += 1
    latest = {event: total if event.name == "done" else NEVER for event in causes}
    ready = [event for event, count in waiting.items() if count == 0]
    for event in ready:  # grows while it is read
        for source, lag in causes[event]:
            latest[source] = min(latest[source], latest[event] - lag)
            waiting[source] -= 1
            if waiting[source] == 0:
                ready.append(source)
    return {node: latest[Event(node, "done")] - graph.nodes[node]["done"] for node in graph.nodes}


def slack_by_object(graph: nx.DiGraph) -> Mapping[str, int]:
    """The smallest slack at each object, in cycles, smallest first: how far each is from being critical."""
    smallest: dict[str, int] = {}
    for node, cycles in slack(graph).items():
        name = graph.nodes[node]["object"]
        smallest[name] = min(cycles, smallest.get(name, cycles))
    return dict(sorted(smallest.items(), key=lambda entry: (entry[1], entry[0])))
