"""The functions of :mod:`aidg.flow.kernel`, compiled by numba for NumPy arrays (extra ``fast``).

The module is loaded a second time and its functions are replaced by compiled ones in that copy, so both worlds
have one source. Compiled code is kept in numba's cache, beside the source or in the user's cache directory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

from acadl.errors import AcadlError
from aidg.compiled import is_available
from aidg.copies import second_copy
from aidg.flow import kernel


class CompiledKernel(NamedTuple):
    """Functions of the kernel for the addresses of two arrays of 64-bit integers."""

    run_at: Callable[[int, int], int]
    key_at: Callable[[int, int], int]
    move_at: Callable[[int, int, int, int], None]


@cache
def compiled_kernel() -> CompiledKernel:
    """The kernel, compiled; bare pointers cost nothing to pass on, unlike arrays. Raises :class:`AcadlError`."""
    if not is_available():
        raise AcadlError("the compiled kernel needs numba: pip install 'acadl[fast]'")
    from numba import njit

    from aidg import pointers

    copy: Any = second_copy("aidg.flow.kernel")
    copy.pointer = pointers.integers
    for name, function in vars(kernel).items():
        if isinstance(function, FunctionType) and name != "pointer":
            setattr(copy, name, njit(cache=True, error_model="numpy")(getattr(copy, name)))
    return CompiledKernel(copy.run_at, copy.key_at, copy.move_at)
