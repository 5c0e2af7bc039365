"""What RV32IM's arithmetic instructions compute, on unsigned 32-bit values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mappings.riscv.instructions import WORD_MASK as MASK

_SIGN: Final = 0x8000_0000


def as_signed(value: int) -> int:
    """An unsigned 32-bit value as a signed one."""
    return value - 0x1_0000_0000 if value & _SIGN else value


def _mulh(a: int, b: int) -> int:
    return (as_signed(a) * as_signed(b)) >> 32 & MASK


def _mulhsu(a: int, b: int) -> int:
    return (as_signed(a) * b) >> 32 & MASK


def _div(a: int, b: int) -> int:
    """Towards zero; by zero all ones; the smallest number by -1 is itself."""
    if b == 0:
        return MASK
    x, y = as_signed(a), as_signed(b)
    quotient = abs(x) // abs(y)
    return (quotient if (x < 0) == (y < 0) else -quotient) & MASK


def _rem(a: int, b: int) -> int:
    """With the sign of the dividend; by zero the dividend."""
    if b == 0:
        return a
    x, y = as_signed(a), as_signed(b)
    rest = abs(x) % abs(y)
    return (rest if x >= 0 else -rest) & MASK


# Signed numbers compare as unsigned ones with their sign bit turned over.
BINARY: Final[Mapping[str, Callable[[int, int], int]]] = {
    "add": lambda a, b: (a + b) & MASK,
    "sub": lambda a, b: (a - b) & MASK,
    "slt": lambda a, b: int((a ^ _SIGN) < (b ^ _SIGN)),
    "sltu": lambda a, b: int(a < b),
    "xor": lambda a, b: a ^ b,
    "or": lambda a, b: a | b,
    "and": lambda a, b: a & b,
    "sll": lambda a, b: a << (b & 31) & MASK,
    "srl": lambda a, b: a >> (b & 31),
    "sra": lambda a, b: as_signed(a) >> (b & 31) & MASK,
    "mul": lambda a, b: a * b & MASK,
    "mulh": _mulh,
    "mulhsu": _mulhsu,
    "mulhu": lambda a, b: a * b >> 32,
    "div": _div,
    "divu": lambda a, b: a // b if b else MASK,
    "rem": _rem,
    "remu": lambda a, b: a % b if b else a,
}
"""Mnemonic to function of rs1 and rs2."""

TAKEN: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "beq": lambda a, b: a == b,
    "bne": lambda a, b: a != b,
    "blt": lambda a, b: (a ^ _SIGN) < (b ^ _SIGN),
    "bge": lambda a, b: (a ^ _SIGN) >= (b ^ _SIGN),
    "bltu": lambda a, b: a < b,
    "bgeu": lambda a, b: a >= b,
}
"""Branch to whether it is taken, of rs1 and rs2."""
