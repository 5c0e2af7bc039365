"""Propagation of instructions in program order: the rules of ``docs/semantics.md`` on flat arrays.

One source for every kind of number and array. Interpreted, the arrays are plain lists; :mod:`aidg.compiled`
compiles the same functions for NumPy arrays. Times only ever meet ``+``, ``max`` and comparisons, so anything
that behaves like an integer can stand for one.

The functions keep to what both worlds know: integers, indexing, loops, tuples of arrays. Numbers in comments
are those of the rules.
"""

from __future__ import annotations

from typing import Any, NamedTuple

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

# Kinds of tape entries: (kind, a, b).
ROW = 0  # propagate the row whose code starts at a
BEGIN = 1  # a loop: its index a starts at 0
END = 2  # the end of a loop with index a and count b; the body starts at c

TAPE = 4  # numbers per entry

# Code of a row, relative to its start.
ISSUE, FIRST_PLACE, HOPS, HOP_COUNT, UNIT, UNIT_PLACE, UNIT_CAPACITY, UNIT_RING = range(8)
EXECUTE_PLACE, EXECUTE_CAPACITY, EXECUTE_RING, SERVICE, LATENCY, INTERVAL = range(8, 14)
OPERANDS, OPERAND_COUNT, ACCESSES, READ_COUNT, ACCESS_COUNT = range(14, 19)
CODE = 19

# A stage on the way: place, capacity, ring, service, latency, interval, is fifo, next place.
HOP = 8

# A tracked operand: kind, is written, position, group, plan, origin, cell, bytes, rows, pitch, access.
OPERAND = 11
FIXED = 0  # its times are at `position`
TURNING = 1  # its times are at `position` + 2 · cell
CELLS = 2  # its times are in the group's table of cells
RANGES = 3  # it is compared with the group's live ranges

# Transactions of an operand: storage, transactions, latency, is chained.
ACCESS = 4

# A storage: hold, ports' table, places' table (-1: no limit).
STORAGE = 3

# A table of reservations: entries used, capacity, entries from which on it is pruned, room.
TABLE = 4
# Live ranges of a group: how many, how many from which on they are pruned, room.
RANGE = 3

# A latency or interval that differs between instances comes from the queue.
QUEUED = -1
SAME = -2  # an interval that equals the latency; for units: not pipelined

# The front end.
FETCH_WIDTH, FETCH_LATENCY, IN_ORDER, READ_LATENCY, READ_INTERVAL = range(5)
FETCH_STORAGE, FETCH_ACCESS_LATENCY, BUFFER_PLACES, BUFFER_RING = range(5, 9)
# What one instruction can add to tables: no more than `factor` times (their entries + `extra`).
TABLES, ROOM_FACTOR, ROOM_EXTRA, GROUPS, RANGES_EXTRA = range(9, 14)

# Tables are pruned when they have grown to this many entries since the last time.
PRUNE_AT = 32

# Slots of the table of cells that are tried before it has to grow.
PROBES = 8
EMPTY = -1  # key of a slot that has never been used

# A live range: start, bytes, rows, pitch, is written, access.
PIECE = 6


class ProgramArrays(NamedTuple):
    """A prepared program, in numbers."""

    tape: Any
    code: Any
    hops: Any
    operands: Any
    accesses: Any
    plans: Any
    storages: Any
    front: Any


class State(NamedTuple):
    """What later instructions can depend on, and counters.

    Attributes:
        times: Latest leave times, earliest next starts, operand times; see :mod:`aidg.machine`.
        heads: Oldest entry of each ring of leave times.
        control: See the positions above.
        indices: Current loop indices by level.
        busy: Per unit: cycles in which it could not start another instruction.
        port_busy: Per storage: cycles for which ports are held.
        queue: Latencies that differ between instances, in the order of their use.
        spots: Where the times of the current instruction's operands are.
        events: Of the current instruction: enter, issue, then start and leave per stage, start and done in
            the unit.
        released: Per storage: when the current instruction gives up its port.
        stretches: Per table of reservations: starts of stretches of equal occupancy.
        levels: Places taken in each stretch; before the first one none is, in the last one none.
        tables: Per table: see ``TABLE``.
        keys, written, read: Per group in cells: a table of cells with their times.
        masks: Per group: slots of its table, minus one.
        pieces, ended: Per group in ranges: live ranges and when they are done.
        counts: Per group: see ``RANGE``.
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
    stretches: Any
    levels: Any
    tables: Any
    keys: Any
    written: Any
    read: Any
    masks: Any
    pieces: Any
    ended: Any
    counts: Any


def run(p: ProgramArrays, s: State, pc: int, stop: int) -> int:
    """Propagate the tape from entry ``pc`` up to ``stop``; returns why it ended there or earlier."""
    tape, indices, control = p.tape, s.indices, s.control
    limit = control[LIMIT]
    while pc != stop:
        entry = TAPE * pc
        kind = tape[entry]
        if kind == ROW:
            status = PAUSED if control[EVALUATED] >= limit else propagate(p, s, tape[entry + 1])
            if status != FINISHED:
                control[PC] = pc
                return status
            pc += 1
        elif kind == BEGIN:
            indices[tape[entry + 1]] = 0
            pc += 1
        else:
            level = tape[entry + 1]
            indices[level] += 1
            if indices[level] < tape[entry + 2]:
                pc = tape[entry + 3]
            else:
                indices[level] = 0
                pc += 1
    control[PC] = pc
    return FINISHED


def integers(address: int) -> Any:
    """Array of integers at an address: where the functions are compiled, a pointer takes this one's place."""
    raise TypeError(f"0x{address:x} is an address only where this is compiled")


def rows(address: int) -> Any:
    """Array of arrays of integers at an address: as :func:`integers`."""
    raise TypeError(f"0x{address:x} is an address only where this is compiled")


def enter(a: Any, pc: int, stop: int) -> int:
    """:func:`run` on the arrays whose addresses are in ``a``, in the order of their fields."""
    program = ProgramArrays(
        integers(a[0]),
        integers(a[1]),
        integers(a[2]),
        integers(a[3]),
        integers(a[4]),
        integers(a[5]),
        integers(a[6]),
        integers(a[7]),
    )
    state = State(
        integers(a[8]),
        integers(a[9]),
        integers(a[10]),
        integers(a[11]),
        integers(a[12]),
        integers(a[13]),
        integers(a[14]),
        integers(a[15]),
        integers(a[16]),
        integers(a[17]),
        rows(a[18]),
        rows(a[19]),
        integers(a[20]),
        rows(a[21]),
        rows(a[22]),
        rows(a[23]),
        integers(a[24]),
        rows(a[25]),
        rows(a[26]),
        integers(a[27]),
    )
    return run(program, state, pc, stop)


def propagate(p: ProgramArrays, s: State, row: int) -> int:
    """Move the next instance of the row whose code starts at ``row`` through the machine."""
    code, control = p.code, s.control
    if control[CROWDED]:
        status = _tidy(p, s)
        if status != FINISHED:
            return status
    if code[row + OPERAND_COUNT] and not _locate(p, s, row):
        return NEED_CELLS
    moment = _issue(p, s, row)
    if code[row + HOP_COUNT]:
        moment = _travel(p, s, row, moment)
    done = _process(p, s, row, moment)
    control[EVALUATED] += 1
    if done > control[RECENT]:
        control[RECENT] = done
    return FINISHED


def _issue(p: ProgramArrays, s: State, row: int) -> Any:
    """Fetch and issue (rule 6): when the instruction leaves the issue buffer."""
    code, front, times, control = p.code, p.front, s.times, s.control
    if control[POSITION] == 0:
        _read_group(p, s)
    enter = times[GROUP_READY]
    position = control[POSITION] + 1
    control[POSITION] = 0 if position == front[FETCH_WIDTH] else position
    if control[FIRST_ENTER] == NO_ENTER:
        control[FIRST_ENTER] = enter
    issue = code[row + ISSUE]
    moment = max(enter + front[FETCH_LATENCY], times[code[row + FIRST_PLACE]])
    if times[issue] > moment:
        moment = times[issue]
    if front[IN_ORDER]:
        if times[LAST_ISSUE] > moment:
            moment = times[LAST_ISSUE]
        times[LAST_ISSUE] = moment
    times[issue] = moment + 1
    _push(times, s.heads, BUFFER, front[BUFFER_PLACES], front[BUFFER_RING], moment)
    s.events[0] = enter
    s.events[1] = moment
    return moment


def _read_group(p: ProgramArrays, s: State) -> None:
    """Read the next group of instructions into the issue buffer."""
    front, times = p.front, s.times
    start = max(times[NEXT_READ], times[BUFFER])
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


def _travel(p: ProgramArrays, s: State, row: int, moment: Any) -> Any:
    """The stages on the way to the execute stage: when the instruction enters that one."""
    hops, times = p.hops, s.times
    first = p.code[row + HOPS]
    event = 2
    for hop in range(first, first + HOP * p.code[row + HOP_COUNT], HOP):
        latency, interval = hops[hop + 4], hops[hop + 5]
        if latency == QUEUED:
            latency = _queued(s)
        if interval == QUEUED:
            interval = _queued(s)
        elif interval == SAME:
            interval = latency
        service = hops[hop + 3]
        start = max(moment, times[service])  # rule 3
        times[service] = start + interval
        moment = max(start + latency, times[hops[hop + 7]])  # rules 2 and 5
        place, capacity, ring = hops[hop], hops[hop + 1], hops[hop + 2]
        if hops[hop + 6]:  # fifo
            last = place if capacity == 1 else place + 1 + (s.heads[ring] + capacity - 2) % (capacity - 1)
            if times[last] > moment:
                moment = times[last]
        _push(times, s.heads, place, capacity, ring, moment)
        s.events[event] = start
        s.events[event + 1] = moment
        event += 2
    return moment


def _process(p: ProgramArrays, s: State, row: int, moment: Any) -> Any:
    """The functional unit, with its operands and accesses: when it is done."""
    code, times = p.code, s.times
    service = code[row + SERVICE]
    start = max(moment, times[code[row + UNIT_PLACE]])
    if times[service] > start:
        start = times[service]
    tracked = code[row + OPERAND_COUNT]
    if tracked:
        start = _ready(p, s, row, start)  # rule 4
    latency, interval = code[row + LATENCY], code[row + INTERVAL]
    if latency == QUEUED:
        latency = _queued(s)
    if interval == QUEUED:
        interval = _queued(s)
    done = start + latency
    if code[row + ACCESS_COUNT]:
        done = _access(p, s, row, done)
    unit = code[row + UNIT]
    if interval == SAME:
        times[service] = done
        s.busy[unit] += done - start
    else:
        times[service] = start + interval
        s.busy[unit] += interval
    if tracked:
        _note(p, s, row, done)
    _push(times, s.heads, code[row + UNIT_PLACE], code[row + UNIT_CAPACITY], code[row + UNIT_RING], done)
    _push(
        times,
        s.heads,
        code[row + EXECUTE_PLACE],
        code[row + EXECUTE_CAPACITY],
        code[row + EXECUTE_RING],
        done,
    )
    event = 2 + 2 * code[row + HOP_COUNT]
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
    for _ in range(size - 1):  # from the latest one back; almost always the first try fits
        before = size - 1 if hole == 0 else hole - 1
        if times[first + before] <= moment:
            break
        times[first + hole] = times[first + before]
        hole = before
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
    read = max(times[NEXT_READ], times[BUFFER])
    if s.control[POSITION] and times[GROUP_READY] < read:
        return times[GROUP_READY]
    return read


# -- storages (rules 7 and 8) --------------------------------------------------------------------------------


def _tidy(p: ProgramArrays, s: State) -> int:
    """Forget what is over where tables are crowded; says which of them have to grow first."""
    base = base_of(p, s)
    for table in range(p.front[TABLES]):
        if s.tables[TABLE * table] > s.tables[TABLE * table + 2]:
            _prune_table(s, table, base)
            count, room = s.tables[TABLE * table], s.tables[TABLE * table + 3]
            # whatever one instruction can add to so many entries finds room
            most = room // p.front[ROOM_FACTOR] - p.front[ROOM_EXTRA]
            s.tables[TABLE * table + 2] = min(most, max(PRUNE_AT, 2 * count))
            if count > most:
                return NEED_RESERVATIONS
    for group in range(p.front[GROUPS]):
        if s.counts[RANGE * group] > s.counts[RANGE * group + 1]:
            _prune_ranges(s, group, base)
            count, room = s.counts[RANGE * group], s.counts[RANGE * group + 2]
            most = room - p.front[RANGES_EXTRA]
            s.counts[RANGE * group + 1] = min(most, max(PRUNE_AT, 2 * count))
            if count > most:
                return NEED_RANGES
    s.control[CROWDED] = 0
    return FINISHED


def _prune_table(s: State, table: int, base: Any) -> None:
    """Forget the stretches that are over."""
    count = s.tables[TABLE * table]
    stretches, levels = s.stretches[table], s.levels[table]
    gone = _after(stretches, count, base)
    # the stretch that `base` lies in stays
    gone = count if gone == count else max(gone - 1, 0)
    for i in range(gone, count):
        stretches[i - gone] = stretches[i]
        levels[i - gone] = levels[i]
    s.tables[TABLE * table] = count - gone


def _after(stretches: Any, count: int, moment: Any) -> int:
    """Index of the first stretch that starts after ``moment``."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if stretches[middle] > moment:
            high = middle
        else:
            low = middle + 1
    return low


def _access(p: ProgramArrays, s: State, row: int, arrival: Any) -> Any:
    """All reads, then all writes, of one instruction: when the last one is answered."""
    code, accesses = p.code, p.accesses
    first = code[row + ACCESSES]
    writes = first + ACCESS * code[row + READ_COUNT]
    answered = arrival
    for access in range(first, first + ACCESS * code[row + ACCESS_COUNT], ACCESS):
        if access == writes:
            arrival = answered
        storage = accesses[access]
        begin = s.released[storage] if accesses[access + 3] else arrival
        latency = accesses[access + 2]
        if latency == QUEUED:
            answer = _serve_queued(p, s, storage, begin, accesses[access + 1])
        else:
            answer = _serve_many(p, s, storage, begin, latency, accesses[access + 1])
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
    entry = STORAGE * storage
    hold = latency if p.storages[entry] == SAME else p.storages[entry]
    answer = arrival
    s.released[storage] = arrival
    if p.storages[entry + 2] >= 0 or hold == 0:
        for _ in range(count):
            answer = _serve(p, s, storage, s.released[storage], latency)
        return answer
    table = p.storages[entry + 1]
    s.port_busy[storage] += count * hold
    if s.tables[TABLE * table] == 0 or arrival >= s.stretches[table][s.tables[TABLE * table] - 1]:
        _hold(s, table, arrival, count * hold)  # nobody holds a port then or later
        s.released[storage] = arrival + count * hold
        return arrival + (count - 1) * hold + latency
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
    entry = STORAGE * storage
    hold = latency if p.storages[entry] == SAME else p.storages[entry]
    ports, places = p.storages[entry + 1], p.storages[entry + 2]
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
    count, capacity = s.tables[TABLE * table], s.tables[TABLE * table + 1]
    stretches, levels = s.stretches[table], s.levels[table]
    if hold == 0 or count == 0 or arrival >= stretches[count - 1]:
        return arrival
    moment = arrival
    position = _after(stretches, count, moment)
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
    count, capacity = s.tables[TABLE * table], s.tables[TABLE * table + 1]
    stretches, levels = s.stretches[table], s.levels[table]
    for position in range(_after(stretches, count, moment), count):
        if stretches[position] >= moment + wanted:
            break
        if levels[position] >= capacity:
            return stretches[position] - moment
    return wanted


def _hold(s: State, table: int, moment: Any, hold: int) -> None:
    """Take a place during ``[moment, moment + hold)``, which :func:`_earliest` has found free."""
    if hold == 0:
        return
    stretches, levels = s.stretches[table], s.levels[table]
    count = s.tables[TABLE * table]
    end = moment + hold
    if count == 0 or moment > stretches[count - 1]:
        stretches[count] = moment
        stretches[count + 1] = end
        levels[count] = 1
        levels[count + 1] = 0
        s.tables[TABLE * table] = count + 2
        if count + 2 > s.tables[TABLE * table + 2]:
            s.control[CROWDED] = 1
        return
    if moment == stretches[count - 1] and levels[count - 2] == 1:
        stretches[count - 1] = end
        return
    first = _split(s, table, moment)
    last = _split(s, table, end)
    for position in range(first, last):
        levels[position] += 1
    _merge(s, table, first, last)


def _split(s: State, table: int, moment: Any) -> int:
    """Index of the stretch that starts at ``moment``, made if there is none."""
    stretches, levels = s.stretches[table], s.levels[table]
    count = s.tables[TABLE * table]
    position = _after(stretches, count, moment)
    if position and stretches[position - 1] == moment:
        return position - 1
    for i in range(count, position, -1):
        stretches[i] = stretches[i - 1]
        levels[i] = levels[i - 1]
    stretches[position] = moment
    levels[position] = levels[position - 1] if position else 0
    s.tables[TABLE * table] = count + 1
    if count >= s.tables[TABLE * table + 2]:
        s.control[CROWDED] = 1
    return position


def _merge(s: State, table: int, first: int, last: int) -> None:
    """Join neighbouring stretches of one level around the changed ones."""
    stretches, levels = s.stretches[table], s.levels[table]
    count = s.tables[TABLE * table]
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
    s.tables[TABLE * table] = kept + 1


# -- operands (rule 4) ---------------------------------------------------------------------------------------


def _locate(p: ProgramArrays, s: State, row: int) -> bool:
    """Find where the times of each operand are kept, before anything happens; false: a table has to grow."""
    operands, spots = p.operands, s.spots
    first = p.code[row + OPERANDS]
    number = 0
    for operand in range(first, first + OPERAND * p.code[row + OPERAND_COUNT], OPERAND):
        kind = operands[operand]
        if kind == FIXED:
            spots[number] = operands[operand + 2]
        else:
            spot = _address(p.plans, operands[operand + 4], s.indices)
            if kind != RANGES:
                spot = (spot - operands[operand + 5]) // operands[operand + 6]
            if kind == TURNING:
                spot = operands[operand + 2] + 2 * spot
            elif kind == CELLS:
                spot = _slot(p, s, row, number, operands[operand + 3], spot)
                if spot < 0:
                    return False
            spots[number] = spot
        number += 1
    return True


def _address(plans: Any, plan: int, indices: Any) -> int:
    """Value of an affine address with rotations at the current loop indices."""
    value: int = plans[plan]
    position = plan + 2
    for _ in range(plans[plan + 1]):
        value += plans[position + 1] * indices[plans[position]]
        position += 2
    rotations = plans[position]
    position += 1
    for _ in range(rotations):
        scale, turning, modulus = plans[position], plans[position + 1], plans[position + 2]
        terms = plans[position + 3]
        position += 4
        for _ in range(terms):
            turning += plans[position + 1] * indices[plans[position]]
            position += 2
        value += scale * (turning % modulus)
    return value


def _slot(p: ProgramArrays, s: State, row: int, number: int, group: int, cell: int) -> Any:
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
        if dead and not _is_claimed(p, s, row, number, group, slot):
            keys[slot] = cell
            written[slot] = 0
            read[slot] = 0
            return slot
        slot = (slot + 1) & mask
    return -1


def _is_claimed(p: ProgramArrays, s: State, row: int, number: int, group: int, slot: int) -> bool:
    """Whether an earlier operand of the same instruction uses the slot."""
    first = p.code[row + OPERANDS]
    for other in range(number):
        operand = first + OPERAND * other
        if p.operands[operand] == CELLS and p.operands[operand + 3] == group and s.spots[other] == slot:
            return True
    return False


def _prune_ranges(s: State, group: int, base: Any) -> None:
    """Forget the ranges that nobody can wait for any more."""
    pieces, ended = s.pieces[group], s.ended[group]
    kept = 0
    for i in range(s.counts[RANGE * group]):
        if ended[i] > base:
            ended[kept] = ended[i]
            for field in range(PIECE):
                pieces[PIECE * kept + field] = pieces[PIECE * i + field]
            kept += 1
    s.counts[RANGE * group] = kept


def _ready(p: ProgramArrays, s: State, row: int, ready: Any) -> Any:
    """When all earlier conflicting accesses are done, not before ``ready``."""
    operands, spots, times = p.operands, s.spots, s.times
    first = p.code[row + OPERANDS]
    number = 0
    for operand in range(first, first + OPERAND * p.code[row + OPERAND_COUNT], OPERAND):
        kind, spot = operands[operand], spots[number]
        number += 1
        if kind <= TURNING:
            if times[spot] > ready:
                ready = times[spot]
            if operands[operand + 1] and times[spot + 1] > ready:
                ready = times[spot + 1]
        elif kind == CELLS:
            group = operands[operand + 3]
            if s.written[group][spot] > ready:
                ready = s.written[group][spot]
            if operands[operand + 1] and s.read[group][spot] > ready:
                ready = s.read[group][spot]
        else:
            ready = _range_ready(p, s, operand, spot, ready)
    return ready


def _range_ready(p: ProgramArrays, s: State, operand: int, start: int, ready: Any) -> Any:
    operands = p.operands
    group, write = operands[operand + 3], operands[operand + 1]
    pieces, ended = s.pieces[group], s.ended[group]
    for i in range(s.counts[RANGE * group]):
        if ended[i] > ready and (write or pieces[PIECE * i + 4]):
            at = PIECE * i
            if overlaps(
                start,
                operands[operand + 7],
                operands[operand + 8],
                operands[operand + 9],
                pieces[at],
                pieces[at + 1],
                pieces[at + 2],
                pieces[at + 3],
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


def _note(p: ProgramArrays, s: State, row: int, done: Any) -> None:
    """Note the accesses of an instruction that is done at ``done``."""
    operands, spots, times = p.operands, s.spots, s.times
    first = p.code[row + OPERANDS]
    number = 0
    for operand in range(first, first + OPERAND * p.code[row + OPERAND_COUNT], OPERAND):
        kind, write, spot = operands[operand], operands[operand + 1], spots[number]
        number += 1
        if kind <= TURNING:
            position = spot if write else spot + 1
            if done > times[position]:
                times[position] = done
        elif kind == CELLS:
            group = operands[operand + 3]
            table = s.written[group] if write else s.read[group]
            if done > table[spot]:
                table[spot] = done
        else:
            _note_range(p, s, operand, spot, done)


def _note_range(p: ProgramArrays, s: State, operand: int, start: int, done: Any) -> None:
    group = p.operands[operand + 3]
    entry = s.counts[RANGE * group]
    s.counts[RANGE * group] = entry + 1
    if entry >= s.counts[RANGE * group + 1]:
        s.control[CROWDED] = 1
    s.ended[group][entry] = done
    pieces, at = s.pieces[group], PIECE * entry
    pieces[at] = start
    pieces[at + 1] = p.operands[operand + 7]
    pieces[at + 2] = p.operands[operand + 8]
    pieces[at + 3] = p.operands[operand + 9]
    pieces[at + 4] = p.operands[operand + 1]
    pieces[at + 5] = p.operands[operand + 10]
