"""The kernel of the evaluation in order of time, on two flat lists of integers.

``k`` holds what does not change during a run (machine and program, see :mod:`aidg.flow.tables`), ``m`` the state.
Records lie one after the other from the positions in the head of ``k``; the names below are positions in the
head, in ``m``, and fields of records. Plain functions on integers: they run as they are, and compiled by numba.

The rules are those of ``docs/semantics.md``. Within a cycle, what needs no decision happens first (the list of
work), then controllers begin frames and movers admit parts, then storages grant requests.
"""

from __future__ import annotations

from typing import Any

NEVER = 1 << 60
UNKNOWN = -2  # a turn that has not come yet
NOBODY = -1

# -- head of k: sizes, and positions of tables -------------------------------------------------------------------
(
    K_FLIGHTS, K_WHEEL, K_BUFFER, K_WIDTH, K_STRICT, K_READ_LATENCY, K_READ_INTERVAL, K_FETCH_STORAGE, K_OBJECTS,
    K_LINES, K_MOVERS, K_STORAGES, K_QUEUES, K_LOG,
    K_OBJECT, K_LINE, K_MOVER, K_STORAGE, K_QUEUE, K_REACH, K_STEP, K_ROUTE, K_OPERAND, K_TERM, K_RANGE,
    K_TAPE, K_PARTS, K_FETCH_REQUESTER, K_FETCH_RELEASE, K_WORK,
    M_FLIGHT, M_DEPENDS, M_USERS, M_STAYING, M_LINE, M_STORAGE, M_NODE,
    M_WHEEL, M_OVERFLOW, M_WORK, M_INDEX, M_JOB, M_OFFER, M_LAST, M_ALIVE, M_LOGGED, M_BUSY, M_COSTS, M_FREE_FLIGHTS, M_WATCH, M_PART, M_RANK, M_KEY, HEAD,
) = range(54)  # fmt: skip

# -- records of k ------------------------------------------------------------------------------------------------
O_CAPACITY, O_RELEASE, O_FIFO, O_ISSUE_LATENCY, OBJECT = range(5)
(
    L_OBJECT, L_MOVER, L_COUNT, L_INTERVAL, L_TURNAROUND, L_IN_PROGRESS, L_SENT, L_COMPLETION, LINE,
) = range(9)  # fmt: skip
(
    V_LATENCY, V_TRANSFER, V_TAIL, V_INTERVAL, V_CAPACITY, V_RELEASE, V_RETRY, V_LARGEST, V_PRIORITY, V_REQUESTER, V_LINE,
    V_POSITION, V_IS_LAST, V_STATE, V_QUEUE, MOVER,
) = range(16)  # fmt: skip
(
    S_READ_PORTS, S_WRITE_PORTS, S_SHARED, S_PORT, S_READ_HOLD, S_WRITE_HOLD, S_READ_LATENCY, S_WRITE_LATENCY,
    S_ARBITRATION, S_IN_ORDER, S_MOST, S_BYTES, S_FLYING, STORAGE,
) = range(14)  # fmt: skip
Q_MOVER, Q_STORAGE, Q_WRITE, Q_STATE, QUEUE = range(5)
(
    T_ROUTE, T_OBJECTS, T_FETCH, T_KIND, T_LINE, T_PARTS, T_PREPARES, T_OPERAND, T_OPERANDS, T_REQUESTER, T_PRIORITY, T_VARIES,
    T_READS, T_WRITES, T_BY_ROWS, T_LEFT_ROWS, STEP,
) = range(17)  # fmt: skip
R_OBJECT, R_LATENCY, R_INTERVAL, ROUTE = range(4)  # an interval of -1: until done
A_BYTES, A_ROWS, A_PITCH, A_READ, A_WRITE, A_SPACE, A_RANGES, A_CONST, A_TERM, A_TERMS, A_ROTATIONS, OPERAND = range(12)
OLDEST, PRIORITY, ROUND_ROBIN = range(3)
PLAIN, MEMORY, CONTROLLER = range(3)
ROW, BEGIN, END, STOP = range(4)

# -- head of m ---------------------------------------------------------------------------------------------------
(
    NOW, NUMBER, HELD_ROW, COSTS_KNOWN, BOUNDARY_LEVEL, FINISHED, CYCLES, BUFFERED, PC, EXHAUSTED, GROUP_SIZE, FETCH_SINCE, FETCH_WAITS, FREE_PART, FREE_NODE,
    WORKING, JOBS, OFFERS, TICKING, PAUSED, PASSED, LOGGED, LAST_FLIGHT, PATIENCE, STATE_HEAD,
) = range(25)  # fmt: skip

# -- records of m ------------------------------------------------------------------------------------------------
MOST_VISITS = 12
MOST_OPERANDS = 6
(
    F_NUMBER, F_STEP, F_AT, F_PHASE, F_DUE, F_BOUND_AT, F_BOUND_NEXT, F_ORDER_AT, F_ORDER_NEXT, F_CONFLICTS, F_READY, F_LEFT,
    F_PAIR, F_HOLDS, F_ANSWERS, F_STAGE, F_WAKE, F_PARTS, F_JOINED, F_COST,
) = range(20)  # fmt: skip
F_SINCE = F_COST + 2 * MOST_VISITS  # per visit: when the turn before this one came
F_NEXT = F_SINCE + MOST_VISITS  # per visit: the flight behind this one
F_ADDRESS = F_NEXT + MOST_VISITS
FLIGHT = F_ADDRESS + MOST_OPERANDS
BUFFERED_, WAITING, SERVED, ADMITTED, PENDING, WORKED, OVER = range(7)
(
    N_FRAME, N_JOINED, N_SENT, N_COUNT, N_NEXT_PART, N_NEXT_FRAME, N_BEGUN, N_PREPARED, N_PART, N_BUSY, N_TICK, LINE_STATE,
) = range(12)  # fmt: skip
N_QUEUE = LINE_STATE  # a list of flights
W_USED, W_ENTRY, W_TICK, W_FINISHED = range(4)  # W_FINISHED is a list of parts
S_LAST_READ, S_LAST_WRITE, S_CHANNEL, S_BUSY, STORAGE_STATE = range(5)
MOST_SHARES = 8
(
    P_AGE, P_FLIGHT, P_POSITION, P_PHASE, P_ASKED, P_LATEST, P_RESERVED, P_LAST, P_SHARES, P_PIECE, P_DONE, P_TOTAL, P_MOVER, P_DUE,
    P_SUB, P_PROMISED, P_SHARE,
) = range(17)  # fmt: skip
H_POSITION, H_WRITE, H_STORAGE, H_START, H_BYTES, SHARE = range(6)
PART = P_SHARE + MOST_SHARES * SHARE
ENTERED, READING, MOVING, WRITTEN, ENDING, FINISHED_ = range(6)
E_PART, E_SHARE, E_AFTER, E_AWAY, ENTRY = range(5)
J_FLIGHT, J_STORAGE, J_WRITE, J_LEFT, J_AFTER, J_GROUP, J_TICK, JOB = range(8)
D_STORAGE, D_WRITE, D_REQUESTER, D_PRIORITY, D_AGE, D_BEATS, D_KIND, D_INDEX, D_SUB, OFFER = range(10)
X_KIND, X_ID, X_MORE, X_NEXT, X_TIME, NODE = range(6)
(
    FLIGHT_EVENT, FETCH_EVENT, FETCHED_EVENT, FREE_EVENT, PART_EVENT, RELEASE_EVENT, DONE_EVENT, TICK_EVENT, ANSWER_EVENT,
) = range(9)  # fmt: skip
PIECE_BITS = 12
AGE_PARTS, AGE_PIECES = 1 << 16, 1 << PIECE_BITS
MOST_CUTS = 6  # movers of a chain that take parts apart

# why the kernel returns
RUNNING, ENDED, STUCK, BOUNDARY, COSTS, LOG_FULL, TOO_MUCH, PAUSE = range(8)
# events in the log
LOG_ISSUE, LOG_ENTER, LOG_START, LOG_SENT, LOG_MOVED, LOG_DONE, LOG_GRANT = range(7)


# -- time --------------------------------------------------------------------------------------------------------


def at(k: Any, m: Any, cycle: int, kind: int, identity: int, more: int) -> None:
    """Let something happen in ``cycle``; at once where that is now."""
    if cycle <= m[NOW]:
        work(k, m, kind, identity, more)
        return
    node = m[FREE_NODE]
    if node < 0:
        m[PAUSED] = TOO_MUCH
        return
    base = k[M_NODE] + node * NODE
    m[FREE_NODE] = m[base + X_NEXT]
    m[base + X_KIND] = kind
    m[base + X_ID] = identity
    m[base + X_MORE] = more
    m[base + X_TIME] = cycle
    wheel = k[K_WHEEL]
    if cycle - m[NOW] < wheel:
        slot = k[M_WHEEL] + 2 * (cycle % wheel)
    else:
        slot = k[M_OVERFLOW]
    m[base + X_NEXT] = -1
    if m[slot] < 0:
        m[slot] = node
    else:
        m[k[M_NODE] + m[slot + 1] * NODE + X_NEXT] = node
    m[slot + 1] = node


def work(k: Any, m: Any, kind: int, identity: int, more: int) -> None:
    """Let something happen in this cycle."""
    size = k[K_WORK]
    if m[WORKING] - m[PASSED] == size:
        m[PAUSED] = TOO_MUCH
        return
    base = k[M_WORK] + 3 * (m[WORKING] % size)
    m[base] = kind
    m[base + 1] = identity
    m[base + 2] = more
    m[WORKING] += 1


def advance(k: Any, m: Any) -> bool:
    """Go to the next cycle in which something happens, and put it on the list of work."""
    wheel, now = k[K_WHEEL], m[NOW]
    best = NEVER
    for distance in range(1, wheel):
        if m[k[M_WHEEL] + 2 * ((now + distance) % wheel)] >= 0:
            best = now + distance
            break
    node = m[k[M_OVERFLOW]]
    while node >= 0:
        base = k[M_NODE] + node * NODE
        best = min(best, m[base + X_TIME])
        node = m[base + X_NEXT]
    if best == NEVER:
        return False
    m[NOW] = best
    take(k, m, k[M_WHEEL] + 2 * (best % wheel))
    if m[k[M_OVERFLOW]] >= 0:
        take(k, m, k[M_OVERFLOW])
    return True


def take(k: Any, m: Any, slot: int) -> None:
    """Work for the present cycle from a list of events; others stay, in order."""
    node = m[slot]
    kept = -1
    while node >= 0:
        base = k[M_NODE] + node * NODE
        following = m[base + X_NEXT]
        if m[base + X_TIME] == m[NOW]:
            work(k, m, m[base + X_KIND], m[base + X_ID], m[base + X_MORE])
            m[base + X_NEXT] = m[FREE_NODE]
            m[FREE_NODE] = node
            if kept < 0:
                m[slot] = following
            else:
                m[k[M_NODE] + kept * NODE + X_NEXT] = following
        else:
            kept = node
        node = following
    m[slot + 1] = kept


def pointer(numbers: Any) -> Any:
    """What is given; compiled code makes a pointer of an address."""
    return numbers


def run_at(fixed: Any, state: Any) -> int:
    """:func:`run` on two lists; compiled: on two arrays, given by their addresses."""
    return run(pointer(fixed), pointer(state))


def run(k: Any, m: Any) -> int:
    """Run until the end, or until something must be decided outside; the reason is returned."""
    if m[PAUSED] == LOG_FULL or m[PAUSED] == PAUSE:
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
        if not advance(k, m):
            if m[EXHAUSTED] and m[FINISHED] == m[NUMBER] and m[k[M_ALIVE]] == 0:
                return ENDED
            return STUCK


def settle(k: Any, m: Any) -> bool:
    """Do what is to be done in this cycle; whether there may be more."""
    while m[PASSED] < m[WORKING]:
        base = k[M_WORK] + 3 * (m[PASSED] % k[K_WORK])
        m[PASSED] += 1
        happen(k, m, m[base], m[base + 1], m[base + 2])
        if m[PAUSED]:
            return False
    decided = False
    for line in range(k[K_LINES]):
        if begin_frame(k, m, line):
            decided = True
    for line in range(k[K_LINES]):
        while m[PASSED] == m[WORKING] and decide(k, m, line):
            decided = True
    return decided


def decide(k: Any, m: Any, line: int) -> bool:
    """Let one part of a line into the first mover that admits one."""
    fixed = k[K_LINE] + line * LINE
    first = k[fixed + L_MOVER]
    if m[line_state(k, line) + N_FRAME] >= 0 and admit(k, m, first):
        return True
    for mover in range(first + 1, first + k[fixed + L_COUNT]):
        if m[mover_state(k, mover - 1) + W_FINISHED] and admit(k, m, mover):
            return True
    return False


def happen(k: Any, m: Any, kind: int, identity: int, more: int) -> None:
    """One piece of work."""
    if kind == FLIGHT_EVENT:
        go_on(k, m, identity)
    elif kind == PART_EVENT:
        next_phase(k, m, identity)
    elif kind == ANSWER_EVENT:
        job_answered(k, m, identity)
    elif kind == RELEASE_EVENT:
        m[mover_state(k, identity) + W_USED] -= 1
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


# -- places (rule 2) ---------------------------------------------------------------------------------------------


def users_of(k: Any, item: int) -> int:
    """Position of the list of users of an object: its length, then the flights in program order."""
    return k[M_USERS] + item * (k[K_FLIGHTS] + 1)


def staying_in(k: Any, item: int) -> int:
    """Position of the list of those that have not left."""
    return k[M_STAYING] + item * (k[K_FLIGHTS] + 1)


def remove(m: Any, position: int, entry: int) -> None:
    """Take an entry out of a list."""
    length = m[position]
    index = 1
    while m[position + index] != entry:
        index += 1
    while index < length:
        m[position + index] = m[position + index + 1]
        index += 1
    m[position] = length - 1


def append(m: Any, position: int, entry: int) -> None:
    """Put an entry at the end of a list."""
    m[position] += 1
    m[position + m[position]] = entry


def admits(k: Any, m: Any, item: int, number: int) -> bool:
    """Whether there is a place for a user of an object."""
    position = users_of(k, item)
    capacity = k[k[K_OBJECT] + item * OBJECT + O_CAPACITY]
    if m[position] <= capacity:
        return True
    return m[flight_of(k, m[position + 1 + capacity]) + F_NUMBER] > number


def leave(k: Any, m: Any, item: int, slot: int) -> None:
    """A user leaves an object."""
    remove(m, staying_in(k, item), slot)
    release = k[k[K_OBJECT] + item * OBJECT + O_RELEASE]
    if release:
        at(k, m, m[NOW] + release, FREE_EVENT, item, slot)
        wake_fifo(k, m, item)
    else:
        free(k, m, item, slot)


def wake_fifo(k: Any, m: Any, item: int) -> None:
    """Who stays in a stage may have waited for others to leave."""
    if k[k[K_OBJECT] + item * OBJECT + O_FIFO] and m[staying_in(k, item)]:
        work(k, m, FLIGHT_EVENT, m[staying_in(k, item) + 1], 0)


def free(k: Any, m: Any, item: int, slot: int) -> None:
    """A place is free; who has waited for it goes on."""
    position = users_of(k, item)
    remove(m, position, slot)
    capacity = k[k[K_OBJECT] + item * OBJECT + O_CAPACITY]
    if m[position] >= capacity:
        work(k, m, FLIGHT_EVENT, m[position + capacity], 0)
    wake_fifo(k, m, item)
    let_go(k, m, slot)


def let_go(k: Any, m: Any, slot: int) -> None:
    """One fewer needs the record of a flight."""
    flight = flight_of(k, slot)
    m[flight + F_HOLDS] -= 1
    if m[flight + F_HOLDS] == 0:
        append(m, k[M_FREE_FLIGHTS], slot)


# -- instructions (rules 1 to 7) ---------------------------------------------------------------------------------


def flight_of(k: Any, slot: int) -> int:
    """Position of an instruction's record."""
    return k[M_FLIGHT] + slot * FLIGHT


def step_of(k: Any, m: Any, flight: int) -> int:
    """Position of the record of the static step of a flight."""
    return k[K_STEP] + m[flight + F_STEP] * STEP


def object_at(k: Any, step: int, where: int) -> int:
    """An object on the route."""
    return k[k[K_ROUTE] + (k[step + T_ROUTE] + where) * ROUTE + R_OBJECT]


def log(k: Any, m: Any, kind: int, number: int, more: int) -> None:
    """Note an event, if anybody wants to know."""
    if k[K_LOG]:
        base = k[M_LOGGED] + 4 * m[LOGGED]
        m[base] = kind
        m[base + 1] = number
        m[base + 2] = more
        m[base + 3] = m[NOW]
        m[LOGGED] += 1


def go_on(k: Any, m: Any, slot: int) -> None:
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


def come(k: Any, m: Any, slot: int, when: int) -> bool:
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


def issue(k: Any, m: Any, slot: int, flight: int, step: int) -> bool:
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


def free_buffer(k: Any, m: Any) -> None:
    """A place in the issue buffer is free."""
    m[BUFFERED] -= 1
    if m[FETCH_WAITS]:
        m[FETCH_WAITS] = 0
        work(k, m, FETCH_EVENT, 0, 0)


def arrive(k: Any, m: Any, flight: int, step: int) -> None:
    """An instruction has entered the object it is at."""
    where = m[flight + F_AT]
    log(k, m, LOG_ENTER, m[flight + F_NUMBER], object_at(k, step, where))
    if where == k[step + T_OBJECTS] - 2:
        m[flight + F_PHASE] = ADMITTED
        m[flight + F_DUE] = m[NOW] + k[k[K_OBJECT] + object_at(k, step, where) * OBJECT + O_ISSUE_LATENCY]
    else:
        m[flight + F_PHASE] = WAITING


def came(k: Any, m: Any, flight: int, step: int, visit: int, when: int) -> None:
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


def visited(k: Any, step: int, visit: int) -> int:
    """The object of a visit: the stages that are passed, then the unit."""
    stages = k[step + T_OBJECTS] - 2
    return object_at(k, step, visit if visit < stages else stages + 1)


def visit_at(k: Any, step: int, item: int) -> int:
    """The visit at which a step comes to an object."""
    stages = k[step + T_OBJECTS] - 2
    for visit in range(stages):
        if object_at(k, step, visit) == item:
            return visit
    return stages


def cost(k: Any, m: Any, flight: int, step: int, visit: int) -> int:
    """Latency at a visit."""
    if k[step + T_VARIES]:
        return m[flight + F_COST + 2 * visit]
    stages = k[step + T_OBJECTS] - 2
    where = visit if visit < stages else stages + 1
    return k[k[K_ROUTE] + (k[step + T_ROUTE] + where) * ROUTE + R_LATENCY]


def interval(k: Any, m: Any, flight: int, step: int, visit: int) -> int:
    """Initiation interval at a visit; -1: until done."""
    if k[step + T_VARIES]:
        return m[flight + F_COST + 2 * visit + 1]
    stages = k[step + T_OBJECTS] - 2
    where = visit if visit < stages else stages + 1
    return k[k[K_ROUTE] + (k[step + T_ROUTE] + where) * ROUTE + R_INTERVAL]


def serve(k: Any, m: Any, slot: int, flight: int, step: int) -> bool:
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


def hand_on(k: Any, m: Any, slot: int, flight: int, step: int) -> bool:
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


def enter_unit(k: Any, m: Any, slot: int, flight: int, step: int) -> bool:
    """From the execute stage into the unit."""
    if not admits(k, m, object_at(k, step, k[step + T_OBJECTS] - 1), m[flight + F_NUMBER]):
        return False
    m[flight + F_PHASE] = PENDING
    if m[flight + F_DUE] > m[NOW]:
        at(k, m, m[flight + F_DUE], FLIGHT_EVENT, slot, 0)
    return True


def start(k: Any, m: Any, slot: int, flight: int, step: int) -> bool:
    """Start in the unit."""
    now = m[NOW]
    visit = k[step + T_OBJECTS] - 2
    if m[flight + F_CONFLICTS] or m[flight + F_DUE] > now or not come(k, m, slot, m[flight + F_SINCE + visit]):
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
        append(m, line_state(k, k[step + T_LINE]) + N_QUEUE, slot)
        if latency:
            at(k, m, now + latency, TICK_EVENT, 0, 0)
        return False
    m[k[M_BUSY] + object_at(k, step, visit + 1)] += latency if gap < 0 else gap
    if k[step + T_KIND] == MEMORY:
        m[flight + F_READY] = now + m[flight + F_PARTS]  # its duration
    m[flight + F_DUE] = now + latency
    if latency:
        at(k, m, now + latency, FLIGHT_EVENT, slot, 0)
        return False
    return True


def access(k: Any, m: Any, slot: int, flight: int, step: int) -> bool:
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


def add_job(k: Any, m: Any, slot: int, operand: int, address: int, write: int) -> None:
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


def new_job(k: Any, m: Any, slot: int, storage: int, write: int, count: int, fetched_: int) -> None:
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


def job_answered(k: Any, m: Any, slot: int) -> None:
    """All transactions at one storage are answered."""
    flight = flight_of(k, slot)
    m[flight + F_ANSWERS] -= 1
    if m[flight + F_ANSWERS] == 0:
        m[flight + F_STAGE] += 4
        work(k, m, FLIGHT_EVENT, slot, 0)


def done(k: Any, m: Any, slot: int) -> None:
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


# -- fetch (rule 6) ----------------------------------------------------------------------------------------------


def fetch(k: Any, m: Any) -> None:
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


def fetched(k: Any, m: Any, first: int, group: int) -> None:
    """A group has been addressed (negative size: it is still to be read), or read."""
    if group < 0:
        storage = k[K_FETCH_STORAGE]
        new_job(k, m, first, storage, 0, 1, -group)
        return
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


def next_row(k: Any, m: Any) -> int:
    """The next static step of the program; -1: there is none, or a loop's next iteration is to be looked at."""
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


def prepare(k: Any, m: Any, row: int) -> None:
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
        m[flight + F_ADDRESS + index] = address_of(k, m, k[K_OPERAND] + (k[step + T_OPERAND] + index) * OPERAND)
    depend(k, m, slot, flight, step)
    append(m, k[M_ALIVE], slot)
    if k[step + T_VARIES]:
        m[COSTS_KNOWN] = 0
        m[flight + F_PARTS] = m[k[M_COSTS]]
        for index in range(2 * (k[step + T_OBJECTS] - 1)):
            m[flight + F_COST + index] = m[k[M_COSTS] + 1 + index]


def follow(k: Any, m: Any, slot: int, flight: int, step: int) -> None:
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


def address_of(k: Any, m: Any, operand: int) -> int:
    """Where an operand is at the present loop indices."""
    value = k[operand + A_CONST]
    term = k[K_TERM] + k[operand + A_TERM]
    for _ in range(k[operand + A_TERMS]):
        value += k[term + 1] * m[k[M_INDEX] + k[term]]
        term += 2
    for _ in range(k[operand + A_ROTATIONS]):  # scale, modulus, constant, terms
        inner = k[term + 2]
        count = k[term + 3]
        scale, modulus = k[term], k[term + 1]
        term += 4
        for _ in range(count):
            inner += k[term + 1] * m[k[M_INDEX] + k[term]]
            term += 2
        value += scale * (inner % modulus)
    return value


def storage_of(k: Any, operand: int, address: int) -> int:
    """The storage that an operand lies in: one of the ranges that it may reach."""
    index = k[operand + A_RANGES]
    while True:
        base = k[K_RANGE] + 3 * index
        if k[base] <= address < k[base + 1]:
            return k[base + 2]
        index += 1


# -- data (rule 4) -----------------------------------------------------------------------------------------------


def depend(k: Any, m: Any, slot: int, flight: int, step: int) -> None:
    """Find the earlier instructions that this one has to wait for."""
    size, alive = k[K_FLIGHTS], k[M_ALIVE]
    for index in range(m[alive]):
        other = m[alive + 1 + index]
        before = flight_of(k, other)
        earlier = step_of(k, m, before)
        if k[step + T_LINE] >= 0 and k[step + T_LINE] == k[earlier + T_LINE]:
            continue
        reads, writes = k[step + T_READS], k[step + T_WRITES]
        if not (k[earlier + T_WRITES] & (reads | writes) or k[earlier + T_READS] & writes):
            continue
        if conflict(k, m, before, earlier, flight, step):
            m[k[M_DEPENDS] + slot * size + other] = 1
            m[flight + F_CONFLICTS] += 1


def conflict(k: Any, m: Any, before: int, earlier: int, flight: int, step: int) -> bool:
    """Whether two instructions touch the same register or byte, and one of them writes it."""
    for first in range(k[earlier + T_OPERANDS]):
        a = k[K_OPERAND] + (k[earlier + T_OPERAND] + first) * OPERAND
        for second in range(k[step + T_OPERANDS]):
            b = k[K_OPERAND] + (k[step + T_OPERAND] + second) * OPERAND
            if k[a + A_SPACE] != k[b + A_SPACE] or not (k[a + A_WRITE] or k[b + A_WRITE]):
                continue
            if overlap(k, a, m[before + F_ADDRESS + first], b, m[flight + F_ADDRESS + second]):
                return True
    return False


def overlap(k: Any, a: int, start_a: int, b: int, start_b: int) -> bool:
    """Whether two operands share a byte, exactly."""
    end_a = start_a + (k[a + A_ROWS] - 1) * k[a + A_PITCH] + k[a + A_BYTES]
    end_b = start_b + (k[b + A_ROWS] - 1) * k[b + A_PITCH] + k[b + A_BYTES]
    if start_a >= end_b or start_b >= end_a:
        return False
    if k[a + A_ROWS] == 1 and k[b + A_ROWS] == 1:
        return True
    for row in range(k[a + A_ROWS]):
        low = start_a + row * k[a + A_PITCH]
        high = low + k[a + A_BYTES]
        if k[b + A_ROWS] == 1:
            if low < end_b and start_b < high:
                return True
            continue
        index = (low - start_b - k[b + A_BYTES]) // k[b + A_PITCH] + 1
        index = max(index, 0)
        if index < k[b + A_ROWS] and start_b + index * k[b + A_PITCH] < high:
            return True
    return False


# -- controllers (rules 10 and 12) -------------------------------------------------------------------------------


def line_state(k: Any, line: int) -> int:
    """Position of a controller's state."""
    return k[M_LINE] + line * (LINE_STATE + 2 * (k[K_FLIGHTS] + 1))


def begin_frame(k: Any, m: Any, line: int) -> bool:
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
        tick(k, m, state + N_TICK, m[state + N_NEXT_FRAME])
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


def is_ready(k: Any, m: Any, queue: int, count: int) -> bool:
    """Whether the first ``count`` instructions of a queue are ready."""
    if m[queue] < count:
        return False
    for index in range(count):
        if m[flight_of(k, m[queue + 1 + index]) + F_READY] > m[NOW]:
            return False
    return True


def tick(k: Any, m: Any, noted: int, cycle: int) -> None:
    """See to it that decisions are made in ``cycle``; what has been seen to is noted at ``noted``."""
    if m[noted] != cycle:
        m[noted] = cycle
        at(k, m, cycle, TICK_EVENT, 0, 0)


def sent(k: Any, m: Any, line: int) -> None:
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


def ended(k: Any, m: Any, part: int) -> None:
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


def half_moved(k: Any, m: Any, slot: int) -> None:
    """The parts of a preparing instruction's frame have ended, or those of the one that it prepares."""
    flight = flight_of(k, slot)
    m[flight + F_ANSWERS] -= 1
    if m[flight + F_ANSWERS] == 0:
        log(k, m, LOG_MOVED, m[flight + F_NUMBER], 0)
        done(k, m, slot)


# -- parts (rules 11 and 12) -------------------------------------------------------------------------------------


def new_part(k: Any, m: Any) -> int:
    """Position of a record for a part."""
    part = m[FREE_PART]
    m[FREE_PART] = m[part]
    m[part + P_SHARES] = 0
    m[part + P_LAST] = 0
    m[part + P_RESERVED] = 0
    m[part + P_PIECE] = 0
    m[part + P_SUB] = 0
    m[part + P_PROMISED] = -1
    m[part + P_TOTAL] = -1
    m[part + P_DONE] = 0
    m[part + P_POSITION] = -1
    return part


def free_part(k: Any, m: Any, part: int) -> None:
    """The record of a part is free."""
    m[part] = m[FREE_PART]
    m[part + P_FLIGHT] = -1
    m[FREE_PART] = part


def make_part(k: Any, m: Any, line: int) -> int:
    """The next part of the present frame of a controller."""
    state = line_state(k, line)
    number, part = m[state + N_SENT], new_part(k, m)
    head = m[state + N_FRAME]
    m[part + P_AGE] = (m[flight_of(k, head) + F_NUMBER] * AGE_PARTS + number) * AGE_PIECES
    m[part + P_FLIGHT] = head
    for which in range(2):
        slot = m[state + (N_JOINED if which else N_FRAME)]
        if slot < 0:
            continue
        flight = flight_of(k, slot)
        step = step_of(k, m, flight)
        parts = m[flight + F_PARTS]
        if number >= parts:
            continue
        if m[flight + F_PAIR] >= 0:
            pair = flight_of(k, m[flight + F_PAIR])
            take_shares(k, m, part, line, pair, step_of(k, m, pair), number, parts, 2)
        take_shares(k, m, part, line, flight, step, number, parts, k[step + T_PREPARES])
    return part


def take_shares(
    k: Any, m: Any, part: int, line: int, flight: int, step: int, number: int, parts: int, which: int
) -> None:
    """Shares of an instruction's operands. 1: it prepares; 2: what it writes, for the one that it prepares."""
    for index in range(k[step + T_OPERANDS]):
        operand = k[K_OPERAND] + (k[step + T_OPERAND] + index) * OPERAND
        if k[operand + A_RANGES] < 0:
            continue
        reads, writes = k[operand + A_READ], k[operand + A_WRITE]
        if (which == 1 and writes) or (which == 2 and not writes):
            continue
        start, size = m[flight + F_ADDRESS + index], k[operand + A_BYTES]
        storage = storage_of(k, operand, start)
        if k[operand + A_ROWS] > 1:
            if number >= k[operand + A_ROWS]:
                continue
            start += number * k[operand + A_PITCH]
        else:
            first = size * number // parts
            size = size * (number + 1) // parts - first
            start += first
        if size and reads:
            add_share(k, m, part, line, 0, storage, start, size)
        if size and writes:
            add_share(k, m, part, line, 1, storage, start, size)


def add_share(k: Any, m: Any, part: int, line: int, write: int, storage: int, start: int, size: int) -> None:
    """A share of a part, at the first mover that reaches the storage."""
    position = k[k[K_REACH] + (line * k[K_STORAGES] + storage) * 2 + write]
    set_share(m, part, position, write, storage, start, size)


def set_share(m: Any, part: int, position: int, write: int, storage: int, start: int, size: int) -> None:
    """A share of a part at a mover."""
    share = part + P_SHARE + m[part + P_SHARES] * SHARE
    m[part + P_SHARES] += 1
    m[share + H_POSITION] = position
    m[share + H_WRITE] = write
    m[share + H_STORAGE] = storage
    m[share + H_START] = start
    m[share + H_BYTES] = size
    m[part + P_LAST] = max(m[part + P_LAST], position)


# -- movers (rules 11 and 13) ------------------------------------------------------------------------------------


def mover_state(k: Any, mover: int) -> int:
    """Position of a mover's state."""
    return k[k[K_MOVER] + mover * MOVER + V_STATE]


def admit(k: Any, m: Any, mover: int) -> bool:
    """Let a part into a mover, if one waits and that is possible now."""
    fixed, state, now = k[K_MOVER] + mover * MOVER, mover_state(k, mover), m[NOW]
    line = k[fixed + V_LINE]
    has_place = m[state + W_USED] < k[fixed + V_CAPACITY]
    if k[fixed + V_POSITION] == 0:
        before = line_state(k, line)
        if m[before + N_FRAME] < 0 or not has_place:
            return False
        if m[before + N_NEXT_PART] > now:
            tick(k, m, before + N_TICK, m[before + N_NEXT_PART])
            return False
    else:
        before = mover_state(k, mover - 1)
        if m[before + W_FINISHED] == 0:
            return False
    if m[state + W_ENTRY] > now:
        tick(k, m, state + W_TICK, m[state + W_ENTRY])
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


def send_part(k: Any, m: Any, mover: int, line: int) -> None:
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


def leave_mover(k: Any, m: Any, mover: int) -> None:
    """A part has left a mover."""
    release = k[k[K_MOVER] + mover * MOVER + V_RELEASE]
    if release:
        at(k, m, m[NOW] + release, RELEASE_EVENT, mover, 0)
    else:
        m[mover_state(k, mover) + W_USED] -= 1


def enter(k: Any, m: Any, mover: int, part: int) -> bool:
    """A part, or its next piece, enters a mover; whether all of it has."""
    fixed = k[K_MOVER] + mover * MOVER
    if k[fixed + V_LARGEST]:
        if m[part + P_TOTAL] < 0:
            m[part + P_TOTAL] = own_bytes(k, m, part, k[fixed + V_POSITION])
        if m[part + P_TOTAL]:
            return enter_piece(k, m, mover, part)
    let_in(k, m, mover, part)
    return True


def own_direction(m: Any, part: int, position: int) -> int:
    """What a mover that takes parts apart goes by: reads (0), or writes (1) where it reads nothing."""
    for index in range(m[part + P_SHARES]):
        share = part + P_SHARE + index * SHARE
        if m[share + H_POSITION] == position and m[share + H_WRITE] == 0:
            return 0
    return 1


def own_bytes(k: Any, m: Any, part: int, position: int) -> int:
    """Bytes by which a mover takes a part apart."""
    direction, total = own_direction(m, part, position), 0
    for index in range(m[part + P_SHARES]):
        share = part + P_SHARE + index * SHARE
        if m[share + H_POSITION] == position and m[share + H_WRITE] == direction:
            total += m[share + H_BYTES]
    return total


def enter_piece(k: Any, m: Any, mover: int, part: int) -> bool:
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
        if m[share + H_POSITION] < here or (m[share + H_POSITION] == here and m[share + H_WRITE] == direction):
            continue
        low = m[share + H_BYTES] * first // total
        high = m[share + H_BYTES] * (first + size) // total
        if high > low:
            set_share(
                m, piece, m[share + H_POSITION], m[share + H_WRITE], m[share + H_STORAGE], m[share + H_START] + low, high - low
            )
    m[part + P_DONE] += size
    m[part + P_LATEST] += 1 if first else 1 - m[part + P_LATEST]  # pieces so far
    if m[part + P_LATEST] >= AGE_PIECES:
        m[PAUSED] = TOO_MUCH
    m[piece + P_PIECE] = m[part + P_PIECE] + 1
    if m[part + P_PIECE]:  # a piece of a piece
        m[piece + P_AGE] = m[part + P_AGE]
        m[piece + P_SUB] = m[part + P_SUB] + (m[part + P_LATEST] << PIECE_BITS * (MOST_CUTS - 1 - m[part + P_PIECE]))
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


def best_window(start: int, size: int, smallest: int, largest: int) -> int:
    """The smallest aligned window of a power-of-two size that covers most."""
    best, window = smallest, smallest
    while window <= largest:
        if covered(start, size, window) > covered(start, size, best):
            best = window
        window *= 2
    return best


def covered(start: int, size: int, window: int) -> int:
    """Bytes from ``start`` on in the window that holds it."""
    return min(window - start % window, size)


def let_in(k: Any, m: Any, mover: int, part: int) -> None:
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


def wait_for(k: Any, m: Any, part: int, phase: int, delay: int) -> bool:
    """A part is in a phase for ``delay`` cycles; whether that is any time at all."""
    m[part + P_PHASE] = phase
    m[part + P_DUE] = m[NOW] + delay
    if delay == 0:
        return False
    at(k, m, m[NOW] + delay, PART_EVENT, part, 0)
    return True


def next_phase(k: Any, m: Any, part: int) -> None:
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


def is_older(m: Any, part: int, other: int) -> bool:
    """Whether a part is older than another one."""
    if m[part + P_AGE] != m[other + P_AGE]:
        return m[part + P_AGE] < m[other + P_AGE]
    return m[part + P_SUB] < m[other + P_SUB]


def insert_part(m: Any, position: int, part: int) -> None:
    """Put a part into a list that is in order of age."""
    index = m[position]
    m[position] += 1
    while index and is_older(m, part, m[position + index]):
        m[position + index + 1] = m[position + index]
        index -= 1
    m[position + index + 1] = part


def ask(k: Any, m: Any, part: int, write: int) -> bool:
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


def queue_of(k: Any, mover: int, storage: int, write: int) -> int:
    """A mover's queue of requests to a storage."""
    queue = k[k[K_MOVER] + mover * MOVER + V_QUEUE]
    while k[k[K_QUEUE] + queue * QUEUE + Q_STORAGE] != storage or k[k[K_QUEUE] + queue * QUEUE + Q_WRITE] != write:
        queue += 1
    return queue


def insert_entry(k: Any, m: Any, queue: int, part: int, share: int) -> None:
    """Put a share into a queue, in order of age."""
    state = k[k[K_QUEUE] + queue * QUEUE + Q_STATE]
    index = m[state]
    m[state] += 1
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


# -- requests and grants (rules 13 and 14) -----------------------------------------------------------------------


def grant(k: Any, m: Any) -> None:
    """At the end of a cycle: offer requests, and let the storages decide."""
    m[OFFERS] = 0
    for mover in range(k[K_MOVERS]):
        offer_requests(k, m, mover)
    for index in range(m[JOBS]):
        job = k[M_JOB] + index * JOB
        if m[job + J_AFTER] <= m[NOW]:
            offer_job(k, m, index, job)
        else:
            tick(k, m, job + J_TICK, m[job + J_AFTER])
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
    for queue in range(k[K_QUEUES]):
        if m[k[k[K_QUEUE] + queue * QUEUE + Q_STATE]]:
            tick(k, m, TICKING, m[NOW] + 1)
            return
    for index in range(m[JOBS]):
        job = k[M_JOB] + index * JOB
        tick(k, m, job + J_TICK, max(m[job + J_AFTER], m[NOW] + 1))


def offer_requests(k: Any, m: Any, mover: int) -> None:
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


def offer_reads(k: Any, m: Any, mover: int, places: int) -> None:
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


def is_offered(k: Any, m: Any, queue: int) -> bool:
    """Whether a request of a queue is offered in this cycle."""
    for index in range(m[OFFERS]):
        if m[k[M_OFFER] + index * OFFER + D_KIND] == queue:
            return True
    return False


def has_promise(m: Any, part: int) -> bool:
    """Whether a part needs no other place in the next mover."""
    return m[part + P_RESERVED] or m[part + P_POSITION] == m[part + P_LAST] or m[part + P_PROMISED] == m[NOW]


def goes_first(m: Any, a: int, b: int) -> bool:
    """Whether an entry of a queue is offered before another one: who comes back, then who is older."""
    if m[a + E_AWAY] != m[b + E_AWAY]:
        return m[b + E_AWAY] == 0 or 0 < m[a + E_AWAY] < m[b + E_AWAY]
    return is_older(m, m[a + E_PART], m[b + E_PART])


def choose(k: Any, m: Any, queue: int, places: int) -> int:
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


def offer_entry(k: Any, m: Any, queue: int, chosen: int) -> None:
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


def is_first(m: Any, state: int, index: int) -> bool:
    """Whether an entry is the first one of its part in a queue."""
    return index == 0 or m[state + 1 + (index - 1) * ENTRY + E_PART] != m[state + 1 + index * ENTRY + E_PART]


def offer_job(k: Any, m: Any, index: int, job: int) -> None:
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


def best_offer(k: Any, m: Any, count: int) -> int:
    """The offer that is decided on next."""
    best = 0
    for index in range(1, count):
        if precedes(k, m, k[M_OFFER] + index * OFFER, k[M_OFFER] + best * OFFER):
            best = index
    return best


def precedes(k: Any, m: Any, a: int, b: int) -> bool:
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


def storage_state(k: Any, storage: int) -> int:
    """Position of a storage's state."""
    return k[M_STORAGE] + storage * STORAGE_STATE


def free_port(k: Any, m: Any, storage: int, write: int) -> int:
    """Position of a port that is free now; -1: none is."""
    fixed = k[K_STORAGE] + storage * STORAGE
    first = k[fixed + S_PORT] + (k[fixed + S_READ_PORTS] if write and not k[fixed + S_SHARED] else 0)
    count = k[fixed + S_WRITE_PORTS] if write and not k[fixed + S_SHARED] else k[fixed + S_READ_PORTS]
    for port in range(first, first + count):
        if m[port] <= m[NOW]:
            return port
    return -1


def has_port(k: Any, m: Any, offer: int) -> bool:
    """Whether an offer can be granted."""
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


def grant_offer(k: Any, m: Any, offer: int) -> None:
    """Grant an offer."""
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
    log(k, m, LOG_GRANT, m[offer + D_AGE], 2 * storage + write)
    if m[offer + D_KIND] >= 0:
        granted_entry(k, m, m[offer + D_KIND], m[offer + D_INDEX], answer)
    else:
        granted_job(k, m, k[M_JOB] + m[offer + D_INDEX] * JOB, one, answer)


def granted_entry(k: Any, m: Any, queue: int, entry: int, answer: int) -> None:
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
        size = covered(m[share + H_START], m[share + H_BYTES], best_window(m[share + H_START], m[share + H_BYTES], port, largest))
    m[share + H_START] += size
    m[share + H_BYTES] -= size
    m[entry + E_AFTER] = m[NOW] + 1
    m[entry + E_AWAY] = 0
    if m[share + H_BYTES]:
        return
    state = k[fixed + Q_STATE]
    index = (entry - state - 1) // ENTRY
    m[state] -= 1
    if index < m[state] and m[entry + ENTRY + E_PART] == part:
        m[entry + ENTRY + E_AFTER] = m[NOW] + 1
    while index < m[state]:
        base = state + 1 + index * ENTRY
        for field in range(ENTRY):
            m[base + field] = m[base + ENTRY + field]
        index += 1
    m[part + P_ASKED] -= 1
    if m[part + P_ASKED] == 0:
        m[part + P_DUE] = m[part + P_LATEST]
        at(k, m, m[part + P_LATEST], PART_EVENT, part, 0)


def granted_job(k: Any, m: Any, job: int, hold: int, answer: int) -> None:
    """A transaction of a memory access unit, or of the fetch stage, is granted."""
    m[job + J_LEFT] -= 1
    m[job + J_AFTER] = m[NOW] + hold
    if m[job + J_LEFT] == 0:
        if m[job + J_GROUP]:
            at(k, m, answer, FETCHED_EVENT, m[job + J_FLIGHT], m[job + J_GROUP])
        else:
            at(k, m, answer, ANSWER_EVENT, m[job + J_FLIGHT], 0)


def drop_jobs(k: Any, m: Any) -> None:
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


def refuse(k: Any, m: Any, offer: int) -> None:
    """A mover's request is not granted: it comes back, in the next cycle or later."""
    queue, entry = m[offer + D_KIND], m[offer + D_INDEX]
    retry = k[k[K_MOVER] + k[k[K_QUEUE] + queue * QUEUE + Q_MOVER] * MOVER + V_RETRY]
    m[entry + E_AWAY] = m[NOW] + max(retry, 1)


# -- the state as a key ------------------------------------------------------------------------------------------


def write_key(k: Any, m: Any) -> int:
    """Write what decides the future, up to a shift in time and address, behind ``M_KEY``; its length.

    Times are relative to now, flights and parts are named by their rank in age, addresses are relative to where
    the present indices put the operand. Times that are over are alike.
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


def ahead(m: Any, when: int) -> int:
    """Cycles until a moment; 0: it is over, -1: it is not known."""
    return -1 if when == UNKNOWN else max(when - m[NOW], 0)


def rank_flights(k: Any, m: Any) -> None:
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
            while index and m[flight_of(k, m[order + index - 1]) + F_NUMBER] > m[flight_of(k, slot) + F_NUMBER]:
                m[order + index] = m[order + index - 1]
                index -= 1
            m[order + index] = slot
            used += 1
    for index in range(used):
        m[rank + m[order + index]] = index
    m[rank + count] = used


def rank_of(k: Any, m: Any, slot: int) -> int:
    """Rank of a flight; -1: none."""
    return m[k[M_RANK] + slot] if slot >= 0 else -1


def rank_parts(k: Any, m: Any) -> None:
    """The parts in use by age, behind the ranks of flights: how many, then their positions."""
    base = k[M_RANK] + 2 * k[K_FLIGHTS] + 1
    m[base] = 0
    for number in range(k[K_PARTS]):
        part = k[M_PART] + number * PART
        if m[part + P_FLIGHT] >= 0:
            insert_part(m, base, part)


def part_rank(k: Any, m: Any, part: int) -> int:
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


def key_flights(k: Any, m: Any, end: int) -> int:
    """Flights in use, and who waits for whom."""
    count, rank = k[K_FLIGHTS], k[M_RANK]
    used, order = m[rank + count], rank + count + 1
    m[end] = used
    end += 1
    for index in range(used):
        slot = m[order + index]
        flight = flight_of(k, slot)
        step = step_of(k, m, flight)
        m[end] = m[flight + F_STEP]
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
        end += 15
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
            operand = k[K_OPERAND] + (k[step + T_OPERAND] + number) * OPERAND
            m[end] = m[flight + F_ADDRESS + number] - address_of(k, m, operand)
            end += 1
        for other in range(used):
            if m[k[M_DEPENDS] + slot * count + m[order + other]]:
                m[end] = other
                end += 1
        m[end] = -1
        end += 1
    return end


def key_list(k: Any, m: Any, position: int, end: int) -> int:
    """A list of flights."""
    m[end] = m[position]
    for index in range(m[position]):
        m[end + 1 + index] = rank_of(k, m, m[position + 1 + index])
    return end + 1 + m[position]


def key_objects(k: Any, m: Any, end: int) -> int:
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


def key_lines(k: Any, m: Any, end: int) -> int:
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


def key_parts(k: Any, m: Any, end: int) -> int:
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
        m[end + 5] = ahead(m, m[part + P_LATEST])
        m[end + 6] = m[part + P_RESERVED]
        m[end + 7] = m[part + P_LAST]
        m[end + 8] = m[part + P_DONE]
        m[end + 9] = ahead(m, m[part + P_DUE]) if m[part + P_POSITION] >= 0 else 0
        end += 10
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


def key_windows(k: Any, m: Any, line: int, part: int, share: int, end: int) -> int:
    """How aligned windows cover a share, where its mover goes by them."""
    if line < 0:
        line = k[step_of(k, m, flight_of(k, m[part + P_FLIGHT])) + T_LINE]
    mover = k[K_MOVER] + (k[k[K_LINE] + line * LINE + L_MOVER] + m[share + H_POSITION]) * MOVER
    largest = k[mover + V_LARGEST]
    if largest == 0:
        return end
    port = k[k[K_STORAGE] + m[share + H_STORAGE] * STORAGE + S_BYTES]
    start, left = m[share + H_START], m[share + H_BYTES]
    while left > 0:
        window = best_window(start, left, port, largest)
        size = covered(start, left, window)
        m[end] = size
        m[end + 1] = window
        end += 2
        start += size
        left -= size
    return end


def key_storages(k: Any, m: Any, end: int) -> int:
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


def key_event(k: Any, m: Any, kind: int, identity: int, more: int, end: int) -> int:
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


def key_events(k: Any, m: Any, end: int) -> int:
    """What is to happen in this cycle and later. Mere occasions to look again are left out."""
    for index in range(m[PASSED], m[WORKING]):
        base = k[M_WORK] + 3 * (index % k[K_WORK])
        if m[base] != TICK_EVENT and m[base] != FLIGHT_EVENT:
            end = key_event(k, m, m[base], m[base + 1], m[base + 2], end)
    wheel = k[K_WHEEL]
    for distance in range(1, wheel):
        end = key_slot(k, m, k[M_WHEEL] + 2 * ((m[NOW] + distance) % wheel), end)
    return key_slot(k, m, k[M_OVERFLOW], end)


def key_slot(k: Any, m: Any, slot: int, end: int) -> int:
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


def key_at(fixed: Any, state: Any) -> int:
    """:func:`write_key` on two lists; compiled: on two arrays, given by their addresses."""
    return write_key(pointer(fixed), pointer(state))


def move_flights(k: Any, m: Any, level: int, iterations: int) -> None:
    """Move the operands of the flights in use as far as so many iterations of a loop would.

    From the iteration before this one on, which, and whose like, has been; what comes behind the last one may not
    be like it.
    """
    count = k[K_FLIGHTS]
    index = k[M_INDEX] + level
    m[index] -= 1
    for slot in range(count):
        flight = flight_of(k, slot)
        if m[k[M_RANK] + slot] < 0:
            continue
        step = step_of(k, m, flight)
        for number in range(k[step + T_OPERANDS]):
            operand = k[K_OPERAND] + (k[step + T_OPERAND] + number) * OPERAND
            before = address_of(k, m, operand)
            m[index] += iterations
            m[flight + F_ADDRESS + number] += address_of(k, m, operand) - before
            m[index] -= iterations
    m[index] += 1


def move_at(fixed: Any, state: Any, level: int, iterations: int) -> None:
    """:func:`move_flights` on two lists; compiled: on two arrays, given by their addresses."""
    move_flights(pointer(fixed), pointer(state), level, iterations)
