"""The explicit AIDG: every instruction at every object as a node, every reason to wait as a typed edge.

Nodes are ``(instruction, object)`` with the times of ``docs/semantics.md``; edges say which event of one node
holds up which event of another. Built in one pass in program order from full histories: plain and slow, made
to be looked at, and to check the faster evaluators against.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import networkx as nx

from acadl.errors import AcadlError
from acadl.model import Architecture
from acadl.operations import Instruction
from aidg.flow.refusal import refuse_order_of_time
from aidg.graph_builder import EVENTS, Builder, Inner
from aidg.graph_history import Event, NodeKey
from mappings.program import Loop, LoopProgram, Node, Sequence

MAX_INSTRUCTIONS = 200_000


class Times(NamedTuple):
    """Event times of a node, in cycles."""

    enter: int
    start: int
    done: int
    leave: int


def build(arch: Architecture, program: Iterable[Instruction], iterations: int | None = None) -> nx.DiGraph:
    """The AIDG of ``program`` on ``arch``.

    Args:
        arch: The architecture.
        program: A loop program, or any instructions in program order.
        iterations: Run every loop at most so often; loop programs only. ``None``: as often as it says.

    Returns:
        A directed acyclic graph.

        - Nodes ``(number, name)``: an instruction's number and an object's name. ``name#k`` is the
          instruction's *k*-th transaction, at the storage ``name``, and ``name#fetch`` that of a fetch; the
          fetch itself is the node of the instruction memory access unit and of the first instruction fetched.
          Attributes: ``instruction`` (text), ``object`` (name), ``latency`` and the event times ``enter``,
          ``start``, ``done``, ``leave``. For a transaction these are: arrival, start, answer, port given up.
        - Edges with ``kind``, one of ``forward, structural, raw, war, waw, buffer, storage``, and
          ``constraints``: all reasons for the target to wait for the source, each with its ``kind``,
          ``from_event``, ``to_event`` and ``lag`` in cycles. ``operands`` names what a data edge is about.
          Edges that follow from others are left out, as are reads of memory that were over before the
          instruction that overwrites them was fetched.
        - Graph attributes ``cycles`` and ``instructions``.

        Node attribute ``inner`` lists what ties a node's own events together, and a unit's ``done`` to the
        answers of its transactions. Every event time is the maximum over its edges' and inner constraints
        (:func:`evaluate`).

    Raises:
        AcadlError: The program is longer than 200,000 instructions, or cannot be routed or evaluated.
    """
    refuse_order_of_time(arch, "graph")
    builder = Builder(arch)
    count = builder.add_all(_bounded(_capped(program, iterations)))
    builder.finish()
    graph = builder.graph
    graph.graph["instructions"] = count
    graph.graph["cycles"] = max((times["done"] for _, times in graph.nodes(data=True)), default=0)
    return graph


def evaluate(graph: nx.DiGraph) -> dict[NodeKey, Times]:
    """The event times of every node, as longest paths through the constraints alone."""
    incoming = {
        event: list(constraints_on(graph, event))
        for event in (Event(n, e) for n in graph.nodes for e in EVENTS)
    }
    followers: dict[Event, list[tuple[Event, int]]] = {event: [] for event in incoming}
    missing = {event: len(sources) for event, sources in incoming.items()}
    for event, sources in incoming.items():
        for source, _, lag in sources:
            followers[source].append((event, lag))
    time = dict.fromkeys(incoming, 0)
    ready = [event for event, count in missing.items() if count == 0]
    for event in ready:  # grows while it is read
        for follower, lag in followers[event]:
            time[follower] = max(time[follower], time[event] + lag)
            missing[follower] -= 1
            if missing[follower] == 0:
                ready.append(follower)
    return {node: Times(*(time[Event(node, name)] for name in EVENTS)) for node in graph.nodes}


def constraints_on(graph: nx.DiGraph, event: Event) -> Iterator[tuple[Event, str, int]]:
    """All that an event waits for: (event, kind, lag in cycles); the kind is ``inner`` within a node."""
    node, name = event
    for source, _, edge in graph.in_edges(node, data=True):
        for kind, from_event, to_event, lag in edge["constraints"]:
            if to_event == name:
                yield Event(source, from_event), kind, lag
    inner: list[Inner] = graph.nodes[node]["inner"]
    for before, to_event, lag in inner:
        if to_event == name:
            yield before, "inner", lag


def _bounded(program: Iterable[Instruction]) -> Iterable[Instruction]:
    iterator = iter(program)
    yield from islice(iterator, MAX_INSTRUCTIONS)
    if next(iterator, None) is not None:
        raise AcadlError(
            f"the program has more than {MAX_INSTRUCTIONS:,} instructions, too many for an explicit graph; "
            "pass iterations=N to run every loop at most N times, or use aidg.estimate"
        )


def _capped(program: Iterable[Instruction], iterations: int | None) -> Iterable[Instruction]:
    if iterations is None:
        return program
    if not isinstance(program, LoopProgram):
        raise AcadlError("'iterations' needs a LoopProgram; this program is a plain sequence of instructions")
    if iterations < 1:
        raise AcadlError(f"iterations={iterations} runs nothing; give at least 1")
    return LoopProgram(_cap(program.body, iterations), program.operations, program.name, program.functions)


def _cap(node: Node, iterations: int) -> Node:
    match node:
        case Loop(index, count, body):
            return Loop(index, min(count, iterations), _cap(body, iterations))
        case Sequence(nodes):
            return Sequence(tuple(_cap(child, iterations) for child in nodes))
    return node
