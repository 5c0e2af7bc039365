"""``acadl estimate``: cycles of a network on one core."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from platforms.commands._options import (
    json_option,
    layers_option,
    load_architecture,
    mapping_option,
    names_in,
    network_option,
    print_json,
    settings_option,
    using_mappings,
)

if TYPE_CHECKING:
    from platforms.result import NetworkEstimate
    from platforms.whole_network import Method


@click.command()
@click.argument("arch")
@network_option
@settings_option
@click.option(
    "--method",
    type=click.Choice(["exact", "full", "fixed_point"]),
    default="exact",
    show_default=True,
    help="exact: skip iterations whose outcome is known; full: every instruction; fixed_point: as published.",
)
@click.option(
    "--published",
    is_flag=True,
    help="Show what the published extrapolation says, too; it takes several times as long.",
)
@click.option(
    "--choices",
    metavar="FILE.json",
    type=click.Path(exists=True, dir_okay=False),
    help="Map layers as a search has found (acadl search -o FILE.json).",
)
@click.option(
    "--fallback",
    metavar="MODEL.json",
    type=click.Path(exists=True, dir_okay=False),
    help="Estimate layers that ARCH cannot run by a fitted model (acadl fit).",
)
@layers_option
@mapping_option
@json_option
def command(
    arch: str,
    network: str,
    settings: tuple[tuple[str, int | bool | str], ...],
    method: Method,
    published: bool,
    choices: str | None,
    fallback: str | None,
    layers: str | None,
    mappings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Estimate the latency of a network on ARCH.

    ARCH is the name of a shipped platform (see `acadl list`) or a path to an .acadl file.
    Exit status 1 if no layer could be estimated.
    """
    started = time.perf_counter()
    report = _estimate(arch, network, settings, method, published, choices, fallback, layers, mappings)
    from platforms.messages import warn, warn_unmapped

    warn_unmapped(report.unmapped)
    for note in report.notes:
        warn(note)
    for estimated in report.layers:
        for note in estimated.notes:
            warn(f"layer '{estimated.name}': {note}")
    if as_json:
        print_json(report.to_dict())
    else:
        from platforms.report import print_report

        print_report(report, dict(settings))
        if sys.stderr.isatty():
            click.echo(f"estimated in {time.perf_counter() - started:.2f} s", err=True)
    if not report.layers:
        sys.exit(1)


def _estimate(
    arch: str,
    network: str,
    settings: tuple[tuple[str, int | bool | str], ...],
    method: Method,
    published: bool,
    choices: str | None,
    fallback: str | None,
    layers: str | None,
    mappings: tuple[str, ...],
) -> NetworkEstimate:
    from platforms.messages import progress_line
    from platforms.whole_network import estimate

    with using_mappings(mappings):
        architecture = load_architecture(arch, settings)
        return estimate(
            architecture,
            network,
            method=method,
            published=published,
            choices=choices,
            fallback=fallback,
            layers=names_in(layers),
            progress=progress_line(),
        )
