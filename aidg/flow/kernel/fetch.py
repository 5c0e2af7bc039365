"""The front end: groups of instructions, the next row of the tape, operands as they are now (rule 6)."""

from __future__ import annotations

from aidg.flow.kernel.flights import new_job, visit_at, visited
from aidg.flow.kernel.hazards import depend
from aidg.flow.kernel.names import (
    BEGIN,
    BOUNDARY,
    BOUNDARY_LEVEL,
    BUFFERED,
    BUFFERED_,
    CONTROLLER,
    COSTS,
    COSTS_KNOWN,
    EXHAUSTED,
    F_ADDRESS,
    F_ANSWERS,
    F_AT,
    F_BOUND_AT,
    F_BOUND_NEXT,
    F_CONFLICTS,
    F_COST,
    F_DUE,
    F_HOLDS,
    F_JOINED,
    F_LEFT,
    F_NEXT,
    F_NUMBER,
    F_ORDER_AT,
    F_ORDER_NEXT,
    F_PAIR,
    F_PARTS,
    F_PHASE,
    F_READY,
    F_SINCE,
    F_STAGE,
    F_STEP,
    F_WAKE,
    FETCH_EVENT,
    FETCH_SINCE,
    FETCH_WAITS,
    FETCHED_EVENT,
    FLIGHT_EVENT,
    GROUP_SIZE,
    HELD_ROW,
    K_BUFFER,
    K_FETCH_STORAGE,
    K_OPERAND,
    K_READ_INTERVAL,
    K_READ_LATENCY,
    K_STEP,
    K_STRICT,
    K_TAPE,
    K_WIDTH,
    LAST_FLIGHT,
    M_ALIVE,
    M_COSTS,
    M_FREE_FLIGHTS,
    M_INDEX,
    M_LAST,
    M_WATCH,
    NOBODY,
    NOW,
    NUMBER,
    OPERAND,
    PAUSED,
    PC,
    ROW,
    STEP,
    STOP,
    T_FETCH,
    T_KIND,
    T_OBJECTS,
    T_OPERAND,
    T_OPERANDS,
    T_PARTS,
    T_PREPARES,
    T_VARIES,
    TOO_MUCH,
    UNKNOWN,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.operands import address_of
from aidg.flow.kernel.places import append
from aidg.flow.kernel.records import flight_of, object_at, staying_in, step_of, users_of
from aidg.flow.kernel.time import at, work


def fetch(k: Numbers, m: Numbers) -> None:
    """Start reads of the instruction memory, as long as that is possible now."""
    while not m[EXHAUSTED]:
        if m[BUFFERED] > k[K_BUFFER] - k[K_WIDTH]:
            m[FETCH_WAITS] = 1
            return
        if m[FETCH_SINCE] == UNKNOWN:
            return
        if m[FETCH_SINCE] > m[NOW]:
            at(k, m, m[FETCH_SINCE], FETCH_EVENT, 0, 0)
            return
        while m[GROUP_SIZE] < k[K_WIDTH]:
            if m[HELD_ROW] < 0:
                m[HELD_ROW] = next_row(k, m)
            row = m[HELD_ROW]
            if row < 0:
                if m[PAUSED]:
                    return
                break
            if k[k[K_STEP] + row * STEP + T_VARIES] and not m[COSTS_KNOWN]:
                m[PAUSED] = COSTS
                return
            if m[k[M_FREE_FLIGHTS]] == 0:
                m[PAUSED] = TOO_MUCH
                return
            m[HELD_ROW] = -1
            prepare(k, m, row)
            m[GROUP_SIZE] += 1
        if m[GROUP_SIZE] == 0:
            return
        group, m[GROUP_SIZE] = m[GROUP_SIZE], 0
        m[BUFFERED] += group
        interval_ = k[K_READ_INTERVAL]
        m[FETCH_SINCE] = UNKNOWN if interval_ < 0 else m[NOW] + interval_
        first = m[k[M_ALIVE] + 1 + m[k[M_ALIVE]] - group]
        at(k, m, m[NOW] + k[K_READ_LATENCY], FETCHED_EVENT, first, -group)


def fetched(k: Numbers, m: Numbers, first: int, group: int) -> None:
    """A group has been addressed (negative size: it is still to be read), or read."""
    if group < 0:
        storage = k[K_FETCH_STORAGE]
        if storage >= 0:
            new_job(k, m, first, storage, 0, 1, -group)
            return
        group = -group
    if k[K_READ_INTERVAL] < 0:
        m[FETCH_SINCE] = m[NOW]
        work(k, m, FETCH_EVENT, 0, 0)
    alive = k[M_ALIVE]
    index = 1
    while m[alive + index] != first:
        index += 1
    for offset in range(group):
        slot = m[alive + index + offset]
        flight = flight_of(k, slot)
        latency = k[step_of(k, m, flight) + T_FETCH]
        m[flight + F_DUE] = m[NOW] + latency
        at(k, m, m[NOW] + latency, FLIGHT_EVENT, slot, 0)


def next_row(k: Numbers, m: Numbers) -> int:
    """The next static step of the program; -1: there is none, or a loop is to be looked at."""
    while True:
        entry = k[K_TAPE] + 4 * m[PC]
        kind = k[entry]
        if kind == ROW:
            m[PC] += 1
            return k[entry + 1]
        if kind == STOP:
            m[EXHAUSTED] = 1
            return -1
        index = k[M_INDEX] + k[entry + 1]
        if kind == BEGIN:
            m[index] = 0
            m[PC] += 1
        else:
            m[index] += 1
            if m[index] < k[entry + 2]:
                m[PC] = k[entry + 3]
                if m[k[M_WATCH] + k[entry + 1]]:
                    m[PAUSED] = BOUNDARY
                    m[BOUNDARY_LEVEL] = k[entry + 1]
                    return -1
            else:
                m[index] = 0
                m[PC] += 1


def prepare(k: Numbers, m: Numbers, row: int) -> None:
    """Make a flight of a static step at the present loop indices."""
    slot = m[k[M_FREE_FLIGHTS] + m[k[M_FREE_FLIGHTS]]]
    m[k[M_FREE_FLIGHTS]] -= 1
    flight, step = flight_of(k, slot), k[K_STEP] + row * STEP
    m[flight + F_NUMBER] = m[NUMBER]
    m[NUMBER] += 1
    m[flight + F_STEP] = row
    m[flight + F_AT] = -1
    m[flight + F_PHASE] = BUFFERED_
    m[flight + F_DUE] = UNKNOWN
    m[flight + F_CONFLICTS] = 0
    m[flight + F_ANSWERS] = 0
    m[flight + F_READY] = 0
    m[flight + F_PAIR] = -1
    m[flight + F_JOINED] = -1
    m[flight + F_LEFT] = 0
    m[flight + F_HOLDS] = k[step + T_OBJECTS] + (k[step + T_KIND] == CONTROLLER and not k[step + T_PREPARES])
    m[flight + F_STAGE] = -1
    m[flight + F_WAKE] = -1
    m[flight + F_PARTS] = k[step + T_PARTS]
    for where in range(k[step + T_OBJECTS]):
        item = object_at(k, step, where)
        append(m, users_of(k, item), slot)
        append(m, staying_in(k, item), slot)
    for visit in range(k[step + T_OBJECTS] - 1):
        last = k[M_LAST] + 4 * visited(k, step, visit)
        m[flight + F_NEXT + visit] = -1
        m[flight + F_SINCE + visit] = m[last + 1]
        before = m[last]
        if before >= 0:
            other = flight_of(k, before)
            m[other + F_NEXT + visit_at(k, step_of(k, m, other), visited(k, step, visit))] = slot
            m[flight + F_SINCE + visit] = UNKNOWN
        m[last] = slot
    follow(k, m, slot, flight, step)
    for index in range(k[step + T_OPERANDS]):
        m[flight + F_ADDRESS + index] = address_of(
            k, m, k[K_OPERAND] + (k[step + T_OPERAND] + index) * OPERAND
        )
    depend(k, m, slot, flight, step)
    append(m, k[M_ALIVE], slot)
    if k[step + T_VARIES]:
        m[COSTS_KNOWN] = 0
        m[flight + F_PARTS] = m[k[M_COSTS]]
        for index in range(2 * (k[step + T_OBJECTS] - 1)):
            m[flight + F_COST + index] = m[k[M_COSTS] + 1 + index]


def follow(k: Numbers, m: Numbers, slot: int, flight: int, step: int) -> None:
    """Who has to be issued first: the last one bound for the same successor, or the last one of all."""
    last = k[M_LAST] + 4 * object_at(k, step, 0)
    m[flight + F_BOUND_NEXT] = -1
    m[flight + F_ORDER_NEXT] = -1
    m[flight + F_BOUND_AT] = m[last + 3]
    if m[last + 2] >= 0:
        m[flight_of(k, m[last + 2]) + F_BOUND_NEXT] = slot
        m[flight + F_BOUND_AT] = UNKNOWN
    m[last + 2] = slot
    m[flight + F_ORDER_AT] = NOBODY
    if k[K_STRICT]:
        if m[LAST_FLIGHT] >= 0:
            m[flight_of(k, m[LAST_FLIGHT]) + F_ORDER_NEXT] = slot
            m[flight + F_ORDER_AT] = UNKNOWN
        m[LAST_FLIGHT] = slot
