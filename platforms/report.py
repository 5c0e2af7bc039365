"""Estimates as tables: for terminals and for notebooks."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from platforms.result import LayerEstimate, NetworkEstimate

PLAIN_WIDTH = 160  # characters of a line where the output is no terminal

_UNITS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))

NOTHING = "–"  # where a layer without multiply-accumulates has no meaningful number
PADDING = 3  # blanks between two columns
DISPENSABLE = ("MAC/cycle", "Share", "Obtained", "Operator")  # left out in this order on a narrow terminal

COLUMNS = (
    ("Layer", "left"),
    ("Operator", "left"),
    ("MACs", "right"),
    ("Cycles", "right"),
    ("Share", "right"),
    ("MAC/cycle", "right"),
    ("Busy", "right"),
    ("Bound by", "left"),
    ("Obtained", "left"),
)


def short(number: int) -> str:
    """``4204000000`` → ``4.2 G``; exact below 1000."""
    for factor, unit in _UNITS:
        if number >= factor:
            value = number / factor
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return str(number)


def duration(seconds: float) -> str:
    """``0.00123`` → ``1.230 ms``."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= factor:
            return f"{seconds / factor:.3f} {unit}"
    return f"{seconds * 1e9:.3f} ns"


def obtained(layer: LayerEstimate) -> str:
    """Method and how much of the program was evaluated."""
    if layer.evaluated_instructions == 0 and layer.instructions:
        return f"{layer.method}, same shape as above"
    return f"{layer.method}, {short(layer.evaluated_instructions)} of {short(layer.instructions)} instr."


def rows(report: NetworkEstimate) -> list[tuple[str, ...]]:
    """The cells of :data:`COLUMNS` for each layer."""
    total = report.total_cycles or 1
    return [
        (
            layer.name if layer.count == 1 else f"{layer.name} × {layer.count}",
            layer.op,
            f"{layer.macs:,}",
            f"{layer.cycles:,}",
            f"{100 * layer.cycles / total:.1f} %",
            f"{layer.macs_per_cycle:.1f}" if layer.macs else NOTHING,
            _utilization(layer),
            layer.bound_by,
            obtained(layer),
        )
        for layer in report.layers
    ]


def _utilization(layer: LayerEstimate) -> str:
    percent = f"{100 * layer.compute_utilization:.0f}"
    return NOTHING if percent == "0" and not layer.macs else f"{percent} %"


def headline(report: NetworkEstimate) -> str:
    """What was estimated on what."""
    return f"{report.network} on {report.architecture}, {report.clock_hz / 1e6:g} MHz"


def parameters_line(report: NetworkEstimate, chosen: Collection[str] | None = None) -> str:
    """The description's parameters, empty if it has none; with ``chosen`` the others are only counted."""
    values = report.provenance.get("parameters")
    if not isinstance(values, dict) or not values:
        return ""
    shown = [f"{name}={value}" for name, value in values.items() if chosen is None or name in chosen]
    rest = len(values) - len(shown)
    if rest:
        counted = f"{rest} others" if shown and rest > 1 else "1 other" if shown else f"all {rest}"
        shown.append(f"{counted} at {'its default' if counted == '1 other' else 'their defaults'}")
    return "parameters: " + ", ".join(shown)


def total_line(report: NetworkEstimate) -> str:
    """Totals in cycles and time."""
    without = f", without {len(report.unmapped)} unmapped layers" if report.unmapped else ""
    return (
        f"total: {report.total_cycles:,} cycles = {duration(report.latency_s)}, "
        f"{report.total_macs:,} MACs{without}"
    )


def table(report: NetworkEstimate, width: int = PLAIN_WIDTH) -> Table:
    """One row per layer, the slowest in bold; what does not fit into ``width`` characters is left out."""
    from rich import box
    from rich.table import Table

    cells = rows(report)
    shown = _fitting(cells, width)
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number in shown:
        title, side = COLUMNS[number]
        made.add_column(title, justify="right" if side == "right" else "left", no_wrap=True)
    slowest = report.slowest
    for layer, row in zip(report.layers, cells, strict=True):
        made.add_row(*(_plain(row[number]) for number in shown), style="bold" if layer is slowest else "")
    return made


def _fitting(cells: list[tuple[str, ...]], width: int) -> list[int]:
    """Numbers of the columns to show."""
    widths = [
        max(len(title), *(len(row[number]) for row in cells), 0) for number, (title, _) in enumerate(COLUMNS)
    ]
    shown = list(range(len(COLUMNS)))
    for title in DISPENSABLE:
        if sum(widths[number] + PADDING for number in shown) <= width:
            break
        shown.remove([name for name, _ in COLUMNS].index(title))
    return shown


def _plain(text: str) -> str:
    """Names come from files: nothing in them is markup."""
    from rich.markup import escape as escape_markup

    return escape_markup(text)


def open_console() -> Console:
    """Standard output; lines of :data:`PLAIN_WIDTH` characters where it is no terminal."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def print_report(report: NetworkEstimate, chosen: Collection[str] | None = None) -> None:
    """Headline, table, totals and the reason of the slowest layer, on standard output.

    ``chosen`` names the parameters that were given a value; ``None``: not known, all are shown.
    """
    console = open_console()
    console.print(_plain(headline(report)), style="bold", soft_wrap=True)
    parameters = parameters_line(report, chosen)
    if parameters:
        console.print(_plain(parameters), style="dim", soft_wrap=True)
    console.print(table(report, console.width))
    console.print(_plain(total_line(report)), soft_wrap=True)
    console.print(_plain(report.reason), soft_wrap=True)


def to_html(report: NetworkEstimate) -> str:
    """The same as an HTML fragment."""
    head = "".join(f'<th style="text-align:{side}">{title}</th>' for title, side in COLUMNS)
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:{side}">{escape(cell)}</td>'
            for cell, (_, side) in zip(cells, COLUMNS, strict=True)
        )
        + "</tr>"
        for cells in rows(report)
    )
    missing = "".join(
        f"<li>{escape(layer.name)} ({escape(layer.op)}): {escape(layer.reason)}</li>"
        for layer in report.unmapped
    )
    return (
        f'<div class="acadl-estimate"><p><b>{escape(headline(report))}</b></p>\n'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>\n"
        f"<p>{escape(total_line(report))}<br>{escape(report.reason)}</p>\n"
        + (f"<p>Not part of the total:</p><ul>{missing}</ul>" if missing else "")
        + "</div>"
    )
