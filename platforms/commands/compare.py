"""``acadl compare``: a run against an RTL trace, event by event."""

from __future__ import annotations

import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from platforms.commands._options import (
    Setting,
    json_option,
    load_architecture,
    mapping_option,
    print_json,
    settings_option,
    using_mappings,
)

if TYPE_CHECKING:
    from platforms.validation.comparison import Comparison
    from platforms.validation.event_map import EventMap
    from platforms.validation.events import Event


@click.command()
@click.argument("run")
@click.argument("trace", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--events", metavar="MAP.toml", help="What the events are; default: the one that ships with RUN."
)
@click.option(
    "--case",
    "case",
    type=Setting(),
    multiple=True,
    help="A column of the case to run on the description RUN.",
)
@settings_option
@click.option(
    "--max-error", type=click.IntRange(min=0), help="Exit with 1 if any event is off by more cycles."
)
@click.option(
    "--timeline", metavar="OUT.json", help="Both sides and the error over time, for ui.perfetto.dev."
)
@mapping_option
@json_option
def command(
    run: str,
    trace: str,
    events: str | None,
    case: tuple[tuple[str, int | bool | str], ...],
    settings: tuple[tuple[str, int | bool | str], ...],
    max_error: int | None,
    timeline: str | None,
    mappings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare a run with a trace of hardware, event by event.

    RUN is a list of events (.csv), a simulated run (.json), or a description (a name or .acadl file), on
    which the case of the --case options is simulated. TRACE is a list of events (.csv) or a waveform (.vcd,
    .vcd.gz; .fst with the extra `waves`). Exit status 1 if an event has no partner or is off by more than
    --max-error cycles.
    """
    from platforms.validation.comparison import compare

    with using_mappings(mappings):
        found = compare(_predicted(run, events, case, settings), _measured(run, trace, events))
    if timeline is not None:
        from platforms.validation.overlay import write_overlay

        write_overlay(found, timeline)
    if as_json:
        print_json(found.to_dict())
    else:
        from platforms.validation.comparison_table import print_comparison

        print_comparison(found)
    if _is_off(found, max_error):
        sys.exit(1)


def _is_off(found: Comparison, max_error: int | None) -> bool:
    unmatched = any(pair.error is None for pair in found.pairs)
    return unmatched or (max_error is not None and found.errors.max_abs > max_error)


def _predicted(
    run: str,
    events: str | None,
    case: tuple[tuple[str, int | bool | str], ...],
    settings: tuple[tuple[str, int | bool | str], ...],
) -> list[Event]:
    """The events of the run, read or simulated."""
    from platforms.validation.events import read_events
    from platforms.validation.run_events import read_run, run_events

    if run.endswith((".csv", ".json")):
        if case or settings:
            raise click.UsageError("--case and --set are for a description; this run has been made already.")
        return (
            list(read_events(run)) if run.endswith(".csv") else run_events(read_run(run), _map(run, events))
        )
    if not case:
        raise click.UsageError("A description needs the case to run: --case M=16 --case N=16 --case K=16.")
    from acadl.simulation import simulate
    from mappings.cases import Case, map_case

    arch = load_architecture(run, settings)
    mapping = _map(run, events)
    program = map_case(Case({name: str(value) for name, value in case}, Path.cwd()), arch)
    return run_events(simulate(arch, program, trace=True).trace, mapping)


def _measured(run: str, trace: str, events: str | None) -> list[Event]:
    """The events of the trace."""
    from platforms.validation.events import read_events
    from platforms.validation.wave_events import wave_events

    if trace.endswith((".vcd", ".vcd.gz", ".fst")):
        return list(wave_events(trace, _map(run, events)))
    if trace.endswith(".csv"):
        return list(read_events(trace))
    raise click.UsageError(f"'{trace}' is neither .csv nor .vcd, .vcd.gz or .fst.")


def _map(run: str, events: str | None) -> EventMap:
    """The mapping file, or the one that ships with the description."""
    from platforms.validation.event_map import read_event_map

    if events is not None:
        return read_event_map(events)
    shipped = files("platforms.validation") / "maps" / f"{run}.toml"
    if not run.isidentifier() or not shipped.is_file():
        raise click.UsageError(f"No mapping file ships for '{run}'; name yours with --events MAP.toml.")
    with as_file(shipped) as path:
        return read_event_map(path)
