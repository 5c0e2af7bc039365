"""What a program makes every object do, counted from its loops: nothing is run, no loop is unrolled.

Counts are exact for all instructions, those that an estimate skips included. They do not depend on when
things happen, so they are the same for every method. Cycles for which a unit is occupied, added up, are a
lower bound of the program's: a unit starts one instruction at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import NamedTuple

from acadl.expressions import Const, Expr
from acadl.model import (
    Architecture,
    Controller,
    DataStorage,
    FunctionalUnit,
    MemoryAccessUnit,
    MemoryInterface,
    PipelineStage,
)
from acadl.routing import Route, route
from acadl.storage import path_to
from aidg.prepared import evaluate
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

# Values of loop indices that are gone through where an immediate depends on them.
MOST_VALUES = 200_000

Direction = str  # "read" or "write"


@dataclass(slots=True)
class Transfers:
    """Accesses of one kind: how many operands, transactions of the port, bytes."""

    operands: int = 0
    transactions: int = 0
    bytes: int = 0

    def add(self, times: int, transactions: int, size: int) -> None:
        """Count ``times`` equal accesses."""
        self.operands += times
        self.transactions += times * transactions
        self.bytes += times * size


@dataclass(frozen=True)
class Work:
    """Counts of one program.

    Attributes:
        operations: Instructions by unit and operation.
        occupied_cycles: Per unit: cycles for which it, or a stage on the way to it, cannot take the next one
            of
            its instructions.
        least_cycles: The same without what lies behind the end of the last one: a lower bound of the
            program's.
        storages: Accesses by storage and direction. An access that goes through caches counts at the first
            one; what the caches pass on depends on what they hold.
        registers: Accesses by register file and direction; one per register operand.
        instances: All instructions, equal ones together.
        notes: What could not be counted.
    """

    operations: Mapping[tuple[str, str], int]
    occupied_cycles: Mapping[str, int]
    least_cycles: Mapping[str, int]
    storages: Mapping[tuple[str, Direction], Transfers]
    registers: Mapping[tuple[str, Direction], int]
    instances: tuple[Instance, ...] = ()
    notes: tuple[str, ...] = ()

    def bytes_at(self, storage: str) -> int:
        """Bytes that are read from and written to a storage, in all."""
        return sum(moved.bytes for (name, _), moved in self.storages.items() if name == storage)


class Instance(NamedTuple):
    """Equal dynamic instructions.

    Attributes:
        unit, operation: Who processes what.
        times: How many there are.
        names: What expressions see: immediates, sizes of operands.
    """

    unit: str
    operation: str
    times: int
    names: Mapping[str, int]


class _Kind(NamedTuple):
    """Static instructions that differ in nothing that is counted: one of them, with the loops around it."""

    step: Step
    scope: Mapping[str, int]
    hulls: Mapping[str, tuple[int, int]]  # of memory operands, over all iterations


def count_work(arch: Architecture, program: LoopProgram) -> Work:
    """Counts of ``program`` on ``arch``.

    Raises:
        RoutingError: An instruction has no unit, or several.
        ProgramError: A latency is negative.
    """
    return _Counting(arch, program).run()


@dataclass
class _Counting:
    arch: Architecture
    program: LoopProgram
    operations: Counter[tuple[str, str]] = field(default_factory=Counter)
    instances: list[Instance] = field(default_factory=list)
    storages: dict[tuple[str, Direction], Transfers] = field(default_factory=dict)
    registers: Counter[tuple[str, Direction]] = field(default_factory=Counter)
    occupied: Counter[tuple[str, str]] = field(default_factory=Counter)  # by unit and object on the way to it
    spare: dict[tuple[str, str], int] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.memories = [
            (memory.name, low, high)
            for memory in self.arch.of_type(MemoryInterface)
            for low, high in memory.address_ranges
        ]

    def run(self) -> Work:
        for kind, times in self._kinds():
            self._count(kind, times)
        cycles: dict[str, int] = {}
        least: dict[str, int] = {}
        for (unit, item), total in self.occupied.items():
            cycles[unit] = max(cycles.get(unit, 0), total)
            least[unit] = max(least.get(unit, 0), total - self.spare[unit, item])
        return Work(
            operations=dict(self.operations),
            occupied_cycles=cycles,
            least_cycles=least,
            storages=self.storages,
            registers=dict(self.registers),
            instances=tuple(self.instances),
            notes=tuple(self.notes),
        )

    def _kinds(self) -> Iterable[tuple[_Kind, int]]:
        """Kinds of instructions, and how often each occurs."""
        kinds: dict[tuple[object, ...], _Kind] = {}
        counts: Counter[tuple[object, ...]] = Counter()
        for node, times, scope in occurrences(self.program.body):
            key: list[object] = [node.operation]
            hulls: dict[str, tuple[int, int]] = {}
            for name, value in node.operands.items():
                if isinstance(value, Memory):
                    low, high = value.address.bounds(scope)
                    hulls[name] = low, high + (value.rows - 1) * value.pitch + value.bytes
                    key.append((value.bytes, value.rows, self._holders(*hulls[name])))
                elif isinstance(value, Register):
                    key.append(self._file(value, scope))
                else:
                    key.append(value if isinstance(value, int) else (value, tuple(scope.items())))
            counts[tuple(key)] += times
            kinds.setdefault(tuple(key), _Kind(node, scope, hulls))
        return ((kinds[key], times) for key, times in counts.items())

    def _file(self, value: Register, scope: Mapping[str, int]) -> str:
        """The file of a register; its own name where it is in none, which routing complains about."""
        name = value.name if value.index is None else value.at(dict.fromkeys(scope, 0))
        file = self.arch.register_file_of.get(name)
        return name if file is None else file.name

    def _holders(self, start: int, end: int) -> tuple[str, ...]:
        return tuple([name for name, low, high in self.memories if low <= start and end <= high])

    def _count(self, kind: _Kind, times: int) -> None:
        operation = self.program.operations[kind.step.operation]
        first = concrete(kind.step, operation, dict.fromkeys(kind.scope, 0), 0)
        way = route(self.arch, first)
        self.operations[way.unit.name, operation.name] += times
        for operand in operation.operands:
            value = kind.step.operands[operand.name]
            for direction in _DIRECTIONS[operand.direction]:
                if isinstance(value, Register):
                    self.registers[self._file(value, kind.scope), direction] += times
                elif isinstance(value, Memory):
                    self._moved(value, kind.hulls[operand.name], direction, times, way.unit)
        names = operation.latency_names(first)
        for number, varied in self._variants(kind, times):
            instance = Instance(way.unit.name, operation.name, number, {**names, **varied})
            self.instances.append(instance)
            self._occupy(instance, way)

    def _moved(
        self, value: Memory, hull: tuple[int, int], direction: Direction, times: int, unit: FunctionalUnit
    ) -> None:
        storage = self._storage(unit, *hull, direction)
        if storage is None:
            text = f"accesses of '{unit.name}' that move from one memory to the next are not counted"
            self.notes[text] = None
            return
        moved = self.storages.setdefault((storage.name, direction), Transfers())
        transactions = value.rows * -(-value.bytes // storage.port_bytes)
        moved.add(times, transactions, value.rows * value.bytes)

    def _storage(self, unit: FunctionalUnit, low: int, high: int, direction: Direction) -> DataStorage | None:
        """The first storage on the way of an access; of a controller's movers, the memory itself."""
        if isinstance(unit, Controller):
            holders = self._holders(low, high)
            found = self.arch.objects[holders[0]] if holders else None
            return found if isinstance(found, DataStorage) else None
        path = path_to(self.arch, unit.name, low, high, direction == "write")
        return path[0] if path else None

    def _variants(self, kind: _Kind, times: int) -> Iterator[tuple[int, Mapping[str, int]]]:
        """How often which immediates occur, of those that depend on loop indices."""
        varying = {
            name: value
            for name, value in kind.step.operands.items()
            if isinstance(value, Affine) and value.index_names()
        }
        if not varying:
            yield times, {}
            return
        used = sorted({name for value in varying.values() for name in value.index_names()})
        combinations = prod(kind.scope[name] for name in used)
        if combinations > MOST_VALUES:
            self.notes[f"'{kind.step.operation}' has too many different immediates to be counted"] = None
            return
        values = Counter(
            tuple(value.at(dict(zip(used, at, strict=True))) for value in varying.values())
            for at in product(*(range(kind.scope[name]) for name in used))
        )
        for found, number in values.items():
            yield number * times // combinations, dict(zip(varying, found, strict=True))

    def _occupy(self, instance: Instance, way: Route) -> None:
        items: tuple[PipelineStage | FunctionalUnit, ...] = (*way.stages[:-1], way.unit)
        for item in items:
            interval, latency = _times(item, instance.operation, instance.names)
            key = (instance.unit, item.name)
            self.occupied[key] += instance.times * interval
            self.spare[key] = max(self.spare.get(key, 0), interval - latency)


_DIRECTIONS: Mapping[str, tuple[Direction, ...]] = {
    "in": ("read",),
    "out": ("write",),
    "inout": ("read", "write"),
}


def occurrences(node: Node) -> Iterator[tuple[Step, int, Mapping[str, int]]]:
    """Static instructions that run at all: how often, and the counts of the loops around."""

    def walk(node: Node, times: int, scope: dict[str, int]) -> Iterator[tuple[Step, int, Mapping[str, int]]]:
        match node:
            case Sequence(nodes):
                for child in nodes:
                    yield from walk(child, times, scope)
            case Loop(name, count, body):
                if count:
                    yield from walk(body, times * count, {**scope, name: count})
            case Step():
                yield node, times, scope
            case Replay(pieces, order):
                for number, repeats in Counter(order).items():
                    for child in pieces[number]:
                        yield child, repeats, scope

    return walk(node, 1, {})


def _times(item: PipelineStage | FunctionalUnit, operation: str, names: Mapping[str, int]) -> tuple[int, int]:
    """Cycles from a start to the next one, and from a start to the end at least.

    A controller sends part after part; those of a preparing instruction may go along with the ones before.
    """
    latency = _cycles(item, "latency", item.latency, names)
    if isinstance(item, Controller):
        if operation in item.prepares:
            return 0, latency
        parts = 1 if item.parts is None else max(1, _cycles(item, "parts", item.parts, names))
        return parts * item.part_interval, latency
    if isinstance(item, MemoryAccessUnit):
        latency = max(latency, _cycles(item, "duration", item.duration, names))
    if item.initiation_interval is None:
        return latency, latency
    return _cycles(item, "initiation_interval", item.initiation_interval, names), latency


def _cycles(
    item: PipelineStage | FunctionalUnit, what: str, expression: Expr, names: Mapping[str, int]
) -> int:
    if isinstance(expression, Const):
        return expression.value
    return evaluate(f"{what} of '{item.name}'", expression, names)
