"""The inner loop of the constraint checker, on flat lists or arrays of integers.

One pass over the commands in the order of time. For every command it looks up, for each row that names it as
the later one, when the earlier command was last seen where the row applies. Written in the part of Python
that numba compiles; see :mod:`dram.checker` for the meaning of the rules.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from numpy import int64
from numpy.typing import NDArray

from dram.bare import bare

Numbers: TypeAlias = "list[int] | NDArray[int64]"

# Levels: where commands are remembered. In rows also OTHER: in every other rank; EACH: in each bank that the
# later command concerns.
CHANNEL, RANK, GROUP, SAME, BANK, OTHER, EACH = range(7)
LEVELS = 5

# What a command does to the state of banks and ranks.
(
    NOTHING, OPEN, BEGIN_OPEN, CLOSE, CLOSE_SAME, CLOSE_RANK, COLUMN, COLUMN_CLOSE, REFRESH, REFRESH_SAME,
    REFRESH_RANK, POWER_DOWN_ACTIVE, POWER_DOWN_PRECHARGED, POWER_UP, SELF_REFRESH, SELF_REFRESH_END,
    SYNCHRONISE,
) = range(17)  # fmt: skip

# Rules that are no rows; a violation's rule is a row's number, or ROWS + one of these, see Tables.sizes.
(
    COMMAND_BUS, DATA_BUS, BANK_IS_OPEN, BANK_IS_CLOSED, OTHER_ROW, OPEN_BANKS, NO_OPEN_BANK, ASLEEP, AWAKE,
    REFRESH_LATE, NOT_BEGUN, TOO_LATE, DATA_CLOCK_OFF,
) = range(13)  # fmt: skip

NEVER = -(1 << 62)
CLOSED, UNKNOWN = -1, -2  # in State.row; an unknown row is open
FIELDS = 5  # of a violation


class Sizes(NamedTuple):
    """Plain numbers.

    Attributes:
        commands, ranks, groups, banks: Numbers of commands, ranks, groups of a rank, banks of a group.
        same_base, bank_base: First unit of the levels SAME and BANK.
        rows: Number of rows: rules from there on are the special ones.
        rings: Number of rings.
        shared_data: Whether all ranks share one data bus.
        two_steps: Whether a bank is opened by two commands, and within how many ticks; 0: by one.
        refresh_limit: Ticks between two refreshes of a bank at most; 0: unlimited.
        data_clock: Ticks that the data clock runs on after a burst; -1: it never stops.
    """

    commands: int
    ranks: int
    groups: int
    banks: int
    same_base: int
    bank_base: int
    rows: int
    rings: int
    shared_data: int
    two_steps: int
    refresh_limit: int
    data_clock: int


class Tables(NamedTuple):
    """What stays: the device's rows, by later command.

    Attributes:
        sizes: Plain numbers.
        first: Per command, its first entry; one more at the end.
        before, level, ticks, rule: Per entry: earlier command, level, distance, number of the row.
        window_first, window: The same for rows that count from an earlier than the last command; ``window``
            is a number of a ring.
        window_ticks: Per entry of ``window`` and earlier command.
        ring_level, ring_size, ring_base, ring_slot, ring_rule: Per ring: level, commands that it remembers,
            first of its units in ``State.head``, first of its slots in ``State.ring``, number of its row.
        ring_member: Per ring and command, whether the ring remembers it.
        bus, bus_ticks: Per command.
        effect: Per command, what it does.
        data: Per command, 0: no data, 1: reads, 2: writes.
        data_start, data_end: Per command, ticks from its start.
    """

    sizes: Sizes
    first: Numbers
    before: Numbers
    level: Numbers
    ticks: Numbers
    rule: Numbers
    window_first: Numbers
    window: Numbers
    window_ticks: Numbers
    ring_level: Numbers
    ring_size: Numbers
    ring_base: Numbers
    ring_slot: Numbers
    ring_rule: Numbers
    ring_member: Numbers
    bus: Numbers
    bus_ticks: Numbers
    effect: Numbers
    data: Numbers
    data_start: Numbers
    data_end: Numbers


class State(NamedTuple):
    """What the commands so far have left.

    Attributes:
        last, last_number, last_place: Per unit of a level and command: tick, number, place of the last one.
        ring, ring_command, ring_number, ring_place: The last commands of each unit of each ring.
        head: Per unit of each ring, which of them is the oldest.
        bus_free, bus_start, bus_number: Per bus: tick from which on it is free, start and number of the
            command that holds it.
        data_free: Per data bus and direction: start and end of the last burst, number and start of its
            command.
        row: Per bank, the open row or CLOSED; ``began``: tick of an ACT1 that waits for its ACT2, or NEVER.
        open_banks: Per rank.
        asleep: Per rank: 0, or 1 + the command that put it to sleep.
        refreshed: Per bank, tick of the last refresh.
        clocked: Per rank, tick up to which the data clock runs.
        out: Violations: rule, number and place of the earlier command, distance, required.
        out_later: The later command of each, as its place in the batch.
        out_count: How many.
    """

    last: Numbers
    last_number: Numbers
    last_place: Numbers
    ring: Numbers
    ring_command: Numbers
    ring_number: Numbers
    ring_place: Numbers
    head: Numbers
    bus_free: Numbers
    bus_start: Numbers
    bus_number: Numbers
    data_free: Numbers
    row: Numbers
    began: Numbers
    open_banks: Numbers
    asleep: Numbers
    refreshed: Numbers
    clocked: Numbers
    out: Numbers
    out_later: Numbers
    out_count: Numbers


class Batch(NamedTuple):
    """Some commands. ``where`` has per command and level the unit, or -1; ``row`` -1 where it is unknown."""

    cycle: Numbers
    command: Numbers
    number: Numbers
    where: Numbers
    row: Numbers


def scan(tables: Tables, state: State, batch: Batch, start: int, stop: int, limit: int) -> int:
    """Check commands from ``start`` on; ends early when more than ``limit`` violations have been noted.

    Returns:
        The first command that has not been checked.
    """
    return _scan(bare(tables), bare(state), bare(batch), start, stop, limit)


def _scan(tables: Tables, state: State, batch: Batch, start: int, stop: int, limit: int) -> int:
    for i in range(start, stop):
        if state.out_count[0] > limit:
            return i
        _check_rows(tables, state, batch, i)
        _check_windows(tables, state, batch, i)
        _check_buses(tables, state, batch, i)
        _check_sleep(tables, state, batch, i)
        _apply(tables, state, batch, i)
        _remember(tables, state, batch, i)
    return stop


def _report(
    state: State, batch: Batch, i: int, rule: int, number: int, place: int, distance: int, required: int
) -> None:
    """Note a violation by command ``i``; the earlier command is ``number`` at ``place``, or -1."""
    count = state.out_count[0]
    at = count * FIELDS
    state.out[at] = rule
    state.out[at + 1] = number
    state.out[at + 2] = place
    state.out[at + 3] = distance
    state.out[at + 4] = required
    state.out_later[count] = i
    state.out_count[0] = count + 1


def _check_rows(tables: Tables, state: State, batch: Batch, i: int) -> None:
    """Distances to the last earlier command of each row."""
    now, command, commands = batch.cycle[i], batch.command[i], tables.sizes.commands
    for entry in range(tables.first[command], tables.first[command + 1]):
        level = tables.level[entry]
        if level == OTHER:
            _check_other_ranks(tables, state, batch, i, entry)
        elif level == EACH:
            _check_each_bank(tables, state, batch, i, entry)
        else:
            at = batch.where[i * LEVELS + level] * commands + tables.before[entry]
            if now - state.last[at] < tables.ticks[entry]:
                _report_row(tables, state, batch, i, entry, at)


def _report_row(tables: Tables, state: State, batch: Batch, i: int, entry: int, at: int) -> None:
    """The command remembered at ``at`` is too near."""
    distance = batch.cycle[i] - state.last[at]
    number, place = state.last_number[at], state.last_place[at]
    _report(state, batch, i, tables.rule[entry], number, place, distance, tables.ticks[entry])


def _check_other_ranks(tables: Tables, state: State, batch: Batch, i: int, entry: int) -> None:
    """One row, against every other rank."""
    now, commands = batch.cycle[i], tables.sizes.commands
    for rank in range(1, 1 + tables.sizes.ranks):  # unit 0 is the channel
        at = rank * commands + tables.before[entry]
        if rank != batch.where[i * LEVELS + RANK] and now - state.last[at] < tables.ticks[entry]:
            _report_row(tables, state, batch, i, entry, at)


def _check_each_bank(tables: Tables, state: State, batch: Batch, i: int, entry: int) -> None:
    """One row, against every bank that the command concerns."""
    now, commands = batch.cycle[i], tables.sizes.commands
    same = batch.where[i * LEVELS + SAME] >= 0
    first, step, count = _span(tables, batch, i, False, same)
    for bank in range(first, first + step * count, step):
        at = (tables.sizes.bank_base + bank) * commands + tables.before[entry]
        if now - state.last[at] < tables.ticks[entry]:
            _report_row(tables, state, batch, i, entry, at)


def _check_windows(tables: Tables, state: State, batch: Batch, i: int) -> None:
    """Distances to the oldest command of each ring."""
    now, command = batch.cycle[i], batch.command[i]
    for entry in range(tables.window_first[command], tables.window_first[command + 1]):
        ring = tables.window[entry]
        unit = batch.where[i * LEVELS + tables.ring_level[ring]]
        head = state.head[tables.ring_base[ring] + unit]
        at = tables.ring_slot[ring] + unit * tables.ring_size[ring] + head
        if state.ring[at] == NEVER:
            continue
        required = tables.window_ticks[entry * tables.sizes.commands + state.ring_command[at]]
        if now - state.ring[at] < required:
            _report(
                state, batch, i, tables.ring_rule[ring], state.ring_number[at], state.ring_place[at],
                now - state.ring[at], required,
            )  # fmt: skip


def _check_buses(tables: Tables, state: State, batch: Batch, i: int) -> None:
    """Commands and data do not overlap; afterwards the buses are taken."""
    now, command, special = batch.cycle[i], batch.command[i], tables.sizes.rows
    bus = tables.bus[command]
    if now < state.bus_free[bus]:
        taken = state.bus_start[bus]
        _report(
            state, batch, i, special + COMMAND_BUS, state.bus_number[bus], -1, now - taken,
            state.bus_free[bus] - taken,
        )  # fmt: skip
    state.bus_free[bus] = now + tables.bus_ticks[command]
    state.bus_start[bus] = now
    state.bus_number[bus] = batch.number[i]
    direction = tables.data[command]
    if direction == 0:
        return
    base = 0
    if tables.sizes.shared_data == 0:
        base = (batch.where[i * LEVELS + RANK] - 1) * 8
    start, end = now + tables.data_start[command], now + tables.data_end[command]
    for other in range(2):
        at = base + other * 4
        if start < state.data_free[at + 1] and state.data_free[at] < end:
            distance = now - state.data_free[at + 3]
            required = distance + state.data_free[at + 1] - start
            _report(state, batch, i, special + DATA_BUS, state.data_free[at + 2], -1, distance, required)
    at = base + (direction - 1) * 4
    state.data_free[at] = start
    state.data_free[at + 1] = end
    state.data_free[at + 2] = batch.number[i]
    state.data_free[at + 3] = now


def _check_sleep(tables: Tables, state: State, batch: Batch, i: int) -> None:
    """A rank that sleeps takes only the command that wakes it; one that is awake does not take that."""
    rank = batch.where[i * LEVELS + RANK] - 1
    effect, special = tables.effect[batch.command[i]], tables.sizes.rows
    asleep = state.asleep[rank]
    wakes = effect in (POWER_UP, SELF_REFRESH_END)
    if asleep == 0:
        if wakes:
            _report(state, batch, i, special + AWAKE, -1, -1, -1, -1)
        return
    fits = (effect == SELF_REFRESH_END) == (asleep == SELF_REFRESH) and wakes
    if not fits:
        _report(state, batch, i, special + ASLEEP, -1, -1, -1, -1)
        if not wakes:
            state.asleep[rank] = 0  # it must have been woken: one report is enough


def _apply(tables: Tables, state: State, batch: Batch, i: int) -> None:
    """Check what the command needs of the banks, and change their state."""
    effect = tables.effect[batch.command[i]]
    if effect == NOTHING:
        return
    rank = batch.where[i * LEVELS + RANK] - 1
    if effect in (OPEN, BEGIN_OPEN):
        _open(tables, state, batch, i, rank)
    elif effect in (COLUMN, COLUMN_CLOSE):
        _access(tables, state, batch, i, rank)
    elif effect == SYNCHRONISE:
        state.clocked[rank] = -NEVER
    elif effect in (CLOSE, CLOSE_SAME, CLOSE_RANK):
        first, step, count = _span(tables, batch, i, effect == CLOSE, effect == CLOSE_SAME)
        for bank in range(first, first + step * count, step):
            _close(state, bank, rank)
    elif effect in (POWER_UP, SELF_REFRESH_END):
        state.asleep[rank] = 0
        if effect == SELF_REFRESH_END:
            _refreshed(tables, state, batch, i, -1)
    elif effect == POWER_DOWN_ACTIVE:
        if state.open_banks[rank] == 0:
            _report(state, batch, i, tables.sizes.rows + NO_OPEN_BANK, -1, -1, -1, -1)
        state.asleep[rank] = effect
    elif effect == POWER_DOWN_PRECHARGED:
        if state.open_banks[rank] > 0:
            _report(state, batch, i, tables.sizes.rows + OPEN_BANKS, -1, -1, -1, -1)
        state.asleep[rank] = effect
    else:
        _refresh(tables, state, batch, i, rank, effect)


def _span(tables: Tables, batch: Batch, i: int, one: bool, same: bool) -> tuple[int, int, int]:
    """First bank, step and number of the banks that a command concerns."""
    groups, banks = tables.sizes.groups, tables.sizes.banks
    if one:
        return batch.where[i * LEVELS + BANK] - tables.sizes.bank_base, 1, 1
    rank = batch.where[i * LEVELS + RANK] - 1
    if same:
        unit = batch.where[i * LEVELS + SAME] - tables.sizes.same_base
        return rank * groups * banks + unit % banks, banks, groups
    return rank * groups * banks, 1, groups * banks


def _open(tables: Tables, state: State, batch: Batch, i: int, rank: int) -> None:
    """Activate, in one command or in two."""
    now, special = batch.cycle[i], tables.sizes.rows
    bank = batch.where[i * LEVELS + BANK] - tables.sizes.bank_base
    effect = tables.effect[batch.command[i]]
    two_commands = tables.sizes.two_steps != 0
    if effect == BEGIN_OPEN or not two_commands:
        if state.row[bank] != CLOSED:
            _report(state, batch, i, special + BANK_IS_OPEN, -1, -1, -1, -1)
    elif state.began[bank] == NEVER:
        _report(state, batch, i, special + NOT_BEGUN, -1, -1, -1, -1)
    elif now - state.began[bank] > tables.sizes.two_steps:
        _report(state, batch, i, special + TOO_LATE, -1, -1, now - state.began[bank], tables.sizes.two_steps)
    if effect == BEGIN_OPEN:
        state.began[bank] = now
        return
    if state.row[bank] == CLOSED:
        state.open_banks[rank] += 1
    state.began[bank] = NEVER
    state.row[bank] = batch.row[i] if batch.row[i] >= 0 else UNKNOWN


def _access(tables: Tables, state: State, batch: Batch, i: int, rank: int) -> None:
    """Read or write."""
    special = tables.sizes.rows
    bank = batch.where[i * LEVELS + BANK] - tables.sizes.bank_base
    if state.row[bank] == CLOSED:
        _report(state, batch, i, special + BANK_IS_CLOSED, -1, -1, -1, -1)
    elif batch.row[i] >= 0 and state.row[bank] >= 0 and state.row[bank] != batch.row[i]:
        _report(state, batch, i, special + OTHER_ROW, -1, -1, -1, -1)
    if tables.sizes.data_clock >= 0:
        if batch.cycle[i] > state.clocked[rank]:
            _report(state, batch, i, special + DATA_CLOCK_OFF, -1, -1, -1, -1)
        end = batch.cycle[i] + tables.data_end[batch.command[i]]
        state.clocked[rank] = end + tables.sizes.data_clock
    if tables.effect[batch.command[i]] == COLUMN_CLOSE:
        _close(state, bank, rank)


def _close(state: State, bank: int, rank: int) -> None:
    if state.row[bank] != CLOSED:
        state.row[bank] = CLOSED
        state.open_banks[rank] -= 1


def _refresh(tables: Tables, state: State, batch: Batch, i: int, rank: int, effect: int) -> None:
    """Refresh, or begin of a self-refresh: banks are closed."""
    first, step, count = _span(tables, batch, i, effect == REFRESH, effect == REFRESH_SAME)
    opened = 0
    for bank in range(first, first + step * count, step):
        if state.row[bank] != CLOSED:
            opened += 1
    if opened:
        _report(state, batch, i, tables.sizes.rows + OPEN_BANKS, -1, -1, -1, -1)
    _refreshed(tables, state, batch, i, effect)
    if effect == SELF_REFRESH:
        state.asleep[rank] = effect


def _refreshed(tables: Tables, state: State, batch: Batch, i: int, effect: int) -> None:
    """Note the refresh of the banks; ``effect`` -1: they refreshed themselves."""
    now, limit = batch.cycle[i], tables.sizes.refresh_limit
    first, step, count = _span(tables, batch, i, effect == REFRESH, effect == REFRESH_SAME)
    oldest = now
    for bank in range(first, first + step * count, step):
        oldest = min(oldest, state.refreshed[bank])
        state.refreshed[bank] = now
    if limit and effect >= 0 and now - oldest > limit:
        _report(state, batch, i, tables.sizes.rows + REFRESH_LATE, -1, -1, now - oldest, limit)


def _remember(tables: Tables, state: State, batch: Batch, i: int) -> None:
    """The command becomes the last of its kind on every level."""
    now, command, commands = batch.cycle[i], batch.command[i], tables.sizes.commands
    number, base = batch.number[i], i * LEVELS
    place = batch.where[base + BANK]
    if place < 0:
        place = batch.where[base + RANK]
    for level in range(LEVELS):
        unit = batch.where[base + level]
        if unit >= 0:
            at = unit * commands + command
            state.last[at] = now
            state.last_number[at] = number
            state.last_place[at] = place
    for ring in range(tables.sizes.rings):
        if tables.ring_member[ring * commands + command]:
            unit, size = batch.where[base + tables.ring_level[ring]], tables.ring_size[ring]
            head = state.head[tables.ring_base[ring] + unit]
            at = tables.ring_slot[ring] + unit * size + head
            state.ring[at] = now
            state.ring_command[at] = command
            state.ring_number[at] = number
            state.ring_place[at] = place
            state.head[tables.ring_base[ring] + unit] = (head + 1) % size
