"""Controllers: frames, pairs, and what is done when their parts have ended (rules 10 and 12)."""

from __future__ import annotations

from aidg.flow.kernel.flights import done, log
from aidg.flow.kernel.names import (
    AGE_PARTS,
    CYCLES,
    DONE_EVENT,
    F_ANSWERS,
    F_JOINED,
    F_LEFT,
    F_NUMBER,
    F_PAIR,
    F_PARTS,
    F_READY,
    K_LINE,
    L_COMPLETION,
    L_IN_PROGRESS,
    L_OBJECT,
    L_SENT,
    LINE,
    LOG_MOVED,
    LOG_SENT,
    N_BEGUN,
    N_COUNT,
    N_FRAME,
    N_JOINED,
    N_NEXT_FRAME,
    N_NEXT_PART,
    N_PREPARED,
    N_QUEUE,
    N_SENT,
    N_TICK,
    NOW,
    P_FLIGHT,
    PAUSED,
    T_BY_ROWS,
    T_LEFT_ROWS,
    T_LINE,
    T_PREPARES,
    TICK_EVENT,
    TOO_MUCH,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.parts import free_part
from aidg.flow.kernel.places import leave, let_go, remove
from aidg.flow.kernel.records import flight_of, line_state, step_of
from aidg.flow.kernel.time import at


def begin_frame(k: Numbers, m: Numbers, line: int) -> bool:
    """Begin a controller's next frame, if that is possible now."""
    state, fixed, now = line_state(k, line), k[K_LINE] + line * LINE, m[NOW]
    queue = state + N_QUEUE
    if m[state + N_FRAME] >= 0 or m[queue] == 0:
        return False
    head = m[queue + 1]
    flight = flight_of(k, head)
    step = step_of(k, m, flight)
    if m[flight + F_READY] > now:
        return False
    if k[step + T_PREPARES] and not is_ready(k, m, queue, 2):
        return False
    if m[state + N_NEXT_FRAME] > now:
        tick(k, m, state + N_TICK, m[state + N_NEXT_FRAME], line + 1)
        return False
    if k[fixed + L_IN_PROGRESS] >= 0 and m[state + N_BEGUN] >= k[fixed + L_IN_PROGRESS]:
        return False
    remove(m, queue, head)
    m[state + N_FRAME] = head
    m[state + N_JOINED] = -1
    if k[step + T_BY_ROWS] and m[state + N_PREPARED] >= 0:
        left = k[step_of(k, m, flight_of(k, m[state + N_PREPARED])) + T_LEFT_ROWS]
        m[flight + F_PARTS] = max(m[flight + F_PARTS], left)
    m[state + N_COUNT] = m[flight + F_PARTS]
    if k[step + T_PREPARES]:
        m[state + N_PREPARED] = head
        m[flight + F_ANSWERS] = 2  # its own parts, and those of the one that it prepares
    else:
        m[state + N_BEGUN] += 1
        m[flight + F_PAIR] = m[state + N_PREPARED]
        m[state + N_PREPARED] = -1
        if is_ready(k, m, queue, 2) and k[step_of(k, m, flight_of(k, m[queue + 1])) + T_PREPARES]:
            joined = m[queue + 1]
            remove(m, queue, joined)
            m[state + N_JOINED] = joined
            m[state + N_PREPARED] = joined
            m[flight + F_JOINED] = joined
            m[flight_of(k, joined) + F_ANSWERS] = 2
            m[state + N_COUNT] = max(m[state + N_COUNT], m[flight_of(k, joined) + F_PARTS])
    if m[state + N_COUNT] > AGE_PARTS:
        m[PAUSED] = TOO_MUCH
    m[flight + F_LEFT] = m[state + N_COUNT]
    m[state + N_SENT] = 0
    m[state + N_NEXT_PART] = now
    return True


def is_ready(k: Numbers, m: Numbers, queue: int, count: int) -> bool:
    """Whether the first ``count`` instructions of a queue are ready."""
    if m[queue] < count:
        return False
    for index in range(count):
        if m[flight_of(k, m[queue + 1 + index]) + F_READY] > m[NOW]:
            return False
    return True


def tick(k: Numbers, m: Numbers, noted: int, cycle: int, line: int) -> None:
    """See to it that decisions are made in ``cycle``; what has been seen to is noted at ``noted``.

    ``line``: the number of the controller that has to look again, and 1; 0: the storages alone.
    """
    if m[noted] != cycle:
        m[noted] = cycle
        at(k, m, cycle, TICK_EVENT, line, 0)


def sent(k: Numbers, m: Numbers, line: int) -> None:
    """The last part of a frame is sent."""
    state, fixed = line_state(k, line), k[K_LINE] + line * LINE
    for which in range(2):
        slot = m[state + (N_JOINED if which else N_FRAME)]
        if slot < 0:
            continue
        flight = flight_of(k, slot)
        step = step_of(k, m, flight)
        log(k, m, LOG_SENT, m[flight + F_NUMBER], 0)
        leave(k, m, k[fixed + L_OBJECT], slot)
        if k[fixed + L_SENT] and not k[step + T_PREPARES]:
            at(k, m, m[NOW] + k[fixed + L_COMPLETION], DONE_EVENT, slot, 0)
    m[state + N_FRAME] = -1
    m[state + N_JOINED] = -1


def ended(k: Numbers, m: Numbers, part: int) -> None:
    """A part has ended; with the last one, its instruction is moved."""
    slot = m[part + P_FLIGHT]
    flight = flight_of(k, slot)
    m[CYCLES] = max(m[CYCLES], m[NOW])
    m[flight + F_LEFT] -= 1
    free_part(k, m, part)
    if m[flight + F_LEFT]:
        return
    step = step_of(k, m, flight)
    if k[step + T_PREPARES]:
        half_moved(k, m, slot)
        return
    if m[flight + F_JOINED] >= 0:
        half_moved(k, m, m[flight + F_JOINED])
        m[flight + F_JOINED] = -1
    line = k[step + T_LINE]
    fixed = k[K_LINE] + line * LINE
    m[line_state(k, line) + N_BEGUN] -= 1
    log(k, m, LOG_MOVED, m[flight + F_NUMBER], 0)
    if m[flight + F_PAIR] >= 0:
        half_moved(k, m, m[flight + F_PAIR])
        m[flight + F_PAIR] = -1
    if not k[fixed + L_SENT]:
        at(k, m, m[NOW] + k[fixed + L_COMPLETION], DONE_EVENT, slot, 0)
    let_go(k, m, slot)


def half_moved(k: Numbers, m: Numbers, slot: int) -> None:
    """The parts of a preparing instruction's frame have ended, or those of the one that it prepares."""
    flight = flight_of(k, slot)
    m[flight + F_ANSWERS] -= 1
    if m[flight + F_ANSWERS] == 0:
        log(k, m, LOG_MOVED, m[flight + F_NUMBER], 0)
        done(k, m, slot)
