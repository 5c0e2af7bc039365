"""A trace through a memory for ``acadl dram``: batch by batch, or as a whole for a picture of all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain

import numpy as np

from dram.configurations import Configuration, configuration
from dram.currents import read_currents
from dram.energy import Energy, Meter
from dram.errors import DramError
from dram.ordering import InOrder
from dram.requests import Requests
from dram.result import Run, Totals
from dram.simulation import COMPILED_FROM, simulate, use_compiled
from dram.streaming import Served, Stream, stream
from dram.traces import read_batches
from dram.traces.commands_csv import HEADER as COMMANDS_HEADER
from dram.traces.commands_csv import command_lines
from dram.traces.latencies_csv import HEADER as LATENCIES_HEADER
from dram.traces.latencies_csv import latency_lines
from dram.traces.vectors import memory_of
from dram.traces.writing import text_file
from platforms.commands._outputs import check_outputs
from platforms.commands._termination import termination_unwinds

OWN_CURRENTS = "-"  # instead of a file: those that ship


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to write and to say; ``None``: nothing."""

    latencies: str | None = None
    commands: str | None = None
    timeline: str | None = None
    plot: str | None = None
    currents: str | None = None


def run_trace(
    trace: str,
    trace_format: str | None,
    config: str,
    wanted: Wanted,
    configured: Callable[[str], Configuration] = configuration,
) -> tuple[Totals, dict[str, object] | None]:
    """Serve a trace and write the files; sums over it, and its energy over all channels.

    Memory does not grow with the trace, unless there is a time line or plot to make. ``configured`` makes the
    configuration from its name or file.

    Raises:
        DramError: Something that was given cannot be used. No file is written then.
    """
    chosen = configured(config)
    device = chosen.make_device()
    mapping = chosen.make_mapping(device)
    _check_files(
        wanted, {"the trace": trace, "the configuration": config if config.endswith(".json") else None}
    )
    if wanted.commands and mapping.channels > 1:
        raise DramError(
            f"the configuration has {mapping.channels} channels, but a command trace has room for one",
            hint="write a time line instead",
        )
    currents = None
    if wanted.currents and wanted.currents != OWN_CURRENTS:
        currents = read_currents(wanted.currents)
    meters = [Meter(device, currents) for _ in range(mapping.channels if wanted.currents else 0)]
    record = bool(wanted.commands or wanted.timeline or meters)
    batches = read_batches(trace, trace_format, memory_of(device, mapping))
    with termination_unwinds(), ExitStack() as files:
        latencies = _Latencies(wanted.latencies, files) if wanted.latencies else None
        commands = _Commands(wanted.commands, files) if wanted.commands else None
        if wanted.timeline or wanted.plot:
            whole = simulate(Requests.joined(list(batches)), chosen, record=record)
            run: Run | Stream = whole
            parts: Iterable[Served] = (_one_batch(whole),)
        else:
            compiled, batches = _long(batches)
            run = parts = stream(batches, chosen, record=record, fast=compiled)
        for part in parts:
            if latencies:
                latencies.add(part)
            if commands:
                commands.add(part)
            for meter, issued in zip(meters, part.commands if meters else (), strict=True):
                meter.add(issued)
        if isinstance(run, Run):
            _draw(run, wanted)
    totals = run.totals
    return totals, _energy([meter.energy(totals.end) for meter in meters]) if meters else None


def _check_files(wanted: Wanted, inputs: dict[str, str | None]) -> None:
    """Raise :class:`AcadlError` where one file would replace another one that is read or written."""
    currents = None if wanted.currents == OWN_CURRENTS else wanted.currents
    outputs = {"the latencies": wanted.latencies, "the commands": wanted.commands}
    outputs |= {"the time line": wanted.timeline, "the plot": wanted.plot}
    check_outputs(outputs, [*inputs.items(), ("the currents", currents)])


class _Latencies:
    """The file of accept and done, in the order of the trace."""

    def __init__(self, path: str, files: ExitStack) -> None:
        self._write = files.enter_context(text_file(path))
        self._write(LATENCIES_HEADER)
        self._order = InOrder(4)

    def add(self, served: Served) -> None:
        """Requests that have been served."""
        rows = np.stack([served.position, served.ids, served.accept, served.done], axis=1)
        _, ids, accept, done = self._order.add(rows).T
        for text in latency_lines(ids, accept, done):
            self._write(text)


class _Commands:
    """The file of commands."""

    def __init__(self, path: str, files: ExitStack) -> None:
        self._write = files.enter_context(text_file(path))
        self._write(COMMANDS_HEADER)

    def add(self, served: Served) -> None:
        """Commands that have been issued."""
        for text in command_lines(served.commands[0]):
            self._write(text)


def _one_batch(run: Run) -> Served:
    """A run as one batch."""
    return Served(
        np.arange(len(run.requests), dtype=np.int64), run.requests.ids, run.accept, run.done, run.channels
    )


def _long(batches: Iterator[Requests]) -> tuple[bool, Iterator[Requests]]:
    """Whether a trace is so long that compiling pays, and the trace."""
    seen: list[Requests] = []
    count = 0
    for batch in batches:
        seen.append(batch)
        count += len(batch)
        if count >= COMPILED_FROM:
            break
    return use_compiled(None, count), chain(seen, batches)


def _draw(run: Run, wanted: Wanted) -> None:
    """Write the time line and the plot."""
    if wanted.timeline:
        from dram.timeline import write_timeline

        write_timeline(wanted.timeline, run.channels, run.device)
    if wanted.plot:
        from dram.plots import write_plot

        write_plot(run, wanted.plot)


def _energy(parts: list[Energy]) -> dict[str, object]:
    """Energy of all channels."""
    return {
        **parts[0].to_dict(),
        "total_pj": sum(part.total_pj for part in parts),
        "average_watts": sum(part.average_watts for part in parts),
        "parts_pj": {name: sum(part.parts_pj[name] for part in parts) for name in parts[0].parts_pj},
    }
