"""Instructions as the evaluation in order of time takes them: costs per step, operands per instance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acadl.errors import ProgramError
from acadl.expressions import Expr
from acadl.model import (
    Architecture,
    Controller,
    FunctionalUnit,
    MemoryAccessUnit,
    MemoryInterface,
    PipelineStage,
)
from acadl.operations import Instruction
from acadl.routing import route
from aidg.prepared import evaluate


@dataclass(frozen=True, slots=True)
class Operand:
    """An address operand: ``rows`` rows of ``bytes`` bytes, ``pitch`` apart, in one storage."""

    start: int
    bytes: int
    rows: int
    pitch: int
    storage: str
    read: bool
    write: bool

    @property
    def end(self) -> int:
        return self.start + (self.rows - 1) * self.pitch + self.bytes

    def row_starts(self) -> range:
        if self.rows == 1:
            return range(self.start, self.start + 1)
        return range(self.start, self.start + self.rows * self.pitch, self.pitch)

    def overlaps(self, other: Operand) -> bool:
        if self.start >= other.end or other.start >= self.end:
            return False
        if self.rows == 1 and other.rows == 1:
            return True
        return any(_meets(low, low + self.bytes, other) for low in self.row_starts())


def _meets(low: int, high: int, other: Operand) -> bool:
    if other.rows == 1:
        return low < other.start + other.bytes and other.start < high
    row = max(0, (low - other.start - other.bytes) // other.pitch + 1)
    return row < other.rows and other.start + row * other.pitch < high


@dataclass(frozen=True, slots=True)
class Visit:
    """Cost of an instruction at a stage or unit; an interval of -1: the next one waits for done."""

    name: str
    latency: int
    interval: int


@dataclass(frozen=True, slots=True)
class Order:
    """An instruction with everything that its evaluation needs.

    Attributes:
        objects: Stages on the way, execute stage, unit.
        visits: Costs at the stages passed, then at the unit.
        parts: For controllers.
        prepares: It prepares the next instruction of its controller.
        duration: Cycles from start to done at least; of memory access units.
    """

    operation: str
    fetch_latency: int
    objects: tuple[str, ...]
    visits: tuple[Visit, ...]
    unit: FunctionalUnit
    operands: tuple[Operand, ...]
    registers_read: frozenset[str]
    registers_written: frozenset[str]
    parts: int
    prepares: bool
    duration: int


class Orders:
    """Makes orders of instructions; costs are found once for all that differ in addresses only."""

    def __init__(self, arch: Architecture) -> None:
        self._arch = arch
        self._ways: dict[tuple[object, ...], Order] = {}
        self._memories = [
            (low, high, memory.name)
            for memory in arch.of_type(MemoryInterface)
            for low, high in memory.address_ranges
        ]

    def of(self, instruction: Instruction) -> Order:
        """Raises :class:`RoutingError` and :class:`ProgramError`."""
        operands = self._operands(instruction)
        key = (
            instruction.operation,
            tuple(instruction.immediates.items()),
            instruction.read_registers,
            instruction.write_registers,
            tuple((o.bytes, o.rows, o.storage, o.read, o.write) for o in operands),
        )
        way = self._ways.get(key)
        if way is None:
            way = self._ways[key] = self._way(instruction)
        return Order(
            way.operation,
            way.fetch_latency,
            way.objects,
            way.visits,
            way.unit,
            operands,
            way.registers_read,
            way.registers_written,
            way.parts,
            way.prepares,
            way.duration,
        )

    def _operands(self, instruction: Instruction) -> tuple[Operand, ...]:
        made = []
        reads, writes = instruction.read_addresses, instruction.write_addresses
        for piece in reads:
            made.append(self._operand(piece, True, piece in writes))
        for piece in writes:
            if piece not in reads:
                made.append(self._operand(piece, False, True))
        return tuple(made)

    def _operand(self, piece: object, read: bool, write: bool) -> Operand:
        start, size, rows, pitch = piece.start, piece.bytes, piece.rows, piece.pitch  # type: ignore[attr-defined]
        end = start + (rows - 1) * pitch + size
        for low, high, name in self._memories:
            if low <= start and end <= high:
                return Operand(start, size, rows, pitch, name, read, write)
        raise ProgramError(f"no memory holds addresses 0x{start:x} to 0x{end:x}")

    def _way(self, instruction: Instruction) -> Order:
        arch = self._arch
        found = route(arch, instruction)
        unit, stages = found.unit, found.stages
        names = arch.operations[instruction.operation].latency_names(instruction)
        ranges = (*instruction.read_addresses, *instruction.write_addresses)
        parts, prepares = 0, False
        interval = _cycles(unit, "initiation_interval", names)
        if isinstance(unit, Controller):
            interval = 1 if interval < 0 else interval
            prepares = instruction.operation in unit.prepares
            rows = max([1, *(piece.rows for piece in ranges)])
            parts = (
                rows if unit.parts is None else max(1, evaluate(f"parts of '{unit.name}'", unit.parts, names))
            )
        elif ranges and not isinstance(unit, MemoryAccessUnit):
            raise ProgramError(f"unit '{unit.name}' cannot access memory")
        passed = tuple(_stage_visit(stage, names) for stage in stages[:-1])
        return Order(
            instruction.operation,
            evaluate("latency of the fetch stage", arch.fetch_stage.latency, names),
            (*(stage.name for stage in stages), unit.name),
            (*passed, Visit(unit.name, _cycles(unit, "latency", names), interval)),
            unit,
            (),
            frozenset(instruction.read_registers),
            frozenset(instruction.write_registers),
            parts,
            prepares,
            _cycles(unit, "duration", names) if isinstance(unit, MemoryAccessUnit) else 0,
        )


def _stage_visit(stage: PipelineStage, names: dict[str, int]) -> Visit:
    latency = _cycles(stage, "latency", names)
    interval = _cycles(stage, "initiation_interval", names)
    return Visit(stage.name, latency, latency if interval < 0 else interval)


def _cycles(item: PipelineStage | FunctionalUnit, attribute: str, names: dict[str, int]) -> int:
    expression: Expr | None = getattr(item, attribute)
    return -1 if expression is None else evaluate(f"{attribute} of '{item.name}'", expression, names)


def orders(arch: Architecture, program: Iterator[Instruction]) -> Iterator[Order]:
    """The orders of a program, one after the other."""
    maker = Orders(arch)
    for instruction in program:
        yield maker.of(instruction)
