"""The main loop, and the entries for compiled code."""

from __future__ import annotations

from aidg.flow.kernel.fetch import fetch, fetched
from aidg.flow.kernel.flights import done, free_buffer, go_on, job_answered
from aidg.flow.kernel.grants import grant
from aidg.flow.kernel.lines import begin_frame
from aidg.flow.kernel.movers import admit, next_phase
from aidg.flow.kernel.names import (
    ANSWER_EVENT,
    DONE_EVENT,
    ENDED,
    EXHAUSTED,
    FETCH_EVENT,
    FETCHED_EVENT,
    FINISHED,
    FLIGHT_EVENT,
    FREE_EVENT,
    K_LINE,
    K_LINES,
    K_LOG,
    K_MOVER,
    K_OUTSIDE,
    K_WORK,
    L_COUNT,
    L_MOVER,
    LINE,
    LOG_FULL,
    LOGGED,
    M_ALIVE,
    M_WORK,
    MOVER,
    N_FRAME,
    N_STIRRED,
    NUMBER,
    OUTSIDE,
    P_MOVER,
    PART_EVENT,
    PASSED,
    PATIENCE,
    PAUSE,
    PAUSED,
    RELEASE_EVENT,
    STIRRED,
    STUCK,
    TICK_EVENT,
    V_LINE,
    W_FINISHED,
    W_USED,
    WORKING,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.outside import answer, has_to_wait
from aidg.flow.kernel.places import free
from aidg.flow.kernel.records import line_state, mover_state, stir
from aidg.flow.kernel.time import advance, following


def pointer(numbers: Numbers) -> Numbers:
    """What is given; compiled code makes a pointer of an address."""
    return numbers


def run_at(fixed: Numbers, state: Numbers) -> int:
    """:func:`run` on two lists; compiled: on two arrays, given by their addresses."""
    return run(pointer(fixed), pointer(state))


def run(k: Numbers, m: Numbers) -> int:
    """Run until the end, or until something must be decided outside; the reason is returned."""
    if m[PAUSED] == OUTSIDE and has_to_wait(m, following(k, m)):
        return OUTSIDE
    if m[PAUSED] == LOG_FULL or m[PAUSED] == PAUSE or m[PAUSED] == OUTSIDE:
        m[PAUSED] = 0
        advance(k, m)
    elif m[PAUSED]:
        m[PAUSED] = 0
        fetch(k, m)
        if m[PAUSED]:
            return m[PAUSED]
    while True:
        while settle(k, m):
            pass
        if m[PAUSED]:
            return m[PAUSED]
        m[WORKING] = 0
        m[PASSED] = 0
        grant(k, m)
        if m[WORKING]:  # an instruction memory has answered at once
            continue
        if m[LOGGED] > k[K_LOG] // 2:
            m[PAUSED] = LOG_FULL
            return LOG_FULL
        if m[NUMBER] > m[PATIENCE]:
            m[PAUSED] = PAUSE
            return PAUSE
        if k[K_OUTSIDE] >= 0 and has_to_wait(m, following(k, m)):
            m[PAUSED] = OUTSIDE
            return OUTSIDE
        if not advance(k, m):
            if m[EXHAUSTED] and m[FINISHED] == m[NUMBER] and m[k[M_ALIVE]] == 0:
                return ENDED
            return STUCK


def settle(k: Numbers, m: Numbers) -> bool:
    """Do what is to be done in this cycle; whether there may be more."""
    while m[PASSED] < m[WORKING]:
        base = k[M_WORK] + 3 * (m[PASSED] & (k[K_WORK] - 1))
        m[PASSED] += 1
        happen(k, m, m[base], m[base + 1], m[base + 2])
        if m[PAUSED]:
            return False
    if m[STIRRED] == 0:
        return False
    decided = False
    for line in range(k[K_LINES]):
        if m[line_state(k, line) + N_STIRRED] and begin_frame(k, m, line):
            decided = True
    for line in range(k[K_LINES]):
        if m[line_state(k, line) + N_STIRRED]:
            while m[PASSED] == m[WORKING] and decide(k, m, line):
                decided = True
    if not decided:
        m[STIRRED] = 0
        for line in range(k[K_LINES]):
            m[line_state(k, line) + N_STIRRED] = 0
    return decided


def decide(k: Numbers, m: Numbers, line: int) -> bool:
    """Let one part of a line into the first mover that admits one."""
    fixed = k[K_LINE] + line * LINE
    first = k[fixed + L_MOVER]
    if m[line_state(k, line) + N_FRAME] >= 0 and admit(k, m, first):
        return True
    for mover in range(first + 1, first + k[fixed + L_COUNT]):
        if m[mover_state(k, mover - 1) + W_FINISHED] and admit(k, m, mover):
            return True
    return False


def happen(k: Numbers, m: Numbers, kind: int, identity: int, more: int) -> None:
    """One piece of work."""
    if kind == FLIGHT_EVENT:
        go_on(k, m, identity)
    elif kind == PART_EVENT:
        stir(k, m, k[k[K_MOVER] + m[identity + P_MOVER] * MOVER + V_LINE])
        next_phase(k, m, identity)
    elif kind == TICK_EVENT:
        if identity:
            stir(k, m, identity - 1)
    elif kind == ANSWER_EVENT:
        job_answered(k, m, identity)
    elif kind == RELEASE_EVENT:
        m[mover_state(k, identity) + W_USED] -= 1
        stir(k, m, k[k[K_MOVER] + identity * MOVER + V_LINE])
    elif kind == FREE_EVENT and identity < 0:
        free_buffer(k, m)
    elif kind == FREE_EVENT:
        free(k, m, identity, more)
    elif kind == DONE_EVENT:
        done(k, m, identity)
    elif kind == FETCH_EVENT:
        fetch(k, m)
    elif kind == FETCHED_EVENT:
        fetched(k, m, identity, more)


def answer_at(fixed: Numbers, state: Numbers, part: int, cycle: int) -> None:
    """:func:`answer` on two lists; compiled: on two arrays, given by their addresses."""
    answer(pointer(fixed), pointer(state), part, cycle)


def following_at(fixed: Numbers, state: Numbers) -> int:
    """:func:`following` on two lists; compiled: on two arrays, given by their addresses."""
    return following(pointer(fixed), pointer(state))
