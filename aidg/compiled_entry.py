"""Where interpreted code enters compiled code: addresses of arrays become bare pointers. Imports numba."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

from aidg.propagation import ProgramArrays, State, run

_INTEGERS = types.CPointer(types.int64)
_ROWS = types.CPointer(_INTEGERS)


def _cast(pointer: Any) -> Any:
    """Numba's intrinsic that takes an address for a pointer of the given type."""

    def declare(context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(pointer))

        return pointer(types.int64), generate

    return declare


@intrinsic
def integers(typingctx: Any, address: Any) -> Any:
    """Pointer to 64-bit integers at an address."""
    return _cast(_INTEGERS)(typingctx, address)


@intrinsic
def rows(typingctx: Any, address: Any) -> Any:
    """Pointer to pointers to 64-bit integers at an address."""
    return _cast(_ROWS)(typingctx, address)


def enter(a: Any, pc: int, stop: int) -> int:
    """:func:`aidg.propagation.run` on the arrays whose addresses are in ``a``, in the order of the fields."""
    program = ProgramArrays(
        integers(a[0]),
        integers(a[1]),
        integers(a[2]),
        integers(a[3]),
        integers(a[4]),
        integers(a[5]),
        integers(a[6]),
        integers(a[7]),
    )
    state = State(
        integers(a[8]),
        integers(a[9]),
        integers(a[10]),
        integers(a[11]),
        integers(a[12]),
        integers(a[13]),
        integers(a[14]),
        integers(a[15]),
        integers(a[16]),
        integers(a[17]),
        rows(a[18]),
        rows(a[19]),
        integers(a[20]),
        rows(a[21]),
        rows(a[22]),
        rows(a[23]),
        integers(a[24]),
        rows(a[25]),
        rows(a[26]),
        integers(a[27]),
    )
    return run(program, state, pc, stop)
