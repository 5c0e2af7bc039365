"""Which requests may go, by the rules of the scheduler and the page policy."""

from __future__ import annotations

from typing import Any

from dram.kernel.layout import (
    ACCESSES,
    ACTIVATE,
    AFTER,
    ALL_WAKE,
    ASLEEP,
    BANK,
    BANK_OF,
    BANKS_PER_RANK,
    BEST_COMMAND,
    BEST_KEY,
    BEST_ORDER,
    BEST_TIME,
    BLOCKED,
    BLOCKS,
    BLOCKS_TARGET,
    BUS_ROW,
    BUSY,
    CLOSED,
    CLOSED_ADAPTIVE,
    COLUMN,
    COUNT,
    DRAIN,
    DRAIN_HIGH,
    DRAIN_LOW,
    DUE_COUNT,
    EDGES,
    FIFO,
    FINISH_ORDER,
    FIRST_ONLY,
    FIRST_READY,
    HEAD,
    HEAD_W,
    HELD_WAKE,
    HIT,
    HIT_W,
    LAST_OP,
    MAINTENANCE,
    MISS,
    MISS_W,
    NEVER,
    NEXT,
    NEXT_DUE,
    NEXT_STRICT,
    NO_REFRESH,
    NONE,
    OLDEST,
    OP,
    OPEN,
    OPEN_ADAPTIVE,
    ORDER,
    ORDER_OF,
    PAGE,
    PICK,
    POWER_DOWN,
    PRE,
    RANKS,
    RD,
    READS,
    REFRESH,
    RESERVED,
    RESERVED_COUNT,
    ROUND_ROBIN_BANKS,
    ROW,
    ROW_CAP,
    ROW_HITS_CAPPED,
    ROW_HITS_GROUPED,
    ROW_OF,
    SIMPLE,
    SLACK,
    SLOT,
    SPLIT_SLOT,
    STRICT_FIFO,
    TURN,
    WAKE,
    WATERMARKS,
    WOKEN,
    WOKEN_COUNT,
    WRITE_MODE,
    WRITES,
    Kernel,
)
from dram.kernel.offers import offer
from dram.kernel.power import offer_power
from dram.kernel.queues import next_hit, older, read_at, same_place
from dram.kernel.refresh import offer_due, offer_refresh
from dram.kernel.timing import ready_at, wake, wake_all


def select(k: Kernel, now: int) -> bool:
    """Find the command of this cycle; whether there is one. Otherwise ``NEXT`` says when to look again."""
    regs = k.regs
    settings = k.settings
    regs[BEST_COMMAND] = NONE
    regs[BEST_KEY] = NEVER
    regs[BEST_ORDER] = NEVER
    if regs[RESERVED_COUNT] > 0:
        offer_reserved(k, now)
    if regs[DUE_COUNT] > 0:
        offer_due(k, now)
    if settings[POWER_DOWN] or (regs[NEXT_DUE] <= now and settings[MAINTENANCE] != FIRST_ONLY):
        offer_maintenance(k, now)
    if regs[DUE_COUNT] == 0 or settings[BLOCKS] == BLOCKS_TARGET:
        offer_requests(k, now)
    return bool(regs[BEST_COMMAND] != NONE and regs[BEST_TIME] <= now)


def offer_maintenance(k: Kernel, now: int) -> None:
    """Offer what refresh and power-down need in each rank."""
    for rank in range(k.settings[RANKS]):
        if k.settings[POWER_DOWN]:
            sleeps = offer_power(k, now, rank)
            sleep_rank(k, rank, sleeps)
            if sleeps:
                continue
        if k.settings[REFRESH] != NO_REFRESH:
            offer_refresh(k, now, rank)


def sleep_rank(k: Kernel, rank: int, sleeps: bool) -> None:
    """Keep requests away from a rank that sleeps."""
    first = rank * k.settings[BANKS_PER_RANK]
    for bank in range(first, first + k.settings[BANKS_PER_RANK]):
        if bool(k.banks[bank * BANK + ASLEEP]) != sleeps:
            k.banks[bank * BANK + ASLEEP] = 1 if sleeps else 0
            wake(k, bank)


def offer_requests(k: Kernel, now: int) -> None:
    """Offer what the requests of each bank need next."""
    regs = k.regs
    ops = 3
    if k.settings[DRAIN] == WATERMARKS and k.settings[PICK] != STRICT_FIFO:
        if regs[BEST_COMMAND] == NONE or regs[BEST_TIME] > now:  # nothing comes before the requests
            switch(k)
        ops = 2 if regs[WRITE_MODE] else 1
    horizon = now + k.settings[SLACK]
    if regs[ALL_WAKE] <= horizon:
        regs[ALL_WAKE] = offer_awake(k, now, horizon, ops, k.busy, regs[BUSY])
    else:
        regs[NEXT] = min(regs[NEXT], regs[ALL_WAKE])
        if regs[WOKEN_COUNT] > 0:
            soonest = offer_awake(k, now, horizon, ops, k.woken, regs[WOKEN_COUNT])
            regs[ALL_WAKE] = min(regs[ALL_WAKE], soonest)
    while regs[WOKEN_COUNT] > 0:
        regs[WOKEN_COUNT] -= 1
        k.banks[k.woken[regs[WOKEN_COUNT]] * BANK + WOKEN] = 0


def offer_awake(k: Kernel, now: int, horizon: int, ops: int, listed: Any, count: int) -> int:
    """The same for those of the listed banks that can have a command until ``horizon``.

    Returns:
        When the first of them can have one again.
    """
    banks = k.banks
    soonest = NEVER
    # the best command so far is one that can go, and the class of all others is the same or higher
    in_order = k.settings[ORDER] == OLDEST and not k.settings[FINISH_ORDER]
    for place in range(count):
        bank = listed[place]
        b = bank * BANK
        if banks[b + BLOCKED] or banks[b + ASLEEP]:
            continue  # it is woken when that ends
        if banks[b + WAKE] <= horizon:
            head = banks[b + HEAD_W if ops == 2 else b + HEAD]
            if ops == 3 and banks[b + HEAD_W] != NONE:
                head = older(k, head, banks[b + HEAD_W])
            if head == NONE:
                banks[b + WAKE] = NEVER
            elif not (in_order and k.slots[head * SLOT + ORDER_OF] > k.regs[BEST_ORDER]):
                banks[b + WAKE] = NEVER
                offer_bank(k, now, bank, head, ops)
        elif banks[b + WAKE] < k.regs[NEXT]:
            k.regs[NEXT] = banks[b + WAKE]
        if banks[b + WAKE] < soonest:
            soonest = banks[b + WAKE]
    return soonest


def switch(k: Kernel) -> None:
    """Turn from reads to writes when enough of them wait, or nothing else does; and back."""
    regs = k.regs
    if regs[WRITE_MODE]:
        if regs[WRITES] < k.settings[DRAIN_LOW] and regs[READS] != 0:
            regs[WRITE_MODE] = 0
            wake_all(k)
    elif regs[WRITES] > k.settings[DRAIN_HIGH] or regs[READS] == 0:
        regs[WRITE_MODE] = 1
        wake_all(k)


def offer_reserved(k: Kernel, now: int) -> None:
    """Requests whose row has been opened for them come first."""
    banks = k.banks
    horizon = now + k.settings[SLACK]
    for place in range(k.regs[RESERVED_COUNT]):
        bank = k.held[place]
        b = bank * BANK
        if banks[b + HELD_WAKE] > horizon:
            if banks[b + HELD_WAKE] < k.regs[NEXT]:
                k.regs[NEXT] = banks[b + HELD_WAKE]
            continue
        offer_column(k, now, bank, banks[b + RESERVED], HELD_WAKE)


def offer_bank(k: Kernel, now: int, bank: int, head: int, ops: int) -> None:
    """Offer the commands that the requests of a bank need, by the rule of the scheduler.

    ``head`` is the oldest of them; ``ops`` is 1 for reads, 2 for writes, 3 for both.
    """
    banks = k.banks
    b = bank * BANK
    pick = k.settings[PICK]
    row = banks[b + ROW]
    if row == NONE:
        if k.regs[SPLIT_SLOT] == NONE:
            offer_row(k, now, k.settings[ACTIVATE], bank, head)
        else:
            banks[b + WAKE] = 0  # until the row of another bank is open
        return
    if pick <= STRICT_FIFO:
        if k.slots[head * SLOT + ROW_OF] != row:
            offer_row(k, now, PRE, bank, head)
        elif pick == FIFO or k.slots[head * SLOT + ORDER_OF] == k.regs[NEXT_STRICT] + 1:
            offer_column(k, now, bank, head, WAKE)
        else:
            banks[b + WAKE] = 0  # until those before it have been served
        return
    hit = banks[b + HIT] if ops & 1 else NONE
    hit_w = banks[b + HIT_W] if ops & 2 else NONE
    if pick == FIRST_READY:
        if hit != NONE:
            offer_column(k, now, bank, hit, WAKE)
        if hit_w != NONE:
            offer_column(k, now, bank, hit_w, WAKE)
        miss = older(k, banks[b + MISS] if ops & 1 else NONE, banks[b + MISS_W] if ops & 2 else NONE)
        if miss != NONE:
            offer_row(k, now, PRE, bank, miss)
    elif pick == ROW_HITS_CAPPED:
        if k.slots[head * SLOT + ROW_OF] != row and (
            (hit == NONE and hit_w == NONE) or banks[b + ACCESSES] >= k.settings[ROW_CAP]
        ):
            offer_row(k, now, PRE, bank, head)
        if hit != NONE:
            offer_column(k, now, bank, hit, WAKE)
        if hit_w != NONE:
            read = read_before(k, hit_w, bank)
            if read == NONE:
                offer_column(k, now, bank, hit_w, WAKE)
            elif hit == NONE:  # writes are being drained: what the write waits for comes first
                offer_column(k, now, bank, read, WAKE)
    else:
        found = older(k, hit, hit_w)
        if pick == ROW_HITS_GROUPED:
            found = grouped(k, hit_w if k.regs[LAST_OP] else hit, found, row)
        if found == NONE:
            offer_row(k, now, PRE, bank, head)
        else:
            offer_column(k, now, bank, found, WAKE)


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


def read_before(k: Kernel, slot: int, bank: int) -> int:
    """An older read to the same place, or ``NONE``."""
    read = read_at(k, k.banks[bank * BANK + HEAD], slot)
    if read != NONE and k.slots[read * SLOT + ORDER_OF] > k.slots[slot * SLOT + ORDER_OF]:
        read = NONE
    return read


def offer_row(k: Kernel, now: int, command: int, bank: int, slot: int) -> None:
    """Offer an activation or a precharge for a request, unless another one keeps the row."""
    if k.banks[bank * BANK + RESERVED] == NONE:
        offer_for(k, now, command, bank, slot, WAKE)


def offer_column(k: Kernel, now: int, bank: int, slot: int, field: int) -> None:
    """Offer the access itself; ``field`` is where the bank notes when to ask again."""
    offer_for(k, now, access_of(k, bank, slot), bank, slot, field)


def offer_for(k: Kernel, now: int, command: int, bank: int, slot: int, field: int) -> None:
    """Offer a command that a request needs; those whose row is kept for them come first."""
    regs = k.regs
    settings = k.settings
    time = awaited(k, command, bank, field)
    if time > now and settings[SIMPLE]:  # the same as below, for most
        if time < regs[NEXT]:
            regs[NEXT] = time
        return
    if field == HELD_WAKE:
        kind = 0
    elif settings[ORDER] == OLDEST:
        kind = 2
    else:
        kind = turn_of(k, bank)
    offer(k, now, time, kind, k.slots[slot * SLOT + ORDER_OF], command, bank, slot, NONE)


def access_of(k: Kernel, bank: int, slot: int) -> int:
    """The command that serves a request."""
    command: int = RD + 2 * k.slots[slot * SLOT + OP]
    if k.settings[PAGE] != OPEN and closes_row(k, bank, slot):
        command += 1
    return command


def awaited(k: Kernel, command: int, bank: int, field: int) -> int:
    """The earliest start of a command that a bank's requests need; the bank need not be asked before."""
    banks = k.banks
    time = ready_at(k, command, bank)
    if k.settings[EDGES] and command != PRE:
        time |= 1  # rising edges are odd
    at = bank * BANK + field
    if field == HELD_WAKE:
        banks[at] = time if k.settings[PAGE] == OPEN else 0
    elif time < banks[at]:
        banks[at] = time
    bus: int = k.regs[BUS_ROW + k.bus[command]]
    return bus if bus > time else time


def turn_of(k: Kernel, bank: int) -> int:
    """The class of a bank's commands where queues take turns: how far away its queue's turn is."""
    queues = k.settings[RANKS]
    queue = bank // k.settings[BANKS_PER_RANK]
    if k.settings[ORDER] == ROUND_ROBIN_BANKS:
        queues *= k.settings[BANKS_PER_RANK]
        queue = bank
    return int(2 + (queue - k.regs[TURN]) % queues)


def closes_row(k: Kernel, bank: int, slot: int) -> bool:
    """Whether the row is closed with the access, by the page policy."""
    page = k.settings[PAGE]
    if k.banks[bank * BANK + RESERVED] not in (NONE, slot):
        return False
    if page == OPEN_ADAPTIVE:
        return bool(k.banks[bank * BANK + COUNT] > 1 and not another_hit(k, bank, slot))
    if page == CLOSED_ADAPTIVE:
        return not another_hit(k, bank, slot)
    return bool(page == CLOSED)


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
