"""Parts and their shares of the operands (rules 11 and 12)."""

from __future__ import annotations

from aidg.flow.kernel.names import (
    A_BYTES,
    A_PITCH,
    A_RANGES,
    A_READ,
    A_ROWS,
    A_WRITE,
    AGE_PARTS,
    AGE_PIECES,
    F_ADDRESS,
    F_NUMBER,
    F_PAIR,
    F_PARTS,
    FREE_PART,
    H_BYTES,
    H_POSITION,
    H_START,
    H_STORAGE,
    H_WRITE,
    K_OPERAND,
    K_REACH,
    K_STORAGES,
    N_FRAME,
    N_JOINED,
    N_SENT,
    OPERAND,
    P_AGE,
    P_ASKED,
    P_DONE,
    P_DUE,
    P_FLIGHT,
    P_LAST,
    P_LATEST,
    P_MOVER,
    P_OPEN,
    P_PHASE,
    P_PIECE,
    P_POSITION,
    P_PROMISED,
    P_RESERVED,
    P_SHARE,
    P_SHARES,
    P_SUB,
    P_TOTAL,
    SHARE,
    T_OPERAND,
    T_OPERANDS,
    T_PREPARES,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.operands import storage_of
from aidg.flow.kernel.records import flight_of, line_state, step_of


def new_part(k: Numbers, m: Numbers) -> int:
    """Position of a record for a part."""
    part = m[FREE_PART]
    m[FREE_PART] = m[part]
    m[part + P_SHARES] = 0
    m[part + P_LAST] = 0
    m[part + P_RESERVED] = 0
    m[part + P_PIECE] = 0
    m[part + P_SUB] = 0
    m[part + P_OPEN] = 0
    m[part + P_PROMISED] = -1
    m[part + P_TOTAL] = -1
    m[part + P_DONE] = 0
    m[part + P_POSITION] = -1
    m[part + P_LATEST] = 0
    m[part + P_DUE] = 0
    m[part + P_ASKED] = 0
    m[part + P_PHASE] = 0
    m[part + P_MOVER] = 0
    return part


def free_part(k: Numbers, m: Numbers, part: int) -> None:
    """The record of a part is free."""
    m[part] = m[FREE_PART]
    m[part + P_FLIGHT] = -1
    m[FREE_PART] = part


def make_part(k: Numbers, m: Numbers, line: int) -> int:
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
    k: Numbers, m: Numbers, part: int, line: int, flight: int, step: int, number: int, parts: int, which: int
) -> None:
    """Shares of operands. 1: of one that prepares; 2: what that one writes, for the one that it prepares."""
    for index in range(k[step + T_OPERANDS]):
        operand = k[K_OPERAND] + (k[step + T_OPERAND] + index) * OPERAND
        if k[operand + A_RANGES] < 0:
            continue
        reads, writes = k[operand + A_READ], k[operand + A_WRITE]
        if (which == 1 and writes) or (which == 2 and not writes):
            continue
        start, size = m[flight + F_ADDRESS + index], k[operand + A_BYTES]
        if k[operand + A_ROWS] > 1:
            if number >= k[operand + A_ROWS]:
                continue
            start += number * k[operand + A_PITCH]
        else:
            first = size * number // parts
            size = size * (number + 1) // parts - first
            start += first
        if size == 0:
            continue
        storage = storage_of(k, operand, start)
        if reads:
            add_share(k, m, part, line, 0, storage, start, size)
        if writes:
            add_share(k, m, part, line, 1, storage, start, size)


def add_share(
    k: Numbers, m: Numbers, part: int, line: int, write: int, storage: int, start: int, size: int
) -> None:
    """A share of a part, at the first mover that reaches the storage."""
    position = k[k[K_REACH] + (line * k[K_STORAGES] + storage) * 2 + write]
    set_share(m, part, position, write, storage, start, size)


def set_share(m: Numbers, part: int, position: int, write: int, storage: int, start: int, size: int) -> None:
    """A share of a part at a mover."""
    share = part + P_SHARE + m[part + P_SHARES] * SHARE
    m[part + P_SHARES] += 1
    m[share + H_POSITION] = position
    m[share + H_WRITE] = write
    m[share + H_STORAGE] = storage
    m[share + H_START] = start
    m[share + H_BYTES] = size
    m[part + P_LAST] = max(m[part + P_LAST], position)
