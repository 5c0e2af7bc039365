"""Memory requests as flat arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        """From any iterables; numbers default to 0, 1, 2 …, sources to 0."""
        arrivals = _int64(arrival)
        count = len(arrivals)
        return Requests(
            np.arange(count, dtype=np.int64) if ids is None else _int64(ids),
            arrivals,
            np.fromiter(is_write, np.bool_),
            _int64(address),
            np.zeros(count, np.int64) if source is None else _int64(source),
        )

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


def _int64(values: Iterable[int]) -> Int64:
    return np.fromiter(values, np.int64)
