"""The architecture as the kernel sees it: places in one flat list of times, storages as small records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from acadl.errors import ProgramError
from acadl.expressions import Expr, ExpressionError
from acadl.model import Architecture, DataStorage, EdgeKind, InstructionMemoryAccessUnit, MemoryAccessUnit
from acadl.routing import instruction_memory, reachable_storages
from acadl.storage import StorageModel, build_model
from aidg.propagation import BUFFER

# Instructions that an object may hold at once: the latest leave time of each is kept.
LARGEST_CAPACITY = 1 << 16


class Place(NamedTuple):
    """Where the latest leave times of an object are: position, how many, number of their ring."""

    position: int
    capacity: int
    ring: int


@dataclass(slots=True)
class StorageSpec:
    """What the kernel needs to know of a storage.

    Attributes:
        hold: Cycles a transaction holds its port; -1: its latency.
        places: Transactions in flight; 0: no limit beside the ports.
        model: Latency per transaction.
        path: Names of the storages that an access passes, this one first.
    """

    name: str
    ports: int
    hold: int
    places: int
    port_bytes: int
    model: StorageModel
    path: tuple[str, ...]


@dataclass(slots=True)
class Machine:
    """Layout of the kernel's state for one architecture; grows as programs touch objects.

    Attributes:
        size: Entries of the list of times.
        places: Object to the place of its latest leave times; the issue buffer's is ``buffer``.
        services: Object to the position of its earliest next start.
        issues: Successor of the fetch stage to the position of its earliest next issue.
        units: Functional units in order of first use, for busy counters.
    """

    arch: Architecture
    fetch_width: int
    fetch_latency: int
    in_order_issue: bool
    read_latency: int
    read_interval: int
    instruction_storage: int
    instruction_address: int
    buffer: Place
    size: int
    rings: int = 1
    places: dict[str, Place] = field(default_factory=dict)
    services: dict[str, int] = field(default_factory=dict)
    issues: dict[str, int] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    storages: list[StorageSpec] = field(default_factory=list)
    storage_index: dict[str, int] = field(default_factory=dict)
    models: dict[str, StorageModel] = field(default_factory=dict)

    def allocate(self, count: int) -> int:
        """Position of ``count`` new times."""
        position = self.size
        self.size += count
        return position

    def place(self, name: str, capacity: int) -> Place:
        """Place of the latest leave times of an object. Raises :class:`ProgramError`."""
        if name not in self.places:
            check_capacity(f"capacity of '{name}'", capacity)
            self.places[name] = Place(self.allocate(capacity), capacity, self.rings)
            self.rings += 1
        return self.places[name]

    def service(self, name: str) -> int:
        """Position of an object's earliest next start."""
        if name not in self.services:
            self.services[name] = self.allocate(1)
        return self.services[name]

    def issue(self, name: str) -> int:
        """Position of the earliest next issue to a successor of the fetch stage."""
        if name not in self.issues:
            self.issues[name] = self.allocate(1)
        return self.issues[name]

    def unit(self, name: str) -> int:
        """Number of a functional unit."""
        return self.units.setdefault(name, len(self.units))

    def storage(self, path: tuple[DataStorage, ...]) -> int:
        """Number of the storage that serves an access along ``path`` (the nearest one)."""
        nearest = path[0]
        if nearest.name not in self.storage_index:
            model = build_model(path, self.models)
            self.storage_index[nearest.name] = len(self.storages)
            self.storages.append(_spec(nearest, model, tuple(item.name for item in path)))
        return self.storage_index[nearest.name]


def check_capacity(what: str, capacity: int) -> None:
    """Refuse capacities whose leave times nobody wants to keep. Raises :class:`ProgramError`."""
    if capacity > LARGEST_CAPACITY:
        raise ProgramError(f"{what} is {capacity:,}; at most {LARGEST_CAPACITY:,} can be evaluated")


def _spec(storage: DataStorage, model: StorageModel, path: tuple[str, ...]) -> StorageSpec:
    hold = -1 if storage.initiation_interval is None else storage.initiation_interval
    ports, places = storage.read_write_ports, storage.max_concurrent_requests or 0
    if places and model.is_fixed:
        longest = max(model.latency(0, False), model.latency(0, True))
        if hold < 0:  # a transaction holds port and place for the same time
            ports, places = min(ports, places), 0
        elif hold > 0 and ports * -(-longest // hold) <= places:
            places = 0  # the ports alone keep the number in flight below the limit
    return StorageSpec(storage.name, ports, hold, places, storage.port_bytes, model, path)


def constant(expression: Expr, what: str) -> int:
    """Value of an expression without free names; raises :class:`ProgramError`."""
    try:
        value = expression.evaluate({})
    except ExpressionError as error:
        raise ProgramError(f"{what}: {error}") from error
    if value < 0:
        raise ProgramError(f"{what} is {value}; it cannot be negative")
    return value


def build_machine(arch: Architecture) -> Machine:
    """Front end of the architecture laid out; the rest is added as programs use it.

    Raises:
        RoutingError: No unique instruction memory.
        ProgramError: The issue buffer is smaller than one read.
    """
    fetch = arch.fetch_stage
    reader, memory = instruction_memory(arch)
    width = memory.port_width
    if fetch.issue_buffer_size < width:
        raise ProgramError(
            f"the issue buffer of '{fetch.name}' holds {fetch.issue_buffer_size} instructions, "
            f"fewer than one read of '{memory.name}' ({width})"
        )
    check_capacity(f"issue buffer size of '{fetch.name}'", fetch.issue_buffer_size)
    buffer_places = fetch.issue_buffer_size - width + 1
    machine = Machine(
        arch=arch,
        fetch_width=width,
        fetch_latency=constant(fetch.latency, f"latency of '{fetch.name}'"),
        in_order_issue=fetch.in_order_issue or fetch.order == "fifo",
        read_latency=constant(reader.latency, f"latency of '{reader.name}'"),
        read_interval=-1
        if reader.initiation_interval is None
        else constant(reader.initiation_interval, f"initiation interval of '{reader.name}'"),
        instruction_storage=-1,
        instruction_address=memory.address_ranges[0][0] if memory.address_ranges else 0,
        buffer=Place(BUFFER, buffer_places, 0),
        size=BUFFER + buffer_places,
    )
    model = build_model((memory,), machine.models)
    if model.is_fixed and not _is_shared(arch, memory.name) and _is_always_free(machine, memory, model):
        machine.read_latency += model.latency(0, False)
    else:
        machine.instruction_storage = machine.storage((memory,))
    return machine


def _is_always_free(machine: Machine, memory: DataStorage, model: StorageModel) -> bool:
    """Whether reads come so far apart that each finds a free port and a free place."""
    latency = model.latency(0, False)
    interval = machine.read_interval
    if interval < 0:  # the next one starts when this one has been answered
        interval = machine.read_latency + latency
    hold = latency if memory.initiation_interval is None else memory.initiation_interval
    places = memory.max_concurrent_requests
    return memory.read_write_ports * interval >= hold and (places is None or places * interval >= latency)


def _is_shared(arch: Architecture, memory: str) -> bool:
    """Whether a data unit can reach the instruction memory."""
    return any(
        memory in reachable_storages(arch, unit.name, kind)
        for unit in arch.of_type(MemoryAccessUnit)
        if not isinstance(unit, InstructionMemoryAccessUnit)
        for kind in (EdgeKind.READ_DATA, EdgeKind.WRITE_DATA)
    )
