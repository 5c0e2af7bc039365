"""The best command of a cycle, and the next cycle to look at if there is none."""

from __future__ import annotations

from dram.kernel.layout import (
    ANY_BUS,
    BANK,
    BEST_BANK,
    BEST_COMMAND,
    BEST_ITEM,
    BEST_KEY,
    BEST_ORDER,
    BEST_SLOT,
    BEST_TIME,
    BUS_WANTED,
    EDGES,
    FINISH_ORDER,
    NEXT,
    NONE,
    PAIR_BANK,
    PAIR_RANK,
    PAIR_TICK,
    PRE,
    PREA,
    RANK_OF,
    Kernel,
)


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

    Odd ticks are rising edges. All but precharges start there; a precharge on the falling edge that pairs
    with a row command goes to another bank, or to another pseudo channel if either concerns all banks.
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
