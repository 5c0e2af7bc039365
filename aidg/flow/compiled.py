"""The functions of :mod:`aidg.flow.kernel`, compiled by numba for NumPy arrays (extra ``fast``).

The module is loaded a second time and its functions are replaced by compiled ones in that copy, so both worlds
have one source. Compiled code is kept in numba's cache, beside the source or in the user's cache directory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

from acadl.errors import AcadlError
from aidg.compiled import is_available
from aidg.copies import second_copy
from aidg.flow import kernel


@cache
def compiled_kernel() -> Callable[[int, int], int]:
    """:func:`aidg.flow.kernel.run`, compiled, for the addresses of two arrays of 64-bit integers.

    Bare pointers cost nothing to pass on, unlike arrays. Raises :class:`AcadlError`.
    """
    if not is_available():
        raise AcadlError("the compiled kernel needs numba: pip install 'acadl[fast]'")
    from numba import njit

    from aidg import pointers

    copy = second_copy("aidg.flow.kernel")
    copy.pointer = pointers.integers  # type: ignore[attr-defined]
    for name, function in vars(kernel).items():
        if isinstance(function, FunctionType) and name != "pointer":
            setattr(copy, name, njit(cache=True, error_model="numpy")(getattr(copy, name)))
    run_at: Callable[[int, int], int] = copy.run_at
    return run_at
