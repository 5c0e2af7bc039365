"""Events of a simulated run: times of its instructions at objects, under the names of a trace."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from acadl.errors import nearest
from acadl.reading import ReadError, read_text
from acadl.simulation import InstructionRecord, ObjectTimes
from platforms.validation.event_map import EventMap
from platforms.validation.events import Event, TraceError


def run_events(trace: Iterable[InstructionRecord], mapping: EventMap) -> list[Event]:
    """The events that ``mapping`` sees in a trace, by cycle; the instruction's position is the id.

    Raises:
        TraceError: The file says nothing about runs, or names an object that no instruction passes.
    """
    if not mapping.runs:
        raise TraceError(f"{mapping.file}: there are no [[run]]s, which say what the events of a run are")
    found: list[Event] = []
    passed: set[str] = set()
    for record in trace:
        at = {times.name: times for times in record.objects}
        passed |= at.keys()
        for run in mapping.runs:
            if run.object in at and _is_of(record, run.operation):
                time: int = getattr(at[run.object], run.time)
                found.append(Event(time + run.offset, run.unit, run.event, record.id))
    missing = sorted({run.object for run in mapping.runs} - passed)
    if missing and passed:
        hint = nearest(missing[0], sorted(passed))
        raise TraceError(f"{mapping.file}: no instruction passes an object '{missing[0]}'{hint}")
    return sorted(found, key=lambda event: event.cycle)


def _is_of(record: InstructionRecord, operation: str) -> bool:
    """The text of an instruction begins with its mnemonic."""
    return not operation or record.text.replace("(", " ").split(maxsplit=1)[0] == operation


def read_run(path: str | os.PathLike[str]) -> list[InstructionRecord]:
    """The trace in a file that holds ``SimulationRun.to_json()``.

    Raises:
        TraceError: It is no such file.
    """
    file = os.fspath(path)
    try:
        data = json.loads(read_text(Path(file)))
        return [_record(item) for item in data["trace"]]
    except ReadError as error:
        raise TraceError(f"cannot read '{file}': {error}") from error
    except (ValueError, RecursionError) as error:
        raise TraceError(f"{file} is no run: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise TraceError(
            f"{file} is no run as acadl.simulate(…, trace=True).to_json() writes it ({error!r})"
        ) from None


def _record(item: Mapping[str, Any]) -> InstructionRecord:
    objects = tuple(
        ObjectTimes(str(times["name"]), *(int(times[name]) for name in ("enter", "start", "done", "leave")))
        for times in item["objects"]
    )
    return InstructionRecord(int(item["id"]), str(item["text"]), objects, ())
