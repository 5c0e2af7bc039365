"""``acadl dram-check``: checks a DRAM command trace against the timing rules of a device."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from platforms.commands._dram import changed, device_options, dram_errors
from platforms.commands._options import json_option, print_json

if TYPE_CHECKING:
    from dram.checker import CheckReport

LISTED = 100


@click.command()
@click.argument("trace")
@click.option(
    "--device", "device_name", required=True, metavar="NAME|FILE",
    help="A device such as DDR4_2400, a shipped configuration, or a .json file.",
)  # fmt: skip
@device_options
@click.option("--no-refresh", is_flag=True, help="Refreshes may be missing.")
@click.option("--postponed", type=click.IntRange(0), help="Refreshes that may be postponed.")
@click.option(
    "--limit", type=click.IntRange(0), default=LISTED, show_default=True,
    help="Violations that are listed; all are counted.",
)  # fmt: skip
@json_option
def command(
    trace: str,
    device_name: str,
    organisation: str | None,
    ranks: int | None,
    timing: dict[str, int | str],
    no_refresh: bool,
    postponed: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """Check the command trace TRACE: cycle,cmd,rank,bankgroup,bank,row,column as CSV, plain or gzip.

    Lists every violation: the rule, the two commands, their distance, what is required. Exit status 1 if
    there is any.
    """
    from dram.checker import check
    from dram.traces.commands_csv import read_command_batches

    with dram_errors():
        device = changed(device_name, organisation, ranks, timing).make_device()
        commands = read_command_batches(trace)
        report = check(commands, device, refresh=not no_refresh, postponed=postponed, limit=limit)
    if as_json:
        print_json(report.to_dict())
    else:
        _print(trace, report)
    if report.total:
        sys.exit(1)


def _print(trace: str, report: CheckReport) -> None:
    for violation in report.violations:
        click.echo(str(violation))
    hidden = report.total - len(report.violations)
    if hidden:
        click.echo(f"… and {hidden} more")
    for rule, count in report.counts.items():
        click.echo(f"{count:>10} × {rule}")
    found = f"{report.total or 'no'} violation{'' if report.total == 1 else 's'}"
    click.echo(f"{trace}: {report.commands} commands, {report.device}: {found}")
