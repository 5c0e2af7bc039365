"""Propagation of instructions in program order: the rules of ``docs/semantics.md`` on flat arrays.

One source for every kind of number and array. Interpreted, the arrays are plain lists; :mod:`aidg.compiled`
compiles the same functions for NumPy arrays. Times only ever meet ``+``, ``max`` and comparisons, so anything
that behaves like an integer can stand for one.

The functions keep to what both worlds know: integers, indexing, loops, tuples of arrays. Numbers in comments
are those of the rules.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

# Fixed positions in the list of times.
NEXT_READ = 0  # when the instruction memory access unit can start its next read
GROUP_READY = 1  # when the current fetch group is in the issue buffer
LAST_ISSUE = 2  # when the previous instruction left the issue buffer
BUFFER = 3  # the latest leave times of the issue buffer start here

# Positions in `State.control`.
POSITION = 0  # instructions of the current fetch group that have been issued
EVALUATED = 1  # instructions propagated
RECENT = 2  # latest `done` since whoever asks has reset it
FIRST_ENTER = 3  # when the first instruction since the last reset entered the issue buffer, or NO_ENTER
LIMIT = 4  # stop once so many instructions have been propagated
QUEUE = 5  # next entry of the queue of latencies
PC = 6  # entry of the tape that comes next
CROWDED = 7  # some table has reached the size from which on it is pruned
CONTROLS = 8

NO_ENTER = -(1 << 62)

# Why `run` returns.
FINISHED = 0
PAUSED = 1  # the limit has been reached
NEED_RESERVATIONS = 2  # a table is full of what is still alive; nothing of the next instruction has happened
NEED_CELLS = 3
NEED_RANGES = 4

# Kinds of tape entries.
ROW = 0  # propagate row a
BEGIN = 1  # a loop: its index a starts at 0
END = 2  # the end of a loop with index a and count b; the body starts at c

# Kinds of operands.
FIXED = 0  # its times are at `position`
TURNING = 1  # its times are at `position` + 2 · cell
CELLS = 2  # its times are in the group's table of cells
RANGES = 3  # it is compared with the group's live ranges

# A latency or interval that differs between instances comes from the queue.
QUEUED = -1
SAME = -2  # an interval that equals the latency; for units: not pipelined

# The front end.
FETCH_WIDTH, FETCH_LATENCY, IN_ORDER, READ_LATENCY, READ_INTERVAL = range(5)
FETCH_STORAGE, FETCH_ACCESS_LATENCY, BUFFER_PLACES, BUFFER_RING = range(5, 9)
# What one instruction can add to tables: no more than `factor` times (their entries + `extra`).
TABLES, ROOM_FACTOR, ROOM_EXTRA, GROUPS, RANGES_EXTRA = range(9, 14)

# Live ranges are pruned when so many have been added since the last time, tables of reservations, which are
# searched faster, when they have grown to `SLACK` times as many entries.
PRUNE_AT = 32
SLACK = 4
# A table of reservations: capacity, entries from which on it is pruned, room.
TABLE = 3
# Live ranges of a group: entries from which on they are pruned, room.
RANGE = 2

# Slots of the table of cells that are tried before it has to grow.
PROBES = 8
EMPTY = -1  # key of a slot that has never been used


@dataclass(slots=True)
class ProgramArrays:
    """A prepared program in numbers: records, which are tuples of integers, one after the other.

    Attributes:
        tape: Kind, a, b, c.
        rows: Of an instruction until it leaves the issue buffer: position of the earliest next issue, first
            place, its stages on the way (first, stop), its operands (first, stop).
        hops: A stage on the way: place, capacity, ring, service, latency, interval, is fifo, next place.
        units: Of an instruction where it is processed: unit, service, latency, interval, duration, operands
            (first, stop), accesses (first, first write, stop), position of its events.
        places: Of an instruction: place, capacity, ring of the unit, then of the execute stage.
        operands: Kind, is written, position, group, address, origin, cell.
        shapes: Of an operand: bytes, rows, pitch, is written, access.
        accesses: Transactions of an operand: storage, how many, latency, is chained.
        addresses: Constant, terms (first, stop), rotations (first, stop).
        terms: Loop index, coefficient.
        rotations: Scale, constant, modulus, terms (first, stop).
        storages: Hold, ports' table, places' table (-1: no limit).
        front: The front end and sizes, no records: see above.
    """

    tape: Any
    rows: Any
    hops: Any
    units: Any
    places: Any
    operands: Any
    shapes: Any
    accesses: Any
    addresses: Any
    terms: Any
    rotations: Any
    storages: Any
    front: Any


@dataclass(slots=True)
class State:
    """What later instructions can depend on, and counters.

    Attributes:
        times: Latest leave times, earliest next starts, operand times; see :mod:`aidg.machine`.
        heads: Oldest entry of each ring of leave times.
        control: See the positions above.
        indices: Current loop indices by level.
        busy: Per unit: cycles in which it could not start another instruction.
        port_busy: Per storage: cycles for which ports are held.
        queue: Latencies that differ between instances, in the order of their use.
        spots: Per operand: where its times are, for those of the current instruction.
        events: Of the current instruction: enter, issue, then start and leave per stage, start and done in
            the unit.
        released: Per storage: when the current instruction gives up its port.
        used: Per table of reservations: stretches in use.
        tables: Per table: see ``TABLE``.
        stretches: Per table: starts of stretches of equal occupancy.
        levels: Places taken in each stretch; before the first one none is, in the last one none.
        masks: Per group in cells: slots of its table, minus one.
        keys, written, read: Per group in cells: a table of cells with their times.
        alive: Per group in ranges: live ranges.
        ranges: Per group: see ``RANGE``.
        latest: Per group in ranges: when the last write is done, when the last access is done.
        starts, users, ended: Per group in ranges: first address, operand, and when it is done.
    """

    times: Any
    heads: Any
    control: Any
    indices: Any
    busy: Any
    port_busy: Any
    queue: Any
    spots: Any
    events: Any
    released: Any
    used: Any
    tables: Any
    stretches: Any
    levels: Any
    masks: Any
    keys: Any
    written: Any
    read: Any
    alive: Any
    ranges: Any
    latest: Any
    starts: Any
    users: Any
    ended: Any


def run(p: ProgramArrays, s: State, pc: int, stop: int) -> int:
    """Propagate the tape from entry ``pc`` up to ``stop``; returns why it ended there or earlier."""
    tape, indices, control = p.tape, s.indices, s.control
    status, evaluated, limit = FINISHED, control[EVALUATED], control[LIMIT]
    while pc != stop:
        kind, a, b, c = tape[pc]
        if kind == ROW:
            status = PAUSED if evaluated >= limit else propagate(p, s, a)
            if status != FINISHED:
                break
            evaluated += 1
            pc += 1
        elif kind == BEGIN:
            indices[a] = 0
            pc += 1
        else:
            index = indices[a] + 1
            if index < b:
                indices[a] = index
                pc = c
            else:
                indices[a] = 0
                pc += 1
    control[EVALUATED] = evaluated
    control[PC] = pc
    return status


def integers(address: int) -> Any:
    """Array of integers at an address: where the functions are compiled, a pointer takes this one's place."""
    raise TypeError(f"0x{address:x} is an address only where this is compiled")


def tables(address: int) -> Any:
    """Array of arrays of integers at an address: as :func:`integers`."""
    raise TypeError(f"0x{address:x} is an address only where this is compiled")


def records(address: int, width: int) -> Any:
    """Array of tuples of ``width`` integers at an address: as :func:`integers`."""
    raise TypeError(f"0x{address:x} is an address only where this is compiled")


def enter(a: Any, pc: int, stop: int) -> int:
    """:func:`run` on the arrays whose addresses are in ``a``, in the order of their fields."""
    program = ProgramArrays(
        records(a[0], 4),
        records(a[1], 6),
        records(a[2], 8),
        records(a[3], 11),
        records(a[4], 6),
        records(a[5], 7),
        records(a[6], 5),
        records(a[7], 4),
        records(a[8], 5),
        records(a[9], 2),
        records(a[10], 5),
        records(a[11], 3),
        integers(a[12]),
    )
    state = State(
        integers(a[13]),
        integers(a[14]),
        integers(a[15]),
        integers(a[16]),
        integers(a[17]),
        integers(a[18]),
        integers(a[19]),
        integers(a[20]),
        integers(a[21]),
        integers(a[22]),
        integers(a[23]),
        integers(a[24]),
        tables(a[25]),
        tables(a[26]),
        integers(a[27]),
        tables(a[28]),
        tables(a[29]),
        tables(a[30]),
        integers(a[31]),
        integers(a[32]),
        integers(a[33]),
        tables(a[34]),
        tables(a[35]),
        tables(a[36]),
    )
    return run(program, state, pc, stop)


def propagate(p: ProgramArrays, s: State, row: int) -> int:
    """Move the next instance of a row through the machine."""
    control = s.control
    if control[CROWDED]:
        status = _tidy(p, s)
        if status != FINISHED:
            return status
    issue, first_place, hop, last_hop, operand, last_operand = p.rows[row]
    if operand != last_operand and not _locate(p, s, operand, last_operand):
        return NEED_CELLS
    moment = _issue(p, s, issue, first_place)
    if hop != last_hop:
        moment = _travel(p, s, hop, last_hop, moment)
    done = _process(p, s, row, moment)
    if done > control[RECENT]:
        control[RECENT] = done
    return FINISHED


def _issue(p: ProgramArrays, s: State, issue: int, first_place: int) -> Any:
    """Fetch and issue (rule 6): when the instruction leaves the issue buffer."""
    front, times, control, events = p.front, s.times, s.control, s.events
    position = control[POSITION]
    if position == 0:
        _read_group(p, s)
    position += 1
    control[POSITION] = 0 if position == front[FETCH_WIDTH] else position
    enter = times[GROUP_READY]
    if control[FIRST_ENTER] == NO_ENTER:
        control[FIRST_ENTER] = enter
    moment = enter + front[FETCH_LATENCY]
    if times[first_place] > moment:
        moment = times[first_place]
    if times[issue] > moment:
        moment = times[issue]
    if front[IN_ORDER]:
        if times[LAST_ISSUE] > moment:
            moment = times[LAST_ISSUE]
        times[LAST_ISSUE] = moment
    times[issue] = moment + 1
    _push(times, s.heads, BUFFER, front[BUFFER_PLACES], front[BUFFER_RING], moment)
    events[0] = enter
    events[1] = moment
    return moment


def _read_group(p: ProgramArrays, s: State) -> None:
    """Read the next group of instructions into the issue buffer."""
    front, times = p.front, s.times
    start = times[NEXT_READ]
    if times[BUFFER] > start:
        start = times[BUFFER]
    ready = start + front[READ_LATENCY]
    storage = front[FETCH_STORAGE]
    if storage >= 0:
        latency = front[FETCH_ACCESS_LATENCY]
        if latency == QUEUED:
            latency = _queued(s)
        ready = _serve(p, s, storage, ready, latency)
    times[GROUP_READY] = ready
    interval = front[READ_INTERVAL]
    times[NEXT_READ] = ready if interval == SAME else start + interval


def _travel(p: ProgramArrays, s: State, first: int, stop: int, moment: Any) -> Any:
    """The stages on the way to the execute stage: when the instruction enters that one."""
    hops, times, events = p.hops, s.times, s.events
    event = 2
    for hop in range(first, stop):
        place, capacity, ring, service, latency, interval, is_fifo, target = hops[hop]
        if latency == QUEUED:
            latency = _queued(s)
        if interval == QUEUED:
            interval = _queued(s)
        elif interval == SAME:
            interval = latency
        if times[service] > moment:  # rule 3
            moment = times[service]
        events[event] = moment
        times[service] = moment + interval
        moment += latency
        if times[target] > moment:  # rules 2 and 5
            moment = times[target]
        if is_fifo:
            last = place if capacity == 1 else place + 1 + (s.heads[ring] + capacity - 2) % (capacity - 1)
            if times[last] > moment:
                moment = times[last]
        _push(times, s.heads, place, capacity, ring, moment)
        events[event + 1] = moment
        event += 2
    return moment


def _process(p: ProgramArrays, s: State, row: int, start: Any) -> Any:
    """The functional unit, with its operands and accesses: when it is done."""
    unit, service, latency, interval, duration, operand, last_operand, access, write, last_access, event = (
        p.units[row]
    )
    place, capacity, ring, stage, stage_capacity, stage_ring = p.places[row]
    times, heads = s.times, s.heads
    if times[place] > start:
        start = times[place]
    if times[service] > start:
        start = times[service]
    if operand != last_operand:
        start = _ready(p, s, operand, last_operand, start)  # rule 4
    if latency == QUEUED:
        latency = _queued(s)
    if interval == QUEUED:
        interval = _queued(s)
    if duration == QUEUED:
        duration = _queued(s)
    done = start + latency
    if access != last_access:
        done = _access(p, s, access, write, last_access, done)
    if duration != 0 and start + duration > done:
        done = start + duration
    if interval == SAME:
        times[service] = done
        s.busy[unit] += done - start
    else:
        times[service] = start + interval
        s.busy[unit] += interval
    if operand != last_operand:
        _note(p, s, operand, last_operand, done)
    _push(times, heads, place, capacity, ring, done)
    _push(times, heads, stage, stage_capacity, stage_ring, done)
    s.events[event] = start
    s.events[event + 1] = done
    return done


def _push(times: Any, heads: Any, place: int, capacity: int, ring: int, moment: Any) -> None:
    """Add a leave time to the ``capacity`` latest ones (rule 2).

    The oldest of them is at ``place``, the others in a ring behind it, in ascending order from its head on.
    """
    if moment <= times[place]:
        return
    if capacity == 1:
        times[place] = moment
        return
    size, first = capacity - 1, place + 1
    hole = heads[ring]
    oldest = times[first + hole]
    if moment <= oldest:
        times[place] = moment
        return
    times[place] = oldest
    heads[ring] = 0 if hole + 1 == size else hole + 1
    before = size - 1 if hole == 0 else hole - 1
    if times[first + before] > moment:  # seldom: somebody has overtaken
        for _ in range(size - 1):
            times[first + hole] = times[first + before]
            hole = before
            before = size - 1 if hole == 0 else hole - 1
            if times[first + before] <= moment:
                break
    times[first + hole] = moment


def _queued(s: State) -> int:
    """The next latency from the queue."""
    entry = s.control[QUEUE]
    s.control[QUEUE] = entry + 1
    latency: int = s.queue[entry]
    return latency


def base_of(p: ProgramArrays, s: State) -> Any:
    """Lower bound of every later event: when the next instruction can enter the first object."""
    times = s.times
    read = times[NEXT_READ]
    if times[BUFFER] > read:
        read = times[BUFFER]
    if s.control[POSITION] and times[GROUP_READY] < read:
        return times[GROUP_READY]
    return read


# -- storages (rules 7 and 8) --------------------------------------------------------------------------------


def _tidy(p: ProgramArrays, s: State) -> int:
    """Forget what is over where tables are crowded; says which of them have to grow first."""
    base = base_of(p, s)
    for table in range(p.front[TABLES]):
        if s.used[table] > s.tables[TABLE * table + 1]:
            prune_table(s, table, base)
            count, room = s.used[table], s.tables[TABLE * table + 2]
            # whatever one instruction can add to so many entries finds room
            most = room // p.front[ROOM_FACTOR] - p.front[ROOM_EXTRA]
            s.tables[TABLE * table + 1] = min(most, max(SLACK * PRUNE_AT, 2 * count))
            if count > most:
                return NEED_RESERVATIONS
    for group in range(p.front[GROUPS]):
        if s.alive[group] > s.ranges[RANGE * group]:
            _prune_ranges(s, group, base)
            count, room = s.alive[group], s.ranges[RANGE * group + 1]
            most = room - p.front[RANGES_EXTRA]
            s.ranges[RANGE * group] = min(most, max(PRUNE_AT, 2 * count))
            if count > most:
                return NEED_RANGES
    s.control[CROWDED] = 0
    return FINISHED


def prune_table(s: State, table: int, base: Any) -> None:
    """Forget the stretches that are over."""
    count = s.used[table]
    stretches, levels = s.stretches[table], s.levels[table]
    gone = bisect_right(stretches, base, 0, count)
    # the stretch that `base` lies in stays
    gone = count if gone == count else max(gone - 1, 0)
    for i in range(gone, count):
        stretches[i - gone] = stretches[i]
        levels[i - gone] = levels[i]
    s.used[table] = count - gone


def _access(p: ProgramArrays, s: State, first: int, writes: int, stop: int, arrival: Any) -> Any:
    """All reads, then all writes, of one instruction: when the last one is answered."""
    accesses = p.accesses
    answered = arrival
    for access in range(first, stop):
        if access == writes:
            arrival = answered
        storage, count, latency, is_chained = accesses[access]
        begin = s.released[storage] if is_chained else arrival
        if latency == QUEUED:
            answer = _serve_queued(p, s, storage, begin, count)
        else:
            answer = _serve_many(p, s, storage, begin, latency, count)
        if answer > answered:
            answered = answer
    return answered


def _serve_queued(p: ProgramArrays, s: State, storage: int, arrival: Any, count: int) -> Any:
    """Transactions one after the other, each with a latency of its own (rule 9)."""
    answered = arrival
    s.released[storage] = arrival
    for _ in range(count):
        answer = _serve(p, s, storage, s.released[storage], _queued(s))
        if answer > answered:
            answered = answer
    return answered


def _serve_many(p: ProgramArrays, s: State, storage: int, arrival: Any, latency: int, count: int) -> Any:
    """Equal transactions one after the other: the last answer."""
    hold, table, places = p.storages[storage]
    if hold == SAME:
        hold = latency
    if places >= 0 or hold == 0:
        answer = s.released[storage] = arrival
        for _ in range(count):
            answer = _serve(p, s, storage, s.released[storage], latency)
        return answer
    held = count * hold
    s.port_busy[storage] += held
    used, stretches = s.used[table], s.stretches[table]
    if used == 0 or arrival >= stretches[used - 1]:
        _hold(s, table, arrival, held)  # nobody holds a port then or later
        s.released[storage] = arrival + held
        return arrival + (held - hold) + latency
    answer = arrival
    while count:
        moment = _earliest(s, table, arrival, hold)
        together = min(count, _free_for(s, table, moment, count * hold) // hold)
        _hold(s, table, moment, together * hold)
        arrival = moment + together * hold
        answer = moment + (together - 1) * hold + latency
        count -= together
    s.released[storage] = arrival
    return answer


def _serve(p: ProgramArrays, s: State, storage: int, arrival: Any, latency: int) -> Any:
    """One transaction: when it is answered; notes when it gives up its port."""
    hold, ports, places = p.storages[storage]
    if hold == SAME:
        hold = latency
    moment = _earliest(s, ports, arrival, hold)
    if places >= 0:
        later = _earliest(s, places, moment, latency)
        moment = _earliest(s, ports, later, hold)
        while moment != later:
            later = _earliest(s, places, moment, latency)
            moment = _earliest(s, ports, later, hold)
        _hold(s, places, moment, latency)
    _hold(s, ports, moment, hold)
    s.port_busy[storage] += hold
    s.released[storage] = moment + hold
    return moment + latency


def _earliest(s: State, table: int, arrival: Any, hold: int) -> Any:
    """First moment from ``arrival`` on at which a place is free for ``hold`` cycles."""
    count, capacity = s.used[table], s.tables[TABLE * table]
    stretches, levels = s.stretches[table], s.levels[table]
    if hold == 0 or count == 0 or arrival >= stretches[count - 1]:
        return arrival
    moment = arrival
    position = bisect_right(stretches, moment, 0, count)
    if position and levels[position - 1] >= capacity:
        moment = stretches[position]
        position += 1
    while position < count and stretches[position] < moment + hold:
        if levels[position] >= capacity:
            moment = stretches[position + 1]  # exists: in the last stretch no place is taken
            position += 1
        position += 1
    return moment


def _free_for(s: State, table: int, moment: Any, wanted: int) -> Any:
    """For how long a place is free from ``moment`` on, ``wanted`` at most; at ``moment`` one is free."""
    count, capacity = s.used[table], s.tables[TABLE * table]
    stretches, levels = s.stretches[table], s.levels[table]
    for position in range(bisect_right(stretches, moment, 0, count), count):
        if stretches[position] >= moment + wanted:
            break
        if levels[position] >= capacity:
            return stretches[position] - moment
    return wanted


def _hold(s: State, table: int, moment: Any, hold: int) -> None:
    """Take a place during ``[moment, moment + hold)``, which :func:`_earliest` has found free."""
    if hold == 0:
        return
    stretches, levels, count = s.stretches[table], s.levels[table], s.used[table]
    if count == 0 or moment > stretches[count - 1]:
        stretches[count] = moment
        levels[count] = 1
        count += 1
        stretches[count] = moment + hold
        levels[count] = 0
        count += 1
        s.used[table] = count
        if count > s.tables[TABLE * table + 1]:
            s.control[CROWDED] = 1
        return
    if moment == stretches[count - 1] and levels[count - 2] == 1:
        stretches[count - 1] = moment + hold
        return
    end = moment + hold
    position = bisect_right(stretches, moment, 0, count) - 1
    if position > 0 and end <= stretches[position + 1]:  # within one stretch
        starts, ends = stretches[position] == moment, stretches[position + 1] == end
        level = levels[position] + 1
        if starts and not ends and levels[position - 1] == level:  # the stretch before becomes longer
            stretches[position] = end
            return
        if ends and not starts and levels[position + 1] == level:  # the stretch after becomes longer
            stretches[position + 1] = moment
            return
        if not starts and not ends:
            _insert(s, table, position, moment, end)
            return
    first = _split(s, table, moment)
    last = _split(s, table, end)
    for position in range(first, last):
        levels[position] += 1
    _merge(s, table, first, last)


def _insert(s: State, table: int, position: int, moment: Any, end: Any) -> None:
    """Take a place during ``[moment, end)``, which lies within a stretch."""
    stretches, levels, count = s.stretches[table], s.levels[table], s.used[table]
    for i in range(count - 1, position, -1):
        stretches[i + 2] = stretches[i]
        levels[i + 2] = levels[i]
    stretches[position + 1] = moment
    stretches[position + 2] = end
    levels[position + 1] = levels[position] + 1
    levels[position + 2] = levels[position]
    s.used[table] = count + 2
    if count + 2 > s.tables[TABLE * table + 1]:
        s.control[CROWDED] = 1


def _split(s: State, table: int, moment: Any) -> int:
    """Index of the stretch that starts at ``moment``, made if there is none."""
    stretches, levels = s.stretches[table], s.levels[table]
    count = s.used[table]
    position = bisect_right(stretches, moment, 0, count)
    if position and stretches[position - 1] == moment:
        return position - 1
    for i in range(count, position, -1):
        stretches[i] = stretches[i - 1]
        levels[i] = levels[i - 1]
    stretches[position] = moment
    levels[position] = levels[position - 1] if position else 0
    s.used[table] = count + 1
    if count >= s.tables[TABLE * table + 1]:
        s.control[CROWDED] = 1
    return position


def _merge(s: State, table: int, first: int, last: int) -> None:
    """Join neighbouring stretches of one level around the changed ones."""
    stretches, levels = s.stretches[table], s.levels[table]
    count = s.used[table]
    low = max(first - 1, 0)
    kept = low - 1 if low == 0 and levels[0] == 0 else low
    for i in range(low + 1, count):
        if i > last:
            if kept == i - 1:  # nothing has gone, the rest stays where it is
                return
        elif kept >= 0 and levels[i] == levels[kept]:
            continue
        kept += 1
        stretches[kept] = stretches[i]
        levels[kept] = levels[i]
    s.used[table] = kept + 1


# -- operands (rule 4) ---------------------------------------------------------------------------------------


def _locate(p: ProgramArrays, s: State, first: int, stop: int) -> bool:
    """Find where the times of each operand are kept, before anything happens; false: a table has to grow."""
    operands, spots = p.operands, s.spots
    for operand in range(first, stop):
        kind, _, position, group, address, origin, cell = operands[operand]
        if kind == FIXED:
            spots[operand] = position
        else:
            spot = _address(p, address, s.indices)
            if kind == TURNING:
                spot = position + 2 * ((spot - origin) // cell)
            elif kind == CELLS:
                spot = _slot(p, s, first, operand, group, (spot - origin) // cell)
                if spot < 0:
                    return False
            spots[operand] = spot
    return True


def _address(p: ProgramArrays, address: int, indices: Any) -> int:
    """Value of an affine address with rotations at the current loop indices."""
    terms = p.terms
    value: int
    value, term, last_term, rotation, last_rotation = p.addresses[address]
    for i in range(term, last_term):
        level, coefficient = terms[i]
        value += coefficient * indices[level]
    for i in range(rotation, last_rotation):
        scale, turning, modulus, term, last_term = p.rotations[i]
        for j in range(term, last_term):
            level, coefficient = terms[j]
            turning += coefficient * indices[level]
        value += scale * (turning % modulus)
    return value


def _slot(p: ProgramArrays, s: State, first: int, operand: int, group: int, cell: int) -> Any:
    """Slot of a cell in its group's table, claimed if the cell has none; -1: the table has to grow."""
    keys, mask = s.keys[group], s.masks[group]
    slot = cell & mask
    for _ in range(PROBES):
        if keys[slot] == cell:
            return slot
        if keys[slot] == EMPTY:
            break
        slot = (slot + 1) & mask
    base = base_of(p, s)
    written, read = s.written[group], s.read[group]
    slot = cell & mask
    for _ in range(PROBES):
        dead = keys[slot] == EMPTY or (written[slot] <= base and read[slot] <= base)
        if dead and not _is_claimed(p, s, first, operand, group, slot):
            keys[slot] = cell
            written[slot] = 0
            read[slot] = 0
            return slot
        slot = (slot + 1) & mask
    return -1


def _is_claimed(p: ProgramArrays, s: State, first: int, operand: int, group: int, slot: int) -> bool:
    """Whether an earlier operand of the same instruction, which starts at ``first``, uses the slot."""
    for other in range(first, operand):
        kind, _, _, others, _, _, _ = p.operands[other]
        if kind == CELLS and others == group and s.spots[other] == slot:
            return True
    return False


def _prune_ranges(s: State, group: int, base: Any) -> None:
    """Forget the ranges that nobody can wait for any more."""
    starts, users, ended = s.starts[group], s.users[group], s.ended[group]
    kept = 0
    for i in range(s.alive[group]):
        if ended[i] > base:
            ended[kept] = ended[i]
            starts[kept] = starts[i]
            users[kept] = users[i]
            kept += 1
    s.alive[group] = kept


def _ready(p: ProgramArrays, s: State, first: int, stop: int, ready: Any) -> Any:
    """When all earlier conflicting accesses are done, not before ``ready``."""
    operands, spots, times = p.operands, s.spots, s.times
    for operand in range(first, stop):
        kind, is_written, _, group, _, _, _ = operands[operand]
        spot = spots[operand]
        if kind <= TURNING:
            if times[spot] > ready:
                ready = times[spot]
            if is_written and times[spot + 1] > ready:
                ready = times[spot + 1]
        elif kind == CELLS:
            if s.written[group][spot] > ready:
                ready = s.written[group][spot]
            if is_written and s.read[group][spot] > ready:
                ready = s.read[group][spot]
        elif s.latest[2 * group + is_written] > ready:
            ready = _range_ready(p, s, operand, group, spot, ready)
    return ready


def _range_ready(p: ProgramArrays, s: State, operand: int, group: int, start: int, ready: Any) -> Any:
    shapes, ended = p.shapes, s.ended[group]
    size, height, pitch, is_written, _ = shapes[operand]
    for i in range(s.alive[group]):
        if ended[i] > ready:
            other_size, other_height, other_pitch, was_written, _ = shapes[s.users[group][i]]
            if (is_written or was_written) and overlaps(
                start, size, height, pitch, s.starts[group][i], other_size, other_height, other_pitch
            ):
                ready = ended[i]
    return ready


def overlaps(
    start: int,
    size: int,
    rows: int,
    pitch: int,
    other: int,
    other_size: int,
    other_rows: int,
    other_pitch: int,
) -> bool:
    """Whether two ranges of ``rows`` pieces of ``size`` bytes, ``pitch`` bytes apart, share a byte."""
    if start >= other + (other_rows - 1) * other_pitch + other_size:
        return False
    if other >= start + (rows - 1) * pitch + size:
        return False
    if rows == 1 and other_rows == 1:
        return True
    if rows > other_rows:  # walk the rows of the one that has fewer
        return overlaps_rows(other, other_size, other_rows, other_pitch, start, size, rows, pitch)
    return overlaps_rows(start, size, rows, pitch, other, other_size, other_rows, other_pitch)


def overlaps_rows(
    start: int,
    size: int,
    rows: int,
    pitch: int,
    other: int,
    other_size: int,
    other_rows: int,
    other_pitch: int,
) -> bool:
    """Whether a row of the first range meets a row of the second."""
    for row in range(rows):
        low = start + row * pitch
        if other_rows == 1:
            if low < other + other_size and other < low + size:
                return True
            continue
        # the first row that ends after `low`
        met = max(0, (low - other - other_size) // other_pitch + 1)
        if met < other_rows and other + met * other_pitch < low + size:
            return True
    return False


def _note(p: ProgramArrays, s: State, first: int, stop: int, done: Any) -> None:
    """Note the accesses of an instruction that is done at ``done``."""
    operands, spots, times = p.operands, s.spots, s.times
    for operand in range(first, stop):
        kind, is_written, _, group, _, _, _ = operands[operand]
        spot = spots[operand]
        if kind <= TURNING:
            if not is_written:
                spot += 1
            if done > times[spot]:
                times[spot] = done
        elif kind == CELLS:
            table = s.written[group] if is_written else s.read[group]
            if done > table[spot]:
                table[spot] = done
        else:
            entry = s.alive[group]
            s.starts[group][entry] = spot
            s.users[group][entry] = operand
            s.ended[group][entry] = done
            s.alive[group] = entry + 1
            if entry >= s.ranges[RANGE * group]:
                s.control[CROWDED] = 1
            if done > s.latest[2 * group + 1]:
                s.latest[2 * group + 1] = done
            if is_written and done > s.latest[2 * group]:
                s.latest[2 * group] = done
