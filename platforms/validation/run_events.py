"""Events of a run that was simulated before: times of its instructions at objects, as a trace calls them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from acadl.errors import nearest
from acadl.reading import ReadError, read_text
from acadl.simulation import InstructionRecord, ObjectTimes
from platforms.validation.event_map import EventMap, RunEvent
from platforms.validation.events import NO_ID, Event, TraceError


def run_events(trace: Iterable[InstructionRecord], mapping: EventMap) -> list[Event]:
    """The events that ``mapping`` sees in a trace, by cycle; the instruction's position is the id.

    Raises:
        TraceError: The file says nothing about runs, names an object that no instruction passes, or asks for
            what such a trace does not have: operands, and which transactions read.
    """
    _check(mapping)
    found: list[Event] = []
    passed: set[str] = set()
    for record in trace:
        places = [(times.name, times) for times in record.objects]
        passed.update(name for name, _ in places)
        passed.update(times.name for times in record.transactions)
        for run in mapping.runs:
            if is_of(run, record.text.replace("(", " ").split(maxsplit=1)[0]):
                found += _events(run, record)
    check_objects(mapping, passed)
    return sorted(found, key=lambda event: event.cycle)


def _events(run: RunEvent, record: InstructionRecord) -> Iterator[Event]:
    served = [times for times in record.transactions if times.name == run.object]
    if run.first and served:
        served = [min(served, key=lambda times: times.start)]
    if run.last and served:
        served = [max(served, key=lambda times: times.done)]
    for times in (*(times for times in record.objects if times.name == run.object), *served):
        number = record.id if run.numbered else NO_ID
        cycle: int = getattr(times, run.time)
        place = f"{run.object} {run.time}"
        yield Event(cycle + run.offset, run.unit, run.event, number, instruction=record.id, place=place)


def _check(mapping: EventMap) -> None:
    check_runs(mapping)
    for number, run in enumerate(mapping.runs, 1):
        if run.conditions() or run.access:
            raise TraceError(
                f"{mapping.file}: run {number} asks for operands or for the kind of access, which a saved "
                "run does not tell; name the description and its case instead"
            )


def check_runs(mapping: EventMap) -> None:
    """Raise :class:`TraceError` unless the file says what the events of a run are."""
    if not mapping.runs:
        raise TraceError(f"{mapping.file}: there are no [[run]]s, which say what the events of a run are")


def check_objects(mapping: EventMap, passed: set[str]) -> None:
    """Raise :class:`TraceError` where an object is named that no instruction passes."""
    missing = sorted({run.object for run in mapping.runs} - passed)
    if missing and passed:
        hint = nearest(missing[0], sorted(passed))
        raise TraceError(f"{mapping.file}: no instruction passes an object '{missing[0]}'{hint}")


def is_of(run: RunEvent, operation: str) -> bool:
    """Whether instructions with that mnemonic have this event."""
    return not run.operations or operation in run.operations


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
    return InstructionRecord(
        int(item["id"]), str(item["text"]), _times(item["objects"]), _times(item.get("transactions", ()))
    )


def _times(items: Iterable[Mapping[str, Any]]) -> tuple[ObjectTimes, ...]:
    times = ("enter", "start", "done", "leave")
    return tuple(ObjectTimes(str(item["name"]), *(int(item[name]) for name in times)) for item in items)
