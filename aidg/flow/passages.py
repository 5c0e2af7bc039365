"""Every instruction's way through a machine that is evaluated in order of time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from acadl.model import Architecture
from acadl.operations import Instruction
from aidg.flow.kernel import names as n
from aidg.flow.run import Run
from aidg.flow.tables import build
from aidg.timeline_kernel import Access, Passage, Visit
from mappings.program import LoopProgram


def flow_passages(arch: Architecture, program: LoopProgram) -> list[tuple[Instruction, Passage]]:
    """All instructions with their ways, in program order.

    Of a controller ``leave`` is the cycle in which the last part is sent, of a transaction ``enter`` and
    ``start`` are that of its grant. ``start`` and ``done`` of stages on the way are not told apart from
    ``enter`` and ``leave``.

    Raises:
        RoutingError, ProgramError: As for :func:`aidg.estimate`.
    """
    tables = build(arch, program, logged=True)
    run = Run(tables)
    run.run()
    ways: dict[int, _Way] = defaultdict(_Way)
    for kind, number, more, cycle in run.log:
        ways[number].note(kind, more, cycle, tables.objects, tables.storages)
    fetch = arch.fetch_stage.name
    return [(instruction, ways[number].passage(number, fetch)) for number, instruction in enumerate(program)]


@dataclass
class _Way:
    """What has happened to an instruction."""

    times: dict[int, int] = field(default_factory=dict)
    entered: list[tuple[str, int]] = field(default_factory=list)
    unit: str = ""
    grants: list[tuple[str, bool, int]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def note(self, kind: int, more: int, cycle: int, objects: list[str], storages: list[str]) -> None:
        """Take an event of the kernel's log."""
        if kind == n.LOG_ENTER:
            self.entered.append((objects[more], cycle))
        elif kind == n.LOG_GRANT:
            self.grants.append((storages[more // 2], more % 2 == 1, cycle))
        elif kind == n.LOG_ANSWER:
            self.answers.append(cycle)
        else:
            self.times[kind] = cycle
            if kind == n.LOG_START:
                self.unit = objects[more]

    def passage(self, number: int, fetch: str) -> Passage:
        """The same as visits and accesses."""
        issue, done = self.times[n.LOG_ISSUE], self.times[n.LOG_DONE]
        visits = [Visit(fetch, issue, issue, issue, issue)]
        leaves = [*(cycle for _, cycle in self.entered[1:]), done]
        for (name, enter), leave in zip(self.entered, leaves, strict=True):
            visits.append(Visit(name, enter, enter, leave, leave))
        sent = self.times.get(n.LOG_SENT, done)
        visits.append(Visit(self.unit, self.times[n.LOG_UNIT], self.times[n.LOG_START], done, sent))
        accesses = tuple(
            Access(storage, write, (Visit(storage, cycle, cycle, answer, answer),))
            for (storage, write, cycle), answer in zip(self.grants, self.answers, strict=True)
        )
        return Passage(number, 0, (), tuple(visits), accesses, False)
