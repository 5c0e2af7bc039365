"""Histories that the explicit AIDG is built from: who left when, who names an operand, who held a port."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

from acadl.operations import AddressRange, Instruction

NodeKey: TypeAlias = tuple[int, str]


class Event(NamedTuple):
    """``enter``, ``start``, ``done`` or ``leave`` of a node."""

    node: NodeKey
    name: str


@dataclass
class Places:
    """When the users of an object left it, sorted by time (rule 2)."""

    left: list[tuple[int, NodeKey]] = field(default_factory=list)

    def leave(self, time: int, node: NodeKey) -> None:
        """``node`` left at ``time``."""
        insort(self.left, (time, node))

    def admission(self, capacity: int) -> NodeKey | None:
        """The user whose leaving makes room: the ``capacity``-th latest; ``None`` while there is room."""
        return self.left[-capacity][1] if len(self.left) >= capacity else None


class Dependency(NamedTuple):
    """``node`` has to be done first, because of ``operand``."""

    kind: str
    node: NodeKey
    operand: str


class Access(NamedTuple):
    """A past access to memory."""

    order: int
    piece: AddressRange
    written: bool
    node: NodeKey


class Accesses:
    """Past accesses, found by address: by the blocks of 4 KiB that their hull touches."""

    BLOCK_BYTES = 4096
    MOST_BLOCKS = 256
    FAR = -1  # stands for the blocks of what reaches further; that is looked at every time

    def __init__(self) -> None:
        self._count = 0
        self._blocks: dict[int, dict[int, Access]] = {}

    def near(self, piece: AddressRange) -> list[Access]:
        """Accesses that may overlap, oldest first."""
        found: dict[int, Access] = dict(self._blocks.get(self.FAR, {}))
        blocks = self._touched(piece)
        for block in self._blocks if blocks == (self.FAR,) else blocks:
            found.update(self._blocks.get(block, {}))
        return [found[order] for order in sorted(found) if found[order].piece.overlaps(piece)]

    def add(self, piece: AddressRange, written: bool, node: NodeKey) -> Access:
        """One more access."""
        access = Access(self._count, piece, written, node)
        self._count += 1
        for block in self._touched(piece):
            self._blocks.setdefault(block, {})[access.order] = access
        return access

    def remove(self, access: Access) -> None:
        """Forget an access, if that has not happened."""
        for block in self._touched(access.piece):
            self._blocks[block].pop(access.order, None)

    def _touched(self, piece: AddressRange) -> tuple[int, ...] | range:
        first, last = piece.start // self.BLOCK_BYTES, (piece.end - 1) // self.BLOCK_BYTES
        return range(first, last + 1) if last - first < self.MOST_BLOCKS else (self.FAR,)


@dataclass
class Conflicts:
    """Which earlier instructions name which registers and addresses (rule 4).

    What lies wholly in what an instruction writes is forgotten then: whoever conflicts with it later
    conflicts with the writer too, and the writer has waited for it. A read of memory is also forgotten when
    it is over before a later instruction is even fetched; the list of reads would grow without end.
    """

    writer: dict[str, NodeKey] = field(default_factory=dict)
    readers: dict[str, list[NodeKey]] = field(default_factory=dict)
    accesses: Accesses = field(default_factory=Accesses)
    reads: list[tuple[int, int, Access]] = field(default_factory=list)  # a heap by the end of the read

    def of(self, instruction: Instruction) -> list[Dependency]:
        """Everybody whom the instruction has to wait for."""
        found = [
            Dependency("raw", self.writer[name], name)
            for name in instruction.read_registers
            if name in self.writer
        ]
        for name in instruction.write_registers:
            found += [Dependency("war", node, name) for node in self.readers.get(name, ())]
            if name in self.writer:
                found.append(Dependency("waw", self.writer[name], name))
        for piece in instruction.read_addresses:
            found += [
                Dependency("raw", access.node, _text(access.piece))
                for access in self.accesses.near(piece)
                if access.written
            ]
        for piece in instruction.write_addresses:
            found += [
                Dependency("waw" if access.written else "war", access.node, _text(access.piece))
                for access in self.accesses.near(piece)
            ]
        return found

    def add(self, instruction: Instruction, node: NodeKey, done: int) -> None:
        """The instruction, processed as ``node`` until ``done``, comes after all so far."""
        for name in instruction.read_registers:
            self.readers.setdefault(name, []).append(node)
        for name in instruction.write_registers:
            self.writer[name] = node
            self.readers[name] = []
        for piece in instruction.write_addresses:
            for access in self.accesses.near(piece):
                if _covers(piece, access.piece):
                    self.accesses.remove(access)
        for piece in instruction.read_addresses:
            access = self.accesses.add(piece, False, node)
            heappush(self.reads, (done, access.order, access))
        for piece in instruction.write_addresses:
            self.accesses.add(piece, True, node)

    def forget_reads_before(self, time: int) -> None:
        """Forget the reads that are over; no later instruction starts before ``time``."""
        while self.reads and self.reads[0][0] <= time:
            self.accesses.remove(heappop(self.reads)[2])


def _text(piece: AddressRange) -> str:
    return f"0x{piece.start:x}"


def _covers(outer: AddressRange, inner: AddressRange) -> bool:
    if outer.rows == 1:
        return outer.start <= inner.start and inner.end <= outer.end
    return outer == inner


class Reservation(NamedTuple):
    """A transaction of the past: in flight from ``start`` to ``answered``, on a port until ``released``."""

    start: int
    released: int
    answered: int
    node: NodeKey


@dataclass
class Reservations:
    """All transactions of a storage so far, in program order (rule 8)."""

    ports: int
    places: int | None
    taken: list[Reservation] = field(default_factory=list)

    def earliest(self, arrival: int, hold: int, latency: int) -> tuple[int, Event | None]:
        """First moment at which a port and a place are free for long enough, and what ended then."""
        if self._fits(arrival, hold, latency):
            return arrival, None
        ends = {
            end: Event(item.node, name)
            for item in reversed(self.taken)
            for end, name in ((item.answered, "done"), (item.released, "leave"))
            if end > arrival
        }
        time = next(end for end in sorted(ends) if self._fits(end, hold, latency))
        return time, ends[time]

    def add(self, start: int, hold: int, latency: int, node: NodeKey) -> None:
        """Reserve."""
        self.taken.append(Reservation(start, start + hold, start + latency, node))

    def forget_before(self, time: int) -> None:
        """Drop what is over; nothing will arrive before ``time``."""
        self.taken = [item for item in self.taken if max(item.released, item.answered) > time]

    def _fits(self, start: int, hold: int, latency: int) -> bool:
        ports = [(item.start, item.released) for item in self.taken]
        if not _below(self.ports, ports, start, start + hold):
            return False
        if self.places is None:
            return True
        return _below(
            self.places, [(item.start, item.answered) for item in self.taken], start, start + latency
        )


def _below(limit: int, intervals: list[tuple[int, int]], low: int, high: int) -> bool:
    """Whether fewer than ``limit`` intervals meet in every moment of ``[low, high)``."""
    near = [(start, end) for start, end in intervals if start < high and end > low]
    if low >= high or len(near) < limit:
        return True
    moments = {low, *(start for start, _ in near if start > low)}
    return all(sum(start <= moment < end for start, end in near) < limit for moment in moments)
