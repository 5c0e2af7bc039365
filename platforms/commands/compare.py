"""``acadl compare``: a run against an RTL trace, event by event."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from platforms.commands._options import (
    Setting,
    html_option,
    json_option,
    mapping_option,
    plot_option,
    print_json,
    settings_option,
    using_mappings,
)
from platforms.commands._outputs import check_outputs

if TYPE_CHECKING:
    from platforms.validation.comparison import Comparison
    from platforms.validation.comparison_inputs import Inputs


class EventKind(click.ParamType[tuple[str, str]]):
    """``UNIT/EVENT``."""

    name = "UNIT/EVENT"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        unit, sign, event = str(value).partition("/")
        if not (sign and unit and event):
            self.fail(f"'{value}' is not of the form UNIT/EVENT, such as core/retire", param, ctx)
        return unit, event


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
@click.option("--from", "start", type=int, metavar="CYCLE", help="Only events from this cycle on.")
@click.option("--until", type=int, metavar="CYCLE", help="Only events up to this cycle.")
@click.option("--origin", type=EventKind(), help="Count both sides from their first event of this kind.")
@click.option(
    "--max-error", type=click.IntRange(min=0), help="Exit with 1 if any event is off by more cycles."
)
@click.option(
    "--timeline", metavar="OUT.json", help="Both sides and the error over time, for ui.perfetto.dev."
)
@plot_option
@html_option
@mapping_option
@json_option
def command(
    run: str,
    trace: str,
    events: str | None,
    case: tuple[tuple[str, int | bool | str], ...],
    settings: tuple[tuple[str, int | bool | str], ...],
    start: int | None,
    until: int | None,
    origin: tuple[str, str] | None,
    max_error: int | None,
    timeline: str | None,
    plot: str | None,
    html: str | None,
    mappings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare a run with a trace of hardware, event by event.

    RUN is a description (a name or .acadl file), which predicts the case of the --case options, a list of
    events (.csv), or a simulated run (.json). TRACE is a list of events (.csv) or a waveform (.vcd, .vcd.gz;
    .fst with the extra `waves`). Exit status 1 if an event has no partner or is off by more than --max-error
    cycles.
    """
    from platforms.messages import warn
    from platforms.validation.chart import check_format
    from platforms.validation.comparison_inputs import Inputs, UsageMistake

    if plot is not None:
        check_format(plot)
    check_outputs(
        {"the time line": timeline, "the plot": plot, "the report": html},
        [
            ("the run", run),
            ("the trace", trace),
            ("the map of events", events),
            *(("the mapping", file) for file in mappings),
        ],
    )
    inputs = Inputs(run, trace, events, dict(case), dict(settings))
    try:
        with using_mappings(mappings):
            found = inputs.compare(start, until, origin)
    except UsageMistake as error:
        raise click.UsageError(str(error)) from None
    _write(found, inputs, timeline, plot, html)
    for note in found.notes:
        warn(note)
    if as_json:
        print_json(found.to_dict())
    else:
        from platforms.validation.comparison_table import print_comparison

        print_comparison(found)
    if _is_off(found, max_error):
        sys.exit(1)


def _is_off(found: Comparison, max_error: int | None) -> bool:
    wrong = any(pair.error is None or pair.is_elsewhere for pair in found.pairs)
    return wrong or (max_error is not None and found.errors.max_abs > max_error)


def _write(
    found: Comparison, inputs: Inputs, timeline: str | None, plot: str | None, html: str | None
) -> None:
    """The files that were asked for."""
    if timeline is not None:
        from platforms.validation.overlay import write_overlay

        write_overlay(found, timeline)
    if plot is not None:
        from platforms.validation.chart import write_chart
        from platforms.validation.comparison_charts import comparison_panels

        write_chart(inputs.title, comparison_panels(found), plot)
    if html is not None:
        from platforms.validation.comparison_html import write_comparison_html

        write_comparison_html(found, inputs.title, inputs.provenance(), html)
