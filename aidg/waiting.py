"""What one event of a run waited for, however far into the run it lies.

>>> from aidg.waiting import waited_for
>>> waited_for(arch, program, 4711, "memory", "start")[0].text                      # doctest: +SKIP
'#4711 load starts at memory in cycle 99: waiting for transactions of memory, #4710 store leaves in cycle 99'
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acadl.model import Architecture
from aidg.reasons import phrase
from aidg.timeline_causes import Causes, Event
from aidg.timeline_lanes import described
from aidg.timeline_window import watch
from mappings.program import LoopProgram

# Links of a chain that are looked at: those that take no time are not shown.
FURTHEST = 200

_VERBS = {"enter": "enters", "start": "starts at", "done": "is done at", "leave": "leaves"}


@dataclass(frozen=True, slots=True)
class Wait:
    """A link of the chain of constraints that lead to an event.

    Attributes:
        instruction, operation, object, what, cycle: The event: ``what`` (``enter, start, done, leave``)
            happens to this instruction at this object. The ``k``-th transaction at a storage is at
            ``storage#k``.
        kind: Why it was not earlier (as for :class:`aidg.PathShare`); ``forward``: its own way.
        other_instruction, other_operation, other_object, other_what, other_cycle: The event that came before.
    """

    instruction: int
    operation: str
    object: str
    what: str
    cycle: int
    kind: str
    other_instruction: int
    other_operation: str
    other_object: str
    other_what: str
    other_cycle: int

    @property
    def text(self) -> str:
        """In words."""
        event = f"#{self.instruction} {self.operation} {_VERBS[self.what]} {self.object}"
        event += f" in cycle {self.cycle}"
        is_own = self.instruction == self.other_instruction
        place = "" if is_own and self.object == self.other_object else f" {self.other_object}"
        other = "it" if is_own else f"#{self.other_instruction} {self.other_operation}"
        verb = _VERBS[self.other_what] if place else _VERBS[self.other_what].removesuffix(" at")
        after = f"{other} {verb}{place} in cycle {self.other_cycle}"
        if self.kind == "forward":
            return f"{event}, {self.cycle - self.other_cycle} after {after}"
        return f"{event}: {phrase(self.kind, self.other_object)}, {after}"


def waited_for(
    arch: Architecture, program: LoopProgram, number: int, place: str, what: str, links: int = 4
) -> tuple[Wait, ...]:
    """The chain of constraints that binds an event, backwards from it; links that take no time are left out.

    The part of the run around the instruction is evaluated once more, with notes; what lies before is skipped
    as by :func:`aidg.estimate`.

    Args:
        number: Of the instruction, from 0.
        place: Object on its way, or a transaction, ``storage#0``.
        what: ``enter``, ``start``, ``done`` or ``leave``.
        links: How many, at most.

    Raises:
        AcadlError: As for :func:`aidg.timeline`.
    """
    window = watch(arch, program, number, 1, budget=max(program.instruction_count, 1))
    instructions = [instruction for instruction, _ in described(window, program)]
    operations = {
        passage.number: instruction.operation
        for passage, instruction in zip(window.passages, instructions, strict=True)
    }
    causes = Causes(window, instructions)
    event = Event(number, place, what)
    return tuple(_chain(causes, event, operations, links)) if event in causes.times else ()


def _chain(causes: Causes, event: Event, operations: dict[int, str], links: int) -> Iterator[Wait]:
    shown = 0
    for steps, (at, cause) in enumerate(causes.path(event)):
        if shown == links or steps == FURTHEST or cause.event not in causes.times:
            return
        cycle, before = causes.times[at], causes.times[cause.event]
        if cause.kind == "forward" and cycle == before:
            continue
        shown += 1
        other = cause.event
        yield Wait(
            at.number,
            operations[at.number],
            at.name,
            at.what,
            cycle,
            cause.kind,
            other.number,
            operations[other.number],
            other.name,
            other.what,
            before,
        )
