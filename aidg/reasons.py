"""What the kinds of edges of a critical path mean to a reader."""

from __future__ import annotations

from collections.abc import Mapping

_REASONS = {
    "raw": "waiting for results of {}",
    "waw": "waiting to overwrite results of {}",
    "war": "waiting to overwrite operands of {}",
    "structural": "waiting for a place or a turn at {}",
    "storage": "waiting for transactions of {}",
    "buffer": "waiting for room in the issue buffer, held by {}",
    "forward": "on the way through {}",
    "fetch": "reading instructions from {}",
    "extrapolated": "extrapolated, loop {} did not settle",
}


def phrase(kind: str, name: str) -> str:
    """What an edge of that kind, from the object ``name``, means."""
    return _REASONS[kind].format(name)


def describe(totals: Mapping[tuple[str, str], int], cycles: int, reasons: int = 3) -> str:
    """One line: the weightiest reasons with their share of the cycles.

    Args:
        totals: Cycles per kind of edge and object, most first. The kind ``fetch`` stands for ``forward``
            where instructions are read.
        cycles: All cycles of the program.
        reasons: How many are named.
    """
    if not cycles:
        return "nothing takes any time"
    parts = [
        f"{100 * spent / cycles:.0f} %: {phrase(kind, name)}"
        for (kind, name), spent in list(totals.items())[:reasons]
    ]
    return f"of {cycles:,} cycles, " + "; ".join(parts)
