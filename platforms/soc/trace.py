"""Time lines of systems for Perfetto: a lane for each core, a slice for each part of a layer."""

from __future__ import annotations

import json
import os

from acadl.errors import AcadlError
from dram.errors import TraceError
from dram.traces.writing import text_file
from platforms.soc.simulation import SystemRun


def write_trace(path: str | os.PathLike[str], run: SystemRun) -> None:
    """Write a run as a Chrome trace, in one step; a time is microseconds.

    Raises:
        AcadlError: The file cannot be written.
    """
    lanes = {core.name: number for number, core in enumerate(run.cores)}
    scale = 1e6 / run.clock_hz
    events: list[dict[str, object]] = [
        {"ph": "M", "name": "thread_name", "pid": 0, "tid": number, "args": {"name": name}}
        for name, number in lanes.items()
    ]
    for part in run.layers:
        events.append(
            {
                "ph": "X",
                "name": part.layer,
                "cat": part.op,
                "pid": 0,
                "tid": lanes[part.core],
                "ts": part.begin * scale,
                "dur": (part.end - part.begin) * scale,
                "args": {"cycles": part.end - part.begin, "stalled_cycles": part.stalled_cycles},
            }
        )
    try:
        with text_file(path) as write:
            write(json.dumps({"traceEvents": events, "displayTimeUnit": "ns"}))
    except TraceError as error:
        raise AcadlError(str(error)) from error
