"""Waveforms in the FST format (extra ``waves``): watched signals only, read in another process.

The package that reads them, pywellen, may abort its process or never come back where a file is damaged; this
one then says so. See :mod:`platforms.validation.fst_process`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Timer
from types import TracebackType
from typing import Any, NoReturn

from platforms.validation.vcd import Changes, Signal, WaveError, find_signal

# The longest silence: a fixed time, and more for large files.
SILENCE_S = 60.0
SILENT_BYTES_PER_S = 2_000_000


@dataclass
class FstFile:
    """An open file; what :class:`platforms.validation.vcd.VcdFile` is for VCD.

    Signals are packed in blocks of their own in this format, so only the watched ones are unpacked. Two names
    of one signal are taken for two signals.

    Attributes:
        file: Its name.
        signals: All signals, known when the context is entered.
        silence_s: Seconds after which a silent reader is given up; by default enough for the file's size.
    """

    file: str
    signals: tuple[Signal, ...] = ()
    silence_s: float | None = None
    _process: subprocess.Popen[str] | None = None
    _is_late: bool = False

    def __enter__(self) -> FstFile:
        if find_spec("pywellen") is None:
            raise WaveError(
                f"reading '{self.file}' needs the extra 'waves': pip install 'acadl[waves]' (or convert it "
                "to .vcd, with fst2vcd for example)"
            )
        try:
            size = os.path.getsize(self.file)
        except OSError as error:
            raise WaveError(f"cannot read '{self.file}': {error.strerror or error}") from error
        if self.silence_s is None:
            self.silence_s = SILENCE_S + size / SILENT_BYTES_PER_S
        self._process = _started(self.file)
        try:
            found = self._next()["signals"]
        except BaseException:
            self._end()
            raise
        self.signals = tuple(
            Signal(name, str(number).encode(), bits or 0, bits is not None)
            for number, (name, bits) in enumerate(found)
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def find(self, name: str) -> Signal:
        """The signal of that name (:func:`platforms.validation.vcd.find_signal`)."""
        return find_signal(self.file, self.signals, name)

    def changes(self, watched: Iterable[Signal]) -> Iterator[Changes]:
        """The changes of ``watched``, numbered in their order, by time; times without any are left out.

        Raises:
            WaveError: The file is damaged.
        """
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps([int(signal.code) for signal in watched]) + "\n")
            self._process.stdin.flush()
        except OSError:
            self._lost()
        while isinstance(answer := self._next(), list):
            for time, values in answer:
                yield Changes(time, tuple((number, value) for number, value in values))

    def _next(self) -> Any:
        """The next answer of the reader; it is given up when it is silent for too long."""
        assert self._process is not None and self._process.stdout is not None
        timer = Timer(self.silence_s or SILENCE_S, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line.endswith("\n"):
            self._lost()
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise WaveError(f"cannot read '{self.file}': {answer['error']}")
        return answer

    def _give_up(self) -> None:
        self._is_late = True
        if self._process is not None:
            self._process.kill()

    def _lost(self) -> NoReturn:
        assert self._process is not None
        status = self._process.wait()
        if self._is_late:
            raise WaveError(
                f"cannot read '{self.file}': its reader was silent for {self.silence_s:.0f} s and was ended; "
                "the file is probably damaged"
            )
        raise WaveError(
            f"cannot read '{self.file}': its reader broke down (status {status}); the file is probably "
            "damaged. Its simulator, or fst2vcd, can write it anew"
        )


def _started(file: str) -> subprocess.Popen[str]:
    """The other process, which finds packages where this one does."""
    path = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "platforms.validation.fst_process", os.path.abspath(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
        text=True,
        encoding="utf-8",
    )
