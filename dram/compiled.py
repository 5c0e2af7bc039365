"""Modules of plain functions, compiled by numba (extra ``fast``).

Such a module is loaded a second time and its functions are replaced by compiled ones in that copy, so both
worlds have one source. Compiled code is kept in numba's cache, beside the source or in the user's cache
directory.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import FunctionType, ModuleType

from dram.bare import bare


def is_available() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


@cache
def compiled(name: str) -> ModuleType:
    """A copy of the module ``name`` whose functions are compiled when they are first called.

    The functions take numbers, NumPy arrays and named tuples of both, and call only each other. Those that
    others enter by pass the tuples on as ``bare(fields)``, see :mod:`dram.bare`.

    Raises:
        ImportError: numba is not installed.
    """
    from numba import njit

    from dram import pointers

    original = import_module(name)
    spec = find_spec(name)
    assert spec is not None and spec.loader is not None
    copy = module_from_spec(spec)
    spec.loader.exec_module(copy)
    for key, value in vars(original).items():
        if value is bare:
            setattr(copy, key, pointers.bare)
        elif isinstance(value, type) and value.__module__ == name:
            setattr(copy, key, value)  # compiled code tells classes apart
        elif isinstance(value, FunctionType) and value.__module__ == name:
            setattr(copy, key, njit(cache=True, error_model="numpy")(getattr(copy, key)))
    return copy
