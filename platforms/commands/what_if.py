"""``acadl what-if``: what single changes of the architecture would gain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from platforms.commands._figures import evaluate_and_print, network_options

if TYPE_CHECKING:
    from rich.table import Table

    from aidg.what_if import WhatIfRow
    from platforms.network_what_if import NetworkWhatIf


@click.command("what-if")
@network_options
def command(**chosen: Any) -> None:
    """What would be gained if one object of ARCH were infinitely fast, or had one more place.

    ARCH is the name of a shipped platform (see `acadl list`) or a path to an .acadl file. Every change is
    evaluated. Exit status 1 if no layer could be evaluated.
    """
    from platforms.network_what_if import what_if

    evaluate_and_print(what_if, _print, **chosen)


def _print(result: NetworkWhatIf) -> None:
    """The changes that make a difference as a table, on standard output."""
    from rich.markup import escape

    from platforms.report import open_console

    console = open_console()
    about = ", ".join(result.layers) if len(result.layers) < 4 else f"{len(result.layers)} layers"
    headline = f"{result.network} ({about}) on {result.architecture}: {result.total_cycles:,} cycles"
    console.print(escape(headline), style="bold", soft_wrap=True)
    shown = [row for row in result.rows if row.gain_cycles]
    if shown:
        console.print(_table(shown, console.width))
    idle = len(result.rows) - len(shown)
    console.print(f"{idle} of {len(result.rows)} changes gain nothing", soft_wrap=True)


COLUMNS = ("Object", "Change", "Cycles", "Gain", "Speed-up", "Method", "Detail")
PADDING = 3  # blanks between two columns
LEAST = 16  # characters of a name, or of details, that say something


def _table(rows: list[WhatIfRow], width: int) -> Table:
    """The rows; where ``width`` is too small, details go first, then names are folded. Figures never are."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from aidg.what_if import speedup_text

    cells = [
        (
            row.object,
            row.change,
            f"{row.cycles:,}",
            f"{row.gain_cycles:,}",
            speedup_text(row.speedup),
            row.method,
            row.detail,
        )
        for row in rows
    ]
    widths = [max(len(title), *map(len, column)) for title, *column in zip(COLUMNS, *cells, strict=True)]
    figures = sum(widths[1:6]) + 6 * PADDING
    names = max(LEAST, min(widths[0], width - figures))
    room = width - figures - names
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(COLUMNS[0], overflow="fold", width=names)
    for title, least in zip(COLUMNS[1:6], widths[1:6], strict=True):
        right = title in ("Cycles", "Gain", "Speed-up")
        table.add_column(title, justify="right" if right else "left", no_wrap=True, min_width=least)
    if room >= LEAST:
        table.add_column(COLUMNS[6], no_wrap=True, overflow="ellipsis", max_width=room)
    for row in cells:
        table.add_row(*map(escape, row if room >= LEAST else row[:6]))
    return table
