"""Where operands are: addresses at the present loop indices, and the storages they lie in."""

from __future__ import annotations

from aidg.flow.kernel.names import (
    A_BYTES,
    A_CONST,
    A_PITCH,
    A_RANGES,
    A_READ,
    A_ROTATIONS,
    A_ROWS,
    A_TERM,
    A_TERMS,
    A_WRITE,
    CUTTERS,
    K_LINE,
    K_MOVER,
    K_OPERAND,
    K_RANGE,
    K_REACH,
    K_STORAGE,
    K_STORAGES,
    K_TERM,
    L_CUTTER,
    L_LARGEST,
    L_MOVER,
    L_PAIRS,
    L_READS,
    LINE,
    M_INDEX,
    MOST_CUT_ROWS,
    MOVER,
    NO_CUTTER,
    OPERAND,
    S_BYTES,
    STORAGE,
    T_LINE,
    T_OPERAND,
    T_OPERANDS,
    T_PARTS,
    V_LARGEST,
    Numbers,
)  # fmt: skip


def address_of(k: Numbers, m: Numbers, operand: int) -> int:
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


def storage_of(k: Numbers, operand: int, address: int) -> int:
    """The storage that an operand lies in: one of the ranges that it may reach."""
    index = k[operand + A_RANGES]
    while True:
        base = k[K_RANGE] + 3 * index
        if k[base] <= address < k[base + 1]:
            return k[base + 2]
        index += 1


def best_window(start: int, size: int, smallest: int, largest: int) -> int:
    """The smallest aligned window of a power-of-two size that covers most; larger ones never cover less."""
    window = smallest
    most = covered(start, size, max(smallest, largest))
    while covered(start, size, window) < most:
        window *= 2
    return window


def covered(start: int, size: int, window: int) -> int:
    """Bytes from ``start`` on in the window that holds it; the window's size is a power of two."""
    return min(window - (start & (window - 1)), size)


def write_place(k: Numbers, m: Numbers, step: int, index: int, address: int, end: int) -> int:
    """Write what decides on how the parts of an operand are served, but for its conflicts; the new end.

    The memory that it lies in (all of its address, where it goes on in the next one), and how aligned windows
    cut it into requests. Where only one mover of a chain takes parts apart, the first window of a row says it
    all: it covers as much as the largest one would, so the next one begins at a multiple of that.
    """
    operand = k[K_OPERAND] + (k[step + T_OPERAND] + index) * OPERAND
    if k[operand + A_RANGES] < 0:
        return end
    rows, size, pitch = k[operand + A_ROWS], k[operand + A_BYTES], k[operand + A_PITCH]
    storage = storage_of(k, operand, address)
    m[end] = storage
    m[end + 1] = -1
    if storage_of(k, operand, address + (rows - 1) * pitch + size - 1) != storage:
        m[end + 1] = address
    end += 2
    line = k[step + T_LINE]
    if line < 0 or k[k[K_LINE] + line * LINE + L_CUTTER] == NO_CUTTER:
        return end
    largest = k[k[K_LINE] + line * LINE + L_LARGEST]
    write = has_own_cuts(k, step, operand, storage)
    distinct = largest // lowest_bit(pitch | largest)
    if write < 0 or distinct > MOST_CUT_ROWS or (rows == 1 and k[step + T_PARTS] != 1):
        m[end] = address & (largest - 1)
        return end + 1
    cutter = k[k[K_LINE] + line * LINE + L_CUTTER]
    if k[k[K_REACH] + (line * k[K_STORAGES] + storage) * 2 + write] != cutter:
        return end
    mover = k[K_MOVER] + (k[k[K_LINE] + line * LINE + L_MOVER] + cutter) * MOVER
    port = k[k[K_STORAGE] + storage * STORAGE + S_BYTES]
    for row in range(min(rows, distinct)):
        start = address + row * pitch
        window = best_window(start, size, port, k[mover + V_LARGEST])
        m[end] = covered(start, size, window)
        m[end + 1] = window
        end += 2
    return end


def has_own_cuts(k: Numbers, step: int, operand: int, storage: int) -> int:
    """The direction of an operand, if its requests are cut by its own addresses at most; else -1.

    Where parts are taken apart by what they read, what they write there is cut into shares of the reads.
    """
    line = k[K_LINE] + k[step + T_LINE] * LINE
    if k[line + L_CUTTER] == CUTTERS or k[line + L_PAIRS] or (k[operand + A_READ] and k[operand + A_WRITE]):
        return -1
    if k[operand + A_READ]:
        return 0
    reach = k[K_REACH] + (k[step + T_LINE] * k[K_STORAGES] + storage) * 2
    if k[reach + 1] != k[line + L_CUTTER]:
        return 1
    for index in range(k[step + T_OPERANDS] if k[line + L_READS] else 0):
        if k[k[K_OPERAND] + (k[step + T_OPERAND] + index) * OPERAND + A_READ]:
            return -1
    return 1


def lowest_bit(number: int) -> int:
    """The largest power of two that divides a number."""
    return number & -number
