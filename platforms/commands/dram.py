"""``acadl dram``: a trace of requests through a memory, without cores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from platforms.commands._dram import dram_errors
from platforms.commands._options import json_option, print_json

if TYPE_CHECKING:
    from dram.result import Run

OWN_CURRENTS = "-"  # --energy without a file


@click.command()
@click.argument("trace")
@click.option(
    "--config", "config", required=True, metavar="NAME|FILE",
    help="A shipped configuration (see `acadl list`), a device such as DDR4_2400, or a .json file.",
)  # fmt: skip
@click.option(
    "--format", "trace_format", type=click.Choice(["csv", "stl", "ramulator", "dramsim3"]),
    help="Format of TRACE; without this it is recognised.",
)  # fmt: skip
@click.option("--latencies", metavar="OUT.csv", help="Write id,accept,done of each request.")
@click.option(
    "--commands", "commands_file", metavar="OUT.csv",
    help="Write the commands: cycle,cmd,rank,bankgroup,bank,row,column.",
)  # fmt: skip
@click.option("--timeline", metavar="OUT.json", help="Write a time line for Perfetto (.json or .json.gz).")
@click.option(
    "--plot", metavar="OUT.svg", help="Draw bandwidth and read latency over time (.svg, .png, .pdf)."
)
@click.option(
    "--energy", "currents", is_flag=False, flag_value=OWN_CURRENTS, metavar="[CURRENTS.json]",
    help="Energy of the dies, from shipped supply currents or those of a file.",
)  # fmt: skip
@json_option
def command(
    trace: str,
    config: str,
    trace_format: str | None,
    latencies: str | None,
    commands_file: str | None,
    timeline: str | None,
    plot: str | None,
    currents: str | None,
    as_json: bool,
) -> None:
    """Serve the requests of TRACE and say when each was done.

    TRACE is a table id,arrival,op,addr,src as CSV, a DRAMSys trace (.stl), a Ramulator trace of loads and
    stores or of reads and writes, or a DRAMsim3 trace; plain or gzip. Times are cycles of the memory.
    """
    record = any((commands_file, timeline, currents))
    with dram_errors():
        if plot:
            from dram.plots import check_ending

            check_ending(plot)
        run, channels = _run(trace, trace_format, config, record)
        result: dict[str, Any] = {"config": config, **run.to_dict(), **_shares(run, channels)}
        if currents:
            result["energy"] = _energy(run, currents)
        _write(run, latencies, commands_file, timeline, plot)
    if as_json:
        print_json(result)
    else:
        _print(result)


def _run(trace: str, trace_format: str | None, config: str, record: bool) -> tuple[Run, int]:
    """The run, and the number of channels."""
    from dram.configurations import configuration
    from dram.simulation import simulate
    from dram.traces import read_requests
    from dram.traces.vectors import memory_of

    chosen = configuration(config)
    device = chosen.make_device()
    mapping = chosen.make_mapping(device)
    requests = read_requests(trace, trace_format, memory_of(device, mapping))
    return simulate(requests, chosen, record=record), mapping.channels


def _shares(run: Run, channels: int) -> dict[str, object]:
    from dram.shares import data_share, refresh_share

    return {
        "device": run.device.name,
        "clock_ps": run.device.clock_ps,
        "seconds": run.cycles * run.device.tick_seconds,
        "data_share": data_share(run, channels),
        "refresh_share": refresh_share(run, channels),
    }


def _energy(run: Run, currents: str) -> dict[str, object]:
    """Energy of all channels."""
    from dram.currents import read_currents
    from dram.energy import energy

    chosen = None if currents == OWN_CURRENTS else read_currents(currents)
    end = max(run.cycles, run.last_data)
    parts = [energy(commands, run.device, end, chosen) for commands in run.channels]
    total = sum(part.total_pj for part in parts)
    return {
        **parts[0].to_dict(),
        "total_pj": total,
        "average_watts": sum(part.average_watts for part in parts),
        "parts_pj": {name: sum(part.parts_pj[name] for part in parts) for name in parts[0].parts_pj},
    }


def _write(
    run: Run, latencies: str | None, commands_file: str | None, timeline: str | None, plot: str | None
) -> None:
    from dram.errors import DramError

    if commands_file and len(run.channels) > 1:
        raise DramError(
            f"the configuration has {len(run.channels)} channels, but a command trace has room for one",
            hint="write a time line instead",
        )
    if latencies:
        from dram.traces.latencies_csv import write_latencies

        write_latencies(latencies, run.requests.ids, run.accept, run.done)
    if commands_file:
        from dram.traces.commands_csv import write_commands

        write_commands(commands_file, run.commands)
    if timeline:
        from dram.timeline import write_timeline

        write_timeline(timeline, run.channels, run.device)
    if plot:
        from dram.plots import write_plot

        write_plot(run, plot)


def _print(result: dict[str, Any]) -> None:
    latency = result["read_latency"]
    commands = ", ".join(f"{count} {name}" for name, count in result["commands"].items() if count)
    hits = [result[name] for name in ("row_hits", "row_misses", "row_conflicts")]
    lines = {
        "memory": f"{result['device']}, configuration {result['config']}",
        "requests": f"{result['requests']}: {result['reads']} reads, {result['writes']} writes",
        "time": f"{result['cycles']} cycles, {result['seconds'] * 1e6:.3f} µs",
        "read latency": "mean {mean:.1f}, p50 {p50}, p90 {p90}, p99 {p99}, max {max} cycles".format(
            **latency
        ),
        "bandwidth": f"{result['bandwidth_bytes_per_s'] * 1e-9:.3f} GB/s",
        "data bus": f"busy {100 * result['data_share']:.1f} % of the time",
        "rows": f"{hits[0]} hits, {hits[1]} misses, {hits[2]} conflicts",
        "commands": commands,
        "refresh": f"{100 * result['refresh_share']:.1f} % of the banks' time",
    }
    energy = result.get("energy")
    if energy:
        lines["energy"] = f"{energy['total_pj'] * 1e-6:.3f} µJ, {energy['average_watts']:.3f} W on average"
        lines["currents"] = f"{energy['currents']}, {energy['source']}"
        for difference in energy["differences"]:
            lines["currents"] += f"; of {difference}"
    for name, text in lines.items():
        click.echo(f"{name:>13}  {text}")
