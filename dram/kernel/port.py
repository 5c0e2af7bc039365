"""Where requests enter: room in the queues, forwarding, merging; and the stage before the queues."""

from __future__ import annotations

from dram.kernel.layout import (
    ACCEPTED,
    ADMISSION,
    AFTER,
    AT_ACCEPT,
    BANK,
    BANK_OF,
    BANKS_PER_RANK,
    BASE,
    BEFORE,
    COLUMN,
    COUNT,
    DRAIN_AT_END,
    DRAIN_THRESHOLD,
    DRAINING,
    FINAL,
    FORWARD,
    FORWARDED,
    FREE,
    HEAD,
    HEAD_W,
    ID,
    INPUT,
    INPUTS,
    KEY,
    KEYS,
    LAST_ACCEPT,
    LAST_BANK,
    LAST_PROGRESS,
    LAST_READ,
    LAST_READ_BANK,
    LAST_READ_COLUMN,
    LAST_READ_DONE,
    LAST_READ_ROW,
    LAST_RESPONSE,
    MERGE_READS,
    MERGE_WRITES,
    MERGED,
    NEVER,
    NONE,
    OP,
    OUT,
    POWER_DOWN,
    RANK_OF,
    READ_SIZE,
    READS,
    READS_FIRST,
    RESPOND_IN_ORDER,
    RESULT,
    ROUND_ROBIN_BANKS,
    ROW_OF,
    SAME,
    SHARED,
    SLOT,
    SPLIT,
    STAGED,
    STAGED_BY,
    STAGED_SIZE,
    STUCK,
    STUCK_SLOT,
    THE_END,
    WAIT_READ,
    WAIT_READS,
    WAIT_WRITE,
    WAIT_WRITES,
    WRITE_DONE,
    WRITE_SIZE,
    WRITES,
    Kernel,
)
from dram.kernel.power import arrive
from dram.kernel.queues import enqueue, key_of, read_at, same_place, waiting_at


def accept(k: Kernel, now: int) -> int:
    """Let the next request in, if it is there and there is room for it.

    Returns:
        Its slot, which is still to be put in a list; ``NONE`` if none has come, or one that is answered.
    """
    regs = k.regs
    settings = k.settings
    number = regs[INPUT]
    label = now - 1
    if number >= regs[INPUTS] or k.arrival[number] > label or regs[LAST_ACCEPT] >= label:
        return NONE
    op = k.write[number]
    bank = k.bank[number]
    slot: int = regs[FREE]
    if slot == NONE or (settings[STAGED] and not has_room(k, bank, op)):
        return NONE
    row = k.row[number]
    column = k.column[number]
    key = key_of(bank, row, column)
    at_once = k.keys[KEYS + key] > 0 and answered_at_once(k, number, bank, op, label)
    if at_once or (op == 0 and settings[MERGE_READS] and just_read(k, number, bank, label)):
        regs[INPUT] += 1
        regs[LAST_ACCEPT] = label
        return NONE
    if not (settings[STAGED] or has_room(k, bank, op)):
        return NONE
    regs[INPUT] = number + 1
    regs[LAST_ACCEPT] = label
    regs[LAST_BANK] = bank
    regs[LAST_PROGRESS] = now
    s = slot * SLOT
    slots = k.slots
    regs[FREE] = slots[s + AFTER]
    slots[s + ID] = regs[BASE] + number
    slots[s + ACCEPTED] = label
    slots[s + BANK_OF] = bank
    slots[s + ROW_OF] = row
    slots[s + COLUMN] = column
    slots[s + OP] = op
    slots[s + SAME] = NONE
    slots[s + KEY] = key
    if op == 0 and settings[MERGE_READS] and joined(k, slot):
        return NONE
    k.keys[op * KEYS + key] += 1
    if op == 1 and settings[WRITE_DONE] == AT_ACCEPT:
        finish(k, slots[s + ID], label, label + 1)
    if settings[POWER_DOWN]:
        arrive(k, k.banks[bank * BANK + RANK_OF])
    return slot


def queue_up(k: Kernel, slot: int) -> None:
    """Put a request that has been let in where it waits."""
    if k.settings[STAGED]:
        wait(k, slot, k.slots[slot * SLOT + OP])
    else:
        enqueue(k, slot)


def next_entry(k: Kernel) -> int:
    """The cycle from which on the next request is at the port; ``NEVER`` if none is known."""
    regs = k.regs
    number = regs[INPUT]
    if number >= regs[INPUTS]:
        return NEVER
    time: int = k.arrival[number] + 1
    follows = regs[LAST_ACCEPT] + 2
    return time if time > follows else follows


def may_enter(k: Kernel) -> bool:
    """Whether the next request finds room, or may be answered without."""
    settings = k.settings
    number = k.regs[INPUT]
    op = k.write[number]
    if k.regs[FREE] == NONE:
        return False
    if has_room(k, k.bank[number], op):
        return True
    if settings[STAGED]:
        return False
    answered = settings[MERGE_WRITES if op else FORWARD]
    return bool(answered or (op == 0 and settings[MERGE_READS]))


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
        finish(k, k.regs[BASE] + number, label, label + 1)
    return True


def just_read(k: Kernel, number: int, bank: int, label: int) -> bool:
    """Whether the place is read by the command of the cycle in which the read comes; that answers it, too."""
    regs = k.regs
    if regs[LAST_READ] != label or regs[LAST_READ_BANK] != bank:
        return False
    if regs[LAST_READ_ROW] != k.row[number] or regs[LAST_READ_COLUMN] != k.column[number]:
        return False
    regs[MERGED] += 1
    respond(k, regs[BASE] + number, label, regs[LAST_READ_DONE])
    return True


def joined(k: Kernel, slot: int) -> bool:
    """Whether a read to the same place waits; the new one is then answered with it."""
    s = slot * SLOT
    if k.keys[k.slots[s + KEY]] == 0:
        return False
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


def moves_on(k: Kernel) -> bool:
    """Whether a request may leave the stage soon."""
    regs = k.regs
    settings = k.settings
    if regs[WAIT_READS] > 0 or regs[DRAINING] != 0:
        return True
    if regs[WAIT_WRITES] > settings[DRAIN_THRESHOLD] or regs[WAIT_WRITES] >= settings[WRITE_SIZE]:
        return True
    return bool(settings[DRAIN_AT_END] and regs[INPUT] >= regs[INPUTS])


def stage(k: Kernel) -> bool:
    """Move one request from the stage to its queue; whether one has been moved."""
    regs = k.regs
    settings = k.settings
    shared = settings[ADMISSION] == SHARED
    again: bool = regs[DRAINING] == READS_FIRST
    if again:
        regs[DRAINING] = 0
    elif not shared and regs[DRAINING] == 0:
        queued = regs[READS] + regs[WRITES]
        full = regs[WAIT_WRITES] >= settings[WRITE_SIZE]
        over = regs[INPUT] >= regs[INPUTS] and settings[FINAL] == THE_END and regs[WAIT_READS] == 0
        over = over and settings[DRAIN_AT_END]
        if full or (queued == 0 and (over or regs[WAIT_WRITES] > settings[DRAIN_THRESHOLD])):
            regs[DRAINING] = regs[WAIT_WRITES]
    at = WAIT_WRITE if not shared and regs[DRAINING] > 0 else WAIT_READ
    slot = k.slots[regs[STUCK_SLOT] * SLOT + AFTER] if regs[STUCK] == at else regs[at]
    by_bank = settings[STAGED_BY] == ROUND_ROBIN_BANKS
    while slot != NONE:
        s = slot * SLOT
        bank = k.slots[s + BANK_OF]
        filled = k.banks[bank * BANK + COUNT] if by_bank else rank_queue(k, bank)
        if filled < settings[STAGED_SIZE]:
            if at == WAIT_WRITE:
                if read_staged(k, slot):
                    regs[DRAINING] = READS_FIRST
                    return True
                if read_queued(k, slot):
                    regs[DRAINING] = 0
                    return True
                regs[DRAINING] -= 1
            leave(k, slot, at)
            enqueue(k, slot)
            return True
        regs[STUCK_SLOT] = slot
        regs[STUCK] = at
        slot = k.slots[s + AFTER]
    return again  # the writes have their turn in the next cycle


def rank_queue(k: Kernel, bank: int) -> int:
    """Requests in the queue of a bank's rank."""
    per_rank = k.settings[BANKS_PER_RANK]
    first = bank // per_rank * per_rank
    count: int = 0
    for other in range(first, first + per_rank):
        count += k.banks[other * BANK + COUNT]
    return count


def read_queued(k: Kernel, slot: int) -> bool:
    """Whether a read to the place of a write waits in the queue of its bank."""
    return read_at(k, k.banks[k.slots[slot * SLOT + BANK_OF] * BANK + HEAD], slot) != NONE


def read_staged(k: Kernel, slot: int) -> bool:
    """Whether a read to the place of a write waits in the stage."""
    s = slot * SLOT
    if k.keys[k.slots[s + KEY]] == 0:
        return False
    bank = k.slots[s + BANK_OF]
    return waiting_at(k, k.regs[WAIT_READ], bank, k.slots[s + ROW_OF], k.slots[s + COLUMN]) != NONE
