"""When what happens: the list of work of the present cycle, and a wheel of events."""

from __future__ import annotations

from aidg.flow.kernel.names import (
    FREE_NODE,
    K_WHEEL,
    K_WORK,
    M_NODE,
    M_OVERFLOW,
    M_WHEEL,
    M_WORK,
    NEVER,
    NODE,
    NOW,
    PASSED,
    PAUSED,
    TOO_MUCH,
    WORKING,
    X_ID,
    X_KIND,
    X_MORE,
    X_NEXT,
    X_TIME,
    Numbers,
)  # fmt: skip


def at(k: Numbers, m: Numbers, cycle: int, kind: int, identity: int, more: int) -> None:
    """Let something happen in ``cycle``; at once where that is now."""
    if cycle <= m[NOW]:
        work(k, m, kind, identity, more)
        return
    wheel = k[K_WHEEL]
    if cycle - m[NOW] < wheel:
        enlist(k, m, k[M_WHEEL] + 2 * (cycle & (wheel - 1)), cycle, kind, identity, more)
    else:
        enlist(k, m, k[M_OVERFLOW], cycle, kind, identity, more)


def enlist(k: Numbers, m: Numbers, slot: int, cycle: int, kind: int, identity: int, more: int) -> None:
    """Put something that is to happen at the end of a list of events."""
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
    m[base + X_NEXT] = -1
    if m[slot] < 0:
        m[slot] = node
    else:
        m[k[M_NODE] + m[slot + 1] * NODE + X_NEXT] = node
    m[slot + 1] = node


def work(k: Numbers, m: Numbers, kind: int, identity: int, more: int) -> None:
    """Let something happen in this cycle."""
    size = k[K_WORK]
    if m[WORKING] - m[PASSED] == size:
        m[PAUSED] = TOO_MUCH
        return
    base = k[M_WORK] + 3 * (m[WORKING] & (size - 1))
    m[base] = kind
    m[base + 1] = identity
    m[base + 2] = more
    m[WORKING] += 1


def following(k: Numbers, m: Numbers) -> int:
    """The next cycle in which something happens."""
    wheel, now = k[K_WHEEL], m[NOW]
    best = NEVER
    for distance in range(1, wheel):
        if m[k[M_WHEEL] + 2 * ((now + distance) & (wheel - 1))] >= 0:
            best = now + distance
            break
    node = m[k[M_OVERFLOW]]
    while node >= 0:
        base = k[M_NODE] + node * NODE
        best = min(best, m[base + X_TIME])
        node = m[base + X_NEXT]
    return best


def advance(k: Numbers, m: Numbers) -> bool:
    """Go to the next cycle in which something happens, and put it on the list of work."""
    best = following(k, m)
    if best == NEVER:
        return False
    m[NOW] = best
    take(k, m, k[M_WHEEL] + 2 * (best & (k[K_WHEEL] - 1)))
    if m[k[M_OVERFLOW]] >= 0:
        take(k, m, k[M_OVERFLOW])
    return True


def take(k: Numbers, m: Numbers, slot: int) -> None:
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
