"""A storage that is decided on elsewhere: what is asked of it is handed over, answers come from there.

Its requests are granted as long as there is room for them (``ROOM_READ``, ``ROOM_WRITE``, set from outside);
each goes into the list at ``M_OUTBOX``. When it is answered is only known when :func:`answer` is called.
"""

from __future__ import annotations

from aidg.flow.kernel.names import (
    B_BYTES,
    B_PART,
    B_START,
    B_WRITE,
    D_INDEX,
    D_KIND,
    D_STORAGE,
    D_WRITE,
    E_PART,
    E_SHARE,
    H_BYTES,
    H_START,
    K_MOVER,
    K_OUTSIDE,
    K_QUEUE,
    K_STORAGE,
    LIMIT,
    M_OUTBOX,
    MOVER,
    NEVER,
    OUTBOX,
    OUTSTANDING,
    P_ASKED,
    P_DUE,
    P_LATEST,
    P_OPEN,
    P_SHARE,
    PART_EVENT,
    Q_MOVER,
    QUEUE,
    REQUEST,
    ROOM_READ,
    S_BYTES,
    SHARE,
    STORAGE,
    V_LARGEST,
    Numbers,
)  # fmt: skip
from aidg.flow.kernel.operands import best_window, covered
from aidg.flow.kernel.time import at


def has_room(m: Numbers, offer: int) -> bool:
    """Whether a request can be handed over now."""
    return m[ROOM_READ + m[offer + D_WRITE]] > 0


def hand_over(k: Numbers, m: Numbers, offer: int) -> None:
    """Put the request of a mover into the list for those outside."""
    entry, write = m[offer + D_INDEX], m[offer + D_WRITE]
    part = m[entry + E_PART]
    share = part + P_SHARE + m[entry + E_SHARE] * SHARE
    port = k[k[K_STORAGE] + k[K_OUTSIDE] * STORAGE + S_BYTES]
    largest = k[k[K_MOVER] + k[k[K_QUEUE] + m[offer + D_KIND] * QUEUE + Q_MOVER] * MOVER + V_LARGEST]
    size = min(port, m[share + H_BYTES])
    if largest:
        window = best_window(m[share + H_START], m[share + H_BYTES], port, largest)
        size = covered(m[share + H_START], m[share + H_BYTES], window)
    record = k[M_OUTBOX] + m[OUTBOX] * REQUEST
    m[OUTBOX] += 1
    m[record + B_PART] = part
    m[record + B_WRITE] = write
    m[record + B_START] = m[share + H_START]
    m[record + B_BYTES] = size
    m[ROOM_READ + write] -= 1
    m[part + P_OPEN] += 1
    m[OUTSTANDING] += 1


def is_outside(k: Numbers, m: Numbers, offer: int) -> bool:
    """Whether an offer is for the storage that is decided on elsewhere."""
    return m[offer + D_STORAGE] == k[K_OUTSIDE]


def has_to_wait(m: Numbers, cycle: int) -> bool:
    """Whether those outside have to act before ``cycle`` is evaluated, the next one with anything to do."""
    if m[OUTBOX]:
        return True
    return cycle > m[LIMIT] and (cycle < NEVER or m[OUTSTANDING] > 0)


def answer(k: Numbers, m: Numbers, part: int, cycle: int) -> None:
    """A request of a part is answered in ``cycle``, which has not been evaluated yet."""
    m[OUTSTANDING] -= 1
    m[part + P_OPEN] -= 1
    m[part + P_LATEST] = max(m[part + P_LATEST], cycle)
    if m[part + P_ASKED] == 0 and m[part + P_OPEN] == 0:
        m[part + P_DUE] = m[part + P_LATEST]
        at(k, m, m[part + P_LATEST], PART_EVENT, part, 0)
