"""A loop program bound to an architecture: every static instruction becomes one row of resources.

Nothing here depends on trip counts: a program of 10¹² instructions is prepared as fast as its loop body.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from acadl.errors import ProgramError, nearest
from acadl.expressions import Expr
from acadl.model import (
    Architecture,
    DataStorage,
    FunctionalUnit,
    MemoryAccessUnit,
    MemoryInterface,
    PipelineStage,
)
from acadl.operations import Operation
from acadl.routing import Route, route
from acadl.storage import path_to
from aidg.flow.refusal import refuse_order_of_time
from aidg.hazards import Access, Group, group_accesses
from aidg.machine import build_machine
from aidg.prepared import (
    AddressPlan,
    Hop,
    PreparedProgram,
    QueuedLatency,
    Row,
    StorageAccess,
    TrackedOperand,
    evaluate,
)
from aidg.propagation import CELLS, FIXED, QUEUED, RANGES, SAME, TURNING
from aidg.tape import Tree
from mappings.program import (
    Affine,
    Loop,
    LoopProgram,
    Memory,
    Node,
    Register,
    Replay,
    Sequence,
    Step,
    concrete,
)

_DIRECTIONS = {"in": (False,), "out": (True,), "inout": (False, True)}

# Stands for a replay among the loops around a step; no index has such a name.
REPLAY = "(replay)"

# Groups with at most this many cells live in the flat list of times, larger ones in a dictionary.
FLAT_CELLS = 16


def prepare(arch: Architecture, program: LoopProgram) -> PreparedProgram:
    """Bind ``program`` to ``arch``.

    Raises:
        RoutingError: An instruction has no unit, or several.
        ProgramError: An address leaves its memory, a register does not exist, a latency is negative.
        AcadlError: The description is evaluated in order of time.
    """
    refuse_order_of_time(arch, "critical path, gain of single changes or time line")
    return _Preparation(arch, program).run()


class _Preparation:
    def __init__(self, arch: Architecture, program: LoopProgram) -> None:
        self.arch = arch
        self.program = program
        self.machine = build_machine(arch)
        self.registers = _number_registers(arch)
        self.memories = [
            (memory.name, low, high)
            for memory in arch.of_type(MemoryInterface)
            for low, high in memory.address_ranges
        ]
        self.levels: dict[str, int] = {}
        self.ways: dict[tuple[object, ...], _Way] = {}
        self.accesses: list[Access] = []
        self.paths: dict[int, tuple[DataStorage, ...]] = {}  # of accesses to memory
        self.known_paths: dict[tuple[object, ...], tuple[DataStorage, ...] | None] = {}
        self.known_registers: dict[tuple[str, int, int], int] = {}
        self.access_rows: list[int] = []
        self.step_ways: list[tuple[_Way, int]] = []  # with the number of the first operand

    def run(self) -> PreparedProgram:
        self._collect(self.program.body, {})
        groups = group_accesses(self.accesses)
        group_of = {member: number for number, group in enumerate(groups) for member in group.members}
        positions = tuple(
            self.machine.allocate(2 * group.cells) if self._is_flat(group) else -1 for group in groups
        )
        plans = tuple(self._plan(access.address) for access in self.accesses)
        rows = tuple(
            self._row(number, group_of, groups, positions, plans) for number in range(len(self.step_ways))
        )
        tree = Tree(rows, self.levels)
        body = tree.add(self.program.body)
        return PreparedProgram(
            machine=self.machine,
            body=body,
            tape=tuple(tree.tape),
            rows=rows,
            instruction_count=self.program.instruction_count,
            accesses=tuple(self.accesses),
            access_rows=tuple(self.access_rows),
            access_plans=plans,
            groups=tuple(groups),
            group_positions=positions,
            level_names=tuple(self.levels),
        )

    def _is_flat(self, group: Group) -> bool:
        """Whether the group's operand times are kept in the list of times: few cells that stay in place."""
        stays = all(not self.accesses[member].address.terms for member in group.members)
        return stays and 0 < group.cells <= FLAT_CELLS

    def _collect(self, node: Node, scope: dict[str, int]) -> None:
        """Routes and operands of every step that runs at all."""
        match node:
            case Sequence(nodes):
                for child in nodes:
                    self._collect(child, scope)
            case Loop(name, count, body):
                if count:
                    self.levels.setdefault(name, len(self.levels))
                    self._collect(body, scope | {name: count})
            case Step():
                self._collect_step(node, scope)
            case Replay(pieces, order):
                again = {REPLAY: len(order)}  # like a loop that moves nothing: every step may run again
                for piece in pieces:
                    for child in piece:
                        self._collect_step(child, again)

    def _collect_step(self, node: Step, scope: dict[str, int]) -> None:
        operation = self.program.operations[node.operation]
        way = self._way(node, operation, scope)
        first, row = len(self.accesses), len(self.step_ways)
        for operand in operation.operands:
            value = node.operands[operand.name]
            if isinstance(value, (Register, Memory)):
                for write in _DIRECTIONS[operand.direction]:
                    self.accesses.append(self._access(value, write, scope, way.route.unit, node.operation))
                    self.access_rows.append(row)
        self.step_ways.append((way, first))

    def _way(self, node: Step, operation: Operation, scope: dict[str, int]) -> _Way:
        """The way of a static instruction, found once for all that differ in addresses only."""
        indices = dict.fromkeys(scope, 0)
        key: list[object] = [node.operation]
        files = self.arch.register_file_of
        for operand in operation.operands:
            value = node.operands[operand.name]
            if isinstance(value, Memory):
                start = value.address.at(indices) if value.address.rotations else value.address.const
                end = start + (value.rows - 1) * value.pitch + value.bytes
                key += (value.bytes, value.rows, self._holders(start, end))
            elif isinstance(value, Register):
                name = value.at(indices) if value.index else value.name
                key.append(getattr(files.get(name), "name", name))
            else:
                key.append(value)
        found = self.ways.get(tuple(key))
        if found is None:
            instruction = concrete(node, operation, indices, 0)
            varying = {n: self._plan(v) for n, v in node.operands.items() if isinstance(v, Affine)}
            cycles = _Cycles(operation.latency_names(instruction), varying)
            found = self.ways[tuple(key)] = _Way(route(self.arch, instruction), cycles)
        return found

    def _holders(self, start: int, end: int) -> tuple[str, ...]:
        """What decides which units reach an address range: the memories that hold it."""
        return tuple([name for name, low, high in self.memories if low <= start and end <= high])

    def _access(
        self,
        value: Register | Memory,
        write: bool,
        scope: dict[str, int],
        unit: FunctionalUnit,
        operation: str,
    ) -> Access:
        if isinstance(value, Register):
            address = self._register_address(value, scope, operation)
            low, high = address.bounds(scope)
            return Access("registers", address, 1, 1, 0, write, scope, low, high + 1)
        low, high = value.address.bounds(scope)
        high += (value.rows - 1) * value.pitch + value.bytes
        key = (unit.name, write, self._holders(low, high))
        if key not in self.known_paths:
            self.known_paths[key] = path_to(self.arch, unit.name, low, high, write)
        path = self.known_paths[key]
        if path is None:
            verb = "write" if write else "read"
            raise ProgramError(
                f"'{operation}' reaches addresses 0x{low:x} to 0x{high:x} over its loops; "
                f"no memory that '{unit.name}' can {verb} holds them all"
            )
        self.paths[len(self.accesses)] = path
        return Access(
            path[-1].name, value.address, value.bytes, value.rows, value.pitch, write, scope, low, high
        )

    def _register_address(self, value: Register, scope: dict[str, int], operation: str) -> Affine:
        if value.index is None:
            return Affine(self.registers[value.name])
        low, high = value.index.bounds(scope)
        key = (value.name, low, high)
        if key not in self.known_registers:
            self.known_registers[key] = self._first_register(value.name, low, high, operation)
        return value.index + (self.known_registers[key] - low)

    def _first_register(self, stem: str, low: int, high: int, operation: str) -> int:
        """Number of the first one of a row of registers."""
        missing = [n for n in range(low, high + 1) if f"{stem}{n}" not in self.registers]
        if missing:
            name = f"{stem}{missing[0]}"
            raise ProgramError(
                f"'{operation}' uses register '{name}', which does not exist{nearest(name, self.registers)}"
            )
        files = {self.arch.register_file_of[f"{stem}{n}"].name for n in range(low, high + 1)}
        if len(files) > 1:
            raise ProgramError(
                f"registers '{stem}{low}' to '{stem}{high}' of '{operation}' lie in several "
                f"register files ({', '.join(sorted(files))}); write one instruction for each"
            )
        return self.registers[f"{stem}{low}"]

    def _plan(self, address: Affine) -> AddressPlan:
        def numbered(terms: tuple[tuple[str, int], ...]) -> tuple[tuple[int, int], ...]:
            return tuple((self.levels[name], coefficient) for name, coefficient in terms)

        rotations = tuple(
            (r.scale, r.index.const, numbered(r.index.terms), r.modulus) for r in address.rotations
        )
        return AddressPlan(address.const, numbered(address.terms), rotations)

    def _row(
        self,
        number: int,
        group_of: dict[int, int],
        groups: list[Group],
        positions: tuple[int, ...],
        plans: tuple[AddressPlan, ...],
    ) -> Row:
        way, first = self.step_ways[number]
        if way.row is None:
            way.row = self._shared_row(way)
        last = self.step_ways[number + 1][1] if number + 1 < len(self.step_ways) else len(plans)
        numbers = range(first, last)
        return way.row._replace(
            number=number,
            accesses=self._storage_accesses(numbers, plans),
            operands=tuple(
                [self._tracked(a, group_of[a], groups, positions, plans[a]) for a in numbers if a in group_of]
            ),
        )

    def _shared_row(self, way: _Way) -> Row:
        """A row without operands."""
        machine, unit, stages, cycles = self.machine, way.route.unit, way.route.stages, way.cycles
        return Row(
            number=-1,
            objects=(*(stage.name for stage in stages), unit.name),
            issue=machine.issue(stages[0].name),
            first_place=machine.place(stages[0].name, stages[0].capacity).position,
            hops=tuple(self._hop(stage, target, cycles) for stage, target in pairwise(stages)),
            execute=machine.place(stages[-1].name, stages[-1].capacity),
            unit=machine.unit(unit.name),
            own=machine.place(unit.name, unit.capacity),
            service=machine.service(unit.name),
            latency=cycles.of(unit, "latency"),
            interval=SAME if unit.initiation_interval is None else cycles.of(unit, "initiation_interval"),
            duration=cycles.of(unit, "duration") if isinstance(unit, MemoryAccessUnit) else 0,
            queued=tuple(cycles.queued),
            accesses=(),
            operands=(),
        )

    def _hop(self, stage: PipelineStage, following: PipelineStage, cycles: _Cycles) -> Hop:
        """A stage that the instruction passes through on its way to the execute stage."""
        return Hop(
            stage=stage.name,
            place=self.machine.place(stage.name, stage.capacity),
            service=self.machine.service(stage.name),
            latency=cycles.of(stage, "latency"),
            interval=SAME if stage.initiation_interval is None else cycles.of(stage, "initiation_interval"),
            is_fifo=stage.order == "fifo",
            target=self.machine.place(following.name, following.capacity).position,
        )

    def _storage_accesses(self, numbers: range, plans: tuple[AddressPlan, ...]) -> tuple[StorageAccess, ...]:
        made: list[StorageAccess] = []
        in_order = sorted(
            [number for number in numbers if number in self.paths],
            key=lambda number: self.accesses[number].write,
        )
        for number in in_order:
            access = self.accesses[number]
            index = self.machine.storage(self.paths[number])
            spec = self.machine.storages[index]
            latency = spec.model.latency(access.low, access.write) if spec.model.is_fixed else QUEUED
            made.append(
                StorageAccess(
                    access=number,
                    storage=index,
                    transactions=access.rows * -(-access.bytes // spec.port_bytes),
                    latency=latency,
                    write=access.write,
                    chained=any(o.storage == index and o.write == access.write for o in made),
                    address=plans[number],
                    shape=(access.bytes, access.rows, access.pitch),
                )
            )
        return tuple(made)

    def _tracked(
        self, number: int, group: int, groups: list[Group], positions: tuple[int, ...], plan: AddressPlan
    ) -> TrackedOperand:
        access = self.accesses[number]
        position, kind = positions[group], RANGES
        if position >= 0:
            kind = TURNING
            if not plan.terms and not plan.rotations:
                kind = FIXED
                position += 2 * ((plan.const - groups[group].origin) // groups[group].cell)
        elif groups[group].cell:
            kind = CELLS
        shape = (access.bytes, access.rows, access.pitch)
        return TrackedOperand(number, kind, position, group, access.write, shape)


@dataclass(slots=True)
class _Way:
    """What static instructions share that differ in addresses only: their route, and latencies on it.

    Attributes:
        row: The row of one of them without operands, once it is known.
    """

    route: Route
    cycles: _Cycles
    row: Row | None = None


class _Cycles:
    """Latencies and intervals of one static instruction.

    Attributes:
        queued: Those that differ between instances, in the order in which they were asked for.
    """

    def __init__(self, names: dict[str, int], varying: dict[str, AddressPlan]) -> None:
        self.queued: list[QueuedLatency] = []
        self._names = names
        self._varying = varying

    def of(self, item: PipelineStage | FunctionalUnit, attribute: str) -> int:
        """Cycles, or ``QUEUED``. Raises :class:`ProgramError`."""
        expression: Expr = getattr(item, attribute)
        what = f"{attribute} of '{item.name}'"
        varying = self._varying.keys() & expression.names() if self._varying else ()
        if not varying:
            return evaluate(what, expression, self._names)
        plans = tuple((name, self._varying[name]) for name in sorted(varying))
        self.queued.append(QueuedLatency(what, expression, self._names, plans))
        return QUEUED


def _number_registers(arch: Architecture) -> dict[str, int]:
    """Register names to numbers, such that ``acc0, acc1, …`` are consecutive."""

    def key(name: str) -> tuple[str, int, str]:
        stem = name.rstrip("0123456789")
        digits = name[len(stem) :]
        canonical = digits and str(int(digits)) == digits
        return (stem, int(digits), name) if canonical else (name, -1, name)

    return {name: number for number, name in enumerate(sorted(arch.register_file_of, key=key))}
