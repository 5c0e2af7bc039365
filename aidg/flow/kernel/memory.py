"""What pieces of the program did to states of the machine: each pair is evaluated once.

States, pieces and transitions lie one after the other in ``w``, and are found by tables with open addresses.
A transition leads from a state, through a piece, to the state at the next boundary, and says how long that
takes. Where it is known, nothing is evaluated; the machine is not at the present state then, and has to be
brought there before anything is evaluated again.
"""

from __future__ import annotations

from aidg.flow.kernel.key import write_key
from aidg.flow.kernel.names import (
    ARRIVING,
    AT_BOUNDARY,
    BOUNDARY,
    BOUNDARY_LEVEL,
    CYCLES,
    ENDED,
    EVALUATING,
    F_ADDRESS,
    F_NUMBER,
    F_STEP,
    G_LATEST,
    G_NEXT,
    G_PIECE,
    G_STATE,
    G_TIME,
    K_BUSIES,
    K_BUSY,
    K_OPERAND,
    K_STEP,
    M_ALIVE,
    M_CONTENT,
    M_INDEX,
    M_KEY,
    M_WATCH,
    NEVER,
    NO_ROOM,
    NOW,
    NUMBER,
    OPERAND,
    PIECE,
    RING,
    SLOTS,
    STATE,
    STEP,
    T_OPERAND,
    T_OPERANDS,
    TRANSITION,
    W_BEFORE,
    W_BUSY,
    W_COUNT,
    W_CYCLES,
    W_ENTRIES,
    W_EVALUATED,
    W_LIVE,
    W_LOOKED,
    W_NUMBER,
    W_OFFSET,
    W_PENDING,
    W_PHASE,
    W_PIECES,
    W_ROOM,
    W_START,
    W_STATE,
    W_STATES,
    W_STEPS,
    W_TIME,
    W_TOP,
    Y_HASH,
    Y_LENGTH,
    Z_ALIVE,
    Z_HASH,
    Z_IS_FAR,
    Z_LENGTH,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.operands import address_of
from aidg.flow.kernel.pack import pack, unpack
from aidg.flow.kernel.pieces import go_back, ring_of, write_piece
from aidg.flow.kernel.records import flight_of
from aidg.flow.kernel.run import pointer, run

# More than can be added, beside a state, before there is another look at the room.
MARGIN = 1 << 14
LOOK = 2  # how a loop is watched whose state is wanted outside


def go(k: Numbers, m: Numbers, w: Numbers) -> int:
    """Run until the end, or until something must be decided outside; the reason is returned."""
    while True:
        if w[W_PHASE] == EVALUATING:
            why = run(k, m)
            if why != BOUNDARY and why != ENDED:
                return why
            account(k, m, w)
            if why == ENDED:
                return why
            w[W_PHASE] = ARRIVING
        if w[W_PHASE] == ARRIVING and not note_state(k, m, w):
            return NO_ROOM
        if not w[W_LOOKED]:
            w[W_LOOKED] = 1
            if m[k[M_WATCH] + m[BOUNDARY_LEVEL]] == LOOK and not w[w[W_STATE] + Z_IS_FAR]:
                return BOUNDARY
        w[W_LOOKED] = 0
        length = write_piece(k, m, w)
        piece, known = -1, -1
        if length >= 0:
            piece = find_piece(k, m, w, length)
            known = find_transition(w, w[W_STATE], piece)
        if known >= 0:
            follow_transition(k, w, known)
        else:
            begin(k, m, w, piece)


def begin(k: Numbers, m: Numbers, w: Numbers, piece: int) -> None:
    """Evaluate a piece from the present state on; -1: it is not remembered."""
    if not w[W_LIVE]:
        restore(k, m, w)
    go_back(k, m, w)
    w[W_PENDING] = piece
    w[W_START] = w[W_TIME]
    w[W_PHASE] = EVALUATING
    for index in range(k[K_BUSIES]):
        w[w[W_BEFORE] + index] = m[k[k[K_BUSY] + index]]
    m[CYCLES] = -1
    w[W_NUMBER] += w[W_COUNT]
    w[W_EVALUATED] += w[W_COUNT]


def account(k: Numbers, m: Numbers, w: Numbers) -> None:
    """How long a piece has taken, when the latest instruction was done, and what was busy."""
    w[W_TIME] = m[NOW] + w[W_OFFSET]
    if m[CYCLES] >= 0:
        w[W_CYCLES] = max(w[W_CYCLES], m[CYCLES] + w[W_OFFSET])
    for index in range(k[K_BUSIES]):
        spent = m[k[k[K_BUSY] + index]] - w[w[W_BEFORE] + index]
        w[w[W_BEFORE] + index] = spent
        w[w[W_BUSY] + index] += spent


def note_state(k: Numbers, m: Numbers, w: Numbers) -> bool:
    """At a boundary, having evaluated: remember the state; whether there is room to do so."""
    length = write_key(k, m)
    if w[W_TOP] + 4 * length + MARGIN > w[W_ROOM] or w[W_ENTRIES] > SLOTS // 2:
        return False
    before = w[W_STATE]
    w[W_STATE] = find_state(k, m, w, length)
    if w[W_PENDING] >= 0 and before >= 0 and not w[w[W_STATE] + Z_IS_FAR]:
        add_transition(k, m, w, before)
    w[W_PHASE] = AT_BOUNDARY
    w[W_LIVE] = 1
    return True


def restore(k: Numbers, m: Numbers, w: Numbers) -> None:
    """Bring the machine to the present state, with the operands of what is in flight now."""
    state = w[W_STATE]
    unpack(k, m, w, state + STATE + w[state + Z_ALIVE] + w[state + Z_LENGTH])
    w[W_OFFSET] = w[W_TIME] - m[NOW]
    for index in range(m[k[M_ALIVE]]):
        flight = flight_of(k, m[k[M_ALIVE] + 1 + index])
        entry = ring_of(k, w[W_NUMBER] - (m[NUMBER] - m[flight + F_NUMBER]))
        m[flight + F_STEP] = m[entry]
        for operand in range(k[k[K_STEP] + m[entry] * STEP + T_OPERANDS]):
            m[flight + F_ADDRESS + operand] = m[entry + 1 + operand]


def follow_transition(k: Numbers, w: Numbers, known: int) -> None:
    """To the next boundary, as before."""
    w[W_STATE] = w[known + G_NEXT]
    w[W_TIME] += w[known + G_TIME]
    w[W_NUMBER] += w[W_COUNT]
    w[W_LIVE] = 0
    if w[known + G_LATEST] != NEVER:
        w[W_CYCLES] = max(w[W_CYCLES], w[W_TIME] + w[known + G_LATEST])
    for index in range(k[K_BUSIES]):
        w[w[W_BUSY] + index] += w[known + TRANSITION + index]


# -- operands in flight --------------------------------------------------------------------------------------


def write_look(k: Numbers, m: Numbers, w: Numbers) -> int:
    """Write rows and places of what is in flight behind ``M_KEY``; the length.

    Places are relative to where the present indices put the operands.
    """
    state, end = w[W_STATE], k[M_KEY]
    for index in range(w[state + Z_ALIVE]):
        entry = ring_of(k, w[W_NUMBER] - w[state + STATE + index])
        step = k[K_STEP] + m[entry] * STEP
        m[end] = m[entry]
        end += 1
        for number in range(k[step + T_OPERANDS]):
            operand = k[K_OPERAND] + (k[step + T_OPERAND] + number) * OPERAND
            m[end] = m[entry + 1 + number] - address_of(k, m, operand)
            end += 1
    return end - k[M_KEY]


def move_operands(k: Numbers, m: Numbers, w: Numbers, level: int, iterations: int) -> None:
    """Move the operands of what is in flight as far as so many iterations of a loop would.

    From the iteration before this one on, which, and whose like, has been; what comes behind the last one may
    not be like it.
    """
    state, position = w[W_STATE], k[M_INDEX] + level
    w[W_LIVE] = 0
    m[position] -= 1
    for index in range(w[state + Z_ALIVE]):
        entry = ring_of(k, w[W_NUMBER] - w[state + STATE + index])
        step = k[K_STEP] + m[entry] * STEP
        for number in range(k[step + T_OPERANDS]):
            operand = k[K_OPERAND] + (k[step + T_OPERAND] + number) * OPERAND
            before = address_of(k, m, operand)
            m[position] += iterations
            m[entry + 1 + number] += address_of(k, m, operand) - before
            m[position] -= iterations
    m[position] += 1


def go_at(fixed: Numbers, state: Numbers, memory: Numbers) -> int:
    """:func:`go` on three lists; compiled: on arrays, given by their addresses."""
    return go(pointer(fixed), pointer(state), pointer(memory))


def look_at(fixed: Numbers, state: Numbers, memory: Numbers) -> int:
    """:func:`write_look` on three lists; compiled: on arrays, given by their addresses."""
    return write_look(pointer(fixed), pointer(state), pointer(memory))


def move_at(fixed: Numbers, state: Numbers, memory: Numbers, level: int, iterations: int) -> None:
    """:func:`move_operands` on three lists; compiled: on arrays, given by their addresses."""
    move_operands(pointer(fixed), pointer(state), pointer(memory), level, iterations)


# -- tables --------------------------------------------------------------------------------------------------


def digest(m: Numbers, first: int, length: int) -> int:
    """A number for some entries."""
    one, other = length, 0
    for index in range(0, length - 1, 2):
        one = (one * 65599 + m[first + index]) & 0xFFFFFFFFFF
        other = (other * 65599 + m[first + index + 1]) & 0xFFFFFFFFFF
    if length & 1:
        one = (one * 65599 + m[first + length - 1]) & 0xFFFFFFFFFF
    return one ^ (other * 31)


def find_state(k: Numbers, m: Numbers, w: Numbers, length: int) -> int:
    """The state whose key has been written; new ones are added."""
    number = digest(m, k[M_KEY], length)
    slot = w[W_STATES] + (number & (SLOTS - 1))
    while w[slot]:
        state = w[slot]
        if w[state + Z_HASH] == number and w[state + Z_LENGTH] == length:
            key = state + STATE + w[state + Z_ALIVE]
            index = 0
            while index < length and w[key + index] == m[k[M_KEY] + index]:
                index += 1
            if index == length:
                return state
        slot = slot + 1 if slot + 1 < w[W_STATES] + SLOTS else w[W_STATES]
    w[slot] = w[W_TOP]
    return add_state(k, m, w, number, length)


def add_state(k: Numbers, m: Numbers, w: Numbers, number: int, length: int) -> int:
    """Remember the present state."""
    state = w[W_TOP]
    w[state + Z_HASH] = number
    w[state + Z_LENGTH] = length
    alive = m[k[M_ALIVE]]
    end = state + STATE
    for index in range(alive):
        w[end + index] = m[NUMBER] - m[flight_of(k, m[k[M_ALIVE] + 1 + index]) + F_NUMBER]
    w[state + Z_ALIVE] = alive
    w[state + Z_IS_FAR] = int(alive > 0 and w[end] > RING // 2)
    end += alive
    for index in range(length):
        w[end + index] = m[k[M_KEY] + index]
    end += length
    w[W_TOP] = pack(k, m, w, end)
    w[W_ENTRIES] += 1
    return state


def find_piece(k: Numbers, m: Numbers, w: Numbers, length: int) -> int:
    """The piece whose content has been written; new ones are added."""
    first = k[M_CONTENT]
    number = digest(m, first, length)
    slot = w[W_PIECES] + (number & (SLOTS - 1))
    while w[slot]:
        piece = w[slot]
        if w[piece + Y_HASH] == number and w[piece + Y_LENGTH] == length:
            index = 0
            while index < length and w[piece + PIECE + index] == m[first + index]:
                index += 1
            if index == length:
                return piece
        slot = slot + 1 if slot + 1 < w[W_PIECES] + SLOTS else w[W_PIECES]
    piece = w[slot] = w[W_TOP]
    w[piece + Y_HASH] = number
    w[piece + Y_LENGTH] = length
    for index in range(length):
        w[piece + PIECE + index] = m[first + index]
    w[W_TOP] = piece + PIECE + length
    w[W_ENTRIES] += 1
    return piece


def slot_of(w: Numbers, state: int, piece: int) -> int:
    """Where a transition is, or is to be."""
    slot = w[W_STEPS] + (((state * 31) ^ (piece * 65599)) & (SLOTS - 1))
    while w[slot] and (w[w[slot] + G_STATE] != state or w[w[slot] + G_PIECE] != piece):
        slot = slot + 1 if slot + 1 < w[W_STEPS] + SLOTS else w[W_STEPS]
    return slot


def find_transition(w: Numbers, state: int, piece: int) -> int:
    """What a piece does to a state; -1: that is not known."""
    found = w[slot_of(w, state, piece)]
    return found if found else -1


def add_transition(k: Numbers, m: Numbers, w: Numbers, before: int) -> None:
    """Remember what has been evaluated."""
    made = w[slot_of(w, before, w[W_PENDING])] = w[W_TOP]
    w[made + G_STATE] = before
    w[made + G_PIECE] = w[W_PENDING]
    w[made + G_NEXT] = w[W_STATE]
    w[made + G_TIME] = w[W_TIME] - w[W_START]
    w[made + G_LATEST] = m[CYCLES] - m[NOW] if m[CYCLES] >= 0 else NEVER
    for index in range(k[K_BUSIES]):
        w[made + TRANSITION + index] = w[w[W_BEFORE] + index]
    w[W_TOP] = made + TRANSITION + k[K_BUSIES]
    w[W_ENTRIES] += 1
