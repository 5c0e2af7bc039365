"""Controllers, movers and their parts (rules 10 to 13)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from acadl.model import Controller, Mover
from aidg.flow.grants import Request
from aidg.flow.layout import Chain
from aidg.flow.shares import Share, cut, share_of, windows

if TYPE_CHECKING:
    from aidg.flow.engine import Engine
    from aidg.flow.flights import Flight

ENTERED, READING, MOVING, WRITING, ENDING, FINISHED = range(6)


class Part:
    """A part, or a piece of one, on its way through the movers.

    Attributes:
        carriers: Instructions that are moved when it has ended.
        reads, writes: Per position in the chain: shares to read and to write.
        last: Position of its last mover.
    """

    __slots__ = (
        "age", "asked", "carrier", "last", "latest", "phase", "pieces", "position", "reads", "reserved",
        "writes",
    )  # fmt: skip

    def __init__(
        self,
        age: tuple[int, int, int],
        carrier: Flight,
        reads: list[list[Share]],
        writes: list[list[Share]],
        last: int,
    ) -> None:
        self.age = age
        self.carrier = carrier
        self.reads = reads
        self.writes = writes
        self.last = last
        self.position = -1
        self.phase = FINISHED
        self.asked = 0  # requests that are not granted yet
        self.latest = 0  # answer
        self.reserved = False  # has its place in the next mover
        self.pieces: deque[Part] = deque()

    def join(self, other: Part) -> None:
        """Take the shares of another part as well."""
        for position, (reads, writes) in enumerate(zip(other.reads, other.writes, strict=True)):
            self.reads[position] += reads
            self.writes[position] += writes
        self.last = max(self.last, other.last)


class Queue:
    """A mover's requests to one storage in one direction."""

    def __init__(self, stage: Stage, storage: str, write: bool) -> None:
        self._stage = stage
        self._storage = storage
        self._write = write
        self._asking: list[Part] = []  # oldest first
        self._beats: dict[int, list[int]] = {}  # requests to make, by identity of the part, last first
        self._retries: deque[tuple[int, Part]] = deque()
        self._after: dict[int, int] = {}  # first cycle of a part's next request

    def add(self, part: Part, beats: list[int]) -> None:
        """A part wants to make requests; ``beats``: their port widths, 0 where that plays no part."""
        if id(part) in self._beats:
            self._beats[id(part)][:0] = beats[::-1]
        else:
            _insert(self._asking, part)
            self._beats[id(part)] = beats[::-1]

    def offer(self) -> None:
        """Offer a request."""
        part = self._next()
        if part is None:
            return
        beats = self._beats[id(part)]
        age = (*part.age, -len(beats))
        stage, now = self._stage, self._stage.engine.agenda.now
        width = beats[-1]
        request = Request(
            stage.requester, stage.mover.priority, age, self._write, max(1, width), width > 0,
            lambda _, answer: self._granted(part, now, answer),
        )  # fmt: skip
        stage.engine.offer(self._storage, request, lambda: self._refused(part))

    def _next(self) -> Part | None:
        now = self._stage.engine.agenda.now
        if self._retries and self._retries[0][0] <= now:
            return self._retries.popleft()[1]
        away = {id(part) for _, part in self._retries}
        for part in self._asking:
            if id(part) not in away and self._after.get(id(part), 0) <= now and self._stage.has_way(part):
                return part
        return None

    def _granted(self, part: Part, now: int, answer: int) -> None:
        self._stage.engine.watched(self._storage, part.carrier.number, self._write, now, answer)
        beats = self._beats[id(part)]
        beats.pop()
        if beats:
            self._after[id(part)] = now + 1
        else:
            del self._beats[id(part)]
            self._after.pop(id(part), None)
            self._asking.remove(part)
        self._stage.granted(part, answer)
        if self._asking:
            self._stage.engine.agenda.at(now + 1, self._stage.activate)

    def _refused(self, part: Part) -> None:
        agenda, retry = self._stage.engine.agenda, self._stage.mover.retry_interval
        if retry is not None:
            self._retries.append((agenda.now + retry, part))
            agenda.at(agenda.now + retry, self._stage.activate)
        agenda.at(agenda.now + 1, self._stage.activate)


class Stage:
    """A mover at work."""

    def __init__(self, engine: Engine, line: Line, mover: Mover, position: int) -> None:
        self.engine = engine
        self.line = line
        self.mover = mover
        self.position = position
        self.requester = engine.declared[mover.name]
        self.used = 0  # places
        self.next_entry = 0
        self.queues: dict[tuple[str, bool], Queue] = {}  # requests by storage and direction
        self.finished: list[Part] = []  # that wait for the next mover, oldest first
        self._active = False

    # -- places ---------------------------------------------------------------------------------------------

    def has_place(self) -> bool:
        return self.used < self.mover.capacity

    def admits(self, part: Part) -> bool:
        """Whether ``part`` can enter now; else the line is woken when that may have changed."""
        now = self.engine.agenda.now
        if not (part.reserved or self.has_place()):
            return False
        if self.next_entry > now:
            self.engine.agenda.at(self.next_entry, self.pull)
            return False
        return True

    def pull(self) -> None:
        """Somebody may be able to enter."""
        if self.position == 0:
            self.line.send()
        else:
            self.line.stages[self.position - 1].hand_on()

    def _released(self) -> None:
        self.used -= 1
        self.pull()
        if self.position:
            self.line.stages[self.position - 1].activate()  # reads may have waited for the place

    # -- a part's visit -------------------------------------------------------------------------------------

    def enter(self, part: Part) -> bool:
        """Let a part in, or its next piece; whether all of it is in."""
        if self.mover.max_request_bytes is not None and not part.pieces and not part.age[2]:
            part.pieces.extend(self._pieces(part))
        if part.pieces:
            piece = part.pieces.popleft()
            piece.reserved, part.reserved = part.reserved, False
            self._enter(piece)
            return not part.pieces
        return self._enter(part)

    def _enter(self, part: Part) -> bool:
        agenda = self.engine.agenda
        if part.reserved:
            part.reserved = False
        else:
            self.used += 1
        self.next_entry = agenda.now + self.mover.initiation_interval
        part.position = self.position
        part.phase = ENTERED
        self._later(self.mover.latency, lambda: self._read(part))
        return True

    def _later(self, delay: int, action: object) -> None:
        agenda = self.engine.agenda
        if delay:
            agenda.at(agenda.now + delay, action)  # type: ignore[arg-type]
        else:
            action()  # type: ignore[operator]

    def _read(self, part: Part) -> None:
        if part.reads[self.position]:
            part.phase = READING
            self._ask(part, part.reads[self.position], False)
        else:
            self._move(part)

    def _move(self, part: Part) -> None:
        part.phase = MOVING
        self._later(self.mover.transfer_latency, lambda: self._write(part))

    def _write(self, part: Part) -> None:
        if part.writes[self.position]:
            part.phase = WRITING
            self._ask(part, part.writes[self.position], True)
        else:
            self._end(part)

    def _end(self, part: Part) -> None:
        part.phase = ENDING
        self._later(self.mover.tail_latency, lambda: self._finish(part))

    def _finish(self, part: Part) -> None:
        part.phase = FINISHED
        if part.position == part.last:
            self._leave()
            self.line.ended(part)
            return
        _insert(self.finished, part)
        self.hand_on()

    def hand_on(self) -> None:
        """Let finished parts enter the next mover as long as it admits them."""
        following = self.line.stages[self.position + 1]
        while self.finished:
            part = (
                next((p for p in self.finished if p.reserved), None)
                if not following.has_place()
                else self.finished[0]
            )
            if part is None or not following.admits(part):
                return
            if following.enter(part):
                self.finished.remove(part)
                self._leave()

    def _leave(self) -> None:
        agenda = self.engine.agenda
        if self.mover.release_latency:
            agenda.at(agenda.now + self.mover.release_latency, self._released)
        else:
            self._released()

    # -- requests -------------------------------------------------------------------------------------------

    def _ask(self, part: Part, shares: list[Share], write: bool) -> None:
        largest = self.mover.max_request_bytes
        part.latest = self.engine.agenda.now
        for share in shares:
            port = self.engine.storages[share.storage].port_bytes
            if largest is None:
                beats = [0] * -(-share.bytes // port)
            else:
                beats = [max(1, w // port) for _, _, w in windows(share.start, share.bytes, port, largest)]
            queue = self.queues.get((share.storage, write))
            if queue is None:
                queue = self.queues[share.storage, write] = Queue(self, share.storage, write)
            queue.add(part, beats)
            part.asked += len(beats)
        self.activate()

    def activate(self) -> None:
        """Offer requests at the end of this cycle."""
        if not self._active:
            self._active = True
            self.engine.offering.append(self)

    def offer(self) -> None:
        """Offer a request of each queue; called at the end of a cycle."""
        self._active = False
        for queue in self.queues.values():
            queue.offer()

    def has_way(self, part: Part) -> bool:
        """Whether the part may read: where its data go to is a place for it."""
        if part.phase != READING or part.reserved or part.position == part.last:
            return True
        return self.line.stages[self.position + 1].has_place()

    def granted(self, part: Part, answer: int) -> None:
        """One of the requests of a part is granted."""
        part.latest = max(part.latest, answer)
        part.asked -= 1
        if part.phase == READING and part.position != part.last and not part.reserved:
            part.reserved = True
            self.line.stages[self.position + 1].used += 1
        if not part.asked:
            self.engine.agenda.at(part.latest, lambda: self._answered(part))

    def _answered(self, part: Part) -> None:
        if part.phase == READING:
            self._move(part)
        else:
            self._end(part)

    # -- pieces ---------------------------------------------------------------------------------------------

    def _pieces(self, part: Part) -> list[Part]:
        """The pieces of a part that enters; none if there is nothing to take apart."""
        here = self.position
        own = part.reads[here] or part.writes[here]
        largest = self.mover.max_request_bytes
        assert largest is not None
        if not own:
            return []
        total = sum(share.bytes for share in own)
        made: list[Part] = []
        done = 0
        for share in own:
            port = self.engine.storages[share.storage].port_bytes
            for start, size, _ in windows(share.start, share.bytes, port, largest):
                piece = Share(start, size, share.storage)
                reads = [
                    [] if i < here else _divide(s, done, done + size, total) for i, s in enumerate(part.reads)
                ]
                writes = [
                    [] if i < here else _divide(s, done, done + size, total)
                    for i, s in enumerate(part.writes)
                ]
                (reads if part.reads[here] else writes)[here] = [piece]
                done += size
                last = max([here, *(i for i in range(here, len(reads)) if reads[i] or writes[i])])
                made.append(
                    Part((part.age[0], part.age[1], len(made) + 1), part.carrier, reads, writes, last)
                )
        if len(made) == 1:  # nothing is taken apart
            made[0].age = (part.age[0], part.age[1], 1)
        part.carrier.parts_left += len(made) - 1
        return made


def _divide(shares: list[Share], first: int, stop: int, whole: int) -> list[Share]:
    found = [cut(share, first, stop, whole) for share in shares]
    return [share for share in found if share is not None]


def _insert(parts: list[Part], part: Part) -> None:
    """Keep the list in order of age."""
    position = len(parts)
    while position and parts[position - 1].age > part.age:
        position -= 1
    parts.insert(position, part)


class Line:
    """A controller at work, and its movers."""

    def __init__(self, engine: Engine, controller: Controller, chain: Chain) -> None:
        self.engine = engine
        self.controller = controller
        self.chain = chain
        self.stages = [Stage(engine, self, mover, number) for number, mover in enumerate(chain.movers)]
        self.queue: deque[Flight] = deque()  # started, frame not begun, in program order
        self.frame: list[Flight] = []  # the instructions of the present frame
        self.prepared: Flight | None = None  # P that waits for its C
        self.unsent: Part | None = None  # the part to be sent next, once it is made
        self.sent = 0
        self.count = 0  # parts of the frame
        self.next_part = 0  # earliest cycle of the next part
        self.next_frame = 0
        self._begin_at = 0
        self.begun: deque[Flight] = deque()  # and not moved

    # -- frames ---------------------------------------------------------------------------------------------

    def start(self, flight: Flight) -> None:
        """An instruction has started."""
        now = self.engine.agenda.now
        flight.ready = now + flight.order.visits[-1].latency
        self.queue.append(flight)
        self.engine.agenda.at(flight.ready, self.send) if flight.ready > now else self.send()

    def send(self) -> None:
        """Begin frames and send parts, as far as that is possible now."""
        while True:
            if not self.frame and not self._begin():
                return
            if not self._send_part():
                return

    def _begin(self) -> bool:
        queue, now = self.queue, self.engine.agenda.now
        if not queue or queue[0].ready > now:
            return False
        head = queue[0]
        if head.order.prepares and (len(queue) < 2 or queue[1].ready > now):
            return False
        if now < self.next_frame:
            self.engine.agenda.at(self.next_frame, self.send)
            return False
        most = self.controller.in_progress
        if most is not None and len(self.begun) >= most:
            return False
        self.frame = [queue.popleft()]
        self.begun.append(head)
        joins = not head.order.prepares and len(queue) >= 2 and queue[0].order.prepares
        joins = joins and queue[0].ready <= now and queue[1].ready <= now
        if joins and (most is None or len(self.begun) < most):
            self.frame.append(queue.popleft())
            self.begun.append(self.frame[1])
        self.count = max(flight.order.parts for flight in self.frame)
        for flight in self.frame:
            flight.pair = None
            flight.parts_left = flight.order.parts
            if not flight.order.prepares:
                flight.pair, self.prepared = self.prepared, None
        for flight in self.frame:
            if flight.order.prepares:
                self.prepared = flight
        self.sent = 0
        self.next_part = self._begin_at = now
        return True

    def _part(self, number: int) -> Part:
        """Part ``number`` of the present frame."""
        members = [flight for flight in self.frame if number < flight.order.parts]
        part = _part_of(self.chain, members[0], number)
        for other in members[1:]:
            part.join(_part_of(self.chain, other, number))
        return part

    def _send_part(self) -> bool:
        agenda, first = self.engine.agenda, self.stages[0]
        if agenda.now < self.next_part:
            agenda.at(self.next_part, self.send)
            return False
        if self.unsent is None:
            self.unsent = self._part(self.sent)
        if not first.admits(self.unsent) or not first.enter(self.unsent):
            return False
        self.unsent = None
        self.sent += 1
        self.next_part = agenda.now + self.controller.part_interval
        if self.sent < self.count:
            return True
        self.next_frame = agenda.now + 1 + self.controller.turnaround
        name = self.controller.name
        self.engine.busy[name] = self.engine.busy.get(name, 0) + self.next_frame - self._begin_at
        frame, self.frame = self.frame, []
        for flight in frame:
            self.engine.sent(flight)
        return True

    def ended(self, part: Part) -> None:
        """A part has ended."""
        flight = part.carrier
        flight.parts_left -= 1
        if flight.parts_left == 0 and not flight.order.prepares:
            for one in (flight.pair, flight):
                if one is not None:
                    self.begun.remove(one)
                    self.engine.moved(one)
            flight.pair = None
            self.send()


def _part_of(chain: Chain, flight: Flight, number: int) -> Part:
    """Part ``number`` of an instruction, with its shares at each mover."""
    movers = len(chain.movers)
    reads: list[list[Share]] = [[] for _ in range(movers)]
    writes: list[list[Share]] = [[] for _ in range(movers)]
    order, parts = flight.order, flight.order.parts
    last = 0
    operands = [(o, o.read, o.write) for o in order.operands]
    if order.prepares:
        operands = [(o, True, False) for o in order.operands if o.read and not o.write]
    elif flight.pair is not None:
        operands += [(o, o.read, True) for o in flight.pair.order.operands if o.write]
    for operand, read, write in operands:
        share = share_of(operand, number, parts)
        if share is None:
            continue
        if read:
            last = max(last, _place(share, chain.reads, reads))
        if write:
            last = max(last, _place(share, chain.writes, writes))
    return Part((flight.number, number, 0), flight, reads, writes, last)


def _place(share: Share, reach: tuple[frozenset[str], ...], shares: list[list[Share]]) -> int:
    for position, names in enumerate(reach):
        if share.storage in names:
            shares[position].append(share)
            return position
    return 0
