"""Time lines of systems for Perfetto: a lane for each core, lanes and curves for each channel and cache."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from acadl.errors import AcadlError
from dram.errors import TraceError
from dram.traces.writing import text_file
from platforms.soc.over_time import OverTime
from platforms.soc.simulation import SystemRun

Event = dict[str, object]
CORES, MEMORIES = 0, 1


def write_trace(path: str | os.PathLike[str], run: SystemRun) -> None:
    """Write a run as a Chrome trace, in one step; a time is microseconds.

    Raises:
        AcadlError: The file cannot be written.
    """
    scale = 1e6 / run.clock_hz
    events = [*_core_events(run, scale), *_memory_events(run.over_time, scale)]
    try:
        with text_file(path) as write:
            write(json.dumps({"traceEvents": events, "displayTimeUnit": "ns"}))
    except TraceError as error:
        raise AcadlError(str(error)) from error


def _core_events(run: SystemRun, scale: float) -> Iterator[Event]:
    lanes = {core.name: number for number, core in enumerate(run.cores)}
    yield _name("process_name", CORES, 0, "cores")
    for name, number in lanes.items():
        yield _name("thread_name", CORES, number, name)
    for part in run.layers:
        yield {
            "ph": "X",
            "name": part.layer,
            "cat": part.op,
            "pid": CORES,
            "tid": lanes[part.core],
            "ts": part.begin * scale,
            "dur": (part.end - part.begin) * scale,
            "args": {"cycles": part.end - part.begin, "stalled_cycles": part.stalled_cycles},
        }


def _memory_events(over: OverTime, scale: float) -> Iterator[Event]:
    """Of each channel and cache: a slice for each window in which it was used, and curves."""
    yield _name("process_name", MEMORIES, 0, "memories")
    length = over.window_cycles * scale
    for lane, (name, waiting) in enumerate(over.waiting.items()):
        yield _name("thread_name", MEMORIES, lane, name)
        moved = over.bytes_moved.get(name, {})
        for window, cycles in enumerate(waiting):
            start, queued = window * length, cycles / over.window_cycles
            args: dict[str, object] = {"requests": queued}
            yield _curve(f"{name} requests", start, {"mean": queued})
            if moved:
                rates = {core: row[window] / length / 1e3 for core, row in moved.items()}
                yield _curve(f"{name} GB/s", start, rates)
                args |= {f"{core} bytes": row[window] for core, row in moved.items() if row[window]}
            else:
                hits, misses = over.hits[name][window], over.misses[name][window]
                yield _curve(f"{name} hits %", start, {"hits": 100 * hits / max(1, hits + misses)})
                args |= {"hits": hits, "misses": misses}
            if cycles:
                event: Event = {
                    "ph": "X",
                    "name": name,
                    "pid": MEMORIES,
                    "tid": lane,
                    "ts": start,
                    "dur": length,
                }
                yield event | {"args": args}


def _name(kind: str, process: int, lane: int, text: str) -> Event:
    return {"ph": "M", "name": kind, "pid": process, "tid": lane, "args": {"name": text}}


def _curve(name: str, time: float, values: dict[str, float]) -> Event:
    return {"ph": "C", "name": name, "pid": MEMORIES, "ts": time, "args": values}
