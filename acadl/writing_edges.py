"""Edges as statements: pairs of edges become ``<=>``, several targets braces, what goes on a chain.

Reading the statements makes the edges in the order in which they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acadl.model import Architecture, CacheInterface, Edge, EdgeKind


@dataclass
class _Statement:
    """Ends with arrows between them; the last end may be several."""

    ends: list[list[str]]
    arrows: list[str]


def edge_lines(arch: Architecture) -> list[str]:
    """Statements for all edges but ``CONTAINS``, which nesting stands for."""
    statements: list[_Statement] = []
    for source, target, arrow in _arrows(arch):
        last = statements[-1] if statements else None
        if last is not None and len(last.ends) == 2 and last.ends[0] == [source] and last.arrows == [arrow]:
            last.ends[1].append(target)
        elif last is not None and last.ends[-1] == [source]:
            last.ends.append([target])
            last.arrows.append(arrow)
        else:
            statements.append(_Statement([[source], [target]], [arrow]))
    return list(map(_line, statements))


def _line(statement: _Statement) -> str:
    text = _end(statement.ends[0])
    for arrow, end in zip(statement.arrows, statement.ends[1:], strict=True):
        text += f" {arrow} {_end(end)}"
    return text


def _end(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{{{', '.join(names)}}}"


def _arrows(arch: Architecture) -> Iterator[tuple[str, str, str]]:
    """Source, target and arrow of every edge, of two edges back and forth in turn."""
    edges = [edge for edge in arch.edges if edge.kind is not EdgeKind.CONTAINS]
    position = 0
    while position < len(edges):
        edge = edges[position]
        following = edges[position + 1] if position + 1 < len(edges) else None
        if edge.kind is EdgeKind.FORWARD:
            yield edge.source, edge.target, "->"
        elif following is not None and _is_back(edge, following):
            caches = all(
                isinstance(arch.objects[name], CacheInterface) for name in (edge.source, edge.target)
            )
            # of two caches, the nearer one reads from the other; it stands on the left
            ends = (edge.target, edge.source) if caches else (edge.source, edge.target)
            yield *ends, "<=>"
            position += 1
        else:
            yield edge.source, edge.target, "=>"
        position += 1


def _is_back(edge: Edge, other: Edge) -> bool:
    return other.kind is not EdgeKind.FORWARD and (edge.source, edge.target) == (other.target, other.source)
