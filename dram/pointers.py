"""What :func:`dram.bare.bare` means in compiled code: arrays become pointers to their data. Imports numba."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic


def _pointer_type(field: Any) -> Any:
    return types.CPointer(field.dtype) if isinstance(field, types.Array) else field


def _bare(typingctx: Any, fields: Any) -> Any:
    """The named tuple with a pointer in place of each array."""
    members = [_pointer_type(field) for field in fields.types]
    if isinstance(fields, types.NamedUniTuple):
        made: Any = types.NamedUniTuple(members[0], len(members), fields.instance_class)
    else:
        made = types.NamedTuple(members, fields.instance_class)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = []
        for place, field in enumerate(fields.types):
            value = builder.extract_value(arguments[0], place)
            if isinstance(field, types.Array):
                value = context.make_array(field)(context, builder, value).data
            values.append(value)
        return context.make_tuple(builder, made, values)

    return made(fields), generate


bare: Any = intrinsic(_bare)
