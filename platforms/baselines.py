"""What simpler models say: roofline and refined roofline, from the architecture and the mapping themselves.

**Roofline** (S. Williams et al., CACM 2009): a layer takes at least the time of its multiply-accumulates at
the machine's peak, and at least that of the bytes that have to move at the bandwidth of main memory.

**Refined roofline** (after M. Wess et al., ANNETTE, IEEE Access 2021): instead of the peak, what the layer
can reach of it. ANNETTE divides by ``∏ dᵢ / (⌈dᵢ / sᵢ⌉ · sᵢ)`` over dimensions that are unrolled ``sᵢ``-fold;
here the mapping has cut the layer into instructions, and the time that these occupy the units holds all that
is rounded up.

No figure is typed in for this. The bandwidth follows from ports and intervals of the memory; the peak is the
rate at which layers that are large enough to fill every unit occupy the units of the description. Both
rooflines are lower bounds of the exact result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from acadl.model import (
    DRAM,
    SRAM,
    Architecture,
    CacheInterface,
    DataStorage,
    EdgeKind,
    FunctionalUnit,
    SetAssociativeCache,
)
from acadl.routing import ends_at_memory, reachable_storages
from aidg.work import Work, count_work
from mappings.compulsory import compulsory_bytes, compulsory_macs
from mappings.layers import Layer
from mappings.registry import LIBRARY, MappingError, find_mapper, map_layer

# Layers that fill any array: of many columns, a deep reduction and many pixels; 6720 is a multiple of most
# sizes.
PROBES = (
    Layer(name="probe", op="gemm", gemm_M=1680, gemm_N=1680, gemm_K=1680),
    Layer(name="probe", op="gemm", gemm_M=1024, gemm_N=1024, gemm_K=1024),
    Layer(name="probe", op="conv", C=256, H=32, W=32, K=256, R=3, S=3),
    Layer(name="probe", op="conv1d", C=64, W=128, K=64, S=9),
)


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Bytes per cycle at main memory; ``slack``: cycles of the last access behind its answer.

    Attributes:
        read, write, both: Limits of reads, of writes, of both together.
        storages: Names of what is accessed: the memory, or the caches in front of it.
    """

    read: Fraction
    write: Fraction
    both: Fraction
    slack: int
    storages: tuple[str, ...]

    def cycles(self, read_bytes: int, written_bytes: int) -> int:
        """Cycles that so many bytes take at least."""
        longest = max(
            read_bytes / self.read, written_bytes / self.write, (read_bytes + written_bytes) / self.both
        )
        return max(0, ceil(longest) - self.slack)


@dataclass(frozen=True, slots=True)
class Rooflines:
    """Cycles of one occurrence of a layer at least."""

    roofline: int
    refined: int


class Baselines:
    """Rooflines of one architecture.

    Attributes:
        bandwidth: Of main memory; ``None`` where the description has no ``dram``.
        peak: Multiply-accumulates per cycle; ``None`` where the mapping runs no layer that has any.
    """

    def __init__(self, arch: Architecture) -> None:
        self._moving = _units_at(arch, {memory.name for memory in arch.of_type(DRAM)})
        self.bandwidth = main_bandwidth(arch)
        self.peak: Fraction | None = None

    def seen(self, layer: Layer, work: Work) -> None:
        """Raise the peak where a layer comes closer to it than the ones before."""
        rate = self._rate(layer, work)
        if rate is not None:
            self.peak = rate if self.peak is None else max(self.peak, rate)

    def of(self, layer: Layer, work: Work) -> Rooflines:
        """The rooflines of one occurrence of a layer, whose program does ``work``."""
        memory = self._memory_cycles(layer, work)
        occupied = max(self._computing(work.least_cycles).values(), default=0)
        macs = compulsory_macs(layer)
        compute = ceil(macs / self.peak) if macs and self.peak else 0
        return Rooflines(max(memory, min(compute, occupied)), max(memory, occupied))

    def _memory_cycles(self, layer: Layer, work: Work) -> int:
        """Bytes that have to move; those that the program moves where it needs fewer (on-chip operands)."""
        if self.bandwidth is None:
            return 0
        read, written = compulsory_bytes(layer)
        moved = {"read": 0, "write": 0}
        for (name, direction), transfers in work.storages.items():
            if name in self.bandwidth.storages:
                moved[direction] += transfers.bytes
        return self.bandwidth.cycles(min(read, moved["read"]), min(written, moved["write"]))

    def _rate(self, layer: Layer, work: Work) -> Fraction | None:
        occupied = max(self._computing(work.occupied_cycles).values(), default=0)
        macs = compulsory_macs(layer)
        return Fraction(macs, occupied) if macs and occupied else None

    def _computing(self, cycles: Mapping[str, int]) -> Mapping[str, int]:
        """Of the units that do not access main memory; of all where there are no others."""
        found = {name: count for name, count in cycles.items() if name not in self._moving}
        return found if any(found.values()) else cycles


def baselines_of(arch: Architecture, done: Iterable[tuple[Layer, Work]]) -> Baselines:
    """Rooflines whose peak is what the given layers, and large ones, come to.

    A mapping that does not ship maps no other layers than the given ones.
    """
    made = Baselines(arch)
    for layer, work in (*_probed(arch), *done):
        made.seen(layer, work)
    return made


def _probed(arch: Architecture) -> Iterator[tuple[Layer, Work]]:
    """Large layers with their work, as far as the shipped mapping of the architecture runs them."""
    mapper = find_mapper(arch.name)
    if not str(getattr(mapper, "__module__", "")).startswith(f"{LIBRARY}."):
        return
    for probe in PROBES:
        with suppress(MappingError):  # not every machine runs every layer
            yield probe, count_work(arch, map_layer(probe, arch))


def main_bandwidth(arch: Architecture) -> Bandwidth | None:
    """The bandwidth of all ``dram`` memories together, at the storages that units access for them."""
    main = {memory.name for memory in arch.of_type(DRAM)}
    first = [storage for storage in arch.of_type(DataStorage) if _leads_to(arch, storage, main)]
    if not first:
        return None
    found = [_bandwidth(storage) for storage in first]
    return Bandwidth(
        read=sum((item.read for item in found), Fraction(0)),
        write=sum((item.write for item in found), Fraction(0)),
        both=sum((item.both for item in found), Fraction(0)),
        slack=max(item.slack for item in found),
        storages=tuple(storage.name for storage in first),
    )


def _leads_to(arch: Architecture, storage: DataStorage, main: set[str]) -> bool:
    """Whether the storage is main memory or a cache in front of it."""
    if storage.name in main:
        return True
    return isinstance(storage, CacheInterface) and any(
        main & set(reachable_storages(arch, storage.name, kind))
        for kind in (EdgeKind.READ_DATA, EdgeKind.WRITE_DATA)
    )


def _bandwidth(storage: DataStorage) -> Bandwidth:
    """From ports, width, interval and latencies of one storage; a cache is taken to hit."""
    latencies = _latencies(storage)
    soonest = max(1, min(latencies))
    hold = storage.initiation_interval
    limit = storage.max_concurrent_requests

    def rate(ports: int) -> Fraction:
        transactions = Fraction(ports, max(1, soonest if hold is None else hold))
        if limit is not None:
            transactions = min(transactions, Fraction(limit, soonest))
        return transactions * storage.port_bytes

    readers, writers = storage.read_ports, storage.write_ports
    both = rate(storage.read_write_ports)
    read = both if readers is None else rate(readers)
    write = both if writers is None else rate(writers)
    if readers is not None or writers is not None:
        both = read + write
    slack = max(1, soonest if hold is None else hold)
    return Bandwidth(read, write, both, slack, (storage.name,))


def _latencies(storage: DataStorage) -> tuple[int, ...]:
    match storage:
        case SRAM() | DRAM():
            return storage.read_latency, storage.write_latency
        case SetAssociativeCache():
            return (storage.hit_latency,)
    return (1,)


def _units_at(arch: Architecture, memories: set[str]) -> set[str]:
    """Units that read or write one of the memories."""
    return {
        unit.name
        for unit in arch.of_type(FunctionalUnit)
        for end in ends_at_memory(arch, unit)
        for kind in (EdgeKind.READ_DATA, EdgeKind.WRITE_DATA)
        if memories & set(reachable_storages(arch, end, kind))
    }
