"""A comparison as a time line in the Chrome trace event format, for https://ui.perfetto.dev.

Both sides lie one above the other, with the error over time below. One cycle is one microsecond, as in
:mod:`aidg.timeline_chrome`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from acadl.files import write_text
from platforms.validation.comparison import Comparison
from platforms.validation.events import Event

MEASURED, PREDICTED, ERROR = 1, 2, 3
_NAMES = {MEASURED: "measured", PREDICTED: "predicted", ERROR: "error of the prediction"}


def write_overlay(found: Comparison, path: str | os.PathLike[str]) -> None:
    """Write the time line of a comparison. Raises :class:`AcadlError` where that is impossible."""
    records = [*_names(found), *sorted(_records(found), key=lambda record: (record["ts"], record["pid"]))]
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    write_text(path, f'{{"displayTimeUnit":"ns","traceEvents":[\n{lines}\n]}}\n')


def _names(found: Comparison) -> Iterator[dict[str, Any]]:
    for process, name in _NAMES.items():
        yield {"ph": "M", "name": "process_name", "pid": process, "args": {"name": name}}
        yield {"ph": "M", "name": "process_sort_index", "pid": process, "args": {"sort_index": process}}
        if process != ERROR:
            for number, kind in enumerate(found.kinds, 1):
                track = {"name": f"{kind.unit}/{kind.event}"}
                yield {"ph": "M", "name": "thread_name", "pid": process, "tid": number, "args": track}


def _records(found: Comparison) -> Iterator[dict[str, Any]]:
    """Events last one cycle, so that they can be seen and clicked; the error is a counter for each kind."""
    track_of = {(kind.unit, kind.event): number for number, kind in enumerate(found.kinds, 1)}
    for pair in found.pairs:
        for process, event in ((MEASURED, pair.measured), (PREDICTED, pair.predicted)):
            if event is not None:
                track = track_of[event.unit, event.event]
                yield {**_slice(event), "pid": process, "tid": track, "args": {"error_cycles": pair.error}}
        if pair.error is not None and pair.measured is not None:
            name = f"{pair.measured.unit}/{pair.measured.event}"
            value = {"cycles": pair.error}
            yield {"ph": "C", "name": name, "ts": pair.cycle, "pid": ERROR, "args": value}


def _slice(event: Event) -> dict[str, Any]:
    return {"ph": "X", "name": event.name, "ts": event.cycle, "dur": 1}
