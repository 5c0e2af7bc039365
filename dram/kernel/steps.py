"""From event to event."""

from __future__ import annotations

from dram.kernel.alone import is_alone, serve_alone
from dram.kernel.issue import activate, choose, issue, plain_issue, take_turn
from dram.kernel.layout import (
    ACT2,
    ADMISSION,
    BANK,
    BANK_OF,
    BANKWISE,
    BEST_BANK,
    BEST_COMMAND,
    BEST_KEY,
    BEST_ORDER,
    BEST_SLOT,
    BUS_COLUMN,
    BUS_ROW,
    BUS_WANTED,
    CAPPED,
    CAS_BANK,
    CAS_COMMAND,
    CAS_RD,
    CAS_SLOT,
    CAS_WR,
    CLOCK_END,
    CLOCK_RD,
    CLOCK_WR,
    DRAIN_AT_END,
    DRAIN_THRESHOLD,
    DRAINED,
    DRAINING,
    DUE,
    FINAL,
    FIRST_ONLY,
    INPUT,
    INPUTS,
    LAST_ACCEPT,
    LAST_PROGRESS,
    LAST_STEP,
    LIMIT,
    MAINTENANCE,
    MORE_TO_COME,
    NEED_ROOM,
    NEVER,
    NEXT,
    NEXT_DUE,
    NONE,
    NOW,
    OLDEST,
    ORDER,
    PAGE,
    PAUSED,
    PER_BANK,
    RANK,
    RANK_OF,
    RANKS,
    RD,
    RDA,
    READS,
    RECORD,
    RECORDED,
    REFRESH,
    RESERVED_COUNT,
    SLOT,
    SPLIT_DEADLINE,
    SPLIT_SLOT,
    SPLIT_TICKS,
    STAGED,
    STALL,
    STALLED,
    TWO_BUSES,
    WAIT_READS,
    WAIT_WRITES,
    WRA,
    WRITES,
    Kernel,
)
from dram.kernel.port import accept, may_enter, moves_on, next_entry, queue_up, stage
from dram.kernel.refresh import inject_precharges, start_refreshes
from dram.kernel.schedule import offer_maintenance, offer_requests, select

LOOKS = 16  # cycles that a step looks at
STEP_COMMANDS = 2 * LOOKS + 3  # at most, in a step: two for each, and those of a request that is alone


def run(k: Kernel) -> int:
    """Go on until all requests are done, or something is needed; see the reasons above."""
    regs = k.regs
    settings = k.settings
    while True:
        now = regs[NOW]
        if regs[INPUT] >= regs[INPUTS]:
            if settings[FINAL] == MORE_TO_COME:
                return PAUSED
            if nothing_waits(k):
                return DRAINED
        if now > settings[LIMIT]:
            return PAUSED
        if settings[RECORD] and regs[RECORDED] + STEP_COMMANDS > settings[RECORD]:
            return NEED_ROOM
        if now - regs[LAST_PROGRESS] > STALL and under_way(k):
            return STALLED
        regs[NOW] = step(k, now)


def nothing_waits(k: Kernel) -> bool:
    """Whether all accepted requests have been served, but for writes that never leave the stage."""
    return not under_way(k) and not (k.settings[DRAIN_AT_END] and k.regs[WAIT_WRITES] > 0)


def under_way(k: Kernel) -> bool:
    """Whether requests wait other than writes that stay in the stage until more come, or the end."""
    regs = k.regs
    queued = regs[READS] + regs[WRITES] + regs[RESERVED_COUNT] + regs[WAIT_READS]
    if regs[SPLIT_SLOT] != NONE:
        queued += 1
    stay: bool = regs[DRAINING] == 0 and regs[WAIT_WRITES] <= k.settings[DRAIN_THRESHOLD]
    return queued > 0 or not stay


def step(k: Kernel, now: int) -> int:
    """What happens at a cycle, and what follows until something comes; the next cycle to look at."""
    regs = k.regs
    settings = k.settings
    regs[NEXT] = NEVER
    slot = accept(k, now)
    if slot != NONE:
        if not is_alone(k, slot, now):
            queue_up(k, slot)
        elif serve_alone(k, slot, now):
            following: int = min(next_entry(k), regs[NEXT_DUE])
            return following if following > regs[LAST_STEP] else regs[LAST_STEP] + 1
        else:
            return commands_from(k, regs[LAST_STEP], False)
    moved = settings[STAGED] and regs[WAIT_READS] + regs[WAIT_WRITES] > 0 and stage(k)
    if regs[NEXT_DUE] <= now and settings[MAINTENANCE] == FIRST_ONLY:
        start_refreshes(k, now)
    if regs[NEXT_DUE] > now:
        return commands_from(k, now, moved)
    issued = issue_due(k, now)
    regs[LAST_STEP] = now
    if not (moved or issued):
        return following_event(k, now)
    if regs[NEXT_DUE] <= now and settings[REFRESH] >= PER_BANK:
        offer_maintenance(k, now)  # a bank that is ready for its refresh is kept, before requests come to it
    return now + 1


def commands_from(k: Kernel, now: int, moved: bool) -> int:
    """Issue commands from a cycle on until a request or a refresh may come; the next cycle to look at.

    ``moved`` is whether a request has just left the stage.
    """
    regs = k.regs
    settings = k.settings
    entry = next_entry(k)
    looks = 0
    while True:
        looks += 1
        following: int = now + 1
        if issue_due(k, now) or moved:
            over = entry <= following or (settings[STAGED] and (moved or moves_on(k)))
        else:
            if regs[NEXT] > following:
                following = regs[NEXT]
            over = entry <= following and comes_in(k, entry, now)
            if over:
                following = entry
        if following >= regs[NEXT_DUE]:
            following = regs[NEXT_DUE]
            break
        if over or following > settings[LIMIT] or looks == LOOKS or regs[INPUT] >= regs[INPUTS]:
            break
        now = following
        regs[NEXT] = NEVER
    regs[LAST_STEP] = now
    return following


def comes_in(k: Kernel, entry: int, now: int) -> bool:
    """Whether a request may come in at ``entry``, where nothing has been issued or moved at ``now``."""
    return entry > now + 1 or (entry > now and may_enter(k))


def issue_due(k: Kernel, now: int) -> bool:
    """Issue what can go at a cycle; whether anything has been issued."""
    settings = k.settings
    if settings[PAGE] == CAPPED:
        inject_precharges(k, now)
    if settings[SPLIT_TICKS]:
        return issue_split(k, now)
    if settings[TWO_BUSES] and settings[ORDER] == OLDEST:
        return issue_on_both(k, now)
    if not select(k, now):
        return False
    issue(k, now)
    if settings[TWO_BUSES]:
        issue_second(k, now)
    return True


def following_event(k: Kernel, now: int) -> int:
    """The next arrival, refresh, or start of a command, if nothing has changed while a refresh is due."""
    regs = k.regs
    following: int = regs[NEXT]
    entry = next_entry(k)
    if entry < following and comes_in(k, entry, now):
        following = entry
    for rank in range(k.settings[RANKS]):
        due = k.ranks[rank * RANK + DUE]
        if now < due < following:
            following = due
    return following if following > now else now + 1


def issue_on_both(k: Kernel, now: int) -> bool:
    """A column command and a row command start in the same cycle; whether any does."""
    regs = k.regs
    command, bank, slot = NONE, NONE, NONE
    for bus in (1, 0):
        regs[BUS_WANTED] = bus
        if select(k, now):
            issue(k, now)
            command, bank, slot = regs[BEST_COMMAND], regs[BEST_BANK], regs[BEST_SLOT]
            # the request that has found its bank's queue full takes the place that has just become free
            refused = regs[LAST_ACCEPT] < now - 1 and regs[INPUT] < regs[INPUTS]
            if bus == 1 and k.settings[ADMISSION] == BANKWISE and refused and k.arrival[regs[INPUT]] < now:
                entering = accept(k, now + 1)
                if entering != NONE:
                    queue_up(k, entering)
    choose(k, now, command, bank, slot)
    return bool(command != NONE)


def issue_second(k: Kernel, now: int) -> None:
    """Queues that take turns: the next one has its turn in the same cycle, for the other bus."""
    regs = k.regs
    first = k.bus[regs[BEST_COMMAND]]
    free_row = regs[BUS_ROW]
    free_column = regs[BUS_COLUMN]
    if k.ticks[regs[BEST_COMMAND]] == 1:
        regs[BUS_ROW + first] = 0  # one that finds this bus taken has its turn, and loses it
    regs[BEST_COMMAND] = NONE
    regs[BEST_KEY] = NEVER
    regs[BEST_ORDER] = NEVER
    offer_requests(k, now)
    regs[BUS_ROW] = free_row
    regs[BUS_COLUMN] = free_column
    found = regs[BEST_COMMAND]
    if found == NONE:
        return
    if k.bus[found] == first:
        take_turn(k, regs[BEST_BANK])
    else:
        issue(k, now)


def issue_split(k: Kernel, now: int) -> bool:
    """Where a row is opened by two commands, and an access may need the data clock to be started first.

    The second command of an activation goes when nothing else can, or at the last moment. The data clock runs
    on for a while after each access; later than that, it is started in the cycle before the access.
    """
    regs = k.regs
    opening: bool = regs[SPLIT_SLOT] != NONE
    if regs[CAS_SLOT] != NONE:
        choose(k, now, regs[CAS_COMMAND], regs[CAS_BANK], regs[CAS_SLOT])
        regs[CAS_SLOT] = NONE
        issue_access(k, now)
        return True
    if opening and regs[SPLIT_DEADLINE] <= now:
        open_second(k, now)
        return True
    if not select(k, now):
        if opening:
            open_second(k, now)
        return opening
    command = regs[BEST_COMMAND]
    rank = k.banks[regs[BEST_BANK] * BANK + RANK_OF]
    if RD <= command <= WRA and now >= k.ranks[rank * RANK + CLOCK_END]:
        if opening and regs[SPLIT_DEADLINE] <= now + 1:
            open_second(k, now)
            return True
        regs[CAS_COMMAND] = command
        regs[CAS_BANK] = regs[BEST_BANK]
        regs[CAS_SLOT] = regs[BEST_SLOT]
        plain_issue(k, now, CAS_RD if command <= RDA else CAS_WR)
        return True
    issue_access(k, now)
    return True


def issue_access(k: Kernel, now: int) -> None:
    """Issue the selected command; the data clock runs on after an access."""
    regs = k.regs
    command = regs[BEST_COMMAND]
    at = k.banks[regs[BEST_BANK] * BANK + RANK_OF] * RANK + CLOCK_END
    issue(k, now)
    if RD <= command <= WRA:
        runs = k.settings[CLOCK_RD if command <= RDA else CLOCK_WR]
        k.ranks[at] = max(k.ranks[at], now + runs)


def open_second(k: Kernel, now: int) -> None:
    """The second command of an activation: the row is open now."""
    regs = k.regs
    slot = regs[SPLIT_SLOT]
    bank = k.slots[slot * SLOT + BANK_OF]
    choose(k, now, ACT2, bank, slot)
    plain_issue(k, now, ACT2)
    activate(k, bank, slot, k.banks[bank * BANK + RANK_OF])
    regs[SPLIT_SLOT] = NONE
