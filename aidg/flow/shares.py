"""What a part has to read and write: shares of the operands, and requests for them (rules 11 and 13)."""

from __future__ import annotations

from typing import NamedTuple

from aidg.flow.source import Operand


class Share(NamedTuple):
    """Bytes of a storage that one part reads or writes."""

    start: int
    bytes: int
    storage: str


def share_of(operand: Operand, part: int, parts: int) -> Share | None:
    """The share of ``part`` of ``parts``; ``None``: nothing."""
    if operand.rows > 1:
        if part >= operand.rows:
            return None
        return Share(operand.start + part * operand.pitch, operand.bytes, operand.storage)
    return cut(Share(operand.start, operand.bytes, operand.storage), part, part + 1, parts)


def cut(share: Share, first: int, stop: int, whole: int) -> Share | None:
    """The bytes of a share that belong to ``[first, stop)`` of ``whole``."""
    low, high = share.bytes * first // whole, share.bytes * stop // whole
    return Share(share.start + low, high - low, share.storage) if high > low else None


def windows(start: int, size: int, smallest: int, largest: int) -> list[tuple[int, int, int]]:
    """Aligned windows that cover ``[start, start + size)``: (first byte covered, bytes covered, window size).

    Sizes are powers of two from ``smallest`` to ``largest``; each time the smallest window that covers most
    of what is left.
    """
    found = []
    position, end = start, start + size
    while position < end:
        best, width = 0, smallest
        window = smallest
        while window <= largest:
            covered = min(window - position % window, end - position)
            if covered > best:
                best, width = covered, window
            window *= 2
        found.append((position, best, width))
        position += best
    return found


def transactions(share: Share, port_bytes: int) -> int:
    """Requests for a share without windows."""
    return -(-share.bytes // port_bytes)
