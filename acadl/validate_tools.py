"""What the checks of whole architectures share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from acadl.errors import Diagnostic, Label
from acadl.model import ACADLObject

MAX_SHOWN = 10  # parts of a circle in a message
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


def circle(names: Sequence[str], arrow: str) -> str:
    """A cycle for a message, its middle left out where it is long."""
    shown = list(names)
    if len(shown) > MAX_SHOWN:
        half = MAX_SHOWN // 2
        shown[half:-half] = [f"… ({len(shown) - 2 * half} more)"]
    return f" {arrow} ".join((*shown, names[0]))
