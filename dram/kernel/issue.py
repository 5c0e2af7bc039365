"""Commands on the bus, and what they change."""

from __future__ import annotations

from dram.kernel.layout import (
    ACCEPTED,
    ACCESSES,
    ACT,
    ACT1,
    AT_ACCEPT,
    AT_COMMAND,
    BANK,
    BANKS,
    BANKS_PER_RANK,
    BEST_BANK,
    BEST_COMMAND,
    BEST_ITEM,
    BEST_SLOT,
    BEST_TIME,
    BUS_ROW,
    CAPPED,
    CLOSED_BY,
    COLUMN,
    CONFLICTS,
    DUE_PRE,
    EDGES,
    FIRST,
    HELD_PLACE,
    HELD_WAKE,
    HITS,
    ID,
    ITEM,
    KEY,
    KEYS,
    LAST_DATA,
    LAST_OP,
    LAST_PROGRESS,
    LAST_READ,
    LAST_READ_BANK,
    LAST_READ_COLUMN,
    LAST_READ_DONE,
    LAST_READ_ROW,
    MISSES,
    NEXT_STRICT,
    NONE,
    OLDEST,
    OP,
    OPEN_BANKS,
    ORDER,
    PAGE,
    PAGE_CAP,
    PAIR_BANK,
    PAIR_RANK,
    PAIR_TICK,
    PDNA,
    PICK,
    POWER_DOWN,
    PRE,
    PREA,
    PRESB,
    RANK,
    RANK_OF,
    RANKS,
    RD,
    RDA,
    READ_END,
    RECORD,
    RECORD_SIZE,
    RECORDED,
    REF,
    REFPB,
    REFSB,
    RESERVE,
    RESERVED,
    RESERVED_COUNT,
    ROUND_ROBIN_BANKS,
    ROW,
    ROW_HITS_GROUPED,
    ROW_OF,
    SAME,
    SLOT,
    SPLIT_DEADLINE,
    SPLIT_SLOT,
    SPLIT_TICKS,
    SREFX,
    TURN,
    WAITING,
    WR,
    WRA,
    WRITE_DONE,
    WRITE_END,
    Kernel,
)
from dram.kernel.port import finish, release, respond
from dram.kernel.power import change_power, settle, woken
from dram.kernel.queues import open_row, unlink
from dram.kernel.refresh import block_rank, pop_due, refreshed, refreshed_some
from dram.kernel.timing import apply, earliest, wake, wake_all


def issue(k: Kernel, now: int) -> None:
    """Issue the selected command."""
    regs = k.regs
    command = regs[BEST_COMMAND]
    bank = regs[BEST_BANK]
    slot = regs[BEST_SLOT]
    b = bank * BANK
    rank = k.banks[b + RANK_OF]
    capped = k.settings[PAGE] == CAPPED and command in (RD, WR) and k.banks[b + RESERVED] in (NONE, slot)
    if capped and k.banks[b + ACCESSES] >= k.settings[PAGE_CAP] and earliest(k, command + 1, bank) <= now:
        command += 1
    put_on_bus(k, now, command, rank, bank, slot)
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
    elif PDNA <= command <= SREFX:
        change_power(k, command, rank)
    else:
        maintain(k, now, command, rank, bank)
    if k.settings[POWER_DOWN]:
        settle(k, rank)
    if slot != NONE and k.settings[ORDER] != OLDEST:
        take_turn(k, bank)
    if regs[BEST_ITEM] != NONE and (command == REF or k.due[regs[BEST_ITEM] * ITEM] == DUE_PRE):
        pop_due(k, regs[BEST_ITEM])


def put_on_bus(k: Kernel, now: int, command: int, rank: int, bank: int, slot: int) -> None:
    """Start a command: it takes its bus, delays others, is counted and written down."""
    regs = k.regs
    bus = k.bus[command]
    regs[BUS_ROW + bus] = now + k.ticks[command]
    if k.settings[EDGES] and now % 2 == 1 and bus == 0:
        regs[PAIR_TICK] = now + (3 if command == ACT else 1)
        regs[PAIR_RANK] = rank
        regs[PAIR_BANK] = NONE if command in (PREA, REF) else bank
    apply(k, command, rank, bank, now)
    k.counts[command] += 1
    if k.settings[RECORD]:
        note(k, now, command, bank, slot)


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
    if k.settings[RESERVE] or k.settings[SPLIT_TICKS]:
        if k.regs[SPLIT_SLOT] == NONE:
            unlink(k, slot)
        hold(k, bank, slot)


def hold(k: Kernel, bank: int, slot: int) -> None:
    """A bank's row is kept for a request, which is in no list any more."""
    b = bank * BANK
    k.banks[b + RESERVED] = slot
    k.banks[b + HELD_WAKE] = 0
    k.banks[b + HELD_PLACE] = k.regs[RESERVED_COUNT]
    k.held[k.regs[RESERVED_COUNT]] = bank
    k.regs[RESERVED_COUNT] += 1


def close(k: Kernel, bank: int, rank: int) -> None:
    """A row has been closed."""
    open_row(k, bank, NONE)
    k.banks[bank * BANK + CLOSED_BY] = 0
    k.ranks[rank * RANK + OPEN_BANKS] -= 1


def access(k: Kernel, now: int, command: int, bank: int, slot: int) -> None:
    """A request that waited has been served."""
    regs = k.regs
    b = bank * BANK
    if k.banks[b + RESERVED] == slot:
        k.banks[b + RESERVED] = NONE
        wake(k, bank)
        regs[RESERVED_COUNT] -= 1
        last = k.held[regs[RESERVED_COUNT]]
        k.held[k.banks[b + HELD_PLACE]] = last
        k.banks[last * BANK + HELD_PLACE] = k.banks[b + HELD_PLACE]
    else:
        unlink(k, slot)
    if k.settings[PICK] == ROW_HITS_GROUPED and regs[LAST_OP] != k.slots[slot * SLOT + OP]:
        wake_all(k)
    serve(k, now, command, bank, slot)


def serve(k: Kernel, now: int, command: int, bank: int, slot: int) -> None:
    """A request, which is in no list any more, is answered by its access."""
    regs = k.regs
    settings = k.settings
    slots = k.slots
    b = bank * BANK
    s = slot * SLOT
    op = slots[s + OP]
    regs[LAST_OP] = op
    k.keys[op * KEYS + slots[s + KEY]] -= 1
    if settings[POWER_DOWN]:
        k.ranks[k.banks[b + RANK_OF] * RANK + WAITING] -= 1
    regs[NEXT_STRICT] += 1
    regs[LAST_PROGRESS] = now
    count_access(k, b)
    end = now + settings[WRITE_END if op else READ_END]
    if regs[LAST_DATA] < end:
        regs[LAST_DATA] = end
    kind = settings[WRITE_DONE]
    if op == 0:
        respond(k, slots[s + ID], slots[s + ACCEPTED], end)
        regs[LAST_READ] = now
        regs[LAST_READ_BANK] = bank
        regs[LAST_READ_ROW] = slots[s + ROW_OF]
        regs[LAST_READ_COLUMN] = slots[s + COLUMN]
        regs[LAST_READ_DONE] = end
    elif kind != AT_ACCEPT:
        finish(k, slots[s + ID], slots[s + ACCEPTED], now if kind == AT_COMMAND else end)
    same = slots[s + SAME]
    while same != NONE:
        respond(k, slots[same * SLOT + ID], slots[same * SLOT + ACCEPTED], end)
        following = slots[same * SLOT + SAME]
        release(k, same)
        same = following
    release(k, slot)
    if command in (RDA, WRA):
        close(k, bank, k.banks[b + RANK_OF])
        k.banks[b + ACCESSES] = 0


def count_access(k: Kernel, b: int) -> None:
    """A row hit, unless it is the first access after an activation: a conflict if a row was in the way."""
    regs = k.regs
    k.banks[b + ACCESSES] += 1
    if not k.banks[b + FIRST]:
        regs[HITS] += 1
    elif k.banks[b + CLOSED_BY] == 1:
        regs[CONFLICTS] += 1
    else:
        regs[MISSES] += 1
    k.banks[b + FIRST] = 0


def maintain(k: Kernel, now: int, command: int, rank: int, bank: int) -> None:
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
    if command == REF:
        block_rank(k, rank, 0)
        if not (settings[POWER_DOWN] and woken(k, now, rank)):
            refreshed(k, rank)


def choose(k: Kernel, now: int, command: int, bank: int, slot: int) -> None:
    """Take a command as the selected one."""
    regs = k.regs
    regs[BEST_COMMAND] = command
    regs[BEST_BANK] = bank
    regs[BEST_SLOT] = slot
    regs[BEST_ITEM] = NONE
    regs[BEST_TIME] = now


def plain_issue(k: Kernel, now: int, command: int) -> None:
    """Put a command on the bus that changes no state of its own."""
    bank = k.regs[BEST_BANK]
    put_on_bus(k, now, command, k.banks[bank * BANK + RANK_OF], bank, k.regs[BEST_SLOT])
