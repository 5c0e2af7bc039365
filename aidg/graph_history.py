"""Full histories that the explicit AIDG is built from: who left when, who names an operand, who held a port."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
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


@dataclass
class Conflicts:
    """Which earlier instructions name which registers and addresses (rule 4).

    What lies wholly in what an instruction writes is forgotten then: whoever conflicts with it later conflicts
    with the writer too, and the writer has waited for it.
    """

    writer: dict[str, NodeKey] = field(default_factory=dict)
    readers: dict[str, list[NodeKey]] = field(default_factory=dict)
    accesses: list[tuple[AddressRange, bool, NodeKey]] = field(default_factory=list)

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
        for piece, written, node in self.accesses:
            operand = f"0x{piece.start:x}"
            if written and any(piece.overlaps(read) for read in instruction.read_addresses):
                found.append(Dependency("raw", node, operand))
            if any(piece.overlaps(write) for write in instruction.write_addresses):
                found.append(Dependency("waw" if written else "war", node, operand))
        return found

    def add(self, instruction: Instruction, node: NodeKey) -> None:
        """The instruction, processed as ``node``, comes after all so far."""
        for name in instruction.read_registers:
            self.readers.setdefault(name, []).append(node)
        for name in instruction.write_registers:
            self.writer[name] = node
            self.readers[name] = []
        self.accesses = [
            access
            for access in self.accesses
            if not any(_covers(write, access[0]) for write in instruction.write_addresses)
        ]
        self.accesses += [(piece, False, node) for piece in instruction.read_addresses]
        self.accesses += [(piece, True, node) for piece in instruction.write_addresses]


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
        """First moment from ``arrival`` on at which a port and a place are free long enough, and what ended then."""
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
        if _peak([(item.start, item.released) for item in self.taken], start, start + hold) >= self.ports:
            return hold == 0
        if self.places is None or latency == 0:
            return True
        return _peak([(item.start, item.answered) for item in self.taken], start, start + latency) < self.places


def _peak(intervals: list[tuple[int, int]], low: int, high: int) -> int:
    """Most intervals at one moment of ``[low, high)``; 0 where that is empty."""
    moments = {low, *(start for start, _ in intervals if low < start < high)} if low < high else set()
    return max((sum(start <= moment < end for start, end in intervals) for moment in moments), default=0)
