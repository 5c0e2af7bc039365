"""The functions of :mod:`aidg.flow.kernel`, compiled by numba for NumPy arrays (extra ``fast``).

Its modules are loaded a second time and their functions are replaced by compiled ones in these copies, so
both worlds have one source. Compiled code is kept in numba's cache, beside the source or in the user's cache
directory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

from acadl.errors import AcadlError
from aidg.compiled import is_available
from aidg.copies import second_copy
from aidg.flow.kernel import MODULES

# Functions of so many bytes of bytecode are put in the place of their calls.
SHORT = 200


class CompiledKernel(NamedTuple):
    """Functions of the kernel for the addresses of arrays of 64-bit integers."""

    run_at: Callable[[int, int], int]
    go_at: Callable[[int, int, int], int]
    look_at: Callable[[int, int, int], int]
    move_at: Callable[[int, int, int, int, int], None]
    answer_at: Callable[[int, int, int, int], None]
    following_at: Callable[[int, int], int]


@cache
def compiled_kernel() -> CompiledKernel:
    """The kernel, compiled for bare pointers, which cost nothing to pass on. Raises :class:`AcadlError`."""
    if not is_available():
        raise AcadlError("the compiled kernel needs numba: pip install 'acadl[fast]'")
    from numba import njit

    from aidg import pointers

    compiled: dict[str, Any] = {"pointer": pointers.integers}
    version = _version()
    for module in MODULES:
        name = f"aidg.flow.kernel.{module}"
        copy: Any = second_copy(name)
        for each, function in vars(import_module(name)).items():
            if not isinstance(function, FunctionType):
                continue
            if function.__module__ == name and each not in compiled:
                own = getattr(copy, each)
                own.__qualname__ = f"{each}_{version}"  # numba's cache goes by it
                short = len(function.__code__.co_code) <= SHORT
                compiled[each] = njit(cache=True, error_model="numpy", forceinline=short)(own)
            setattr(copy, each, compiled[each])
    return CompiledKernel(*(compiled[name] for name in CompiledKernel._fields))


def _version() -> str:
    """What tells this kernel from others in numba's cache, which notices changes within one module only."""
    digest = sha256(str(SHORT).encode())
    for module in ("names", *MODULES):
        source = import_module(f"aidg.flow.kernel.{module}").__file__
        assert source is not None
        digest.update(Path(source).read_bytes())
    return digest.hexdigest()[:12]


def is_loaded() -> bool:
    """Whether this process has the compiled kernel already."""
    return compiled_kernel.cache_info().currsize > 0
