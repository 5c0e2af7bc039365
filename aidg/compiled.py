"""The functions of :mod:`aidg.propagation`, compiled by numba for NumPy arrays (extra ``fast``).

The module is loaded a second time and its functions are replaced by compiled ones in that copy, so both
worlds have one source. Compiled code sees the arrays as bare pointers, which costs nothing to pass on. It is
kept in numba's cache, beside the source or in the user's cache directory.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from importlib.util import find_spec
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from acadl.errors import AcadlError
from aidg import propagation
from aidg.copies import second_copy
from aidg.propagation import ProgramArrays, State

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[[ProgramArrays, State, int, int], int]

Arrays = TypeVar("Arrays", ProgramArrays, State)

# Fields of the state with a row per table or group.
TABLES = ("stretches", "levels", "keys", "written", "read", "starts", "users", "ended")

# What compiled code gets from :mod:`aidg.pointers`.
# Functions that are called seldom or from many places. The others become one function: passing on what they
# work on, some forty pointers, would take longer than what they do.
SELDOM = (
    *("_tidy", "prune_table", "_prune_ranges", "_serve_queued", "_split", "_merge"),
    *("_slot", "_range_ready", "_insert"),
)
STAND_INS = ("ProgramArrays", "State", "bisect_right", "integers", "records", "tables")


def is_available() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


def arrays_of(lists: Arrays) -> Arrays:
    """The same on NumPy arrays of 64-bit integers; tables stay lists of rows."""
    import numpy as np

    def array(numbers: Any) -> Any:
        return np.array(numbers, dtype=np.int64)

    made = {
        name: [array(row) for row in values] if name in TABLES else array(values)
        for name, values in columns_of(lists).items()
    }
    return type(lists)(**made)


def lists_of(state: State) -> State:
    """The same on plain lists."""
    made = {
        name: [row.tolist() for row in values] if name in TABLES else values.tolist()
        for name, values in columns_of(state).items()
    }
    return State(**made)


def columns_of(arrays: ProgramArrays | State) -> dict[str, Any]:
    """The arrays by the names of their fields, in order."""
    return {field.name: getattr(arrays, field.name) for field in fields(arrays)}


class Compiled:
    """Compiled propagation of one state, whose arrays stay where they are.

    Called like :func:`aidg.propagation.run`, with the arrays it has been made for.
    """

    def __init__(self, program: ProgramArrays, state: State) -> None:
        """Compile, or load what has been compiled before.

        Raises:
            AcadlError: numba is not installed.
        """
        import numpy as np

        self._enter = compiled_entry()
        self._kept_alive = (program, state)
        # a table is passed as an array of pointers to its rows
        self._rows = {
            name: np.array([row.ctypes.data for row in getattr(state, name)], dtype=np.int64)
            for name in TABLES
        }
        columns = {**columns_of(program), **columns_of(state), **self._rows}
        self._addresses = np.array([column.ctypes.data for column in columns.values()], dtype=np.int64)

    def __call__(self, program: ProgramArrays, state: State, pc: int, stop: int) -> int:
        return int(self._enter(self._addresses, pc, stop))


@cache
def compiled_entry() -> Callable[[Any, int, int], int]:
    """:func:`aidg.propagation.enter`, compiled. Raises :class:`AcadlError`."""
    if not is_available():
        raise AcadlError("the compiled kernel needs numba: pip install 'acadl[fast]'")
    from numba import njit

    from aidg import pointers

    copy = second_copy("aidg.propagation")
    for name, function in vars(propagation).items():
        if name in STAND_INS:
            setattr(copy, name, getattr(pointers, name))
        elif isinstance(function, FunctionType):
            compiler = njit(cache=True, error_model="numpy", forceinline=name not in SELDOM)
            setattr(copy, name, compiler(getattr(copy, name)))
    entry: Callable[[Any, int, int], int] = copy.enter
    return entry
