"""A validation as one HTML file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from acadl.files import write_text
from platforms.validation import html_page as html
from platforms.validation.case_charts import case_panels, error_bars
from platforms.validation.case_report import CaseResult, ValidationReport
from platforms.validation.case_tables import SUMMARY_COLUMNS, summary_cells
from platforms.validation.provenance import Provenance

# Cases that are listed one by one, at most: browsers get slow with more.
MOST_CASES = 5_000


def write_validation_html(
    report: ValidationReport, made_from: Provenance, path: str | os.PathLike[str]
) -> None:
    """Write the report, in one step. Raises :class:`AcadlError` where that is impossible."""
    title = f"{report.architecture} against {os.path.basename(report.file)}"
    write_text(path, html.page(title, _parts(report, title, made_from)))


def _parts(report: ValidationReport, title: str, made_from: Provenance) -> Iterator[str]:
    yield html.headline(report.headline)
    yield html.paragraphs(["An error is (predicted − measured) / measured; MAPE is the mean of its size."])
    groups = [("all", report.summary), *report.groups.items()]
    first = report.group or "Cases of"
    yield html.table(
        (first, *SUMMARY_COLUMNS), [(name or "(empty)", *summary_cells(found)) for name, found in groups]
    )
    if report.unused:
        columns = ", ".join(report.unused)
        yield html.paragraphs([f"The prediction does not depend on these columns: {columns}."])
    if report.cases:
        yield html.chart(title, case_panels(report))
        yield html.heading("Distribution of the errors")
        yield html.table(("From", "To", "Cases"), _bars(report), text_columns=0)
    if report.worst(1):
        yield html.heading("Worst cases")
        yield _cases(report.worst(20))
    if report.failed:
        yield html.heading("Cases without a prediction")
        failed = [(case.case, case.line, case.reason) for case in report.failed[:MOST_CASES]]
        yield html.table(("Case", "Line", "Reason"), failed, text_columns=3)
    yield html.heading("All cases")
    if len(report.cases) > MOST_CASES:
        yield html.paragraphs([f"The first {MOST_CASES:,} of {len(report.cases):,}."])
    yield _cases(report.cases[:MOST_CASES])
    yield from html.origin(made_from)


def _bars(report: ValidationReport) -> Iterator[tuple[str, str, str]]:
    for low, high, cases in error_bars(report.cases):
        if cases:
            yield f"{low:+.4g} %", f"{high:+.4g} %", f"{cases:,.0f}"


def _cases(cases: Iterable[CaseResult]) -> str:
    rows = (
        (
            case.case,
            case.line,
            f"{case.measured:,}",
            f"{case.predicted:,}",
            f"{case.error_percent:+.4g} %",
            case.method,
        )
        for case in cases
    )
    return html.table(("Case", "Line", "Measured", "Predicted", "Error", "Obtained"), rows)
