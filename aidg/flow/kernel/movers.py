"""Movers: places, phases, pieces, queues of requests (rules 11 and 13)."""

from __future__ import annotations

from aidg.flow.kernel.lines import ended, sent, tick
from aidg.flow.kernel.names import (
    AGE_PIECES,
    ASKING,
    E_AFTER,
    E_AWAY,
    E_PART,
    E_SHARE,
    ENDING,
    ENTERED,
    ENTRY,
    F_LEFT,
    FINISHED_,
    H_BYTES,
    H_POSITION,
    H_START,
    H_STORAGE,
    H_WRITE,
    K_LINE,
    K_MOVER,
    K_QUEUE,
    K_STORAGE,
    L_INTERVAL,
    L_TURNAROUND,
    LINE,
    MOST_CUTS,
    MOVER,
    MOVING,
    N_BUSY,
    N_COUNT,
    N_FRAME,
    N_NEXT_FRAME,
    N_NEXT_PART,
    N_PART,
    N_SENT,
    N_TICK,
    NOW,
    P_AGE,
    P_ASKED,
    P_DONE,
    P_DUE,
    P_FLIGHT,
    P_LAST,
    P_LATEST,
    P_MOVER,
    P_PHASE,
    P_PIECE,
    P_POSITION,
    P_RESERVED,
    P_SHARE,
    P_SHARES,
    P_SUB,
    P_TOTAL,
    PART_EVENT,
    PAUSED,
    PIECE_BITS,
    Q_MOVER,
    Q_STATE,
    QUEUE,
    READING,
    RELEASE_EVENT,
    S_BYTES,
    SHARE,
    STORAGE,
    TOO_MUCH,
    V_CAPACITY,
    V_INTERVAL,
    V_LARGEST,
    V_LATENCY,
    V_LINE,
    V_POSITION,
    V_RELEASE,
    V_TAIL,
    V_TRANSFER,
    W_ENTRY,
    W_FINISHED,
    W_TICK,
    W_USED,
    W_WAITING,
    WRITTEN,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.operands import best_window, covered
from aidg.flow.kernel.parts import free_part, make_part, new_part, set_share
from aidg.flow.kernel.places import remove
from aidg.flow.kernel.records import flight_of, line_state, mover_state, queue_of
from aidg.flow.kernel.time import at


def admit(k: Numbers, m: Numbers, mover: int) -> bool:
    """Let a part into a mover, if one waits and that is possible now."""
    fixed, state, now = k[K_MOVER] + mover * MOVER, mover_state(k, mover), m[NOW]
    line = k[fixed + V_LINE]
    has_place = m[state + W_USED] < k[fixed + V_CAPACITY]
    if k[fixed + V_POSITION] == 0:
        before = line_state(k, line)
        if m[before + N_FRAME] < 0 or not has_place:
            return False
        if m[before + N_NEXT_PART] > now:
            tick(k, m, before + N_TICK, m[before + N_NEXT_PART], line + 1)
            return False
    else:
        before = mover_state(k, mover - 1)
        if m[before + W_FINISHED] == 0:
            return False
    if m[state + W_ENTRY] > now:
        tick(k, m, state + W_TICK, m[state + W_ENTRY], line + 1)
        return False
    if k[fixed + V_POSITION] == 0:
        send_part(k, m, mover, line)
        return True
    waiting = before + W_FINISHED
    for index in range(m[waiting]):
        part = m[waiting + 1 + index]
        if has_place or m[part + P_RESERVED]:
            if enter(k, m, mover, part):
                remove(m, waiting, part)
                leave_mover(k, m, mover - 1)
            return True
    return False


def send_part(k: Numbers, m: Numbers, mover: int, line: int) -> None:
    """Send the next part of the present frame, or its next piece."""
    state, fixed = line_state(k, line), k[K_LINE] + line * LINE
    if m[state + N_PART] < 0:
        m[state + N_PART] = make_part(k, m, line)
    if not enter(k, m, mover, m[state + N_PART]):
        return
    m[state + N_PART] = -1
    m[state + N_SENT] += 1
    m[state + N_BUSY] += k[fixed + L_INTERVAL]
    m[state + N_NEXT_PART] = m[NOW] + k[fixed + L_INTERVAL]
    if m[state + N_SENT] == m[state + N_COUNT]:
        m[state + N_NEXT_FRAME] = m[NOW] + 1 + k[fixed + L_TURNAROUND]
        sent(k, m, line)


def leave_mover(k: Numbers, m: Numbers, mover: int) -> None:
    """A part has left a mover."""
    release = k[k[K_MOVER] + mover * MOVER + V_RELEASE]
    if release:
        at(k, m, m[NOW] + release, RELEASE_EVENT, mover, 0)
    else:
        m[mover_state(k, mover) + W_USED] -= 1


def enter(k: Numbers, m: Numbers, mover: int, part: int) -> bool:
    """A part, or its next piece, enters a mover; whether all of it has."""
    fixed = k[K_MOVER] + mover * MOVER
    if k[fixed + V_LARGEST]:
        if m[part + P_TOTAL] < 0:
            m[part + P_TOTAL] = own_bytes(k, m, part, k[fixed + V_POSITION])
        if m[part + P_TOTAL]:
            return enter_piece(k, m, mover, part)
    let_in(k, m, mover, part)
    return True


def own_direction(m: Numbers, part: int, position: int) -> int:
    """What a mover that takes parts apart goes by: reads (0), or writes (1) where it reads nothing."""
    for index in range(m[part + P_SHARES]):
        share = part + P_SHARE + index * SHARE
        if m[share + H_POSITION] == position and m[share + H_WRITE] == 0:
            return 0
    return 1


def own_bytes(k: Numbers, m: Numbers, part: int, position: int) -> int:
    """Bytes by which a mover takes a part apart."""
    direction, total = own_direction(m, part, position), 0
    for index in range(m[part + P_SHARES]):
        share = part + P_SHARE + index * SHARE
        if m[share + H_POSITION] == position and m[share + H_WRITE] == direction:
            total += m[share + H_BYTES]
    return total


def enter_piece(k: Numbers, m: Numbers, mover: int, part: int) -> bool:
    """The next piece of a part enters; whether it is the last one."""
    fixed = k[K_MOVER] + mover * MOVER
    here = k[fixed + V_POSITION]
    direction = own_direction(m, part, here)
    passed = 0
    first, total = m[part + P_DONE], m[part + P_TOTAL]
    piece, size = new_part(k, m), 0
    for index in range(m[part + P_SHARES]):
        share = part + P_SHARE + index * SHARE
        if m[share + H_POSITION] == here and m[share + H_WRITE] == direction:
            if size == 0 and first < passed + m[share + H_BYTES]:
                start = m[share + H_START] + first - passed
                port = k[k[K_STORAGE] + m[share + H_STORAGE] * STORAGE + S_BYTES]
                left = passed + m[share + H_BYTES] - first
                size = covered(start, left, best_window(start, left, port, k[fixed + V_LARGEST]))
                set_share(m, piece, here, direction, m[share + H_STORAGE], start, size)
            passed += m[share + H_BYTES]
    for index in range(m[part + P_SHARES]):
        share = part + P_SHARE + index * SHARE
        if m[share + H_POSITION] < here or (
            m[share + H_POSITION] == here and m[share + H_WRITE] == direction
        ):
            continue
        low = m[share + H_BYTES] * first // total
        high = m[share + H_BYTES] * (first + size) // total
        if high > low:
            set_share(
                m,
                piece,
                m[share + H_POSITION],
                m[share + H_WRITE],
                m[share + H_STORAGE],
                m[share + H_START] + low,
                high - low,
            )
    m[part + P_DONE] += size
    m[part + P_LATEST] += 1 if first else 1 - m[part + P_LATEST]  # pieces so far
    if m[part + P_LATEST] >= AGE_PIECES:
        m[PAUSED] = TOO_MUCH
    m[piece + P_PIECE] = m[part + P_PIECE] + 1
    if m[part + P_PIECE]:  # a piece of a piece
        m[piece + P_AGE] = m[part + P_AGE]
        m[piece + P_SUB] = m[part + P_SUB] + (
            m[part + P_LATEST] << PIECE_BITS * (MOST_CUTS - 1 - m[part + P_PIECE])
        )
    else:
        m[piece + P_AGE] = m[part + P_AGE] + m[part + P_LATEST]
    m[piece + P_FLIGHT] = m[part + P_FLIGHT]
    m[piece + P_RESERVED] = m[part + P_RESERVED]
    m[part + P_RESERVED] = 0
    flight = flight_of(k, m[part + P_FLIGHT])
    is_last = m[part + P_DONE] == total
    if is_last:
        free_part(k, m, part)
    else:
        m[flight + F_LEFT] += 1
    let_in(k, m, mover, piece)
    return is_last


def let_in(k: Numbers, m: Numbers, mover: int, part: int) -> None:
    """A part gets its place in a mover."""
    fixed, state = k[K_MOVER] + mover * MOVER, mover_state(k, mover)
    if m[part + P_RESERVED]:
        m[part + P_RESERVED] = 0
    else:
        m[state + W_USED] += 1
    m[state + W_ENTRY] = m[NOW] + k[fixed + V_INTERVAL]
    m[part + P_MOVER] = mover
    m[part + P_POSITION] = k[fixed + V_POSITION]
    m[part + P_TOTAL] = -1
    m[part + P_DONE] = 0
    if not wait_for(k, m, part, ENTERED, k[fixed + V_LATENCY]):
        next_phase(k, m, part)


def wait_for(k: Numbers, m: Numbers, part: int, phase: int, delay: int) -> bool:
    """A part is in a phase for ``delay`` cycles; whether that is any time at all."""
    m[part + P_PHASE] = phase
    m[part + P_DUE] = m[NOW] + delay
    if delay == 0:
        return False
    at(k, m, m[NOW] + delay, PART_EVENT, part, 0)
    return True


def next_phase(k: Numbers, m: Numbers, part: int) -> None:
    """A phase of a part is over; the next one begins, and those that take no time pass by."""
    fixed = k[K_MOVER] + m[part + P_MOVER] * MOVER
    while True:
        phase = m[part + P_PHASE]
        if phase == ENTERED:
            if ask(k, m, part, 0):
                m[part + P_PHASE] = READING
                return
            m[part + P_PHASE] = READING
        elif phase == READING:
            if wait_for(k, m, part, MOVING, k[fixed + V_TRANSFER]):
                return
        elif phase == MOVING:
            if ask(k, m, part, 1):
                m[part + P_PHASE] = WRITTEN
                return
            m[part + P_PHASE] = WRITTEN
        elif phase == WRITTEN:
            if wait_for(k, m, part, ENDING, k[fixed + V_TAIL]):
                return
        else:
            break
    if m[part + P_POSITION] == m[part + P_LAST]:
        leave_mover(k, m, m[part + P_MOVER])
        ended(k, m, part)
    else:
        m[part + P_PHASE] = FINISHED_
        insert_part(m, mover_state(k, m[part + P_MOVER]) + W_FINISHED, part)


def is_older(m: Numbers, part: int, other: int) -> bool:
    """Whether a part is older than another one."""
    if m[part + P_AGE] != m[other + P_AGE]:
        return m[part + P_AGE] < m[other + P_AGE]
    return m[part + P_SUB] < m[other + P_SUB]


def insert_part(m: Numbers, position: int, part: int) -> None:
    """Put a part into a list that is in order of age."""
    index = m[position]
    m[position] += 1
    while index and is_older(m, part, m[position + index]):
        m[position + index + 1] = m[position + index]
        index -= 1
    m[position + index + 1] = part


def ask(k: Numbers, m: Numbers, part: int, write: int) -> bool:
    """Put the requests of a part into the queues; whether there are any."""
    m[part + P_ASKED] = 0
    m[part + P_LATEST] = 0
    for index in range(m[part + P_SHARES]):
        share = part + P_SHARE + index * SHARE
        if m[share + H_POSITION] != m[part + P_POSITION] or m[share + H_WRITE] != write:
            continue
        queue = queue_of(k, m[part + P_MOVER], m[share + H_STORAGE], write)
        m[part + P_ASKED] += 1
        insert_entry(k, m, queue, part, index)
    return m[part + P_ASKED] > 0


def insert_entry(k: Numbers, m: Numbers, queue: int, part: int, share: int) -> None:
    """Put a share into a queue, in order of age."""
    state = k[k[K_QUEUE] + queue * QUEUE + Q_STATE]
    index = m[state]
    m[state] += 1
    m[ASKING] += 1
    m[mover_state(k, k[k[K_QUEUE] + queue * QUEUE + Q_MOVER]) + W_WAITING] += 1
    base = state + 1 + index * ENTRY
    while index and is_older(m, part, m[base - ENTRY + E_PART]):
        for field in range(ENTRY):
            m[base + field] = m[base - ENTRY + field]
        index -= 1
        base -= ENTRY
    m[base + E_PART] = part
    m[base + E_SHARE] = share
    m[base + E_AFTER] = m[NOW]
    m[base + E_AWAY] = 0
