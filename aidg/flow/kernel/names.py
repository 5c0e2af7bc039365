"""Names of the kernel: positions in the heads of its two lists, fields of records, kinds and phases.

``k`` holds what does not change during a run (machine and program, see :mod:`aidg.flow.tables`), ``m`` the
state. Records lie one after the other from the positions in the head of ``k``.
"""

from __future__ import annotations

from typing import TypeAlias

# Both lists; in compiled code pointers to 64-bit integers.
Numbers: TypeAlias = list[int]

NEVER = 1 << 60
UNKNOWN = -2  # a turn that has not come yet
NOBODY = -1

# -- head of k: sizes, and positions of tables ---------------------------------------------------------------
(
    K_FLIGHTS, K_WHEEL, K_BUFFER, K_WIDTH, K_STRICT, K_READ_LATENCY, K_READ_INTERVAL, K_FETCH_STORAGE,
    K_OBJECTS,
    K_LINES, K_MOVERS, K_STORAGES, K_QUEUES, K_LOG,
    K_OBJECT, K_LINE, K_MOVER, K_STORAGE, K_QUEUE, K_REACH, K_STEP, K_ROUTE, K_OPERAND, K_TERM, K_RANGE,
    K_TAPE, K_PARTS, K_FETCH_REQUESTER, K_FETCH_RELEASE, K_WORK, K_BUSIES, K_BUSY,
    M_FLIGHT, M_DEPENDS, M_USERS, M_STAYING, M_LINE, M_STORAGE, M_NODE,
    M_WHEEL, M_OVERFLOW, M_WORK, M_INDEX, M_JOB, M_OFFER, M_LAST, M_ALIVE, M_LOGGED, M_BUSY, M_COSTS,
    M_FREE_FLIGHTS, M_WATCH, M_PART, M_RANK, M_RING, M_BEGIN, M_CONTENT, M_KEY, K_OUTSIDE, M_OUTBOX, HEAD,
) = range(61)  # fmt: skip


# -- records of k --------------------------------------------------------------------------------------------
O_CAPACITY, O_RELEASE, O_FIFO, O_ISSUE_LATENCY, OBJECT = range(5)
(
    L_OBJECT, L_MOVER, L_COUNT, L_INTERVAL, L_TURNAROUND, L_IN_PROGRESS, L_SENT, L_COMPLETION,
    L_CUTTER, L_LARGEST, L_PAIRS, L_READS, LINE,
) = range(13)  # fmt: skip
NO_CUTTER, CUTTERS = -1, -2  # no mover takes parts apart, several do
(
    V_LATENCY, V_TRANSFER, V_TAIL, V_INTERVAL, V_CAPACITY, V_RELEASE, V_RETRY, V_LARGEST, V_PRIORITY,
    V_REQUESTER, V_LINE,
    V_POSITION, V_IS_LAST, V_STATE, V_QUEUE, MOVER,
) = range(16)  # fmt: skip
(
    S_READ_PORTS, S_WRITE_PORTS, S_SHARED, S_PORT, S_READ_HOLD, S_WRITE_HOLD, S_READ_LATENCY, S_WRITE_LATENCY,
    S_ARBITRATION, S_IN_ORDER, S_MOST, S_BYTES, S_FLYING, STORAGE,
) = range(14)  # fmt: skip
Q_MOVER, Q_STORAGE, Q_WRITE, Q_STATE, QUEUE = range(5)
(
    T_ROUTE, T_OBJECTS, T_FETCH, T_KIND, T_LINE, T_PARTS, T_PREPARES, T_OPERAND, T_OPERANDS, T_REQUESTER,
    T_PRIORITY, T_VARIES,
    T_READS, T_WRITES, T_BY_ROWS, T_LEFT_ROWS, T_CLASS, STEP,
) = range(18)  # fmt: skip
R_OBJECT, R_LATENCY, R_INTERVAL, ROUTE = range(4)  # an interval of -1: until done
(
    A_BYTES,
    A_ROWS,
    A_PITCH,
    A_READ,
    A_WRITE,
    A_SPACE,
    A_RANGES,
    A_CONST,
    A_TERM,
    A_TERMS,
    A_ROTATIONS,
    OPERAND,
) = range(12)
OLDEST, PRIORITY, ROUND_ROBIN = range(3)
PLAIN, MEMORY, CONTROLLER = range(3)
ROW, BEGIN, END, STOP = range(4)


# -- head of m -----------------------------------------------------------------------------------------------
(
    NOW, NUMBER, HELD_ROW, COSTS_KNOWN, BOUNDARY_LEVEL, FINISHED, CYCLES, BUFFERED, PC, EXHAUSTED,
    GROUP_SIZE, FETCH_SINCE, FETCH_WAITS, FREE_PART, FREE_NODE,
    WORKING, JOBS, OFFERS, TICKING, PAUSED, PASSED, LOGGED, LAST_FLIGHT, PATIENCE, STIRRED, ASKING,
    LIMIT, OUTBOX, OUTSTANDING, ROOM_READ, ROOM_WRITE, STATE_HEAD,
) = range(32)  # fmt: skip


# -- records of m --------------------------------------------------------------------------------------------
MOST_VISITS = 12
MOST_OPERANDS = 6
(
    F_NUMBER, F_STEP, F_AT, F_PHASE, F_DUE, F_BOUND_AT, F_BOUND_NEXT, F_ORDER_AT, F_ORDER_NEXT,
    F_CONFLICTS, F_READY, F_LEFT,
    F_PAIR, F_HOLDS, F_ANSWERS, F_STAGE, F_WAKE, F_PARTS, F_JOINED, F_COST,
) = range(20)  # fmt: skip
F_SINCE = F_COST + 2 * MOST_VISITS  # per visit: when the turn before this one came
F_NEXT = F_SINCE + MOST_VISITS  # per visit: the flight behind this one
F_ADDRESS = F_NEXT + MOST_VISITS
FLIGHT = F_ADDRESS + MOST_OPERANDS
BUFFERED_, WAITING, SERVED, ADMITTED, PENDING, WORKED, OVER = range(7)
(
    N_FRAME, N_JOINED, N_SENT, N_COUNT, N_NEXT_PART, N_NEXT_FRAME, N_BEGUN, N_PREPARED, N_PART, N_BUSY,
    N_TICK, N_STIRRED, LINE_STATE,
) = range(13)  # fmt: skip
N_QUEUE = LINE_STATE  # a list of flights
W_USED, W_ENTRY, W_TICK, W_WAITING, W_FINISHED = range(5)  # W_FINISHED is a list of parts
S_LAST_READ, S_LAST_WRITE, S_CHANNEL, S_BUSY, STORAGE_STATE = range(5)
MOST_SHARES = 8
(
    P_AGE, P_FLIGHT, P_POSITION, P_PHASE, P_ASKED, P_LATEST, P_RESERVED, P_LAST, P_SHARES, P_PIECE, P_DONE,
    P_TOTAL, P_MOVER, P_DUE,
    P_SUB, P_PROMISED, P_OPEN, P_SHARE,
) = range(18)  # fmt: skip
H_POSITION, H_WRITE, H_STORAGE, H_START, H_BYTES, SHARE = range(6)
PART = P_SHARE + MOST_SHARES * SHARE
ENTERED, READING, MOVING, WRITTEN, ENDING, FINISHED_ = range(6)
E_PART, E_SHARE, E_AFTER, E_AWAY, ENTRY = range(5)
J_FLIGHT, J_STORAGE, J_WRITE, J_LEFT, J_AFTER, J_GROUP, J_TICK, JOB = range(8)
D_STORAGE, D_WRITE, D_REQUESTER, D_PRIORITY, D_AGE, D_BEATS, D_KIND, D_INDEX, D_SUB, OFFER = range(10)
B_PART, B_WRITE, B_START, B_BYTES, REQUEST = range(5)
X_KIND, X_ID, X_MORE, X_NEXT, X_TIME, NODE = range(6)
(
    FLIGHT_EVENT, FETCH_EVENT, FETCHED_EVENT, FREE_EVENT, PART_EVENT, RELEASE_EVENT, DONE_EVENT,
    TICK_EVENT, ANSWER_EVENT,
) = range(9)  # fmt: skip
PIECE_BITS = 12
AGE_PARTS, AGE_PIECES = 1 << 16, 1 << PIECE_BITS
MOST_CUT_ROWS = 8  # whose windows are written down one by one
MOST_CUTS = 6  # movers of a chain that take parts apart

# -- what is remembered of the run: w ------------------------------------------------------------------------
RING = 1 << 11  # dynamic instructions whose operands are known, the latest ones
RING_ENTRY = 1 + MOST_OPERANDS  # row, addresses
CONTENT = 1 << 12  # entries of the content of a piece, at most
SLOTS = 1 << 14  # of each table
(
    W_TOP, W_ROOM, W_ENTRIES, W_PHASE, W_LOOKED, W_STATE, W_PENDING, W_TIME, W_OFFSET, W_NUMBER, W_EVALUATED,
    W_START, W_CYCLES, W_LIVE, W_COUNT, W_LEVELS, W_STATES, W_PIECES, W_STEPS, W_BUSY, W_BEFORE, W_HEAD,
) = range(22)  # fmt: skip
AT_BOUNDARY, EVALUATING, ARRIVING = range(3)
Z_HASH, Z_LENGTH, Z_ALIVE, Z_IS_FAR, STATE = range(5)  # then distances of the alive, key, packed state
Y_HASH, Y_LENGTH, PIECE = range(3)  # then the content
G_STATE, G_PIECE, G_NEXT, G_TIME, G_LATEST, TRANSITION = range(6)  # then busy cycles

# why the kernel returns
RUNNING, ENDED, STUCK, BOUNDARY, COSTS, LOG_FULL, TOO_MUCH, PAUSE, OUTSIDE, NO_ROOM = range(10)
# events in the log
LOG_ISSUE, LOG_ENTER, LOG_START, LOG_SENT, LOG_MOVED, LOG_DONE, LOG_GRANT, LOG_ANSWER, LOG_UNIT = range(9)
