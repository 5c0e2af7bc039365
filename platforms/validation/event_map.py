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
object = "input"                     # an object of the description; at a storage: each of its transactions
time = "start"                       # enter, start, done or leave
offset = 0                           # cycles to add
when = "n > 0"                       # only instructions for which this holds; names are operands
id = "n"                             # instead of the instruction's position

[origin]                             # cycles and instructions are counted from the first event of this kind
unit = "input"
event = "first_in"
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from acadl.reading import ReadError, read_text
from platforms.validation.conditions import Condition
from platforms.validation.events import TraceError
from platforms.validation.toml_table import Table

TIMES = ("enter", "start", "done", "leave")
EDGES = ("rising", "falling")
SAMPLES = ("before", "after")
ACCESSES = ("read", "write")


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
    """An event of a predicted run: a time of instructions at an object.

    Attributes:
        unit, event: What it is called.
        object: An object that instructions pass, or a storage, whose transactions are then the events.
        time: ``enter``, ``start``, ``done`` or ``leave``; of a transaction: arrival, start, answer, port
            given up.
        offset: Cycles to add.
        operations: Only instructions with one of these mnemonics; all, if empty.
        access: Only these transactions, ``read`` or ``write``; both, if empty.
        first, last: Of an instruction's transactions only the first to start, the last to be answered.
        when: Only instructions for which this holds; names are operands, of memory operands the address.
        id: Number of the event; ``None``: the instruction's position.
        numbered: Whether there is a number at all; events without are matched by order.
        address: Value to record.
    """

    unit: str
    event: str
    object: str
    time: str
    offset: int = 0
    operations: tuple[str, ...] = ()
    access: str = ""
    first: bool = False
    last: bool = False
    when: Condition | None = None
    id: Condition | None = None
    numbered: bool = True
    address: Condition | None = None

    def conditions(self) -> tuple[Condition, ...]:
        """Everything that reads operands."""
        return tuple(found for found in (self.when, self.id, self.address) if found is not None)


@dataclass(frozen=True, slots=True)
class EventMap:
    """A mapping file; ``origin`` is the unit and kind of the event from which both sides count."""

    file: str
    clock: Clock | None
    events: tuple[WaveEvent, ...]
    runs: tuple[RunEvent, ...]
    origin: tuple[str, str] | None = None


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
    top = Table(file, "", data)
    top.only("clock", "event", "run", "origin")
    events = tuple(_wave_event(table) for table in top.tables("event"))
    clock = _clock(top.table("clock")) if "clock" in data else None
    if events and clock is None:
        raise TraceError(f"{file}: events of a waveform need a [clock]")
    runs = tuple(_run_event(table) for table in top.tables("run"))
    return EventMap(file, clock, events, runs, _origin(top.table("origin")) if "origin" in data else None)


def _origin(table: Table) -> tuple[str, str]:
    table.only("unit", "event")
    return table.text("unit"), table.text("event")


def _clock(table: Table) -> Clock:
    table.only("signal", "edge", "sample", "start", "first_cycle")
    return Clock(
        table.text("signal"),
        table.choice("edge", EDGES) if "edge" in table.data else EDGES[0],
        table.choice("sample", SAMPLES) if "sample" in table.data else SAMPLES[0],
        table.condition("start"),
        table.integer("first_cycle"),
    )


def _wave_event(table: Table) -> WaveEvent:
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


def _run_event(table: Table) -> RunEvent:
    table.only(
        "unit",
        "event",
        "object",
        "time",
        "offset",
        "operation",
        "access",
        "first",
        "last",
        "when",
        "id",
        "address",
    )
    numbered = table.data.get("id") is not False
    return RunEvent(
        table.text("unit"),
        table.text("event"),
        table.text("object"),
        table.choice("time", TIMES),
        table.integer("offset"),
        table.texts("operation"),
        table.choice("access", ACCESSES) if "access" in table.data else "",
        table.truth("first"),
        table.truth("last"),
        table.condition("when"),
        table.condition("id") if numbered else None,
        numbered,
        table.condition("address"),
    )
