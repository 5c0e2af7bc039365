"""Lists of waiting requests: one per bank and direction, with the first row hit and miss of each."""

from __future__ import annotations

from dram.kernel.layout import (
    AFTER,
    BANK,
    BANK_OF,
    BEFORE,
    BUSY,
    COLUMN,
    COUNT,
    HEAD,
    HIT,
    KEY,
    KEYS,
    MISS,
    NONE,
    OP,
    ORDER_OF,
    PLACE,
    READS,
    ROW,
    ROW_OF,
    SEQUENCE,
    SLOT,
    STUCK,
    TAIL,
    WOKEN,
    Kernel,
)
from dram.kernel.timing import wake


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
    if not banks[b + WOKEN]:
        wake(k, bank)
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
    k.regs[STUCK] = NONE
    banks[b + COUNT] -= 1
    if not banks[b + WOKEN]:
        wake(k, bank)
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
    if not banks[b + WOKEN]:
        wake(k, bank)
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


def key_of(bank: int, row: int, column: int) -> int:
    """The key of a place."""
    return (bank * 613 + row * 191 + column) % KEYS


def read_at(k: Kernel, first: int, slot: int) -> int:
    """The first read from ``first`` on, in the list of its bank, to the place of a request, or ``NONE``."""
    s = slot * SLOT
    if k.keys[k.slots[s + KEY]] == 0:
        return NONE
    return same_place(k, first, k.slots[s + ROW_OF], k.slots[s + COLUMN])


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
