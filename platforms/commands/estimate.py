"""``acadl estimate``: cycles of a network on one core."""

from __future__ import annotations

import sys
import time
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import click

from platforms.commands._options import (
    json_option,
    load_architecture,
    print_json,
    settings_option,
)

if TYPE_CHECKING:
    from platforms.result import NetworkEstimate
    from platforms.whole_network import Method


@click.command()
@click.argument("arch")
@click.option("--network", "-n", required=True, help="Name in the zoo, .onnx file or layer table (.csv).")
@settings_option
@click.option(
    "--method",
    type=click.Choice(["exact", "full", "fixed_point"]),
    default="exact",
    show_default=True,
    help="exact: skip iterations whose outcome is known; full: every instruction; fixed_point: as published.",
)
@click.option("--layers", help="Names of the layers to estimate, separated by commas.")
@click.option(
    "--mapping",
    "mappings",
    type=click.Path(exists=True, dir_okay=False),
    multiple=True,
    help="Your own mapping module (.py), imported before the estimate.",
)
@json_option
def command(
    arch: str,
    network: str,
    settings: tuple[tuple[str, int | bool | str], ...],
    method: Method,
    layers: str | None,
    mappings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Estimate the latency of a network on ARCH.

    ARCH is the name of a shipped platform (see `acadl list`) or a path to an .acadl file.
    Exit status 1 if no layer could be estimated.
    """
    started = time.perf_counter()
    report = _estimate(arch, network, settings, method, layers, mappings)
    from platforms.messages import warn
    from platforms.report import print_report

    for layer in report.unmapped:
        warn(f"not part of the total: {layer.reason}")
    for note in report.notes:
        warn(note)
    for estimated in report.layers:
        for note in estimated.notes:
            warn(f"layer '{estimated.name}': {note}")
    if as_json:
        print_json(report.to_dict())
    else:
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
    layers: str | None,
    mappings: tuple[str, ...],
) -> NetworkEstimate:
    from platforms.messages import clear_progress, progress_line
    from platforms.user_mapping import explaining_mappings, import_mapping
    from platforms.whole_network import estimate

    chosen = [name.strip() for name in layers.split(",") if name.strip()] if layers is not None else None
    with redirect_stdout(sys.stderr):  # what mappings print; standard output is for the result
        for path in mappings:
            import_mapping(path)
        architecture = load_architecture(arch, settings)
        try:
            with explaining_mappings(mappings):
                return estimate(architecture, network, method=method, layers=chosen, progress=progress_line())
        finally:
            clear_progress()
