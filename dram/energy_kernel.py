"""Counts commands and the cycles of each state of a rank, for the energy, on flat lists or arrays."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from numpy import int64
from numpy.typing import NDArray

from dram.bare import bare

Numbers: TypeAlias = "list[int] | NDArray[int64]"

# What a command means for the energy.
(
    NOTHING, ACTIVATE, PRECHARGE, PRECHARGE_SAME, PRECHARGE_ALL, READ, READ_CLOSE, WRITE, WRITE_CLOSE,
    REFRESH, REFRESH_SAME, REFRESH_ALL, POWER_DOWN, POWER_UP, SELF_REFRESH,
) = range(15)  # fmt: skip

# What is counted per rank, in State.counts: numbers of events, then ticks in states.
(
    ACTIVATIONS, PRECHARGES, READS, WRITES, REFRESHES, BANK_REFRESHES, ACTIVE, PRECHARGED, DOWN_ACTIVE,
    DOWN_PRECHARGED, SELF_REFRESHED,
) = range(11)  # fmt: skip
COUNTS = 11

CLOSED = -1
AWAKE, ASLEEP_ACTIVE, ASLEEP_PRECHARGED, ASLEEP_REFRESHING = range(4)


class Times(NamedTuple):
    """Ticks, and sizes of the organisation.

    Attributes:
        groups, banks: Bank groups of a rank, banks of a group.
        row_open: From an activation to the precharge at least.
        read_close, write_close: From a command with auto-precharge to the precharge.
        refresh, bank_refresh: From a refresh to the end of its row activations.
    """

    groups: int
    banks: int
    row_open: int
    read_close: int
    write_close: int
    refresh: int
    bank_refresh: int


class State(NamedTuple):
    """Per rank, but ``opened``, which is per bank.

    Attributes:
        meaning: Per command, what it means.
        counts: :data:`COUNTS` numbers per rank.
        clock: Tick up to which the states have been counted.
        open_banks: Banks with an open row.
        active_until: Tick up to which the rank is active without them: auto-precharges, refreshes.
        asleep: State of power.
        opened: Tick of the activation of the open row, or CLOSED.
    """

    meaning: Numbers
    counts: Numbers
    clock: Numbers
    open_banks: Numbers
    active_until: Numbers
    asleep: Numbers
    opened: Numbers


class Batch(NamedTuple):
    """Some commands; ``bank`` counts within the rank, group after group."""

    cycle: Numbers
    command: Numbers
    rank: Numbers
    bank: Numbers


def count(times: Times, state: State, batch: Batch, stop: int) -> None:
    """Count the first ``stop`` commands of the batch."""
    _count(times, bare(state), bare(batch), stop)


def _count(times: Times, state: State, batch: Batch, stop: int) -> None:
    for i in range(stop):
        meaning, rank, now = state.meaning[batch.command[i]], batch.rank[i], batch.cycle[i]
        if meaning == NOTHING:
            continue
        _advance(state, rank, now)
        if state.asleep[rank] != AWAKE and meaning != POWER_UP:
            state.asleep[rank] = AWAKE  # the exit is not in the trace
        base = rank * times.groups * times.banks
        if meaning == ACTIVATE:
            _tally(state, rank, ACTIVATIONS)
            if state.opened[base + batch.bank[i]] == CLOSED:
                state.open_banks[rank] += 1
            state.opened[base + batch.bank[i]] = now
        elif meaning in (READ, READ_CLOSE, WRITE, WRITE_CLOSE):
            _access(times, state, rank, base + batch.bank[i], meaning, now)
        elif meaning in (PRECHARGE, PRECHARGE_SAME, PRECHARGE_ALL):
            _precharge(times, state, rank, base, batch.bank[i], meaning)
        elif meaning in (REFRESH, REFRESH_SAME, REFRESH_ALL):
            _refresh(times, state, rank, meaning, now)
        else:
            _sleep(state, rank, meaning)


def _tally(state: State, rank: int, what: int) -> None:
    state.counts[rank * COUNTS + what] += 1


def _advance(state: State, rank: int, now: int) -> None:
    """Count the ticks up to ``now`` to the state that the rank has been in."""
    ticks, base = now - state.clock[rank], rank * COUNTS
    if ticks <= 0:
        return
    asleep = state.asleep[rank]
    if asleep == ASLEEP_ACTIVE:
        state.counts[base + DOWN_ACTIVE] += ticks
    elif asleep == ASLEEP_PRECHARGED:
        state.counts[base + DOWN_PRECHARGED] += ticks
    elif asleep == ASLEEP_REFRESHING:
        state.counts[base + SELF_REFRESHED] += ticks
    else:
        active = ticks
        if state.open_banks[rank] == 0:
            active = max(0, min(now, state.active_until[rank]) - state.clock[rank])
        state.counts[base + ACTIVE] += active
        state.counts[base + PRECHARGED] += ticks - active
    state.clock[rank] = now


def _access(times: Times, state: State, rank: int, bank: int, meaning: int, now: int) -> None:
    reads = meaning in (READ, READ_CLOSE)
    _tally(state, rank, READS if reads else WRITES)
    if meaning in (READ_CLOSE, WRITE_CLOSE) and state.opened[bank] != CLOSED:
        close = now + (times.read_close if reads else times.write_close)
        close = max(close, state.opened[bank] + times.row_open)
        state.active_until[rank] = max(state.active_until[rank], close)
        _close(state, rank, bank)


def _close(state: State, rank: int, bank: int) -> None:
    """A row is closed; banks that are closed already need no energy."""
    if state.opened[bank] != CLOSED:
        state.opened[bank] = CLOSED
        state.open_banks[rank] -= 1
        _tally(state, rank, PRECHARGES)


def _precharge(times: Times, state: State, rank: int, base: int, bank: int, meaning: int) -> None:
    if meaning == PRECHARGE:
        _close(state, rank, base + bank)
    elif meaning == PRECHARGE_SAME:
        for group in range(times.groups):
            _close(state, rank, base + group * times.banks + bank % times.banks)
    else:
        for place in range(times.groups * times.banks):
            _close(state, rank, base + place)


def _refresh(times: Times, state: State, rank: int, meaning: int, now: int) -> None:
    if meaning == REFRESH_ALL:
        _tally(state, rank, REFRESHES)
        end = now + times.refresh
    else:
        state.counts[rank * COUNTS + BANK_REFRESHES] += times.groups if meaning == REFRESH_SAME else 1
        end = now + times.bank_refresh
    state.active_until[rank] = max(state.active_until[rank], end)


def _sleep(state: State, rank: int, meaning: int) -> None:
    if meaning == POWER_UP:
        state.asleep[rank] = AWAKE
    elif meaning == SELF_REFRESH:
        state.asleep[rank] = ASLEEP_REFRESHING
    else:
        state.asleep[rank] = ASLEEP_ACTIVE if state.open_banks[rank] > 0 else ASLEEP_PRECHARGED


def finish(state: State, rank: int, end: int) -> None:
    """Count the ticks of a rank up to the end."""
    _advance(state, rank, end)
