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

        # a table is passed as an array of pointers to its rows
        rows = {
            name: np.array([row.ctypes.data for row in getattr(state, name)], dtype=np.int64)
            for name in TABLES
        }
        columns = {**columns_of(program), **columns_of(state), **rows}
        addresses = np.array([column.ctypes.data for column in columns.values()], dtype=np.int64)
        self.set_up((program, state, rows), addresses)

    def set_up(self, kept_alive: object, addresses: Any) -> None:
        """Use the arrays at these addresses."""
        self._enter = compiled_entry()
        self._kept_alive = kept_alive
        self._addresses = addresses

    def __call__(self, program: ProgramArrays, state: State, pc: int, stop: int) -> int:
        return int(self._enter(self._addresses, pc, stop))


class FirstState:
    """The state before cycle 0 in one array, of which copies are made for one run after the other."""

    def __init__(self, program: ProgramArrays, state: State) -> None:
        """``program`` in arrays, ``state`` in plain lists."""
        import numpy as np

        self._program = program
        values: list[int] = []
        self._places: dict[str, list[tuple[int, int]]] = {}
        for name, column in columns_of(state).items():
            rows = column if name in TABLES else [column]
            self._places[name] = []
            for row in rows:
                self._places[name].append((len(values), len(values) + len(row)))
                values += row
        self._values = np.array(values, dtype=np.int64)
        self._fixed = [column.ctypes.data for column in columns_of(program).values()]
        self._starts = {
            name: np.array([8 * first for first, _ in places], dtype=np.int64)
            for name, places in self._places.items()
        }

    def copy(self) -> tuple[State, Compiled]:
        """A fresh state, and what propagates it."""
        import numpy as np

        values = self._values.copy()
        base = values.ctypes.data
        columns: dict[str, Any] = {}
        addresses = [*self._fixed]
        rows = {}
        for name, places in self._places.items():
            if name in TABLES:
                columns[name] = [values[first:stop] for first, stop in places]
                rows[name] = self._starts[name] + base
                addresses.append(rows[name].ctypes.data)
            else:
                ((first, stop),) = places
                columns[name] = values[first:stop]
                addresses.append(base + 8 * first)
        state = State(**columns)
        made = Compiled.__new__(Compiled)
        made.set_up((self._program, state, values, rows), np.array(addresses, dtype=np.int64))
        return state, made


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
