"""The state as it is, in a row: to come back to it later."""

from __future__ import annotations

from aidg.flow.kernel.names import (
    ENTRY,
    F_ADDRESS,
    F_COST,
    F_NEXT,
    F_SINCE,
    F_STEP,
    FREE_NODE,
    FREE_PART,
    JOB,
    JOBS,
    K_FLIGHTS,
    K_LINES,
    K_MOVERS,
    K_OBJECTS,
    K_PARTS,
    K_QUEUE,
    K_QUEUES,
    K_STEP,
    K_WHEEL,
    K_WORK,
    LINE_STATE,
    M_ALIVE,
    M_DEPENDS,
    M_FREE_FLIGHTS,
    M_JOB,
    M_LAST,
    M_LINE,
    M_NODE,
    M_OVERFLOW,
    M_PART,
    M_RANK,
    M_WHEEL,
    M_WORK,
    MOST_OPERANDS,
    MOST_VISITS,
    N_QUEUE,
    NODE,
    NOW,
    P_FLIGHT,
    P_SHARE,
    P_SHARES,
    PART,
    PASSED,
    Q_STATE,
    QUEUE,
    SHARE,
    STATE_HEAD,
    STEP,
    T_OBJECTS,
    T_VARIES,
    W_FINISHED,
    WORKING,
    X_ID,
    X_KIND,
    X_MORE,
    X_NEXT,
    X_TIME,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.records import flight_of, line_state, mover_state, staying_in, users_of
from aidg.flow.kernel.time import enlist


def put(m: Numbers, position: int, count: int, w: Numbers, end: int) -> int:
    """Copy entries of the state to the end of what is kept; the new end."""
    for index in range(count):
        w[end + index] = m[position + index]
    return end + count


def get(m: Numbers, position: int, count: int, w: Numbers, end: int) -> int:
    """Copy them back; where the next ones are."""
    for index in range(count):
        m[position + index] = w[end + index]
    return end + count


def pack(k: Numbers, m: Numbers, w: Numbers, end: int) -> int:
    """Write the state to ``w`` from ``end`` on; the new end. Flights have been ranked for the key."""
    end = put(m, 0, STATE_HEAD, w, end)
    end = put(m, STATE_HEAD, k[M_LINE] - STATE_HEAD, w, end)  # ports and channels of storages
    end = pack_flights(k, m, w, end)
    for item in range(k[K_OBJECTS]):
        end = put(m, users_of(k, item), 1 + m[users_of(k, item)], w, end)
        end = put(m, staying_in(k, item), 1 + m[staying_in(k, item)], w, end)
    end = put(m, k[M_LAST], 4 * k[K_OBJECTS], w, end)
    end = put(m, k[M_ALIVE], 1 + m[k[M_ALIVE]], w, end)
    end = put(m, k[M_FREE_FLIGHTS], 1 + m[k[M_FREE_FLIGHTS]], w, end)
    for line in range(k[K_LINES]):
        state = line_state(k, line)
        end = put(m, state, LINE_STATE + 1 + m[state + N_QUEUE], w, end)
    for mover in range(k[K_MOVERS]):
        state = mover_state(k, mover)
        end = put(m, state, W_FINISHED + 1 + m[state + W_FINISHED], w, end)
    for queue in range(k[K_QUEUES]):
        state = k[k[K_QUEUE] + queue * QUEUE + Q_STATE]
        end = put(m, state, 1 + ENTRY * m[state], w, end)
    end = put(m, k[M_JOB], JOB * m[JOBS], w, end)
    end = pack_parts(k, m, w, end)
    return pack_events(k, m, w, end)


def pack_flights(k: Numbers, m: Numbers, w: Numbers, end: int) -> int:
    """Records in use, and who waits for whom."""
    count = k[K_FLIGHTS]
    used, order = m[k[M_RANK] + count], k[M_RANK] + count + 1
    w[end] = used
    end += 1
    for index in range(used):
        slot = m[order + index]
        flight = flight_of(k, slot)
        w[end] = slot
        end = put(m, flight, F_COST, w, end + 1)
        step = k[K_STEP] + m[flight + F_STEP] * STEP
        visits = k[step + T_OBJECTS] - 1
        end = put(m, flight + F_SINCE, visits, w, end)
        end = put(m, flight + F_NEXT, visits, w, end)
        end = put(m, flight + F_ADDRESS, MOST_OPERANDS, w, end)
        if k[step + T_VARIES]:
            end = put(m, flight + F_COST, 2 * MOST_VISITS, w, end)
    start = end
    end += 1
    alive = k[M_ALIVE]
    for index in range(m[alive]):
        row = k[M_DEPENDS] + m[alive + 1 + index] * count
        for other in range(m[alive]):
            if m[row + m[alive + 1 + other]]:
                w[end] = row + m[alive + 1 + other]
                end += 1
    w[start] = end - start - 1
    return end


def pack_parts(k: Numbers, m: Numbers, w: Numbers, end: int) -> int:
    """Records of parts in use."""
    start = end
    end += 1
    w[start] = 0
    for number in range(k[K_PARTS]):
        part = k[M_PART] + number * PART
        if m[part + P_FLIGHT] >= 0:
            w[start] += 1
            w[end] = part
            end = put(m, part, P_SHARE + SHARE * m[part + P_SHARES], w, end + 1)
    return end


def pack_events(k: Numbers, m: Numbers, w: Numbers, end: int) -> int:
    """What is to happen in this cycle, and later."""
    for index in range(m[PASSED], m[WORKING]):
        end = put(m, k[M_WORK] + 3 * (index & (k[K_WORK] - 1)), 3, w, end)
    start = end
    end += 1
    for distance in range(1, k[K_WHEEL]):
        end = pack_slot(k, m, k[M_WHEEL] + 2 * ((m[NOW] + distance) & (k[K_WHEEL] - 1)), w, end)
    end = pack_slot(k, m, k[M_OVERFLOW], w, end)
    w[start] = (end - start - 1) // 5
    return end


def pack_slot(k: Numbers, m: Numbers, slot: int, w: Numbers, end: int) -> int:
    """A list of events: where, when, kind, number, more."""
    node = m[slot]
    while node >= 0:
        base = k[M_NODE] + node * NODE
        w[end] = slot
        w[end + 1] = m[base + X_TIME]
        w[end + 2] = m[base + X_KIND]
        w[end + 3] = m[base + X_ID]
        w[end + 4] = m[base + X_MORE]
        end += 5
        node = m[base + X_NEXT]
    return end


def unpack(k: Numbers, m: Numbers, w: Numbers, end: int) -> None:
    """Make the state what was written from ``end`` on."""
    forget_events(k, m)
    node = m[FREE_NODE]
    end = get(m, 0, STATE_HEAD, w, end)
    m[FREE_NODE] = node
    end = get(m, STATE_HEAD, k[M_LINE] - STATE_HEAD, w, end)
    end = unpack_flights(k, m, w, end)
    for item in range(k[K_OBJECTS]):
        end = get(m, users_of(k, item), 1 + w[end], w, end)
        end = get(m, staying_in(k, item), 1 + w[end], w, end)
    end = get(m, k[M_LAST], 4 * k[K_OBJECTS], w, end)
    end = get(m, k[M_ALIVE], 1 + w[end], w, end)
    end = get(m, k[M_FREE_FLIGHTS], 1 + w[end], w, end)
    for line in range(k[K_LINES]):
        end = get(m, line_state(k, line), LINE_STATE + 1 + w[end + N_QUEUE], w, end)
    for mover in range(k[K_MOVERS]):
        end = get(m, mover_state(k, mover), W_FINISHED + 1 + w[end + W_FINISHED], w, end)
    for queue in range(k[K_QUEUES]):
        state = k[k[K_QUEUE] + queue * QUEUE + Q_STATE]
        end = get(m, state, 1 + ENTRY * w[end], w, end)
    end = get(m, k[M_JOB], JOB * m[JOBS], w, end)
    end = unpack_parts(k, m, w, end)
    unpack_events(k, m, w, end)


def unpack_flights(k: Numbers, m: Numbers, w: Numbers, end: int) -> int:
    """Records in use, and who waits for whom; of those before, nobody waits any more."""
    count, alive = k[K_FLIGHTS], k[M_ALIVE]
    for index in range(m[alive]):
        row = k[M_DEPENDS] + m[alive + 1 + index] * count
        for other in range(m[alive]):
            m[row + m[alive + 1 + other]] = 0
    used = w[end]
    end += 1
    for _ in range(used):
        flight = flight_of(k, w[end])
        end = get(m, flight, F_COST, w, end + 1)
        step = k[K_STEP] + m[flight + F_STEP] * STEP
        visits = k[step + T_OBJECTS] - 1
        end = get(m, flight + F_SINCE, visits, w, end)
        end = get(m, flight + F_NEXT, visits, w, end)
        end = get(m, flight + F_ADDRESS, MOST_OPERANDS, w, end)
        if k[step + T_VARIES]:
            end = get(m, flight + F_COST, 2 * MOST_VISITS, w, end)
    for index in range(w[end]):
        m[w[end + 1 + index]] = 1
    return end + 1 + w[end]


def unpack_parts(k: Numbers, m: Numbers, w: Numbers, end: int) -> int:
    """Records of parts in use; all others are free."""
    for number in range(k[K_PARTS]):
        m[k[M_PART] + number * PART + P_FLIGHT] = -1
    count = w[end]
    end += 1
    for _ in range(count):
        part = w[end]
        end = get(m, part, P_SHARE + SHARE * w[end + 1 + P_SHARES], w, end + 1)
    free = -1
    for number in range(k[K_PARTS]):
        part = k[M_PART] + number * PART
        if m[part + P_FLIGHT] < 0:
            m[part] = free
            free = part
    m[FREE_PART] = free
    return end


def unpack_events(k: Numbers, m: Numbers, w: Numbers, end: int) -> None:
    """What is to happen in this cycle, and later."""
    waiting = m[WORKING] - m[PASSED]
    m[PASSED] = 0
    m[WORKING] = waiting
    end = get(m, k[M_WORK], 3 * waiting, w, end)
    for index in range(w[end]):
        base = end + 1 + 5 * index
        enlist(k, m, w[base], w[base + 1], w[base + 2], w[base + 3], w[base + 4])


def forget_events(k: Numbers, m: Numbers) -> None:
    """Nothing is to happen later."""
    for distance in range(k[K_WHEEL]):
        forget_slot(k, m, k[M_WHEEL] + 2 * distance)
    forget_slot(k, m, k[M_OVERFLOW])


def forget_slot(k: Numbers, m: Numbers, slot: int) -> None:
    """Free the nodes of a list of events."""
    if m[slot] >= 0:
        m[k[M_NODE] + m[slot + 1] * NODE + X_NEXT] = m[FREE_NODE]
        m[FREE_NODE] = m[slot]
        m[slot] = -1
