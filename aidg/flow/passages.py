"""Every instruction's way through a machine that is evaluated in order of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from acadl.model import Architecture
from acadl.operations import Instruction
from aidg.flow import engine as flow
from aidg.flow.flights import Flight
from aidg.flow.source import Order, Orders
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
    notes = _Notes()
    instructions: list[Instruction] = []
    maker = Orders(arch)

    def orders() -> Iterator[Order]:
        for instruction in program:
            instructions.append(instruction)
            yield maker.of(instruction)

    engine = flow.Engine(arch, orders(), notes)
    engine.watcher = notes.watch
    engine.run()
    fetch = arch.fetch_stage.name
    return [(instruction, notes.passage(number, fetch)) for number, instruction in enumerate(instructions)]


class _Notes:
    """What has happened, by instruction."""

    def __init__(self) -> None:
        self._flights: dict[int, Flight] = {}
        self._times: dict[int, dict[str, int]] = defaultdict(dict)
        self._entered: dict[int, list[int]] = defaultdict(list)
        self._accesses: dict[int, list[Access]] = defaultdict(list)

    def __call__(self, flight: Flight, event: str, cycle: int) -> None:
        self._flights[flight.number] = flight
        if event == "enter":
            self._entered[flight.number].append(cycle)
        else:
            self._times[flight.number][event] = cycle

    def watch(self, access: flow.Access) -> None:
        visit = Visit(access.storage, access.granted, access.granted, access.answer, access.answer)
        self._accesses[access.number].append(Access(access.storage, access.write, (visit,)))

    def passage(self, number: int, fetch: str) -> Passage:
        times, entered = self._times[number], self._entered[number]
        objects, issue, done = self._flights[number].order.objects, times["issue"], times["done"]
        visits = [Visit(fetch, issue, issue, issue, issue)]
        for name, enter, leave in zip(objects, entered, [*entered[1:], done], strict=False):
            visits.append(Visit(name, enter, enter, leave, leave))
        visits.append(Visit(objects[-1], times["unit"], times["start"], done, times.get("sent", done)))
        return Passage(number, 0, (), tuple(visits), tuple(self._accesses[number]), False)
