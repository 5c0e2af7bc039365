"""What is known of an instruction before it moves: route, latencies, transactions. All in program order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acadl.errors import AcadlError, ProgramError, SimulationError, nearest
from acadl.expressions import Expr
from acadl.model import (
    ONE,
    Architecture,
    Controller,
    DataStorage,
    FunctionalUnit,
    InstructionFetchStage,
    MemoryAccessUnit,
    MemoryInterface,
    PipelineStage,
)
from acadl.operations import AddressRange, Instruction, Operation
from acadl.routing import find_unit, instruction_memory, stages_to
from acadl.simulate_parts import Rows
from acadl.simulate_row_plan import RowPlanner
from acadl.storage import StorageModel, build_model, path_to


@dataclass(frozen=True, slots=True)
class Visit:
    """What an instruction costs at a stage or unit.

    Attributes:
        name: The object.
        latency: Cycles from start to done (address generation only, for a memory access unit).
        interval: Cycles from start to the next user's start; ``None``: the next user waits for done.
        duration: Cycles from start to done at least.
    """

    name: str
    latency: int
    interval: int | None
    duration: int = 0


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction at a storage: answered ``latency`` cycles after its start, on a port for ``hold``."""

    latency: int
    hold: int


@dataclass(frozen=True, slots=True)
class Burst:
    """The transactions of one instruction at one storage in one direction, in the order they are served.

    Attributes:
        storage: Name of the storage.
        first: Position of the first transaction in the instruction's sequence at all storages.
        transactions: At least one.
        write: Writes, not reads.
    """

    storage: str
    first: int
    transactions: tuple[Transaction, ...]
    write: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """An instruction with its route and costs.

    Attributes:
        number: Position in program order, from 0.
        instruction: The instruction.
        fetch_latency: Cycles in the issue buffer before it may be issued.
        passed: Stages that it is served by on the way, in order.
        execute: The stage that holds a place for it while it is in its unit; ``None`` where the fetch stage
            itself contains the unit.
        unit: Its functional unit.
        reads: Read accesses, one burst for each storage.
        writes: Write accesses, one burst for each storage.
        rows: How its controller cuts it into parts, which make its accesses; ``None`` for other units.
    """

    number: int
    instruction: Instruction
    fetch_latency: int
    passed: tuple[Visit, ...]
    execute: str | None
    unit: Visit
    reads: tuple[Burst, ...]
    writes: tuple[Burst, ...]
    rows: Rows | None = None

    @property
    def objects(self) -> tuple[str, ...]:
        """Names after the fetch stage, in order of arrival."""
        held = () if self.execute is None else (self.execute,)
        return (*(visit.name for visit in self.passed), *held, self.unit.name)


class Planner:
    """Plans the instructions of one program, one after the other.

    The states of caches and open rows advance with every call, so calls must follow the program order, and
    :meth:`fetch_read` comes before the instructions that it reads.
    """

    def __init__(self, arch: Architecture) -> None:
        _check_sizes(arch)
        self._arch = arch
        self._rows = RowPlanner(arch)
        self._models: dict[str, StorageModel] = {}
        self._units: dict[tuple[object, ...], str] = {}
        self._stages: dict[str, tuple[PipelineStage, ...]] = {}
        self.fetch_unit, self.fetch_memory = instruction_memory(arch)
        self.width = self.fetch_memory.port_width
        stage = arch.fetch_stage
        if stage.issue_buffer_size < self.width:
            raise SimulationError(
                f"the issue buffer of '{stage.name}' holds {stage.issue_buffer_size} instructions, but a "
                f"read of '{self.fetch_memory.name}' delivers {self.width}; "
                f"make issue_buffer_size {self.width} or more"
            )

    def fetch_read(self) -> tuple[Visit, Burst]:
        """The next group's read: the access unit's visit and the transaction at the instruction memory."""
        unit, memory = self.fetch_unit, self.fetch_memory
        visit = Visit(
            unit.name,
            _cycles(unit.latency, {}, f"latency of '{unit.name}'"),
            None
            if unit.initiation_interval is None
            else _cycles(unit.initiation_interval, {}, f"initiation_interval of '{unit.name}'"),
        )
        address = memory.address_ranges[0][0] if memory.address_ranges else 0
        model = build_model((memory,), self._models)
        return visit, Burst(memory.name, -1, (self._transaction(memory, model, address, False, True),))

    def plan(self, number: int, instruction: Instruction) -> Plan:
        """Plan the next instruction. Raises :class:`AcadlError` where it cannot be routed or evaluated."""
        operation = self._arch.operations.get(instruction.operation)
        if operation is None:
            raise ProgramError(
                f"operation '{instruction.operation}' is not declared in '{self._arch.name}'"
                f"{nearest(instruction.operation, self._arch.operations)}"
            )
        names = operation.latency_names(instruction)
        unit_name = self._unit_of(instruction)
        stages = self._stages_to(unit_name)
        fetch = self._arch.fetch_stage
        rows = self._rows_of(instruction, operation, unit_name, names)
        reads = () if rows else self._bursts(unit_name, instruction.read_addresses, False, 0)
        writes = () if rows else self._bursts(unit_name, instruction.write_addresses, True, _count(reads))
        return Plan(
            number=number,
            instruction=instruction,
            fetch_latency=_cycles(fetch.latency, names, f"latency of '{fetch.name}'", instruction),
            passed=tuple(_stage_visit(stage, names, instruction) for stage in stages[:-1]),
            execute=stages[-1].name if stages else None,
            unit=self._unit_visit(unit_name, names, instruction),
            reads=reads,
            writes=writes,
            rows=rows,
        )

    def finish(self) -> None:
        """The program ends here. Raises :class:`ProgramError` where something is missing behind its end."""
        self._rows.finish()

    def _rows_of(
        self, instruction: Instruction, operation: Operation, name: str, names: Mapping[str, int]
    ) -> Rows | None:
        unit = self._arch.objects[name]
        assert isinstance(unit, FunctionalUnit)
        parts = unit.parts if isinstance(unit, Controller) else None
        count = None if parts is None else _value(parts, names, f"parts of '{name}'", instruction)
        return self._rows.plan(instruction, operation, unit, count)

    def _unit_of(self, instruction: Instruction) -> str:
        """Name of the unit; remembered by what the choice depends on, which is less than the addresses."""
        key = (
            instruction.operation,
            instruction.read_registers,
            instruction.write_registers,
            tuple(self._holder(piece) for piece in instruction.read_addresses),
            tuple(self._holder(piece) for piece in instruction.write_addresses),
        )
        if key not in self._units:
            self._units[key] = find_unit(self._arch, instruction).name
        return self._units[key]

    def _holder(self, piece: AddressRange) -> str | None:
        """The memory that holds the range; no two memories share an address."""
        memories = self._arch.of_type(MemoryInterface)
        return next((memory.name for memory in memories if memory.holds(piece.start, piece.end)), None)

    def _stages_to(self, unit: str) -> tuple[PipelineStage, ...]:
        if unit not in self._stages:
            self._stages[unit] = stages_to(self._arch, self._arch.objects[unit])  # type: ignore[arg-type]  # a unit
        return self._stages[unit]

    def _unit_visit(self, name: str, names: Mapping[str, int], instruction: Instruction) -> Visit:
        unit = self._arch.objects[name]
        interval = unit.initiation_interval  # type: ignore[attr-defined]  # a functional unit
        if interval is None and isinstance(unit, Controller):
            interval = ONE
        return Visit(
            name,
            _cycles(unit.latency, names, f"latency of '{name}'", instruction),  # type: ignore[attr-defined]
            None
            if interval is None
            else _cycles(interval, names, f"initiation_interval of '{name}'", instruction),
            _cycles(unit.duration, names, f"duration of '{name}'", instruction)
            if isinstance(unit, MemoryAccessUnit)
            else 0,
        )

    def _bursts(
        self, unit: str, ranges: tuple[AddressRange, ...], write: bool, first: int
    ) -> tuple[Burst, ...]:
        """The accesses of one direction, those to one storage joined; ``first`` numbers the transactions."""
        found: dict[str, list[Transaction]] = {}
        for piece in ranges:
            path = path_to(self._arch, unit, piece.start, piece.end, write)
            if path is None or not isinstance(self._arch.objects[unit], MemoryAccessUnit):
                raise SimulationError(f"unit '{unit}' cannot reach addresses from 0x{piece.start:x} on")
            model = build_model(path, self._models)
            found.setdefault(path[0].name, []).extend(
                self._transaction(path[0], model, address, write)
                for row in piece.row_starts()
                for address in range(row, row + piece.bytes, path[0].port_bytes)
            )
        bursts = []
        for storage, transactions in found.items():
            bursts.append(Burst(storage, first, tuple(transactions), write))
            first += len(transactions)
        return tuple(bursts)

    def _transaction(
        self, storage: DataStorage, model: StorageModel, address: int, write: bool, fetching: bool = False
    ) -> Transaction:
        latency = model.latency(address, write)
        hold = latency if storage.initiation_interval is None else storage.initiation_interval
        if latency < 0 or hold < 0:
            raise SimulationError(f"storage '{storage.name}' has a negative latency or initiation_interval")
        if latency == 0 and self._arch.in_order_of_time and not fetching:
            raise SimulationError(
                f"storage '{storage.name}' answers after 0 cycles; where storages decide in order of time, "
                "their latencies are 1 or more"
            )
        return Transaction(latency, hold)


def _count(bursts: tuple[Burst, ...]) -> int:
    return sum(len(burst.transactions) for burst in bursts)


def _check_sizes(arch: Architecture) -> None:
    """Refuse what nothing could ever enter. Raises :class:`SimulationError`."""
    if next(arch.of_type(InstructionFetchStage), None) is None:
        raise SimulationError(f"architecture '{arch.name}' has no InstructionFetchStage to run a program")
    sizes = [(item.name, "capacity", capacity_of(item)) for item in arch.of_type(PipelineStage)]
    sizes += [(item.name, "capacity", item.capacity) for item in arch.of_type(FunctionalUnit)]
    for storage in arch.of_type(DataStorage):
        sizes.append((storage.name, "read_write_ports", storage.read_write_ports))
        sizes.append((storage.name, "port_width", storage.port_width))
        if storage.max_concurrent_requests is not None:
            sizes.append((storage.name, "max_concurrent_requests", storage.max_concurrent_requests))
    for name, attribute, size in sizes:
        if size < 1:
            raise SimulationError(f"{attribute} of '{name}' is {size}; it must be 1 or more")


def capacity_of(item: PipelineStage | FunctionalUnit) -> int:
    """Instructions that the object holds at once; those of a fetch stage are in its issue buffer."""
    return item.issue_buffer_size if isinstance(item, InstructionFetchStage) else item.capacity


def _stage_visit(stage: PipelineStage, names: Mapping[str, int], instruction: Instruction) -> Visit:
    latency = _cycles(stage.latency, names, f"latency of '{stage.name}'", instruction)
    if stage.initiation_interval is None:
        return Visit(stage.name, latency, latency)
    what = f"initiation_interval of '{stage.name}'"
    return Visit(stage.name, latency, _cycles(stage.initiation_interval, names, what, instruction))


def _cycles(
    expression: Expr, names: Mapping[str, int], what: str, instruction: Instruction | None = None
) -> int:
    """Value of a latency; an error names the object and the instruction."""
    value = _value(expression, names, what, instruction)
    if value < 0:
        of = f" for '{instruction}'" if instruction else ""
        raise SimulationError(f"{what}{of} is {value}; it must be 0 or more")
    return value


def _value(expression: Expr, names: Mapping[str, int], what: str, instruction: Instruction | None) -> int:
    try:
        return expression.evaluate(names)
    except AcadlError as error:
        of = f" for '{instruction}'" if instruction else ""
        raise SimulationError(f"{what}{of} has no value: {error}") from error
