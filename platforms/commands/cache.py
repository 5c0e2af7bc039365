"""``acadl cache``: a trace of accesses through caches, without cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from platforms.commands._options import json_option, print_json

if TYPE_CHECKING:
    from platforms.caches.runs import CacheRuns


@click.command()
@click.argument("trace")
@click.option(
    "--config", required=True, metavar="FILE.json:ID", help="A configuration of a JSON file, by its id."
)  # fmt: skip
@click.option("--results", metavar="OUT.csv", help="Write the cycles of each access.")
@json_option
def command(trace: str, config: str, results: str | None, as_json: bool) -> None:
    """Send the accesses of TRACE through a hierarchy of caches, cycle by cycle.

    TRACE is a table trace,id,port,op,addr,strobe,think as CSV, plain or gzip; it may hold several runs
    (column trace), which start from reset each. OUT.csv has
    trace,id,port,op,addr,issue,accept,grant,data,ready,hit.
    """
    from platforms.caches.runs import simulate_traces
    from platforms.commands._outputs import check_outputs
    from platforms.commands._termination import termination_unwinds
    from platforms.messages import clear_progress, progress_line

    inputs = [("the trace", trace), ("the configuration", config.rpartition(":")[0] or None)]
    check_outputs({"the results": results}, inputs)
    try:
        with termination_unwinds():
            found = simulate_traces(trace, config, results, progress_line())
    finally:
        clear_progress()
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)


def _print(found: CacheRuns) -> None:
    click.echo(f"configuration {found.configuration}")
    names = ["trace", "accesses", "cycles"]
    levels = range(1, len(found.runs[0].levels) + 1)
    names += [f"{what} L{level}" for level in levels for what in ("hits", "misses", "write-backs")]
    click.echo("  ".join(f"{name:>8}" for name in names))
    for run in found.runs:
        cells: list[object] = [run.trace, run.accesses, run.total_cycles]
        for level in run.levels:
            cells += [level.hits, level.misses, level.writebacks]
        click.echo("  ".join(f"{cell:>{max(8, len(name))}}" for cell, name in zip(cells, names, strict=True)))
