"""The controller on flat arrays: accept, schedule, issue, from event to event.

One source for two worlds: interpreted, the arrays are plain lists; :mod:`dram.compiled` compiles the same
functions for NumPy arrays. The functions keep to what both know: integers, indexing, loops, calls.

A step at cycle ``now`` lets at most one request in (which has been at the port since ``now - 1``), starts what
is due for refresh, and issues the commands of that cycle. If nothing can be issued, time moves on to the next
cycle at which something can: an arrival, a refresh, or the earliest start of a command that is waited for.
Nothing is ever looked at between, and looking at a cycle twice changes nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# Commands; the numbers are those of dram.commands.
ACT, PRE, PREA, PRESB, RD, RDA, WR, WRA, REF, REFPB, REFSB = range(11)
PDNA, PDXA, PDNP, PDXP, SREF, SREFX, ACT1, ACT2, CAS_RD, CAS_WR = range(11, 21)
COMMANDS = 21

NEVER = 1 << 60
NONE = -1

# Why `run` returns.
DRAINED = 0  # all requests are done
PAUSED = 1  # the next request is not known yet, or the limit is reached
NEED_ROOM = 2  # the record of commands is full

# Settings: positions in `Kernel.settings`.
(
    RANKS, GROUPS, BANKS, BANKS_PER_RANK, ADMISSION, READ_SIZE, WRITE_SIZE, STAGED, STAGED_SIZE, STAGED_BY,
    DRAIN, DRAIN_HIGH, DRAIN_LOW, PICK, ORDER, ROW_CAP, RESERVE, PAGE, PAGE_CAP, FORWARD, MERGE_WRITES,
    MERGE_READS, WRITE_DONE, REFRESH, REFRESH_INTERVAL, POSTPONE, PULL_IN, MAINTENANCE, BLOCKS, CLOSE_ALL,
    READ_END, WRITE_END, RECORD, LIMIT, FINAL, TWO_BUSES, FINISH_ORDER, ACTIVATE, EDGES, DRAIN_THRESHOLD,
    DRAIN_AT_END, RESPOND_IN_ORDER, SPLIT_TICKS, CLOCK_RD, CLOCK_WR,
) = range(45)  # fmt: skip
SETTINGS = 45

# ADMISSION: which queue has to have room.
SHARED, SPLIT, BANKWISE = range(3)
# DRAIN: what is served while writes wait.
TOGETHER, WATERMARKS = range(2)
# PICK: which requests of a bank may go.
FIFO, STRICT_FIFO, ROW_HITS, ROW_HITS_CAPPED, ROW_HITS_GROUPED, FIRST_READY = range(6)
# ORDER: who goes first among those that can.
OLDEST, ROUND_ROBIN_BANKS, ROUND_ROBIN_RANKS = range(3)
# PAGE: when rows are closed.
OPEN, CLOSED, OPEN_ADAPTIVE, CLOSED_ADAPTIVE, CAPPED = range(5)
# WRITE_DONE: when a write counts as done.
AT_COMMAND, AT_ACCEPT, AT_DATA = range(3)
# REFRESH.
NO_REFRESH, ALL_BANK, PER_BANK, SAME_BANK = range(4)
# BLOCKS: what waits while a refresh is due.
BLOCKS_CHANNEL, BLOCKS_TARGET = range(2)
# MAINTENANCE: which refreshes may go.
FIRST_ONLY, ALL_AT_ONCE = range(2)

# Registers: positions in `Kernel.regs`.
(
    NOW, INPUT, INPUTS, LAST_ACCEPT, SEQUENCE, WRITE_MODE, READS, WRITES, TURN, LAST_OP, FREE, BUSY, OUT,
    RECORDED, DUE_COUNT, NEXT_STRICT, LAST_BANK, BUS_ROW, BUS_COLUMN, BEST_KEY, BEST_ORDER, BEST_COMMAND,
    BEST_BANK, BEST_SLOT, BEST_ITEM, BEST_TIME, NEXT, WAIT_READ, WAIT_READ_TAIL, WAIT_READS, WAIT_WRITE,
    WAIT_WRITE_TAIL, WAIT_WRITES, DRAINING, RESERVED_COUNT, HITS, MISSES, CONFLICTS, FORWARDED, MERGED,
    LAST_RESPONSE, LAST_DATA, BASE, BUS_WANTED, PAIR_TICK, PAIR_RANK, PAIR_BANK,
    SPLIT_SLOT, SPLIT_DEADLINE, CAS_COMMAND, CAS_BANK, CAS_SLOT, CLOCK_END,
) = range(53)  # fmt: skip
REGS = 53
ANY_BUS = 2  # BUS_WANTED: commands of either bus

# A bank.
(
    ROW, HEAD, HEAD_W, TAIL, TAIL_W, HIT, HIT_W, MISS, MISS_W, RESERVED, ACCESSES, PLACE, COUNT, INJECTED,
    CLOSED_BY, FIRST, RANK_OF, GROUP_NODE, BANK_NODE, BLOCKED, NUMBER,
) = range(21)  # fmt: skip
BANK = 21

# A request that waits.
ID, ACCEPTED, BANK_OF, ROW_OF, COLUMN, OP, ORDER_OF, AFTER, BEFORE, SAME = range(10)
SLOT = 10

# A rank.
DUE, POSTPONED, PULLED, OPEN_BANKS, CHOSEN, KEEPS_CHOICE, TO_REFRESH = range(7)
RANK = 7

# An effect of a command: where, command, distance, window, ring, whether it enters the ring.
EFFECT = 6
ON_RANK, ON_GROUP, ON_BANK, ON_OTHER_RANKS, ON_CHANNEL, ON_SAME_BANK = range(6)

# Something due: kind, target (rank or bank).
ITEM = 2
DUE_REF, DUE_PRE, DUE_REFPB, DUE_REFSB = range(4)

RECORD_SIZE = 5  # cycle, command, rank or bank, row, column
RESULT = 3  # request, accept, done


class Kernel(NamedTuple):
    """Everything the controller works on.

    Attributes:
        settings: How it is set up; see the positions above.
        effects, effect_at: What each command does to later ones, and where its list starts.
        ticks, bus: Per command: its length, and the bus it takes.
        regs: Counters and the state of the whole.
        ready: Per node (ranks, groups, banks) and command: the earliest start.
        rings: Last starts of activations, for the windows.
        banks: Open rows and lists of requests.
        slots: Requests that wait.
        ranks: State of refresh.
        busy: Banks with requests, in no order.
        due: Refreshes and precharges that are due, first in first out.
        left: Per rank and bank: whether the bank is still to be refreshed in this round.
        counts: Commands issued, by command.
        results: Requests that are done: number, accept, done.
        record: Commands issued.
        arrival, bank, row, column, write: The requests that come.
    """

    settings: Any
    effects: Any
    effect_at: Any
    ticks: Any
    bus: Any
    regs: Any
    ready: Any
    rings: Any
    banks: Any
    slots: Any
    ranks: Any
    busy: Any
    due: Any
    left: Any
    counts: Any
    results: Any
    record: Any
    arrival: Any
    bank: Any
    row: Any
    column: Any
    write: Any


# Time ------------------------------------------------------------------------------------------------------


def earliest(k: Kernel, command: int, bank: int) -> int:
    """The earliest start of a command to one bank."""
    ready = k.ready
    at = bank * BANK
    time: int = ready[k.banks[at + BANK_NODE] * COMMANDS + command]
    other = ready[k.banks[at + GROUP_NODE] * COMMANDS + command]
    if other > time:
        time = other
    other = ready[k.banks[at + RANK_OF] * COMMANDS + command]
    if other > time:
        time = other
    other = k.regs[BUS_ROW + k.bus[command]]
    if other > time:
        time = other
    return time


def earliest_on_rank(k: Kernel, command: int, rank: int) -> int:
    """The earliest start of a command to a whole rank."""
    time: int = max(k.ready[rank * COMMANDS + command], k.regs[BUS_ROW + k.bus[command]])
    return time


def apply(k: Kernel, command: int, rank: int, bank: int, now: int) -> None:
    """Delay later commands as the rows of the standard say."""
    effects = k.effects
    ready = k.ready
    for number in range(k.effect_at[command], k.effect_at[command + 1]):
        at = number * EFFECT
        where = effects[at]
        target = effects[at + 1]
        time = now + effects[at + 2]
        if effects[at + 3] > 1:
            time = window_start(k, at, rank, now) + effects[at + 2]
        if where == ON_BANK:
            node = k.banks[bank * BANK + BANK_NODE]
        elif where == ON_GROUP:
            node = k.banks[bank * BANK + GROUP_NODE]
        elif where == ON_RANK:
            node = rank
        else:
            apply_widely(k, where, target, rank, bank, time)
            continue
        if ready[node * COMMANDS + target] < time:
            ready[node * COMMANDS + target] = time


def window_start(k: Kernel, at: int, rank: int, now: int) -> int:
    """Enter the command in its ring; the last clock of the oldest command that the window still counts."""
    window = k.effects[at + 3]
    ring = k.effects[at + 4] + rank * window
    if k.effects[at + 5] >= 0:
        for place in range(window - 1):
            k.rings[ring + place] = k.rings[ring + place + 1]
        k.rings[ring + window - 1] = now + k.effects[at + 5]
    oldest: int = k.rings[ring]
    return oldest


def apply_widely(k: Kernel, where: int, target: int, rank: int, bank: int, time: int) -> None:
    """Delay a command on other ranks, on the whole channel, or on one bank of every group."""
    ready = k.ready
    if where == ON_SAME_BANK:
        groups = k.settings[GROUPS]
        banks = k.settings[BANKS]
        for group in range(groups):
            other = (rank * groups + group) * banks + bank % banks
            node = k.banks[other * BANK + BANK_NODE]
            if ready[node * COMMANDS + target] < time:
                ready[node * COMMANDS + target] = time
        return
    for other in range(k.settings[RANKS]):
        if where == ON_OTHER_RANKS and other == rank:
            continue
        if ready[other * COMMANDS + target] < time:
            ready[other * COMMANDS + target] = time


# Queues ----------------------------------------------------------------------------------------------------


def enqueue(k: Kernel, slot: int) -> None:
    """Put a request at the end of its bank's list."""
    slots = k.slots
    banks = k.banks
    s = slot * SLOT
    bank = slots[s + BANK_OF]
    op = slots[s + OP]
    b = bank * BANK
    k.regs[SEQUENCE] += 1
    slots[s + ORDER_OF] = k.regs[SEQUENCE]
    tail = banks[b + TAIL + op]
    slots[s + BEFORE] = tail
    slots[s + AFTER] = NONE
    if tail == NONE:
        banks[b + HEAD + op] = slot
    else:
        slots[tail * SLOT + AFTER] = slot
    banks[b + TAIL + op] = slot
    if slots[s + ROW_OF] == banks[b + ROW]:
        if banks[b + HIT + op] == NONE:
            banks[b + HIT + op] = slot
    elif banks[b + MISS + op] == NONE:
        banks[b + MISS + op] = slot
    k.regs[READS + op] += 1
    banks[b + COUNT] += 1
    if banks[b + PLACE] == NONE:
        banks[b + PLACE] = k.regs[BUSY]
        k.busy[k.regs[BUSY]] = bank
        k.regs[BUSY] += 1


def unlink(k: Kernel, slot: int) -> None:
    """Take a request out of its bank's list."""
    slots = k.slots
    banks = k.banks
    s = slot * SLOT
    bank = slots[s + BANK_OF]
    op = slots[s + OP]
    b = bank * BANK
    before = slots[s + BEFORE]
    after = slots[s + AFTER]
    if before == NONE:
        banks[b + HEAD + op] = after
    else:
        slots[before * SLOT + AFTER] = after
    if after == NONE:
        banks[b + TAIL + op] = before
    else:
        slots[after * SLOT + BEFORE] = before
    if banks[b + HIT + op] == slot:
        banks[b + HIT + op] = next_hit(k, after, banks[b + ROW])
    elif banks[b + MISS + op] == slot:
        banks[b + MISS + op] = next_miss(k, after, banks[b + ROW])
    k.regs[READS + op] -= 1
    banks[b + COUNT] -= 1
    if banks[b + COUNT] == 0:
        place = banks[b + PLACE]
        k.regs[BUSY] -= 1
        last = k.busy[k.regs[BUSY]]
        k.busy[place] = last
        banks[last * BANK + PLACE] = place
        banks[b + PLACE] = NONE


def next_hit(k: Kernel, slot: int, row: int) -> int:
    """The first request from ``slot`` on that goes to a row."""
    while slot != NONE and k.slots[slot * SLOT + ROW_OF] != row:
        slot = k.slots[slot * SLOT + AFTER]
    return slot


def next_miss(k: Kernel, slot: int, row: int) -> int:
    """The first request from ``slot`` on that goes to another row."""
    while slot != NONE and k.slots[slot * SLOT + ROW_OF] == row:
        slot = k.slots[slot * SLOT + AFTER]
    return slot


def open_row(k: Kernel, bank: int, row: int) -> None:
    """A row has been opened, or (``NONE``) closed: sort the bank's requests into hits and misses."""
    b = bank * BANK
    banks = k.banks
    banks[b + ROW] = row
    for op in range(2):
        head = banks[b + HEAD + op]
        banks[b + HIT + op] = NONE if row == NONE else next_hit(k, head, row)
        banks[b + MISS + op] = head if row == NONE else next_miss(k, head, row)


def older(k: Kernel, first: int, second: int) -> int:
    """The older of two requests, of which either may be ``NONE``."""
    if first == NONE:
        return second
    if second == NONE or k.slots[first * SLOT + ORDER_OF] < k.slots[second * SLOT + ORDER_OF]:
        return first
    return second


def same_place(k: Kernel, slot: int, row: int, column: int) -> int:
    """The first request from ``slot`` on, in the order of its list, to a row and column."""
    while slot != NONE:
        s = slot * SLOT
        if k.slots[s + ROW_OF] == row and k.slots[s + COLUMN] == column:
            return slot
        slot = k.slots[s + AFTER]
    return NONE


def waiting_at(k: Kernel, slot: int, bank: int, row: int, column: int) -> int:
    """The same in a list of requests to all banks."""
    while slot != NONE:
        s = slot * SLOT
        if k.slots[s + BANK_OF] == bank and k.slots[s + ROW_OF] == row and k.slots[s + COLUMN] == column:
            return slot
        slot = k.slots[s + AFTER]
    return NONE


# The port --------------------------------------------------------------------------------------------------


def accept(k: Kernel, now: int) -> None:
    """Let the next request in, if it is there and there is room for it."""
    regs = k.regs
    number = regs[INPUT]
    label = now - 1
    if number >= regs[INPUTS] or k.arrival[number] > label or regs[LAST_ACCEPT] >= label:
        return
    op = k.write[number]
    bank = k.bank[number]
    if regs[FREE] == NONE or (k.settings[STAGED] and not has_room(k, bank, op)):
        return
    if answered_at_once(k, number, bank, op, label):
        regs[INPUT] += 1
        regs[LAST_ACCEPT] = label
        return
    if not has_room(k, bank, op):
        return
    regs[INPUT] += 1
    regs[LAST_ACCEPT] = label
    regs[LAST_BANK] = bank
    slot = regs[FREE]
    s = slot * SLOT
    slots = k.slots
    regs[FREE] = slots[s + AFTER]
    slots[s + ID] = regs[BASE] + number
    slots[s + ACCEPTED] = label
    slots[s + BANK_OF] = bank
    slots[s + ROW_OF] = k.row[number]
    slots[s + COLUMN] = k.column[number]
    slots[s + OP] = op
    slots[s + SAME] = NONE
    if op == 0 and k.settings[MERGE_READS] and joined(k, slot):
        return
    if op == 1 and k.settings[WRITE_DONE] == AT_ACCEPT:
        finish(k, slots[s + ID], label, label + 1)
    if k.settings[STAGED]:
        wait(k, slot, op)
    else:
        enqueue(k, slot)


def has_room(k: Kernel, bank: int, op: int) -> bool:
    """Whether the queue of the next request has room for it."""
    settings = k.settings
    regs = k.regs
    kind = settings[ADMISSION]
    if settings[STAGED]:
        if kind == SHARED:
            return bool(regs[WAIT_READS] < settings[READ_SIZE])
        return bool(regs[WAIT_WRITES if op else WAIT_READS] < settings[READ_SIZE + op])
    if kind == SPLIT:
        return bool(regs[READS + op] < settings[READ_SIZE + op])
    if kind == SHARED:
        return bool(regs[READS] + regs[WRITES] < settings[READ_SIZE])
    # the port decides before it knows the bank of the next request: by that of the last one
    return bool(k.banks[regs[LAST_BANK] * BANK + COUNT] < settings[READ_SIZE])


def answered_at_once(k: Kernel, number: int, bank: int, op: int, label: int) -> bool:
    """Whether a waiting write answers the request (forwarding), or takes it in (coalescing)."""
    settings = k.settings
    if not settings[MERGE_WRITES if op else FORWARD]:
        return False
    row = k.row[number]
    column = k.column[number]
    if same_place(k, k.banks[bank * BANK + HEAD_W], row, column) == NONE:
        if not settings[STAGED]:
            return False
        waiting = k.regs[WAIT_READ if settings[ADMISSION] == SHARED else WAIT_WRITE]
        while waiting != NONE:
            waiting = waiting_at(k, waiting, bank, row, column)
            if waiting == NONE or k.slots[waiting * SLOT + OP] == 1:
                break
            waiting = k.slots[waiting * SLOT + AFTER]
        if waiting == NONE:
            return False
    k.regs[MERGED if op else FORWARDED] += 1
    if op == 0:
        respond(k, k.regs[BASE] + number, label, label + 1)
    else:
        finish(k, k.regs[BASE] + number, label, label if settings[WRITE_DONE] == AT_COMMAND else label + 1)
    return True


def joined(k: Kernel, slot: int) -> bool:
    """Whether a read to the same place waits; the new one is then answered with it."""
    s = slot * SLOT
    bank = k.slots[s + BANK_OF]
    row = k.slots[s + ROW_OF]
    column = k.slots[s + COLUMN]
    found = same_place(k, k.banks[bank * BANK + HEAD], row, column)
    waiting = k.regs[WAIT_READ]
    while found == NONE and waiting != NONE:
        waiting = waiting_at(k, waiting, bank, row, column)
        if waiting != NONE:
            if k.slots[waiting * SLOT + OP] == 0:
                found = waiting
            waiting = k.slots[waiting * SLOT + AFTER]
    if found == NONE:
        return False
    k.slots[s + SAME] = k.slots[found * SLOT + SAME]
    k.slots[found * SLOT + SAME] = slot
    k.regs[MERGED] += 1
    return True


def finish(k: Kernel, number: int, accepted: int, done: int) -> None:
    """Note when a request is done."""
    regs = k.regs
    at = regs[OUT] * RESULT
    k.results[at] = number
    k.results[at + 1] = accepted
    k.results[at + 2] = done
    regs[OUT] += 1


def respond(k: Kernel, number: int, accepted: int, done: int) -> None:
    """The same for a read, which may have to wait for the answers that are on their way."""
    if k.settings[RESPOND_IN_ORDER]:
        done = max(done, k.regs[LAST_RESPONSE])
        k.regs[LAST_RESPONSE] = done
    finish(k, number, accepted, done)


def release(k: Kernel, slot: int) -> None:
    """Give a slot back."""
    k.slots[slot * SLOT + AFTER] = k.regs[FREE]
    k.regs[FREE] = slot


# The stage before the queues -------------------------------------------------------------------------------


def wait(k: Kernel, slot: int, op: int) -> None:
    """Put a request in the stage before the banks' queues."""
    regs = k.regs
    at = WAIT_WRITE if op and k.settings[ADMISSION] != SHARED else WAIT_READ
    s = slot * SLOT
    tail = regs[at + 1]
    k.slots[s + AFTER] = NONE
    k.slots[s + BEFORE] = tail
    if tail == NONE:
        regs[at] = slot
    else:
        k.slots[tail * SLOT + AFTER] = slot
    regs[at + 1] = slot
    regs[at + 2] += 1


def leave(k: Kernel, slot: int, at: int) -> None:
    """Take a request out of the stage."""
    regs = k.regs
    s = slot * SLOT
    before = k.slots[s + BEFORE]
    after = k.slots[s + AFTER]
    if before == NONE:
        regs[at] = after
    else:
        k.slots[before * SLOT + AFTER] = after
    if after == NONE:
        regs[at + 1] = before
    else:
        k.slots[after * SLOT + BEFORE] = before
    regs[at + 2] -= 1


def stage(k: Kernel) -> bool:
    """Move one request from the stage to its queue; whether one has been moved."""
    regs = k.regs
    settings = k.settings
    shared = settings[ADMISSION] == SHARED
    if not shared and regs[DRAINING] == 0:
        queued = regs[READS] + regs[WRITES]
        full = regs[WAIT_WRITES] >= settings[WRITE_SIZE]
        over = regs[INPUT] >= regs[INPUTS] and settings[FINAL] and regs[WAIT_READS] == 0
        over = over and settings[DRAIN_AT_END]
        if full or (queued == 0 and (over or regs[WAIT_WRITES] > settings[DRAIN_THRESHOLD])):
            regs[DRAINING] = regs[WAIT_WRITES]
    at = WAIT_WRITE if not shared and regs[DRAINING] > 0 else WAIT_READ
    slot = regs[at]
    while slot != NONE:
        s = slot * SLOT
        bank = k.slots[s + BANK_OF]
        if queue_of(k, bank) < settings[STAGED_SIZE]:
            if at == WAIT_WRITE:
                if read_pending(k, slot):
                    regs[DRAINING] = 0
                    return True  # reads have their turn in the next cycle
                regs[DRAINING] -= 1
            leave(k, slot, at)
            enqueue(k, slot)
            return True
        slot = k.slots[s + AFTER]
    return False


def queue_of(k: Kernel, bank: int) -> int:
    """Requests in the queue that a bank belongs to."""
    count: int = 0
    if k.settings[STAGED_BY] == ROUND_ROBIN_BANKS:
        count = k.banks[bank * BANK + COUNT]
        return count
    per_rank = k.settings[BANKS_PER_RANK]
    first = bank // per_rank * per_rank
    for other in range(first, first + per_rank):
        count += k.banks[other * BANK + COUNT]
    return count


def read_pending(k: Kernel, slot: int) -> bool:
    """Whether a read to the place of a write still waits."""
    s = slot * SLOT
    bank = k.slots[s + BANK_OF]
    row = k.slots[s + ROW_OF]
    column = k.slots[s + COLUMN]
    if same_place(k, k.banks[bank * BANK + HEAD], row, column) != NONE:
        return True
    return waiting_at(k, k.regs[WAIT_READ], bank, row, column) != NONE


# Refresh ---------------------------------------------------------------------------------------------------


def push_due(k: Kernel, kind: int, target: int) -> None:
    """Something is due, after what is due already."""
    at = k.regs[DUE_COUNT] * ITEM
    k.due[at] = kind
    k.due[at + 1] = target
    k.regs[DUE_COUNT] += 1


def pop_due(k: Kernel, item: int) -> None:
    """Something that was due has been done."""
    k.regs[DUE_COUNT] -= 1
    for at in range(item * ITEM, k.regs[DUE_COUNT] * ITEM):
        k.due[at] = k.due[at + ITEM]


def start_refreshes(k: Kernel, now: int) -> None:
    """Queue the refreshes whose time has come."""
    settings = k.settings
    for rank in range(settings[RANKS]):
        r = rank * RANK
        while k.ranks[r + DUE] <= now:
            k.ranks[r + DUE] += settings[REFRESH_INTERVAL]
            push_due(k, DUE_REF, rank)
            if settings[BLOCKS] == BLOCKS_TARGET:
                block_rank(k, rank, 1)


def block_rank(k: Kernel, rank: int, value: int) -> None:
    """Keep requests away from a rank, or let them to it again."""
    first = rank * k.settings[BANKS_PER_RANK]
    for bank in range(first, first + k.settings[BANKS_PER_RANK]):
        k.banks[bank * BANK + BLOCKED] = value


def inject_precharges(k: Kernel, now: int) -> None:
    """Rows that have been used often enough are to be closed as soon as they can be."""
    for bank in range(k.settings[RANKS] * k.settings[BANKS_PER_RANK]):
        b = bank * BANK
        if k.banks[b + ACCESSES] >= k.settings[PAGE_CAP] and k.banks[b + INJECTED] == 0:
            time = earliest(k, PRE, bank)
            if time <= now:
                push_due(k, DUE_PRE, bank)
                k.banks[b + INJECTED] = 1
            elif time < k.regs[NEXT]:
                k.regs[NEXT] = time


def offer_due(k: Kernel, now: int) -> None:
    """Offer the command that the first item needs next."""
    item = 0
    target = k.due[item * ITEM + 1]
    opening = NONE if k.regs[SPLIT_SLOT] == NONE else k.slots[k.regs[SPLIT_SLOT] * SLOT + BANK_OF]
    if k.due[item * ITEM] == DUE_PRE:
        if k.banks[target * BANK + RESERVED] == NONE and target != opening:
            offer(k, now, earliest(k, PRE, target), 1, 0, PRE, target, NONE, item)
        return
    first = target * k.settings[BANKS_PER_RANK]
    if opening != NONE and k.banks[opening * BANK + RANK_OF] == target:
        return
    if k.ranks[target * RANK + OPEN_BANKS] == 0:
        offer(k, now, earliest_on_rank(k, REF, target), 1, 0, REF, first, NONE, item)
        return
    if not k.settings[CLOSE_ALL]:
        offer_precharges(k, now, first, item)
        return
    if k.regs[RESERVED_COUNT] > 0:
        for bank in range(first, first + k.settings[BANKS_PER_RANK]):
            if k.banks[bank * BANK + RESERVED] != NONE:
                return
    offer(k, now, earliest_on_rank(k, PREA, target), 1, 0, PREA, first, NONE, item)


def offer_precharges(k: Kernel, now: int, first: int, item: int) -> None:
    """Close a rank's banks one by one, in their order as they can be closed."""
    for bank in range(first, first + k.settings[BANKS_PER_RANK]):
        if k.banks[bank * BANK + ROW] != NONE:
            offer(k, now, earliest(k, PRE, bank), 1, bank, PRE, bank, NONE, item)


def offer_refresh(k: Kernel, now: int, rank: int) -> None:
    """Offer what a rank's refresh needs, which may be put off while requests wait, or done in advance."""
    r = rank * RANK
    ranks = k.ranks
    interval = k.settings[REFRESH_INTERVAL]
    if now < ranks[r + DUE]:
        k.regs[NEXT] = min(k.regs[NEXT], ranks[r + DUE])
        return
    if now >= ranks[r + DUE] + interval:
        ranks[r + DUE] += interval
        ranks[r + PULLED] = 0
    if k.settings[REFRESH] == ALL_BANK:
        offer_all_bank(k, now, rank)
    else:
        offer_some_banks(k, now, rank)
    if ranks[r + DUE] > now:
        k.regs[NEXT] = min(k.regs[NEXT], ranks[r + DUE])


def offer_all_bank(k: Kernel, now: int, rank: int) -> None:
    """The same for a refresh of all banks."""
    r = rank * RANK
    ranks = k.ranks
    first = rank * k.settings[BANKS_PER_RANK]
    if ranks[r + PULLED] == 0 and ranks[r + POSTPONED] == k.settings[POSTPONE]:
        block_rank(k, rank, 1)
    else:
        for bank in range(first, first + k.settings[BANKS_PER_RANK]):
            if k.banks[bank * BANK + COUNT] > 0:
                put_off(k, rank)
                return
    if ranks[r + OPEN_BANKS] > 0:
        offer(k, now, earliest_on_rank(k, PREA, rank), 1, 0, PREA, first, NONE, NONE)
    else:
        offer(k, now, earliest_on_rank(k, REF, rank), 1, 0, REF, first, NONE, NONE)


def put_off(k: Kernel, rank: int) -> None:
    """A refresh is put off, or the run of refreshes in advance ends."""
    r = rank * RANK
    if k.ranks[r + PULLED]:
        k.ranks[r + PULLED] = 0
    else:
        k.ranks[r + POSTPONED] += 1
    k.ranks[r + DUE] += k.settings[REFRESH_INTERVAL]


def offer_some_banks(k: Kernel, now: int, rank: int) -> None:
    """The same for a refresh of one bank, or of one bank of each group: an idle one, if there is one."""
    r = rank * RANK
    ranks = k.ranks
    forced = ranks[r + PULLED] == 0 and ranks[r + POSTPONED] == k.settings[POSTPONE]
    busy = True
    if not ranks[r + KEEPS_CHOICE]:
        ranks[r + CHOSEN] = choice(k, rank, False)
        idle = choice(k, rank, True)
        if idle != NONE:
            ranks[r + CHOSEN] = idle
            busy = False
    if busy and not forced:
        put_off(k, rank)
        return
    chosen = ranks[r + CHOSEN]
    same = k.settings[REFRESH] == SAME_BANK
    if any_open(k, chosen, same):
        command = PRESB if same else PRE
    else:
        command = REFSB if same else REFPB
        if forced:
            ranks[r + KEEPS_CHOICE] = 1
            block_chosen(k, chosen, same, 1)
    offer(k, now, earliest(k, command, chosen), 1, 0, command, chosen, NONE, NONE)


def choice(k: Kernel, rank: int, idle: bool) -> int:
    """The first bank that is still to be refreshed in this round, or the first idle one of them."""
    same = k.settings[REFRESH] == SAME_BANK
    first = rank * k.settings[BANKS_PER_RANK]
    for bank in range(first, first + (k.settings[BANKS] if same else k.settings[BANKS_PER_RANK])):
        if k.left[bank] and not (idle and any_waiting(k, bank, same)):
            return bank
    return NONE


def any_waiting(k: Kernel, bank: int, same: bool) -> bool:
    """Whether requests wait for a bank, or for a bank of its number in any group."""
    for other in range(bank, bank + (k.settings[BANKS_PER_RANK] if same else 1), k.settings[BANKS]):
        if k.banks[other * BANK + COUNT] > 0:
            return True
    return False


def any_open(k: Kernel, bank: int, same: bool) -> bool:
    """The same for open rows."""
    for other in range(bank, bank + (k.settings[BANKS_PER_RANK] if same else 1), k.settings[BANKS]):
        if k.banks[other * BANK + ROW] != NONE:
            return True
    return False


def block_chosen(k: Kernel, bank: int, same: bool, value: int) -> None:
    """Keep requests away from the banks that a refresh has chosen, or let them to them again."""
    for other in range(bank, bank + (k.settings[BANKS_PER_RANK] if same else 1), k.settings[BANKS]):
        k.banks[other * BANK + BLOCKED] = value


def refreshed(k: Kernel, rank: int) -> None:
    """A refresh has been issued: when is the next one due?"""
    r = rank * RANK
    ranks = k.ranks
    if k.settings[MAINTENANCE] == FIRST_ONLY:
        return
    if ranks[r + PULLED]:
        ranks[r + POSTPONED] -= 1
    else:
        ranks[r + PULLED] = 1
    if ranks[r + POSTPONED] == -k.settings[PULL_IN]:
        ranks[r + PULLED] = 0
        ranks[r + DUE] += k.settings[REFRESH_INTERVAL]


def refreshed_some(k: Kernel, rank: int, chosen: int, same: bool) -> None:
    """The same where some banks have been refreshed: they wait until all others have had their turn."""
    r = rank * RANK
    k.ranks[r + KEEPS_CHOICE] = 0
    block_chosen(k, chosen, same, 0)
    k.left[chosen] = 0
    k.ranks[r + TO_REFRESH] -= 1
    if k.ranks[r + TO_REFRESH] == 0:
        count = k.settings[BANKS] if same else k.settings[BANKS_PER_RANK]
        first = rank * k.settings[BANKS_PER_RANK]
        for bank in range(first, first + count):
            k.left[bank] = 1
        k.ranks[r + TO_REFRESH] = count
    refreshed(k, rank)


# The schedule ----------------------------------------------------------------------------------------------


def offer(
    k: Kernel, now: int, time: int, rank: int, order: int, command: int, bank: int, slot: int, item: int
) -> None:
    """A command that may go at ``time``: keep it if it is the best one, or note when to look again.

    ``rank`` is its class, the lower the better; ``order`` decides within a class.
    """
    regs = k.regs
    if regs[BUS_WANTED] != ANY_BUS and k.bus[command] != regs[BUS_WANTED]:
        return
    if k.settings[EDGES]:
        time = at_edge(k, max(time, now), command, bank)
    if time > now:
        if time < regs[NEXT]:
            regs[NEXT] = time
        if not k.settings[FINISH_ORDER]:
            return
    key = rank
    if k.settings[FINISH_ORDER]:
        key = max(time, now) + k.ticks[command]
    if key > regs[BEST_KEY] or (key == regs[BEST_KEY] and order >= regs[BEST_ORDER]):
        return
    regs[BEST_KEY] = key
    regs[BEST_ORDER] = order
    regs[BEST_COMMAND] = command
    regs[BEST_BANK] = bank
    regs[BEST_SLOT] = slot
    regs[BEST_ITEM] = item
    regs[BEST_TIME] = time


def at_edge(k: Kernel, time: int, command: int, bank: int) -> int:
    """The first tick from ``time`` on at which a command may start, where ticks are the edges of a clock.

    Odd ticks are rising edges. All but precharges start there; a precharge on the falling edge that pairs with
    a row command goes to another bank, or to another pseudo channel if either concerns all banks.
    """
    if time % 2 == 1:
        return time
    if command not in (PRE, PREA):
        return time + 1
    regs = k.regs
    if time != regs[PAIR_TICK] or k.banks[bank * BANK + RANK_OF] != regs[PAIR_RANK]:
        return time
    if regs[PAIR_BANK] == NONE or command == PREA or bank == regs[PAIR_BANK]:
        return time + 1
    return time


def select(k: Kernel, now: int) -> bool:
    """Find the command of this cycle; whether there is one. Otherwise ``NEXT`` says when to look again."""
    regs = k.regs
    settings = k.settings
    regs[BEST_COMMAND] = NONE
    regs[BEST_KEY] = NEVER
    regs[BEST_ORDER] = NEVER
    if regs[RESERVED_COUNT] > 0:
        offer_reserved(k, now)
    if settings[MAINTENANCE] == FIRST_ONLY:
        if regs[DUE_COUNT] > 0:
            offer_due(k, now)
    elif settings[REFRESH] != NO_REFRESH:
        for rank in range(settings[RANKS]):
            offer_refresh(k, now, rank)
    if regs[DUE_COUNT] == 0 or settings[BLOCKS] == BLOCKS_TARGET:
        offer_requests(k, now)
    return bool(regs[BEST_COMMAND] != NONE and regs[BEST_TIME] <= now)


def offer_requests(k: Kernel, now: int) -> None:
    """Offer what the requests of each bank need next."""
    regs = k.regs
    ops = 3
    if k.settings[DRAIN] == WATERMARKS:
        if regs[BEST_COMMAND] == NONE:
            switch(k)
        ops = 2 if regs[WRITE_MODE] else 1
    for place in range(regs[BUSY]):
        bank = k.busy[place]
        if not k.banks[bank * BANK + BLOCKED]:
            offer_bank(k, now, bank, ops)


def switch(k: Kernel) -> None:
    """Turn from reads to writes when enough of them wait, or nothing else does; and back."""
    regs = k.regs
    if regs[WRITE_MODE]:
        if regs[WRITES] < k.settings[DRAIN_LOW] and regs[READS] != 0:
            regs[WRITE_MODE] = 0
    elif regs[WRITES] > k.settings[DRAIN_HIGH] or regs[READS] == 0:
        regs[WRITE_MODE] = 1


def offer_reserved(k: Kernel, now: int) -> None:
    """Requests whose row has been opened for them come first."""
    for bank in range(k.settings[RANKS] * k.settings[BANKS_PER_RANK]):
        slot = k.banks[bank * BANK + RESERVED]
        if slot != NONE:
            offer_column(k, now, bank, slot, 0)


def offer_bank(k: Kernel, now: int, bank: int, ops: int) -> None:
    """Offer the commands that the requests of a bank need, by the rule of the scheduler."""
    banks = k.banks
    b = bank * BANK
    pick = k.settings[PICK]
    head = older(k, banks[b + HEAD] if ops & 1 else NONE, banks[b + HEAD_W] if ops & 2 else NONE)
    if head == NONE:
        return
    row = banks[b + ROW]
    if row == NONE:
        if k.regs[SPLIT_SLOT] == NONE:
            offer_row(k, now, k.settings[ACTIVATE], bank, head)
        return
    if pick <= STRICT_FIFO:
        if k.slots[head * SLOT + ROW_OF] != row:
            offer_row(k, now, PRE, bank, head)
        elif pick == FIFO or k.slots[head * SLOT + ID] == k.regs[NEXT_STRICT]:
            offer_column(k, now, bank, head, 2)
        return
    hit = banks[b + HIT] if ops & 1 else NONE
    hit_w = banks[b + HIT_W] if ops & 2 else NONE
    if pick == FIRST_READY:
        if hit != NONE:
            offer_column(k, now, bank, hit, 2)
        if hit_w != NONE:
            offer_column(k, now, bank, hit_w, 2)
        miss = older(k, banks[b + MISS] if ops & 1 else NONE, banks[b + MISS_W] if ops & 2 else NONE)
        if miss != NONE and banks[b + RESERVED] == NONE:
            offer_row(k, now, PRE, bank, miss)
    elif pick == ROW_HITS_CAPPED:
        if k.slots[head * SLOT + ROW_OF] != row and (
            (hit == NONE and hit_w == NONE) or banks[b + ACCESSES] >= k.settings[ROW_CAP]
        ):
            offer_row(k, now, PRE, bank, head)
        if hit != NONE:
            offer_column(k, now, bank, hit, 2)
        if hit_w != NONE and not read_before(k, hit_w, bank):
            offer_column(k, now, bank, hit_w, 2)
    else:
        found = older(k, hit, hit_w)
        if pick == ROW_HITS_GROUPED:
            found = grouped(k, hit_w if k.regs[LAST_OP] else hit, found, row)
        if found == NONE:
            offer_row(k, now, PRE, bank, head)
        else:
            offer_column(k, now, bank, found, 2)


def grouped(k: Kernel, preferred: int, first: int, row: int) -> int:
    """The first row hit of the direction of the last access that depends on no older one, else the first."""
    while preferred != NONE:
        s = preferred * SLOT
        other = k.banks[k.slots[s + BANK_OF] * BANK + (HIT if k.slots[s + OP] else HIT_W)]
        same = same_place(k, other, row, k.slots[s + COLUMN])
        if same == NONE or k.slots[same * SLOT + ORDER_OF] > k.slots[s + ORDER_OF]:
            return preferred
        preferred = next_hit(k, k.slots[s + AFTER], row)
    return first


def read_before(k: Kernel, slot: int, bank: int) -> bool:
    """Whether an older read to the same place waits."""
    s = slot * SLOT
    read = same_place(k, k.banks[bank * BANK + HEAD], k.slots[s + ROW_OF], k.slots[s + COLUMN])
    return bool(read != NONE and k.slots[read * SLOT + ORDER_OF] < k.slots[s + ORDER_OF])


def offer_row(k: Kernel, now: int, command: int, bank: int, slot: int) -> None:
    """Offer an activation or a precharge for a request."""
    offer(k, now, earliest(k, command, bank), turn_of(k, bank), order_of(k, slot), command, bank, slot, NONE)


def offer_column(k: Kernel, now: int, bank: int, slot: int, rank: int) -> None:
    """Offer the access itself."""
    command = column_command(k, bank, slot)
    rank = rank if rank == 0 else turn_of(k, bank)
    offer(k, now, earliest(k, command, bank), rank, order_of(k, slot), command, bank, slot, NONE)


def order_of(k: Kernel, slot: int) -> int:
    """Position of a request in the order of arrival."""
    order: int = k.slots[slot * SLOT + ORDER_OF]
    return order


def turn_of(k: Kernel, bank: int) -> int:
    """The class of a bank's commands: 2, or, where queues take turns, how far away its queue's turn is."""
    order = k.settings[ORDER]
    if order == OLDEST:
        return 2
    queues = k.settings[RANKS]
    queue = bank // k.settings[BANKS_PER_RANK]
    if order == ROUND_ROBIN_BANKS:
        queues *= k.settings[BANKS_PER_RANK]
        queue = bank
    return int(2 + (queue - k.regs[TURN]) % queues)


def column_command(k: Kernel, bank: int, slot: int) -> int:
    """Read or write, and whether the row is closed after it, by the page policy."""
    op = k.slots[slot * SLOT + OP]
    page = k.settings[PAGE]
    closes = page == CLOSED
    if page == OPEN_ADAPTIVE:
        closes = k.banks[bank * BANK + COUNT] > 1 and not another_hit(k, bank, slot)
    elif page == CLOSED_ADAPTIVE:
        closes = not another_hit(k, bank, slot)
    return int((WR if op else RD) + (1 if closes else 0))


def another_hit(k: Kernel, bank: int, slot: int) -> bool:
    """Whether another request to the open row waits."""
    b = bank * BANK
    for op in range(2):
        hit = k.banks[b + HIT + op]
        if hit == slot:
            hit = next_hit(k, k.slots[slot * SLOT + AFTER], k.banks[b + ROW])
        if hit != NONE:
            return True
    return False


# Issue -----------------------------------------------------------------------------------------------------


def issue(k: Kernel, now: int) -> None:
    """Issue the selected command."""
    regs = k.regs
    command = regs[BEST_COMMAND]
    bank = regs[BEST_BANK]
    slot = regs[BEST_SLOT]
    b = bank * BANK
    rank = k.banks[b + RANK_OF]
    if k.settings[PAGE] == CAPPED and (command == RD or command == WR):
        if k.banks[b + ACCESSES] >= k.settings[PAGE_CAP] and earliest(k, command + 1, bank) <= now:
            command += 1
    regs[BUS_ROW + k.bus[command]] = now + k.ticks[command]
    if k.settings[EDGES] and now % 2 == 1 and k.bus[command] == 0:
        regs[PAIR_TICK] = now + (3 if command == ACT else 1)
        regs[PAIR_RANK] = rank
        regs[PAIR_BANK] = NONE if command in (PREA, REF) else bank
    apply(k, command, rank, bank, now)
    k.counts[command] += 1
    if k.settings[RECORD]:
        note(k, now, command, bank, slot)
    if RD <= command <= WRA:
        access(k, now, command, bank, slot)
    elif command == ACT:
        activate(k, bank, slot, rank)
    elif command == ACT1:
        unlink(k, slot)
        regs[SPLIT_SLOT] = slot
        regs[SPLIT_DEADLINE] = now + k.settings[SPLIT_TICKS]
    elif command == PRE:
        if k.banks[b + ROW] != NONE:
            close(k, bank, rank)
            k.banks[b + CLOSED_BY] = 1
        k.banks[b + ACCESSES] = 0
        k.banks[b + INJECTED] = 0
    else:
        maintain(k, command, rank, bank)
    if slot != NONE and k.settings[ORDER] != OLDEST:
        take_turn(k, bank)
    if regs[BEST_ITEM] != NONE and (command == REF or k.due[regs[BEST_ITEM] * ITEM] == DUE_PRE):
        pop_due(k, regs[BEST_ITEM])


def take_turn(k: Kernel, bank: int) -> None:
    """The turn passes to the queue after the one that has been served."""
    per_rank = k.settings[BANKS_PER_RANK]
    if k.settings[ORDER] == ROUND_ROBIN_BANKS:
        k.regs[TURN] = (bank + 1) % (k.settings[RANKS] * per_rank)
    else:
        k.regs[TURN] = (bank // per_rank + 1) % k.settings[RANKS]


def note(k: Kernel, now: int, command: int, bank: int, slot: int) -> None:
    """Write the command down."""
    at = k.regs[RECORDED] * RECORD_SIZE
    k.record[at] = now
    k.record[at + 1] = command
    k.record[at + 2] = bank
    k.record[at + 3] = NONE if slot == NONE else k.slots[slot * SLOT + ROW_OF]
    k.record[at + 4] = NONE if slot == NONE else k.slots[slot * SLOT + COLUMN]
    k.regs[RECORDED] += 1


def activate(k: Kernel, bank: int, slot: int, rank: int) -> None:
    """A row has been opened for a request."""
    b = bank * BANK
    k.banks[b + FIRST] = 1
    k.banks[b + ACCESSES] = 0
    k.ranks[rank * RANK + OPEN_BANKS] += 1
    open_row(k, bank, k.slots[slot * SLOT + ROW_OF])
    if k.settings[RESERVE]:
        if k.regs[SPLIT_SLOT] == NONE:
            unlink(k, slot)
        k.banks[b + RESERVED] = slot
        k.regs[RESERVED_COUNT] += 1


def close(k: Kernel, bank: int, rank: int) -> None:
    """A row has been closed."""
    open_row(k, bank, NONE)
    k.banks[bank * BANK + CLOSED_BY] = 0
    k.ranks[rank * RANK + OPEN_BANKS] -= 1


def access(k: Kernel, now: int, command: int, bank: int, slot: int) -> None:
    """A request has been served."""
    regs = k.regs
    b = bank * BANK
    s = slot * SLOT
    op = k.slots[s + OP]
    if k.banks[b + RESERVED] == slot:
        k.banks[b + RESERVED] = NONE
        regs[RESERVED_COUNT] -= 1
    else:
        unlink(k, slot)
    regs[LAST_OP] = op
    regs[NEXT_STRICT] += 1
    count_access(k, b)
    end = k.settings[WRITE_END if op else READ_END]
    regs[LAST_DATA] = max(regs[LAST_DATA], now + end)
    kind = k.settings[WRITE_DONE]
    if op == 0:
        respond(k, k.slots[s + ID], k.slots[s + ACCEPTED], now + end)
    elif kind != AT_ACCEPT:
        finish(k, k.slots[s + ID], k.slots[s + ACCEPTED], now if kind == AT_COMMAND else now + end)
    same = k.slots[s + SAME]
    while same != NONE:
        respond(k, k.slots[same * SLOT + ID], k.slots[same * SLOT + ACCEPTED], now + end)
        following = k.slots[same * SLOT + SAME]
        release(k, same)
        same = following
    release(k, slot)
    if command in (RDA, WRA):
        close(k, bank, k.banks[b + RANK_OF])
        k.banks[b + ACCESSES] = 0
        k.banks[b + INJECTED] = 0


def count_access(k: Kernel, b: int) -> None:
    """A row hit, unless it is the first access after an activation: a conflict if another row was in the way."""
    regs = k.regs
    k.banks[b + ACCESSES] += 1
    if not k.banks[b + FIRST]:
        regs[HITS] += 1
    elif k.banks[b + CLOSED_BY] == 1:
        regs[CONFLICTS] += 1
    else:
        regs[MISSES] += 1
    k.banks[b + FIRST] = 0


def maintain(k: Kernel, command: int, rank: int, bank: int) -> None:
    """Banks have been closed or refreshed."""
    settings = k.settings
    first = rank * settings[BANKS_PER_RANK]
    if command in (REFPB, REFSB):
        refreshed_some(k, rank, bank, command == REFSB)
        return
    if command == PRESB:
        banks = range(bank, first + settings[BANKS_PER_RANK], settings[BANKS])
    else:
        banks = range(first, first + settings[BANKS_PER_RANK], 1)
    for other in banks:
        if k.banks[other * BANK + ROW] != NONE:
            close(k, other, rank)
        k.banks[other * BANK + CLOSED_BY] = 0
        k.banks[other * BANK + ACCESSES] = 0
        k.banks[other * BANK + INJECTED] = 0
    if command == REF:
        block_rank(k, rank, 0)
        refreshed(k, rank)


# Steps -----------------------------------------------------------------------------------------------------


def run(k: Kernel) -> int:
    """Go on until all requests are done, or something is needed; see the reasons above."""
    regs = k.regs
    settings = k.settings
    while True:
        now = regs[NOW]
        if now > settings[LIMIT] or (regs[INPUT] >= regs[INPUTS] and not settings[FINAL]):
            return PAUSED
        if settings[RECORD] and regs[RECORDED] + 4 > settings[RECORD]:
            return NEED_ROOM
        following = step(k, now)
        if regs[INPUT] >= regs[INPUTS] and settings[FINAL] and nothing_waits(k):
            return DRAINED
        regs[NOW] = following


def issue_on_both(k: Kernel, now: int) -> bool:
    """A column command and a row command start in the same cycle; whether any does."""
    regs = k.regs
    any_issued = False
    for bus in (1, 0):
        regs[BUS_WANTED] = bus
        if select(k, now):
            issue(k, now)
            any_issued = True
            # the request that has found its bank's queue full takes the place that has just become free
            refused = regs[LAST_ACCEPT] < now - 1 and regs[INPUT] < regs[INPUTS]
            if bus == 1 and k.settings[ADMISSION] == BANKWISE and refused and k.arrival[regs[INPUT]] < now:
                accept(k, now + 1)
    return any_issued


def issue_second(k: Kernel, now: int) -> None:
    """Queues that take turns: the next one has its turn in the same cycle, for a command of the other kind."""
    regs = k.regs
    first = k.bus[regs[BEST_COMMAND]]
    regs[BUS_ROW] = regs[BUS_COLUMN] = 0
    regs[BEST_COMMAND] = NONE
    regs[BEST_KEY] = NEVER
    regs[BEST_ORDER] = NEVER
    offer_requests(k, now)
    found = regs[BEST_COMMAND]
    if found == NONE:
        return
    if k.bus[found] == first:
        take_turn(k, regs[BEST_BANK])
    else:
        issue(k, now)


def issue_split(k: Kernel, now: int) -> bool:
    """Where a row is opened by two commands, and an access may need the data clock to be started first.

    The second command of an activation goes when nothing else can, or at the last moment. The data clock runs
    on for a while after each access; later than that, it is started in the cycle before the access.
    """
    regs = k.regs
    opening = regs[SPLIT_SLOT] != NONE
    if regs[CAS_SLOT] != NONE:
        choose(k, now, regs[CAS_COMMAND], regs[CAS_BANK], regs[CAS_SLOT])
        regs[CAS_SLOT] = NONE
        issue_access(k, now)
        return True
    if opening and regs[SPLIT_DEADLINE] <= now:
        open_second(k, now)
        return True
    if not select(k, now):
        if opening:
            open_second(k, now)
        return opening
    command = regs[BEST_COMMAND]
    if RD <= command <= WRA and now >= regs[CLOCK_END]:
        if opening and regs[SPLIT_DEADLINE] <= now + 1:
            open_second(k, now)
            return True
        regs[CAS_COMMAND] = command
        regs[CAS_BANK] = regs[BEST_BANK]
        regs[CAS_SLOT] = regs[BEST_SLOT]
        plain_issue(k, now, CAS_RD if command <= RDA else CAS_WR)
        return True
    issue_access(k, now)
    return True


def choose(k: Kernel, now: int, command: int, bank: int, slot: int) -> None:
    """Take a command as the selected one."""
    regs = k.regs
    regs[BEST_COMMAND] = command
    regs[BEST_BANK] = bank
    regs[BEST_SLOT] = slot
    regs[BEST_ITEM] = NONE
    regs[BEST_TIME] = now


def issue_access(k: Kernel, now: int) -> None:
    """Issue the selected command; the data clock runs on after an access."""
    regs = k.regs
    command = regs[BEST_COMMAND]
    issue(k, now)
    if RD <= command <= WRA:
        runs = k.settings[CLOCK_RD if command <= RDA else CLOCK_WR]
        regs[CLOCK_END] = max(regs[CLOCK_END], now + runs)


def open_second(k: Kernel, now: int) -> None:
    """The second command of an activation: the row is open now."""
    regs = k.regs
    slot = regs[SPLIT_SLOT]
    bank = k.slots[slot * SLOT + BANK_OF]
    choose(k, now, ACT2, bank, slot)
    plain_issue(k, now, ACT2)
    activate(k, bank, slot, k.banks[bank * BANK + RANK_OF])
    regs[SPLIT_SLOT] = NONE


def plain_issue(k: Kernel, now: int, command: int) -> None:
    """Put a command on the bus that changes no state of its own."""
    regs = k.regs
    bank = regs[BEST_BANK]
    regs[BUS_ROW + k.bus[command]] = now + k.ticks[command]
    apply(k, command, k.banks[bank * BANK + RANK_OF], bank, now)
    k.counts[command] += 1
    if k.settings[RECORD]:
        note(k, now, command, bank, regs[BEST_SLOT])


def nothing_waits(k: Kernel) -> bool:
    """Whether all accepted requests have been served."""
    regs = k.regs
    queued = regs[READS] + regs[WRITES] + regs[RESERVED_COUNT] + regs[WAIT_READS]
    if regs[SPLIT_SLOT] != NONE:
        queued += 1
    stay = regs[DRAINING] == 0 and regs[WAIT_WRITES] <= k.settings[DRAIN_THRESHOLD]
    if k.settings[DRAIN_AT_END] or not stay:
        queued += regs[WAIT_WRITES]
    return bool(queued == 0)


def step(k: Kernel, now: int) -> int:
    """What happens at a cycle; the next cycle to look at."""
    regs = k.regs
    settings = k.settings
    regs[NEXT] = NEVER
    accept(k, now)
    soon = settings[STAGED] and regs[WAIT_READS] + regs[WAIT_WRITES] > 0 and stage(k)
    if settings[REFRESH] != NO_REFRESH and settings[MAINTENANCE] == FIRST_ONLY:
        start_refreshes(k, now)
    if settings[PAGE] == CAPPED:
        inject_precharges(k, now)
    if settings[SPLIT_TICKS]:
        soon = issue_split(k, now) or soon
    elif settings[TWO_BUSES] and settings[ORDER] == OLDEST:
        soon = issue_on_both(k, now) or soon
    elif select(k, now):
        issue(k, now)
        soon = True
        if settings[TWO_BUSES]:
            issue_second(k, now)
    if soon:
        return now + 1
    return following_event(k, now)


def following_event(k: Kernel, now: int) -> int:
    """The next arrival, refresh, or start of a command."""
    regs = k.regs
    settings = k.settings
    following: int = regs[NEXT]
    if regs[INPUT] < regs[INPUTS]:
        arrival = max(k.arrival[regs[INPUT]] + 1, regs[LAST_ACCEPT] + 2)
        if now < arrival < following:
            following = arrival
    if settings[REFRESH] != NO_REFRESH:
        for rank in range(settings[RANKS]):
            due = k.ranks[rank * RANK + DUE]
            if now < due < following:
                following = due
    return following if following > now else now + 1
