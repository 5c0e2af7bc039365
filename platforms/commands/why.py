"""``acadl why``: where the cycles of a network go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from platforms.commands._figures import evaluate_and_print, network_options

if TYPE_CHECKING:
    from platforms.network_why import NetworkWhy

# Shares of the cycles below this are summed up in one row.
SMALLEST_SHARE = 0.005


@click.command()
@network_options
def command(**chosen: Any) -> None:
    """Where do the cycles of a network on ARCH go? The critical path of each layer, over its whole run.

    ARCH is the name of a shipped platform (see `acadl list`) or a path to an .acadl file. Every cycle counts
    for one object, and for what is waited for there. Exit status 1 if no layer could be evaluated.
    """
    from platforms.network_why import why

    evaluate_and_print(why, _print, **chosen)


def _print(result: NetworkWhy) -> None:
    """Cycles per object and kind, then a line per layer, on standard output."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from platforms.report import open_console

    console = open_console()
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
