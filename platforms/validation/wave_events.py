"""Events of a waveform: sampled once per clock cycle, in constant memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from platforms.validation.conditions import Condition, ConditionError, Values
from platforms.validation.event_map import Clock, EventMap, WaveEvent
from platforms.validation.events import NO_ID, Event, TraceError
from platforms.validation.fst import FstFile
from platforms.validation.vcd import Changes, VcdFile, WaveError


def wave_events(path: str | os.PathLike[str], mapping: EventMap) -> Iterator[Event]:
    """The events that ``mapping`` sees in a waveform (``.vcd``, ``.vcd.gz``, ``.fst``), by cycle.

    Raises:
        TraceError, WaveError: The file is damaged, lacks a signal, or its clock never rises; a condition has
            no value.
    """
    file = os.fspath(path)
    clock = mapping.clock
    if clock is None or not mapping.events:
        raise TraceError(f"{mapping.file}: there are no [[event]]s, so none can be seen in {file}")
    conditions = [condition for event in mapping.events for condition in event.conditions()]
    if clock.start is not None:
        conditions.append(clock.start)
    names = sorted({name for condition in conditions for name in condition.names} - {clock.signal})
    with FstFile(file) if file.endswith(".fst") else VcdFile(file) as waves:
        signals = [waves.find(name) for name in [clock.signal, *names]]
        # several names may stand for one signal
        codes = list(dict.fromkeys(signal.code for signal in signals))
        first = {signal.code: signal for signal in signals[::-1]}
        aliases: list[list[str]] = [[] for _ in codes]
        for name, signal in zip([clock.signal, *names], signals, strict=True):
            aliases[codes.index(signal.code)].append(name)
        samples = _samples(waves.changes([first[code] for code in codes]), aliases, clock)
        seen = [_Watcher(event, file) for event in mapping.events]
        yield from _events(samples, seen, clock, file)


def _events(
    samples: Iterator[tuple[int, Values]], watchers: list[_Watcher], clock: Clock, file: str
) -> Iterator[Event]:
    cycle, started, edges = clock.first_cycle, clock.start is None, 0
    for time, values in samples:
        edges += 1
        if not started:
            started = clock.start is not None and _value(clock.start, values, file, time) not in (None, 0)
            if not started:
                continue
        for watcher in watchers:
            event = watcher.look(cycle, time, values)
            if event is not None:
                yield event
        cycle += 1
    if not edges:
        raise WaveError(f"{file}: clock '{clock.signal}' has no {clock.edge} edge")
    if not started and clock.start is not None:
        raise WaveError(f"{file}: 'start' ({clock.start.text}) holds in none of {edges} cycles")


def _samples(
    changes: Iterator[Changes], aliases: list[list[str]], clock: Clock
) -> Iterator[tuple[int, Values]]:
    """Time and values of each cycle. The clock is signal 0; one mapping is used over and over."""
    values: dict[str, int | None] = {name: None for names in aliases for name in names}
    level, wanted = None, int(clock.edge == "rising")
    for change in changes:
        is_edge = False
        for number, value in change.values:
            if number == 0:
                is_edge |= value == wanted and level == 1 - wanted
                level = value
        if is_edge and clock.sample == "before":
            yield change.time, values
        for number, value in change.values:
            for name in aliases[number]:
                values[name] = value
        if is_edge and clock.sample == "after":
            yield change.time, values


@dataclass
class _Watcher:
    """One kind of event, and what has been counted of it."""

    event: WaveEvent
    file: str
    number: int = 0
    last: int | None = None
    held: bool = False

    def look(self, cycle: int, time: int, values: Values) -> Event | None:
        event, found = self.event, None
        holds = bool(self._value(event.when, values, time))
        if holds and not (event.rise and self.held):
            identity = self._identity(values, time)
            if not event.once or identity != self.last:
                found = Event(
                    cycle,
                    event.unit,
                    event.event,
                    identity,
                    self._text(event.address, values, time, "x"),
                    self._text(event.detail, values, time, ""),
                )
            self.last = identity
            if event.count is None and event.id is None:
                self.number += 1
        self.held = holds
        if event.count is not None and self._value(event.count, values, time):
            self.number += 1
        return found

    def _identity(self, values: Values, time: int) -> int:
        if not self.event.numbered:
            return NO_ID
        if self.event.id is None:
            return self.number
        value = self._value(self.event.id, values, time)
        if value is None:
            return NO_ID
        if not isinstance(value, int):
            raise TraceError(
                f"{self.file}, time {time}: id of {self.event.event} is {value!r}, no whole number"
            )
        return value

    def _text(self, condition: Condition | None, values: Values, time: int, form: str) -> str:
        if condition is None:
            return ""
        value = self._value(condition, values, time)
        return "" if value is None else format(value, form) if isinstance(value, int) else str(value)

    def _value(self, condition: Condition, values: Values, time: int) -> int | float | str | None:
        return _value(condition, values, self.file, time)


def _value(condition: Condition, values: Values, file: str, time: int) -> int | float | str | None:
    try:
        return condition.value(values)
    except ConditionError as error:
        raise TraceError(f"{file}, time {time}: {condition.text}: {error}") from None
