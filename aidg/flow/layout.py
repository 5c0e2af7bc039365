"""An architecture as the evaluation in order of time sees it: chains of movers and storages."""

from __future__ import annotations

from dataclasses import dataclass

from acadl.errors import ProgramError
from acadl.model import (
    Architecture,
    DataStorage,
    EdgeKind,
    FunctionalUnit,
    MemoryInterface,
    Mover,
)
from acadl.routing import instruction_memory
from acadl.storage import build_model


@dataclass(frozen=True, slots=True)
class Chain:
    """A controller's movers in order, with the storages that each reads and writes."""

    movers: tuple[Mover, ...]
    reads: tuple[frozenset[str], ...]
    writes: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class StorageFacts:
    """A storage with fixed latencies, decided in order of time."""

    storage: DataStorage
    read_latency: int
    write_latency: int
    hold: tuple[int, int]  # of a read, of a write


def chain_of(arch: Architecture, controller: str) -> Chain:
    """The movers behind a controller. Raises :class:`ProgramError`."""
    movers: list[Mover] = []
    name = controller
    while True:
        following = arch.successors(name, EdgeKind.FORWARD)
        if not following:
            break
        name = following[0]
        mover = arch.objects[name]
        if len(following) > 1 or not isinstance(mover, Mover) or mover in movers:
            raise ProgramError(f"'{name}' must lead to one mover at most, each in one chain")
        if len(arch.predecessors(name, EdgeKind.FORWARD)) != 1:
            raise ProgramError(
                f"parts enter '{name}' from more than one side; give each controller movers of its own"
            )
        movers.append(mover)
    if not movers:
        raise ProgramError(f"controller '{controller}' has no mover to send parts to")
    return Chain(
        tuple(movers),
        tuple(frozenset(arch.predecessors(m.name, EdgeKind.READ_DATA)) for m in movers),
        tuple(frozenset(arch.successors(m.name, EdgeKind.WRITE_DATA)) for m in movers),
    )


def storage_facts(arch: Architecture) -> dict[str, StorageFacts]:
    """Storages by name. Raises :class:`ProgramError` where one has no fixed latencies."""
    found = {}
    _, commands = instruction_memory(arch)
    for storage in arch.of_type(MemoryInterface):
        model = build_model((storage,), {})
        if not model.is_fixed:
            raise ProgramError(
                f"storage '{storage.name}' has a state of its own; "
                "evaluation in order of time needs fixed latencies"
            )
        latencies = model.latency(0, False), model.latency(0, True)
        if min(latencies) < 1 and storage is not commands:
            raise ProgramError(
                f"storage '{storage.name}' answers after 0 cycles; where storages decide in order of time, "
                "their latencies are 1 or more"
            )
        interval = storage.initiation_interval
        hold = (latencies[0], latencies[1]) if interval is None else (interval, interval)
        found[storage.name] = StorageFacts(storage, *latencies, hold)
    return found


def declared(arch: Architecture) -> dict[str, int]:
    """Position of movers and units in the description, for ``round_robin``."""
    kinds = (FunctionalUnit, Mover)
    return {
        name: number for number, (name, item) in enumerate(arch.objects.items()) if isinstance(item, kinds)
    }
