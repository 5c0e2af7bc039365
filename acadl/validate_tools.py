"""What the checks of whole architectures share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from acadl.errors import Diagnostic, Label
from acadl.model import ACADLObject

Findings: TypeAlias = Iterator[Diagnostic]


def label(item: ACADLObject, text: str) -> tuple[Label, ...]:
    """A note at the place where ``item`` is declared; nothing where it was built in Python."""
    return (Label(item.span, text),) if item.span is not None else ()


def cycle(names: Iterable[str], successors: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """Names of one cycle in order, or nothing; depth-first without recursion."""
    done: set[str] = set()
    for start in names:
        if start in done:
            continue
        path: dict[str, Iterator[str]] = {start: iter(successors(start))}
        while path:
            name = next(reversed(path))
            following = next(path[name], None)
            if following is None:
                done.add(name)
                del path[name]
            elif following in path:
                order = list(path)
                return tuple(order[order.index(following) :])
            elif following not in done:
                path[following] = iter(successors(following))
    return ()
