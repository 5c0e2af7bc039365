"""A time line in the Chrome trace event format, which https://ui.perfetto.dev and chrome://tracing open.

One cycle is one microsecond there: the format's ``ts`` is in microseconds whatever the clock. The first cycle
shown is 0 in the file; ``otherData`` has its number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from aidg.timeline_drawing import Arrow, Drawing, Fill, Slice

Event: TypeAlias = dict[str, Any]

# The format's processes: one for each kind of tracks.
OBJECTS, STORAGES, FILLS = 1, 2, 3
# What comes first of events at the same time: a slice has to be open when an arrow starts or ends in it.
_ORDER = {"X": 0, "s": 1, "f": 2, "C": 3}


def origin_of(drawing: Drawing, begin: int) -> int:
    """First cycle that is shown."""
    return min((item.enter for lane in drawing.lanes for item in lane.slices), default=begin)


def events_of(drawing: Drawing, title: str, origin: int) -> Iterator[Event]:
    """All events: names of tracks, then everything in order of time."""
    yield from _names(drawing, title)
    track_of = {
        id(item): (STORAGES if lane.is_storage else OBJECTS, number)
        for number, lane in enumerate(drawing.lanes, 1)
        for item in lane.slices
    }
    events: list[Event] = []
    for lane in drawing.lanes:
        for item in lane.slices:
            events += _slices(item, track_of[id(item)], origin)
    for number, arrow in enumerate(drawing.arrows, 1):
        events += _flow(arrow, number, track_of, origin)
    for fill in drawing.fills:
        events += _counter(fill, origin)
    events.sort(key=lambda e: (e["ts"], _ORDER[e["ph"]], e["pid"], e.get("tid", 0), -e.get("dur", 0)))
    yield from events


def trace_text(events: Iterable[Event], other: dict[str, Any]) -> Iterator[str]:
    """The file, piece by piece: one event per line."""
    yield '{"displayTimeUnit":"ns","otherData":' + json.dumps(other, separators=(",", ":"))
    yield ',"traceEvents":['
    separator = "\n"
    for event in events:
        yield separator + json.dumps(event, separators=(",", ":"))
        separator = ",\n"
    yield "\n]}\n"


def _names(drawing: Drawing, title: str) -> Iterator[Event]:
    kinds = {OBJECTS: "instructions", STORAGES: "storages", FILLS: "fill"}
    for pid, kind in kinds.items():
        yield _meta("process_name", pid, 0, {"name": f"{title}: {kind} (1 µs is 1 cycle)"})
        yield _meta("process_sort_index", pid, 0, {"sort_index": pid})
    for number, lane in enumerate(drawing.lanes, 1):
        pid = STORAGES if lane.is_storage else OBJECTS
        yield _meta("thread_name", pid, number, {"name": lane.name})
        yield _meta("thread_sort_index", pid, number, {"sort_index": number})


def _meta(name: str, pid: int, tid: int, args: dict[str, Any]) -> Event:
    return {"name": name, "ph": "M", "pid": pid, "tid": tid, "args": args}


def _slices(item: Slice, track: tuple[int, int], origin: int) -> Iterator[Event]:
    """The stay, and inside it the time before service and that after."""

    def slice_of(name: str, category: str, first: int, last: int, args: dict[str, Any]) -> Event:
        pid, tid = track
        common = {"ts": first - origin, "dur": last - first, "pid": pid, "tid": tid, "args": args}
        return {"name": name, "cat": category, "ph": "X", **common}

    args: dict[str, Any] = {"number": item.number, "instruction": item.text}
    if item.indices:
        args["iteration"] = dict(item.indices)
    if item.transactions:
        args["transactions"] = item.transactions
    args["enter"] = item.enter
    args["waiting cycles"] = item.start - item.enter
    args["service cycles"] = item.done - item.start
    args["blocked cycles"] = item.leave - item.done
    yield slice_of(item.operation, item.part, item.enter, item.leave, args)
    if item.start > item.enter:
        reason = {"for": item.waited_for} if item.waited_for else {}
        yield slice_of("waiting", item.part, item.enter, item.start, reason)
    if item.leave > item.done:
        reason = {"by": item.blocked_by} if item.blocked_by else {}
        yield slice_of("blocked", item.part, item.done, item.leave, reason)


def _flow(arrow: Arrow, number: int, track_of: dict[int, tuple[int, int]], origin: int) -> Iterator[Event]:
    """Both ends of an arrow, at moments at which their slices are open."""
    left = _inside(arrow.source, arrow.left)
    reached = max(left, _inside(arrow.target, arrow.reached))
    for phase, item, cycle in (("s", arrow.source, left), ("f", arrow.target, reached)):
        pid, tid = track_of[id(item)]
        event = {"name": arrow.kind, "cat": "critical path", "ph": phase, "id": number}
        yield {
            **event,
            "ts": cycle - origin,
            "pid": pid,
            "tid": tid,
            **({"bp": "e"} if phase == "f" else {}),
        }


def _inside(item: Slice, cycle: int) -> int:
    """The cycle, or the last one before it in which the slice is open."""
    return max(item.enter, min(cycle, item.leave - 1))


def _counter(fill: Fill, origin: int) -> Iterator[Event]:
    for cycle, level in fill.levels:
        yield {
            "name": fill.object,
            "ph": "C",
            "ts": cycle - origin,
            "pid": FILLS,
            "args": {fill.counted: level},
        }
