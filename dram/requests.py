"""Memory requests as flat arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dram.errors import DramError

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """Requests in the order in which the host sends them; all arrays have the same length.

    Attributes:
        ids: Number of each request, as it appears in the results.
        arrival: Cycle of the memory clock from which on the request may enter; never decreases.
        is_write: Whether it writes.
        address: Byte address.
        source: Number of the core or unit that sent it.
    """

    ids: Int64
    arrival: Int64
    is_write: Bool
    address: Int64
    source: Int64

    def __len__(self) -> int:
        return len(self.arrival)

    def __getitem__(self, part: slice) -> Requests:
        return Requests(
            self.ids[part], self.arrival[part], self.is_write[part], self.address[part], self.source[part]
        )

    @staticmethod
    def of(
        arrival: Iterable[int],
        is_write: Iterable[bool],
        address: Iterable[int],
        ids: Iterable[int] | None = None,
        source: Iterable[int] | None = None,
    ) -> Requests:
        """From any iterables; numbers default to 0, 1, 2 …, sources to 0.

        Raises:
            DramError: They differ in length, or a value is no whole number or, in ``is_write``, neither true
                nor false.
        """
        arrivals = _int64(arrival, "arrival")
        count = len(arrivals)
        made = Requests(
            np.arange(count, dtype=np.int64) if ids is None else _int64(ids, "ids"),
            arrivals,
            _bool(is_write),
            _int64(address, "address"),
            np.zeros(count, np.int64) if source is None else _int64(source, "source"),
        )
        lengths = {name: len(getattr(made, name)) for name in made.__slots__}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{length} of {name}" for name, length in lengths.items())
            raise DramError(f"requests need as many values of each kind, but there are {listed}")
        return made

    @staticmethod
    def joined(parts: Sequence[Requests]) -> Requests:
        """One after the other."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return Requests.of((), (), ())
        return Requests(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.arrival for part in parts]),
            np.concatenate([part.is_write for part in parts]),
            np.concatenate([part.address for part in parts]),
            np.concatenate([part.source for part in parts]),
        )


def _int64(values: Iterable[int], name: str) -> Int64:
    """Whole numbers as an array. Raises :class:`DramError` for others."""
    found = _array(values)
    if not len(found):
        return np.zeros(0, np.int64)
    whole = found.dtype.kind in "iu" or (found.dtype.kind == "f" and bool((found == np.floor(found)).all()))
    if not whole or found.max() >= 1 << 63 or found.min() < -(1 << 63):
        raise DramError(f"{name}: {_first_of(found, name)} is no whole number of 64 bits")
    return found.astype(np.int64)


def _bool(values: Iterable[bool]) -> Bool:
    """Truth values as an array; 0 and 1 count as such. Raises :class:`DramError` for others."""
    found = _array(values)
    if found.dtype.kind in "iuf" and bool(((found == 0) | (found == 1)).all()):
        found = found.astype(np.bool_)
    if found.dtype.kind != "b":
        raise DramError(f"is_write: {_first_of(found, 'is_write')} is neither true nor false")
    return found


def _array(values: Iterable[Any]) -> NDArray[Any]:
    try:
        found = np.asarray(values if isinstance(values, (np.ndarray, Sequence)) else list(values))
    except ValueError:  # lists of several lengths
        found = np.zeros((0, 0))
    if found.ndim != 1:
        raise DramError("requests are given as lists of single values")
    return found


def _first_of(found: NDArray[Any], name: str) -> str:
    """The first value that does not belong there, as messages quote it."""
    for value in found.tolist():
        fits = value in (0, 1) if name == "is_write" else _is_whole(value)
        if not fits:
            return repr(value)[:40]
    return repr(found.tolist()[0])[:40]


def _is_whole(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer() and abs(value) < 1 << 63
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63
