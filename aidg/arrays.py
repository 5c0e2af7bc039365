"""A prepared program in numbers, and the state that propagation starts from."""

from __future__ import annotations

from math import ceil

from aidg import propagation
from aidg.machine import Machine
from aidg.prepared import AddressPlan, PreparedProgram, Row
from aidg.propagation import (
    CONTROLS,
    EMPTY,
    FIRST_ENTER,
    LIMIT,
    NO_ENTER,
    PIECE,
    QUEUED,
    ROW,
    SAME,
    TABLE,
    ProgramArrays,
    State,
)

# Entries with which tables start; they grow with what is alive.
FIRST_CELLS = 32
# No limit on the instructions to propagate.
UNLIMITED = (1 << 63) - 1


class _Flattener:
    def __init__(self, program: PreparedProgram) -> None:
        self.program = program
        self.code: list[int] = []
        self.hops: list[int] = []
        self.operands: list[int] = []
        self.accesses: list[int] = []
        self.plans: list[int] = []
        self.plan_of: dict[AddressPlan, int] = {}

    def run(self) -> ProgramArrays:
        starts = [self._row(row) for row in self.program.rows]
        tape: list[int] = []
        for kind, a, b, c in self.program.tape:
            tape += (kind, starts[a] if kind == ROW else a, b, c)
        return ProgramArrays(
            tape=tape,
            code=self.code,
            hops=self.hops,
            operands=self.operands,
            accesses=self.accesses,
            plans=self.plans,
            storages=_storages(self.program.machine),
            front=[*_front(self.program.machine), *_growth(self.program)],
        )

    def _row(self, row: Row) -> int:
        start = len(self.code)
        reads = sum(not access.write for access in row.accesses)
        self.code += (row.issue, row.first_place, len(self.hops), len(row.hops), row.unit, *row.own)
        self.code += (*row.execute, row.service, row.latency, row.interval)
        self.code += (len(self.operands), len(row.operands), len(self.accesses), reads, len(row.accesses))
        for hop in row.hops:
            self.hops += (*hop.place, hop.service, hop.latency, hop.interval, int(hop.is_fifo), hop.target)
        for operand in row.operands:
            group = self.program.groups[operand.group]
            plan = self._plan(self.program.access_plans[operand.access])
            self.operands += (operand.kind, int(operand.write), operand.position, operand.group, plan)
            self.operands += (group.origin, group.cell, *operand.shape, operand.access)
        for access in row.accesses:
            self.accesses += (access.storage, access.transactions, access.latency, int(access.chained))
        return start

    def _plan(self, plan: AddressPlan) -> int:
        if plan not in self.plan_of:
            self.plan_of[plan] = len(self.plans)
            self.plans += (plan.const, len(plan.terms), *(n for term in plan.terms for n in term))
            self.plans.append(len(plan.rotations))
            for scale, const, terms, modulus in plan.rotations:
                self.plans += (scale, const, modulus, len(terms), *(n for term in terms for n in term))
        return self.plan_of[plan]


def _storages(machine: Machine) -> list[int]:
    numbers: list[int] = []
    tables = 0
    for spec in machine.storages:
        numbers += (SAME if spec.hold < 0 else spec.hold, tables, tables + 1 if spec.places else -1)
        tables += 2 if spec.places else 1
    return numbers


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
    """The program as plain lists of integers."""
    return _Flattener(program).run()


def first_state(program: PreparedProgram, arrays: ProgramArrays) -> State:
    """The state before cycle 0, in plain lists."""
    machine = program.machine
    tables: list[int] = []
    room = _first_room(arrays)
    ranges = 2 * propagation.PRUNE_AT + arrays.front[propagation.RANGES_EXTRA]
    for spec in machine.storages:
        for capacity in (spec.ports, spec.places) if spec.places else (spec.ports,):
            tables += (0, capacity, propagation.PRUNE_AT, room)
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
        spots=[0] * max((len(row.operands) for row in program.rows), default=0),
        events=[0] * (4 + 2 * max((len(row.hops) for row in program.rows), default=0)),
        released=[0] * len(machine.storages),
        stretches=[_zeros(room) for _ in range(len(tables) // TABLE)],
        levels=[_zeros(room) for _ in range(len(tables) // TABLE)],
        tables=tables,
        keys=[[EMPTY] * FIRST_CELLS if used else [] for used in in_cells],
        written=[_zeros(FIRST_CELLS) if used else [] for used in in_cells],
        read=[_zeros(FIRST_CELLS) if used else [] for used in in_cells],
        masks=[FIRST_CELLS - 1] * len(in_cells),
        pieces=[_zeros(PIECE * ranges) if used else [] for used in in_ranges],
        ended=[_zeros(ranges) if used else [] for used in in_ranges],
        counts=[count for _ in in_ranges for count in (0, propagation.PRUNE_AT, ranges)],
    )


def _first_room(arrays: ProgramArrays) -> int:
    """Room for twice the entries at which a table is pruned, and what one instruction can add to them."""
    entries = 2 * propagation.PRUNE_AT + arrays.front[propagation.ROOM_EXTRA]
    return int(arrays.front[propagation.ROOM_FACTOR] * entries)


def _zeros(count: int) -> list[int]:
    return [0] * count
