"""``acadl simulate``: a network on a system of several cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from platforms.commands._options import json_option, network_option, print_json

if TYPE_CHECKING:
    from platforms.soc.planning import Scheduler
    from platforms.soc.simulation import SystemRun


@click.command()
@click.argument("system")
@network_option
@click.option("--schedule", metavar="FILE.json", help="Which core does what; by default it is made.")
@click.option("--save-schedule", metavar="OUT.json", help="Write the schedule that is used.")
@click.option(
    "--scheduler",
    type=click.Choice(["list", "search", "pipeline"]),
    default="list",
    show_default=True,
    help="How a schedule is made.",
)
@click.option("--seed", default=0, show_default=True, help="Of everything that is drawn at random.")
@click.option("--budget", default=500, show_default=True, help="Schedules that the search tries.")
@click.option("--tiles", default=4, show_default=True, help="Pieces of each layer of a pipeline.")
@click.option("--buffer", default=2, show_default=True, help="Tiles between cores of a pipeline; 0: all.")
@click.option("--full", is_flag=True, help="Evaluate everything, steady stretches of time, too.")
@click.option("--alone", is_flag=True, help="Run each core alone, too: its slowdown beside the others.")
@click.option("--timeline", metavar="OUT.json", help="Write a time line of the cores for Perfetto.")
@json_option
def command(
    system: str,
    network: str,
    schedule: str | None,
    save_schedule: str | None,
    scheduler: Scheduler,
    seed: int,
    budget: int,
    tiles: int,
    buffer: int,
    full: bool,
    alone: bool,
    timeline: str | None,
    as_json: bool,
) -> None:
    """Run a network on SYSTEM, whose cores share a cache and a memory.

    Layers are split over equal cores or run side by side where they can; see `acadl list` for the systems.
    """
    from platforms.commands._outputs import check_outputs
    from platforms.commands._termination import termination_unwinds
    from platforms.messages import clear_progress, progress_line, warn
    from platforms.soc.planning import Planning
    from platforms.soc.simulation import TOLERANCE, simulate

    check_outputs(
        {"the schedule": save_schedule, "the time line": timeline},
        [("the network", network), ("the schedule", schedule)],
    )
    planning = Planning(scheduler, seed, budget, tiles, buffer)
    try:
        with termination_unwinds():
            run = simulate(
                system,
                network,
                schedule=schedule,
                planning=planning,
                tolerance=None if full else TOLERANCE,
                alone=alone,
                progress=progress_line(),
            )
            if save_schedule:
                from platforms.soc.schedule_file import save_schedule as save

                save(save_schedule, run.schedule)
            if timeline:
                from platforms.soc.trace import write_trace

                write_trace(timeline, run)
    finally:
        clear_progress()
    for name, reason in run.unmapped:
        warn(f"no core can run layer '{name}': {reason}")
    if as_json:
        print_json(run.to_dict())
    else:
        _print(run)


def _print(run: SystemRun) -> None:
    longer = 100 * (run.total_cycles / run.alone_cycles - 1) if run.alone_cycles else 0.0
    click.echo(
        f"{run.network} on {run.system}: {run.latency_s * 1e3:.3f} ms, "
        f"{run.total_cycles:,} cycles of the memory"
    )
    click.echo(f"{longer:.1f} % longer than if the memory was never waited for")
    skipped = run.extrapolated
    if skipped.cycles:
        click.echo(
            f"{100 * skipped.cycles / max(1, run.total_cycles):.0f} % of the cycles extrapolated, "
            f"± {skipped.error_cycles:,} cycles (--full: none)"
        )
    _print_cores(run)
    memory = run.memory
    used = 100 * memory["bandwidth_bytes_per_s"] / memory["peak_bytes_per_s"]
    click.echo(
        f"{memory['device']}: {memory['bytes'] / 1e6:.1f} MB, "
        f"{memory['bandwidth_bytes_per_s'] / 1e9:.2f} GB/s, {used:.1f} % of its peak"
    )
    rows = memory["row_hits"] + memory["row_misses"] + memory["row_conflicts"]
    if rows:
        hits, misses = memory["row_hits"] / rows, memory["row_misses"] / rows
        click.echo(
            f"rows: {100 * hits:.1f} % hits, {100 * misses:.1f} % misses, "
            f"{100 * (1 - hits - misses):.1f} % conflicts"
        )
    cache = memory.get("shared_cache")
    if cache:
        looked = max(1, cache["hits"] + cache["misses"])
        click.echo(
            f"shared cache: {100 * cache['hits'] / looked:.1f} % hits, {cache['writebacks']:,} write-backs"
        )


def _print_cores(run: SystemRun) -> None:
    """A line for each core, and what it was stalled by most."""
    from platforms.soc.stalls import stall_text

    total = max(1, run.total_cycles)
    has_alone = any(core.slowdown is not None for core in run.cores)
    slower = f"  {'slowdown':>8}" if has_alone else ""
    click.echo(f"{'core':>10}  {'busy':>7}  {'stalled':>7}  {'idle':>7}{slower}  parts of layers")
    for core in run.cores:
        shares = (core.busy_cycles, core.stalled_cycles, core.idle_cycles)
        text = "  ".join(f"{100 * share / total:>5.1f} %" for share in shares)
        slower = ""
        if has_alone:
            slower = f"  {core.slowdown:>8.3f}" if core.slowdown is not None else f"  {'':>8}"
        click.echo(f"{core.name:>10}  {text}{slower}  {core.layers} ({core.architecture})")
    for core in run.cores:
        if core.stalls:
            most = "; ".join(stall_text(stall, core.stalled_cycles) for stall in core.stalls[:3])
            click.echo(f"{core.name:>10}  stalled by {most}")
