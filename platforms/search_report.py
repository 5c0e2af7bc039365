"""What a mapping search has found, as tables: for terminals and for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from mappings.choices import Choice
    from platforms.network_search import LayerSearch, NetworkSearch

LAYER_COLUMNS = ("Layer", "Operator", "Default", "Found", "Speed-up", "Bytes", "Tried", "Choice")
PARETO_COLUMNS = ("Cycles", "Bytes", "Choice")
TEXT_COLUMNS = ("Layer", "Operator", "Choice")  # the others are numbers
MOST_SHOWN = 1  # shapes up to which each one has a Pareto table


def choice_text(choice: Choice) -> str:
    """``columns 4, pixels 2 rows``; nothing to choose is a dash."""
    return ", ".join(f"{name} {value}" for name, value in choice.items()) or "–"


def layer_rows(result: NetworkSearch) -> list[tuple[str, ...]]:
    """A row per shape; figures are those of one occurrence."""
    return [
        (
            entry.layer.name if entry.count == 1 else f"{entry.layer.name} × {entry.count}",
            entry.layer.op,
            f"{entry.found.default.cost[0]:,}",
            f"{entry.found.best.cost[0]:,}",
            speedup(entry.found.default.cost[0], entry.found.best.cost[0]),
            f"{entry.found.best.cost[1]:,}",
            tried(entry),
            _difference(entry),
        )
        for entry in result.layers
    ]


def pareto_rows(entry: LayerSearch) -> list[tuple[str, ...]]:
    """A row per choice that no other one is better than in cycles and in bytes."""
    return [(f"{p.cost[0]:,}", f"{p.cost[1]:,}", choice_text(p.choice)) for p in entry.found.front]


def tried(entry: LayerSearch) -> str:
    """``all 24``, or ``310 of 8,640``."""
    found = entry.found
    return f"all {found.size:,}" if found.exhaustive else f"{found.tried:,} of {found.size:,}"


def speedup(before: int, after: int) -> str:
    """``1.13``."""
    return f"{before / after:.2f}" if after else "1.00"


def _difference(entry: LayerSearch) -> str:
    """What of the best choice is not the mapping's own."""
    default, best = entry.found.default.choice, entry.found.best.choice
    changed = {name: value for name, value in best.items() if default[name] != value}
    return choice_text(changed) if changed else "as by itself" if best else "–"


def total_line(result: NetworkSearch) -> str:
    """Cycles of all layers, before and after."""
    without = f", without {len(result.unmapped)} unmapped layers" if result.unmapped else ""
    return (
        f"total: {result.default_cycles:,} cycles by the mapping itself, {result.total_cycles:,} as found: "
        f"{speedup(result.default_cycles, result.total_cycles)} times as fast{without}"
    )


def print_search(result: NetworkSearch) -> None:
    """Tables and total, on standard output."""
    from rich.markup import escape as escape_markup

    from platforms.report import open_console

    console = open_console()
    console.print(escape_markup(f"{result.network} on {result.architecture}"), style="bold", soft_wrap=True)
    console.print(_table(LAYER_COLUMNS, layer_rows(result)))
    if len(result.layers) <= MOST_SHOWN:
        for entry in result.layers:
            console.print(f"none is better than these in both cycles and bytes ({tried(entry)} tried):")
            console.print(_table(PARETO_COLUMNS, pareto_rows(entry)))
    console.print(escape_markup(total_line(result)), soft_wrap=True)


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    from rich import box
    from rich.markup import escape as escape_markup
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in columns:
        text = title in TEXT_COLUMNS
        table.add_column(title, justify="left" if text else "right", no_wrap=title != "Choice")
    for row in rows:
        table.add_row(*map(escape_markup, row))
    return table


def to_html(result: NetworkSearch) -> str:
    """The layers as an HTML fragment."""
    head = "".join(f"<th>{escape(title)}</th>" for title in LAYER_COLUMNS)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in layer_rows(result)
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"{table}<p>{escape(total_line(result))}</p>"
