"""``acadl simulate``: a network on a system of several cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from platforms.commands._options import html_option, json_option, print_json, settings_option

if TYPE_CHECKING:
    from platforms.soc.planning import Scheduler
    from platforms.soc.simulation import SystemRun


@click.command()
@click.argument("system")
@click.option("--network", "-n", help="Name in the zoo, .onnx file or layer table (.csv).")
@click.option("--load", metavar="FILE.json", help="Several networks at once: which inputs come when.")
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
@click.option(
    "--plot", metavar="OUT.svg", help="Draw bandwidth and contention (.svg; .png with the extra `plot`)."
)
@html_option
@settings_option
@json_option
def command(
    system: str,
    network: str | None,
    load: str | None,
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
    plot: str | None,
    html: str | None,
    settings: tuple[tuple[str, int | bool | str], ...],
    as_json: bool,
) -> None:
    """Run a network, or several at once (--load), on SYSTEM, whose cores share caches and a memory.

    SYSTEM is the name of a shipped one (see `acadl list`) or a path to an .acadl file with a `platform`.
    Layers are split over equal cores or run side by side where they can.
    """
    from platforms.commands._outputs import check_outputs
    from platforms.commands._simulate_load import run_load
    from platforms.commands._simulate_pictures import check_plot, write_pictures
    from platforms.commands._termination import termination_unwinds
    from platforms.messages import clear_progress, progress_line, warn
    from platforms.soc.chips import find_chip
    from platforms.soc.planning import Planning
    from platforms.soc.simulation import TOLERANCE, simulate

    if (network is None) == (load is None):
        raise click.UsageError("one of --network and --load says what is run")
    if load is not None:
        alone_only = {"--schedule": schedule, "--save-schedule": save_schedule, "--timeline": timeline}
        given = [name for name, value in (*alone_only.items(), ("--alone", alone)) if value]
        if given:
            raise click.UsageError(f"{given[0]} is for one network, not for --load")
        check_outputs({"the plot": plot, "the report": html}, [("the load", load), ("the system", system)])
        planning = Planning(scheduler, seed, budget, tiles, buffer)
        run_load(find_chip(system, dict(settings)), load, planning, full, plot, html, as_json)
        return
    assert network is not None
    check_outputs(
        {
            "the schedule": save_schedule,
            "the time line": timeline,
            "the plot": plot,
            "the report": html,
        },
        [("the network", network), ("the schedule", schedule), ("the system", system)],
    )
    chip = find_chip(system, dict(settings))
    check_plot(plot)
    planning = Planning(scheduler, seed, budget, tiles, buffer)
    try:
        with termination_unwinds():
            run = simulate(
                chip,
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
            write_pictures(run, plot, html)
    finally:
        clear_progress()
    for name, reason in run.unmapped:
        warn(f"no core can run layer '{name}': {reason}")
    if as_json:
        print_json(run.to_dict())
    else:
        _print(run)


def _print(run: SystemRun) -> None:
    from platforms.commands._simulate_text import print_cores, print_memory

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
    print_cores(run.cores, run.total_cycles)
    print_memory(run.memory)
