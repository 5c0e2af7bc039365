"""What the controller works on: flat arrays, and the positions in them.

One source serves two worlds: interpreted, the arrays are plain lists; :mod:`dram.compiled` compiles the same
functions for bare pointers. They keep to what both know: integers, indexing, loops, calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Commands; the numbers are those of dram.commands.
ACT, PRE, PREA, PRESB, RD, RDA, WR, WRA, REF, REFPB, REFSB = range(11)
PDNA, PDXA, PDNP, PDXP, SREF, SREFX, ACT1, ACT2, CAS_RD, CAS_WR = range(11, 21)
COMMANDS = 21

NEVER = 1 << 60
NONE = -1

# Why `run` returns.
DRAINED = 0  # all requests are done
PAUSED = 1  # the next request is not known yet, or the limit is reached
NEED_ROOM = 2  # the record of commands is full
STALLED = 3  # requests wait, but the settings let none of them go
STALL = 1 << 20  # cycles without any progress that are taken for a standstill

# Settings: positions in `Kernel.settings`.
(
    RANKS, GROUPS, BANKS, BANKS_PER_RANK, ADMISSION, READ_SIZE, WRITE_SIZE, STAGED, STAGED_SIZE, STAGED_BY,
    DRAIN, DRAIN_HIGH, DRAIN_LOW, PICK, ORDER, ROW_CAP, RESERVE, PAGE, PAGE_CAP, FORWARD, MERGE_WRITES,
    MERGE_READS, WRITE_DONE, REFRESH, REFRESH_INTERVAL, POSTPONE, PULL_IN, MAINTENANCE, BLOCKS, CLOSE_ALL,
    READ_END, WRITE_END, RECORD, LIMIT, FINAL, TWO_BUSES, FINISH_ORDER, ACTIVATE, EDGES, DRAIN_THRESHOLD,
    DRAIN_AT_END, RESPOND_IN_ORDER, SPLIT_TICKS, CLOCK_RD, CLOCK_WR,
    POWER_DOWN, FORESIGHT, SIMPLE, SLACK,
) = range(49)  # fmt: skip
SETTINGS = 49
# SIMPLE: commands start at any cycle, on one bus, and the best of those that can start goes.

# FINAL: what happens when all known requests are in.
MORE_TO_COME, THE_END, OPEN_END = range(3)  # pause; serve what waits; the same, and more may come later
# ADMISSION: which queue has to have room.
SHARED, SPLIT, BANKWISE = range(3)
# DRAIN: what is served while writes wait.
TOGETHER, WATERMARKS = range(2)
# PICK: which requests of a bank may go.
FIFO, STRICT_FIFO, ROW_HITS, ROW_HITS_CAPPED, ROW_HITS_GROUPED, FIRST_READY = range(6)
# ORDER: who goes first among those that can.
OLDEST, ROUND_ROBIN_BANKS, ROUND_ROBIN_RANKS = range(3)
# PAGE: when rows are closed.
OPEN, CLOSED, OPEN_ADAPTIVE, CLOSED_ADAPTIVE, CAPPED = range(5)
# WRITE_DONE: when a write counts as done.
AT_COMMAND, AT_ACCEPT, AT_DATA = range(3)
# REFRESH.
NO_REFRESH, ALL_BANK, PER_BANK, SAME_BANK = range(4)
# BLOCKS: what waits while a refresh is due.
BLOCKS_CHANNEL, BLOCKS_TARGET = range(2)
# MAINTENANCE: which refreshes may go.
FIRST_ONLY, ALL_AT_ONCE = range(2)

# Registers: positions in `Kernel.regs`.
(
    NOW, INPUT, INPUTS, LAST_ACCEPT, SEQUENCE, WRITE_MODE, READS, WRITES, TURN, LAST_OP, FREE, BUSY, OUT,
    RECORDED, DUE_COUNT, NEXT_STRICT, LAST_BANK, BUS_ROW, BUS_COLUMN, BEST_KEY, BEST_ORDER, BEST_COMMAND,
    BEST_BANK, BEST_SLOT, BEST_ITEM, BEST_TIME, NEXT, WAIT_READ, WAIT_READ_TAIL, WAIT_READS, WAIT_WRITE,
    WAIT_WRITE_TAIL, WAIT_WRITES, DRAINING, RESERVED_COUNT, HITS, MISSES, CONFLICTS, FORWARDED, MERGED,
    LAST_RESPONSE, LAST_DATA, BASE, BUS_WANTED, PAIR_TICK, PAIR_RANK, PAIR_BANK,
    SPLIT_SLOT, SPLIT_DEADLINE, CAS_COMMAND, CAS_BANK, CAS_SLOT, NEXT_DUE,
    LAST_PROGRESS, LAST_STEP, ALL_WAKE, WOKEN_COUNT, STUCK, STUCK_SLOT,
    LAST_READ, LAST_READ_BANK, LAST_READ_ROW, LAST_READ_COLUMN, LAST_READ_DONE,
) = range(64)  # fmt: skip
REGS = 64
# STUCK: list of the stage in which no request up to STUCK_SLOT finds room in its queue.
ANY_BUS = 2  # BUS_WANTED: commands of either bus
READS_FIRST = -1  # DRAINING: a write waits for a read to its place

# A bank.
(
    ROW, HEAD, HEAD_W, TAIL, TAIL_W, HIT, HIT_W, MISS, MISS_W, RESERVED, ACCESSES, PLACE, COUNT, INJECTED,
    CLOSED_BY, FIRST, RANK_OF, GROUP_NODE, BANK_NODE, BLOCKED, HELD_PLACE, ASLEEP, WAKE, WOKEN, HELD_WAKE,
) = range(25)  # fmt: skip
BANK = 25
# WAKE: no command that its requests need can go before; HELD_WAKE: the same for one that keeps its row;
# ALL_WAKE: for all banks but those that have been woken, since their requests may need another command.

# A request that waits.
ID, ACCEPTED, BANK_OF, ROW_OF, COLUMN, OP, ORDER_OF, AFTER, BEFORE, SAME, KEY = range(11)
SLOT = 11
KEYS = 1024  # of places; two places may have the same

# A rank.
(
    DUE, POSTPONED, PULLED, OPEN_BANKS, CHOSEN, KEEPS_CHOICE, TO_REFRESH, POWER, ENTERS, EXITS, ENTERS_SELF,
    WAITING, CLOCK_END,
) = range(13)  # fmt: skip
RANK = 13
# POWER: its state; WAKING waits for the refresh after self-refresh.
AWAKE, ACTIVE_DOWN, PRECHARGED_DOWN, SELF, WAKING = range(5)

# Effects of a command, by where: on its bank, its group, its rank; then all others.
SECTIONS = 4
NEAR = 2  # an effect there: command, distance
EFFECT = 6  # of the others: where, command, distance, window, ring, whether it enters the ring
ON_RANK, ON_GROUP, ON_BANK, ON_OTHER_RANKS, ON_CHANNEL, ON_SAME_BANK, ON_WINDOW = range(7)

# Something due: kind, target (rank or bank).
ITEM = 2
DUE_REF, DUE_PRE = range(2)

RECORD_SIZE = 5  # cycle, command, rank or bank, row, column
RESULT = 3  # request, accept, done


@dataclass(frozen=True, slots=True)
class Kernel:
    """Everything the controller works on; slots, since interpreted code reads the fields all the time.

    Attributes:
        settings: How it is set up; see the positions above.
        effects, effect_at: What each command does to later ones, and where its lists start.
        ticks, bus: Per command: its length, and the bus it takes.
        regs: Counters and the state of the whole.
        ready: Per node (ranks, groups, banks) and command: the earliest start.
        rings: Last starts of activations, for the windows.
        banks: Open rows and lists of requests.
        slots: Requests that wait.
        ranks: State of refresh.
        busy: Banks with requests, in no order.
        woken: Banks that are to be asked again, in no order.
        held: Banks whose row is kept for a request, in no order.
        due: Refreshes and precharges that are due, first in first out.
        left: Per rank and bank: whether the bank is still to be refreshed in this round.
        keys: Waiting reads, then waiting writes, by the key of their place.
        counts: Commands issued, by command.
        results: Requests that are done: number, accept, done.
        record: Commands issued.
        arrival, bank, row, column, write: The requests that come.
    """

    settings: Any
    effects: Any
    effect_at: Any
    ticks: Any
    bus: Any
    regs: Any
    ready: Any
    rings: Any
    banks: Any
    slots: Any
    ranks: Any
    busy: Any
    woken: Any
    held: Any
    due: Any
    left: Any
    keys: Any
    counts: Any
    results: Any
    record: Any
    arrival: Any
    bank: Any
    row: Any
    column: Any
    write: Any
