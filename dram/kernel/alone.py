"""A request that comes while no other one waits: its commands follow each other, and none can come between.

They are issued without the lists of the queues and without the scheduler, which would choose the same ones.
"""

from __future__ import annotations

from dram.kernel.issue import hold, put_on_bus, serve, take_turn
from dram.kernel.layout import (
    ACCESSES,
    ACT,
    ADMISSION,
    BANK,
    BANK_OF,
    CLOSED_BY,
    DUE_COUNT,
    EDGES,
    FINAL,
    FIRST,
    FORESIGHT,
    INPUT,
    INPUTS,
    LAST_STEP,
    LIMIT,
    MORE_TO_COME,
    NEXT_DUE,
    NONE,
    OLDEST,
    OP,
    OPEN_BANKS,
    ORDER,
    PRE,
    RANK,
    RANK_OF,
    READS,
    RESERVE,
    RESERVED_COUNT,
    ROW,
    ROW_OF,
    SEQUENCE,
    SHARED,
    SLOT,
    STAGED,
    WRITE_MODE,
    WRITES,
    Kernel,
)
from dram.kernel.offers import at_edge
from dram.kernel.port import moves_on, next_entry
from dram.kernel.queues import enqueue, unlink
from dram.kernel.schedule import access_of
from dram.kernel.timing import earliest


def is_alone(k: Kernel, slot: int, now: int) -> bool:
    """Whether a request that has just been let in, and is in no list yet, has the channel for itself."""
    regs = k.regs
    settings = k.settings
    if not settings[FORESIGHT] or regs[READS] + regs[WRITES] + regs[RESERVED_COUNT] > 0:
        return False
    if regs[DUE_COUNT] > 0 or regs[NEXT_DUE] <= now:
        return False
    if not settings[STAGED]:
        return True
    leaves = settings[ADMISSION] == SHARED or k.slots[slot * SLOT + OP] == 0
    return leaves and not moves_on(k)


def serve_alone(k: Kernel, slot: int, now: int) -> bool:
    """Issue the commands that a request needs; ``LAST_STEP`` says when the last one was issued.

    Returns:
        Whether it has been served. If something else can happen before, it waits in its queue.
    """
    regs = k.regs
    banks = k.banks
    s = slot * SLOT
    bank = k.slots[s + BANK_OF]
    row = k.slots[s + ROW_OF]
    b = bank * BANK
    rank = banks[b + RANK_OF]
    until = last_cycle(k, now)
    opened = False
    regs[LAST_STEP] = now
    while True:
        if banks[b + ROW] == row:
            command = access_of(k, bank, slot)
        else:
            command = ACT if banks[b + ROW] == NONE else PRE
        time = earliest(k, command, bank)
        if time < now:
            time = now
        if k.settings[EDGES]:
            time = at_edge(k, time, command, bank)
        if time > now and time > until:
            put_aside(k, slot, bank, opened)
            return False
        now = time
        regs[LAST_STEP] = now
        put_on_bus(k, now, command, rank, bank, slot)
        if k.settings[ORDER] != OLDEST:
            take_turn(k, bank)
        if command == PRE:
            banks[b + ROW] = NONE
            banks[b + CLOSED_BY] = 1
            banks[b + ACCESSES] = 0
            k.ranks[rank * RANK + OPEN_BANKS] -= 1
        elif command == ACT:
            banks[b + ROW] = row
            banks[b + FIRST] = 1
            banks[b + ACCESSES] = 0
            k.ranks[rank * RANK + OPEN_BANKS] += 1
            opened = True
        else:
            regs[SEQUENCE] += 1
            regs[WRITE_MODE] = 1
            serve(k, now, command, bank, slot)
            return True


def put_aside(k: Kernel, slot: int, bank: int, opened: bool) -> None:
    """Put a request in its queue, or let it keep the row that has been opened for it."""
    enqueue(k, slot)
    if opened and k.settings[RESERVE]:
        unlink(k, slot)
        hold(k, bank, slot)


def last_cycle(k: Kernel, now: int) -> int:
    """The last cycle at which nothing else can happen than the commands of a request that has just come."""
    regs = k.regs
    if regs[INPUT] >= regs[INPUTS] and k.settings[FINAL] == MORE_TO_COME:
        return now
    until: int = min(next_entry(k) - 1, regs[NEXT_DUE] - 1, k.settings[LIMIT])
    return until
