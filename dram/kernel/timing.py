"""When commands may start, and how they delay each other."""

from __future__ import annotations

from dram.kernel.layout import (
    ALL_WAKE,
    BANK,
    BANK_NODE,
    BANKS,
    BUS_ROW,
    BUSY,
    COMMANDS,
    DUE,
    EFFECT,
    GROUP_NODE,
    GROUPS,
    NEAR,
    NEVER,
    NEXT_DUE,
    ON_OTHER_RANKS,
    ON_SAME_BANK,
    ON_WINDOW,
    RANK,
    RANK_OF,
    RANKS,
    SECTIONS,
    WAKE,
    WOKEN,
    WOKEN_COUNT,
    Kernel,
)


def earliest(k: Kernel, command: int, bank: int) -> int:
    """The earliest start of a command to one bank."""
    time = ready_at(k, command, bank)
    bus: int = k.regs[BUS_ROW + k.bus[command]]
    return bus if bus > time else time


def ready_at(k: Kernel, command: int, bank: int) -> int:
    """The same but for the command bus; it never becomes earlier."""
    ready = k.ready
    banks = k.banks
    at = bank * BANK
    time: int = ready[banks[at + BANK_NODE] + command]
    other = ready[banks[at + GROUP_NODE] + command]
    if other > time:
        time = other
    other = ready[banks[at + RANK_OF] * COMMANDS + command]
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
    lists = k.effect_at
    at = command * SECTIONS
    b = bank * BANK
    node = k.banks[b + BANK_NODE]
    for entry in range(lists[at], lists[at + 1], NEAR):
        target = node + effects[entry]
        time = now + effects[entry + 1]
        if ready[target] < time:
            ready[target] = time
    node = k.banks[b + GROUP_NODE]
    for entry in range(lists[at + 1], lists[at + 2], NEAR):
        target = node + effects[entry]
        time = now + effects[entry + 1]
        if ready[target] < time:
            ready[target] = time
    node = rank * COMMANDS
    for entry in range(lists[at + 2], lists[at + 3], NEAR):
        target = node + effects[entry]
        time = now + effects[entry + 1]
        if ready[target] < time:
            ready[target] = time
    for entry in range(lists[at + 3], lists[at + SECTIONS], EFFECT):
        where = effects[entry]
        target = effects[entry + 1]
        if where != ON_WINDOW:
            apply_widely(k, where, target, rank, bank, now + effects[entry + 2])
            continue
        target += rank * COMMANDS
        time = window_start(k, entry, rank, now) + effects[entry + 2]
        if ready[target] < time:
            ready[target] = time


def wake(k: Kernel, bank: int) -> None:
    """A bank's requests may need another command than before."""
    b = bank * BANK
    k.banks[b + WAKE] = 0
    if not k.banks[b + WOKEN]:
        k.banks[b + WOKEN] = 1
        k.woken[k.regs[WOKEN_COUNT]] = bank
        k.regs[WOKEN_COUNT] += 1


def wake_all(k: Kernel) -> None:
    """The same for all banks."""
    for place in range(k.regs[BUSY]):
        k.banks[k.busy[place] * BANK + WAKE] = 0
    k.regs[ALL_WAKE] = 0


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
