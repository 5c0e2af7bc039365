"""What stands for arrays in compiled code: their addresses as bare pointers. Imports numba.

Numba's cache notices changes of :mod:`aidg.propagation`, not changes here: delete it then.
"""

from __future__ import annotations

import operator
from collections import namedtuple
from dataclasses import fields
from typing import Any

from numba import njit, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from aidg import propagation

# Entries that are looked at one by one before the search by halves.
NEAR = 6

_INTEGERS: Any = types.CPointer(types.int64)
_TABLES: Any = types.CPointer(_INTEGERS)


class _Records(types.Type):  # type: ignore[misc]
    """Tuples of ``width`` integers, one after the other."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(f"Records({width})")


@register_model(_Records)
class _RecordsModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, records: _Records) -> None:
        super().__init__(manager, records, manager.lookup(_INTEGERS).get_value_type())


@infer_global(operator.getitem)
class _Record(AbstractTemplate):  # type: ignore[misc]
    """``records[i]`` is a tuple."""

    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], _Records):
            return signature(types.UniTuple(types.int64, args[0].width), args[0], types.int64)
        return None


@lower_builtin(operator.getitem, _Records, types.int64)  # type: ignore[untyped-decorator]
def _load_record(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    first, width = arguments[1], signature.args[0].width
    number = context.get_constant(types.int64, width)
    position = builder.mul(first, number)
    values = []
    for field in range(width):
        at = builder.add(position, context.get_constant(types.int64, field))
        values.append(builder.load(builder.gep(arguments[0], [at], inbounds=True)))
    return context.make_tuple(builder, signature.return_type, values)


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


def _tables(typingctx: Any, address: Any) -> Any:
    """Pointer to pointers to 64-bit integers at an address."""
    return _cast(_TABLES)(typingctx, address)


def _records(typingctx: Any, address: Any, width: Any) -> Any:
    """Pointer to records at an address."""
    if not isinstance(width, types.IntegerLiteral):
        return None
    made = _Records(width.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(made))

    return made(types.int64, width), generate


integers: Any = intrinsic(_integers)
tables: Any = intrinsic(_tables)
records: Any = intrinsic(prefer_literal=True)(_records)

# compiled code knows tuples with names, not classes
ProgramArrays: Any = namedtuple("ProgramArrays", [f.name for f in fields(propagation.ProgramArrays)])  # type: ignore[misc]
State: Any = namedtuple("State", [f.name for f in fields(propagation.State)])  # type: ignore[misc]


@njit(cache=True, forceinline=True)  # type: ignore[untyped-decorator]
def bisect_right(values: Any, value: int, low: int, high: int) -> int:
    """As that of the module :mod:`bisect`; what is looked for is mostly near the end."""
    for _ in range(NEAR):
        if low == high or values[high - 1] <= value:
            return high
        high -= 1
    while low < high:
        middle = (low + high) // 2
        if values[middle] > value:
            high = middle
        else:
            low = middle + 1
    return low
