"""Instructions on their way: stages, units, accesses of memory units (rules 1 to 7)."""

from __future__ import annotations

from aidg.flow.kernel.names import (
    A_BYTES,
    A_RANGES,
    A_READ,
    A_ROWS,
    ADMITTED,
    BUFFERED,
    BUFFERED_,
    CONTROLLER,
    CYCLES,
    F_ADDRESS,
    F_ANSWERS,
    F_AT,
    F_BOUND_AT,
    F_BOUND_NEXT,
    F_CONFLICTS,
    F_COST,
    F_DUE,
    F_NEXT,
    F_NUMBER,
    F_ORDER_AT,
    F_ORDER_NEXT,
    F_PARTS,
    F_PHASE,
    F_READY,
    F_SINCE,
    F_STAGE,
    F_WAKE,
    FETCH_EVENT,
    FETCH_WAITS,
    FINISHED,
    FLIGHT_EVENT,
    FREE_EVENT,
    J_AFTER,
    J_FLIGHT,
    J_GROUP,
    J_LEFT,
    J_STORAGE,
    J_TICK,
    J_WRITE,
    JOB,
    JOBS,
    K_FETCH_RELEASE,
    K_FLIGHTS,
    K_LOG,
    K_OBJECT,
    K_OPERAND,
    K_ROUTE,
    K_STORAGE,
    LAST_FLIGHT,
    LOG_DONE,
    LOG_ENTER,
    LOG_ISSUE,
    LOG_START,
    LOG_UNIT,
    LOGGED,
    M_ALIVE,
    M_BUSY,
    M_DEPENDS,
    M_JOB,
    M_LAST,
    M_LOGGED,
    MEMORY,
    N_QUEUE,
    NOW,
    O_FIFO,
    O_ISSUE_LATENCY,
    OBJECT,
    OPERAND,
    OVER,
    PENDING,
    R_INTERVAL,
    R_LATENCY,
    ROUTE,
    S_BYTES,
    SERVED,
    STORAGE,
    T_KIND,
    T_LINE,
    T_OBJECTS,
    T_OPERAND,
    T_OPERANDS,
    T_ROUTE,
    T_VARIES,
    TICK_EVENT,
    UNKNOWN,
    WAITING,
    WORKED,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.operands import storage_of
from aidg.flow.kernel.places import admits, append, leave, remove
from aidg.flow.kernel.records import flight_of, line_state, object_at, staying_in, step_of, stir
from aidg.flow.kernel.time import at, work


def log(k: Numbers, m: Numbers, kind: int, number: int, more: int) -> None:
    """Note an event of this cycle, if anybody wants to know."""
    log_at(k, m, kind, number, more, m[NOW])


def log_at(k: Numbers, m: Numbers, kind: int, number: int, more: int, cycle: int) -> None:
    """Note an event, if anybody wants to know."""
    if k[K_LOG]:
        base = k[M_LOGGED] + 4 * m[LOGGED]
        m[base] = kind
        m[base + 1] = number
        m[base + 2] = more
        m[base + 3] = cycle
        m[LOGGED] += 1


def go_on(k: Numbers, m: Numbers, slot: int) -> None:
    """Let an instruction go on as far as it can now."""
    flight = flight_of(k, slot)
    step = step_of(k, m, flight)
    moving = True
    while moving:
        phase = m[flight + F_PHASE]
        if phase == BUFFERED_:
            moving = issue(k, m, slot, flight, step)
        elif phase == WAITING:
            moving = serve(k, m, slot, flight, step)
        elif phase == SERVED:
            moving = hand_on(k, m, slot, flight, step)
        elif phase == ADMITTED:
            moving = enter_unit(k, m, slot, flight, step)
        elif phase == PENDING:
            moving = start(k, m, slot, flight, step)
        elif phase == WORKED and m[flight + F_DUE] <= m[NOW] and m[flight + F_STAGE] >= 0:
            moving = access(k, m, slot, flight, step)
        else:
            moving = False


def come(k: Numbers, m: Numbers, slot: int, when: int) -> bool:
    """Whether a known moment has come; else wait for it."""
    if when == UNKNOWN:
        return False
    if when > m[NOW]:
        flight = flight_of(k, slot)
        if m[flight + F_WAKE] != when:
            m[flight + F_WAKE] = when
            at(k, m, when, FLIGHT_EVENT, slot, 0)
        return False
    return True


def issue(k: Numbers, m: Numbers, slot: int, flight: int, step: int) -> bool:
    """Leave the issue buffer."""
    if m[flight + F_DUE] == UNKNOWN or m[flight + F_DUE] > m[NOW]:
        return False
    if not admits(k, m, object_at(k, step, 0), m[flight + F_NUMBER]):
        return False
    if not come(k, m, slot, m[flight + F_BOUND_AT]) or not come(k, m, slot, m[flight + F_ORDER_AT]):
        return False
    m[flight + F_AT] = 0
    log(k, m, LOG_ISSUE, m[flight + F_NUMBER], 0)
    if k[K_FETCH_RELEASE]:
        at(k, m, m[NOW] + k[K_FETCH_RELEASE], FREE_EVENT, -1, -1)
    else:
        free_buffer(k, m)
    bound, order = m[flight + F_BOUND_NEXT], m[flight + F_ORDER_NEXT]
    if bound >= 0:
        m[flight_of(k, bound) + F_BOUND_AT] = m[NOW] + 1
        work(k, m, FLIGHT_EVENT, bound, 0)
    else:
        last = k[M_LAST] + 4 * object_at(k, step, 0)
        m[last + 2] = -1
        m[last + 3] = m[NOW] + 1
    if order >= 0:
        m[flight_of(k, order) + F_ORDER_AT] = m[NOW]
        work(k, m, FLIGHT_EVENT, order, 0)
    elif m[LAST_FLIGHT] == slot:
        m[LAST_FLIGHT] = -1
    arrive(k, m, flight, step)
    return True


def free_buffer(k: Numbers, m: Numbers) -> None:
    """A place in the issue buffer is free."""
    m[BUFFERED] -= 1
    if m[FETCH_WAITS]:
        m[FETCH_WAITS] = 0
        work(k, m, FETCH_EVENT, 0, 0)


def arrive(k: Numbers, m: Numbers, flight: int, step: int) -> None:
    """An instruction has entered the object it is at."""
    where = m[flight + F_AT]
    log(k, m, LOG_ENTER, m[flight + F_NUMBER], object_at(k, step, where))
    if where == k[step + T_OBJECTS] - 2:
        m[flight + F_PHASE] = ADMITTED
        m[flight + F_DUE] = m[NOW] + k[k[K_OBJECT] + object_at(k, step, where) * OBJECT + O_ISSUE_LATENCY]
    else:
        m[flight + F_PHASE] = WAITING


def came(k: Numbers, m: Numbers, flight: int, step: int, visit: int, when: int) -> None:
    """The turn of the one behind, at a stage or unit, comes ``when``."""
    follower = m[flight + F_NEXT + visit]
    item = visited(k, step, visit)
    if follower >= 0:
        other = flight_of(k, follower)
        m[other + F_SINCE + visit_at(k, step_of(k, m, other), item)] = when
        work(k, m, FLIGHT_EVENT, follower, 0)
    else:
        last = k[M_LAST] + 4 * item
        m[last] = -1
        m[last + 1] = when


def visited(k: Numbers, step: int, visit: int) -> int:
    """The object of a visit: the stages that are passed, then the unit."""
    stages = k[step + T_OBJECTS] - 2
    return object_at(k, step, visit if visit < stages else stages + 1)


def visit_at(k: Numbers, step: int, item: int) -> int:
    """The visit at which a step comes to an object."""
    stages = k[step + T_OBJECTS] - 2
    for visit in range(stages):
        if object_at(k, step, visit) == item:
            return visit
    return stages


def cost(k: Numbers, m: Numbers, flight: int, step: int, visit: int) -> int:
    """Latency at a visit."""
    if k[step + T_VARIES]:
        return m[flight + F_COST + 2 * visit]
    stages = k[step + T_OBJECTS] - 2
    where = visit if visit < stages else stages + 1
    return k[k[K_ROUTE] + (k[step + T_ROUTE] + where) * ROUTE + R_LATENCY]


def interval(k: Numbers, m: Numbers, flight: int, step: int, visit: int) -> int:
    """Initiation interval at a visit; -1: until done."""
    if k[step + T_VARIES]:
        return m[flight + F_COST + 2 * visit + 1]
    stages = k[step + T_OBJECTS] - 2
    where = visit if visit < stages else stages + 1
    return k[k[K_ROUTE] + (k[step + T_ROUTE] + where) * ROUTE + R_INTERVAL]


def serve(k: Numbers, m: Numbers, slot: int, flight: int, step: int) -> bool:
    """Be served by a stage."""
    visit, now = m[flight + F_AT], m[NOW]
    if not come(k, m, slot, m[flight + F_SINCE + visit]):
        return False
    came(k, m, flight, step, visit, now + interval(k, m, flight, step, visit))
    m[flight + F_DUE] = now + cost(k, m, flight, step, visit)
    m[flight + F_PHASE] = SERVED
    if m[flight + F_DUE] > now:
        at(k, m, m[flight + F_DUE], FLIGHT_EVENT, slot, 0)
        return False
    return True


def hand_on(k: Numbers, m: Numbers, slot: int, flight: int, step: int) -> bool:
    """Leave a stage for the next object."""
    if m[flight + F_DUE] > m[NOW]:
        return False
    where = m[flight + F_AT]
    if not admits(k, m, object_at(k, step, where + 1), m[flight + F_NUMBER]):
        return False
    item = object_at(k, step, where)
    if k[k[K_OBJECT] + item * OBJECT + O_FIFO] and m[staying_in(k, item) + 1] != slot:
        return False
    m[flight + F_AT] = where + 1
    arrive(k, m, flight, step)
    leave(k, m, item, slot)
    return True


def enter_unit(k: Numbers, m: Numbers, slot: int, flight: int, step: int) -> bool:
    """From the execute stage into the unit."""
    if not admits(k, m, object_at(k, step, k[step + T_OBJECTS] - 1), m[flight + F_NUMBER]):
        return False
    m[flight + F_PHASE] = PENDING
    log(k, m, LOG_UNIT, m[flight + F_NUMBER], 0)
    if m[flight + F_DUE] > m[NOW]:
        at(k, m, m[flight + F_DUE], FLIGHT_EVENT, slot, 0)
    return True


def start(k: Numbers, m: Numbers, slot: int, flight: int, step: int) -> bool:
    """Start in the unit."""
    now = m[NOW]
    visit = k[step + T_OBJECTS] - 2
    if (
        m[flight + F_CONFLICTS]
        or m[flight + F_DUE] > now
        or not come(k, m, slot, m[flight + F_SINCE + visit])
    ):
        return False
    log(k, m, LOG_START, m[flight + F_NUMBER], object_at(k, step, visit + 1))
    gap = interval(k, m, flight, step, visit)
    latency = cost(k, m, flight, step, visit)
    if gap >= 0:
        came(k, m, flight, step, visit, now + gap)
    m[flight + F_PHASE] = WORKED
    m[flight + F_STAGE] = 0
    if k[step + T_KIND] == CONTROLLER:
        m[flight + F_STAGE] = -1
        m[flight + F_READY] = now + latency
        stir(k, m, k[step + T_LINE])
        append(m, line_state(k, k[step + T_LINE]) + N_QUEUE, slot)
        if latency:
            at(k, m, now + latency, TICK_EVENT, k[step + T_LINE] + 1, 0)
        return False
    m[k[M_BUSY] + object_at(k, step, visit + 1)] += latency if gap < 0 else gap
    if k[step + T_KIND] == MEMORY:
        m[flight + F_READY] = now + m[flight + F_PARTS]  # its duration
    m[flight + F_DUE] = now + latency
    if latency:
        at(k, m, now + latency, FLIGHT_EVENT, slot, 0)
        return False
    return True


def access(k: Numbers, m: Numbers, slot: int, flight: int, step: int) -> bool:
    """The reads of a memory access unit, then its writes, then it is done (rule 7)."""
    while m[flight + F_STAGE] < 2 and k[step + T_KIND] == MEMORY:
        write = m[flight + F_STAGE]
        m[flight + F_STAGE] += 1
        for index in range(k[step + T_OPERANDS]):
            operand = k[K_OPERAND] + (k[step + T_OPERAND] + index) * OPERAND
            if k[operand + A_RANGES] >= 0 and k[operand + A_READ + write]:
                add_job(k, m, slot, operand, m[flight + F_ADDRESS + index], write)
        if m[flight + F_ANSWERS]:
            m[flight + F_STAGE] -= 4  # waits
            return False
    if k[step + T_KIND] == MEMORY and not come(k, m, slot, m[flight + F_READY]):
        return False
    visit = k[step + T_OBJECTS] - 2
    if interval(k, m, flight, step, visit) < 0:
        came(k, m, flight, step, visit, m[NOW])
    leave(k, m, object_at(k, step, visit + 1), slot)
    done(k, m, slot)
    return False


def add_job(k: Numbers, m: Numbers, slot: int, operand: int, address: int, write: int) -> None:
    """The transactions for an operand, joined with those of others at the same storage."""
    storage = storage_of(k, operand, address)
    width = k[k[K_STORAGE] + storage * STORAGE + S_BYTES]
    count = k[operand + A_ROWS] * ((k[operand + A_BYTES] + width - 1) // width)
    for other in range(m[JOBS]):
        job = k[M_JOB] + other * JOB
        if m[job + J_FLIGHT] == slot and m[job + J_STORAGE] == storage and m[job + J_WRITE] == write:
            m[job + J_LEFT] += count
            return
    new_job(k, m, slot, storage, write, count, 0)
    m[flight_of(k, slot) + F_ANSWERS] += 1


def new_job(k: Numbers, m: Numbers, slot: int, storage: int, write: int, count: int, fetched_: int) -> None:
    """Transactions one after the other at a storage; ``fetched_``: size of the fetch group that they read."""
    job = k[M_JOB] + m[JOBS] * JOB
    m[JOBS] += 1
    m[job + J_FLIGHT] = slot
    m[job + J_STORAGE] = storage
    m[job + J_WRITE] = write
    m[job + J_LEFT] = count
    m[job + J_AFTER] = m[NOW]
    m[job + J_GROUP] = fetched_
    m[job + J_TICK] = -1


def job_answered(k: Numbers, m: Numbers, slot: int) -> None:
    """All transactions at one storage are answered."""
    flight = flight_of(k, slot)
    m[flight + F_ANSWERS] -= 1
    if m[flight + F_ANSWERS] == 0:
        m[flight + F_STAGE] += 4
        work(k, m, FLIGHT_EVENT, slot, 0)


def done(k: Numbers, m: Numbers, slot: int) -> None:
    """An instruction is done."""
    flight = flight_of(k, slot)
    step = step_of(k, m, flight)
    m[flight + F_PHASE] = OVER
    log(k, m, LOG_DONE, m[flight + F_NUMBER], 0)
    m[CYCLES] = max(m[CYCLES], m[NOW])
    m[FINISHED] += 1
    size, alive = k[K_FLIGHTS], k[M_ALIVE]
    remove(m, alive, slot)
    for index in range(m[alive]):
        later = m[alive + 1 + index]
        depends = k[M_DEPENDS] + later * size + slot
        if m[depends]:
            m[depends] = 0
            other = flight_of(k, later)
            m[other + F_CONFLICTS] -= 1
            if m[other + F_CONFLICTS] == 0:
                work(k, m, FLIGHT_EVENT, later, 0)
    leave(k, m, object_at(k, step, k[step + T_OBJECTS] - 2), slot)
