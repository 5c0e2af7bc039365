"""Addresses of arrays as bare pointers, for compiled code. Imports numba."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

_INTEGERS: Any = types.CPointer(types.int64)
_ROWS: Any = types.CPointer(_INTEGERS)


def _cast(pointer: Any) -> Any:
    """Numba's intrinsic that takes an address for a pointer of the given type."""

    def declare(context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(pointer))

        return pointer(types.int64), generate

    return declare


def _integers(typingctx: Any, address: Any) -> Any:
    """Pointer to 64-bit integers at an address."""
    return _cast(_INTEGERS)(typingctx, address)


def _rows(typingctx: Any, address: Any) -> Any:
    """Pointer to pointers to 64-bit integers at an address."""
    return _cast(_ROWS)(typingctx, address)


integers: Any = intrinsic(_integers)
rows: Any = intrinsic(_rows)
