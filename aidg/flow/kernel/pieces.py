"""What comes next: the instructions up to the next boundary of a loop, told by all that decides their timing.

For the machine an instruction is the class of its static step, how its rows are served, and which of the
instructions before it it conflicts with. Two pieces that are alike in this are one and the same piece.
"""

from __future__ import annotations

from aidg.flow.kernel.fetch import next_row
from aidg.flow.kernel.hazards import conflict, may_conflict
from aidg.flow.kernel.names import (
    CONTENT,
    EXHAUSTED,
    K_OPERAND,
    K_STEP,
    M_BEGIN,
    M_CONTENT,
    M_INDEX,
    M_RING,
    MOST_OPERANDS,
    OPERAND,
    PAUSED,
    PC,
    RING,
    RING_ENTRY,
    STATE,
    STEP,
    T_CLASS,
    T_OPERAND,
    T_OPERANDS,
    T_VARIES,
    W_COUNT,
    W_LEVELS,
    W_NUMBER,
    W_STATE,
    Z_ALIVE,
    Z_IS_FAR,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.operands import address_of, write_place

# Entries that one instruction adds to the content at most, but for its conflicts.
ROOM = 2 + 20 * MOST_OPERANDS


def ring_of(k: Numbers, number: int) -> int:
    """Where the row and the addresses of a dynamic instruction are, one of the latest."""
    return k[M_RING] + (number & (RING - 1)) * RING_ENTRY


def write_piece(k: Numbers, m: Numbers, w: Numbers) -> int:
    """Write the piece from the present boundary on behind ``M_CONTENT``; its length, -1: it is like no other.

    Indices and place in the program are those of the next boundary then; those of this one are kept behind
    ``M_BEGIN``. Rows and addresses are noted in the ring.
    """
    paused, begin = m[PAUSED], k[M_BEGIN]
    for level in range(w[W_LEVELS]):
        m[begin + 1 + level] = m[k[M_INDEX] + level]
    m[begin] = m[PC]
    count, end, last = 0, k[M_CONTENT], k[M_CONTENT] + CONTENT
    known = w[W_STATE] >= 0 and not w[w[W_STATE] + Z_IS_FAR]
    alive = w[w[W_STATE] + Z_ALIVE] if known else 0
    while True:
        row = next_row(k, m)
        if row < 0:
            break
        step, entry = k[K_STEP] + row * STEP, ring_of(k, w[W_NUMBER] + count)
        m[entry] = row
        for index in range(k[step + T_OPERANDS]):
            operand = k[K_OPERAND] + (k[step + T_OPERAND] + index) * OPERAND
            m[entry + 1 + index] = address_of(k, m, operand)
        if k[step + T_VARIES] or end + ROOM + alive + count > last or count == RING // 2:
            known = False
        if known:
            m[end] = k[step + T_CLASS]
            end += 1
            for index in range(k[step + T_OPERANDS]):
                end = write_place(k, m, step, index, m[entry + 1 + index], end)
            end = write_conflicts(k, m, w, alive, count, step, entry, end)
        count += 1
    if m[EXHAUSTED]:
        m[EXHAUSTED] = 0
        known = False
    m[PAUSED] = paused
    w[W_COUNT] = count
    return end - k[M_CONTENT] if known else -1


def write_conflicts(
    k: Numbers, m: Numbers, w: Numbers, alive: int, count: int, step: int, entry: int, end: int
) -> int:
    """Write which of the instructions in flight, and of those of the piece, an instruction conflicts with."""
    number = w[W_NUMBER]
    for index in range(alive + count):
        if index < alive:
            before = ring_of(k, number - w[w[W_STATE] + STATE + index])
        else:
            before = ring_of(k, number + index - alive)
        earlier = k[K_STEP] + m[before] * STEP
        if may_conflict(k, earlier, step) and conflict(k, m, earlier, before + 1, step, entry + 1):
            m[end] = index
            end += 1
    m[end] = -1
    return end + 1


def go_back(k: Numbers, m: Numbers, w: Numbers) -> None:
    """To the boundary at which the piece begins."""
    begin = k[M_BEGIN]
    for level in range(w[W_LEVELS]):
        m[k[M_INDEX] + level] = m[begin + 1 + level]
    m[PC] = m[begin]
