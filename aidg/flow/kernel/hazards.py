"""Who has to wait for whose data (rule 4)."""

from __future__ import annotations

from aidg.flow.kernel.names import (
    A_BYTES,
    A_PITCH,
    A_ROWS,
    A_SPACE,
    A_WRITE,
    F_ADDRESS,
    F_CONFLICTS,
    K_FLIGHTS,
    K_OPERAND,
    M_ALIVE,
    M_DEPENDS,
    OPERAND,
    T_LINE,
    T_OPERAND,
    T_OPERANDS,
    T_READS,
    T_WRITES,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.records import flight_of, step_of


def depend(k: Numbers, m: Numbers, slot: int, flight: int, step: int) -> None:
    """Find the earlier instructions that this one has to wait for."""
    size, alive = k[K_FLIGHTS], k[M_ALIVE]
    for index in range(m[alive]):
        other = m[alive + 1 + index]
        before = flight_of(k, other)
        earlier = step_of(k, m, before)
        if may_conflict(k, earlier, step) and conflict(
            k, m, earlier, before + F_ADDRESS, step, flight + F_ADDRESS
        ):
            m[k[M_DEPENDS] + slot * size + other] = 1
            m[flight + F_CONFLICTS] += 1


def may_conflict(k: Numbers, earlier: int, step: int) -> bool:
    """Whether a step waits for the data of an earlier one, if they touch the same."""
    if k[step + T_LINE] >= 0 and k[step + T_LINE] == k[earlier + T_LINE]:
        return False
    reads, writes = k[step + T_READS], k[step + T_WRITES]
    return (k[earlier + T_WRITES] & (reads | writes)) != 0 or (k[earlier + T_READS] & writes) != 0


def conflict(k: Numbers, m: Numbers, earlier: int, places: int, step: int, own: int) -> bool:
    """Whether two steps touch the same, and one writes it; ``places``, ``own``: where their addresses are."""
    for first in range(k[earlier + T_OPERANDS]):
        a = k[K_OPERAND] + (k[earlier + T_OPERAND] + first) * OPERAND
        for second in range(k[step + T_OPERANDS]):
            b = k[K_OPERAND] + (k[step + T_OPERAND] + second) * OPERAND
            if k[a + A_SPACE] != k[b + A_SPACE] or not (k[a + A_WRITE] or k[b + A_WRITE]):
                continue
            if overlap(k, a, m[places + first], b, m[own + second]):
                return True
    return False


def overlap(k: Numbers, a: int, start_a: int, b: int, start_b: int) -> bool:
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
