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
DISPENSABLE = (
    "Roofline",
    "Refined",
    "MAC/cycle",
    "Published",
    "Energy",
    "Share",
    "Obtained",
    "Operator",
)  # left out in this order on a narrow terminal

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
    ("Roofline", "right"),
    ("Refined", "right"),
    ("Published", "right"),
    ("Energy", "right"),
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


def joules(picojoules: float) -> str:
    """``1234567.0`` → ``1.235 µJ``."""
    for factor, unit in ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ")):
        if picojoules >= factor:
            return f"{picojoules / factor:.4g} {unit}"
    return f"{picojoules:.4g} pJ"


def obtained(layer: LayerEstimate) -> str:
    """Method and how much of the program was evaluated."""
    if layer.method == "estimator":  # there is no program
        return layer.method
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
            part(layer.roofline_cycles, layer.cycles),
            part(layer.refined_roofline_cycles, layer.cycles),
            deviation(layer.fixed_point_cycles, layer.cycles),
            NOTHING if layer.energy_pj is None else joules(layer.energy_pj),
        )
        for layer in report.layers
    ]


def part(bound: int, cycles: int) -> str:
    """How much of the cycles a lower bound explains."""
    return f"{100 * bound / cycles:.0f} %" if bound and cycles else NOTHING


def deviation(found: int | None, cycles: int) -> str:
    """How far off an estimate is."""
    if found is None or not cycles:
        return NOTHING
    return "exact" if found == cycles else f"{100 * (found / cycles - 1):+.3g} %"


def shown_columns(report: NetworkEstimate) -> list[int]:
    """Numbers of the columns that the report fills."""
    absent = set()
    if report.fixed_point_cycles is None:
        absent.add("Published")
    if report.energy is None:
        absent.add("Energy")
    return [number for number, (title, _) in enumerate(COLUMNS) if title not in absent]


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


def baselines_line(report: NetworkEstimate) -> str:
    """What simpler models say in all; empty where nothing was estimated."""
    total = report.total_cycles
    if not total:
        return ""
    found = [
        f"{name} {cycles:,} cycles ({part(cycles, total)})"
        for name, cycles in (
            ("roofline", report.roofline_cycles),
            ("refined roofline", report.refined_roofline_cycles),
        )
    ]
    if report.fixed_point_cycles is not None:
        how_far = deviation(report.fixed_point_cycles, total)
        found.append(f"published extrapolation {report.fixed_point_cycles:,} cycles ({how_far})")
    limits = [
        f"{value:,.4g} {unit} per cycle"
        for value, unit in (
            (report.peak_macs_per_cycle, "MACs"),
            (report.memory_bytes_per_cycle, "bytes of main memory"),
        )
        if value is not None
    ]
    return f"simpler models: {', '.join(found)}" + (f"; at most {', '.join(limits)}" if limits else "")


MOST_SHARES = 4  # objects in the line about energy


def energy_line(report: NetworkEstimate) -> str:
    """The energy, its largest shares, and what is not in it; empty where the description says none."""
    energy = report.energy
    if energy is None:
        return ""
    total = energy.total_aj
    largest = list(energy.by_object().items())[:MOST_SHARES]
    shares = [f"{name} {100 * part / total:.0f} %" for name, part in largest if total]
    average = f" = {joules(energy.total_pj / report.latency_s)[:-1]}W on average" if report.latency_s else ""
    text = f"energy: {joules(energy.total_pj)}{average}" + (f": {', '.join(shares)}" if shares else "")
    if energy.missing:
        text += f"; not said by the description: {', '.join(energy.missing)}"
    return text + "".join(f"; {note}" for note in energy.notes)


def area_line(report: NetworkEstimate) -> str:
    """The area, and of how many objects it is; empty where the description says none."""
    area = report.area
    if area is None:
        return ""
    known, unknown = len(area.by_object), len(area.missing)
    without = f"; {unknown} do not say theirs" if unknown else ""
    return f"area: {area.total_mm2:.4g} mm² of {known} objects{without}"


def more_lines(report: NetworkEstimate) -> tuple[str, ...]:
    """Simpler models, energy, area, as far as there is something to say."""
    found = (baselines_line(report), energy_line(report), area_line(report))
    return tuple(line for line in found if line)


def table(report: NetworkEstimate, width: int = PLAIN_WIDTH) -> Table:
    """One row per layer, the slowest in bold; what does not fit into ``width`` characters is left out."""
    from rich import box
    from rich.table import Table

    cells = rows(report)
    shown = _fitting(cells, shown_columns(report), width)
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number in shown:
        title, side = COLUMNS[number]
        made.add_column(title, justify="right" if side == "right" else "left", no_wrap=True)
    slowest = report.slowest
    for layer, row in zip(report.layers, cells, strict=True):
        made.add_row(*(_plain(row[number]) for number in shown), style="bold" if layer is slowest else "")
    return made


def _fitting(cells: list[tuple[str, ...]], columns: list[int], width: int) -> list[int]:
    """Numbers of the columns to show, of those given."""
    widths = [
        max(len(title), *(len(row[number]) for row in cells), 0) for number, (title, _) in enumerate(COLUMNS)
    ]
    shown = list(columns)
    for title in DISPENSABLE:
        if sum(widths[number] + PADDING for number in shown) <= width:
            break
        shown = [number for number in shown if COLUMNS[number][0] != title]
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
    for line in more_lines(report):
        console.print(_plain(line), soft_wrap=True)
    console.print(_plain(total_line(report)), soft_wrap=True)
    console.print(_plain(report.reason), soft_wrap=True)


def to_html(report: NetworkEstimate) -> str:
    """The same as an HTML fragment."""
    columns = shown_columns(report)
    head = "".join(f'<th style="text-align:{COLUMNS[n][1]}">{COLUMNS[n][0]}</th>' for n in columns)
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:{COLUMNS[number][1]}">{escape(cells[number])}</td>' for number in columns
        )
        + "</tr>"
        for cells in rows(report)
    )
    missing = "".join(
        f"<li>{escape(layer.name)} ({escape(layer.op)}): {escape(layer.reason)}</li>"
        for layer in report.unmapped
    )
    lines = (*more_lines(report), total_line(report), report.reason)
    return (
        f'<div class="acadl-estimate"><p><b>{escape(headline(report))}</b></p>\n'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>\n"
        f"<p>{'<br>'.join(map(escape, lines))}</p>\n"
        + (f"<p>Not part of the total:</p><ul>{missing}</ul>" if missing else "")
        + "</div>"
    )
