"""Waveforms in the FST format, read with the package pywellen (extra ``waves``): watched signals only."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from types import TracebackType
from typing import Any

from platforms.validation.vcd import Changes, Signal, WaveError, find_signal


@dataclass
class FstFile:
    """An open file; what :class:`platforms.validation.vcd.VcdFile` is for VCD.

    Signals are packed in blocks of their own in this format, so only the watched ones are unpacked. Two names
    of one signal are taken for two signals.
    """

    file: str
    signals: tuple[Signal, ...] = ()
    _waveform: Any = None
    _variables: dict[bytes, Any] = field(default_factory=dict)

    def __enter__(self) -> FstFile:
        try:
            from pywellen import Waveform
        except ImportError:
            raise WaveError(
                f"reading '{self.file}' needs the extra 'waves': pip install 'acadl[waves]' (or convert it "
                "to .vcd, with fst2vcd for example)"
            ) from None
        with self._explained():
            self._waveform = Waveform(self.file)
        hierarchy = self._waveform.hierarchy
        found = []
        for variable in hierarchy.all_vars():
            name = variable.full_name(hierarchy)
            bits = variable.bitwidth()
            found.append(Signal(name, name.encode(), bits or 0, bits is not None))
            self._variables[name.encode()] = variable
        self.signals = tuple(found)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waveform = None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """The package has no class for what its reader finds; damaged files may even make it panic."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:
            raise WaveError(f"cannot read '{self.file}': {error}") from None

    def find(self, name: str) -> Signal:
        """The signal of that name (:func:`platforms.validation.vcd.find_signal`)."""
        return find_signal(self.file, self.signals, name)

    def changes(self, watched: Iterable[Signal]) -> Iterator[Changes]:
        """The changes of ``watched``, numbered in their order, by time; times without any are left out."""
        streams = [self._stream(number, signal) for number, signal in enumerate(watched)]
        merged = heapq.merge(*streams, key=lambda change: change[0])
        for time, group in groupby(merged, key=lambda change: change[0]):
            yield Changes(time, tuple((number, value) for _, number, value in group))

    def _stream(self, number: int, signal: Signal) -> Iterator[tuple[int, int, int | None]]:
        with self._explained():
            changes = self._waveform.get_signal(self._variables[signal.code]).all_changes()
        for time, value in changes:
            yield time, number, _number(value)


def _number(value: int | str) -> int | None:
    """The package gives defined values as integers, others as text."""
    if isinstance(value, int):
        return value
    return int(value, 2) if value and not value.strip("01") else None
