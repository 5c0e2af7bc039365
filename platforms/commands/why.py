"""``acadl why``: where the cycles of a network go."""

from __future__ import annotations

import sys
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
    from platforms.network_why import NetworkWhy

# Shares of the cycles below this are summed up in one row.
SMALLEST_SHARE = 0.005


@click.command()
@click.argument("arch")
@network_option
@settings_option
@layers_option
@mapping_option
@json_option
def command(
    arch: str,
    network: str,
    settings: tuple[tuple[str, int | bool | str], ...],
    layers: str | None,
    mappings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Where do the cycles of a network on ARCH go? The critical path of each layer, over its whole run.

    ARCH is the name of a shipped platform (see `acadl list`) or a path to an .acadl file. Every cycle counts
    for one object, and for what is waited for there. Exit status 1 if no layer could be evaluated.
    """
    from platforms.messages import progress_line, warn
    from platforms.network_why import why

    with using_mappings(mappings):
        architecture = load_architecture(arch, settings)
        result = why(architecture, network, layers=names_in(layers), progress=progress_line())
    for layer in result.unmapped:
        warn(f"layer '{layer.name}' is not part of the figures: {layer.reason}")
    for note in result.notes:
        warn(note)
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result)
    if not result.layers:
        sys.exit(1)


def _print(result: NetworkWhy) -> None:
    """Cycles per object and kind, then a line per layer, on standard output."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from platforms.report import open_console

    console = open_console()
    if not result.layers:
        console.print(escape(f"{result.network} on {result.architecture}: no layer was evaluated"))
        return
    headline = f"{result.network} on {result.architecture}: {result.total_cycles:,} cycles"
    console.print(escape(headline), style="bold", soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("Object", "Kind", "Cycles", "Share"):
        table.add_column(title, justify="right" if title in ("Cycles", "Share") else "left", no_wrap=True)
    total, rest = max(result.total_cycles, 1), 0
    for (kind, name), cycles in result.by_kind_and_object.items():
        if cycles < SMALLEST_SHARE * total:
            rest += cycles
        else:
            table.add_row(escape(name), kind, f"{cycles:,}", f"{100 * cycles / total:.1f} %")
    if rest:
        table.add_row("others", "", f"{rest:,}", f"{100 * rest / total:.1f} %")
    console.print(table)
    for layer in result.layers:
        console.print(escape(f"{layer.name}: {layer.explanation.describe()}"), soft_wrap=True)
