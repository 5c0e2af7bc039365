"""A loop program bound to an architecture: every static instruction becomes one row of resources.

Nothing here depends on trip counts: a program of 10¹² instructions is prepared as fast as its loop body.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from acadl.errors import ProgramError
from acadl.expressions import ExpressionError
from acadl.model import Architecture, FunctionalUnit, PipelineStage
from acadl.operations import Instruction
from acadl.routing import Route, route
from acadl.storage import path_to
from aidg.hazards import Access, Group, group_accesses
from aidg.machine import Machine, build_machine
from mappings.program import Affine, Loop, LoopProgram, Memory, Node, Register, Sequence, Step, concrete

# Groups with at most this many cells live in the flat list of times, larger ones in a dictionary.
FLAT_CELLS = 16


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """An affine address with loop indices by number: what is evaluated per dynamic instruction."""

    const: int
    terms: tuple[tuple[int, int], ...]
    rotations: tuple[tuple[int, int, tuple[tuple[int, int], ...], int], ...]  # scale, const, terms, modulus

    def at(self, indices: list[int]) -> int:
        """Value at the current loop indices."""
        value = self.const
        for number, coefficient in self.terms:
            value += coefficient * indices[number]
        for scale, const, terms, modulus in self.rotations:
            for number, coefficient in terms:
                const += coefficient * indices[number]
            value += scale * (const % modulus)
        return value


@dataclass(frozen=True, slots=True)
class StorageAccess:
    """Transactions of one operand at one storage; ``latency`` is -1 where the storage's state decides."""

    storage: int
    transactions: int
    latency: int
    write: bool
    chained: bool  # an earlier access of the same phase uses the same storage
    address: AddressPlan
    shape: tuple[int, int, int]  # bytes, rows, pitch


@dataclass(frozen=True, slots=True)
class TrackedOperand:
    """An operand whose conflicts are tracked.

    Attributes:
        access: Number of the static operand.
        group: Group in which it can conflict.
        flat: First place of the group in the list of times; -1 where its times are kept elsewhere.
        position: Place of the operand's own times where it never moves and the group is flat; else -1.
    """

    access: int
    group: int
    write: bool
    flat: int
    position: int
    address: AddressPlan
    shape: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """Everything the kernel needs to propagate one static instruction; positions are in the list of times."""

    number: int
    issue: int
    first_place: int
    # place, capacity, service, latency, interval, is fifo, next place
    hops: tuple[tuple[int, int, int, int, int, bool, int], ...]
    execute_place: int
    execute_capacity: int
    unit: int
    unit_place: int
    unit_capacity: int
    unit_service: int
    latency: int
    interval: int  # -1: not pipelined
    reads: tuple[StorageAccess, ...]
    writes: tuple[StorageAccess, ...]
    operands: tuple[TrackedOperand, ...]


@dataclass(slots=True)
class PreparedLoop:
    """A loop with its body; ``level`` is the number of its index."""

    name: str
    level: int
    count: int
    body: Prepared
    first_row: int
    last_row: int
    instructions: int  # per iteration


Prepared: TypeAlias = "PreparedLoop | tuple[Prepared, ...] | Row"


@dataclass(frozen=True, slots=True)
class PreparedProgram:
    """What the kernel runs.

    Attributes:
        body: Loop tree with rows as leaves.
        accesses: Static operands, in order of the rows.
        access_rows: Row of each access.
        access_plans: Address of each access.
        groups: Operands that can conflict.
        group_positions: First place of each flat group in the list of times; -1 for the others.
        level_names: Loop indices by number.
    """

    machine: Machine
    body: Prepared
    rows: tuple[Row, ...]
    instruction_count: int
    accesses: tuple[Access, ...]
    access_rows: tuple[int, ...]
    access_plans: tuple[AddressPlan, ...]
    groups: tuple[Group, ...]
    group_positions: tuple[int, ...]
    level_names: tuple[str, ...]


def prepare(arch: Architecture, program: LoopProgram) -> PreparedProgram:
    """Bind ``program`` to ``arch``.

    Raises:
        RoutingError: An instruction has no unit, or several.
        ProgramError: An address leaves its memory, a register does not exist, a latency is negative.
    """
    return _Preparation(arch, program).run()


class _Preparation:
    def __init__(self, arch: Architecture, program: LoopProgram) -> None:
        self.arch = arch
        self.program = program
        self.machine = build_machine(arch)
        self.registers = _number_registers(arch)
        self.levels: dict[str, int] = {}
        self.routes: dict[tuple[object, ...], Route] = {}
        self.accesses: list[Access] = []
        self.access_rows: list[int] = []
        self.step_routes: list[tuple[Step, Instruction, Route, dict[str, int], int]] = []

    def run(self) -> PreparedProgram:
        self._collect(self.program.body, {})
        groups = group_accesses(self.accesses)
        group_of = {member: number for number, group in enumerate(groups) for member in group.members}
        positions = tuple(
            self.machine.allocate(2 * group.cells) if self._is_flat(group) else -1 for group in groups
        )
        plans = tuple(self._plan(access.address) for access in self.accesses)
        rows = tuple(
            self._row(number, group_of, groups, positions, plans) for number in range(len(self.step_routes))
        )
        body, _ = self._tree(self.program.body, rows, 0)
        return PreparedProgram(
            machine=self.machine,
            body=body,
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

    def _collect_step(self, node: Step, scope: dict[str, int]) -> None:
        operation = self.program.operations[node.operation]
        instruction = concrete(node, operation, dict.fromkeys(scope, 0), 0)
        found = self._route(instruction)
        first = len(self.accesses)
        for operand in operation.operands:
            value = node.operands[operand.name]
            if isinstance(value, int):
                continue
            directions = {"in": (False,), "out": (True,), "inout": (False, True)}[operand.direction]
            for write in directions:
                self.accesses.append(self._access(value, write, scope, found.unit, instruction))
                self.access_rows.append(len(self.step_routes))
        self.step_routes.append((node, instruction, found, scope, first))

    def _route(self, instruction: Instruction) -> Route:
        """Route of the instruction, found once per mnemonic and set of register files and storages."""
        files = self.arch.register_file_of
        key = (
            instruction.operation,
            *(getattr(files.get(name), "name", name) for name in instruction.read_registers),
            None,
            *(getattr(files.get(name), "name", name) for name in instruction.write_registers),
            instruction.read_addresses,
            instruction.write_addresses,
        )
        if key not in self.routes:
            self.routes[key] = route(self.arch, instruction)
        return self.routes[key]

    def _access(
        self,
        value: Register | Memory,
        write: bool,
        scope: dict[str, int],
        unit: FunctionalUnit,
        text: Instruction,
    ) -> Access:
        if isinstance(value, Register):
            return Access("registers", self._register_address(value, scope, text), 1, 1, 0, write, scope)
        path = None
        low, high = value.address.bounds(scope)
        high += (value.rows - 1) * value.pitch + value.bytes
        path = path_to(self.arch, unit.name, low, high, write)
        if path is None:
            verb = "write" if write else "read"
            raise ProgramError(
                f"'{text.operation}' reaches addresses 0x{low:x} to 0x{high:x} over its loops; "
                f"no memory that '{unit.name}' can {verb} holds them all"
            )
        return Access(path[-1].name, value.address, value.bytes, value.rows, value.pitch, write, scope)

    def _register_address(self, value: Register, scope: dict[str, int], text: Instruction) -> Affine:
        if value.index is None:
            return Affine(self.registers[value.name])
        low, high = value.index.bounds(scope)
        missing = [n for n in range(low, high + 1) if f"{value.name}{n}" not in self.registers]
        if missing:
            raise ProgramError(
                f"'{text.operation}' uses register '{value.name}{missing[0]}', which does not exist"
            )
        files = {self.arch.register_file_of[f"{value.name}{n}"].name for n in range(low, high + 1)}
        if len(files) > 1:
            raise ProgramError(
                f"registers '{value.name}{low}' to '{value.name}{high}' of '{text.operation}' lie in several "
                f"register files ({', '.join(sorted(files))}); write one instruction for each"
            )
        return value.index + (self.registers[f"{value.name}{low}"] - low)

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
        node, instruction, found, _, first = self.step_routes[number]
        names = self.program.operations[node.operation].latency_names(instruction)
        machine, unit, stages = self.machine, found.unit, found.stages
        execute = machine.place(stages[-1].name, stages[-1].capacity)
        own = machine.place(unit.name, unit.capacity)
        accesses = range(
            first, self.step_routes[number + 1][4] if number + 1 < len(self.step_routes) else len(plans)
        )
        interval = unit.initiation_interval
        storage = {write: self._storage_accesses(accesses, write, plans, unit) for write in (False, True)}
        return Row(
            number=number,
            issue=machine.issue(stages[0].name),
            first_place=machine.place(stages[0].name, stages[0].capacity)[0],
            hops=self._hops(stages, names),
            execute_place=execute[0],
            execute_capacity=execute[1],
            unit=machine.unit(unit.name),
            unit_place=own[0],
            unit_capacity=own[1],
            unit_service=machine.service(unit.name),
            latency=_cycles(unit, "latency", names),
            interval=-1 if interval is None else _cycles(unit, "initiation_interval", names),
            reads=storage[False],
            writes=storage[True],
            operands=tuple(
                self._tracked(a, group_of[a], groups, positions, plans[a]) for a in accesses if a in group_of
            ),
        )

    def _hops(
        self, stages: tuple[PipelineStage, ...], names: dict[str, int]
    ) -> tuple[tuple[int, int, int, int, int, bool, int], ...]:
        """The stages that the instruction passes through on its way to the execute stage."""
        hops = []
        for stage, following in pairwise(stages):
            latency = _cycles(stage, "latency", names)
            interval = (
                latency if stage.initiation_interval is None else _cycles(stage, "initiation_interval", names)
            )
            place, capacity = self.machine.place(stage.name, stage.capacity)
            target = self.machine.place(following.name, following.capacity)[0]
            service = self.machine.service(stage.name)
            hops.append((place, capacity, service, latency, interval, stage.order == "fifo", target))
        return tuple(hops)

    def _storage_accesses(
        self, accesses: range, write: bool, plans: tuple[AddressPlan, ...], unit: FunctionalUnit
    ) -> tuple[StorageAccess, ...]:
        made: list[StorageAccess] = []
        used: set[int] = set()
        for number in accesses:
            access = self.accesses[number]
            if access.write != write or access.space == "registers":
                continue
            low, high = access.hull()
            path = path_to(self.arch, unit.name, low, high, write)
            assert path is not None  # checked when the operand was collected
            index = self.machine.storage(path)
            spec = self.machine.storages[index]
            latency = spec.model.latency(low, write) if spec.model.is_fixed else -1
            transactions = access.rows * -(-access.bytes // spec.port_bytes)
            shape = (access.bytes, access.rows, access.pitch)
            made.append(
                StorageAccess(index, transactions, latency, write, index in used, plans[number], shape)
            )
            used.add(index)
        return tuple(made)

    def _tracked(
        self, number: int, group: int, groups: list[Group], positions: tuple[int, ...], plan: AddressPlan
    ) -> TrackedOperand:
        access = self.accesses[number]
        position = -1
        if positions[group] >= 0 and not plan.terms and not plan.rotations:
            cell = (plan.const - groups[group].origin) // groups[group].cell
            position = positions[group] + 2 * cell
        shape = (access.bytes, access.rows, access.pitch)
        return TrackedOperand(number, group, access.write, positions[group], position, plan, shape)

    def _tree(self, node: Node, rows: tuple[Row, ...], number: int) -> tuple[Prepared, int]:
        """The prepared tree of ``node`` whose first row is ``number``, and the row after its last."""
        match node:
            case Step():
                return rows[number], number + 1
            case Sequence(nodes):
                made: list[Prepared] = []
                for child in nodes:
                    tree, number = self._tree(child, rows, number)
                    if tree != ():
                        made.append(tree)
                return (made[0] if len(made) == 1 else tuple(made)), number
            case Loop(name, count, body):
                if count == 0:
                    return (), number
                tree, after = self._tree(body, rows, number)
                if tree == ():
                    return (), number
                size = _instructions(tree)
                return PreparedLoop(name, self.levels[name], count, tree, number, after, size), after


def _instructions(tree: Prepared) -> int:
    if isinstance(tree, Row):
        return 1
    if isinstance(tree, tuple):
        return sum(map(_instructions, tree))
    return tree.count * tree.instructions


def _cycles(item: PipelineStage | FunctionalUnit, attribute: str, names: dict[str, int]) -> int:
    """Value of a latency or interval for one instruction."""
    try:
        value: int = getattr(item, attribute).evaluate(names)
    except ExpressionError as error:
        raise ProgramError(f"{attribute} of '{item.name}': {error}") from error
    if value < 0:
        raise ProgramError(f"{attribute} of '{item.name}' is {value}; it cannot be negative")
    return value


def _number_registers(arch: Architecture) -> dict[str, int]:
    """Register names to numbers, such that ``acc0, acc1, …`` are consecutive."""

    def key(name: str) -> tuple[str, int, str]:
        stem = name.rstrip("0123456789")
        digits = name[len(stem) :]
        canonical = digits and str(int(digits)) == digits
        return (stem, int(digits), name) if canonical else (name, -1, name)

    return {name: number for number, name in enumerate(sorted(arch.register_file_of, key=key))}
