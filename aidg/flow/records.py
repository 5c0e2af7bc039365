"""The machine's objects as records of integers, and the two lists that they go to."""

from __future__ import annotations

from dataclasses import dataclass, field

from acadl.model import Controller, ExecuteStage, FunctionalUnit, PipelineStage
from aidg.flow.kernel import names as n
from aidg.flow.layout import Chain, StorageFacts

ARBITRATIONS = ("oldest_first", "priority", "round_robin")


@dataclass
class Space:
    """Positions in the list of the state."""

    size: int = n.STATE_HEAD
    filled: list[tuple[int, list[int]]] = field(default_factory=list)

    def take(self, values: list[int]) -> int:
        """Position of new entries."""
        position = self.size
        self.size += len(values)
        self.filled.append((position, values))
        return position

    def zeros(self, count: int) -> int:
        """Position of ``count`` new entries that are 0."""
        self.size += count
        return self.size - count


class Fixed:
    """The list of what is fixed: a head with positions, then tables."""

    def __init__(self, head: list[int]) -> None:
        self.head = head
        self.values = [0] * len(head)

    def table(self, key: int, values: list[int]) -> None:
        """Add a table whose position the head has at ``key``."""
        self.head[key] = len(self.values)
        self.values += values


def object_record(item: PipelineStage | FunctionalUnit) -> list[int]:
    """Of a stage or a unit: places, release latency, whether it is a queue, issue latency."""
    release = getattr(item, "release_latency", 0)
    fifo = int(isinstance(item, PipelineStage) and item.order == "fifo")
    return [item.capacity, release, fifo, item.issue_latency if isinstance(item, ExecuteStage) else 0]


def line_record(unit: Controller, item: int, first: int, chain: Chain, ports: dict[str, int]) -> list[int]:
    """Of a controller: object, movers (from ``first`` on), rules; ``ports``: bytes, by storage."""
    most = -1 if unit.in_progress is None else unit.in_progress
    cutters = [place for place, mover in enumerate(chain.movers) if mover.max_request_bytes is not None]
    widths = [ports[name] for place in cutters for name in chain.reads[place] | chain.writes[place]]
    widths += [chain.movers[place].max_request_bytes or 1 for place in cutters]
    return [
        item, first, len(chain.movers), unit.part_interval, unit.turnaround, most,
        int(unit.completion == "sent"), unit.completion_latency,
        n.NO_CUTTER if not cutters else cutters[0] if len(cutters) == 1 else n.CUTTERS,
        max(widths, default=1), int(bool(unit.prepares)), int(any(chain.reads[place] for place in cutters)),
    ]  # fmt: skip


def line_state() -> list[int]:
    """Of a controller that has not begun."""
    state = [0] * n.LINE_STATE
    for key in (n.N_FRAME, n.N_JOINED, n.N_PREPARED, n.N_PART, n.N_TICK):
        state[key] = -1
    return state


def storage_record(facts: StorageFacts, space: Space) -> tuple[int, list[int]]:
    """Of a storage: number of its ports, record. Takes the state of ports and requests from ``space``."""
    storage = facts.storage
    shared = storage.read_ports is None and storage.write_ports is None
    reads = storage.read_ports or storage.read_write_ports
    writes = 0 if shared else storage.write_ports or storage.read_write_ports
    most = storage.max_concurrent_requests or 0
    record = [
        reads, writes, int(shared), space.zeros(reads + writes), *facts.hold, facts.read_latency,
        facts.write_latency,
        ARBITRATIONS.index(storage.arbitration), int(storage.answers == "in_order"), most, storage.port_bytes,
        space.zeros(most),
    ]  # fmt: skip
    return reads + writes, record


def reached(chain: Chain, place: int, storages: list[str]) -> list[tuple[int, int]]:
    """What a mover reaches: number of a storage, 1 if it writes it."""
    reads = [(number, 0) for number, name in enumerate(storages) if name in chain.reads[place]]
    return reads + [(number, 1) for number, name in enumerate(storages) if name in chain.writes[place]]


def reach_record(chain: Chain, storages: list[str]) -> list[int]:
    """For each storage the first mover of a chain that reads it, that writes it; -1 for none."""
    found = []
    for name in storages:
        for reach in (chain.reads, chain.writes):
            found.append(next((place for place, names in enumerate(reach) if name in names), -1))
    return found


def busy_positions(head: list[int], objects: int, lines: int, storages: int) -> list[int]:
    """Where the busy cycles of units, controllers and storages are."""
    each = n.LINE_STATE + 2 * (head[n.K_FLIGHTS] + 1)
    return [
        *(head[n.M_BUSY] + item for item in range(objects)),
        *(head[n.M_LINE] + line * each + n.N_BUSY for line in range(lines)),
        *(head[n.M_STORAGE] + storage * n.STORAGE_STATE + n.S_BUSY for storage in range(storages)),
    ]
