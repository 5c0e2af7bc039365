"""Parts of a controller's instructions: what they read and write, in which mover (rules 11 to 13).

All of this is known before anything moves. An instruction's address operands are cut into shares, one for
each part (:class:`Rows`); a part's shares become requests, mover by mover (:class:`PartPlanner`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from acadl.bursts import bursts
from acadl.model import DataStorage, Mover
from acadl.operations import AddressRange

Age: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """Contiguous bytes that a part reads or writes.

    Attributes:
        mover: Position of the mover that does it, among the movers behind the controller.
        storage: Name of the storage.
        write: Written, not read.
        start: First byte.
        bytes: At least one.
    """

    mover: int
    storage: str
    write: bool
    start: int
    bytes: int

    def between(self, first: int, last: int, of: int) -> Share:
        """The bytes that belong to units ``first`` to ``last`` of ``of`` units, cut evenly; maybe none."""
        low, high = self.bytes * first // of, self.bytes * last // of
        return replace(self, start=self.start + low, bytes=high - low)


@dataclass(frozen=True, slots=True)
class Place:
    """From the byte ``start`` on, an operand lies in another storage."""

    start: int
    mover: int
    storage: str


@dataclass(frozen=True, slots=True)
class MovedOperand:
    """An address operand, and the mover that reads or writes it.

    Attributes:
        mover, storage: Of its first byte.
        further: Where it goes on in other memories, in order of address.
    """

    mover: int
    storage: str
    write: bool
    range: AddressRange
    further: tuple[Place, ...] = ()

    def share(self, part: int, parts: int) -> Share | None:
        """What part number ``part`` of ``parts`` has of it; ``None``: nothing."""
        piece = self.range
        whole = Share(self.mover, self.storage, self.write, piece.start, piece.bytes)
        if piece.rows == 1:
            share = whole.between(part, part + 1, parts)
        elif part < piece.rows:
            share = replace(whole, start=piece.start + part * piece.pitch)
        else:
            return None
        for place in self.further:
            if share.start >= place.start:
                share = replace(share, mover=place.mover, storage=place.storage)
        return share if share.bytes else None


@dataclass(frozen=True, slots=True)
class Rows:
    """How a controller cuts an instruction.

    Attributes:
        parts: How many; at least one.
        operands: What the parts read and write, in the order in which they do.
        prepares: The instruction prepares the one behind it (rule 12).
    """

    parts: int
    operands: tuple[MovedOperand, ...]
    prepares: bool = False

    def shares(self, part: int) -> list[Share]:
        """What a part reads and writes."""
        if part >= self.parts:
            return []
        shares = (operand.share(part, self.parts) for operand in self.operands)
        return [share for share in shares if share is not None]


@dataclass(frozen=True, slots=True)
class Demand:
    """What one request takes at its storage.

    Attributes:
        storage: Name of the storage.
        write: A write, not a read.
        latency: Cycles to the answer, for one port width.
        interval: Cycles on the port, for one port width.
        widths: Port widths.
    """

    storage: str
    write: bool
    latency: int
    interval: int
    widths: int = 1

    @property
    def hold(self) -> int:
        """Cycles on the port."""
        return self.interval * (self.widths if self.write else 1)

    @property
    def answered_after(self) -> int:
        """Cycles from the grant to the answer, where answers do not wait for each other."""
        further = self.widths - 1
        return self.latency + (further * self.interval if self.write else further)

    @property
    def channel_cycles(self) -> int:
        """Cycles that the answer takes in a channel where answers follow each other."""
        return 1 if self.write else self.widths


@dataclass(frozen=True, slots=True)
class Work:
    """What a part does in one mover: reads, and when all are answered, writes."""

    reads: tuple[Demand, ...] = ()
    writes: tuple[Demand, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part, or a piece of one, and its way through the movers.

    Attributes:
        age: Number of the instruction, of the part, of the piece; the smaller, the older.
        first: Position of the mover that it enters first.
        work: What it does there and in the following movers.
        pieces: What it becomes when it enters the mover behind these; none: it ends in the last one.
    """

    age: Age
    first: int
    work: tuple[Work, ...]
    pieces: tuple[Part, ...] = ()

    @property
    def ends(self) -> int:
        """How many pieces it comes to an end in."""
        return sum(piece.ends for piece in self.pieces) or 1

    def entering(self, mover: int) -> tuple[Part, ...]:
        """What enters the mover at this position, one after the other."""
        return self.pieces if mover == self.first + len(self.work) else (self,)

    def __str__(self) -> str:
        number, part, *pieces = self.age
        return f"part {'.'.join(map(str, (part, *pieces)))} of #{number}"


class PartPlanner:
    """Plans parts for the movers behind one controller."""

    def __init__(self, movers: Sequence[Mover], storages: dict[str, DataStorage]) -> None:
        self._movers = movers
        self._storages = storages

    def part(self, number: int, part: int, rows: Iterable[Rows]) -> Part:
        """Part number ``part`` of the frame of instruction ``number``, with the shares of all ``rows``."""
        return self._build((number, part), 0, [share for item in rows for share in item.shares(part)])

    def _build(self, age: Age, first: int, shares: list[Share], is_piece: bool = False) -> Part:
        work: list[Work] = []
        for mover in range(first, max([first, *(share.mover for share in shares)]) + 1):
            here = [share for share in shares if share.mover == mover]
            own = is_piece and mover == first
            if here and not own and self._movers[mover].max_request_bytes is not None:
                return Part(age, first, tuple(work), self._pieces(age, mover, shares))
            reads = [demand for share in here if not share.write for demand in self._demands(share)]
            writes = [demand for share in here if share.write for demand in self._demands(share)]
            work.append(Work(tuple(reads), tuple(writes)))
        return Part(age, first, tuple(work))

    def _pieces(self, age: Age, mover: int, shares: list[Share]) -> tuple[Part, ...]:
        """One for each request of the reads in this mover, or of the writes if it reads nothing."""
        here = [share for share in shares if share.mover == mover]
        cut = [share for share in here if not share.write] or here
        others = [share for share in shares if share.mover >= mover and share not in cut]
        total = sum(share.bytes for share in cut)
        pieces: list[Part] = []
        done = 0
        for share in cut:
            for start, size, _ in self._windows(share):
                parts_of_others = [other.between(done, done + size, total) for other in others]
                request = replace(share, start=start, bytes=size)
                whole = [request, *(other for other in parts_of_others if other.bytes)]
                pieces.append(self._build((*age, len(pieces)), mover, whole, is_piece=True))
                done += size
        return tuple(pieces)

    def _demands(self, share: Share) -> list[Demand]:
        storage = self._storages[share.storage]
        latency = int(getattr(storage, "write_latency" if share.write else "read_latency"))
        interval = latency if storage.initiation_interval is None else storage.initiation_interval
        return [
            Demand(share.storage, share.write, latency, interval, window // storage.port_bytes)
            for _, _, window in self._windows(share)
        ]

    def _windows(self, share: Share) -> list[tuple[int, int, int]]:
        """The requests of an access: first byte, bytes, bytes of the window that covers them."""
        port = self._storages[share.storage].port_bytes
        largest = self._movers[share.mover].max_request_bytes
        end = share.start + share.bytes
        if largest is None:
            return [(start, min(port, end - start), port) for start in range(share.start, end, port)]
        cut = bursts(share.start, share.bytes, word=port, largest=max(port, largest))
        # Only the first window may begin before the bytes that are left.
        return [(max(share.start, burst.address), burst.used, burst.bytes) for burst in cut]
