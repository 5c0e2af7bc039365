"""``acadl simulate --load``: several networks at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from platforms.commands._options import print_json

if TYPE_CHECKING:
    from platforms.soc.chips import Chip
    from platforms.soc.planning import Planning
    from platforms.soc.serving import LoadRun


def run_load(
    system: Chip,
    load: str,
    planning: Planning,
    full: bool,
    plot: str | None,
    html: str | None,
    as_json: bool,
) -> None:
    """Run a load and print what became of it."""
    from platforms.commands._simulate_pictures import check_plot, write_pictures
    from platforms.commands._termination import termination_unwinds
    from platforms.messages import clear_progress, progress_line, warn
    from platforms.soc.serving import serve
    from platforms.soc.simulation import TOLERANCE

    check_plot(plot)
    try:
        with termination_unwinds():
            run = serve(
                system,
                load,
                planning=planning,
                tolerance=None if full else TOLERANCE,
                progress=progress_line(),
            )
            write_pictures(run, plot, html)
    finally:
        clear_progress()
    for stream in run.streams:
        for name, reason in stream.unmapped:
            warn(f"no core can run layer '{name}' of '{stream.network}': {reason}")
    if as_json:
        print_json(run.to_dict())
    else:
        _print(run)


def _print(run: LoadRun) -> None:
    from platforms.commands._simulate_text import print_cores, print_memory

    click.echo(f"{len(run.streams)} networks on {run.system}: {run.latency_s * 1e3:.3f} ms")
    width = max(len("network"), *(len(stream.network) for stream in run.streams))
    times = "  ".join(f"{name:>9}" for name in ("per s", "median ms", "p95 ms", "p99 ms"))
    click.echo(f"{'network':>{width}}  {'inputs':>6}  {times}  missed")
    for stream in run.streams:
        times = "  ".join(f"{1e3 * stream.latency_s[name]:>9.3f}" for name in ("median", "p95", "p99"))
        missed = "no deadline" if stream.deadline_s is None else f"{stream.missed}"
        rate = f"{stream.throughput_per_s:>9.1f}"
        click.echo(f"{stream.network:>{width}}  {stream.inputs:>6}  {rate}  {times}  {missed}")
    print_cores(run.cores, run.total_cycles)
    print_memory(run.memory)
