"""``acadl validate``: a description against measured cycles."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from platforms.commands._options import (
    html_option,
    json_option,
    mapping_option,
    plot_option,
    print_json,
    settings_option,
    using_mappings,
)
from platforms.commands._outputs import check_outputs

if TYPE_CHECKING:
    from platforms.validation.case_report import ValidationReport

SHOWN_FAILURES = 5


@click.command()
@click.argument("arch")
@click.option(
    "--cases",
    "-c",
    required=True,
    type=click.Path(exists=True, dir_okay=False),
    help="Table of cases (.csv).",
)
@settings_option
@click.option("--where", metavar="EXPR", help="Only rows for which this holds: 'rows == 8 and K > 16'.")
@click.option("--group", metavar="COLUMN", help="Also sum up the errors for each value of a column.")
@click.option("--measured", metavar="COLUMN", help="Column with the measured cycles.")
@click.option(
    "--max-mape", type=click.FloatRange(0), help="Exit with 1 if the mean error (percent) is larger."
)
@click.option("--max-error", type=click.FloatRange(0), help="Exit with 1 if any error is larger (percent).")
@click.option("--worst", type=click.IntRange(min=0), default=10, show_default=True, help="Cases to show.")
@click.option("--jobs", "-j", type=click.IntRange(1, 256), help="Processes; by default as many as cores.")
@click.option(
    "--limit",
    type=click.FloatRange(0, min_open=True),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="For each case; one that takes longer has no prediction.",
)
@plot_option
@html_option
@mapping_option
@json_option
def command(
    arch: str,
    cases: str,
    settings: tuple[tuple[str, int | bool | str], ...],
    where: str | None,
    group: str | None,
    measured: str | None,
    max_mape: float | None,
    max_error: float | None,
    worst: int,
    jobs: int | None,
    limit: float,
    plot: str | None,
    html: str | None,
    mappings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare what is predicted for ARCH with the measured cycles of a table of cases.

    ARCH is the name of a shipped platform (see `acadl list`) or a path to an .acadl file. A column with the
    name of a parameter of the description sets it for its row. Exit status 1 if a case cannot be predicted or
    a tolerance is exceeded.
    """
    from platforms.messages import progress_line
    from platforms.validation.cases import validate

    _check_files(arch, cases, mappings, plot, html)
    with using_mappings(mappings):
        report = validate(
            arch,
            cases,
            settings=dict(settings),
            where=where,
            group=group,
            measured=measured,
            workers=jobs or _cores(),
            mapping_files=mappings,
            limit_s=limit,
            progress=progress_line(),
        )
    _warn(report)
    _write(report, arch, mappings, plot, html)
    if as_json:
        print_json(report.to_dict())
    else:
        from platforms.validation.case_tables import print_report

        print_report(report, worst)
    exceeded = _exceeded(report, max_mape, max_error)
    for message in exceeded:
        click.echo(f"error: {message}", err=True)
    if exceeded or report.failed:
        sys.exit(1)


def _check_files(
    arch: str, cases: str, mappings: tuple[str, ...], plot: str | None, html: str | None
) -> None:
    """Before anything is evaluated: whether what is asked for can be written."""
    from platforms.validation.chart import check_format

    if plot is not None:
        check_format(plot)
    read = [("the description", arch), ("the table of cases", cases)]
    check_outputs(
        {"the plot": plot, "the report": html}, [*read, *(("the mapping", file) for file in mappings)]
    )


def _warn(report: ValidationReport) -> None:
    """What the reader has to know beside the figures."""
    from platforms.messages import warn

    if report.unused:
        columns = ", ".join(report.unused)
        warn(f"the prediction does not depend on {columns}: no parameters, and not read by the mapping")
    for failed in report.failed[:SHOWN_FAILURES]:
        warn(f"{report.file}, line {failed.line}: {failed.reason}")
    if len(report.failed) > SHOWN_FAILURES:
        warn(f"and {len(report.failed) - SHOWN_FAILURES} more cases without a prediction")


def _write(
    report: ValidationReport, arch: str, mappings: tuple[str, ...], plot: str | None, html: str | None
) -> None:
    """The files that were asked for."""
    if plot is not None:
        from platforms.validation.case_charts import case_panels
        from platforms.validation.chart import write_chart

        write_chart(report.headline, case_panels(report), plot)
    if html is not None:
        from platforms.validation.case_html import write_validation_html
        from platforms.validation.provenance import description_file, provenance

        settings = {"description": arch, **report.settings}
        if report.where is not None:
            settings["where"] = report.where
        files: list[tuple[str, str | os.PathLike[str]]] = [("description", description_file(arch))]
        files.append(("cases", report.file))
        files += [("mapping", file) for file in mappings]
        write_validation_html(report, provenance(settings, files), html)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _exceeded(report: ValidationReport, max_mape: float | None, max_error: float | None) -> list[str]:
    """The tolerances that do not hold, as sentences."""
    found = []
    if max_mape is not None and report.mape > max_mape:
        found.append(f"the mean error is {report.mape:.4g} %, more than {max_mape:g} %")
    if max_error is not None and report.max_error_percent > max_error:
        found.append(f"the largest error is {report.max_error_percent:.4g} %, more than {max_error:g} %")
    return found
