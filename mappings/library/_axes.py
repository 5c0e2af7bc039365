"""Dimensions of a problem as steps through its operands, and places in these."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Axis:
    """``count`` steps; how far each moves in A, B and C and in the bias, in bytes."""

    count: int
    a: int = 0
    c: int = 0
    b: int = 0
    bias: int = 0


@dataclass(frozen=True, slots=True)
class Offset:
    """Bytes from the beginnings of input (a), weights (b), output (c) and bias."""

    a: int = 0
    b: int = 0
    c: int = 0
    bias: int = 0

    def __add__(self, other: Offset) -> Offset:
        return Offset(self.a + other.a, self.b + other.b, self.c + other.c, self.bias + other.bias)


START = Offset()


def along(axis: Axis, steps: int) -> Offset:
    """``steps`` steps along a dimension."""
    return Offset(*(steps * getattr(axis, field.name) for field in fields(Offset)))
