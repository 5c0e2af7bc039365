"""How controllers cut instructions, found in program order; and which instructions make pairs (rule 12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acadl.errors import ProgramError, SimulationError
from acadl.model import (
    DRAM,
    SRAM,
    Architecture,
    Controller,
    DataStorage,
    FunctionalUnit,
    MemoryInterface,
    Mover,
)
from acadl.operations import AddressRange, Instruction, Operation
from acadl.routing import movers_of
from acadl.simulate_parts import MovedOperand, Place, Rows
from acadl.storage import path_to


@dataclass(frozen=True)
class _Preparation:
    """An instruction that prepares the next one, and what it leaves to the parts of that one."""

    instruction: Instruction
    controller: Controller
    left: tuple[MovedOperand, ...]


class RowPlanner:
    """Plans the instructions of one program, one after the other."""

    def __init__(self, arch: Architecture) -> None:
        _check_sizes(arch)
        self._arch = arch
        self._preparation: _Preparation | None = None

    def plan(
        self, instruction: Instruction, operation: Operation, unit: FunctionalUnit, parts: int | None
    ) -> Rows | None:
        """Rows of the next instruction; ``None`` where its unit is no controller.

        Args:
            instruction: The instruction; called for every one, in program order.
            operation: Its declaration.
            unit: Its unit.
            parts: Value of ``parts`` of the controller, where it has that attribute.

        Raises:
            ProgramError: The instruction before it prepares something else.
            SimulationError: A mover reaches a storage without a fixed latency.
        """
        before, self._preparation = self._preparation, None
        prepares = isinstance(unit, Controller) and instruction.operation in unit.prepares
        if before is not None and (unit is not before.controller or prepares):
            raise _unprepared(before, f"'{instruction}' follows it")
        if not isinstance(unit, Controller):
            return None
        operands = tuple(self._operands(instruction, operation, unit))
        left = tuple(moved for direction, moved in operands if prepares and direction != "in")
        own = tuple(moved for direction, moved in operands if not prepares or direction == "in")
        if before is not None:
            own = (*before.left, *own)
        if prepares:
            self._preparation = _Preparation(instruction, unit, left)
        if parts is None:
            parts = max((operand.range.rows for operand in own), default=1)
        return Rows(max(parts, 1), own, prepares)

    def finish(self) -> None:
        """The program ends here. Raises :class:`ProgramError` where its last instruction prepares another."""
        if self._preparation is not None:
            raise _unprepared(self._preparation, "the program ends with it")

    def _operands(
        self, instruction: Instruction, operation: Operation, controller: Controller
    ) -> Iterator[tuple[str, MovedOperand]]:
        """Direction of an address operand, and how it is moved; one that is read and written comes twice."""
        reads, writes = iter(instruction.read_addresses), iter(instruction.write_addresses)
        movers = movers_of(self._arch, controller.name)
        for operand in operation.operands:
            if operand.kind != "address":
                continue
            if operand.direction != "out":
                yield operand.direction, self._moved(next(reads), False, movers, controller)
            if operand.direction != "in":
                yield operand.direction, self._moved(next(writes), True, movers, controller)

    def _moved(
        self, piece: AddressRange, write: bool, movers: tuple[Mover, ...], controller: Controller
    ) -> MovedOperand:
        places: list[Place] = []
        covered = piece.start
        while covered < piece.end or not places:  # an operand of no bytes has a place, too
            place, covered = self._place(covered, write, movers, controller)
            places.append(place)
        first, *further = places
        return MovedOperand(first.mover, first.storage, write, piece, tuple(further))

    def _place(
        self, address: int, write: bool, movers: tuple[Mover, ...], controller: Controller
    ) -> tuple[Place, int]:
        """The first mover that reaches the memory of an address, and where that memory ends."""
        for position, mover in enumerate(movers):
            path = path_to(self._arch, mover.name, address, address + 1, write)
            if path is not None:
                _check_fixed(mover, path[0])
                memory = path[-1]
                assert isinstance(memory, MemoryInterface)
                end = max(high for low, high in memory.address_ranges if low <= address < high)
                return Place(address, position, memory.name), end
        raise SimulationError(f"no mover of '{controller.name}' reaches addresses from 0x{address:x} on")


def _unprepared(before: _Preparation, what: str) -> ProgramError:
    return ProgramError(
        f"'{before.instruction}' prepares the next instruction, but {what}; put one behind it that "
        f"'{before.controller.name}' takes and that prepares nothing itself"
    )


def _check_fixed(mover: Mover, storage: DataStorage) -> None:
    is_fixed = isinstance(storage, SRAM) or (
        isinstance(storage, DRAM) and not (storage.t_RCD or storage.t_RP or storage.t_RAS)
    )
    if not is_fixed:
        raise SimulationError(
            f"mover '{mover.name}' reaches '{storage.name}', whose latency is not fixed; "
            "movers reach memories with fixed latencies"
        )
    if min(storage.read_latency, storage.write_latency) < 1:  # type: ignore[attr-defined]  # an SRAM or DRAM
        raise SimulationError(
            f"storage '{storage.name}' answers after 0 cycles; where storages decide in order of time, "
            "their latencies are 1 or more"
        )


def _check_sizes(arch: Architecture) -> None:
    """Refuse what nothing could ever pass. Raises :class:`SimulationError`."""
    for controller in arch.of_type(Controller):
        if not movers_of(arch, controller.name):
            raise SimulationError(f"controller '{controller.name}' leads to no mover")
        _at_least_one(controller.name, "in_progress", controller.in_progress)
    for mover in arch.of_type(Mover):
        for attribute in ("capacity", "retry_interval", "max_request_bytes"):
            _at_least_one(mover.name, attribute, getattr(mover, attribute))
    for storage in arch.of_type(DataStorage):
        for attribute in ("read_ports", "write_ports"):
            _at_least_one(storage.name, attribute, getattr(storage, attribute))


def _at_least_one(name: str, attribute: str, size: int | None) -> None:
    if size is not None and size < 1:
        raise SimulationError(f"{attribute} of '{name}' is {size}; it must be 1 or more")
