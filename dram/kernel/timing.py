"""When commands may start, and how they delay each other."""

from __future__ import annotations

from dram.kernel.layout import (
    BANK,
    BANK_NODE,
    BANKS,
    BUS_ROW,
    COMMANDS,
    DUE,
    EFFECT,
    GROUP_NODE,
    GROUPS,
    NEVER,
    NEXT_DUE,
    ON_BANK,
    ON_GROUP,
    ON_OTHER_RANKS,
    ON_RANK,
    ON_SAME_BANK,
    ON_WINDOW,
    RANK,
    RANK_OF,
    RANKS,
    Kernel,
)


def earliest(k: Kernel, command: int, bank: int) -> int:
    """The earliest start of a command to one bank."""
    ready = k.ready
    at = bank * BANK
    time: int = ready[k.banks[at + BANK_NODE] + command]
    other = ready[k.banks[at + GROUP_NODE] + command]
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
    for at in range(k.effect_at[command], k.effect_at[command + 1], EFFECT):
        where = effects[at]
        target = effects[at + 1]
        time = now + effects[at + 2]
        if where == ON_BANK:
            target += k.banks[bank * BANK + BANK_NODE]
        elif where == ON_GROUP:
            target += k.banks[bank * BANK + GROUP_NODE]
        elif where == ON_RANK:
            target += rank * COMMANDS
        elif where == ON_WINDOW:
            target += rank * COMMANDS
            time = window_start(k, at, rank, now) + effects[at + 2]
        else:
            apply_widely(k, where, target, rank, bank, time)
            continue
        if ready[target] < time:
            ready[target] = time


def note_due(k: Kernel) -> None:
    """Note when the next refresh is due, of any rank."""
    due = NEVER
    for rank in range(k.settings[RANKS]):
        due = min(due, k.ranks[rank * RANK + DUE])
    k.regs[NEXT_DUE] = due


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
            if ready[node + target] < time:
                ready[node + target] = time
        return
    for other in range(k.settings[RANKS]):
        if where == ON_OTHER_RANKS and other == rank:
            continue
        if ready[other * COMMANDS + target] < time:
            ready[other * COMMANDS + target] = time
