"""The state as a key: what decides, with the program to come, the future up to a shift in time."""

from __future__ import annotations

from aidg.flow.kernel.movers import insert_part, own_direction
from aidg.flow.kernel.names import (
    AGE_PARTS,
    AGE_PIECES,
    ANSWER_EVENT,
    BUFFERED,
    CUTTERS,
    DONE_EVENT,
    E_AFTER,
    E_AWAY,
    E_PART,
    E_SHARE,
    ENTRY,
    F_ADDRESS,
    F_ANSWERS,
    F_AT,
    F_BOUND_AT,
    F_COST,
    F_DUE,
    F_HOLDS,
    F_JOINED,
    F_LEFT,
    F_NUMBER,
    F_ORDER_AT,
    F_PAIR,
    F_PARTS,
    F_PHASE,
    F_READY,
    F_SINCE,
    F_STAGE,
    F_WAKE,
    FETCH_SINCE,
    FETCH_WAITS,
    FETCHED_EVENT,
    FLIGHT_EVENT,
    FREE_EVENT,
    GROUP_SIZE,
    H_BYTES,
    H_POSITION,
    H_START,
    H_STORAGE,
    H_WRITE,
    J_AFTER,
    J_FLIGHT,
    J_GROUP,
    J_LEFT,
    J_STORAGE,
    J_WRITE,
    JOB,
    JOBS,
    K_FLIGHTS,
    K_LINE,
    K_LINES,
    K_MOVER,
    K_OBJECTS,
    K_PARTS,
    K_QUEUE,
    K_QUEUES,
    K_STORAGE,
    K_STORAGES,
    K_WHEEL,
    K_WORK,
    L_COUNT,
    L_CUTTER,
    L_LARGEST,
    L_MOVER,
    LAST_FLIGHT,
    LINE,
    M_DEPENDS,
    M_FREE_FLIGHTS,
    M_JOB,
    M_KEY,
    M_LAST,
    M_NODE,
    M_OVERFLOW,
    M_PART,
    M_RANK,
    M_WHEEL,
    M_WORK,
    MOVER,
    N_BEGUN,
    N_COUNT,
    N_FRAME,
    N_JOINED,
    N_NEXT_FRAME,
    N_NEXT_PART,
    N_PART,
    N_PREPARED,
    N_QUEUE,
    N_SENT,
    NEVER,
    NO_CUTTER,
    NODE,
    NOW,
    NUMBER,
    OVER,
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
    PART,
    PART_EVENT,
    PASSED,
    Q_STATE,
    QUEUE,
    S_BYTES,
    S_CHANNEL,
    S_FLYING,
    S_LAST_READ,
    S_LAST_WRITE,
    S_MOST,
    S_PORT,
    S_READ_PORTS,
    S_WRITE_PORTS,
    SHARE,
    STORAGE,
    T_CLASS,
    T_LINE,
    T_OBJECTS,
    T_OPERANDS,
    T_VARIES,
    TICK_EVENT,
    TICKING,
    UNKNOWN,
    V_LARGEST,
    V_LINE,
    W_ENTRY,
    W_FINISHED,
    W_USED,
    WORKING,
    X_ID,
    X_KIND,
    X_MORE,
    X_NEXT,
    X_TIME,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.operands import best_window, covered, write_place
from aidg.flow.kernel.records import (
    flight_of,
    line_state,
    mover_state,
    staying_in,
    step_of,
    storage_state,
    users_of,
)  # fmt: skip


def write_key(k: Numbers, m: Numbers) -> int:
    """Write the state behind ``M_KEY``; its length.

    Times are relative to now, flights and parts are named by their rank in age; times that are over are
    alike. Of addresses there is what decides how rows are served (:func:`write_place`). Who will have to wait
    for whose data is a matter of what comes next (:mod:`aidg.flow.kernel.pieces`).
    """
    rank_flights(k, m)
    rank_parts(k, m)
    end = key_flights(k, m, k[M_KEY])
    end = key_objects(k, m, end)
    end = key_lines(k, m, end)
    end = key_parts(k, m, end)
    end = key_storages(k, m, end)
    end = key_events(k, m, end)
    return end - k[M_KEY]


def ahead(m: Numbers, when: int) -> int:
    """Cycles until a moment; 0: it is over, -1: it is not known."""
    return -1 if when == UNKNOWN else max(when - m[NOW], 0)


def rank_flights(k: Numbers, m: Numbers) -> None:
    """Rank of every flight whose record is in use, -1 for the others; behind ``M_RANK``, then how many."""
    count, rank = k[K_FLIGHTS], k[M_RANK]
    for slot in range(count):
        m[rank + slot] = 0
    free_list = k[M_FREE_FLIGHTS]
    for index in range(m[free_list]):
        m[rank + m[free_list + 1 + index]] = -1
    used = 0
    order = rank + count + 1
    for slot in range(count):
        if m[rank + slot] == 0:
            index = used
            while (
                index and m[flight_of(k, m[order + index - 1]) + F_NUMBER] > m[flight_of(k, slot) + F_NUMBER]
            ):
                m[order + index] = m[order + index - 1]
                index -= 1
            m[order + index] = slot
            used += 1
    for index in range(used):
        m[rank + m[order + index]] = index
    m[rank + count] = used


def rank_of(k: Numbers, m: Numbers, slot: int) -> int:
    """Rank of a flight; -1: none."""
    return m[k[M_RANK] + slot] if slot >= 0 else -1


def rank_parts(k: Numbers, m: Numbers) -> None:
    """The parts in use by age, behind the ranks of flights: how many, then their positions."""
    base = k[M_RANK] + 2 * k[K_FLIGHTS] + 1
    m[base] = 0
    for number in range(k[K_PARTS]):
        part = k[M_PART] + number * PART
        if m[part + P_FLIGHT] >= 0:
            insert_part(m, base, part)


def part_rank(k: Numbers, m: Numbers, part: int) -> int:
    """Rank of a part; -1: none."""
    if part < 0:
        return -1
    base = k[M_RANK] + 2 * k[K_FLIGHTS] + 1
    low, high, age = 1, m[base], m[part + P_AGE]
    while low < high:
        middle = (low + high) // 2
        if m[m[base + middle] + P_AGE] < age:
            low = middle + 1
        else:
            high = middle
    while m[base + low] != part:
        low += 1
    return low


def key_flights(k: Numbers, m: Numbers, end: int) -> int:
    """Flights in use, and who waits for whom."""
    count, rank = k[K_FLIGHTS], k[M_RANK]
    used, order = m[rank + count], rank + count + 1
    m[end] = used
    end += 1
    for index in range(used):
        slot = m[order + index]
        flight = flight_of(k, slot)
        step = step_of(k, m, flight)
        m[end] = k[step + T_CLASS]
        m[end + 1] = m[flight + F_AT]
        m[end + 2] = m[flight + F_PHASE]
        m[end + 3] = ahead(m, m[flight + F_DUE])
        m[end + 4] = ahead(m, m[flight + F_BOUND_AT])
        m[end + 5] = ahead(m, m[flight + F_ORDER_AT])
        m[end + 6] = rank_of(k, m, m[flight + F_PAIR])
        m[end + 7] = ahead(m, m[flight + F_READY])
        m[end + 8] = m[flight + F_LEFT]
        m[end + 9] = m[flight + F_HOLDS]
        m[end + 10] = m[flight + F_ANSWERS]
        m[end + 11] = m[flight + F_STAGE]
        m[end + 12] = m[flight + F_PARTS]
        m[end + 13] = ahead(m, m[flight + F_WAKE])
        m[end + 14] = rank_of(k, m, m[flight + F_JOINED])
        m[end + 15] = m[NUMBER] - m[flight + F_NUMBER]
        end += 16
        if m[flight + F_PHASE] == OVER:
            continue
        for visit in range(k[step + T_OBJECTS] - 1):
            m[end] = ahead(m, m[flight + F_SINCE + visit])
            end += 1
            if k[step + T_VARIES]:
                m[end] = m[flight + F_COST + 2 * visit]
                m[end + 1] = m[flight + F_COST + 2 * visit + 1]
                end += 2
        for number in range(k[step + T_OPERANDS]):
            end = write_place(k, m, step, number, m[flight + F_ADDRESS + number], end)
        for other in range(used):
            if m[k[M_DEPENDS] + slot * count + m[order + other]]:
                m[end] = other
                end += 1
        m[end] = -1
        end += 1
    return end


def key_list(k: Numbers, m: Numbers, position: int, end: int) -> int:
    """A list of flights."""
    m[end] = m[position]
    for index in range(m[position]):
        m[end + 1 + index] = rank_of(k, m, m[position + 1 + index])
    return end + 1 + m[position]


def key_objects(k: Numbers, m: Numbers, end: int) -> int:
    """Places and turns of stages and units, and the fetch stage."""
    for item in range(k[K_OBJECTS]):
        end = key_list(k, m, users_of(k, item), end)
        end = key_list(k, m, staying_in(k, item), end)
        last = k[M_LAST] + 4 * item
        m[end] = rank_of(k, m, m[last])
        m[end + 1] = ahead(m, m[last + 1])
        m[end + 2] = rank_of(k, m, m[last + 2])
        m[end + 3] = ahead(m, m[last + 3])
        end += 4
    m[end] = m[BUFFERED]
    m[end + 1] = m[GROUP_SIZE]
    m[end + 2] = ahead(m, m[FETCH_SINCE])
    m[end + 3] = m[FETCH_WAITS]
    m[end + 4] = rank_of(k, m, m[LAST_FLIGHT])
    m[end + 5] = ahead(m, m[TICKING])
    return end + 6


def key_lines(k: Numbers, m: Numbers, end: int) -> int:
    """Controllers and movers."""
    for line in range(k[K_LINES]):
        state, fixed = line_state(k, line), k[K_LINE] + line * LINE
        m[end] = rank_of(k, m, m[state + N_FRAME])
        m[end + 1] = rank_of(k, m, m[state + N_JOINED])
        m[end + 2] = m[state + N_SENT]
        m[end + 3] = m[state + N_COUNT]
        m[end + 4] = ahead(m, m[state + N_NEXT_PART])
        m[end + 5] = ahead(m, m[state + N_NEXT_FRAME])
        m[end + 6] = m[state + N_BEGUN]
        m[end + 7] = rank_of(k, m, m[state + N_PREPARED])
        m[end + 8] = part_rank(k, m, m[state + N_PART])
        end = key_list(k, m, state + N_QUEUE, end + 9)
        for mover in range(k[fixed + L_MOVER], k[fixed + L_MOVER] + k[fixed + L_COUNT]):
            here = mover_state(k, mover)
            m[end] = m[here + W_USED]
            m[end + 1] = ahead(m, m[here + W_ENTRY])
            m[end + 2] = m[here + W_FINISHED]
            end += 3
            for index in range(m[here + W_FINISHED]):
                m[end] = part_rank(k, m, m[here + W_FINISHED + 1 + index])
                end += 1
    return end


def key_parts(k: Numbers, m: Numbers, end: int) -> int:
    """Parts and their shares."""
    base = k[M_RANK] + 2 * k[K_FLIGHTS] + 1
    m[end] = m[base]
    end += 1
    for index in range(m[base]):
        part = m[base + 1 + index]
        mover = k[K_MOVER] + m[part + P_MOVER] * MOVER
        m[end] = rank_of(k, m, m[part + P_FLIGHT])
        m[end + 1] = m[part + P_AGE] % (AGE_PARTS * AGE_PIECES)
        m[end + 2] = m[part + P_POSITION]
        m[end + 3] = m[part + P_PHASE]
        m[end + 4] = m[part + P_ASKED]
        m[end + 5] = m[part + P_LATEST] if m[part + P_DONE] else ahead(m, m[part + P_LATEST])
        m[end + 6] = m[part + P_RESERVED]
        m[end + 7] = m[part + P_LAST]
        m[end + 8] = m[part + P_DONE]
        m[end + 9] = ahead(m, m[part + P_DUE]) if m[part + P_POSITION] >= 0 else 0
        m[end + 10] = m[part + P_PIECE]
        m[end + 11] = m[part + P_SUB]
        end += 12
        line = k[mover + V_LINE] if m[part + P_POSITION] >= 0 else -1
        for number in range(m[part + P_SHARES]):
            share = part + P_SHARE + number * SHARE
            if m[share + H_POSITION] < m[part + P_POSITION]:
                continue
            m[end] = m[share + H_POSITION] * 2 + m[share + H_WRITE]
            m[end + 1] = m[share + H_STORAGE]
            m[end + 2] = m[share + H_BYTES]
            end = key_windows(k, m, line, part, share, end + 3)
    return end


def key_windows(k: Numbers, m: Numbers, line: int, part: int, share: int, end: int) -> int:
    """How aligned windows cover a share, where its mover goes by them: the first one says it all.

    It covers as much as the largest one would, so the next one begins at a multiple of that. What is still to
    be cut into shares of other requests is told exactly.
    """
    if line < 0:
        line = k[step_of(k, m, flight_of(k, m[part + P_FLIGHT])) + T_LINE]
    fixed = k[K_LINE] + line * LINE
    if k[fixed + L_CUTTER] == NO_CUTTER:
        return end
    position = m[share + H_POSITION]
    largest = k[k[K_MOVER] + (k[fixed + L_MOVER] + position) * MOVER + V_LARGEST]
    if k[fixed + L_CUTTER] == CUTTERS or (largest and own_direction(m, part, position) != m[share + H_WRITE]):
        m[end] = m[share + H_START] & (k[fixed + L_LARGEST] - 1)
        return end + 1
    if largest == 0:
        return end
    port = k[k[K_STORAGE] + m[share + H_STORAGE] * STORAGE + S_BYTES]
    m[end + 1] = best_window(m[share + H_START], m[share + H_BYTES], port, largest)
    m[end] = covered(m[share + H_START], m[share + H_BYTES], m[end + 1])
    return end + 2


def key_storages(k: Numbers, m: Numbers, end: int) -> int:
    """Ports, channels, and requests that wait."""
    for storage in range(k[K_STORAGES]):
        fixed, state = k[K_STORAGE] + storage * STORAGE, storage_state(k, storage)
        m[end] = m[state + S_LAST_READ]
        m[end + 1] = m[state + S_LAST_WRITE]
        m[end + 2] = ahead(m, m[state + S_CHANNEL])
        end += 3
        for port in range(k[fixed + S_READ_PORTS] + k[fixed + S_WRITE_PORTS]):
            m[end] = ahead(m, m[k[fixed + S_PORT] + port])
            end += 1
        for place in range(k[fixed + S_MOST]):
            m[end] = ahead(m, m[k[fixed + S_FLYING] + place])
            end += 1
    for queue in range(k[K_QUEUES]):
        state = k[k[K_QUEUE] + queue * QUEUE + Q_STATE]
        m[end] = m[state]
        end += 1
        for index in range(m[state]):
            entry = state + 1 + index * ENTRY
            m[end] = part_rank(k, m, m[entry + E_PART])
            m[end + 1] = m[entry + E_SHARE]
            m[end + 2] = ahead(m, m[entry + E_AFTER])
            m[end + 3] = m[entry + E_AWAY] - m[NOW] if m[entry + E_AWAY] else NEVER
            end += 4
    m[end] = m[JOBS]
    end += 1
    for index in range(m[JOBS]):
        job = k[M_JOB] + index * JOB
        m[end] = rank_of(k, m, m[job + J_FLIGHT])
        m[end + 1] = m[job + J_STORAGE] * 2 + m[job + J_WRITE]
        m[end + 2] = m[job + J_LEFT]
        m[end + 3] = ahead(m, m[job + J_AFTER])
        m[end + 4] = m[job + J_GROUP]
        end += 5
    return end


def key_event(k: Numbers, m: Numbers, kind: int, identity: int, more: int, end: int) -> int:
    """Something that is to happen."""
    m[end] = kind
    m[end + 1] = identity
    m[end + 2] = more
    if kind == FLIGHT_EVENT or kind == DONE_EVENT or kind == ANSWER_EVENT or kind == FETCHED_EVENT:
        m[end + 1] = rank_of(k, m, identity)
    elif kind == PART_EVENT:
        m[end + 1] = part_rank(k, m, identity)
    elif kind == FREE_EVENT:
        m[end + 2] = rank_of(k, m, more)
    return end + 3


def key_events(k: Numbers, m: Numbers, end: int) -> int:
    """What is to happen in this cycle and later. Mere occasions to look again are left out."""
    for index in range(m[PASSED], m[WORKING]):
        base = k[M_WORK] + 3 * (index & (k[K_WORK] - 1))
        if m[base] != TICK_EVENT and m[base] != FLIGHT_EVENT:
            end = key_event(k, m, m[base], m[base + 1], m[base + 2], end)
    wheel = k[K_WHEEL]
    for distance in range(1, wheel):
        end = key_slot(k, m, k[M_WHEEL] + 2 * ((m[NOW] + distance) & (wheel - 1)), end)
    return key_slot(k, m, k[M_OVERFLOW], end)


def key_slot(k: Numbers, m: Numbers, slot: int, end: int) -> int:
    """A list of events."""
    node = m[slot]
    while node >= 0:
        base = k[M_NODE] + node * NODE
        kind = m[base + X_KIND]
        if kind != TICK_EVENT and kind != FLIGHT_EVENT:
            m[end] = m[base + X_TIME] - m[NOW]
            end = key_event(k, m, kind, m[base + X_ID], m[base + X_MORE], end + 1)
        node = m[base + X_NEXT]
    return end
