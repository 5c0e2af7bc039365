"""What a reader of traces must know of the memory, and the checks that all formats share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dram.errors import TraceError, shown

LARGEST = (1 << 62) - 1  # of all numbers in traces: sums of two stay in 64 bits


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory that a trace is read for; what is unknown is not checked.

    Attributes:
        capacity_bytes: Addresses lie below it.
        burst_bytes: Bytes of one burst. Transactions that give their length are split into bursts.
        encode: Byte address of an address vector (channel, rank, bank group, bank, row, column), as many
            entries as the device has levels; raises ``ValueError`` that says what is wrong.
    """

    capacity_bytes: int | None = None
    burst_bytes: int | None = None
    encode: Callable[[Sequence[int]], int] | None = None


UNKNOWN = Memory()


def whole_number(text: str, what: str, file: str, line: int, base: int = 10) -> int:
    """A number of a trace: not negative, at most :data:`LARGEST`.

    Raises:
        TraceError: It is something else.
    """
    # int() also takes '1_000', '+1' and digits of other scripts
    digits = text.strip()
    plain = digits.isascii() and digits.isalnum() and len(digits) <= 40
    try:
        value = int(digits, base) if plain else -1
    except ValueError:
        value = -1
    if 0 <= value <= LARGEST:
        return value
    if (digits.isascii() and digits.isdigit()) or value > LARGEST:
        raise TraceError(
            f"{what} {shown(digits)} is too large", file=file, line=line, hint="at most 2^62 - 1"
        )
    kind = "hexadecimal" if base == 16 else "whole"
    raise TraceError(f"{what} {shown(digits)} is not a {kind} number from 0 on", file=file, line=line)


def checked_address(address: int, memory: Memory, file: str, line: int) -> int:
    """The address, if the memory has it."""
    capacity = memory.capacity_bytes
    if capacity is not None and address >= capacity:
        raise TraceError(
            f"address {address:#x} lies beyond the memory", file=file, line=line,
            hint=f"it has {capacity:#x} bytes; more ranks or another organisation make it larger",
        )  # fmt: skip
    return address


def checked_arrival(arrival: int, before: int, file: str, line: int) -> int:
    """The arrival, if it is not before that of the previous request."""
    if arrival < before:
        raise TraceError(
            f"arrival {arrival} is before that of the previous request, {before}", file=file, line=line,
            hint="requests are listed in the order of their arrival",
        )  # fmt: skip
    return arrival


def is_write(text: str, file: str, line: int) -> bool:
    """Whether an operation writes. Raises TraceError for an unknown one."""
    writes = OPERATIONS.get(text.strip())
    if writes is None:
        from dram.errors import did_you_mean

        raise TraceError(
            f"unknown operation {shown(text.strip())}{did_you_mean(text.strip().upper(), OPERATIONS)}",
            file=file, line=line, hint="R or W",
        )  # fmt: skip
    return writes


OPERATIONS = {
    name: writes
    for writes, names in ((False, ("R", "RD", "READ", "LD")), (True, ("W", "WR", "WRITE", "ST")))
    for upper in names
    for name in (upper, upper.lower())
}
