"""Power-down and self-refresh of ranks for which nothing waits."""

from __future__ import annotations

from dram.kernel.layout import (
    ACCESSES,
    ACTIVE_DOWN,
    AWAKE,
    BANK,
    BANKS_PER_RANK,
    CAPPED,
    DUE,
    ENTERS,
    ENTERS_SELF,
    EXITS,
    NEVER,
    NONE,
    OPEN_BANKS,
    PAGE,
    PAGE_CAP,
    PDNA,
    PDNP,
    PDXA,
    PDXP,
    POWER,
    PRECHARGED_DOWN,
    PULLED,
    RANK,
    REF,
    REFRESH_INTERVAL,
    ROW,
    SELF,
    SREF,
    SREFX,
    WAITING,
    WAKING,
    Kernel,
)
from dram.kernel.offers import offer
from dram.kernel.timing import earliest_on_rank, note_due


def arrive(k: Kernel, rank: int) -> None:
    """A request for a rank has come: it has to wake up."""
    r = rank * RANK
    ranks = k.ranks
    if ranks[r + WAITING] == 0:
        ranks[r + ENTERS_SELF] = 0
        ranks[r + ENTERS] = 0
        if ranks[r + POWER] != AWAKE:
            ranks[r + EXITS] = 1
    ranks[r + WAITING] += 1


def settle(k: Kernel, rank: int) -> None:
    """A command has been issued to a rank: if nothing waits for it, it may power down."""
    r = rank * RANK
    if k.ranks[r + WAITING] == 0 and k.ranks[r + POWER] == AWAKE:
        k.ranks[r + ENTERS] = 1


def offer_power(k: Kernel, now: int, rank: int) -> bool:
    """Offer to change a rank's state; whether it is to change, or sleeps: then nothing else can go there."""
    r = rank * RANK
    ranks = k.ranks
    if now >= ranks[r + DUE]:  # a refresh has to wake it
        ranks[r + ENTERS] = 0
        if ranks[r + POWER] != AWAKE:
            ranks[r + EXITS] = 1
    command = NONE
    if ranks[r + EXITS]:
        if ranks[r + POWER] == ACTIVE_DOWN:
            command = PDXA
        elif ranks[r + POWER] == PRECHARGED_DOWN:
            command = PDXP
        elif ranks[r + POWER] == SELF:
            command = SREFX
        else:
            command = REF
    elif ranks[r + ENTERS]:
        if k.settings[PAGE] == CAPPED and closing(k, rank):
            return False
        command = PDNA if ranks[r + OPEN_BANKS] > 0 else PDNP
    elif ranks[r + ENTERS_SELF]:
        command = SREF
    if command != NONE:
        first = rank * k.settings[BANKS_PER_RANK]
        offer(k, now, earliest_on_rank(k, command, rank), 3, NEVER - 1, command, first, NONE, NONE)
        return True
    return bool(ranks[r + POWER] != AWAKE)


def closing(k: Kernel, rank: int) -> bool:
    """Whether a row of a rank has been used often enough and is still to be closed."""
    first = rank * k.settings[BANKS_PER_RANK]
    for bank in range(first, first + k.settings[BANKS_PER_RANK]):
        if k.banks[bank * BANK + ROW] != NONE and k.banks[bank * BANK + ACCESSES] >= k.settings[PAGE_CAP]:
            return True
    return False


def change_power(k: Kernel, command: int, rank: int) -> None:
    """A rank has changed its state."""
    r = rank * RANK
    ranks = k.ranks
    if command in (PDNA, PDNP):
        ranks[r + POWER] = ACTIVE_DOWN if command == PDNA else PRECHARGED_DOWN
        ranks[r + ENTERS] = 0
    elif command == SREF:
        ranks[r + POWER] = SELF
        ranks[r + ENTERS] = 0
        ranks[r + ENTERS_SELF] = 0
        ranks[r + DUE] = NEVER
        note_due(k)
    elif command == SREFX:
        ranks[r + POWER] = WAKING
    else:
        ranks[r + POWER] = AWAKE
        ranks[r + EXITS] = 0
        if command == PDXP and ranks[r + WAITING] == 0:
            ranks[r + ENTERS_SELF] = 1


def woken(k: Kernel, now: int, rank: int) -> bool:
    """Whether a refresh has been the one that follows self-refresh."""
    r = rank * RANK
    ranks = k.ranks
    if ranks[r + POWER] != WAKING:
        if k.ranks[r + WAITING] == 0:
            ranks[r + ENTERS] = 1
        return False
    ranks[r + POWER] = AWAKE
    ranks[r + EXITS] = 0
    ranks[r + PULLED] = 0
    ranks[r + DUE] = now + k.settings[REFRESH_INTERVAL]
    note_due(k)
    return True
