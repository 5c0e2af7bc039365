"""A prepared program in numbers, and the state that propagation starts from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

from aidg import propagation
from aidg.machine import Machine
from aidg.prepared import AddressPlan, PreparedProgram, Row, TrackedOperand
from aidg.propagation import (
    CONTROLS,
    EMPTY,
    FIRST_ENTER,
    LIMIT,
    NO_ENTER,
    QUEUED,
    SAME,
    ProgramArrays,
    State,
)

if TYPE_CHECKING:
    from aidg.compiled import FirstState

# Entries with which tables start; they grow with what is alive.
FIRST_CELLS = 32
# No limit on the instructions to propagate.
UNLIMITED = (1 << 63) - 1


Record = tuple[int, ...]


class _Flattener:
    def __init__(self, program: PreparedProgram) -> None:
        self.program = program
        self.arrays = ProgramArrays(*([] for _ in fields(ProgramArrays)))
        self.address_of: dict[AddressPlan, int] = {}

    def run(self) -> ProgramArrays:
        arrays, machine = self.arrays, self.program.machine
        for row in self.program.rows:
            self._row(row)
        arrays.tape += self.program.tape
        arrays.storages += _storages(machine)
        arrays.front += (*_front(machine), *_growth(self.program))
        return arrays

    def _row(self, row: Row) -> None:
        arrays = self.arrays
        first_hop = len(arrays.hops)
        for hop in row.hops:
            times = (hop.service, hop.latency, hop.interval)
            arrays.hops.append((*hop.place, *times, int(hop.is_fifo), hop.target))
        first_operand = len(arrays.operands)
        for operand in row.operands:
            self._operand(operand)
        first_access = len(arrays.accesses)
        for access in row.accesses:
            arrays.accesses.append((access.storage, access.transactions, access.latency, int(access.chained)))
        operands = (first_operand, len(arrays.operands))
        reads = sum(not access.write for access in row.accesses)
        accesses = (first_access, first_access + reads, len(arrays.accesses))
        arrays.rows.append((row.issue, row.first_place, first_hop, len(arrays.hops), *operands))
        spent = (row.service, row.latency, row.interval, row.duration)
        arrays.units.append((row.unit, *spent, *operands, *accesses, 2 + 2 * len(row.hops)))
        arrays.places.append((*row.own, *row.execute))

    def _operand(self, operand: TrackedOperand) -> None:
        group, write = self.program.groups[operand.group], int(operand.write)
        address = self._address(self.program.access_plans[operand.access])
        self.arrays.operands.append(
            (operand.kind, write, operand.position, operand.group, address, group.origin, group.cell)
        )
        self.arrays.shapes.append((*operand.shape, write, operand.access))

    def _address(self, plan: AddressPlan) -> int:
        if plan not in self.address_of:
            terms = self._terms(plan.terms)
            first = len(self.arrays.rotations)
            for scale, const, turning, modulus in plan.rotations:
                self.arrays.rotations.append((scale, const, modulus, *self._terms(turning)))
            self.address_of[plan] = len(self.arrays.addresses)
            self.arrays.addresses.append((plan.const, *terms, first, len(self.arrays.rotations)))
        return self.address_of[plan]

    def _terms(self, terms: tuple[tuple[int, int], ...]) -> tuple[int, int]:
        first = len(self.arrays.terms)
        self.arrays.terms += terms
        return first, len(self.arrays.terms)


def _storages(machine: Machine) -> Iterator[Record]:
    tables = 0
    for spec in machine.storages:
        yield (SAME if spec.hold < 0 else spec.hold, tables, tables + 1 if spec.places else -1)
        tables += 2 if spec.places else 1


def _front(machine: Machine) -> list[int]:
    latency = 0
    if machine.instruction_storage >= 0:
        model = machine.storages[machine.instruction_storage].model
        latency = model.latency(machine.instruction_address, False) if model.is_fixed else QUEUED
    return [
        machine.fetch_width,
        machine.fetch_latency,
        int(machine.in_order_issue),
        machine.read_latency,
        SAME if machine.read_interval < 0 else machine.read_interval,
        machine.instruction_storage,
        latency,
        machine.buffer.capacity,
        machine.buffer.ring,
    ]


def _growth(program: PreparedProgram) -> tuple[int, ...]:
    """Tables, the most that one instruction can add to them, groups, and the most ranges that it can add.

    A block of transactions adds at most half as many entries as there are and three more: it fills gaps, and
    splits a stretch at either end. Where transactions are single, each one splits at most two.
    """
    machine = program.machine
    accesses = max((len(row.accesses) for row in program.rows), default=0)
    single = max(
        (
            sum(
                a.transactions
                for a in row.accesses
                if a.latency == QUEUED or machine.storages[a.storage].places
            )
            for row in program.rows
        ),
        default=0,
    )
    tables = sum(2 if spec.places else 1 for spec in machine.storages)
    operands = max((len(row.operands) for row in program.rows), default=0)
    # the fetch is one more access
    return tables, ceil(1.5 ** (accesses + 1)), 2 * single + 4 * (accesses + 1), len(program.groups), operands


def flatten(program: PreparedProgram) -> ProgramArrays:
    """The program as plain lists of integers and of tuples of integers."""
    return _Flattener(program).run()


class FlatProgram:
    """A program in numbers, for as many runs as are wanted.

    Attributes:
        lists: Plain lists of integers and of tuples of integers.
    """

    def __init__(self, program: PreparedProgram) -> None:
        self.lists = flatten(program)
        self._program = program

    @cached_property
    def arrays(self) -> ProgramArrays:
        """The same as NumPy arrays, for compiled code."""
        from aidg.compiled import arrays_of

        return arrays_of(self.lists)

    @cached_property
    def first(self) -> FirstState:
        """The state before cycle 0, for compiled code."""
        from aidg.compiled import FirstState

        return FirstState(self.arrays, first_state(self._program, self.lists))


def first_state(program: PreparedProgram, arrays: ProgramArrays) -> State:
    """The state before cycle 0, in plain lists."""
    machine = program.machine
    room = _first_room(arrays)
    capacities = [
        capacity
        for spec in machine.storages
        for capacity in ((spec.ports, spec.places) if spec.places else (spec.ports,))
    ]
    start = propagation.SLACK * propagation.PRUNE_AT
    ranges = 2 * propagation.PRUNE_AT + arrays.front[propagation.RANGES_EXTRA]
    control = [0] * CONTROLS
    control[FIRST_ENTER], control[LIMIT] = NO_ENTER, UNLIMITED
    places = zip(program.groups, program.group_positions, strict=True)
    in_cells = [bool(group.cell) and position < 0 for group, position in places]
    in_ranges = [not group.cell for group in program.groups]
    return State(
        times=[0] * machine.size,
        heads=[0] * machine.rings,
        control=control,
        indices=[0] * len(program.level_names),
        busy=[0] * len(machine.units),
        port_busy=[0] * len(machine.storages),
        queue=[],
        spots=[0] * len(arrays.operands),
        events=[0] * (4 + 2 * max((len(row.hops) for row in program.rows), default=0)),
        released=[0] * len(machine.storages),
        used=[0] * len(capacities),
        tables=[n for capacity in capacities for n in (capacity, start, room)],
        stretches=[_zeros(room) for _ in capacities],
        levels=[_zeros(room) for _ in capacities],
        masks=[FIRST_CELLS - 1] * len(in_cells),
        keys=[[EMPTY] * FIRST_CELLS if used else [] for used in in_cells],
        written=[_zeros(FIRST_CELLS) if used else [] for used in in_cells],
        read=[_zeros(FIRST_CELLS) if used else [] for used in in_cells],
        alive=[0] * len(in_ranges),
        ranges=[n for _ in in_ranges for n in (propagation.PRUNE_AT, ranges)],
        latest=[0] * (2 * len(in_ranges)),
        starts=[_zeros(ranges) if used else [] for used in in_ranges],
        users=[_zeros(ranges) if used else [] for used in in_ranges],
        ended=[_zeros(ranges) if used else [] for used in in_ranges],
    )


def _first_room(arrays: ProgramArrays) -> int:
    """Room for twice the entries at which a table is pruned, and what one instruction can add to them."""
    entries = 2 * propagation.SLACK * propagation.PRUNE_AT + arrays.front[propagation.ROOM_EXTRA]
    return int(arrays.front[propagation.ROOM_FACTOR] * entries)


def _zeros(count: int) -> list[int]:
    return [0] * count
