"""Where operands are: addresses at the present loop indices, and the storages they lie in."""

from __future__ import annotations

from aidg.flow.kernel.names import (
    A_CONST,
    A_RANGES,
    A_ROTATIONS,
    A_TERM,
    A_TERMS,
    K_RANGE,
    K_TERM,
    M_INDEX,
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
