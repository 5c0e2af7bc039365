"""Energy of a program: what every object does, times what the description says that it takes.

Counts are exact (:mod:`aidg.work`), for skipped iterations too. Nothing is assumed: an object without an
energy in the description is not part of the sum, and is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from acadl.model import (
    Architecture,
    CacheInterface,
    DataStorage,
    EdgeKind,
    FunctionalUnit,
    InstructionMemoryAccessUnit,
    RegisterFile,
)
from acadl.routing import instruction_memory, reachable_storages
from aidg.prepared import evaluate
from aidg.work import Work, count_work
from mappings.program import LoopProgram

AJ_PER_PJ = 10**6


@dataclass(frozen=True, slots=True)
class EnergyShare:
    """What one object takes for one thing that it does.

    Attributes:
        object: Name of a unit, storage or register file.
        what: An operation, ``read`` or ``write``.
        count: Instructions, transactions of a storage, accesses to a register.
        energy_aj: Attojoules of them all.
    """

    object: str
    what: str
    count: int
    energy_aj: int

    def to_dict(self) -> dict[str, str | int | float]:
        """With the energy in picojoules."""
        energy = self.energy_aj / AJ_PER_PJ
        return {"object": self.object, "what": self.what, "count": self.count, "energy_pj": energy}


@dataclass(frozen=True, slots=True)
class Energy:
    """An energy breakdown.

    Attributes:
        shares: Objects that have an energy, the largest share first.
        missing: Objects that do something and have none.
        notes: What could not be counted.
    """

    shares: tuple[EnergyShare, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def total_aj(self) -> int:
        """Attojoules of all shares."""
        return sum(share.energy_aj for share in self.shares)

    @property
    def total_pj(self) -> float:
        """Picojoules of all shares."""
        return self.total_aj / AJ_PER_PJ

    def by_object(self) -> dict[str, int]:
        """Attojoules by object, the largest first."""
        found: Counter[str] = Counter()
        for share in self.shares:
            found[share.object] += share.energy_aj
        return dict(found.most_common())

    def to_dict(self) -> dict[str, object]:
        """Keys ``total_pj, shares, missing, notes``."""
        return {
            "total_pj": self.total_pj,
            "shares": [share.to_dict() for share in self.shares],
            "missing": list(self.missing),
            "notes": list(self.notes),
        }


def says_energy(arch: Architecture) -> bool:
    """Whether the description says what anything takes."""
    return any(
        getattr(item, name, None) is not None
        for item in arch.objects.values()
        for name in ("energy", "read_energy", "write_energy")
    )


def energy(arch: Architecture, program: LoopProgram) -> Energy:
    """Energy of ``program`` on ``arch``.

    Raises:
        RoutingError: An instruction has no unit, or several.
        ProgramError: An energy or a latency is negative.
    """
    return energy_of(arch, count_work(arch, program))


def energy_of(arch: Architecture, work: Work) -> Energy:
    """Energy of counted work. Raises :class:`ProgramError` where an energy is negative."""
    found: Counter[tuple[str, str]] = Counter()
    counts: Counter[tuple[str, str]] = Counter()
    missing: dict[str, None] = {}

    def add(name: str, what: str, count: int, each: int | None) -> None:
        if each is None:
            missing[name] = None
        else:
            counts[name, what] += count
            found[name, what] += count * each

    for instance in work.instances:
        unit = arch.objects[instance.unit]
        assert isinstance(unit, FunctionalUnit)
        each = None
        if unit.energy is not None:
            each = evaluate(f"energy of '{unit.name}'", unit.energy, instance.names)
        add(unit.name, instance.operation, instance.times, each)
    for (name, direction), accesses in work.registers.items():
        item = arch.objects.get(name)
        if isinstance(item, RegisterFile):
            add(name, direction, accesses, _access(item, direction))
    for name, direction, transactions in _transactions(arch, work):
        add(name, direction, transactions, _access(arch.objects[name], direction))
    shares = [EnergyShare(*key, counts[key], value) for key, value in found.items()]
    shares.sort(key=lambda share: (-share.energy_aj, share.object, share.what))
    return Energy(tuple(shares), tuple(missing), (*work.notes, *_uncounted(arch)))


def summed(parts: Iterable[tuple[Energy, int]]) -> Energy:
    """Several energies, each so many times, as one."""
    found: Counter[tuple[str, str]] = Counter()
    counts: Counter[tuple[str, str]] = Counter()
    missing: dict[str, None] = {}
    notes: dict[str, None] = {}
    for part, times in parts:
        for share in part.shares:
            found[share.object, share.what] += times * share.energy_aj
            counts[share.object, share.what] += times * share.count
        missing |= dict.fromkeys(part.missing)
        notes |= dict.fromkeys(part.notes)
    shares = [EnergyShare(*key, counts[key], value) for key, value in found.items()]
    shares.sort(key=lambda share: (-share.energy_aj, share.object, share.what))
    return Energy(tuple(shares), tuple(missing), tuple(notes))


def _access(item: object, direction: str) -> int | None:
    assert isinstance(item, RegisterFile | DataStorage)
    return item.read_energy if direction == "read" else item.write_energy


def _transactions(arch: Architecture, work: Work) -> Iterable[tuple[str, str, int]]:
    """Transactions by storage, fetching of instructions included."""
    unit, memory = instruction_memory(arch)
    assert isinstance(unit, InstructionMemoryAccessUnit)
    instructions = sum(work.operations.values())
    if instructions:
        yield memory.name, "read", -(-instructions // memory.port_width)
    if not arch.in_order_of_time:  # movers cut accesses into requests as they go
        for (name, direction), moved in work.storages.items():
            yield name, direction, moved.transactions


def _uncounted(arch: Architecture) -> Iterable[str]:
    """Storages that say an energy, whose transactions are not known without running the program."""
    if arch.in_order_of_time:
        yield "storages are not counted where rows are evaluated in order of time"
        return
    behind: Mapping[str, None] = dict.fromkeys(
        name
        for cache in arch.of_type(CacheInterface)
        for kind in (EdgeKind.READ_DATA, EdgeKind.WRITE_DATA)
        for name in reachable_storages(arch, cache.name, kind)
    )
    for name in behind:
        storage = arch.objects[name]
        if isinstance(storage, DataStorage) and (storage.read_energy, storage.write_energy) != (None, None):
            yield f"what caches pass on to '{name}' is not counted"
