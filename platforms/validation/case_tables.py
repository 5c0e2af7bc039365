"""A validation as text: groups, worst cases, totals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platforms.report import open_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from platforms.validation.case_report import ErrorSummary, ValidationReport

SUMMARY_COLUMNS = ("Cases", "Exact", "MAPE", "Median size", "95 %", "Largest error", "Bias")


def print_report(report: ValidationReport, worst: int) -> None:
    """Tables and the headline, on standard output."""
    from rich.markup import escape

    console = open_console()
    if report.group is not None:
        console.print(_groups(report))
    if worst and report.worst(1):
        console.print(_worst(report, worst))
    console.print(escape(report.headline), soft_wrap=True)


def _table(*columns: str) -> Table:
    """A table whose first column is text and the others numbers."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, title in enumerate(columns):
        made.add_column(title, justify="right" if number else "left", overflow="fold")
    return made


def _groups(report: ValidationReport) -> Table:
    from rich.markup import escape

    made = _table(escape(str(report.group)), *SUMMARY_COLUMNS)
    for name, found in report.groups.items():
        made.add_row(
            escape(name or "(empty)"),
            *summary_cells(found),
        )
    return made


def _worst(report: ValidationReport, count: int) -> Table:
    from rich.markup import escape

    made = _table("Worst cases", "Line", "Measured", "Predicted", "Error")
    for case in report.worst(count):
        error = f"{case.error_percent:+.4g} %"
        made.add_row(escape(case.case), str(case.line), f"{case.measured:,}", f"{case.predicted:,}", error)
    return made


def summary_cells(found: ErrorSummary) -> Iterator[str]:
    """The cells of :data:`SUMMARY_COLUMNS`."""
    yield f"{found.cases:,}"
    yield f"{found.exact:,}"
    for percent in (found.mape, found.median_abs_percent, found.p95_abs_percent, found.max_error_percent):
        yield f"{percent:.4g} %"
    yield f"{found.bias_percent:+.4g} %"
