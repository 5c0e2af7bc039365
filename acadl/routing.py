"""Where an instruction goes: its unit, the stages on the way, the storages it uses. All static."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from acadl.errors import RoutingError
from acadl.model import (
    Architecture,
    CacheInterface,
    Controller,
    DataStorage,
    EdgeKind,
    ExecuteStage,
    FunctionalUnit,
    InstructionFetchStage,
    InstructionMemoryAccessUnit,
    MemoryAccessUnit,
    MemoryInterface,
    Mover,
    PipelineStage,
)
from acadl.operations import AddressRange, Instruction


@dataclass(frozen=True, slots=True)
class Route:
    """The objects an instruction passes.

    Attributes:
        fetch: The fetch stage.
        stages: Stages after it, in order; the last one is the execute stage that contains ``unit``.
        unit: The functional unit that processes the instruction.
    """

    fetch: InstructionFetchStage
    stages: tuple[PipelineStage, ...]
    unit: FunctionalUnit


def candidate_units(arch: Architecture, operation: str) -> tuple[FunctionalUnit, ...]:
    """Units whose ``to_process`` names the mnemonic, in order of declaration."""
    return tuple(
        unit
        for unit in arch.of_type(FunctionalUnit)
        if operation in unit.to_process and not isinstance(unit, InstructionMemoryAccessUnit)
    )


def movers_of(arch: Architecture, controller: str) -> tuple[Mover, ...]:
    """The movers that the parts of a controller pass, in order; a circle is followed once."""
    chain: dict[str, Mover] = {}
    name = controller
    while True:
        following = (arch.objects[target] for target in arch.successors(name, EdgeKind.FORWARD))
        mover = next((item for item in following if isinstance(item, Mover)), None)
        if mover is None or mover.name in chain:
            return tuple(chain.values())
        chain[mover.name] = mover
        name = mover.name


def ends_at_memory(arch: Architecture, unit: FunctionalUnit) -> tuple[str, ...]:
    """Objects whose edges lead to the memories that a unit reaches: a controller's movers, else the unit."""
    if isinstance(unit, Controller):
        return tuple(mover.name for mover in movers_of(arch, unit.name))
    return (unit.name,)


def storage_for(
    arch: Architecture, unit: str, start: int, end: int, kind: EdgeKind
) -> MemoryInterface | None:
    """The memory that holds ``[start, end)`` and that ``unit`` can reach by ``kind`` edges, else ``None``."""
    for name in reachable_storages(arch, unit, kind):
        storage = arch.objects[name]
        if isinstance(storage, MemoryInterface) and storage.holds(start, end):
            return storage
    return None


def storage_path(
    arch: Architecture, unit: str, start: int, end: int, kind: EdgeKind
) -> tuple[DataStorage, ...] | None:
    """Storages an access passes, nearest first: caches, then the memory that holds the range."""
    neighbours = arch.predecessors if kind is EdgeKind.READ_DATA else arch.successors
    for name in neighbours(unit, kind):
        storage = arch.objects[name]
        if isinstance(storage, MemoryInterface) and storage.holds(start, end):
            return (storage,)
        if isinstance(storage, CacheInterface):
            rest = storage_path(arch, name, start, end, kind)
            if rest is not None:
                return (storage, *rest)
    return None


def reachable_storages(arch: Architecture, unit: str, kind: EdgeKind) -> tuple[str, ...]:
    """Names of the storages that ``unit`` reads from or writes to, caches followed to what they front."""
    neighbours = arch.predecessors if kind is EdgeKind.READ_DATA else arch.successors
    found: list[str] = []
    for name in neighbours(unit, kind):
        storage = arch.objects[name]
        if not isinstance(storage, DataStorage):
            continue
        found.append(name)
        if isinstance(storage, CacheInterface):
            found.extend(reachable_storages(arch, name, kind))
    return tuple(found)


def rejection(arch: Architecture, unit: FunctionalUnit, instruction: Instruction) -> str | None:
    """Why ``unit`` cannot process ``instruction``; ``None`` if it can."""
    if instruction.operation not in unit.to_process:
        return f"does not process '{instruction.operation}'"
    for registers, kind, verb in (
        (instruction.read_registers, EdgeKind.READ_DATA, "read"),
        (instruction.write_registers, EdgeKind.WRITE_DATA, "write"),
    ):
        neighbours = arch.predecessors if kind is EdgeKind.READ_DATA else arch.successors
        files = neighbours(unit.name, kind)
        for register in registers:
            file = arch.register_file_of.get(register)
            if file is None:
                return f"register '{register}' does not exist"
            if file.name not in files:
                return f"cannot {verb} register '{register}' of '{file.name}'"
    for ranges, kind, verb in (
        (instruction.read_addresses, EdgeKind.READ_DATA, "read"),
        (instruction.write_addresses, EdgeKind.WRITE_DATA, "write"),
    ):
        for piece in ranges:
            reason = _out_of_reach(arch, unit, piece, kind, verb)
            if reason is not None:
                return reason
    return None


def _out_of_reach(
    arch: Architecture, unit: FunctionalUnit, piece: AddressRange, kind: EdgeKind, verb: str
) -> str | None:
    """Why the unit, or the movers behind a controller, cannot reach the addresses."""
    if not isinstance(unit, MemoryAccessUnit | Controller):
        return "is no memory access unit"
    ends = ends_at_memory(arch, unit)
    if any(storage_for(arch, end, piece.start, piece.end, kind) for end in ends):
        return None
    if isinstance(unit, Controller) and _reach_in_turn(arch, ends, piece, kind):
        return None
    way = f"has no mover that {verb}s" if isinstance(unit, Controller) else f"cannot {verb}"
    return f"{way} addresses 0x{piece.start:x} to 0x{piece.end:x}"


def _reach_in_turn(arch: Architecture, ends: tuple[str, ...], piece: AddressRange, kind: EdgeKind) -> bool:
    """Whether memories that follow one another hold the addresses; each part has its own (rule 11)."""
    ranges = [
        limits
        for end in ends
        for name in reachable_storages(arch, end, kind)
        if isinstance(storage := arch.objects[name], MemoryInterface)
        for limits in storage.address_ranges
    ]
    covered = piece.start
    while covered < piece.end:
        following = [high for low, high in ranges if low <= covered < high]
        if not following:
            return False
        covered = max(following)
    return True


def find_unit(arch: Architecture, instruction: Instruction) -> FunctionalUnit:
    """The one unit that can process the instruction.

    Raises:
        RoutingError: No unit can, or more than one.
    """
    candidates = candidate_units(arch, instruction.operation)
    reasons = {unit.name: rejection(arch, unit, instruction) for unit in candidates}
    able = [unit for unit in candidates if reasons[unit.name] is None]
    if len(able) == 1:
        return able[0]
    if able:
        names = ", ".join(unit.name for unit in able)
        raise RoutingError(f"more than one unit can process '{instruction}': {names}")
    why = "; ".join(f"{name} {reason}" for name, reason in reasons.items())
    raise RoutingError(f"no unit can process '{instruction}': {why or 'no unit lists this operation'}")


def stages_to(arch: Architecture, unit: FunctionalUnit) -> tuple[PipelineStage, ...]:
    """Stages from the fetch stage (exclusive) to the execute stage that contains ``unit`` (inclusive).

    Raises:
        RoutingError: The execute stage cannot be reached, or by more than one path.
    """
    holders = [
        name
        for name in arch.predecessors(unit.name, EdgeKind.CONTAINS)
        if isinstance(arch.objects[name], ExecuteStage)
    ]
    if len(holders) != 1:
        raise RoutingError(f"unit '{unit.name}' is not contained in exactly one execute stage")
    if holders[0] == arch.fetch_stage.name:
        raise RoutingError(
            f"unit '{unit.name}' is contained in the fetch stage '{holders[0]}', which issues but does not "
            "execute; put it into an execute stage"
        )
    paths = list(_paths(arch, arch.fetch_stage.name, holders[0]))
    if len(paths) != 1:
        count = "no path" if not paths else f"{len(paths)} paths"
        raise RoutingError(f"{count} from '{arch.fetch_stage.name}' to '{holders[0]}'")
    return tuple(arch.objects[name] for name in paths[0])  # type: ignore[misc]  # FORWARD joins stages


def _paths(arch: Architecture, start: str, goal: str) -> Iterable[tuple[str, ...]]:
    """Up to two forward paths from ``start`` (exclusive) to ``goal`` (inclusive)."""
    reaching = _ancestors(arch, goal)
    pending: list[tuple[str, tuple[str, ...]]] = [(start, ())]
    found = 0
    while pending and found < 2:
        name, path = pending.pop()
        if name == goal:
            found += 1
            yield path
            continue
        for successor in reversed(arch.successors(name, EdgeKind.FORWARD)):
            if successor in reaching:
                pending.append((successor, (*path, successor)))


def _ancestors(arch: Architecture, goal: str) -> set[str]:
    """``goal`` and every object from which it can be reached by FORWARD edges."""
    seen = {goal}
    pending = [goal]
    while pending:
        for name in arch.predecessors(pending.pop(), EdgeKind.FORWARD):
            if name not in seen:
                seen.add(name)
                pending.append(name)
    return seen


def route(arch: Architecture, instruction: Instruction) -> Route:
    """Unit and stages for one instruction. Raises :class:`RoutingError`."""
    unit = find_unit(arch, instruction)
    return Route(arch.fetch_stage, stages_to(arch, unit), unit)


def instruction_memory(arch: Architecture) -> tuple[InstructionMemoryAccessUnit, MemoryInterface]:
    """The fetch stage's memory access unit and the instruction memory it reads.

    Raises:
        RoutingError: Either is missing or not unique.
    """
    fetch = arch.fetch_stage
    units = [
        item
        for name in arch.successors(fetch.name, EdgeKind.CONTAINS)
        if isinstance(item := arch.objects[name], InstructionMemoryAccessUnit)
    ]
    if len(units) != 1:
        raise RoutingError(
            f"fetch stage '{fetch.name}' must contain exactly one instruction memory access unit"
        )
    memories = [
        item
        for name in arch.predecessors(units[0].name, EdgeKind.READ_DATA)
        if isinstance(item := arch.objects[name], MemoryInterface)
    ]
    if len(memories) != 1:
        raise RoutingError(f"unit '{units[0].name}' must read exactly one instruction memory")
    return units[0], memories[0]
