"""A dimension of a problem as steps through its operands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axis:
    """``count`` steps; how far each moves in A, B and C and in the bias, in bytes."""

    count: int
    a: int = 0
    c: int = 0
    b: int = 0
    bias: int = 0
