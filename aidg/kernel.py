"""Propagation of instructions, one after the other in program order, through flat lists of times.

The state is what later instructions can depend on and nothing else, so its size is bounded by what is alive,
whatever the trip count. All rules are those of ``docs/semantics.md``; the numbers in comments refer to them.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Hashable
from typing import TypeAlias

from acadl.operations import AddressRange
from aidg.machine import BUFFER, GROUP_READY, LAST_ISSUE, NEXT_READ
from aidg.prepare import PreparedProgram, Row, StorageAccess, TrackedOperand
from aidg.reservation import Reservations

# A range that is being accessed: where, done when, whether written, by which static operand.
Record: TypeAlias = tuple[AddressRange, int, bool, int]

# Tables are pruned when they have grown to this many entries since the last time.
PRUNE_AT = 64


class StorageState:
    """Ports and places of one storage over time."""

    __slots__ = ("busy", "hold", "limit", "places", "ports")

    def __init__(self, ports: int, hold: int, places: int) -> None:
        self.hold = hold
        self.ports = Reservations(ports)
        self.places = Reservations(places) if places else None
        self.limit = PRUNE_AT
        self.busy = 0  # port cycles

    def serve(self, arrival: int, latency: int) -> tuple[int, int]:
        """One transaction: when it is answered, and when it gives up its port (rules 7 and 8)."""
        hold = latency if self.hold < 0 else self.hold
        ports, places = self.ports, self.places
        moment = ports.earliest(arrival, hold)
        if places is not None:
            while True:
                later = places.earliest(moment, latency)
                moment = ports.earliest(later, hold)
                if moment == later:
                    break
            places.hold(moment, latency)
        ports.hold(moment, hold)
        self.busy += hold
        return moment + latency, moment + hold

    def serve_many(self, arrival: int, latency: int, count: int) -> tuple[int, int]:
        """``count`` transactions one after the other: the last answer and the last release of the port."""
        hold = latency if self.hold < 0 else self.hold
        if self.places is not None or hold == 0:
            answer = release = arrival
            for _ in range(count):
                answer, release = self.serve(release, latency)
            return answer, release
        ports = self.ports
        self.busy += count * hold
        while count:
            moment = ports.earliest(arrival, hold)
            together = min(count, ports.free_for(moment, count * hold) // hold)
            arrival = moment + together * hold
            ports.hold(moment, together * hold)
            count -= together
        return arrival - hold + latency, arrival


class Kernel:
    """State of a machine and the propagation of one instruction through it.

    Attributes:
        times: Latest leave times, earliest next starts, operand times; see :mod:`aidg.machine`.
        indices: Current loop indices by level.
        evaluated: Instructions propagated.
        busy: Per unit: cycles in which it could not start another instruction.
        recent: Latest ``done`` since whoever asks has reset it.
        first_enter: When the first instruction since the last reset entered the issue buffer; -1: none has.
    """

    def __init__(self, program: PreparedProgram) -> None:
        machine = program.machine
        self.program = program
        self.machine = machine
        self.times = [0] * machine.size
        self.position = 0
        self.indices = [0] * len(program.level_names)
        self.evaluated = 0
        self.recent = 0
        self.first_enter = -1
        self.busy = [0] * len(machine.units)
        self.storages = [StorageState(s.ports, s.hold, s.places) for s in machine.storages]
        self.cells: list[dict[int, tuple[int, int]]] = [{} for _ in program.groups]
        self.ranges: list[list[Record]] = [[] for _ in program.groups]
        self.limits = [PRUNE_AT] * len(program.groups)

    # -- one instruction ---------------------------------------------------------------------------------

    def propagate(self, row: Row) -> None:
        """Move the next dynamic instance of ``row`` through the machine."""
        times = self.times
        moment = self._issue(row)
        for place, capacity, service, latency, interval, fifo, target in row.hops:
            start = max(moment, times[service])  # rule 3
            times[service] = start + interval
            moment = max(start + latency, times[target])  # rules 2 and 5
            if fifo and times[place + capacity - 1] > moment:
                moment = times[place + capacity - 1]
            _push(times, place, capacity, moment)
        service = row.unit_service
        start = max(moment, times[row.unit_place], times[service])
        operands = row.operands
        spots: list[int] = []
        if operands:
            spots = self._locate(operands)
            start = self._operands_ready(operands, spots, start)  # rule 4
        done = start + row.latency
        if row.reads or row.writes:
            done = self._access(row.writes, self._access(row.reads, done))
        if row.interval < 0:
            times[service] = done
            self.busy[row.unit] += done - start
        else:
            times[service] = start + row.interval
            self.busy[row.unit] += row.interval
        if operands:
            self._operands_done(operands, spots, done)
        _push(times, row.unit_place, row.unit_capacity, done)
        _push(times, row.execute_place, row.execute_capacity, done)
        # only now: the base bounds what later instructions do, not what this one still does
        for access in (*row.reads, *row.writes):
            storage = self.storages[access.storage]
            if len(storage.ports.times) > storage.limit:
                self._prune_storage(storage)
        self.evaluated += 1
        if done > self.recent:
            self.recent = done

    def _issue(self, row: Row) -> int:
        """Fetch and issue (rule 6): when the instruction leaves the issue buffer."""
        times, machine = self.times, self.machine
        if self.position == 0:
            self._read_group()
        enter = times[GROUP_READY]
        self.position += 1
        if self.position == machine.fetch_width:
            self.position = 0
        if self.first_enter < 0:
            self.first_enter = enter
        moment = max(enter + machine.fetch_latency, times[row.issue], times[row.first_place])
        if machine.in_order_issue:
            if times[LAST_ISSUE] > moment:
                moment = times[LAST_ISSUE]
            times[LAST_ISSUE] = moment
        times[row.issue] = moment + 1
        _push(times, BUFFER, machine.buffer_places, moment)
        return moment

    def _read_group(self) -> None:
        """Read the next group of instructions into the issue buffer."""
        times, machine = self.times, self.machine
        start = max(times[NEXT_READ], times[BUFFER])
        ready = start + machine.read_latency
        if machine.instruction_storage >= 0:
            model = machine.storages[machine.instruction_storage].model
            latency = model.latency(machine.instruction_address, False)
            ready, _ = self.storages[machine.instruction_storage].serve(ready, latency)
        times[GROUP_READY] = ready
        times[NEXT_READ] = ready if machine.read_interval < 0 else start + machine.read_interval

    def _access(self, accesses: tuple[StorageAccess, ...], arrival: int) -> int:
        """All read, or all write, accesses of one instruction: when the last one is answered (rule 7)."""
        answered = arrival
        released: dict[int, int] = {}
        for access in accesses:
            storage = self.storages[access.storage]
            begin = released.get(access.storage, arrival) if access.chained else arrival
            if access.latency >= 0:
                answer, release = storage.serve_many(begin, access.latency, access.transactions)
            else:
                answer, release = self._access_with_state(access, storage, begin)
            released[access.storage] = release
            if answer > answered:
                answered = answer
        return answered

    def _access_with_state(
        self, access: StorageAccess, storage: StorageState, arrival: int
    ) -> tuple[int, int]:
        """Transactions whose latency the storage's own state decides (rule 9)."""
        spec = self.machine.storages[access.storage]
        size, rows, pitch = access.shape
        first = access.address.at(self.indices)
        answered = release = arrival
        for row in range(rows):
            for offset in range(0, size, spec.port_bytes):
                latency = spec.model.latency(first + row * pitch + offset, access.write)
                answer, release = storage.serve(release, latency)
                answered = max(answered, answer)
        return answered, release

    # -- operands ----------------------------------------------------------------------------------------

    def _locate(self, operands: tuple[TrackedOperand, ...]) -> list[int]:
        """Where the times of each operand are kept: a place in the list of times, a cell, or nowhere (0)."""
        indices, program = self.indices, self.program
        spots = []
        for operand in operands:
            spot = operand.position
            if spot < 0:
                group = program.groups[operand.group]
                if group.cell:
                    spot = (operand.address.at(indices) - group.origin) // group.cell
                    if operand.flat >= 0:
                        spot = operand.flat + 2 * spot
                else:
                    spot = 0
            spots.append(spot)
        return spots

    def _operands_ready(self, operands: tuple[TrackedOperand, ...], spots: list[int], ready: int) -> int:
        """When all earlier conflicting accesses are done, not before ``ready``.

        Cells hold (written, last read) times.
        """
        times = self.times
        for operand, spot in zip(operands, spots, strict=True):
            if operand.flat >= 0:
                written = times[spot]
                read = times[spot + 1] if operand.write else 0
            elif self.program.groups[operand.group].cell:
                written, read = self.cells[operand.group].get(spot, (0, 0))
                if not operand.write:
                    read = 0
            else:
                written, read = self._range_ready(operand, ready), 0
            if written > ready:
                ready = written
            if read > ready:
                ready = read
        return ready

    def _operands_done(self, operands: tuple[TrackedOperand, ...], spots: list[int], done: int) -> None:
        """Note the accesses of an instruction that is done at ``done``."""
        times = self.times
        for operand, spot in zip(operands, spots, strict=True):
            if operand.flat >= 0:
                position = spot if operand.write else spot + 1
                if done > times[position]:
                    times[position] = done
                continue
            number = operand.group
            if self.program.groups[number].cell:
                cells = self.cells[number]
                written, read = cells.get(spot, (0, 0))
                cells[spot] = (max(written, done), read) if operand.write else (written, max(read, done))
                size = len(cells)
            else:
                piece = AddressRange(operand.address.at(self.indices), *operand.shape)
                self.ranges[number].append((piece, done, operand.write, operand.access))
                size = len(self.ranges[number])
            if size > self.limits[number]:
                self._prune_group(number, self.base())

    def _range_ready(self, operand: TrackedOperand, ready: int) -> int:
        piece = AddressRange(operand.address.at(self.indices), *operand.shape)
        for other, done, written, _ in self.ranges[operand.group]:
            if done > ready and (written or operand.write) and piece.overlaps(other):
                ready = done
        return ready

    # -- the state as a whole ------------------------------------------------------------------------------

    def base(self) -> int:
        """Lower bound of every later event: when the next instruction can enter the first object."""
        times = self.times
        read = max(times[NEXT_READ], times[BUFFER])
        return min(times[GROUP_READY], read) if self.position else read

    def prune(self, base: int) -> None:
        """Forget what nobody can wait for any more."""
        for number in range(len(self.cells)):
            self._prune_group(number, base)

    def _prune_group(self, number: int, base: int) -> None:
        cells, records = self.cells[number], self.ranges[number]
        if cells:
            dead = [cell for cell, (written, read) in cells.items() if written <= base and read <= base]
            for cell in dead:
                del cells[cell]
        if records:
            records[:] = [record for record in records if record[1] > base]
        self.limits[number] = max(PRUNE_AT, 2 * (len(cells) + len(records)))

    def _prune_storage(self, storage: StorageState) -> None:
        base = self.base()
        storage.ports.prune(base)
        if storage.places is not None:
            storage.places.prune(base)
        storage.limit = max(PRUNE_AT, 2 * len(storage.ports.times))

    def normalised(self, base: int) -> tuple[Hashable, ...]:
        """Everything but operands in cells or ranges, relative to ``base``, the past clipped."""
        clipped = [t - base if t > base else 0 for t in self.times]
        if self.position == 0:
            clipped[GROUP_READY] = 0
        reservations = tuple(
            (s.ports.state(base), s.places.state(base) if s.places else ()) for s in self.storages
        )
        models = tuple(spec.model.state() for spec in self.machine.storages if not spec.model.is_fixed)
        return self.position, tuple(clipped), reservations, models

    def live_cells(self, number: int, displacement: int, base: int) -> Hashable:
        """Cells of a group that are still accessed, relative to ``base`` and a displacement in bytes."""
        distance = displacement // self.program.groups[number].cell
        return tuple(
            sorted(
                (cell - distance, max(written - base, 0), max(read - base, 0))
                for cell, (written, read) in self.cells[number].items()
            )
        )

    def shift(self, cycles: int, base: int) -> None:
        """Move all that lies at or after ``base`` by ``cycles``; addresses are the caller's business."""
        times = self.times
        self.times = [t + cycles if t >= base else t for t in times]
        for storage in self.storages:
            storage.ports.shift(cycles)
            if storage.places is not None:
                storage.places.shift(cycles)


def _push(times: list[int], first: int, count: int, moment: int) -> None:
    """Add a leave time to the ``count`` latest ones, kept in ascending order from ``first`` on (rule 2)."""
    if moment <= times[first]:
        return
    if count == 1:
        times[first] = moment
        return
    latest = times[first + 1 : first + count]
    insort(latest, moment)
    times[first : first + count] = latest
