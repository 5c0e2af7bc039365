"""What would be gained if one object were infinitely fast, or had one more place: evaluated, not guessed.

Every change is one evaluation of the unchanged program on the changed architecture. Gains do not add up.
A gain can be negative: what comes earlier than before can take a gap at a port that something more urgent
would have fitted into.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from html import escape

from acadl.model import Architecture
from aidg.estimation import DEFAULT_BUDGET, Estimate, Method, estimate
from aidg.preparation import prepare
from aidg.variants import together, variants
from mappings.program import LoopProgram

# Share of the cycles from which on an object counts as busy nearly all the time.
BUSY = 0.8

Progress = Callable[[int, int, str], None]
"""Called before each change with its number from 0, the number of changes and the object's name."""


@dataclass(frozen=True, slots=True)
class WhatIfRow:
    """One change.

    Attributes:
        object: Name of the changed object; several that are changed together are joined by " + ".
        type: Its class, as in the object model, or ``several``.
        change: ``infinitely fast``, ``one more place``, ``one more port`` or ``one more request in flight``.
        detail: The attributes that differ, such as ``capacity 4 → 5``.
        cycles: Cycles of the program with the change.
        gain_cycles: Cycles without the change minus those with it; negative where the change does harm.
        speedup: Cycles without the change divided by those with it; ``None`` where those are 0.
        method: How the cycles were found; as for :func:`aidg.estimate`.
    """

    object: str
    type: str
    change: str
    detail: str
    cycles: int
    gain_cycles: int
    speedup: float | None
    method: Method


@dataclass(frozen=True)
class WhatIf:
    """What single changes of an architecture would gain.

    Attributes:
        cycles: Cycles of the program without a change.
        method: How they were found.
        rows: Largest gain first; equal gains in order of the objects' declaration.
        notes: What the reader must know about the figures.
    """

    cycles: int
    method: Method
    rows: tuple[WhatIfRow, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Keys ``cycles, method, rows, notes``; rows with the attributes of :class:`WhatIfRow`."""
        return {
            "cycles": self.cycles,
            "method": self.method,
            "rows": [asdict(row) for row in self.rows],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict())

    def _repr_html_(self) -> str:
        return to_html(self.cycles, self.rows, self.notes)


def what_if(
    arch: Architecture,
    program: LoopProgram,
    *,
    budget: int = DEFAULT_BUDGET,
    progress: Progress | None = None,
) -> WhatIf:
    """What the program would gain from each single change of the architecture.

    For every object that the program uses: all its latencies and intervals 0 (a fetch stage together with the
    unit that reads for it; a cache without what is behind it), and one more place, port or request in flight.
    Changes that change nothing, such as that of a latency which is 0 already, have no row. Where several
    objects are busy at least 80 % of the time, they are also changed together.

    Args:
        budget: As for :func:`aidg.estimate`, for each evaluation.
        progress: Called before each evaluation of a change.

    Raises:
        AcadlError: As for :func:`aidg.estimate`.
    """
    now = estimate(arch, program, budget=budget)
    prepared = prepare(arch, program)
    changes = list(variants(prepared))
    joint = together(prepared, busy_together(now))
    if joint is not None:
        changes.append(joint)
    rows = []
    notes = list(now.notes)
    for number, variant in enumerate(changes):
        if progress is not None:
            progress(number, len(changes), variant.object)
        then = estimate(variant.arch, program, budget=budget)
        notes += (f"{variant.object}, {variant.change}: {note}" for note in then.notes)
        rows.append(
            WhatIfRow(
                variant.object,
                variant.type,
                variant.change,
                variant.detail,
                then.cycles,
                now.cycles - then.cycles,
                speedup(now.cycles, then.cycles),
                then.method,
            )
        )
    rows.sort(key=lambda row: -row.gain_cycles)
    return WhatIf(now.cycles, now.method, tuple(rows), tuple(notes))


def busy_together(found: Estimate) -> set[str]:
    """Units and storages that are busy nearly all the time."""
    return {name for name, share in found.utilization.items() if share >= BUSY}


def speedup(before: int, after: int) -> float | None:
    """How many times faster; ``None`` where nothing is left."""
    return before / after if after else None


def speedup_text(factor: float | None) -> str:
    """Three digits after the point; ∞ where nothing is left."""
    return "∞" if factor is None else f"{factor:.3f}"


def to_html(cycles: int, rows: tuple[WhatIfRow, ...], notes: tuple[str, ...]) -> str:
    """The rows that change the cycles as a table, for notebooks."""
    body = "".join(
        f"<tr><td>{escape(row.object)}</td><td>{escape(row.change)}</td><td>{escape(row.detail)}</td>"
        f'<td style="text-align:right">{row.gain_cycles:,}</td>'
        f'<td style="text-align:right">{speedup_text(row.speedup)}</td><td>{row.method}</td></tr>'
        for row in rows
        if row.gain_cycles
    )
    idle = sum(not row.gain_cycles for row in rows)
    return (
        f"<p><b>{cycles:,} cycles</b>; {idle} of {len(rows)} changes gain nothing</p>"
        "<table><thead><tr><th>object</th><th>change</th><th>detail</th><th>gain</th><th>speedup</th>"
        f"<th>method</th></tr></thead><tbody>{body}</tbody></table>"
        + "".join(f"<p>{escape(note)}</p>" for note in notes)
    )
