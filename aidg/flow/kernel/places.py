"""Places of stages and units, granted in program order (rule 2)."""

from __future__ import annotations

from aidg.flow.kernel.names import (
    F_HOLDS,
    F_NUMBER,
    FLIGHT_EVENT,
    FREE_EVENT,
    K_OBJECT,
    M_FREE_FLIGHTS,
    NOW,
    O_CAPACITY,
    O_FIFO,
    O_RELEASE,
    OBJECT,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.records import flight_of, staying_in, users_of
from aidg.flow.kernel.time import at, work


def remove(m: Numbers, position: int, entry: int) -> None:
    """Take an entry out of a list."""
    length = m[position]
    index = 1
    while m[position + index] != entry:
        index += 1
    while index < length:
        m[position + index] = m[position + index + 1]
        index += 1
    m[position] = length - 1


def append(m: Numbers, position: int, entry: int) -> None:
    """Put an entry at the end of a list."""
    m[position] += 1
    m[position + m[position]] = entry


def admits(k: Numbers, m: Numbers, item: int, number: int) -> bool:
    """Whether there is a place for a user of an object."""
    position = users_of(k, item)
    capacity = k[k[K_OBJECT] + item * OBJECT + O_CAPACITY]
    if m[position] <= capacity:
        return True
    return m[flight_of(k, m[position + 1 + capacity]) + F_NUMBER] > number


def leave(k: Numbers, m: Numbers, item: int, slot: int) -> None:
    """A user leaves an object."""
    remove(m, staying_in(k, item), slot)
    release = k[k[K_OBJECT] + item * OBJECT + O_RELEASE]
    if release:
        at(k, m, m[NOW] + release, FREE_EVENT, item, slot)
        wake_fifo(k, m, item)
    else:
        free(k, m, item, slot)


def wake_fifo(k: Numbers, m: Numbers, item: int) -> None:
    """Who stays in a stage may have waited for others to leave."""
    if k[k[K_OBJECT] + item * OBJECT + O_FIFO] and m[staying_in(k, item)]:
        work(k, m, FLIGHT_EVENT, m[staying_in(k, item) + 1], 0)


def free(k: Numbers, m: Numbers, item: int, slot: int) -> None:
    """A place is free; who has waited for it goes on."""
    position = users_of(k, item)
    remove(m, position, slot)
    capacity = k[k[K_OBJECT] + item * OBJECT + O_CAPACITY]
    if m[position] >= capacity:
        work(k, m, FLIGHT_EVENT, m[position + capacity], 0)
    wake_fifo(k, m, item)
    let_go(k, m, slot)


def let_go(k: Numbers, m: Numbers, slot: int) -> None:
    """One fewer needs the record of a flight."""
    flight = flight_of(k, slot)
    m[flight + F_HOLDS] -= 1
    if m[flight + F_HOLDS] == 0:
        append(m, k[M_FREE_FLIGHTS], slot)
