"""The runs of a trace file through the hierarchy of a configuration: what ``acadl cache`` does."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from acadl.errors import AcadlError
from dram.errors import TraceError
from dram.traces.writing import text_file
from platforms.caches.chain import Chain
from platforms.caches.config_file import CacheConfiguration, read_configuration
from platforms.caches.ports import drive
from platforms.caches.trace_files import Trace, header, read_traces, result_lines

Progress = Callable[[int, int, str], None]
"""Called before each run with its number from 0, how many there are, and its name."""


@dataclass(frozen=True, slots=True)
class LevelTotals:
    """Counts of one level; write-backs are lines."""

    hits: int
    misses: int
    writebacks: int
    below_reads: int
    below_writes: int


@dataclass(frozen=True, slots=True)
class RunTotals:
    """One run of a trace file. The first counts are those of level 1.

    Attributes:
        total_cycles: The last cycle in which an access was ready.
        levels: From level 1 down.
    """

    trace: str
    accesses: int
    total_cycles: int
    hits: int
    misses: int
    writebacks: int
    levels: tuple[LevelTotals, ...]


@dataclass(frozen=True, slots=True)
class CacheRuns:
    """All runs of a trace file."""

    configuration: str
    runs: tuple[RunTotals, ...]

    def to_dict(self) -> dict[str, object]:
        """Keys ``configuration, runs``."""
        return asdict(self)

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict())


def simulate_traces(
    trace: str, config: str, results: str | None = None, progress: Progress | None = None
) -> CacheRuns:
    """Send the runs of a trace file through a hierarchy, each from reset.

    Args:
        trace: CSV ``trace,id,port,op,addr,strobe,think``, plain or gzip.
        config: ``FILE.json:ID``.
        results: File for the cycles of each access; it is written in one step.

    Raises:
        AcadlError: An input cannot be used; findings have their lines. No file is written then.
    """
    configuration = read_configuration(config)
    traces = read_traces(trace, configuration)
    totals = []
    try:
        with ExitStack() as files:
            write = files.enter_context(text_file(results)) if results else None
            if write:
                write(header())
            for number, each in enumerate(traces):
                if progress:
                    progress(number, len(traces), each.name)
                totals.append(_run(each, configuration, write))
    except TraceError as error:
        raise AcadlError(str(error)) from error
    return CacheRuns(configuration.name, tuple(totals))


def _run(trace: Trace, configuration: CacheConfiguration, write: Callable[[str], object] | None) -> RunTotals:
    chain = Chain(configuration.chain)
    served = drive(chain, trace.accesses, configuration.drivers[trace.name])
    if write:
        for line in result_lines(trace.name, trace.accesses, served):
            write(line)
    levels = tuple(
        LevelTotals(cache.hits, cache.misses, cache.write_backs, cache.below_reads, cache.below_writes)
        for cache in chain.caches
    )
    first = levels[0]
    last = max(times.ready for times in served)
    return RunTotals(trace.name, len(served), last, first.hits, first.misses, first.writebacks, levels)
