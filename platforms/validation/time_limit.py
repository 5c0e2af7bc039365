"""An end to work that takes too long, such as a case of absurd size, without harm to what comes after."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from acadl.errors import AcadlError


@contextmanager
def time_limit(seconds: float | None, what: str) -> Iterator[None]:
    """Raise :class:`AcadlError` within the block when it has taken longer than ``seconds``.

    Works in the main thread of a process, on systems with interval timers; elsewhere there is no limit.
    """
    if seconds is None or not _is_possible():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise AcadlError(f"{what} took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _is_possible() -> bool:
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
