"""Offers at the end of a cycle, and what storages grant (rules 13 and 14)."""

from __future__ import annotations

from aidg.flow.kernel.flights import log, log_at
from aidg.flow.kernel.lines import tick
from aidg.flow.kernel.movers import is_older
from aidg.flow.kernel.names import (
    AGE_PARTS,
    AGE_PIECES,
    ANSWER_EVENT,
    ASKING,
    D_AGE,
    D_BEATS,
    D_INDEX,
    D_KIND,
    D_PRIORITY,
    D_REQUESTER,
    D_STORAGE,
    D_SUB,
    D_WRITE,
    E_AFTER,
    E_AWAY,
    E_PART,
    E_SHARE,
    ENTRY,
    F_NUMBER,
    FETCHED_EVENT,
    H_BYTES,
    H_START,
    J_AFTER,
    J_FLIGHT,
    J_GROUP,
    J_LEFT,
    J_STORAGE,
    J_TICK,
    J_WRITE,
    JOB,
    JOBS,
    K_FETCH_REQUESTER,
    K_MOVER,
    K_MOVERS,
    K_QUEUE,
    K_QUEUES,
    K_STORAGE,
    LOG_ANSWER,
    LOG_GRANT,
    M_JOB,
    M_OFFER,
    MOVER,
    NEVER,
    NOW,
    OFFER,
    OFFERS,
    P_AGE,
    P_ASKED,
    P_DUE,
    P_LAST,
    P_LATEST,
    P_OPEN,
    P_POSITION,
    P_PROMISED,
    P_RESERVED,
    P_SHARE,
    P_SUB,
    PART_EVENT,
    PRIORITY,
    Q_MOVER,
    Q_STATE,
    Q_STORAGE,
    Q_WRITE,
    QUEUE,
    ROUND_ROBIN,
    S_ARBITRATION,
    S_BUSY,
    S_BYTES,
    S_CHANNEL,
    S_FLYING,
    S_IN_ORDER,
    S_MOST,
    S_PORT,
    S_READ_HOLD,
    S_READ_LATENCY,
    S_READ_PORTS,
    S_SHARED,
    S_WRITE_PORTS,
    SHARE,
    STORAGE,
    T_PRIORITY,
    T_REQUESTER,
    TICKING,
    V_CAPACITY,
    V_IS_LAST,
    V_LARGEST,
    V_PRIORITY,
    V_QUEUE,
    V_REQUESTER,
    V_RETRY,
    W_USED,
    W_WAITING,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.operands import best_window, covered
from aidg.flow.kernel.outside import hand_over, has_room, is_outside
from aidg.flow.kernel.records import flight_of, mover_state, step_of, storage_state
from aidg.flow.kernel.time import at


def grant(k: Numbers, m: Numbers) -> None:
    """At the end of a cycle: offer requests, and let the storages decide."""
    if m[ASKING] == 0 and m[JOBS] == 0:
        return
    m[OFFERS] = 0
    for mover in range(k[K_MOVERS] if m[ASKING] else 0):
        if m[mover_state(k, mover) + W_WAITING]:
            offer_requests(k, m, mover)
    for index in range(m[JOBS]):
        job = k[M_JOB] + index * JOB
        if m[job + J_AFTER] <= m[NOW]:
            offer_job(k, m, index, job)
        else:
            tick(k, m, job + J_TICK, m[job + J_AFTER], 0)
    left = m[OFFERS]
    while left:
        best = best_offer(k, m, left)
        offer = k[M_OFFER] + best * OFFER
        if has_port(k, m, offer):
            grant_offer(k, m, offer)
        elif m[offer + D_KIND] >= 0:
            refuse(k, m, offer)
        left -= 1
        last = k[M_OFFER] + left * OFFER
        for field in range(OFFER):
            m[offer + field] = m[last + field]
    drop_jobs(k, m)
    if m[ASKING]:
        tick(k, m, TICKING, m[NOW] + 1, 0)
        return
    for index in range(m[JOBS]):
        job = k[M_JOB] + index * JOB
        tick(k, m, job + J_TICK, max(m[job + J_AFTER], m[NOW] + 1), 0)


def offer_requests(k: Numbers, m: Numbers, mover: int) -> None:
    """Offer each storage at most one read and one write of a mover."""
    fixed = k[K_MOVER] + mover * MOVER
    queue = k[fixed + V_QUEUE]
    waiting, only = 0, -1
    while queue < k[K_QUEUES] and k[k[K_QUEUE] + queue * QUEUE + Q_MOVER] == mover:
        record = k[K_QUEUE] + queue * QUEUE
        if m[k[record + Q_STATE]]:
            if k[record + Q_WRITE] or k[fixed + V_IS_LAST]:
                offer_entry(k, m, queue, choose(k, m, queue, NEVER))
            else:
                waiting += 1
                only = queue
        queue += 1
    if waiting == 0:
        return
    following = k[K_MOVER] + (mover + 1) * MOVER
    places = k[following + V_CAPACITY] - m[mover_state(k, mover + 1) + W_USED]
    if waiting == 1:
        offer_entry(k, m, only, choose(k, m, only, places))
    else:
        offer_reads(k, m, mover, places)


def offer_reads(k: Numbers, m: Numbers, mover: int, places: int) -> None:
    """Offer reads to several storages, as far as the next mover has places for their parts."""
    while True:
        best, offered = -1, -1
        queue = k[k[K_MOVER] + mover * MOVER + V_QUEUE]
        while queue < k[K_QUEUES] and k[k[K_QUEUE] + queue * QUEUE + Q_MOVER] == mover:
            record = k[K_QUEUE] + queue * QUEUE
            if k[record + Q_WRITE] == 0 and m[k[record + Q_STATE]] and not is_offered(k, m, queue):
                entry = choose(k, m, queue, places)
                if entry >= 0 and (best < 0 or goes_first(m, entry, best)):
                    best, offered = entry, queue
            queue += 1
        if best < 0:
            return
        part = m[best + E_PART]
        if not has_promise(m, part):
            m[part + P_PROMISED] = m[NOW]
            places -= 1
        offer_entry(k, m, offered, best)


def is_offered(k: Numbers, m: Numbers, queue: int) -> bool:
    """Whether a request of a queue is offered in this cycle."""
    for index in range(m[OFFERS]):
        if m[k[M_OFFER] + index * OFFER + D_KIND] == queue:
            return True
    return False


def has_promise(m: Numbers, part: int) -> bool:
    """Whether a part needs no other place in the next mover."""
    if m[part + P_RESERVED] or m[part + P_POSITION] == m[part + P_LAST]:
        return True
    return m[part + P_PROMISED] == m[NOW]


def goes_first(m: Numbers, a: int, b: int) -> bool:
    """Whether an entry of a queue is offered before another one: who comes back, then who is older."""
    if m[a + E_AWAY] != m[b + E_AWAY]:
        return m[b + E_AWAY] == 0 or 0 < m[a + E_AWAY] < m[b + E_AWAY]
    return is_older(m, m[a + E_PART], m[b + E_PART])


def choose(k: Numbers, m: Numbers, queue: int, places: int) -> int:
    """The request of a queue that is offered now, if so many parts can go on; -1: none."""
    state = k[k[K_QUEUE] + queue * QUEUE + Q_STATE]
    now, chosen = m[NOW], -1
    for index in range(m[state]):  # in order of age
        entry = state + 1 + index * ENTRY
        if m[entry + E_AWAY] > now or m[entry + E_AFTER] > now or not is_first(m, state, index):
            continue
        if (places > 0 or has_promise(m, m[entry + E_PART])) and (chosen < 0 or goes_first(m, entry, chosen)):
            chosen = entry
    return chosen


def offer_entry(k: Numbers, m: Numbers, queue: int, chosen: int) -> None:
    """Offer a request of a queue, if there is one."""
    if chosen < 0:
        return
    fixed = k[K_QUEUE] + queue * QUEUE
    mover = k[K_MOVER] + k[fixed + Q_MOVER] * MOVER
    share = m[chosen + E_PART] + P_SHARE + m[chosen + E_SHARE] * SHARE
    offer = k[M_OFFER] + m[OFFERS] * OFFER
    m[OFFERS] += 1
    port = k[k[K_STORAGE] + k[fixed + Q_STORAGE] * STORAGE + S_BYTES]
    m[offer + D_STORAGE] = k[fixed + Q_STORAGE]
    m[offer + D_WRITE] = k[fixed + Q_WRITE]
    m[offer + D_REQUESTER] = k[mover + V_REQUESTER]
    m[offer + D_PRIORITY] = k[mover + V_PRIORITY]
    m[offer + D_AGE] = m[m[chosen + E_PART] + P_AGE]
    m[offer + D_SUB] = m[m[chosen + E_PART] + P_SUB]
    m[offer + D_BEATS] = 1
    if k[mover + V_LARGEST]:
        window = best_window(m[share + H_START], m[share + H_BYTES], port, k[mover + V_LARGEST])
        m[offer + D_BEATS] = max(1, window // port)
    m[offer + D_KIND] = queue
    m[offer + D_INDEX] = chosen


def is_first(m: Numbers, state: int, index: int) -> bool:
    """Whether an entry is the first one of its part in a queue."""
    return index == 0 or m[state + 1 + (index - 1) * ENTRY + E_PART] != m[state + 1 + index * ENTRY + E_PART]


def offer_job(k: Numbers, m: Numbers, index: int, job: int) -> None:
    """Offer the next transaction of a memory access unit, or of the fetch stage."""
    offer = k[M_OFFER] + m[OFFERS] * OFFER
    m[OFFERS] += 1
    flight = flight_of(k, m[job + J_FLIGHT])
    step = step_of(k, m, flight)
    m[offer + D_STORAGE] = m[job + J_STORAGE]
    m[offer + D_WRITE] = m[job + J_WRITE]
    m[offer + D_REQUESTER] = k[K_FETCH_REQUESTER] if m[job + J_GROUP] else k[step + T_REQUESTER]
    m[offer + D_PRIORITY] = 0 if m[job + J_GROUP] else k[step + T_PRIORITY]
    m[offer + D_AGE] = m[flight + F_NUMBER] * AGE_PARTS * AGE_PIECES + (0 if m[job + J_GROUP] else 1)
    m[offer + D_SUB] = 0
    m[offer + D_BEATS] = 1
    m[offer + D_KIND] = -1
    m[offer + D_INDEX] = index


def best_offer(k: Numbers, m: Numbers, count: int) -> int:
    """The offer that is decided on next."""
    best = 0
    for index in range(1, count):
        if precedes(k, m, k[M_OFFER] + index * OFFER, k[M_OFFER] + best * OFFER):
            best = index
    return best


def precedes(k: Numbers, m: Numbers, a: int, b: int) -> bool:
    """Whether one offer is decided on before another one."""
    if m[a + D_STORAGE] != m[b + D_STORAGE]:
        return m[a + D_STORAGE] < m[b + D_STORAGE]
    fixed = k[K_STORAGE] + m[a + D_STORAGE] * STORAGE
    order = k[fixed + S_ARBITRATION]
    if order == PRIORITY and m[a + D_PRIORITY] != m[b + D_PRIORITY]:
        return m[a + D_PRIORITY] > m[b + D_PRIORITY]
    if order == ROUND_ROBIN:
        if m[a + D_WRITE] != m[b + D_WRITE] and not k[fixed + S_SHARED]:
            return m[a + D_WRITE] < m[b + D_WRITE]
        last = m[storage_state(k, m[a + D_STORAGE]) + (0 if k[fixed + S_SHARED] else m[a + D_WRITE])]
        first, second = m[a + D_REQUESTER], m[b + D_REQUESTER]
        if first != second:
            if (first > last) != (second > last):
                return first > last
            return first < second
    if m[a + D_AGE] != m[b + D_AGE]:
        return m[a + D_AGE] < m[b + D_AGE]
    if m[a + D_SUB] != m[b + D_SUB]:
        return m[a + D_SUB] < m[b + D_SUB]
    return m[a + D_WRITE] < m[b + D_WRITE]


def free_port(k: Numbers, m: Numbers, storage: int, write: int) -> int:
    """Position of a port that is free now; -1: none is."""
    fixed = k[K_STORAGE] + storage * STORAGE
    first = k[fixed + S_PORT] + (k[fixed + S_READ_PORTS] if write and not k[fixed + S_SHARED] else 0)
    count = k[fixed + S_WRITE_PORTS] if write and not k[fixed + S_SHARED] else k[fixed + S_READ_PORTS]
    for port in range(first, first + count):
        if m[port] <= m[NOW]:
            return port
    return -1


def has_port(k: Numbers, m: Numbers, offer: int) -> bool:
    """Whether an offer can be granted."""
    if is_outside(k, m, offer):
        return has_room(m, offer)
    storage = m[offer + D_STORAGE]
    if free_port(k, m, storage, m[offer + D_WRITE]) < 0:
        return False
    fixed = k[K_STORAGE] + storage * STORAGE
    most = k[fixed + S_MOST]
    if most == 0:
        return True
    flying, count = k[fixed + S_FLYING], 0
    for index in range(most):
        if m[flying + index] <= m[NOW]:
            count += 1
    return count > 0


def grant_offer(k: Numbers, m: Numbers, offer: int) -> None:
    """Grant an offer."""
    if is_outside(k, m, offer):
        hand_over(k, m, offer)
        granted_entry(k, m, m[offer + D_KIND], m[offer + D_INDEX], 0)
        return
    storage, write, beats, now = m[offer + D_STORAGE], m[offer + D_WRITE], m[offer + D_BEATS], m[NOW]
    fixed, state = k[K_STORAGE] + storage * STORAGE, storage_state(k, storage)
    one = k[fixed + S_READ_HOLD + write]
    hold = one * beats if write else one
    m[free_port(k, m, storage, write)] = now + hold
    m[state + S_BUSY] += hold
    m[state + (0 if k[fixed + S_SHARED] else write)] = m[offer + D_REQUESTER]
    answer = now + hold - one + k[fixed + S_READ_LATENCY + write]
    length = 1 if write else beats
    if k[fixed + S_IN_ORDER]:
        answer = max(answer, m[state + S_CHANNEL])
        m[state + S_CHANNEL] = answer + length
    answer += length - 1
    for index in range(k[fixed + S_MOST]):
        if m[k[fixed + S_FLYING] + index] <= now:
            m[k[fixed + S_FLYING] + index] = answer
            break
    number = m[offer + D_AGE] // (AGE_PARTS * AGE_PIECES)
    log(k, m, LOG_GRANT, number, 2 * storage + write)
    log_at(k, m, LOG_ANSWER, number, 2 * storage + write, answer)
    if m[offer + D_KIND] >= 0:
        granted_entry(k, m, m[offer + D_KIND], m[offer + D_INDEX], answer)
    else:
        granted_job(k, m, k[M_JOB] + m[offer + D_INDEX] * JOB, one, answer)


def granted_entry(k: Numbers, m: Numbers, queue: int, entry: int, answer: int) -> None:
    """A request of a mover is granted."""
    fixed = k[K_QUEUE] + queue * QUEUE
    part, mover = m[entry + E_PART], k[fixed + Q_MOVER]
    share = part + P_SHARE + m[entry + E_SHARE] * SHARE
    m[part + P_LATEST] = max(m[part + P_LATEST], answer)
    if k[fixed + Q_WRITE] == 0 and m[part + P_POSITION] != m[part + P_LAST] and not m[part + P_RESERVED]:
        m[part + P_RESERVED] = 1
        m[mover_state(k, mover + 1) + W_USED] += 1
    port = k[k[K_STORAGE] + k[fixed + Q_STORAGE] * STORAGE + S_BYTES]
    largest = k[k[K_MOVER] + mover * MOVER + V_LARGEST]
    size = min(port, m[share + H_BYTES])
    if largest:
        size = covered(
            m[share + H_START],
            m[share + H_BYTES],
            best_window(m[share + H_START], m[share + H_BYTES], port, largest),
        )
    m[share + H_START] += size
    m[share + H_BYTES] -= size
    m[entry + E_AFTER] = m[NOW] + 1
    m[entry + E_AWAY] = 0
    if m[share + H_BYTES]:
        return
    state = k[fixed + Q_STATE]
    index = (entry - state - 1) // ENTRY
    m[state] -= 1
    m[ASKING] -= 1
    m[mover_state(k, mover) + W_WAITING] -= 1
    if index < m[state] and m[entry + ENTRY + E_PART] == part:
        m[entry + ENTRY + E_AFTER] = m[NOW] + 1
    while index < m[state]:
        base = state + 1 + index * ENTRY
        for field in range(ENTRY):
            m[base + field] = m[base + ENTRY + field]
        index += 1
    m[part + P_ASKED] -= 1
    if m[part + P_ASKED] == 0 and m[part + P_OPEN] == 0:
        m[part + P_DUE] = m[part + P_LATEST]
        at(k, m, m[part + P_LATEST], PART_EVENT, part, 0)


def granted_job(k: Numbers, m: Numbers, job: int, hold: int, answer: int) -> None:
    """A transaction of a memory access unit, or of the fetch stage, is granted."""
    m[job + J_LEFT] -= 1
    m[job + J_AFTER] = m[NOW] + hold
    if m[job + J_LEFT] == 0:
        if m[job + J_GROUP]:
            at(k, m, answer, FETCHED_EVENT, m[job + J_FLIGHT], m[job + J_GROUP])
        else:
            at(k, m, answer, ANSWER_EVENT, m[job + J_FLIGHT], 0)


def drop_jobs(k: Numbers, m: Numbers) -> None:
    """Forget the transactions that are all granted."""
    kept = 0
    for index in range(m[JOBS]):
        job = k[M_JOB] + index * JOB
        if m[job + J_LEFT]:
            if kept != index:
                for field in range(JOB):
                    m[k[M_JOB] + kept * JOB + field] = m[job + field]
            kept += 1
    m[JOBS] = kept


def refuse(k: Numbers, m: Numbers, offer: int) -> None:
    """A mover's request is not granted: it comes back, in the next cycle or later."""
    queue, entry = m[offer + D_KIND], m[offer + D_INDEX]
    retry = k[k[K_MOVER] + k[k[K_QUEUE] + queue * QUEUE + Q_MOVER] * MOVER + V_RETRY]
    m[entry + E_AWAY] = m[NOW] + max(retry, 1)
