"""A comparison of events as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platforms.report import open_console

if TYPE_CHECKING:
    from platforms.validation.comparison import Comparison

COLUMNS = (
    "Event",
    "By",
    "Matched",
    "Missing",
    "Extra",
    "Exact",
    "Mean",
    "Median",
    "95 %",
    "Largest",
    "Drift / 1000",
)


def print_comparison(found: Comparison) -> None:
    """Per kind, then in total, on standard output. Errors are in cycles."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    console = open_console()
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, title in enumerate(COLUMNS):
        made.add_column(title, justify="left" if number < 2 else "right")
    for kind in found.kinds:
        errors = kind.errors
        made.add_row(
            escape(f"{kind.unit}/{kind.event}"),
            kind.method,
            *map(str, (kind.matched, kind.missing, kind.extra, errors.exact)),
            f"{errors.mean:+.4g}",
            f"{errors.median:+.4g}",
            *map(str, (errors.p95_abs, errors.max_abs)),
            f"{errors.drift:+.4g}",
        )
    console.print(made)
    for kinds, side in ((found.only_measured, "trace"), (found.only_predicted, "run")):
        if kinds:
            names = ", ".join("/".join(kind) for kind in kinds)
            console.print(escape(f"not compared, only in the {side}: {names}"), soft_wrap=True)
    console.print(escape(found.headline), soft_wrap=True)
    console.print(escape(found.divergence_line), soft_wrap=True)
    if found.divergence is not None:
        for line in found.divergence.lines():
            console.print(f"  {escape(line)}", soft_wrap=True)
