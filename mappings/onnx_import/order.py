"""Checks of the graph's structure, and an order in which its nodes can be computed."""

from __future__ import annotations

from collections import Counter

from onnx import GraphProto, NodeProto

from acadl.errors import AcadlError
from mappings.network import suggestion
from mappings.onnx_import.graph import node_names, reads


def ordered(graph: GraphProto) -> list[tuple[str, NodeProto]]:
    """Names and nodes, each after the nodes that it reads from; as in the file where that is already so.

    Raises:
        AcadlError: A tensor is made twice or by nobody, a node has no operator, or nodes wait for each other.
    """
    nodes = list(graph.node)
    names = node_names(nodes)
    makers = _makers(graph, nodes, names)
    waits: list[set[int]] = []
    for position, node in enumerate(nodes):
        inputs = reads(node)
        for tensor in inputs:
            if tensor not in makers:
                near = suggestion(tensor, makers, cutoff=0.8)
                text = f"node '{names[position]}' ({node.op_type}) reads tensor '{tensor}'"
                raise AcadlError(f"{text}, which no node, input or initializer makes{near}")
        waits.append({makers[tensor] for tensor in inputs if makers[tensor] >= 0})
    for output in graph.output:
        if output.name not in makers:
            raise AcadlError(f"the graph's output '{output.name}' is not made by any node")
    order = _topological(waits)
    if len(order) < len(nodes):
        raise AcadlError(_cycle(waits, set(range(len(nodes))) - set(order), names))
    return [(names[position], nodes[position]) for position in order]


def uses(graph: GraphProto) -> Counter[str]:
    """How many node inputs and graph outputs read each tensor."""
    count = Counter(tensor for node in graph.node for tensor in reads(node))
    count.update(output.name for output in graph.output)
    return count


def _makers(graph: GraphProto, nodes: list[NodeProto], names: list[str]) -> dict[str, int]:
    """Position of the node that makes each tensor; -1 for inputs and initializers."""
    makers = {x.name: -1 for x in (*graph.input, *graph.initializer)}
    makers.update((x.values.name, -1) for x in graph.sparse_initializer)
    for position, node in enumerate(nodes):
        if not node.op_type:
            raise AcadlError(f"node '{names[position]}' names no operator")
        for tensor in filter(None, node.output):
            if tensor in makers:
                first = makers[tensor]
                other = f"node '{names[first]}'" if first >= 0 else "an input or initializer"
                raise AcadlError(f"tensor '{tensor}' is made by node '{names[position]}' and by {other}")
            makers[tensor] = position
    return makers


def _topological(waits: list[set[int]]) -> list[int]:
    """Positions that can be computed: smallest first among those that are ready."""
    import heapq

    followers: list[list[int]] = [[] for _ in waits]
    for position, needed in enumerate(waits):
        for other in needed:
            followers[other].append(position)
    missing = [len(needed) for needed in waits]
    ready = [position for position, count in enumerate(missing) if count == 0]
    order = []
    while ready:
        position = heapq.heappop(ready)
        order.append(position)
        for follower in followers[position]:
            missing[follower] -= 1
            if missing[follower] == 0:
                heapq.heappush(ready, follower)
    return order


def _cycle(waits: list[set[int]], stuck: set[int], names: list[str]) -> str:
    """Message with one cycle; every stuck node waits for another one, so walking back must close it."""
    path = [min(stuck)]
    while path[-1] not in path[:-1]:
        path.append(min(waits[path[-1]] & stuck))
    cycle = path[path.index(path[-1]) :][::-1]
    shown = [f"'{names[position]}'" for position in cycle]
    if len(shown) > 10:
        shown = [*shown[:9], "…", shown[-1]]
    return f"the graph has a cycle: {' → '.join(shown)}; an ONNX graph must not have one"
