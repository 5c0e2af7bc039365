"""Rows in the order of their numbers, though they come in another one."""

from __future__ import annotations

import numpy as np

from dram.requests import Int64


class InOrder:
    """Holds rows back until all before them are there; their first column counts from 0."""

    def __init__(self, columns: int) -> None:
        self._next = 0
        self._held = np.zeros((0, columns), np.int64)

    def add(self, rows: Int64) -> Int64:
        """The rows that are next, in their order."""
        held = np.concatenate([self._held, rows])
        held = held[np.argsort(held[:, 0], kind="stable")]
        count = int((held[:, 0] == self._next + np.arange(len(held))).sum())
        self._next += count
        self._held = held[count:].copy()
        return held[:count]
