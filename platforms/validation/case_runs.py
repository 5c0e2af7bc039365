"""Predicting cases, on one core or several; results keep their order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Literal, TypeAlias

from acadl.errors import AcadlError
from mappings.cases import Case, map_case
from platforms.validation.time_limit import time_limit

if TYPE_CHECKING:
    from acadl.model import Architecture

Setting: TypeAlias = int | bool | str
Settings: TypeAlias = Mapping[str, Setting]

LARGEST_CHUNK = 16  # cases that a worker takes at a time
ALONE_S = 1.0  # seconds after which it pays to start processes


@dataclass(frozen=True)
class Job:
    """A case to predict.

    Attributes:
        source: Name or path of the description.
        settings: Its parameters for this case.
        case: The row.
    """

    source: str
    settings: Settings
    case: Case


@dataclass(frozen=True)
class Outcome:
    """Predicted cycles and how they were obtained, or why there are none; columns that the mapping read.

    For a system of several cores ``per_core`` has the cycles of each.
    """

    cycles: int = 0
    method: str = ""
    reason: str = ""
    read: frozenset[str] = frozenset()
    per_core: tuple[int, ...] = ()


@dataclass
class Predictor:
    """Predicts cases one by one; descriptions with equal settings are read once."""

    mapping_files: tuple[str, ...] = ()
    limit_s: float | None = None
    architectures: dict[tuple[str, tuple[tuple[str, Setting], ...]], Architecture] = field(
        default_factory=dict
    )

    def predict(self, job: Job) -> Outcome:
        """The outcome of one case; whatever makes it impossible is its reason."""
        from platforms.soc.systems import find_system
        from platforms.user_mapping import explaining_mappings

        try:
            with time_limit(self.limit_s, "the prediction"), explaining_mappings(self.mapping_files):
                system = find_system(job.source)
                if system is not None:
                    cycles = system.predict(job.case, job.settings)
                    return Outcome(max(cycles), "full", read=frozenset(job.case.read), per_core=cycles)
                return predicted(self._architecture(job), job.case)
        except AcadlError as error:
            return Outcome(reason=str(error))
        except (MemoryError, OverflowError, RecursionError) as error:
            return Outcome(reason=f"the case is too large ({type(error).__name__})")

    def _architecture(self, job: Job) -> Architecture:
        from platforms.catalog import load_for_cases

        key = (job.source, tuple(job.settings.items()))
        if key not in self.architectures:
            self.architectures.clear()  # neighbours are alike; more would cost memory
            self.architectures[key] = load_for_cases(job.source, **job.settings)
        return self.architectures[key]


def predicted(arch: Architecture, case: Case) -> Outcome:
    """Map and estimate one case. Raises :class:`AcadlError` where that is impossible."""
    from aidg import estimate
    from aidg.compiled import is_available

    # where every row counts, many small cases are worth loading compiled code for
    kernel: Literal["auto", "compiled"] = "compiled" if arch.in_order_of_time and is_available() else "auto"
    result = estimate(arch, map_case(case, arch), kernel=kernel)
    return Outcome(result.cycles, result.method, read=frozenset(case.read))


def outcomes(
    jobs: Sequence[Job],
    workers: int,
    mapping_files: tuple[str, ...],
    alone_s: float = ALONE_S,
    limit_s: float | None = None,
) -> Iterator[Outcome]:
    """The outcomes in the order of the jobs, as they become known.

    Args:
        workers: Processes; with 1 everything happens in this one.
        mapping_files: The user's mapping modules, which new processes import.
        limit_s: Seconds that a case may take; the others go on.
        alone_s: Seconds before other processes are started: most tables are done by then.

    Raises:
        AcadlError: A process died.
    """
    predictor, started = Predictor(mapping_files, limit_s), time.monotonic()
    done = 0
    while done < len(jobs) and (workers <= 1 or time.monotonic() - started < alone_s):
        yield predictor.predict(jobs[done])
        done += 1
    if done < len(jobs):
        yield from _shared(jobs[done:], workers, mapping_files, limit_s)


def _shared(
    jobs: Sequence[Job], workers: int, mapping_files: tuple[str, ...], limit_s: float | None
) -> Iterator[Outcome]:
    """The outcomes in the order of the jobs, by new processes."""
    size = max(1, min(LARGEST_CHUNK, len(jobs) // (4 * workers)))
    chunks = [(mapping_files, limit_s, jobs[start : start + size]) for start in range(0, len(jobs), size)]
    with _pool(workers, mapping_files) as pool:
        try:
            with _deaf_to_interrupts():  # new processes stay so
                results = pool.map(_predict_chunk, chunks)
            for found in results:
                yield from found
        except BrokenProcessPool:
            raise AcadlError(
                "a process that evaluated cases was ended from outside (out of memory?)"
            ) from None


@contextmanager
def _pool(workers: int, mapping_files: tuple[str, ...]) -> Iterator[ProcessPoolExecutor]:
    """Processes that are gone afterwards, also after an interrupt."""
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")  # threads of the caller are no concern
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(mapping_files,))
    try:
        yield pool
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Interrupts wait for the end; processes that are started meanwhile leave them to this one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(mapping_files: tuple[str, ...]) -> None:
    """In a new process: interrupts are the parent's business; the user's mappings register themselves."""
    from platforms.user_mapping import import_mapping

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for path in mapping_files:
        import_mapping(path)


def _end_with_parent() -> None:
    """Nobody else would end this process if its parent was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _predict_chunk(chunk: tuple[tuple[str, ...], float | None, Sequence[Job]]) -> list[Outcome]:
    mapping_files, limit_s, jobs = chunk
    return list(map(Predictor(mapping_files, limit_s).predict, jobs))
