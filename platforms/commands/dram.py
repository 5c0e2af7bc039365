"""``acadl dram``: a trace of requests through a memory, without cores."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from platforms.commands._dram import changed, device_options, dram_errors
from platforms.commands._options import json_option, print_json

if TYPE_CHECKING:
    from dram.result import Totals

OWN_CURRENTS = "-"  # --energy without a file; the same in _dram_run


@click.command()
@click.argument("trace")
@click.option(
    "--config", "config", required=True, metavar="NAME|FILE",
    help="A shipped configuration (see `acadl list`), a device such as DDR4_2400, or a .json file.",
)  # fmt: skip
@device_options
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
    organisation: str | None,
    ranks: int | None,
    timing: dict[str, int | str],
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
    with dram_errors():
        if plot:
            from dram.plots import check_ending

            check_ending(plot)
        from platforms.commands._dram_run import Wanted, run_trace

        configured = partial(changed, organisation=organisation, ranks=ranks, timing=timing)
        wanted = Wanted(latencies, commands_file, timeline, plot, currents)
        totals, energy = run_trace(trace, trace_format, config, wanted, configured)
    result: dict[str, Any] = {"config": config, **totals.to_dict(), **_shares(totals)}
    if energy:
        result["energy"] = energy
    if as_json:
        print_json(result)
    else:
        _print(result)


def _shares(totals: Totals) -> dict[str, object]:
    from dram.shares import data_share, refresh_share

    return {
        "device": totals.device.name,
        "clock_ps": totals.device.clock_ps,
        "seconds": totals.cycles * totals.device.tick_seconds,
        "data_share": data_share(totals),
        "refresh_share": refresh_share(totals),
    }


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
