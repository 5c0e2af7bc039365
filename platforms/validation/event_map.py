"""Mapping files (TOML): which cycles of a waveform, and which times of a simulated run, are events.

[clock]
signal = "clk"                       # a cycle is sampled at each rising edge, with the values before it
start = "s_valid"                    # cycle 0 is the first cycle in which this holds

[[event]]                            # in a waveform
unit = "input"
event = "first_in"
when = "s_valid && s_ready"
id = { count = "s_valid && s_ready && s_last" }    # the number of earlier cycles in which this held
once = true                          # only the first one of an id

[[run]]                              # in a run of acadl.simulate(…, trace=True)
unit = "input"
event = "first_in"
object = "input"                     # an object of the description
time = "start"                       # enter, start, done or leave
offset = 0                           # cycles to add
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acadl.errors import nearest
from acadl.reading import ReadError, read_text
from platforms.validation.conditions import Condition, ConditionError, parse_condition
from platforms.validation.events import TraceError

TIMES = ("enter", "start", "done", "leave")
EDGES = ("rising", "falling")
SAMPLES = ("before", "after")


@dataclass(frozen=True, slots=True)
class Clock:
    """When a waveform is sampled.

    Attributes:
        signal: The clock.
        edge: The edge that ends a cycle.
        sample: Values just before the edge, or those after it.
        start: The first cycle in which this holds has the number ``first_cycle``; earlier ones are dropped.
        first_cycle: Number of the first cycle.
    """

    signal: str
    edge: str = "rising"
    sample: str = "before"
    start: Condition | None = None
    first_cycle: int = 0


@dataclass(frozen=True, slots=True)
class WaveEvent:
    """An event of a waveform.

    Attributes:
        unit, event: What it is called.
        when: The cycles in which it happens.
        id: Value of the instruction's number; ``None``: the number of earlier events of this unit and kind.
        numbered: Whether there is a number at all; events without are matched by order.
        count: Instead of ``id``: the number is that of earlier cycles in which this held.
        once: Only the first event of a number.
        rise: Only in the first of the cycles on end in which ``when`` holds.
        address, detail: Values to record.
    """

    unit: str
    event: str
    when: Condition
    id: Condition | None = None
    count: Condition | None = None
    once: bool = False
    rise: bool = False
    numbered: bool = True
    address: Condition | None = None
    detail: Condition | None = None

    def conditions(self) -> tuple[Condition, ...]:
        """Everything that reads signals."""
        found = (self.when, self.id, self.count, self.address, self.detail)
        return tuple(condition for condition in found if condition is not None)


@dataclass(frozen=True, slots=True)
class RunEvent:
    """An event of a simulated run: a time of instructions at an object, those of one operation if given."""

    unit: str
    event: str
    object: str
    time: str
    offset: int = 0
    operation: str = ""


@dataclass(frozen=True, slots=True)
class EventMap:
    """A mapping file."""

    file: str
    clock: Clock | None
    events: tuple[WaveEvent, ...]
    runs: tuple[RunEvent, ...]


def read_event_map(path: str | os.PathLike[str]) -> EventMap:
    """Read a mapping file.

    Raises:
        TraceError: It cannot be read, or a key or value is not as it should be; the message says where.
    """
    file = os.fspath(path)
    try:
        data = tomllib.loads(read_text(Path(file)))
    except ReadError as error:
        raise TraceError(f"cannot read '{file}': {error}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise TraceError(f"{file}: {error}") from None
    top = _Table(file, "", data)
    top.only("clock", "event", "run")
    events = tuple(_wave_event(table) for table in top.tables("event"))
    clock = _clock(top.table("clock")) if "clock" in data else None
    if events and clock is None:
        raise TraceError(f"{file}: events of a waveform need a [clock]")
    runs = tuple(_run_event(table) for table in top.tables("run"))
    return EventMap(file, clock, events, runs)


def _clock(table: _Table) -> Clock:
    table.only("signal", "edge", "sample", "start", "first_cycle")
    return Clock(
        table.text("signal"),
        table.choice("edge", EDGES),
        table.choice("sample", SAMPLES),
        table.condition("start"),
        table.integer("first_cycle"),
    )


def _wave_event(table: _Table) -> WaveEvent:
    table.only("unit", "event", "when", "id", "once", "rise", "address", "detail")
    when = table.condition("when")
    if when is None:
        raise table.error("when", "it is missing; it says in which cycles the event happens")
    number, count, numbered = None, None, table.data.get("id") is not False
    if isinstance(table.data.get("id"), dict):
        inner = table.table("id")
        inner.only("count")
        count = inner.condition("count")
        if count is None:
            raise inner.error("count", "it is missing; it says which earlier cycles are counted")
    elif numbered:
        number = table.condition("id")
    return WaveEvent(
        table.text("unit"),
        table.text("event"),
        when,
        number,
        count,
        table.truth("once"),
        table.truth("rise"),
        numbered,
        table.condition("address"),
        table.condition("detail"),
    )


def _run_event(table: _Table) -> RunEvent:
    table.only("unit", "event", "object", "time", "offset", "operation")
    return RunEvent(
        table.text("unit"),
        table.text("event"),
        table.text("object"),
        table.choice("time", TIMES),
        table.integer("offset"),
        table.text("operation") if "operation" in table.data else "",
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the file; ``place`` is what messages call it."""

    file: str
    place: str
    data: Mapping[str, Any]

    def error(self, key: str, message: str) -> TraceError:
        return TraceError(f"{self.file}: {self.place}{key}: {message}")

    def only(self, *keys: str) -> None:
        for key in self.data:
            if key not in keys:
                raise self.error(key, f"an unknown key{nearest(key, keys)} (known: {', '.join(keys)})")

    def table(self, key: str) -> _Table:
        value = self.data[key]
        if not isinstance(value, dict):
            raise self.error(key, f"expected a table [{key}], found {value!r}")
        return _Table(self.file, f"{self.place}{key}.", value)

    def tables(self, key: str) -> list[_Table]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(key, f"expected tables [[{key}]]")
        return [_Table(self.file, f"{key} {number}: ", item) for number, item in enumerate(value, 1)]

    def text(self, key: str) -> str:
        value = self.data.get(key)
        if not isinstance(value, str) or not value:
            raise self.error(key, f"expected a text, found {'nothing' if value is None else repr(value)}")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        """One of the choices; the first one by default, except for what must be said."""
        if key not in self.data and choices is not TIMES:
            return choices[0]
        value = self.text(key)
        if value not in choices:
            raise self.error(key, f"expected {' or '.join(choices)}, found '{value}'")
        return value

    def integer(self, key: str) -> int:
        value = self.data.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(key, f"expected a whole number, found {value!r}")
        return value

    def truth(self, key: str) -> bool:
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, f"expected true or false, found {value!r}")
        return value

    def condition(self, key: str) -> Condition | None:
        if key not in self.data:
            return None
        try:
            return parse_condition(self.text(key))
        except ConditionError as error:
            raise self.error(key, str(error)) from None
