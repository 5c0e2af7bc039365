"""Refreshes and injected precharges: when they are due, what they need, what follows them."""

from __future__ import annotations

from dram.kernel.layout import (
    ACCESSES,
    ALL_BANK,
    BANK,
    BANK_OF,
    BANKS,
    BANKS_PER_RANK,
    BEST_BANK,
    BEST_COMMAND,
    BEST_TIME,
    BLOCKED,
    BLOCKS,
    BLOCKS_TARGET,
    CHOSEN,
    CLOSE_ALL,
    COUNT,
    DUE,
    DUE_COUNT,
    DUE_PRE,
    DUE_REF,
    FIRST_ONLY,
    INJECTED,
    ITEM,
    KEEPS_CHOICE,
    MAINTENANCE,
    NEXT,
    NONE,
    OPEN_BANKS,
    PAGE_CAP,
    POSTPONE,
    POSTPONED,
    PRE,
    PREA,
    PRESB,
    PULL_IN,
    PULLED,
    RANK,
    RANK_OF,
    RANKS,
    REF,
    REFPB,
    REFRESH,
    REFRESH_INTERVAL,
    REFSB,
    RESERVED,
    RESERVED_COUNT,
    ROW,
    SAME_BANK,
    SLOT,
    SPLIT_SLOT,
    TO_REFRESH,
    Kernel,
)
from dram.kernel.offers import offer
from dram.kernel.timing import earliest, earliest_on_rank, note_due, wake


def push_due(k: Kernel, kind: int, target: int) -> None:
    """Something is due, after what is due already."""
    at = k.regs[DUE_COUNT] * ITEM
    k.due[at] = kind
    k.due[at + 1] = target
    k.regs[DUE_COUNT] += 1


def pop_due(k: Kernel, item: int) -> None:
    """Something that was due has been done."""
    if k.due[item * ITEM] == DUE_PRE:
        k.banks[k.due[item * ITEM + 1] * BANK + INJECTED] = 0
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
    note_due(k)


def block_rank(k: Kernel, rank: int, value: int) -> None:
    """Keep requests away from a rank, or let them to it again."""
    first = rank * k.settings[BANKS_PER_RANK]
    for bank in range(first, first + k.settings[BANKS_PER_RANK]):
        k.banks[bank * BANK + BLOCKED] = value
        wake(k, bank)


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
    while k.regs[DUE_COUNT] > 0 and k.due[0] == DUE_PRE and k.banks[k.due[1] * BANK + ROW] == NONE:
        pop_due(k, 0)  # something else has closed the row
    if k.regs[DUE_COUNT] == 0:
        return
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
    elif not any_kept(k, first):
        offer(k, now, earliest_on_rank(k, PREA, target), 1, 0, PREA, first, NONE, item)


def any_kept(k: Kernel, first: int) -> bool:
    """Whether a request keeps a row open in the rank of a bank."""
    if k.regs[RESERVED_COUNT] > 0:
        for bank in range(first, first + k.settings[BANKS_PER_RANK]):
            if k.banks[bank * BANK + RESERVED] != NONE:
                return True
    opening = k.regs[SPLIT_SLOT]
    if opening == NONE:
        return False
    return bool(
        k.banks[k.slots[opening * SLOT + BANK_OF] * BANK + RANK_OF] == k.banks[first * BANK + RANK_OF]
    )


def offer_precharges(k: Kernel, now: int, first: int, item: int) -> None:
    """Close a rank's banks one by one, in their order as they can be closed."""
    regs = k.regs
    for bank in range(first, first + k.settings[BANKS_PER_RANK]):
        if k.banks[bank * BANK + ROW] != NONE and k.banks[bank * BANK + RESERVED] == NONE:
            offer(k, now, earliest(k, PRE, bank), 1, bank, PRE, bank, NONE, item)
            if regs[BEST_COMMAND] == PRE and regs[BEST_BANK] == bank and regs[BEST_TIME] <= now:
                return  # the others come after it


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
        note_due(k)
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
            if k.banks[bank * BANK + COUNT] > 0 or k.banks[bank * BANK + RESERVED] != NONE:
                put_off(k, rank)
                return
    if any_kept(k, first):
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
    note_due(k)


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
    if any_kept_of(k, chosen, same):
        return
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
        if k.banks[other * BANK + COUNT] > 0 or kept(k, other):
            return True
    return False


def kept(k: Kernel, bank: int) -> bool:
    """Whether a request keeps a bank's row, or opens it."""
    opening = k.regs[SPLIT_SLOT]
    if opening != NONE and k.slots[opening * SLOT + BANK_OF] == bank:
        return True
    return bool(k.banks[bank * BANK + RESERVED] != NONE)


def any_kept_of(k: Kernel, bank: int, same: bool) -> bool:
    """The same for a bank, or for the banks of its number in all groups."""
    for other in range(bank, bank + (k.settings[BANKS_PER_RANK] if same else 1), k.settings[BANKS]):
        if kept(k, other):
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
        wake(k, other)


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
        note_due(k)


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
