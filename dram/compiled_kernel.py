"""The controller's kernel, compiled by numba for arrays that are handed over as bare pointers.

The modules of :mod:`dram.kernel` are loaded a second time; in the copies, functions are compiled, and call
the compiled ones of the modules before. What is compiled is kept in numba's cache, under a name that holds a
digest of all sources, so that a change of one of them is not missed. Imports numba.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from hashlib import sha256
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from threading import local
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from dram.kernel import layout

# In the order in which they build on each other.
MODULES = (
    "timing", "offers", "power", "queues", "port", "refresh",
    "schedule", "issue", "alone", "steps", "entry",
)  # fmt: skip

_INTEGERS: Any = types.CPointer(types.int64)


def _integers(typingctx: Any, address: Any) -> Any:
    """Pointer to 64-bit integers at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(_INTEGERS))

    return _INTEGERS(types.int64), generate


integers: Any = intrinsic(_integers)
NAMES = tuple(field.name for field in fields(layout.Kernel))
Pointers: Any = namedtuple("Pointers", NAMES)  # type: ignore[misc]


@cache
def compiled_run() -> Callable[[layout.Kernel], int]:
    """:func:`dram.kernel.steps.run` for kernels whose arrays are NumPy's, of 64-bit integers."""
    enter = _entry()
    known = _Addresses()

    def run(kernel: layout.Kernel) -> int:
        return int(enter(known.of(kernel)))

    return run


class _Addresses(local):
    """Where the arrays of a kernel are; those of the last one are remembered: asking for them is slow."""

    def __init__(self) -> None:
        self._kernel: layout.Kernel | None = None
        self._arrays: list[Any] = [None] * len(NAMES)
        self._addresses = np.zeros(len(NAMES), np.int64)

    def of(self, kernel: layout.Kernel) -> Any:
        """In the order of :data:`NAMES`."""
        if kernel is self._kernel:
            return self._addresses
        self._kernel = kernel
        for number, name in enumerate(NAMES):
            array = getattr(kernel, name)
            if array is not self._arrays[number]:
                self._arrays[number] = array
                self._addresses[number] = array.ctypes.data
        return self._addresses


def _entry() -> Any:
    specs = {name: find_spec(f"dram.kernel.{name}") for name in MODULES}
    sources = [Path(str(spec.origin)) for spec in specs.values() if spec is not None]
    digest = sha256(
        b"".join(path.read_bytes() for path in (*sources, Path(layout.__file__), Path(__file__)))
    ).hexdigest()[:12]
    known: dict[str, Any] = {"integers": integers}
    for spec in specs.values():
        assert spec is not None and spec.loader is not None
        copy = module_from_spec(spec)
        spec.loader.exec_module(copy)
        _compile(copy, known, digest)
    return known["enter"]


def _compile(copy: ModuleType, known: dict[str, Any], digest: str) -> None:
    """Replace a module's functions by compiled ones, and those of the modules before by theirs."""
    for name, value in list(vars(copy).items()):
        if name == "enter":
            copy.Kernel = Pointers  # type: ignore[attr-defined]
            value.__qualname__ = f"enter_{digest}"
            known[name] = njit(cache=True, nogil=True, error_model="numpy")(value)
        elif isinstance(value, FunctionType):
            if value.__module__ == copy.__name__ and name not in known:
                known[name] = njit(
                    nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy"
                )(value)
            setattr(copy, name, known[name])
